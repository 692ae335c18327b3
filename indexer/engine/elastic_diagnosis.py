"""What an operator should know of an Elasticsearch cluster, and what to do about it: versions, health, room, safety."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from elasticsearch import Elasticsearch

from indexer.engine.elastic_cluster import Cluster
from indexer.engine.elastic_disks import judge_disk, watermarks_of
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.protocol import EngineError, Finding

MAJOR = 9
"""The version of Elasticsearch that the client and the mapping are made for."""

CLOCK_SECONDS = 5.0
FULL_HEAP = 90
"""Percent, right now: a healthy node goes up to 75 and comes down again."""

COMMON_PASSWORDS = frozenset(("changeme", "elastic", "password", "postgres", "tongcang", "123456", "admin", "secret"))
"""Of servers; whoever finds one on the network tries these first."""

Node = Mapping[str, Any]


def diagnose(cluster: Cluster, settings: ElasticSettings) -> list[Finding]:
    """Never raises: what can't be had is a finding."""
    findings = list(judge_connection(settings))
    checks: tuple[Callable[[Cluster, ElasticSettings], Iterator[Finding]], ...] = (_versions, _health, _nodes, _blocks)
    for check in checks:
        try:
            findings += check(cluster, settings)
        except EngineError as error:
            findings.append(Finding("Elasticsearch", "failed", str(error)))
            break
    return findings


# ---------------------------------------------------------------------------------------------- connection


def judge_connection(settings: ElasticSettings) -> Iterator[Finding]:
    """By the settings alone: who may listen, and who may come in."""
    open_ = [url for url in settings.urls if not url.startswith("https:") and not _is_local(url)]
    if open_:
        yield Finding(
            "connection",
            "warning",
            f"{_hosts(open_)}: what is searched, and the key or password, go over the network in the clear. "
            "Switch on TLS in Elasticsearch and write https:// in elastic_urls.",
        )
    elif not settings.verify and any(url.startswith("https:") for url in settings.urls):
        yield Finding(
            "connection",
            "warning",
            "The cluster's certificate is not verified (elastic_verify is false): anybody on the network may "
            "pretend to be it and read the key. Name the file of its certificate authority in elastic_ca, and set "
            "elastic_verify to true.",
        )
    else:
        how = "the certificate is verified" if settings.urls[0].startswith("https:") else "this machine only"
        yield Finding("connection", "ok", f"{_hosts(settings.urls)}: {how}")
    if settings.password.lower() in COMMON_PASSWORDS:
        yield Finding("login", "warning", f"The password of {settings.user} is one that everybody tries. Change it.")
    elif not settings.api_key and not settings.user and not all(_is_local(url) for url in settings.urls):
        yield Finding("login", "warning", "Elasticsearch asks for no login: whoever reaches it may delete the index.")


def _hosts(urls: tuple[str, ...] | list[str]) -> str:
    """Without a password that may stand in them."""
    return ", ".join(f"{urlsplit(url).scheme}://{urlsplit(url).netloc.rpartition('@')[2]}" for url in urls)


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# ---------------------------------------------------------------------------------------------- the cluster


def _ask(cluster: Cluster, path: str, *filters: str, **parameters: str) -> Any:
    def ask(client: Elasticsearch) -> Any:
        query = {**parameters, "filter_path": ",".join((*filters, "error", "status"))}
        return client.perform_request("GET", path, params=query, headers={"Accept": "application/json"}).body

    return cluster.ask(ask)


def _versions(cluster: Cluster, settings: ElasticSettings) -> Iterator[Finding]:
    nodes = _ask(cluster, "/_nodes", "nodes.*.version", "nodes.*.name").get("nodes", {})
    versions = sorted({node["version"] for node in nodes.values()})
    if not all(version.split(".")[0] == str(MAJOR) for version in versions):
        yield Finding(
            "Elasticsearch",
            "failed",
            f"The cluster runs {', '.join(versions)}; Tongcang is made for {MAJOR}. Use that version.",
        )
    elif len(versions) > 1:
        yield Finding(
            "Elasticsearch",
            "warning",
            f"Nodes of several versions: {', '.join(versions)}. Finish the upgrade: no copy goes from newer to older.",
        )
    else:
        yield Finding("Elasticsearch", "ok", f"{versions[0]}, {len(nodes)} node{'s' if len(nodes) > 1 else ''}")


def _health(cluster: Cluster, settings: ElasticSettings) -> Iterator[Finding]:
    health: Any = cluster.ask(
        lambda client: client.cluster.health(index=f"{settings.prefix}~*", expand_wildcards="all")
    )
    status = health["status"]
    missing = health["unassigned_shards"] + health["initializing_shards"]
    if status == "red":
        yield Finding(
            "cluster",
            "failed",
            f"red: {health['unassigned_primary_shards']} shards of the index are nowhere: part of the catalogue can't "
            f"be searched. Start the nodes that are missing{_why(cluster)}. If their disks are lost, run: tongcang "
            "index rebuild",
        )
    elif status == "yellow" and health["number_of_data_nodes"] <= settings.replicas:
        yield Finding(
            "cluster",
            "warning",
            f"yellow: {missing} copies have no place: that takes {settings.replicas + 1} nodes, and there are "
            f"{health['number_of_data_nodes']}. Add nodes, or set elastic_replicas to 0 and bear that a lost disk "
            "means a rebuild.",
        )
    elif status == "yellow":
        yield Finding(
            "cluster",
            "warning",
            f"yellow: {missing} copies are missing or being made; everything can be searched, but a node less might "
            f"change that. Wait, or start the nodes that are missing{_why(cluster)}.",
        )
    else:
        yield Finding("cluster", "ok", f"green, {health['active_shards']} shards")


def _why(cluster: Cluster) -> str:
    """Elasticsearch's own words on the first shard that has no place; "" where it has none."""
    try:
        told = _ask(
            cluster, "/_cluster/allocation/explain", "index", "shard", "unassigned_info.reason", "allocate_explanation"
        )
    except EngineError:
        return ""
    reason = told.get("allocate_explanation") or told.get("unassigned_info", {}).get("reason", "")
    return f" ({told.get('index')}, shard {told.get('shard')}: {reason})" if reason else ""


# ---------------------------------------------------------------------------------------------- the nodes


def _nodes(cluster: Cluster, settings: ElasticSettings) -> Iterator[Finding]:
    asked = time.time()
    stats = _ask(
        cluster,
        "/_nodes/stats/fs,jvm",
        *(f"nodes.*.{name}" for name in ("name", "timestamp", "roles", "fs.total", "jvm.mem")),
    )
    answered = time.time()
    watermarks = watermarks_of(
        _ask(
            cluster,
            "/_cluster/settings",
            "*.cluster.routing.allocation.disk.watermark",
            include_defaults="true",
            flat_settings="false",
        )
    )
    for node in stats.get("nodes", {}).values():
        if any(role.startswith("data") for role in node.get("roles", ("data",))):
            yield judge_disk(node, watermarks)
        used = node["jvm"]["mem"]["heap_used_percent"]
        if used >= FULL_HEAP:
            yield Finding(
                f"memory of {node['name']}",
                "warning",
                f"{used} % of the heap are in use. If it stays so, give the node more (ES_JAVA_OPTS=-Xms4g -Xmx4g, at "
                "most half of the machine's memory).",
            )
        yield from _clock(node, asked, answered)


def _clock(node: Node, asked: float, answered: float) -> Iterator[Finding]:
    """The node looked at its clock between the question and the answer."""
    told = node["timestamp"] / 1000
    off = told - answered if told > answered else min(0.0, told - asked)
    if abs(off) > CLOCK_SECONDS:
        yield Finding(
            f"clock of {node['name']}",
            "warning",
            f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} this machine's. Set both by NTP.",
        )


def _blocks(cluster: Cluster, settings: ElasticSettings) -> Iterator[Finding]:
    told: Any = cluster.ask(
        lambda client: client.indices.get_settings(
            index=f"{settings.prefix}~*", name="index.blocks.*", flat_settings=True, expand_wildcards="all"
        )
    )
    for index, found in sorted(told.items()):
        blocks = [name.removeprefix("index.blocks.") for name, value in found["settings"].items() if value == "true"]
        if blocks:
            yield Finding(
                index,
                "failed",
                f"The index refuses to be written ({', '.join(blocks)}). After a full disk Elasticsearch takes the "
                "block away by itself when there is room again; one that a person has set must be taken away by hand.",
            )
