"""The scheduler has one job: the night, at the set hour, never twice at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from mappings.model import Library
from store import libraries
from store.libraries import SourceConfig
from tongcang.scheduler import make_scheduler, night_once
from tongcang.settings import Settings
from tongcang.system import System


def test_the_night_is_due_at_the_set_hour_in_the_set_zone(tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path), night="03:45"))
    job = next(each for each in make_scheduler(system).get_jobs() if each.id == "night")
    due = job.trigger.get_next_fire_time(None, datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert due is not None
    assert due.astimezone(UTC) == datetime(2026, 11, 23, 19, 45, tzinfo=UTC)  # 03:45 in Beijing is 19:45 UTC
    assert (job.max_instances, job.coalesce) == (1, True)
    assert due.utcoffset() == timedelta(hours=8)


def test_a_night_that_fails_is_logged_and_does_not_end_the_scheduler(tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path / "data"), workers=1))
    with system.database.write() as unit:
        libraries.put_library(unit, Library("RUC", "中国人民大学图书馆", "Renmin"))
        libraries.put_source(unit, "RUC/files", "RUC", "marc_files", SourceConfig(path=str(tmp_path / "没有")))
    assert night_once(system) == "failed"
    with system.work_lock():
        assert night_once(System(system.settings)) == "failed"
    system.close()
