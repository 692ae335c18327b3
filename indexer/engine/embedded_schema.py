"""How a document lies in tantivy: its fields, the columns that it is sorted by, and how an index is opened.

tantivy orders by one column and can't compare text columns with a value. So every order by numbers has a column of its
own that joins the number with the key, and the sort title stands beside its first 16 bytes as two numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tantivy

from indexer.engine.documents import described
from indexer.engine.protocol import (
    KEYWORD_FIELDS,
    NUMBER_FIELDS,
    PHRASE_FIELDS,
    SORT_FIELD_TITLE,
    TEXT_FIELDS,
    Document,
)
from store.packing import pack

SCHEMA = {
    "engine": "embedded",
    "version": 1,  # to be raised when anything in this file changes
    "text": list(TEXT_FIELDS),
    "keyword": list(KEYWORD_FIELDS),
    "number": list(NUMBER_FIELDS),
}
"""What is kept beside each generation: an index of another schema is not opened."""

KEY_BITS = 40
LAST_KEY = (1 << KEY_BITS) - 1
NO_YEAR = 10_000  # where an unknown year stands in the ascending order

YEAR_DOWN, YEAR_UP, HOLDERS_DOWN = "by_year_desc", "by_year_asc", "by_holders_desc"
TITLE_HEAD, TITLE_NECK = "sort_title_0", "sort_title_8"
PRIOR, VERSION, ID, SOURCE, DESCRIPTION = "prior", "version", "id", "source", "description"

_TOKENS = "tokens"


def schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(ID, stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    for name in TEXT_FIELDS:
        option = "position" if name in PHRASE_FIELDS else "freq"
        builder.add_text_field(name, tokenizer_name=_TOKENS, index_option=option)
    for name in KEYWORD_FIELDS:
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(SORT_FIELD_TITLE, fast=True, tokenizer_name="raw", index_option="basic")
    for name in (*NUMBER_FIELDS, VERSION, YEAR_DOWN, YEAR_UP, HOLDERS_DOWN, TITLE_HEAD, TITLE_NECK):
        builder.add_unsigned_field(name, fast=True)
    builder.add_float_field(PRIOR, fast=True)
    builder.add_bytes_field(SOURCE, stored=True)
    builder.add_bytes_field(DESCRIPTION, stored=True)
    return builder.build()


def make_index(path: Path) -> None:
    """An empty index in an empty folder."""
    tantivy.Index(schema(), path=str(path), reuse=False)


def open_index(path: Path) -> tantivy.Index:
    """The index, read by hand (`reload`): the default policy would watch it from a thread and be 0.3 s late."""
    index = tantivy.Index.open(str(path))
    index.config_reader("Manual", 0)
    # Analyzers are not stored with an index.
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(_TOKENS, analyzer)
    return index


def title_numbers(sort_title: str) -> tuple[int, int]:
    """The first 16 bytes as two numbers that are in order where the texts are."""
    head = sort_title.encode()[:16].ljust(16, b"\0")
    return int.from_bytes(head[:8], "big"), int.from_bytes(head[8:], "big")


def to_tantivy(document: Document, index_schema: tantivy.Schema) -> tantivy.Document:
    """Raises UnicodeEncodeError or ValueError for text that is none."""
    key, year, holders = document.key, document.number["year"], document.number["holders"]
    head, neck = title_numbers(document.sort_title)
    fields: dict[str, Any] = {
        ID: document.id,
        **document.text,
        **{name: list(values) for name, values in document.keyword.items() if values},
        **document.number,
        SORT_FIELD_TITLE: document.sort_title,
        VERSION: document.version,
        YEAR_DOWN: year << KEY_BITS | LAST_KEY - key,
        YEAR_UP: (year or NO_YEAR) << KEY_BITS | key,
        HOLDERS_DOWN: holders << KEY_BITS | LAST_KEY - key,
        TITLE_HEAD: head,
        TITLE_NECK: neck,
        PRIOR: document.prior,
        SOURCE: document.source,
        DESCRIPTION: pack(described(document)),
    }
    return tantivy.Document.from_dict(fields, index_schema)
