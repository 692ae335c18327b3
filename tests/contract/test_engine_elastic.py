"""What only Elasticsearch can do, or have happen to it: many writers, indices of others, blocks, lost shards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import msgspec
import pytest
from elastic_transport import Urllib3HttpNode
from elastic_transport._node import NodeApiResponse
from elasticsearch import Elasticsearch
from engine_documents import build, document

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_schema import new_index
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.protocol import All, Delete, EngineError, Facet, Operation, Plan, Put, Term, Unavailable

Open = Callable[..., ElasticEngine]


@pytest.fixture
def open_elastic(elastic_url: str) -> Iterator[Open]:
    """Opens one place, or another: `open_elastic(prefix="…-other")`."""
    opened: list[ElasticEngine] = []
    prefix = f"elastic-{uuid4().hex[:12]}"

    def open_one(suffix: str = "", patience: float = 20.0, **more: int) -> ElasticEngine:
        settings = ElasticSettings((elastic_url,), prefix=prefix + suffix, **{"replicas": 0, **more})
        opened.append(ElasticEngine(settings, patience=patience, settling=1.0))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.remove_everything()
        engine.close()


@pytest.fixture
def engine(open_elastic: Open) -> ElasticEngine:
    """With a live generation g1 of three documents."""
    made = open_elastic(patience=1.0)
    build(made, [document(key, title="史记") for key in range(3)])
    return made


@pytest.fixture
def server(elastic_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elastic_url) as client:
        yield client


def _index(server: Elasticsearch, engine: ElasticEngine) -> str:
    """The index of its live generation."""
    (index,) = server.indices.get_alias(name=engine._generations.live_alias)
    return index


def test_several_writers_write_one_generation_at_once(open_elastic: Open) -> None:
    """Each has all the changes, in an order of its own: the last version of each document stays."""
    engines = [open_elastic(shards=2) for _ in range(3)]
    engines[0].create("g1")
    changes: list[Operation] = [
        Put(document(key, version=version, title=f"第 {version} 版")) for key in range(400) for version in (1, 2, 3)
    ]
    changes += [Delete(document(key).id, 4) for key in range(0, 400, 5)]

    def write(number: int) -> int:
        mine = list(changes)
        Random(number).shuffle(mine)
        return len(engines[number].bulk(mine, "g1"))

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(write, range(3))) == [0, 0, 0]
    engines[0].swap("g1")
    left = {name: version for name, version, _ in engines[1].scan()}
    assert left == {document(key).id: 3 for key in range(400) if key % 5}


def test_a_late_write_to_what_was_dropped_makes_no_index(open_elastic: Open, server: Elasticsearch) -> None:
    first, second = open_elastic(patience=1.0), open_elastic()
    first.create("g1")

    def late() -> Iterator[Operation]:
        yield from (Put(document(key)) for key in range(1_000))
        second.drop("g1")
        yield from (Put(document(key)) for key in range(1_000, 2_000))

    with pytest.raises(EngineError, match="dropped"):
        first.bulk(late(), "g1")
    assert second.generations() == []
    assert not server.indices.exists(index=second._generations.live_alias.removesuffix("live") + "g1")


def test_prefixes_of_which_one_begins_with_the_other_do_not_mix(open_elastic: Open) -> None:
    short, long = open_elastic(), open_elastic("-test")
    build(short, [document(1)], "g1")
    build(long, [document(1), document(2)], "g2")
    assert (short.generations(), long.generations()) == (["g1"], ["g2"])
    assert (short.live(), long.live()) == ("g1", "g2")
    short.drop("test-g2")
    short.remove_everything()
    assert short.live() is None and long.health().documents == 2


def test_an_index_of_another_version_is_neither_read_nor_written(
    engine: ElasticEngine, open_elastic: Open, server: Elasticsearch
) -> None:
    server.indices.put_mapping(index=_index(server, engine), meta={"version": 0})
    fresh = open_elastic()
    for attempt in (
        lambda: fresh.search(Plan(All())),
        lambda: fresh.get([document(1).id]),
        lambda: fresh.bulk([Put(document(9))]),
        lambda: fresh.refresh("g1"),
        lambda: fresh.swap("g1"),
        lambda: list(fresh.scan()),
    ):
        with pytest.raises(EngineError, match=r"another version of Tongcang.*tongcang index rebuild"):
            attempt()
    assert not fresh.health().ok and "another version" in fresh.health().message


def test_an_index_that_something_else_has_made_is_told(
    engine: ElasticEngine, open_elastic: Open, server: Elasticsearch
) -> None:
    """Its mapping can't be sorted by key: what the reader is told is not that."""
    foreign = f"{_index(server, engine)}-foreign"
    server.indices.create(index=foreign, settings={"number_of_replicas": 0})
    try:
        alias = engine._generations.live_alias
        server.indices.update_aliases(
            actions=[
                {"remove": {"index": _index(server, engine), "alias": alias}},
                {"add": {"index": foreign, "alias": alias}},
            ]
        )
        with pytest.raises(EngineError, match="another version of Tongcang"):
            engine.search(Plan(All()))
        server.indices.update_aliases(actions=[{"add": {"index": f"{foreign[: -len('-foreign')]}", "alias": alias}}])
        with pytest.raises(EngineError, match="more than one index"):
            engine.bulk([])
    finally:
        server.indices.delete(index=foreign)


def test_a_full_disk_is_told_and_writing_goes_on_afterwards(engine: ElasticEngine, server: Elasticsearch) -> None:
    """The block that the flood-stage watermark sets."""
    index = _index(server, engine)
    server.indices.put_settings(index=index, settings={"index.blocks.read_only_allow_delete": True})
    with pytest.raises(Unavailable, match=r"disk of Elasticsearch is full.*watermark"):
        engine.bulk([Put(document(7))])
    assert engine.search(Plan(All())).total == 3
    server.indices.put_settings(index=index, settings={"index.blocks.read_only_allow_delete": None})
    assert engine.bulk([Put(document(7))]) == []
    engine.refresh()
    assert engine.health().documents == 4


def test_a_shard_that_is_away_makes_no_half_answers(open_elastic: Open, server: Elasticsearch) -> None:
    """Each node may hold one shard, and there is one shard more than nodes."""
    engine = open_elastic(patience=1.0)
    engine.create("g1")
    (name,) = server.indices.get_alias(name=engine._generations.alias("g1"))
    server.indices.delete(index=name)
    limit = "routing.allocation.total_shards_per_node"
    shards = server.cluster.health()["number_of_data_nodes"] + 1
    made = new_index(ElasticSettings((), shards=shards))
    settings = {**made["settings"]["index"], limit: 1}
    aliases: dict[str, dict[str, str]] = {engine._generations.alias("g1"): {}, engine._generations.live_alias: {}}
    server.indices.create(
        index=name, settings={"index": settings}, mappings=made["mappings"], aliases=aliases, wait_for_active_shards="0"
    )
    ids = [document(key).id for key in range(50)]
    for attempt in (
        lambda: engine.search(Plan(All())),
        lambda: engine.get(ids),
        lambda: engine.suggest("史"),
        lambda: next(engine.scan()),
        lambda: engine.refresh(),
        lambda: engine.swap("g1"),
    ):
        with pytest.raises(Unavailable, match="part of the index is not there"):
            attempt()
    server.indices.put_settings(index=name, settings={f"index.{limit}": None})
    _until_whole(server, name)
    assert engine.bulk(Put(document(key, title="史记")) for key in range(50)) == []
    engine.refresh()
    assert engine.search(Plan(All())).total == 50 == len(engine.get(ids))


def _until_whole(server: Elasticsearch, index: str) -> None:
    ends = time.monotonic() + 20
    while server.cluster.health(index=index)["status"] == "red" and time.monotonic() < ends:
        time.sleep(0.1)


def test_one_document_too_large_is_one_refusal(engine: ElasticEngine) -> None:
    large = msgspec.structs.replace(document(8), source=b'"' + b"x" * 80_000_000 + b'"')
    refusals = engine.bulk([Put(document(7)), Put(large), Put(document(9))])
    assert [refusal.id for refusal in refusals] == [large.id] and "too large" in refusals[0].reason
    engine.refresh()
    assert engine.health().documents == 5


def test_a_switch_restores_the_copies_and_does_not_wait_for_nodes_that_are_not_there(
    open_elastic: Open, server: Elasticsearch
) -> None:
    engine = open_elastic(replicas=1)
    build(engine, [document(1)])
    told = server.indices.get_settings(index=_index(server, engine), flat_settings=True)
    assert [index["settings"]["index.number_of_replicas"] for index in told.values()] == ["1"]
    health = engine.health()
    nodes = server.cluster.health()["number_of_data_nodes"]
    assert health.ok and bool(health.message) == (nodes == 1)


def test_what_a_reader_types_stands_in_no_address(engine: ElasticEngine, elastic_url: str) -> None:
    """Proxies write down the addresses of what they pass on."""
    asked: list[str] = []

    class Listening(Urllib3HttpNode):
        def perform_request(self, method: str, target: str, *args: Any, **more: Any) -> NodeApiResponse:
            asked.append(unquote(target))
            return super().perform_request(method, target, *args, **more)

    listening = ElasticEngine(engine._settings, node_class=Listening)
    listening.suggest("shiji")
    listening.search(Plan(Term("title", "shiji"), facets=(Facet("lib"),)))
    listening.get(["shiji"])
    listening.close()
    assert len(asked) > 3 and not [target for target in asked if "shi" in target]


@pytest.mark.parametrize("prefix", ["", "_tongcang", "Tongcang", "通藏", "a b", "a*", "x" * 200])
def test_a_prefix_that_can_name_no_index_is_refused(prefix: str) -> None:
    with pytest.raises(EngineError, match="names of indices"):
        ElasticEngine(ElasticSettings(("http://127.0.0.1:9200",), prefix=prefix))
