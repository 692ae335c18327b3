"""Runs beside a test run: when the run has ended, however it ended, its servers are stopped and its folder removed.

python reaper.py CONTROLLER-PID FOLDER
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

LABEL = "tongcang.test.run"
POLL_SECONDS = 0.2


def alive(process: psutil.Process) -> bool:
    """The same process as it was, and not dead and uncollected."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def started_in(folder: Path) -> list[psutil.Process]:
    """The processes that have the run's folder on their command line, and their children; not ourselves."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and any(str(folder) in word for word in process.cmdline()):
                found |= {one.pid: one for one in (process, *process.children(recursive=True)) if alive(one)}
    return list(found.values())


def stop_all(folder: Path) -> None:
    """Until none is left: a launcher may start its server while we look."""
    while processes := started_in(folder):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.05)
    docker = shutil.which("docker")
    if docker is None or not (folder / "containers").exists():
        return
    for kind, remove in (("ps -aq", "rm -f -v"), ("network ls -q", "network rm")):
        listed = subprocess.run(
            [docker, *kind.split(), "--filter", f"label={LABEL}={folder.name}"], capture_output=True, text=True
        )
        for one in listed.stdout.split():
            subprocess.run([docker, *remove.split(), one], capture_output=True)


def main(controller_pid: int, folder: Path) -> None:
    try:
        controller = psutil.Process(controller_pid)
        while alive(controller) and not (folder / "stop").exists():
            time.sleep(POLL_SECONDS)
    except psutil.NoSuchProcess:
        pass
    stop_all(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
