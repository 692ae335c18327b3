"""Union records in a state database, as clustering would have left them, for tests of what comes behind."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from mappings.model import Agent, BibRecord, Holder, Identifier, Member, UnionRecord, encode, union_id
from store import unions
from store.database import Database
from store.packing import pack
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


class UnionShelf:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, keys: Iterable[int], edition: int = 1) -> None:
        """New or changed, in one transaction."""
        writes = {key: _write(key, some_union(key, edition)) for key in keys}
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


def _write(key: int, record: UnionRecord) -> UnionWrite:
    data = encode(record)
    return UnionWrite(
        key=key,
        digest=blake2b(data, digest_size=16).digest(),
        libraries=" ".join(holder.library for holder in record.holders),
        data=pack(data),
        identifiers=tuple((each.type, each.value) for each in record.bib.identifiers),
    )
