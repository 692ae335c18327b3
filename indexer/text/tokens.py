"""From folded text to the tokens that both engines index, and the texts of the derived fields.

A run of Han, kana and hangul becomes overlapping bigrams (红楼梦 → 红楼 楼梦), a lone one stays; every other word stays
whole; punctuation only separates. Words and runs are neighbours with or without a space: C语言 and C 语言 are c, 语言.
So a bigram phrase finds any substring of two characters or more, but a single character at the border of a run
(第 in 修订第3版, of which the tokens are 修订, 订第, 3, 版) is found only through the field `uni`.

`uni`, `py` and `ini` serve several fields at once: their tokens begin with the mark of the field they come from.
No token of a text field begins so, and no query can spell a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from indexer.text.fold import fold

TOKEN_CHARACTERS = 64  # Lucene's whitespace tokenizer cuts at 255, and nobody types longer words
PREFIX_CHARACTERS = 8
MOST_INITIALS = 8  # who types more letters means no initials

GAP = "_gap_"  # between two values, so that no phrase reaches from one into the other
NOTHING = "_"  # an empty field: both engines must count it when they average lengths
MARKS = {"title": "t", "author": "a", "subject": "s", "series": "r", "publisher": "p"}

# Han with 々〆〇, kana with ー, bopomofo, hangul, Yi; the planes 2 and 3.
CJK = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b\u303c\u3041-\u3096\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua000-\ua48f\ua960-\ua97f\uac00-\ud7fb\uf900-\ufaff\U00020000-\U0003ffff"
)
RUN = re.compile(f"[{CJK}]+|[a-z](?:\\+\\+|#)|[^\\W_{CJK}]+")
_IS_CJK = re.compile(f"[{CJK}]")


def runs(folded: str) -> list[str]:
    """The runs of CJK characters and the other words, in order."""
    return RUN.findall(folded)


def is_cjk(run: str) -> bool:
    return _IS_CJK.match(run) is not None


def bigrams(run: str) -> list[str]:
    return [a + b for a, b in pairwise(run)] if len(run) > 1 else [run]


def tokens(folded: str) -> list[str]:
    """The tokens of a folded text, in order."""
    found: list[str] = []
    for run in RUN.findall(folded):
        if run.isascii() or not is_cjk(run):
            found.append(run[:TOKEN_CHARACTERS])
        else:
            found += bigrams(run)
    return found


def join_values(values: Iterable[str]) -> str:
    """A field's text of the joined tokens of its values: a gap between two, the sentinel where there is none."""
    return f" {GAP} ".join(filter(None, values)) or NOTHING


def field_text(values: Iterable[str]) -> str:
    """A text field of these values, folded here."""
    return join_values(" ".join(tokens(fold(value))) for value in values)


def borders(found: Sequence[str]) -> list[str]:
    """Where two runs meet and one of them is CJK: the last character or word of one with the first of the next."""
    kinds = [not run.isascii() and is_cjk(run) for run in found]
    return [
        (left[-1] if left_cjk else left) + (right[0] if right_cjk else right)
        for (left, right), (left_cjk, right_cjk) in zip(pairwise(found), pairwise(kinds), strict=True)
        if left_cjk or right_cjk
    ]


def single_tokens(mark: str, folded: str) -> list[str]:
    """`uni`: the distinct CJK characters of a text and the borders of its runs, marked."""
    if folded.isascii():
        return []
    found = RUN.findall(folded)
    characters = dict.fromkeys(chain.from_iterable(run for run in found if not run.isascii() and is_cjk(run)))
    if len(found) > 1:
        characters |= dict.fromkeys(borders(found))
    return [(mark + token)[:TOKEN_CHARACTERS] for token in characters]


def prefix_key(folded: str) -> str:
    """What suggestions compare: the words of a folded text without anything between them (C++ 程序 → c++程序)."""
    return "".join(RUN.findall(folded))


def prefixes(key: str) -> list[str]:
    return [key[:length] for length in range(1, min(len(key), PREFIX_CHARACTERS) + 1)]
