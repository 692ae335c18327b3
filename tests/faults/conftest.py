"""A small store, a proxy before a real Elasticsearch, and engines on both sides of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from elastic_place import KEYS, PATIENCE, Connect
from elastic_proxy import ElasticProxy
from union_shelf import LIBRARIES, UnionShelf

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from mappings.model import Library
from store.database import Database
from store.libraries import put_library


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Database]:
    """A store of 200 union records."""
    opened = Database(f"sqlite:///{tmp_path / 'state.db'}")
    opened.migrate()
    with opened.write() as unit:
        for symbol in LIBRARIES:
            put_library(unit, Library(symbol, f"{symbol}图书馆", f"{symbol} Library"))
    UnionShelf(opened).put(KEYS)
    yield opened
    opened.close()


@pytest.fixture
def proxy(elastic_url: str) -> Iterator[ElasticProxy]:
    made = ElasticProxy(elastic_url)
    yield made
    made.heal()
    made.down()
    assert made.mistakes == []


@pytest.fixture
def connect(elastic_url: str, proxy: ElasticProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Opens an engine on an empty place of the test's own: behind the proxy, or directly.

    A bulk without an answer is given up after a second, not after thirty; the gate looks at few records.
    """
    monkeypatch.setattr("indexer.engine.elastic_writing._REQUEST", 1.0)
    monkeypatch.setattr("indexer.gate.SAMPLE", 10)
    prefix = f"fault-{secrets.token_hex(4)}"
    opened: list[ElasticEngine] = []

    def open_one(*, directly: bool = False, patience: float = PATIENCE, timeout: float = 5.0) -> ElasticEngine:
        url = elastic_url if directly else proxy.url
        settings = ElasticSettings((url,), prefix=prefix, replicas=0, timeout=timeout)
        opened.append(ElasticEngine(settings, patience=patience, settling=5.0))
        return opened[-1]

    yield open_one
    open_one(directly=True).remove_everything()
    for engine in opened:
        engine.close()


@pytest.fixture
def direct(connect: Connect) -> ElasticEngine:
    """An engine that no fault reaches."""
    return connect(directly=True)
