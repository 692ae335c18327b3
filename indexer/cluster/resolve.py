"""From accepted pairs to clusters, whatever the order in which the pairs came.

The partition is a function of nodes, pairs and judgements alone: the pairs of a connected component are sorted (by
judgement, score, ids) and joined from nothing. Two clusters join only if no pair of members across them is in conflict,
so a record without volume number can't bridge volumes 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import Struct

Pair = tuple[int, int]  # node ids, the smaller first


class Accepted(Struct, frozen=True, gc=False, order=True):
    """An accepted pair; sorts in the order in which pairs are joined."""

    rank: int  # −score
    a: int
    b: int


def ordered(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)


def components(nodes: Iterable[int], pairs: Iterable[Pair]) -> list[list[int]]:
    """Connected components, each sorted, in the order of their smallest node."""
    parent = {node: node for node in nodes}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for a, b in pairs:
        x, y = root(a), root(b)
        if x != y:
            parent[max(x, y)] = min(x, y)
    found: dict[int, list[int]] = {}
    for node in sorted(parent):
        found.setdefault(root(node), []).append(node)
    return list(found.values())


def resolve(
    nodes: Collection[int],
    accepted: Mapping[Pair, int],
    conflict: Callable[[int, int], bool],
    must: Collection[Pair] = (),
    cannot: Collection[Pair] = (),
) -> list[list[int]]:
    """The clusters of one component: sorted lists of nodes, in the order of their smallest node.

    `accepted` holds the score of each accepted pair; `conflict` is asked only of pairs that were not accepted. A
    must-link overrides conflicts, a cannot-link everything. Nodes that must-links joined count as one from then on:
    such a bundle is in conflict with another unless some pair across was accepted.
    """
    if len(nodes) == 2 and not cannot:
        return [sorted(nodes)]
    bundles = _bundles(nodes, must, cannot)
    if len(bundles) == 1:
        return bundles
    number = {node: n for n, bundle in enumerate(bundles) for node in bundle}
    clusters = {n: [n] for n in range(len(bundles))}
    where = list(range(len(bundles)))
    near = {ordered(number[a], number[b]) for a, b in accepted}
    forbidden = {ordered(number[a], number[b]) for a, b in cannot}
    memo: dict[Pair, bool] = {}

    def apart(m: int, n: int) -> bool:
        pair = ordered(m, n)
        if pair not in memo:
            memo[pair] = pair in forbidden or (
                pair not in near and any(conflict(a, b) for a in bundles[m] for b in bundles[n])
            )
        return memo[pair]

    for pair in sorted(Accepted(-score, a, b) for (a, b), score in accepted.items()):
        x, y = where[number[pair.a]], where[number[pair.b]]
        if x == y or any(apart(m, n) for m in clusters[x] for n in clusters[y]):
            continue
        for n in clusters[y]:
            where[n] = x
        clusters[x] += clusters.pop(y)
    return sorted(sorted(node for n in cluster for node in bundles[n]) for cluster in clusters.values())


def _bundles(nodes: Collection[int], must: Collection[Pair], cannot: Collection[Pair]) -> list[list[int]]:
    """Nodes that people joined; a must-link that contradicts a cannot-link is passed over, the smaller ids first."""
    if not must:
        return [[node] for node in sorted(nodes)]
    where = {node: node for node in nodes}
    bundles = {node: [node] for node in nodes}
    forbidden = set(cannot)
    for a, b in sorted(must):
        x, y = where[a], where[b]
        if x == y or any(ordered(m, n) in forbidden for m in bundles[x] for n in bundles[y]):
            continue
        for n in bundles[y]:
            where[n] = x
        bundles[x] += bundles.pop(y)
    return sorted(sorted(bundle) for bundle in bundles.values())
