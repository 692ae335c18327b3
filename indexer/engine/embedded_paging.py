"""Pages in every order, from where the last one ended.

Orders by numbers have a column that no two documents share, so a page is a search behind a value of that column and
costs the same at any depth. Scores and titles tie, and tantivy then takes an arbitrary part of the tied: they are
fetched until the last one fetched lies behind the page, and put in order here. A page by score fetches all that is
before it (10,000 deep: see bench/engine.py); a page by title only what shares 16 bytes with the last title.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from tantivy import DocAddress, Occur, Order, Schema, Searcher
from tantivy import Query as TantivyQuery

from indexer.engine.cursors import Cursor
from indexer.engine.embedded_queries import between, restrict
from indexer.engine.embedded_schema import (
    HOLDERS_DOWN,
    KEY_BITS,
    LAST_KEY,
    NO_YEAR,
    PRIOR,
    TITLE_HEAD,
    TITLE_NECK,
    YEAR_DOWN,
    YEAR_UP,
    title_numbers,
)
from indexer.engine.protocol import SORT_FIELD_TITLE, All, Plan

_ROUNDING = 2.0**-20
"""Scores that differ by less are one: tantivy adds the words of a query in another order in each segment, so what is
equal comes out some units in the last of 24 bits apart (seen). Lucene adds in twice the precision."""


class Found(Struct, frozen=True):
    """A page of addresses, in order."""

    hits: list[tuple[float, DocAddress]]  # score
    total: int
    last: Cursor | None  # of the last hit, where more follow


class Pager:
    """One plan on one snapshot of the index."""

    def __init__(self, searcher: Searcher, schema: Schema, plan: Plan, query: TantivyQuery, after: Cursor | None):
        self._searcher = searcher
        self._schema = schema
        self._size = plan.size
        self._query = query
        self._after = after
        self._sort = plan.sort
        self._everything = plan.query == All()

    def page(self) -> Found:
        if self._size == 0 or self._searcher.num_docs == 0:
            return Found([], self._count(), None)
        if self._sort == "title":
            return self._by_title()
        if self._sort == "relevance" and not self._everything:
            return self._by_score()
        return self._by_number()

    def _count(self) -> int:
        # An order by a column spares tantivy the scores.
        counted: Any = self._searcher.search(self._query, limit=1, count=True, order_by_field="key")
        return int(counted.count)

    # ------------------------------------------------------------------------------------------ by a number

    def _by_number(self) -> Found:
        """The page from the order's own column. Everything by relevance is in the order of the prior: by holders."""
        column = {"year_desc": YEAR_DOWN, "year_asc": YEAR_UP}.get(self._sort, HOLDERS_DOWN)
        upwards = column == YEAR_UP
        query = self._query
        if self._after is not None:
            rank = self._rank(column, self._after)
            low, high = (rank + 1, None) if upwards else (None, rank - 1)
            query = restrict(query, [(Occur.Must, between(self._schema, column, low, high))])
        found: Any = self._searcher.search(
            query,
            limit=self._size + 1,
            count=self._after is None,
            order_by_field=column,
            order=Order.Asc if upwards else Order.Desc,
        )
        total = found.count if self._after is None else self._count()
        ranks = [rank for rank, _ in found.hits[: self._size]]
        addresses = [address for _, address in found.hits[: self._size]]
        scores = [0.0] * len(addresses)
        if self._sort == "relevance":
            priors = self._searcher.fast_field_values(PRIOR, addresses)
            scores = [math.log2(2.0 + (prior or 0.0)) for prior in priors]
        last = self._cursor(column, ranks[-1]) if len(found.hits) > self._size else None
        return Found(list(zip(scores, addresses, strict=True)), int(total), last)

    @staticmethod
    def _rank(column: str, after: Cursor) -> int:
        value = int(after.value)
        if column == YEAR_UP:
            return (value or NO_YEAR) << KEY_BITS | after.key
        return value << KEY_BITS | LAST_KEY - after.key

    def _cursor(self, column: str, rank: int) -> Cursor:
        value, key = rank >> KEY_BITS, rank & LAST_KEY
        if column == YEAR_UP:
            return Cursor(0 if value == NO_YEAR else value, key, 0)
        return Cursor(float(value) if self._sort == "relevance" else value, LAST_KEY - key, 0)

    # ------------------------------------------------------------------------------------------ with ties

    def _by_score(self) -> Found:
        after = self._after
        total = 0

        def fetch(limit: int) -> list[tuple[Any, DocAddress]]:
            nonlocal total
            found: Any = self._searcher.search(self._query, limit=limit, count=True, weight_by_field=PRIOR)
            total = int(found.count)
            return _tied([(-score, address) for score, address in found.hits])

        seen = after.seen if after else 0
        page, more = self._fetch_out(fetch, seen, (-float(after.value), after.key) if after else None)
        last = Cursor(-page[-1][0], page[-1][1], seen + len(page)) if more else None
        return Found([(-value, address) for value, _, address in page], total, last)

    def _by_title(self) -> Found:
        after = self._after
        query = self._query
        if after is not None:
            query = restrict(query, [(Occur.Must, self._titles_from(str(after.value)))])

        def fetch(limit: int) -> list[tuple[Any, DocAddress]]:
            found = self._searcher.search(
                query, limit=limit, count=False, order_by_field=SORT_FIELD_TITLE, order=Order.Asc
            )
            return found.hits

        page, more = self._fetch_out(fetch, 0, (str(after.value), after.key) if after else None)
        last = Cursor(page[-1][0], page[-1][1], 0) if more else None
        return Found([(0.0, address) for _, _, address in page], self._count(), last)

    def _titles_from(self, sort_title: str) -> TantivyQuery:
        """All that share the first 16 bytes, and what follows: a column of text can't be compared with a value."""
        head, neck = title_numbers(sort_title)
        same_head = between(self._schema, TITLE_HEAD, head, head)
        tail = restrict(same_head, [(Occur.Must, between(self._schema, TITLE_NECK, neck, None))])
        return TantivyQuery.boolean_query(
            [(Occur.Should, between(self._schema, TITLE_HEAD, head + 1, None)), (Occur.Should, tail)]
        )

    def _fetch_out(
        self, fetch: Callable[[int], list[tuple[Any, DocAddress]]], before: int, after: tuple[Any, int] | None
    ) -> tuple[list[tuple[Any, int, DocAddress]], bool]:
        """The page behind `after` in the order of (value, key), and whether more follow.

        `fetch(limit)` gives the first by value, ascending; of the last value perhaps not all, hence: again, four times
        as many, until a value behind the page's last was seen, or there are no more.
        """
        limit = before + 2 * self._size + 8
        while True:
            fetched = fetch(min(limit, self._searcher.num_docs))
            exhausted = len(fetched) < limit
            candidates = fetched if after is None else [hit for hit in fetched if hit[0] >= after[0]]
            keys = self._searcher.fast_field_values("key", [address for _, address in candidates])
            ordered = sorted(
                (value, int(key or 0), index)
                for index, ((value, _), key) in enumerate(zip(candidates, keys, strict=True))
            )
            if after is not None:
                ordered = [entry for entry in ordered if (entry[0], entry[1]) > after]
            page = [(value, key, candidates[index][1]) for value, key, index in ordered[: self._size]]
            full = len(ordered) > self._size
            if exhausted or (full and fetched[-1][0] > page[-1][0]):
                return page, full
            limit *= 4


def _tied(hits: list[tuple[float, DocAddress]]) -> list[tuple[float, DocAddress]]:
    """The hits, best first, with the score (negative) of the best of those that are equal but for rounding.

    A longer list begins as a shorter one does, so pages agree.
    """
    snapped = []
    best = -math.inf
    for value, address in hits:
        if value > best * (1 - _ROUNDING):
            best = value
        snapped.append((best, address))
    return snapped
