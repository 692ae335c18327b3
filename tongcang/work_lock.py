"""Who may harvest, catalogue and index: one process, or the workers of one queued night.

On SQLite a lock on a file of the data folder, which dies with its process; on PostgreSQL, where processes of many
machines share one database, the lease `work` in it. A queued night holds that lease on both.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from indexer.generations import owner_name
from store.database import Database, StoreError
from store.leases import WORK, Held, LeaseLost, drop_lease, extend_lease, holder, lease_check, take_lease
from store.tasks import is_night

log = structlog.get_logger("tongcang.work_lock")


class BusyError(Exception):
    """Another process is at work on the same data. The message says which, since when, and what to do."""


def busy(held: Held) -> BusyError:
    if is_night(held.owner):
        return BusyError(
            f"The workers have been at {held.owner} since {_time(held.since)}. Wait until it has ended, or see how "
            "far it is: tongcang nights"
        )
    return BusyError(
        f"Another process is harvesting or indexing since {_time(held.since)}: {held.owner}. Wait until it is done. "
        f"If it has died, this can be run again after {_time(held.until)}."
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@contextmanager
def file_lock(folder: Path) -> Iterator[None]:
    """Of the data folder, among the processes of one machine."""
    path = folder / "work.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"The data folder {folder} can't be written: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            who = file.read().strip() or "it has just begun"
            raise BusyError(
                f"Another process is harvesting or indexing in {folder}: {who}. Wait until it is done."
            ) from None
        file.truncate(0)
        file.write(f"{owner_name()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        yield


def refuse_beside_a_night(database: Database) -> None:
    """Raises BusyError while a queued night is open."""
    with database.read() as unit:
        held = holder(unit, WORK)
    if held is not None:
        raise busy(held)


@contextmanager
def leased(database: Database, seconds: float) -> Iterator[Database]:
    """The database as the holder of the lease `work` sees it: once that is lost, nothing more is written."""
    owner = owner_name()
    with database.write() as unit:
        held = take_lease(unit, WORK, owner, seconds)
    if held is not None:
        raise busy(held)

    def extend() -> None:
        with database.write() as unit:
            extend_lease(unit, WORK, owner, seconds)

    try:
        with beating(extend, seconds / 3):
            yield database.guarded(lease_check(WORK, owner, seconds))
    finally:
        # Where the database is away, the lease runs out by itself.
        with suppress(StoreError), database.write() as unit:
            drop_lease(unit, WORK, owner)


@contextmanager
def beating(beat: Callable[[], None], every: float) -> Iterator[None]:
    """Call `beat` every so many seconds, in a thread, until the block ends or the lease is lost."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every):
            try:
                beat()
            except StoreError as error:
                log.warning("lease_not_extended", reason=str(error))
            except LeaseLost as error:
                log.error("lease_lost", reason=str(error))  # the next transaction of the block raises it
                return

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
