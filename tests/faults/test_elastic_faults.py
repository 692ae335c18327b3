"""What networks and overloaded clusters do to the index stage, done to a real Elasticsearch.

Oracle: in the end the index holds, byte for byte, what the store says. A fault that passes soon is not noticed; one
that lasts ends the run with Unavailable and moves no watermark, and a later run makes good for it.
TONGCANG_FAULT_SEED replays the seed that a failure prints.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest
from api_client import ApiClient
from elastic_place import KEYS, SEED, Connect, change, wanted
from elastic_proxy import (
    FOREVER,
    ElasticProxy,
    Fault,
    cut_answer,
    cut_request,
    go_away,
    never_answer,
    refuse,
    refuse_items,
    slow,
    too_large,
)
from servers.elastic import ask
from union_shelf import UnionShelf

from indexer.build import index_changes
from indexer.engine.circuit import CircuitBreaker
from indexer.engine.elastic import ElasticEngine
from indexer.engine.protocol import EngineError, Unavailable
from mappings.model import union_id
from search_api.app import create_app
from search_api.settings import ApiSettings
from store.database import Database
from store.progress import get_watermark

POISON_KEY = KEYS[11]
POISON = union_id(POISON_KEY)


def live_name(engine: ElasticEngine) -> str:
    name = engine.live()
    assert name is not None
    return name


def watermark(database: Database, engine: ElasticEngine) -> int:
    with database.read() as unit:
        return get_watermark(unit, f"index:{live_name(engine)}")


def some_items(dice: Random) -> Callable[[int, str, str], bool]:
    return lambda *_: dice.random() < 0.3


PASSING: dict[str, Callable[[ElasticProxy, Random], None]] = {
    "429": lambda proxy, dice: proxy.inject(refuse(429), "bulk", times=2),
    "503": lambda proxy, dice: proxy.inject(refuse(503, "unavailable_shards_exception"), "bulk", times=2),
    "502 without a word": lambda proxy, dice: proxy.inject(refuse(502), "bulk", times=2),
    "items 429": lambda proxy, dice: proxy.inject(refuse_items(429, some_items(dice)), "bulk", times=2),
    "items 503": lambda proxy, dice: proxy.inject(
        refuse_items(503, some_items(dice), "unavailable_shards_exception"), "bulk", times=3
    ),
    "answer cut": lambda proxy, dice: proxy.inject(cut_answer(reset=False), "bulk", times=2),
    "answer reset": lambda proxy, dice: proxy.inject(cut_answer(reset=True), "bulk", times=2),
    "request cut": lambda proxy, dice: proxy.inject(cut_request, "bulk", times=2),
    "no answer": lambda proxy, dice: proxy.inject(never_answer, "bulk"),
    "connection refused": lambda proxy, dice: proxy.inject(go_away(0.4), "bulk"),
    "slow": lambda proxy, dice: proxy.inject(slow(0.5), "bulk"),
    "too large for the way": lambda proxy, dice: proxy.inject(too_large(40_000), "bulk", times=FOREVER),
    "other answers cut": lambda proxy, dice: proxy.inject(cut_answer(reset=True), "alias", "refresh", "mapping"),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_is_not_noticed(
    stocked: Database, proxy: ElasticProxy, connect: Connect, direct: ElasticEngine, name: str
) -> None:
    dice = Random(f"{SEED} {name}")
    engine = connect()
    for share in (0.0, 0.3):  # first a build, then an update
        change(stocked, dice, share)
        proxy.done.clear()
        PASSING[name](proxy, dice)
        counts = index_changes(stocked, engine)
        assert counts.refused == () and proxy.done, f"seed {SEED}"
        assert list(direct.scan()) == wanted(stocked), f"seed {SEED}"
        proxy.heal()


LASTING: dict[str, Fault | None] = {
    "429": refuse(429),
    "503": refuse(503, "cluster_block_exception"),
    "one item 429": refuse_items(429, lambda place, *_: place == 0),
    "answer cut": cut_answer(reset=True),
    "request cut": cut_request,
    "no answer": never_answer,
    "connection refused": None,
}


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_lasts_ends_the_run_and_skips_nothing(
    stocked: Database, proxy: ElasticProxy, connect: Connect, direct: ElasticEngine, name: str
) -> None:
    dice = Random(f"{SEED} {name}")
    engine = connect(patience=0.6, timeout=1.0)
    index_changes(stocked, engine)
    for rebuild in (False, True):
        before, live = watermark(stocked, direct), live_name(direct)
        change(stocked, dice, 0.3)
        fault = LASTING[name]
        if fault is None:
            proxy.down()
        else:
            proxy.inject(fault, "bulk", times=FOREVER)
        began = time.monotonic()
        with pytest.raises(Unavailable) as told:
            index_changes(stocked, engine, rebuild=rebuild)
        assert time.monotonic() - began < 20 and told.value.retry_after >= 1 and str(told.value).endswith(".")
        assert (watermark(stocked, direct), live_name(direct)) == (before, live), f"seed {SEED}"
        proxy.heal()
        assert index_changes(stocked, engine, rebuild=rebuild).refused == ()
        assert list(direct.scan()) == wanted(stocked), f"seed {SEED}"


def poison(name: str) -> Fault:
    """What happens to each bulk with one document: the server can't parse it, or it is too large for what lies before
    the server."""
    if name == "unparsable":
        return refuse_items(
            400, lambda _, action, identifier: (action, identifier) == ("index", POISON), "document_parsing_exception"
        )
    return too_large(holding=b'{"index":{"_id":"%s"' % POISON.encode())


@pytest.mark.parametrize("name", ["unparsable", "too large"])
def test_one_poisonous_document_is_one_refusal(
    stocked: Database, proxy: ElasticProxy, connect: Connect, direct: ElasticEngine, name: str
) -> None:
    engine = connect()
    proxy.inject(poison(name), "bulk", times=FOREVER)
    for share in (0.0, 0.2):  # a build, then an update
        change(stocked, Random(SEED), share)
        UnionShelf(stocked).put([POISON_KEY], edition=2)
        counts = index_changes(stocked, engine)
        assert [refusal.id for refusal in counts.refused] == [POISON] and counts.refused[0].reason
        assert list(direct.scan()) == [each for each in wanted(stocked) if each[0] != POISON]
    proxy.heal()
    assert index_changes(stocked, engine, rebuild=True).refused == ()
    assert list(direct.scan()) == wanted(stocked)


@pytest.mark.parametrize("case", range(6))
def test_faults_at_random_end_in_the_same_index(
    stocked: Database, proxy: ElasticProxy, connect: Connect, direct: ElasticEngine, case: int
) -> None:
    told = f"seed {SEED}, case {case}"
    dice = Random(f"{SEED} {case}")
    engine = connect(patience=0.5, timeout=1.0)
    kinds: tuple[Fault, ...] = (
        refuse(429),
        refuse(503),
        refuse_items(429, some_items(dice)),
        refuse_items(503, some_items(dice)),
        cut_answer(reset=False),
        cut_answer(reset=True),
        cut_request,
        never_answer,
        go_away(0.1),
    )
    broken = 0
    for step in range(4):
        change(stocked, dice, 0.0 if step == 0 else 0.2)
        for _ in range(dice.randint(1, 4)):
            fault = dice.choice(kinds)
            on = () if dice.random() < 0.5 and "items" not in fault.__name__ else ("bulk",)
            proxy.inject(slow(0.0), *on, times=dice.randrange(6))
            proxy.inject(fault, *on, times=dice.randint(1, 3))
        try:
            index_changes(stocked, engine, rebuild=dice.random() < 0.3)
        except Unavailable:
            broken += 1
        proxy.heal()
    assert sum(proxy.done.values()) > 4, told
    counts = index_changes(stocked, engine)
    assert counts.refused == () and list(direct.scan()) == wanted(stocked), f"{told}, {broken} runs broke off"
    assert len(direct.generations()) <= 2, told


# ---------------------------------------------------------------------------------------------- the server's own faults


def test_a_full_disk_stops_writing_and_not_reading(
    stocked: Database, elastic_url: str, connect: Connect, direct: ElasticEngine
) -> None:
    """Elasticsearch sets this block past the flood-stage watermark, and lifts it when there is space again."""
    engine = connect(patience=0.5)
    index_changes(stocked, engine)
    before, old = watermark(stocked, direct), wanted(stocked)
    change(stocked, Random(SEED), 0.3)
    index = next(iter(ask(f"{elastic_url}/_alias/{alias_of(engine)}")))
    ask(f"{elastic_url}/{index}/_settings", method="PUT", body={"index.blocks.read_only_allow_delete": True})
    with pytest.raises(Unavailable, match="disk"):
        index_changes(stocked, engine)
    assert watermark(stocked, direct) == before and list(engine.scan()) == old
    ask(f"{elastic_url}/{index}/_settings", method="PUT", body={"index.blocks.read_only_allow_delete": None})
    index_changes(stocked, engine)
    assert list(direct.scan()) == wanted(stocked)


def test_an_index_of_another_version_is_neither_read_nor_written(
    stocked: Database, elastic_url: str, connect: Connect, direct: ElasticEngine
) -> None:
    index_changes(stocked, connect())
    index = next(iter(ask(f"{elastic_url}/_alias/{alias_of(direct)}")))
    ask(f"{elastic_url}/{index}/_mapping", method="PUT", body={"_meta": {"version": 0, "mapping": "of long ago"}})
    engine = connect()
    client = ApiClient(create_app(stocked, CircuitBreaker(engine), settings=ApiSettings()))
    assert client.get("/api/search?q=图书馆").status_code == 503
    health = client.get("/api/health").json()
    assert (health["state"], "tongcang index rebuild" in health["engine"]["message"]) == ("degraded", True)
    change(stocked, Random(SEED), 0.2)
    with pytest.raises(EngineError, match="tongcang index rebuild") as told:
        index_changes(stocked, engine)
    assert not isinstance(told.value, Unavailable), "waiting does not mend it"
    index_changes(stocked, engine, rebuild=True)
    assert list(direct.scan()) == wanted(stocked)
    assert client.get("/api/search?q=图书馆").status_code == 200


def alias_of(engine: ElasticEngine) -> str:
    return engine._generations.live_alias
