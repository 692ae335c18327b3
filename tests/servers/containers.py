"""The same servers by Docker, where a Docker engine answers and the machine has nothing of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence

import psycopg

from .distribution import VERSION as ELASTIC_VERSION
from .reaper import LABEL
from .run import NotInstalledError, NotStartedError, Run, free_ports

ELASTIC_IMAGE = f"elasticsearch:{ELASTIC_VERSION}"
POSTGRES_IMAGE = "postgres:15"
PULL_SECONDS = 280
START_SECONDS = 120


def docker(*words: str, seconds: float = 60) -> str:
    """What a docker command prints."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        raise NotStartedError(f"docker {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def engine_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        docker("version", "--format", "{{.Server.Version}}", seconds=10)
    except (NotStartedError, subprocess.TimeoutExpired):
        return False
    return True


def require_docker(otherwise: NotInstalledError) -> None:
    if not engine_answers():
        raise NotInstalledError(f"{otherwise}; and no Docker engine answers")


class Container:
    """One container of a run; its data outlive a kill."""

    def __init__(
        self, run: Run, name: str, image: str, inside: int, settings: Mapping[str, str], command: Sequence[str] = ()
    ) -> None:
        network = run.folder.name
        with run.lock("containers"):
            # from here on the reaper asks Docker too
            (run.folder / "containers").touch()
            if not docker("network", "ls", "-q", "--filter", f"name={network}"):
                docker("network", "create", "--label", f"{LABEL}={network}", network)
        self.port = free_ports(1)[0]
        self.name = f"{network}-{name}"
        told = [word for key, value in settings.items() for word in ("-e", f"{key}={value}")]
        place = ["--network", network, "--network-alias", name, "-p", f"127.0.0.1:{self.port}:{inside}"]
        limits = ["--ulimit", "nofile=65535:65535"]
        labelled = ["--name", self.name, "--label", f"{LABEL}={network}"]
        docker("create", *labelled, *place, *limits, *told, image, *command, seconds=PULL_SECONDS)

    @property
    def pid(self) -> int | None:
        """As the Docker engine's machine counts; None while it is down."""
        return int(docker("inspect", "--format", "{{.State.Pid}}", self.name)) or None

    def begin(self) -> None:
        docker("start", self.name)

    def kill(self) -> None:
        if self.pid is not None:
            docker("kill", "--signal", "KILL", self.name)

    def stop(self) -> None:
        docker("rm", "--force", "--volumes", self.name)

    def await_answer(self, answers: Callable[[], object], refusal: type[Exception]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                answers()
            except refusal as error:
                if time.monotonic() > deadline or self.pid is None:
                    log = docker("logs", "--tail", "30", self.name)
                    raise NotStartedError(f"{self.name} does not answer: {error}\n{log}") from error
                time.sleep(0.2)
            else:
                return


class ContainerNode(Container):
    """An Elasticsearch node."""

    def __init__(self, run: Run, name: str, discovery: dict[str, str], heap_mb: int) -> None:
        settings = {
            "node.name": name,
            "cluster.name": run.folder.name,
            "xpack.security.enabled": "false",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            # else the host's vm.max_map_count would have to be raised
            "node.store.allow_mmap": "false",
            "ES_JAVA_OPTS": f"-Xms{heap_mb}m -Xmx{heap_mb}m",
        }
        super().__init__(run, name, ELASTIC_IMAGE, 9200, settings | discovery)
        self.node_name = name
        self.url = f"http://127.0.0.1:{self.port}"

    def await_up(self) -> None:
        self.await_answer(lambda: urllib.request.urlopen(f"{self.url}/_cluster/health", timeout=5).close(), OSError)


class ContainerPostgres(Container):
    def __init__(self, run: Run, name: str, settings: Mapping[str, str]) -> None:
        told = {"POSTGRES_HOST_AUTH_METHOD": "trust", "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8"}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        super().__init__(run, name, POSTGRES_IMAGE, 5432, told, ["postgres", *options])

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self.begin()
        address = self.url.replace("+psycopg", "")
        self.await_answer(lambda: psycopg.connect(address, connect_timeout=5).close(), psycopg.OperationalError)
