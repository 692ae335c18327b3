"""Union records (联合目录记录) as clustering last made them, and the numbers by which they are found.

A row is made when its cluster first has members; it becomes a tombstone when the cluster has none left, and stays. Its
`seq` grows only when its content changes: that number is the version of the document in the search index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    func,
    select,
    update,
)

from mappings.model import UnionRecord, decode, union_id, union_key
from store import clusters
from store.bulk import insert_rows
from store.clusters import cluster_member, cluster_node, retired_key
from store.columns import Id, Words, storable
from store.database import Unit, metadata
from store.libraries import source
from store.packing import unpack
from store.records import BLOCK, chunks, raw_record

union_record = Table(
    "union_record",
    metadata,
    Column("key", Id, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # blake2b-128 of the canonical JSON; b"" in a tombstone
    Column("libraries", Words, nullable=False),  # symbols of its holders, sorted, joined with blanks
    Column("data", LargeBinary, nullable=False),  # zstd of the canonical JSON of a UnionRecord
    Index("ix_union_record_seq", "seq"),
)

union_identifier = Table(
    "union_identifier",
    metadata,
    Column("type", String(16), primary_key=True),
    Column("value", Words, primary_key=True),
    Column("key", BigInteger, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)

LONGEST_IDENTIFIER = 200


class UnionRow(Struct, frozen=True):
    """A union record as the index stage reads it. `data` is the canonical JSON of a UnionRecord; b"" where deleted."""

    key: int
    seq: int
    deleted: bool
    data: bytes


class UnionWrite(Struct, frozen=True):
    """A union record as it is to be stored."""

    key: int
    digest: bytes
    libraries: str
    data: bytes  # packed
    identifiers: tuple[tuple[str, str], ...]  # type, value


class UnionMember(Struct, frozen=True):
    """A source record of a union record."""

    record_id: int
    source_id: int
    slug: str
    library: str
    identifier: str
    node: int


# ---------------------------------------------------------------------------------------------- reading


def get_union(unit: Unit, key: int) -> UnionRecord | None:
    """None where there is no such record, or no longer."""
    return get_unions(unit, [key]).get(key)


def get_unions(unit: Unit, keys: Sequence[int]) -> dict[int, UnionRecord]:
    """Those that there are, by key."""
    c = union_record.c
    found = {}
    for some in chunks(keys):
        for row in unit.execute(select(c.key, c.data).where(c.key.in_(some), c.deleted.is_(False))):
            found[row[0]] = decode(unpack(row[1]), UnionRecord)
    return found


def is_tombstone(unit: Unit, key: int) -> bool:
    return bool(unit.execute(select(union_record.c.deleted).where(union_record.c.key == key)).scalar())


def redirect(unit: Unit, key: int) -> int | None:
    """Where a retired key leads now; None where it is none, or nothing is left of what it stood for."""
    return clusters.redirect(unit, key)


def former_ids(unit: Unit, record: str) -> list[str]:
    """Ids of the records that were merged into that one: whatever is kept under them is told of it now."""
    live = union_key(record)
    if live is None:
        return []
    r, m, n = retired_key.c, cluster_member.c, cluster_node.c
    query = (
        select(r.key)
        .join(cluster_member, m.record_id == r.record_id)
        .join(cluster_node, n.node == m.node)
        .where(n.cluster == live)
        .order_by(r.key)
    )
    return [union_id(key) for key in unit.execute(query).scalars()]


def find_by_identifier(unit: Unit, type: str, value: str, limit: int = 50) -> list[int]:
    """Keys of the union records that have the identifier (types and canonical values as in mappings.model)."""
    c = union_identifier.c
    query = select(c.key).where(c.type == type, c.value == value[:LONGEST_IDENTIFIER]).order_by(c.key)
    return list(unit.execute(query.limit(limit)).scalars())


def members_of(unit: Unit, key: int) -> list[UnionMember]:
    """Its source records as clustering has them now, in the order of their sources' names and identifiers."""
    m, n, r, s = cluster_member.c, cluster_node.c, raw_record.c, source.c
    query = (
        select(m.record_id, r.source_id, s.slug, s.library, r.identifier, m.node)
        .join(cluster_node, n.node == m.node)
        .join(raw_record, r.id == m.record_id)
        .join(source, s.id == r.source_id)
        .where(n.cluster == key)
        .order_by(s.slug, r.identifier)
    )
    return [UnionMember(*row) for row in unit.execute(query)]


def changed_unions(unit: Unit, after: int, limit: int, last: int | None = None) -> list[UnionRow]:
    """Those whose last change lies behind `after` and not behind `last`, in the order of their numbers."""
    c = union_record.c
    query = select(c.key, c.seq, c.deleted, c.data).where(c.seq > after).order_by(c.seq).limit(limit)
    if last is not None:
        query = query.where(c.seq <= last)
    return [UnionRow(row[0], row[1], row[2], unpack(row[3])) for row in unit.execute(query)]


def last_change(unit: Unit) -> int:
    """The number of the last change of any union record; 0 = there is none."""
    return unit.execute(select(func.max(union_record.c.seq))).scalar() or 0


def count_behind(unit: Unit, after: int) -> int:
    """How many union records have changed since that number, deleted ones too."""
    query = select(func.count()).select_from(union_record).where(union_record.c.seq > after)
    return int(unit.execute(query).scalar_one())


def change_after(unit: Unit, after: int, count: int, last: int) -> int:
    """The number of the change that stands so many behind `after`; `last` where there are fewer."""
    c = union_record.c
    query = select(c.seq).where(c.seq > after, c.seq <= last).order_by(c.seq).offset(count - 1).limit(1)
    return unit.execute(query).scalar() or last


def sample_unions(unit: Unit, count: int, turn: int) -> list[UnionRow]:
    """At most so many, spread over all keys. Another `turn` gives others, the same turn the same."""
    c = union_record.c
    alive = c.deleted.is_(False)
    first, last = unit.execute(select(func.min(c.key), func.max(c.key)).where(alive)).one()
    if first is None:
        return []
    width = (last - first) // count + 1
    offset = turn * 0x9E3779B97F4A7C15 % width  # multiples of the golden ratio: turns lie far from each other
    query = select(c.key, c.seq, c.deleted, c.data).where(alive).order_by(c.key).limit(1)
    found: dict[int, UnionRow] = {}
    for place in range(first + offset, last + 1, width):
        row = unit.execute(query.where(c.key >= place)).one()
        found[row[0]] = UnionRow(row[0], row[1], row[2], unpack(row[3]))
    return list(found.values())


def count_unions(unit: Unit, last: int | None = None) -> int:
    """How many there are; of those up to the number `last`."""
    return int(unit.execute(_live(func.count(), last)).scalar_one())


def count_by_library(unit: Unit, last: int | None = None) -> dict[str, int]:
    """How many union records each library holds, by symbol."""
    c = union_record.c
    found: dict[str, int] = {}
    for libraries, count in unit.execute(_live(c.libraries, last).add_columns(func.count()).group_by(c.libraries)):
        for symbol in libraries.split():
            found[symbol] = found.get(symbol, 0) + count
    return found


def _live(column: Any, last: int | None) -> Any:
    query = select(column).select_from(union_record).where(union_record.c.deleted.is_(False))
    return query if last is None else query.where(union_record.c.seq <= last)


def scan_unions(unit: Unit) -> Iterator[bytes]:
    """A line of key and digest of every union record, sorted: what a hash of the state is made of."""
    c = union_record.c
    query = select(c.key, c.digest).where(c.deleted.is_(False)).order_by(c.key)
    for key, digest in unit.execute(query, execution_options={"yield_per": BLOCK}):
        yield b"%d\x00%s\n" % (key, digest.hex().encode())


def scan_state(unit: Unit) -> Iterator[bytes]:
    """A line of source, identifier, deletion, digest and union key of every raw record, sorted by the first two."""
    r, m, n = raw_record.c, cluster_member.c, cluster_node.c
    query = (
        select(source.c.slug, r.identifier, r.deleted, r.digest, n.cluster)
        .join(source, source.c.id == r.source_id)
        .outerjoin(cluster_member, m.record_id == r.id)
        .outerjoin(cluster_node, n.node == m.node)
        .order_by(source.c.slug, r.identifier)
    )
    for slug, identifier, deleted, digest, key in unit.execute(query, execution_options={"yield_per": BLOCK}):
        yield f"{slug}\x00{identifier}\x00{int(deleted)}\x00{digest.hex()}\x00{key}\n".encode()


# ---------------------------------------------------------------------------------------------- writing


def union_digests(unit: Unit, keys: Collection[int]) -> dict[int, bytes]:
    """Digests of those that have a row, by key; b"" of a tombstone."""
    c = union_record.c
    found: dict[int, bytes] = {}
    for some in chunks(sorted(keys)):
        found |= {row[0]: row[1] for row in unit.execute(select(c.key, c.digest).where(c.key.in_(some)))}
    return found


def put_unions(unit: Unit, new: Sequence[tuple[int, UnionWrite]], changed: Sequence[tuple[int, UnionWrite]]) -> None:
    """Store records with their numbers; `changed` are those that have a row."""
    if new:
        rows = [
            {"key": w.key, "seq": seq, "deleted": False, "digest": w.digest, "libraries": w.libraries, "data": w.data}
            for seq, w in new
        ]
        insert_rows(unit, union_record, sorted(rows, key=lambda row: row["key"]))
    if changed:
        _update(unit, [(w.key, seq, False, w.digest, w.libraries, w.data) for seq, w in changed])
        _drop_identifiers(unit, [w.key for _, w in changed])
    identifiers = [
        {"type": kind, "value": value, "key": w.key}
        for _, w in (*new, *changed)
        for kind, value in {(kind, storable(value[:LONGEST_IDENTIFIER])) for kind, value in w.identifiers}
    ]
    insert_rows(unit, union_identifier, sorted(identifiers, key=lambda row: (row["type"], row["value"], row["key"])))


def bury_unions(unit: Unit, keys: Sequence[tuple[int, int]]) -> None:
    """Make tombstones of (seq, key)."""
    if keys:
        _update(unit, [(key, seq, True, b"", "", b"") for seq, key in keys])
        _drop_identifiers(unit, [key for _, key in keys])


def _update(unit: Unit, rows: list[tuple[int, int, bool, bytes, str, bytes]]) -> None:
    names = ("of", "new_seq", "new_deleted", "new_digest", "new_libraries", "new_data")
    statement = update(union_record).where(union_record.c.key == bindparam("of"))
    statement = statement.values({name[4:]: bindparam(name) for name in names[1:]})
    unit.execute(statement, [dict(zip(names, row, strict=True)) for row in sorted(rows)])


def _drop_identifiers(unit: Unit, keys: Sequence[int]) -> None:
    for some in chunks(sorted(keys)):
        unit.execute(delete(union_identifier).where(union_identifier.c.key.in_(some)))
