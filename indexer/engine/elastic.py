"""The engine for more than one machine: Elasticsearch 9, by its own client.

It finds, orders and counts what the embedded engine does; the contract suite and the parity test hold the two together.
Everything in between lies in the modules elastic_*: the connection and who is asked twice (cluster), names and aliases
(generations), queries, pages, facets, bulks (writing), and what is told of errors. An engine holds nothing but
connections: any number of threads, processes and machines may read and write one generation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from elastic_transport import BaseNode, Urllib3HttpNode
from msgspec import Struct

from indexer.engine import cursors, limits
from indexer.engine.documents import canonical
from indexer.engine.elastic_cluster import Cluster
from indexer.engine.elastic_diagnosis import diagnose
from indexer.engine.elastic_errors import NotThere, check_whole, explain_item
from indexer.engine.elastic_facets import Facets
from indexer.engine.elastic_generations import Generations
from indexer.engine.elastic_paging import Pager, source_of, stored
from indexer.engine.elastic_queries import EVERYTHING, Json, unscored
from indexer.engine.elastic_schema import DESCRIPTION, SOURCE
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.elastic_writing import Writer
from indexer.engine.protocol import (
    EngineError,
    Finding,
    Health,
    Operation,
    Plan,
    Refusal,
    Results,
    Suggestion,
    Term,
    Unavailable,
)
from indexer.engine.suggestions import Prefix
from store.packing import unpack

_BATCH = 1_000
_LARGEST_PAGE = 10_000
_SNAPSHOT = "5m"  # for which a scan may rest between two batches
_LONGEST_ID = 64
_SWITCHES = 5  # how often a search is asked again because the index was switched and dropped meanwhile


class _Titled(Struct):
    title: str = ""


Answer = TypeVar("Answer")

_titled = msgspec.json.Decoder(_Titled)


class ElasticEngine:
    """`patience`: seconds for which writing is tried again while the cluster is away or overloaded; `settling`: seconds
    for which a switch waits for the copies of the new generation."""

    parallel_writers = True

    def __init__(
        self,
        settings: ElasticSettings,
        *,
        patience: float = 60.0,
        settling: float = 120.0,
        node_class: type[BaseNode] = Urllib3HttpNode,
    ) -> None:
        self._settings = settings
        self._timeout = settings.timeout
        self._patience = patience
        self._settling = settling
        self._cluster = Cluster(settings, node_class)
        self._generations = Generations(self._cluster, settings)
        self._writer = Writer(self._cluster, patience)

    # ------------------------------------------------------------------------------------------ writing

    def create(self, generation: str) -> None:
        self._persist(lambda: self._generations.create(generation))

    def bulk(self, operations: Iterable[Operation], generation: str | None = None) -> list[Refusal]:
        """Memory: the operations of one request, 5 MB. What is written survives a kill of any node that comes back."""
        alias = self._persist(lambda: self._opened(generation))
        return self._writer.write(operations, alias)

    def refresh(self, generation: str | None = None) -> None:
        self._persist(lambda: self._generations.refresh(self._opened(generation)))

    def release(self) -> None:
        """No lock is held."""

    def swap(self, generation: str) -> None:
        self.refresh(generation)
        self._persist(lambda: self._generations.swap(generation, self._settling))

    def drop(self, generation: str) -> None:
        self._persist(lambda: self._generations.drop(generation))

    def remove_everything(self) -> None:
        """All generations of this prefix, the live one too."""
        self._generations.remove_everything()

    def close(self) -> None:
        self._cluster.close()

    def _opened(self, generation: str | None) -> str:
        return self._generations.opened(generation or self._generations.require_live())

    def _persist(self, work: Callable[[], Answer]) -> Answer:
        return self._cluster.persist(self._patience, work)

    # ------------------------------------------------------------------------------------------ generations

    def live(self) -> str | None:
        return self._cluster.persist(self._timeout, self._generations.live)

    def generations(self) -> list[str]:
        return self._cluster.persist(self._timeout, self._generations.names)

    def health(self) -> Health:
        name = ""
        try:
            name = self._generations.require_live()
            alias = self._generations.opened(name)
            state = self._cluster.ask(lambda client: client.cluster.health(index=alias))
            counted = self._ask({"size": 0, "track_total_hits": True}, alias)
        except Unavailable:
            raise
        except EngineError as error:
            return Health(False, name, 0, str(error))
        missing = state["unassigned_shards"] + state["initializing_shards"]
        message = f"{missing} copies of the index's shards are missing." if state["status"] != "green" else ""
        return Health(True, name, counted["hits"]["total"]["value"], message)

    def diagnose(self) -> list[Finding]:
        return diagnose(self._cluster, self._settings)

    # ------------------------------------------------------------------------------------------ reading

    def search(self, plan: Plan, generation: str | None = None) -> Results:
        limits.check(plan)
        pager = Pager(plan, cursors.unpack(plan))
        facets = Facets(plan.facets)
        body = pager.body()
        if first := facets.first():
            body["aggs"] = first
        preference = cursors.fingerprint(plan).hex()  # the same copies for every page: others score a little otherwise

        def ask(alias: str) -> Results:
            def aggregate(aggregations: Json) -> Json:
                again = {"query": pager.unscored(), "size": 0, "aggs": aggregations}
                counted: Json = self._ask(again, alias, preference)["aggregations"]
                return counted

            answer = self._ask(body, alias, preference)
            hits, following = pager.page(answer["hits"]["hits"])
            counted = facets.counted(answer.get("aggregations", {}), aggregate)
            return Results(hits, answer["hits"]["total"]["value"], counted, following)

        return self._from(generation, ask)

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        asked = [one for one in dict.fromkeys(ids) if one.isascii() and 0 < len(one) <= _LONGEST_ID]
        sources: dict[str, bytes] = {}
        for start in range(0, len(asked), _BATCH):
            some = asked[start : start + _BATCH]
            sources |= self._from(None, lambda alias, some=some: self._get(alias, some))  # type: ignore[misc]
        return sources

    def _get(self, alias: str, ids: list[str]) -> dict[str, bytes]:
        answer = self._cluster.ask(
            lambda client: client.mget(index=alias, ids=ids, stored_fields=SOURCE, realtime=False)
        )
        for one in answer["docs"]:
            if "error" in one:
                raise explain_item(503, one["error"])
        return {one["_id"]: source_of(one) for one in answer["docs"] if one["found"]}

    def suggest(self, prefix: str, size: int = 10) -> list[Suggestion]:
        asked = Prefix(prefix)
        if not asked.token or size < 1:
            return []
        return self._from(None, lambda alias: self._suggest(alias, asked, size))

    def _suggest(self, alias: str, asked: Prefix, size: int) -> list[Suggestion]:
        suggestions: dict[str, Suggestion] = {}
        query = Term("sug", asked.token)
        preference = cursors.fingerprint(Plan(query)).hex()  # it stands in the URL: not what the reader has typed
        body: Json = {
            "query": unscored(query),
            "sort": [{"holders": "desc"}, {"key": "asc"}],
            "size": min(2 * size, _LARGEST_PAGE),
            "track_total_hits": False,
            "stored_fields": [SOURCE],
        }
        while True:
            hits = self._ask(body, alias, preference)["hits"]["hits"]
            for hit in hits:
                title = _titled.decode(source_of(hit)).title
                if title not in suggestions and asked.begins(title):
                    suggestions[title] = Suggestion(title, hit["_id"], hit["sort"][0])
                if len(suggestions) == size:
                    break
            if len(suggestions) == size or len(hits) < body["size"]:
                return list(suggestions.values())
            body |= {"size": min(4 * body["size"], _LARGEST_PAGE), "search_after": hits[-1]["sort"]}

    def scan(self, generation: str | None = None) -> Iterator[tuple[str, int, bytes]]:
        """Of one point in time, whatever is written meanwhile. Unavailable where the node that keeps it goes away."""
        alias = self._opened(generation)
        snapshot = self._cluster.ask(lambda client: client.open_point_in_time(index=alias, keep_alive=_SNAPSHOT))["id"]
        body: Json = {
            "query": EVERYTHING,
            "sort": [{"key": "asc"}],
            "size": _BATCH,
            "track_total_hits": False,
            "stored_fields": [SOURCE, DESCRIPTION],
            "version": True,
        }
        try:
            while True:
                answer = self._ask(body | {"pit": {"id": snapshot, "keep_alive": _SNAPSHOT}})
                snapshot, hits = answer["pit_id"], answer["hits"]["hits"]
                for hit in hits:
                    description = unpack(stored(hit, DESCRIPTION))
                    yield hit["_id"], hit["_version"], canonical(description, source_of(hit))
                if len(hits) < _BATCH:
                    return
                body["search_after"] = hits[-1]["sort"]
        finally:
            with suppress(EngineError):  # it ends by itself
                self._cluster.ask(lambda client: client.close_point_in_time(id=snapshot))

    def _from(self, generation: str | None, ask: Callable[[str], Answer]) -> Answer:
        """What `ask` says of the alias of a generation, by default the live one, which may be switched and the one
        before dropped meanwhile: then it is asked again."""
        if generation is not None:  # a build's own look at what it made: nobody waits for it, so it is as patient
            return self._persist(lambda: ask(self._generations.opened(generation)))
        for left in range(_SWITCHES - 1, -1, -1):
            alias = self._generations.opened_live()
            try:
                return ask(alias)
            except Unavailable:
                raise
            except EngineError as error:
                self._generations.distrust()
                if not (isinstance(error, NotThere) and left):
                    self._generations.opened_live()  # tells it where the index is of another version
                    raise
        raise AssertionError("the last attempt answers or raises")

    def _ask(self, body: Json, alias: str | None = None, preference: str | None = None) -> Any:
        """A search by all shards, or none: half an answer would look like a whole one."""
        told = body | {"timeout": f"{int(self._timeout * 1000)}ms"}
        if alias is None:
            answer = self._cluster.ask(lambda client: client.search(body=told, allow_partial_search_results=False))
        else:
            answer = self._cluster.ask(
                lambda client: client.search(
                    index=alias,
                    body=told,
                    search_type="dfs_query_then_fetch",
                    preference=preference,
                    allow_partial_search_results=False,
                )
            )
        check_whole(answer)
        return answer
