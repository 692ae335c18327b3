"""From the neutral query tree to Elasticsearch's queries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from indexer.engine.documents import GREATEST
from indexer.engine.elastic_schema import PRIOR
from indexer.engine.limits import parts_of
from indexer.engine.protocol import (
    KEYWORD_FIELDS,
    All,
    Any_,
    Boost,
    DisMax,
    Filter,
    Nothing,
    Phrase,
    Query,
    Range,
    Should,
    Term,
    Terms,
    Without,
)

Json = dict[str, Any]

NONE: Json = {"match_none": {}}
EVERYTHING: Json = {"match_all": {}}

_KEYWORDS = frozenset(KEYWORD_FIELDS)
_NO_TOKEN = "_none_"  # the chain's tokens have no underscore, and its two marks are others
_LONGEST_TOKEN = 255  # Elasticsearch's white-space analyzer cuts what is longer; the chain makes none beyond 64


def scored(query: Query, filters: Sequence[Filter] = ()) -> Json:
    """What decides and scores: BM25 times 1 + p. The stored prior is 2**(1+p) − 2, and log2p gives log10(2 + prior)."""
    function = {
        "query": _with_statistics(query),
        "field_value_factor": {"field": PRIOR, "modifier": "log2p", "missing": 0},
        "boost_mode": "multiply",
        "boost": 1 / math.log10(2),
    }
    return restrict({"function_score": function}, filters)


def _with_statistics(query: Query) -> Json:
    """Every shard tells how many documents have a phrase's field, and how long it is, only where it has a word of it.

    Of a term it tells that always, so each such field is also asked for a token that stands in none; otherwise a phrase
    of which a shard has no word scored up to a fifth less than on one shard (measured).
    """
    asked = translate(query)
    fields = sorted(_phrase_fields(query))
    if not fields:
        return asked
    return {"bool": {"must": [asked], "should": [{"term": {field: {"value": _NO_TOKEN}}} for field in fields]}}


def _phrase_fields(query: Query) -> set[str]:
    if isinstance(query, Phrase):
        return {query.field} if len(query.tokens) > 1 else set()
    return {field for part in parts_of(query) for field in _phrase_fields(part)}


def unscored(query: Query, filters: Sequence[Filter] = ()) -> Json:
    """The same without scores, which saves their cost."""
    conditions = [] if query == All() else [translate(query)]
    return restrict({"bool": {"filter": conditions}} if conditions else EVERYTHING, filters)


def restrict(query: Json, filters: Sequence[Filter]) -> Json:
    """Filters decide what is found and add nothing to the score."""
    if not filters:
        return query
    must_not = [_filter(one) for one in filters if isinstance(one, Terms) and one.negated]
    must = [_filter(one) for one in filters if not (isinstance(one, Terms) and one.negated)]
    return {"bool": {"must": [query], "filter": must, "must_not": must_not}}


def translate(query: Query) -> Json:
    match query:
        case Term():
            return _term(query.field, query.token)
        case Phrase():
            return _phrase(query)
        case All():
            return {"bool": {"must": [translate(part) for part in query.of]}} if query.of else EVERYTHING
        case Any_():
            return _any(query.of)
        case DisMax():
            parts = [translate(part) for part in query.of]
            return {"dis_max": {"queries": parts, "tie_breaker": query.tie}} if parts else NONE
        case Boost():
            return {"bool": {"must": [translate(query.query)], "boost": query.factor}}
        case Should():
            extra = [translate(part) for part in query.should]
            return {"bool": {"must": [translate(query.must)], "should": extra}}
        case Without():
            banned = [translate(part) for part in query.unwanted]
            return {"bool": {"must": [translate(query.query)], "must_not": banned}}
        case Nothing():
            return NONE


def _any(of: Sequence[Query]) -> Json:
    if not of:
        return NONE
    return {"bool": {"should": [translate(part) for part in of], "minimum_should_match": 1}}


def _term(field: str, token: str) -> Json:
    term = {"term": {field: {"value": token}}}
    return {"constant_score": {"filter": term}} if field in _KEYWORDS else term


def _phrase(phrase: Phrase) -> Json:
    if len(phrase.tokens) == 1:
        return _term(phrase.field, phrase.tokens[0])
    # The analyzer cuts the phrase at blanks again: a token that it would cut otherwise stands in no document.
    if not phrase.tokens or any(len(token) > _LONGEST_TOKEN or token.split() != [token] for token in phrase.tokens):
        return NONE
    return {"match_phrase": {phrase.field: {"query": " ".join(phrase.tokens)}}}


def _filter(condition: Filter) -> Json:
    match condition:
        case Terms():
            return {"terms": {condition.field: list(condition.values)}} if condition.values else NONE
        case Range():
            return _between(condition.field, condition.low, condition.high)


def _between(field: str, low: int | None, high: int | None) -> Json:
    """Within the bounds that numbers have: Elasticsearch refuses a query for what its column can't hold."""
    low, high = low or 0, GREATEST[field] if high is None else high
    if low > GREATEST[field] or high < max(low, 0):
        return NONE
    if low <= 0 and high >= GREATEST[field]:
        return EVERYTHING
    return {"range": {field: {"gte": max(low, 0), "lte": min(high, GREATEST[field])}}}
