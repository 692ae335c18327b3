"""The demo stops what it started, however it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, uvicorn
from tongcang.commands.demo import dispatcher
from tongcang.settings import Settings

async def app(scope, receive, send): ...
with dispatcher(Settings(data=sys.argv[1])):
    children = open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()
    print(*children, flush=True)
    uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="critical")).run()
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the children of a process are read from /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_dispatcher_ends_with_it(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            [child] = map(int, demo.stdout.readline().split())
            demo.send_signal(number)
            demo.wait(20)
        finally:
            demo.kill()
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        return
    pytest.fail("its dispatcher went on without it")
