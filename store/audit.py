"""The audit (审计): who changed what, as whom, when.

Invariant: rows are only ever added (triggers refuse everything else, on both databases), in the transaction of the
change itself, and hold no personal data: people are ids of accounts, and an erased account's id leads to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, String, Table, Text, insert, select

from store.accounts import CONTACT
from store.columns import Id, Instant, Words, storable
from store.database import Unit, metadata

PERSONAL = frozenset((*CONTACT, "login", "password", "delivery"))
"""Names of what must not stand in the audit, at any depth."""

WAYS = ("session", "key", "command", "system")
"""How somebody acted: signed in, by an API key, on the command line, the system by itself."""

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Id, nullable=False),  # account; 0 = nobody who signed in
    Column("way", String(8), nullable=False),  # one of WAYS
    Column("roles", String(80), nullable=False),  # that it had then
    Column("library", Words, nullable=False),  # symbol
    Column("action", String(40), nullable=False),
    Column("object", Words, nullable=False),  # kind and id: "account 4711"
    Column("before", Text, nullable=False),  # JSON
    Column("after", Text, nullable=False),  # JSON
    Column("request_id", Words, nullable=False),  # as in the log; "" = no request
    Column("key_id", Id, nullable=False),  # API key that was shown; 0 = none
    Index("ix_audit_at", "at"),
    Index("ix_audit_object", "object"),
)


class Actor(Struct, frozen=True):
    """Who acts."""

    who: int = 0
    way: str = "system"
    roles: tuple[str, ...] = ()
    library: str = ""
    request_id: str = ""
    key_id: int = 0


COMMAND = Actor(way="command")
SYSTEM = Actor()


class Entry(Struct, frozen=True):
    id: int
    at: datetime
    who: int
    way: str
    roles: tuple[str, ...]
    library: str
    action: str
    object: str
    before: dict[str, Any]
    after: dict[str, Any]
    request_id: str
    key_id: int


def record(
    unit: Unit,
    actor: Actor,
    action: str,
    object: str,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """Note the change in its own transaction; the entry's id. Raises ValueError where personal data would go in."""
    for told in (before or {}, after or {}):
        _refuse_personal(told)
    values = {
        "at": now,
        "who": actor.who,
        "way": actor.way,
        "roles": " ".join(actor.roles),
        "library": actor.library,
        "action": action,
        "object": object,
        "before": msgspec.json.encode(before or {}).decode(),
        "after": msgspec.json.encode(after or {}).decode(),
        "request_id": actor.request_id,
        "key_id": actor.key_id,
    }
    entry_id: int = unit.execute(insert(audit).returning(audit.c.id), values).scalar_one()
    return entry_id


def entries(
    unit: Unit, *, library: str = "", object: str = "", action: str = "", before_id: int = 0, limit: int = 100
) -> list[Entry]:
    """Newest first; `before_id` goes on behind an entry. "" = whichever."""
    c = audit.c
    query = select(audit).order_by(c.id.desc()).limit(limit)
    for column, wanted in ((c.library, library), (c.object, object), (c.action, action)):
        if wanted:
            query = query.where(column == storable(wanted))
    if before_id:
        query = query.where(c.id < before_id)
    return [_entry(row) for row in unit.execute(query)]


def _refuse_personal(told: object) -> None:
    if isinstance(told, Mapping):
        for name, value in told.items():
            if name in PERSONAL:
                raise ValueError(f"{name!r} is personal data, which the audit doesn't take")
            _refuse_personal(value)
    elif isinstance(told, list | tuple):
        for value in told:
            _refuse_personal(value)


def _entry(row: Any) -> Entry:
    values = {name: getattr(row, name) for name in Entry.__struct_fields__}
    decoded = {name: msgspec.json.decode(values[name], type=dict[str, Any]) for name in ("before", "after")}
    return Entry(**(values | decoded | {"roles": tuple(row.roles.split())}))
