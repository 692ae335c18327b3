"""The scheduler: its own process. At the set hour it starts the night, and has readers' data forgotten that are due."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from types import FrameType

import structlog
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from harvester.sources.protocol import SourceError
from indexer.engine.protocol import EngineError
from indexer.gate import GateError
from routing.retention import forget_due
from store.database import StoreError
from store.leases import LeaseLost
from tongcang.night import active_sources, log_receipt, named_night, run_night
from tongcang.pulse import EVERY, beat
from tongcang.queue import queue_night
from tongcang.system import BusyError, System

log = structlog.get_logger("tongcang.scheduler")

GRACE_SECONDS = 6 * 3600
"""A machine that slept through the hour still has its night, until the readers come."""


def night_once(system: System) -> str:
    """One night, or one handed to the workers; its state. An error that a person can mend is logged, and the next night
    comes all the same."""
    try:
        if system.settings.queue:
            log.info("night_queued", night=queue_night(system, active_sources(system)))
            return "queued"
        with named_night():
            receipt = run_night(system, active_sources(system))
            log_receipt(receipt)
    except (StoreError, EngineError, SourceError, GateError, BusyError, LeaseLost) as error:
        log.error("night_failed", reason=str(error))
        return "failed"
    return receipt.state


def forget_readers(system: System) -> None:
    """Readers' data that were kept for long enough are forgotten; if it can't be done today, then tomorrow."""
    try:
        log.info("readers_forgotten", requests=forget_due(system.database, datetime.now(UTC)))
    except StoreError as error:
        log.error("forgetting_failed", reason=str(error))


def make_scheduler(system: System) -> BlockingScheduler:
    """A scheduler with the night in it, not yet started."""
    hour, minute = system.settings.night_time()
    zone = system.settings.zone()
    scheduler = BlockingScheduler(timezone=zone)
    scheduler.add_job(
        night_once,
        CronTrigger(hour=hour, minute=minute, timezone=zone),
        args=[system],
        id="night",
        coalesce=True,
        max_instances=1,
        misfire_grace_time=GRACE_SECONDS,
    )
    scheduler.add_job(
        forget_readers,
        CronTrigger(hour=hour, minute=minute, timezone=zone),
        args=[system],
        id="forget",
        coalesce=True,
        max_instances=1,
        misfire_grace_time=GRACE_SECONDS,
    )
    if system.settings.pulse:
        beat(system.settings)
        every = IntervalTrigger(seconds=EVERY, timezone=zone)
        scheduler.add_job(beat, every, args=[system.settings], id="pulse", coalesce=True, max_instances=1)
    return scheduler


def run_scheduler(system: System) -> None:
    """Until SIGTERM or SIGINT; a night that is going on is finished first."""
    scheduler = make_scheduler(system)

    def stop(_number: int, _frame: FrameType | None) -> None:
        scheduler.shutdown(wait=False)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("scheduler_started", night=system.settings.night, time_zone=system.settings.time_zone)
    scheduler.start()
