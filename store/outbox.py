"""Messages on their way to libraries, readers and programs (发件箱): put with the event that caused them, sent later.

Invariants. A message is put in the same transaction as the event that it tells of, so neither is there without the
other. Its key is unique: the same message put twice is one. It is `waiting`, `sending` (its owner holds a lease on it),
`sent` or `dead` (given up; an operator may revive it). Whoever dies between sending it and saying so leaves it to be
sent again under the same key: at least once, and the key lets the other side know a repeat.

Messages of one (channel, target, request, entry) go out in the order of their ids: a later one waits until the earlier
ones are sent or dead. Whoever puts messages of a request holds the request's row meanwhile, or ids of two transactions
would be ordered otherwise than their events.

Bodies tell who wanted what: what is sent is deleted after some days, with its body (`forget_messages`). Those of a
request may also tell what somebody said of it in his own words: they go with whose request it was (`erase_words`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from store.columns import Id, Instant, Words
from store.database import Unit, metadata

CHANNELS = ("iso18626", "email", "webhook")
STATES = ("waiting", "sending", "sent", "dead")
OPEN = ("waiting", "sending")

LONGEST_ERROR = 500
"""Characters of a failure that are kept: it may be a page of somebody's server."""

outgoing = Table(
    "outgoing",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(200), nullable=False),
    Column("channel", String(12), nullable=False),
    Column(
        "target", String(64), nullable=False
    ),  # symbol of a library, id of an account or of a webhook; never an address
    Column("kind", String(40), nullable=False),
    Column("body", Words, nullable=False),  # JSON, in our own words: it is rendered when it is sent
    Column("request_id", Id, nullable=False),  # 0 = none
    Column("entry", Integer, nullable=False),  # 0 = the request as a whole
    Column("lane", Text, nullable=False),  # whose messages go out in order; "" = of no order
    Column("created", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),  # how often it was taken up, a repeat after a crash included
    Column("state", String(8), nullable=False),
    Column("owner", String(200), nullable=False),  # who has, or last had it
    Column("until", Instant),  # of one being sent: when its lease runs out
    Column("ended", Instant),  # when it was sent or given up
    Column("last_error", Words, nullable=False),
    UniqueConstraint("key"),
    Index("ix_outgoing_state", "state", "not_before"),
    Index("ix_outgoing_target", "channel", "target", "state"),
    Index("ix_outgoing_lane", "lane", "id"),
    Index("ix_outgoing_request", "request_id", "id"),
)


class Message(Struct, frozen=True):
    """A row of the outbox."""

    id: int
    key: str
    channel: str
    target: str
    kind: str
    body: str
    request_id: int
    entry: int
    lane: str
    created: datetime
    not_before: datetime
    attempts: int
    state: str
    owner: str
    until: datetime | None
    ended: datetime | None
    last_error: str


class Waiting(Struct, frozen=True):
    """How far behind a channel is."""

    channel: str
    messages: int  # that are not sent, due or not
    seconds: float  # since the oldest of them was put; 0 = none waits


# ---------------------------------------------------------------------------------------------- putting


def put_message(
    unit: Unit,
    *,
    key: str,
    channel: str,
    target: str,
    kind: str,
    body: str,
    at: datetime,
    request_id: int = 0,
    entry: int = 0,
    not_before: datetime | None = None,
) -> bool:
    """Put a message, to be sent from `not_before` on (None = at once). False = it was put before: nothing changes."""
    if channel not in CHANNELS:
        raise ValueError(f"{channel!r} is no channel of the outbox")
    values = {
        "key": key, "channel": channel, "target": target, "kind": kind, "body": body, "request_id": request_id,
        "entry": entry, "lane": f"{channel}/{target}/{request_id}/{entry}" if request_id else "", "created": at,
        "not_before": not_before or at, "attempts": 0, "state": "waiting", "owner": "", "until": None, "ended": None,
        "last_error": "",
    }  # fmt: skip
    dialect = sqlite if unit.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(outgoing).on_conflict_do_nothing(index_elements=["key"])
    return bool(unit.execute(statement.returning(outgoing.c.id), values).first())


# ---------------------------------------------------------------------------------------------- sending


def claim_messages(
    unit: Unit,
    owner: str,
    limit: int,
    seconds: float,
    now: datetime,
    *,
    channels: Collection[str] = CHANNELS,
    per_target: int = 1,
) -> list[Message]:
    """Take up to `limit` messages that are due, those that wait longest first, for `seconds`.

    No target gives more than `per_target`, and one to which somebody is just sending gives none: a target that hangs
    holds up nobody but itself.
    """
    c = outgoing.c
    ready = _ready(now)
    earlier, theirs = outgoing.alias("earlier"), outgoing.alias("theirs")
    is_first = ~exists().where(earlier.c.lane == c.lane, c.lane != "", earlier.c.id < c.id, earlier.c.state.in_(OPEN))
    is_free = ~exists().where(
        theirs.c.channel == c.channel, theirs.c.target == c.target, theirs.c.state == "sending", theirs.c.until >= now
    )
    rank = func.row_number().over(partition_by=(c.channel, c.target), order_by=c.id).label("rank")
    due = select(c.id, c.not_before, rank).where(ready, c.channel.in_(tuple(channels)), is_first, is_free).subquery()
    chosen = select(due.c.id).where(due.c.rank <= per_target).order_by(due.c.not_before, due.c.id).limit(limit)
    # What another has taken since is passed over: `ready` is looked at again when the row is locked.
    rows = unit.execute(
        select(outgoing).where(c.id.in_(chosen), ready).order_by(c.id).with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return []
    taken = {"state": "sending", "owner": owner, "until": now + timedelta(seconds=seconds)}
    ids = [row.id for row in rows]
    unit.execute(update(outgoing).where(c.id.in_(ids)).values(attempts=c.attempts + 1, **taken))
    return [Message(**dict(row._mapping) | taken | {"attempts": row.attempts + 1}) for row in rows]


def is_due(unit: Unit, now: datetime, channels: Collection[str] = CHANNELS) -> bool:
    """Whether claiming may find anything. It only reads: on SQLite a look that writes would wait for every harvest."""
    due = select(outgoing.c.id).where(_ready(now), outgoing.c.channel.in_(tuple(channels))).limit(1)
    return unit.execute(due).first() is not None


def _ready(now: datetime) -> ColumnElement[bool]:
    c = outgoing.c
    return or_(
        and_(c.state == "waiting", c.not_before <= now),
        and_(c.state == "sending", c.until < now),
    )


def extend_messages(unit: Unit, owner: str, ids: Collection[int], until: datetime) -> None:
    """Hold messages longer that are still ours."""
    c = outgoing.c
    ours = and_(c.id.in_(tuple(ids)), c.owner == owner, c.state == "sending")
    unit.execute(update(outgoing).where(ours).values(until=until))


def mark_sent(unit: Unit, message_id: int, now: datetime) -> bool:
    """It was sent, and that holds whoever has it by now. False = somebody had said so before."""
    c = outgoing.c
    changed = update(outgoing).where(c.id == message_id, c.state != "sent")
    return unit.execute(changed.values(state="sent", until=None, ended=now, last_error="")).rowcount == 1


def mark_retry(
    unit: Unit, message_id: int, owner: str, not_before: datetime, error: str, *, counted: bool = True
) -> bool:
    """It could not be sent; again from `not_before` on. `counted`: that was an attempt. False = it is somebody else's
    by now."""
    attempts = outgoing.c.attempts - int(not counted)
    values = {"not_before": not_before, "last_error": error[:LONGEST_ERROR], "attempts": attempts}
    return _settle(unit, message_id, owner, state="waiting", **values)


def mark_dead(unit: Unit, message_id: int, owner: str, now: datetime, error: str) -> bool:
    """It can't be sent, and is given up. False = it is somebody else's by now."""
    return _settle(unit, message_id, owner, state="dead", ended=now, last_error=error[:LONGEST_ERROR])


def release_message(unit: Unit, message_id: int, owner: str) -> bool:
    """Give it back untried. False = it is somebody else's by now."""
    return _settle(unit, message_id, owner, state="waiting", attempts=outgoing.c.attempts - 1)


def _settle(unit: Unit, message_id: int, owner: str, **values: Any) -> bool:
    c = outgoing.c
    ours = and_(c.id == message_id, c.owner == owner, c.state == "sending")
    return unit.execute(update(outgoing).where(ours).values(until=None, **values)).rowcount == 1


def postpone(unit: Unit, channel: str, target: str | None, until: datetime) -> int:
    """Let what waits for the target (None = for the whole channel) wait until then: it is not there now."""
    c = outgoing.c
    waiting = and_(c.channel == channel, c.state == "waiting", c.not_before < until)
    if target is not None:
        waiting = and_(waiting, c.target == target)
    return unit.execute(update(outgoing).where(waiting).values(not_before=until)).rowcount


# ---------------------------------------------------------------------------------------------- looking after them


def get_message(unit: Unit, message_id: int) -> Message | None:
    row = unit.execute(select(outgoing).where(outgoing.c.id == message_id)).first()
    return Message(**row._mapping) if row else None


def messages_of(unit: Unit, request_id: int) -> list[Message]:
    """All that is kept of what a request sent, in order."""
    c = outgoing.c
    return _messages(unit, c.request_id == request_id)


def dead_messages(unit: Unit, limit: int = 100) -> list[Message]:
    """The oldest first."""
    return _messages(unit, outgoing.c.state == "dead", limit)


def count_dead(unit: Unit) -> int:
    query = select(func.count()).select_from(outgoing).where(outgoing.c.state == "dead")
    return int(unit.execute(query).scalar_one())


def _messages(unit: Unit, which: ColumnElement[bool], limit: int | None = None) -> list[Message]:
    rows = unit.execute(select(outgoing).where(which).order_by(outgoing.c.id).limit(limit))
    return [Message(**row._mapping) for row in rows]


def revive_message(unit: Unit, message_id: int, now: datetime) -> bool:
    """Try a dead message again, as if it had never been tried. Later ones of its lane may have gone out before it;
    those that have not wait for it. False = it is not dead."""
    c = outgoing.c
    dead = update(outgoing).where(c.id == message_id, c.state == "dead")
    values = {"state": "waiting", "attempts": 0, "not_before": now, "ended": None, "owner": ""}
    return unit.execute(dead.values(values)).rowcount == 1


def count_messages(unit: Unit) -> list[tuple[str, str, int]]:
    """(channel, state, how many)."""
    c = outgoing.c
    query = select(c.channel, c.state, func.count()).group_by(c.channel, c.state).order_by(c.channel, c.state)
    return [(row[0], row[1], row[2]) for row in unit.execute(query)]


def outbox_lag(unit: Unit, now: datetime) -> list[Waiting]:
    """Every channel, whether anything waits there or not."""
    c = outgoing.c
    query = select(c.channel, func.count(), func.min(c.created)).where(c.state.in_(OPEN)).group_by(c.channel)
    found = {row[0]: (row[1], max(0.0, (now - row[2]).total_seconds())) for row in unit.execute(query)}
    return [Waiting(channel, *found.get(channel, (0, 0.0))) for channel in CHANNELS]


def forget_messages(unit: Unit, *, sent_before: datetime, dead_before: datetime) -> int:
    """Delete what was sent, or given up, before then: their bodies are personal data. How many."""
    c = outgoing.c
    old = or_(and_(c.state == "sent", c.ended < sent_before), and_(c.state == "dead", c.ended < dead_before))
    return unit.execute(delete(outgoing).where(old)).rowcount


def give_up_stale(unit: Unit, created_before: datetime, now: datetime) -> int:
    """Nobody wants mail of last month when the mail server is at last set up: what waited so long is dead."""
    c = outgoing.c
    stale = and_(c.state == "waiting", c.created < created_before)
    values = {"state": "dead", "ended": now, "last_error": "it waited too long"}
    return unit.execute(update(outgoing).where(stale).values(values)).rowcount


def erase_messages(unit: Unit, channel: str, target: str, request_ids: Collection[int] | None = None) -> int:
    """Delete whatever is kept for a target, sent or not: a reader has asked for it. None = of all requests."""
    c = outgoing.c
    which = and_(c.channel == channel, c.target == target)
    if request_ids is not None:
        which = and_(which, c.request_id.in_(tuple(request_ids)))
    return unit.execute(delete(outgoing).where(which)).rowcount


SPOKEN = ("text", "note", "reason")
"""Fields of an event's data, as bodies tell them, in which people speak in their own words."""


def erase_words(unit: Unit, request_ids: Collection[int] | Select[tuple[int]]) -> int:
    """Nothing is kept of what anybody said of these requests, and none of it goes out any more: what was sent or given
    up is deleted, what still waits is sent without it. How many messages that changed."""
    c = outgoing.c
    theirs = c.request_id.in_(request_ids)
    changed = unit.execute(delete(outgoing).where(theirs, c.state.not_in(OPEN))).rowcount
    for number, body in unit.execute(select(c.id, c.body).where(theirs)).all():
        if (bare := _without_words(body)) != body:
            changed += unit.execute(update(outgoing).where(c.id == number).values(body=bare)).rowcount
    return changed


def _without_words(body: str) -> str:
    """The reason of a body is a code, or repeats what its event says."""
    told = msgspec.json.decode(body)
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, dict) or not any(data.get(name) for name in SPOKEN):
        return body
    said = [data.pop(name) for name in SPOKEN if name in data]
    if told.get("reason") in said:
        del told["reason"]
    return msgspec.json.encode(told).decode()
