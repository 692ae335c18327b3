"""The cluster stage: from changed normal records and judgements to clusters with their union keys.

A batch and its watermarks are one transaction. The clusters after any sequence of batches are a function of the records
and judgements that there are: nodes, blocks and pairs are, and every touched component is resolved from nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import Struct

from indexer.cluster.assigning import Assignment, assign, retire, write_clusters
from indexer.cluster.blocks import LIMIT, Blocks
from indexer.cluster.features import FEATURES_VERSION, Features, unpack_features
from indexer.cluster.placing import Placed, matchable, place
from indexer.cluster.resolve import Pair, components, ordered, resolve
from indexer.cluster.score import DIFFERENT, RULES, SAME, compare, conflict
from indexer.cluster.uniting import UnionCounts, build_unions, published
from store import clusters, judgements
from store.clusters import Edge, Node
from store.database import Database, Unit
from store.judgements import Link
from store.progress import get_watermark, require_version, set_watermark
from store.records import bibs, changed_bibs

__all__ = ["ClusterCounts", "UnionCounts", "build_unions", "cluster_changes"]

STAGE = "cluster"
JUDGED = "cluster:judgements"
BATCH = 10_000
"""Records in a transaction: its commit costs some 0.1 s, whatever is in it (measured)."""


class ClusterCounts(Struct):
    records: int = 0  # changed records that were read
    nodes: int = 0  # new nodes: records that were compared
    pairs: int = 0  # comparisons
    accepted: int = 0
    review: int = 0
    vetoed: int = 0
    splits: int = 0  # blocks that went past the limit
    clusters: int = 0  # clusters that changed


def cluster_changes(
    database: Database, *, batch: int = BATCH, limit: int = LIMIT, progress: Callable[[int], None] | None = None
) -> ClusterCounts:
    """Bring the clusters up to date with the normal records. `limit`: nodes in a block; the same at every call.

    `progress` is told how many records were read so far. Under other rules than before, everything is made anew.
    """
    counts = ClusterCounts()
    with database.write() as unit:
        if require_version(unit, STAGE, f"{RULES}.{FEATURES_VERSION}.{limit}"):
            clusters.reset(unit)
    while True:
        with database.write() as unit:
            read, left = _batch(unit, batch, limit, counts)
        if read and progress is not None:
            progress(counts.records)
        if not left:
            return counts


def _batch(unit: Unit, size: int, limit: int, counts: ClusterCounts) -> tuple[int, bool]:
    """One batch. Returns how many records were read, and whether there may be more."""
    rows = changed_bibs(unit, get_watermark(unit, STAGE), size)
    judged_to, restated = judgements.changed_judgements(unit, get_watermark(unit, JUDGED))
    if not rows and not restated:
        return 0, False
    read = {row.record_id: row for row in rows}
    entering = [*rows, *bibs(unit, [record_id for record_id in restated if record_id not in read])]
    links = judgements.links(unit)
    placed = place(unit, entering, {of for link in links for of in (link.a, link.b)})
    linked = _linked(unit, links, {row.record_id for row in entering})
    _resolve_batch(unit, placed, linked, limit, counts)
    if rows:
        set_watermark(unit, STAGE, rows[-1].seq)
    if restated:
        set_watermark(unit, JUDGED, judged_to)
    counts.records += len(rows)
    counts.nodes += len(placed.added)
    return len(rows), len(rows) == size


class _Linked(Struct):
    """What people decided, between nodes."""

    must: set[Pair]
    cannot: set[Pair]
    beside: set[int]  # nodes of records that share a judgement with a record of the batch


def _linked(unit: Unit, links: list[Link], batch: Collection[int]) -> _Linked:
    where = clusters.members(unit, {of for link in links for of in (link.a, link.b)})
    linked = _Linked(set(), set(), set())
    for link in links:
        a, b = where.get(link.a), where.get(link.b)
        if a and b:
            (linked.must if link.same else linked.cannot).add(ordered(a.node, b.node))
        if link.a in batch or link.b in batch:
            linked.beside |= {member.node for member in (a, b) if member}
    return linked


def _resolve_batch(unit: Unit, placed: Placed, linked: _Linked, limit: int, counts: ClusterCounts) -> None:
    known: dict[int, Features] = dict(placed.added)
    dirty, candidates, start = _block(unit, placed, known, limit, counts)
    fresh = _compare(unit, candidates, known, counts)
    start |= dirty | (placed.own.keys() - placed.removed.keys()) | linked.beside
    pairs, nodes = _reach(unit, start, fresh, dirty, linked.must)
    before = placed.known | clusters.nodes(unit, nodes - placed.known.keys() - placed.added.keys())
    groups = _groups(nodes, pairs, before, known, linked)
    own = {node: placed.own.get(node, before[node].own if node in before else 0) for node in nodes}
    old = {node: before[node].cluster for node in {*nodes, *placed.removed} if node in before}
    assignment = assign(unit, groups, own, old)
    _write(unit, placed, assignment, before, own, counts)


def _block(
    unit: Unit, placed: Placed, known: dict[int, Features], limit: int, counts: ClusterCounts
) -> tuple[set[int], set[Pair], set[int]]:
    """Keys and pairs that are no more are gone. Returns the nodes to compare anew, the pairs to compare, and the nodes
    whose neighbours have changed."""
    removed = {node: unpack_features(row.features) for node, row in placed.removed.items()}
    blocks = Blocks(unit, limit)
    keyed = matchable(placed.added)
    crossed = blocks.change(keyed, matchable(removed)) - removed.keys() - placed.added.keys()
    counts.splits += blocks.splits
    stale = {*removed, *crossed}
    neighbours: set[int] = set()
    if stale:
        edges = clusters.edges_of(unit, stale, SAME)
        neighbours = {node for edge in edges for node in (edge.a, edge.b)} - removed.keys()
        clusters.drop_edges_of(unit, stale)
        clusters.drop_nodes(unit, removed)
        again = {node: unpack_features(row.features) for node, row in clusters.nodes(unit, crossed).items()}
        known |= again
        keyed |= again
    return crossed | placed.added.keys(), blocks.pairs(keyed), neighbours


def _compare(unit: Unit, candidates: set[Pair], known: dict[int, Features], counts: ClusterCounts) -> dict[Pair, int]:
    """Compare the pairs, and write what is more than different. Returns the accepted ones with their scores."""
    missing = {node for pair in candidates for node in pair} - known.keys()
    known |= {node: unpack_features(row.features) for node, row in clusters.nodes(unit, missing).items()}
    accepted: dict[Pair, int] = {}
    edges = []
    for pair in candidates:
        verdict = compare(known[pair[0]], known[pair[1]])
        if verdict.decision == DIFFERENT:
            counts.vetoed += bool(verdict.veto)
            continue
        edges.append(Edge(pair[0], pair[1], verdict.score, verdict.decision, RULES))
        if verdict.decision == SAME:
            accepted[pair] = verdict.score
    clusters.add_edges(unit, edges)
    counts.pairs += len(candidates)
    counts.accepted += len(accepted)
    counts.review += len(edges) - len(accepted)
    return accepted


def _reach(
    unit: Unit, start: set[int], fresh: Mapping[Pair, int], dirty: set[int], must: Iterable[Pair]
) -> tuple[dict[Pair, int], set[int]]:
    """(accepted pairs, nodes) of all components that a start node is in. `fresh` holds every pair of a dirty node."""
    pairs = dict(fresh)
    near: dict[int, set[int]] = {}

    def note(pair: Pair) -> None:
        near.setdefault(pair[0], set()).add(pair[1])
        near.setdefault(pair[1], set()).add(pair[0])

    for pair in (*fresh, *must):
        note(pair)
    nodes: set[int] = set()
    frontier = set(start)
    while frontier:
        for edge in clusters.edges_of(unit, frontier - dirty, SAME):
            pairs[edge.a, edge.b] = edge.score
            note((edge.a, edge.b))
        nodes |= frontier
        frontier = {other for node in frontier for other in near.get(node, ())} - nodes
    return pairs, nodes


def _groups(
    nodes: set[int],
    pairs: Mapping[Pair, int],
    rows: Mapping[int, Node],
    known: dict[int, Features],
    linked: _Linked,
) -> list[list[int]]:
    """The clusters of all components."""

    def features(node: int) -> Features:
        if node not in known:
            known[node] = unpack_features(rows[node].features)
        return known[node]

    def conflicting(a: int, b: int) -> bool:
        return bool(conflict(features(a), features(b)))

    must = {pair for pair in linked.must if pair[0] in nodes and pair[1] in nodes}
    found: list[list[int]] = []
    whole = components(nodes, (*pairs, *must))
    number = {node: n for n, component in enumerate(whole) for node in component}
    inside: list[dict[Pair, int]] = [{} for _ in whole]
    for pair, score in pairs.items():
        inside[number[pair[0]]][pair] = score
    for component, its_pairs in zip(whole, inside, strict=True):
        if len(component) == 1:
            found.append(component)
            continue
        members = set(component)
        its_must = {pair for pair in must if pair[0] in members} if must else ()
        its_cannot = {pair for pair in linked.cannot if pair[0] in members and pair[1] in members}
        found += resolve(component, its_pairs, conflicting, its_must, its_cannot)
    return found


def _write(
    unit: Unit,
    placed: Placed,
    assignment: Assignment,
    before: Mapping[int, Node],
    own: Mapping[int, int],
    counts: ClusterCounts,
) -> None:
    """Nodes, clusters and retired keys as they are now."""
    new, moved, touched = [], [], set(assignment.vacated)
    for node, key in assignment.keys.items():
        old = before.get(node)
        if old is None:
            new.append(Node(node, key, own[node], placed.blobs[node]))
            touched.add(key)
        elif (old.cluster, old.own) != (key, own[node]):
            moved.append((node, key, own[node]))
            touched |= {old.cluster, key}
        elif node in placed.own:
            touched.add(key)
    touched |= {row.cluster for row in placed.removed.values()}
    touched |= {assignment.keys.get(node, before[node].cluster) for node in placed.restated if node in before}
    clusters.add_nodes(unit, new)
    clusters.move_nodes(unit, moved)
    seen = published(unit)
    counts.clusters += write_clusters(unit, assignment, touched, seen)
    retire(unit, assignment, seen, before, placed.entering, placed.leaving)
