"""Generations in Elasticsearch: one index each, and an alias that names the live one.

<prefix>-<generation>    the index; its mapping's _meta tells what it was made for, and another is not read
<prefix>~<generation>    its alias, made with it: every access goes through it. So a late write to an index that
                         was dropped can't make a new one, and two prefixes of which one begins with the other
                         don't mix.
<prefix>-live            the alias of the live one; moved in one step
"""

from __future__ import annotations

import re
import threading
import time
from typing import Any

from indexer.engine.elastic_cluster import ADMINISTRATION, Cluster
from indexer.engine.elastic_errors import AWAY, NO_INDEX, REBUILD, NotThere
from indexer.engine.elastic_schema import new_index, schema
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.limits import check_generation
from indexer.engine.protocol import EngineError, Unavailable

_PREFIX = re.compile(r"[a-z][a-z0-9_.-]{0,99}")
_TRUSTED = 10.0  # seconds for which the live index is taken to be of this schema without looking again
_POLL = 0.25  # seconds


class Generations:
    def __init__(self, cluster: Cluster, settings: ElasticSettings) -> None:
        if not _PREFIX.fullmatch(settings.prefix):
            raise EngineError(
                f"{settings.prefix!r} can't begin the names of indices: lower-case letters, digits, ., - and _ can, "
                "after a letter."
            )
        self._cluster = cluster
        self._settings = settings
        self._prefix = settings.prefix
        self.live_alias = f"{settings.prefix}-live"
        self._trusted_until = 0.0
        self._lock = threading.Lock()

    # ------------------------------------------------------------------------------------------ names

    def alias(self, name: str) -> str:
        check_generation(name)
        return f"{self._prefix}~{name}"

    def names(self) -> list[str]:
        found = self._behind(f"{self._prefix}~*")
        return sorted(alias.removeprefix(f"{self._prefix}~") for aliases in found.values() for alias in aliases)

    def live(self) -> str | None:
        found = list(self._behind(self.live_alias))
        if len(found) > 1:
            raise EngineError(
                f"The alias {self.live_alias} names more than one index: {', '.join(sorted(found))}. "
                "Take it from all but one."
            )
        return found[0].removeprefix(f"{self._prefix}-") if found else None

    def require_live(self) -> str:
        name = self.live()
        if name is None:
            raise EngineError(NO_INDEX)
        return name

    def _behind(self, alias: str) -> dict[str, list[str]]:
        """By index: which of its aliases match."""
        try:
            answer = self._cluster.ask(lambda client: client.indices.get_alias(name=alias))
        except NotThere:
            return {}
        return {index: list(found["aliases"]) for index, found in answer.items()}

    # ------------------------------------------------------------------------------------------ schema

    def opened(self, name: str) -> str:
        """The alias of a generation that is there and of this schema. Raises EngineError where it is not."""
        alias = self.alias(name)
        try:
            self._check_schema(alias)
        except NotThere as error:
            raise NotThere(f"There is no index {name} under {self._prefix} in Elasticsearch. {REBUILD}") from error
        return alias

    def opened_live(self) -> str:
        """The alias of the live generation. Looks at its schema once in a while."""
        if time.monotonic() >= self._trusted_until:
            try:
                self._check_schema(self.live_alias)
            except NotThere as error:
                raise NotThere(NO_INDEX) from error
            with self._lock:
                self._trusted_until = time.monotonic() + _TRUSTED
        return self.live_alias

    def distrust(self) -> None:
        """Look at the live index's schema before it is asked again."""
        with self._lock:
            self._trusted_until = 0.0

    def _check_schema(self, alias: str) -> None:
        answer = self._cluster.ask(
            lambda client: client.indices.get_mapping(index=alias, filter_path=["*.mappings._meta", "error", "status"])
        )
        found = [index.get("mappings", {}).get("_meta") for index in answer.values()]
        if found != [schema()]:
            raise EngineError(f"The index {alias} in Elasticsearch was made by another version of Tongcang. {REBUILD}")

    # ------------------------------------------------------------------------------------------ changes

    def create(self, name: str) -> None:
        """An empty generation; one of that name is replaced."""
        alias = self.alias(name)
        if name == self.live():
            raise EngineError(f"The generation {name} is live and can't be begun anew. Choose another name.")
        index = f"{self._prefix}-{name}"
        made = new_index(self._settings)

        def replace() -> None:
            self._delete(alias)
            self._cluster.ask(
                lambda client: client.indices.create(index=index, aliases={alias: {}}, **made), ADMINISTRATION
            )

        try:
            replace()
        except EngineError as error:
            if "already exists" not in str(error) or not self._behind(alias):
                raise
            replace()  # the first answer was lost on its way, and the second attempt met the first one's work

    def drop(self, name: str) -> None:
        alias = self.alias(name)
        if name == self.live():
            raise EngineError(f"The generation {name} is live and can't be dropped. Make another one live first.")
        self._delete(alias)

    def remove_everything(self) -> None:
        for name in self.names():
            self._delete(self.alias(name))

    def _delete(self, alias: str) -> None:
        """By the names of the indices: nothing is deleted by a pattern."""
        for index in self._behind(alias):
            try:
                self._cluster.ask(lambda client, index=index: client.indices.delete(index=index), ADMINISTRATION)  # type: ignore[misc]
            except NotThere:
                continue

    def refresh(self, alias: str) -> None:
        """Raises Unavailable unless every copy that is there did it: Elasticsearch passes over a shard that is away."""
        state = self._cluster.ask(lambda client: client.cluster.health(index=alias))
        if state["status"] == "red":
            raise Unavailable(AWAY)
        shards = self._cluster.ask(lambda client: client.indices.refresh(index=alias), ADMINISTRATION)["_shards"]
        if shards["failed"] or shards["successful"] < min(state["active_shards"], shards["total"]):
            raise Unavailable(AWAY)

    def swap(self, name: str, patience: float) -> None:
        """Restore the replicas, wait for them up to `patience` seconds, and move the alias in one step."""
        alias = self.opened(name)
        self._cluster.ask(
            lambda client: client.indices.put_settings(
                index=alias, settings={"index.number_of_replicas": self._settings.replicas}
            ),
            ADMINISTRATION,
        )
        self._wait(alias, patience)
        actions: list[dict[str, Any]] = [
            {"remove": {"index": f"{self._prefix}-*", "alias": self.live_alias, "must_exist": False}},
            {"add": {"index": f"{self._prefix}-{name}", "alias": self.live_alias}},
        ]
        self._cluster.ask(lambda client: client.indices.update_aliases(actions=actions), ADMINISTRATION)
        self.distrust()

    def _wait(self, alias: str, patience: float) -> None:
        """For the copies that there are nodes for. Goes on without copies in the end, never without the shards."""
        ends = time.monotonic() + patience
        shards = self._shards(alias)
        while True:
            health = self._cluster.ask(lambda client: client.cluster.health(index=alias))
            copies = 1 + min(self._settings.replicas, max(0, health["number_of_data_nodes"] - 1))
            if health["active_shards"] >= shards * copies:
                return
            if time.monotonic() >= ends:
                if health["active_primary_shards"] >= shards:
                    return
                raise Unavailable(AWAY)
            time.sleep(_POLL)

    def _shards(self, alias: str) -> int:
        """What the index was made with; the settings of today may say otherwise."""
        answer = self._cluster.ask(lambda client: client.indices.get_settings(index=alias, flat_settings=True))
        return sum(int(found["settings"]["index.number_of_shards"]) for found in answer.values())
