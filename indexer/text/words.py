"""What a reader typed, as words: quotes, fields, exclusions. The grammar of the search box.

    红楼梦 "曹雪芹" -电视剧 author:高鹗 题名：石头记

White space and punctuation separate words; a quotation is a phrase (" “ 「 『 《); a minus before a word excludes it;
the name of a field and a colon narrow it to that field. Nothing that is typed is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import normalize

from msgspec import Struct

from indexer.text.fold import fold, fold_with_offsets
from indexer.text.tokens import CJK, RUN

MOST_WORDS = 32
MOST_CHARACTERS = 512

FIELD_NAMES = {
    "title": "title", "题名": "title", "书名": "title", "刊名": "title",
    "author": "author", "作者": "author", "责任者": "author", "著者": "author",
    "subject": "subject", "主题": "subject", "主题词": "subject",
    "publisher": "publisher", "出版社": "publisher", "出版者": "publisher",
    "series": "series", "丛书": "series", "丛书名": "series",
    "abstract": "abstract", "摘要": "abstract",
    "isbn": "isbn", "issn": "issn",
    "class": "class", "分类": "class", "分类号": "class", "中图分类号": "class",
}  # fmt: skip
"""What may stand before the colon, folded → the field."""

KEYWORD_NAMES = ("isbn", "issn", "class")
"""Fields that hold numbers, not words."""

_QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』", "《": "》"}
_MARKS = "".join(_QUOTES) + "".join(_QUOTES.values())
_MINUS = re.compile(r"-(?=\S)")
_NAME = re.compile(r"(\w{2,9})\s*:\s*(?=\S)")
_QUOTED = re.compile("|".join(f"{opening}[^{closing}]+{closing}" for opening, closing in _QUOTES.items()))
_BARE = re.compile(rf"[^\s{_MARKS}]+")
# A hyphen, dot or blank inside: what may be an ISBN, ISSN or 统一书号 is kept in one piece.
_NUMBER = re.compile(r"(?:isbn|issn)?[\s:]*[0-9][0-9 .·-]{5,20}[0-9x]", re.IGNORECASE)


class Word(Struct, frozen=True):
    """One word, or one phrase."""

    runs: tuple[str, ...]  # folded, as indexer/text/tokens.py cuts them; several where they touch (c语言: c, 语言)
    written: str  # as typed, in NFKC, without its quotes
    field: str = "any"
    phrase: bool = False  # was quoted: the runs next to each other, in one value
    unwanted: bool = False

    @property
    def is_latin(self) -> bool:
        return len(self.runs) == 1 and self.runs[0].isascii() and self.runs[0][0].isalpha()


class Typed(Struct, frozen=True):
    words: tuple[Word, ...]
    surplus: str = ""  # what was cut off behind the most words or characters


def read_words(text: str, field: str = "any") -> Typed:
    """The words of what was typed; `field` is meant where the text names none."""
    kept, surplus = text[:MOST_CHARACTERS], text[MOST_CHARACTERS:]
    words: list[Word] = []
    plain = normalize("NFKC", kept)
    for start, found in _chunks(plain, field):
        if len(words) + len(found) > MOST_WORDS:
            return Typed(tuple([*words, *found][:MOST_WORDS]), plain[start:] + surplus)
        words += found
    return Typed(tuple(words), surplus)


def _chunks(text: str, default: str) -> Iterator[tuple[int, list[Word]]]:
    if _NUMBER.fullmatch(text.strip()):
        yield 0, [_one(text.strip(), default)]
        return
    at = 0
    while at < len(text):
        start = at
        unwanted = _MINUS.match(text, at)
        at = unwanted.end() if unwanted else at
        name = _NAME.match(text, at)
        field = FIELD_NAMES.get(fold(name[1]), "") if name else ""
        at = name.end() if name and field else at
        match = _QUOTED.match(text, at) or _BARE.match(text, at)
        if match is None:  # white space, or a quotation mark without its fellow
            at += 1
            continue
        at = match.end()
        quoted = match[0][0] in _QUOTES
        written = match[0][1:-1] if quoted else match[0]
        field = field or default
        if quoted or unwanted or field in KEYWORD_NAMES or _NUMBER.fullmatch(written):
            found = [_one(written, field, quoted, unwanted is not None)]
        else:
            found = list(_touching(written, field))
        yield start, [word for word in found if word.runs]


def _one(text: str, field: str, phrase: bool = False, unwanted: bool = False) -> Word:
    return Word(tuple(RUN.findall(fold(text))), text, field, phrase, unwanted)


def _touching(text: str, field: str) -> Iterator[Word]:
    """The words between punctuation, of which the runs touch each other."""
    folded, offsets = fold_with_offsets(text)
    together: list[re.Match[str]] = []
    for match in RUN.finditer(folded):
        if together and match.start() > together[-1].end():
            yield _joined(text, offsets, together, field)
            together = []
        together.append(match)
    if together:
        yield _joined(text, offsets, together, field)


def _joined(text: str, offsets: list[int], together: list[re.Match[str]], field: str) -> Word:
    written = text[offsets[together[0].start()] : offsets[together[-1].end()]]
    return Word(tuple(match.group() for match in together), written, field)


def is_long(run: str) -> bool:
    """Five CJK characters or more: rarely one word, so its bigrams are searched for each by itself."""
    return len(run) > 4 and re.match(f"[{CJK}]", run) is not None
