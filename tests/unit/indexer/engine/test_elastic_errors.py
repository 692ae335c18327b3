"""Every error of the client and of the server becomes one of ours, with a sentence that tells what to do."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import ApiError, ConnectionError, ConnectionTimeout, SSLError, UnsupportedProductError

from indexer.engine.elastic_errors import DiskFull, NotThere, check_whole, explain, explain_item
from indexer.engine.protocol import EngineError, TooLong, Unavailable

logging.getLogger("elastic_transport").setLevel(logging.ERROR)


def _answered(status: int, body: Any) -> ApiError:
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.0, NodeConfig("http", "127.0.0.1", 9200))
    return ApiError("error", meta, body)


def _error(status: int, kind: str, reason: str | None = "原因", **more: Any) -> ApiError:
    cause = {"type": kind, "reason": reason}
    return _answered(status, {"error": {**cause, "root_cause": [cause], **more}, "status": status})


BLOCK = "index [t-g1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has …];"
REJECTED = {"type": "search_phase_execution_exception", "reason": "Search rejected due to missing shards [[t-g1][0]]."}


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (ConnectionError("refused"), Unavailable, "can't be reached .*refused"),
        (ConnectionTimeout("slow"), Unavailable, "did not answer in time"),
        (SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), EngineError, r"cert.*\(elastic_ca\)"),
        (SSLError("[SSL] unexpected eof"), Unavailable, "can't be reached"),
        (_error(429, "es_rejected_execution_exception"), Unavailable, "overloaded: 原因"),
        (_error(429, "circuit_breaking_exception"), Unavailable, "overloaded"),
        (
            _error(503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
            Unavailable,
            "master",
        ),
        (
            _error(503, "unavailable_shards_exception", "[t-g1][0] primary … source[红楼]"),
            Unavailable,
            "start the nodes",
        ),
        (_error(503, "no_shard_available_action_exception", None), Unavailable, "start the nodes"),
        (_error(503, "search_phase_execution_exception", "", caused_by=REJECTED), Unavailable, "start the nodes"),
        (_error(500, "node_disconnected_exception"), Unavailable, "can't answer now"),
        (_answered(502, "<html>Bad Gateway</html>"), Unavailable, "Bad Gateway"),
        (_answered(504, ""), Unavailable, "504"),
        (_error(403, "cluster_block_exception", BLOCK), DiskFull, "disk of Elasticsearch is full.*watermark"),
        (_error(429, "cluster_block_exception", BLOCK), DiskFull, "disk of Elasticsearch is full"),
        (
            _error(403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)];"),
            EngineError,
            "lift it",
        ),
        (_error(401, "security_exception"), EngineError, "API key"),
        (_error(403, "security_exception"), EngineError, "API key"),
        (_error(404, "index_not_found_exception"), NotThere, "tongcang index rebuild"),
        (_answered(404, {"error": "alias [t-live] missing", "status": 404}), NotThere, "missing"),
        (_error(400, "too_many_nested_clauses"), TooLong, "too long"),
        (_error(400, "strict_dynamic_mapping_exception"), EngineError, "another version.*tongcang index rebuild"),
        (_error(400, "parsing_exception"), EngineError, "refuses this: 原因"),
        (UnsupportedProductError("unknown", _answered(200, {}).meta, {}), EngineError, "not Elasticsearch 9"),
    ],
    ids=repr,
)
def test_errors_say_what_to_do(error: Any, kind: type[EngineError], sentence: str) -> None:
    told = explain(error)
    assert type(told) is kind
    with pytest.raises(EngineError, match=sentence):
        raise told
    assert "source[" not in str(told)  # no document in a message


def test_a_search_that_lost_its_index_on_the_way_says_so() -> None:
    failed = {"shard": 0, "reason": {"type": "search_context_missing_exception", "reason": "No search context"}}
    assert type(explain(_error(500, "search_phase_execution_exception", failed_shards=[failed]))) is NotThere


def test_a_part_of_a_bulk_is_explained_like_an_answer() -> None:
    assert type(explain_item(503, {"type": "unavailable_shards_exception", "reason": "…"})) is Unavailable
    assert type(explain_item(400, {"type": "document_parsing_exception", "reason": "…"})) is EngineError


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"timed_out": True, "_shards": {"total": 3, "successful": 3, "failed": 0}}, "in time"),
        ({"timed_out": False, "_shards": {"total": 3, "successful": 2, "failed": 0}}, "1 of 3 shards"),
        (
            {
                "timed_out": False,
                "_shards": {
                    "total": 3,
                    "successful": 2,
                    "failed": 1,
                    "failures": [{"reason": {"type": "node_not_connected_exception", "reason": "node 2 is away"}}],
                },
            },
            "1 of 3 shards.*node 2 is away",
        ),
    ],
)
def test_half_an_answer_is_none(answer: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Unavailable, match=sentence):
        check_whole(answer)
    check_whole({"timed_out": False, "_shards": {"total": 3, "successful": 3, "failed": 0}})
