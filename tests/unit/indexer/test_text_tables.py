"""The tables: up to date, sorted, sourced."""

from __future__ import annotations

import pytest

from indexer.text import tables
from indexer.text.tables import BUILT, FOLDER


def test_tables_are_those_of_the_dictionaries() -> None:
    pytest.importorskip("opencc", reason="opencc is a development dependency")
    pytest.importorskip("pypinyin", reason="pypinyin is a development dependency")
    from indexer.text.build_tables import make_tables

    made = dict(make_tables())
    assert set(made) == set(BUILT)
    for name, text in made.items():
        current = (FOLDER / name).read_text(encoding="utf-8")
        assert current == text, f"{name} is out of date: python -m indexer.text.build_tables"


@pytest.mark.parametrize("name", [*BUILT, "glyph_variants.tsv"])
def test_tables_are_sorted_and_name_their_source(name: str) -> None:
    first, *lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert any(word in first for word in ("Apache-2.0", "MIT", "Unicode License"))
    assert lines == sorted(lines)
    assert len({line.split("\t")[0] for line in lines}) == len(lines)


def test_no_glyph_stands_twice() -> None:
    glyphs = [glyph for _, variants in tables.rows("glyph_variants.tsv") for glyph in variants]
    assert len(glyphs) == len(set(glyphs))


def test_the_fold_table_leads_nowhere_twice() -> None:
    simplified = tables.simplified()
    assert len(simplified) > 5000
    assert not simplified.keys() & set(simplified.values())


def test_traditional_forms_fold_back() -> None:
    for character, form in tables.traditional().items():
        assert tables.simplified()[form] == character


def test_every_reading_is_ascii_but_for_u_with_dots() -> None:
    assert all(syllable.replace("ü", "u").isascii() for syllable in tables.readings().values())
    assert tables.readings()["红"] == "hong"
    assert tables.readings()["绿"] == "lü"
