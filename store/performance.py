"""What libraries have done with what they were asked: tallies, trust in single holdings, and corrections to holdings.

All of it follows from the events of requests and can be counted again from them (`routing.learning`). What a tally or a
trust consists of is the business of routing/estimates.py; here it is JSON under a key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Index, Integer, Table, Text, delete, desc, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from store.columns import Instant, Words
from store.database import Unit, metadata
from store.records import chunks

EMPTY = "{}"
"""JSON of a tally under which nothing was counted yet."""

tally = Table(
    "tally",
    metadata,
    Column("key", Words, primary_key=True),
    Column("data", Text, nullable=False),  # JSON
)

holding_trust = Table(
    "holding_trust",
    metadata,
    Column("record", Words, primary_key=True),  # id of the union record
    Column("library", Words, primary_key=True),
    Column("data", Text, nullable=False),  # JSON
)

correction = Table(
    "correction",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("library", Words, nullable=False),
    Column("record", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("request_id", Integer, nullable=False),
    Column("entry", Integer, nullable=False),
    Column("code", Words, nullable=False),  # NotHeld, NotOnShelf: what the library said of its holding
    Column("wanted", Words, nullable=False),  # volume, issue or year that was asked for; "" = the whole
    Column("opened", Instant, nullable=False),
    Column("closed", Instant),
    Column("result", Words, nullable=False),  # holding_wrong, holding_right; "" while it is open
    Column("note", Words, nullable=False),
    Index("ix_correction_library", "library", "closed"),
)


class Correction(Struct, frozen=True):
    """A holding that a library has said it does not have: to be looked at by its cataloguers."""

    id: int
    library: str
    record: str
    title: str
    request_id: int
    entry: int
    code: str
    wanted: str
    opened: datetime
    closed: datetime | None
    result: str
    note: str


def tallies(unit: Unit, keys: Collection[str]) -> dict[str, str]:
    """The JSON of those that there are, by key."""
    found: dict[str, str] = {}
    for some in chunks(sorted(keys)):
        found |= {
            row[0]: row[1] for row in unit.execute(select(tally.c.key, tally.c.data).where(tally.c.key.in_(some)))
        }
    return found


def put_tallies(unit: Unit, values: Mapping[str, str]) -> None:
    """Store them; those that there are already should have been locked."""
    for key in sorted(values):  # in one order, so that two writers never wait for each other
        if unit.execute(update(tally).where(tally.c.key == key).values(data=values[key])).rowcount == 0:
            unit.execute(insert(tally).values(key=key, data=values[key]))


def lock_tallies(unit: Unit, keys: Collection[str]) -> dict[str, str]:
    """As `tallies`, for a change: nobody else changes them while this transaction lasts. A key that there was not is
    there then, empty: of two who are the first to count under it, the second waits here."""
    c = tally.c
    dialect = sqlite if unit.dialect.name == "sqlite" else postgresql
    for key in sorted(keys):
        unit.execute(dialect.insert(tally).values(key=key, data=EMPTY).on_conflict_do_nothing(index_elements=["key"]))
    query = select(c.key, c.data).where(c.key.in_(sorted(keys))).order_by(c.key).with_for_update()
    return {row[0]: row[1] for row in unit.execute(query)}


def hold_tallies(unit: Unit) -> None:
    """Nobody else counts anything while this transaction lasts."""
    if unit.dialect.name == "postgresql":  # on SQLite a writer is alone anyway
        unit.execute(text("LOCK TABLE tally IN EXCLUSIVE MODE"))


def trust_in(unit: Unit, record: str, libraries: Collection[str]) -> dict[str, str]:
    """The JSON of what is known of the record's holdings, by library."""
    return dict(trust_in_any(unit, [record], libraries))


def trust_in_any(unit: Unit, records: Collection[str], libraries: Collection[str]) -> list[tuple[str, str]]:
    """(library, JSON) of what is known of a holding of any of the records, one for each record that a library holds."""
    c = holding_trust.c
    theirs = c.record.in_(sorted(records)), c.library.in_(sorted(libraries))
    rows = unit.execute(select(c.library, c.data).where(*theirs).order_by(c.record, c.library))
    return [(row[0], row[1]) for row in rows]


def put_trust(unit: Unit, record: str, library: str, data: str) -> None:
    c = holding_trust.c
    at = (c.record == record) & (c.library == library)
    if unit.execute(update(holding_trust).where(at).values(data=data)).rowcount == 0:
        unit.execute(insert(holding_trust).values(record=record, library=library, data=data))


def forget_performance(unit: Unit) -> None:
    """To be counted again from the events."""
    unit.execute(delete(tally))
    unit.execute(delete(holding_trust))


def open_correction(unit: Unit, value: Correction) -> bool:
    """False where one is open already for that holding and that volume. The id of `value` is not looked at."""
    c = correction.c
    known = select(c.id).where(
        c.library == value.library, c.record == value.record, c.wanted == value.wanted, c.closed.is_(None)
    )
    if unit.execute(known).first() is not None:
        return False
    told = {name: getattr(value, name) for name in Correction.__struct_fields__ if name != "id"}
    unit.execute(insert(correction).values(told))
    return True


def close_correction(unit: Unit, number: int, result: str, note: str, now: datetime) -> bool:
    """False where there is none that is open."""
    c = correction.c
    changed = update(correction).where(c.id == number, c.closed.is_(None))
    return unit.execute(changed.values(closed=now, result=result, note=note)).rowcount == 1


def get_correction(unit: Unit, number: int) -> Correction | None:
    row = unit.execute(select(correction).where(correction.c.id == number)).first()
    return _correction(row) if row else None


LISTED = 200
"""At most so many stand in a list: of the open ones those that are closed make room for the others."""


def corrections_of(unit: Unit, library: str = "", *, closed: bool = False, limit: int = LISTED) -> list[Correction]:
    """Of a library or ("") of all: the open ones, oldest first, or those that are closed, the last ones first."""
    c = correction.c
    query = select(correction).where(c.closed.is_not(None) if closed else c.closed.is_(None))
    if library:
        query = query.where(c.library == library)
    order = (desc(c.closed), desc(c.id)) if closed else (c.id,)
    return [_correction(row) for row in unit.execute(query.order_by(*order).limit(limit))]


def count_corrections(unit: Unit) -> dict[str, int]:
    """Open ones by library."""
    c = correction.c
    rows = unit.execute(select(c.library, func.count()).where(c.closed.is_(None)).group_by(c.library))
    return {row[0]: row[1] for row in rows}


def _correction(row: Any) -> Correction:
    return Correction(*(getattr(row, name) for name in Correction.__struct_fields__))
