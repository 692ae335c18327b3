"""A step by which a request goes to others is done, and is told to be done."""

from __future__ import annotations

from api_desk import ApiDesk
from api_people import signed_in
from request_site import do, parsed

from mappings.requests import Citation, Wish
from routing.case import Case


def at_a_desk(house: ApiDesk) -> Case:
    unknown = Wish(Citation("book", "查无此书", "某人", date="1990"), service="loan")
    case = house.desk.ask(unknown, library="THU")
    assert case.state == "blank" and case.desk
    return case


def test_a_program_of_a_desk_is_told_that_it_was_passed_on(house: ApiDesk) -> None:
    case = at_a_desk(house)
    key, path = house.key(case.desk, "requester"), f"/api/requests/{case.request_id}"
    answer = house.call(key, "POST", f"{path}/events", json={"name": "escalate"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert house.desk.case(case).desk not in ("", case.desk)
    assert house.call(key, "GET", path).status_code == 403
    again = house.call(key, "POST", f"{path}/events", json={"name": "escalate"})
    assert again.status_code == 403, "which is not its to pass on any more"


def test_an_officer_of_a_desk_comes_back_to_what_else_lies_there(house: ApiDesk) -> None:
    case = at_a_desk(house)
    officer = signed_in(house.app, "desk", "requester", "supplier", library=case.desk)
    answer = do(officer, case.request_id, "escalate")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert "没有待查的申请" in parsed(officer.get("/desk")).text_content()


def test_what_stays_at_the_desk_is_answered_as_it_stands(house: ApiDesk) -> None:
    case = at_a_desk(house)
    key, path = house.key(case.desk, "requester"), f"/api/requests/{case.request_id}/events"
    answer = house.call(key, "POST", path, json={"name": "give_up", "reason": "查无此书"})
    assert answer.status_code == 200 and answer.json()["state"] == "closed_unfilled"
