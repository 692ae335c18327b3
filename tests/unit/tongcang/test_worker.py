"""What a worker knows of its task between two batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.leases import LeaseLost
from store.tasks import Task
from tongcang.settings import Settings
from tongcang.system import System
from tongcang.work import Worker, _now


def task(number: int) -> Task:
    return Task(number, 1, "index", "[0, 1]", "running", "", 0.0, 0.0, 0, 0, 0, "", "")


def test_a_lease_that_was_lost_stops_its_task_and_not_the_next(tmp_path: Path) -> None:
    worker = Worker(System(Settings(data=str(tmp_path))))
    first, second = task(1), task(2)
    worker.alive, worker.task, worker.lost = _now(), first, first
    with pytest.raises(LeaseLost, match="ran out"):
        worker._step()
    worker.task = second  # while the heartbeat was still finding out about the first
    worker._step()
