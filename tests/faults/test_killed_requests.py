"""kill -9 at every step of a request: what was acknowledged is there, once, and whole; and nobody is asked twice.

The service and its dispatcher (doomed_house.py) die again and again, at named points and at any moment, while a client
makes requests and answers them and two libraries answer by ISO 18626. The client writes down what was acknowledged, and
sends again under the same key what was not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from doomed_house import POINTS, Fate
from peers.fixtures import IsoPeer, start_iso_peer
from request_desk import HONGLOUMENG, Desk
from running_house import supplies
from servers.run import free_ports

from mappings.model import union_id
from mappings.requests import Event
from routing.case import Case, fold
from routing.messages import SUPPLIER_EVENTS
from routing.states import ACTIVE, CLOSED
from routing.work import case_decoder
from search_api.access.door import Door
from search_api.accounts import WantedKey, make_key
from search_api.interop.iso18626.naming import parse_number
from search_api.settings import ApiSettings
from store import ledger, outbox, requests, timers
from store.accounts import NewAccount, add_account
from store.audit import COMMAND
from store.database import Database
from store.idempotency import incoming
from store.request_events import histories

SEED = int(os.environ.get("TONGCANG_FAULT_SEED", "20261127"))
ROOT = Path(__file__).resolve().parents[1]
ISO = {"THU": ("1.2", "fill"), "RUC": ("2021-2", "refuse:NotAvailableForILL")}
"""Libraries that work elsewhere: version and what they say. BNU's officers work in the queue."""

NTH = {
    "before commit": (2, 20), "after commit": (2, 20), "created": (2, 5), "statement": (300, 1500), "clock": (1, 5),
    "sent": (1, 5),
}  # fmt: skip
"""When it dies at a point: at one of these times."""

FRONT = ("send", "ack", "will_supply", "fill", "refuse", "cancel_yes", "silence")
"""Events of an entry that happen once each time that its library is asked."""


class House:
    """The service, which is killed and started again, and what its client has written down."""

    def __init__(self, folder: Path, url: str, readers: int) -> None:
        self.folder, self.url = folder, url
        self.port = free_ports(1)[0]
        self.base = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.promised: dict[str, int] = {}  # by idempotency key: the request that was acknowledged
        self.wanted: dict[str, dict[str, Any]] = {}  # all that was ever asked for
        self.done: list[tuple[int, int, str]] = []  # (request, number of the event, its name), acknowledged
        self.days = 0.0
        self.database = Database(url)
        self.database.migrate()
        self.desk = Desk(self.database)
        self.wait_days(0.0)
        self._admit(readers)

    def _admit(self, readers: int) -> None:
        now = datetime.now(UTC)
        with self.database.write() as unit:
            officers = {
                symbol: add_account(unit, NewAccount(f"o-{symbol}", ("requester", "supplier"), symbol), now).id
                for symbol in ("CLCN", "BNU", "THU", "RUC")
            }
            made = [add_account(unit, NewAccount(f"r{n}", ("reader",), "CLCN"), now).id for n in range(readers)]
        self.readers = iter(made)
        door = Door(self.database, ApiSettings())
        self.keys = {}
        for symbol, account in officers.items():
            roles, scopes = ("requester", "supplier"), ("requests", "queue", "iso18626")
            _, self.keys[symbol] = make_key(door, COMMAND, account, WantedKey("test", symbol, roles, scopes, 360))

    # ------------------------------------------------------------------------------------------ life and death

    def start(self, point: str = "", nth: int = 0) -> bool:
        """False = it died before it could answer."""
        fate = Fate(self.url, str(self.folder), self.port, point, nth)
        path = os.pathsep.join((str(ROOT), str(ROOT / "faults"), str(ROOT.parent)))
        with (self.folder / "house.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "faults" / "doomed_house.py"), msgspec.json.encode(fate).decode()],
                env=os.environ | {"PYTHONPATH": path}, stdout=log, stderr=log,
            )  # fmt: skip
        self.http = httpx.Client(base_url=self.base, timeout=30, trust_env=False)
        deadline = time.monotonic() + 60
        while self.alive:
            try:
                self.http.get("/api/libraries")
                return True
            except httpx.TransportError:
                assert time.monotonic() < deadline, (self.folder / "house.log").read_text()
                time.sleep(0.05)
        return False

    @property
    def alive(self) -> bool:
        assert self.process is not None
        return self.process.poll() is None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        assert self.process.wait(30) == -signal.SIGKILL, (self.folder / "house.log").read_text()
        self.http.close()

    def wait_days(self, days: float) -> None:
        self.days += days
        told = self.folder / "ahead.new"
        told.write_text(str(self.days))
        told.replace(self.folder / "ahead")

    # ------------------------------------------------------------------------------------------ its client

    def call(self, symbol: str, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """The answer; None = it died, or had nothing to say."""
        headers = {"Authorization": f"Bearer {self.keys[symbol]}"} | ({"Idempotency-Key": key} if key else {})
        try:
            if body is None:
                answer = self.http.get(f"/api{path}", headers=headers)
            else:
                answer = self.http.post(f"/api{path}", json=body, headers=headers)
        except httpx.TransportError:
            return None
        assert answer.status_code in (200, 201, 403, 409), answer.text
        return answer.json() if answer.status_code in (200, 201) else None

    def ask(self, key: str) -> None:
        """For a reader who has asked for nothing yet; or once more what was asked under that key."""
        if key not in self.wanted:
            citation = {"record_id": union_id(HONGLOUMENG)}
            self.wanted[key] = {"citation": citation, "service": "loan", "for_reader": str(next(self.readers))}
        answer = self.call("CLCN", "/requests", self.wanted[key], key)
        if answer is not None:
            assert self.promised.setdefault(key, answer["id"]) == answer["id"]

    def answer(self, dice: Random) -> None:
        """BNU's officers deal with one of the requests in their queue."""
        queue = self.call("BNU", "/queue")
        if not queue or not queue["requests"]:
            return
        brief = dice.choice(queue["requests"])
        name = dice.choice(("ack", "refuse", "fill", "will_supply", "cancel_yes"))
        body = {"name": name, "entry": brief["entry"], **({"code": "NotOnShelf"} if name == "refuse" else {})}
        answer = self.call("BNU", f"/requests/{brief['id']}/events", body)
        if answer is not None:
            mine = [each for each in answer["events"] if each["name"] == name and each["entry"] == brief["entry"]]
            self.done.append((brief["id"], mine[-1]["seq"], name))

    def repeat_what_was_not_acknowledged(self) -> None:
        for key in self.wanted.keys() - self.promised.keys():
            self.ask(key)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    kind = request.param
    url = f"sqlite:///{tmp_path / 'state.db'}" if kind == "sqlite" else request.getfixturevalue("migrated_postgres_url")
    made = House(tmp_path, url, 400)
    yield made
    if made.process is not None and made.alive:
        made.kill()
    made.database.close()


@pytest.fixture
def peers(house: House) -> Iterator[dict[str, IsoPeer]]:
    running: dict[str, IsoPeer] = {}
    try:
        for symbol, (version, says) in ISO.items():
            to = f"{house.base}/api/iso18626"
            running[symbol] = start_iso_peer(version, to, default=says, key=house.keys[symbol])
            house.desk.policy(symbol, channel="iso18626", address=running[symbol].url, iso_version=version)
        yield running
    finally:
        for peer in running.values():
            peer.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("house", "lives"), [("sqlite", 12), ("postgresql", 7)], indirect=["house"])
def test_a_service_that_is_killed_again_and_again_keeps_its_word(
    house: House, peers: dict[str, IsoPeer], lives: int
) -> None:
    dice = Random(SEED)
    deaths = [*POINTS, "", *dice.choices(("statement", "before commit", "created", ""), k=lives)][:lives]
    killed = Counter[str]()
    for life, point in enumerate(deaths):
        if house.start(point, dice.randrange(*NTH[point]) if point else 0):
            live(house, dice, life, 60 if point else 15)
        if not house.alive:
            killed[point] += 1
        house.kill()
    assert killed.keys() >= set(POINTS), f"nobody died but at {killed}, seed {SEED}"
    assert house.start(), "after all that it stands up again"
    house.repeat_what_was_not_acknowledged()
    settle(house, peers)
    check(house, peers)


def live(house: House, dice: Random, life: int, steps: int) -> None:
    """Some work, as long as the house lives."""
    house.repeat_what_was_not_acknowledged()
    for step in range(steps):
        if not house.alive:
            return
        what = dice.random()
        if what < 0.4:
            house.ask(f"{life}-{step}")
        elif what < 0.75:
            house.answer(dice)
        else:
            house.wait_days(4.0)
            time.sleep(0.4)


def settle(house: House, peers: dict[str, IsoPeer]) -> None:
    """Until nothing is under way: every message sent, every answer of a library taken."""
    deadline = time.monotonic() + 60
    calm = 0
    while calm < 3:
        assert house.alive and time.monotonic() < deadline, "it does not come to rest"
        before = _moving(house, peers)
        time.sleep(0.3)
        calm = calm + 1 if before == (0, 0) == _moving(house, peers) else 0


def _moving(house: House, peers: dict[str, IsoPeer]) -> tuple[int, int]:
    with house.database.read() as unit:
        waiting = sum(
            n for channel, state, n in outbox.count_messages(unit) if channel == "iso18626" and state != "sent"
        )
    return waiting, sum(each["ok"] is None for peer in peers.values() for each in peer.seen()["sent"])


# ---------------------------------------------------------------------------------------------- what must be so


def check(house: House, peers: dict[str, IsoPeer]) -> None:
    with house.database.read() as unit:
        stories = {events[0].request_id: events for events in histories(unit)}
    assert sorted(house.promised.values()) == sorted(stories), "each key is one request, and there are no others"
    assert len(set(house.promised.values())) == len(house.wanted)
    for number, seq, name in house.done:
        assert stories[number][seq - 1].name == name, "an answer that was acknowledged has happened"
    cases = {number: whole(house, number, events) for number, events in stories.items()}
    assert {case.state for case in cases.values()} & {*CLOSED, "delivered"}, "some came to an end"
    for symbol, peer in peers.items():
        check_sent(house, symbol, peer, stories)
        check_heard(house, symbol, peer)
    with house.database.read() as unit:
        assert sum(ledger.balances(unit).values()) == 0


def whole(house: House, number: int, events: list[Event]) -> Case:
    """The request is what its events make; so are its rota, its clocks, its ledger and the messages that it sent."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    case = fold(events)
    with house.database.read() as unit:
        row = requests.get_request(unit, number)
        running = timers.timers_of(unit, number)
        person = requests.person_of(unit, number)
        sent = [message.key for message in outbox.messages_of(unit, number)]
        posted = {entry.number: len(ledger.rounds(unit, number, entry.number)) for entry in case.entries}
    assert row is not None and person is not None
    assert case_decoder.decode(row.folded) == case
    assert (row.state, row.seq) == (case.state, case.seq)
    assert {timer.entry for timer in running if timer.entry} == {
        entry.number for entry in case.entries if entry.state in ACTIVE
    }, "every clock that must run runs, and no other"
    assert {entry: rounds for entry, rounds in posted.items() if rounds} == supplies(events)
    for event in events:
        if event.entry and event.name in SUPPLIER_EVENTS and case.entry(event.entry).supplier in ISO:
            supplier = case.entry(event.entry).supplier
            assert f"{number}/{event.seq}/iso18626/{supplier}/{SUPPLIER_EVENTS[event.name]}" in sent
    asked = Counter((event.entry, event.name) for event in events if event.name in FRONT)
    assert set(asked.values()) <= {1}, "no library is asked twice, and none has answered twice"
    return case


def check_sent(house: House, symbol: str, peer: IsoPeer, stories: dict[int, list[Event]]) -> None:
    """What a library got: nothing that did not happen, everything that did; a repeat is the same to the byte."""
    got: dict[str, set[str]] = {}
    for each in peer.seen()["received"]:
        if each.get("kind") == "request":
            got.setdefault(each["id"], set()).add(each["xml"])
    assert {len(texts) for texts in got.values()} <= {1}
    numbers = [parse_number(each) for each in got]
    told = {(number.request, number.entry) for number in numbers if number is not None}
    assert len(told) == len(got), "a library gets each entry under one number"
    sends = {
        (number, event.entry)
        for number, events in stories.items()
        for event in events
        if event.name == "send" and event.library == symbol
    }
    assert told == sends


def check_heard(house: House, symbol: str, peer: IsoPeer) -> None:
    """What a library said and saw confirmed is kept once, however often it was sent."""
    said = {each["xml"] for each in peer.seen()["sent"] if each["ok"]}
    with house.database.read() as unit:
        kept = unit.execute(incoming.select().where(incoming.c.peer == symbol)).all()
    assert len(kept) == len(said)
