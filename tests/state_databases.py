"""Empty state databases for tests, of both kinds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers.fixtures import new_database

from store.database import Database

LOCALE = "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'zh' TEMPLATE template0"
"""As a site may have set it up: it sorts by pinyin where it is not told otherwise."""


@pytest.fixture(scope="session")
def _migrated(postgres_shared: str) -> Iterator[str]:
    with new_database(postgres_shared, LOCALE) as url:
        database = Database(url)
        database.migrate()
        database.close()
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_shared: str, _migrated: str) -> Iterator[str]:
    """Of a database with all tables, all empty: a copy, since migrating takes a quarter of a second."""
    with new_database(postgres_shared, f"TEMPLATE {_migrated.rsplit('/', 1)[1]}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty, migrated state database: each test that asks for it runs on both."""
    if request.param == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('tmp_path') / 'state.db'}"
    else:
        url = request.getfixturevalue("migrated_postgres_url")
    opened = Database(url)
    opened.migrate()
    yield opened
    opened.close()
