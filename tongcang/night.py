"""The night: harvest what is due, normalise what changed, join what belongs together, index it, and give a receipt."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from harvester.registry import host_of, reader_of
from harvester.run import Progress, harvest
from harvester.sources.protocol import SourceError
from indexer.build import IndexCounts, index_changes
from indexer.cluster.stage import build_unions, cluster_changes
from indexer.pipeline import normalise_changes, normalise_many
from store import harvests, libraries, unions
from store.database import Database, Unit
from store.harvests import Counts
from store.libraries import Source
from tongcang.system import System, relax_collector

log = structlog.get_logger("tongcang.night")

STATES = ("complete", "partial", "braked", "failed")


class Told(Struct, frozen=True):
    """What the night tells while it goes on: so many of a stage are done (of so many, where that is known)."""

    stage: str  # harvest, normalise, cluster, union, index
    what: str  # the source's slug in harvest, else ""
    done: int
    total: int | None = None


class SourceReceipt(Struct, frozen=True):
    """What became of one source's records."""

    slug: str
    library: str
    state: str
    promised: int | None
    counts: Counts
    message: str
    rejected_by_code: dict[str, int]
    seconds: float


class Receipt(Struct, frozen=True):
    """Of a whole night. `seconds` by stage, and `total`."""

    sources: tuple[SourceReceipt, ...]
    union_records: int
    indexed: int
    removed: int
    generation: str
    refused_by_index: tuple[str, ...]
    seconds: dict[str, float]
    message: str = ""  # why the night broke off; "" = it did not

    @property
    def state(self) -> str:
        """The worst state of the sources; failed where the night broke off."""
        states = {source.state for source in self.sources}
        if self.refused_by_index:
            states.add("partial")
        if self.message:
            states.add("failed")
        return next((state for state in reversed(STATES) if state in states), "complete")


def log_receipt(receipt: Receipt) -> None:
    """Of a night that nobody watched."""
    for source in receipt.sources:
        if source.state != "complete":
            log.warning("source_not_complete", source=source.slug, state=source.state, reason=source.message)
    tell = log.error if receipt.message else log.info
    tell(
        "night_ended",
        state=receipt.state,
        union_records=receipt.union_records,
        seconds=receipt.seconds,
        **({"reason": receipt.message} if receipt.message else {}),
    )


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def named_night() -> Iterator[None]:
    """Around a night of this process: whatever is logged meanwhile names it by the time at which it began."""
    with structlog.contextvars.bound_contextvars(night=_now().isoformat(timespec="seconds")):
        yield


def run_night(
    system: System,
    sources: Sequence[Source],
    *,
    accept_deletions: bool = False,
    tell: Callable[[Told], None] = lambda _: None,
) -> Receipt:
    """All of it, in order, under the work lock. A night that was killed is gone on with by the next one."""
    relax_collector()
    seconds: dict[str, float] = {}
    began = time.monotonic()
    with system.work_lock(), system.workers() as workers:
        if workers is not None:
            for _ in range(system.settings.processes):
                workers.submit(normalise_many, [])  # they start and load their code while the sources are read
        runs = harvest_sources(system, sources, accept_deletions=accept_deletions, tell=tell)
        seconds["harvest"] = time.monotonic() - began
        indexed = catalogue(system, workers, tell=tell, seconds=seconds)
    seconds["total"] = time.monotonic() - began
    with system.database.read() as unit:
        return receipt_of(unit, runs, indexed, system.engine.live() or "", seconds)


def receipt_of(
    unit: Unit,
    runs: Sequence[tuple[Source, int, float]],
    indexed: IndexCounts,
    generation: str,
    seconds: Mapping[str, float],
    message: str = "",
) -> Receipt:
    """`runs`: source, id of its run, seconds."""
    receipts = []
    for source, run_id, took in runs:
        run = harvests.get_run(unit, run_id)
        codes = harvests.rejection_codes(unit, run_id)
        receipts.append(
            SourceReceipt(
                source.slug, source.library, run.state, run.promised, run.counts, run.message, codes, round(took, 1)
            )
        )
    return Receipt(
        tuple(receipts),
        unions.count_unions(unit),
        indexed.written,
        indexed.deleted,
        generation,
        tuple(f"{refusal.id}: {refusal.reason}" for refusal in indexed.refused),
        {stage: round(value, 1) for stage, value in seconds.items()},
        message,
    )


def catalogue(
    system: System,
    workers: Executor | None,
    *,
    tell: Callable[[Told], None] = lambda _: None,
    seconds: dict[str, float],
) -> IndexCounts:
    """Everything behind the raw records: normalise, cluster, unite, index. To be called under the work lock."""
    database = system.database

    def timed(stage: str, work: Callable[[Callable[[int], None]], IndexCounts | None]) -> IndexCounts | None:
        began = time.monotonic()
        result = work(lambda done: tell(Told(stage, "", done)))
        seconds[stage] = time.monotonic() - began
        return result

    timed("normalise", lambda done: _nothing(normalise_changes(database, executor=workers, progress=done)))
    timed("cluster", lambda done: _nothing(cluster_changes(database, progress=done)))
    timed("union", lambda done: _nothing(build_unions(database, executor=workers, progress=done)))
    counts = timed("index", lambda done: _index(system, workers, done))
    assert counts is not None
    return counts


def _nothing(_: object) -> None:
    return None


def _index(system: System, workers: Executor | None, done: Callable[[int], None]) -> IndexCounts:
    return index_changes(system.database, system.engine, executor=workers, progress=done)


def harvest_sources(
    system: System, sources: Sequence[Source], *, accept_deletions: bool, tell: Callable[[Told], None]
) -> list[tuple[Source, int, float]]:
    """(source, id of its run, seconds) in the order given. Several hosts at once, one source of a host at a time."""
    by_host: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        by_host[host_of(source)].append(source)

    night = structlog.contextvars.get_contextvars()  # which other threads don't inherit

    def one(source: Source) -> tuple[int, float]:
        began = time.monotonic()

        def told(progress: Progress) -> None:
            tell(Told("harvest", progress.slug, progress.received, progress.promised))

        contact = system.settings.contact
        with structlog.contextvars.bound_contextvars(**night):
            run_id = harvest_source(
                system.database, source, contact=contact, accept_deletions=accept_deletions, progress=told
            )
        return run_id, time.monotonic() - began

    def all_of(host: list[Source]) -> list[tuple[str, int, float]]:
        return [(source.slug, *one(source)) for source in host]

    ended: dict[str, tuple[int, float]] = {}
    with ThreadPoolExecutor(max(1, min(system.settings.sources_at_once, len(by_host)))) as threads:
        for results in threads.map(all_of, by_host.values()):
            for slug, run_id, took in results:
                ended[slug] = (run_id, took)
    return [(source, *ended[source.slug]) for source in sources]


def harvest_source(
    database: Database,
    source: Source,
    *,
    contact: str,
    accept_deletions: bool,
    progress: Callable[[Progress], None],
    may_wait: Callable[[datetime], bool] = lambda _: False,
) -> int:
    """The id of the run, which has ended. Raises SourceError where `may_wait` agreed to wait; the run is open then."""
    try:
        reader = reader_of(source, contact=contact)
    except SourceError as error:
        with database.write() as unit:
            return fail_run(unit, source.id, str(error))
    return harvest(
        database,
        source,
        reader,
        clock=_now,
        accept_deletions=accept_deletions,
        progress=progress,
        may_wait=may_wait,
    ).id


def fail_run(unit: Unit, source_id: int, message: str) -> int:
    """End the source's open run, or one that is begun for it, as failed; its id."""
    run = harvests.open_run(unit, source_id) or harvests.begin_run(unit, source_id, "", _now())
    harvests.end_run(unit, run.id, "failed", _now(), message=message)
    return run.id


def active_sources(system: System, names: Sequence[str] = ()) -> list[Source]:
    """Those named by slug or by library; all active ones where no name is given. Raises LookupError for a name."""
    with system.database.read() as unit:
        every = libraries.all_sources(unit)
    if not names:
        return [source for source in every if source.active]
    found = []
    for name in names:
        some = [source for source in every if name.upper() in (source.slug.upper(), source.library.upper())]
        if not some:
            raise LookupError(name)
        found += some
    return list({source.id: source for source in found}.values())
