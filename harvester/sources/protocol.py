"""What a source of records looks like to a harvest run, whatever it speaks.

A source yields pages. A page is the unit of commitment: its records, its counts and its `resume` text are committed in
one transaction, so a run that dies goes on behind the last page that was committed. Every record that the source sent
is in exactly one event: `Received` (to be stored), or `Refused` (cannot be stored as a record; its bytes are kept).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Received(Struct, frozen=True):
    """A record as it came."""

    identifier: str  # unique within the source: OAI identifier, 001, or "sha256:…" of the bytes where there is none
    format: str  # iso2709, marcxml, oai_dc
    data: bytes  # the bytes as they came; of an OAI record its metadata element; b"" in a deletion
    deleted: bool = False
    charset: str = ""  # of iso2709: utf-8, gb18030, big5hkscs, marc-8, cp1252, ascii; "" = as XML declares
    datestamp: str = ""  # as the source gave it
    sets: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()  # damage that was survived: length_mismatch, dir_damaged, charset_suspect …


class Refused(Struct, frozen=True):
    """Something that came and cannot be stored as a record."""

    code: str  # stable; its texts in Chinese and English stand in harvester/rejections.py
    data: bytes
    position: str  # where it stood: "file.mrc@1024", "page 3, record 7"
    identifier: str = ""
    detail: str = ""  # for a person: what exactly was wrong, no trace back


class Page(Struct, frozen=True):
    events: tuple[Received | Refused, ...]
    resume: str  # opaque to the run: hand it back as `resume` to go on behind this page
    promised: int | None = None  # how many records the source says the whole list has
    note: str = ""  # a warning for the run's log ("cut after </OAI-PMH>")
    raw: bytes = b""  # the whole page as it came, where its bytes had to be mended before they could be read


class Ending(Struct, frozen=True):
    """How a list ended: the last thing that `pages` yields."""

    complete: bool
    checkpoint: str = ""  # opaque: what the next run gets as `since`, if this run is complete
    reason: str = ""  # why it is not complete, for a person
    full: bool = False  # the list was the whole of the source: what it lacks has vanished there


class SourceError(Exception):
    """The source can't be read at all (or no further). The message tells a person what, where and what to do.

    `not_before`: the source has asked to be left alone until then (UTC).
    """

    def __init__(self, message: str, not_before: datetime | None = None) -> None:
        super().__init__(message)
        self.not_before = not_before


class Reader(Protocol):
    def pages(self, since: str, resume: str) -> Iterator[Page | Ending]:
        """All that changed since the checkpoint ("" = everything), behind the page of `resume` ("" = from the start).

        Yields pages, then exactly one Ending. Raises SourceError where the source can't be read.
        """
        ...
