"""Servers for the benches: those that are named, or real ones of our own, started as an operator's would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.elastic import start_single
from tests.servers.postgres import new_postgres
from tests.servers.run import Run

HEAP_MB = 2048
SERVER_JVM = "-XX:+UseG1GC\n"
"""Elasticsearch's own choice; that of the tests is for servers which live a minute."""


@contextmanager
def elasticsearch(url: str = "") -> Iterator[str]:
    """The URL of a node; of an own one with a heap of HEAP_MB, where none is named."""
    if url:
        yield url
        return
    run = Run.begin()
    try:
        yield start_single(run, HEAP_MB, SERVER_JVM)
    finally:
        run.end()


@contextmanager
def cluster() -> Iterator[tuple[str, str]]:
    """(URL of a database in PostgreSQL that flushes to the disk, URL of a node of Elasticsearch)"""
    run = Run.begin()
    try:
        server = new_postgres(run, durable=True)
        server.start()
        yield server.url, start_single(run, HEAP_MB, SERVER_JVM)
    finally:
        run.end()
