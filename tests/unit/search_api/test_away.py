"""What the application answers while its engine hangs or its database can't be reached, and how soon."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from api_client import ApiClient

from indexer.engine.circuit import CircuitBreaker
from indexer.engine.protocol import Engine, Health, Plan, Results, Suggestion, Unavailable
from search_api.app import create_app
from search_api.settings import ApiSettings
from store.database import Database

SETTINGS = ApiSettings(base_url="http://tongcang.test", retry_after=7)
SEARCHES = 60
AT_ONCE = 32


class HangingEngine:
    """Says nothing until `go` is set; then that it is away."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0
        self._lock = threading.Lock()

    def _hang(self) -> None:
        with self._lock:
            self.asked += 1
        assert self.go.wait(60), "nobody let the engine go on"
        raise Unavailable("no node answers", 30)

    def search(self, plan: Plan, generation: str | None = None) -> Results:
        self._hang()
        return Results((), 0)

    def suggest(self, prefix: str, size: int = 10) -> list[Suggestion]:
        self._hang()
        return []

    def health(self) -> Health:
        self._hang()
        return Health(True, "v1", 1)


def test_an_engine_that_hangs_leaves_threads_for_the_store(database: Database) -> None:
    engine = HangingEngine()
    circuit = CircuitBreaker(cast(Engine, engine), failures=3, pause=60, at_once=AT_ONCE)
    app = create_app(database, circuit, settings=SETTINGS)

    async def crowd() -> tuple[list[httpx.Response], list[httpx.Response], list[httpx.Response]]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tongcang.test", timeout=60) as client:
            searches = [asyncio.create_task(client.get(f"/api/search?q=红楼{n}")) for n in range(SEARCHES)]
            try:
                done: set[asyncio.Task[httpx.Response]] = set()
                while len(done) < SEARCHES - AT_ONCE:
                    newly, _ = await asyncio.wait(set(searches) - done, return_when=asyncio.FIRST_COMPLETED, timeout=30)
                    assert newly, "nobody was refused, so all threads hang"
                    done |= newly
                meanwhile = [
                    await asyncio.wait_for(client.get(path), 30)
                    for path in ("/api/holders?isbn=9787020002207", "/", "/holders?number=1001-7917", "/api/health")
                ]
            finally:
                engine.go.set()
            hung = [await task for task in set(searches) - done]
            return [task.result() for task in done], meanwhile, hung

    refused, (by_isbn, home, by_number, health), hung = asyncio.run(crowd())
    assert len(refused) == SEARCHES - AT_ONCE
    assert {(each.status_code, each.headers["retry-after"]) for each in refused} == {(503, "1")}
    assert (by_isbn.status_code, home.status_code, by_number.status_code) == (200, 200, 200)
    assert (health.status_code, health.json()["state"]) == (200, "degraded")
    assert {(each.status_code, each.headers["retry-after"]) for each in hung} == {(503, "30")}
    assert engine.asked == AT_ONCE
    later = ApiClient(app).get("/search?q=红楼梦")
    assert (later.status_code, later.headers["retry-after"], engine.asked) == (503, "60", AT_ONCE), (
        "the circuit is open"
    )


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def ask_without_store(url: str, path: str) -> tuple[Any, float]:
    database = Database(url)
    try:
        client = ApiClient(create_app(database, cast(Engine, HangingEngine()), settings=SETTINGS))
        began = time.monotonic()
        return client.get(path), time.monotonic() - began
    finally:
        database.close()


@pytest.mark.parametrize("path", ["/api/holders?isbn=9787020002207", "/api/search?q=红楼梦", "/record/3K7M2Q9V", "/"])
def test_a_store_that_refuses_connections_is_503_at_once(closed_port: int, path: str) -> None:
    url = f"postgresql+psycopg://reader:hunter2@127.0.0.1:{closed_port}/tongcang"
    response, seconds = ask_without_store(url, path)
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert "数据库暂时不可用，请在 7 秒后重试" in response.text
    assert "hunter2" not in response.text and str(closed_port) not in response.text
    assert seconds < 2


def test_a_store_that_says_nothing_is_503_when_its_time_is_over(silent_port: int) -> None:
    url = f"postgresql+psycopg://reader@127.0.0.1:{silent_port}/tongcang?connect_timeout=2"
    response, seconds = ask_without_store(url, "/api/libraries")
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert 1 < seconds < 8
