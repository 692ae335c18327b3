"""What a plan may ask: checked before any engine sees it, so that all refuse the same.

The limits keep a hostile query from exhausting the stack or the memory of an engine; no honest one comes near them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import msgspec

from indexer.engine.protocol import (
    KEYWORD_FIELDS,
    NUMBER_FIELDS,
    PHRASE_FIELDS,
    SORTS,
    TEXT_FIELDS,
    All,
    Any_,
    Boost,
    DisMax,
    EngineError,
    Nothing,
    Phrase,
    Plan,
    Query,
    Range,
    Should,
    Term,
    TooLong,
    Without,
)

MOST_PARTS = 10_000  # nodes and tokens of a query; a pasted abstract over ten fields has some 3,000
DEEPEST = 20  # Elasticsearch ends at 30
MOST_VALUES = 10_000  # values of a filter, buckets of a facet
LARGEST_PAGE = 10_000
GREATEST_FACTOR = 1e6

_NAME = re.compile(r"(?!live$)[a-z0-9_][a-z0-9_.-]{0,99}")

_encoder = msgspec.json.Encoder()


def check_generation(name: str) -> None:
    """Raises EngineError for what is no name of a generation: it becomes part of the name of a folder or an index."""
    if not _NAME.fullmatch(name):
        raise EngineError(
            f"{name!r} can't name a generation: lower-case letters, digits, ., - and _ can, up to 100; live can't."
        )


def check(plan: Plan) -> None:
    """Raises EngineError for a plan that no engine answers."""
    _check_query(plan.query)
    try:
        _encoder.encode(plan)
    except UnicodeEncodeError as error:
        raise EngineError("The query holds half a character, which no text contains.") from error
    if plan.sort not in SORTS:
        raise EngineError(f"There is no order {plan.sort!r}; there are: {', '.join(SORTS)}.")
    if not 0 <= plan.size <= LARGEST_PAGE:
        raise EngineError(f"A page has 0 to {LARGEST_PAGE} hits, not {plan.size}.")
    for facet in plan.facets:
        _check_field(facet.field, (*KEYWORD_FIELDS, "year"), "be counted")
        if not 1 <= facet.size <= MOST_VALUES:
            raise EngineError(f"A facet has 1 to {MOST_VALUES} values, not {facet.size}.")
    for condition in plan.filters:
        if isinstance(condition, Range):
            _check_field(condition.field, NUMBER_FIELDS, "be filtered by numbers")
            continue
        _check_field(condition.field, KEYWORD_FIELDS, "be filtered by values")
        if len(condition.values) > MOST_VALUES:
            raise EngineError(f"A filter has at most {MOST_VALUES} values, not {len(condition.values)}.")


def _check_query(root: Query) -> None:
    parts = 0
    waiting: list[tuple[Query, int]] = [(root, 1)]
    while waiting:
        query, depth = waiting.pop()
        parts += len(query.tokens) if isinstance(query, Phrase) else 1
        if parts > MOST_PARTS or depth > DEEPEST:
            raise TooLong("The query is too long. Search for fewer words.")
        _check_part(query)
        waiting += ((part, depth + 1) for part in parts_of(query))


def _check_part(query: Query) -> None:
    match query:
        case Term():
            _check_field(query.field, (*TEXT_FIELDS, *KEYWORD_FIELDS), "be searched")
        case Phrase():
            _check_field(
                query.field, PHRASE_FIELDS if len(query.tokens) > 1 else TEXT_FIELDS, "be searched for phrases"
            )
        case Boost() if not (math.isfinite(query.factor) and 0 <= query.factor <= GREATEST_FACTOR):
            raise EngineError(f"A boost is from 0 to {GREATEST_FACTOR:.0f}, not {query.factor}.")
        case DisMax() if not 0 <= query.tie <= 1:
            raise EngineError(f"The tie of a DisMax is from 0 to 1, not {query.tie}.")


def parts_of(query: Query) -> Iterator[Query]:
    """The queries that it is made of."""
    match query:
        case All() | Any_() | DisMax():
            yield from query.of
        case Boost():
            yield query.query
        case Should():
            yield query.must
            yield from query.should
        case Without():
            yield query.query
            yield from query.unwanted
        case Term() | Phrase() | Nothing():
            return


def _check_field(name: str, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        raise EngineError(f"The field {name!r} can't {what}; these can: {', '.join(known)}.")
