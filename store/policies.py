"""How libraries take part in document delivery, and what the routing as a whole is set to: configuration, as JSON."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec
from sqlalchemy import Column, ForeignKey, String, Table, Text, insert, select, update

from mappings.requests import LibraryPolicy
from store.columns import Instant
from store.database import Unit, metadata

library_policy = Table(
    "library_policy",
    metadata,
    Column("library", ForeignKey("library.symbol"), primary_key=True),
    Column("data", Text, nullable=False),  # JSON of LibraryPolicy
    Column("changed", Instant, nullable=False),
)

routing_setting = Table(
    "routing_setting",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    Column("changed", Instant, nullable=False),
)


@lru_cache(maxsize=1024)
def _policy(text: str) -> LibraryPolicy:
    """Each request asks for all of them, and they hardly ever change."""
    return msgspec.json.decode(text, type=LibraryPolicy)


def policy_of(unit: Unit, symbol: str) -> LibraryPolicy:
    """The defaults where the library has set nothing."""
    text = unit.execute(select(library_policy.c.data).where(library_policy.c.library == symbol)).scalar()
    return _policy(text) if text else LibraryPolicy()


def all_policies(unit: Unit) -> dict[str, LibraryPolicy]:
    """Of those libraries that have set anything, by symbol."""
    rows = unit.execute(select(library_policy.c.library, library_policy.c.data))
    return {row[0]: _policy(row[1]) for row in rows}


def put_policy(unit: Unit, symbol: str, value: LibraryPolicy, now: datetime) -> None:
    text = msgspec.json.encode(value).decode()
    changed = update(library_policy).where(library_policy.c.library == symbol).values(data=text, changed=now)
    if unit.execute(changed).rowcount == 0:
        unit.execute(insert(library_policy).values(library=symbol, data=text, changed=now))


def get_setting(unit: Unit, name: str) -> str | None:
    """JSON; None = it is not set."""
    return unit.execute(select(routing_setting.c.value).where(routing_setting.c.name == name)).scalar()


def put_setting(unit: Unit, name: str, value: str, now: datetime) -> None:
    changed = update(routing_setting).where(routing_setting.c.name == name).values(value=value, changed=now)
    if unit.execute(changed).rowcount == 0:
        unit.execute(insert(routing_setting).values(name=name, value=value, changed=now))
