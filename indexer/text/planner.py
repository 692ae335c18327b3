"""From what a reader typed to the neutral query tree. Pure.

Words are ANDed, each a DisMax over the text fields. A run of CJK characters becomes: one → `uni`; two to four → the
phrase of its bigrams; five or more → all its bigrams in one field, better as a phrase. Latin words may also be the
pinyin of a title or name, or its initials; Chinese words are never looked for by sound, so that 红楼梦 does not find
its homophones. Measured on 72,300 titles: recall and precision of both bigram forms are 0.998 or better, a
dictionary's words alone miss 42–77 % of what was typed across their borders. So the dictionary (rjieba) only helps when
nothing was found: `relaxed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

import rjieba

from indexer.engine.protocol import (
    All,
    Any_,
    Boost,
    DisMax,
    Nothing,
    Phrase,
    Query,
    Should,
    Term,
    Without,
)
from indexer.text import tables
from indexer.text.fold import fold
from indexer.text.pinyin import split_pinyin
from indexer.text.tokens import MARKS, MOST_INITIALS, TOKEN_CHARACTERS, borders, is_cjk, tokens
from indexer.text.words import KEYWORD_NAMES, Word, is_long, read_words
from mappings.identifiers import parse

# Starting values, in this order for these reasons: a title that is typed is nearly always meant; another title of the
# same publication or its author nearly as often; series and subjects group many; a publisher groups thousands; an
# abstract merely mentions.
BOOSTS = {"title": 10.0, "alt": 6.0, "author": 6.0, "series": 3.0, "subject": 3.0, "publisher": 1.5, "abstract": 1.0}
PHRASE_BOOST = 2.0  # the whole run in order, over its bigrams anywhere in the field
PINYIN_BOOST = 3.0  # below a title that says the Latin word itself
INITIALS_BOOST = 3.0
NUMBER_BOOST = 50.0  # a keyword scores 1, a word of a title about 100 with its boost

SEARCHED = {
    "any": tuple(BOOSTS),
    "title": ("title", "alt"),
    "author": ("author",),
    "subject": ("subject",),
    "series": ("series",),
    "publisher": ("publisher",),
    "abstract": ("abstract",),
}
"""Field of the search box → text fields."""

_PREFIX = re.compile(r"^is[bs]n[\s:]*|\s", re.IGNORECASE)

SOUNDED = ("title", "author")  # the fields with pinyin; other titles count as titles


def plan_words(text: str, field: str = "any") -> Query:
    """The query for what was typed in the search box of that field (a key of SEARCHED, isbn, issn, class).

    Nothing typed finds everything, nothing but punctuation finds nothing.
    """
    words = read_words(text, field).words
    if not words:
        return Nothing() if text.strip() else All()
    return _plan(words)


def relaxed(text: str, field: str = "any") -> Query | None:
    """The query to try where `plan_words` found nothing: long runs cut into words. None = that changes nothing."""
    words = read_words(text, field).words
    cut = [piece for word in words for piece in cut_word(word)]
    return _plan(cut) if len(cut) > len(words) else None


def cut_word(word: Word) -> list[Word]:
    """A word cut with the dictionary, each piece a phrase; what was quoted or excluded stays."""
    if word.phrase or word.unwanted or word.field in KEYWORD_NAMES or max(map(len, word.runs)) < 3:
        return [word]
    pieces = [piece for run in word.runs for piece in (_dictionary_words(run) if is_cjk(run) else [run])]
    if len(pieces) == 1:
        return [word]
    return [Word((piece,), piece, word.field, phrase=is_cjk(piece)) for piece in pieces]


def _dictionary_words(run: str) -> list[str]:
    """Single characters are glued to the word before them, the first one to the next: alone they say nothing."""
    pieces: list[str] = []
    for piece in rjieba.cut(run):
        if pieces and (len(piece) == 1 or len(pieces[-1]) == 1):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def also_searched(text: str) -> tuple[str, ...]:
    """The other forms in which the words were looked for, to be shown: the other script, or the syllables of pinyin."""
    words = [word for word in read_words(text).words if not word.unwanted and word.field not in KEYWORD_NAMES]
    forms = [" ".join(fold(word.written) for word in words)]
    forms.append("".join(tables.traditional().get(character, character) for character in forms[0]))
    for sounding, group in groupby(words, may_be_pinyin):
        if sounding:
            forms += [" ".join(way) for way in split_pinyin(" ".join(word.runs[0] for word in group)) if len(way) > 1]
    typed = " ".join(word.written for word in words).casefold()
    return tuple(form for form in dict.fromkeys(forms) if form and form != typed)[:8]


# ---------------------------------------------------------------------------------------------- words to queries


def _plan(words: Sequence[Word]) -> Query:
    unwanted = tuple(_word(word) for word in words if word.unwanted)
    wanted: list[Query] = []
    for sounding, group in groupby((word for word in words if not word.unwanted), may_be_pinyin):
        found = list(group)
        if sounding:
            wanted += (_latin(list(same)) for _, same in groupby(found, lambda word: word.field))
        else:
            wanted += (_word(word) for word in found)
    query = wanted[0] if len(wanted) == 1 else All(tuple(wanted))
    return Without(query, unwanted) if unwanted else query


def may_be_pinyin(word: Word) -> bool:
    """Whether the word may be pinyin."""
    searched = word.field == "any" or word.field in SOUNDED
    return searched and not word.phrase and word.is_latin and bool(split_pinyin(word.runs[0]))


def _latin(words: Sequence[Word]) -> Query:
    """Neighbouring words that may be pinyin: as they stand, or as syllables of one title or name."""
    literal = tuple(_word(word) for word in words)
    query = literal[0] if len(literal) == 1 else All(literal)
    ways = [way for way in split_pinyin(" ".join(word.runs[0] for word in words)) if len(way) > 1]
    sounded = [
        Boost(Phrase("py", tuple(MARKS[field] + syllable for syllable in way)), PINYIN_BOOST)
        for way in ways
        for field in SOUNDED
        if words[0].field in ("any", field)
    ]
    return DisMax((query, *sounded)) if sounded else query


def _word(word: Word) -> Query:
    if word.field in KEYWORD_NAMES:
        return _number(word) or Nothing()
    fields = SEARCHED[word.field]
    alternatives: list[Query] = []
    for field in fields:
        query = _in_field(field, word)
        if query is not None:
            alternatives.append(Boost(query, BOOSTS[field]) if len(fields) > 1 else query)
    if word.is_latin and not word.phrase and 2 <= len(word.runs[0]) <= MOST_INITIALS:
        alternatives += (
            Boost(Term("ini", MARKS[field] + word.runs[0]), INITIALS_BOOST)
            for field in SOUNDED
            if word.field in ("any", field)
        )
    if word.field == "any" and not word.phrase and (number := _number(word)) is not None:
        alternatives.append(Boost(number, NUMBER_BOOST))
    if not alternatives:
        return Nothing()
    return alternatives[0] if len(alternatives) == 1 else DisMax(tuple(alternatives))


def _in_field(field: str, word: Word) -> Query | None:
    """The word in one field; None where that field can't tell.

    A single character at either end of several runs (第3版: 第, 3, 版) may be inside a longer run in the record, so
    it is asked for, with its neighbour, through `uni`.
    """
    runs = list(word.runs)
    mark = MARKS.get(field)
    if len(runs) == 1 and _is_single(runs[0]):
        return Term("uni", mark + runs[0]) if mark else None
    edges = borders(runs)
    asked: dict[str, None] = {}
    if _is_single(runs[0]):
        asked[edges[0]] = None
        runs = runs[1:]
    if len(word.runs) > 1 and _is_single(word.runs[-1]):
        asked[edges[-1]] = None
        runs = runs[:-1]
    if asked and not mark:
        return None
    parts: list[Query] = [Term("uni", f"{mark}{edge}"[:TOKEN_CHARACTERS]) for edge in asked]
    if runs:
        loose = not word.phrase and any(map(is_long, runs))
        parts.append(_together(field, tokens(" ".join(runs)), loose))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _together(field: str, found: Sequence[str], loose: bool) -> Query:
    phrase = Phrase(field, tuple(found)) if len(found) > 1 else Term(field, found[0])
    if not loose:
        return phrase
    anywhere = All(tuple(Term(field, token) for token in dict.fromkeys(found)))
    return Should(anywhere, (Boost(phrase, PHRASE_BOOST),))


def _is_single(run: str) -> bool:
    return len(run) == 1 and is_cjk(run)


def _number(word: Word) -> Query | None:
    """The word as a number of the publication, if it looks like one."""
    if word.field == "class":
        value = word.written.strip().upper()
        return _any_of([Term("class_kw", value), Term("number", f"clc:{value}")])
    written = _PREFIX.sub("", word.written)
    if len(written) < 7 or not any(map(str.isdigit, written)):
        return None
    readings = (word.field,) if word.field in ("isbn", "issn") else ("isbn", "issn", "tyshuhao", "cn")
    found = {
        (identifier.type, identifier.value): None
        for reading in readings
        if (identifier := parse(reading, written)) is not None
        and (identifier.status == "valid" or word.field in KEYWORD_NAMES)
    }
    return _any_of(
        Term(type_, value) if type_ in ("isbn", "issn") else Term("number", f"{type_}:{value}")
        for type_, value in found
    )


def _any_of(queries: Iterable[Query]) -> Query | None:
    alternatives = tuple(queries)
    if not alternatives:
        return None
    return alternatives[0] if len(alternatives) == 1 else Any_(alternatives)
