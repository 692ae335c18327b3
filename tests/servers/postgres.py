"""PostgreSQL from the system's packages: one for all tests of a run, or one of its own for a test that kills it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psutil

from .containers import ContainerPostgres, require_docker
from .run import NotInstalledError, NotStartedError, Run, alive, free_ports, kill_hard, run_as_server, tail

VERSION = 15
"""The oldest that Tongcang runs on."""
START_SECONDS = 60
SUPERUSER = "postgres"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests that never kill the server."""
MANY = {"max_connections": "300"}
"""For all workers of a run."""
LOCAL = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "''"}


def find_binaries() -> Path:
    """The folder of initdb, postgres and pg_ctl, newest version first."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: -float(one.parent.name))
    folders += [Path(one) for one in os.environ.get("PATH", "").split(os.pathsep)]
    seen = ""
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "pg_ctl")):
            told = subprocess.run(
                [folder / "postgres", "--version"], capture_output=True, text=True, check=False
            ).stdout
            version = re.search(r"(\d+)", told)
            if version and int(version[1]) >= VERSION:
                return folder
            seen = f" (found: {told.strip()})"
    raise NotInstalledError(
        f"PostgreSQL {VERSION} or later is not installed{seen}: make servers installs it (Debian: postgresql)"
    )


class Postgres(Protocol):
    """A server that a test may kill and start again; `kill` is kill -9 of all its processes."""

    @property
    def url(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def stop(self) -> None: ...


class PackagedPostgres:
    """A server over a data folder of its own on 127.0.0.1, everybody trusted."""

    def __init__(self, run: Run, settings: Mapping[str, str]) -> None:
        self.binaries = find_binaries()
        self.run = run
        self.folder = run.subfolder("postgres")
        self.port = free_ports(1)[0]
        self.settings = {"port": str(self.port), **LOCAL, **settings}
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"
        choices = ["--encoding=UTF8", "--locale=C.UTF-8", "--username", SUPERUSER, "--auth=trust", "--no-sync"]
        self._finish(self.binaries / "initdb", "-D", self._data, *choices)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """Of the postmaster; None while it is down."""
        file = self._data / "postmaster.pid"
        if not file.exists():
            return None
        pid = int(file.read_text().split("\n", 1)[0])
        return pid if alive(pid) else None

    def start(self) -> None:
        """Returns when it takes connections, after its recovery where it was killed."""
        if self.pid is None:
            # PostgreSQL takes a killed postmaster for a running one as long as nobody has collected it
            (self._data / "postmaster.pid").unlink(missing_ok=True)
        options = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        wait = ["-w", "-t", str(START_SECONDS)]
        self._finish(self.binaries / "pg_ctl", "-D", self._data, "-l", self._log, *wait, "-o", options, "start")

    def kill(self) -> None:
        """kill -9 of the postmaster and all that it started, as when the power goes."""
        if (pid := self.pid) is None:
            return
        postmaster = psutil.Process(pid)
        kill_hard([postmaster, *postmaster.children(recursive=True)])

    def stop(self) -> None:
        """For good, with its data."""
        self.kill()
        shutil.rmtree(self.folder)

    def _finish(self, *command: str | Path) -> None:
        console = self.folder / "console.log"
        process = run_as_server(command, self.folder, console)
        try:
            status = process.wait(START_SECONDS + 30)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if status != 0:
            raise NotStartedError(f"{Path(command[0]).name} failed (exit {status})\n{tail(console)}\n{tail(self._log)}")


def new_postgres(run: Run, *, durable: bool) -> Postgres:
    """Not started yet. `durable`: what was committed outlives a kill."""
    settings = MANY if durable else MANY | FAST
    try:
        find_binaries()
    except NotInstalledError as missing:
        require_docker(missing)
        return ContainerPostgres(run, f"postgres-{secrets.token_hex(4)}", settings)
    return PackagedPostgres(run, settings)


def start_shared(run: Run) -> str:
    """The URL of the one server for all tests of the run, which make databases of their own in it."""
    server = new_postgres(run, durable=False)
    server.start()
    return server.url
