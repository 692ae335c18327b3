"""What a mapping would make of some records, before it is used: fields before, normal form after, what is rejected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from indexer.normalise.crosswalks import Crosswalks
from indexer.normalise.record import Rejection, normalise
from mappings.fields import Field, SourceRecord
from mappings.model import BibRecord


class PreviewRow(Struct, frozen=True):
    """One record: `after` is empty where it is rejected."""

    number: int  # from 1
    before: tuple[str, ...]  # the leader and one line a field
    after: dict[str, Any]  # field of BibRecord → value, in the order of the model, empty ones left out
    rejection: Rejection | None = None


class PreviewReport(Struct, frozen=True):
    rows: tuple[PreviewRow, ...]
    read: int
    accepted: int
    rejected: dict[str, int]  # code → how many
    flagged: dict[str, int]  # flag → how many
    dialects: dict[str, int]
    filled: dict[str, int]  # field of BibRecord → in how many records it is not empty


def preview(records: Iterable[SourceRecord], crosswalks: Crosswalks, limit: int) -> PreviewReport:
    """Normalise all the records, and show the first `limit` of them."""
    rows: list[PreviewRow] = []
    read = accepted = 0
    rejected: dict[str, int] = {}
    flagged: dict[str, int] = {}
    dialects: dict[str, int] = {}
    filled: dict[str, int] = {}
    for read, record in enumerate(records, start=1):
        result = normalise(record, crosswalks)
        after: dict[str, Any] = {}
        if isinstance(result, BibRecord):
            accepted += 1
            after = readable(result)
            _count(dialects, [result.dialect])
            _count(flagged, result.flags)
            _count(filled, after)
        else:
            _count(rejected, [result.code])
        if read <= limit:
            rejection = result if isinstance(result, Rejection) else None
            rows.append(PreviewRow(read, field_lines(record), after, rejection))
    return PreviewReport(tuple(rows), read, accepted, rejected, flagged, dialects, filled)


def _count(counts: dict[str, int], keys: Iterable[str]) -> None:
    for key in keys:
        counts[key] = counts.get(key, 0) + 1


def readable(bib: BibRecord) -> dict[str, Any]:
    """The record as plain values of JSON, in the order of the model, what is empty left out."""
    plain: dict[str, Any] = {}
    for name in bib.__struct_fields__:
        value = getattr(bib, name)
        if value in ("", 0, ()):
            continue
        plain[name] = msgspec.json.decode(msgspec.json.encode(value))
    return plain


def field_lines(record: SourceRecord) -> tuple[str, ...]:
    """A record as a cataloguer reads it: `200 1  $a红楼梦$f曹雪芹著`; blanks in indicators stand as #."""
    lines = [f"LDR    {record.leader}"] if record.leader else []
    lines += [_line(field) for field in record.fields]
    return tuple(lines)


def _line(field: Field) -> str:
    tag, indicators, subfields = field
    text = "".join(f"${code}{value}" if code else value for code, value in subfields)
    return f"{tag} {indicators.replace(' ', '#'):<3}{text}"
