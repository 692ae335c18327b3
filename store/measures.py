"""How far behind each stage is, and how queue, workers and sources stand: what is looked at, and never written.

Everything here is cheap at any size, since it is asked every few seconds: waiting changes are counted one by one up to
EXACT, and beyond that by the difference of their numbers, which counts a record that changed twice as two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, and_, asc, case, desc, func, select

from store import outbox, performance, requests, timers
from store.change_times import made_at
from store.clusters import cluster
from store.database import Unit, clock
from store.generations import LIVE, generation_with
from store.generations import STAGE as INDEX_STAGE
from store.harvests import OUTCOMES, harvest_run
from store.judgements import judgement
from store.leases import WORK, lease
from store.libraries import source
from store.outbox import Waiting
from store.progress import Kind, watermark
from store.records import bib_record, raw_record
from store.tasks import count_tasks, is_night, night, task
from store.unions import union_record

EXACT = 20_000
"""So many waiting changes are counted: some 2 ms in an index of SQLite, some 4 ms in PostgreSQL (measured)."""

STAGES = ("normalise", "cluster", "union", "index")

_INPUTS: dict[str, tuple[Column[Any], Kind]] = {
    "normalise": (raw_record.c.seq, "raw"),
    "cluster": (bib_record.c.seq, "bib"),
    "cluster:judgements": (judgement.c.seq, "judgement"),
    "union": (cluster.c.seq, "cluster"),
    "index": (union_record.c.seq, "union"),
}
"""By stage, named as its watermark: the numbers of the changes that it reads, and their kind."""

_NOTHING_DONE = (0, 0.0)


class Lag(Struct, frozen=True):
    """Changes that a stage has not dealt with."""

    stage: str
    records: int
    seconds: float  # since the oldest of them was made, or since the stage began anew by other rules; 0 = none waits


class QueuedTasks(Struct, frozen=True):
    """Tasks of the open night, or of the last one."""

    phase: str
    state: str
    count: int


class Queue(Struct, frozen=True):
    """What the workers share. Seconds are by the database's clock."""

    tasks: tuple[QueuedTasks, ...]
    oldest_waiting: (
        float  # seconds since the phase began whose first task waits, and nothing keeps it waiting; 0 = none
    )
    busy_workers: int  # that hold a live lease
    lost_tasks: int  # running, and the lease has run out: nobody has taken them up yet
    night_state: str  # open, complete, partial, braked, failed; "" = there was none
    night_ended: float | None  # when the last one did that has ended, seconds since 1970


class Delivery(Struct, frozen=True):
    """How document delivery stands. Seconds are by the database's clock."""

    requests: dict[str, int]  # that are not closed, by state
    clocks_due: int  # that have run out, and that nobody has dealt with yet
    overdue: float  # seconds since the first of them did; 0 = none has
    messages: tuple[tuple[str, str, int], ...]  # of the outbox: channel, state, how many
    waiting: tuple[Waiting, ...]  # by channel
    corrections: int  # holdings said to be wrong that nobody has looked at


class SourceMeasure(Struct, frozen=True):
    """A source as its last run left it."""

    slug: str
    state: str  # of the last run; "" = it was never harvested
    last_complete: float | None  # seconds since 1970
    counts: dict[str, int]  # of the last run: received, vanished, and each outcome


def lags(unit: Unit) -> list[Lag]:
    """Of every stage, in order; of the index that of the live generation."""
    marks = {row.stage: (row.seq, row.begun) for row in unit.execute(select(watermark))}
    marks["index"] = marks.get(f"{INDEX_STAGE}{generation_with(unit, LIVE)}", _NOTHING_DONE)
    now = clock(unit)
    found = {stage: _lag(unit, stage, marks, now) for stage in _INPUTS}
    judged = found.pop("cluster:judgements")
    made = found["cluster"]
    found["cluster"] = Lag("cluster", made.records + judged.records, max(made.seconds, judged.seconds))
    return [found[stage] for stage in STAGES]


def _lag(unit: Unit, stage: str, marks: dict[str, tuple[int, float]], now: float) -> Lag:
    column, kind = _INPUTS[stage]
    after, begun = marks.get(stage, _NOTHING_DONE)
    first = _first(unit, column, after, asc)
    if first is None:
        return Lag(stage, 0, 0.0)
    made = made_at(unit, kind, first)
    since = now if made is None else max(made, begun)
    return Lag(stage, _count(unit, column, after, first), max(0.0, now - since))


def _first(unit: Unit, column: Column[Any], after: int, order: Any) -> int | None:
    value: int | None = unit.execute(select(column).where(column > after).order_by(order(column)).limit(1)).scalar()
    return value


def _count(unit: Unit, column: Column[Any], after: int, first: int) -> int:
    some = select(column).where(column > after).limit(EXACT + 1).subquery()
    count: int = unit.execute(select(func.count()).select_from(some)).scalar_one()
    if count <= EXACT:
        return count
    last = _first(unit, column, after, desc)
    return count if last is None else last - first + 1


def delivery(unit: Unit) -> Delivery:
    now = datetime.fromtimestamp(clock(unit), UTC)
    first = timers.next_due(unit)
    return Delivery(
        requests.count_open(unit),
        timers.count_due(unit, now),
        max(0.0, (now - first).total_seconds()) if first is not None else 0.0,
        tuple(outbox.count_messages(unit)),
        tuple(outbox.outbox_lag(unit, now)),
        sum(performance.count_corrections(unit).values()),
    )


def queue(unit: Unit) -> Queue:
    now = clock(unit)
    last = unit.execute(
        select(night.c.id, night.c.state, night.c.phase_begun)
        .order_by(desc(case((night.c.state == "open", 1), else_=0)), desc(night.c.id))
        .limit(1)
    ).first()
    work = unit.execute(select(lease.c.owner).where(lease.c.name == WORK, lease.c.until >= now)).scalar()
    alone = int(work is not None and not is_night(work))
    if last is None:
        return Queue((), 0.0, alone, 0, "", None)
    t = task.c
    ready = select(func.count()).where(t.night_id == last.id, t.state == "waiting", t.not_before <= now)
    waits = unit.execute(ready).scalar_one()
    running = and_(t.night_id == last.id, t.state == "running")
    busy = unit.execute(select(func.count(t.owner.distinct())).where(running, t.until >= now)).scalar_one()
    lost = unit.execute(select(func.count()).where(running, t.until < now)).scalar_one()
    oldest = max(0.0, now - last.phase_begun) if waits else 0.0
    tasks = tuple(QueuedTasks(*row) for row in count_tasks(unit, last.id))
    ended = unit.execute(select(night.c.ended).where(night.c.state != "open").order_by(desc(night.c.id)).limit(1))
    return Queue(tasks, oldest, busy + alone, lost, last.state, ended.scalar())


def source_measures(unit: Unit) -> list[SourceMeasure]:
    """Of the active sources, by name."""
    r = harvest_run.c
    of_source = select(r.id).where(r.source_id == source.c.id).order_by(desc(r.id)).limit(1)
    newest = of_source.correlate(source).scalar_subquery()
    complete = (
        select(r.ended)
        .where(r.source_id == source.c.id, r.state == "complete")
        .order_by(desc(r.id))
        .limit(1)
        .correlate(source)
        .scalar_subquery()
    )
    of_active = select(source.c.slug, newest.label("run"), complete.label("complete")).where(source.c.active)
    sources = unit.execute(of_active.order_by(source.c.slug)).all()
    counts = (r.received, r.vanished, *(r[outcome] for outcome in OUTCOMES))
    runs = {
        row.id: row
        for row in unit.execute(
            select(r.id, r.state, *counts).where(r.id.in_([row.run for row in sources if row.run is not None]))
        )
    }
    return [_source_measure(row, runs.get(row.run), [column.name for column in counts]) for row in sources]


def _source_measure(row: Any, run: Any, names: Sequence[str]) -> SourceMeasure:
    if run is None:
        return SourceMeasure(row.slug, "", None, {})
    ended = None if row.complete is None else row.complete.timestamp()
    return SourceMeasure(row.slug, run.state, ended, {name: getattr(run, name) for name in names})


class LapsedLease(Struct, frozen=True):
    """A lease whose holder died, or was held up: whoever asks next has it."""

    name: str
    owner: str
    seconds: float  # since it ran out


def lapsed_leases(unit: Unit) -> list[LapsedLease]:
    now = clock(unit)
    c = lease.c
    rows = unit.execute(select(c.name, c.owner, c.until).where(c.until < now).order_by(c.name))
    return [LapsedLease(name, owner, now - until) for name, owner, until in rows]
