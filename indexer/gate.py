"""The gate before a switch: a generation becomes live only where it holds what the store holds.

Compared are the total, the number of union records of each library, and some records spread over all keys: what comes
back with a hit, byte by byte, and whether their tokens, values and numbers find them. Union records that the engine
would not take are known one by one, so they loosen the comparison for nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from indexer.document import documents
from indexer.engine.protocol import TEXT_FIELDS, All, Document, Engine, Facet, Filter, Plan, Range, Term, Terms
from mappings.model import UnionRecord, decode
from store import generations, unions
from store.database import Unit

SAMPLE = 200
"""Records that are compared by content. Damage to 2 % of all is found with a probability of 98 %."""

TOKENS = 8
"""Tokens of each text field, and values of each keyword field, by which a record of the sample must be found."""

FEW_REFUSED = 20
MOST_REFUSED = 0.1
"""So many refusals, or such a part of all, are faults of single records; more are a fault of the index."""


class GateError(Exception):
    """The live generation stays. The message says why, names the libraries concerned, and tells what to do."""


class Difference(Struct, frozen=True):
    """Of one library, or of all ("")."""

    library: str
    indexed: int
    expected: int


def too_many_refused(refused: int, tried: int) -> bool:
    return refused > max(FEW_REFUSED, tried * MOST_REFUSED)


def check(unit: Unit, engine: Engine, generation: str, turn: int) -> None:
    """Raises GateError where the generation differs from the store as `unit` sees it. It must be refreshed.

    `turn` decides which records the sample is made of.
    """
    total, by_library = unions.count_unions(unit), unions.count_by_library(unit)
    refused = generations.refused_by_library(unit, generation)
    all_refused = generations.count_refused(unit, generation)
    lacking = [symbol for symbol in sorted(refused) if too_many_refused(refused[symbol], by_library[symbol])]
    if lacking or too_many_refused(all_refused, total):
        reason = generations.refused_unions(unit, generation, 1)[0].reason
        raise GateError(
            f"The new index refused {all_refused} of {total} union records, so many that the index is at fault. "
            f"Libraries most concerned: {_counted(lacking, refused, by_library)}. First reason: {reason} "
            "The index before stays in use. Run: tongcang doctor"
        )
    expected = {"": total - all_refused}
    expected |= {symbol: count - refused.get(symbol, 0) for symbol, count in by_library.items()}
    differing = _differences(engine, generation, expected)
    if differing:
        libraries = ", ".join(f"{each.library} {each.indexed}/{each.expected}" for each in differing if each.library)
        in_all = _indexed(differing, expected)
        raise GateError(
            f"The new index has {in_all} union records and the store {expected['']}. "
            f"Libraries that differ (index/store): {libraries or 'none'}. {_ADVICE}"
        )
    _check_sample(unit, engine, generation, turn)


_ADVICE = (
    "The index before stays in use. Run: tongcang index rebuild. If it is refused again, look at the engine: "
    "tongcang doctor"
)


def _counted(symbols: Sequence[str], part: dict[str, int], whole: dict[str, int]) -> str:
    return ", ".join(f"{symbol} {part[symbol]}/{whole[symbol]}" for symbol in symbols) or "none in particular"


def _differences(engine: Engine, generation: str, expected: dict[str, int]) -> list[Difference]:
    results = engine.search(Plan(All(), facets=(Facet("lib", 10_000),), size=0), generation)
    indexed = {"": results.total, **dict(results.facets["lib"])}
    return [
        Difference(symbol, indexed.get(symbol, 0), expected.get(symbol, 0))
        for symbol in sorted(expected | indexed)
        if indexed.get(symbol, 0) != expected.get(symbol, 0)
    ]


def _indexed(differing: list[Difference], expected: dict[str, int]) -> int:
    return next((each.indexed for each in differing if not each.library), expected[""])


# ---------------------------------------------------------------------------------------------- the sample


def _check_sample(unit: Unit, engine: Engine, generation: str, turn: int) -> None:
    refused = {each.key for each in generations.refused_unions(unit, generation)}
    rows = [row for row in unions.sample_unions(unit, SAMPLE, turn) if row.key not in refused]
    spoiled = []
    for row, document in zip(rows, documents([(row.data, row.seq) for row in rows]), strict=True):
        results = engine.search(_asking_for(document), generation)
        if results.total != 1 or (results.hits[0].id, results.hits[0].source) != (document.id, document.source):
            spoiled.append(row)
    if not spoiled:
        return
    records = [decode(row.data, UnionRecord) for row in spoiled]
    libraries = sorted({holder.library for record in records for holder in record.holders})
    raise GateError(
        f"Of {len(rows)} union records that were compared with the store, the new index has {len(spoiled)} otherwise, "
        f"first {records[0].id} ({records[0].bib.title}). Their libraries: {', '.join(libraries)}. {_ADVICE}"
    )


def _asking_for(document: Document) -> Plan:
    """Finds this document alone, if it stands in the index as it should."""
    terms = [Term(field, token) for field in TEXT_FIELDS for token in _spread(document.text[field].split())]
    filters: list[Filter] = [Range(field, number, number) for field, number in document.number.items()]
    filters += [Terms(field, (value,)) for field, values in document.keyword.items() for value in _spread(values)]
    return Plan(All(tuple(terms)), tuple(filters), sort="holders_desc", size=1)


def _spread(values: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(values))
    return distinct[:: -(-len(distinct) // TOKENS) or 1]
