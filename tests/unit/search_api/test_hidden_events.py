"""A library that is asked sees its own part of a request: what happens beside it keeps it from nothing."""

from __future__ import annotations

import pytest
from api_desk import ApiDesk
from api_people import PASSWORD, signed_in
from request_desk import wish
from request_site import do, fields, send

from routing.case import Case


def asked(house: ApiDesk) -> Case:
    return house.desk.ask(wish(service="copy", pages="1-5"))


def reordered(house: ApiDesk, case: Case) -> Case:
    """What the library that is asked is not told."""
    order = [each.number for each in reversed(case.planned)]
    return house.desk.does(case, "reorder", "officer", order=order, reason="先问近的馆")


def test_a_supplier_answers_on_its_page_what_has_moved_on_beside_it(house: ApiDesk) -> None:
    case = asked(house)
    assert case.active is not None
    officer = signed_in(house.app, "officer", "supplier", library=case.active.supplier)
    reordered(house, case)
    assert do(officer, case.request_id, "ack").status_code == 303
    assert do(officer, case.request_id, "fill", sheets="5").status_code == 303
    assert house.desk.case(case).state == "delivered"


def test_what_came_too_late_is_supplied_on_the_page_all_the_same(house: ApiDesk) -> None:
    case = asked(house)
    assert case.active is not None
    officer = signed_in(house.app, "officer", "supplier", library=case.active.supplier)
    while house.desk.case(case).entries[0].state in ("sent", "cancel_sent"):
        house.desk.tick(days=1)
    officer.sign_in("officer", PASSWORD)  # some days later
    assert do(officer, case.request_id, "fill", sheets="5").status_code == 303
    assert house.desk.case(case).state == "delivered"


def test_a_program_of_the_supplier_sends_what_it_has_seen_last(house: ApiDesk) -> None:
    case = asked(house)
    assert case.active is not None
    key, path = house.key(case.active.supplier, "supplier"), f"/api/requests/{case.request_id}"
    reordered(house, case)
    seen = house.call(key, "GET", path).json()["events"][-1]["seq"]
    body = {"name": "ack", "entry": case.active.number, "seq": seen}
    answer = house.call(key, "POST", f"{path}/events", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["events"][-1]["name"] == "ack"


@pytest.mark.parametrize("seq", ["before", "beyond"])
def test_what_a_supplier_could_have_seen_and_has_not_is_told(house: ApiDesk, seq: str) -> None:
    case = asked(house)
    assert case.active is not None
    reordered(house, case)
    case = house.desk.answers(case, "ack")
    key, path = house.key(case.active.supplier, "supplier"), f"/api/requests/{case.request_id}/events"
    told = {"before": case.seq - 1, "beyond": case.seq + 1}[seq]
    answer = house.call(key, "POST", path, json={"name": "will_supply", "entry": 1, "seq": told})
    assert answer.status_code == 409 and answer.json()["type"].endswith("request-moved-on")


def test_a_page_of_the_requesting_library_is_stale_by_whatever_happened(house: ApiDesk) -> None:
    case = asked(house)
    officer = signed_in(house.app, "asking", "requester", library=case.requester)
    address = f"/requests/{case.request_id}"
    stale = fields(officer.get(address), address, "cancel")
    house.desk.answers(case, "ack")
    assert send(officer, address, stale).status_code == 422
    assert house.desk.case(case).state == "asking"
