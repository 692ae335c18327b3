"""What an index has to do for union records that changed: read in batches, analysed by workers where there are any."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future

from indexer.document import documents
from indexer.engine.protocol import Delete, Operation, Put
from mappings.model import union_id
from store import unions
from store.database import Database
from store.unions import UnionRow

BATCH = 4000
CHUNK = 250


def operations_of_changes(
    database: Database, after: int, last: int, executor: Executor | None
) -> Iterator[tuple[list[UnionRow], list[Operation]]]:
    """Batches of changed union records with what is to be done; the next is analysed while one is written."""
    waiting: tuple[list[UnionRow], list[Future[list[Operation]] | list[Operation]]] | None = None
    while True:
        with database.read() as unit:
            rows = unions.changed_unions(unit, after, BATCH, last)
        tasks: list[Future[list[Operation]] | list[Operation]] = []
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            parallel = executor is not None and len(rows) > CHUNK
            tasks.append(executor.submit(operations_of, some) if executor and parallel else operations_of(some))
        if waiting is not None:
            ready = [task.result() if isinstance(task, Future) else task for task in waiting[1]]
            yield waiting[0], [operation for some_ready in ready for operation in some_ready]
        if not rows:
            return
        after = rows[-1].seq
        waiting = rows, tasks


def operations_of(rows: list[UnionRow]) -> list[Operation]:
    """Pure: what the engine has to do for each."""
    gone: list[Operation] = [Delete(union_id(row.key), row.seq) for row in rows if row.deleted]
    live = [row for row in rows if not row.deleted]
    return gone + [Put(document) for document in documents([(row.data, row.seq) for row in live])]


def grouped(
    batches: Iterator[tuple[list[UnionRow], list[Operation]]], size: int
) -> Iterator[tuple[list[UnionRow], list[Operation]]]:
    rows: list[UnionRow] = []
    operations: list[Operation] = []
    for some_rows, some_operations in batches:
        rows += some_rows
        operations += some_operations
        if len(rows) >= size:
            yield rows, operations
            rows, operations = [], []
    if rows:
        yield rows, operations
