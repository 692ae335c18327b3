"""Elasticsearch: one node, or a cluster of three that tests may kill; from the distribution, else by Docker."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Protocol

import psutil

from .containers import ContainerNode, require_docker
from .distribution import find_java, find_zip, unpack
from .run import NotInstalledError, NotStartedError, Run, alive, free_ports, kill_hard, run_as_server, tail

START_SECONDS = 120
JVM_OPTIONS = """\
-XX:+UseSerialGC
-XX:-AlwaysPreTouch
-XX:TieredStopAtLevel=1
-XX:+ExitOnOutOfMemoryError
"""
"""For many short-lived servers on two cores: fewer threads, no memory before it is used, no second compiler."""
NODE_SETTINGS = """\
cluster.name: {cluster}
node.name: {name}
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
path.data: {folder}/data
path.logs: {folder}/logs
xpack.security.enabled: false
# A developer's nearly full disk is no test's business: past its watermark no shard would be placed.
cluster.routing.allocation.disk.threshold_enabled: false
"""


def ask(url: str, timeout: float = 10, method: str = "GET", body: Any = None) -> Any:
    """What an address answers, as JSON. URLError when it doesn't."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return json.load(answer)


class Node(Protocol):
    node_name: str
    url: str

    @property
    def pid(self) -> int | None: ...

    def begin(self) -> None: ...

    def await_up(self) -> None: ...

    def kill(self) -> None: ...


class DistributionNode:
    """One server process, with a folder of its own for data, log and settings."""

    def __init__(
        self, run: Run, name: str, ports: tuple[int, int], discovery: str, heap_mb: int, jvm_options: str = JVM_OPTIONS
    ) -> None:
        self.run, self.node_name = run, name
        self.jvm_options = f"{jvm_options}-Xms{heap_mb}m\n-Xmx{heap_mb}m\n"
        self.url = f"http://127.0.0.1:{ports[0]}"
        archive, self.java = find_zip(), find_java()
        with run.lock("unpack"):
            self.home = unpack(archive, run.folder)
        self.folder = run.subfolder(name)
        self._launcher: subprocess.Popen[bytes] | None = None
        self._configure(ports, discovery)

    def _configure(self, ports: tuple[int, int], discovery: str) -> None:
        configuration = self.folder / "config"
        for folder in (configuration, configuration / "jvm.options.d", self.folder / "logs", self.folder / "tmp"):
            folder.mkdir()
        shutil.copy(self.home / "config" / "log4j2.properties", configuration)
        # Elasticsearch's own flags (what it opens of the JDK), without its choice of collector
        own = (self.home / "config" / "jvm.options").read_text().replace("-XX:+UseG1GC", "")
        (configuration / "jvm.options").write_text(own)
        (configuration / "jvm.options.d" / "tests.options").write_text(self.jvm_options)
        settings = NODE_SETTINGS.format(
            cluster=self.run.folder.name, name=self.node_name, http=ports[0], transport=ports[1], folder=self.folder
        )
        (configuration / "elasticsearch.yml").write_text(settings + discovery)
        self.run.give(self.folder)

    def begin(self) -> None:
        """Start; `await_up` waits for it."""
        self._pid_file.unlink(missing_ok=True)
        self._launcher = run_as_server(
            [self.home / "bin" / "elasticsearch", "-d", "-p", self._pid_file],
            self.folder,
            self.folder / "console.log",
            {
                "ES_JAVA_HOME": str(self.java),
                "ES_PATH_CONF": str(self.folder / "config"),
                "ES_TMPDIR": str(self.folder / "tmp"),
            },
        )

    def await_up(self) -> None:
        """The launcher ends when the server answers; what it says when the server doesn't goes into the error."""
        assert self._launcher is not None
        try:
            status = self._launcher.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            status = -1
        if status != 0:
            log = self.folder / "logs" / f"{self.run.folder.name}.log"
            raise NotStartedError(
                f"Elasticsearch did not come up in {START_SECONDS} s (exit {status})\n"
                f"{tail(self.folder / 'console.log')}\n{tail(log)}"
            )
        self._launcher = None

    @property
    def pid(self) -> int | None:
        """Of the server's own process; None while it is down."""
        if not self._pid_file.exists():
            return None
        pid = int(self._pid_file.read_text())
        return pid if alive(pid) else None

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    def kill(self) -> None:
        """kill -9, of the launcher too while it still waits."""
        if self._launcher is not None:
            launcher = psutil.Process(self._launcher.pid)
            kill_hard([*launcher.children(recursive=True), launcher])
            self._launcher.wait()
            self._launcher = None
        if (pid := self.pid) is not None:
            kill_hard([psutil.Process(pid)])


def make_nodes(run: Run, names: list[str], heap_mb: int, jvm_options: str = JVM_OPTIONS) -> list[Node]:
    """Nodes that will find each other once they are started."""
    single = {"discovery.type": "single-node"}
    members = {"cluster.initial_master_nodes": ",".join(names)}
    try:
        find_zip(), find_java()
    except NotInstalledError as missing:
        require_docker(missing)
        told = single if len(names) == 1 else {"discovery.seed_hosts": ",".join(names), **members}
        return [ContainerNode(run, name, told, heap_mb) for name in names]
    ports = free_ports(2 * len(names))
    seeds = ",".join(f"127.0.0.1:{port}" for port in ports[1::2])
    told = single if len(names) == 1 else {"discovery.seed_hosts": seeds, **members}
    lines = "".join(f"{key}: {value}\n" for key, value in told.items())
    places = zip(names, ports[::2], ports[1::2], strict=True)
    return [
        DistributionNode(run, name, (http, transport), lines, heap_mb, jvm_options) for name, http, transport in places
    ]


def start_single(run: Run, heap_mb: int = 1024, jvm_options: str = JVM_OPTIONS) -> str:
    """One node for all tests of the run: its URL."""
    [node] = make_nodes(run, ["single"], heap_mb, jvm_options)
    node.begin()
    node.await_up()
    return node.url


class Cluster:
    """Three nodes of 512 MB. Each may be killed and started again; `heal` brings it back to green for the next test."""

    def __init__(self, run: Run) -> None:
        self.nodes = make_nodes(run, ["node-0", "node-1", "node-2"], heap_mb=512)

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    @property
    def pids(self) -> list[int | None]:
        return [node.pid for node in self.nodes]

    def begin(self) -> None:
        """All at once: they wait for each other."""
        for node in self.nodes:
            node.begin()
        for node in self.nodes:
            node.await_up()
        self.wait_status("green")

    def kill(self, place: int) -> None:
        self.nodes[place].kill()

    def start(self, place: int) -> None:
        """Returns when the node answers; it joins and recovers its shards after that: `wait_status`."""
        self.nodes[place].begin()
        self.nodes[place].await_up()

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def heal(self) -> None:
        """All nodes up, no index and no setting of an earlier test, green."""
        down = [node for node in self.nodes if node.pid is None]
        for node in down:
            node.begin()
        for node in down:
            node.await_up()
        self.wait_joined()
        self.ask("/_cluster/settings", method="PUT", body={"persistent": {"*": None}, "transient": {"*": None}})
        for index in self.ask("/_cat/indices?format=json&expand_wildcards=all&h=index"):
            self.ask(f"/{index['index']}", method="DELETE")
        self.wait_status("green")

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """From the first node that is up."""
        up = [node.url for node in self.nodes if node.pid is not None]
        return ask(up[0] + path, method=method, body=body)

    def wait_joined(self, seconds: float = 90) -> None:
        """Every node that runs has joined; whatever the status is."""
        self._wait(("red", "yellow", "green"), seconds)

    def wait_status(self, wanted: str, seconds: float = 90) -> None:
        """Every node that runs has joined, and the status is at least `wanted`: "yellow" or "green"."""
        self._wait(("green",) if wanted == "green" else ("yellow", "green"), seconds)

    def _wait(self, good: tuple[str, ...], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        seen: object = None
        while time.monotonic() < deadline:
            running = sum(pid is not None for pid in self.pids)
            try:
                seen = health = self.ask("/_cluster/health?master_timeout=5s&timeout=5s")
            except OSError as error:
                seen = error
            else:
                if health["status"] in good and health["number_of_nodes"] == running:
                    return
            time.sleep(0.2)
        raise NotStartedError(f"the cluster is not {' or '.join(good)} after {seconds} s: {seen}")

    def master(self) -> int:
        """The place of the elected master."""
        [row] = self.ask("/_cat/master?format=json")
        return [node.node_name for node in self.nodes].index(row["node"])
