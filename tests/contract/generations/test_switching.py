"""A reader who searches twenty times a second through ten rebuilds and switches, with changes arriving meanwhile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from union_shelf import UnionShelf, expected_libraries

from indexer.build import build_beside, index_changes, roll_back
from indexer.engine.protocol import All, Engine, Facet, Plan, Range
from indexer.state import state_hash
from store.database import Database

FIRST = 150
CHANGED = range(1, 11)
REBUILDS = 10
A_SECOND = 20

WHOLE = Plan(All(), facets=(Facet("lib"),), size=0)
TEN = Plan(All(), filters=(Range("key", CHANGED[0], CHANGED[-1]),), size=len(CHANGED), sort="title")


class Reader(threading.Thread):
    """Keeps what contradicts what was promised before it asked."""

    def __init__(self, engine: Engine, shown: Shown) -> None:
        super().__init__()
        self._engine = engine
        self._shown = shown
        self._ended = threading.Event()
        self.searches = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self._ended.wait(1 / A_SECOND):
            try:
                self._look()
            except Exception as error:
                self.wrong.append(repr(error))
            self.searches += 1

    def _look(self) -> None:
        records, edition = self._shown.records, self._shown.edition
        whole = self._engine.search(WHOLE)
        if not records <= whole.total <= self._shown.stored:
            self.wrong.append(f"{whole.total} records, when {records} had been shown")
        # The records are numbered as they came: a catalogue that is whole has just these holders.
        if dict(whole.facets["lib"]) != expected_libraries(range(1, whole.total + 1)):
            self.wrong.append(f"a mixture: {whole.facets['lib']} of {whole.total}")
        editions = {
            int(re.search(rb"\xe7\xac\xac(\d+)\xe7\x89\x88", hit.source)[1]) for hit in self._engine.search(TEN).hits
        }  # type: ignore[index]
        if len(editions) != 1 or min(editions) < edition:
            self.wrong.append(f"editions {editions}, when {edition} had been shown")

    def end(self) -> None:
        self._ended.set()
        self.join()


class Shown:
    """What readers have been promised: `records` and `edition` are in the live index, `stored` will be."""

    records = stored = FIRST
    edition = 1


class Nights(threading.Thread):
    """Another process that changes ten records and adds three, over and over, under the work lock."""

    def __init__(self, database: Database, engine: Engine, shelf: UnionShelf, lock: threading.Lock) -> None:
        super().__init__()
        self._database, self._engine, self._shelf, self._lock = database, engine, shelf, lock
        self._ended = threading.Event()
        self.shown = Shown()
        self.count = 0

    def run(self) -> None:
        while not self._ended.wait(0.4):
            with self._lock:
                edition, records = self.shown.edition + 1, self.shown.records + 3
                self.shown.stored = records
                self._shelf.put(range(self.shown.records + 1, records + 1))
                self._shelf.put(CHANGED, edition)
                assert index_changes(self._database, self._engine).rebuilt == ""
                self.shown.records, self.shown.edition = records, edition
                self.count += 1

    def end(self) -> None:
        self._ended.set()
        self.join()


@pytest.mark.slow
def test_a_reader_sees_a_whole_catalogue_through_ten_rebuilds(
    database: Database, open_engine: Callable[[], Engine]
) -> None:
    engine = open_engine()
    shelf = UnionShelf(database)
    shelf.put(range(1, FIRST + 1))
    index_changes(database, engine)
    lock = threading.Lock()

    @contextmanager
    def exclusive(meanwhile: Callable[[], None]) -> Iterator[None]:
        while not lock.acquire(timeout=0.05):
            meanwhile()
        with lock_held(lock):
            yield

    nights = Nights(database, open_engine(), shelf, lock)
    reader = Reader(open_engine(), nights.shown)
    live = [engine.live()]
    reader.start()
    nights.start()
    began = time.monotonic()
    try:
        for _ in range(REBUILDS):
            live.append(build_beside(database, engine, exclusive).rebuilt)
            assert engine.live() == live[-1]
        with lock:
            roll_back(database, engine)
    finally:
        nights.end()
        reader.end()
    took = time.monotonic() - began
    assert reader.wrong == []
    assert len(set(live)) == REBUILDS + 1
    assert nights.count >= REBUILDS
    assert reader.searches >= took * 2, "the reader was held up"
    assert engine.live() == live[-2]
    # What was changed on the way is what a rebuild in peace comes to.
    index_changes(database, engine)
    before = state_hash(database, engine)
    assert index_changes(database, engine, rebuild=True).written == nights.shown.records
    assert state_hash(database, engine) == before


@contextmanager
def lock_held(lock: threading.Lock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()
