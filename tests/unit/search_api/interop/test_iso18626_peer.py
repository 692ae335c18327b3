"""Our messages and those of a supplier in its own process, which was written without our code, in both versions."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from peers import iso18626_peer as peer_module
from peers.fixtures import IsoPeer

from mappings.model import Library
from mappings.requests import Citation, LibraryPolicy, Wish
from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626 import telling
from search_api.interop.iso18626.asking import Ask, ask, asked
from search_api.interop.iso18626.confirming import Verdict, answer, verdict
from search_api.interop.iso18626.messages import VERSIONS
from search_api.interop.iso18626.naming import RequestNumber, Thread, party, thread_of
from search_api.interop.iso18626.reading import detect_version, parse
from search_api.interop.iso18626.translating import Heard, heard, heard_action
from search_api.interop.iso18626.writing import CONTENT_TYPE, write

CLCN = party(Library("CLCN", "首都图书馆", "Capital Library", "CAPITAL", "capital"), LibraryPolicy())
RUC = party(Library("RUC", "中国人民大学图书馆", "Renmin University Library", "BALIS", "node"), LibraryPolicy())
Start = Callable[..., IsoPeer]


class Desk:
    """Our side: takes messages and confirms them, sends and reads the confirmations."""

    def __init__(self) -> None:
        self.taken: list[m.Message] = []
        self.versions: list[str] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = desk.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/iso18626"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def take(self, data: bytes) -> bytes:
        self.versions.append(detect_version(parse(data)))
        return answer(data, datetime.now(UTC), self.taken.append)

    def send(self, peer: IsoPeer, message: m.Message, version: m.Version) -> Verdict:
        with httpx.Client(trust_env=False, timeout=30) as client:
            try:
                reply = client.post(peer.url, content=write(message, version), headers={"Content-Type": CONTENT_TYPE})
            except httpx.HTTPError as error:
                return Verdict(False, False, why=type(error).__name__)
        return verdict(reply.content, message)

    def heard(self, state: str = "sent") -> list[Heard]:
        return [heard(each, state) for each in self.taken if isinstance(each, m.SupplyingAgencyMessage)]

    def events(self) -> list[str]:
        return [each.event for each in self.heard()]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.stop()


def asking(scenario: str, service: str = "copy", **changes: Any) -> m.Request:
    citation = Citation(
        genre="article", title="北京邮电大学学报", article_title=f"网络 scenario={scenario}", volume="12"
    )
    told: dict[str, Any] = {"number": RequestNumber(17, 2), "requester": CLCN, "supplier": RUC}
    return ask(Ask(**told | {"wish": Wish(citation, service=service)} | changes), datetime.now(UTC))


def all_right(seen: dict[str, Any]) -> bool:
    """Ours was valid in the peer's eyes, as far as it has the schemas, and what it said was confirmed."""
    both = [*seen["received"], *seen["sent"]]
    return all(each["valid"] is not False for each in both) and all(each["ok"] for each in seen["sent"])


def about(request: m.Request) -> Thread:
    return thread_of(request)


SCENARIOS = {
    "fill": ["ack", "will_supply", "fill"],
    "quick": ["fill"],
    "backwards": ["fill", "will_supply", "ack"],
    "ack": ["ack"],
    "refuse:NotHeld": ["ack", "refuse"],
    "condition:15.50": ["ack", "condition"],
    "loan-condition:LibraryUseOnly": ["ack", "condition"],
    "offer:15.50": ["ack", "condition"],
    "retry:60": ["ack", "retry_later"],
    "duplicate:3": ["ack"] * 3 + ["will_supply"] * 3 + ["fill"] * 3,
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_a_supplier_says_is_an_event(iso_peer: Start, desk: Desk, scenario: str, version: m.Version) -> None:
    peer = iso_peer(version, desk.url)
    assert desk.send(peer, asking(scenario), version) == Verdict(True, True)
    expected = SCENARIOS[scenario]
    seen = peer.wait_for(lambda seen: sum(each["ok"] is not None for each in seen["sent"]) >= len(expected))
    assert desk.events() == expected
    assert {each.number for each in desk.heard()} == {RequestNumber(17, 2)}
    assert len(seen["received"]) == 1 and all_right(seen)
    last = desk.heard()[-1].data
    if scenario == "refuse:NotHeld":
        assert last == {"code": "NotHeld", "note": "馆藏无此书"}
    elif scenario == "condition:15.50":
        assert last == {"code": "CostExceedsMaxCost", "by": "retry", "cost": 1550, "text": "说明"}
    elif scenario == "offer:15.50":
        assert last == {"code": "Cost", "by": "offer", "cost": 1550, "text": "需付费"}
    elif scenario.startswith("loan-condition") and version == "2021-2":
        assert last["conditions"] == ["LibraryUseOnly"]
    elif scenario == "fill":
        assert (last["cost"], last["via"], last["format"]) == (600, "Email", "PDF")
    elif scenario == "duplicate:3":
        assert [each.digest for each in desk.heard()].count(desk.heard()[-1].digest) == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_a_loan_says_when_it_is_due(iso_peer: Start, desk: Desk, version: m.Version) -> None:
    peer = iso_peer(version, desk.url)
    desk.send(peer, asking("quick", "loan"), version)
    peer.wait_for(lambda seen: bool(seen["sent"]) and seen["sent"][0]["ok"] is not None)
    (fill,) = desk.heard()
    assert fill.event == "fill" and fill.data["via"] == "Mail"
    assert datetime.fromisoformat(fill.data["loan_due"]) > datetime.now(UTC)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_versions_of_the_peers_messages_are_seen(iso_peer: Start, desk: Desk, version: m.Version) -> None:
    """But for what may be either; then the attribute says it."""
    peer = iso_peer(version, desk.url)
    desk.send(peer, asking("fill"), version)
    peer.wait_for(lambda seen: len(seen["sent"]) == 3 and seen["sent"][2]["ok"] is not None)
    assert set(desk.versions) == {version}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_condition_that_is_accepted_is_asked_again(iso_peer: Start, desk: Desk, version: m.Version) -> None:
    peer = iso_peer(version, desk.url)
    first = asking("condition:15.50")
    desk.send(peer, first, version)
    peer.wait_for(lambda seen: len(seen["sent"]) == 2 and seen["sent"][1]["ok"] is not None)
    condition = desk.heard()[-1].data
    assert telling.answer_condition(about(first), condition, True, datetime.now(UTC)) is None
    again = asking("condition:15.50", number=RequestNumber(17, 2, 2), kind="Retry", accepted=condition)
    assert desk.send(peer, again, version).ok
    seen = peer.wait_for(lambda seen: len(seen["sent"]) == 5 and seen["sent"][4]["ok"] is not None)
    assert desk.events()[2:] == ["ack", "will_supply", "fill"]
    assert desk.heard()[-1].number == RequestNumber(17, 2, 2)
    assert "<monetaryValue>15.5</monetaryValue>" in seen["received"][1]["xml"]
    assert "<requestingAgencyPreviousRequestId>R17-2</requestingAgencyPreviousRequestId>" in seen["received"][1]["xml"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("accepted", [True, False])
def test_an_offer_is_accepted_by_a_notification_and_rejected_by_cancel(
    iso_peer: Start, desk: Desk, accepted: bool, version: m.Version
) -> None:
    peer = iso_peer(version, desk.url)
    request = asking("offer:15.50")
    desk.send(peer, request, version)
    peer.wait_for(lambda seen: len(seen["sent"]) == 2 and seen["sent"][1]["ok"] is not None)
    reply = telling.answer_condition(about(request), desk.heard()[-1].data, accepted, datetime.now(UTC))
    assert reply and desk.send(peer, reply, version).ok
    peer.wait_for(lambda seen: len(seen["sent"]) == 3 and seen["sent"][2]["ok"] is not None)
    assert desk.events()[-1] == ("fill" if accepted else "cancel_yes")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("scenario", "events"),
    [("unanswered", ["cancel_yes"]), ("late", ["noted", "fill"]), ("late-yes", ["cancel_yes", "fill"]), ("silent", [])],
)
def test_a_recall(iso_peer: Start, desk: Desk, scenario: str, events: list[str], version: m.Version) -> None:
    peer = iso_peer(version, desk.url)
    request = asking(scenario)
    assert desk.send(peer, request, version).ok
    cancel = telling.recall(about(request), "action", datetime.now(UTC))
    assert desk.send(peer, cancel, version) == Verdict(True, True)
    seen = peer.wait_for(lambda seen: sum(each["ok"] is not None for each in seen["sent"]) == len(events))
    assert [each.event for each in desk.heard("cancel_sent")] == events
    assert [each.get("action") for each in seen["received"]] == [None, "Cancel"]
    assert all_right(seen)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("trouble", ["garbage:2", "drop:2", "http500:2"])
def test_a_request_whose_confirmation_is_lost_is_sent_again_and_begun_once(
    iso_peer: Start, desk: Desk, trouble: str, version: m.Version
) -> None:
    peer = iso_peer(version, desk.url)
    request = asking(trouble)
    verdicts = [desk.send(peer, request, version) for _ in range(3)]
    assert [(each.ok, each.understood) for each in verdicts] == [(False, False), (False, False), (True, True)]
    assert all(each.why for each in verdicts[:2])
    peer.wait_for(lambda seen: sum(each["ok"] is not None for each in seen["sent"]) >= 3)
    assert desk.events() == ["ack", "will_supply", "fill"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_message_says_why(iso_peer: Start, desk: Desk, version: m.Version) -> None:
    peer = iso_peer(version, desk.url)
    verdict_ = desk.send(peer, asking("error:UnsupportedActionType"), version)
    assert verdict_ == Verdict(
        False,
        True,
        (m.ErrorData(error_type="UnsupportedActionType", error_value="不认"),),
        "UnsupportedActionType: 不认",
    )
    other = desk.send(peer, asking("other-id", number=RequestNumber(18, 1)), version)
    assert (other.ok, other.understood) == (False, False) and "别人的-1" in other.why


@pytest.mark.parametrize("version", VERSIONS)
def test_a_peer_asks_us(iso_peer: Start, desk: Desk, version: m.Version) -> None:
    peer = iso_peer(version, desk.url)
    peer.ask(id="PEER-1", title="红楼梦", service="Loan", st="CAPITAL", s="CLCN")
    (request,) = desk.taken
    assert isinstance(request, m.Request)
    wanted = asked(request)
    assert wanted.wish == Wish(Citation(title="红楼梦"), service="loan")
    assert wanted.supplier == m.AgencyId(m.Code("CAPITAL"), "CLCN")
    fill = {"via": "Mail", "loan_due": "2027-01-04T08:00:00+00:00"}
    now = datetime.now(UTC)
    for event, data in (("submit", {}), ("will_supply", {}), ("fill", fill)):
        told = telling.tell(wanted.thread, event, data, now, service="loan", first=event == "submit")
        assert told and desk.send(peer, told, version) == Verdict(True, True)
    peer.act(id="PEER-1", action="Received")
    peer.act(id="PEER-1", action="ShippedReturn", note="已寄回")
    actions = [heard_action(each) for each in desk.taken if isinstance(each, m.RequestingAgencyMessage)]
    assert [each.event for each in actions] == ["receive", "returned"] and actions[1].note == "已寄回"
    seen = peer.seen()
    assert [each["status"] for each in seen["received"]] == ["RequestReceived", "WillSupply", "Loaned"]
    assert all_right(seen)


def test_the_peer_shares_no_code_with_us() -> None:
    tree = ast.parse(Path(str(peer_module.__file__)).read_text(encoding="utf-8"))
    names = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    names |= {alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names}
    roots = {str(name).split(".")[0] for name in names}
    assert roots - sys.stdlib_module_names == {"lxml"}


def test_the_peer_refuses_what_its_schema_does(iso_peer: Start, desk: Desk, iso_schemas: object) -> None:
    """Or else nothing above would say that we are valid."""
    peer = iso_peer("1.2", desk.url)
    told = desk.send(peer, asking("fill"), "2021-2")
    assert (told.ok, told.errors[0].error_type) == (False, "BadlyFormedMessage")
    assert peer.seen()["received"][0]["errors"]
