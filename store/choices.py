"""Each choice of a rota with all that it was made by, and what was promised of it; scored when the request ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    and_,
    desc,
    insert,
    select,
    update,
)

from store.columns import Instant, Words
from store.database import Unit, metadata

choice = Table(
    "choice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", ForeignKey("request.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("policy", Words, nullable=False),  # what it was ordered by
    Column("data", Text, nullable=False),  # JSON of the Rota: entries and those passed over, with their scores
    Column("median_at", Instant),  # day by which it comes in half of all such cases; null = nothing was promised
    Column("late_at", Instant),  # in four fifths of them
    Column("p_fill", Double, nullable=False),
    Column("basis", Text, nullable=False),  # JSON: what the promise rests on
    Column("ended", Instant),  # when the outcome was known
    Column("filled", Boolean),
    Index("ix_choice_request_id", "request_id"),
    Index("ix_choice_ended", "ended"),
)


class Choice(Struct, frozen=True):
    id: int
    request_id: int
    at: datetime
    policy: str
    data: str
    median_at: datetime | None
    late_at: datetime | None
    p_fill: float
    basis: str
    ended: datetime | None = None
    filled: bool | None = None


def add_choice(unit: Unit, value: Choice) -> int:
    """Returns its number; the id of `value` is not looked at."""
    told = {name: getattr(value, name) for name in Choice.__struct_fields__ if name != "id"}
    return int(unit.execute(insert(choice).returning(choice.c.id), told).scalar_one())


def choices_of(unit: Unit, request_id: int) -> list[Choice]:
    """Newest first."""
    query = select(choice).where(choice.c.request_id == request_id).order_by(desc(choice.c.id))
    return [_choice(row) for row in unit.execute(query)]


def promised(unit: Unit, request_id: int) -> datetime | None:
    """The day by which the request was promised when its rota was made last; None = none was."""
    query = select(choice.c.median_at).where(choice.c.request_id == request_id).order_by(desc(choice.c.id)).limit(1)
    return unit.execute(query).scalar()


def end_choices(unit: Unit, request_id: int, at: datetime, *, filled: bool | None) -> None:
    """The outcome of a request is known, and each promise that was made of it can be scored; None = it was taken back,
    and nobody will know."""
    c = choice.c
    unit.execute(update(choice).where(c.request_id == request_id, c.ended.is_(None)).values(ended=at, filled=filled))


def reopen_choices(unit: Unit, request_id: int) -> None:
    """What was known of a request's outcome does not hold any more, and its promises are open again."""
    c = choice.c
    ended = update(choice).where(c.request_id == request_id, c.ended.is_not(None))
    unit.execute(ended.values(ended=None, filled=None))


def scored_choices(unit: Unit, first: datetime, last: datetime) -> Iterator[Choice]:
    """Those whose outcome became known in [first, last) and of which something was promised."""
    c = choice.c
    known = and_(c.ended >= first, c.ended < last, c.median_at.is_not(None), c.filled.is_not(None))
    for row in unit.execute(select(choice).where(known).order_by(c.id)):
        yield _choice(row)


def _choice(row: Any) -> Choice:
    return Choice(*(getattr(row, name) for name in Choice.__struct_fields__))
