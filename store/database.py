"""The state database: connections, transactions, migrations, and what differs between SQLite and PostgreSQL.

Invariant: whatever `write()` has left without an exception is on the disk (SQLite: WAL with synchronous=FULL;
PostgreSQL: synchronous_commit), and nothing of a `write()` that raised is. Every typed function of this package takes
the connection of such a transaction as its first argument and neither commits nor rolls back.

SQLite has one writer at a time. On PostgreSQL `write()` is READ COMMITTED: writers of different subjects don't wait for
each other, and those that take numbers of one name do (store/progress.py). `read()` sees one state on both.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, create_engine, event, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

import store
from store.errors import BUSY_SECONDS, StoreBusyError, StoreError, place, told

__all__ = [
    "BUSY_SECONDS",
    "Database",
    "StoreBusyError",
    "StoreError",
    "Unit",
    "all_tables",
    "clock",
    "knows_revision",
    "metadata",
    "newest_revision",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OLDEST_POSTGRES = 15
IDLE_SECONDS = 600
"""A transaction in which a process does nothing for so long is ended: its locks would stop all others."""

_MIGRATING = 0x746F6E67  # number of the advisory lock under which one process migrates: "tong"

Unit = Connection
"""A unit of work: what `Database.write` and `read` give, and every typed function of this package takes."""


class Database:
    """One state database. Thread-safe; not to be carried over a fork."""

    def __init__(self, url: str) -> None:
        """`url` as SQLAlchemy writes it: sqlite:////var/lib/tongcang/state.db, or postgresql://user@host:5432/name.

        Without a password in it, PostgreSQL's client takes one from PGPASSWORD or ~/.pgpass.
        """
        self.url = _parsed(url)
        self._check: Callable[[Connection], None] = lambda _: None
        self._observe: Callable[[str, float], None] = lambda _kind, _seconds: None
        # Threads of this process queue here; SQLite's own waiting is polling with growing pauses.
        self._writing: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()
        self.engine: Engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def has_password(self) -> bool:
        return bool(self.url.password) or "password" in self.url.query

    @property
    def place(self) -> str:
        """Which database it is, for a person: without password."""
        return place(self.url)

    def guarded(self, check: Callable[[Connection], None]) -> Database:
        """This database as the holder of a lease sees it: every `write()` begins with the check, which raises where
        the lease was lost. The check locks the lease's row, so that nobody takes it while the transaction lasts."""
        guarded = copy.copy(self)
        guarded._check = check
        return guarded

    def observed(self, observe: Callable[[str, float], None]) -> Database:
        """This database as somebody watches it who is told of every transaction: read or write, and its seconds."""
        observed = copy.copy(self)
        observed._observe = observe
        return observed

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write: committed on leaving, rolled back on an exception."""
        options = {"tongcang_write": True} if self.is_sqlite else {"isolation_level": "READ COMMITTED"}
        with self._timed("write"), self._told(), self._writing, self.engine.connect() as connection:
            connection = connection.execution_options(**options)
            with connection.begin():
                self._check(connection)
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads: it sees one state throughout."""
        with self._timed("read"), self._told(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest revision. Safe to call at every start, and by several processes at once."""
        if self.is_sqlite and self.url.database not in (None, "", ":memory:"):
            path = Path(str(self.url.database))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"The data folder {path.parent} can't be made: {error.strerror}.") from error
        config = _alembic_config()
        if self.revision() == newest_revision():
            return
        with self.write() as connection:
            if not self.is_sqlite:  # SQLite's writing transaction is such a lock
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")  # does nothing where another process has just done it
            except CommandError as error:
                raise StoreError(
                    f"{self.place} was made by another version of Tongcang ({error}). Use that version, or a newer one."
                ) from error

    def revision(self) -> str | None:
        """The schema revision that the database is at; None before the first migration."""
        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _timed(self, kind: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._observe(kind, time.perf_counter() - began)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if (sentence := told(self.url, error.orig)) is not None:
                raise sentence from error
            raise
        except psycopg.Error as error:  # from COPY, which goes past SQLAlchemy
            if (sentence := told(self.url, error)) is not None:
                raise sentence from error
            raise
        except PoolTimeout as error:
            raise StoreBusyError(f"All connections of this process to {self.place} are in use. Try again.") from error


def clock(unit: Connection) -> float:
    """Seconds since 1970 by the clock of the database, which is one for all processes. SQLite: in steps of 1 ms."""
    if unit.dialect.name == "sqlite":
        statement = "SELECT (julianday('now') - 2440587.5) * 86400.0"
    else:
        statement = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
    return float(unit.exec_driver_sql(statement).scalar_one())


@cache
def newest_revision() -> str:
    """The schema revision that this version of Tongcang wants."""
    return ScriptDirectory.from_config(_alembic_config()).get_current_head() or ""


def knows_revision(revision: str) -> bool:
    """Can this version of Tongcang bring such a schema to its own?"""
    scripts = ScriptDirectory.from_config(_alembic_config())
    return any(script.revision == revision for script in scripts.walk_revisions())


def all_tables() -> MetaData:
    """The tables of every subject file: each is known when its file is imported."""
    for module in iter_modules(store.__path__, "store."):
        import_module(module.name)
    return metadata


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "The database's address can't be read. Write it as sqlite:////folder/state.db or "
            "postgresql://user@host:5432/name (TONGCANG_DATABASE)."
        ) from error
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError(f"Tongcang keeps its state in SQLite or PostgreSQL, not in {backend} (TONGCANG_DATABASE).")
    return parsed


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


# ---------------------------------------------------------------------------------------------- SQLite


def _sqlite_engine(url: URL) -> Engine:
    # pysqlite must not begin transactions on its own: we say BEGIN IMMEDIATE ourselves.
    arguments = {"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


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


# ---------------------------------------------------------------------------------------------- PostgreSQL


def _postgres_engine(url: URL) -> Engine:
    arguments: dict[str, Any] = {
        "connect_timeout": 10,
        "application_name": "tongcang",
        # A server that is gone without a word is noticed in half a minute, not in two hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
    }
    given = {name: value for name, value in arguments.items() if name not in url.query}
    # Connections beyond ten are for the threads of the API; they are closed after use.
    engine = create_engine(
        url, connect_args=given, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=40
    )

    def prepare(connection: psycopg.Connection[Any], _record: Any) -> None:
        _prepare_postgres(connection, place(url))

    event.listen(engine, "connect", prepare)
    return engine


_SETTINGS = f"""
SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),
  set_config('TimeZone', 'UTC', false),
  set_config('lock_timeout', '{BUSY_SECONDS}s', false),
  set_config('idle_in_transaction_session_timeout', '{IDLE_SECONDS}s', false),
  set_config('jit', 'off', false),
  set_config('plan_cache_mode', 'force_custom_plan', false),
  CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
    THEN set_config('synchronous_commit', 'on', false) END
"""
"""No compiling (jit): our statements are short, and each would be compiled anew. No plan is kept either: one that was
made while a table was small reads all of it when it is large (a first harvest took four times as long: measured)."""


def _prepare_postgres(connection: psycopg.Connection[Any], where: str) -> None:
    connection.autocommit = True
    row = connection.execute(_SETTINGS).fetchone()
    connection.autocommit = False
    assert row is not None
    version, encoding = row[0], row[1]
    if version < OLDEST_POSTGRES:
        connection.close()
        raise StoreError(f"{where} is PostgreSQL {version}; Tongcang needs {OLDEST_POSTGRES} or later.")
    if encoding != "UTF8":
        connection.close()
        raise StoreError(
            f"{where} is encoded as {encoding}, which can't hold the catalogue. "
            "Make another database: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )
