"""The state database: connections, transactions, migrations, and what differs between databases.

Invariant: whatever `write()` has left without an exception is on the disk (SQLite: WAL with synchronous=FULL), and
nothing of a `write()` that raised is. Every typed function of this package takes the connection of such a transaction
as its first argument and neither commits nor rolls back.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DatabaseError, OperationalError

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BUSY_SECONDS = 30

Unit = Connection
"""A unit of work: what `Database.write` and `read` give, and every typed function of this package takes."""


class StoreError(Exception):
    """The state database can't be used. The message tells a person what to do; nothing was half written."""


class Database:
    """One state database. Thread-safe; not to be carried over a fork."""

    def __init__(self, url: str) -> None:
        """`url` as SQLAlchemy writes it: sqlite:////var/lib/tongcang/state.db"""
        self.url = make_url(url)
        connect_args: dict[str, Any] = {}
        if self.url.get_backend_name() == "sqlite":
            # pysqlite must not begin transactions on its own: we say BEGIN IMMEDIATE ourselves.
            connect_args = {"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
        self._check: Callable[[Connection], None] = lambda _: None
        # Threads of this process queue here; SQLite's own waiting is polling with growing pauses.
        self._writing = threading.Lock()
        self.engine: Engine = create_engine(self.url, connect_args=connect_args)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def guarded(self, check: Callable[[Connection], None]) -> Database:
        """This database as the holder of a lease sees it: every `write()` begins with the check, which raises where
        the lease was lost. The check locks the lease's row, so that nobody takes it while the transaction lasts."""
        guarded = copy.copy(self)
        guarded._check = check
        return guarded

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write: committed on leaving, rolled back on an exception."""
        with self._told(), self._writing, self.engine.connect() as connection:
            connection = connection.execution_options(tongcang_write=True)
            with connection.begin():
                self._check(connection)
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads: it sees one state throughout."""
        with self._told(), self.engine.connect() as connection, connection.begin():
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest revision. Safe to call at every start."""
        if self.url.get_backend_name() == "sqlite" and self.url.database not in (None, "", ":memory:"):
            path = Path(str(self.url.database))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"The data folder {path.parent} can't be made: {error.strerror}.") from error
        with self._told():
            if self.revision() == ScriptDirectory.from_config(_alembic_config()).get_current_head():
                return
            with self.write() as connection:
                config = _alembic_config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")

    def revision(self) -> str | None:
        """The schema revision that the database is at; None before the first migration."""
        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise StoreError(self._advice(str(error.orig))) from error
        except DatabaseError as error:
            if "malformed" in str(error.orig) or "not a database" in str(error.orig):
                raise StoreError(
                    f"{self.url.database} is damaged or no Tongcang database: {error.orig}. Restore it from a backup."
                ) from error
            raise

    def _advice(self, cause: str) -> str:
        where = self.url.database or self.url.render_as_string(hide_password=True)
        if "full" in cause or "disk I/O" in cause:
            return f"The disk is full or failing at {where} ({cause}). Free some space and run the command again."
        if "locked" in cause:
            return (
                f"{where} has been locked by another process for {BUSY_SECONDS} s. "
                "Wait until it is done, or end it, and run the command again."
            )
        if "unable to open" in cause or "readonly" in cause:
            return f"{where} can't be opened for writing ({cause}). Check the folder and its permissions."
        return f"The state database {where} can't be used: {cause}."


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # FULL, since NORMAL may lose the last commits at a power failure, and what we acknowledged must stay.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-131072",
        "temp_store=MEMORY",
        "mmap_size=1073741824",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("tongcang_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
