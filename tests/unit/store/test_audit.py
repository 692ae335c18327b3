"""The audit is only ever added to, also by whoever has the database in hand, and has no personal data."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from store.audit import COMMAND, Actor, audit, entries, record
from store.copying import copy_state
from store.database import Database

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
OFFICER = Actor(4711, "session", ("requester", "supplier"), "CLCN", "req-1", 99)


def add(database: Database) -> None:
    with database.write() as unit:
        record(unit, OFFICER, "account.register", "account 12", NOW, None, {"library": "CLCN"})
        record(unit, COMMAND, "account.roles", "account 12", NOW, {"roles": ["reader"]}, {"roles": ["admin"]})


def test_entries_tell_who_did_what_newest_first(database: Database) -> None:
    add(database)
    with database.read() as unit:
        last, first = entries(unit)
        assert [entry.id for entry in entries(unit, library="CLCN")] == [first.id]
        assert [entry.id for entry in entries(unit, action="account.roles")] == [last.id]
        assert entries(unit, object="account 12", before_id=last.id) == [first]
        assert entries(unit, object="account 13") == []
        assert entries(unit, limit=1) == [last]
    assert (first.who, first.way, first.roles, first.library) == (4711, "session", ("requester", "supplier"), "CLCN")
    assert (first.before, first.after, first.request_id, first.at) == ({}, {"library": "CLCN"}, "req-1", NOW)
    assert (first.key_id, last.key_id) == (99, 0)
    assert (last.who, last.way, last.before) == (0, "command", {"roles": ["reader"]})


@pytest.mark.parametrize(
    "statement",
    [
        update(audit).values(who=1),
        update(audit).where(audit.c.id == 1).values(after="{}"),
        delete(audit),
        delete(audit).where(audit.c.who == 4711),
    ],
)
def test_nobody_changes_or_takes_out_an_entry(database: Database, statement: object) -> None:
    add(database)
    with database.read() as unit:
        before = entries(unit)
    with pytest.raises(DBAPIError, match="audit is only ever added to"), database.write() as unit:
        unit.execute(statement)  # type: ignore[call-overload]
    with database.read() as unit:
        assert entries(unit) == before
        assert len(before) == 2


def test_ways_round_the_triggers_for_rows_are_refused_too(database: Database) -> None:
    add(database)
    statement = "TRUNCATE audit"
    if database.is_sqlite:
        columns = "id, at, 1, way, roles, library, action, object, before, after, '', 0"
        statement = f"INSERT OR REPLACE INTO audit SELECT {columns} FROM audit"
    with pytest.raises(DBAPIError, match="audit is only ever added to"), database.write() as unit:
        unit.execute(text(statement))
    with database.read() as unit:
        assert len(entries(unit)) == 2


@pytest.mark.parametrize(
    "told", [{"email": "a@b.cn"}, {"contact": {"phone": "1"}}, {"rows": [{"name": "王芳"}]}, {"login": "wang"}]
)
def test_personal_data_do_not_get_in(database: Database, told: dict[str, object]) -> None:
    for before, after in ((told, None), (None, told)):
        with pytest.raises(ValueError, match="personal data"), database.write() as unit:
            record(unit, OFFICER, "x", "account 1", NOW, before, after)
    with database.read() as unit:
        assert entries(unit) == []


def test_an_entry_of_a_change_that_failed_is_not_there(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as unit:
        record(unit, OFFICER, "x", "y", NOW)
        raise ZeroDivisionError
    with database.read() as unit:
        assert entries(unit) == []


def test_a_copied_audit_is_the_same_and_as_safe(database: Database, postgres_url: str) -> None:
    add(database)
    target = Database(postgres_url)
    assert copy_state(database, target)["audit"] == 2
    with database.read() as unit, target.read() as copied:
        assert entries(copied) == entries(unit)
    with pytest.raises(DBAPIError, match="audit is only ever added to"), target.write() as unit:
        unit.execute(delete(audit))
    with target.write() as unit:
        record(unit, OFFICER, "x", "y", NOW)
        assert len(entries(unit)) == 3
    target.close()
