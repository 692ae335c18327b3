"""The demo's consortium as processes: harvested for real, served over HTTP, with a dispatcher beside it.

Everything in it is reached as an operator, a browser or a program reaches it: by commands, by cookies and forms, by
API keys. Only what waits for a clock of days is hurried on in the database (`hurry`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from servers.run import free_ports

from mappings.requests import Event
from routing.calendar import CHINA
from routing.case import Case, apply
from store.database import Database
from store.request_events import histories
from store.timers import Timer, set_timer, timers_of
from tongcang.demo_people import make_people

PARTIAL = 3
"""Exit code of a night in which something was rejected: the sample data have such records on purpose."""

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


class Client:
    """A browser that has signed in, or a program with an API key."""

    def __init__(self, base: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {"Origin": base, "Sec-Fetch-Site": "same-origin"}
        self.http = httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False)

    def sign_in(self, login: str, password: str) -> Client:
        self._token("/sign-in")
        answer = self.http.post("/sign-in", data={"login": login, "password": password})
        assert answer.status_code == 303, answer.text
        self._token("/account")
        assert "X-CSRF-Token" in self.http.headers
        return self

    def _token(self, page: str) -> None:
        if found := _CSRF.search(self.http.get(page).text):
            self.http.headers["X-CSRF-Token"] = found[1]

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.http.get(f"/api{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any], *, status: int = 0, **headers: str) -> Any:
        answer = self.http.post(f"/api{path}", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert answer.status_code == status if status else answer.is_success, answer.text
        return answer.json()

    # ------------------------------------------------------------------------------------------ requests

    def ask(self, record: str, service: str = "loan", **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.post("/requests", {"citation": {"record_id": record}, "service": service, **more})
        return made

    def request(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/requests/{number}")
        return found

    def does(self, number: int, name: str, entry: int = 0, **data: Any) -> dict[str, Any]:
        done: dict[str, Any] = self.post(f"/requests/{number}/events", {"name": name, "entry": entry, **data})
        return done

    def close(self) -> None:
        self.http.close()


class House:
    """Call `close` in the end."""

    def __init__(self, folder: Path, publications: int) -> None:
        self.folder = folder / "data"
        self.port = free_ports(1)[0]
        self.base = f"http://127.0.0.1:{self.port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._clients: list[Client] = []
        self.run("demo", "--publications", str(publications), "--no-serve", good=(0, PARTIAL))
        self.database = Database(f"sqlite:///{self.folder / 'state.db'}")
        lines = make_people(self.database, self.folder, datetime.now(UTC)).read_text("utf-8").splitlines()
        self.passwords = dict(line.split("\t")[:2] for line in lines)
        # Clocks run by day and night, and on every day: what day it is when the tests run must not matter.
        today = datetime.now(CHINA).date()
        days = [str(today + timedelta(days=number)) for number in range(-3, 10)]
        self.run(
            "routing", "settings", "--set", "hours.opens=0", "--set", "hours.closes=24",
            "--set", f"days.make_up_days={json.dumps(days)}", "--set", "rota.explore=0", "--set", "rota.compare=0",
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("TONGCANG_")} | {
            "TONGCANG_DATA": str(self.folder),
            "TONGCANG_PORT": str(self.port),
            "TONGCANG_LOG_FORMAT": "json",
            "TONGCANG_PEER_ALLOW": "127.0.0.0/8",
            # One reader stands for many here.
            "TONGCANG_REQUESTS_PER_HOUR": "10000",
            "TONGCANG_REQUESTS_AT_ONCE": "1000",
            "TONGCANG_CONFIG": str(self.folder.parent / "tongcang.toml"),
        }

    # ------------------------------------------------------------------------------------------ processes

    def run(self, *command: str, good: tuple[int, ...] = (0,), given: str = "") -> str:
        """A command to its end; its output."""
        (self.folder.parent / "tongcang.toml").touch()
        done = subprocess.run(
            [sys.executable, "-m", "tongcang.cli", *command], env=self.environment, input=given, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode in good, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A command that goes on; it ends with the house."""
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tongcang.cli", *command], env=self.environment, stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    def serve(self) -> None:
        process = self.start("serve")
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{self.base}/api/libraries", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                assert process.poll() is None and time.monotonic() < deadline, self.log("serve")
                time.sleep(0.1)

    def log(self, command: str) -> str:
        return (self.folder / f"{command}.log").read_text("utf-8")

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)
        self.database.close()

    # ------------------------------------------------------------------------------------------ people and programs

    def person(self, login: str) -> Client:
        """Somebody of the demo, signed in with his password."""
        self._clients.append(Client(self.base).sign_in(login, self.passwords[login]))
        return self._clients[-1]

    def anybody(self) -> Client:
        self._clients.append(Client(self.base))
        return self._clients[-1]

    def key(self, login: str, roles: tuple[str, ...], scopes: tuple[str, ...]) -> str:
        told = [*(f"--role={role}" for role in roles), *(f"--scope={scope}" for scope in scopes)]
        return self.run("account", "key", login, *told, "--label", "test").strip().splitlines()[0]

    def program(self, key: str) -> Client:
        self._clients.append(Client(self.base, key))
        return self._clients[-1]

    def policy(self, symbol: str, **values: Any) -> None:
        # Not 1e-05, which is no number in YAML.
        told = {name: f"{value:f}" if isinstance(value, float) else json.dumps(value) for name, value in values.items()}
        self.run("routing", "policy", symbol, *(f"--set={name}={value}" for name, value in told.items()))

    # ------------------------------------------------------------------------------------------ what is stored

    def hurry(self) -> None:
        """Whatever the outbox would try again later is tried now."""
        with self.database.write() as unit:
            unit.exec_driver_sql("UPDATE outgoing SET not_before = created WHERE state = 'waiting'")

    def ring(self, number: int, kind: str) -> None:
        """Such clocks of the request's entries run out now, as far as the policies of their libraries let them. No
        others: the next may have begun to run since somebody looked."""
        with self.database.write() as unit:
            for timer in timers_of(unit, number):
                if timer.entry and timer.kind == kind:
                    set_timer(unit, Timer(number, timer.entry, timer.kind, datetime.now(UTC)))

    def histories(self) -> dict[int, list[Event]]:
        """The events of every request."""
        with self.database.read() as unit:
            return {events[0].request_id: events for events in histories(unit)}


def supplies(events: list[Event]) -> Counter[int]:
    """How often each entry has supplied the request: a fill that comes when it needs nothing any more is none."""
    found, case = Counter[int](), Case(events[0].request_id)
    for event in events:
        before, case = case, apply(case, event)
        if event.name == "fill" and case.state == "delivered" != before.state:
            found[event.entry] += 1
    return found


def until(ask: Callable[[], Any], enough: Callable[[Any], bool], seconds: float = 60.0) -> Any:
    """What is asked for, once it is enough."""
    deadline = time.monotonic() + seconds
    while not enough(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found
