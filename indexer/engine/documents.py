"""The canonical form of a document, and what an engine would not take: the same for every engine.

Canonical bytes are the document's JSON (keys sorted, without version and source), a line feed, and its source as it is.
Two engines, or an update and a rebuild, hold the same where these bytes are the same.
"""

from __future__ import annotations

import math
import re

import msgspec

from indexer.engine.protocol import KEYWORD_FIELDS, NUMBER_FIELDS, TEXT_FIELDS, Delete, Document, Operation

KEYWORD_BYTES = 8_000  # Lucene refuses a value of more than 32,766; nothing that is longer than this is a heading
DOCUMENT_BYTES = 4_000_000  # of all it holds. Elasticsearch asks five times as much of its memory, and refuses for ever
GREATEST = {"year": 9999, "holders": 2**20 - 1, "key": 2**40 - 1}

_ID = re.compile(r"[!-~]{1,64}")
_TEXT = frozenset(TEXT_FIELDS)
_KEYWORD = frozenset(KEYWORD_FIELDS)
_NUMBER = frozenset(NUMBER_FIELDS)
_encoder = msgspec.json.Encoder(order="deterministic")


def described(document: Document) -> bytes:
    """The first part of the canonical bytes. Raises UnicodeEncodeError for text that is none."""
    return _encoder.encode(
        {
            "id": document.id,
            "key": document.key,
            "keyword": document.keyword,
            "number": document.number,
            "prior": document.prior,
            "sort_title": document.sort_title,
            "text": document.text,
        }
    )


def canonical(description: bytes, source: bytes) -> bytes:
    return description + b"\n" + source


def fault(operation: Operation) -> str:
    """Why no engine can take it, for a person; "" where nothing is wrong."""
    if isinstance(operation, Delete):
        return _fault_of_number("version", operation.version, 2**63 - 1) or _fault_of_id(operation.id)
    document = operation.document
    if document.text.keys() != _TEXT or not all(document.text.values()):
        return f"Text fields must be {', '.join(TEXT_FIELDS)}, and an empty one must hold the sentinel _."
    if not document.keyword.keys() <= _KEYWORD or document.number.keys() != _NUMBER:
        return "There is a keyword or number field that the index does not have, or a number is missing."
    if document.number["key"] != document.key:
        return f"The key {document.key} differs from the number that is to be indexed, {document.number['key']}."
    if not (math.isfinite(document.prior) and document.prior >= 0):
        return f"The prior must be a number of 0 or more, and is {document.prior}."
    return (
        _fault_of_id(document.id)
        or _fault_of_number("version", document.version, 2**63 - 1)
        or "".join(_fault_of_number(name, document.number[name], most) for name, most in GREATEST.items())
        or _fault_of_values(document)
        or _fault_of_size(document)
    )


def _fault_of_id(identifier: str) -> str:
    return "" if _ID.fullmatch(identifier) else f"An id has 1 to 64 visible ASCII characters, unlike {identifier!r}."


def _fault_of_number(name: str, value: int, most: int) -> str:
    return "" if 0 <= value <= most else f"{name} must be from 0 to {most}, and is {value}. "


def _fault_of_values(document: Document) -> str:
    fields = {**document.keyword, "sort_title": (document.sort_title,)}
    for name, values in fields.items():
        for value in values:
            if len(value) > KEYWORD_BYTES // 4 and len(value.encode(errors="replace")) > KEYWORD_BYTES:
                return f"A value of {name} is longer than {KEYWORD_BYTES} bytes: {value[:60]}…"
    return ""


def _fault_of_size(document: Document) -> str:
    values = [*document.text.values(), *(value for of in document.keyword.values() for value in of)]
    size = len(document.source) + sum(map(len, values))  # a character has four bytes at most
    if size > DOCUMENT_BYTES // 4:
        size = len(document.source) + sum(len(value.encode(errors="replace")) for value in values)
    return f"The document is too large: {size} of {DOCUMENT_BYTES} bytes." if size > DOCUMENT_BYTES else ""
