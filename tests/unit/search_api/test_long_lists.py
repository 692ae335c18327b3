"""Lists that are longer than a page: one gets to their end, or is told that there is more."""

from __future__ import annotations

from typing import Any

import pytest
from api_browser import Browser
from api_desk import ApiDesk
from api_people import PASSWORD, add_person, signed_in
from request_desk import CAPITAL_ONLY, wish
from request_site import parsed

from mappings.requests import Citation, Wish
from search_api import requesting
from search_api.routes import library_pages
from store import performance, requests
from store.performance import Correction


def reader_with(house: ApiDesk, count: int) -> Browser:
    account = add_person(house.app, "wang", name="王芳")
    for number in range(count):
        house.desk.ask(wish(service="copy", pages=str(number + 1)), reader=account.id)
    browser = Browser(house.app)
    browser.sign_in("wang", PASSWORD)
    return browser


def numbers(page: Any) -> list[int]:
    found = parsed(page).xpath('//ol[contains(@class, "request-list")]/li//h2/a/@href')
    return [int(each.rpartition("/")[2]) for each in found]


@pytest.mark.parametrize("closed", [False, True])
def test_a_reader_gets_to_the_end_of_his_requests(
    house: ApiDesk, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    monkeypatch.setattr(requesting, "PAGE", 2)
    reader = reader_with(house, 5)
    if closed:
        for number in range(1, 6):
            case = house.desk.does(house.desk.case(named(house, number)), "cancel", "reader")
            house.desk.does(case, "cancel_yes", "supplier", case.entries[0].supplier, 1)
    seen, address = [], "/requests?closed=1" if closed else "/requests"
    while address:
        page = reader.get(address)
        seen.append(numbers(page))
        [address] = parsed(page).xpath('//a[@rel="next"]/@href') or [""]
    assert seen == [[5, 4], [3, 2], [1]]
    told, before = [], ""
    for _ in range(3):
        answer = reader.get(f"/api/requests?closed={str(closed).lower()}&before={before or 0}").json()
        told.append([each["id"] for each in answer["requests"]])
        before = answer["next"]
    assert (told, before) == (seen, "")


def named(house: ApiDesk, number: int) -> Any:
    with house.database.read() as unit:
        found = requests.get_request(unit, number)
    assert found is not None
    return requesting.case_decoder.decode(found.folded)


def test_more_than_a_hundred_are_all_reached(house: ApiDesk) -> None:
    reader = reader_with(house, 105)
    seen, before = [], "0"
    while before:
        answer = reader.get(f"/api/requests?before={before}").json()
        seen += [each["id"] for each in answer["requests"]]
        before = answer["next"]
    assert seen == list(range(105, 0, -1))


def test_a_queue_tells_how_many_it_does_not_list(house: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        house.desk.ask(wish(CAPITAL_ONLY), library="THU", reader=500 + number)
    officer = signed_in(house.app, "officer", "supplier")
    assert officer.get("/api/queue").json()["more"] == 0 and "没有列出" not in officer.get("/queue").text
    monkeypatch.setattr(requests, "LISTED", 2)
    answer = officer.get("/api/queue").json()
    assert ([each["id"] for each in answer["requests"]], answer["more"]) == ([1, 2], 1)
    page = officer.get("/queue").text
    assert "共 3 件" in page and "还有 1 件没有列出" in page
    assert "1 more" in officer.get("/queue?lang=en").text


def test_a_desk_tells_how_many_it_does_not_list(house: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        house.desk.ask(Wish(Citation("book", f"查无此书{number}", "某人"), service="loan"), reader=500 + number)
    officer = signed_in(house.app, "officer", "requester")
    assert officer.get("/api/desk").json()["more"] == 0 and "没有列出" not in officer.get("/desk").text
    monkeypatch.setattr(requests, "LISTED", 2)
    answer = officer.get("/api/desk").json()
    assert ([each["id"] for each in answer["requests"]], answer["more"]) == ([1, 2], 1)
    assert "还有 1 件没有列出" in officer.get("/desk").text


def test_a_list_of_corrections_says_that_it_is_cut(house: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    officer = signed_in(house.app, "officer", "supplier")
    with house.database.write() as unit:
        for number in (1, 2):
            new = Correction(0, "CLCN", f"R{number:07}", "某书", 1, 1, "NotHeld", "", house.desk.now, None, "", "")
            performance.open_correction(unit, new)
    assert "最多列出" not in officer.get("/library/corrections").text
    monkeypatch.setattr(library_pages, "LISTED", 2)
    assert "最多列出 2 条，为最早的" in officer.get("/library/corrections").text
