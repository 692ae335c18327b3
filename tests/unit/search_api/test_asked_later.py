"""The day on which a library wants to be asked again is to come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_desk import ApiDesk
from api_people import signed_in
from request_desk import wish
from request_site import do

from store.database import Database


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[ApiDesk]:
    opened = ApiDesk(database, tmp_path)  # on the second of March
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("until", "problem"),
    [("2020-01-01", "past-date"), ("2026-03-01T23:00:00+08:00", "past-date"), ("下周", "bad-date")],
)
def test_a_day_that_is_over_or_none_is_refused(house: ApiDesk, until: str, problem: str) -> None:
    case = house.desk.ask(wish())
    supplier = case.entries[0].supplier
    path, body = f"/api/requests/{case.request_id}/events", {"name": "retry_later", "entry": 1, "until": until}
    answer = house.call(house.key(supplier, "supplier"), "POST", path, json=body)
    assert answer.status_code == 422 and answer.json()["type"].endswith(problem)
    assert house.desk.case(case) == case


def test_the_page_says_so(house: ApiDesk) -> None:
    case = house.desk.ask(wish())
    officer = signed_in(house.app, "officer", "supplier", library=case.entries[0].supplier)
    page = do(officer, case.request_id, "retry_later", until="2026-03-01")
    assert page.status_code == 422 and "再询日期已过" in page.text
    assert do(officer, case.request_id, "retry_later", until="2026-03-04").status_code == 303


@pytest.mark.parametrize("until", ["2026-03-02", "2026-03-02T08:00:00", "2026-03-09T12:00:00Z", ""])
def test_today_and_what_comes_is_taken(house: ApiDesk, until: str) -> None:
    case = house.desk.ask(wish())
    path, body = f"/api/requests/{case.request_id}/events", {"name": "retry_later", "entry": 1, "until": until}
    key = house.key(case.entries[0].supplier, "supplier")
    assert house.call(key, "POST", path, json=body).status_code == 200
