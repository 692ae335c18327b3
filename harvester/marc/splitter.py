"""Cut a stream of ISO 2709 records into pieces, and lose none of its bytes on the way.

The stream is read in blocks and cut at the byte 1D. A piece whose header and lengths agree is a record at once; all
others are examined: junk before a leader is cut off, a missing terminator is found by the next leader, a 1D inside the
data is healed. Memory stays flat: a piece is at most `CAP` bytes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from harvester.marc.iso2709 import END_OF_FIELD, END_OF_RECORD, ENTRY, LEADER, base_address, find_header

BLOCK = 1 << 20
CAP = 8 << 20
KEPT_OF_TOO_LARGE = 1 << 16

BETWEEN = b"\0\x1a \t\r\n"
"""What may stand between two records without a word: Chinese tools write CRLF, old systems NUL and 1A."""
BOM = b"\xef\xbb\xbf"


class ByteStream(Protocol):
    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; b"" at the end."""
        ...


class Piece(Struct, frozen=True):
    offset: int  # of its first byte in the stream
    data: bytes  # a record with its terminator where it has one; garbage as it stood
    kind: str = "record"  # record, garbage, too_large (then `data` is only the beginning)
    issues: tuple[str, ...] = ()
    end: int = 0  # reading may go on from this offset; 0 = not here, this piece belongs with the next


def split_iso2709(stream: ByteStream) -> Iterator[Piece]:
    """All pieces of the stream, from where it stands to its end.

    Issues: length_mismatch, dir_damaged, field_count_mismatch, no_terminator, leading_garbage, stray_1D, truncated
    (the stream ends inside this piece).
    """
    held: tuple[int, bytes] | None = None  # looks like the first half of a record that a stray 1D has cut
    for offset, chunk, end in _chunks(stream):
        if end < 0:
            if held is not None:
                yield from _examine(held[0], held[1] + END_OF_RECORD, offset)
                held = None
            yield Piece(offset, chunk, "too_large", (), offset - end)
            continue
        terminated = end > offset + len(chunk)
        if held is None and terminated and _is_regular(chunk):
            yield Piece(offset, chunk + END_OF_RECORD, end=end)
            continue
        if held is not None:
            if _continues(held[1], chunk):
                offset, chunk = held[0], held[1] + END_OF_RECORD + chunk
            else:
                yield from _examine(held[0], held[1] + END_OF_RECORD, offset)
            held = None
        if terminated and _is_half(chunk):
            held = (offset, chunk)
        else:
            yield from _examine(offset, chunk + END_OF_RECORD if terminated else chunk, end)
    if held is not None:
        yield from _examine(held[0], held[1] + END_OF_RECORD, held[0] + len(held[1]) + 1)


def _chunks(stream: ByteStream) -> Iterator[tuple[int, bytes, int]]:
    """(offset, bytes between two 1D, end behind the 1D). Of too large a chunk only the beginning; its end is minus
    its length."""
    offset = 0
    rest = b""
    while block := stream.read(BLOCK):
        parts = (rest + block).split(END_OF_RECORD)
        rest = parts.pop()
        for part in parts:
            yield offset, part, offset + len(part) + 1
            offset += len(part) + 1
        if len(rest) <= CAP:
            continue
        # No 1D in 8 MB. There may be records all the same, without terminators: give out all but the last.
        last = max(find_headers(rest), default=0)
        if last:
            yield offset, rest[:last], offset + last
            offset, rest = offset + last, rest[last:]
        elif not rest.strip(BETWEEN):
            offset, rest = offset + len(rest), b""
        else:
            begin, kept, rest = offset, rest[:KEPT_OF_TOO_LARGE], rest
            offset, rest = _skip_too_large(stream, offset + len(rest))
            yield begin, kept, begin - offset
    if rest:
        yield offset, rest, offset + len(rest)


def _skip_too_large(stream: ByteStream, offset: int) -> tuple[int, bytes]:
    """Where the next chunk begins, and what has been read of it."""
    while block := stream.read(BLOCK):
        at = block.find(END_OF_RECORD)
        if at >= 0:
            return offset + at + 1, block[at + 1 :]
        offset += len(block)
    return offset, b""


def _is_regular(chunk: bytes) -> bool:
    base = base_address(chunk)
    if not base or chunk[-1:] != END_OF_FIELD or chunk[:5] != b"%05d" % (len(chunk) + 1):
        return False
    return chunk.count(END_OF_FIELD, base) == (base - 25) // ENTRY and _has_sound_directory(chunk[LEADER : base - 1])


def _has_sound_directory(directory: bytes) -> bool:
    """Tags may be letters; lengths and offsets are digits."""
    if directory.isdigit():
        return True
    return all(directory[i + 3 : i + ENTRY].isdigit() for i in range(0, len(directory), ENTRY))


def _is_half(chunk: bytes) -> bool:
    """May this be a record, or its leader, up to a stray 1D?"""
    if not chunk.strip(BETWEEN):
        return False
    header = find_header(chunk)
    if header is None:
        return chunk[-1:] != END_OF_FIELD and len(chunk) < 100_000 and not find_headers(chunk)
    if chunk[-1:] != END_OF_FIELD:
        return True
    return header.sound and chunk.count(END_OF_FIELD, header.body) < (header.body - 25) // ENTRY


def _continues(half: bytes, chunk: bytes) -> bool:
    """Is this chunk the other half, cut off by a stray 1D?"""
    if find_header(chunk.lstrip(BETWEEN)) is not None:
        return False
    header = find_header(half)
    if header is None:  # the 1D stood inside the leader or directory
        return find_header(half + b"?" + chunk) is not None
    if half[-1:] == END_OF_FIELD:  # the 1D stood behind a field
        missing = (header.body - 25) // ENTRY - half.count(END_OF_FIELD, header.body)
        return chunk[-1:] == END_OF_FIELD and chunk.count(END_OF_FIELD) <= missing
    if chunk[-1:] == END_OF_FIELD:
        return True
    return half[:5].isdigit() and len(half) + len(chunk) + 2 <= int(half[:5])


def _examine(offset: int, chunk: bytes, end: int) -> Iterator[Piece]:
    """The records in a chunk that is not regular, and what stands before them."""
    terminated = chunk.endswith(END_OF_RECORD)
    marks = find_headers(chunk)
    first = loose_start(chunk[: marks[0]] if marks else chunk)
    if first >= 0:
        marks.insert(0, first)
    start = marks[0] if marks else len(chunk)
    junk = _without_fillers(chunk[:start])
    junk_at = chunk.find(junk) if junk else 0
    if not marks:
        if junk and junk != END_OF_RECORD:
            cut = not terminated and (b"\x1e" in junk or junk[:5].isdigit())
            yield Piece(offset + junk_at, junk, "garbage", ("truncated",) if cut else (), end)
        return
    if junk:
        yield Piece(offset + junk_at, junk, "garbage")
    for place, mark in enumerate(marks):
        last = place + 1 == len(marks)
        data = chunk[mark:] if last else chunk[mark : marks[place + 1]]
        if not data.endswith(END_OF_RECORD):
            data = data.rstrip(b"\0\x1a\r\n")
        issues = _issues(data, cut=last and not terminated)
        if junk and place == 0:
            issues.append("leading_garbage")
        yield Piece(offset + mark, data, "record", tuple(issues), end if last else 0)


def _issues(data: bytes, cut: bool) -> list[str]:
    issues = []
    header = find_header(data)
    if data[:5] != b"%05d" % len(data):
        issues.append("length_mismatch")
    if header is None or not header.sound or not _has_sound_directory(data[LEADER : header.directory_end]):
        issues.append("dir_damaged")
    body = data[header.body :] if header else data
    if header and header.sound and body.count(END_OF_FIELD) != (header.body - 25) // ENTRY:
        issues.append("field_count_mismatch")
    if not data.endswith(END_OF_RECORD):
        issues.append("no_terminator")
        if cut and not data.endswith(END_OF_FIELD):
            issues.append("truncated")
    if END_OF_RECORD in data[:-1]:
        issues.append("stray_1D")
    return issues


_FIVE_DIGITS = re.compile(rb"(?=([0-9]{5}))")
_LEADER = re.compile(rb"[0-9? ]{5}[a-z][a-z #^-]{2}.{2,3}[0-9a ]?.{1,2}[0-9]{5}.{2,4}45", re.DOTALL)


def find_headers(data: bytes) -> list[int]:
    """Where sound headers begin, ascending. A header ends with a 1E at the base address that its leader gives."""
    found = []
    begin = 0
    end = data.find(END_OF_FIELD)
    while end >= 0:
        if end - begin >= LEADER + ENTRY:
            for digits in _FIVE_DIGITS.finditer(data, begin + 12, end):
                at = digits.start() - 12
                if at + int(digits[1]) - 1 == end and base_address(data, at) > LEADER + ENTRY:
                    found.append(at)
                    break
        begin = end + 1
        end = data.find(END_OF_FIELD, begin)
    return found


def loose_start(chunk: bytes) -> int:
    """Where a damaged header begins, -1 if there is none."""
    start = len(chunk) - len(_without_leading_fillers(chunk))
    for at in dict.fromkeys((0, start)):
        if find_header(chunk[at:]) is not None:
            return at
    found = _LEADER.search(chunk, start)
    if found and find_header(chunk[found.start() :]) is not None:
        return found.start()
    return -1


def _without_leading_fillers(raw: bytes) -> bytes:
    while (shorter := raw.lstrip(BETWEEN).removeprefix(BOM)) != raw:
        raw = shorter
    return raw


def _without_fillers(raw: bytes) -> bytes:
    return _without_leading_fillers(raw).rstrip(BETWEEN)
