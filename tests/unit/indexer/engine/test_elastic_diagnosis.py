"""What doctor says of a cluster of Elasticsearch, against a server that answers as clusters in trouble do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_diagnosis import judge_connection
from indexer.engine.elastic_disks import free_needed
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.protocol import Finding

GB = 2**30


def healthy() -> dict[str, Any]:
    """The answers of a cluster of one node in good health, by path."""
    return {
        "/_nodes": {"nodes": {"a": {"name": "北一", "version": "9.2.4"}}},
        "/_cluster/health": {
            "status": "green",
            "active_shards": 4,
            "unassigned_shards": 0,
            "initializing_shards": 0,
            "unassigned_primary_shards": 0,
            "number_of_data_nodes": 1,
        },
        "/_nodes/stats": {
            "nodes": {
                "a": {
                    "name": "北一",
                    "roles": ["data", "master"],
                    "fs": {"total": {"total_in_bytes": 100 * GB, "available_in_bytes": 60 * GB}},
                    "jvm": {"mem": {"heap_used_percent": 40}},
                }
            }
        },
        "/_cluster/settings": {"defaults": {}},
        "/_cluster/allocation/explain": {
            "index": "tongcang-v1-0001",
            "shard": 0,
            "allocate_explanation": "cannot allocate: the node that has the copy left",
        },
        "/_settings": {},
    }


class Stub:
    """Elasticsearch on loopback, as far as a diagnosis asks it."""

    def __init__(self) -> None:
        self.answers = healthy()
        self.clock_off = 0.0
        self.asked_for: list[str] = []  # the requests on whose behalf it is asked, by their ids
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked_for.append(self.headers.get("X-Opaque-Id", ""))
                answer = outer.answer(self.path.partition("?")[0])
                body = json.dumps(answer, ensure_ascii=False).encode()
                self.send_response(answer.get("status", 200) if isinstance(answer.get("status"), int) else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> Any:
        known = sorted((name for name in self.answers if name in path), key=len)
        found = self.answers[known[-1]] if known else {}
        if known and known[-1] == "/_nodes/stats":
            for node in found["nodes"].values():
                node["timestamp"] = int((time.time() + self.clock_off) * 1000)
        return found

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def stub() -> Iterator[Stub]:
    opened = Stub()
    yield opened
    opened.close()


def diagnosed(stub: Stub, **settings: Any) -> dict[str, Finding]:
    engine = ElasticEngine(ElasticSettings((stub.url,), **settings))
    try:
        return {finding.what: finding for finding in engine.diagnose()}
    finally:
        engine.close()


def test_a_healthy_cluster(stub: Stub) -> None:
    found = diagnosed(stub)
    assert {each.state for each in found.values()} == {"ok"}
    assert "9.2.4" in found["Elasticsearch"].message
    assert "60.0 of 100 GB" in found["disk of 北一"].message


def test_elasticsearch_is_told_which_request_it_works_for(stub: Stub) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        diagnosed(stub)
    assert set(stub.asked_for) == {"r-1"}
    stub.asked_for.clear()
    diagnosed(stub)
    assert set(stub.asked_for) == {""}


def test_of_red_it_says_what_is_lost_and_why(stub: Stub) -> None:
    stub.answers["/_cluster/health"] |= {"status": "red", "unassigned_shards": 3, "unassigned_primary_shards": 2}
    told = diagnosed(stub)["cluster"]
    assert told.state == "failed"
    for part in ("2 shards", "cannot allocate", "tongcang-v1-0001", "index rebuild"):
        assert part in told.message


def test_yellow_of_too_few_nodes_and_yellow_of_a_lost_node_are_two_things(stub: Stub) -> None:
    stub.answers["/_cluster/health"] |= {"status": "yellow", "unassigned_shards": 1}
    alone = diagnosed(stub, replicas=1)["cluster"]
    assert alone.state == "warning"
    assert "elastic_replicas" in alone.message
    stub.answers["/_cluster/health"]["number_of_data_nodes"] = 3
    lost = diagnosed(stub, replicas=1)["cluster"]
    assert lost.state == "warning"
    assert "elastic_replicas" not in lost.message
    assert "start the nodes" in lost.message


@pytest.mark.parametrize(
    ("free", "state", "word"),
    [(60, "ok", "free"), (14, "warning", "low"), (9, "warning", "high"), (4, "failed", "refuses")],
)
def test_the_disks_beside_the_watermarks(stub: Stub, free: int, state: str, word: str) -> None:
    stub.answers["/_nodes/stats"]["nodes"]["a"]["fs"]["total"]["available_in_bytes"] = free * GB
    told = diagnosed(stub)["disk of 北一"]
    assert told.state == state
    assert word in told.message


def test_watermarks_that_somebody_set_count(stub: Stub) -> None:
    stub.answers["/_nodes/stats"]["nodes"]["a"]["fs"]["total"]["available_in_bytes"] = 14 * GB
    nested: dict[str, Any] = {"watermark": {"low": "20gb", "high": "18gb", "flood_stage": "16gb"}}
    for name in ("disk", "allocation", "routing", "cluster"):
        nested = {name: nested}
    stub.answers["/_cluster/settings"]["persistent"] = nested
    assert diagnosed(stub)["disk of 北一"].state == "failed"


def test_a_node_without_data_needs_no_disk(stub: Stub) -> None:
    node = stub.answers["/_nodes/stats"]["nodes"]["a"]
    node["roles"] = ["master"]
    node["fs"]["total"]["available_in_bytes"] = 0
    assert "disk of 北一" not in diagnosed(stub)


def test_a_write_block_is_named(stub: Stub) -> None:
    blocked = {"settings": {"index.blocks.read_only_allow_delete": "true", "index.blocks.write": "false"}}
    stub.answers["/_settings"]["tongcang-v1-0001"] = blocked
    told = diagnosed(stub)["tongcang-v1-0001"]
    assert told.state == "failed"
    assert "read_only_allow_delete" in told.message
    assert "write," not in told.message


@pytest.mark.parametrize(("versions", "state"), [(["9.2.4", "9.5.1"], "warning"), (["8.19.0"], "failed")])
def test_versions(stub: Stub, versions: list[str], state: str) -> None:
    stub.answers["/_nodes"]["nodes"] = {name: {"name": name, "version": name} for name in versions}
    told = diagnosed(stub)["Elasticsearch"]
    assert told.state == state
    assert all(version in told.message for version in versions)


@pytest.mark.parametrize(("off", "word"), [(60.0, "ahead"), (-60.0, "behind")])
def test_a_clock_that_is_off(stub: Stub, off: float, word: str) -> None:
    assert not [what for what in diagnosed(stub) if what.startswith("clock")]
    stub.clock_off = off
    told = diagnosed(stub)["clock of 北一"]
    assert told.state == "warning"
    assert word in told.message


def test_a_full_heap(stub: Stub) -> None:
    stub.answers["/_nodes/stats"]["nodes"]["a"]["jvm"]["mem"]["heap_used_percent"] = 97
    assert diagnosed(stub)["memory of 北一"].state == "warning"


def test_a_cluster_that_is_away_is_one_finding(stub: Stub) -> None:
    url = stub.url
    stub.close()
    engine = ElasticEngine(ElasticSettings((url,), timeout=1.0))
    found = engine.diagnose()
    engine.close()
    assert [finding.state for finding in found] == ["ok", "failed"]
    assert found[1].message


def connection(*urls: str, **settings: Any) -> dict[str, Finding]:
    return {finding.what: finding for finding in judge_connection(ElasticSettings(urls, **settings))}


def test_without_tls_beyond_this_machine_it_warns() -> None:
    told = connection("http://user:geheim@es1.example:9200", api_key="a2V5OmtleQ==")["connection"]
    assert told.state == "warning"
    assert "in the clear" in told.message
    assert "es1.example:9200" in told.message
    assert "geheim" not in told.message


def test_an_unverified_certificate_is_called_by_its_name() -> None:
    told = connection("https://es1.example:9200", verify=False, api_key="a2V5OmtleQ==")["connection"]
    assert told.state == "warning"
    assert "not verified" in told.message and "elastic_ca" in told.message


def test_logins_that_are_none() -> None:
    assert "no login" in connection("https://es1.example:9200")["login"].message
    everybody = connection("https://es1.example:9200", user="elastic", password="changeme")["login"]
    assert everybody.state == "warning"
    assert "changeme" not in everybody.message
    assert "login" not in connection("https://es1.example:9200", user="tongcang", password="9f-Xk2hq")


# ---------------------------------------------------------------------------------------------- watermarks


@pytest.mark.parametrize(
    ("total", "value", "headroom", "needed"),
    [
        (100 * GB, "85%", "200gb", 15 * GB),
        (10_000 * GB, "85%", "200gb", 200 * GB),
        (10_000 * GB, "85%", "-1", 1500 * GB),
        (100 * GB, "0.9", "-1", 10 * GB),
        (100 * GB, "50gb", "-1", 50 * GB),
        (100 * GB, "1.5TB", "-1", 1536 * GB),
        (100 * GB, "512mb", "-1", GB // 2),
    ],
)
def test_what_must_be_free(total: int, value: str, headroom: str, needed: int) -> None:
    assert free_needed(total, value, headroom) == pytest.approx(needed, abs=2)


@given(st.integers(1, 2**50), st.integers(0, 100))
def test_no_more_can_be_needed_than_there_is(total: int, percent: int) -> None:
    assert 0 <= free_needed(total, f"{percent}%", "100gb") <= min(total + 1, 100 * GB)
