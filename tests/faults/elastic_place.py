"""A small store, and what an index of it must hold, for tests of the faults of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

from union_shelf import UnionShelf

from indexer.engine.documents import canonical, described
from indexer.engine.elastic import ElasticEngine
from indexer.engine.protocol import Put
from indexer.operations import operations_of
from store.database import Database
from store.unions import changed_unions

SEED = int(os.environ.get("TONGCANG_FAULT_SEED", "20261123"))
KEYS = range(5001, 5201)
PATIENCE = 5.0
"""Seconds: a fault that passes within them is not noticed by who writes."""

Connect = Callable[..., ElasticEngine]


def change(database: Database, dice: Random, share: float) -> None:
    """New editions of some, and the end of some others."""
    chosen = dice.sample(KEYS[1:], int(len(KEYS) * share))
    shelf = UnionShelf(database)
    shelf.put(chosen[len(chosen) // 4 :], dice.randint(2, 99))
    shelf.bury(chosen[: len(chosen) // 4])


def wanted(database: Database) -> list[tuple[str, int, bytes]]:
    """What `scan` of an index gives that holds what the store says."""
    with database.read() as unit:
        rows = changed_unions(unit, 0, 10_000)
    puts = [operation.document for operation in operations_of(rows) if isinstance(operation, Put)]
    puts.sort(key=lambda document: document.key)
    return [(each.id, each.version, canonical(described(each), each.source)) for each in puts]
