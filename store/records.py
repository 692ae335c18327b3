"""Raw records as they came, and the normal form made of each.

`raw_record` is the truth; `bib_record` can be made again from it. Both carry the number of their last change (`seq`).
A source that sends a record again unchanged leaves its row and number alone, but for `seen_run`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    case,
    func,
    select,
    update,
)

from store.bulk import insert_rows
from store.columns import Words
from store.database import metadata
from store.libraries import source
from store.packing import pack, unpack
from store.spans import Span, cut

raw_record = Table(
    "raw_record",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("identifier", Words, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("format", String(16), nullable=False),
    Column("charset", String(16), nullable=False),
    Column("datestamp", Words, nullable=False),
    Column("sets", Words, nullable=False),  # JSON list
    Column("flags", Words, nullable=False),  # JSON list
    Column("digest", LargeBinary, nullable=False),  # blake2b-128 of format, charset, flags and bytes as they came
    Column("data", LargeBinary, nullable=False),  # zstd; a deletion keeps the last bytes
    Column("changed_run", Integer, nullable=False),  # the run that brought these bytes
    Column("changed_as", String(8), nullable=False),  # how that run counted it: added, changed, deleted
    Column("seen_run", Integer, nullable=False),  # the run that last saw the record
    Column("refused", String(40), nullable=False, server_default=""),  # code, where normalising rejected it
    UniqueConstraint("source_id", "identifier"),
    Index("ix_raw_record_seq", "seq"),
)

bib_record = Table(
    "bib_record",
    metadata,
    Column("record_id", ForeignKey("raw_record.id"), primary_key=True),
    Column("source_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("raw_seq", BigInteger, nullable=False),  # the change of the raw record that it was made from
    Column("deleted", Boolean, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # 16 bytes: equal where all that clustering compares is equal
    Column("features", LargeBinary, nullable=False),  # msgpack of indexer.cluster's Features
    Column("data", LargeBinary, nullable=False),  # zstd of a BibRecord's canonical JSON; b"" in a deletion
    Index("ix_bib_record_seq", "seq"),
)


LONGEST_IDENTIFIER = 600
"""Characters, at most 2,400 bytes: an entry of PostgreSQL's indices holds 2,704."""

BLOCK = 5000
"""Rows that are fetched at a time where all of a table are read: they must not all stand in memory."""


class KnownRecord(Struct):
    """What the store has of a record that came again."""

    id: int
    digest: bytes
    deleted: bool
    refused: str
    seen_run: int


class RawRow(Struct, frozen=True):
    """A raw record (原始记录) as the normalise stage reads it. `data` is unpacked."""

    id: int
    source_id: int
    identifier: str
    seq: int
    deleted: bool
    format: str
    charset: str
    flags: tuple[str, ...]
    data: bytes
    changed_run: int
    changed_as: str
    refused: str


class BibRow(Struct, frozen=True):
    """A normalised record as clustering reads it."""

    record_id: int
    source_id: int
    seq: int
    deleted: bool
    signature: bytes
    features: bytes


class BibData(Struct, frozen=True):
    """A normalised record as the union record is made of it. `data` is packed (store.packing)."""

    record_id: int
    source_id: int
    library: str
    slug: str
    identifier: str
    data: bytes


def chunks(values: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    """SQLite takes a limited number of parameters in a statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


# ---------------------------------------------------------------------------------------------- raw records


def known_records(unit: Connection, source_id: int, identifiers: Sequence[str]) -> dict[str, KnownRecord]:
    """Those of the source that the store has, by identifier."""
    c = raw_record.c
    query = select(c.identifier, c.id, c.digest, c.deleted, c.refused, c.seen_run)
    found = {}
    for some in chunks(identifiers):
        for row in unit.execute(query.where(c.source_id == source_id, c.identifier.in_(some))):
            found[row[0]] = KnownRecord(*row[1:])
    return found


def insert_raw(unit: Connection, rows: list[dict[str, Any]]) -> None:
    """New rows, with every column but id and refused; `data` plain, `sets` and `flags` as sequences."""
    insert_rows(unit, raw_record, [_packed(row) for row in rows])


def update_raw(unit: Connection, rows: list[dict[str, Any]]) -> None:
    """Rows as for `insert_raw`, each with its `record_id` and without `source_id` and `identifier`."""
    if rows:
        columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "record_id"}
        statement = update(raw_record).where(raw_record.c.id == bindparam("record_id")).values(columns)
        unit.execute(statement, [_packed(row) for row in rows])


def delete_raw(unit: Connection, rows: list[dict[str, Any]]) -> None:
    """Mark as deleted; the last bytes stay. Rows: record_id, seq, datestamp, changed_run."""
    if rows:
        values: dict[str, Any] = {name: bindparam(name) for name in ("seq", "datestamp", "changed_run")}
        statement = (
            update(raw_record)
            .where(raw_record.c.id == bindparam("record_id"))
            .values(**values, seen_run=bindparam("changed_run"), changed_as="deleted", deleted=True, refused="")
        )
        unit.execute(statement, rows)


def mark_seen(unit: Connection, record_ids: Sequence[int], run_id: int) -> None:
    for some in chunks(record_ids):
        unit.execute(update(raw_record).where(raw_record.c.id.in_(some)).values(seen_run=run_id))


def mark_refused(unit: Connection, codes: Sequence[tuple[int, int, str]]) -> None:
    """What normalising found: (record id, seq, code), "" = accepted. A record that has changed since stays as it is."""
    if codes:
        c = raw_record.c
        statement = update(raw_record).where(c.id == bindparam("of"), c.seq == bindparam("read"))
        rows = [{"of": record_id, "read": seq, "code": code} for record_id, seq, code in sorted(codes)]
        unit.execute(statement.values(refused=bindparam("code")), rows)


def unseen(unit: Connection, source_id: int, run_id: int) -> list[tuple[int, str]]:
    """(id, datestamp) of the source's live records that the run has not seen."""
    c = raw_record.c
    query = select(c.id, c.datestamp).where(c.source_id == source_id, c.seen_run != run_id, c.deleted.is_(False))
    return [(row[0], row[1]) for row in unit.execute(query.order_by(c.id))]


def count_live(unit: Connection, source_id: int) -> int:
    c = raw_record.c
    query = select(func.count()).where(c.source_id == source_id, c.deleted.is_(False))
    return unit.execute(query).scalar_one()


def raw_spans(unit: Connection, after: int, size: int) -> list[Span]:
    """The changes of raw records behind `after`, in spans of `size` records."""
    return cut(unit, raw_record.c.seq, after, size)


def changed_raw(unit: Connection, after: int, limit: int, last: int | None = None) -> list[RawRow]:
    """Raw records whose last change lies behind `after` (up to `last`), in the order of their numbers."""
    c = raw_record.c
    query = select(
        c.id, c.source_id, c.identifier, c.seq, c.deleted, c.format, c.charset, c.flags, c.data, c.changed_run,
        c.changed_as, c.refused,
    )  # fmt: skip
    query = query.where(c.seq > after) if last is None else query.where(c.seq > after, c.seq <= last)
    return [_raw_row(row) for row in unit.execute(query.order_by(c.seq).limit(limit))]


def _raw_row(row: Any) -> RawRow:
    flags = tuple(msgspec.json.decode(row.flags))
    return RawRow(
        row.id,
        row.source_id,
        row.identifier,
        row.seq,
        row.deleted,
        row.format,
        row.charset,
        flags,
        unpack(row.data),
        row.changed_run,
        row.changed_as,
        row.refused,
    )


def raw_of(unit: Connection, source_id: int, identifier: str) -> RawRow | None:
    """One record as it came."""
    c = raw_record.c
    query = select(c.seq).where(c.source_id == source_id, c.identifier == identifier)
    seq = unit.execute(query).scalar()
    return changed_raw(unit, seq - 1, 1)[0] if seq is not None else None


def scan_raw(unit: Connection) -> Iterator[tuple[str, str, bool, bytes]]:
    """(slug, identifier, deleted, digest) of every raw record, sorted: what a hash of the store is made of."""
    c = raw_record.c
    query = select(source.c.slug, c.identifier, c.deleted, c.digest).join(source, source.c.id == c.source_id)
    ordered = query.order_by(source.c.slug, c.identifier)
    for row in unit.execute(ordered, execution_options={"yield_per": BLOCK}):
        yield row[0], row[1], row[2], row[3]


def _packed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "data": pack(row["data"]),
        "sets": "[]" if not row["sets"] else msgspec.json.encode(row["sets"]).decode(),
        "flags": "[]" if not row["flags"] else msgspec.json.encode(row["flags"]).decode(),
    }


# ---------------------------------------------------------------------------------------------- normal form


def bib_states(unit: Connection, record_ids: Sequence[int]) -> dict[int, tuple[int, bool, bytes, bytes]]:
    """(raw_seq, deleted, features, data as packed) of those that there are, by record id."""
    b = bib_record.c
    found = {}
    for some in chunks(record_ids):
        for row in unit.execute(
            select(b.record_id, b.raw_seq, b.deleted, b.features, b.data).where(b.record_id.in_(some))
        ):
            found[row[0]] = (row[1], row[2], row[3], row[4])
    return found


def insert_bibs(unit: Connection, rows: list[dict[str, Any]]) -> None:
    """Rows with every column; `data` packed."""
    insert_rows(unit, bib_record, rows)


def update_bibs(unit: Connection, rows: list[dict[str, Any]]) -> None:
    """Rows as for `insert_bibs`."""
    if rows:
        b = bib_record.c
        names = ("seq", "raw_seq", "deleted", "signature", "features", "data")
        statement = (
            update(bib_record)
            .where(b.record_id == bindparam("of"))
            .values({name: bindparam("new_" + name) for name in names})
        )
        unit.execute(statement, [{"of": row["record_id"]} | {"new_" + n: row[n] for n in names} for row in rows])


def confirm_bibs(unit: Connection, raw_seqs: dict[int, int]) -> None:
    """Normalising gave what was there already: only note the raw change that it was made from."""
    if raw_seqs:
        statement = update(bib_record).where(bib_record.c.record_id == bindparam("of")).values(raw_seq=bindparam("new"))
        unit.execute(statement, [{"of": record_id, "new": seq} for record_id, seq in raw_seqs.items()])


def changed_bibs(unit: Connection, after: int, limit: int) -> list[BibRow]:
    """Normalised records whose last change lies behind `after`, in the order of their numbers."""
    b = bib_record.c
    query = select(b.record_id, b.source_id, b.seq, b.deleted, b.signature, b.features)
    return [BibRow(*row) for row in unit.execute(query.where(b.seq > after).order_by(b.seq).limit(limit))]


def bibs(unit: Connection, record_ids: Sequence[int]) -> list[BibRow]:
    """Those that there are, in ascending order of their ids."""
    b = bib_record.c
    query = select(b.record_id, b.source_id, b.seq, b.deleted, b.signature, b.features)
    found = []
    for some in chunks(sorted(record_ids)):
        rows = unit.execute(query.where(b.record_id.in_(some)).order_by(b.record_id))
        found += [BibRow(*row) for row in rows]
    return found


def bib_data(unit: Connection, record_ids: Sequence[int]) -> list[BibData]:
    """Those that are not deleted, in ascending order of their ids."""
    b, r = bib_record.c, raw_record.c
    query = (
        select(b.record_id, b.source_id, source.c.library, source.c.slug, r.identifier, b.data)
        .join(raw_record, r.id == b.record_id)
        .join(source, source.c.id == b.source_id)
    )
    found = []
    for some in chunks(sorted(record_ids)):
        rows = unit.execute(query.where(b.record_id.in_(some), b.deleted.is_(False)).order_by(b.record_id))
        found += [BibData(*row) for row in rows]
    return found


def record_totals(unit: Connection) -> dict[str, tuple[int, int]]:
    """(live, refused) raw records by source slug."""
    c = raw_record.c
    refused = func.sum(case((c.refused != "", 1), else_=0))
    query = (
        select(source.c.slug, func.count(), refused)
        .join(source, source.c.id == c.source_id)
        .where(c.deleted.is_(False))
        .group_by(source.c.slug)
    )
    return {slug: (count, int(bad or 0)) for slug, count, bad in unit.execute(query)}
