"""Damage on purpose, as members' files really have it, with an account of it.

Damage is done between records or to one record, never to its neighbours, so that a reader can be held to this: every
record that the account does not name must come out whole.
"""

from __future__ import annotations

import re
from random import Random
from zlib import crc32

KINDS = ("bad_length", "crlf", "no_terminator", "directory", "garbage", "invalid_bytes")
# After these the record's own bytes are all there.
HARMLESS = frozenset({"bad_length", "crlf", "garbage"})
GARBAGE = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\r\n"
_NOT_ASCII = re.compile(b"[\x80-\xff]")


class Damage:
    """Damages about one record in `every`, and the same ones the same way in each delivery."""

    def __init__(self, seed: str, every: int) -> None:
        self._seed = seed
        self._every = every
        self.account: dict[str, list[str]] = {}

    def apply(self, data: bytes, identifier: str) -> bytes:
        """The ISO 2709 record as it will stand in the file."""
        if not self._every:
            return data
        luck = crc32(f"{self._seed}.{identifier}".encode())
        if luck % self._every:
            return data
        kind = KINDS[luck // self._every % len(KINDS)]
        damaged = _damaged(kind, data, Random(luck))
        if damaged != data:
            self.account.setdefault(kind, []).append(identifier)
        return damaged

    def cut(self, data: bytes, identifier: str) -> bytes:
        """The last record of a delivery that broke off: its first half."""
        self.account.setdefault("cut_last", []).append(identifier)
        return data[: len(data) // 2]


def _damaged(kind: str, data: bytes, rng: Random) -> bytes:
    if kind == "bad_length":
        length = int(data[:5])
        return b"%05d" % rng.choice((length + 50, length - 50, 0)) + data[5:]
    if kind == "crlf":
        return data + b"\r\n"
    if kind == "garbage":
        return data + GARBAGE
    if kind == "no_terminator":
        return data[:-1]
    base = int(data[12:17])
    if kind == "directory":
        # A digit of a field's length or address, never of its tag.
        place = 24 + 12 * rng.randrange((base - 25) // 12) + rng.randrange(3, 12)
        return data[:place] + b"x" + data[place + 1 :]
    letter = _NOT_ASCII.search(data, base)
    return data if letter is None else data[: letter.start()] + b"\xff" + data[letter.start() + 1 :]
