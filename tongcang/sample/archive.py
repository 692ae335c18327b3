"""The file that a provider serves: the metadata of its records one behind the other, then an index by datestamp.

    metadata … | identifier TAB datestamp TAB sets TAB offset TAB length LF … | description (JSON) LF | two offsets

The index is sorted by datestamp, then identifier; a deleted record has the length 0. A page of a list is a slice of it,
so that paging costs what the page costs, however long the list is.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

_FOOTER = 42  # two numbers of 20 digits, a blank between, LF


class Description(Struct, frozen=True):
    name: str  # repositoryName
    prefix: str  # the metadata prefix beside which nothing is served: marcxml, oai_dc
    sets: dict[str, str]


class ArchiveWriter:
    """Takes records in any order; `close` sorts the index and puts the file in its place in one step."""

    def __init__(self, path: Path, description: Description) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._draft = path.with_name(f".{path.name}.draft")
        self._file = self._draft.open("wb", buffering=1 << 20)
        self._description = description
        self._entries: list[tuple[str, str, str, int, int]] = []
        self._offset = 0

    def add(self, identifier: str, datestamp: str, sets: Sequence[str], metadata: bytes) -> None:
        """One record; b"" as metadata makes it a deleted one."""
        self._entries.append((datestamp, identifier, " ".join(sets), self._offset, len(metadata)))
        self._file.write(metadata)
        self._offset += len(metadata)

    def close(self) -> None:
        self._entries.sort()
        index = self._offset
        for datestamp, identifier, sets, offset, length in self._entries:
            index += self._file.write(f"{identifier}\t{datestamp}\t{sets}\t{offset}\t{length}\n".encode())
        self._file.write(msgspec.json.encode(self._description) + b"\n")
        self._file.write(f"{self._offset:020d} {index:020d}\n".encode())
        self._file.close()
        self._draft.replace(self._path)

    def discard(self) -> None:
        self._file.close()
        self._draft.unlink()


class Archive:
    """An archive opened for reading; safe for several threads. `version` tells one state of the file from another."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.version = version_of(path)
        self._handle = self._file.fileno()
        size = os.fstat(self._handle).st_size
        index, description = map(int, os.pread(self._handle, _FOOTER, size - _FOOTER).split())
        self.description = msgspec.json.decode(
            os.pread(self._handle, size - _FOOTER - description, description), type=Description
        )
        self.identifiers: list[str] = []
        self.datestamps: list[str] = []
        self.sets: list[tuple[str, ...]] = []
        self._offsets, self._lengths = array("Q"), array("L")
        self._by_set: dict[str, array[int]] = {name: array("L") for name in self.description.sets}
        self._load(os.pread(self._handle, description - index, index).decode())
        self._place = {identifier: place for place, identifier in enumerate(self.identifiers)}

    def _load(self, index: str) -> None:
        known: dict[str, tuple[str, ...]] = {}
        for place, line in enumerate(index.splitlines()):
            identifier, datestamp, sets, offset, length = line.split("\t")
            self.identifiers.append(identifier)
            self.datestamps.append(datestamp)
            self.sets.append(known.setdefault(sets, tuple(sets.split())))
            self._offsets.append(int(offset))
            self._lengths.append(int(length))
            for name in self.sets[-1]:
                self._by_set[name].append(place)

    def __len__(self) -> int:
        return len(self.identifiers)

    def place(self, identifier: str) -> int | None:
        return self._place.get(identifier)

    def deleted(self, place: int) -> bool:
        return not self._lengths[place]

    def metadata(self, place: int) -> bytes:
        return os.pread(self._handle, self._lengths[place], self._offsets[place])

    def page(self, cursor: int, size: int, since: str, until: str, set_: str) -> Sequence[int]:
        """Places of the records from the cursor on, of a list bounded by datestamps (both inclusive, "" = open)."""
        if not set_:
            first = bisect_left(self.datestamps, since) if since else 0
            last = bisect_right(self.datestamps, until) if until else len(self)
            return range(min(first + cursor, last), min(first + cursor + size, last))
        places = self._by_set.get(set_, array("L"))
        first = bisect_left(places, since, key=self.datestamps.__getitem__) if since else 0
        last = bisect_right(places, until, key=self.datestamps.__getitem__) if until else len(places)
        return places[min(first + cursor, last) : min(first + cursor + size, last)]

    def close(self) -> None:
        self._file.close()


def version_of(path: Path) -> tuple[int, int, int]:
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size
