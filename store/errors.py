"""What a person is told when the state database can't be used, and whether trying again may help.

The sentences are chosen by SQLSTATE (PostgreSQL, appendix A of its manual) or by SQLite's words. Where PostgreSQL
refuses a connection, its client tells no SQLSTATE, so there its words are looked at.
"""

from __future__ import annotations

import re
import sqlite3

import psycopg
from sqlalchemy.engine import URL

BUSY_SECONDS = 30
"""How long a statement waits for another process's lock."""


class StoreError(Exception):
    """The state database can't be used. The message tells a person what to do; nothing was half written."""


class StoreBusyError(StoreError):
    """The state database can't be used just now: trying again may help.

    Where the connection was lost while a transaction was being committed, it may have been committed. All stages bear
    that: what is committed with its watermark is not done again.
    """


def told(url: URL, error: BaseException | None) -> StoreError | None:
    """The sentence for an error of the database's driver; None for one that is a fault of this program, or of another
    kind of database, as where a state is copied from one to the other."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if isinstance(error, psycopg.Error) and not is_sqlite:
        return _of_postgres(url, error)
    if isinstance(error, sqlite3.Error) and is_sqlite:
        return _of_sqlite(url, error)
    return None


def place(url: URL) -> str:
    """The database for a message: its file, or host, port and name. Never a password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the database in memory"
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"


# ---------------------------------------------------------------------------------------------- SQLite


def _of_sqlite(url: URL, error: sqlite3.Error) -> StoreError | None:
    cause, where = str(error), place(url)
    if "malformed" in cause or "not a database" in cause:
        return StoreError(f"{where} is damaged or no Tongcang database: {cause}. Restore it from a backup.")
    if not isinstance(error, sqlite3.OperationalError):
        return None
    if "full" in cause or "disk I/O" in cause:
        return StoreError(
            f"The disk is full or failing at {where} ({cause}). Free some space and run the command again."
        )
    if "locked" in cause:
        return StoreBusyError(
            f"{where} has been locked by another process for {BUSY_SECONDS} s. "
            "Wait until it is done, or end it, and run the command again."
        )
    if "unable to open" in cause or "readonly" in cause:
        return StoreError(f"{where} can't be opened for writing ({cause}). Check the folder and its permissions.")
    return StoreError(f"The state database {where} can't be used: {cause}.")


# ---------------------------------------------------------------------------------------------- PostgreSQL

_BY_STATE: dict[str, tuple[type[StoreError], str]] = {
    "08": (StoreBusyError, "The connection to PostgreSQL at {where} was lost ({cause}). Run the command again."),
    "40": (
        StoreBusyError,
        "PostgreSQL at {where} undid the transaction for the sake of another one ({cause}). Run the command again.",
    ),
    "42501": (
        StoreError,
        "The user {user} may not do that in {where} ({cause}). Make it the owner: "
        'ALTER DATABASE "{database}" OWNER TO "{user}".',
    ),
    "53100": (
        StoreError,
        "The disk of PostgreSQL at {where} is full ({cause}). Free some space there and run the command again.",
    ),
    "53300": (
        StoreBusyError,
        "PostgreSQL at {where} has no connection left ({cause}). Raise its max_connections, or run fewer processes.",
    ),
    "53": (StoreBusyError, "PostgreSQL at {where} lacks memory or other means ({cause}). Look into its log."),
    "55P03": (
        StoreBusyError,
        f"A lock in {{where}} has been held by another process for {BUSY_SECONDS} s. "
        "Wait until it is done, or end it, and run the command again.",
    ),
    "57014": (StoreBusyError, "PostgreSQL at {where} stopped the statement ({cause}). Run the command again."),
    "57P": (
        StoreBusyError,
        "PostgreSQL at {where} is stopping or starting ({cause}). Run the command again in a while.",
    ),
    "25P03": (
        StoreBusyError,
        "PostgreSQL at {where} ended a transaction in which nothing was done for too long ({cause}). "
        "Run the command again.",
    ),
    "25006": (
        StoreError,
        "PostgreSQL at {where} takes no writes ({cause}). It may be a standby: give the address of the primary server.",
    ),
    "58": (StoreError, "PostgreSQL at {where} can't read or write its files ({cause}). Look into its log."),
    "XX001": (StoreError, "{where} is damaged ({cause}). Restore it from a backup."),
    "XX002": (StoreError, "An index of {where} is damaged ({cause}). Run REINDEX on the database, or restore it."),
}
"""By the longest beginning of the SQLSTATE."""

_LOST = (StoreBusyError, "PostgreSQL at {where} can't be reached ({cause}). Check that it runs, and its host and port.")

_REFUSED = (
    (re.compile("too many (clients|connections)|connection slots"), *_BY_STATE["53300"]),
    (re.compile("starting up|shutting down|recovery|not yet accepting"), *_BY_STATE["57P"]),
    (
        re.compile('database ".*" does not exist'),
        StoreError,
        "There is no database {where}. Make it: "
        """CREATE DATABASE "{database}" OWNER "{user}" ENCODING 'UTF8' TEMPLATE template0.""",
    ),
    (
        re.compile('authentication|no password supplied|pg_hba\\.conf|role ".*"'),
        StoreError,
        "PostgreSQL at {where} refuses the user {user} ({cause}). Check user and password in TONGCANG_DATABASE, "
        "or give the password in PGPASSWORD.",
    ),
)
"""Words of a refused connection."""


def _of_postgres(url: URL, error: psycopg.Error) -> StoreError | None:
    kind, sentence = _sentence(error)
    if kind is None:
        return None
    cause = " ".join(str(error).split())
    for secret in (url.password, url.query.get("password")):
        if secret:
            cause = cause.replace(str(secret), "***")
    return kind(sentence.format(where=place(url), cause=cause, user=url.username or "", database=url.database or ""))


def _sentence(error: psycopg.Error) -> tuple[type[StoreError] | None, str]:
    state = error.sqlstate
    if state is not None:
        for length in (5, 3, 2):
            if (found := _BY_STATE.get(state[:length])) is not None:
                return found
        return None, ""
    if not isinstance(error, psycopg.OperationalError):
        return None, ""
    cause = str(error)
    for words, kind, sentence in _REFUSED:
        if words.search(cause):
            return kind, sentence
    return _LOST
