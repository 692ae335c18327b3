"""The files of a delivery: which there are, what is in them, and their bytes, unpacked where they are gzip."""

from __future__ import annotations

import os
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from harvester.marc.iso2709 import END_OF_RECORD
from harvester.marc.splitter import BLOCK, BOM, find_headers, loose_start
from harvester.sources.protocol import SourceError

GZIP = b"\x1f\x8b"
MAX_RATIO = 300
"""Unpacked to packed bytes; catalogues have 4 to 20, a bomb 1,000."""
PACKED_BLOCK = 1 << 14
"""Small, since of a block with damage nothing is unpacked."""
RATIO_FREE = 64 << 20
MAX_UNPACKED = 64 << 30
UNFINISHED = (".part", ".filepart", ".tmp", ".draft", ".crdownload")
"""Names under which transfer programs keep a file until it is whole."""


class MarcFile(Struct, frozen=True):
    path: Path
    name: str  # relative to the folder, with /
    size: int
    hash: str  # blake2b-128 of the bytes as they lie there; "" where the file can't be read
    kind: str  # iso2709, marcxml, not_marc, unreadable
    detail: str = ""  # what it is instead, for a person
    head: bytes = b""  # of a file that is not MARC, its first bytes


def survey(path: Path) -> list[MarcFile]:
    """All files of the delivery, sorted by name. Raises SourceError where there is nothing to read."""
    try:
        if path.is_file():
            return [_inspect(path, path.name)]
        if not path.exists():
            raise SourceError(f"{path} does not exist. Check the path of the source, or put the MARC files there.")
        if not path.is_dir():
            raise SourceError(f"{path} is neither a file nor a folder. Give a folder with MARC files.")
        os.scandir(path).close()
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror}. Check its permissions.") from error
    names = sorted(name for name in _names(path) if not _is_passed_over(name))
    return [_inspect(path / name, name) for name in names]


def _names(folder: Path) -> list[str]:
    return [
        (Path(parent) / name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder)
        for name in names
        if (Path(parent) / name).is_file()
    ]


def _is_passed_over(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/")) or name.lower().endswith(UNFINISHED)


def _inspect(path: Path, name: str) -> MarcFile:
    try:
        with path.open("rb") as file:
            digest = blake2b(digest_size=16)
            size = 0
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
        with open_unpacked(path) as stream:
            head = stream.read(BLOCK)
            kind, detail = _sniff(head, stream.fault)
    except OSError as error:
        return MarcFile(path, name, 0, "", "unreadable", f"{error.strerror}; check its permissions")
    shown = head[:4096] if kind == "not_marc" else b""
    return MarcFile(path, name, size, digest.hexdigest(), kind, detail, shown)


def _sniff(head: bytes, fault: str) -> tuple[str, str]:
    """(kind, what it is instead). The content decides, never the name."""
    start = head.lstrip(b"\0\x1a \t\r\n").removeprefix(BOM).lstrip()
    if not start:
        return "not_marc", fault or "it is empty"
    first = head[: head.find(END_OF_RECORD) + 1] or head
    if find_headers(first) or loose_start(first) >= 0 or find_headers(head):
        return "iso2709", ""
    text = start[:BLOCK].replace(b"\0", b"").lower()  # UTF-16 too
    if b"<html" in text[:1024] or text.startswith(b"<!doctype html"):
        return "not_marc", "it is an HTML page"
    if text[:1] == b"<" or text[:3] in (b"\xff\xfe<", b"\xfe\xff<"):
        if b"record" in text:
            return "marcxml", ""
        return "not_marc", "it is XML without a MARC record"
    if text[:1] in (b"{", b"["):
        return "not_marc", "it is JSON"
    if b"\0" not in start[:1024] and b"\x1e" not in start:
        return "not_marc", "it is text"
    return "not_marc", "it holds no MARC leader"


def open_unpacked(path: Path) -> Unpacked:
    return Unpacked(path.open("rb"))


class Unpacked:
    """A file to be read in order, unpacked where it is gzip (one member or several).

    It never raises for what is in the file: it ends, and `fault` says for a person why it ended too early.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.fault = ""
        self.too_large = False
        self._file = file
        magic = file.read(2)
        file.seek(0)
        self._inflater = zlib.decompressobj(31) if magic == GZIP else None
        self._waiting = b""
        self._packed = 0
        self._unpacked = 0

    def read(self, size: int, /) -> bytes:
        if self._inflater is None:
            return self._file.read(size)
        while not self.fault:
            if not self._waiting:
                self._waiting = self._file.read(PACKED_BLOCK)
                self._packed += len(self._waiting)
            if not self._waiting and not self._inflater.unconsumed_tail:
                if not self._inflater.eof:
                    self.fault = "the gzip file is cut off; transfer it again"
                break
            block = self._inflate(size)
            if block:
                return block
        return b""

    def _inflate(self, size: int) -> bytes:
        assert self._inflater is not None
        if self._inflater.eof:
            rest = self._waiting.lstrip(b"\0")  # some tools pad with zeros
            if not rest.startswith(GZIP[: len(rest)]):
                self.fault = "something that is no gzip follows the gzip data; transfer it again"
                return b""
            if not rest:
                self._waiting = b""
                return b""
            self._waiting, self._inflater = rest, zlib.decompressobj(31)
        try:
            block = self._inflater.decompress(self._waiting, size)
        except zlib.error:
            self.fault = "the gzip data is damaged; transfer the file again"
            return b""
        self._waiting = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
        self._unpacked += len(block)
        read = self._packed - len(self._waiting)
        if self._unpacked > MAX_UNPACKED or (self._unpacked > RATIO_FREE and self._unpacked > MAX_RATIO * read):
            self.fault = f"unpacking stopped at {self._unpacked >> 20} MB, far more than a catalogue packs to"
            self.too_large = True
            return b""
        return block

    def __enter__(self) -> Unpacked:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
