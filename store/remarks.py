"""What people have said of a request in their own words: reasons and notes, beside the events that they belong to.

Events are kept for ever, and people write names, telephone numbers and illnesses into any field. So an event says
only that something was said (routing.states.SAID), and the words stand here, to be erased with whose request it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Integer, Select, Table, and_, delete, insert, select

from store.columns import Words
from store.database import Unit, metadata
from store.request_events import request_event

request_remark = Table(
    "request_remark",
    metadata,
    Column("request_id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # of the event
    Column("words", Words, nullable=False),  # JSON: by name of the field
)


class Remark(Struct, frozen=True):
    request_id: int
    event: str  # that it was said with
    at: datetime
    words: dict[str, str]  # by name of the field


def add_remark(unit: Unit, request_id: int, seq: int, words: Mapping[str, str]) -> None:
    text = msgspec.json.encode(words).decode()
    unit.execute(insert(request_remark), {"request_id": request_id, "seq": seq, "words": text})


def remarks_of(unit: Unit, request_id: int) -> dict[int, dict[str, str]]:
    """By number of the event; empty where they were erased."""
    c = request_remark.c
    rows = unit.execute(select(c.seq, c.words).where(c.request_id == request_id))
    return {row[0]: msgspec.json.decode(row[1], type=dict[str, str]) for row in rows}


def remarks_of_readers(unit: Unit, request_ids: Collection[int]) -> list[Remark]:
    """What the readers themselves said of these requests, in its order; nothing of what staff did."""
    c, e = request_remark.c, request_event.c
    query = (
        select(c.request_id, e.name, e.at, c.words)
        .join(request_event, and_(e.request_id == c.request_id, e.seq == c.seq))
        .where(e.actor == "reader", c.request_id.in_(sorted(request_ids)))
        .order_by(c.request_id, c.seq)
    )
    return [Remark(*row[:3], msgspec.json.decode(row[3], type=dict[str, str])) for row in unit.execute(query)]


def erase_remarks(unit: Unit, request_ids: Collection[int] | Select[tuple[int]]) -> int:
    """Whatever anybody said of these requests. How many remarks that were."""
    theirs = request_remark.c.request_id.in_(request_ids)
    return int(unit.execute(delete(request_remark).where(theirs)).rowcount)
