"""A program with a key for one part of the work does that part, and nothing else."""

from __future__ import annotations

import pytest
from api_desk import ApiDesk
from request_desk import wish

from mappings.requests import Citation, Wish

ROLES = ("requester", "supplier")


def test_a_key_for_the_queue_reads_and_answers_what_its_library_is_asked(house: ApiDesk) -> None:
    case = house.desk.ask(wish(), library="PPSUC")
    supplier = case.entries[0].supplier
    key, path = house.key(supplier, "supplier", scopes=("queue",)), f"/api/requests/{case.request_id}"
    [line] = house.call(key, "GET", "/api/queue").json()["requests"]
    seen = house.call(key, "GET", path)
    assert seen.status_code == 200 and [each["number"] for each in seen.json()["entries"]] == [line["entry"]]
    body = {"name": "ack", "entry": line["entry"], "seq": seen.json()["events"][-1]["seq"]}
    assert house.call(key, "POST", f"{path}/events", json=body).status_code == 200
    assert house.desk.case(case).entries[0].state == "received"


def test_a_key_for_the_desk_reads_and_resolves_what_lies_there(house: ApiDesk) -> None:
    case = house.desk.ask(Wish(Citation("book", "查无此书", "某人"), service="loan"), library="THU")
    key, path = house.key(case.desk, "requester", scopes=("desk",)), f"/api/requests/{case.request_id}"
    assert house.call(key, "GET", path).status_code == 200
    body = {"name": "give_up", "reason": "查无此书"}
    assert house.call(key, "POST", f"{path}/events", json=body).json()["state"] == "closed_unfilled"


@pytest.mark.parametrize("scope", ["queue", "desk"])
def test_it_sees_no_other_request_of_its_library(house: ApiDesk, scope: str) -> None:
    case = house.desk.ask(wish(), library="PPSUC")
    path = f"/api/requests/{case.request_id}"
    for library in ("PPSUC", "CLCN"):  # which asks for it, and which has nothing to do with it
        key = house.key(library, *ROLES, scopes=(scope,))
        assert house.call(key, "GET", path).status_code == 403
        assert house.call(key, "POST", f"{path}/events", json={"name": "cancel"}).status_code == 403
        assert house.call(key, "GET", "/api/requests").status_code == 403
        assert house.call(key, "GET", f"/api/requests?library={library}").status_code == 403
    assert house.desk.case(case) == case


def test_without_the_scope_of_answering_it_only_reads(house: ApiDesk) -> None:
    case = house.desk.ask(wish(), library="PPSUC")
    path = f"/api/requests/{case.request_id}"
    for scope, may_read in (("requests", 200), ("desk", 403)):
        key = house.key(case.entries[0].supplier, *ROLES, scopes=(scope,))
        assert house.call(key, "GET", path).status_code == may_read
        body = {"name": "ack", "entry": 1}
        assert house.call(key, "POST", f"{path}/events", json=body).status_code == 403
