"""From the pieces of a MARC file to the events of a harvest run: exactly one for each piece."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import takewhile

from msgspec import Struct

from harvester.marc import marcxml
from harvester.marc.charset import Detector
from harvester.marc.iso2709 import base_address, control_number
from harvester.marc.marcxml_splitter import split_marcxml
from harvester.marc.splitter import Piece, split_iso2709
from harvester.sources.marc_files_input import MarcFile, Unpacked, open_unpacked
from harvester.sources.protocol import Received, Refused

VOTE_WITHIN = 8 << 20
"""The file's charset is voted on in its first 8 MB: a fixed stretch, so that a resumed run votes alike."""

LONGEST_IDENTIFIER = 200


class FileEvent(Struct, frozen=True):
    event: Received | Refused
    offset: int  # of its first byte
    end: int  # reading may go on from here; 0 = not here
    hides: bool = False  # bytes that may have been a record were refused


class FileEvents:
    """The events of one file, in order. When they are through, `fault` says why the file was not whole, if so."""

    def __init__(self, file: MarcFile, charset: str) -> None:
        self.file = file
        self.charset = charset
        self.fault = ""

    def __iter__(self) -> Iterator[FileEvent]:
        if self.file.kind == "not_marc":
            yield self._not_marc(self.file.head, self.file.detail)
            return
        some = False
        with open_unpacked(self.file.path) as stream:
            pieces = self._xml(stream) if self.file.kind == "marcxml" else self._iso2709(stream)
            for found in pieces:
                some = True
                yield found
            if stream.too_large:
                yield self._refused("too_large", Piece(1 << 62, b"", end=1 << 62), stream.fault, hides=True)
            self.fault = stream.fault or self.fault
        if not some and not self.fault:
            yield self._not_marc(b"", "there is no MARC record in it")

    def _iso2709(self, stream: Unpacked) -> Iterator[FileEvent]:
        detector = Detector(self.charset)
        with open_unpacked(self.file.path) as first:
            beginning = takewhile(lambda piece: piece.offset < VOTE_WITHIN, split_iso2709(first))
            detector.vote(piece.data for piece in beginning if piece.kind == "record")
        for piece in split_iso2709(stream):
            if "truncated" in piece.issues:
                self.fault = "it ends in the middle of a record; transfer it again"
                if stream.fault:  # the rest of the record is missing only here
                    yield self._refused("garbage", piece, stream.fault, hides=True)
                    continue
            if piece.kind == "record":
                yield FileEvent(self._record(piece, detector), piece.offset, piece.end)
            elif piece.kind == "too_large":
                detail = f"{piece.end - piece.offset} bytes without a record terminator; the first are kept"
                yield self._refused("too_large", piece, detail, hides=True)
            else:
                yield self._refused("garbage", piece, f"{len(piece.data)} bytes", hides=b"\x1e" in piece.data)

    def _record(self, piece: Piece, detector: Detector) -> Received | Refused:
        data = piece.data
        base = base_address(data)
        if base == 25 and len(data) <= 27:
            return self._refused("empty_record", piece, "a leader without fields").event
        charset, suspect = detector.detect(data)
        identifier = control_number(data, charset)
        flags = (*piece.issues, "charset_suspect") if suspect else piece.issues
        deleted = data[5:6] == b"d"
        return _received(identifier, "iso2709", data, deleted, charset, flags)

    def _xml(self, stream: Unpacked) -> Iterator[FileEvent]:
        override = self.charset.removeprefix("force:") if self.charset.startswith("force:") else ""
        for piece in split_marcxml(stream, override):
            if piece.kind == "record":
                yield self._xml_record(piece)
                continue
            if piece.kind == "too_large":
                yield self._refused("too_large", piece, f"a record of more than {len(piece.data)} bytes", hides=True)
                continue
            cut = "truncated" in piece.issues
            if cut:
                self.fault = "the XML ends before its root element does; transfer it again"
            detail = self.fault if cut else "a record without its start or end tag"
            yield self._refused("broken_xml", piece, detail, hides=True)

    def _xml_record(self, piece: Piece) -> FileEvent:
        try:
            root, flags = marcxml.parse(piece.data)
        except ValueError as error:
            return self._refused("broken_xml", piece, str(error), hides=True)
        record = marcxml.marc_record(root)
        if record is None:
            return self._refused("not_marc", piece, "this record element holds no MARC")
        if not marcxml.has_fields(record):
            return self._refused("empty_record", piece, "a leader without fields")
        identifier, deleted = marcxml.control_number(record), marcxml.is_deleted(record)
        event = _received(identifier, "marcxml", piece.data, deleted, "", flags)
        return FileEvent(event, piece.offset, piece.end)

    def _refused(self, code: str, piece: Piece, detail: str, hides: bool = False) -> FileEvent:
        position = f"{self.file.name}@{piece.offset}" if piece.offset < 1 << 62 else self.file.name
        return FileEvent(Refused(code, piece.data, position, detail=detail), piece.offset, piece.end, hides)

    def _not_marc(self, head: bytes, detail: str) -> FileEvent:
        text = f"{detail}; take it out of the folder or export it as ISO 2709 or MARCXML"
        return FileEvent(Refused("not_marc", head, self.file.name, detail=text), 0, 1, hides=True)


def _received(
    identifier: str, format_: str, data: bytes, deleted: bool, charset: str, flags: tuple[str, ...]
) -> Received:
    if not identifier or len(identifier) > LONGEST_IDENTIFIER:
        identifier = "sha256:" + sha256(data).hexdigest()[:16]
    return Received(identifier, format_, b"" if deleted else data, deleted, charset=charset, flags=flags)
