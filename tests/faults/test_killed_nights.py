"""kill -9 at any moment of the night, then a plain night: the same state as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import psutil
import pytest

from tongcang.sample.consortium import build

PUBLICATIONS = 150
KILLS = 10
SEED = int(os.environ.get("TONGCANG_FAULT_SEED", "20261123"))


def demo(folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"TONGCANG_DATA": str(folder), "TONGCANG_WORKERS": "2"}
    words = ["demo", "--no-serve", "--json", "--publications", str(PUBLICATIONS)]
    return subprocess.Popen(
        [sys.executable, "-m", "tongcang.cli", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path) -> None:
    process = demo(folder)
    out, err = process.communicate(timeout=120)
    # 3: some sample files are cut off on purpose
    assert process.returncode in (0, 3), f"{out}\n{err}"


def children_end(session: int) -> None:
    """Whatever the dead night had started ends within ten seconds. Raises AssertionError otherwise."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = [p for p in psutil.process_iter() if _session(p.pid) == session and p.status() != psutil.STATUS_ZOMBIE]
        if not left:
            return
        time.sleep(0.1)
    commands = [" ".join(process.cmdline()) for process in left]
    for process in left:
        process.kill()
    raise AssertionError(f"left behind by a killed night: {commands}")


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def stay_at_day_0(folder: Path) -> None:
    """A night that ended before it was killed would let the next one play the day after."""
    (folder / "sample" / "day.json").write_text('{"day": 0, "done": false}', encoding="utf-8")


def state(folder: Path) -> str:
    words = [sys.executable, "-m", "tongcang.cli", "--data", str(folder), "store", "hash"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_kills_leave_no_trace(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    began = time.monotonic()
    finish(undisturbed)
    length = time.monotonic() - began
    expected = state(undisturbed)
    chance = Random(SEED)
    build(killed / "sample", publications=PUBLICATIONS)
    moments = []
    for _ in range(KILLS):
        stay_at_day_0(killed)
        process = demo(killed)
        moment = chance.uniform(0.2, 0.95) * length
        time.sleep(moment)
        # The night alone: its workers and the provider must see for themselves that it is gone.
        if process.poll() is None:
            moments.append(round(moment, 2))
            process.kill()
        process.wait()
        children_end(process.pid)
        process.communicate()
    stay_at_day_0(killed)
    finish(killed)
    assert moments, "every night was over before it was killed"
    assert state(killed) == expected, f"seed {SEED}, killed after {moments} s"
