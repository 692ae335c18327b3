"""The life cycle's events as ISO 18626 messages, and messages as events. Pure.

What a supplier's message is (`heard`), first line that fits:

| message | event |
|---|---|
| CancelResponse Y; Cancelled after our Cancel | cancel_yes |
| Cancelled or Unfilled after we gave it up | noted |
| Loaned, CopyCompleted, and LoanCompleted, CompletedWithoutReturn that nothing came before | fill |
| LoanCompleted, CompletedWithoutReturn after a fill | returned |
| Unfilled; Cancelled without our Cancel | refuse |
| RetryPossible: reason that another request of ours would mend | condition, by retry |
| RetryPossible: NotFoundAsCited | refuse Incomplete |
| RetryPossible: reason that time mends, with retryAfter | retry_later |
| RetryPossible: the same without a date, or no reason | refuse |
| RequestReceived, ExpectToSupply, WillSupply with loan conditions or a price | condition, by offer |
| RequestReceived | ack |
| ExpectToSupply, WillSupply | will_supply |
| CancelResponse N, Overdue, Recalled, HoldReturn, ReleaseHoldReturn, a Notification that repeats a status | noted |

So a condition comes in two ways. By retry, as the standard has it: the supplier has ended the request, and to accept is
to ask again (`asking.ask`, kind Retry, with the condition's data). By offer, as some peers do: it goes on once a
Notification agrees, and stops on Cancel. `noted` is no event: it belongs into the log. Whether an event may happen in
the state that the entry is in is for routing.states to say; a message that comes twice gives the same event twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from search_api.interop.iso18626 import terms
from search_api.interop.iso18626.messages import (
    Code,
    Message,
    RequestingAgencyMessage,
    SupplyingAgencyMessage,
)
from search_api.interop.iso18626.naming import RequestNumber, parse_number

NOTED = "noted"

_PENDING = ("RequestReceived", "ExpectToSupply", "WillSupply")
_SUPPLIED = ("Loaned", "CopyCompleted")
_OVER = ("LoanCompleted", "CompletedWithoutReturn")
_LENT = ("Loaned", "LoanCompleted")
"""It has to go back, or had to, also where no day was told."""


class Heard(Struct, frozen=True, kw_only=True):
    """What a message from the other side comes to."""

    event: str  # of the life cycle, or NOTED
    data: dict[str, Any] = {}  # of the event, JSON-safe
    number: RequestNumber | None  # whose entry it is about; None = no number of ours
    said_at: datetime  # by the other side's clock
    note: str = ""  # what it says to people
    supplier_number: str = ""
    digest: str = ""  # equal for the same message sent twice
    told: str = ""  # what it said in the standard's words, for the log: reason/status or action


def digest(message: Message) -> str:
    """SHA-256 of what the message says."""
    return hashlib.sha256(msgspec.json.encode(message)).hexdigest()


def heard(message: SupplyingAgencyMessage, state: str = "sent") -> Heard:
    """What a supplier's message is to the entry in that state of its life."""
    event, data = _supplied(message, state)
    info, status = message.message_info, message.status_info
    if status.expected_delivery_date and event == "will_supply":
        data["expected"] = status.expected_delivery_date.isoformat()
    return Heard(
        event=event,
        data=data,
        number=parse_number(message.header.requesting_agency_request_id),
        said_at=status.last_change,
        note=info.note,
        supplier_number=message.header.supplying_agency_request_id,
        digest=digest(message),
        told=f"{info.reason_for_message}/{status.status}",
    )


def _supplied(message: SupplyingAgencyMessage, state: str) -> tuple[str, dict[str, Any]]:
    info, status = message.message_info, message.status_info.status
    if info.reason_for_message == "CancelResponse" and info.answer_yes_no:
        return "cancel_yes", {}
    if status == "Cancelled" and state == "cancel_sent":
        return "cancel_yes", {}
    if status in ("Cancelled", "Unfilled") and state == "timed_out":
        return NOTED, {}
    if status in _SUPPLIED or status in _OVER:
        if status in _OVER and state == "filled":
            return "returned", {}
        return "fill", _fill(message)
    if status in ("Unfilled", "Cancelled"):
        return _refusal(terms.reason_of(info.reason_unfilled), info.reason_unfilled, info.note)
    if status == "RetryPossible":
        return _retry(message)
    if status in _PENDING:
        return _pending(message)
    return NOTED, {}


def _pending(message: SupplyingAgencyMessage) -> tuple[str, dict[str, Any]]:
    """The supplier is at it: received, or going to supply, perhaps on conditions."""
    info = message.message_info
    data = _condition(message, "offer")
    if "cost" in data or "costs" in data or "conditions" in data:
        return "condition", data
    if info.reason_for_message in ("Notification", "CancelResponse", "RenewResponse"):
        return NOTED, {}
    return ("ack" if message.status_info.status == "RequestReceived" else "will_supply"), {}


def _retry(message: SupplyingAgencyMessage) -> tuple[str, dict[str, Any]]:
    """It could be supplied, but not as asked or not now."""
    info, retry = message.message_info, message.retry_info
    reason = info.reason_retry.value.strip() if info.reason_retry else ""
    after = retry.retry_after if retry else None
    condition = _condition(message, "retry")
    if reason in terms.CHANGES or (reason not in terms.LATER and reason != terms.NOT_CITED and _offers(condition)):
        return "condition", condition
    if reason == terms.NOT_CITED:
        return _refusal("Incomplete", info.reason_retry, info.note)
    if after:
        return "retry_later", {"until": after.isoformat()}
    return _refusal(terms.LATER.get(reason, terms.UNKNOWN_REASON), info.reason_retry, info.note)


def _offers(condition: Mapping[str, Any]) -> bool:
    return any(key in condition for key in ("cost", "costs", "conditions", "service", "editions", "formats"))


def _refusal(code: str, said: Code | None, note: str) -> tuple[str, dict[str, Any]]:
    """With what was said where it is more than our code says."""
    more = f"[{said.value}]" if said and said.value.strip() and said.value.strip() != code else ""
    text = " ".join(filter(None, (more, note)))
    return "refuse", {"code": code} | ({"note": text} if text else {})


def _condition(message: SupplyingAgencyMessage, way: str) -> dict[str, Any]:
    """code, by (retry or offer), text, and what is offered: cost (fen), costs (in other money), conditions, service,
    editions, formats. `code` is the reason for the retry, else the loan condition, else Cost."""
    info, retry, delivery = message.message_info, message.retry_info, message.delivery_info
    conditions = [*(retry.loan_condition if retry else ()), *(delivery.loan_condition if delivery else ())]
    offered = retry.offered_costs if retry else ()
    costs = [each for each in offered if each.monetary_value > 0]
    cost = next((amount for each in costs if (amount := terms.fen(each)) is not None), None)
    reason = info.reason_retry.value.strip() if info.reason_retry else ""
    found: dict[str, Any] = {
        "code": reason or (conditions[0].value if conditions else "Cost"),
        "by": way,
        "cost": cost,
        "costs": [terms.money(each) for each in costs] if cost is None else None,
        "conditions": list(dict.fromkeys(each.value for each in conditions if each.value)),
        "service": "Loan" if reason == "LoanPossible" else retry.service_type if retry else "",
        "editions": list(retry.edition) if retry else None,
        "formats": [each.value for each in retry.item_format] if retry else None,
        "text": info.note,
    }
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _fill(message: SupplyingAgencyMessage) -> dict[str, Any]:
    delivery, due = message.delivery_info, message.status_info.due_date
    lent = message.status_info.status in _LENT
    found: dict[str, Any] = {"loan_due": due.isoformat() if due else "", "service": "loan" if lent else ""}
    if delivery:
        told = delivery.delivery_costs
        cost = next((amount for each in told if (amount := terms.fen(each)) is not None), None)
        found |= {
            "cost": cost,
            "costs": [terms.money(each) for each in told] if cost is None else None,
            "via": delivery.delivery_method.value if delivery.delivery_method else "",
            "format": delivery.item_format.value if delivery.item_format else "",
            "url": _web_address(delivery.url),
            "items": list(delivery.item_id),
            "conditions": [each.value for each in delivery.loan_condition],
            "sent": delivery.date_sent.isoformat(),
        }
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _web_address(url: str) -> str:
    """The URL where it is one of http(s) with a host: it becomes a link on a page. Else ""."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


_ACTIONS = {"Received": "receive", "Cancel": "cancel", "ShippedReturn": "returned"}


def heard_action(message: RequestingAgencyMessage) -> Heard:
    """What a requester's message is to the request that it has made with us: receive, cancel, returned, else NOTED.

    StatusRequest, Renew and Cancel want an answer (`telling.report`). `data` names the action.
    """
    return Heard(
        event=_ACTIONS.get(message.action, NOTED),
        data={"action": message.action} | ({"note": message.note} if message.note else {}),
        number=None,
        said_at=message.header.timestamp,
        note=message.note,
        supplier_number=message.header.supplying_agency_request_id,
        digest=digest(message),
        told=message.action,
    )
