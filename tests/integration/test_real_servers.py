"""The servers that tests start are real, come back after a kill, and are gone when the run is."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from servers import distribution
from servers.elastic import Cluster, ask
from servers.postgres import Postgres
from servers.run import NotInstalledError, alive
from servers.scheduling import group

TESTS = Path(__file__).resolve().parents[1]
HEAD = """
import os, time
from pathlib import Path
import psutil, psycopg
here = Path(__file__).parent

def connect(url):
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
"""
DATABASE = """
def test_database(postgres_url):
    with connect(postgres_url) as connection:
        postmaster = psutil.Process(connection.info.backend_pid).ppid()
        (here / "postmaster").write_text(str(postmaster))
        (here / "run").write_text(os.environ["TONGCANG_TEST_RUN"].partition(":")[2])
        (here / "database").write_text(postgres_url.rsplit("/", 1)[1])
"""
ANOTHER = """
def test_later(postgres_url):
    while not (here / "database").exists():
        time.sleep(0.05)
    time.sleep(1)
    with connect(postgres_url) as connection:
        postmaster = psutil.Process(connection.info.backend_pid).ppid()
    assert str(postmaster) == (here / "postmaster").read_text()
"""
SLEEPER = """
def test_sleeps(postgres_url):
    test_database(postgres_url)
    (here / "asleep").touch()
    time.sleep(120)
"""
ELASTIC = """
def test_health(elastic_url):
    import urllib.request
    (here / "health").write_bytes(urllib.request.urlopen(elastic_url + "/_cluster/health").read())
"""


def inner_run(folder: Path, body: str, *options: str, **environment: str) -> subprocess.Popen[str]:
    """pytest over one small file that has our fixtures and nothing else of the project."""
    (folder / "conftest.py").write_text('pytest_plugins = ["servers.fixtures"]\n')
    (folder / "test_inner.py").write_text(HEAD + body)
    outer = {name: value for name, value in os.environ.items() if name not in ("CI", "TONGCANG_TEST_POSTGRES_URL")}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *options, str(folder)]
    told = outer | {"PYTHONPATH": str(TESTS)} | environment
    return subprocess.Popen(command, cwd=folder, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def outcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    printed, _ = process.communicate(timeout=120)
    return process.returncode, printed


def await_(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_elasticsearch_keeps_a_document(elastic_url: str) -> None:
    index = f"test-{secrets.token_hex(6)}"
    try:
        ask(f"{elastic_url}/{index}/_doc/1?refresh=true", method="PUT", body={"title": "紅樓夢"})
        found = ask(f"{elastic_url}/{index}/_search", method="POST", body={"query": {"match": {"title": "樓"}}})
        assert [hit["_source"]["title"] for hit in found["hits"]["hits"]] == ["紅樓夢"]
    finally:
        ask(f"{elastic_url}/{index}", method="DELETE")


def test_a_database_is_empty_and_sorts_by_code_point(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        rows = connection.execute("SELECT * FROM (VALUES ('紅'), ('a'), ('B'), ('红')) AS t(title) ORDER BY 1")
        assert [title for (title,) in rows] == ["B", "a", "紅", "红"]


def test_a_database_goes_with_its_test(tmp_path: Path, postgres_url: str) -> None:
    """The inner run uses our server, as TONGCANG_TEST_POSTGRES_URL names it."""
    status, printed = outcome(inner_run(tmp_path, DATABASE, TONGCANG_TEST_POSTGRES_URL=postgres_url))
    assert status == 0, printed
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
    assert postgres_url.rsplit("/", 1)[1] in names
    assert (tmp_path / "database").read_text() not in names


def test_postgres_keeps_what_it_acknowledged(postgres_server: Postgres) -> None:
    address = postgres_server.url.replace("+psycopg", "")
    connection = psycopg.connect(address, autocommit=True)
    connection.execute("CREATE TABLE title (title text)")
    connection.execute("INSERT INTO title VALUES ('紅樓夢')")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO title VALUES ('not acknowledged')")
    killed = postgres_server.pid
    postgres_server.kill()
    assert postgres_server.pid is None
    with pytest.raises(psycopg.OperationalError):
        connection.execute("COMMIT")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address, connect_timeout=5)
    postgres_server.start()
    assert postgres_server.pid not in (None, killed)
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT title FROM title").fetchall() == [("紅樓夢",)]


@pytest.mark.slow
def test_a_cluster_outlives_its_master(elastic_cluster: Cluster) -> None:
    settings = {"settings": {"number_of_shards": 3, "number_of_replicas": 1}}
    elastic_cluster.ask("/books", method="PUT", body=settings)
    elastic_cluster.wait_status("green")
    elastic_cluster.ask("/books/_doc/1?refresh=true", method="PUT", body={"title": "紅樓夢"})
    master = elastic_cluster.master()
    elastic_cluster.kill(master)
    assert elastic_cluster.pids[master] is None
    elastic_cluster.wait_status("yellow")
    assert elastic_cluster.master() != master
    assert elastic_cluster.ask("/books/_count")["count"] == 1
    elastic_cluster.start(master)
    elastic_cluster.wait_status("green")
    assert None not in elastic_cluster.pids
    elastic_cluster.heal()
    assert elastic_cluster.ask("/_cat/indices?format=json") == []


def test_workers_share_a_server_and_nothing_is_left(tmp_path: Path) -> None:
    status, printed = outcome(inner_run(tmp_path, DATABASE + ANOTHER, "-n", "2"))
    assert status == 0, printed
    assert not alive(int((tmp_path / "postmaster").read_text()))
    assert not Path((tmp_path / "run").read_text()).exists()


def test_nothing_is_left_when_pytest_is_killed(tmp_path: Path) -> None:
    with inner_run(tmp_path, DATABASE + SLEEPER, "-k", "sleeps") as process:
        await_((tmp_path / "asleep").exists)
        postmaster = int((tmp_path / "postmaster").read_text())
        assert alive(postmaster)
        process.send_signal(signal.SIGKILL)
        process.wait()
    await_(lambda: not alive(postmaster))
    await_(lambda: not Path((tmp_path / "run").read_text()).exists())


def test_tests_that_share_something_stay_together(tmp_path: Path) -> None:
    texts = {
        "test_alone.py": "def test_a(postgres_url): ...",
        "test_kill.py": "def test_a(elastic_cluster): ...",
        "test_split.py": "def test_a(elastic_cluster, tmp_path): ...",
        "test_catalogue.py": '@pytest.fixture(scope="module")',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    groups = {name: group(tmp_path / name) for name in texts}
    assert groups["test_alone.py"] is None
    assert groups["test_kill.py"] == groups["test_split.py"]
    assert groups["test_catalogue.py"] == str(tmp_path / "test_catalogue.py")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "conftest.py").write_text('@pytest.fixture(scope="session")')
    (tmp_path / "below" / "test_page.py").write_text("def test_a(site): ...")
    assert group(tmp_path / "below" / "test_page.py") == str(tmp_path / "below" / "test_page.py")


@pytest.mark.parametrize(("environment", "verdict"), [({}, "1 skipped"), ({"CI": "true"}, "1 error")])
def test_without_a_server_a_person_is_told_and_ci_fails(
    tmp_path: Path, environment: dict[str, str], verdict: str
) -> None:
    nowhere = {"TONGCANG_SERVERS": str(tmp_path / "none"), "PATH": str(tmp_path), "TONGCANG_TEST_ELASTIC_URL": ""}
    _, printed = outcome(inner_run(tmp_path, ELASTIC, **nowhere, **environment))
    assert verdict in printed
    assert "make servers" in printed
    assert "no Docker engine answers" in printed


def test_what_is_fetched_must_be_what_was_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGCANG_SERVERS", str(tmp_path / "servers"))
    monkeypatch.setenv("TONGCANG_MAVEN_REPOSITORY", (tmp_path / "repository").as_uri())
    folder = tmp_path / "repository" / distribution.GROUP.replace(".", "/") / "elasticsearch" / distribution.VERSION
    folder.mkdir(parents=True)
    (folder / distribution.ZIP).write_bytes("紅樓夢".encode())
    with pytest.raises(NotInstalledError, match="SHA-512"):
        distribution.fetch_zip()
    assert list((tmp_path / "servers").iterdir()) == []
    monkeypatch.setattr(distribution, "SHA512", distribution.sha512(folder / distribution.ZIP))
    assert distribution.fetch_zip().read_text() == "紅樓夢"


STAND_IN = '''#!{python}
"""Answers as the docker command does, as far as we use it; a container is a web server on the published port."""
import json, os, signal, subprocess, sys
from pathlib import Path

state = Path({state!r})
command, *words = sys.argv[1:]
with (state / "said").open("a") as said:
    said.write(json.dumps(sys.argv[1:]) + "\\n")
known = state / "containers.json"
containers = json.loads(known.read_text()) if known.exists() else {{}}
name = words[-1] if words else ""
if command == "create":
    name, place = words[words.index("--name") + 1], words[words.index("-p") + 1]
    containers[name] = {{"port": place.split(":")[1], "label": words[words.index("--label") + 1], "pid": 0}}
elif command == "start":
    (state / "_cluster").mkdir()
    (state / "_cluster" / "health").write_text('{{"status": "green"}}')
    server = [sys.executable, "-m", "http.server", containers[name]["port"], "-b", "127.0.0.1", "-d", str(state)]
    quiet = subprocess.DEVNULL
    containers[name]["pid"] = subprocess.Popen(server, stdin=quiet, stdout=quiet, stderr=quiet).pid
    (state / "pid").write_text(str(containers[name]["pid"]))
elif command == "inspect":
    print(containers[name]["pid"])
elif command == "ps":
    print(*(one for one, told in containers.items() if "label=" + told["label"] in words))
elif command == "rm":
    os.kill(containers.pop(name)["pid"], signal.SIGKILL)
known.write_text(json.dumps(containers))
'''


def test_docker_serves_where_nothing_else_does(tmp_path: Path) -> None:
    """Docker itself is a stand-in here: what is asked of it, and that all of it is taken away again."""
    state, commands = tmp_path / "state", tmp_path / "bin"
    state.mkdir()
    commands.mkdir()
    (commands / "docker").write_text(STAND_IN.format(python=sys.executable, state=str(state)))
    (commands / "docker").chmod(0o755)
    nowhere = {"TONGCANG_SERVERS": str(tmp_path / "none"), "PATH": str(commands), "TONGCANG_TEST_ELASTIC_URL": ""}
    status, printed = outcome(inner_run(tmp_path, ELASTIC, **nowhere))
    assert status == 0, printed
    assert json.loads((tmp_path / "health").read_text()) == {"status": "green"}
    said = [json.loads(line) for line in (state / "said").read_text().splitlines()]
    [created] = [words for words in said if words[0] == "create"]
    assert created[-1] == f"elasticsearch:{distribution.VERSION}"
    assert "discovery.type=single-node" in created
    assert json.loads((state / "containers.json").read_text()) == {}
    assert not alive(int((state / "pid").read_text()))
