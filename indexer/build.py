"""The index stage: from union records to the live generation of the search engine.

A generation's name tells the rules it was built by. Under the same rules, changes are written into the live generation;
under others, or when asked, a new one is built beside it and takes its place only when store and index agree. The
watermark `index:<generation>` follows the engine's own commit, so a crash between the two writes again what is there
already: the version of each document makes that harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from hashlib import blake2b

from msgspec import Struct

from indexer.document import ANALYSIS_VERSION, documents
from indexer.engine.protocol import All, Delete, Engine, Facet, Operation, Plan, Put, Refusal
from mappings.model import union_id
from store import unions
from store.database import Database
from store.progress import drop_watermark, get_watermark, set_watermark
from store.unions import UnionRow

DOCUMENT_VERSION = 1
"""To be raised when Document or what is written into it changes."""

BATCH = 4000
CHUNK = 250
COMMIT = 20_000
"""Union records between two commits of an update: a commit costs tantivy some 0.2–0.8 s (measured)."""


class IndexCounts(Struct):
    written: int = 0
    deleted: int = 0
    refused: tuple[Refusal, ...] = ()
    rebuilt: str = ""  # the name of the generation, where one was built


class GateError(Exception):
    """Store and new index differ: the live generation stays. The message names the libraries."""


def generation_prefix() -> str:
    return f"v{DOCUMENT_VERSION}-{ANALYSIS_VERSION}-"


def index_changes(
    database: Database,
    engine: Engine,
    *,
    executor: Executor | None = None,
    rebuild: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> IndexCounts:
    """Bring the index up to date with the union records; build a new generation where there is none of these rules."""
    live = engine.live()
    if rebuild or live is None or not live.startswith(generation_prefix()):
        return _rebuild(database, engine, executor, progress)
    return _update(database, engine, live, executor, progress)


def _update(
    database: Database, engine: Engine, live: str, executor: Executor | None, progress: Callable[[int], None]
) -> IndexCounts:
    counts = IndexCounts()
    stage = f"index:{live}"
    with database.read() as unit:
        after = get_watermark(unit, stage)
    for rows, operations in _grouped(_operations(database, after, executor), COMMIT):
        counts.refused += tuple(engine.bulk(operations, live))
        engine.refresh(live)
        with database.write() as unit:
            set_watermark(unit, stage, rows[-1].seq)
        _count(counts, operations)
        progress(counts.written + counts.deleted)
    return counts


def _rebuild(
    database: Database, engine: Engine, executor: Executor | None, progress: Callable[[int], None]
) -> IndexCounts:
    before = engine.live()
    generation = _next_name(engine)
    counts = IndexCounts(rebuilt=generation)
    engine.create(generation)
    last = 0
    for rows, operations in _operations(database, 0, executor):
        puts = [operation for operation in operations if isinstance(operation, Put)]
        counts.refused += tuple(engine.bulk(puts, generation))
        _count(counts, puts)
        last = rows[-1].seq
        progress(counts.written)
    engine.refresh(generation)
    try:
        _gate(database, engine, generation, last, counts)
    except GateError:
        engine.drop(generation)
        raise
    with database.write() as unit:
        set_watermark(unit, f"index:{generation}", last)
    engine.swap(generation)
    _sweep(database, engine, keep={generation, before or generation})
    return counts


def _count(counts: IndexCounts, operations: Iterable[Operation]) -> None:
    for operation in operations:
        if isinstance(operation, Put):
            counts.written += 1
        else:
            counts.deleted += 1


def _next_name(engine: Engine) -> str:
    """The number behind the prefix only grows while the generation before is kept, so no two have one name."""
    prefix = generation_prefix()
    numbers = [int(name.rsplit("-", 1)[1]) for name in engine.generations() if name.startswith(prefix)]
    return f"{prefix}{max(numbers, default=0) + 1:04d}"


def _operations(
    database: Database, after: int, executor: Executor | None
) -> Iterator[tuple[list[UnionRow], list[Operation]]]:
    """Batches of changed union records with what is to be done; the next is analysed while one is written."""
    waiting: tuple[list[UnionRow], list[Future[list[Operation]] | list[Operation]]] | None = None
    while True:
        with database.read() as unit:
            rows = unions.changed_unions(unit, after, BATCH)
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


def _grouped(
    batches: Iterator[tuple[list[UnionRow], list[Operation]]], size: int
) -> Iterator[tuple[list[UnionRow], list[Operation]]]:
    rows: list[UnionRow] = []
    operations: list[Operation] = []
    for some_rows, some_operations in batches:
        rows += some_rows
        operations += some_operations
        if len(operations) >= size:
            yield rows, operations
            rows, operations = [], []
    if rows:
        yield rows, operations


def _gate(database: Database, engine: Engine, generation: str, last: int, counts: IndexCounts) -> None:
    """Compare what was built with the store as it was when it was read: in all, and by library."""
    total, by_library = _indexed(engine, generation)
    with database.read() as unit:
        expected = unions.count_unions(unit, last)
        expected_by_library = unions.count_by_library(unit, last)
    differing = sorted(
        symbol
        for symbol in expected_by_library | by_library
        if expected_by_library.get(symbol, 0) != by_library.get(symbol, 0)
    )
    refused = len(counts.refused)
    if total + refused != expected or (differing and not refused):
        raise GateError(
            f"The new index has {total} union records and the store {expected}; libraries that differ: "
            f"{', '.join(differing) or 'none'}. The index before stays in use. Run: tongcang index rebuild"
        )


def _indexed(engine: Engine, generation: str) -> tuple[int, dict[str, int]]:
    results = engine.search(Plan(All(), facets=(Facet("lib", 10_000),), size=0), generation)
    return results.total, dict(results.facets["lib"])


def _sweep(database: Database, engine: Engine, keep: set[str]) -> None:
    for name in engine.generations():
        if name not in keep:
            engine.drop(name)
            with database.write() as unit:
                drop_watermark(unit, f"index:{name}")


def state_hash(database: Database, engine: Engine) -> str:
    """SHA-256-strength hash of all that the store and the live index hold, without numbers that count deliveries.

    Two states that came about in any order of runs, batches and crashes are equal where this is (see docs/adr).
    """
    digest = blake2b(digest_size=32)
    with database.read() as unit:
        for part in (unions.scan_state(unit), unions.scan_unions(unit)):
            for line in part:
                digest.update(line)
    live = engine.live()
    if live is not None:
        for name, _, content in engine.scan(live):
            digest.update(f"{name}\x00".encode())
            digest.update(content)
    return digest.hexdigest()
