"""How each library hands its records over: the nine sources, and the writers of their archives and files."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct, structs

from tongcang.sample.archive import ArchiveWriter, Description
from tongcang.sample.cataloguing import D, Marc
from tongcang.sample.damage import Damage
from tongcang.sample.dublin_core import SETS
from tongcang.sample.habits import HABITS
from tongcang.sample.writing import MARCXML_CLOSE, MARCXML_OPEN, iso2709, marcxml

CATALOGUE_SETS = {"chi": "中文文献", "wes": "外文文献", "ser": "连续出版物"}


class SourceDescription(Struct, frozen=True):
    """One source of one library, in the words that adding a source asks for, and what it now holds."""

    name: str  # unique in the consortium
    library: str  # Library.symbol
    kind: str  # oai_pmh, marc_files
    place: str  # path under the provider's address, or folder under the consortium's folder
    title: str
    metadata_prefix: str = ""
    set: str = ""
    delivery: str = ""  # of files: full, delta
    charset: str = ""  # of ISO 2709
    dialect: str = ""  # cnmarc, marc21, mixed, dublin_core
    mapping: dict[str, Any] = {}  # overrides of the crosswalk; none of these libraries needs any
    records: int = 0  # live ones in the last delivery
    deleted: int = 0  # tombstones (OAI-PMH) or deletions (delta) in it
    file: str = ""  # the last delivery, under `place`
    damage: dict[str, list[str]] = {}  # kind → 001 of the records, see damage.py


SOURCES = (
    SourceDescription("RUC", "RUC", "oai_pmh", "/oai/RUC", "馆藏目录", metadata_prefix="marcxml", dialect="mixed"),
    SourceDescription("PKUHSC", "PKUHSC", "marc_files", "drop/PKUHSC", "馆藏目录", delivery="full", dialect="mixed"),
    SourceDescription("BNU", "BNU", "oai_pmh", "/oai/BNU", "馆藏目录", metadata_prefix="marcxml", dialect="mixed"),
    SourceDescription(
        "BJTU", "BJTU", "marc_files", "drop/BJTU", "馆藏目录", delivery="full", charset="utf-8", dialect="cnmarc"
    ),
    SourceDescription(
        "USTB", "USTB", "marc_files", "drop/USTB", "馆藏目录", delivery="full", charset="gb18030", dialect="cnmarc"
    ),
    SourceDescription(
        "BUPT", "BUPT", "marc_files", "drop/BUPT", "馆藏目录", delivery="delta", charset="utf-8", dialect="marc21"
    ),
    SourceDescription("THU", "THU", "oai_pmh", "/oai/THU", "馆藏目录", metadata_prefix="marcxml", dialect="marc21"),
    SourceDescription("CLCN", "CLCN", "oai_pmh", "/oai/CLCN", "馆藏目录", metadata_prefix="marcxml", dialect="cnmarc"),
    SourceDescription(
        "CLCN-E", "CLCN", "oai_pmh", "/oai/CLCN-E", "电子资源", metadata_prefix="oai_dc", dialect="dublin_core"
    ),
)  # fmt: skip


class SourceRecord(Struct, frozen=True):
    identifier: str  # inside the library
    stamp: str  # OAI-PMH datestamp
    changed_on: int  # the day of its last change
    deleted: bool = False
    sets: tuple[str, ...] = ()
    marc: Marc | None = None  # absent in a deletion and in Dublin Core
    xml: str = ""


class Delivery(Protocol):
    def add(self, record: SourceRecord) -> None: ...

    def described(self) -> SourceDescription:
        """The source with the counts of this delivery; complete once it is closed."""
        ...


class _OaiDelivery:
    def __init__(self, folder: Path, source: SourceDescription) -> None:
        self._source = source
        library = next(habit.library for habit in HABITS if habit.library.symbol == source.library)
        sets = SETS if source.metadata_prefix == "oai_dc" else CATALOGUE_SETS
        description = Description(f"{library.name_zh} {source.title}", source.metadata_prefix, sets)
        self._writer = ArchiveWriter(folder / "oai" / f"{source.name}.records", description)
        self._prefix = f"oai:{source.name.lower()}.example.org:"
        self._records = self._deleted = 0

    def add(self, record: SourceRecord) -> None:
        if record.deleted:
            self._deleted += 1
            metadata = b""
        else:
            self._records += 1
            metadata = (record.xml or marcxml(_of(record), namespace=True)).encode()
        self._writer.add(self._prefix + record.identifier, record.stamp, record.sets, metadata)

    def close(self) -> None:
        self._writer.close()

    def discard(self) -> None:
        self._writer.discard()

    def described(self) -> SourceDescription:
        return structs.replace(self._source, records=self._records, deleted=self._deleted)


class _FileDelivery:
    """A full file each day in place of the last one, or one file of changes a day beside the others."""

    def __init__(self, folder: Path, source: SourceDescription, seed: int, day: int) -> None:
        self._source, self._day = source, day
        self._folder = folder / source.place
        self._folder.mkdir(parents=True, exist_ok=True)
        self._iso = bool(source.charset)
        word = "delta" if source.delivery == "delta" and day else "full"
        self.name = f"{source.name}-{word}-{day:03d}.{'mrc' if self._iso else 'xml.gz'}"
        self._draft = self._folder / f".{self.name}.draft"
        raw = self._draft.open("wb", buffering=1 << 20)
        # Without a time in its head a gzip file is the same each time.
        self._file = raw if self._iso else gzip.GzipFile("", "wb", 6, raw, mtime=0)
        self._raw = raw
        self._damage = Damage(f"{seed}.{source.name}", every=120 if self._iso else 0)
        self._records = self._deleted = 0
        self._held: tuple[bytes, str] | None = None  # the last record, which may have to be cut
        if not self._iso:
            self._file.write(MARCXML_OPEN.encode())

    def add(self, record: SourceRecord) -> None:
        delta = self._source.delivery == "delta" and self._day > 0
        if delta and record.changed_on != self._day:
            return
        if record.deleted:
            if delta:
                self._deleted += 1
                leader = "00000nam a2200000   4500"
                gone = Marc(leader, [("001", record.identifier), ("245", f"00{D}a[deleted]")])
                self._write(iso2709(gone, self._source.charset, status="d"), record.identifier, damage=False)
            return
        self._records += 1
        marc = _of(record)
        if self._iso:
            status = "c" if delta else ""
            self._write(iso2709(marc, self._source.charset, status), record.identifier, damage=True)
        else:
            self._file.write(marcxml(marc).encode() + b"\n")

    def _write(self, data: bytes, identifier: str, *, damage: bool) -> None:
        if self._held is not None:
            self._file.write(self._held[0])
        self._held = (self._damage.apply(data, identifier) if damage else data, identifier)

    def close(self) -> None:
        if self._held is not None:
            data, identifier = self._held
            named = any(identifier in names for names in self._damage.account.values())
            # The one library whose transfers break off: the file's last record stands there by half.
            cut = self._source.name == "USTB" and not named
            self._file.write(self._damage.cut(data, identifier) if cut else data)
        if not self._iso:
            self._file.write(MARCXML_CLOSE.encode())
            self._file.close()
        self._raw.close()
        self._draft.replace(self._folder / self.name)
        if self._source.delivery == "full":
            for older in self._folder.glob(f"{self._source.name}-full-*"):
                if older.name != self.name:
                    older.unlink()

    def discard(self) -> None:
        self._raw.close()
        self._draft.unlink()

    def described(self) -> SourceDescription:
        return structs.replace(
            self._source,
            records=self._records,
            deleted=self._deleted,
            file=self.name,
            damage=self._damage.account,
        )


def _of(record: SourceRecord) -> Marc:
    if record.marc is None:
        raise ValueError(f"the source record {record.identifier} has no MARC")
    return record.marc


@contextmanager
def open_delivery(folder: Path, source: SourceDescription, seed: int, day: int) -> Iterator[Delivery]:
    """A delivery that is put in its place when all went well, and not at all when not."""
    delivery: _OaiDelivery | _FileDelivery
    if source.kind == "oai_pmh":
        delivery = _OaiDelivery(folder, source)
    else:
        delivery = _FileDelivery(folder, source, seed, day)
    try:
        yield delivery
    except BaseException:
        delivery.discard()
        raise
    delivery.close()
