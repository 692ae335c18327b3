"""Writing in bulks: what failed is sent again, what can't be taken is refused alone, nothing is skipped.

Operations carry external versions: a stale one is refused with 409 and passed over, and whatever may or may not have
arrived is simply sent again. No lock is held: any number of processes may write to one generation.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from elasticsearch import ApiError, TransportError
from msgspec import Struct

from indexer.engine.documents import fault
from indexer.engine.elastic_cluster import Cluster, Patience
from indexer.engine.elastic_errors import NotThere, explain, explain_item
from indexer.engine.elastic_schema import to_json
from indexer.engine.protocol import Delete, EngineError, Operation, Put, Refusal, Unavailable

_OPERATIONS = 1_000  # in one bulk
_BYTES = 5_000_000
_REQUEST = 30.0  # seconds for one bulk
_SHARD = "15s"  # for which the server waits for a shard that is just moving
_LARGEST_REQUEST = 100 * 2**20  # Elasticsearch's own default of http.max_content_length

_encoder = msgspec.json.Encoder()


class _Item(Struct, frozen=True, eq=False):
    """One operation, ready to be sent."""

    id: str
    lines: bytes


class Writer:
    """Thread-safe. `patience`: seconds for which a bulk is tried again before Unavailable is raised."""

    def __init__(self, cluster: Cluster, patience: float) -> None:
        self._cluster = cluster
        self._patience = patience
        self._largest: int | None = None
        self._lock = threading.Lock()

    def write(self, operations: Iterable[Operation], alias: str) -> list[Refusal]:
        """To the index behind the alias, as the stream comes. What was refused, in the order of the stream.

        Raises Unavailable where the cluster does not take it in time: what was drawn so far is to be written again.
        """
        refusals: list[Refusal] = []
        largest = self._largest_request()
        for chunk in _chunks(_prepared(operations, largest)):
            items = [one for one in chunk if isinstance(one, _Item)]
            refused = self._send(items, alias)
            for one in chunk:
                if isinstance(one, Refusal):
                    refusals.append(one)
                elif one in refused:
                    refusals.append(Refusal(one.id, refused[one]))
        return refusals

    def _largest_request(self) -> int:
        """Bytes that every node takes in one request; asked once."""
        with self._lock:
            if self._largest is None:
                try:
                    answer = self._cluster.ask(lambda client: client.nodes.info(metric="http"))
                    sizes = [node["http"]["max_content_length_in_bytes"] for node in answer["nodes"].values()]
                except Unavailable:
                    raise
                except (EngineError, KeyError):  # the API key may write, and not look at the nodes
                    sizes = []
                self._largest = min([_LARGEST_REQUEST, *sizes])
            return self._largest

    def _send(self, items: list[_Item], alias: str) -> dict[_Item, str]:
        """Until each is in, stale or refused. The reasons of those that were refused."""
        refused: dict[_Item, str] = {}
        patience = Patience(self._patience)
        while items:
            items, why = self._try(items, alias, refused)
            if items:
                patience.wait(why)
        return refused

    def _try(self, items: list[_Item], alias: str, refused: dict[_Item, str]) -> tuple[list[_Item], Unavailable]:
        """Send them once. What is to be sent again, and why; adds to `refused`. Raises EngineError."""
        why = Unavailable("Elasticsearch takes no writes now.")
        lines: list[Any] = [one.lines for one in items]  # the client takes bytes too
        try:
            answer = self._cluster.client(min(_REQUEST, self._patience)).bulk(
                operations=lines,
                index=alias,
                require_alias=True,
                timeout=_SHARD,
                filter_path=["items.*.status", "items.*.error", "error", "status"],
            )
        except (ApiError, TransportError) as error:
            if isinstance(error, ApiError) and error.meta.status == 413:
                return self._in_parts(items, alias, refused), why
            told = explain(error)
            if isinstance(told, Unavailable):
                return items, told
            raise told from error
        again: list[_Item] = []
        for item, outcome in zip(items, answer["items"], strict=True):
            (result,) = outcome.values()
            problem = _problem(result)
            if isinstance(problem, Unavailable):
                again.append(item)
                why = problem
            elif problem is not None:
                refused[item] = problem
        return again, why

    def _in_parts(self, items: list[_Item], alias: str, refused: dict[_Item, str]) -> list[_Item]:
        """A proxy may take less than the server says."""
        if len(items) == 1:
            refused[items[0]] = f"The document is too large to be sent: {len(items[0].lines)} bytes."
            return []
        half = len(items) // 2
        refused |= self._send(items[:half], alias)
        refused |= self._send(items[half:], alias)
        return []


def _problem(result: dict[str, Any]) -> Unavailable | str | None:
    """Why an item must be sent again, or can't be taken; None = it is in, or stale. Raises what stops all writing."""
    status = int(result["status"])
    error = result.get("error")
    if error is None or status == 409:
        return None
    told = explain_item(status, error)
    if isinstance(told, Unavailable):
        return told
    if isinstance(told, NotThere):
        raise NotThere("The index was dropped or closed while it was being written. See: tongcang index status")
    if status == 413 or (status == 400 and error.get("type") != "strict_dynamic_mapping_exception"):
        return str(told)
    raise told


def _prepared(operations: Iterable[Operation], largest: int) -> Iterator[_Item | Refusal]:
    for operation in operations:
        identifier = operation.document.id if isinstance(operation, Put) else operation.id
        problem = fault(operation)
        if not problem:
            try:
                item = _Item(identifier, _lines(operation))
            except UnicodeError as error:
                problem = f"A value can't be indexed: {error}"
            else:
                if len(item.lines) < largest:
                    yield item
                    continue
                problem = f"The document is too large for Elasticsearch: {len(item.lines)} of {largest} bytes."
        yield Refusal(identifier, problem)


def _lines(operation: Operation) -> bytes:
    """Raises UnicodeEncodeError for text that is none."""
    match operation:
        case Put():
            return _action("index", operation.document.id, operation.document.version) + to_json(operation.document)
        case Delete():
            return _action("delete", operation.id, operation.version)


def _action(action: str, identifier: str, version: int) -> bytes:
    told = {"_id": identifier, "version": version, "version_type": "external_gte"}
    return _encoder.encode({action: told}) + b"\n"


def _chunks(prepared: Iterable[_Item | Refusal]) -> Iterator[list[_Item | Refusal]]:
    chunk: list[_Item | Refusal] = []
    size = 0
    for one in prepared:
        length = len(one.lines) if isinstance(one, _Item) else 0
        if chunk and (len(chunk) == _OPERATIONS or size + length > _BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += length
    if chunk:
        yield chunk
