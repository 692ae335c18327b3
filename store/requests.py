"""Requests as their events make them: one row each for lists and queues, one for each rota entry, and whose they are.

Invariant: `request` and `rota_entry` say what the request's events say (routing/case.py folds them); they are written
in the transaction that adds the events, under a lock on its row. `request_person` is the only place that knows
which reader a request is for; it is erased in time, and everything else stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Select,
    String,
    Table,
    and_,
    bindparam,
    delete,
    desc,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from store.columns import Instant, Words, storable
from store.database import Unit, metadata
from store.unions import former_ids

request = Table(
    "request",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("seq", Integer, nullable=False),  # number of its last event
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("closed", Instant),
    Column("requester", Words, nullable=False),  # symbol
    Column("branch", Words, nullable=False),
    Column("desk", Words, nullable=False),
    Column("supplier", Words, nullable=False),  # who is being asked, or supplied it; "" = nobody
    Column("title", Words, nullable=False),  # as lists show it
    Column("record", Words, nullable=False),  # id of the union record
    Column("item", Words, nullable=False),  # key by which repeated requests are found
    Column("service", String(16), nullable=False),
    Column("level", String(12), nullable=False),
    Column("folded", Words, nullable=False),  # JSON of the Case that its events make
    Index("ix_request_branch", "branch"),
    Index("ix_request_requester", "requester", "state", "closed"),
    Index("ix_request_desk", "desk", "state"),
    Index("ix_request_item", "item"),
    Index("ix_request_closed", "closed"),
)

request_person = Table(
    "request_person",
    metadata,
    Column("request_id", ForeignKey("request.id"), primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False, index=True),  # whose it is
    Column("note", Words, nullable=False),  # to the libraries, in the reader's own words
    Column("delivery", Words, nullable=False),  # how the reader wants it: e-mail address, pick-up point
)

rota_entry = Table(
    "rota_entry",
    metadata,
    Column("request_id", ForeignKey("request.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("supplier", Words, nullable=False),
    Column("state", String(12), nullable=False),
    Column("position", Integer, nullable=False),
    Column("sent", Instant),
    Column("answered", Instant),
    Index("ix_rota_entry_sent", "supplier", "sent"),
    Index("ix_rota_entry_supplier", "supplier", "state", "answered", "sent"),
)


LAST_NUMBER = 2**31 - 1
"""Of a request: what both databases can hold."""


class RequestRow(Struct, frozen=True):
    """A request as lists show it. `folded` is the JSON of its Case."""

    id: int
    state: str
    seq: int
    created: datetime
    updated: datetime
    closed: datetime | None
    requester: str
    branch: str
    desk: str
    supplier: str
    title: str
    record: str
    item: str
    service: str
    level: str
    folded: str


class Person(Struct, frozen=True):
    """Whose request it is."""

    account: int
    note: str = ""
    delivery: str = ""


class EntryRow(Struct, frozen=True):
    request_id: int
    number: int
    supplier: str
    state: str
    position: int
    sent: datetime | None
    answered: datetime | None


_CHANGE_REQUEST = update(request).where(request.c.id == bindparam("its_id"))
_CHANGE_ENTRY = (
    update(rota_entry)
    .where(rota_entry.c.request_id == bindparam("its_request_id"), rota_entry.c.number == bindparam("its_number"))
    .values({name: bindparam(f"its_{name}") for name in ("supplier", "state", "position", "sent", "answered")})
)


# ---------------------------------------------------------------------------------------------- writing


def new_request(unit: Unit, now: datetime) -> int:
    """The number of a request that is being made; its row is filled by `save_request` in the same transaction."""
    empty = dict.fromkeys(
        ("requester", "branch", "desk", "supplier", "title", "record", "item", "service", "level", "folded"), ""
    )
    values = empty | {"state": "draft", "seq": 0, "created": now, "updated": now}
    return int(unit.execute(insert(request).returning(request.c.id), values).scalar_one())


def lock_free(unit: Unit, request_id: int) -> bool:
    """Lock the request if nobody else has it; False = somebody has. (On SQLite a writer is alone anyway.)"""
    if unit.dialect.name == "sqlite":
        return True
    query = select(request.c.id).where(request.c.id == request_id).with_for_update(skip_locked=True)
    return unit.execute(query).first() is not None


def lock_request(unit: Unit, request_id: int) -> RequestRow | None:
    """The request, which nobody else changes while this transaction lasts; None = there is none of that number."""
    if not 0 < request_id <= LAST_NUMBER:
        return None
    row = unit.execute(select(request).where(request.c.id == request_id).with_for_update()).first()
    return _request(row) if row else None


def save_request(unit: Unit, row: RequestRow, entries: Sequence[EntryRow]) -> None:
    """What the events have made of it by now."""
    values = {name: getattr(row, name) for name in RequestRow.__struct_fields__ if name != "id"}
    unit.execute(_CHANGE_REQUEST, values | {"its_id": row.id})
    e = rota_entry.c
    known = {found[0] for found in unit.execute(select(e.number).where(e.request_id == row.id))}
    told = [{name: getattr(entry, name) for name in EntryRow.__struct_fields__} for entry in entries]
    if new := [each for each in told if each["number"] not in known]:
        unit.execute(insert(rota_entry), new)
    if old := [{f"its_{name}": value for name, value in each.items()} for each in told if each["number"] in known]:
        unit.execute(_CHANGE_ENTRY, old)


def put_person(unit: Unit, request_id: int, person: Person) -> None:
    values = {"request_id": request_id, "account": person.account, "note": person.note, "delivery": person.delivery}
    unit.execute(insert(request_person), values)


# ---------------------------------------------------------------------------------------------- reading


def get_request(unit: Unit, request_id: int) -> RequestRow | None:
    if not 0 < request_id <= LAST_NUMBER:
        return None
    row = unit.execute(select(request).where(request.c.id == request_id)).first()
    return _request(row) if row else None


def person_of(unit: Unit, request_id: int) -> Person | None:
    """None where nobody is known, or no longer."""
    p = request_person.c
    row = unit.execute(select(p.account, p.note, p.delivery).where(p.request_id == request_id)).first()
    return Person(*row) if row else None


def persons_of(unit: Unit, request_ids: Collection[int]) -> dict[int, Person]:
    p = request_person.c
    rows = unit.execute(select(request_person).where(p.request_id.in_(sorted(request_ids))))
    return {row.request_id: Person(row.account, row.note, row.delivery) for row in rows}


def requests_of_reader(
    unit: Unit, account: int, *, closed: bool | None = None, before: int = 0, limit: int = 100
) -> list[RequestRow]:
    """Newest first; open ones, closed ones or (None) both. `before`: number of the last one of the page before."""
    query = select(request).join(request_person, request_person.c.request_id == request.c.id)
    query = query.where(request_person.c.account == account)
    if closed is not None:
        query = query.where(request.c.closed.is_not(None) if closed else request.c.closed.is_(None))
    if before:
        query = query.where(request.c.id < before)
    return [_request(row) for row in unit.execute(query.order_by(desc(request.c.id)).limit(limit))]


def requests_of_library(
    unit: Unit, symbol: str, *, states: Collection[str] = (), before: int = 0, limit: int = 50
) -> list[RequestRow]:
    """Those that the library asks for its readers (or that a branch of it does), newest first. `before`: number of the
    last one of the page before."""
    c = request.c
    query = select(request).where(or_(c.requester == symbol, c.branch == symbol))
    if states:
        query = query.where(c.state.in_(sorted(states)))
    if before:
        query = query.where(c.id < before)
    return [_request(row) for row in unit.execute(query.order_by(desc(c.id)).limit(limit))]


LISTED = 200
"""At most so many stand in the list of a queue: those that are done with make room for those that came later."""


def queue_of(
    unit: Unit, symbol: str, states: Collection[str], limit: int = LISTED
) -> list[tuple[RequestRow, EntryRow]]:
    """What the library is asked, longest waiting first."""
    e = rota_entry.c
    query = (
        select(
            request, e.number, e.supplier.label("asked"), e.state.label("entry_state"), e.position, e.sent, e.answered
        )
        .join(rota_entry, e.request_id == request.c.id)
        .where(e.supplier == symbol, e.state.in_(sorted(states)))
        .order_by(e.sent, request.c.id)
        .limit(limit)
    )
    return [
        (
            _request(row),
            EntryRow(row.id, row.number, row.asked, row.entry_state, row.position, row.sent, row.answered),
        )
        for row in unit.execute(query)
    ]


def count_queue(unit: Unit, symbol: str, states: Collection[str]) -> int:
    """How many entries ask the library for something."""
    e = rota_entry.c
    query = select(func.count()).select_from(rota_entry).where(e.supplier == symbol, e.state.in_(sorted(states)))
    return int(unit.execute(query).scalar_one())


def desk_queue(unit: Unit, symbol: str, limit: int = LISTED) -> list[RequestRow]:
    """What the desk is to search for (代查代检), longest waiting first."""
    c = request.c
    query = select(request).where(c.desk == symbol, c.state == "blank").order_by(c.updated, c.id).limit(limit)
    return [_request(row) for row in unit.execute(query)]


def count_at_desk(unit: Unit, symbol: str) -> int:
    c = request.c
    query = select(func.count()).select_from(request).where(c.desk == symbol, c.state == "blank")
    return int(unit.execute(query).scalar_one())


def hold_item(unit: Unit, account: int, item: str) -> None:
    """Of two requests of a reader for one item that are made at once, the second waits here for the first."""
    if unit.dialect.name == "postgresql":  # on SQLite a writer is alone anyway
        name = f"item\n{account}\n{storable(item)}"
        unit.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def repeated(unit: Unit, account: int, item: str, since: datetime, but: int) -> int:
    """The reader's newest request for the same item, made since, that did not end in vain; 0 = there is none. Also one
    for the same of a record that was merged into this one since."""
    c, p = request.c, request_person.c
    record, rest = _record_of(item)
    alike = or_(c.item == item, c.item == literal("record:", Words()) + c.record + rest) if record else c.item == item
    query = (
        select(c.id, c.record, c.item == item)
        .join(request_person, p.request_id == c.id)
        .where(p.account == account, alike, c.created >= since, c.id != but)
        .where(c.state.not_in(("closed_unfilled", "closed_cancelled", "closed_expired", "closed_duplicate")))
        .order_by(desc(c.id))
    )
    found = unit.execute(query).all()
    # Whole books of other records look alike up to here; which of them are this one by now is asked once, and seldom.
    former = former_ids(unit, record) if any(not same for _, _, same in found) else []
    return next((int(number) for number, other, same in found if same or other in former), 0)


def _record_of(item: str) -> tuple[str, str]:
    """Of the key of an item that is told by its union record: the record's id, and what of it is meant. ("", "") of
    any other."""
    whose, bar, place = item.partition("|")
    name, _, record = whose.partition(":")
    return (record, bar + place) if name == "record" else ("", "")


def count_open(unit: Unit) -> dict[str, int]:
    """How many requests that are not closed are in each state."""
    c = request.c
    rows = unit.execute(select(c.state, func.count()).where(c.closed.is_(None)).group_by(c.state))
    return {row[0]: row[1] for row in rows}


def sent_since(unit: Unit, symbols: Collection[str], since: datetime) -> dict[str, int]:
    """By library: how many requests it was sent since."""
    e = rota_entry.c
    return _counts(
        unit,
        select(e.supplier, func.count()).where(e.supplier.in_(sorted(symbols)), e.sent >= since).group_by(e.supplier),
    )


def supplied_since(unit: Unit, symbols: Collection[str], since: datetime) -> dict[str, int]:
    """By library: how many requests it has filled since."""
    e = rota_entry.c
    its = and_(e.supplier.in_(sorted(symbols)), e.state == "filled", e.answered >= since)
    return _counts(unit, select(e.supplier, func.count()).where(its).group_by(e.supplier))


def received_since(unit: Unit, symbols: Collection[str], since: datetime) -> dict[str, int]:
    """By library: how many requests for its readers were filled, and closed since."""
    c = request.c
    its = and_(c.requester.in_(sorted(symbols)), c.state == "closed_filled", c.closed >= since)
    return _counts(unit, select(c.requester, func.count()).where(its).group_by(c.requester))


def open_since(unit: Unit, symbols: Collection[str], active: Collection[str]) -> dict[str, list[datetime]]:
    """By library: when each entry was sent that it has not answered."""
    e = rota_entry.c
    query = select(e.supplier, e.sent).where(e.supplier.in_(sorted(symbols)), e.state.in_(sorted(active)))
    found: dict[str, list[datetime]] = {}
    for supplier, sent in unit.execute(query.where(e.sent.is_not(None))):
        found.setdefault(supplier, []).append(sent)
    return found


def _counts(unit: Unit, query: Any) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in unit.execute(query)}


# ---------------------------------------------------------------------------------------------- erasing


def erase_person(unit: Unit, account: int) -> int:
    """Nothing says any longer whose requests these were. Returns how many there were."""
    return int(unit.execute(delete(request_person).where(request_person.c.account == account)).rowcount)


def closed_of(library: str, before: datetime) -> Select[tuple[int]]:
    """Numbers of the requests closed before then that the library made for its own readers: those of a branch are the
    branch's, not its gateway's."""
    return select(request.c.id).where(_closed_of(library, before))


def _closed_of(library: str, before: datetime) -> ColumnElement[bool]:
    c = request.c
    # Most requests have no branch: SQLite would look through all of them by their index, if it could.
    direct = and_(c.requester == library, func.length(c.branch) == 0)
    return and_(or_(c.branch == library, direct), c.closed < before)


def forget_persons(unit: Unit, library: str, closed_before: datetime, limit: int = 1000) -> dict[int, int]:
    """Forget whose they were, of the library's requests closed before; the account of each that was forgotten."""
    c, p = request.c, request_person.c
    due = select(p.request_id, p.account).join(request, c.id == p.request_id).where(_closed_of(library, closed_before))
    found = {row[0]: row[1] for row in unit.execute(due.limit(limit))}
    if found:
        unit.execute(delete(request_person).where(p.request_id.in_(sorted(found))))
    return found


def _request(row: Any) -> RequestRow:
    return RequestRow(*(getattr(row, name) for name in RequestRow.__struct_fields__))
