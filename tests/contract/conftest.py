"""The engines that must keep the contract: a test never looks at which one it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.protocol import Engine

OpenEngine = Callable[[], Engine]
Place = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[OpenEngine]]


@contextmanager
def _embedded(request: pytest.FixtureRequest, folder: Path) -> Iterator[OpenEngine]:
    yield lambda: EmbeddedEngine(folder / "index", heap_mb=30, update_heap_mb=15)


def _elastic(shards: int) -> Place:
    @contextmanager
    def place(request: pytest.FixtureRequest, folder: Path) -> Iterator[OpenEngine]:
        url = request.getfixturevalue("elastic_url")
        settings = ElasticSettings((url,), prefix=f"contract-{uuid4().hex[:12]}", shards=shards, replicas=0)
        yield lambda: ElasticEngine(settings)
        last = ElasticEngine(settings)
        last.remove_everything()
        last.close()

    return place


ENGINES: dict[str, Place] = {
    "embedded": _embedded,
    "elasticsearch": _elastic(1),
    "elasticsearch-3-shards": _elastic(3),
}
"""By name: given a folder of its own, what opens the engine on one empty place, as often as it is called."""


@contextmanager
def _opener(place: AbstractContextManager[OpenEngine]) -> Iterator[OpenEngine]:
    opened: list[Engine] = []
    with place as open_one:

        def open_another() -> Engine:
            opened.append(open_one())
            return opened[-1]

        yield open_another
        for engine in opened:
            engine.close()


@pytest.fixture(scope="module", params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_engine(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenEngine]:
    """Opens one place, as several processes would: what one makes visible, the others see."""
    with _opener(ENGINES[engine_name](request, tmp_path)) as opener:
        yield opener


@pytest.fixture
def engine(open_engine: OpenEngine) -> Engine:
    """An engine without any generation."""
    return open_engine()


@pytest.fixture(scope="module")
def shared_engine(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine for all tests of a module: those that only read, or that name generations of their own."""
    with _opener(ENGINES[engine_name](request, tmp_path_factory.mktemp("engine"))) as opener:
        yield opener()
