"""A whole state from one database to another: from SQLite to PostgreSQL when a machine is not enough, and back.

Invariant: the target has nothing, or all of it. What is copied is one state of the source, in one transaction of the
target; before that is committed, every row is read back and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Table, func, select, text

from store.bulk import insert_rows
from store.database import Database, StoreError, Unit, all_tables
from store.records import BLOCK

LEFT_OUT = ("lease",)
"""Leases belong to the processes that are at work, not to the state."""

Fingerprint = tuple[int, int]  # rows; sum of their hashes, in whatever order they come


def copy_state(
    source: Database, target: Database, progress: Callable[[str, int], None] = lambda _table, _rows: None
) -> dict[str, int]:
    """Copy all that the source holds; returns the number of rows by table.

    `progress` is told a table and how many of its rows are copied so far. Raises StoreError where the target is not
    empty, or is not what the source is at the end. Nobody should write into the source meanwhile: it would be missing.
    """
    if source.place == target.place:
        raise StoreError(f"{source.place} can't be copied to itself.")
    target.migrate()
    if source.revision() != target.revision():
        raise StoreError(
            f"{source.place} has schema {source.revision()} and {target.place} {target.revision()}: "
            "run tongcang store migrate on both with one version of Tongcang."
        )
    counts: dict[str, int] = {}
    with source.read() as reading, target.write() as writing:
        for unit in (reading, writing):
            _let_idle(unit)
        tables = [table for table in all_tables().sorted_tables if table.name not in LEFT_OUT]
        _require_empty(writing, tables, target.place)
        for table in tables:
            copied = _copy(reading, writing, table, progress)
            if copied != _fingerprint(writing, table):
                raise StoreError(
                    f"The table {table.name} is not the same in {target.place} as in {source.place}. Nothing was "
                    "copied. Look whether the databases are sound, and report it."
                )
            counts[table.name] = copied[0]
            _go_on_counting(writing, table)
    return counts


def _let_idle(unit: Unit) -> None:
    """While a large table is read back from the one database, nothing is asked of the other: it is to wait."""
    if unit.dialect.name == "postgresql":
        unit.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _require_empty(unit: Unit, tables: list[Table], place: str) -> None:
    for table in tables:
        if unit.execute(select(table).limit(1)).first() is not None:
            raise StoreError(f"{place} is not empty: its table {table.name} has rows. Give an empty database.")


def _copy(reading: Unit, writing: Unit, table: Table, progress: Callable[[str, int], None]) -> Fingerprint:
    count = total = 0
    with closing(_blocks(reading, table)) as blocks:
        for rows in blocks:
            insert_rows(writing, table, rows)
            count += len(rows)
            total += sum(map(_hash, rows))
            progress(table.name, count)
    return count, total


def _fingerprint(unit: Unit, table: Table) -> Fingerprint:
    count = total = 0
    for rows in _blocks(unit, table):
        count += len(rows)
        total += sum(map(_hash, rows))
    return count, total


def _blocks(unit: Unit, table: Table) -> Generator[list[dict[str, Any]]]:
    """To be closed where it is not read to the end: PostgreSQL keeps a cursor open for it."""
    in_order = select(table).order_by(*table.primary_key.columns)  # rows that come in order are written faster
    with unit.execute(in_order, execution_options={"yield_per": BLOCK}) as result:
        for rows in result.mappings().partitions():
            yield [dict(row) for row in rows]


def _hash(row: dict[str, Any]) -> int:
    return int.from_bytes(blake2b(msgspec.msgpack.encode(list(row.values())), digest_size=16).digest())


def _go_on_counting(unit: Unit, table: Table) -> None:
    """PostgreSQL keeps the next id beside the table; SQLite takes the one behind the greatest."""
    column = table.autoincrement_column
    if column is None or unit.dialect.name == "sqlite":
        return
    last = unit.execute(select(func.max(column))).scalar()
    if last is not None:
        name = unit.dialect.identifier_preparer.quote(table.name)
        unit.execute(select(func.setval(func.pg_get_serial_sequence(name, column.name), last)))
