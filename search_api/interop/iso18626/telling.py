"""Messages that we send about a request that is under way: as the requester, and as the supplier. Pure.

Notes are Chinese and English in one text, since the standard has one element for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from search_api.interop.iso18626 import terms
from search_api.interop.iso18626.messages import (
    Code,
    DeliveryInfo,
    Header,
    MessageInfo,
    RequestingAgencyMessage,
    RetryInfo,
    StatusInfo,
    SupplyingAgencyMessage,
)
from search_api.interop.iso18626.naming import Thread, own_code

WHY_RECALLED = {
    "receipt": "未在规定时间内确认收到，申请已转其他馆。No receipt in time; the request goes to another library.",
    "action": "未在规定时间内处理，申请已转其他馆。No answer in time; the request goes to another library.",
    "cancelled": "申请人已撤回申请。The requester has withdrawn the request.",
    "late_fill": "另一馆已提供。Another library has supplied it.",
    "expired": "已过需用日期。The date by which it was needed has passed.",
    "officer": "申请馆人员撤回。Withdrawn by staff of the requesting library.",
}
_ACCEPTED = "同意所提条件。The conditions are accepted."
_REJECTED = "不接受所提条件。The conditions are not accepted."


def _header(thread: Thread, now: datetime) -> Header:
    return Header(
        timestamp=now,
        supplying_agency_id=thread.supplier,
        requesting_agency_id=thread.requester,
        requesting_agency_request_id=thread.number,
        supplying_agency_request_id=thread.supplier_number,
        multiple_item_request_id=thread.multiple,
    )


def recall(thread: Thread, why: str, now: datetime) -> RequestingAgencyMessage:
    """Of an entry's `recall` {why}: Cancel, which the supplier answers by a CancelResponse."""
    return RequestingAgencyMessage(header=_header(thread, now), action="Cancel", note=WHY_RECALLED.get(why, ""))


def received(thread: Thread, now: datetime) -> RequestingAgencyMessage:
    """Of `receive`: what was sent has come."""
    return RequestingAgencyMessage(header=_header(thread, now), action="Received")


def returned(thread: Thread, now: datetime) -> RequestingAgencyMessage:
    """Of `returned`: the item is on its way back."""
    return RequestingAgencyMessage(header=_header(thread, now), action="ShippedReturn")


def ask_status(thread: Thread, now: datetime) -> RequestingAgencyMessage:
    """How is it going?"""
    return RequestingAgencyMessage(header=_header(thread, now), action="StatusRequest")


def answer_condition(
    thread: Thread, condition: Mapping[str, Any], accepted: bool, now: datetime
) -> RequestingAgencyMessage | None:
    """Of `accept` and `reject`, with the data of the `condition` that is answered.

    None: a condition by retry is accepted by asking again (asking.ask: kind Retry, the next attempt, `accepted`).
    """
    by_retry = condition.get("by") == "retry"
    if accepted and by_retry:
        return None
    action = "Notification" if accepted or by_retry else "Cancel"
    note = _ACCEPTED if accepted else _REJECTED
    return RequestingAgencyMessage(header=_header(thread, now), action=action, note=note)


class Told(Struct, frozen=True, kw_only=True):
    """What we say as a supplier."""

    status: str
    answer_yes_no: bool | None = None
    note: str = ""
    reason_unfilled: Code | None = None
    reason_retry: Code | None = None
    retry: RetryInfo | None = None
    delivery: DeliveryInfo | None = None
    due: datetime | None = None
    reason: str = ""  # for the message; "" = RequestResponse or StatusChange


def tell(
    thread: Thread, event: str, data: Mapping[str, Any], now: datetime, *, service: str, first: bool = False
) -> SupplyingAgencyMessage | None:
    """What the requester is told of an event of its request; None where it is no news to it.

    `service` is the wish's; `first` = it has been told nothing yet. Pass the events of the request and of the entry
    that supplies it. That one library of several refuses is not the requester's affair: `close` tells the end of a
    rota, with the last refusal's {code, note} as its data if there was one; `refuse` is of a request that was made to
    that library alone.
    """
    make = _TELLERS.get(event)
    return _message(thread, make(data, now, service), now, first) if make else None


def _message(thread: Thread, told: Told, now: datetime, first: bool) -> SupplyingAgencyMessage:
    return SupplyingAgencyMessage(
        header=_header(thread, now),
        message_info=MessageInfo(
            reason_for_message=told.reason or ("RequestResponse" if first else "StatusChange"),
            answer_yes_no=told.answer_yes_no,
            note=told.note,
            reason_unfilled=told.reason_unfilled,
            reason_retry=told.reason_retry,
        ),
        status_info=StatusInfo(status=told.status, last_change=now, due_date=told.due),
        retry_info=told.retry,
        delivery_info=told.delivery,
    )


def _acked(_data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    return Told(status="RequestReceived")


def _will_supply(_data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    return Told(status="WillSupply")


def _forwarded(data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    to = data.get("to", "")
    return Told(status="ExpectToSupply", reason="Notification", note=f"已转 {to} 处理。Passed on to {to}.")


def _conditional(data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    code, cost, text = data.get("code", ""), data.get("cost", 0), data.get("text", "")
    conditions = [*data.get("conditions", ())]
    if code in terms.LOAN_CONDITIONS and code not in conditions:
        conditions.append(code)
    reason = own_code("reasonRetry", code)
    if code in terms.CHANGES:
        reason = Code(code)
    elif conditions:
        reason = Code("MustMeetLoanCondition")
    elif cost:
        reason = Code("CostExceedsMaxCost")
    retry = RetryInfo(
        loan_condition=tuple(Code(each) for each in conditions),
        offered_costs=(terms.yuan(cost),) if cost else (),
        service_type=data.get("service", ""),
    )
    told = " ".join(filter(None, (text, f"[{', '.join(conditions)}]" if conditions else "")))
    return Told(status="RetryPossible", reason_retry=reason, retry=retry, note=told)


def _later(data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    until = terms.moment_of(str(data.get("until", "")))
    retry = RetryInfo(retry_after=until) if until else None
    return Told(status="RetryPossible", reason_retry=Code("NotCurrentAvailableForILL"), retry=retry)


def _incomplete(_data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    return Told(status="RetryPossible", reason_retry=Code(terms.NOT_CITED), retry=RetryInfo())


def _filled(data: Mapping[str, Any], now: datetime, service: str) -> Told:
    due = terms.due_of(str(data.get("loan_due", "")))
    lent = "loan" in (service, data.get("service")) or (service == "copy_or_loan" and due is not None)
    via, format_, cost = data.get("via", ""), data.get("format", ""), data.get("cost")
    return Told(
        status="Loaned" if lent else "CopyCompleted",
        due=due,
        delivery=DeliveryInfo(
            date_sent=now,
            url=data.get("url", ""),
            delivery_method=Code(via) if via else None,
            item_format=Code(format_) if format_ else None,
            delivery_costs=() if cost is None else (terms.yuan(cost),),
            loan_condition=tuple(Code(each) for each in data.get("conditions", ())),
        ),
    )


def _unfilled(data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    code = data.get("code") or terms.UNKNOWN_REASON
    return Told(status="Unfilled", reason_unfilled=terms.reason_unfilled(code), note=data.get("note", ""))


def _cancelled(_data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    return Told(status="Cancelled", reason="CancelResponse", answer_yes_no=True)


def _lent_no_more(_data: Mapping[str, Any], _now: datetime, _service: str) -> Told:
    return Told(status="LoanCompleted")


_TELLERS = {
    "submit": _acked,
    "ack": _acked,
    "will_supply": _will_supply,
    "condition": _conditional,
    "incomplete": _incomplete,
    "retry_later": _later,
    "fill": _filled,
    "late_fill": _filled,
    "refuse": _unfilled,
    "close": _unfilled,
    "give_up": _unfilled,
    "expire": _unfilled,
    "lapse": _unfilled,
    "forward": _forwarded,
    "cancel_yes": _cancelled,
    "cancel_done": _cancelled,
    "returned": _lent_no_more,
}
TOLD = tuple(_TELLERS)
"""Events that a requester outside is told of."""

_STATES = {
    "condition": "RetryPossible",
    "draft": "RetryPossible",
    "on_loan": "Loaned",
    "closed_unfilled": "Unfilled",
    "closed_expired": "Unfilled",
    "closed_local": "Unfilled",
    "closed_duplicate": "Unfilled",
    "closed_cancelled": "Cancelled",
}


def status_of(state: str, lent: bool) -> str:
    """The standard's status of a request of ours in that state. `lent`: what was supplied is to be given back."""
    if state == "delivered":
        return "Loaned" if lent else "CopyCompleted"
    if state == "closed_filled":
        return "LoanCompleted" if lent else "CopyCompleted"
    return _STATES.get(state, "RequestReceived")


def report(
    thread: Thread, state: str, lent: bool, now: datetime, *, answers: str = "StatusRequest", yes: bool | None = None
) -> SupplyingAgencyMessage:
    """The answer to a requester's StatusRequest, Renew or Cancel, with the request's state as it is.

    A Cancel that succeeds is told by the event (`cancel_done`); this answers one that comes too late, with yes=False.
    We renew nothing: yes=False.
    """
    reason = {"Renew": "RenewResponse", "Cancel": "CancelResponse"}.get(answers, "StatusRequestResponse")
    return _message(thread, Told(status=status_of(state, lent), reason=reason, answer_yes_no=yes), now, False)
