"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

Id = BigInteger().with_variant(Integer, "sqlite")
"""64 bits. SQLite keeps a table by its INTEGER PRIMARY KEY, which is 64 bits wide."""


class Words(TypeDecorator[str]):
    """Text that came from outside.

    It is compared and sorted by code points, as Python does (PostgreSQL would sort by its locale). What PostgreSQL
    can't keep, NUL, and what no database can, half a surrogate pair, is U+FFFD in whatever is written or asked for.
    Bytes as they came are kept as bytes, beside it.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text(collation="C") if dialect.name == "postgresql" else self.impl_instance

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else storable(value)


class Instant(TypeDecorator[datetime]):
    """A point in time: with a zone when it is written, in UTC when it is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def storable(text: str) -> str:
    """The text as both databases keep it. Lossless but for NUL and halves of surrogate pairs."""
    if "\x00" in text:
        text = text.replace("\x00", "�")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("�" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text
