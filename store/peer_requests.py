"""Under which number a library knows a request that it has made by ISO 18626.

Invariant: a library's number leads to one request. A request may have several: a library that asks again (Retry) gives
another one, and is told of the request under the last (what it is called by when stands in the request's events).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Table, insert, select

from store.columns import Instant, Words
from store.database import Unit, metadata

peer_request = Table(
    "peer_request",
    metadata,
    Column("library", Words, primary_key=True),  # symbol
    Column("number", Words, primary_key=True),  # requestingAgencyRequestId
    Column("request_id", ForeignKey("request.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_peer_request_request_id", "request_id"),
)


def find_peer_request(unit: Unit, library: str, number: str) -> int | None:
    """The request that the library calls so; None = it has not asked under that number."""
    c = peer_request.c
    found = unit.execute(select(c.request_id).where(c.library == library, c.number == number)).scalar()
    return None if found is None else int(found)


def add_peer_request(unit: Unit, library: str, number: str, request_id: int, at: datetime) -> None:
    """The number must be a new one; whoever asks holds it (store.idempotency.seen) until his transaction ends."""
    unit.execute(insert(peer_request).values(library=library, number=number, request_id=request_id, at=at))
