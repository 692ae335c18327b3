"""What is written comes back alike from both databases: text, order, times, bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from bib_store import Shelf
from hypothesis import given
from hypothesis import strategies as st

from mappings.model import BibRecord, Library
from store import harvests, libraries, records
from store.bulk import insert_rows
from store.columns import storable
from store.database import Database
from store.harvests import Counts
from store.libraries import SourceConfig
from store.records import LONGEST_IDENTIFIER

NOW = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)


def raw(identifier: str, source_id: int, seq: int, **other: object) -> dict[str, object]:
    return {
        "source_id": source_id, "identifier": identifier, "seq": seq, "deleted": False, "format": "iso2709",
        "charset": "utf-8", "datestamp": "", "sets": (), "flags": (), "digest": bytes(16), "data": b"",
        "changed_run": 1, "changed_as": "added", "seen_run": 1,
    } | other  # fmt: skip


def source_of(database: Database) -> int:
    with database.write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
        return libraries.put_source(unit, "CLCN/files", "CLCN", "marc_files", SourceConfig(path="/clcn")).id


def test_order_is_by_code_points_whatever_the_locale(database: Database) -> None:
    names = [
        "b",
        "B",
        "a",
        "ä",
        "z",
        "Z",
        "a-b",
        "ab",
        "a b",
        "010",
        "10",
        "9",
        "中",
        "阿",
        "首",
        "𠀀",
        "￥",
        "é",
        "e\u0301",
    ]
    source_id = source_of(database)
    with database.write() as unit:
        records.insert_raw(unit, [raw(name, source_id, n) for n, name in enumerate(names, 1)])
        for name in ("PKU", "BNU", "RUC-2", "RUC", "RUC2"):
            libraries.put_library(unit, Library(name, "某馆", name))
    with database.read() as unit:
        assert [row[1] for row in records.scan_raw(unit)] == sorted(names)
        symbols = [library.symbol for library in libraries.all_libraries(unit)]
    assert symbols == sorted(symbols)


def test_all_rows_of_a_scan_come_however_many_are_fetched_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "BLOCK", 3)
    source_id = source_of(database)
    with database.write() as unit:
        records.insert_raw(unit, [raw(f"馆藏{n:03}", source_id, n) for n in range(1, 11)])
    with database.read() as unit:
        assert [row[1] for row in records.scan_raw(unit)] == [f"馆藏{n:03}" for n in range(1, 11)]


def test_nul_and_half_a_pair_are_replaced_in_text_and_kept_in_bytes(database: Database) -> None:
    source_id = source_of(database)
    with database.write() as unit:
        run = harvests.begin_run(unit, source_id, "", NOW)
        rejection = {
            "run_id": run.id, "source_id": source_id, "record_id": None, "code": "garbage", "identifier": "题\x00名",
            "position": "a\ud800b", "detail": "字节\x00\udfff\x00", "data": b"\x00\xff\xed\xa0\x80",
        }  # fmt: skip
        harvests.add_rejections(unit, [rejection])
        harvests.end_run(unit, run.id, "partial", NOW, message="断了\x00")
        library = Library("RUC", "人大\x00图书馆", "Renmin\ud83d")
        libraries.put_library(unit, library)
        assert libraries.get_source(unit, "CLCN/files\x00") is None
    with database.read() as unit:
        [found] = harvests.rejections(unit, run.id)
        assert (found.identifier, found.position, found.detail) == ("题�名", "a�b", "字节���")
        assert found.data == b"\x00\xff\xed\xa0\x80"
        assert harvests.get_run(unit, run.id).message == "断了�"
        told = libraries.get_library(unit, "RUC")
    assert told is not None
    assert (told.name_zh, told.name_en) == ("人大�图书馆", "Renmin�")


@given(st.text())
def test_whatever_is_storable_stays_as_it_is(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert "\x00" not in kept
    assert len(kept) == len(text)
    assert storable(kept) == kept
    if "\x00" not in text:
        assert kept == text  # the strategy makes no halves of pairs


def test_the_longest_identifier_has_its_place_in_the_index(database: Database) -> None:
    source_id = source_of(database)
    longest = "".join(chr(0x20000 + n * 7919 % 40000) for n in range(LONGEST_IDENTIFIER))  # nothing to compress
    with database.write() as unit:
        records.insert_raw(unit, [raw(longest, source_id, 1)])
        assert list(records.known_records(unit, source_id, [longest])) == [longest]


def test_a_time_is_the_same_in_every_zone_and_none_without_one(database: Database) -> None:
    source_id = source_of(database)
    beijing = NOW.astimezone(timezone(timedelta(hours=8)))
    with database.write() as unit:
        run = harvests.begin_run(unit, source_id, "", beijing)
        harvests.end_run(unit, run.id, "complete", NOW)
        found = harvests.get_run(unit, run.id)
        assert found.started == found.ended == NOW
        assert found.started.utcoffset() == timedelta(0)
        with pytest.raises(Exception, match="no time zone"):
            harvests.begin_run(unit, source_id, "", NOW.replace(tzinfo=None))


def test_a_source_may_promise_any_number(database: Database) -> None:
    source_id = source_of(database)
    with database.write() as unit:
        run = harvests.begin_run(unit, source_id, "", NOW)
        harvests.save_page(unit, run.id, "", 10**30, Counts(), "")
        assert harvests.get_run(unit, run.id).promised == 2**63 - 1


def test_bulk_rows_get_the_defaults_and_keep_every_byte(database: Database) -> None:
    source_id = source_of(database)
    every_byte = bytes(range(256)) * 3
    with database.write() as unit:
        records.insert_raw(unit, [raw("甲", source_id, 2**40, data=every_byte, sets=("期刊", "a"), flags=("x",))])
        records.insert_raw(unit, [])
        [row] = records.changed_raw(unit, 0, 10)
    assert (row.data, row.flags, row.refused, row.seq) == (every_byte, ("x",), "", 2**40)


def test_a_bulk_row_that_is_refused_leaves_nothing(database: Database) -> None:
    source_id = source_of(database)
    with pytest.raises(Exception, match=r"(?i)unique"), database.write() as unit:
        records.insert_raw(unit, [raw("甲", source_id, 1), raw("乙", source_id, 2), raw("甲", source_id, 3)])
    with database.write() as unit:
        assert list(records.scan_raw(unit)) == []
        insert_rows(unit, libraries.library, [])
        records.insert_raw(unit, [raw("甲", source_id, 1)])


def test_more_records_than_a_statement_takes_parameters_are_found(database: Database) -> None:
    shelf = Shelf(database)
    shelf.put(("RUC", "r1", BibRecord("cnmarc", title="红楼梦")))
    with database.read() as unit:
        found = records.known_records(unit, shelf.sources["RUC"], [*(f"x{n}" for n in range(70_000)), "r1"])
        assert list(found) == ["r1"]
        assert [row.record_id for row in records.bibs(unit, range(70_000))] == [shelf.ids["RUC", "r1"]]
