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
    """How many values are asked for: beyond the wanted ones some, to see where their counts end; and the year 0."""
    return 2 * size + 10


def _terms(field: str, size: int, kept: int = _KEPT, **more: Any) -> dict[str, Any]:
    return {"terms": {"field": field, "size": size, "segment_size": max(size, kept), **more}}


class _Counter:
    def __init__(self, searcher: Searcher, query: TantivyQuery):
        self._searcher = searcher
        self._query = query

    def top(self, field: str, size: int, first: dict[str, Any]) -> Counts:
        """The first `size` values by (count descending, value ascending)."""
        fetched = _fetched(size)
        counts, whole = _counts(field, first), len(first["buckets"]) < fetched
        error = int(first.get("doc_count_error_upper_bound") or 0)
        if error:
            reached = first["buckets"][-1]["doc_count"] + error
            again = self._ask(field, fetched, include=[value for value, _ in counts]) if field != "year" else None
            counts = _counts(field, again) if again else []
            if len(counts) < size or counts[size - 1][1] <= reached:
                every = self._ask(field, fetched, _EVERY)
                counts, whole = _counts(field, every), len(every["buckets"]) < fetched
        if not whole and len(counts) >= size and counts[size - 1][1] == counts[-1][1]:
            counts = self._untied(field, size, counts)
        return counts[:size]

    def _untied(self, field: str, size: int, counts: Counts) -> Counts:
        """Where the cut went through values of one count: those with the smallest values of them."""
        least = counts[size - 1][1]
        tied = self._ask(field, _fetched(size), _EVERY, order={"_key": "asc"}, min_doc_count=least)
        above = [entry for entry in counts if entry[1] > least]
        return above + [entry for entry in _counts(field, tied) if entry[1] == least]

    def _ask(self, field: str, size: int, kept: int = _KEPT, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._searcher.aggregate(self._query, {field: _terms(field, size, kept, **more)})[
            field
        ]
        return answer


def _counts(field: str, answer: dict[str, Any]) -> Counts:
    counts = [(bucket["key"], int(bucket["doc_count"])) for bucket in answer["buckets"]]
    if field == "year":
        counts = [(int(year), count) for year, count in counts if year]
    counts.sort(key=lambda entry: (-entry[1], entry[0]))
    return counts
