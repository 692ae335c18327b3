"""What comes by ISO 18626: from libraries that are asked, and from libraries that ask, in processes of their own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from api_desk import ApiDesk, served
from iso18626_talking import acts, confirmed, header, history, made, outgoing, post, request, says
from lxml import etree
from peers.fixtures import IsoPeer
from request_desk import CAPITAL_ONLY, HONGLOUMENG, wish

from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626.writing import write
from store import outbox
from store.database import Database
from store.request_events import events_of
from store.requests import get_request, person_of
from tongcang.commands.dispatch import make_senders
from tongcang.dispatch import Dispatcher
from tongcang.sending.settings import DispatchSettings

Start = Callable[..., IsoPeer]
VERSIONS = m.VERSIONS


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[ApiDesk]:
    made = ApiDesk(database, tmp_path)
    yield made
    made.close()


# ---------------------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize("version", VERSIONS)
def test_a_library_that_was_asked_answers_once_however_often_it_says_so(house: ApiDesk, version: m.Version) -> None:
    house.desk.policy("BNU", paused=True)
    house.desk.policy("THU", paused=True)
    case = house.desk.ask(wish(HONGLOUMENG))
    number = f"R{case.request_id}-{case.active.number if case.active else 0}"
    key = house.key("RUC", "supplier")
    first = post(house, key, says(number, "WillSupply"), version)
    assert confirmed(first) == ("OK", "")
    assert made(house).active == made(house).entry(1) and made(house).entry(1).state == "accepted"
    filled = says(number, "Loaned", delivery_info=m.DeliveryInfo(date_sent=house.desk.now))
    answers = {post(house, key, filled, version).content for _ in range(3)}
    assert len(answers) == 1 and confirmed(post(house, key, filled, version)) == ("OK", "")
    assert made(house).state == "delivered"
    assert [name for name in history(house) if name == "fill"] == ["fill"]
    late = says(number, "Unfilled", info={"reason_unfilled": m.Code("NotHeld"), "note": "其实没有"})
    assert confirmed(post(house, key, late, version)) == ("OK", "")
    assert made(house).state == "delivered" and history(house)[-1] == "note"
    with house.database.read() as unit:
        last = events_of(unit, 1)[-1]
    assert last.data["data"] == {"code": "NotHeld"} and "其实没有" not in repr(last), "words can be erased"
    shown = house.call(house.key("", "system"), "GET", "/api/requests/1").json()["events"][-1]
    assert (shown["name"], shown["note"]) == ("note", "其实没有")
    told = [each for each in house.audited() if each.action == "iso18626.receive"]
    assert [each.after["event"] for each in told] == ["will_supply", "fill", "note"]
    assert {each.library for each in told} == {"RUC"} and all(each.key_id for each in told)


def test_whoever_puts_it_off_once_more_has_refused(house: ApiDesk) -> None:
    case = house.desk.ask(wish(CAPITAL_ONLY), library="PPSUC", reader=73)
    key = house.key("CLCN", "supplier")
    clcn = m.AgencyId(m.Code("CAPITAL"), "CLCN")
    for attempt in ("", ".2", ".3"):
        head = header(f"R{case.request_id}-1{attempt}", supplying_agency_id=clcn)
        later = m.RetryInfo(retry_after=house.desk.now + timedelta(hours=2))
        again = says("", "RetryPossible", header=head, retry_info=later, info={"reason_retry": m.Code("OnLoan")})
        assert confirmed(post(house, key, again)) == ("OK", "")
        house.desk.tick(days=2)
    assert [name for name in history(house) if name in ("retry_later", "due", "refuse")] == [
        "retry_later", "due", "retry_later", "due", "refuse",
    ]  # fmt: skip
    # A message about an attempt that is over changes nothing.
    head = header(f"R{case.request_id}-1", supplying_agency_id=clcn)
    assert confirmed(post(house, key, says("", "WillSupply", header=head))) == ("OK", "")
    assert history(house)[-1] == "note"


def test_nobody_answers_in_another_librarys_name(house: ApiDesk) -> None:
    case = house.desk.ask(wish(HONGLOUMENG))
    assert case.active is not None
    asked = case.active.supplier
    other = next(symbol for symbol in ("BNU", "RUC", "THU") if symbol != asked)
    number = f"R{case.request_id}-{case.active.number}"
    good, foreign = house.key(asked, "supplier"), house.key(other, "supplier")
    assert confirmed(post(house, foreign, says(number, "Loaned", own=asked)))[0] == "ERROR"
    assert confirmed(post(house, foreign, says(number, "Loaned", own=other)))[0] == "ERROR"
    assert confirmed(post(house, good, says("R99-1", "Loaned", own=asked)))[0] == "ERROR"
    assert confirmed(post(house, good, says("别的号", "Loaned", own=asked)))[0] == "ERROR"
    assert confirmed(post(house, house.key(asked, "requester"), says(number, "Loaned", own=asked)))[0] == "ERROR"
    unscoped = house.key(asked, "supplier", scopes=("queue",))
    assert post(house, unscoped, says(number, "Loaned", own=asked)).status_code == 403
    assert house.client.request("POST", "/api/iso18626", content=b"<a/>").status_code == 401
    assert history(house)[-1] == "send"
    assert not [each for each in house.audited() if each.action == "iso18626.receive"]
    # By the agency id of its policy, too.
    house.desk.policy(asked, agency_type="ISIL", agency_id="CN-110108-1-X")
    head = header(number, "CLCN", "X", supplying_agency_id=m.AgencyId(m.Code("ISIL"), "cn-110108-1-x"))
    assert confirmed(post(house, good, says(number, "Loaned", header=head)))[0] == "OK"


@pytest.mark.parametrize("data", [b"", b"<", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff\xfe\x00", b"<a/>"])
def test_what_is_no_message_is_refused_in_the_standards_own_words(house: ApiDesk, data: bytes) -> None:
    assert confirmed(post(house, house.key("RUC", "supplier", "requester"), data))[0] == "ERROR"


def test_what_is_too_large_is_not_read(house: ApiDesk) -> None:
    answer = post(house, house.key("RUC", "supplier"), b"<a>" + b" " * 1_100_000 + b"</a>")
    assert answer.status_code == 413 and answer.json()["detail_zh"]


def test_a_request_is_made_once_and_nobody_is_known(house: ApiDesk) -> None:
    key = house.key("PPSUC", "requester")
    answers = {post(house, key, request("p-1")).content for _ in range(2)}
    again = structs_at(request("p-1"), datetime(2026, 3, 2, 9, tzinfo=UTC))  # written anew, with another time
    answers.add(post(house, key, again).content)
    assert len(answers) == 1
    case = made(house)
    assert (case.state, case.source, case.requester) == ("asking", "iso18626", "PPSUC")
    assert case.wish is not None and case.wish.citation.record_id and case.wish.service == "loan"
    with house.database.read() as unit:
        assert person_of(unit, 1) is None and get_request(unit, 2) is None
    assert confirmed(post(house, key, request("p-1", "另一本书")))[0] == "ERROR"
    assert confirmed(post(house, house.key("THU", "requester"), request("p-1")))[0] == "ERROR"
    assert confirmed(post(house, key, request("p-2", title="", author="")))[0] == "ERROR"


def structs_at(message: m.Request, at: datetime) -> m.Request:
    return msgspec.structs.replace(message, header=msgspec.structs.replace(message.header, timestamp=at))


def test_whoever_asks_here_is_told_how_it_ends(house: ApiDesk) -> None:
    """The end of the rota and what is repeated need no officer: the people of such a request are elsewhere."""
    house.desk.policy("PPSUC", channel="iso18626", address="http://127.0.0.1:9/")
    key = house.key("PPSUC", "requester")
    post(house, key, request("p-1", "北京旧影", author="某人"))
    case = made(house)
    assert next(entry.supplier for entry in case.entries) == "CLCN"
    for _ in range(4):
        case = made(house)
        if case.active is None:
            break
        house.desk.answers(case, "refuse", code="NotOnShelf")
    assert made(house).state == "closed_unfilled" and history(house)[-2:] == ["exhausted", "close"]
    assert outgoing(house)[-1] == ("peer.status", "close")


def test_what_it_owns_itself_is_asked_for_all_the_same(house: ApiDesk) -> None:
    key = house.key("CLCN", "requester")
    head = header("c-1", "CLCN", requesting_agency_id=m.AgencyId(m.Code("CAPITAL"), "CLCN"))
    answer = post(house, key, request("c-1", "北京旧影", author="某人", header=head))
    assert confirmed(answer) == ("OK", "")
    assert history(house) == ["submit", "own_holding", "insist", "holders", "rota", "send"]


def test_a_condition_is_agreed_to_by_asking_again(house: ApiDesk) -> None:
    house.desk.policy("PPSUC", channel="iso18626", address="http://127.0.0.1:9/")
    key = house.key("PPSUC", "requester")
    post(house, key, request("p-1"))
    house.desk.answers(made(house), "condition", code="Cost", cost=1500)
    assert made(house).state == "condition" and outgoing(house)[-1] == ("peer.status", "condition")
    low = m.BillingInfo(maximum_costs=m.Costs(m.Code("CNY"), 10))  # type: ignore[arg-type]
    assert confirmed(post(house, key, request("p-2", kind="Retry", previous="p-1", billing_info=low)))[0] == "ERROR"
    assert made(house).state == "condition"
    retry = request("p-3", kind="Retry", previous="p-1")
    assert confirmed(post(house, key, retry)) == confirmed(post(house, key, retry)) == ("OK", "")
    assert made(house).state == "asking" and history(house).count("accept") == 1
    # Known by both numbers from now on, and told of under the last.
    assert confirmed(post(house, key, acts("p-3", "StatusRequest")))[0] == "OK"
    assert confirmed(post(house, key, acts("p-1", "StatusRequest")))[0] == "OK"
    assert outgoing(house)[-2:] == [("peer.report", "report")] * 2


def test_what_can_not_be_found_as_cited_is_asked_for_anew(house: ApiDesk) -> None:
    house.desk.policy("PPSUC", channel="iso18626", address="http://127.0.0.1:9/")
    key = house.key("PPSUC", "requester")
    post(house, key, request("p-1"))
    assert confirmed(post(house, key, request("p-2", kind="Retry", previous="p-1")))[0] == "ERROR", "it goes on yet"
    house.desk.answers(made(house), "refuse", code="Incomplete")
    assert made(house).state == "draft" and outgoing(house)[-1] == ("peer.status", "incomplete")
    assert confirmed(post(house, key, request("p-2", kind="Retry", previous="p-1"))) == ("OK", "")
    assert made(house).state == "asking" and history(house).count("submit") == 2
    # What is over is asked for anew, as another request that names the first.
    post(house, key, acts("p-2", "Cancel"))
    house.desk.answers(made(house), "cancel_yes")
    assert confirmed(post(house, key, request("p-3", kind="Retry", previous="p-2"))) == ("OK", "")
    with house.database.read() as unit:
        assert events_of(unit, 2)[0].data["previous"] == 1
    assert confirmed(post(house, key, request("p-3", kind="Reminder"))) == ("OK", "")
    assert outgoing(house, 2)[-1] == ("peer.report", "report")


def test_cancelling_in_time_and_too_late(house: ApiDesk) -> None:
    house.desk.policy("PPSUC", channel="iso18626", address="http://127.0.0.1:9/")
    key = house.key("PPSUC", "requester")
    post(house, key, request("p-1"))
    assert confirmed(post(house, key, acts("p-1", "Cancel", "读者不要了")))[0] == "OK"
    assert made(house).state == "cancelling"
    case = made(house)
    house.desk.answers(case, "cancel_yes")
    assert made(house).state == "closed_cancelled" and outgoing(house)[-1] == ("peer.status", "cancel_done")
    post(house, key, request("p-2", "北京旧影", author="某人", service="Copy"))
    house.desk.answers(made(house, 2), "fill", pages=3)
    assert confirmed(post(house, key, acts("p-2", "Cancel")))[0] == "OK"
    assert made(house, 2).state == "delivered" and outgoing(house, 2)[-1] == ("peer.report", "report")
    assert confirmed(post(house, key, acts("p-2", "Notification", "谢谢")))[0] == "OK"
    assert history(house, 2)[-1] == "note"
    assert confirmed(post(house, key, acts("p-2", "Received")))[0] == "OK"
    assert made(house, 2).state == "closed_filled"
    assert confirmed(post(house, key, acts("别家的", "Cancel")))[0] == "ERROR"
    assert confirmed(post(house, house.key("THU", "requester"), acts("p-2", "Cancel", own="THU")))[0] == "ERROR"


def test_the_same_message_at_once_has_one_effect(house: ApiDesk) -> None:
    key, data = house.key("PPSUC", "requester"), write(request("p-1"), "2021-2")
    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(lambda _: post(house, key, data).content, range(6)))
    assert len(answers) == 1
    with house.database.read() as unit:
        assert get_request(unit, 1) is not None and get_request(unit, 2) is None
    assert len([each for each in house.audited() if each.action == "iso18626.receive"]) == 1


def test_a_branch_that_asks_by_itself_is_told_itself(house: ApiDesk) -> None:
    house.desk.policy("XCLIB", channel="iso18626", address="http://127.0.0.1:9/")
    key = house.key("XCLIB", "requester")
    head = header("x-1", requesting_agency_id=m.AgencyId(m.Code("CAPITAL"), "XCLIB"))
    assert confirmed(post(house, key, request("x-1", header=head))) == ("OK", "")
    case = made(house)
    assert (case.requester, case.branch) == ("CLCN", "XCLIB")
    house.desk.answers(case, "will_supply")
    with house.database.read() as unit:
        told = [(each.channel, each.target) for each in outbox.messages_of(unit, 1) if each.kind.startswith("peer")]
    assert told == [("iso18626", "XCLIB")]
    cancelled = acts("x-1", "Cancel", requesting_agency_id=m.AgencyId(m.Code("CAPITAL"), "XCLIB"))
    assert confirmed(post(house, key, cancelled)) == ("OK", "")
    assert made(house).state == "cancelling"


# ---------------------------------------------------------------------------------------------- in its own process


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[ApiDesk, str]]:
    """On SQLite and on a real port."""
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    database.migrate()
    house = ApiDesk(database, tmp_path)
    with served(house.app, socket.create_server(("127.0.0.1", 0))) as url:
        yield house, f"{url}/api/iso18626"
    house.close()
    database.close()


def dispatch(house: ApiDesk) -> None:
    settings = DispatchSettings(peer_allow="127.0.0.1", http_timeout=5, poll=0.05)
    senders = {"iso18626": make_senders(house.database, settings)["iso18626"]}
    passed = Dispatcher(house.database, senders, lambda _: 0, lambda: house.desk.now, settings).run_once()
    assert passed.dead == passed.postponed == 0


def statuses(peer: IsoPeer) -> list[str]:
    """What it was told of its request; each message valid by its schema, where that is there."""
    told = [each for each in peer.seen()["received"] if each.get("kind") == "supplyingAgencyMessage"]
    assert all(each["valid"] in (True, None) and each["as"] == "OK" for each in told), told
    return [each["status"] for each in told]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_peer_asks_and_hears_of_it_to_the_end(site: tuple[ApiDesk, str], iso_peer: Start, version: m.Version) -> None:
    house, url = site
    peer = iso_peer(version, url, key=house.key("PPSUC", "requester"))
    house.desk.policy(
        "PPSUC", channel="iso18626", address=peer.url, iso_version=version, agency_type="LOCAL", agency_id="PEER"
    )
    peer.ask(id="人-1", title="红楼梦", author="曹雪芹", service="Loan")
    [sent] = peer.seen()["sent"]
    assert sent["ok"] and sent["valid"] in (True, None), sent
    house.desk.answers(made(house), "condition", code="Cost", cost=1500)
    dispatch(house)
    assert statuses(peer) == ["RetryPossible"]
    peer.ask(id="人-2", title="红楼梦", author="曹雪芹", service="Loan", type="Retry", previous="人-1")
    house.desk.answers(made(house), "fill", loan_due="2026-04-01T00:00:00+00:00")
    dispatch(house)
    assert statuses(peer) == ["RetryPossible", "Loaned"]
    assert [each["id"] for each in peer.seen()["received"]] == ["人-1", "人-2"]
    peer.act(id="人-2", action="Received")
    assert made(house).state == "on_loan"
    peer.act(id="人-2", action="StatusRequest")
    peer.act(id="人-2", action="Renew")
    dispatch(house)
    assert statuses(peer)[2:] == ["Loaned", "Loaned"]
    peer.act(id="人-2", action="ShippedReturn")
    dispatch(house)
    assert made(house).state == "closed_filled" and statuses(peer)[4:] == ["LoanCompleted"]
    assert all(each["ok"] for each in peer.seen()["sent"])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_peer_is_asked_and_what_it_says_comes_in(
    site: tuple[ApiDesk, str], iso_peer: Start, version: m.Version
) -> None:
    house, url = site
    peer = iso_peer(version, url, key=house.key("CLCN", "supplier"), default="duplicate:2")
    house.desk.policy("CLCN", channel="iso18626", address=peer.url, iso_version=version)
    house.desk.ask(wish(CAPITAL_ONLY), library="PPSUC", reader=73)
    dispatch(house)
    seen = peer.wait_for(lambda all: len([each for each in all["sent"] if each["ok"] is not None]) == 6)
    assert all(each["ok"] and each["valid"] in (True, None) for each in seen["sent"]), seen["sent"]
    assert made(house).state == "delivered"
    assert [name for name in history(house) if name in ("ack", "will_supply", "fill")] == ["ack", "will_supply", "fill"]
    answers = [each["answer"] for each in seen["sent"]]
    assert answers[0::2] == answers[1::2], "the same message, the same answer"
    assert etree.fromstring(answers[0].encode()) is not None
