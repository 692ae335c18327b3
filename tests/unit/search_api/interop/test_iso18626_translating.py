"""Events as messages and messages as events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso18626_making import CLOSED, NOW, PATIENT, any_struct, from_supplier, header
from lxml import etree

from mappings.requests import REASONS
from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626 import telling, translating
from search_api.interop.iso18626.messages import VERSIONS, Code
from search_api.interop.iso18626.naming import SCHEME, RequestNumber, thread_of
from search_api.interop.iso18626.reading import parse, read
from search_api.interop.iso18626.telling import TOLD, answer_condition, recall, report, tell
from search_api.interop.iso18626.translating import NOTED, digest, heard, heard_action
from search_api.interop.iso18626.writing import write

THREAD = thread_of(from_supplier("Loaned"))
LATER = NOW + timedelta(days=3)
YUAN = m.Costs(Code("CNY"), Decimal("15.50"))


def retry(reason: str, **changes: Any) -> m.SupplyingAgencyMessage:
    info = {"reason_retry": Code(reason)} if reason else {}
    return from_supplier("RetryPossible", info=info, retry_info=m.RetryInfo(**changes) if changes else None)


def shipped(status: str = "CopyCompleted", **changes: Any) -> m.SupplyingAgencyMessage:
    return from_supplier(status, delivery_info=m.DeliveryInfo(date_sent=NOW, **changes))


EVENTS = [
    (from_supplier("RequestReceived", "RequestResponse"), "sent", "ack", {}),
    (from_supplier("RequestReceived", "StatusRequestResponse"), "sent", "ack", {}),
    (from_supplier("ExpectToSupply", "RequestResponse"), "sent", "will_supply", {}),
    (from_supplier("WillSupply"), "received", "will_supply", {}),
    (from_supplier("WillSupply", "Notification", info={"note": "稍候"}), "accepted", NOTED, {}),
    (from_supplier("Overdue"), "filled", NOTED, {}),
    (from_supplier("Recalled"), "filled", NOTED, {}),
    (from_supplier("HoldReturn"), "filled", NOTED, {}),
    (from_supplier("ReleaseHoldReturn"), "filled", NOTED, {}),
    (from_supplier("Loaned"), "accepted", "fill", {"service": "loan"}),
    (from_supplier("CopyCompleted"), "sent", "fill", {}),
    (from_supplier("CopyCompleted", "Notification"), "sent", "fill", {}),
    (from_supplier("Loaned", due=LATER), "sent", "fill", {"loan_due": LATER.isoformat(), "service": "loan"}),
    (from_supplier("LoanCompleted"), "accepted", "fill", {"service": "loan"}),
    (from_supplier("CompletedWithoutReturn"), "accepted", "fill", {}),
    (from_supplier("LoanCompleted"), "filled", "returned", {}),
    (from_supplier("CompletedWithoutReturn"), "filled", "returned", {}),
    (from_supplier("Unfilled"), "sent", "refuse", {"code": "NotAvailableForILL"}),
    (from_supplier("Cancelled"), "accepted", "refuse", {"code": "NotAvailableForILL"}),
    (from_supplier("Unfilled"), "cancel_sent", "refuse", {"code": "NotAvailableForILL"}),
    (from_supplier("Cancelled"), "cancel_sent", "cancel_yes", {}),
    (from_supplier("Cancelled"), "timed_out", NOTED, {}),
    (from_supplier("Unfilled"), "timed_out", NOTED, {}),
    (from_supplier("Cancelled", "CancelResponse", info={"answer_yes_no": True}), "cancel_sent", "cancel_yes", {}),
    (from_supplier("Cancelled", "CancelResponse"), "cancel_sent", "cancel_yes", {}),
    (from_supplier("WillSupply", "CancelResponse", info={"answer_yes_no": False}), "cancel_sent", NOTED, {}),
    (
        from_supplier("Loaned", "CancelResponse", info={"answer_yes_no": False}),
        "cancel_sent",
        "fill",
        {"service": "loan"},
    ),
    (from_supplier("WillSupply", "RenewResponse", info={"answer_yes_no": False}), "filled", NOTED, {}),
    (retry("OnLoan", retry_after=LATER), "received", "retry_later", {"until": LATER.isoformat()}),
    (retry("OnLoan"), "received", "refuse", {"code": "NotOnShelf", "note": "[OnLoan]"}),
    (retry("", retry_after=LATER), "received", "retry_later", {"until": LATER.isoformat()}),
    (retry(""), "received", "refuse", {"code": "NotAvailableForILL"}),
    (retry("NotFoundAsCited"), "received", "refuse", {"code": "Incomplete", "note": "[NotFoundAsCited]"}),
    (
        retry("CostExceedsMaxCost", offered_costs=(YUAN,)),
        "received",
        "condition",
        {"code": "CostExceedsMaxCost", "by": "retry", "cost": 1550},
    ),
    (
        retry("CostExceedsMaxCost", offered_costs=(m.Costs(Code("EUR"), Decimal(8)), YUAN)),
        "received",
        "condition",
        {"code": "CostExceedsMaxCost", "by": "retry", "cost": 1550},
    ),
    (
        retry("CostExceedsMaxCost", offered_costs=(m.Costs(Code("EUR"), Decimal("8.25")),)),
        "received",
        "condition",
        {"code": "CostExceedsMaxCost", "by": "retry", "costs": ["8.25 EUR"]},
    ),
    (
        retry("MustMeetLoanCondition", loan_condition=(Code("LibraryUseOnly"), Code("NoReproduction"))),
        "received",
        "condition",
        {"code": "MustMeetLoanCondition", "by": "retry", "conditions": ["LibraryUseOnly", "NoReproduction"]},
    ),
    (retry("LoanPossible"), "sent", "condition", {"code": "LoanPossible", "by": "retry", "service": "Loan"}),
    (
        retry("另有要求", edition=("第2版",), item_format=(Code("Microform"),)),
        "sent",
        "condition",
        {"code": "另有要求", "by": "retry", "editions": ["第2版"], "formats": ["Microform"]},
    ),
    (
        from_supplier("WillSupply", "Notification", retry_info=m.RetryInfo(offered_costs=(YUAN,))),
        "received",
        "condition",
        {"code": "Cost", "by": "offer", "cost": 1550},
    ),
    (
        shipped("ExpectToSupply", loan_condition=(Code("LibraryUseOnly"),)),
        "received",
        "condition",
        {"code": "LibraryUseOnly", "by": "offer", "conditions": ["LibraryUseOnly"]},
    ),
    (
        from_supplier("WillSupply", retry_info=m.RetryInfo(offered_costs=(m.Costs(Code("CNY"), Decimal(0)),))),
        "received",
        "will_supply",
        {},
    ),
]


@pytest.mark.parametrize(("message", "state", "event", "data"), EVENTS)
def test_what_a_suppliers_message_is(
    message: m.SupplyingAgencyMessage, state: str, event: str, data: dict[str, Any]
) -> None:
    told = heard(message, state)
    assert (told.event, told.data) == (event, data)
    assert told.number == RequestNumber(17, 2) and told.said_at == message.status_info.last_change


def test_the_guide_has_the_table_that_stands_in_the_code() -> None:
    guide = (Path(__file__).resolve().parents[4] / "docs" / "iso18626.md").read_text(encoding="utf-8")
    rows = [line for line in (translating.__doc__ or "").splitlines() if line.startswith("|")]
    assert len(rows) > 10 and "\n".join(rows) in guide


def test_every_status_is_met_above() -> None:
    assert {message.status_info.status for message, *_ in EVENTS} == set(CLOSED["status"].split())


@PATIENT
@given(any_struct(m.SupplyingAgencyMessage), st.sampled_from(["sent", "cancel_sent", "timed_out", "filled"]))
def test_every_message_is_something_and_its_data_is_json(message: m.SupplyingAgencyMessage, state: str) -> None:
    told = heard(message, state)
    assert msgspec.json.decode(msgspec.json.encode(told.data)) == told.data
    assert told.event in (
        "ack", "will_supply", "condition", "retry_later", "fill", "returned", "refuse", "cancel_yes", NOTED
    )  # fmt: skip
    if told.event == "refuse":
        assert told.data["code"] in REASONS
    if told.event == "retry_later":
        assert datetime.fromisoformat(told.data["until"]).tzinfo
    if "cost" in told.data:
        assert 0 <= told.data["cost"] <= 10**8


def test_what_was_supplied_and_how() -> None:
    told = heard(
        shipped(
            item_id=("条码1",),
            url="https://example.org/拿.pdf",
            delivery_method=Code("URL"),
            item_format=Code("PDF"),
            delivery_costs=(YUAN,),
        )
    )
    assert told.data == {
        "cost": 1550,
        "via": "URL",
        "format": "PDF",
        "url": "https://example.org/拿.pdf",
        "items": ["条码1"],
        "sent": NOW.isoformat(),
    }


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x", "http://", "http://[", "ftp://x/y"])
def test_no_link_but_one_of_the_web(url: str) -> None:
    assert "url" not in heard(shipped(url=url)).data


@pytest.mark.parametrize(
    ("amount", "currency", "fen"),
    [("6", "CNY", 600), ("6.005", "cny", 600), ("0", "CNY", 0), ("-1", "CNY", None), ("9999999", "CNY", None)],
)
def test_money(amount: str, currency: str, fen: int | None) -> None:
    told = heard(shipped(delivery_costs=(m.Costs(Code(currency), Decimal(amount)),)))
    assert told.data.get("cost") == fen
    assert ("costs" in told.data) == (fen is None)


@pytest.mark.parametrize(
    ("said", "code"),
    [(Code(reason), reason) for reason in REASONS]
    + [(Code("notheld", "RESHARE"), "NotHeld"), (Code("无馆藏"), "NotAvailableForILL"), (None, "NotAvailableForILL")],
)
def test_reasons_are_ours_or_say_nothing_against_the_holding(said: Code | None, code: str) -> None:
    told = heard(from_supplier("Unfilled", info={"reason_unfilled": said, "note": "抱歉"}))
    assert told.data["code"] == code and told.data["note"].endswith("抱歉")
    assert ("[" in told.data["note"]) == (said is not None and said.value != code)


def test_the_same_message_has_the_same_digest_in_whichever_version_it_comes() -> None:
    message = from_supplier("Unfilled", info={"reason_unfilled": Code("NotHeld"), "note": "无"})
    other = from_supplier("Unfilled", info={"reason_unfilled": Code("NotHeld"), "note": "无。"})
    digests = {digest(read(write(message, version))) for version in VERSIONS}
    assert digests == {digest(message)} and digest(other) not in digests


@pytest.mark.parametrize(
    ("action", "event"), [("Cancel", "cancel"), ("Received", "receive"), ("ShippedReturn", "returned")]
)
def test_what_a_requester_says(action: str, event: str) -> None:
    told = heard_action(m.RequestingAgencyMessage(header=header(), action=action, note="因故"))
    assert (told.event, told.data, told.note) == (event, {"action": action, "note": "因故"}, "因故")


@pytest.mark.parametrize("action", sorted(set(CLOSED["action"].split()) - {"Cancel", "Received", "ShippedReturn"}))
def test_what_else_a_requester_says_is_noted(action: str) -> None:
    told = heard_action(m.RequestingAgencyMessage(header=header(), action=action))
    assert (told.event, told.data) == (NOTED, {"action": action})


@pytest.mark.parametrize("why", telling.WHY_RECALLED)
def test_a_recall_is_a_cancel_with_its_reason_in_both_languages(why: str) -> None:
    message = recall(THREAD, why, NOW)
    assert message.action == "Cancel" and message.header == header()
    assert message.note[0] > "\u4e00" and message.note.isascii() is False and "." in message.note


@pytest.mark.parametrize(
    ("by", "accepted", "action"),
    [
        ("retry", True, None),
        ("retry", False, "Notification"),
        ("offer", True, "Notification"),
        ("offer", False, "Cancel"),
    ],
)
def test_a_condition_is_answered(by: str, accepted: bool, action: str | None) -> None:
    message = answer_condition(THREAD, {"code": "Cost", "by": by}, accepted, NOW)
    assert (message.action if message else None) == action


# What we say as a supplier, and what it is to a requester who hears it with our own ears.
SAID: list[tuple[str, dict[str, Any], str, str, dict[str, Any]]] = [
    ("submit", {}, "RequestReceived", "ack", {}),
    ("ack", {}, "RequestReceived", "ack", {}),
    ("will_supply", {}, "WillSupply", "will_supply", {}),
    ("forward", {"to": "BNU", "child": 4}, "ExpectToSupply", NOTED, {}),
    ("retry_later", {"until": LATER.isoformat()}, "RetryPossible", "retry_later", {"until": LATER.isoformat()}),
    (
        "condition",
        {"code": "Cost", "cost": 1550, "text": "需付费"},
        "RetryPossible",
        "condition",
        {"code": "CostExceedsMaxCost", "by": "retry", "cost": 1550, "text": "需付费"},
    ),
    ("refuse", {"code": "NotHeld"}, "Unfilled", "refuse", {"code": "NotHeld"}),
    (
        "close",
        {"code": "Licence", "note": "合同不允许"},
        "Unfilled",
        "refuse",
        {"code": "Licence", "note": "合同不允许"},
    ),
    ("close", {"reason": "exhausted"}, "Unfilled", "refuse", {"code": "NotAvailableForILL"}),
    ("expire", {}, "Unfilled", "refuse", {"code": "NotAvailableForILL"}),
    ("cancel_done", {}, "Cancelled", "cancel_yes", {}),
    ("cancel_yes", {}, "Cancelled", "cancel_yes", {}),
    ("returned", {}, "LoanCompleted", "fill", {"service": "loan"}),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("event", "data", "status", "ear", "understood"), SAID)
def test_what_we_say_is_what_is_heard(
    iso_schemas: dict[str, etree.XMLSchema],
    event: str,
    data: dict[str, Any],
    status: str,
    ear: str,
    understood: dict[str, Any],
    version: m.Version,
) -> None:
    message = tell(THREAD, event, data, NOW, service="copy")
    assert message and message.status_info.status == status
    sent = write(message, version)
    assert iso_schemas[version].validate(parse(sent))
    got = read(sent)
    assert isinstance(got, m.SupplyingAgencyMessage)
    told = heard(got)
    assert (told.event, told.data) == (ear, understood)
    assert thread_of(got) == THREAD


def test_a_condition_of_lending_is_named_and_written_for_people_where_the_version_cant_name_it() -> None:
    message = tell(THREAD, "condition", {"code": "LibraryUseOnly", "text": "仅限馆内阅览"}, NOW, service="loan")
    assert message
    for version in VERSIONS:
        got = read(write(message, version))
        assert isinstance(got, m.SupplyingAgencyMessage)
        told = heard(got).data
        assert told["code"] == "MustMeetLoanCondition" and told["text"] == "仅限馆内阅览 [LibraryUseOnly]"
        assert told.get("conditions") == (["LibraryUseOnly"] if version == "2021-2" else None)


@pytest.mark.parametrize(
    ("service", "due", "status"),
    [
        ("copy", "", "CopyCompleted"),
        ("loan", "", "Loaned"),
        ("loan", LATER.isoformat(), "Loaned"),
        ("copy_or_loan", "", "CopyCompleted"),
        ("copy_or_loan", LATER.isoformat(), "Loaned"),
    ],
)
def test_a_fill_is_a_copy_or_a_loan(service: str, due: str, status: str) -> None:
    data = {"cost": 600, "via": "Email", "format": "PDF"} | ({"loan_due": due} if due else {})
    message = tell(THREAD, "fill", data, NOW, service=service)
    assert message and message.status_info.status == status
    lent = {"service": "loan"} if status == "Loaned" else {}
    assert heard(message).data == data | {"sent": NOW.isoformat()} | lent
    again = tell(THREAD, "fill", heard(message).data, NOW, service="copy_or_loan")
    assert again and again.status_info.status == status, "as it was heard, so it is handed on"


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ("2026-05-01", datetime(2026, 5, 1, 15, 59, 59, tzinfo=UTC)),  # the day is Beijing's, and all of it
        ("2026-05-01T09:00", datetime(2026, 5, 1, 1, tzinfo=UTC)),
        ("2026-05-01T09:00:00+00:00", datetime(2026, 5, 1, 9, tzinfo=UTC)),
        ("五月一日", None),
        ("9999-12-31T23:00:00-08:00", None),
    ],
)
def test_a_day_by_which_it_is_due_is_a_time_of_the_standards(told: str, due: datetime | None) -> None:
    message = tell(THREAD, "fill", {"loan_due": told}, NOW, service="loan")
    assert message and (message.status_info.status, message.status_info.due_date) == ("Loaned", due)


def test_a_day_from_which_it_may_be_asked_again_begins_in_beijing() -> None:
    message = tell(THREAD, "retry_later", {"until": "2026-05-01"}, NOW, service="loan")
    assert message and message.retry_info
    assert message.retry_info.retry_after == datetime(2026, 4, 30, 16, tzinfo=UTC)


def test_only_reasons_of_ours_have_our_scheme() -> None:
    schemes = {}
    for reason in REASONS:
        message = tell(THREAD, "refuse", {"code": reason}, NOW, service="copy")
        assert message and message.message_info.reason_unfilled
        schemes[reason] = message.message_info.reason_unfilled.scheme
    ours = {"Licence", "CopyLimit", "Incomplete", "Overload", "Cost", "Duplicate"}
    assert schemes == {reason: SCHEME + "reasonUnfilled" if reason in ours else "" for reason in REASONS}


def test_the_first_word_is_the_answer_to_the_request() -> None:
    first, later = (tell(THREAD, "ack", {}, NOW, service="copy", first=each) for each in (True, False))
    assert first and later
    assert first.message_info.reason_for_message == "RequestResponse"
    assert later.message_info.reason_for_message == "StatusChange"


def test_inner_affairs_are_not_told() -> None:
    silent = ("rota", "next", "send", "skip", "due", "silence", "recall", "holders", "no_match", "escalate", "receive")
    assert all(tell(THREAD, event, {}, NOW, service="copy") is None for event in silent)
    assert not set(silent) & set(TOLD)


@pytest.mark.parametrize(
    ("answers", "reason", "yes"),
    [
        ("StatusRequest", "StatusRequestResponse", None),
        ("Renew", "RenewResponse", False),
        ("Cancel", "CancelResponse", False),
    ],
)
def test_questions_are_answered_with_the_state_as_it_is(answers: str, reason: str, yes: bool | None) -> None:
    message = report(THREAD, "asking", False, NOW, answers=answers, yes=yes)
    info = message.message_info
    assert (info.reason_for_message, info.answer_yes_no, message.status_info.status) == (reason, yes, "RequestReceived")


OPEN = "draft checking owned dup_hold restricted blank routing asking review cancelling"
CLOSED_STATES = "filled unfilled local duplicate cancelled expired"


@pytest.mark.parametrize("lent", [True, False])
def test_every_state_has_a_status(lent: bool) -> None:
    assert {telling.status_of(state, lent) for state in OPEN.split() if state != "draft"} == {"RequestReceived"}
    assert telling.status_of("draft", lent) == "RetryPossible", "it waits for a better citation"
    closed = [telling.status_of(f"closed_{end}", lent) for end in CLOSED_STATES.split()]
    done = "LoanCompleted" if lent else "CopyCompleted"
    assert closed == [done, "Unfilled", "Unfilled", "Unfilled", "Cancelled", "Unfilled"]
    others = [telling.status_of(state, lent) for state in ("condition", "on_loan", "delivered")]
    assert others == ["RetryPossible", "Loaned", "Loaned" if lent else "CopyCompleted"]


def test_times_are_in_utc_whatever_the_caller_has() -> None:
    local = NOW.astimezone(telling.terms.BEIJING)
    assert b"2026-11-27T02:03:04Z" in write(recall(THREAD, "officer", local), "1.2")
    assert NOW.tzinfo is UTC
