"""The embedded engine: tantivy in this process, generations in a folder; one writer, and readers in any process.

Searches take an immutable snapshot, so they see one state throughout; before each, two files are looked at (some
10 µs) to see what another process has committed or switched. The writer's lock is taken by the first `bulk` and kept
until `release`, `swap` or a failure; it dies with its process. A kill leaves the last committed state.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import tantivy
from msgspec import Struct
from tantivy import DocAddress, Occur, Order, Searcher

from indexer.engine import cursors, limits
from indexer.engine.documents import canonical
from indexer.engine.embedded_errors import told
from indexer.engine.embedded_facets import count_facets
from indexer.engine.embedded_generations import Generations, stamp
from indexer.engine.embedded_paging import Pager
from indexer.engine.embedded_queries import between, restrict, translate
from indexer.engine.embedded_schema import DESCRIPTION, HOLDERS_DOWN, ID, KEY_BITS, SOURCE, VERSION, open_index
from indexer.engine.embedded_writing import Writer
from indexer.engine.protocol import (
    EngineError,
    Finding,
    Health,
    Hit,
    Operation,
    Plan,
    Refusal,
    Results,
    Suggestion,
    Term,
)
from indexer.engine.suggestions import Prefix
from store.packing import unpack

_BATCH = 1_000


class _Titled(Struct):
    title: str = ""


_titled = msgspec.json.Decoder(_Titled)


class _Reader:
    """One generation, opened for reading; thread-safe."""

    def __init__(self, path: Path, index_path: Path) -> None:
        self.path = path
        self._meta = index_path / "meta.json"
        self._lock = threading.Lock()
        with told(path, "opened"):
            self._seen = stamp(self._meta)
            self._index = open_index(index_path)
            self.schema = self._index.schema

    def searcher(self) -> Searcher:
        """A snapshot of the last committed state, whichever process committed it."""
        with told(self.path, "read"), self._lock:
            now = stamp(self._meta)
            if now != self._seen:
                self._index.reload()
                self._seen = now
            return self._index.searcher()


class EmbeddedEngine:
    """What tantivy gathers before it writes a segment: `heap_mb` while a generation is built (by two threads),
    `update_heap_mb` in an update. At least 30 and 15."""

    parallel_writers = False

    def __init__(self, folder: Path, *, heap_mb: int = 400, update_heap_mb: int = 50) -> None:
        self._generations = Generations(folder)
        self._heap_mb = heap_mb
        self._update_heap_mb = update_heap_mb
        self._readers: dict[str, _Reader] = {}
        self._reading = threading.Lock()
        self._writers: dict[str, Writer] = {}
        self._writing = threading.RLock()

    # ------------------------------------------------------------------------------------------ writing

    def create(self, generation: str) -> None:
        with self._writing:
            self._end(generation)
            self._generations.create(generation)
            self._forget(generation)

    def bulk(self, operations: Iterable[Operation], generation: str | None = None) -> list[Refusal]:
        """Memory: tantivy's heap, and 200 bytes for each operation on the live generation until `refresh`."""
        name = generation or self._live()
        with self._writing:
            writer = self._writers.get(name)
            if writer is None:
                path = self._generations.path(name)
                writer = Writer(
                    path,
                    self._generations.index(name),
                    published=name == self._generations.live(),
                    heap_mb=self._heap_mb,
                    update_heap_mb=self._update_heap_mb,
                )
                self._writers[name] = writer
            written = False
            try:
                refusals = writer.write(operations)
                written = True
            finally:
                if not written:
                    self._writers.pop(name).abandon()
            return refusals

    def refresh(self, generation: str | None = None) -> None:
        name = generation or self._live()
        with self._writing:
            writer = self._writers.get(name)
            if writer is None:
                return
            committed = False
            try:
                writer.commit()
                committed = True
            finally:
                if not committed:
                    self._writers.pop(name).abandon()

    def swap(self, generation: str) -> None:
        with self._writing:
            self.refresh(generation)
            self._end(generation)  # merges first: readers get few segments. The next writer is one for updates.
            self._generations.swap(generation)

    def drop(self, generation: str) -> None:
        with self._writing:
            if generation != self._generations.live():
                self._end(generation)
            self._generations.drop(generation)
            self._forget(generation)

    def release(self) -> None:
        """What was written since the last refresh is given up; merges that have begun are waited for."""
        with self._writing:
            for name in list(self._writers):
                self._end(name)

    def close(self) -> None:
        """What was written since the last refresh is given up."""
        self.release()
        with self._reading:
            self._readers.clear()

    def _end(self, name: str) -> None:
        writer = self._writers.pop(name, None)
        if writer is not None:
            writer.close()

    # ------------------------------------------------------------------------------------------ generations

    def live(self) -> str | None:
        return self._generations.live()

    def generations(self) -> list[str]:
        return self._generations.names()

    def health(self) -> Health:
        name = ""
        try:
            name = self.live() or ""
            return Health(True, name, self._open(self._live())[1].num_docs)
        except EngineError as error:
            return Health(False, name, 0, str(error))

    def diagnose(self) -> list[Finding]:
        try:
            return [self._generations.room()]
        except EngineError as error:
            return [Finding("room for a rebuild", "failed", str(error))]

    def _live(self) -> str:
        name = self._generations.live()
        if name is None:
            raise EngineError("There is no index yet. Make one from the store: tongcang index rebuild")
        return name

    def _open(self, generation: str | None) -> tuple[_Reader, Searcher]:
        """A snapshot. The live generation may be switched, and the one before dropped, while it is being opened."""
        while True:
            name = generation or self._live()
            try:
                reader = self._reader(name)
                return reader, reader.searcher()
            except EngineError:
                self._forget(name)
                if generation is not None or name == self._live():
                    raise

    def _reader(self, name: str) -> _Reader:
        with self._reading:
            reader = self._readers.get(name)
            if reader is None:
                reader = _Reader(self._generations.path(name), self._generations.index(name))
                live = self._generations.live()
                self._readers = {known: open_ for known, open_ in self._readers.items() if known == live}
                self._readers[name] = reader
            return reader

    def _forget(self, name: str) -> None:
        with self._reading:
            self._readers.pop(name, None)

    # ------------------------------------------------------------------------------------------ reading

    def search(self, plan: Plan, generation: str | None = None) -> Results:
        limits.check(plan)
        after = cursors.unpack(plan)
        reader, searcher = self._open(generation)
        with told(reader.path, "searched"):
            query = translate(reader.schema, plan.query, plan.filters)
            found = Pager(searcher, reader.schema, plan, query, after).page()
            hits = tuple(_hit(searcher, score, address) for score, address in found.hits)
            facets = count_facets(searcher, query, plan.facets)
        return Results(hits, found.total, facets, cursors.pack(plan, found.last) if found.last else "")

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        reader, searcher = self._open(None)
        sources: dict[str, bytes] = {}
        asked = [identifier for identifier in dict.fromkeys(ids) if identifier.isascii()]
        with told(reader.path, "read"):
            for start in range(0, len(asked), _BATCH):
                some = asked[start : start + _BATCH]
                query = tantivy.Query.term_set_query(reader.schema, ID, some)
                for _, address in searcher.search(query, limit=len(some), count=False, order_by_field=ID).hits:
                    hit = _hit(searcher, 0.0, address)
                    sources[hit.id] = hit.source
        return sources

    def suggest(self, prefix: str, size: int = 10) -> list[Suggestion]:
        asked = Prefix(prefix)
        if not asked.token or size < 1:
            return []
        reader, searcher = self._open(None)
        with told(reader.path, "searched"):
            query = translate(reader.schema, Term("sug", asked.token))
            limit = 2 * size
            while True:
                hits = searcher.search(query, limit=limit, count=False, order_by_field=HOLDERS_DOWN).hits
                suggestions: dict[str, Suggestion] = {}
                for rank, address in hits:
                    hit = _hit(searcher, 0.0, address)
                    title = _titled.decode(hit.source).title
                    if title not in suggestions and asked.begins(title):
                        suggestions[title] = Suggestion(title, hit.id, rank >> KEY_BITS)
                    if len(suggestions) == size:
                        break
                if len(suggestions) == size or len(hits) < limit:
                    return list(suggestions.values())
                limit *= 4

    def scan(self, generation: str | None = None) -> Iterator[tuple[str, int, bytes]]:
        """Of one snapshot, whatever is written meanwhile."""
        reader, searcher = self._open(generation)
        after = -1
        while True:
            with told(reader.path, "read"):
                query = restrict(
                    tantivy.Query.all_query(), [(Occur.Must, between(reader.schema, "key", after + 1, None))]
                )
                hits = searcher.search(query, limit=_BATCH, count=False, order_by_field="key", order=Order.Asc).hits
                versions = searcher.fast_field_values(VERSION, [address for _, address in hits])
                documents = [searcher.doc(address) for _, address in hits]
            for document, version in zip(documents, versions, strict=True):
                description = unpack(_stored(document, DESCRIPTION))
                yield str(document.get_first(ID)), int(version or 0), canonical(description, _stored(document, SOURCE))
            if len(hits) < _BATCH:
                return
            after = hits[-1][0]


def _hit(searcher: Searcher, score: float, address: DocAddress) -> Hit:
    document = searcher.doc(address)
    return Hit(str(document.get_first(ID)), score, _stored(document, SOURCE))


def _stored(document: tantivy.Document, field: str) -> bytes:
    value = document.get_first(field)
    assert isinstance(value, bytes)
    return value
