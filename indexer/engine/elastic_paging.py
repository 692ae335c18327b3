"""Pages in every order, from where the last one ended: Elasticsearch's search_after on (value, key)."""

from __future__ import annotations

import base64
import math
from typing import Any

from indexer.engine import cursors
from indexer.engine.cursors import Cursor
from indexer.engine.documents import GREATEST
from indexer.engine.elastic_queries import Json, scored, unscored
from indexer.engine.elastic_schema import NO_YEAR, PRIOR, SOURCE, YEAR_UP
from indexer.engine.protocol import SORT_FIELD_TITLE, All, Hit, Plan

_GREATEST_FLOAT = 3.4028234663852886e38  # a score is a float of 32 bits

_COLUMNS = {
    "year_desc": ("year", "desc"),
    "year_asc": (YEAR_UP, "asc"),
    "title": (SORT_FIELD_TITLE, "asc"),
    "holders_desc": ("holders", "desc"),
    "relevance": ("_score", "desc"),
}


class Pager:
    """One plan: what is asked, and what becomes of the answer."""

    def __init__(self, plan: Plan, after: Cursor | None) -> None:
        self._plan = plan
        self._after = after
        # Everything by relevance is in the order of the prior: by holders, which spares a million scores.
        self._everything = plan.sort == "relevance" and plan.query == All()
        self._scored = plan.sort == "relevance" and not self._everything
        self._column, self._direction = ("holders", "desc") if self._everything else _COLUMNS[plan.sort]

    def body(self) -> Json:
        """Query, sort and page; one hit more than the page has, to know whether another follows."""
        plan = self._plan
        if plan.size == 0:
            return {"query": self.unscored(), "size": 0, "track_total_hits": True}
        body: Json = {
            "query": scored(plan.query, plan.filters) if self._scored else self.unscored(),
            "sort": [{self._column: self._direction}, {"key": "asc"}],
            "size": plan.size + 1,
            "track_total_hits": True,
            "stored_fields": [SOURCE],
        }
        if self._everything:
            body["docvalue_fields"] = [PRIOR]
        if self._after is not None:
            body["search_after"] = [self._value(self._after), self._after.key]
        return body

    def unscored(self) -> Json:
        return unscored(self._plan.query, self._plan.filters)

    def page(self, found: list[Json]) -> tuple[tuple[Hit, ...], str]:
        """The hits of the page, and the cursor of the next one; "" = there is none."""
        hits = tuple(Hit(one["_id"], self._score(one), source_of(one)) for one in found[: self._plan.size])
        if len(found) <= self._plan.size or not hits:
            return hits, ""
        value, key = found[self._plan.size - 1]["sort"]
        return hits, cursors.pack(self._plan, Cursor(self._told(value), key, 0))

    def _score(self, hit: Json) -> float:
        if self._everything:
            return math.log2(2.0 + hit["fields"][PRIOR][0])
        return float(hit["sort"][0]) if self._scored else 0.0

    def _value(self, after: Cursor) -> float | int | str:
        """The value of a cursor as the column holds it."""
        if self._column == YEAR_UP:
            return after.value or NO_YEAR
        if self._column == "holders":
            return min(int(after.value), GREATEST[self._column])  # a cursor by relevance may hold any number
        return min(after.value, _GREATEST_FLOAT) if isinstance(after.value, float) else after.value

    def _told(self, value: Any) -> float | int | str:
        """The value of the column as a cursor holds it: the same as the embedded engine's."""
        if self._plan.sort == "title":
            return str(value)
        if self._plan.sort == "relevance":
            return float(value)
        return 0 if self._column == YEAR_UP and value == NO_YEAR else int(value)


def source_of(hit: Json) -> bytes:
    return stored(hit, SOURCE)


def stored(hit: Json, field: str) -> bytes:
    """The bytes of a stored field."""
    return base64.b64decode(hit["fields"][field][0])
