"""Leases: who may do something, until when, by the database's clock.

Invariant: a name has one holder. A holder that says nothing until its lease runs out has lost it to whoever asks next,
and finds out in its next transaction: the check that guards its writes raises LeaseLost, so nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import Column, Double, String, Table, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from store.database import Unit, clock, metadata

WORK = "work"
"""The lease of whoever harvests, catalogues and indexes: a process, or a night that `tongcang work` processes share."""

FOREVER = 9e15
"""Seconds of a lease that ends only when it is given back."""

lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("since", Double, nullable=False),  # seconds since 1970, by the database's clock
    Column("until", Double, nullable=False),
)


class LeaseLost(Exception):  # noqa: N818 — it says what has happened
    """Somebody else has what this process held: it must stop, and nothing of its transaction is stored."""


class Held(Struct, frozen=True):
    """Who holds a lease. Times are seconds since 1970 by the database's clock."""

    owner: str
    since: float
    until: float


def take_lease(unit: Unit, name: str, owner: str, seconds: float) -> Held | None:
    """Take the lease where it is free or has run out. None = it is ours; else who holds it."""
    now = clock(unit)
    c = lease.c
    values = {"owner": owner, "since": now, "until": now + seconds}
    if unit.execute(update(lease).where(c.name == name, c.until < now).values(values)).rowcount:
        return None
    try:
        with unit.begin_nested():
            unit.execute(insert(lease).values(name=name, **values))
    except IntegrityError:  # somebody has it, perhaps since the line before
        held = holder(unit, name)
        return held or Held("another process", now, now)
    return None


def extend_lease(unit: Unit, name: str, owner: str, seconds: float) -> None:
    """Hold it so much longer. Raises LeaseLost where it is somebody else's. Nobody can take it in this transaction."""
    held = update(lease).where(lease.c.name == name, lease.c.owner == owner)
    if unit.execute(held.values(until=clock(unit) + seconds)).rowcount == 0:
        raise LeaseLost(f"The lease {name!r} went to another process while this one was held up. Start it again.")
    bound_idling(unit, seconds)


def lease_check(name: str, owner: str, seconds: float) -> Callable[[Unit], None]:
    """For `Database.guarded`: every transaction extends the lease, and holds its row to the end."""
    return lambda unit: extend_lease(unit, name, owner, seconds)


def drop_lease(unit: Unit, name: str, owner: str) -> None:
    """Give it back; what is somebody else's by now stays theirs."""
    unit.execute(delete(lease).where(lease.c.name == name, lease.c.owner == owner))


def holder(unit: Unit, name: str) -> Held | None:
    """Who holds it now, if anybody."""
    c = lease.c
    row = unit.execute(select(c.owner, c.since, c.until).where(c.name == name, c.until >= clock(unit))).first()
    return Held(*row) if row else None


def bound_idling(unit: Unit, seconds: float) -> None:
    """A process that is paused within a transaction must not hold rows for good: PostgreSQL ends its session."""
    if unit.dialect.name == "postgresql":
        milliseconds = int(max(1.0, 2 * seconds) * 1000)
        unit.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"))
