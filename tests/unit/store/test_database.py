"""The state database: nothing half written, one clear sentence for what is wrong, and a schema that is all migrated."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from mappings.model import Library
from store import libraries
from store.database import Database, all_tables
from store.progress import get_watermark, require_version, set_watermark, take_numbers


def test_the_migrations_make_just_the_tables_that_the_code_knows(database: Database) -> None:
    with database.read() as unit:
        context = MigrationContext.configure(unit, opts={"compare_type": True})
        assert compare_metadata(context, all_tables()) == []


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
