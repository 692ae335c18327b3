"""A state goes from one database to another and back, and is the same."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from full_state import fill
from sqlalchemy import select

from indexer.state import store_hash
from mappings.model import Library
from store import copying, harvests, libraries
from store.copying import LEFT_OUT, copy_state
from store.database import _SETTINGS, IDLE_SECONDS, Database, StoreError, all_tables
from store.leases import WORK, take_lease
from store.progress import take_numbers

NOW = datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, postgres_shared: str) -> Iterator[Database]:
    """An empty database without tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('tmp_path') / 'other' / 'state.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    opened = Database(url)
    yield opened
    opened.close()


def rows_of(database: Database) -> dict[str, list[Any]]:
    with database.read() as unit:
        return {
            table.name: sorted(repr(tuple(row)) for row in unit.execute(select(table)))
            for table in all_tables().sorted_tables
            if table.name not in LEFT_OUT
        }


def test_a_copy_is_the_same_state_and_goes_on_as_the_first_would(database: Database, other: Database) -> None:
    shelf = fill(database)
    before = store_hash(database)
    with database.write() as unit:
        assert take_lease(unit, WORK, "某进程", 60) is None
    told: list[tuple[str, int]] = []
    counts = copy_state(database, other, lambda table, rows: told.append((table, rows)))
    assert store_hash(other) == before
    rows = rows_of(database)
    assert rows_of(other) == rows
    assert counts == {table: len(some) for table, some in rows.items()}
    assert ("raw_record", 4) in told
    with other.write() as unit:  # ids go on behind those that were copied, and nobody is at work there
        assert take_lease(unit, WORK, "另一进程", 60) is None
        libraries.put_library(unit, Library("THU", "清华大学图书馆", "Tsinghua"))
        fresh = libraries.put_source(unit, "THU/oai", "THU", "oai_pmh", libraries.SourceConfig(url="http://x"))
        run = harvests.begin_run(unit, fresh.id, "", NOW)
        assert list(take_numbers(unit, "bib", 1)) == [6]
    assert fresh.id == max(shelf.sources.values()) + 1
    assert run.id == 2


def test_there_and_back_again(database: Database, other: Database, tmp_path_factory: pytest.TempPathFactory) -> None:
    fill(database)
    copy_state(database, other)
    back = Database(f"sqlite:///{tmp_path_factory.mktemp('back') / 'state.db'}")
    copy_state(other, back)
    assert rows_of(back) == rows_of(database)
    assert store_hash(back) == store_hash(database)
    back.close()


def test_a_copy_that_breaks_off_leaves_nothing_open(
    database: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's client warns of a cursor that was left open, and warnings are errors here."""
    fill(database)

    def full(_unit: Any, _table: Any, _rows: Any) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(copying, "insert_rows", full)
    with pytest.raises(StoreError, match="disk is full"):
        copy_state(database, other)
    gc.collect()


@pytest.mark.parametrize("to_postgresql", [True, False])
def test_each_of_the_two_waits_for_the_other(
    migrated_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to_postgresql: bool
) -> None:
    """A large table takes longer than an idle transaction is suffered otherwise."""
    monkeypatch.setattr("store.database._SETTINGS", _SETTINGS.replace(f"'{IDLE_SECONDS}s'", "'100ms'"))
    local, server = Database(f"sqlite:///{tmp_path / 'state.db'}"), Database(migrated_postgres_url)
    source, target = (local, server) if to_postgresql else (server, local)
    source.migrate()
    with source.write() as unit:
        libraries.put_library(unit, Library("THU", "清华大学图书馆", "Tsinghua"))
    counts = copy_state(source, target, lambda _table, _rows: time.sleep(0.3))
    assert counts["library"] == 1
    for opened in (local, server):
        opened.close()


def test_a_database_that_holds_something_is_left_as_it_is(database: Database, other: Database) -> None:
    fill(database)
    other.migrate()
    with other.write() as unit:
        libraries.put_library(unit, Library("THU", "清华大学图书馆", "Tsinghua"))
    before = rows_of(other)
    with pytest.raises(StoreError, match="its table library has rows"):
        copy_state(database, other)
    assert rows_of(other) == before
    with pytest.raises(StoreError, match="can't be copied to itself"):
        copy_state(database, database)


def test_another_schema_is_refused(database: Database, other: Database) -> None:
    with database.write() as unit:
        unit.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError, match="has schema 0000"):
        copy_state(database, other)


@pytest.mark.parametrize("defect", ["a_row_too_few", "another_byte"])
def test_what_is_not_the_same_is_not_kept(
    database: Database, other: Database, monkeypatch: pytest.MonkeyPatch, defect: str
) -> None:
    fill(database)
    right = copying.insert_rows

    def wrong(unit: Any, table: Any, rows: list[dict[str, Any]]) -> None:
        if table.name == "rejection":
            rows = [row | {"data": b"\x00\xfe"} for row in rows] if defect == "another_byte" else rows[1:]
        right(unit, table, rows)

    monkeypatch.setattr(copying, "insert_rows", wrong)
    with pytest.raises(StoreError, match="rejection is not the same"):
        copy_state(database, other)
    assert not any(rows_of(other).values())
