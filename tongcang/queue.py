"""A night handed to the workers: queued, watched, cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct

from indexer.generations import owner_name
from store import harvests, tasks
from store.database import StoreBusyError, Unit
from store.leases import Held
from store.libraries import Source
from store.tasks import Night, Task
from tongcang.night import Receipt, Told
from tongcang.phases import FINISH, HARVEST, INDEX, PLAN, Asked, SourcePart, advance, end, first_tasks, packed, unpacked
from tongcang.system import System
from tongcang.work_lock import busy

POLL = 0.5


class NightStatus(Struct, frozen=True):
    """A night as people look at it. Times are seconds since 1970 by the database's clock."""

    id: int
    state: str
    phase: str
    begun: float
    ended: float | None
    message: str
    tasks: dict[str, dict[str, int]]  # how many of each phase are waiting, running, done, failed
    running: tuple[RunningTask, ...]
    troubles: tuple[str, ...]  # what went wrong last with tasks that are not done


class RunningTask(Struct, frozen=True):
    id: int
    phase: str
    owner: str
    until: float  # when its lease runs out unless the owner says that it lives


def queue_night(system: System, sources: Sequence[Source], *, accept_deletions: bool = False) -> int:
    """The night's id; it goes on as soon as a worker is there. Raises BusyError while anything else is at work."""
    with system.queue_lock(), system.database.write() as unit:
        parts = tuple(SourcePart(source.id, _last_ended(unit, source.id)) for source in sources)
        asked = packed(Asked(parts, accept_deletions))
        night_id = tasks.begin_night(unit, asked, HARVEST, first_tasks(sources, parts))
        if isinstance(night_id, Held):
            raise busy(night_id)
        advance(unit, tasks.lock_night(unit, night_id))
    return night_id


def _last_ended(unit: Unit, source_id: int) -> int:
    """The source's last run that has ended; one that a process left open is gone on with."""
    return next((run.id for run in harvests.last_runs(unit, source_id) if run.state != "running"), 0)


def await_night(system: System, night_id: int, *, tell: Callable[[Told], None] = lambda _: None) -> Receipt:
    """Wait until the night has ended, whoever does it, and return its receipt."""
    while True:
        with suppress(StoreBusyError), system.database.read() as unit:
            night = tasks.get_night(unit, night_id)
            counted = tasks.count_tasks(unit, night_id)
            for told in _told(counted):
                tell(told)
            if night.state != "open":
                return unpacked(night.receipt, Receipt)
        time.sleep(POLL)


def _told(counted: list[tuple[str, str, int]]) -> list[Told]:
    done: dict[str, int] = {}
    total: dict[str, int] = {}
    for phase, state, count in counted:
        stage = INDEX if phase in (PLAN, FINISH) else phase
        total[stage] = total.get(stage, 0) + count
        done[stage] = done.get(stage, 0) + (count if state in ("done", "failed") else 0)
    return [Told(stage, "", done[stage], total[stage]) for stage in total]


def cancel_night(system: System) -> Night | None:
    """End the open night; its workers write nothing more. What is done stays, and the next night goes on from there."""
    with system.database.write() as unit:
        found = tasks.open_night(unit)
        if found is None:
            return None
        night = tasks.lock_night(unit, found.id)
        if night.state == "open":
            end(unit, night, f"It was cancelled by {owner_name()}.")
        return night


def night_status(unit: Unit, night: Night) -> NightStatus:
    counted: dict[str, dict[str, int]] = {}
    for phase, state, count in tasks.count_tasks(unit, night.id):
        counted.setdefault(phase, {})[state] = count
    its = tasks.tasks_of(unit, night.id)
    running = tuple(RunningTask(task.id, task.phase, task.owner, task.until) for task in its if task.state == "running")
    troubles = tuple(_trouble(task) for task in its if task.error and task.state != "done")
    return NightStatus(
        night.id, night.state, night.phase, night.begun, night.ended, night.message, counted, running, troubles
    )


def _trouble(task: Task) -> str:
    return f"{task.phase} {task.id}, {task.state}: {task.error}"
