"""How the stages hand over: numbers that only grow, and how far each stage has come.

A change in any stage takes the next number; the following stage reads what lies behind its own watermark, and commits
its results together with the new watermark. So a stage that dies goes on where it was, and skips nothing.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, String, Table, select, update

from store.database import metadata

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
)


def take_numbers(unit: Connection, count: int) -> range:
    """The next `count` numbers, in order. They are taken for good when the transaction commits."""
    if count == 0:
        return range(0)
    value = unit.execute(
        update(sequence)
        .where(sequence.c.name == "change")
        .values(value=sequence.c.value + count)
        .returning(sequence.c.value)
    ).scalar()
    if value is None:
        unit.execute(sequence.insert().values(name="change", value=count))
        value = count
    return range(value - count + 1, value + 1)


def get_watermark(unit: Connection, stage: str) -> int:
    """The number of the last change that the stage has dealt with; 0 = none."""
    return unit.execute(select(watermark.c.seq).where(watermark.c.stage == stage)).scalar() or 0


def set_watermark(unit: Connection, stage: str, seq: int) -> None:
    if unit.execute(update(watermark).where(watermark.c.stage == stage).values(seq=seq)).rowcount == 0:
        unit.execute(watermark.insert().values(stage=stage, seq=seq))


def drop_watermark(unit: Connection, stage: str) -> None:
    unit.execute(watermark.delete().where(watermark.c.stage == stage))


def require_version(unit: Connection, stage: str, version: str) -> bool:
    """Note the version of the rules that the stage works by; under another one it begins anew. True if it does."""
    c = watermark.c
    known = unit.execute(select(c.version).where(c.stage == stage)).scalar()
    if known is None:
        unit.execute(watermark.insert().values(stage=stage, seq=0, version=version))
        return False
    if known == version:
        return False
    unit.execute(update(watermark).where(c.stage == stage).values(seq=0, version=version))
    return True
