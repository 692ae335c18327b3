"""The normalise stage: from raw records that changed to normal records, each with what clustering compares.

The work on a record is pure and runs in worker processes where an executor is given; reading and writing stay here.
While one batch is written, the next is being normalised. A batch and its watermark are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from harvester.marc import RULES_VERSION as READER_VERSION
from indexer.cluster.features import FEATURES_VERSION, features_of, pack_features, signature
from indexer.normalise import Crosswalks, Rejection, normalise_raw
from mappings.model import encode
from store import harvests, records
from store.database import Database, Unit
from store.libraries import all_sources
from store.packing import pack
from store.progress import get_watermark, require_version, set_watermark, take_numbers
from store.records import RawRow
from store.spans import Span

STAGE = "normalise"
BATCH = 4000
CHUNK = 500
"""Records in one task of a worker: some 50 ms of work, so that two workers end a batch together."""


class Normalised(Struct, frozen=True, array_like=True):
    """What became of one raw record: a code, or its normal form."""

    record_id: int
    code: str  # "" = accepted
    detail: str = ""
    signature: bytes = b""
    features: bytes = b""
    data: bytes = b""  # packed


class NormaliseCounts(Struct):
    read: int = 0
    accepted: int = 0
    refused: int = 0
    unchanged: int = 0


def normalise_spans(unit: Unit, size: int) -> list[Span]:
    """What is to be normalised, in spans that may be done in any order and at once; then set the watermark."""
    return records.raw_spans(unit, _begin_at(unit, _mappings(unit)), size)


def normalise_changes(
    database: Database,
    *,
    executor: Executor | None = None,
    progress: Callable[[int], None] = lambda _: None,
    span: Span | None = None,
) -> NormaliseCounts:
    """Bring the normal records up to date with the raw ones. `progress` is told how many were read so far.

    Under other mappings or reading rules than those it last worked by, the stage begins anew; a record that comes out
    as it was keeps its number, so nothing behind it is done again. With a `span` of `normalise_spans`, just those
    changes are dealt with, and the watermark stays.
    """
    counts = NormaliseCounts()
    if span is None:
        with database.write() as unit:
            mappings = _mappings(unit)
            after, last = _begin_at(unit, mappings), None
    else:
        with database.read() as unit:
            mappings = _mappings(unit)
        after, last = span
    waiting: tuple[list[RawRow], list[Future[list[Normalised]] | list[Normalised]]] | None = None
    while True:
        with database.read() as unit:
            rows = records.changed_raw(unit, after, BATCH, last)
        tasks = _begin(rows, mappings, executor)
        if waiting is not None:
            _write(database, *waiting, counts, advance=span is None)
            progress(counts.read)
        if not rows:
            return counts
        after = rows[-1].seq
        waiting = rows, tasks


def _mappings(unit: Unit) -> dict[int, str]:
    """Mapping rules of each source as JSON, by its id."""
    return {source.id: msgspec.json.encode(source.config.mapping).decode() for source in all_sources(unit)}


def _begin_at(unit: Unit, mappings: dict[int, str]) -> int:
    require_version(unit, STAGE, _version(mappings))
    return get_watermark(unit, STAGE)


def _begin(
    rows: list[RawRow], mappings: dict[int, str], executor: Executor | None
) -> list[Future[list[Normalised]] | list[Normalised]]:
    tasks: list[Future[list[Normalised]] | list[Normalised]] = []
    for some in records.chunks([row for row in rows if not row.deleted], CHUNK):
        work = [(row.id, row.format, row.data, row.charset, row.flags, mappings[row.source_id]) for row in some]
        if executor is None or len(rows) < CHUNK:
            tasks.append(normalise_many(work))
        else:
            tasks.append(executor.submit(normalise_many, work))
    return tasks


def normalise_many(work: Sequence[tuple[int, str, bytes, str, tuple[str, ...], str]]) -> list[Normalised]:
    """Of (record id, format, bytes, charset, the harvest's flags, mapping rules of the source as JSON). Pure."""
    results = []
    for record_id, form, data, charset, flags, mapping in work:
        bib = normalise_raw(form, data, charset, _crosswalks(mapping))
        if isinstance(bib, Rejection):
            results.append(Normalised(record_id, bib.code, bib.detail))
            continue
        if flags:
            bib = msgspec.structs.replace(bib, flags=tuple(dict.fromkeys((*bib.flags, *flags))))
        features = pack_features(features_of(bib))
        results.append(Normalised(record_id, "", "", signature(features), features, pack(encode(bib))))
    return results


@lru_cache(maxsize=256)
def _crosswalks(mapping: str) -> Crosswalks:
    return Crosswalks(msgspec.json.decode(mapping))


def _version(mappings: dict[int, str]) -> str:
    digest = blake2b(f"{READER_VERSION}/{FEATURES_VERSION}".encode(), digest_size=16)
    folder = files("mappings")
    for part in (folder, folder / "translation_maps"):
        for file in sorted(part.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith((".yaml", ".py")):
                digest.update(file.read_bytes())
    for source_id, mapping in sorted(mappings.items()):
        if mapping != "{}":
            digest.update(f"{source_id}:{mapping}".encode())
    return digest.hexdigest()


def _write(
    database: Database,
    rows: list[RawRow],
    tasks: list[Future[list[Normalised]] | list[Normalised]],
    counts: NormaliseCounts,
    *,
    advance: bool,
) -> None:
    results: dict[int, Normalised] = {}
    for task in tasks:
        for result in task.result() if isinstance(task, Future) else task:
            results[result.record_id] = result
    with database.write() as unit:
        changes = _Changes(unit, rows)
        for row in rows:
            changes.add(row, results.get(row.id))
        changes.write()
        if advance:
            set_watermark(unit, STAGE, rows[-1].seq)
    counts.read += len(rows)
    counts.refused += len(changes.refused)
    counts.unchanged += len(changes.confirmed)
    counts.accepted += len(rows) - len(changes.refused) - sum(row.deleted for row in rows)


class _Changes:
    """The rows that a batch changes, gathered so that each table is written once."""

    def __init__(self, unit: Unit, rows: list[RawRow]) -> None:
        self.unit = unit
        self.known = records.bib_states(unit, [row.id for row in rows])
        self.inserts: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.confirmed: dict[int, int] = {}
        self.refused: list[tuple[int, int, str]] = []  # what is refused now: record id, its seq, code
        self.accepted_again: list[tuple[int, int, str]] = []
        self.moves: dict[tuple[int, str], int] = {}
        self.stale: dict[int, list[int]] = {}  # by run: records that it rejected under other mappings
        self.rejections: list[dict[str, Any]] = []

    def add(self, row: RawRow, result: Normalised | None) -> None:
        """`result` is None for a deletion."""
        known = self.known.get(row.id)
        if result is not None and result.code:
            self._refuse(row, result, fresh=known is None or known[0] < row.seq)
        elif row.refused:
            self.accepted_again.append((row.id, row.seq, ""))
        accepted = result is not None and not result.code
        features, data = (result.features, result.data) if accepted and result is not None else (b"", b"")
        if known is not None and known[1:] == (not accepted, features, data):
            self.confirmed[row.id] = row.seq
            return
        values = {
            "record_id": row.id,
            "source_id": row.source_id,
            "raw_seq": row.seq,
            "deleted": not accepted,
            "signature": result.signature if result is not None else b"",
            "features": features,
            "data": data,
        }
        (self.inserts if known is None else self.updates).append(values)

    def _refuse(self, row: RawRow, result: Normalised, *, fresh: bool) -> None:
        """A change that its run counted as added or changed counts as rejected; under new mappings old runs stand."""
        self.refused.append((row.id, row.seq, result.code))
        if not fresh:
            self.stale.setdefault(row.changed_run, []).append(row.id)
        elif row.changed_as in ("added", "changed"):
            move = (row.changed_run, row.changed_as)
            self.moves[move] = self.moves.get(move, 0) + 1
        self.rejections.append(
            {
                "run_id": row.changed_run,
                "source_id": row.source_id,
                "record_id": row.id,
                "code": result.code,
                "identifier": row.identifier,
                "position": "",
                "detail": result.detail,
                "data": b"",
            }
        )

    def write(self) -> None:
        for changed in (self.inserts, self.updates):
            for values, seq in zip(changed, take_numbers(self.unit, "bib", len(changed)), strict=True):
                values["seq"] = seq
        records.insert_bibs(self.unit, self.inserts)
        records.update_bibs(self.unit, self.updates)
        records.confirm_bibs(self.unit, self.confirmed)
        records.mark_refused(self.unit, [*self.refused, *self.accepted_again])
        for run_id, record_ids in self.stale.items():
            harvests.forget_rejections(self.unit, run_id, record_ids)
        harvests.add_rejections(self.unit, self.rejections)
        # Sorted, so that no two batches that change the same runs wait for each other.
        for (run_id, outcome), count in sorted(self.moves.items()):
            harvests.move_to_rejected(self.unit, run_id, outcome, count)
