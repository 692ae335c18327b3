"""From the neutral query tree to tantivy's queries."""

from __future__ import annotations

from collections.abc import Sequence

from tantivy import FieldType, Occur, Schema
from tantivy import Query as TantivyQuery

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

_KEYWORDS = frozenset(KEYWORD_FIELDS)


def translate(schema: Schema, query: Query, filters: Sequence[Filter] = ()) -> TantivyQuery:
    """What tantivy is asked; filters decide what is found and add nothing to the score."""
    asked = TantivyQuery.all_query() if query == All() else _query(schema, query)
    return restrict(asked, [_filter(schema, condition) for condition in filters])


def restrict(query: TantivyQuery, conditions: Sequence[tuple[Occur, TantivyQuery]]) -> TantivyQuery:
    """The query under conditions that must, or must not, hold."""
    if not conditions:
        return query
    unscored = [(occur, TantivyQuery.const_score_query(condition, 0.0)) for occur, condition in conditions]
    return TantivyQuery.boolean_query([(Occur.Must, query), *unscored])


def between(schema: Schema, field: str, low: int | None, high: int | None) -> TantivyQuery:
    """low ≤ column ≤ high; None = open. Unsigned."""
    low = None if low is not None and low <= 0 else low
    if (high is not None and high < (low or 0)) or (low is not None and low >= 2**64):
        return TantivyQuery.empty_query()
    high = None if high is not None and high >= 2**64 - 1 else high
    if low is None and high is None:
        return TantivyQuery.all_query()
    return TantivyQuery.range_query(schema, field, FieldType.Unsigned, low, high)


def _query(schema: Schema, query: Query) -> TantivyQuery:
    match query:
        case Term():
            return _term(schema, query.field, query.token)
        case Phrase():
            return _phrase(schema, query)
        case All():
            parts = [(Occur.Must, _query(schema, part)) for part in query.of]
            return TantivyQuery.boolean_query(parts) if parts else _everything()
        case Any_():
            return TantivyQuery.boolean_query([(Occur.Should, _query(schema, part)) for part in query.of])
        case DisMax():
            return TantivyQuery.disjunction_max_query([_query(schema, part) for part in query.of], query.tie)
        case Boost():
            return TantivyQuery.boost_query(_query(schema, query.query), query.factor)
        case Should():
            extra = [(Occur.Should, _query(schema, part)) for part in query.should]
            return TantivyQuery.boolean_query([(Occur.Must, _query(schema, query.must)), *extra])
        case Without():
            banned = [(Occur.MustNot, _query(schema, part)) for part in query.unwanted]
            return TantivyQuery.boolean_query([(Occur.Must, _query(schema, query.query)), *banned])
        case Nothing():
            return TantivyQuery.empty_query()


def _everything() -> TantivyQuery:
    """As a part of a query: tantivy leaves a bare one out, and its score of 1 with it."""
    return TantivyQuery.const_score_query(TantivyQuery.all_query(), 1.0)


def _term(schema: Schema, field: str, token: str) -> TantivyQuery:
    if field in _KEYWORDS:
        return TantivyQuery.const_score_query(TantivyQuery.term_query(schema, field, token, "basic"), 1.0)
    return TantivyQuery.term_query(schema, field, token, "freq")


def _phrase(schema: Schema, phrase: Phrase) -> TantivyQuery:
    if not phrase.tokens:
        return TantivyQuery.empty_query()
    if len(phrase.tokens) == 1:  # tantivy panics on it
        return _term(schema, phrase.field, phrase.tokens[0])
    return TantivyQuery.phrase_query(schema, phrase.field, list(phrase.tokens))


def _filter(schema: Schema, condition: Filter) -> tuple[Occur, TantivyQuery]:
    match condition:
        case Terms():
            occur = Occur.MustNot if condition.negated else Occur.Must
            if not condition.values:
                return occur, TantivyQuery.empty_query()
            return occur, TantivyQuery.term_set_query(schema, condition.field, list(condition.values))
        case Range():
            return Occur.Must, between(schema, condition.field, condition.low, condition.high)
