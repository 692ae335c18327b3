"""Requests from the search to the statement, on the demo's catalogue, over HTTP, with every part in its own process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs
from peers.fixtures import IsoPeer, start_iso_peer
from running_house import Client, House, supplies, until

from mappings.requests import Closure, Event
from routing.calendar import CHINA
from routing.case import fold
from routing.work import case_decoder
from search_api.interop.iso18626.naming import parse_number
from store import ledger, requests
from store.accounts import find_account
from store.policies import policy_of, put_policy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BALIS = ("BJTU", "BNU", "BUPT", "PKUHSC", "RUC", "THU", "USTB")
PARTNERS = ("NLC", "SHLIB", "NSTL", "CASHL")
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = House(tmp_path_factory.mktemp("house"), 200)
    try:
        opened.serve()
        opened.start("dispatch")
        yield opened
    finally:
        opened.close()


class Shelf:
    """What the search finds, page by page; nothing is given out twice."""

    def __init__(self, client: Client) -> None:
        self.hits: list[Seen] = []
        for query in ("中国", "研究", "红楼梦", "history", "学", "史", "论", "文", "经济", "诗", "人", "法", "集"):
            self.hits += client.get("/search", q=query, size=50)["hits"]
        self.used: set[str] = set()

    def take(self, fits: Callable[[set[str]], bool]) -> Seen:
        """A book whose holders fit, and all have it on the shelf."""
        for hit in self.hits:
            title = hit["title"]
            known = any(title in other or other in title for other in self.used)  # scenarios go by titles
            plain = hit["material"] == "book" and hit["carrier"] == "print"
            held = {holder["library"] for holder in hit["holders"]}
            there = all(holder["available"] for holder in hit["holders"])
            if plain and there and not known and fits(held):
                self.used.add(title)
                return hit
        raise AssertionError("no record has such holders")


@pytest.fixture(scope="module")
def shelf(house: House) -> Shelf:
    return Shelf(house.anybody())


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Client]:
    """By login, each signed in when first asked for."""

    class People(dict[str, Client]):
        def __missing__(self, login: str) -> Client:
            self[login] = house.person(login)
            return self[login]

    return People()


def active(request: Seen) -> Seen:
    """The entry that is being asked."""
    found = [entry for entry in request["entries"] if entry["sent"] and not entry["answered"]]
    assert len(found) == 1, request["entries"]
    return found[0]


def officer(people: dict[str, Client], symbol: str) -> Client:
    return people["officer-cl" if symbol == "CLCN" else f"officer-{symbol.lower()}"]


# ---------------------------------------------------------------------------------------------- both directions


def test_a_reader_of_the_capital_library_gets_what_balis_holds(
    house: House, shelf: Shelf, people: dict[str, Client]
) -> None:
    hit = shelf.take(lambda held: "CLCN" not in held and len(held) >= 3)
    held = {holder["library"] for holder in hit["holders"]}
    reader = people["reader-cl"]
    made = reader.ask(hit["id"], note="急用")
    assert made["state"] == "asking"
    asked = [entry["library"] for entry in made["entries"]]
    assert set(asked[: len(held)]) == held, "the holders first, every one of them"
    assert set(asked[len(held) :]) <= set(PARTNERS)
    first, second = asked[0], asked[1]
    queue = officer(people, first).get("/queue")["requests"]
    assert made["id"] in [each["id"] for each in queue], "it lies in the queue of the library that is asked"
    refused = officer(people, first).does(made["id"], "refuse", 1, code="NotOnShelf")
    assert refused["entries"][0]["state"] == "refused"
    now = reader.request(made["id"])
    assert active(now)["library"] == second, "the next one is asked, and nobody had to say so"
    supplier = officer(people, second)
    supplier.does(made["id"], "ack", 2)
    filled = supplier.does(made["id"], "fill", 2)
    assert filled["state"] == "delivered"
    desk = people["officer-cl"]
    desk.does(made["id"], "lend")
    assert desk.does(made["id"], "returned")["state"] == "closed_filled"
    ended = reader.request(made["id"])
    assert [event["name"] for event in ended["events"]][-3:] == ["fill", "lend", "returned"]


def test_a_reader_of_balis_gets_what_the_capital_library_holds(
    house: House, shelf: Shelf, people: dict[str, Client]
) -> None:
    """By the API key of his library's officer, who asks for him; the copy's pages are charged."""
    hit = shelf.take(lambda held: "CLCN" in held and "USTB" not in held)
    own = _account_id(house, "reader-ustb")
    program = house.program(house.key("officer-ustb", ("requester",), ("requests",)))
    body = {"citation": {"record_id": hit["id"], "pages": "1-12"}, "service": "copy", "for_reader": str(own)}
    made = program.post("/requests", body, status=201, Idempotency_Key="e2e-1")
    again = program.post("/requests", body, status=200, Idempotency_Key="e2e-1")
    assert again["id"] == made["id"], "a call that is repeated makes no second request"
    held = {holder["library"] for holder in hit["holders"]}
    assert {entry["library"] for entry in made["entries"]} - set(PARTNERS) == held
    while (entry := active(made))["library"] != "CLCN":
        officer(people, entry["library"]).does(made["id"], "refuse", entry["number"], code="PolicyProblem")
        made = program.request(made["id"])
    filled = people["officer-cl"].does(made["id"], "fill", entry["number"], pages=12)
    assert filled["state"] == "delivered"
    assert people["reader-ustb"].does(made["id"], "receive")["state"] == "closed_filled"
    with house.database.read() as unit:
        posted = ledger.of_request(unit, made["id"])
    assert posted, "a copy of twelve pages costs something"


def _account_id(house: House, login: str) -> int:
    with house.database.read() as unit:
        found = find_account(unit, login)
    assert found is not None
    return found.id


def test_silence_goes_on_to_the_next_when_the_clocks_run_out(
    house: House, shelf: Shelf, people: dict[str, Client]
) -> None:
    hit = shelf.take(lambda held: "CLCN" not in held and len(held) >= 2)
    held = [holder["library"] for holder in hit["holders"]]
    house.run("routing", "settings", "--set", "clocks.cancel=0.00001")
    for symbol in held:
        house.policy(symbol, receipt_days=0.00001)
    reader = people["reader-cl"]
    made = reader.ask(hit["id"])
    first = made["entries"][0]["library"]
    moved = until(lambda: reader.request(made["id"]), lambda now: now["entries"][0]["state"] == "timed_out")
    assert moved["entries"][0]["library"] == first
    names = [event["name"] for event in moved["events"] if event["entry"] == 1]
    assert names[:3] == ["send", "recall", "silence"]
    for symbol in held:
        house.policy(symbol, receipt_days=1.0)
    house.run("routing", "settings", "--set", "clocks.cancel=1.0")
    second = until(lambda: reader.request(made["id"]), lambda now: now["state"] != "routing")
    assert [entry["sent"] for entry in second["entries"][:2]].count(None) == 0
    assert reader.does(made["id"], "cancel")["state"] in ("cancelling", "closed_cancelled")


# ---------------------------------------------------------------------------------------------- a peer by ISO 18626

PEERS = {"1.2": "THU", "2021-2": "RUC"}


@pytest.fixture(scope="module")
def peers(house: House) -> Iterator[dict[str, IsoPeer]]:
    """Two libraries that work elsewhere, each in another version of the schema; by symbol."""
    running: dict[str, IsoPeer] = {}
    try:
        for version, symbol in PEERS.items():
            key = house.key(f"officer-{symbol.lower()}", ("supplier",), ("iso18626",))
            running[symbol] = start_iso_peer(version, f"{house.base}/api/iso18626", key=key)
        yield running
    finally:
        for peer in running.values():
            peer.stop()


@pytest.fixture(params=list(PEERS))
def pair(request: pytest.FixtureRequest, house: House, peers: dict[str, IsoPeer]) -> Iterator[tuple[str, str]]:
    """(the library that is asked first, of that version; the one after it): the first is open, and the second isn't.
    For the test they work elsewhere; before and after it in the queue, as all others."""
    first = PEERS[request.param]
    second = next(symbol for symbol in PEERS.values() if symbol != first)
    week = str(datetime.now(CHINA).date() + timedelta(days=4))
    others: dict[str, dict[str, Any]] = {symbol: {"paused": True} for symbol in BALIS}
    elsewhere: dict[str, dict[str, Any]] = {
        symbol: {"channel": "iso18626", "address": peers[symbol].url, "iso_version": version}
        for version, symbol in PEERS.items()
    }
    elsewhere[second]["closures"] = (Closure("2026-01-01", week),)
    _set(house, others | elsewhere)
    yield first, second
    _set(house, {})


def _set(house: House, changed: dict[str, dict[str, Any]]) -> None:
    """Policies of all at once; what a command does in a second each."""
    now = datetime.now(UTC)
    with house.database.write() as unit:
        for symbol in BALIS:
            values = {"paused": False, "closures": (), "channel": "queue"} | changed.get(symbol, {})
            put_policy(unit, symbol, structs.replace(policy_of(unit, symbol), **values), now)


class Exchange:
    """A request to the first library of a pair, which plays a scenario; the next one plays another."""

    def __init__(
        self, house: House, shelf: Shelf, reader: Client, peers: dict[str, IsoPeer], pair: tuple[str, str]
    ) -> None:
        self.house, self.shelf, self.reader, self.peers = house, shelf, reader, peers
        self.first, self.second = pair
        self.number = 0

    def begin(self, scenario: str, following: str = "fill") -> None:
        hit = self.shelf.take(lambda held: set(PEERS.values()) <= held)
        self.peers[self.first].when(hit["title"], scenario)
        self.peers[self.second].when(hit["title"], following)
        made = self.reader.ask(hit["id"], insist="外借一空")
        self.number = made["id"]
        assert [entry["library"] for entry in made["entries"][:2]] == [self.first, self.second]

    def let_the_first_be_late(self) -> None:
        """It has the request, and says nothing until its clock has run out."""
        until(lambda: self.heard(self.first), bool)
        self.house.policy(self.first, receipt_days=0.00001)

        def ask() -> str:
            state = self.states()[0]
            if state == "sent":
                self.house.ring(self.number, "receipt")
            return state

        until(ask, lambda state: state != "sent")
        self.house.policy(self.first, receipt_days=1.0)

    def now(self) -> Seen:
        return self.reader.request(self.number)

    def until(self, enough: Callable[[Seen], bool], *, hurry: bool = False) -> Seen:
        def ask() -> Seen:
            if hurry:
                self.house.hurry()
            return self.now()

        return until(ask, enough)

    def states(self) -> list[str]:
        return [entry["state"] for entry in self.now()["entries"][:2]]

    def names(self, entry: int) -> list[str]:
        return [event["name"] for event in self.now()["events"] if event["entry"] == entry]

    def heard(self, symbol: str, kind: str = "request") -> list[Seen]:
        """What the library got of this request."""
        received = self.peers[symbol].seen()["received"]
        return [each for each in received if each.get("kind") == kind and _request_of(each["id"]) == self.number]

    def all_valid(self) -> bool:
        """By the schemas of both versions, where they are there: what was sent, and what was answered."""
        for peer in self.peers.values():
            seen = peer.seen()
            wrong = [each for each in seen["received"] if each["valid"] is False]
            wrong += [each for each in seen["sent"] if each["valid"] is False or each["http"] not in (0, 200)]
            assert wrong == []
        return True


def _request_of(number: str) -> int:
    told = parse_number(number)
    return told.request if told else 0


@pytest.fixture
def exchange(
    house: House, shelf: Shelf, people: dict[str, Client], peers: dict[str, IsoPeer], pair: tuple[str, str]
) -> Exchange:
    return Exchange(house, shelf, people["reader-cl"], peers, pair)


def delivered(request: Seen) -> bool:
    return bool(request["state"] == "delivered")


def test_a_peer_fills(exchange: Exchange) -> None:
    exchange.begin("fill")
    exchange.until(delivered)
    assert exchange.states() == ["filled", "planned"]
    assert exchange.names(1) == ["send", "ack", "will_supply", "fill"]
    assert len(exchange.heard(exchange.first)) == 1
    assert exchange.heard(exchange.second) == []
    assert exchange.all_valid()


def test_a_peer_refuses_and_the_next_one_is_asked(exchange: Exchange) -> None:
    exchange.begin("refuse:NotAvailableForILL")
    ended = exchange.until(delivered)
    assert exchange.states() == ["refused", "filled"]
    assert ended["entries"][0]["reason"] == "NotAvailableForILL"
    assert exchange.all_valid()


def test_a_silent_peer_is_told_that_it_is_over_and_the_next_one_is_asked(house: House, exchange: Exchange) -> None:
    house.run("routing", "settings", "--set", "clocks.cancel=0.00001")
    exchange.begin("silent")
    exchange.let_the_first_be_late()
    exchange.until(delivered)
    house.run("routing", "settings", "--set", "clocks.cancel=1.0")
    assert exchange.states() == ["timed_out", "filled"]
    assert exchange.names(1) == ["send", "recall", "silence"]
    told = until(lambda: exchange.heard(exchange.first, "requestingAgencyMessage"), bool)
    assert [each["action"] for each in told] == ["Cancel"]
    assert exchange.all_valid()


def test_what_comes_after_a_cancellation_is_taken_and_the_next_one_recalled(exchange: Exchange) -> None:
    exchange.begin("late-yes", following="unanswered")
    exchange.let_the_first_be_late()
    exchange.until(lambda now: delivered(now) and now["entries"][1]["state"] == "timed_out")
    assert exchange.states() == ["filled", "timed_out"]
    assert exchange.names(1) == ["send", "recall", "cancel_yes", "fill"]
    assert exchange.names(2) == ["send", "recall", "cancel_yes"]
    assert exchange.all_valid()


def test_a_message_that_comes_three_times_has_one_effect(house: House, exchange: Exchange) -> None:
    exchange.begin("duplicate:3")
    exchange.until(delivered)
    peer = exchange.peers[exchange.first]
    sent = until(lambda: mine_of(peer, exchange.number), lambda mine: sum(bool(each["ok"]) for each in mine) == 9)
    answers: dict[str, set[str]] = {}
    for each in sent:
        answers.setdefault(each["xml"], set()).add(each["answer"])
    assert len(answers) == 3
    assert {len(its) for its in answers.values()} == {1}, "the same message, the same confirmation"
    assert exchange.names(1) == ["send", "ack", "will_supply", "fill"]
    with house.database.read() as unit:
        assert len(ledger.rounds(unit, exchange.number, 1)) == 1
    assert exchange.all_valid()


def mine_of(peer: IsoPeer, number: int) -> list[Seen]:
    return [each for each in peer.seen()["sent"] if _request_of(each["id"]) == number]


@pytest.mark.parametrize("trouble", ["garbage:1", "http500:2"])
def test_a_request_that_was_not_confirmed_is_sent_again_and_dealt_with_once(exchange: Exchange, trouble: str) -> None:
    exchange.begin(trouble)
    times = int(trouble[-1]) + 1
    exchange.until(lambda now: delivered(now) and len(exchange.heard(exchange.first)) >= times, hurry=True)
    sent = exchange.heard(exchange.first)
    assert len(sent) == times
    assert len({each["xml"] for each in sent}) == 1, "the same to the byte: the library knows a repeat"
    assert exchange.names(1) == ["send", "ack", "will_supply", "fill"]
    assert exchange.all_valid()


# ---------------------------------------------------------------------------------------------- the books


def test_ledger_and_statistics_agree_with_the_events(house: House, shelf: Shelf, people: dict[str, Client]) -> None:
    """Whatever else has happened by now: and a copy that was supplied, one refused all round, one taken back."""
    reader = people["reader-cl"]
    for end in ("fill", "refuse", "cancel"):
        hit = shelf.take(lambda held: "CLCN" not in held and not held & set(PEERS.values()))
        made = reader.post("/requests", {"citation": {"record_id": hit["id"], "pages": "1-20"}, "level": "rush"})
        if end == "cancel":
            reader.does(made["id"], "cancel")
        entry = active(made)
        while end == "refuse" and entry["library"] not in PARTNERS:
            officer(people, entry["library"]).does(made["id"], "refuse", entry["number"], code="CopyLimit")
            entry = active(reader.request(made["id"]))
        if end != "refuse":
            event = {"fill": {"name": "fill", "pages": 20}, "cancel": {"name": "cancel_yes"}}[end]
            officer(people, entry["library"]).does(made["id"], entry=entry["number"], **event)
    histories = house.histories()
    check_books(house, histories)
    assert json.loads(house.run("ledger", "check", "--json"))["problems"] == []
    told = json.loads(house.run("statistics", "--json", "--table", "totals", "--table", "ranks", "--table", "refusals"))
    tables = {each["code"]: each for each in told["tables"]}
    assert dict(zip(_columns(tables["totals"]), tables["totals"]["rows"][-1], strict=True)) | {"users": 0} == {
        "side": "*",
        "submitted": len(histories),
        "sent": sum(any(event.name == "send" for event in events) for events in histories.values()),
        "received": sum(any(event.name == "send" for event in events) for events in histories.values()),
        "filled_for": len(_first_fills(histories)),
        "supplied": len(_first_fills(histories)),
        "users": 0,
    }
    columns = _columns(tables["ranks"])
    rows = [dict(zip(columns, row, strict=True)) for row in tables["ranks"]["rows"]]
    asked = Counter(library for events in histories.values() for library in _asked(events))
    supplied = Counter(event.library for event in _first_fills(histories))
    assert {row["library"]: row["received"] for row in rows if row["received"]} == dict(asked)
    assert {row["library"]: row["supplied"] for row in rows if row["supplied"]} == dict(supplied)


def check_books(house: House, histories: dict[int, list[Event]]) -> None:
    """Every request is what its events make, and every supply stands in the ledger once; together they are nothing."""
    with house.database.read() as unit:
        for number, events in histories.items():
            row = requests.get_request(unit, number)
            assert row is not None and case_decoder.decode(row.folded) == fold(events)
            posted = {entry.number: len(ledger.rounds(unit, number, entry.number)) for entry in fold(events).entries}
            assert {entry: rounds for entry, rounds in posted.items() if rounds} == supplies(events)
        assert sum(ledger.balances(unit).values()) == 0


def _asked(events: list[Event]) -> set[str]:
    return {event.library for event in events if event.name == "send"}


def _first_fills(histories: dict[int, list[Event]]) -> list[Event]:
    fills = ([event for event in events if event.name == "fill"] for events in histories.values())
    return [found[0] for found in fills if found]


def _columns(table: Seen) -> list[str]:
    return [column["code"] for column in table["columns"]]
