"""A run of the tests as its servers see it: one folder for all workers, one lock, and the reaper beside it."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

VARIABLE = "TONGCANG_TEST_RUN"
"""Tells the workers, which inherit it, the run's folder and its controller's pid."""
ACCOUNT = "tongcang-test"
PORTS = range(15_000, 30_000)
"""Below the ports that outgoing connections get: a server must find its port free again after a kill."""
STOP_SECONDS = 30


class NotInstalledError(Exception):
    """What a real server needs is not on this machine; says what, and what installs it."""


class NotStartedError(Exception):
    """A server is installed and did not come up; quotes its log."""


@dataclass(frozen=True)
class Run:
    folder: Path
    controller: int

    @classmethod
    def begin(cls) -> Run:
        """Make this process the controller of a run. The folder is made on first use."""
        run = cls(open_temporary_folder() / f"tongcang-test-{secrets.token_hex(8)}", os.getpid())
        os.environ[VARIABLE] = f"{run.controller}:{run.folder}"
        return run

    @classmethod
    def current(cls) -> Run:
        controller, _, folder = os.environ[VARIABLE].partition(":")
        return cls(Path(folder), int(controller))

    def end(self) -> None:
        """Stop everything that the run started, and return when it is gone."""
        if not self.folder.exists():
            return
        with self.lock("shared"):
            (self.folder / "stop").touch()
        deadline = time.monotonic() + STOP_SECONDS
        while self.folder.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.folder.exists():
            raise NotStartedError(f"servers of this run are still there after {STOP_SECONDS} s: see {self.folder}")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """One process at a time in the whole run; a process that dies lets go."""
        self._open()
        with (self.folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def once(self, name: str, start: Callable[[], str]) -> str:
        """What `start` gave to the first process that asked: an URL. A failure is told to all and not tried again."""
        with self.lock("shared"):
            told = self.folder / f"{name}.json"
            if not told.exists():
                told.write_text(json.dumps(_outcome(start)), encoding="utf-8")
            outcome = json.loads(told.read_text(encoding="utf-8"))
        if "missing" in outcome:
            raise NotInstalledError(outcome["missing"])
        if "failed" in outcome:
            raise NotStartedError(outcome["failed"])
        return str(outcome["url"])

    def subfolder(self, name: str) -> Path:
        """A new folder that belongs to the account that servers run as."""
        self._open()
        made = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        self.give(made)
        return made

    def give(self, folder: Path) -> None:
        account = server_account()
        if account is not None:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, account, account)

    def _open(self) -> None:
        """The folder and the reaper, before anything is started."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o711)
        with (self.folder / "reaper.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not (self.folder / "reaper.pid").exists():
                process = subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("reaper.py")), str(self.controller), self.folder],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
                (self.folder / "reaper.pid").write_text(str(process.pid))
                _BESIDE.append(process)


_BESIDE: list[subprocess.Popen[bytes]] = []
"""Outlives this process on purpose; kept so that nobody warns of it."""


def _outcome(start: Callable[[], str]) -> dict[str, str]:
    try:
        return {"url": start()}
    except NotInstalledError as missing:
        return {"missing": str(missing)}
    except NotStartedError as failed:
        return {"failed": str(failed)}


def open_temporary_folder() -> Path:
    """Where the servers' account may go too: a temporary folder below root's home is closed to it."""
    told = Path(tempfile.gettempdir()).resolve()
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in (told, *told.parents)):
        return told
    return Path("/tmp")


def server_account() -> str | None:
    """Who servers run as when we are root, which both refuse to be: an account of our own. None: ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # 9: another run has just made it
        if done.returncode not in (0, 9):
            raise NotInstalledError(
                f"servers don't run as root, and the account {ACCOUNT} can't be made: {done.stderr}"
            ) from None
    return ACCOUNT


def run_as_server(
    command: Sequence[str | Path], folder: Path, log: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command as the servers' account, in its folder, with nothing of our environment but the path."""
    account = server_account()
    told = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(folder), **(environment or {})}
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=told,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=account,
            group=account,
            extra_groups=[] if account else None,
            start_new_session=True,
        )


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, 500):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise NotStartedError(f"no {count} free ports on 127.0.0.1 between {PORTS.start} and {PORTS.stop}")


def alive(pid: int) -> bool:
    """A zombie is dead: where nobody collects orphans it stays for long."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill_hard(processes: list[psutil.Process]) -> None:
    """SIGKILL, and wait until they are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + STOP_SECONDS
    while left := [process for process in processes if alive(process.pid)]:
        if time.monotonic() > deadline:
            raise NotStartedError(f"still there {STOP_SECONDS} s after SIGKILL: {left}")
        time.sleep(0.02)


def tail(log: Path, lines: int = 30) -> str:
    if not log.exists():
        return f"({log.name}: nothing was written)"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
