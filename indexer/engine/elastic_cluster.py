"""The connection: one client for all nodes, what is asked a second time, and how long anything may take.

Thread-safe. The client takes the nodes in turn and passes over one that failed for some seconds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import structlog
from elastic_transport import BaseNode, Urllib3HttpNode
from elasticsearch import ApiError, Elasticsearch, TransportError

from indexer.engine.elastic_errors import DiskFull, explain
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.protocol import EngineError, Unavailable

ADMINISTRATION = 60.0
"""Seconds for making, refreshing, switching and dropping an index: a refresh writes what the memory holds."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds
_CONNECTIONS = 40  # to each node: one for every thread of the API

Answer = TypeVar("Answer")


class Patience:
    """The pauses of work that is tried again while the cluster is away: growing, not quite regular (so that many
    workers don't come back at once), and `seconds` in all."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._pause = _FIRST_PAUSE

    def wait(self, why: Unavailable) -> None:
        """Raises it where there is no more time, or waiting is no use."""
        pause = self._pause * (0.5 + random.random() / 2)
        if isinstance(why, DiskFull) or time.monotonic() + pause > self._ends:
            raise why
        time.sleep(pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


class Cluster:
    def __init__(self, settings: ElasticSettings, node_class: type[BaseNode] = Urllib3HttpNode) -> None:
        """Connects to nothing yet. Raises EngineError where the settings can't be used."""
        self._timeout = settings.timeout
        self.nodes = len(set(settings.urls))
        try:
            self._client = _client(settings, node_class)
        except (ValueError, OSError) as error:
            raise EngineError(f"The settings of Elasticsearch can't be used: {error}.") from error

    def client(self, timeout: float) -> Elasticsearch:
        """For one request, whose errors the caller explains; `timeout` in seconds. Elasticsearch's own logs name the
        reader's request that it is made for."""
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        return self._client.options(request_timeout=timeout, opaque_id=request_id)

    def ask(self, call: Callable[[Elasticsearch], Answer], timeout: float | None = None) -> Answer:
        """The answer to what may be asked twice: another node is asked where one fails. Raises EngineError.

        All of it takes `timeout` seconds at most, by default those of a search.
        """
        ends = time.monotonic() + (timeout or self._timeout)
        attempts = max(2, self.nodes)
        for left in range(attempts - 1, -1, -1):
            remaining = max(0.001, ends - time.monotonic())
            try:
                return call(self.client(remaining / 2 if left and self.nodes > 1 else remaining))
            except (ApiError, TransportError) as error:
                told = explain(error)
                elsewhere = self.nodes > 1 or not isinstance(error, ApiError)
                again = isinstance(told, Unavailable) and not isinstance(told, DiskFull) and elsewhere
                if not (again and left and time.monotonic() < ends):
                    raise told from error
        raise AssertionError("the last attempt answers or raises")

    def persist(self, seconds: float, work: Callable[[], Answer]) -> Answer:
        """What comes of work that may be begun again, and is while it raises Unavailable, for so many seconds."""
        patience = Patience(seconds)
        while True:
            try:
                return work()
            except Unavailable as why:
                patience.wait(why)

    def close(self) -> None:
        self._client.close()


def _client(settings: ElasticSettings, node_class: type[BaseNode]) -> Elasticsearch:
    if not settings.urls:
        raise ValueError("no URL is given")
    secure = any(url.startswith("https:") for url in settings.urls)
    tls: dict[str, Any] = {"verify_certs": settings.verify, "ssl_show_warn": False} if secure else {}
    if secure and settings.ca and settings.verify:
        with Path(settings.ca).open("rb"):  # an error names the file
            tls["ca_certs"] = settings.ca
    return Elasticsearch(
        list(dict.fromkeys(settings.urls)),
        api_key=settings.api_key or None,
        basic_auth=(settings.user, settings.password) if settings.user and not settings.api_key else None,
        connections_per_node=_CONNECTIONS,
        node_class=node_class,
        max_retries=0,  # see `ask` and elastic_writing
        retry_on_timeout=False,
        **tls,
    )
