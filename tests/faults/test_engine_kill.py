"""kill -9 of a writing process: the index always opens, with the last acknowledged state or the one in flight."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from engine_documents import build, document

from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.protocol import All, Delete, Facet, Operation, Plan, Put

KEYS = 25
KILLS = 10
SEED = 20261123


def _open(folder: Path) -> EmbeddedEngine:
    return EmbeddedEngine(folder, heap_mb=30, update_heap_mb=15)


def _batch(version: int) -> list[Operation]:
    """Every document at this version; one of them deleted, another one put back."""
    puts: list[Operation] = [
        Put(document(key, version=version, title=f"第 {version} 版", text={"title": "史记"}, lib=("RUC",)))
        for key in range(KEYS)
        if key != version % KEYS
    ]
    return [*puts, Delete(document(version % KEYS).id, version)]


def _update(folder: Path, acknowledged: Connection, version: int) -> None:
    engine = _open(folder)
    while True:
        version += 1
        engine.bulk(_batch(version))
        engine.refresh()
        acknowledged.send(version)


def _rebuild(folder: Path, acknowledged: Connection, version: int) -> None:
    engine = _open(folder)
    while True:
        version += 1
        name = f"g{version}"
        engine.create(name)
        engine.bulk(_batch(version), name)
        engine.swap(name)
        for other in engine.generations():
            if other != name:
                engine.drop(other)
        acknowledged.send(version)


@contextmanager
def _writing(
    work: Callable[[Path, Connection, int], None], folder: Path, version: int
) -> Iterator[tuple[multiprocessing.process.BaseProcess, Connection]]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(folder, sender, version), daemon=True)
    process.start()
    sender.close()
    try:
        yield process, receiver
    finally:
        process.kill()
        process.join()
        receiver.close()


def _last(receiver: Connection) -> int:
    """The last acknowledged version. The writer is dead, so its end of the pipe is closed."""
    version = 0
    try:
        while True:
            version = receiver.recv()
    except EOFError:
        return version


@pytest.mark.slow
@pytest.mark.parametrize("work", [_update, _rebuild], ids=["updates", "rebuilds and switches"])
def test_a_killed_writer_leaves_the_last_refreshed_state(
    work: Callable[[Path, Connection, int], None], tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    engine = _open(tmp_path)
    build(engine, [], "g0")
    engine.bulk(_batch(1))
    engine.refresh()
    engine.close()
    version = 1
    for kill in range(KILLS):
        told = f"seed {SEED}, kill {kill}"
        with _writing(work, tmp_path, version) as (process, receiver):
            assert receiver.poll(60), f"the writer did nothing ({told})"
            time.sleep(dice.uniform(0, 0.15))
            process.kill()
            process.join()
            acknowledged = max(version, _last(receiver))
        found = _state(tmp_path)
        assert found in (_expected(acknowledged), _expected(acknowledged + 1)), told
        version = next(iter(found.values()))
    _goes_on(tmp_path, version + 1)


def _state(folder: Path) -> dict[str, int]:
    """What a reader sees of an index whose writer was killed; every way of reading agrees."""
    engine = _open(folder)
    versions = {name: version for name, version, _ in engine.scan()}
    results = engine.search(Plan(All(), facets=(Facet("lib"),), size=100))
    assert {hit.id for hit in results.hits} == versions.keys() == engine.get(list(versions)).keys()
    assert results.facets["lib"] == (("RUC", len(versions)),)
    assert engine.health().ok and engine.health().documents == len(versions)
    engine.close()
    return versions


def _expected(version: int) -> dict[str, int]:
    return {operation.document.id: version for operation in _batch(version) if isinstance(operation, Put)}


def _goes_on(folder: Path, version: int) -> None:
    """The lock died with its holder; what was deleted stays deleted for a stale write."""
    engine = _open(folder)
    engine.bulk(_batch(version))
    engine.refresh()
    engine.bulk([Put(document(version % KEYS, version=version - 1))])
    engine.refresh()
    assert {name: found for name, found, _ in engine.scan()} == _expected(version)
    engine.close()
