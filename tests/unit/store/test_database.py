"""The state database: nothing half written, one clear sentence for what is wrong, and a schema that is all migrated."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from mappings.model import Library
from store import libraries
from store.database import Database, StoreError, metadata
from store.progress import get_watermark, require_version, set_watermark, take_numbers


def test_the_migrations_make_just_the_tables_that_the_code_knows(database: Database) -> None:
    with database.read() as unit:
        context = MigrationContext.configure(unit, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    before = database.revision()
    database.migrate()
    assert database.revision() == before


def test_nothing_of_a_failed_transaction_stays(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
        take_numbers(unit, "raw", 5)
        raise ZeroDivisionError
    with database.write() as unit:
        assert libraries.all_libraries(unit) == []
        assert list(take_numbers(unit, "raw", 2)) == [1, 2]


def test_numbers_only_grow(database: Database) -> None:
    taken: list[int] = []
    for count in (3, 0, 1, 2):
        with database.write() as unit:
            taken += take_numbers(unit, "raw", count)
    assert taken == [1, 2, 3, 4, 5, 6]


def test_a_stage_begins_anew_under_other_rules(database: Database) -> None:
    with database.write() as unit:
        assert not require_version(unit, "normalise", "a")
        set_watermark(unit, "normalise", 9)
        assert not require_version(unit, "normalise", "a")
        assert get_watermark(unit, "normalise") == 9
        assert require_version(unit, "normalise", "b")
        assert get_watermark(unit, "normalise") == 0


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("首都图书馆" * 500, encoding="utf-8")
    with pytest.raises(StoreError, match="no Tongcang database"):
        Database(f"sqlite:///{tmp_path / 'state.db'}").migrate()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be made"):
        Database(f"sqlite:///{tmp_path / 'file' / 'state.db'}").migrate()


def test_a_full_disk_refuses_the_transaction_and_keeps_what_was_there(database: Database) -> None:
    with database.write() as unit:
        libraries.put_library(unit, Library("THU", "清华大学图书馆", "Tsinghua University Library"))
        pages = unit.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(StoreError, match="disk is full"), database.write() as unit:
        unit.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for number in range(5000):
            libraries.put_library(unit, Library(f"L{number}", "满" * 200, "full"))
    with database.write() as unit:
        unit.exec_driver_sql("PRAGMA max_page_count=1000000")
        assert [library.symbol for library in libraries.all_libraries(unit)] == ["THU"]
