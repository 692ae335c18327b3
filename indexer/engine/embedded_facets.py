"""Exact facet counts, without counting every value where that can be proved to be needless.

tantivy counts values by segment and cuts each segment's list. A list that was cut makes counts too low by at most the
error that tantivy tells, so: count the likeliest values first; where lists were cut, count just those values again
(that is exact), and believe them only if no other value can have reached them. Else every value is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tantivy import Query as TantivyQuery
from tantivy import Searcher

from indexer.engine.protocol import Facet

_KEPT = 2_000  # values that each segment keeps at first
_EVERY = 2**31

Counts = list[tuple[Any, int]]


def count_facets(
    searcher: Searcher, query: TantivyQuery, facets: Sequence[Facet]
) -> dict[str, tuple[tuple[str, int], ...]]:
    """By field: the most frequent values, and how many of the documents found have each."""
    if not facets:
        return {}
    wanted = {facet.field: max(other.size for other in facets if other.field == facet.field) for facet in facets}
    first = searcher.aggregate(query, {field: _terms(field, _fetched(size)) for field, size in wanted.items()})
    counter = _Counter(searcher, query)
    counted: dict[str, tuple[tuple[str, int], ...]] = {}
    for field, size in wanted.items():
        top = counter.top(field, size, first[field])
        counted[field] = tuple((str(value), count) for value, count in top)
    return counted


def _fetched(size: int) -> int:
    """How many values are asked for: more than wanted, so that a value that is first nowhere is a candidate still."""
    return 2 * size + 10


def _terms(field: str, size: int, kept: int = _KEPT, **more: Any) -> dict[str, Any]:
    return {"terms": {"field": field, "size": size, "segment_size": max(size, kept), **more}}


class _Counter:
    def __init__(self, searcher: Searcher, query: TantivyQuery):
        self._searcher = searcher
        self._query = query

    def top(self, field: str, size: int, first: dict[str, Any]) -> Counts:
        """The first `size` values by (count descending, value ascending), which is tantivy's own order."""
        error = int(first.get("doc_count_error_upper_bound") or 0)
        if not error:
            return _counts(field, first)[:size]
        candidates = [bucket["key"] for bucket in first["buckets"]]
        reached = int(first["buckets"][-1]["doc_count"]) + error
        # tantivy takes a list of values only for text; a catalogue's years are too few to be cut.
        counts = _counts(field, self._ask(field, _fetched(size), include=candidates)) if field != "year" else []
        if len(counts) < size or counts[size - 1][1] <= reached:
            counts = _counts(field, self._ask(field, _fetched(size), _EVERY))
        return counts[:size]

    def _ask(self, field: str, size: int, kept: int = _KEPT, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._searcher.aggregate(self._query, {field: _terms(field, size, kept, **more)})[
            field
        ]
        return answer


def _counts(field: str, answer: dict[str, Any]) -> Counts:
    counts = [(bucket["key"], int(bucket["doc_count"])) for bucket in answer["buckets"]]
    if field == "year":
        return [(int(year), count) for year, count in counts if year]
    return counts
