"""Union records in the store: found by key and by number, counted, made tombstones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bib_store import empty_database

from mappings.model import BibRecord, Holder, UnionRecord, encode, union_id
from store import unions
from store.database import Database
from store.packing import pack
from store.unions import UnionWrite


@pytest.fixture
def database() -> Iterator[Database]:
    opened = empty_database()
    yield opened
    opened.close()


def record(key: int, title: str = "红楼梦", libraries: str = "BNU") -> UnionRecord:
    holders = tuple(Holder(symbol) for symbol in libraries.split())
    return UnionRecord(union_id(key), BibRecord("cnmarc", title=title), holders=holders)


def write(key: int, title: str = "红楼梦", libraries: str = "BNU", *numbers: tuple[str, str]) -> UnionWrite:
    data = encode(record(key, title, libraries))
    return UnionWrite(key, data[:16], libraries, pack(data), numbers)


def test_put_and_get(database: Database) -> None:
    with database.write() as unit:
        unions.put_unions(unit, [(1, write(7)), (2, write(2**40 - 1, "史記"))], [])
        assert unions.get_union(unit, 7) == record(7)
        assert unions.get_union(unit, 8) is None
        assert unions.get_unions(unit, [7, 2**40 - 1, 5]) == {7: record(7), 2**40 - 1: record(2**40 - 1, "史記")}
        assert not unions.is_tombstone(unit, 7)
        assert not unions.is_tombstone(unit, 8)


def test_found_by_each_of_its_numbers(database: Database) -> None:
    isbn, calis = ("isbn", "9787020002207"), ("calis", "012000123456")
    with database.write() as unit:
        unions.put_unions(
            unit, [(1, write(9, "红楼梦", "BNU", isbn, calis, isbn)), (2, write(3, "紅樓夢", "RUC", isbn))], []
        )
        assert unions.find_by_identifier(unit, *isbn) == [3, 9]
        assert unions.find_by_identifier(unit, *isbn, limit=1) == [3]
        assert unions.find_by_identifier(unit, *calis) == [9]
        assert unions.find_by_identifier(unit, "oclc", "9787020002207") == []
        unions.put_unions(unit, [], [(3, write(9, "红楼梦", "BNU", calis))])
        assert unions.find_by_identifier(unit, *isbn) == [3]


def test_an_endless_number_is_cut_alike_when_written_and_asked(database: Database) -> None:
    endless = ("other", "号" * 5000)
    with database.write() as unit:
        unions.put_unions(unit, [(1, write(9, "红楼梦", "BNU", endless, ("other", "号" * 4000)))], [])
        assert unions.find_by_identifier(unit, *endless) == [9]


def test_a_tombstone_stays_and_may_come_to_life(database: Database) -> None:
    with database.write() as unit:
        unions.put_unions(unit, [(1, write(9, "红楼梦", "BNU", ("isbn", "9787020002207")))], [])
        unions.bury_unions(unit, [(2, 9)])
        assert unions.is_tombstone(unit, 9)
        assert unions.get_union(unit, 9) is None
        assert unions.find_by_identifier(unit, "isbn", "9787020002207") == []
        (row,) = unions.changed_unions(unit, 0, 10)
        assert (row.key, row.seq, row.deleted, row.data) == (9, 2, True, b"")
        assert list(unions.scan_unions(unit)) == []
        unions.put_unions(unit, [], [(3, write(9))])
        assert not unions.is_tombstone(unit, 9)
        (row,) = unions.changed_unions(unit, 2, 10)
        assert row.data == encode(record(9))


def test_counts_by_library_up_to_a_number(database: Database) -> None:
    rows = [
        (1, write(1, "甲", "BNU RUC")),
        (2, write(2, "乙", "RUC")),
        (3, write(3, "丙", "BNU RUC")),
        (4, write(4, "丁", "")),
    ]
    with database.write() as unit:
        unions.put_unions(unit, rows, [])
        assert unions.count_unions(unit) == 4
        assert unions.count_unions(unit, 2) == 2
        assert unions.count_by_library(unit) == {"BNU": 2, "RUC": 3}
        assert unions.count_by_library(unit, 2) == {"BNU": 1, "RUC": 2}
        unions.bury_unions(unit, [(5, 1)])
        assert unions.count_by_library(unit) == {"BNU": 1, "RUC": 2}
        assert unions.count_unions(unit) == 3


def test_changes_in_the_order_of_their_numbers(database: Database) -> None:
    with database.write() as unit:
        unions.put_unions(unit, [(5, write(1)), (3, write(2)), (4, write(3))], [])
        assert [row.key for row in unions.changed_unions(unit, 0, 2)] == [2, 3]
        assert [row.key for row in unions.changed_unions(unit, 4, 2)] == [1]
        assert unions.union_digests(unit, [1, 9]) == {1: write(1).digest}
