"""MARC-8 by the Library of Congress, on pymarc's tables.

pymarc's own decoder turns what it does not know into a blank and writes to stderr; ours tells what could not be read.
Rules: https://www.loc.gov/marc/specifications/speccharmarc8.html
"""

from __future__ import annotations

import re
import unicodedata

from pymarc.marc8_mapping import CODESETS, ODD_MAP

BASIC_LATIN = 0x42
ANSEL = 0x45
EACC = 0x31
REPLACEMENT = "\ufffd"

ESCAPE = re.compile(rb"\x1b(?:\$,?([1-9A-Z])|[(,]!?([1-9A-Z])|[)\-]!?([1-9A-Z])|([sgbp]))")
"""To G0 (multi-byte or single), to G1, or one of the short forms for symbols and back to ASCII."""

_SHORT = {b"s": BASIC_LATIN, b"g": 0x67, b"b": 0x62, b"p": 0x70}


def decode(raw: bytes) -> tuple[str, bool]:
    """The text in NFC, and whether all of it could be read; unreadable bytes become U+FFFD."""
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), True
    out: list[str] = []
    marks: list[str] = []  # MARC-8 puts combining marks before the letter, Unicode behind it
    whole = True
    g0, g1 = BASIC_LATIN, ANSEL
    at, end = 0, len(raw)
    while at < end:
        byte = raw[at]
        if byte == 0x1B:
            escape = ESCAPE.match(raw, at)
            if escape is None:
                out.append(REPLACEMENT)
                whole, at = False, at + 1
            else:
                g0, g1 = _designate(escape, g0, g1)
                at = escape.end()
            continue
        width = 3 if g0 == EACC and byte < 0x80 and byte != 0x20 else 1
        if byte < 0x20 or 0x80 <= byte < 0xA0:  # controls; 88, 89, 8D, 8E only guide sorting and joining
            at += 1
            continue
        found = _look_up(raw, at, width, g0, g1)
        at += width
        if found is None:
            out.append(REPLACEMENT)
            whole = False
        elif found[1]:
            marks.append(found[0])
        else:
            out.append(found[0])
            out.extend(marks)
            marks.clear()
    if marks:
        out.extend([" ", *marks])
    return unicodedata.normalize("NFC", "".join(out)), whole


def _designate(escape: re.Match[bytes], g0: int, g1: int) -> tuple[int, int]:
    multi, single, right, short = escape.groups()
    if right:
        return g0, right[0]
    if short:
        return _SHORT[short], g1
    return (multi or single)[0], g1


def _look_up(raw: bytes, at: int, width: int, g0: int, g1: int) -> tuple[str, bool] | None:
    """A character and whether it combines with the next one."""
    if at + width > len(raw):
        return None
    code = int.from_bytes(raw[at : at + width], "big")
    entry = CODESETS.get(g1 if width == 1 and code > 0x80 else g0, {}).get(code)
    if entry is not None:
        return chr(entry[0]), bool(entry[1])
    odd = ODD_MAP.get(code)
    if odd is not None:
        return chr(odd), False
    return (" ", False) if code == 0x20 else None
