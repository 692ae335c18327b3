"""The tables behind the analysis: read once, when first needed.

Three are made by indexer/text/build_tables.py (fold.tsv, pinyin_characters.tsv, pinyin_phrases.tsv); a fourth,
glyph_variants.tsv, is kept by hand and goes into fold.tsv. All are text, sorted, with a first line that names source
and licence. A change of any of them is a change of the index (indexer/document.py, ANALYSIS_VERSION).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
BUILT = ("fold.tsv", "pinyin_characters.tsv", "pinyin_phrases.tsv")


def rows(name: str) -> Iterator[list[str]]:
    """The columns of each line of a table, without the line that names its source."""
    with (FOLDER / name).open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            yield line.rstrip("\n").split("\t")


@cache
def simplified() -> dict[str, str]:
    """Every Han character that is written otherwise than its folded form → that form. Both are one character."""
    return {variant: target for target, variants, _ in rows("fold.tsv") for variant in variants}


@cache
def traditional() -> dict[str, str]:
    """Folded character → its usual traditional form, where no knowledge of the word is needed to tell it."""
    return {target: form for target, _, form in rows("fold.tsv") if form}


@cache
def readings() -> dict[str, str]:
    """Folded Han character → its usual syllable, without tone, ü kept (lü)."""
    return {character: syllable for syllable, characters in rows("pinyin_characters.tsv") for character in characters}


@cache
def phrases() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """First two characters → the phrases that are read otherwise than character by character, longest first."""
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for phrase, reading in rows("pinyin_phrases.tsv"):
        found.setdefault(phrase[:2], []).append((phrase, tuple(reading.split(" "))))
    for candidates in found.values():
        candidates.sort(key=lambda candidate: -len(candidate[0]))
    return found
