"""Who may work: one process, or one queued night; whoever is refused is told who and since when."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.model import Library
from store import libraries
from store.database import Database
from store.leases import WORK, LeaseLost, take_lease
from tongcang.queue import cancel_night, queue_night
from tongcang.settings import Settings
from tongcang.system import BusyError, System

OURS = re.escape(f"process {os.getpid()} on ")


@pytest.fixture
def system(database: Database, tmp_path: Path) -> Iterator[System]:
    opened = another(database, tmp_path)
    yield opened
    opened.close()


def another(database: Database, folder: Path, lease_seconds: int = 60) -> System:
    """As another process has it."""
    url = database.url.render_as_string(hide_password=False)
    return System(Settings(data=str(folder), database=url, workers=1, lease_seconds=lease_seconds))


def test_the_second_is_told_who_is_at_work(system: System, database: Database, tmp_path: Path) -> None:
    second = another(database, tmp_path)
    with system.work_lock():
        with pytest.raises(BusyError, match=OURS) as told, second.work_lock():
            pass
        assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(told.value))
    with second.work_lock(), second.database.write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
    second.close()


def test_no_process_works_beside_a_queued_night(system: System, database: Database, tmp_path: Path) -> None:
    night_id = queue_night(system, [])
    second = another(database, tmp_path)
    with pytest.raises(BusyError, match=f"night {night_id} since .* tongcang nights"), second.work_lock():
        pass
    with pytest.raises(BusyError, match=f"night {night_id}"):
        queue_night(second, [])
    assert cancel_night(second) is not None
    assert cancel_night(second) is None
    with second.work_lock():
        pass
    second.close()


def test_no_night_is_queued_beside_a_process(system: System, database: Database, tmp_path: Path) -> None:
    second = another(database, tmp_path)
    with system.work_lock(), pytest.raises(BusyError, match=OURS):
        queue_night(second, [])
    queue_night(second, [])
    second.close()


def test_the_lock_outlives_its_lease_while_its_process_lives(database: Database, tmp_path: Path) -> None:
    first, second = another(database, tmp_path, lease_seconds=2), another(database, tmp_path)
    with first.work_lock():
        time.sleep(2.5)
        with pytest.raises(BusyError), second.work_lock():
            pass
    for opened in (first, second):
        opened.close()


def test_a_process_that_lost_its_lease_writes_nothing(migrated_postgres_url: str, tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path), database=migrated_postgres_url, workers=1, lease_seconds=30))
    unguarded = system.database
    with pytest.raises(LeaseLost), system.work_lock():
        with unguarded.write() as unit:
            unit.exec_driver_sql("UPDATE lease SET until = 0")  # as if it had been paused for a minute
            assert take_lease(unit, WORK, "别的进程", 60) is None
        with system.database.write() as unit:
            libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
    with system.database.write() as unit:
        assert libraries.all_libraries(unit) == []
        held = take_lease(unit, WORK, "第三个", 60)
    assert held is not None
    assert held.owner == "别的进程"
    system.close()
