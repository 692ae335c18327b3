"""One hash for a state (see docs/adr): equal where two catalogues are, in whatever order of runs and crashes they came
about."""

from __future__ import annotations

from hashlib import blake2b

from indexer.engine.protocol import Engine
from store import unions
from store.database import Database


def store_hash(database: Database) -> str:
    """Of all that the store holds, without numbers that count deliveries; 256 bits as hexadecimal digits."""
    return _of_store(database).hexdigest()


def state_hash(database: Database, engine: Engine) -> str:
    """Of all that the store and the live index hold."""
    digest = _of_store(database)
    live = engine.live()
    if live is not None:
        for name, _, content in engine.scan(live):
            digest.update(f"{name}\x00".encode())
            digest.update(content)
    return digest.hexdigest()


def _of_store(database: Database) -> blake2b:
    digest = blake2b(digest_size=32)
    with database.read() as unit:
        for part in (unions.scan_state(unit), unions.scan_unions(unit)):
            for line in part:
                digest.update(line)
    return digest
