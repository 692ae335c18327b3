"""The pulse: whoever looks at the file's age can tell a process that hangs from one that works or waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tongcang.pulse import beat
from tongcang.scheduler import make_scheduler
from tongcang.settings import Settings
from tongcang.system import System
from tongcang.work import Worker

LONG_AGO = 1_000_000_000


def test_a_beat_makes_the_file_and_renews_it(tmp_path: Path) -> None:
    file = tmp_path / "脉搏"
    beat(Settings(pulse=str(file)))
    os.utime(file, (LONG_AGO, LONG_AGO))
    beat(Settings(pulse=str(file)))
    assert file.stat().st_mtime > LONG_AGO
    assert file.read_bytes() == b""


def test_without_the_setting_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    beat(Settings())
    assert list(tmp_path.iterdir()) == []


def test_the_scheduler_beats_at_once_and_every_half_minute(tmp_path: Path) -> None:
    file = tmp_path / "pulse"
    scheduler = make_scheduler(System(Settings(data=str(tmp_path), pulse=str(file))))
    assert file.exists()
    [job] = [job for job in scheduler.get_jobs() if job.id == "pulse"]
    os.utime(file, (LONG_AGO, LONG_AGO))
    job.func(*job.args)
    assert file.stat().st_mtime > LONG_AGO
    assert job.trigger.interval.total_seconds() == 30


def test_a_worker_beats_when_it_looks_for_a_task_and_between_batches(tmp_path: Path) -> None:
    file = tmp_path / "pulse"
    system = System(Settings(data=str(tmp_path), pulse=str(file), workers=1))
    worker = Worker(system, once=True)
    worker._work(None)
    assert file.exists()
    os.utime(file, (LONG_AGO, LONG_AGO))
    worker.task = None
    with pytest.raises(Exception, match="lease"):
        worker._step()
    assert file.stat().st_mtime > LONG_AGO
    system.close()
