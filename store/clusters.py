"""Clusters of source records: nodes, what proposes pairs, accepted pairs, and the keys of union records.

A node stands for all source records whose features are equal (copy cataloguing), or for one record. Node ids, like the
hash `own` of a record's source and identifier, are made of content, so they are the same after every rebuild.
What people decided stands in store/judgements.py, outside of all this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    bindparam,
    column,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
    values,
)

from store.bulk import insert_rows
from store.columns import Id
from store.database import Unit, metadata
from store.libraries import source
from store.progress import take_numbers
from store.records import chunks, raw_record
from store.spans import Span, cut

cluster_member = Table(
    "cluster_member",
    metadata,
    Column("record_id", Id, primary_key=True, autoincrement=False),
    Column("node", BigInteger, nullable=False, index=True),
    Column("own", BigInteger, nullable=False),  # 63 bits of hash over source slug and identifier
)

cluster_node = Table(
    "cluster_node",
    metadata,
    Column("node", Id, primary_key=True, autoincrement=False),
    Column("cluster", BigInteger, nullable=False, index=True),  # union key
    Column("own", BigInteger, nullable=False),  # the least of its members'
    Column("features", LargeBinary, nullable=False),
)

match_key = Table(
    "match_key",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("split", BigInteger, primary_key=True, autoincrement=False),  # second key, for blocks above the limit
    Column("node", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

match_split = Table(  # keys whose block is above the limit: only records of equal second key meet there
    "match_split",
    metadata,
    Column("key", Id, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False),  # nodes in the block
)

cluster_edge = Table(
    "cluster_edge",
    metadata,
    Column("a", BigInteger, primary_key=True, autoincrement=False),
    Column("b", BigInteger, primary_key=True, autoincrement=False),  # a < b
    Column("score", SmallInteger, nullable=False),
    Column("verdict", SmallInteger, nullable=False),  # 2 same, 1 for review
    Column("rules", SmallInteger, nullable=False),  # version of the rules that gave it
    Index("ix_cluster_edge_b", "b"),
    sqlite_with_rowid=False,
)

cluster = Table(
    "cluster",
    metadata,
    Column("key", Id, primary_key=True, autoincrement=False),  # union key, 40 bits
    Column("own", BigInteger, nullable=False),  # the least of its records': what the key is made of
    Column("seq", BigInteger, nullable=False, unique=True),
    Column("born", BigInteger, nullable=False),  # its first seq: behind the union stage's watermark, nobody has seen it
    Column("live", Boolean, nullable=False),
)

retired_key = Table(
    "retired_key",
    metadata,
    Column("key", Id, primary_key=True, autoincrement=False),
    # The record that the key was made of: the key leads to wherever that record is now, so there are no chains.
    Column("record_id", BigInteger, nullable=False, index=True),
)


class Member(Struct, frozen=True):
    """A source record in its node."""

    record_id: int
    node: int
    own: int


class Node(Struct, frozen=True):
    node: int
    cluster: int
    own: int
    features: bytes


class Edge(Struct, frozen=True):
    """A pair of nodes (a < b) that was accepted or put up for review."""

    a: int
    b: int
    score: int
    verdict: int
    rules: int


class Cluster(Struct, frozen=True):
    key: int
    own: int
    seq: int
    born: int
    live: bool


def _in_chunks(unit: Unit, query: Select[Any], of: Any, ids: Collection[int]) -> Iterable[Any]:
    """Rows of the query where the column has one of the ids, which are sorted so that pages are read in order.

    The ids stand in the statement as digits: as parameters each costs 1.5 µs, a tenth of the whole stage (measured).
    """
    for some in chunks(sorted(ids), 2000):
        digits: ColumnElement[Any] = literal_column(",".join(f"{each:d}" for each in some))
        yield from unit.execute(query.where(of.in_([digits])), execution_options={"compiled_cache": None}).all()


# ---------------------------------------------------------------------------------------------- members and nodes


def names_of(unit: Unit, record_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """(slug of the source, identifier) by record id."""
    c = raw_record.c
    query = select(c.id, source.c.slug, c.identifier).join(source, source.c.id == c.source_id)
    return {row[0]: (row[1], row[2]) for row in _in_chunks(unit, query, c.id, record_ids)}


def members(unit: Unit, record_ids: Collection[int]) -> dict[int, Member]:
    """By record id."""
    c = cluster_member.c
    query = select(c.record_id, c.node, c.own)
    return {row[0]: Member(*row) for row in _in_chunks(unit, query, c.record_id, record_ids)}


def members_of_nodes(unit: Unit, nodes: Collection[int]) -> list[Member]:
    c = cluster_member.c
    return [Member(*row) for row in _in_chunks(unit, select(c.record_id, c.node, c.own), c.node, nodes)]


def nodes(unit: Unit, ids: Collection[int]) -> dict[int, Node]:
    c = cluster_node.c
    query = select(c.node, c.cluster, c.own, c.features)
    return {row[0]: Node(*row) for row in _in_chunks(unit, query, c.node, ids)}


def nodes_of_clusters(unit: Unit, keys: Collection[int]) -> list[Node]:
    c = cluster_node.c
    return [Node(*row) for row in _in_chunks(unit, select(c.node, c.cluster, c.own, c.features), c.cluster, keys)]


def drop_members(unit: Unit, record_ids: Collection[int]) -> None:
    if record_ids:
        statement = delete(cluster_member).where(cluster_member.c.record_id == bindparam("of"))
        unit.execute(statement, [{"of": record_id} for record_id in record_ids])


def add_members(unit: Unit, rows: Collection[Member]) -> None:
    found = [{"record_id": m.record_id, "node": m.node, "own": m.own} for m in rows]
    insert_rows(unit, cluster_member, sorted(found, key=lambda row: row["record_id"]))


def drop_nodes(unit: Unit, ids: Collection[int]) -> None:
    if ids:
        unit.execute(delete(cluster_node).where(cluster_node.c.node == bindparam("of")), [{"of": n} for n in ids])


def add_nodes(unit: Unit, rows: Collection[Node]) -> None:
    found = [{"node": n.node, "cluster": n.cluster, "own": n.own, "features": n.features} for n in rows]
    insert_rows(unit, cluster_node, sorted(found, key=lambda row: row["node"]))


def move_nodes(unit: Unit, rows: Collection[tuple[int, int, int]]) -> None:
    """(node, cluster, own) of nodes that are there."""
    if rows:
        statement = (
            update(cluster_node)
            .where(cluster_node.c.node == bindparam("of"))
            .values(cluster=bindparam("to"), own=bindparam("least"))
        )
        unit.execute(statement, [{"of": node, "to": key, "least": own} for node, key, own in sorted(rows)])


# ---------------------------------------------------------------------------------------------- match keys


def split_sizes(unit: Unit, keys: Collection[int]) -> dict[int, int]:
    """Of those keys whose block is split: how many nodes it has."""
    c = match_split.c
    if unit.execute(select(c.key).limit(1)).first() is None:
        return {}
    return {row[0]: row[1] for row in _in_chunks(unit, select(c.key, c.size), c.key, keys)}


def set_split_sizes(unit: Unit, new: dict[int, int], changed: dict[int, int], gone: Collection[int]) -> None:
    c = match_split.c
    insert_rows(unit, match_split, [{"key": key, "size": size} for key, size in sorted(new.items())])
    if changed:
        statement = update(match_split).where(c.key == bindparam("of")).values(size=bindparam("to"))
        unit.execute(statement, [{"of": key, "to": size} for key, size in sorted(changed.items())])
    if gone:
        unit.execute(delete(match_split).where(c.key == bindparam("of")), [{"of": key} for key in sorted(gone)])


def blocks(unit: Unit, keys: Collection[int]) -> list[tuple[int, int, int]]:
    """(key, split, node) of every node that has one of the keys."""
    c = match_key.c
    return [(row[0], row[1], row[2]) for row in _in_chunks(unit, select(c.key, c.split, c.node), c.key, keys)]


def sub_blocks(unit: Unit, pairs: Collection[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(key, split, node) of every node that has one of the (key, split)."""
    c = match_key.c
    found: list[tuple[int, int, int]] = []
    for some in chunks(sorted(pairs)):
        # A join, since SQLite answers (key, split) IN (…) by reading the whole table.
        wanted = values(column("key", BigInteger), column("split", BigInteger), name="wanted").data(list(some)).cte()
        join = (c.key == wanted.c.key) & (c.split == wanted.c.split)
        rows = unit.execute(select(c.key, c.split, c.node).select_from(wanted).join(match_key, join)).all()
        found += [(row[0], row[1], row[2]) for row in rows]
    return found


def add_keys(unit: Unit, rows: Collection[tuple[int, int, int]]) -> None:
    """(key, split, node)."""
    insert_rows(unit, match_key, [{"key": k, "split": s, "node": n} for k, s, n in sorted(rows)])


def drop_keys(unit: Unit, rows: Collection[tuple[int, int, int]]) -> None:
    if rows:
        c = match_key.c
        statement = delete(match_key).where(
            c.key == bindparam("k"), c.split == bindparam("s"), c.node == bindparam("n")
        )
        unit.execute(statement, [{"k": k, "s": s, "n": n} for k, s, n in sorted(rows)])


# ---------------------------------------------------------------------------------------------- edges


def edges_of(unit: Unit, ids: Collection[int], verdict: int) -> list[Edge]:
    """Every edge of the verdict at one of the nodes, once each."""
    c = cluster_edge.c
    query = select(c.a, c.b, c.score, c.verdict, c.rules).where(c.verdict >= verdict)
    found = {(row[0], row[1]): Edge(*row) for row in _in_chunks(unit, query, c.a, ids)}
    found |= {(row[0], row[1]): Edge(*row) for row in _in_chunks(unit, query, c.b, ids)}
    return list(found.values())


def add_edges(unit: Unit, rows: Collection[Edge]) -> None:
    found = [{"a": e.a, "b": e.b, "score": e.score, "verdict": e.verdict, "rules": e.rules} for e in rows]
    insert_rows(unit, cluster_edge, sorted(found, key=lambda row: (row["a"], row["b"])))


def drop_edges_of(unit: Unit, ids: Collection[int]) -> None:
    """Every edge at one of the nodes."""
    c = cluster_edge.c
    for some in chunks(sorted(ids), 2000):
        unit.execute(delete(cluster_edge).where(or_(c.a.in_(some), c.b.in_(some))))


def review_pairs(unit: Unit, limit: int = 50) -> list[Edge]:
    """The queue for people: pairs between the thresholds that are in two clusters, the likeliest first."""
    c = cluster_edge.c
    one, other = cluster_node.alias(), cluster_node.alias()
    query = (
        select(c.a, c.b, c.score, c.verdict, c.rules)
        .join(one, one.c.node == c.a)
        .join(other, other.c.node == c.b)
        .where(c.verdict == 1, one.c.cluster != other.c.cluster)
        .order_by(c.score.desc(), c.a, c.b)
    )
    return [Edge(*row) for row in unit.execute(query.limit(limit))]


# ---------------------------------------------------------------------------------------------- clusters and their keys


def clusters(unit: Unit, keys: Collection[int]) -> dict[int, Cluster]:
    """Those of the keys that are or were in use."""
    c = cluster.c
    query = select(c.key, c.own, c.seq, c.born, c.live)
    return {row[0]: Cluster(*row) for row in _in_chunks(unit, query, c.key, keys)}


def cluster_spans(unit: Unit, after: int, size: int) -> list[Span]:
    """The changes of clusters behind `after`, in spans of `size` clusters."""
    return cut(unit, cluster.c.seq, after, size)


def last_change(unit: Unit) -> int:
    """The number of the cluster that changed last; 0 = there is none."""
    return unit.execute(select(func.max(cluster.c.seq))).scalar() or 0


def changed_clusters(unit: Unit, after: int, limit: int, last: int | None = None) -> list[Cluster]:
    """Those whose last change lies behind `after` (up to `last`), in the order of their numbers."""
    c = cluster.c
    query = select(c.key, c.own, c.seq, c.born, c.live)
    query = query.where(c.seq > after) if last is None else query.where(c.seq > after, c.seq <= last)
    return [Cluster(*row) for row in unit.execute(query.order_by(c.seq).limit(limit))]


def put_clusters(unit: Unit, new: Sequence[Cluster], known: Sequence[Cluster]) -> None:
    rows: list[dict[str, Any]] = [
        {"key": c.key, "own": c.own, "seq": c.seq, "born": c.born, "live": c.live} for c in new
    ]
    insert_rows(unit, cluster, sorted(rows, key=lambda row: row["key"]))
    if known:
        names = ("own", "seq", "born", "live")
        statement = update(cluster).where(cluster.c.key == bindparam("of"))
        statement = statement.values({name: bindparam("new_" + name) for name in names})
        unit.execute(
            statement,
            [
                {"of": c.key, "new_own": c.own, "new_seq": c.seq, "new_born": c.born, "new_live": c.live}
                for c in sorted(known, key=lambda each: each.key)
            ],
        )


def drop_clusters(unit: Unit, keys: Collection[int]) -> None:
    """Forget keys that nobody has seen."""
    if keys:
        unit.execute(delete(cluster).where(cluster.c.key == bindparam("of")), [{"of": key} for key in sorted(keys)])


def retire_keys(unit: Unit, keys: dict[int, int]) -> None:
    """Union key → the record that it leads to from now on."""
    if keys:
        unretire_keys(unit, keys)
        insert_rows(unit, retired_key, [{"key": key, "record_id": of} for key, of in sorted(keys.items())])


def unretire_keys(unit: Unit, keys: Collection[int]) -> None:
    if keys:
        unit.execute(delete(retired_key).where(retired_key.c.key == bindparam("of")), [{"of": key} for key in keys])


def has_retired(unit: Unit) -> bool:
    return unit.execute(select(retired_key.c.key).limit(1)).first() is not None


def retired_by(unit: Unit, record_ids: Collection[int]) -> list[tuple[int, int]]:
    """(key, record id) of the retired keys that lead to those records."""
    c = retired_key.c
    return [(row[0], row[1]) for row in _in_chunks(unit, select(c.key, c.record_id), c.record_id, record_ids)]


def redirect(unit: Unit, key: int) -> int | None:
    """Where a retired union key leads now; None where it is none, or its record is gone."""
    m, n = cluster_member.c, cluster_node.c
    return unit.execute(
        select(n.cluster)
        .join(cluster_member, m.node == n.node)
        .join(retired_key, retired_key.c.record_id == m.record_id)
        .where(retired_key.c.key == key)
    ).scalar()


def records_of(unit: Unit, keys: Collection[int]) -> dict[int, list[int]]:
    """Union key → ids of its source records."""
    n, m = cluster_node.c, cluster_member.c
    query = select(n.cluster, m.record_id).join(cluster_member, m.node == n.node)
    found: dict[int, list[int]] = {}
    for key, record_id in _in_chunks(unit, query, n.cluster, keys):
        found.setdefault(key, []).append(record_id)
    return found


def count_clusters(unit: Unit) -> int:
    return unit.execute(select(func.count()).where(cluster.c.live.is_(True))).scalar_one()


def reset(unit: Unit) -> None:
    """Forget everything that clustering made, to make it again under other rules. Keys that people may hold are kept:
    each leads to the record that it was made of, and comes to life again where a cluster is made of that record."""
    c, n, m = cluster.c, cluster_node.c, cluster_member.c
    holding = (
        select(c.key, func.min(m.record_id).label("record_id"))
        .join(cluster_node, n.cluster == c.key)
        .join(cluster_member, (m.node == n.node) & (m.own == c.own))
        .where(c.live.is_(True))
        .group_by(c.key)
    )
    unit.execute(retired_key.insert().from_select(["key", "record_id"], holding))
    keys = unit.execute(select(c.key).where(c.live.is_(True)).order_by(c.key)).scalars().all()
    numbers = take_numbers(unit, "cluster", len(keys))
    if keys:
        statement = update(cluster).where(c.key == bindparam("of")).values(seq=bindparam("new"), live=False)
        unit.execute(statement, [{"of": key, "new": seq} for key, seq in zip(keys, numbers, strict=True)])
    for table in (cluster_member, cluster_node, match_key, match_split, cluster_edge):
        unit.execute(delete(table))
