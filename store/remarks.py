"""What people have said of a request in their own words: reasons and notes, beside the events that they belong to.

Events are kept for ever, and people write names, telephone numbers and illnesses into any field. So an event says
only that something was said (routing.states.SAID), and the words stand here, to be erased with whose request it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Column, Integer, Table, delete, insert, select

from store.columns import Words
from store.database import Unit, metadata
from store.requests import request

request_remark = Table(
    "request_remark",
    metadata,
    Column("request_id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # of the event
    Column("words", Words, nullable=False),  # JSON: by name of the field
)


def add_remark(unit: Unit, request_id: int, seq: int, words: Mapping[str, str]) -> None:
    text = msgspec.json.encode(words).decode()
    unit.execute(insert(request_remark), {"request_id": request_id, "seq": seq, "words": text})


def remarks_of(unit: Unit, request_id: int) -> dict[int, dict[str, str]]:
    """By number of the event; empty where they were erased."""
    c = request_remark.c
    rows = unit.execute(select(c.seq, c.words).where(c.request_id == request_id))
    return {row[0]: msgspec.json.decode(row[1], type=dict[str, str]) for row in rows}


def erase_remarks(unit: Unit, request_ids: Collection[int]) -> int:
    """Whatever anybody said of these requests. How many remarks that were."""
    theirs = request_remark.c.request_id.in_(sorted(request_ids))
    return int(unit.execute(delete(request_remark).where(theirs)).rowcount)


def forget_remarks(unit: Unit, requester: str, closed_before: datetime) -> int:
    """Of the library's requests closed before then, also of those that never were anybody's here."""
    c = request.c
    due = select(c.id).where(c.requester == requester, c.closed < closed_before)
    return int(unit.execute(delete(request_remark).where(request_remark.c.request_id.in_(due))).rowcount)
