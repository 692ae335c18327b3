"""The scripts of the deployment, as far as they run without Docker."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from compose_files import ROOT
from servers.fixtures import needed
from servers.run import NotInstalledError

SCRIPTS = sorted([*(ROOT / "scripts").glob("*.sh"), *(ROOT / "deploy").rglob("*.sh"), ROOT / ".ci" / "run"])
OWN, SUPER = "own-password_1", "super.password-2"


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | environment
    return subprocess.run([str(word) for word in words], env=told, capture_output=True, text=True, timeout=60)


def find(tool: str) -> str:
    """Skips the test where a person's machine lacks the tool; fails it where CI does."""

    def look() -> str:
        found = shutil.which(tool)
        if found is None:
            raise NotInstalledError(f"{tool} is not installed (Debian: apt install {tool})")
        return found

    return needed(look)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_can_be_run_and_is_whole(script: Path) -> None:
    assert script.stat().st_mode & stat.S_IXUSR
    shell = script.read_text(encoding="utf-8").splitlines()[0].rsplit("/", 1)[-1].split()[-1]
    done = run(shell, "-n", script)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    done = run(find("shellcheck"), script)
    assert done.returncode == 0, done.stdout


def test_an_env_gets_fresh_passwords_that_only_its_owner_reads(tmp_path: Path) -> None:
    first, second = tmp_path / "一.env", tmp_path / "二.env"
    assert [run(ROOT / "scripts" / "make-env.sh", file).returncode for file in (first, second)] == [0, 0]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    values = [
        re.findall(r"^((?!TONGCANG_SMTP)\w+(?:_PASSWORD|_TOKEN))=(.*)$", file.read_text("utf-8"), re.MULTILINE)
        for file in (first, second)
    ]
    assert "\nTONGCANG_SMTP_PASSWORD=\n" in first.read_text("utf-8"), "of a server that is not ours"
    assert len(values[0]) == 5
    secrets = [value for pairs in values for _, value in pairs]
    assert len(set(secrets)) == 10
    assert all(re.fullmatch(r"[0-9a-f]{48}", secret) for secret in secrets)
    # All else is as the example says.
    blank = re.sub(r"(?m)^(\w+(?:_PASSWORD|_TOKEN))=.*$", r"\1=", first.read_text("utf-8"))
    assert blank == (ROOT / ".env.example").read_text("utf-8")


def test_an_env_that_is_there_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / ".env"
    kept.write_text("POSTGRES_PASSWORD=密\n", encoding="utf-8")
    done = run(ROOT / "scripts" / "make-env.sh", kept)
    assert done.returncode == 1 and "there already" in done.stderr
    assert kept.read_text(encoding="utf-8") == "POSTGRES_PASSWORD=密\n"


def test_without_random_numbers_no_env_is_written(tmp_path: Path) -> None:
    """An empty password must not pass for a fresh one."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("dirname", "mv", "rm", "tr"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    done = run("/bin/sh", ROOT / "scripts" / "make-env.sh", tmp_path / "new.env", PATH=str(tools))
    assert done.returncode == 1 and "is not written" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["bin"]


@pytest.mark.parametrize(
    ("fake", "told"),
    [
        (None, "no docker command"),
        ('[ "$1" = compose ] && exit 1\nexit 0', "compose"),
        ('[ "$1" = info ] && exit 1\nexit 0', "no Docker engine"),
    ],
)
def test_without_an_engine_the_smoke_test_says_so_and_ends_with_77(tmp_path: Path, fake: str | None, told: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname", "sh", "env"):
        (tools / tool).symlink_to(shutil.which(tool) or "/bin/sh")
    if fake is not None:
        (tools / "docker").write_text(f"#!/bin/sh\n{fake}\n", encoding="utf-8")
        (tools / "docker").chmod(0o755)
    done = run(ROOT / "scripts" / "smoke.sh", PATH=str(tools))
    assert done.returncode == 77, done.stderr
    assert told in done.stderr


@pytest.fixture
def security_api() -> Iterator[tuple[str, list[tuple[str, str, str, Any]]]]:
    """Stands in for Elasticsearch: its address, and (method, path, login, body) of what it was asked."""
    asked: list[tuple[str, str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            asked.append(("PUT", self.path, login, body))
            status = 401 if SUPER not in login else 200
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    find("curl")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def make_account(url: str, super_password: str = SUPER, password: str = OWN) -> subprocess.CompletedProcess[str]:
    return run(
        ROOT / "deploy" / "elastic-account.sh",
        ELASTIC_URL=url,
        ELASTIC_PASSWORD=super_password,
        TONGCANG_ELASTIC_PASSWORD=password,
    )


def test_the_account_gets_the_role_and_the_password(
    security_api: tuple[str, list[tuple[str, str, str, Any]]],
) -> None:
    url, asked = security_api
    done = make_account(url)
    assert done.returncode == 0, done.stderr
    role = json.loads((ROOT / "deploy" / "elastic-role.json").read_text(encoding="utf-8"))
    assert asked == [
        ("PUT", "/_security/role/tongcang", f"elastic:{SUPER}", role),
        (
            "PUT",
            "/_security/user/tongcang",
            f"elastic:{SUPER}",
            {"password": OWN, "roles": ["tongcang"], "full_name": "Tongcang"},
        ),
    ]
    assert OWN not in done.stdout + done.stderr


def test_an_account_that_is_refused_fails_the_service(
    security_api: tuple[str, list[tuple[str, str, str, Any]]],
) -> None:
    url, asked = security_api
    assert make_account(url, super_password="wrong-one").returncode != 0
    assert len(asked) == 1


@pytest.mark.parametrize("password", ['a"b', "a b", "a/b", "密码"])
def test_a_password_that_would_break_a_url_is_refused_before_anything_is_sent(password: str) -> None:
    done = make_account("http://127.0.0.1:9", password=password)
    assert done.returncode == 2
    assert "openssl rand -hex 24" in done.stderr
