"""What was answered before: a message that a library sends again, a click that came twice.

Invariant: an effect and the answer that tells of it are written in one transaction. Whoever asks for the answer holds
the key until its transaction ends, so of two that come at once the second sees what the first did. Ask within a
`write()`, before anything is done.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text, delete, func, insert, select

from store.columns import Instant, Words, storable
from store.database import Unit, metadata

incoming = Table(
    "incoming",
    metadata,
    Column("peer", String(64), primary_key=True),  # symbol of the library that sent it
    Column("key", Words, primary_key=True),  # by which that library names the message
    Column("digest", String(64), nullable=False),
    Column("answer", LargeBinary, nullable=False),  # as it was sent
    Column("received", Instant, nullable=False),
    Index("ix_incoming_received", "received"),
)

answered_call = Table(
    "answered_call",
    metadata,
    Column("caller", String(64), primary_key=True),  # account or API key
    Column("key", Words, primary_key=True),  # Idempotency-Key, as the caller made it up
    Column("fingerprint", String(64), nullable=False),  # of method, path and body
    Column("status", Integer, nullable=False),
    Column("location", Text, nullable=False),  # of what was made; "" = none
    Column("body", LargeBinary, nullable=False),
    Column("answered", Instant, nullable=False),
    Index("ix_answered_call_answered", "answered"),
)


class KeyConflict(Exception):  # noqa: N818 — it says what has happened
    """A key was used before, for something else."""


class CallAnswer(Struct, frozen=True):
    """What a call was answered with."""

    status: int
    body: bytes
    location: str = ""


def seen(unit: Unit, peer: str, key: str, digest: str) -> bytes | None:
    """The answer that the message got when it came before; None = it is new. Raises KeyConflict where the peer has
    used the key for a message with another content."""
    _hold(unit, "incoming", peer, key)
    c = incoming.c
    row = unit.execute(select(c.digest, c.answer).where(c.peer == peer, c.key == key)).first()
    if row is None:
        return None
    if row.digest != digest:
        raise KeyConflict(f"{peer} has sent another message under the key {key!r}.")
    return bytes(row.answer)


def remember(unit: Unit, peer: str, key: str, digest: str, answer: bytes, at: datetime) -> None:
    """Keep the answer to a message that `seen` did not know."""
    values = {"peer": peer, "key": key, "digest": digest, "answer": answer, "received": at}
    unit.execute(insert(incoming), values)


def find_answer(unit: Unit, caller: str, key: str, fingerprint: str) -> CallAnswer | None:
    """What the call was answered with when it came before; None = it is new. Raises KeyConflict where the caller has
    used the key for another call."""
    _hold(unit, "call", caller, key)
    c = answered_call.c
    row = unit.execute(
        select(c.fingerprint, c.status, c.body, c.location).where(c.caller == caller, c.key == key)
    ).first()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise KeyConflict("The idempotency key was used for another request.")
    return CallAnswer(row.status, bytes(row.body), row.location)


def keep_answer(unit: Unit, caller: str, key: str, fingerprint: str, answer: CallAnswer, at: datetime) -> None:
    """Keep the answer to a call that `find_answer` did not know."""
    values = {
        "caller": caller, "key": key, "fingerprint": fingerprint, "status": answer.status,
        "location": answer.location, "body": answer.body, "answered": at,
    }  # fmt: skip
    unit.execute(insert(answered_call), values)


def forget_answers(unit: Unit, *, calls_before: datetime, messages_before: datetime) -> int:
    """Delete older ones; how many. Calls are repeated within a day, messages of libraries within weeks."""
    calls = delete(answered_call).where(answered_call.c.answered < calls_before)
    messages = delete(incoming).where(incoming.c.received < messages_before)
    return unit.execute(calls).rowcount + unit.execute(messages).rowcount


def _hold(unit: Unit, kind: str, who: str, key: str) -> None:
    """Until the transaction ends nobody else gets past here with the same key. On SQLite a writer is alone anyway."""
    if unit.dialect.name == "postgresql":
        held = storable(f"{kind}\n{who}\n{key}")
        unit.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(held, 0))))
