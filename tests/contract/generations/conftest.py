"""Each engine with the state database that it is used with: a test never looks at which they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database

BESIDE = {"embedded": "sqlite", "elasticsearch": "postgresql"}


@pytest.fixture(scope="module", params=BESIDE)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Empty and migrated."""
    if BESIDE[engine_name] == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.db'}"
    else:
        url = request.getfixturevalue("migrated_postgres_url")
    opened = Database(url)
    opened.migrate()
    yield opened
    opened.close()
