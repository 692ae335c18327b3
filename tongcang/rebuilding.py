"""The index built anew beside the live one, and the way back: the work lock is held only for the end of either."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from indexer.build import IndexCounts, build_beside, roll_back
from indexer.engine.protocol import Health
from indexer.generations import BUILD
from store import generations, leases, unions
from store.generations import RefusedUnion
from tongcang.system import BusyError, System

POLL = 1.0
"""Seconds between two attempts to get the work lock."""

SHOWN = 1000
"""Refused union records that the status lists."""


def rebuild_index(
    system: System,
    workers: Executor | None,
    *,
    patience: float,
    progress: Callable[[int], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> IndexCounts:
    """Nights may go on meanwhile. For the switch it waits `patience` seconds for the work lock, and says so.

    Raises BusyError where it didn't get it, and GateError; the live index stays then.
    """

    @contextmanager
    def alone(meanwhile: Callable[[], None]) -> Iterator[None]:
        ends = time.monotonic() + patience
        with ExitStack() as stack:
            waiting = False
            while True:
                try:
                    stack.enter_context(system.work_lock())
                    break
                except BusyError as busy:
                    if time.monotonic() >= ends:
                        raise BusyError(
                            f"The new index was built, but could not be switched to within {patience / 60:.0f} "
                            f"minutes, and was given up: {busy}"
                        ) from busy
                    if not waiting:
                        say(f"The new index is ready and follows the changes until it can be switched to. {busy}")
                        waiting = True
                time.sleep(min(POLL, max(0.0, ends - time.monotonic())))
                meanwhile()
            yield

    return build_beside(system.database, system.engine, alone, executor=workers, progress=progress)


def roll_back_index(
    system: System, workers: Executor | None, *, progress: Callable[[int], None] = lambda _: None
) -> IndexCounts:
    """Make the generation before the live one live again, brought up to date. Raises GateError and BusyError."""
    with system.work_lock():
        return roll_back(system.database, system.engine, executor=workers, progress=progress)


class IndexStatus(Struct, frozen=True):
    """The index beside the store."""

    health: Health
    stored: int  # union records
    behind: int  # union records that have changed since the index took in any
    refused: tuple[RefusedUnion, ...]  # that the live generation would not take; at most SHOWN
    refused_in_all: int
    generations: tuple[str, ...]
    previous: str  # what `index rollback` goes back to; "" = there is none
    building: str  # by whom a generation is being built; "" = nobody does

    @property
    def ok(self) -> bool:
        return self.health.ok and not self.behind and self.health.documents + self.refused_in_all == self.stored


def index_status(system: System) -> IndexStatus:
    """Changes nothing."""
    health = system.engine.health()
    names = tuple(system.engine.generations()) if health.ok else ()
    with system.database.read() as unit:
        builder = leases.holder(unit, BUILD)
        previous = generations.generation_with(unit, generations.PREVIOUS) or ""
        return IndexStatus(
            health,
            unions.count_unions(unit),
            unions.count_behind(unit, generations.watermark_of(unit, health.generation)),
            tuple(generations.refused_unions(unit, health.generation, SHOWN)),
            generations.count_refused(unit, health.generation),
            names,
            previous if previous in names else "",
            builder.owner if builder else "",
        )
