"""Union records in a state database, as clustering would have left them, for tests of what comes behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec.structs import replace

from indexer.cluster.uniting import union_write
from indexer.engine.protocol import All, Engine, Facet, Operation, Plan, Put, Refusal
from mappings.model import (
    Agent,
    BibRecord,
    Holder,
    Identifier,
    Member,
    Subject,
    UnionRecord,
    union_id,
    union_key,
)
from store import unions
from store.database import Database
from store.progress import take_numbers
from store.unions import UnionWrite

LIBRARIES = ("BFSU", "BNU", "CLCN", "PKU", "RUC", "THU")


def some_union(key: int, edition: int = 1) -> UnionRecord:
    """Held by two to four libraries that follow from the key; the edition is told in the title."""
    count = 2 + key % 3
    symbols = sorted({LIBRARIES[(key + step) % len(LIBRARIES)] for step in range(count)})
    bib = BibRecord(
        dialect="cnmarc",
        title=f"中国图书馆史料汇编第{key}卷第{edition}版",
        agents=(Agent("王重民", primary=True), Agent("Needham, Joseph")),
        identifiers=(Identifier("isbn", f"{9787000000000 + key}"),),
        year=1950 + key % 70,
        publishers=("北京图书馆出版社",),
        languages=("chi",),
    )
    holders = tuple(Holder(symbol, records=(f"{symbol}-{key}",)) for symbol in symbols)
    return UnionRecord(union_id(key), bib, tuple(Member(1, symbol, f"{symbol}-{key}") for symbol in symbols), holders)


def poisonous(key: int) -> UnionRecord:
    """A heading of 9,000 bytes, which no engine takes."""
    record = some_union(key)
    return replace(record, bib=replace(record.bib, subjects=(Subject("毒" * 3000),)))


class UnionShelf:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, keys: Iterable[int], edition: int = 1) -> None:
        """New or changed, in one transaction."""
        self.put_records([some_union(key, edition) for key in keys])

    def put_records(self, records: Sequence[UnionRecord]) -> None:
        writes = {write.key: write for write in map(_write, records)}
        with self._database.write() as unit:
            known = unions.union_digests(unit, list(writes))
            numbered = list(zip(take_numbers(unit, "union", len(writes)), writes.values(), strict=True))
            unions.put_unions(
                unit,
                [each for each in numbered if each[1].key not in known],
                [each for each in numbered if each[1].key in known],
            )

    def bury(self, keys: Iterable[int]) -> None:
        gone = list(keys)
        with self._database.write() as unit:
            unions.bury_unions(unit, list(zip(take_numbers(unit, "union", len(gone)), gone, strict=True)))

    def count(self) -> int:
        with self._database.read() as unit:
            return unions.count_unions(unit)


def _write(record: UnionRecord) -> UnionWrite:
    key = union_key(record.id)
    assert key is not None
    return union_write(key, record)


class Through:
    """An engine through which everything passes; made to be spoiled."""

    def __init__(self, engine: Engine, spoil: Callable[[list[Operation]], list[Operation]] = lambda some: some) -> None:
        self._engine = engine
        self._spoil = spoil

    def bulk(self, operations: Iterable[Operation], generation: str | None = None) -> list[Refusal]:
        return self._engine.bulk(self._spoil(list(operations)), generation)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def losing(keys: Iterable[int]) -> Callable[[list[Operation]], list[Operation]]:
    lost = set(keys)
    return lambda some: [each for each in some if not (isinstance(each, Put) and each.document.key in lost)]


def at_once(_meanwhile: Callable[[], None]) -> AbstractContextManager[None]:
    """Nobody else is at work."""

    @contextmanager
    def alone() -> Iterator[None]:
        yield

    return alone()


def libraries_of(engine: Engine, generation: str | None = None) -> dict[str, int]:
    """How many documents the engine finds of each library."""
    return dict(engine.search(Plan(All(), facets=(Facet("lib"),), size=0), generation).facets["lib"])


def expected_libraries(keys: Iterable[int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for key in keys:
        for holder in some_union(key).holders:
            counts[holder.library] = counts.get(holder.library, 0) + 1
    return counts
