"""Tables that are only ever added to: the database itself refuses to change or to take away a row of them.

Used by migrations, so what it makes for a table must never change: make another function for another rule.
"""

from __future__ import annotations

from collections.abc import Iterator


def forbid_changes(table: str, dialect: str) -> Iterator[str]:
    """The statements that make a table append-only; `dialect` is SQLAlchemy's name, sqlite or postgresql."""
    message = f"{table} is only ever added to"
    if dialect == "sqlite":
        for what in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
        return
    yield (
        f"CREATE OR REPLACE FUNCTION {table}_only_added() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$BEGIN RAISE EXCEPTION '{message}'; END$$"
    )
    # For each statement, so that one that finds no row is refused as well, and TRUNCATE too.
    yield (
        f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_only_added()"
    )


def forbid_replacing(table: str, key: tuple[str, ...], dialect: str) -> Iterator[str]:
    """On SQLite, INSERT OR REPLACE takes a row away without its trigger noticing: one whose key is there is refused."""
    if dialect == "sqlite":
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        yield (
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
        )


def allow_changes(table: str, dialect: str) -> Iterator[str]:
    """The way back, before the table is dropped."""
    if dialect == "sqlite":
        yield f"DROP TRIGGER {table}_no_update"
        yield f"DROP TRIGGER {table}_no_delete"
        return
    yield f"DROP TRIGGER {table}_only_added ON {table}"
    yield f"DROP FUNCTION {table}_only_added()"
