"""What tests with peers ask for: the schemas of ISO 18626, a peer that speaks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

FILES = {"1.2": "ISO-18626-v1_2.xsd", "2021-2": "ISO-18626-2021-2.xsd"}


def schema_folder() -> Path:
    """Where the schemas of ISO 18626 are, if they are; they are no part of the project."""
    told = os.environ.get("TONGCANG_SCHEMAS")
    return Path(told) if told else Path(__file__).resolve().parents[3] / "shared" / "schemas"


@pytest.fixture(scope="session")
def iso_schemas() -> dict[str, etree.XMLSchema]:
    """The published schema of each version of ISO 18626."""
    folder = schema_folder()
    if not all((folder / name).is_file() for name in FILES.values()):
        reason = f"the schemas of ISO 18626 are not at {folder}; set TONGCANG_SCHEMAS to their folder"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return {version: etree.XMLSchema(etree.parse(folder / name)) for version, name in FILES.items()}


class IsoPeer:
    """A running tests/peers/iso18626_peer.py."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}/"

    def seen(self) -> dict[str, Any]:
        """Everything that came and went: `received`, `sent`, oldest first."""
        return dict(self._ask("seen"))

    def when(self, word: str, scenario: str) -> None:
        """Requests whose title has the word get that scenario from now on."""
        self._ask("when", {word: scenario})

    def ask(self, **told: str) -> None:
        """It makes a request: id, title, service (Copy, Loan), s and st: value and type of the supplier's agency id."""
        self._ask("ask", told)

    def act(self, **told: str) -> None:
        """It says something about a request that it has made: id, action, note."""
        self._ask("act", told)

    def wait_for(self, enough: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
        """What it has seen, once that is enough."""
        deadline = time.monotonic() + seconds
        while not enough(seen := self.seen()):
            assert time.monotonic() < deadline, seen
            time.sleep(0.02)
        return seen

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def _ask(self, path: str, told: dict[str, str] | None = None) -> Any:
        data = None if told is None else json.dumps(told).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, data, timeout=30) as reply:
            return json.load(reply)


def start_iso_peer(
    version: str, to: str, *, port: int = 0, default: str = "fill", key: str = "", **when: str
) -> IsoPeer:
    """Start one in its own process; `to` is the URL of our service, `when` scenarios by a word of the title."""
    command = [sys.executable, "-I", str(Path(__file__).parent / "iso18626_peer.py"), "--version", version, "--to", to]
    command += ["--port", str(port), "--default", default, "--schemas", str(schema_folder())]
    command += ["--key", key] if key else []
    command += [f"--when={word}={scenario}" for word, scenario in when.items()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    listening = process.stdout.readline()
    assert listening.strip().isdigit(), f"the peer did not start: exit {process.wait(10)}"
    return IsoPeer(process, int(listening))


@pytest.fixture
def iso_peer() -> Iterator[Callable[..., IsoPeer]]:
    """start_iso_peer, whose peers are stopped after the test."""
    running: list[IsoPeer] = []

    def start(version: str, to: str, **told: Any) -> IsoPeer:
        running.append(start_iso_peer(version, to, **told))
        return running[-1]

    yield start
    for peer in running:
        peer.stop()
