"""How the stages hand over: numbers that only grow, and how far each stage has come.

A change in any stage takes the next number of its kind; the following stage reads what lies behind its own watermark,
and commits its results together with the new watermark. So a stage that dies goes on where it was, and skips nothing.

Invariant: whoever sees a number sees everything below it, so no reader's watermark can pass a change that is committed
later. Taking numbers locks the kind's row in `sequence` until the transaction ends; another writer of that kind waits
there and gets higher numbers; so transactions are committed in the order of their numbers, and one that is rolled back
gives its numbers back. (A SEQUENCE of PostgreSQL would not do: its numbers are visible in the order of the commits.)
Each kind has a row of its own, so harvesting doesn't wait for normalising. Numbers of two kinds are never compared.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import BigInteger, Column, Connection, Double, String, Table, select, text, update

from store.change_times import mark_time
from store.database import clock, metadata

Kind = Literal["raw", "bib", "cluster", "union", "judgement"]
"""Whose changes are numbered: raw records, normal records, clusters, union records, judgements."""

sequence = Table(
    "sequence",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

watermark = Table(
    "watermark",
    metadata,
    Column("stage", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("version", String(64), nullable=False, server_default=""),
    Column("begun", Double, nullable=False, server_default="0"),  # when it began anew by these rules; 0 = it never did
)

_TAKE = text(
    "INSERT INTO sequence (name, value) VALUES (:name, :count) "
    "ON CONFLICT (name) DO UPDATE SET value = sequence.value + excluded.value RETURNING value"
)


def take_numbers(unit: Connection, kind: Kind, count: int) -> range:
    """The next `count` numbers, in order. They are taken for good when the transaction commits."""
    if count == 0:
        return range(0)
    value = unit.execute(_TAKE, {"name": kind, "count": count}).scalar_one()
    mark_time(unit, kind, value - count + 1)
    return range(value - count + 1, value + 1)


def get_watermark(unit: Connection, stage: str) -> int:
    """The number of the last change that the stage has dealt with; 0 = none."""
    return unit.execute(select(watermark.c.seq).where(watermark.c.stage == stage)).scalar() or 0


def set_watermark(unit: Connection, stage: str, seq: int) -> None:
    if unit.execute(update(watermark).where(watermark.c.stage == stage).values(seq=seq)).rowcount == 0:
        unit.execute(watermark.insert().values(stage=stage, seq=seq))


def require_version(unit: Connection, stage: str, version: str) -> bool:
    """Note the version of the rules that the stage works by; under another one it begins anew. True if it does."""
    c = watermark.c
    known = unit.execute(select(c.version).where(c.stage == stage)).scalar()
    if known is None:
        unit.execute(watermark.insert().values(stage=stage, seq=0, version=version))
        return False
    if known == version:
        return False
    unit.execute(update(watermark).where(c.stage == stage).values(seq=0, version=version, begun=clock(unit)))
    return True
