"""Which node each record of a batch belongs to, and what that does to the nodes.

Records of equal signature are one node (copy cataloguing), if such a record would be accepted against its own twin; a
record that says too little for that, and one that a person has judged, is a node of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from indexer.cluster.features import Features, unpack_features
from indexer.cluster.keys import hash63
from indexer.cluster.score import DIFFERENT, SAME, compare
from store import clusters
from store.clusters import Member, Node
from store.database import Unit
from store.records import BibRow


class Placed(Struct):
    """What a batch did to members and nodes."""

    added: dict[int, Features]  # new nodes
    blobs: dict[int, bytes]  # their packed features
    removed: dict[int, Node]  # nodes whose last record has left
    own: dict[int, int]  # the least own of each node where it is another than before
    restated: set[int]  # other nodes whose records changed: their clusters stay, their union records may not
    entering: dict[int, Member]  # by record id
    leaving: dict[int, Member]
    known: dict[int, Node]  # nodes as they were before


def place(unit: Unit, rows: Sequence[BibRow], judged: Collection[int]) -> Placed:
    """Put the records into their nodes, and write who is where. `judged` are ids of records under a judgement."""
    before = clusters.members(unit, [row.record_id for row in rows])
    new = [row.record_id for row in rows if not row.deleted and row.record_id not in before]
    names = clusters.names_of(unit, new)
    shared = {row.record_id: _shared_node(row.signature) for row in rows if not row.deleted}
    known = clusters.nodes(unit, {*shared.values(), *(member.node for member in before.values())})
    placed = Placed({}, {}, {}, {}, set(), {}, {}, known)
    read: dict[bytes, Features] = {}
    for row in rows:
        old = before.get(row.record_id)
        if row.deleted:
            if old:
                placed.leaving[row.record_id] = old
            continue
        own = old.own if old else hash63("\n".join(names[row.record_id]))
        node = shared[row.record_id]
        if row.record_id in judged or (node not in known and not _collapses(row, read)):
            node = hash63(f"{row.signature.hex()} {own}")
        if old and old.node == node:
            placed.restated.add(node)
            continue
        if old:
            placed.leaving[row.record_id] = old
        placed.entering[row.record_id] = Member(row.record_id, node, own)
        placed.blobs[node] = row.features
    _settle(unit, placed, read)
    return placed


def _settle(unit: Unit, placed: Placed, read: dict[bytes, Features]) -> None:
    """Write members; find which nodes are new, which are empty now, and whose least own is another."""
    clusters.drop_members(unit, placed.leaving)
    clusters.add_members(unit, placed.entering.values())
    unknown = {member.node for member in placed.entering.values()} - placed.known.keys()
    placed.known |= clusters.nodes(unit, unknown)  # nodes of one record: theirs are not the shared ids
    lost = {member.node for member in placed.leaving.values()}
    for member in clusters.members_of_nodes(unit, lost):
        placed.own[member.node] = min(member.own, placed.own.get(member.node, member.own))
    placed.removed = {node: placed.known[node] for node in lost - placed.own.keys()}
    for member in placed.entering.values():
        node = placed.known.get(member.node)
        least = placed.own.get(member.node, node.own if node and member.node not in lost else member.own)
        placed.own[member.node] = min(member.own, least)
        if node is None and member.node not in placed.added:
            placed.added[member.node] = _read(placed.blobs[member.node], read)
    settled = {of for of, own in placed.own.items() if of in placed.known and placed.known[of].own == own}
    for of in settled:  # one copy more, or one less, of what stays where it is
        del placed.own[of]
    placed.restated |= settled


def matchable(nodes: dict[int, Features]) -> dict[int, Features]:
    """Those that could reach the queue with anybody; the others need no blocks."""
    return {node: features for node, features in nodes.items() if compare(features, features).decision != DIFFERENT}


def _shared_node(signature: bytes) -> int:
    return int.from_bytes(signature[:8], "big") >> 1


def _collapses(row: BibRow, read: dict[bytes, Features]) -> bool:
    features = _read(row.features, read)
    return compare(features, features).decision == SAME


def _read(blob: bytes, read: dict[bytes, Features]) -> Features:
    features = read.get(blob)
    if features is None:
        features = read[blob] = unpack_features(blob)
    return features
