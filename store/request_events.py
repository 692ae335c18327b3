"""The events of requests: a history that is only ever added to.

Invariant: within a request the numbers run 1, 2, 3 … without a gap, and no event is changed or taken away: triggers of
the database refuse it. Whoever adds one has the request's row locked (store/requests.py), so two writers never take one
number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, func, select

from mappings.requests import Event
from store.bulk import insert_rows
from store.columns import Instant, Words
from store.database import Unit, metadata
from store.records import BLOCK

request_event = Table(
    "request_event",
    metadata,
    Column("request_id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("name", String(24), nullable=False),
    Column("actor", String(12), nullable=False),
    Column("who", BigInteger, nullable=False),  # staff account; 0 = none
    Column("library", Words, nullable=False),
    Column("on_behalf_of", Words, nullable=False),
    Column("entry", Integer, nullable=False),  # 0 = the request as a whole
    Column("data", Words, nullable=False),  # JSON
    Index("ix_request_event_at", "at"),
)


def add_events(unit: Unit, events: Sequence[Event]) -> None:
    """Raises IntegrityError where a number is taken already: somebody did not hold the request's row."""
    insert_rows(
        unit,
        request_event,
        [
            {
                "request_id": event.request_id,
                "seq": event.seq,
                "at": event.at,
                "name": event.name,
                "actor": event.actor,
                "who": event.who,
                "library": event.library,
                "on_behalf_of": event.on_behalf_of,
                "entry": event.entry,
                "data": msgspec.json.encode(event.data).decode(),
            }
            for event in events
        ],
    )


def events_of(unit: Unit, request_id: int) -> list[Event]:
    """In their order."""
    c = request_event.c
    return [
        _event(row) for row in unit.execute(select(request_event).where(c.request_id == request_id).order_by(c.seq))
    ]


def histories(unit: Unit, request_ids: Iterable[int] | None = None) -> Iterator[list[Event]]:
    """All events of each request, request by request, in the order of their numbers; of all requests where none is
    named. To be read to its end."""
    c = request_event.c
    query = select(request_event).order_by(c.request_id, c.seq)
    if request_ids is None:
        with unit.execute(query, execution_options={"yield_per": BLOCK}) as rows:
            for _, events in groupby(map(_event, rows), key=lambda event: event.request_id):
                yield list(events)
        return
    for request_id in request_ids:
        found = events_of(unit, request_id)
        if found:
            yield found


def submitted_between(unit: Unit, first: datetime, last: datetime) -> list[int]:
    """Numbers of the requests whose first event lies in [first, last), in their order."""
    c = request_event.c
    query = select(c.request_id).where(c.seq == 1, c.at >= first, c.at < last).order_by(c.request_id)
    return list(unit.execute(query).scalars())


def last_event_at(unit: Unit, request_id: int, entry: int) -> datetime | None:
    """When anything last happened to the entry, notes left out; None = nothing did."""
    c = request_event.c
    own = select(func.max(c.at)).where(c.request_id == request_id, c.entry == entry, c.name != "note")
    return unit.execute(own).scalar()


def _event(row: Any) -> Event:
    return Event(
        row.request_id,
        row.seq,
        row.at,
        row.name,
        row.actor,
        row.who,
        row.library,
        row.on_behalf_of,
        row.entry,
        msgspec.json.decode(row.data),
    )
