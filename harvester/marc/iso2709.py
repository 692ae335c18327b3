"""One ISO 2709 record: where its parts lie, its control number, its decoded fields.

Record length, directory lengths and leader/09 are never trusted; the bytes 1D, 1E and 1F are, since no trail byte of
UTF-8, GB18030, Big5 or MARC-8 lies below 0x20. A record is decoded in two ways: a regular one at once as a whole, and
anything odd through `layout`, which puts tags and fields together as well as the damage allows.
"""

from __future__ import annotations

from typing import NamedTuple

from harvester.marc import marc8
from mappings.fields import Field, SourceRecord, Subfield

END_OF_FIELD = b"\x1e"
END_OF_RECORD = b"\x1d"
LEADER = 24
ENTRY = 12
DIGITS = b"0123456789"


class Header(NamedTuple):
    directory_end: int  # index behind the last byte of the directory
    body: int  # index of the first field
    sound: bool  # False where leader or directory had to be guessed at


def base_address(data: bytes, at: int = 0) -> int:
    """The base address that the leader at `at` gives, if the header is sound in itself; else 0."""
    digits = data[at + 12 : at + 17]
    if not digits.isdigit():
        return 0
    base = int(digits)
    if base < 25 or (base - 25) % ENTRY or data[at + base - 1 : at + base] != END_OF_FIELD:
        return 0
    # Five digits after the record length are a directory that happens to fit, unless the entry map is in its place.
    if data[at + 5 : at + 10].isdigit() and data[at + 20 : at + 22] != b"45":
        return 0
    return base


def find_header(data: bytes) -> Header | None:
    """The header at the start of the data, sound or damaged; None where there is nothing like one."""
    base = base_address(data)
    if base:
        return Header(base - 1, base, True)
    return _damaged_header(data)


def control_number(data: bytes, charset: str) -> str:
    """The record's 001 without blanks around it; "" where it has none. Decodes nothing else."""
    base = base_address(data)
    if base and data[24:27] == b"001" and data[31:36] == b"00000":
        end = data.find(END_OF_FIELD, base)
        value = data[base:end] if end >= 0 else data[base:].rstrip(END_OF_RECORD)
    else:
        fields, _ = layout(data)
        value = next((raw for tag, raw in fields if tag == "001"), b"")
    if b"\x1f" in value:
        value = value.split(b"\x1f")[1][1:]
    return decode_bytes(value, charset)[0].translate(_NO_CONTROLS).strip()


def decode_iso2709(data: bytes, charset: str) -> SourceRecord:
    """Decode one record, with or without its terminator. Flags tell what was survived on the way.

    `charset` is one of those of `harvester.marc.charset`. Bytes that it does not know become U+FFFD and the flag
    `undecodable`. Raises ValueError where the data holds no record.
    """
    base = base_address(data)
    if base and charset != "marc-8":
        regular = _decode_regular(data, base, charset)
        if regular is not None:
            return regular
    fields, flags = layout(data)
    if not flags and not fields and not base:
        raise ValueError("these bytes hold no ISO 2709 record")
    decoded = []
    damaged = False
    for tag, raw in fields:
        field, whole = _decode_field(tag, raw, charset)
        decoded.append(field)
        damaged = damaged or not whole
    if damaged:
        flags.append("undecodable")
    return SourceRecord(data[:LEADER].decode("ascii", "replace"), tuple(decoded), tuple(flags))


def decode_bytes(raw: bytes, charset: str) -> tuple[str, bool]:
    """The text, and whether every byte of it could be read."""
    if charset == "marc-8":
        return marc8.decode(raw)
    try:
        return raw.decode(charset), True
    except UnicodeDecodeError:
        return raw.decode(charset, "replace"), False


def layout(data: bytes) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Tags with their undecoded fields, in the order of the directory, and the flags of what was damaged."""
    header = find_header(data)
    if header is None:
        return [], []
    pieces = _body(data, header.body).split(END_OF_FIELD)
    if pieces == [b""]:
        pieces = []
    if not header.sound:
        return _zip_guessed(data[: header.directory_end], pieces), ["dir_damaged"]
    directory = data[LEADER : header.directory_end].decode("latin-1")
    tags = _tags(directory)
    entries = _entries(directory)
    if len(tags) != len(pieces):
        flags = ["field_count_mismatch"] + ([] if entries else ["dir_damaged"])
        return _align(tags, entries, pieces), flags
    if not entries:
        return list(zip(tags, pieces, strict=True)), ["dir_damaged"] if tags else []
    starts = _starts(pieces)
    offsets = [offset for offset, _ in entries]
    if offsets == sorted(offsets):
        return list(zip(tags, pieces, strict=True)), []
    # Data may stand in another order than the directory, but only offsets that all fit are believed.
    if sorted(offsets) == starts:
        by_start = dict(zip(starts, pieces, strict=True))
        return [(tag, by_start[offset]) for tag, offset in zip(tags, offsets, strict=True)], []
    return list(zip(tags, pieces, strict=True)), ["dir_damaged"]


# ------------------------------------------------------------------------------------------------ regular records

_NO_CONTROLS = dict.fromkeys([*range(0x20), 0x7F])


def _decode_regular(data: bytes, base: int, charset: str) -> SourceRecord | None:
    """The whole body in one go; None where anything about the record is irregular."""
    try:
        pieces = _body(data, base).decode(charset).split("\x1e")
    except UnicodeDecodeError:
        return None
    directory = data[LEADER : base - 1].decode("latin-1")
    tags = _tags(directory)
    if len(tags) != len(pieces):
        return None
    offsets = [directory[i : i + 5] for i in range(7, len(directory), ENTRY)]
    if offsets != sorted(offsets):
        return None
    fields: list[Field] = []
    for tag, piece in zip(tags, pieces, strict=True):
        indicators, *parts = piece.split("\x1f")
        if parts and len(indicators) == 2:
            fields.append((tag, indicators, tuple([(part[0], part[1:]) for part in parts if part])))
        else:
            fields.append(_field(tag, indicators, [(part[0], part[1:]) for part in parts if part], bool(parts)))
    return SourceRecord(data[:LEADER].decode("ascii", "replace"), tuple(fields))


def _decode_field(tag: str, raw: bytes, charset: str) -> tuple[Field, bool]:
    first, *parts = raw.split(b"\x1f")
    indicators, whole = decode_bytes(first, charset)
    subfields: list[Subfield] = []
    for part in parts:
        if part:
            text, sound = decode_bytes(part, charset)
            whole = whole and sound
            subfields.append((text[:1], text[1:]))
    return _field(tag, indicators, subfields, bool(parts)), whole


def _field(tag: str, first: str, subfields: list[Subfield], has_subfields: bool) -> Field:
    """A field of any shape. Without 1F it is a control field, whatever its tag; text between the indicators and
    the first 1F is kept under the code ""."""
    if not has_subfields:
        if len(first) <= 2 and tag.isdigit() and tag > "009":
            return (tag, first.ljust(2), ())
        return (tag, "", (("", first),))
    if len(first) > 2:
        subfields.insert(0, ("", first[2:]))
    return (tag, first[:2].ljust(2), tuple(subfields))


def _body(data: bytes, start: int) -> bytes:
    """The fields without the record's end marks; a stray 1D among them becomes a question mark."""
    end = len(data)
    if data.endswith(END_OF_RECORD):
        end -= 1
    if data[end - 1 : end] == END_OF_FIELD and end > start:
        end -= 1
    body = data[start:end]
    if END_OF_RECORD in body:
        body = body.replace(b"\x1e\x1d", b"\x1e").replace(END_OF_RECORD, b"?")
    return body


def _tags(directory: str) -> list[str]:
    return [directory[i : i + 3] for i in range(0, len(directory), ENTRY)]


def _entries(directory: str) -> list[tuple[int, int]]:
    """(offset, length) of every entry; empty where any of them is no number."""
    numbers = "".join([directory[i + 3 : i + 12] for i in range(0, len(directory), ENTRY)])
    if not (numbers.isascii() and numbers.isdigit()):
        return []
    return [(int(numbers[i + 4 : i + 9]), int(numbers[i : i + 4])) for i in range(0, len(numbers), 9)]


def _starts(pieces: list[bytes]) -> list[int]:
    starts, position = [], 0
    for piece in pieces:
        starts.append(position)
        position += len(piece) + 1
    return starts


# ------------------------------------------------------------------------------------------------ damaged records


def _damaged_header(data: bytes) -> Header | None:
    if b"45" not in data[17:26] and b"22" not in data[9:13]:  # the two numbers that every leader has
        return None
    end = data.find(END_OF_FIELD, LEADER)
    if end < 0:
        return None
    fits = looks_like_directory(data[LEADER:end])
    if fits and (end - LEADER) // ENTRY == data.count(END_OF_FIELD, end + 1) and (end - LEADER) % ENTRY == 0:
        return Header(end, end + 1, False)
    digits, length = data[12:17], data[27:31]
    if digits.isdigit() and length.isdigit() and 36 < int(digits) <= end:
        base = int(digits)
        if (base - 25) % ENTRY == 0 and looks_like_directory(data[LEADER : base - 1]):
            # Is only the mark behind the directory damaged: gone or overwritten? The first field's length tells.
            for body in (base - 1, base):
                if body + int(length) - 1 == end:
                    return Header(base - 1, body, False)
    return Header(end, end + 1, False) if fits else None


def looks_like_directory(raw: bytes) -> bool:
    """Mostly digits: at least three of four characters of an entry are, even under a letter tag."""
    return len(raw) >= ENTRY - 2 and len(raw.translate(None, DIGITS)) <= 0.3 * len(raw)


def _zip_guessed(head: bytes, pieces: list[bytes]) -> list[tuple[str, bytes]]:
    """Tags out of a damaged directory.

    The fields tell what their entries must say (length, offset), so an entry is looked for near where it should
    stand; one that can't be found is taken to be twelve characters long.
    """
    text = head.decode("latin-1")
    at, exact = LEADER, False  # an entry that was found ends where the next one begins
    fields = []
    for start, piece in zip(_starts(pieces), pieces, strict=True):
        numbers = f"{len(piece) + 1:04}{start:05}"
        found = text.find(numbers, at + 1, at + 6 + len(numbers))
        if found >= 0:
            begin = max(found - 3, at) if exact else found - 3
            fields.append((text[begin:found].ljust(3, "?"), piece))
            at, exact = found + len(numbers), True
        else:
            fields.append((text[at : at + 3].ljust(3, "?"), piece))
            at, exact = at + ENTRY, False
    return fields


def _align(tags: list[str], entries: list[tuple[int, int]], pieces: list[bytes]) -> list[tuple[str, bytes]]:
    """Tags for more or fewer fields than the directory has, by offsets counted from the front or from the end.

    One lost or stray 1E moves everything behind it, but not its distance from the end. A piece that no entry points
    to is the rest of the field before it.
    """
    starts = _starts(pieces)
    known = set(starts)
    shift = 0
    if entries and pieces:
        shift = starts[-1] + len(pieces[-1]) + 1 - max(offset + length for offset, length in entries)
    by_start: dict[int, str] = {}
    for tag, (offset, _) in zip(tags, entries, strict=False):
        place = offset if offset in known else offset + shift
        if place in known:
            by_start.setdefault(place, tag)
    if len(by_start) * 2 < min(len(pieces), len(tags)):
        return [
            (tags[i] if i < len(tags) else "???", piece) for i, piece in enumerate(pieces)
        ]  # nothing fits: by order
    fields: list[tuple[str, bytes]] = []
    for start, piece in zip(starts, pieces, strict=True):
        if start in by_start or not fields:
            fields.append((by_start.get(start) or (tags[0] if tags else "???"), piece))
        else:
            tag, before = fields[-1]
            fields[-1] = (tag, before + b"?" + piece)
    return fields
