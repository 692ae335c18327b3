"""A request of another system is known by its number, however old it is, and is told of as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_desk import ApiDesk
from iso18626_talking import acts, confirmed, header, history, made, outgoing, post, request, says, told_to

from search_api.interop.iso18626 import messages as m
from store.database import Database
from store.remarks import erase_remarks
from store.requests import get_request
from tongcang.dispatch import purge
from tongcang.sending.settings import DispatchSettings


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[ApiDesk]:
    opened = ApiDesk(database, tmp_path)
    opened.desk.policy("PPSUC", channel="iso18626", address="http://127.0.0.1:9/")
    yield opened
    opened.close()


def ask(house: ApiDesk, number: str = "p-1", **more: Any) -> tuple[str, str]:
    return confirmed(post(house, house.key("PPSUC", "requester"), request(number, **more)))


def is_alone(house: ApiDesk) -> bool:
    """No second request was made."""
    with house.database.read() as unit:
        return get_request(unit, 2) is None


def statuses(house: ApiDesk, kind: str = "peer.status") -> list[str]:
    return [each.status_info.status for each in told_to(house, kind) if isinstance(each, m.SupplyingAgencyMessage)]


# ---------------------------------------------------------------------------------------------- the number


def test_a_reminder_of_what_nobody_knows_is_a_request_like_any_other(house: ApiDesk) -> None:
    assert ask(house, kind="Reminder") == ("OK", "")
    case = made(house)
    assert case.state == "asking" and case.wish is not None and case.wish.citation.record_id
    assert ask(house) == ("OK", "") and is_alone(house), "the request that it reminds of comes after it"
    assert ask(house, kind="Reminder", author="曹霑") == ("OK", "")
    assert is_alone(house) and outgoing(house)[-1] == ("peer.report", "report")


def test_the_same_number_is_the_same_request_after_months(house: ApiDesk) -> None:
    assert ask(house) == ("OK", "")
    before = history(house)
    house.desk.wait(days=91)
    with house.database.write() as unit:
        purge(unit, DispatchSettings(), house.desk.now)
    assert ask(house) == ask(house, author="") == ("OK", "")
    assert ask(house, title="三国演义", author="罗贯中")[0] == "ERROR"
    assert history(house) == before and is_alone(house)


def test_the_same_request_in_other_words_is_the_same_request(house: ApiDesk) -> None:
    assert ask(house) == ("OK", "")
    dearer = m.BillingInfo(maximum_costs=m.Costs(m.Code("CNY"), 10))  # type: ignore[arg-type]
    assert ask(house, billing_info=dearer) == ask(house, billing_info=dearer) == ("OK", "")
    assert ask(house, title="红楼梦补")[0] == "ERROR"
    assert is_alone(house)
    told = [each.after["event"] for each in house.audited() if each.action == "iso18626.receive"]
    assert told == ["submit", "known"]


# ---------------------------------------------------------------------------------------------- what is told


def refused_by_all(house: ApiDesk, note: str) -> None:
    ask(house)
    while (case := made(house)).state == "asking":
        house.desk.answers(case, "refuse", code="NonCirculating", note=note)


def unfilled(house: ApiDesk) -> str:
    """The note of the last message."""
    last = told_to(house, "peer.status")[-1]
    assert isinstance(last, m.SupplyingAgencyMessage) and last.status_info.status == "Unfilled"
    return last.message_info.note


def test_a_refusal_is_told_in_the_words_in_which_it_was_said(house: ApiDesk) -> None:
    refused_by_all(house, "古籍不外借，可到馆阅览")
    assert unfilled(house) == "古籍不外借，可到馆阅览"
    with house.database.write() as unit:
        erase_remarks(unit, [1])
    assert unfilled(house) == "", "what was erased is told to nobody"


def test_a_refusal_without_a_word_has_no_note(house: ApiDesk) -> None:
    refused_by_all(house, "")
    assert unfilled(house) == ""


def test_a_day_that_was_typed_in_is_told_as_a_time(house: ApiDesk) -> None:
    ask(house)
    house.desk.answers(made(house), "fill", loan_due="2026-05-01")
    [told] = told_to(house, "peer.status")
    assert isinstance(told, m.SupplyingAgencyMessage) and told.status_info.due_date is not None
    assert told.status_info.due_date.isoformat() == "2026-05-01T15:59:59+00:00"


@pytest.mark.parametrize(("status", "ends"), [("Loaned", "LoanCompleted"), ("CopyCompleted", "CopyCompleted")])
def test_what_either_may_be_is_told_as_what_it_was(house: ApiDesk, status: str, ends: str) -> None:
    for symbol in ("BNU", "THU"):
        house.desk.policy(symbol, paused=True)
    ask(house, service="CopyOrLoan")
    head = header("R1-1")
    filled = says("R1-1", status, header=head, delivery_info=m.DeliveryInfo(date_sent=house.desk.now))
    assert confirmed(post(house, house.key("RUC", "supplier"), filled)) == ("OK", "")
    key = house.key("PPSUC", "requester")
    post(house, key, acts("p-1", "StatusRequest"))
    post(house, key, acts("p-1", "Received"))
    if status == "Loaned":
        post(house, key, acts("p-1", "ShippedReturn"))
    post(house, key, acts("p-1", "StatusRequest", "结束了吗"))
    assert statuses(house)[0] == status and statuses(house, "peer.report") == [status, ends]
    assert made(house).state == "closed_filled"
