"""What an operator should know of the database server: its version, encoding and room for connections."""

from __future__ import annotations

import sqlite3

from msgspec import Struct
from sqlalchemy import text

from store.database import Database, Unit

OLDEST_POSTGRES = 15
OLDEST_SQLITE = (3, 35)
"""The first that knows RETURNING."""


class Server(Struct, frozen=True):
    """The database server as it tells of itself."""

    product: str  # SQLite, PostgreSQL
    version: str
    old: bool  # older than what we are made for
    encoding: str  # UTF-8 is what we need
    stale_collation: bool  # the system's sorting rules have changed since the indexes were made
    connections: int | None = None  # in use on the whole server
    most_connections: int | None = None


def describe_server(database: Database) -> Server:
    """Raises StoreError."""
    with database.read() as unit:
        return _sqlite(unit) if database.is_sqlite else _postgres(unit)


def _sqlite(unit: Unit) -> Server:
    encoding = str(unit.exec_driver_sql("PRAGMA encoding").scalar_one())
    return Server("SQLite", sqlite3.sqlite_version, sqlite3.sqlite_version_info < OLDEST_SQLITE, encoding, False)


_POSTGRES = text(
    "SELECT current_setting('server_version') AS version, "
    "pg_encoding_to_char(encoding) AS encoding, current_setting('max_connections')::int AS most, "
    "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used, "
    "coalesce(datcollversion <> pg_database_collation_actual_version(oid), false) AS stale "
    "FROM pg_database WHERE datname = current_database()"
)


def _postgres(unit: Unit) -> Server:
    number = int(unit.exec_driver_sql("SELECT current_setting('server_version_num')::int").scalar_one())
    if number < OLDEST_POSTGRES * 10_000:  # what the other question asks for may not be there yet
        version = str(unit.exec_driver_sql("SELECT current_setting('server_version')").scalar_one())
        return Server("PostgreSQL", version, True, "UTF8", False)
    row = unit.execute(_POSTGRES).one()
    return Server("PostgreSQL", row.version.split()[0], False, row.encoding, row.stale, row.used, row.most)
