"""When numbers were taken: marks by which the age of a change that waits is known.

Rows of records carry a number and no time. A mark says that a kind's number was taken at a time; the next is made when
a number is taken a minute later or more. So a change was made at the time of the last mark that is not behind it, or up
to a minute after. A night of five hours leaves 300 rows a kind, and they are never in the way: nobody scans them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, String, Table, desc, select, text

from store.database import Unit, clock, metadata

change_time = Table(
    "change_time",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # the first number that was taken then
    Column("at", Double, nullable=False),  # seconds since 1970, by the database's clock
)

APART = 60.0
"""Seconds between two marks, at least: the age of a change is overstated by so much at most."""

_MARK = text(
    "INSERT INTO change_time (kind, seq, at) SELECT CAST(:kind AS VARCHAR(16)), CAST(:seq AS BIGINT), :now WHERE "
    "coalesce((SELECT at FROM change_time WHERE kind = :kind ORDER BY seq DESC LIMIT 1), 0) <= :now - :apart"
)


def mark_time(unit: Unit, kind: str, seq: int) -> None:
    """The number `seq` is being taken. To be called while the kind's row of `sequence` is locked."""
    unit.execute(_MARK, {"kind": kind, "seq": seq, "now": clock(unit), "apart": APART})


def made_at(unit: Unit, kind: str, seq: int) -> float | None:
    """Seconds since 1970, a minute too early at most. Of a number older than all marks the time of the oldest one;
    None = there is no mark."""
    c = change_time.c
    marks = select(c.at).where(c.kind == kind)
    at = unit.execute(marks.where(c.seq <= seq).order_by(desc(c.seq)).limit(1)).scalar()
    return unit.execute(marks.order_by(c.seq).limit(1)).scalar() if at is None else at
