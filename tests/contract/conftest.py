"""The engines that must keep the contract: a test never looks at which one it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.protocol import Engine

OpenEngine = Callable[[], Engine]


def _embedded(folder: Path) -> OpenEngine:
    return lambda: EmbeddedEngine(folder / "index", heap_mb=30, update_heap_mb=15)


ENGINE_FACTORIES: dict[str, Callable[[Path], OpenEngine]] = {"embedded": _embedded}
"""By name: given a folder of its own, what opens the engine on one empty place, as often as it is called."""


def _opener(open_one: OpenEngine) -> Iterator[OpenEngine]:
    opened: list[Engine] = []

    def open_another() -> Engine:
        opened.append(open_one())
        return opened[-1]

    yield open_another
    for engine in opened:
        engine.close()


@pytest.fixture(scope="module", params=ENGINE_FACTORIES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_engine(engine_name: str, tmp_path: Path) -> Iterator[OpenEngine]:
    """Opens one place, as several processes would: what one makes visible, the others see."""
    yield from _opener(ENGINE_FACTORIES[engine_name](tmp_path))


@pytest.fixture
def engine(open_engine: OpenEngine) -> Engine:
    """An engine without any generation."""
    return open_engine()


@pytest.fixture(scope="module")
def shared_engine(engine_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine for all tests of a module: those that only read, or that name generations of their own."""
    for opener in _opener(ENGINE_FACTORIES[engine_name](tmp_path_factory.mktemp("engine"))):
        yield opener()
