"""The policy page and the API take and show the same policies."""

from __future__ import annotations

from typing import Any

import pytest
from api_browser import ORIGIN, Browser
from api_people import signed_in
from fastapi import FastAPI
from request_desk import MONDAY, Desk
from request_site import fields, send

from mappings.requests import Closure, LibraryPolicy
from routing.closures import takes_nothing
from search_api.policy_form import PolicyForm, form_of_policy
from store.policies import policy_of

HOLIDAY = {"first": "2027-01-01", "last": "2027-01-02"}


@pytest.fixture
def admin(app: FastAPI) -> Browser:
    return signed_in(app, "admin", "admin", library="CLCN")


def put(admin: Browser, body: dict[str, Any], library: str = "CLCN") -> int:
    token = admin.get("/api/account").json()["csrf"]
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": token}
    return int(admin.send("PUT", f"/api/libraries/{library}/policy", headers=headers, json=body).status_code)


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ({"agency_id": "x" * 80}, {"agency_id": "x" * 81}),
        ({"agency_type": "x" * 40}, {"agency_type": "x" * 41}),
        ({"subjects": ["I"] * 40}, {"subjects": ["I"] * 60}),
        ({"only_for": ["BALIS"] * 10}, {"only_for": ["BALIS"] * 11}),
        ({"only_for": ["BALIS"]}, {"only_for": ["NOSUCH"]}),
        ({"receipt_days": 1.23456789012e-290}, {"receipt_days": 400}),
        ({"closures": [HOLIDAY] * 250}, {"closures": [HOLIDAY] * 251}),
        ({"closures": [HOLIDAY]}, {"closures": [{"first": "20270101", "last": "20270102"}]}),
    ],
)  # fmt: skip
def test_what_the_api_takes_the_page_can_show_and_take(
    admin: Browser, desk: Desk, most: dict[str, Any], more: dict[str, Any]
) -> None:
    assert put(admin, more) == 422 and put(admin, most) == 200
    with desk.database.read() as unit:
        before = policy_of(unit, "CLCN")
    page = admin.get("/library/policy")
    assert page.status_code == 200
    shown = PolicyForm.model_validate(form_of_policy("CLCN", before).model_dump())
    after, complaints = shown.policy(before)
    assert complaints == {} and after.receipt_days == before.receipt_days and after.closures == before.closures
    assert send(admin, "/library/policy", fields(page, "/library/policy")).status_code == 303


def test_a_policy_of_before_is_shown_to_be_mended(desk: Desk, admin: Browser) -> None:
    """It was taken when there was no such limit."""
    desk.policy("CLCN", agency_id="x" * 81, only_for=("NOSUCH",) * 20, subjects=("I",) * 60)
    assert "x" * 81 in admin.get("/library/policy").text


def test_an_empty_field_of_days_does_not_forget_everybody_at_once(desk: Desk, admin: Browser) -> None:
    form = fields(admin.get("/library/policy"), "/library/policy")
    assert form["retention_days"] == "90"

    def kept(typed: str) -> tuple[int, str]:
        assert send(admin, "/library/policy", form, retention_days=typed).status_code == 303
        shown = fields(admin.get("/library/policy"), "/library/policy")["retention_days"]
        with desk.database.read() as unit:
            return policy_of(unit, "CLCN").retention_days, shown

    assert kept("30") == (30, "30")
    assert kept("") == (90, "90")
    assert kept("0") == (0, "0"), "who writes it means it"


@pytest.mark.parametrize(
    ("policy", "closed"),
    [
        (LibraryPolicy(), False),
        (LibraryPolicy(paused=True), True),
        (LibraryPolicy(closures=(Closure("2026-03-01", "2026-03-10"),)), True),
        (LibraryPolicy(closures=(Closure("2026-02-01", "2026-03-01"),)), False),
        (LibraryPolicy(closures=(Closure("2026-03-01", "2026-03-10"),), make_up_days=("2026-03-02",)), False),
        (LibraryPolicy(closures=(Closure("20260301", "20260310"),)), True),  # taken before it had to be 2026-03-01
    ],
)
def test_a_library_is_closed_by_its_own_calendar(policy: LibraryPolicy, closed: bool) -> None:
    assert takes_nothing(policy, MONDAY) is closed
