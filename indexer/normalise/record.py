"""One source record → its normal form, or the reason why it has none."""

from __future__ import annotations

from msgspec import Struct

from indexer.normalise.crosswalks import Crosswalks
from mappings.crosswalk import dialect_of
from mappings.fields import SourceRecord
from mappings.model import BibRecord

NO_TITLE = "no_title"
NOT_BIBLIOGRAPHIC = "not_bibliographic"
UNKNOWN_DIALECT = "unknown_dialect"
CODES = (NO_TITLE, NOT_BIBLIOGRAPHIC, UNKNOWN_DIALECT)
"""Codes of rejections from here; their texts in Chinese and English stand in harvester/rejections.py."""


class Rejection(Struct, frozen=True):
    """A record that cannot be used (拒收): a value, not an error."""

    code: str
    detail: str = ""  # for a person: what exactly was wrong


# Leader/06 of records that describe no publication. In CNMARC u is a rubbing and v an old edition (善本).
_KINDS_MARC21 = {
    "z": "authority",
    "w": "classification",
    "q": "community information",
    "u": "holdings",
    "v": "holdings",
    "x": "holdings",
    "y": "holdings",
}
_KINDS_UNIMARC = {"x": "authority", "y": "authority", "z": "authority"}


def normalise(record: SourceRecord, crosswalks: Crosswalks) -> BibRecord | Rejection:
    """The record in the normal form; its flags survive. Pure, and never fails."""
    dialect = dialect_of(record)
    kind = record.leader[6:7]
    if dialect in ("cnmarc", "unimarc"):
        other = _KINDS_UNIMARC.get(kind)
    else:
        other = _KINDS_MARC21.get(kind)
    if other is not None:
        return Rejection(NOT_BIBLIOGRAPHIC, f"leader/06 is {kind}: a record of {other}")
    if not dialect:
        return Rejection(UNKNOWN_DIALECT, _seen(record))
    bib = crosswalks[dialect].apply(record)
    if not bib.title:
        return Rejection(NO_TITLE, f"{dialect}, {_seen(record)}")
    return bib


def _seen(record: SourceRecord) -> str:
    """The tags a record has, so that a person sees what came."""
    tags = list(dict.fromkeys(tag for tag, _, _ in record.fields))
    if not tags:
        return "no field at all"
    more = f" and {len(tags) - 12} more" if len(tags) > 12 else ""
    return f"fields {' '.join(tags[:12])}{more}"
