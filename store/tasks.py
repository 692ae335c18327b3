"""Queued nights and their tasks, which any number of worker processes share.

Invariant: a task is `waiting`, `running` (its owner holds a lease on it), `done` or `failed`; a night that is not open
has no waiting and no running task. Whoever changes what a night consists of locks its row first, then tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    desc,
    func,
    insert,
    or_,
    select,
    update,
)

from store.columns import Words
from store.database import Unit, clock, metadata
from store.leases import FOREVER, WORK, Held, LeaseLost, bound_idling, drop_lease, take_lease

KEPT_NIGHTS = 30
"""The tasks of older nights are forgotten; nights and their receipts stay."""

_NIGHT = "night "

night = Table(
    "night",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", String(12), nullable=False),  # open; complete, partial, braked, failed
    Column("phase", String(12), nullable=False),
    Column("begun", Double, nullable=False),  # seconds since 1970, by the database's clock, as all times here
    Column("phase_begun", Double, nullable=False),
    Column("ended", Double),
    Column("options", Text, nullable=False),  # JSON: what was asked for
    Column("seconds", Text, nullable=False),  # JSON: of each phase that has ended
    Column("receipt", Text, nullable=False),  # JSON; "" while it is open
    Column("message", Words, nullable=False),  # why it failed
)

task = Table(
    "task",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("night_id", ForeignKey("night.id"), nullable=False, index=True),
    Column("phase", String(12), nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("state", String(8), nullable=False),
    Column("owner", String(200), nullable=False),  # who has, or last had it
    Column("until", Double, nullable=False),  # of a running one: when its lease runs out
    Column("not_before", Double, nullable=False),  # of a waiting one: nobody takes it up earlier
    Column("attempts", Integer, nullable=False),  # that ended in an error of its own
    Column("pauses", Integer, nullable=False),  # that ended since a server was away
    Column("lost", Integer, nullable=False),  # that ended with the owner's lease: it died, or was held up
    Column("result", Text, nullable=False),  # JSON of a done one
    Column("error", Words, nullable=False),  # what went wrong last
    Index("ix_task_state", "state", "id"),
)


class Night(Struct, frozen=True):
    """A night (夜间作业) that was handed to the workers."""

    id: int
    state: str
    phase: str
    begun: float
    phase_begun: float
    ended: float | None
    options: str
    seconds: dict[str, float]
    receipt: str
    message: str


class Task(Struct, frozen=True):
    """A piece of a night's phase, done by one worker at a time."""

    id: int
    night_id: int
    phase: str
    payload: str
    state: str
    owner: str
    until: float
    not_before: float
    attempts: int
    pauses: int
    lost: int
    result: str
    error: str


# ---------------------------------------------------------------------------------------------- nights


def begin_night(unit: Unit, options: str, phase: str, payloads: Sequence[str]) -> int | Held:
    """Open a night with the tasks of its first phase; its id, or who is at work already."""
    now = clock(unit)
    night_id: int = unit.execute(
        insert(night)
        .values(
            state="open",
            phase=phase,
            begun=now,
            phase_begun=now,
            options=options,
            seconds="{}",
            receipt="",
            message="",
        )
        .returning(night.c.id)
    ).scalar_one()
    held = take_lease(unit, WORK, night_name(night_id), FOREVER)
    if held is not None:
        unit.execute(delete(night).where(night.c.id == night_id))
        return held
    add_tasks(unit, night_id, phase, payloads)
    unit.execute(delete(task).where(task.c.night_id <= night_id - KEPT_NIGHTS))
    return night_id


def night_name(night_id: int) -> str:
    """As the owner of the lease `work`."""
    return f"{_NIGHT}{night_id}"


def is_night(owner: str) -> bool:
    """Whether it is a queued night that holds the lease `work`."""
    return owner.startswith(_NIGHT)


def open_night(unit: Unit) -> Night | None:
    row = unit.execute(select(night).where(night.c.state == "open").order_by(night.c.id)).first()
    return _night(row) if row else None


def get_night(unit: Unit, night_id: int) -> Night:
    return _night(unit.execute(select(night).where(night.c.id == night_id)).one())


def last_nights(unit: Unit, limit: int = 10) -> list[Night]:
    """Newest first."""
    return [_night(row) for row in unit.execute(select(night).order_by(desc(night.c.id)).limit(limit))]


def lock_night(unit: Unit, night_id: int) -> Night:
    """The night, which nobody else takes on while this transaction lasts."""
    return _night(unit.execute(select(night).where(night.c.id == night_id).with_for_update()).one())


def begin_phase(unit: Unit, its: Night, phase: str, payloads: Sequence[str]) -> Night:
    """End the night's phase and begin another with these tasks."""
    now = clock(unit)
    seconds = its.seconds | {its.phase: now - its.phase_begun}
    text = msgspec.json.encode(seconds).decode()
    unit.execute(update(night).where(night.c.id == its.id).values(phase=phase, phase_begun=now, seconds=text))
    add_tasks(unit, its.id, phase, payloads)
    return msgspec.structs.replace(its, phase=phase, phase_begun=now, seconds=seconds)


def end_night(unit: Unit, its: Night, state: str, receipt: str, message: str = "") -> None:
    """Close the night. Tasks that are left are failed: their owners' next transaction raises LeaseLost."""
    left = and_(task.c.night_id == its.id, task.c.state.in_(("waiting", "running")))
    unit.execute(update(task).where(left).values(state="failed", error="the night was ended"))
    unit.execute(
        update(night)
        .where(night.c.id == its.id)
        .values(state=state, ended=clock(unit), receipt=receipt, message=message)
    )
    drop_lease(unit, WORK, night_name(its.id))


# ---------------------------------------------------------------------------------------------- tasks


def add_tasks(unit: Unit, night_id: int, phase: str, payloads: Sequence[str]) -> None:
    fresh = {
        "state": "waiting", "owner": "", "until": 0.0, "not_before": 0.0, "attempts": 0, "pauses": 0, "lost": 0,
        "result": "", "error": "",
    }  # fmt: skip
    if payloads:
        rows = [{"night_id": night_id, "phase": phase, "payload": payload} | fresh for payload in payloads]
        unit.execute(insert(task), rows)


def claim(unit: Unit, owner: str, seconds: float) -> Task | None:
    """Take the first task that is waiting, or whose owner's lease has run out. None = there is nothing to do now."""
    now = clock(unit)
    c = task.c
    ready = or_(
        and_(c.state == "waiting", c.not_before <= now),
        and_(c.state == "running", c.until < now),
    )
    row = unit.execute(select(task).where(ready).order_by(c.id).limit(1).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    found = _task(row)
    lost = found.lost + (found.state == "running")
    values = {"state": "running", "owner": owner, "until": now + seconds, "lost": lost}
    unit.execute(update(task).where(c.id == found.id).values(values))
    return msgspec.structs.replace(found, **values)


def extend(unit: Unit, task_id: int, owner: str, seconds: float) -> None:
    """Hold the task so much longer. Raises LeaseLost where it is not ours. Nobody can take it in this transaction."""
    _change(unit, task_id, owner, until=clock(unit) + seconds)
    bound_idling(unit, seconds)


def give_back(unit: Unit, task_id: int, owner: str, *, pause: float = 0.0, **noted: Any) -> None:
    """Let it wait again, at least `pause` seconds. `noted`: attempts, pauses, error. Raises LeaseLost."""
    not_before = clock(unit) + pause if pause else 0.0
    _change(unit, task_id, owner, state="waiting", until=0.0, not_before=not_before, **noted)


def finish(unit: Unit, task_id: int, owner: str, result: str) -> None:
    """It is done. Lock its night before. Raises LeaseLost."""
    _change(unit, task_id, owner, state="done", result=result, error="")


def fail(unit: Unit, task_id: int, owner: str, error: str) -> None:
    """It can't be done. Lock its night before. Raises LeaseLost."""
    _change(unit, task_id, owner, state="failed", error=error)


def _change(unit: Unit, task_id: int, owner: str, **values: Any) -> None:
    ours = and_(task.c.id == task_id, task.c.owner == owner, task.c.state == "running")
    if unit.execute(update(task).where(ours).values(**values)).rowcount == 0:
        raise LeaseLost(f"Task {task_id} went to another worker, or its night was ended, while this one was held up.")


def tasks_of(unit: Unit, night_id: int, phase: str = "") -> list[Task]:
    """All tasks of the night, or those of one phase, in the order in which they were made."""
    query = select(task).where(task.c.night_id == night_id).order_by(task.c.id)
    return [_task(row) for row in unit.execute(query.where(task.c.phase == phase) if phase else query)]


def has_open_tasks(unit: Unit, night_id: int) -> bool:
    left = and_(task.c.night_id == night_id, task.c.state.in_(("waiting", "running")))
    return unit.execute(select(task.c.id).where(left).limit(1)).first() is not None


def count_tasks(unit: Unit, night_id: int) -> list[tuple[str, str, int]]:
    """(phase, state, how many) of the night's tasks, in the order of the phases."""
    c = task.c
    query = select(c.phase, c.state, func.count()).where(c.night_id == night_id).group_by(c.phase, c.state)
    return [(row[0], row[1], row[2]) for row in unit.execute(query.order_by(func.min(c.id), c.state))]


def _night(row: Any) -> Night:
    seconds = msgspec.json.decode(row.seconds, type=dict[str, float])
    return Night(
        row.id, row.state, row.phase, row.begun, row.phase_begun, row.ended, row.options, seconds, row.receipt,
        row.message,
    )  # fmt: skip


def _task(row: Any) -> Task:
    return Task(**row._mapping)
