"""What /metrics tells: instruments of this process, and the state of the whole system as the database has it.

Every application has its own. Latencies and counts of requests are those of the process that is asked; everything else
is the same whichever process answers. The table of all metrics stands in docs/metrics.md, and a test compares.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from indexer.engine.protocol import BadCursor, EngineError, TooLong
from search_api.watching import Watch

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds. The goals of docs/scale.md (5, 20, 75 and 150 ms) lie on or between two of them."""


class Metrics:
    """Thread-safe."""

    def __init__(self, watch: Watch) -> None:
        """`watch` looks at the whole system when it is asked, at most once in a few seconds."""
        self.registry = CollectorRegistry()
        build = Gauge(
            "tongcang_build_info", "Version of Tongcang and Python", ("version", "python"), registry=self.registry
        )
        build.labels(version("tongcang"), platform.python_version()).set(1)
        self._requests = Histogram(
            "tongcang_http_request_seconds",
            "Time to answer a request",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._engine = Histogram(
            "tongcang_engine_seconds",
            "Time of an answer of the search engine",
            ("call",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._engine_failures = Counter(
            "tongcang_engine_failures",
            "Questions that the search engine did not answer",
            ("call",),
            registry=self.registry,
        )
        self._store = Histogram(
            "tongcang_store_seconds",
            "Time of a transaction of the state database",
            ("kind",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.registry.register(watch)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    @contextmanager
    def asking(self, call: str) -> Iterator[None]:
        """Around a question to the engine. What a circuit breaker refuses is a failure and no latency."""
        began = perf_counter()
        try:
            yield
        except (BadCursor, TooLong):
            raise
        except EngineError:
            self._engine_failures.labels(call).inc()
            raise
        self._engine.labels(call).observe(perf_counter() - began)

    def transaction(self, kind: str, seconds: float) -> None:
        """A transaction of the database has ended; `kind` is read or write."""
        self._store.labels(kind).observe(seconds)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The text for a client that accepts this, and its content type."""
        encode: Callable[[CollectorRegistry], bytes]
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
