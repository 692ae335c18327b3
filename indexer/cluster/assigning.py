"""Union keys of clusters: 40 bits of a hash of the least member, so that a rebuild gives the same.

A key that is no longer any cluster's, and that somebody may have seen, is retired: it leads to the record that it was
made of, wherever that is now; where that record is gone, to the least of those that stood with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from store import clusters
from store.clusters import Cluster, Member, Node
from store.database import Unit
from store.progress import take_numbers

KEYS = 2**40


def key_of(own: int) -> int:
    """The key that a member's hash of 63 bits asks for."""
    return own >> 23


class Assignment(Struct):
    """The keys of all clusters that a batch resolved."""

    keys: dict[int, int]  # node → key
    own: dict[int, int]  # key → the least own of its members
    vacated: set[int]  # keys that were some cluster's and are none's now
    rows: dict[int, Cluster]  # as the store has them


def assign(
    unit: Unit, groups: Sequence[Sequence[int]], own: Mapping[int, int], before: Mapping[int, int]
) -> Assignment:
    """A key for each group. `own` of every node; `before`: the old key of each node that had one, also of those gone.

    Where two clusters ask for one key, the one that has it keeps it; the other takes the next that is free.
    """
    old = set(before.values())
    least = {min(own[node] for node in group): group for group in groups}
    rows = clusters.clusters(unit, old | {key_of(value) for value in least})
    assigned: dict[int, int] = {}  # key → least own
    asking = []
    for value in sorted(least):
        holder = next(node for node in least[value] if own[node] == value)
        key = before.get(holder)
        if key is not None and key in rows and rows[key].live and rows[key].own == value:
            assigned[key] = value
        else:
            asking.append(value)
    for value in asking:
        key = key_of(value)
        while key in assigned or (key in rows and rows[key].live and key not in old):
            key = (key + 1) % KEYS
            rows |= clusters.clusters(unit, [key])
        assigned[key] = value
    keys = {node: key for key, value in assigned.items() for node in least[value]}
    return Assignment(keys, assigned, old - assigned.keys(), rows)


def write_clusters(unit: Unit, assignment: Assignment, touched: set[int], published: int) -> int:
    """Give every touched cluster its new number. `published`: how far the union stage has come. Returns how many."""
    rows = assignment.rows | clusters.clusters(unit, touched - assignment.rows.keys())
    unseen = {key for key in assignment.vacated if rows[key].born > published}
    clusters.drop_clusters(unit, unseen)
    changed = sorted(touched - unseen)
    new, known = [], []
    for key, seq in zip(changed, take_numbers(unit, "cluster", len(changed)), strict=True):
        row = rows.get(key)
        live = key not in assignment.vacated
        if row is None:
            new.append(Cluster(key, assignment.own[key], seq, seq, live))
        else:
            known.append(Cluster(key, assignment.own.get(key, row.own), seq, row.born, live))
    clusters.put_clusters(unit, new, known)
    if clusters.has_retired(unit):
        clusters.unretire_keys(unit, {key for key in changed if key not in assignment.vacated})
    return len(changed)


def retire(
    unit: Unit,
    assignment: Assignment,
    published: int,
    nodes: Mapping[int, Node],
    entering: Mapping[int, Member],
    leaving: Mapping[int, Member],
) -> None:
    """Let vacated keys, and keys that led to a record that is gone, lead to where their readers want to be.

    `nodes`: all nodes of the old clusters, as they were before; `entering` and `leaving` members by record id.
    """
    gone = {record_id: member for record_id, member in leaving.items() if record_id not in entering}
    orphans: list[tuple[int, int]] = []
    if gone and clusters.has_retired(unit):
        orphans = clusters.retired_by(unit, gone)
    retiring = {key for key in assignment.vacated if assignment.rows[key].born <= published}
    wanted = retiring | {nodes[gone[record_id].node].cluster for _, record_id in orphans}
    if not wanted:
        return
    once = _records_before(unit, wanted, nodes, entering, leaving)
    targets: dict[int, int] = {}
    for key in retiring:
        owner = next((m for m in once[key] if m.own == assignment.rows[key].own), None)
        heirs = [m for m in once[key] if m.record_id not in gone]
        if owner is not None and owner.record_id not in gone:
            targets[key] = owner.record_id
        elif heirs:
            targets[key] = min(heirs, key=lambda m: m.own).record_id
        elif once[key]:
            targets[key] = (owner or once[key][0]).record_id
    for key, record_id in orphans:
        heirs = [m for m in once[nodes[gone[record_id].node].cluster] if m.record_id not in gone]
        if heirs:
            targets[key] = min(heirs, key=lambda m: m.own).record_id
    clusters.retire_keys(unit, targets)


def _records_before(
    unit: Unit,
    keys: set[int],
    nodes: Mapping[int, Node],
    entering: Mapping[int, Member],
    leaving: Mapping[int, Member],
) -> dict[int, list[Member]]:
    """Key → the records that stood under it before the batch."""
    inside = {node.node for node in nodes.values() if node.cluster in keys}
    found: dict[int, list[Member]] = {key: [] for key in keys}
    for member in clusters.members_of_nodes(unit, inside):
        if member.record_id not in entering:
            found[nodes[member.node].cluster].append(member)
    for member in leaving.values():
        if member.node in inside:
            found[nodes[member.node].cluster].append(member)
    return found
