"""How a document lies in Elasticsearch: settings and mapping are data (mappings/index/elasticsearch.yaml)."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from indexer.engine.documents import described
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.protocol import SORT_FIELD_TITLE, Document
from store.packing import pack

YEAR_UP, PRIOR, SOURCE, DESCRIPTION = "year_up", "prior", "source", "description"
NO_YEAR = 10_000  # where an unknown year stands in the ascending order

_encoder = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="deterministic")


@cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files("mappings.index").joinpath("elasticsearch.yaml").read_text("utf-8"))
    return loaded


@cache
def schema() -> dict[str, Any]:
    """What is kept in the mapping of each index: one with another is not read."""
    digest = blake2b(_sorted.encode(_data()["mappings"]), digest_size=8)
    return {"version": _data()["version"], "mapping": digest.hexdigest()}


def new_index(settings: ElasticSettings) -> dict[str, Any]:
    """Settings and mappings of an empty generation."""
    data = _data()
    return {
        "settings": {"index": {**data["settings"]["index"], "number_of_shards": settings.shards}},
        "mappings": {**data["mappings"], "_meta": schema()},
    }


def to_json(document: Document) -> bytes:
    """One line. Raises UnicodeEncodeError for text that is none."""
    year = document.number["year"]
    return _encoder.encode(
        {
            **document.text,
            **{name: values for name, values in document.keyword.items() if values},
            **document.number,
            YEAR_UP: year or NO_YEAR,
            SORT_FIELD_TITLE: document.sort_title,
            PRIOR: document.prior,
            SOURCE: document.source,  # bytes become Base64
            DESCRIPTION: pack(described(document)),
        }
    )
