"""What people decided of two source records: the same publication, or not (判定).

Keyed by source and identifier, so that a decision outlives every harvest and every clustering. Nothing is overwritten:
a decision that is withdrawn, or made anew, keeps its row.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, or_, select, update

from store.clusters import cluster_member, cluster_node
from store.columns import Words
from store.database import Unit, metadata
from store.progress import take_numbers
from store.records import chunks, raw_record

judgement = Table(
    "judgement",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_a", ForeignKey("source.id"), nullable=False),
    Column("identifier_a", Words, nullable=False),
    Column("source_b", ForeignKey("source.id"), nullable=False),
    Column("identifier_b", Words, nullable=False),
    Column("same", Boolean, nullable=False),
    Column("who", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("made", String(32), nullable=False),  # ISO 8601, UTC
    Column("withdrawn", String(32), nullable=False),  # "" = it holds
    Column("seq", BigInteger, nullable=False),
    Index("ix_judgement_seq", "seq"),
    Index("ix_judgement_a", "source_a", "identifier_a"),
    Index("ix_judgement_b", "source_b", "identifier_b"),
)

RecordName = tuple[int, str]  # source id, identifier


class Judgement(Struct, frozen=True):
    id: int
    a: RecordName
    b: RecordName
    same: bool
    who: str
    reason: str
    made: str
    withdrawn: str


class Link(Struct, frozen=True):
    """A judgement that holds, between records that the store has."""

    a: int  # record ids
    b: int
    same: bool


def judge(unit: Unit, a: RecordName, b: RecordName, *, same: bool, who: str, reason: str, now: str) -> int:
    """Decide on two records; a former decision on the same two is withdrawn. Returns the id of the judgement."""
    if a == b:
        raise ValueError(f"a record can't be judged against itself: {a[1]}")
    first, second = min(a, b), max(a, b)
    # Taken before the former one is looked for: of two people who judge the same two records, the later waits here.
    (seq,) = take_numbers(unit, "judgement", 1)
    j = judgement.c
    former = select(j.id).where(
        j.source_a == first[0],
        j.identifier_a == first[1],
        j.source_b == second[0],
        j.identifier_b == second[1],
        j.withdrawn == "",
    )
    for (former_id,) in unit.execute(former).all():
        withdraw(unit, former_id, now)
    inserted = unit.execute(
        judgement.insert().values(
            source_a=first[0],
            identifier_a=first[1],
            source_b=second[0],
            identifier_b=second[1],
            same=same,
            who=who,
            reason=reason,
            made=now,
            withdrawn="",
            seq=seq,
        )
    ).inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


def withdraw(unit: Unit, judgement_id: int, now: str) -> bool:
    """Take a decision back: what it changed is as if it had never been. False = there is none that holds."""
    j = judgement.c
    statement = update(judgement).where(j.id == judgement_id, j.withdrawn == "")
    return unit.execute(statement.values(withdrawn=now, seq=take_numbers(unit, "judgement", 1)[0])).rowcount == 1


def changed_judgements(unit: Unit, after: int) -> tuple[int, set[int]]:
    """(number of the last change, ids of the records that judgements changed behind `after` speak of)."""
    j = judgement.c
    rows = unit.execute(
        select(j.seq, j.source_a, j.identifier_a, j.source_b, j.identifier_b).where(j.seq > after).order_by(j.seq)
    ).all()
    names = {(row[1], row[2]) for row in rows} | {(row[3], row[4]) for row in rows}
    return (rows[-1][0] if rows else after), set(_ids(unit, names).values())


def links(unit: Unit) -> list[Link]:
    """Every judgement that holds and whose records the store has."""
    j = judgement.c
    rows = unit.execute(
        select(j.source_a, j.identifier_a, j.source_b, j.identifier_b, j.same).where(j.withdrawn == "").order_by(j.id)
    ).all()
    ids = _ids(unit, {(row[0], row[1]) for row in rows} | {(row[2], row[3]) for row in rows})
    found = ((ids.get((row[0], row[1])), ids.get((row[2], row[3])), row[4]) for row in rows)
    return [Link(a, b, same) for a, b, same in found if a is not None and b is not None]


def judgements_of(unit: Unit, name: RecordName) -> list[Judgement]:
    """Every decision on a record, also those withdrawn, oldest first."""
    j = judgement.c
    of_a = (j.source_a == name[0]) & (j.identifier_a == name[1])
    of_b = (j.source_b == name[0]) & (j.identifier_b == name[1])
    rows = unit.execute(select(judgement).where(or_(of_a, of_b)).order_by(j.id))
    return [
        Judgement(
            row.id,
            (row.source_a, row.identifier_a),
            (row.source_b, row.identifier_b),
            row.same,
            row.who,
            row.reason,
            row.made,
            row.withdrawn,
        )
        for row in rows
    ]


def contradicted(unit: Unit) -> list[Link]:
    """Decisions "the same" that others made void: their records are in two clusters."""
    wanted = [link for link in links(unit) if link.same]
    m, n = cluster_member.c, cluster_node.c
    query = select(m.record_id, n.cluster).join(cluster_node, n.node == m.node)
    keys: dict[int, int] = {}
    for some in chunks(sorted({of for link in wanted for of in (link.a, link.b)})):
        keys |= {row[0]: row[1] for row in unit.execute(query.where(m.record_id.in_(some)))}
    return [link for link in wanted if link.a in keys and link.b in keys and keys[link.a] != keys[link.b]]


def _ids(unit: Unit, names: Collection[RecordName]) -> dict[RecordName, int]:
    r = raw_record.c
    by_source: dict[int, list[str]] = {}
    for source_id, identifier in sorted(names):
        by_source.setdefault(source_id, []).append(identifier)
    found: dict[RecordName, int] = {}
    for source_id, identifiers in by_source.items():
        for some in chunks(identifiers):
            query = select(r.identifier, r.id).where(r.source_id == source_id, r.identifier.in_(some))
            found |= {(source_id, row[0]): row[1] for row in unit.execute(query)}
    return found
