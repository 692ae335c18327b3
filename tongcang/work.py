"""A worker: takes tasks of the open night from the database, one at a time, until it is stopped.

Invariant: whatever is stored for a task is stored in a transaction that held the task's lease. A worker that dies loses
its lease when it runs out, and nothing else; one that was held up finds out in its next transaction, which is undone.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType

import structlog

from harvester.sources.protocol import SourceError
from indexer.engine.protocol import EngineError, Unavailable
from indexer.gate import GateError
from indexer.generations import owner_name
from store import tasks
from store.database import Database, StoreBusyError, StoreError, Unit
from store.leases import LeaseLost
from store.tasks import Night, Task
from tongcang.night import Receipt, log_receipt
from tongcang.phases import At, advance, give_up, perform, unpacked
from tongcang.pulse import beat
from tongcang.system import System, relax_collector

log = structlog.get_logger("tongcang.work")

POLL = 1.0
"""Seconds between two looks for a task, give or take half."""

TICK = 0.2
ATTEMPTS = 3
"""So often a task may fail by an error of its own."""

DEATHS = 25
"""So many workers may die of a task, or while they have it: a task that kills would go round for ever."""

LONGEST_PAUSE = 30.0
STOP_SECONDS = 5.0
"""A batch that isn't done so long after SIGTERM is not waited for, unless it is just being stored."""


class _Stopped(Exception):  # noqa: N818 — it says what has happened
    """The worker was told to stop, and is between two batches."""


class Worker:
    """One process's worker. Make it and `run` it in the main thread."""

    def __init__(self, system: System, *, processes: int = 1, once: bool = False) -> None:
        self.system = system
        self.processes = processes
        self.once = once
        self.owner = owner_name()
        self.stopping = 0.0  # when it was told to; a plain number, since a signal's handler must take no lock
        self.task: Task | None = None
        self.alive = 0.0  # when the task's lease was last extended, by CLOCK_BOOTTIME
        self.lost: Task | None = None  # the heartbeat found its lease lost; it may tell of one that is over by now

    def run(self) -> None:
        """Until SIGTERM or SIGINT; with `once` until no night is open. Raises StoreError where trying again is vain."""
        relax_collector()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        ended = threading.Event()
        beating = threading.Thread(target=self._beat, args=(ended,), name="heartbeat", daemon=True)
        beating.start()
        log.info("worker_started", owner=self.owner, processes=self.processes)
        try:
            over = False
            while not over:
                with suppress(BrokenProcessPool), self.system.workers(self.processes) as executor:
                    over = self._work(executor)
        finally:
            ended.set()
            beating.join()
        log.info("worker_stopped", owner=self.owner)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = self.stopping or _now()

    def _over(self) -> bool:
        if self.stopping:
            return True
        if not self.once:
            return False
        with self.system.database.read() as unit:
            return tasks.open_night(unit) is None

    def _work(self, executor: Executor | None) -> bool:
        """Task after task until it is over. Raises BrokenProcessPool where the executor is of no use any more."""
        away = 0
        while True:
            beat(self.system.settings)
            try:
                if self._over():
                    return True
                with self.system.database.write() as unit:
                    task = tasks.claim(unit, self.owner, self._seconds)
                    night = tasks.get_night(unit, task.night_id) if task is not None else None
                away = 0
            except StoreBusyError as error:
                log.warning("store_away", reason=str(error))
                self._sleep(_pause(away))
                away += 1
                continue
            if task is None or night is None:
                self._sleep(POLL * random.uniform(0.5, 1.5))
                continue
            with structlog.contextvars.bound_contextvars(night=night.id, task=task.id, phase=task.phase):
                self._do(task, night, executor)

    @property
    def _seconds(self) -> float:
        return float(self.system.settings.lease_seconds)

    # ------------------------------------------------------------------------------------------ one task

    def _do(self, task: Task, night: Night, executor: Executor | None) -> None:
        """Perform the task and settle it, whatever comes of it."""
        self.alive, self.task = _now(), task
        database = self.system.database.guarded(lambda unit: self._check(unit, task))
        began = time.monotonic()
        try:
            if task.lost > DEATHS:
                self._fail(task, f"{task.lost} workers died or were held up while they had it. {task.error}")
                return
            log.info("task_begun", attempt=task.attempts + 1, lost=task.lost)
            result = perform(At(self.system, database, executor, self._step, night), task)
            if self._settle(task, lambda unit, _: tasks.finish(unit, task.id, self.owner, result)):
                log.info("task_done", seconds=round(time.monotonic() - began, 1))
        except _Stopped:
            self._give_back(task)
            log.info("task_given_back")
        except SourceError as error:
            assert error.not_before is not None
            self._give_back(task, pause=(error.not_before - datetime.now(UTC)).total_seconds(), error=str(error))
            log.info("task_waits", reason=str(error))
        except (StoreBusyError, Unavailable) as error:
            self._give_back(task, pause=_pause(task.pauses), pauses=task.pauses + 1, error=str(error))
            log.warning("server_away", reason=str(error))
        except GateError as error:
            self._fail(task, str(error))
        except Exception as error:  # whatever it is, it ends a task and no worker
            self._retry(task, error)
            if isinstance(error, BrokenProcessPool):
                raise
        finally:
            self.task = None

    def _retry(self, task: Task, error: Exception) -> None:
        """An error of the task's own: a few attempts more, then it is given up."""
        message = str(error) or type(error).__name__
        if task.attempts + 1 >= ATTEMPTS:
            self._fail(task, message)
        elif self._give_back(task, pause=_pause(task.attempts), attempts=task.attempts + 1, error=message):
            known = isinstance(error, StoreError | EngineError | LeaseLost)
            log.error("task_failed", reason=message, attempt=task.attempts + 1, exc_info=None if known else error)

    def _fail(self, task: Task, message: str) -> None:
        def change(unit: Unit, night: Night) -> None:
            tasks.fail(unit, task.id, self.owner, message)
            give_up(unit, night, task, message)

        if self._settle(task, change):
            log.error("task_given_up", reason=message)

    def _give_back(self, task: Task, *, pause: float = 0.0, **noted: str | int) -> bool:
        def change(database: Database) -> None:
            with database.write() as unit:
                tasks.give_back(unit, task.id, self.owner, pause=max(0.0, pause), **noted)

        return self._stored(change)

    def _settle(self, task: Task, change: Callable[[Unit, Night], None]) -> bool:
        """Change the task, and the night with it, in one transaction; say so where that ended the night."""

        def settle(database: Database) -> None:
            with database.write() as unit:
                change(unit, tasks.lock_night(unit, task.night_id))
                night = tasks.get_night(unit, task.night_id)
                if night.state == "open":
                    advance(unit, night)
                    night = tasks.get_night(unit, task.night_id)
            if night.state != "open":
                log_receipt(unpacked(night.receipt, Receipt))

        return self._stored(settle)

    def _stored(self, change: Callable[[Database], None]) -> bool:
        """Do it as soon as the database is there. False = the task is somebody else's by now, or is left to them."""
        away = 0
        while True:
            try:
                change(self.system.database)
                return True
            except LeaseLost as error:
                log.warning("lease_lost", reason=str(error))
                return False
            except StoreBusyError as error:
                if self.stopping:
                    return False  # its lease runs out
                log.warning("store_away", reason=str(error))
                self._sleep(_pause(away))
                away += 1

    # ------------------------------------------------------------------------------------------ lease and signals

    def _check(self, unit: Unit, task: Task) -> None:
        """Guards every transaction of the task."""
        asked = _now()
        tasks.extend(unit, task.id, self.owner, self._seconds)
        self.alive = asked

    def _step(self) -> None:
        """Between two batches. What is written to the engine has no transaction that could find the lease lost."""
        beat(self.system.settings)
        if self.stopping:
            raise _Stopped
        if self.task is None or self.lost is self.task:
            raise LeaseLost("The task's lease ran out while this worker was held up.")
        if _now() - self.alive > self._seconds:
            self._extend(self.task)

    def _beat(self, ended: threading.Event) -> None:
        """In a thread of its own: extends the lease, and ends the process where a batch keeps it from stopping."""
        due = 0.0
        while not ended.wait(min(TICK, self._seconds / 3)):
            task = self.task
            if task is None:
                continue
            if self.stopping and _now() - self.stopping > STOP_SECONDS:
                self._leave(task)
            elif _now() >= due:
                due = _now() + self._seconds / 3
                try:
                    self._extend(task)
                except LeaseLost:
                    self.lost = task
                except StoreError as error:
                    log.warning("lease_not_extended", reason=str(error))

    def _extend(self, task: Task) -> None:
        with self.system.database.write() as unit:
            self._check(unit, task)

    def _leave(self, task: Task) -> None:
        """Give the task back as soon as the batch that is being stored is stored, and end the process."""
        with suppress(StoreError, LeaseLost):
            with self.system.database.write() as unit:
                tasks.give_back(unit, task.id, self.owner)
            log.info("task_given_back", task=task.id)
        if self.task is task:
            log.info("worker_stopped", owner=self.owner)
            os._exit(0)

    def _sleep(self, seconds: float) -> None:
        """Less where it is told to stop."""
        until = _now() + seconds
        while not self.stopping and (left := until - _now()) > 0:
            time.sleep(min(TICK, left))


def _now() -> float:
    """Goes on while the machine sleeps, and is never set back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _pause(before: int) -> float:
    """Seconds: 0.5, 1, 2 … up to LONGEST_PAUSE, less a random part, so that not all workers come at once."""
    return float(min(LONGEST_PAUSE, 0.5 * 2 ** min(before, 10)) * random.uniform(0.5, 1.0))
