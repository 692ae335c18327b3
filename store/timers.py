"""Timers of requests: when a clock runs out that somebody's silence must not stop.

A timer is one row for each (request, entry, kind), set anew as often as its clock begins anew. Whoever takes a due one
(`drop_timer`) has it taken away in the same transaction as whatever follows from it; so it fires once, and a process
that dies in between has fired nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    and_,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from store.columns import Instant
from store.database import Unit, metadata

timer = Table(
    "timer",
    metadata,
    Column("request_id", ForeignKey("request.id"), primary_key=True, autoincrement=False),
    Column("entry", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(12), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Index("ix_timer_due_at", "due_at"),
)


class Timer(Struct, frozen=True):
    request_id: int
    entry: int  # 0 = of the request as a whole
    kind: str  # of routing.states.TIMERS
    due_at: datetime


def set_timer(unit: Unit, value: Timer) -> None:
    dialect = sqlite if unit.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(timer).values(
        request_id=value.request_id, entry=value.entry, kind=value.kind, due_at=value.due_at
    )
    key = ["request_id", "entry", "kind"]
    unit.execute(statement.on_conflict_do_update(index_elements=key, set_={"due_at": value.due_at}))


def hasten_timer(unit: Unit, request_id: int, entry: int, kind: str, now: datetime) -> None:
    """Where that clock runs, it has run out."""
    later = and_(_of(request_id, entry, kind), timer.c.due_at > now)
    unit.execute(update(timer).where(later).values(due_at=now))


def drop_timer(unit: Unit, request_id: int, entry: int, kind: str) -> bool:
    """False = it was not there."""
    return unit.execute(delete(timer).where(_of(request_id, entry, kind))).rowcount == 1


def timers_of(unit: Unit, request_id: int) -> list[Timer]:
    c = timer.c
    rows = unit.execute(select(timer).where(c.request_id == request_id).order_by(c.due_at, c.entry, c.kind))
    return [Timer(row.request_id, row.entry, row.kind, row.due_at) for row in rows]


def due_timers(unit: Unit, now: datetime, limit: int = 1000) -> list[Timer]:
    """Those that have run out, longest ago first. Taking one is `drop_timer`, under the lock of its request."""
    c = timer.c
    query = select(timer).where(c.due_at <= now).order_by(c.due_at, c.request_id, c.entry, c.kind).limit(limit)
    return [Timer(row.request_id, row.entry, row.kind, row.due_at) for row in unit.execute(query)]


def due_of(unit: Unit, request_ids: Collection[int]) -> dict[tuple[int, int], datetime]:
    """When the clock of each entry of these requests runs out, by (request, entry)."""
    c = timer.c
    query = select(c.request_id, c.entry, c.due_at).where(c.request_id.in_(sorted(set(request_ids))), c.entry > 0)
    return {(row[0], row[1]): row[2] for row in unit.execute(query)}


def next_due(unit: Unit) -> datetime | None:
    return unit.execute(select(func.min(timer.c.due_at))).scalar()


def count_due(unit: Unit, now: datetime) -> int:
    return int(unit.execute(select(func.count()).select_from(timer).where(timer.c.due_at <= now)).scalar_one())


def _of(request_id: int, entry: int, kind: str) -> ColumnElement[bool]:
    c = timer.c
    return and_(c.request_id == request_id, c.entry == entry, c.kind == kind)
