"""What networks and overloaded clusters do to readers, done to a real Elasticsearch behind the API.

A reader gets the whole answer or 503 with the time to wait, never a part of the answer; what comes from the store is
answered all the while. TONGCANG_FAULT_SEED replays the seed that a failure prints.
"""

from __future__ import annotations

import time
from random import Random

import pytest
from api_client import ApiClient
from elastic_place import KEYS, SEED, Connect
from elastic_proxy import (
    FOREVER,
    READING,
    ElasticProxy,
    Fault,
    cut_answer,
    cut_request,
    lose_a_shard,
    never_answer,
    refuse,
    slow,
)

from indexer.build import index_changes
from indexer.engine.circuit import CircuitBreaker
from mappings.model import union_id
from search_api.app import create_app
from search_api.settings import ApiSettings
from store.database import Database

SEARCHES = (
    "/api/search?q=图书馆史料&lib=BNU",
    "/api/suggest?q=红楼",
    "/api/holders?title=红楼梦研究资料",
    "/search?q=中國文學史",
)
FROM_THE_STORE = (
    f"/api/holders?isbn={9787000000000 + KEYS[0]}",
    f"/api/records/{union_id(KEYS[0])}",
    f"/record/{union_id(KEYS[1])}",
    f"/holders?number={9787000000000 + KEYS[1]}",
    "/api/libraries",
    "/",
)
PAUSE = 0.4

AWAY: dict[str, Fault | None] = {
    "503": refuse(503, "no_shard_available_action_exception"),
    "429": refuse(429),
    "answer cut": cut_answer(reset=False),
    "answer reset": cut_answer(reset=True),
    "request cut": cut_request,
    "no answer": never_answer,
    "a shard is away": lose_a_shard,
    "connection refused": None,
}


@pytest.mark.parametrize("name", AWAY)
def test_readers_are_told_at_once_and_served_again_by_itself(
    stocked: Database, proxy: ElasticProxy, connect: Connect, name: str
) -> None:
    index_changes(stocked, connect(directly=True))
    circuit = CircuitBreaker(connect(timeout=0.5), failures=3, pause=PAUSE)
    client = ApiClient(create_app(stocked, circuit, settings=ApiSettings()))
    whole = {path: client.get(path) for path in (*SEARCHES, *FROM_THE_STORE)}
    assert {response.status_code for response in whole.values()} == {200}
    fault = AWAY[name]
    if fault is None:
        proxy.down()
    else:
        proxy.inject(fault, *READING, times=FOREVER)
    for path in ("/api/search?q=图书馆史料&lib=BNU", *SEARCHES[:2]):
        began = time.monotonic()
        response = client.get(path)
        assert time.monotonic() - began < 5
        assert response.status_code == 503 and int(response.headers["retry-after"]) >= 1, path
    # The third opened the circuit: now nobody is asked.
    opened, asked = time.monotonic(), proxy.asked.copy()
    refused = [client.get(path) for path in SEARCHES]
    health = client.get("/api/health")
    if time.monotonic() - opened < PAUSE:
        assert proxy.asked == asked, "the engine was asked though the circuit is open"
        assert {(each.status_code, each.headers["retry-after"]) for each in refused} == {(503, "1")}
        assert (health.status_code, health.json()["state"]) == (200, "degraded")
    for path in FROM_THE_STORE:
        assert client.get(path).content == whole[path].content, path
    proxy.heal()
    deadline = time.monotonic() + 10
    while client.get(SEARCHES[0]).status_code != 200:
        assert time.monotonic() < deadline, "the circuit stays open"
        time.sleep(0.05)
    for path in SEARCHES:
        assert client.get(path).content == whole[path].content, path


def test_who_only_asks_for_health_opens_the_circuit_too(
    stocked: Database, proxy: ElasticProxy, connect: Connect
) -> None:
    index_changes(stocked, connect(directly=True))
    client = ApiClient(
        create_app(stocked, CircuitBreaker(connect(timeout=0.3), failures=3, pause=60), settings=ApiSettings())
    )
    assert client.get("/api/health").json()["state"] == "ok"
    proxy.inject(never_answer, times=FOREVER)
    for _ in range(3):
        assert client.get("/api/health").json()["state"] == "degraded"
    asked = proxy.asked.copy()
    response = client.get("/api/health")
    assert (response.status_code, response.json()["state"], proxy.asked) == (200, "degraded", asked)
    assert response.json()["store"]["ok"] and client.get("/api/search?q=图书馆").status_code == 503


def test_a_reader_gets_the_whole_answer_or_none(stocked: Database, proxy: ElasticProxy, connect: Connect) -> None:
    index_changes(stocked, connect(directly=True))
    client = ApiClient(create_app(stocked, connect(timeout=0.5), settings=ApiSettings()))
    whole = {path: client.get(path).content for path in SEARCHES}
    dice = Random(SEED)
    kinds = tuple(fault for fault in AWAY.values() if fault is not None and fault is not never_answer)
    outcomes = set()
    for turn in range(60):
        proxy.inject(slow(0.0), *READING, times=dice.randrange(3))
        proxy.inject(dice.choice(kinds), *READING, times=dice.randint(1, 2))
        path = dice.choice(SEARCHES)
        response = client.get(path)
        outcomes.add(response.status_code)
        told = f"seed {SEED}, turn {turn}: {path}"
        assert response.status_code in (200, 503), told
        assert response.status_code == 503 or response.content == whole[path], told
        proxy.heal()
    assert outcomes == {200, 503}, "some faults are mended by asking once more, others are not"
