"""Cataloguing and writing: the dialects, the quirks, and that pymarc reads what is written."""

from __future__ import annotations

import io
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pymarc
import pytest
from lxml import etree

from tongcang.sample.cataloguing import D, Marc, Variation, catalogue, vary
from tongcang.sample.damage import GARBAGE, HARMLESS, KINDS
from tongcang.sample.generate import SYMBOLS, generate
from tongcang.sample.habits import HABITS, holders
from tongcang.sample.publications import Publication, publications
from tongcang.sample.writing import iso2709, marcxml

BY_SYMBOL = {habit.library.symbol: habit for habit in HABITS}


def dream() -> Publication:
    """红楼梦 of 1996: two volumes, second edition."""
    return next(one for one in publications(1) if one.isbn == "9787020002207" and one.year == 1996)


def values(record: Marc, tag: str) -> list[str]:
    return [content.replace(D, "$") for found, content in record.fields if found == tag]


def catalogued(symbol: str, publication: Publication, variation: Variation = Variation(), **more: int) -> Marc:  # noqa: B008
    return catalogue(publication, BY_SYMBOL[symbol], variation, Random(1), **more)


def test_cnmarc_with_pinyin_beside_each_subfield() -> None:
    record = catalogued("RUC", dream())
    assert values(record, "200") == ["1 $a红楼梦$Ahong lou meng$f(清)曹雪芹, (清)高鹗著"]
    assert values(record, "010") == ["  $a7-02-000220-X$dCNY" + values(record, "010")[0].partition("CNY")[2]]
    assert values(record, "517") == ["1 $a石头记$Ashi tou ji"]
    assert values(record, "701")[0] == " 0$c(清)$a曹雪芹$Acao xue qin$f(约1715-约1763)$4著"
    assert len(values(record, "100")[0]) == len("  $a") + 36
    assert record.leader[20:] == "450 "


def test_cnmarc_of_the_capital_library_has_pinyin_of_the_field_and_its_numbers() -> None:
    record = catalogued("CLCN", dream())
    assert values(record, "200")[0].startswith("1 $a红楼梦$9hong lou meng$b专著$f")
    assert values(record, "049")[0].startswith("  $aA110000CLCN$b")


def test_marc21_romanised_has_880_twins() -> None:
    record = catalogued("THU", dream())
    title = values(record, "245")[0]
    twins = values(record, "880")
    number = title.partition("$6880-")[2][:2]
    assert title.partition("$a")[2].startswith("Hong lou meng")
    twin = next(one for one in twins if one[3:].startswith(f"6245-{number}/$1"))
    assert "$a红楼梦" in twin or "$a紅樓夢" in twin
    assert len(values(record, "008")[0]) == 40


def test_marc21_in_characters_has_none() -> None:
    record = catalogued("BUPT", dream())
    assert values(record, "245")[0].startswith("10$a红楼梦 /$c曹雪芹 著 ; 高鹗 著")
    assert not values(record, "880")


@pytest.mark.parametrize(
    ("variation", "tag", "expected"),
    [
        (Variation(odd_role=" "), "701", "$4 著"),
        (Variation(odd_role="着"), "701", "$4着"),
        (Variation(joined_people=True), "701", "$a曹雪芹，高鹗"),
        (Variation(joined_subjects=True), "606", "$a章回小说；长篇小说"),
        (Variation(gift_price=True), "010", "$dCNY赠"),
        (Variation(isbn_in_011=True), "011", "$a7-02-000220-X"),
        (Variation(short_publisher=True), "210", "$c人民文学$d"),
        (Variation(month=6), "210", "$d1996.06"),
        (Variation(fill="#"), "100", "####"),
    ],
)
def test_quirks_of_real_cnmarc(variation: Variation, tag: str, expected: str) -> None:
    assert expected in values(catalogued("RUC", dream(), variation), tag)[0]


def test_a_parallel_title_may_begin_with_an_equals_sign() -> None:
    translation = next(one for one in publications(1) if one.parallel == "The old man and the sea")
    assert "$d= The old man and the sea" in values(catalogued("BJTU", translation, Variation(equals=True)), "200")[0]


def test_volumes_tell_the_isbn_of_their_set() -> None:
    volume = next(one for one in publications(1) if one.isbn_set)
    assert values(catalogued("BJTU", volume), "010")[1].endswith("$b全套")
    assert values(catalogued("BUPT", volume), "020")[1].endswith("(全套)")


@pytest.mark.parametrize(
    ("symbol", "tags"),
    [
        ("RUC", {"905"}),
        ("BNU", {"905", "906", "935", "AVA"}),
        ("THU", {"852", "876"}),
        ("BUPT", {"852"}),
        ("PKUHSC", {"905"}),
    ],
)
def test_holdings_stand_in_the_fields_of_each_library(symbol: str, tags: set[str]) -> None:
    found = {tag for tag, _ in catalogued(symbol, dream()).fields}
    assert found & {"905", "906", "935", "AVA", "852", "876"} == tags


def test_serials_tell_what_is_held() -> None:
    journal = next(one for one in publications(1) if one.issn == "0252-3116")
    assert "$v" in values(catalogued("RUC", journal), "905")[0]
    assert "$y" in values(catalogued("RUC", journal), "905")[0]
    assert "$vfrom:" in values(catalogued("BNU", journal), "AVA")[0]
    assert values(catalogued("THU", journal), "866")


def test_a_revision_brings_one_more_copy() -> None:
    before, after = (values(catalogued("RUC", dream(), revision=revision), "905")[0] for revision in (0, 1))
    assert after.count("$b") == before.count("$b") + 1


def test_pymarc_reads_every_record_of_every_library(tmp_path: Path) -> None:
    path = tmp_path / "all.mrc"
    manifest = generate(800, path, seed=7)
    with path.open("rb") as file:
        records = list(pymarc.MARCReader(file, force_utf8=True))
    assert len(records) == manifest.records == 800
    assert None not in records
    assert len({record["001"].value() for record in records if record}) == 800
    for record in records:
        title = record.get("200") or record["245"]
        assert title.get("a")


def test_pymarc_and_the_xml_writer_agree() -> None:
    rng = Random(3)
    for publication in islice(publications(3), 40):
        for habit in holders(publication, rng):
            record = catalogue(publication, habit, vary(rng, habit), rng)
            (read,) = pymarc.MARCReader(iso2709(record), force_utf8=True)
            (parsed,) = pymarc.parse_xml_to_array(io.BytesIO(marcxml(record, namespace=True).encode()))
            assert [str(field) for field in read.fields] == [str(field) for field in parsed.fields]


def test_gb18030_is_written_whatever_the_leader_says() -> None:
    record = catalogued("USTB", dream())
    assert record.fields[-1][1].encode("gb18030") in iso2709(record, "gb18030")


def test_markup_in_a_title_is_escaped() -> None:
    record = Marc("00000nam0 2200000   450 ", [("001", "1"), ("200", f'1 {D}a<史记> & "汉书"')])
    subfield = etree.fromstring(marcxml(record, namespace=True)).findtext(".//{*}subfield")
    assert subfield == '<史记> & "汉书"'


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(300, tmp_path / name, seed=seed, damage_every=20)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_only_the_libraries_asked_for_are_in_it(tmp_path: Path) -> None:
    generate(50, tmp_path / "two.mrc", libraries={"THU", "BUPT"})
    pieces = (tmp_path / "two.mrc").read_bytes().split(b"\x1d")[:-1]
    assert {piece.split(b"\x1e")[1][:3] for piece in pieces} == {b"THU", b"BUP"}
    assert len(SYMBOLS) == 8


def test_damage_touches_only_the_records_in_its_account(tmp_path: Path) -> None:
    generate(3000, tmp_path / "whole.mrc")
    manifest = generate(3000, tmp_path / "damaged.mrc", damage_every=25)
    damaged = (tmp_path / "damaged.mrc").read_bytes()
    named = {identifier: kind for kind, names in manifest.damage.items() for identifier in names}
    assert set(manifest.damage) == set(KINDS)
    assert 60 < len(named) < 200
    kept = Counter[str]()
    for piece in (tmp_path / "whole.mrc").read_bytes().split(b"\x1d")[:-1]:
        kind = named.get(piece.split(b"\x1e")[1].decode(), "")
        kept[kind] += piece + b"\x1d" in damaged
        if kind in HARMLESS - {"bad_length"}:
            assert piece + b"\x1d" in damaged
        elif kind == "bad_length":
            assert piece[5:] + b"\x1d" in damaged
    assert kept[""] == 3000 - len(named)
    assert kept["directory"] == kept["no_terminator"] == kept["invalid_bytes"] == 0
    assert damaged.count(GARBAGE) == len(manifest.damage["garbage"])


def test_every_library_has_a_name_in_both_languages() -> None:
    symbols = {habit.library.symbol: habit.library for habit in HABITS}
    assert [habit.place for habit in HABITS] == list(range(1, 9))
    nodes = {symbol for symbol, library in symbols.items() if library.role == "node"}
    assert nodes == {"RUC", "PKUHSC", "BNU", "BJTU", "USTB", "BUPT"}
    assert (symbols["CLCN"].role, symbols["CLCN"].consortium) == ("capital", "CAPITAL")
    assert all(library.name_zh and library.name_en for library in symbols.values())


def test_libraries_hold_what_they_collect() -> None:
    rng = Random(1)
    medicine = [one for one in islice(publications(1), 3000) if one.clc.startswith("R") and one.kind == "book"]
    held = Counter(habit.library.symbol for one in medicine for habit in holders(one, rng))
    assert held["PKUHSC"] > 1.3 * held["BJTU"]
