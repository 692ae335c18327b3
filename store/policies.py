"""How libraries take part in document delivery, and what the routing as a whole is set to: configuration, as JSON."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Struct
from sqlalchemy import Column, ForeignKey, String, Table, Text, insert, select, update

from mappings.requests import LibraryPolicy
from store.columns import Instant
from store.database import StoreError, Unit, metadata

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


class UnreadableError(StoreError):
    """The policy of one library can't be read. The message says which, and what to do."""


def as_json(value: Struct) -> str:
    """For the database. JSON has no infinity: one would be stored as null, and nobody could read anything any more.
    Raises ValueError."""
    text = msgspec.json.encode(value).decode()
    try:
        msgspec.json.decode(text, type=type(value))
    except msgspec.ValidationError as error:
        raise ValueError(f"It could not be read again: {error}") from error
    return text


@lru_cache(maxsize=1024)
def _policy(text: str) -> LibraryPolicy:
    """Each request asks for all of them, and they hardly ever change."""
    return msgspec.json.decode(text, type=LibraryPolicy)


def _read(symbol: str, text: str) -> LibraryPolicy:
    try:
        return _policy(text)
    except msgspec.ValidationError as error:
        raise UnreadableError(
            f"The policy of {symbol} can't be read: {error}. Set it anew: tongcang routing load FILE --replace"
        ) from error


def policy_of(unit: Unit, symbol: str) -> LibraryPolicy:
    """The defaults where the library has set nothing. Raises UnreadableError."""
    text = unit.execute(select(library_policy.c.data).where(library_policy.c.library == symbol)).scalar()
    return _read(symbol, text) if text else LibraryPolicy()


def all_policies(unit: Unit) -> dict[str, LibraryPolicy]:
    """Of those libraries that have set anything, by symbol. Raises UnreadableError."""
    rows = unit.execute(select(library_policy.c.library, library_policy.c.data))
    return {row[0]: _read(row[0], row[1]) for row in rows}


def put_policy(unit: Unit, symbol: str, value: LibraryPolicy, now: datetime) -> None:
    """Raises ValueError where it could not be read again."""
    text = as_json(value)
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
