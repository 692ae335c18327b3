"""How a cluster of Elasticsearch is reached and used."""

from __future__ import annotations

from msgspec import Struct


class ElasticSettings(Struct, frozen=True):
    urls: tuple[str, ...]
    api_key: str = ""
    user: str = ""
    password: str = ""
    ca: str = ""  # file; "" = the system's certificates
    verify: bool = True
    prefix: str = "tongcang"  # of the names of indices and of the alias of the live one
    shards: int = 1
    replicas: int = 1
    timeout: float = 10.0  # seconds of one search; writing and administration have longer ones of their own
