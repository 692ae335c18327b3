"""What an operator should know of the database server. (Each connection says if it is old, or of another encoding.)"""

from __future__ import annotations

import sqlite3

from msgspec import Struct
from sqlalchemy import text

from store.database import Database


class Server(Struct, frozen=True):
    """The database server as it tells of itself."""

    product: str  # SQLite, PostgreSQL
    version: str
    stale_collation: bool = False  # the system's sorting rules have changed since the indexes were made
    connections: int | None = None  # in use on the whole server
    most_connections: int | None = None


_POSTGRES = text(
    "SELECT current_setting('server_version') AS version, current_setting('max_connections')::int AS most, "
    "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used, "
    "coalesce(datcollversion <> pg_database_collation_actual_version(oid), false) AS stale "
    "FROM pg_database WHERE datname = current_database()"
)


def describe_server(database: Database) -> Server:
    """Raises StoreError."""
    if database.is_sqlite:
        return Server("SQLite", sqlite3.sqlite_version)
    with database.read() as unit:
        row = unit.execute(_POSTGRES).one()
    return Server("PostgreSQL", row.version.split()[0], row.stale, row.used, row.most)
