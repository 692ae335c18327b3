"""The union stage: from clusters that changed to union records.

The work on a cluster is pure and runs in worker processes where an executor is given; while one batch is written, the
next is being merged. A batch and its watermark are one transaction. A union record that comes out as it was keeps its
number, so the index is not written for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from hashlib import blake2b

from msgspec import Struct

from indexer.cluster.union import UNION_VERSION, merge
from mappings.model import BibRecord, Member, UnionRecord, decode, encode
from store import clusters, unions
from store.database import Database, Unit
from store.packing import pack, unpack
from store.progress import get_watermark, require_version, set_watermark, take_numbers
from store.records import bib_data
from store.spans import Span
from store.unions import UnionWrite

UNION_STAGE = "union"
BEGUN = "union:begun"
"""The watermark up to which union records may have been made: that of the stage, or higher where it was cut short."""

BATCH = 2000
CHUNK = 250
"""Clusters in one task of a worker: some 100 ms of work."""

MemberData = tuple[int, str, str, bytes]  # source id, library, identifier, packed BibRecord
Task = tuple[int, list[MemberData]]  # union key and its members


class UnionCounts(Struct):
    read: int = 0  # clusters that had changed
    members: int = 0  # source records in them
    written: int = 0
    unchanged: int = 0
    deleted: int = 0


class _Reading(Struct):
    """A batch that was read and is being merged."""

    last: int  # number of its last cluster
    keys: list[int]
    members: int
    merged: list[list[UnionWrite] | Future[list[UnionWrite]]]


def union_spans(unit: Unit, size: int) -> list[Span]:
    """What is to be united, in spans that may be done in any order and at once; then set the watermark."""
    return clusters.cluster_spans(unit, _begin_at(unit), size)


def published(unit: Unit) -> int:
    """Up to which number somebody may have seen the union record of a cluster."""
    return max(get_watermark(unit, UNION_STAGE), get_watermark(unit, BEGUN))


def _begin_at(unit: Unit) -> int:
    set_watermark(unit, BEGUN, max(published(unit), clusters.last_change(unit)))
    require_version(unit, UNION_STAGE, str(UNION_VERSION))
    return get_watermark(unit, UNION_STAGE)


def build_unions(
    database: Database,
    *,
    batch: int = BATCH,
    executor: Executor | None = None,
    progress: Callable[[int], None] | None = None,
    span: Span | None = None,
) -> UnionCounts:
    """Bring the union records up to date with the clusters. `progress` is told how many clusters are done so far.

    With a `span` of `union_spans`, just those changes are dealt with, and the watermark stays.
    """
    counts = UnionCounts()
    if span is None:
        with database.write() as unit:
            after, last = _begin_at(unit), None
    else:
        after, last = span
    waiting = _read(database, after, last, batch, executor)
    while waiting is not None:
        following = _read(database, waiting.last, last, batch, executor)
        with database.write() as unit:
            _write(unit, waiting, counts)
            if span is None:
                set_watermark(unit, UNION_STAGE, waiting.last)
        if progress is not None:
            progress(counts.read)
        waiting = following
    return counts


def merge_packed(tasks: list[Task]) -> list[UnionWrite]:
    """Pure: the union records of some clusters, ready to be stored."""
    return [_merged(key, members) for key, members in tasks if members]


def _merged(key: int, members: list[MemberData]) -> UnionWrite:
    union = merge(
        [
            (Member(source, library, identifier), decode(unpack(data), BibRecord))
            for source, library, identifier, data in members
        ],
        key,
    )
    return union_write(key, union)


def union_write(key: int, union: UnionRecord) -> UnionWrite:
    """The union record as the store takes it."""
    data = encode(union)
    return UnionWrite(
        key=key,
        digest=blake2b(data, digest_size=16).digest(),
        libraries=" ".join(holder.library for holder in union.holders),
        data=pack(data),
        identifiers=tuple((each.type, each.value) for each in union.bib.identifiers),
    )


def _read(database: Database, after: int, last: int | None, batch: int, executor: Executor | None) -> _Reading | None:
    """The next batch, given to the workers. None = nothing has changed."""
    with database.read() as unit:
        changed = clusters.changed_clusters(unit, after, batch, last)
        if not changed:
            return None
        keys = [each.key for each in changed]
        tasks, members = _tasks(unit, keys)
    merged: list[list[UnionWrite] | Future[list[UnionWrite]]] = []
    for start in range(0, len(tasks), CHUNK):
        some = tasks[start : start + CHUNK]
        parallel = executor is not None and len(tasks) > CHUNK
        merged.append(executor.submit(merge_packed, some) if executor and parallel else merge_packed(some))
    return _Reading(changed[-1].seq, keys, members, merged)


def _tasks(unit: Unit, keys: list[int]) -> tuple[list[Task], int]:
    of = {record_id: key for key, records in clusters.records_of(unit, keys).items() for record_id in records}
    members: dict[int, list[MemberData]] = {key: [] for key in keys}
    for row in bib_data(unit, list(of)):
        members[of[row.record_id]].append((row.source_id, row.library, row.identifier, row.data))
    return list(members.items()), len(of)


def _write(unit: Unit, reading: _Reading, counts: UnionCounts) -> None:
    merged = [each for task in reading.merged for each in (task.result() if isinstance(task, Future) else task)]
    known = unions.union_digests(unit, reading.keys)
    differing = [each for each in merged if known.get(each.key) != each.digest]
    living = {each.key for each in merged}
    dying = [key for key in reading.keys if key not in living and known.get(key)]
    numbers = iter(take_numbers(unit, "union", len(differing) + len(dying)))
    numbered = [(next(numbers), each) for each in differing]
    unions.put_unions(
        unit,
        [each for each in numbered if each[1].key not in known],
        [each for each in numbered if each[1].key in known],
    )
    unions.bury_unions(unit, [(next(numbers), key) for key in dying])
    counts.read += len(reading.keys)
    counts.members += reading.members
    counts.written += len(differing)
    counts.unchanged += len(merged) - len(differing)
    counts.deleted += len(dying)
