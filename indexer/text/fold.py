"""The fold: what two spellings of the same text have in common.

NFKC, case folded, accents stripped from Latin letters (only: が and й are letters of their own), every Han character
mapped to one simplified character. Invariants: fold(fold(x)) == fold(x), and one Han character stays one character.
"""

from __future__ import annotations

import re
from functools import cache
from unicodedata import combining, is_normalized, normalize

from indexer.text import tables

_LATIN = (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))
# Latin letters that Unicode does not take apart, as catalogues without them write them.
_LATIN_WHOLE = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
# Apostrophes that Unicode calls letters: Ts‘ao is written with ʻ in ALA-LC romanisation.
_APOSTROPHES = "ʹʺʻʼʽʾʿˈ"
# Seen by nobody, and between two letters they would cut the word.
_INVISIBLE = (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0xFE00, 0xFE10),
              0xFEFF, *range(0xE0100, 0xE01F0))  # fmt: skip
_STRAY_ACCENT = re.compile("(?<=[a-z])[\u0300-\u036f]+")
# Text for which one pass is the end, and of which every character becomes exactly one: ASCII, Latin with accents but
# for ß, ŉ and their like, CJK signs, kana, Han, full-width ASCII.
_PLAIN = (
    "\x00-\x7f\xa1-\xa7\xa9\xab\xac\xae\xb0-\xb3\xb5-\xb7\xb9\xbb\xbf-\xc5\xc7-\xdd\xe0-\xe5\xe7-\xfd\xff-\u012f"
    "\u0134-\u013e\u0141-\u0148\u014a-\u0151\u0154-\u017e\u2010-\u2016\u2018-\u201f\u2022"
    "\u3000-\u3029\u3030-\u3035\u3041-\u3096\u30a1-\u30fe\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff5d"
    "\U00020000-\U0002f7ff\U00030000-\U000323af"
)
_ODD = re.compile(f"[^{_PLAIN}]")
_UNIT = re.compile(f"[{_PLAIN}](?![^{_PLAIN}])|.[^{_PLAIN}]*", re.DOTALL)


@cache
def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {ord(variant): target for variant, target in tables.simplified().items()}
    for code in _LATIN:
        base = normalize("NFD", chr(code))[0]
        if base.isascii() and base.isalpha():
            table[code] = base.lower()
    table |= {ord(letter): plain for letter, plain in _LATIN_WHOLE.items()}
    table |= {ord(sign): "'" for sign in _APOSTROPHES}
    return table | dict.fromkeys(_INVISIBLE, None)


def _plain(text: str) -> str:
    if not is_normalized("NFKC", text):
        text = normalize("NFKC", text)
    return text.casefold().translate(_table())


def fold(text: str) -> str:
    """The folded text: equal for 紅樓夢, 红楼梦; ＨＬＭ, hlm; Müller, muller."""
    if text.isascii():
        return text.lower()
    if _ODD.search(text) is None:
        return _plain(text)
    # Rare signs may take several turns (a ligature of capitals, an accent on what only now is Latin).
    folded = ""
    while folded != text:
        folded, text = text, _STRAY_ACCENT.sub("", _plain(text))
    return folded


def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters where in the text it comes from; one more at the end.

    folded[i:j] comes from text[offsets[i]:offsets[j]].
    """
    folded = fold(text)
    if _ODD.search(text) is None:
        return folded, list(range(len(text) + 1))
    pieces: list[str] = []
    offsets: list[int] = []
    for unit in _UNIT.finditer(text):
        for start, piece in _letters(unit.group(), unit.start()):
            pieces.append(piece)
            offsets += [start] * len(piece)
    if "".join(pieces) != folded:  # signs that act over a distance: the text is one piece
        return folded, [0] * len(folded) + [len(text)]
    return folded, [*offsets, len(text)]


def _letters(unit: str, start: int) -> list[tuple[int, str]]:
    """(place, folded) of each letter with its marks; the whole unit at once where its letters act on each other."""
    places = [0, *(i for i in range(1, len(unit)) if not combining(unit[i]))]
    ends = [*places[1:], len(unit)]
    letters = [(start + a, fold(unit[a:b])) for a, b in zip(places, ends, strict=True)]
    whole = fold(unit)
    return letters if "".join(piece for _, piece in letters) == whole else [(start, whole)]
