"""The phases of a queued night: which tasks each has, how one is done, and what follows when all are.

Between two phases there is a barrier, so that the final state is that of one worker: within a phase no two tasks touch
the same record, and each task can be done again. Whoever ends the last task of a phase makes those of the next, in the
same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import Struct

from harvester.registry import host_of
from indexer.build import IndexCounts, finish_index, index_span, index_spans, plan_index
from indexer.cluster.stage import build_unions, cluster_changes
from indexer.cluster.uniting import UNION_STAGE, union_spans
from indexer.generations import HOLD, IndexPlan
from indexer.pipeline import STAGE as NORMALISE_STAGE
from indexer.pipeline import normalise_changes, normalise_spans
from store import harvests, libraries, tasks
from store.database import Database, Unit, clock
from store.libraries import Source
from store.progress import set_watermark
from store.spans import Span
from store.tasks import Night, Task
from tongcang.night import Receipt, fail_run, harvest_source, receipt_of
from tongcang.system import System

HARVEST, NORMALISE, CLUSTER, UNION, PLAN, INDEX, FINISH = PHASES = (
    "harvest", "normalise", "cluster", "union", "plan", "index", "finish",
)  # fmt: skip

WATERMARKS = {NORMALISE: NORMALISE_STAGE, UNION: UNION_STAGE}
"""Phases of spans, and the stage whose watermark follows them."""

SPANS = {NORMALISE: 20_000, UNION: 20_000, INDEX: 100_000}
"""Records in a task: some 5 to 20 s of work, so that little is done again where its worker dies."""

WAIT_SECONDS = 3600.0
"""So long after a night has begun, a source that asks to be left alone is waited for; the others wait with it."""


class SourcePart(Struct, frozen=True):
    """A source of the night, and the last run that it had before: this night's is a later one."""

    id: int
    before: int


class Asked(Struct, frozen=True):
    """What a night was asked for."""

    sources: tuple[SourcePart, ...]
    accept_deletions: bool = False


class Planned(Struct, frozen=True):
    """Result of the plan."""

    plan: IndexPlan
    spans: list[Span]


class Finished(Struct, frozen=True):
    """Result of the finish."""

    counts: IndexCounts
    generation: str


T = TypeVar("T")


def packed(value: object) -> str:
    return msgspec.json.encode(value).decode()


def unpacked(text: str, type: type[T]) -> T:
    return msgspec.json.decode(text, type=type)


# ---------------------------------------------------------------------------------------------- from phase to phase


def first_tasks(sources: Sequence[Source], parts: Sequence[SourcePart]) -> list[str]:
    """One for each host: its sources are harvested one after another."""
    by_host: dict[str, list[SourcePart]] = defaultdict(list)
    for source, part in zip(sources, parts, strict=True):
        by_host[host_of(source)].append(part)
    return [packed(group) for group in by_host.values()]


def advance(unit: Unit, night: Night) -> None:
    """Go on to the next phase that has tasks, if nothing is left of this one; or end the night. It must be locked."""
    while not tasks.has_open_tasks(unit, night.id):
        if night.phase == FINISH:
            end(unit, night)
            return
        if night.phase in WATERMARKS:
            done = [_span(task) for task in tasks.tasks_of(unit, night.id, night.phase)]
            if done:
                set_watermark(unit, WATERMARKS[night.phase], max(last for _, last in done))
        following = PHASES[PHASES.index(night.phase) + 1]
        night = tasks.begin_phase(unit, night, following, _payloads(unit, night, following))


def _payloads(unit: Unit, night: Night, phase: str) -> list[str]:
    if phase == NORMALISE:
        return [packed(span) for span in normalise_spans(unit, SPANS[phase])]
    if phase == UNION:
        return [packed(span) for span in union_spans(unit, SPANS[phase])]
    if phase == INDEX:
        return [packed(span) for span in _planned(unit, night.id).spans]
    return ["{}"]


def _span(task: Task) -> Span:
    after, last = unpacked(task.payload, list[int])
    return after, last


def _planned(unit: Unit, night_id: int) -> Planned:
    [task] = tasks.tasks_of(unit, night_id, PLAN)
    return unpacked(task.result, Planned)


def end(unit: Unit, night: Night, message: str = "") -> Receipt:
    """Close the night with its receipt. It must be locked. `message`: why it breaks off."""
    finished = tasks.tasks_of(unit, night.id, FINISH)
    done = finished and finished[0].state == "done"
    result = unpacked(finished[0].result, Finished) if done else Finished(IndexCounts(), "")
    now = clock(unit)
    spent = night.seconds | {night.phase: now - night.phase_begun}
    seconds = {phase: spent.get(phase, 0.0) for phase in (HARVEST, NORMALISE, CLUSTER, UNION)}
    seconds[INDEX] = sum(spent.get(phase, 0.0) for phase in (PLAN, INDEX, FINISH))
    seconds["total"] = now - night.begun
    receipt = receipt_of(unit, _runs(unit, night), result.counts, result.generation, seconds, message)
    tasks.end_night(unit, night, receipt.state, packed(receipt), message)
    return receipt


def _runs(unit: Unit, night: Night) -> list[tuple[Source, int, float]]:
    """Source, id of its run, seconds; a source that a night which broke off did not come to is left out."""
    sources = {source.id: source for source in libraries.all_sources(unit)}
    found = []
    for part in unpacked(night.options, Asked).sources:
        for run in harvests.last_runs(unit, part.id, 1):
            if run.id > part.before:
                began = max(run.started.timestamp(), night.begun)  # one that was left open began on another day
                ended = run.ended.timestamp() if run.ended else clock(unit)
                found.append((sources[part.id], run.id, max(0.0, ended - began)))
    return found


def give_up(unit: Unit, night: Night, task: Task, message: str) -> None:
    """The task is failed for good: its sources are, or the night is. The night must be locked."""
    if task.phase != HARVEST:
        end(unit, night, f"{task.phase}: {message}")
        return
    for part in unpacked(task.payload, list[SourcePart]):
        if _open(unit, part):
            fail_run(unit, part.id, message)


def _open(unit: Unit, part: SourcePart) -> bool:
    """Whether the source has still to be harvested this night."""
    runs = harvests.last_runs(unit, part.id, 1)
    return not runs or runs[0].id <= part.before or runs[0].state == "running"


# ---------------------------------------------------------------------------------------------- doing a task


class At(Struct, frozen=True):
    """What a task is done with."""

    system: System
    database: Database  # guarded by the task's lease
    executor: Executor | None
    step: Callable[[], None]  # to be called between batches: raises where the worker has to stop
    night: Night

    def progress(self, _: object) -> None:
        self.step()


def perform(at: At, task: Task) -> str:
    """Do the task; its result. Raises SourceError with `not_before` where it is to be taken up again then."""
    return packed(_DOING[task.phase](at, task))


def _harvest(at: At, task: Task) -> None:
    with at.database.read() as unit:
        sources = {source.id: source for source in libraries.all_sources(unit)}
        left = WAIT_SECONDS - (clock(unit) - at.night.begun)
    asked = datetime.now(UTC)

    def may_wait(moment: datetime) -> bool:
        return (moment - asked).total_seconds() <= left

    for part in unpacked(task.payload, list[SourcePart]):
        with at.database.read() as unit:
            due = _open(unit, part)
        if due:
            harvest_source(
                at.database,
                sources[part.id],
                contact=at.system.settings.contact,
                accept_deletions=unpacked(at.night.options, Asked).accept_deletions,
                progress=at.progress,
                may_wait=may_wait,
            )
            at.step()


def _normalise(at: At, task: Task) -> object:
    return normalise_changes(at.database, executor=at.executor, progress=at.progress, span=_span(task))


def _cluster(at: At, _task: Task) -> object:
    return cluster_changes(at.database, progress=at.progress)


def _union(at: At, task: Task) -> object:
    return build_unions(at.database, executor=at.executor, progress=at.progress, span=_span(task))


def _plan(at: At, _task: Task) -> Planned:
    # Between two tasks nobody says that the new generation is being built: its lease has to outlast a dead worker.
    hold = max(HOLD, 4.0 * at.system.settings.lease_seconds)
    plan = plan_index(at.database, at.system.engine, hold=hold)
    return Planned(plan, index_spans(at.database, plan, SPANS[INDEX]))


def _index(at: At, task: Task) -> IndexCounts:
    with at.database.read() as unit:
        plan = _planned(unit, at.night.id).plan
    after, last = _span(task)
    return index_span(at.database, at.system.engine, plan, after, last, executor=at.executor, progress=at.progress)


def _finish(at: At, _task: Task) -> Finished:
    counts = IndexCounts()
    with at.database.read() as unit:
        plan = _planned(unit, at.night.id).plan
        for done in tasks.tasks_of(unit, at.night.id, INDEX):
            counts.add(unpacked(done.result, IndexCounts))
    engine = at.system.engine
    counts = finish_index(at.database, engine, plan, counts, executor=at.executor, progress=at.progress)
    return Finished(counts, engine.live() or "")


_DOING: dict[str, Callable[[At, Task], object]] = {
    HARVEST: _harvest,
    NORMALISE: _normalise,
    CLUSTER: _cluster,
    UNION: _union,
    PLAN: _plan,
    INDEX: _index,
    FINISH: _finish,
}
