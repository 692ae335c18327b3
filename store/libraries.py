"""Member libraries and the sources that their records come from."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Boolean, Column, Connection, ForeignKey, Integer, String, Table, select, update

from mappings.model import Library
from store.columns import Words
from store.database import metadata

library = Table(
    "library",
    metadata,
    Column("symbol", Words, primary_key=True),
    Column("name_zh", Words, nullable=False),
    Column("name_en", Words, nullable=False),
    Column("consortium", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("isil", Words, nullable=False),
)

source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", Words, nullable=False, unique=True),  # stable name, part of the union ids: RUC/oai
    Column("library", ForeignKey("library.symbol"), nullable=False),
    Column("kind", String(16), nullable=False),  # oai_pmh, marc_files
    Column("config", Words, nullable=False),  # JSON of SourceConfig
    Column("active", Boolean, nullable=False),
)


class SourceConfig(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a source is read. Fields that don't belong to its kind stay at their defaults."""

    url: str = ""  # oai_pmh: the base URL
    metadata_prefix: str = "marcxml"
    set_spec: str = ""
    granularity: str = ""  # "" = as Identify says
    allow_private: bool = False  # oai_pmh: the address may lie in a private or loopback network
    patience: float = 1.0  # oai_pmh: pause before a request, in times of what the last answer took
    path: str = ""  # marc_files: a folder or a file
    delivery: str = "delta"  # marc_files: full, delta
    charset: str = ""  # "" = detect; "gb18030" = a hint; "force:gb18030" = don't detect
    mapping: dict[str, Any] = {}  # crosswalk rules that replace those of the built-in mapping
    brake_percent: float = 5.0  # more deletions than this share of the source wait for a person


class Source(Struct, frozen=True):
    """A source of a library (数据源)."""

    id: int
    slug: str
    library: str
    kind: str
    config: SourceConfig
    active: bool = True


def put_library(unit: Connection, value: Library) -> bool:
    """Add the library or bring it up to date; True if it is new."""
    row = {
        "name_zh": value.name_zh,
        "name_en": value.name_en,
        "consortium": value.consortium,
        "role": value.role,
        "isil": value.isil,
    }
    if unit.execute(update(library).where(library.c.symbol == value.symbol).values(row)).rowcount:
        return False
    unit.execute(library.insert().values(symbol=value.symbol, **row))
    return True


def get_library(unit: Connection, symbol: str) -> Library | None:
    row = unit.execute(select(library).where(library.c.symbol == symbol)).first()
    return _library(row) if row else None


def all_libraries(unit: Connection) -> list[Library]:
    """In the order of their symbols."""
    return [_library(row) for row in unit.execute(select(library).order_by(library.c.symbol))]


def put_source(unit: Connection, slug: str, symbol: str, kind: str, config: SourceConfig) -> Source:
    """Add the source or change how it is read; its records and its id stay."""
    text = msgspec.json.encode(config).decode()
    found = unit.execute(select(source.c.id).where(source.c.slug == slug)).scalar()
    if found is None:
        found = unit.execute(
            source.insert()
            .values(slug=slug, library=symbol, kind=kind, config=text, active=True)
            .returning(source.c.id)
        ).scalar_one()
    else:
        unit.execute(update(source).where(source.c.id == found).values(kind=kind, config=text, active=True))
    return Source(found, slug, symbol, kind, config)


def get_source(unit: Connection, slug: str) -> Source | None:
    row = unit.execute(select(source).where(source.c.slug == slug)).first()
    return _source(row) if row else None


def all_sources(unit: Connection, symbol: str = "") -> list[Source]:
    """All of them, or those of one library, in the order in which they were added."""
    query = select(source).order_by(source.c.id)
    if symbol:
        query = query.where(source.c.library == symbol)
    return [_source(row) for row in unit.execute(query)]


def _library(row: Any) -> Library:
    return Library(*row)  # its fields are the table's columns, in their order


def _source(row: Any) -> Source:
    config = msgspec.json.decode(row.config, type=SourceConfig)
    return Source(row.id, row.slug, row.library, row.kind, config, row.active)
