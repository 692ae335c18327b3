"""The one writer of a generation: versions, tombstones, commits.

Nothing that it writes is seen by a reader before `commit`. Documents are replaced by id; whether an operation is
stale is decided by what was written since the last commit, by the tombstones, and by the index as last committed,
which is asked once for each batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import tantivy

from indexer.engine.documents import fault
from indexer.engine.embedded_errors import told
from indexer.engine.embedded_schema import ID, VERSION, open_index, to_tantivy
from indexer.engine.embedded_tombstones import Tombstones
from indexer.engine.protocol import Delete, Operation, Put, Refusal

_BATCH = 1_000
_UNPUBLISHED_COMMIT = 200_000
"""Operations after which a generation that nobody reads yet is committed by itself: what must be remembered until a
commit (some 200 bytes an operation) stays below 40 MB, however long the stream is."""


class Writer:
    """Holds the generation's lock from its making to its end. Not thread-safe."""

    def __init__(self, path: Path, index_path: Path, *, published: bool, heap_mb: int, update_heap_mb: int) -> None:
        self._path = path
        self._published = published
        self._written: dict[str, int] = {}  # versions since the last commit
        with told(path, "opened for writing"):
            self._index = open_index(index_path)
            self._schema = self._index.schema
            self._searcher = self._index.searcher()
            rebuilding = not published and self._searcher.num_docs == 0
            heap, threads = (heap_mb, 2) if rebuilding else (update_heap_mb, 1)
            self._writer = self._index.writer(heap * 1_000_000, threads)
            self._tombstones = Tombstones(path / "tombstones")

    def write(self, operations: Iterable[Operation]) -> list[Refusal]:
        """After an exception the writer must be ended: what it holds is part of a batch."""
        refusals: list[Refusal] = []
        for batch in _batches(operations):
            with told(self._path, "written"):
                refusals += self._write(batch)
                if not self._published and len(self._written) >= _UNPUBLISHED_COMMIT:
                    self._commit()
        return refusals

    def commit(self) -> None:
        """Make all of it durable and visible. tantivy syncs its files and, in one step, the file that names them."""
        with told(self._path, "written"):
            self._commit()

    def close(self) -> None:
        """Give up what was not committed, let merges come to their end, and release the lock."""
        with told(self._path, "closed"):
            self._writer.wait_merging_threads()

    def abandon(self) -> None:
        """Back to the last commit, and release the lock at once, even while a trace back holds this object."""
        del self._writer

    def _commit(self) -> None:
        self._tombstones.make_durable()
        self._writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()
        self._written = {}

    def _write(self, batch: list[Operation]) -> list[Refusal]:
        refusals: list[Refusal] = []
        committed = self._committed(batch)
        for operation in batch:
            identifier, version = _identity(operation)
            problem = fault(operation)
            if problem:
                refusals.append(Refusal(identifier, problem))
                continue
            present = self._written.get(identifier, committed.get(identifier))
            if version < max(-1 if present is None else present, self._tombstones.version(identifier)):
                continue
            if isinstance(operation, Put):
                try:
                    document = to_tantivy(operation.document, self._schema)
                except (UnicodeError, ValueError, TypeError) as error:
                    refusals.append(Refusal(identifier, f"A value can't be indexed: {error}"))
                    continue
            if present is not None:
                self._writer.delete_documents_by_term(ID, identifier)
            if isinstance(operation, Put):
                self._writer.add_document(document)
            else:
                self._tombstones.add(identifier, version)
            self._written[identifier] = version
        return refusals

    def _committed(self, batch: list[Operation]) -> dict[str, int]:
        """Versions of the batch's documents in the index. Reading an id by its order spares fetching the document."""
        if self._searcher.num_docs == 0:
            return {}
        unknown = {_identity(operation)[0] for operation in batch} - self._written.keys()
        asked = [identifier for identifier in unknown if identifier.isascii()]
        if not asked:
            return {}
        query = tantivy.Query.term_set_query(self._schema, ID, asked)
        hits = self._searcher.search(query, limit=len(asked), count=False, order_by_field=ID).hits
        versions = self._searcher.fast_field_values(VERSION, [address for _, address in hits])
        return {identifier: int(version or 0) for (identifier, _), version in zip(hits, versions, strict=True)}


def _identity(operation: Operation) -> tuple[str, int]:
    match operation:
        case Put():
            return operation.document.id, operation.document.version
        case Delete():
            return operation.id, operation.version


def _batches(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    iterator = iter(operations)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
