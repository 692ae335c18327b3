"""What goes wrong between here and Elasticsearch, told to a person: nobody above sees an error of the client's own.

What may pass by itself is Unavailable: no connection, no answer in time, 429, 5xx, a shard without an answer, a full
disk. The rest, which only a person can mend, is EngineError.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from elasticsearch import ApiError, ConnectionTimeout, SSLError, TransportError, UnsupportedProductError

from indexer.engine.protocol import EngineError, TooLong, Unavailable

REBUILD = "Build the index anew from the store: tongcang index rebuild"
NO_INDEX = "There is no index yet. Make one from the store: tongcang index rebuild"

AWAY = (
    "A part of the index is not there now: a node of Elasticsearch is away, or its shards are just being moved. "
    "Look at its health, and start the nodes that are missing."
)

_GONE = frozenset(
    {
        "index_not_found_exception",
        "index_closed_exception",
        "shard_not_found_exception",
        "search_context_missing_exception",
        "alias_not_found_exception",
        "aliases_not_found_exception",
    }
)
"""Signs that an index was dropped, perhaps while it was being asked."""

_AWAY = frozenset({"no_shard_available_action_exception", "unavailable_shards_exception"})
_MISSING = "missing shards"  # search_phase_execution_exception: Search rejected due to missing shards

_FULL = "disk usage exceeded"  # cluster_block_exception: TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark


class NotThere(EngineError):  # noqa: N818 — it says what the index is
    """The index that was asked is not there, or no longer."""


class DiskFull(Unavailable):
    """Asking again soon is no use."""


def explain(error: ApiError | TransportError) -> EngineError:
    """The client's error as one of ours."""
    if isinstance(error, UnsupportedProductError):
        return EngineError("What answers there is not Elasticsearch 9. Check the URLs in the settings.")
    if isinstance(error, ApiError):
        return _of_answer(error.meta.status, error.body)
    if isinstance(error, ConnectionTimeout):
        return Unavailable("Elasticsearch did not answer in time. Look at its load and its log; then try again.")
    if isinstance(error, SSLError) and "certificate" in str(error.message).lower():
        return EngineError(
            f"Elasticsearch's certificate can't be verified ({_short(error.message)}). Name the file of the authority "
            "that signed it in the settings (elastic_ca)."
        )
    return Unavailable(
        f"Elasticsearch can't be reached ({_short(error.message)}). Check that it runs, and the URLs in the settings."
    )


def explain_item(status: int, error: Any) -> EngineError:
    """The error of one item of many, whose others may be in order."""
    return _of_answer(status, {"error": error})


def _of_answer(status: int, body: Any) -> EngineError:
    found = list(_errors(body))
    types = {str(one.get("type", "")) for one in found}
    reason = _reason(status, found, body)
    if any(_FULL in str(one.get("reason", "")) for one in found):
        return DiskFull(
            "A disk of Elasticsearch is full: it passed the flood-stage watermark and the index takes no more writes. "
            "Free some space or add a node; writing goes on by itself then."
        )
    if "cluster_block_exception" in types and status < 500:
        return EngineError(
            f"Elasticsearch blocks this index: {reason}. Someone has set the block, and must lift it "
            "(index.blocks.* in the index's settings)."
        )
    if types & _GONE or status == 404:
        return NotThere(f"The index is not there: {reason}. {REBUILD}")
    if status in (401, 403):
        return EngineError(
            f"Elasticsearch refuses access: {reason}. Check the API key, or user and password, in the settings."
        )
    if status in (408, 429):
        return Unavailable(
            f"Elasticsearch is overloaded: {reason}. Wait a moment, or give it more memory or nodes.", 10
        )
    if types & _AWAY or any(_MISSING in str(one.get("reason", "")) for one in found):
        return Unavailable(AWAY)
    if status >= 500:
        return Unavailable(f"Elasticsearch can't answer now: {reason}. Look at its health and its log.")
    if types & {"too_many_clauses", "too_many_nested_clauses"}:
        return TooLong("The query is too long. Search for fewer words.")
    if "strict_dynamic_mapping_exception" in types:
        return EngineError(f"The index was made by another version of Tongcang. {REBUILD}")
    return EngineError(f"Elasticsearch refuses this: {reason}. If this happens again: {REBUILD}")


def check_whole(answer: Any) -> None:
    """Raises Unavailable where some shards did not answer a search, or not in time: half an answer is none."""
    shards = answer["_shards"]
    if shards["failed"] or shards["successful"] < shards["total"] or answer["timed_out"]:
        failures = list(_errors({"error": {"failed_shards": shards.get("failures", [])}}))
        if any(str(one.get("type", "")) in _GONE for one in failures):
            raise NotThere(f"The index is not there any longer. {REBUILD}")
        if answer["timed_out"]:
            raise Unavailable("Elasticsearch did not find everything in time. Look at its load; then try again.")
        why = f" ({_reason(503, failures, None)})" if failures else ""
        raise Unavailable(
            f"{shards['total'] - shards['successful']} of {shards['total']} shards of the index did not answer{why}. "
            "Look at the health of Elasticsearch."
        )


def _errors(body: Any) -> Iterator[dict[str, Any]]:
    """All the errors that an answer names: its own, their causes, those of shards. The own one first."""
    waiting: list[Any] = [body.get("error")] if isinstance(body, dict) else []
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, str):
            one = {"reason": one}
        if isinstance(one, dict):
            if "type" in one or isinstance(one.get("reason"), str):
                yield one
            waiting += [one.get("caused_by"), one.get("reason") if isinstance(one.get("reason"), dict) else None]
            waiting += [*(one.get("root_cause") or ()), *(one.get("failed_shards") or ())]


def _reason(status: int, found: list[dict[str, Any]], body: Any) -> str:
    """The deepest reason, which says most."""
    reasons = [str(one["reason"]) for one in found if one.get("reason")]
    if reasons:
        return _short(reasons[-1])
    return _short(str(body)) if body else f"status {status}"


def _short(text: Any) -> str:
    return " ".join(str(text).split())[:300].rstrip(".;")
