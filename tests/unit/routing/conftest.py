"""Desks that make requests of the small consortium (request_desk.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from request_desk import Desk

from store.database import Database


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    database.migrate()
    yield Desk(database)
    database.close()


@pytest.fixture
def any_desk(database: Database) -> Desk:
    """On both databases: for what one of them might do in another way."""
    return Desk(database)
