"""What tests ask for: elastic_url, elastic_cluster, postgres_url, postgres_server.

Without a real server they are skipped on a person's machine, with the reason, and fail where CI is set.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import psycopg
import pytest

from .elastic import Cluster, ask, start_single
from .postgres import Postgres, new_postgres, start_shared
from .run import NotInstalledError, Run
from .scheduling import LoadShared

Made = TypeVar("Made")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[RUN] = Run.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller's end is the run's; a worker that ends leaves the servers to the others."""
    if RUN in config.stash:
        config.stash[RUN].end()


RUN = pytest.StashKey[Run]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadShared | None:
    return LoadShared(config, log) if config.getoption("dist") == "load" else None


def needed(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except NotInstalledError as missing:
        _without(str(missing))


def _without(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def elastic_url() -> str:
    """A single node for all tests of the run: take an index prefix of your own, and delete what you made."""
    told = os.environ.get("TONGCANG_TEST_ELASTIC_URL")
    if told:
        ask(f"{told.rstrip('/')}/_cluster/health")
        return told
    run = Run.current()
    return needed(lambda: run.once("elastic", lambda: start_single(run)))


@pytest.fixture(scope="session")
def _cluster_of_the_run() -> Iterator[Cluster]:
    run = Run.current()
    with run.lock("cluster"):
        cluster = needed(lambda: Cluster(run))
        cluster.begin()
        yield cluster
        cluster.stop()


@pytest.fixture(scope="module")
def elastic_cluster(_cluster_of_the_run: Cluster) -> Cluster:
    """Three nodes, green and empty at the beginning of the module; a test may kill any and heals what it broke."""
    _cluster_of_the_run.heal()
    return _cluster_of_the_run


@pytest.fixture(scope="session")
def postgres_shared() -> str:
    """The SQLAlchemy URL of the one server for all tests of the run: make databases of your own in it."""
    run = Run.current()
    told = os.environ.get("TONGCANG_TEST_POSTGRES_URL")
    return told or needed(lambda: run.once("postgres", lambda: start_shared(run)))


@contextmanager
def new_database(server: str, how: str) -> Iterator[str]:
    """The SQLAlchemy URL of a new database in the server; `how` is the end of CREATE DATABASE."""
    address = server.replace("postgresql+psycopg://", "postgresql://")
    name = f"tongcang_test_{secrets.token_hex(6)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {how}")
    yield f"{server.rsplit('/', 1)[0]}/{name}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_shared: str) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database of the test's own, dropped after it."""
    with new_database(postgres_shared, "TEMPLATE template0") as url:
        yield url


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[Postgres]:
    """A server of the module's own with real durability, running; a test may kill it and start it again."""
    run = Run.current()
    server = needed(lambda: new_postgres(run, durable=True))
    server.start()
    yield server
    server.stop()
