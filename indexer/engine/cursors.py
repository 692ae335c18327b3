"""Cursors: where a page ended, as a text that a reader's browser may keep.

A cursor holds the sort value and key of the last hit of its page, and a fingerprint of the query, filters and sort
that it belongs to: the page size and the facets may change between pages, the question may not. It is opaque and
url-safe, and survives changes of the index: the next page begins behind those values, whether or not that hit still
exists.
"""

from __future__ import annotations

import base64
import binascii
import math
from hashlib import blake2b

import msgspec
from msgspec import Struct

from indexer.engine.protocol import BadCursor, Plan

_FORM = 1


class Cursor(Struct, frozen=True, array_like=True):
    """The last hit of a page."""

    value: float | int | str  # what the sort orders by: score, year, holders or sort title
    key: int
    seen: int  # hits up to and with this one when the page was made: a hint how far to fetch, never relied on


class _Packed(Struct, frozen=True, array_like=True):
    form: int
    fingerprint: bytes
    cursor: Cursor


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Packed)
_canonical = msgspec.json.Encoder(order="deterministic")


def pack(plan: Plan, cursor: Cursor) -> str:
    """The text of the cursor for the next page of this plan."""
    packed = _encoder.encode(_Packed(_FORM, fingerprint(plan), cursor))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def unpack(plan: Plan) -> Cursor | None:
    """The cursor that the plan came with, if any. Raises BadCursor where it is of another query, or none at all."""
    if not plan.after:
        return None
    try:
        text = plan.after.encode("ascii")
        packed = _decoder.decode(base64.b64decode(text + b"=" * (-len(text) % 4), b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError) as error:
        raise BadCursor("This is no page mark of this catalogue. Begin again with the first page.") from error
    cursor = packed.cursor
    kind = {"title": str, "relevance": float}.get(plan.sort, int)
    if packed.form != _FORM or packed.fingerprint != fingerprint(plan) or not _sound(cursor, kind):
        raise BadCursor("The page mark belongs to another search. Begin again with the first page.")
    return cursor


def _sound(cursor: Cursor, kind: type) -> bool:
    if not isinstance(cursor.value, kind) or not (0 <= cursor.key < 2**40 and 0 <= cursor.seen < 2**40):
        return False
    if isinstance(cursor.value, str):
        return True
    return 0 <= cursor.value < 2**24 if kind is int else math.isfinite(cursor.value) and cursor.value >= 0


def fingerprint(plan: Plan) -> bytes:
    """Equal where the question is: query, filters and sort."""
    asked = _canonical.encode([plan.query, plan.filters, plan.sort])
    return blake2b(asked, digest_size=8, person=b"tongcang-cursor").digest()
