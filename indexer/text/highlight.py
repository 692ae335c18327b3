"""Marks what a query found, on the original text and in its own script.

As the planner demands: runs of up to four characters and phrases only whole (a lone bigram that 图书馆 shares with
圖書情報 is not marked), longer runs whole, else by their bigrams where all of them are there; Latin words whole; pinyin
and initials mark the characters that they stand for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from indexer.text.fold import fold_with_offsets
from indexer.text.pinyin import sounds, split_pinyin
from indexer.text.planner import cut_word, may_be_pinyin
from indexer.text.tokens import CJK, MOST_INITIALS, bigrams, is_cjk
from indexer.text.words import KEYWORD_NAMES, Word, is_long, read_words

Segment = tuple[str, bool]  # a piece of the text, and whether it is marked
Span = tuple[int, int]

_LATIN = rf"[^\W_{CJK}]"
_BETWEEN = r"[\W_]*"
_NEVER = re.compile("(?!)")


def highlight(original: str, query_text: str) -> list[Segment]:
    """One text; for several with the same query, keep a Highlighter."""
    return Highlighter(query_text).mark(original)


class Highlighter:
    """A query, made ready to mark many texts.

    `relaxed`: the texts were found by the planner's `relaxed`, so the dictionary's words are marked.
    """

    def __init__(self, query_text: str, relaxed: bool = False) -> None:
        words = [w for w in read_words(query_text).words if not w.unwanted and w.field not in KEYWORD_NAMES]
        self._whole = _any_of([piece for word in words for piece in cut_word(word)] if relaxed else words)
        self._loose = [
            (_pattern(word), [re.compile(re.escape(pair)) for run in word.runs if is_cjk(run) for pair in bigrams(run)])
            for word in words
            if not word.phrase and any(map(is_long, word.runs))
        ]
        self._ways = [
            tuple(way)
            for sounding, group in groupby(words, may_be_pinyin)
            if sounding
            for way in split_pinyin(" ".join(word.runs[0] for word in group))
            if len(way) > 1
        ]
        self._initials = {w.runs[0] for w in words if w.is_latin and 2 <= len(w.runs[0]) <= MOST_INITIALS}

    def mark(self, original: str) -> list[Segment]:
        """The text in pieces, of which the joined ones are the text unchanged."""
        folded, offsets = fold_with_offsets(original)
        spans = [match.span() for match in self._whole.finditer(folded)]
        for whole, pairs in self._loose:
            if whole.search(folded) is None and all(pair.search(folded) for pair in pairs):
                spans += (match.span() for pair in pairs for match in pair.finditer(folded))
        if (self._ways or self._initials) and not folded.isascii():
            spans += self._sounding(folded)
        return _segments(original, [(offsets[start], offsets[end]) for start, end in spans])

    def _sounding(self, folded: str) -> Iterable[Span]:
        heard = sounds(folded)
        syllables = tuple(syllable for _, _, syllable in heard)
        for way in self._ways:
            for at in range(len(syllables) - len(way) + 1):
                if syllables[at : at + len(way)] == way:
                    yield heard[at][0], heard[at + len(way) - 1][1]
        if heard and "".join(syllable[0] for syllable in syllables) in self._initials:
            yield heard[0][0], heard[-1][1]


def _any_of(words: Iterable[Word]) -> re.Pattern[str]:
    """Longer words first, so that the longest is marked where two begin alike."""
    patterns = sorted({_pattern(word).pattern for word in words}, key=len, reverse=True)
    return re.compile("|".join(patterns)) if patterns else _NEVER


def _pattern(word: Word) -> re.Pattern[str]:
    """The runs one after the other, with or without something between."""
    parts = [re.escape(run) if is_cjk(run) else rf"(?<!{_LATIN}){re.escape(run)}(?!{_LATIN})" for run in word.runs]
    return re.compile(_BETWEEN.join(parts))


def _segments(text: str, spans: Sequence[Span]) -> list[Segment]:
    found: list[Segment] = []
    done = 0
    for start, end in _united(spans):
        if start > done:
            found.append((text[done:start], False))
        found.append((text[start:end], True))
        done = end
    if done < len(text):
        found.append((text[done:], False))
    return found


def _united(spans: Sequence[Span]) -> list[Span]:
    """In order; those that overlap or touch are one."""
    united: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united
