"""The embedded engine and a real Elasticsearch answer the same, whatever is asked of them and however many shards."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import parity
import pytest

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.embedded import EmbeddedEngine
from mappings.model import Library
from store import libraries
from store.database import Database
from store.libraries import SourceConfig
from tongcang.night import active_sources, run_night
from tongcang.sample.generate import generate
from tongcang.settings import Settings
from tongcang.system import System

RECORDS = 8_000
QUESTIONS = 1_000
SEED = 20261123


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Generated records of six libraries, clustered."""
    folder = tmp_path_factory.mktemp("parity")
    system = System(Settings(data=str(folder / "data"), workers=1))
    symbols = ("RUC", "PKU", "BNU", "BFSU", "CLCN", "THU")
    with system.database.write() as unit:
        for number, symbol in enumerate(symbols):
            drop = folder / symbol
            drop.mkdir()
            generate(RECORDS // len(symbols), drop / "delivery.mrc", seed=number // 2)
            libraries.put_library(unit, Library(symbol, f"{symbol} 图书馆", symbol))
            libraries.put_source(unit, f"{symbol}/files", symbol, "marc_files", SourceConfig(path=str(drop)))
    receipt = run_night(system, active_sources(system))
    assert receipt.state == "complete"
    yield system.database
    system.close()


@pytest.fixture(scope="module")
def embedded(catalogue: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path_factory.mktemp("embedded"), heap_mb=30)
    parity.fill(engine, catalogue)
    yield engine
    engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3])
def test_both_engines_answer_the_same(
    catalogue: Database, embedded: EmbeddedEngine, elastic_url: str, shards: int
) -> None:
    settings = ElasticSettings((elastic_url,), prefix=f"parity-{uuid4().hex[:8]}", shards=shards, replicas=0)
    elastic = ElasticEngine(settings)
    try:
        assert parity.fill(elastic, catalogue) == embedded.health().documents
        found, pages = parity.differences(catalogue, embedded, elastic, SEED + shards, QUESTIONS)
    finally:
        elastic.remove_everything()
        elastic.close()
    assert pages > QUESTIONS
    assert not found, parity.told(found)
