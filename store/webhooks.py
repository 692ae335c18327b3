"""Programs that want to be told (Standard Webhooks): where, of what, and the secret by which they know us.

The secret is kept as it is. Every delivery is signed with it (HMAC), so a hash would not do; and encrypted with a key
out of this process's own environment it would be safe from nobody who can read the database of a running site, since
backups of both lie with the same operator. It is shown once, when it is made, is in no listing and in no log, and lets
its finder forge notices of status changes, which hold no personal data.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Boolean, Column, Integer, String, Table, Text, delete, insert, or_, select, update

from store.columns import Instant, Words, storable
from store.database import Unit, metadata

KINDS = ("request.status_changed",)

webhook = Table(
    "webhook",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("library", String(20), nullable=False),  # whose requests it is told of; "" = of all
    Column("url", Words, nullable=False),
    Column("secret", String(100), nullable=False),  # whsec_ and base64
    Column("kinds", Text, nullable=False),  # JSON: of KINDS
    Column("active", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),  # attempts in a row that failed
    Column("created", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("disabled_why", Words, nullable=False),
)


class Webhook(Struct, frozen=True):
    """A subscription. Without its secret, which is asked for by whoever signs (`secret_of`)."""

    id: int
    library: str
    url: str
    kinds: tuple[str, ...]
    active: bool
    failures: int
    created: datetime
    disabled_at: datetime | None
    disabled_why: str


def new_secret() -> str:
    """256 bits, as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def add_webhook(unit: Unit, library: str, url: str, kinds: Iterable[str], secret: str, at: datetime) -> Webhook:
    """The URL must have been checked: it is only ever asked through the guard of tongcang/sending/http.py."""
    chosen = tuple(kinds)
    if not chosen or not set(chosen) <= set(KINDS):
        raise ValueError(f"a webhook is told of {', '.join(KINDS)}, not of {', '.join(chosen) or 'nothing'}")
    values = {
        "library": library, "url": url, "secret": secret, "kinds": msgspec.json.encode(chosen).decode(),
        "active": True, "failures": 0, "created": at, "disabled_at": None, "disabled_why": "",
    }  # fmt: skip
    row = unit.execute(insert(webhook).values(values).returning(*_SHOWN)).one()
    return _webhook(row)


def get_webhook(unit: Unit, webhook_id: int) -> Webhook | None:
    row = unit.execute(select(*_SHOWN).where(webhook.c.id == webhook_id)).first()
    return _webhook(row) if row else None


def secret_of(unit: Unit, webhook_id: int) -> str:
    """Raises NoResultFound where the subscription is gone."""
    secret: str = unit.execute(select(webhook.c.secret).where(webhook.c.id == webhook_id)).scalar_one()
    return secret


def list_webhooks(unit: Unit, library: str | None = None) -> list[Webhook]:
    """Those of a library ("" = of the system), or all."""
    query = select(*_SHOWN).order_by(webhook.c.id)
    rows = unit.execute(query if library is None else query.where(webhook.c.library == storable(library)))
    return [_webhook(row) for row in rows]


def subscribers(unit: Unit, kind: str, libraries: Iterable[str]) -> dict[int, str]:
    """The active webhooks that are told of such an event of these libraries, and those told of all: whose each is, by
    its id."""
    c = webhook.c
    concerned = or_(c.library == "", c.library.in_(tuple(libraries)))
    rows = unit.execute(select(c.id, c.library, c.kinds).where(c.active, concerned).order_by(c.id))
    return {row.id: row.library for row in rows if kind in msgspec.json.decode(row.kinds)}


def remove_webhook(unit: Unit, webhook_id: int) -> bool:
    return unit.execute(delete(webhook).where(webhook.c.id == webhook_id)).rowcount == 1


def note_delivery(unit: Unit, webhook_id: int, delivered: bool) -> None:
    """An attempt went through, or did not."""
    c = webhook.c
    failures = 0 if delivered else c.failures + 1
    changed = update(webhook).where(c.id == webhook_id)
    unit.execute((changed.where(c.failures > 0) if delivered else changed).values(failures=failures))


def disable_webhook(unit: Unit, webhook_id: int, at: datetime, why: str) -> bool:
    """Nothing more is sent there until somebody enables it. False = it was off, or gone."""
    c = webhook.c
    on = update(webhook).where(c.id == webhook_id, c.active)
    return unit.execute(on.values(active=False, disabled_at=at, disabled_why=why)).rowcount == 1


def enable_webhook(unit: Unit, webhook_id: int) -> bool:
    values = {"active": True, "failures": 0, "disabled_at": None, "disabled_why": ""}
    return unit.execute(update(webhook).where(webhook.c.id == webhook_id).values(values)).rowcount == 1


_SHOWN = tuple(column for column in webhook.c if column.name != "secret")


def _webhook(row: Any) -> Webhook:
    return Webhook(**dict(row._mapping) | {"kinds": tuple(msgspec.json.decode(row.kinds))})
