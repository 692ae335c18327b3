"""API keys of programs (接口密钥).

Invariant: a key is shown once, when it is made; the database knows its SHA-256, and its prefix for looking it up. It
may do what its roles and its scopes both allow, for its library, while the account that made it may still give that.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ForeignKey, String, Table, Text, insert, select, update

from store.accounts import checked_roles
from store.columns import Id, Instant, Words
from store.database import Unit, metadata

api_key = Table(
    "api_key",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # random, 63 bits
    Column("prefix", String(16), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),  # SHA-256 of the whole key, in hex
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),  # who made it, and answers for it
    Column("library", Words, nullable=False, index=True),
    Column("roles", String(80), nullable=False),  # as those of accounts
    Column("scopes", Text, nullable=False),  # sorted, separated by blanks
    Column("label", Words, nullable=False),  # what it is for; no person's name
    Column("created", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("used", Instant),  # last use, within USED_EVERY; None = never
    Column("revoked", Instant),
)

USED_EVERY = timedelta(hours=1)


class ApiKey(Struct, frozen=True):
    id: int
    prefix: str
    account_id: int
    library: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    label: str
    created: datetime
    expires: datetime
    used: datetime | None
    revoked: datetime | None

    def good(self, now: datetime) -> bool:
        return self.revoked is None and now < self.expires

    def to_be_noted(self, now: datetime) -> bool:
        return self.used is None or now - self.used >= USED_EVERY


class NewKey(Struct, frozen=True):
    """What is told of a key that is to be made."""

    prefix: str
    hash: str
    account_id: int
    library: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    label: str
    expires: datetime


def add_key(unit: Unit, new: NewKey, now: datetime) -> ApiKey:
    """Raises AccountError where its roles and its library can't go together."""
    key_id = 1 + secrets.randbelow(2**63 - 1)
    values = {
        "id": key_id,
        "prefix": new.prefix,
        "hash": new.hash,
        "account_id": new.account_id,
        "library": new.library,
        "roles": " ".join(checked_roles(new.roles, new.library)),
        "scopes": " ".join(sorted(set(new.scopes))),
        "label": new.label.strip(),
        "created": now,
        "expires": new.expires,
        "used": None,
        "revoked": None,
    }
    unit.execute(insert(api_key).values(values))
    found = get_key(unit, key_id)
    assert found is not None
    return found


def get_key(unit: Unit, key_id: int) -> ApiKey | None:
    row = unit.execute(select(api_key).where(api_key.c.id == key_id)).first()
    return _key(row) if row else None


def find_key(unit: Unit, prefix: str) -> tuple[ApiKey, str] | None:
    """(key, SHA-256 of the whole of it). The caller compares, and looks whether it is good."""
    row = unit.execute(select(api_key).where(api_key.c.prefix == prefix)).first()
    return (_key(row), row.hash) if row else None


def keys_of(unit: Unit, library: str | None = None) -> list[ApiKey]:
    """All keys, or those of a library ("" = of none), in the order in which they were made."""
    query = select(api_key).order_by(api_key.c.created, api_key.c.id)
    if library is not None:
        query = query.where(api_key.c.library == library)
    return [_key(row) for row in unit.execute(query)]


def keys_made_by(unit: Unit, account_id: int) -> list[ApiKey]:
    """In the order in which they were made."""
    query = select(api_key).where(api_key.c.account_id == account_id).order_by(api_key.c.created, api_key.c.id)
    return [_key(row) for row in unit.execute(query)]


def note_key_use(unit: Unit, key_id: int, now: datetime) -> None:
    unit.execute(update(api_key).where(api_key.c.id == key_id).values(used=now))


def revoke_key(unit: Unit, key_id: int, now: datetime) -> bool:
    """For good. False = it was revoked before, or there is none."""
    ours = update(api_key).where(api_key.c.id == key_id, api_key.c.revoked.is_(None))
    return unit.execute(ours.values(revoked=now)).rowcount > 0


def revoke_keys_of(unit: Unit, account_id: int, now: datetime) -> int:
    """All keys that the account made; how many they were."""
    ours = update(api_key).where(api_key.c.account_id == account_id, api_key.c.revoked.is_(None))
    return unit.execute(ours.values(revoked=now)).rowcount


def _key(row: Any) -> ApiKey:
    values = {field: getattr(row, field) for field in ApiKey.__struct_fields__ if field not in ("roles", "scopes")}
    return ApiKey(**values, roles=tuple(row.roles.split()), scopes=tuple(row.scopes.split()))
