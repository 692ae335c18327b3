"""What programs of the libraries hear of a request: each what its library may see."""

from __future__ import annotations

import msgspec
import pytest
from request_desk import XC_READER, Desk

from routing.case import Case
from store import outbox, webhooks
from store.webhooks import KINDS


@pytest.fixture
def subscribed(any_desk: Desk) -> dict[str, str]:
    """Whose each subscription is, by the target of what is sent there."""
    with any_desk.database.write() as unit:
        made = [
            webhooks.add_webhook(unit, library, "https://lib.test/", KINDS, webhooks.new_secret(), any_desk.now)
            for library in ("BNU", "CLCN", "RUC", "THU", "XCLIB", "")
        ]
    return {str(each.id): each.library for each in made}


def suppliers_told(desk: Desk, case: Case, status: str, subscribed: dict[str, str]) -> dict[str, str]:
    """Who is said to supply it, by the library whose program hears that it has come to this."""
    with desk.database.read() as unit:
        sent = [each for each in outbox.messages_of(unit, case.request_id) if each.channel == "webhook"]
    told = [(subscribed[each.target], msgspec.json.decode(each.body)["data"]) for each in sent]
    return {library: data["supplier"] for library, data in told if data["status"] == status}


def test_a_library_that_has_refused_does_not_hear_who_supplies(any_desk: Desk, subscribed: dict[str, str]) -> None:
    desk = any_desk
    case = desk.ask(library="XCLIB", reader=XC_READER)
    assert case.active is not None and case.requester == "CLCN"
    refusing = case.active.supplier
    case = desk.answers(case, "refuse", code="NotOnShelf")
    assert case.active is not None
    supplying = case.active.supplier
    case = desk.answers(case, "fill")
    told = suppliers_told(desk, case, "delivered", subscribed)
    assert told == {refusing: "", supplying: supplying, "CLCN": supplying, "XCLIB": supplying, "": supplying}


def test_whoever_is_asked_hears_that_it_is_him(any_desk: Desk, subscribed: dict[str, str]) -> None:
    case = any_desk.ask()
    assert case.active is not None
    first = case.active.supplier
    told = suppliers_told(any_desk, any_desk.answers(case, "condition", cost=100), "condition", subscribed)
    assert told == {first: first, "CLCN": first, "": first}
