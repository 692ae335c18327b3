"""Exact facet counts, also where the values are spread over several shards.

Each shard tells its most frequent values, which is exact where no list was cut. Where one was, Elasticsearch tells by
how much a count may be too low, so: count just the likeliest values again (that is exact), and believe them only if no
other value can have reached them. Else every value is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from indexer.engine.elastic_queries import Json
from indexer.engine.protocol import Facet

Counts = list[tuple[Any, int]]
Aggregate = Callable[[Json], Json]
"""Counts what the plan finds: aggregations by name to their answers."""

_KEPT = 2_000  # values that each shard tells at first
_EVERY = 2**31 - 1
_FEW = 1_000  # more values than this are asked for alone: an answer may hold 65,536 in all


class Facets:
    """The facets of one plan. `first` goes along with the search; `counted` asks again where that was not enough."""

    def __init__(self, facets: Sequence[Facet]) -> None:
        self._wanted = {
            facet.field: max(other.size for other in facets if other.field == facet.field) for facet in facets
        }

    def first(self) -> Json:
        return {field: _terms(field, _fetched(size)) for field, size in self._wanted.items() if size <= _FEW}

    def counted(self, first: Json, aggregate: Aggregate) -> dict[str, tuple[tuple[str, int], ...]]:
        """By field: the most frequent values, and how many of the documents found have each."""
        counted: dict[str, tuple[tuple[str, int], ...]] = {}
        for field, size in self._wanted.items():
            answer = first.get(field) or aggregate({field: _terms(field, _fetched(size))})[field]
            top = _top(field, size, answer, aggregate)
            counted[field] = tuple((str(value), count) for value, count in top)
        return counted


def _fetched(size: int) -> int:
    """How many values are asked for: more than wanted, so that a value that is first nowhere is a candidate still."""
    return 2 * size + 10


def _terms(field: str, size: int, kept: int = _KEPT, **more: Any) -> Json:
    if field == "year":
        more["exclude"] = [0]  # unknown
    return {"terms": {"field": field, "size": size, "shard_size": max(size, kept), **more}}


def _top(field: str, size: int, first: Json, aggregate: Aggregate) -> Counts:
    """The first `size` values by (count descending, value ascending), which is Elasticsearch's own order."""
    error = int(first["doc_count_error_upper_bound"])
    if not error:
        return _counts(first)[:size]
    candidates = [bucket["key"] for bucket in first["buckets"]]
    reached = int(first["buckets"][-1]["doc_count"]) + error
    counts = _counts(aggregate({field: _terms(field, len(candidates), include=candidates)})[field])
    if len(counts) < size or counts[size - 1][1] <= reached:
        counts = _counts(aggregate({field: _terms(field, size, _EVERY)})[field])
    return counts[:size]


def _counts(answer: Json) -> Counts:
    return [(bucket["key"], int(bucket["doc_count"])) for bucket in answer["buckets"]]
