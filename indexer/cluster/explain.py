"""Why the source records of a union record stand together: every pair, recomputed by the rules in force."""

from __future__ import annotations

from itertools import combinations

from msgspec import Struct

from indexer.cluster.features import unpack_features
from indexer.cluster.resolve import ordered
from indexer.cluster.score import RULES, SAME, Evidence, Verdict, compare, explain
from store import clusters, judgements, unions
from store.database import Database
from store.unions import UnionMember

MOST_PAIRS = 200
"""A hundred copies make 4,950 pairs; nobody reads them all."""


class PairExplanation(Struct, frozen=True):
    """What speaks for and against two source records being of one publication."""

    a: UnionMember
    b: UnionMember
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    stored: tuple[int, int, int] | None  # score, verdict, rules of the stored edge; None = never accepted
    judged: bool | None  # what a person decided
    rules: int = RULES


def why(database: Database, key: int) -> list[PairExplanation]:
    """Every pair of its source records, the strongest first; [] where there is no such cluster, or only one record.

    Copies whose compared elements are all equal are one node: of those, one pair stands for all.
    """
    with database.read() as unit:
        members = unions.members_of(unit, key)
        nodes = clusters.nodes(unit, {member.node for member in members})
        edges = {(edge.a, edge.b): edge for edge in clusters.edges_of(unit, nodes, SAME)}
        links = {ordered(link.a, link.b): link.same for link in judgements.links(unit)}
    features = {node: unpack_features(row.features) for node, row in nodes.items()}
    found = []
    seen: set[tuple[int, int]] = set()
    for a, b in combinations(members, 2):
        pair = ordered(a.node, b.node)
        judged = links.get(ordered(a.record_id, b.record_id))
        if pair in seen and judged is None:
            continue
        seen.add(pair)
        edge = edges.get(pair)
        stored = (edge.score, edge.verdict, edge.rules) if edge else None
        x, y = features[a.node], features[b.node]
        found.append(PairExplanation(a, b, compare(x, y), explain(x, y), stored, judged))
    found.sort(key=lambda each: -each.verdict.score)
    return found[:MOST_PAIRS]
