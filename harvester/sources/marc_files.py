"""MARC files as a source: one file, or a folder into which a library lays its deliveries.

A full delivery is the whole catalogue: it is read again when any of its files has changed, and what it lacks has
vanished at the library. A delta delivery adds files: only those that are new or changed are read, and a later record
replaces an earlier one. A file that is cut off gives what is whole in it, and the run stays incomplete.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from harvester.marc.charset import Detector
from harvester.sources.marc_files_events import FileEvents
from harvester.sources.marc_files_input import MarcFile, survey
from harvester.sources.protocol import Ending, Page, Received, Refused, SourceError

_Kind = TypeVar("_Kind")

DELIVERIES = ("full", "delta")
PAGE_BYTES = 32 << 20


class _Delivered(Struct, frozen=True):
    """The checkpoint: what has been read, as (name, size, hash)."""

    delivery: str
    files: tuple[tuple[str, int, str], ...]


class _Position(Struct):
    """Behind a page: what was being read and how far, with what must not be forgotten when reading goes on."""

    delivery: str  # hash over the files to read; if it differs, reading starts anew
    file: int = 0  # index of the file
    end: int = 0  # offset in it, unpacked
    hidden: int = 0  # refused pieces that may have been records
    faults: tuple[str, ...] = ()


class MarcFiles:
    """Reads ISO 2709 and MARCXML, plain or gzip, told apart by their content."""

    def __init__(self, path: Path, delivery: str = "full", charset: str = "", page_size: int = 1000) -> None:
        """`charset`: "" = detect, "gb18030" = prefer, "force:gb18030" = believe. Raises SourceError for a bad one."""
        if delivery not in DELIVERIES:
            raise SourceError(f"{path}: there is no delivery named {delivery!r}; give full or delta.")
        try:
            Detector(charset)
        except ValueError as error:
            raise SourceError(f"{path}: {error}.") from error
        self.path = path
        self.delivery = delivery
        self.charset = charset
        self.page_size = max(1, page_size)

    def pages(self, since: str, resume: str) -> Iterator[Page | Ending]:
        files = survey(self.path)
        delivered = _decode(since, _Delivered)
        known = set(delivered.files) if delivered and delivered.delivery == self.delivery else set()
        readable = [file for file in files if file.kind != "unreadable"]
        now = [(file.name, file.size, file.hash) for file in readable]
        if self.delivery == "full":
            todo = [] if set(now) == known and len(readable) == len(files) else readable
        else:
            todo = [file for file, key in zip(readable, now, strict=True) if key not in known]
        self._require_marc(files, bool(known))
        faults = tuple(f"{file.name} can't be read: {file.detail}." for file in files if file.kind == "unreadable")
        checkpoint = msgspec.json.encode(_Delivered(self.delivery, tuple(now))).decode()
        if not todo:
            yield Ending(not faults, checkpoint if not faults else "", " ".join(faults))
            return
        digest = blake2b(repr((self.delivery, [(f.name, f.hash) for f in todo])).encode(), digest_size=8).hexdigest()
        position = _decode(resume, _Position)
        if position is None or position.delivery != digest:
            position = _Position(digest)
        position.faults = tuple(dict.fromkeys([*position.faults, *faults]))
        yield from self._read(todo, position)
        if position.faults:
            yield Ending(False, reason=" ".join(position.faults))
        else:
            yield Ending(True, checkpoint, full=self.delivery == "full" and not position.hidden)

    def _require_marc(self, files: list[MarcFile], known: bool) -> None:
        """Raise SourceError where there is no MARC file, unless deltas were read from a folder that is empty now."""
        if any(file.kind in ("iso2709", "marcxml") for file in files):
            return
        if not files:
            if known and self.delivery == "delta":
                return
            raise SourceError(f"The folder {self.path} holds no files. Put MARC files there (ISO 2709 or MARCXML).")
        first = files[0]
        where = (
            first.path if len(files) == 1 else f"None of the {len(files)} files in {self.path} is MARC: {first.name}"
        )
        problem = f"can't be read: {first.detail}" if first.kind == "unreadable" else f"is not MARC: {first.detail}"
        raise SourceError(f"{where} {problem}. Put files in ISO 2709 or MARCXML there, plain or gzip.")

    def _read(self, files: list[MarcFile], position: _Position) -> Iterator[Page]:
        """Pages from the position on, which is kept up with them. What lies before it in a full delivery is only
        looked through, for its identifiers."""
        seen = _Seen() if self.delivery == "full" else None
        done_file, done_end = position.file, position.end
        batch: list[Received | Refused] = []
        size = 0
        for index, file in enumerate(files):
            if index < done_file and seen is None:
                continue
            events = FileEvents(file, self.charset)
            before = file.path.stat()
            for found in events:
                event = _first_stands(found.event, seen, file.name, found.offset) if seen else found.event
                if index < done_file or (index == done_file and found.offset < done_end):
                    continue
                batch.append(event)
                size += len(event.data)
                position.hidden += found.hides
                if found.end and (len(batch) >= self.page_size or size >= PAGE_BYTES):
                    position.file, position.end = index, found.end
                    yield _page(batch, position)
                    batch, size = [], 0
            fault = events.fault or _changed(file, before.st_mtime_ns)
            if fault:
                position.faults = tuple(dict.fromkeys([*position.faults, f"{file.name}: {fault}."]))
            position.file, position.end = index + 1, 0
        note = ""
        if position.hidden and self.delivery == "full":
            note = (
                f"{position.hidden} pieces of the delivery could not be read and may have been records, so records "
                "that are missing from it are not taken to have vanished."
            )
        if batch or note:
            yield _page(batch, position, note)


def _page(batch: list[Received | Refused], position: _Position, note: str = "") -> Page:
    return Page(tuple(batch), msgspec.json.encode(position).decode(), note=note)


def _changed(file: MarcFile, mtime: int) -> str:
    """A file may still be written to while it is read."""
    after = file.path.stat()
    if after.st_mtime_ns != mtime or after.st_size != file.size:
        return "it changed while it was read; it will be read again"
    return ""


def _first_stands(event: Received | Refused, seen: _Seen, name: str, offset: int) -> Received | Refused:
    """In a full delivery an identifier stands for one record; another one under the same identifier is refused."""
    if isinstance(event, Refused) or seen.add(event.identifier, event.data):
        return event
    detail = f"the identifier {event.identifier} stands for another record before; the first is kept"
    return Refused("duplicate_identifier", event.data, f"{name}@{offset}", event.identifier, detail)


class _Seen:
    """The identifiers of a delivery and a hash of their records: 16 bytes a place, two to three places a record."""

    def __init__(self) -> None:
        self._mask = (1 << 12) - 1
        self._names = array("Q", bytes(8 << 12))
        self._data = array("Q", bytes(8 << 12))
        self._count = 0

    def add(self, identifier: str, data: bytes) -> bool:
        """Is the identifier new, or its record the same as before?"""
        name, content = _hash(identifier.encode("utf-8", "surrogatepass")), _hash(data)
        place = self._place(name)
        if self._names[place]:
            return self._data[place] == content
        self._names[place], self._data[place] = name, content
        self._count += 1
        if self._count * 2 > self._mask:
            self._grow()
        return True

    def _place(self, name: int) -> int:
        place = name & self._mask
        while self._names[place] and self._names[place] != name:
            place = (place + 1) & self._mask
        return place

    def _grow(self) -> None:
        names, data = self._names, self._data
        size = len(names) * 2
        self._mask = size - 1
        self._names, self._data = array("Q", bytes(8 * size)), array("Q", bytes(8 * size))
        for name, content in zip(names, data, strict=True):
            if name:
                place = self._place(name)
                self._names[place], self._data[place] = name, content


def _hash(raw: bytes) -> int:
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big") or 1


def _decode(text: str, kind: type[_Kind]) -> _Kind | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        return None
