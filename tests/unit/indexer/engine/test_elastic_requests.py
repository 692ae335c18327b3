"""What is sent when a node fails: to whom, how often, and what becomes of it. The nodes are scripted."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import msgspec
import pytest
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders
from elastic_transport._node import NodeApiResponse
from elasticsearch import ConnectionError, ConnectionTimeout
from engine_documents import document

from indexer.engine import elastic_cluster, elastic_writing
from indexer.engine.elastic_cluster import Cluster
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.elastic_writing import Writer
from indexer.engine.protocol import Delete, EngineError, Operation, Put, Unavailable

logging.getLogger("elastic_transport").setLevel(logging.ERROR)

Answer = tuple[int, Any] | Exception
Bulk = Callable[[list[str]], Answer]
"""Given the ids of a bulk, what a node answers."""


class Nodes:
    """Nodes that answer by a script; the last answer is given again and again."""

    def __init__(self, *script: Answer | Bulk) -> None:
        self.script = list(script)
        self.asked: list[tuple[str, str]] = []  # port, target
        self.bulks: list[list[str]] = []

    def answer(self, port: int, target: str, body: bytes | None) -> tuple[int, Any]:
        if "_nodes" in target:
            return 200, {"nodes": {"a": {"http": {"max_content_length_in_bytes": 50_000}}}}
        self.asked.append((str(port), target))
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(step) and not isinstance(step, Exception):
            ids = [json.loads(line) for line in (body or b"").splitlines()]
            names = [action["_id"] for line in ids for action in line.values() if isinstance(action, dict)]
            self.bulks.append(names)
            step = step(names)
        if isinstance(step, Exception):
            raise step
        return step

    def cluster(self, count: int = 1, timeout: float = 5.0) -> Cluster:
        nodes = self

        class Node(BaseNode):
            def perform_request(self, method: str, target: str, body: Any = None, **_: Any) -> NodeApiResponse:
                status, told = nodes.answer(self.port, target, body)
                kind = "text/html" if isinstance(told, str) else "application/json"
                headers = HttpHeaders({"content-type": kind, "x-elastic-product": "Elasticsearch"})
                content = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                return NodeApiResponse(ApiResponseMeta(status, "1.1", headers, 0.0, self.config), content)

            def close(self) -> None:
                pass

        urls = tuple(f"http://127.0.0.1:{9200 + number}" for number in range(count))
        return Cluster(ElasticSettings(urls, timeout=timeout), Node)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elastic_cluster, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(elastic_cluster, "_LONGEST_PAUSE", 0.01)


def _puts(*keys: int) -> list[Operation]:
    return [Put(document(key, title="史记")) for key in keys]


def _items(*statuses: int | tuple[int, str]) -> tuple[int, Any]:
    items = []
    for told in statuses:
        status, kind = told if isinstance(told, tuple) else (told, "es_rejected_execution_exception")
        error = {} if status in (200, 201) else {"error": {"type": kind, "reason": "原因"}}
        items.append({"index": {"status": status, **error}})
    return 200, {"items": items}


def _all_in(ids: list[str]) -> Answer:
    return _items(*[201] * len(ids))


def _write(nodes: Nodes, operations: list[Operation], patience: float = 5.0, count: int = 1) -> list[tuple[str, str]]:
    refusals = Writer(nodes.cluster(count), patience).write(operations, "t~g1")
    return [(one.id, one.reason) for one in refusals]


def test_only_what_failed_is_sent_again_and_what_is_stale_is_not() -> None:
    nodes = Nodes(
        lambda _: _items(201, 429, (409, "version_conflict_engine_exception"), 503), lambda _: _items(429, 200), _all_in
    )
    assert _write(nodes, _puts(1, 2, 3, 4)) == []
    names = [document(key).id for key in (1, 2, 3, 4)]
    assert nodes.bulks == [names, [names[1], names[3]], [names[1]]]
    assert all("require_alias=true" in target for _, target in nodes.asked)


def test_a_delete_of_what_is_not_there_is_done() -> None:
    nodes = Nodes((200, {"items": [{"delete": {"status": 404}}]}))
    assert _write(nodes, [Delete("00000001", 5)]) == []
    assert len(nodes.asked) == 1


def test_what_the_server_refuses_is_one_refusal_in_its_place() -> None:
    nodes = Nodes(lambda _: _items(201, (400, "document_parsing_exception"), 201), _all_in)
    poisoned = Put(document(9, text={"title": "半\ud800"}))
    refusals = _write(nodes, [*_puts(1), poisoned, *_puts(2, 3), Delete("", 1)])
    assert [name for name, _ in refusals] == [document(9).id, document(2).id, ""]
    assert "原因" in refusals[1][1] and len(nodes.asked) == 1


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionTimeout("the outcome is unknown"),
        ConnectionError("cut in the middle"),
        (503, {"error": {"type": "cluster_block_exception", "reason": "no master"}, "status": 503}),
        (429, {"error": {"type": "es_rejected_execution_exception", "reason": "queue"}, "status": 429}),
        (502, "<html>Bad Gateway</html>"),
    ],
    ids=str,
)
def test_what_may_or_may_not_have_arrived_is_sent_again_whole(failure: Answer) -> None:
    bulks: list[list[str]] = []

    def late(ids: list[str]) -> Answer:
        bulks.append(ids)
        return failure if len(bulks) < 4 else _all_in(ids)

    assert _write(Nodes(late), _puts(1, 2), count=3) == []
    assert bulks == [[document(1).id, document(2).id]] * 4


def test_patience_has_an_end_and_nothing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elastic_writing, "_OPERATIONS", 20)
    nodes = Nodes(lambda ids: _items(*[429] * len(ids)))
    drawn = 0

    def stream() -> Iterator[Operation]:
        nonlocal drawn
        for drawn in range(1, 5_001):
            yield Put(document(drawn))

    with pytest.raises(Unavailable, match="overloaded"):
        Writer(nodes.cluster(), 0.5).write(stream(), "t~g1")
    assert len(nodes.bulks) > 2 and len({tuple(ids) for ids in nodes.bulks}) == 1
    assert drawn < 50  # it did not go on with the rest


def test_a_full_disk_is_told_at_once() -> None:
    reason = "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, …];"
    block = {"type": "cluster_block_exception", "reason": reason}
    nodes = Nodes((200, {"items": [{"index": {"status": 429, "error": block}}]}))
    with pytest.raises(Unavailable, match="disk"):
        _write(nodes, _puts(1))
    assert len(nodes.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (404, "index_not_found_exception", "dropped or closed while it was being written"),
        (400, "index_closed_exception", "dropped or closed while it was being written"),
        (400, "strict_dynamic_mapping_exception", "another version.*tongcang index rebuild"),
        (403, "security_exception", "API key"),
    ],
)
def test_what_would_befall_every_document_is_no_refusal(status: int, kind: str, sentence: str) -> None:
    with pytest.raises(EngineError, match=sentence):
        _write(Nodes(lambda ids: _items(*[(status, kind)] * len(ids))), _puts(1, 2))


def test_a_request_too_large_is_cut_until_the_document_is_found() -> None:
    large = document(3).id
    nodes = Nodes(lambda ids: (413, "Too Large") if large in ids else _all_in(ids))
    refusals = _write(nodes, _puts(1, 2, 3, 4, 5))
    assert [name for name, _ in refusals] == [large] and "too large" in refusals[0][1]
    written = [name for ids in nodes.bulks if large not in ids for name in ids]
    assert sorted(written) == [document(key).id for key in (1, 2, 4, 5)]


def test_what_no_node_would_take_is_not_sent() -> None:
    nodes = Nodes(_all_in)
    large = Put(msgspec.structs.replace(document(2), source=b'"' + b"x" * 50_000 + b'"'))
    refusals = _write(nodes, [*_puts(1), large, *_puts(3)])
    assert [name for name, _ in refusals] == [document(2).id] and "of 50000 bytes" in refusals[0][1]
    assert nodes.bulks == [[document(1).id, document(3).id]]


def test_bulks_are_cut_by_number_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = Nodes(_all_in)
    assert _write(nodes, _puts(*range(2_300))) == []
    assert [len(ids) for ids in nodes.bulks] == [1_000, 1_000, 300]
    monkeypatch.setattr(elastic_writing, "_BYTES", 2_000)
    nodes = Nodes(_all_in)
    _write(nodes, _puts(*range(20)))
    assert len(nodes.bulks) > 5 and list(chain(*nodes.bulks)) == [document(key).id for key in range(20)]


def test_an_account_that_may_not_look_at_the_nodes_can_write() -> None:
    class Shy(Nodes):
        def answer(self, port: int, target: str, body: bytes | None) -> tuple[int, Any]:
            if "_nodes" in target:
                return 403, {"error": {"type": "security_exception", "reason": "monitor"}, "status": 403}
            return super().answer(port, target, body)

    assert _write(Shy(_all_in), _puts(1)) == []


# ---------------------------------------------------------------------------------------------- reading

HEALTH: Answer = (200, {"status": "green"})


def _ask(nodes: Nodes, count: int, timeout: float = 5.0) -> Any:
    return nodes.cluster(count, timeout).ask(lambda client: client.cluster.health())["status"]


@pytest.mark.parametrize(
    "failure",
    [ConnectionError("gone"), ConnectionTimeout("slow"), (503, {"error": {"type": "x", "reason": "y"}})],
    ids=str,
)
def test_a_reader_asks_another_node(failure: Answer) -> None:
    nodes = Nodes(failure, HEALTH)
    assert _ask(nodes, 2) == "green"
    assert len({port for port, _ in nodes.asked}) == 2


def test_every_node_is_tried_once_and_then_it_is_told() -> None:
    nodes = Nodes(ConnectionError("gone"))
    with pytest.raises(Unavailable, match="can't be reached"):
        _ask(nodes, 3)
    assert len(nodes.asked) == 3


def test_a_connection_that_a_restart_has_closed_is_made_again() -> None:
    assert _ask(Nodes(ConnectionError("reset"), HEALTH), 1) == "green"


@pytest.mark.parametrize("status", [429, 503])
def test_the_only_node_is_not_pressed_when_it_is_overloaded(status: int) -> None:
    nodes = Nodes((status, {"error": {"type": "x", "reason": "y"}, "status": status}))
    with pytest.raises(Unavailable):
        _ask(nodes, 1)
    assert len(nodes.asked) == 1


def test_what_a_person_must_mend_is_not_asked_again() -> None:
    nodes = Nodes((401, {"error": {"type": "security_exception", "reason": "key"}, "status": 401}))
    with pytest.raises(EngineError, match="API key"):
        _ask(nodes, 3)
    assert len(nodes.asked) == 1


def test_work_goes_on_when_the_cluster_is_back() -> None:
    outcomes: list[Any] = [Unavailable("away"), Unavailable("away"), "done"]

    def work() -> Any:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert Nodes(HEALTH).cluster().persist(5.0, work) == "done"
    outcomes[:] = [Unavailable("away")] * 1_000
    with pytest.raises(Unavailable, match="away"):
        Nodes(HEALTH).cluster().persist(0.05, work)


@pytest.mark.parametrize(
    "settings",
    [
        ElasticSettings(()),
        ElasticSettings(("http://search",)),
        ElasticSettings(("https://search:9200",), ca="/没有/这个文件.pem"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_told(settings: ElasticSettings) -> None:
    with pytest.raises(EngineError, match="settings of Elasticsearch"):
        Cluster(settings)


def test_one_address_told_twice_is_one_node() -> None:
    assert Cluster(ElasticSettings(("http://127.0.0.1:9200",) * 2)).nodes == 1
