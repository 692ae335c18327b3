"""Raw records as they came, and the normal form made of each.

`raw_record` is the truth; `bib_record` can be made again from it. Both carry the number of their last change (`seq`).
A source that sends a record again unchanged leaves its row and number alone, but for `seen_run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
    update,
)

from store.database import metadata

raw_record = Table(
    "raw_record",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("identifier", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("format", String(16), nullable=False),
    Column("charset", String(16), nullable=False),
    Column("datestamp", String(32), nullable=False),
    Column("sets", Text, nullable=False),  # JSON list
    Column("flags", Text, nullable=False),  # JSON list
    Column("digest", LargeBinary, nullable=False),  # blake2b-128 of format, charset, flags and bytes as they came
    Column("data", LargeBinary, nullable=False),  # zstd; a deletion keeps the last bytes
    Column("changed_run", Integer, nullable=False),  # the run that brought these bytes
    Column("seen_run", Integer, nullable=False),  # the run that last saw the record
    Column("refused", String(40), nullable=False, server_default=""),  # code, where normalising refused it
    UniqueConstraint("source_id", "identifier"),
    Index("ix_raw_record_seq", "seq"),
)

bib_record = Table(
    "bib_record",
    metadata,
    Column("record_id", ForeignKey("raw_record.id"), primary_key=True),
    Column("source_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # 16 bytes: equal where all that clustering compares is equal
    Column("features", LargeBinary, nullable=False),  # msgpack of indexer.cluster's Features
    Column("data", LargeBinary, nullable=False),  # zstd of a BibRecord's canonical JSON; b"" in a deletion
    Index("ix_bib_record_seq", "seq"),
)


class BibRow(Struct, frozen=True):
    """A normalised record as clustering reads it."""

    record_id: int
    source_id: int
    seq: int
    deleted: bool
    signature: bytes
    features: bytes


class BibData(Struct, frozen=True):
    """A normalised record as the union record is made of it. `data` is what the normalise stage stored (packed)."""

    record_id: int
    source_id: int
    library: str
    identifier: str
    data: bytes


def changed_bibs(unit: Connection, after: int, limit: int) -> list[BibRow]:
    """Normalised records whose last change lies behind `after`, in the order of their numbers."""
    b = bib_record.c
    rows = unit.execute(
        select(b.record_id, b.source_id, b.seq, b.deleted, b.signature, b.features)
        .where(b.seq > after)
        .order_by(b.seq)
        .limit(limit)
    )
    return [BibRow(*row) for row in rows]


def chunks(values: Sequence[int], size: int = 500) -> Iterable[Sequence[int]]:
    """SQLite takes a limited number of parameters in a statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


_ = (bindparam, delete, func, update)
