"""A record that a desk or an officer names by its id: one that there isn't is told, and nothing is done."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from api_desk import ApiDesk
from api_people import signed_in
from request_desk import HONGLOUMENG, NOWHERE_ELSE, wish
from request_site import do, parsed

from mappings.model import union_id
from mappings.requests import Citation, Wish
from routing.case import Case

UNKNOWN = Wish(Citation("book", "查无此书", "某人", date="1990"), service="loan")


def at_a_desk(house: ApiDesk) -> Case:
    case = house.desk.ask(UNKNOWN, library="THU")
    assert case.state == "blank"
    return case


def in_vain(house: ApiDesk) -> Case:
    """All have refused: the officer looks at it."""
    case = house.desk.ask(wish(NOWHERE_ELSE), library="THU")
    while case.active is not None:
        case = house.desk.answers(case, "refuse", code="NotHeld")
    assert case.state == "review"
    return case


def beside(page: Any) -> str:
    """What is said beside the field, which keeps what was typed."""
    [field] = parsed(page).xpath('//input[@name="other"]')
    assert field.get("aria-invalid") == "true" and field.get("value") == "ZZZZZZZZ"
    *_, told = field.get("aria-describedby").split()
    return str(parsed(page).xpath(f'//*[@id="{told}"]')[0].text_content())


def test_a_desk_that_mistypes_the_record_is_told_beside_the_field(house: ApiDesk) -> None:
    case = at_a_desk(house)
    officer = signed_in(house.app, "desk", "requester", "supplier", library=case.desk)
    page = do(officer, case.request_id, "resolve", other="ZZZZZZZZ")
    assert page.status_code == 422 and "没有编号为 ZZZZZZZZ 的记录" in beside(page)
    assert house.desk.case(case) == case
    assert do(officer, case.request_id, "resolve", other=union_id(HONGLOUMENG).lower()).status_code == 303
    assert house.desk.case(case).wish.citation.record_id == union_id(HONGLOUMENG)


@pytest.mark.parametrize("typed", ["ZZZZZZZZ", "3K7", "https://a.example/r"])
def test_an_officer_who_mistypes_it_keeps_the_record_that_it_was_of(house: ApiDesk, typed: str) -> None:
    case = in_vain(house)
    officer = signed_in(house.app, "asking", "requester", library="THU")
    assert do(officer, case.request_id, "extend", other=typed).status_code == 422
    assert house.desk.case(case) == case


def test_a_program_is_told_so_too(house: ApiDesk) -> None:
    case = at_a_desk(house)
    key, path = house.key(case.desk, "requester"), f"/api/requests/{case.request_id}/events"
    told = {"citation": msgspec.to_builtins(UNKNOWN.citation) | {"record_id": "ZZZZZZZZ"}, "service": "loan"}
    answer = house.call(key, "POST", path, json={"name": "resolve", "wish": told})
    assert answer.status_code == 422 and answer.json()["type"].endswith("unknown-record")
    assert house.desk.case(case) == case
