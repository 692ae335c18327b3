"""The scheduler: its own process, which starts the night at the set hour and nothing else."""

from __future__ import annotations

import signal
from types import FrameType

import structlog
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from harvester.sources.protocol import SourceError
from indexer.build import GateError
from indexer.engine.protocol import EngineError
from store.database import StoreError
from tongcang.night import active_sources, run_night
from tongcang.system import BusyError, System

log = structlog.get_logger("tongcang.scheduler")

GRACE_SECONDS = 6 * 3600
"""A machine that slept through the hour still has its night, until the readers come."""


def night_once(system: System) -> str:
    """One night; an error that a person can mend is logged, and the next night comes all the same. Its state."""
    try:
        receipt = run_night(system, active_sources(system))
    except (StoreError, EngineError, SourceError, GateError, BusyError) as error:
        log.error("night_failed", reason=str(error))
        return "failed"
    for source in receipt.sources:
        if source.state != "complete":
            log.warning("source_not_complete", source=source.slug, state=source.state, reason=source.message)
    log.info("night_ended", state=receipt.state, union_records=receipt.union_records, seconds=receipt.seconds)
    return receipt.state


def make_scheduler(system: System) -> BlockingScheduler:
    """A scheduler with the night in it, not yet started."""
    hour, minute = system.settings.night_time()
    scheduler = BlockingScheduler(timezone=system.settings.time_zone)
    scheduler.add_job(
        night_once,
        CronTrigger(hour=hour, minute=minute, timezone=system.settings.time_zone),
        args=[system],
        id="night",
        coalesce=True,
        max_instances=1,
        misfire_grace_time=GRACE_SECONDS,
    )
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
