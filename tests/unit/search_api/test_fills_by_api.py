"""A supply, told by a program of the library that supplies it."""

from __future__ import annotations

from typing import Any

import pytest
from api_desk import ApiDesk
from request_desk import wish

from store.request_events import events_of


def filled(house: ApiDesk, **told: Any) -> int:
    """The status of the answer."""
    case = house.desk.ask(wish(service="copy_or_loan", pages="1-3"))
    assert case.active is not None
    body = {"name": "fill", "entry": case.active.number} | told
    key = house.key(case.active.supplier, "supplier")
    return house.call(key, "POST", f"/api/requests/{case.request_id}/events", json=body).status_code


def last_data(house: ApiDesk) -> dict[str, Any]:
    with house.database.read() as unit:
        return events_of(unit, 1)[-1].data


def test_the_last_day_of_a_loan_is_told_as_a_date(house: ApiDesk) -> None:
    assert filled(house, loan_due="2026-05-01") == 200
    assert last_data(house) == {"loan_due": "2026-05-01"}


def test_without_a_day_nothing_is_told_of_it(house: ApiDesk) -> None:
    assert filled(house, pages=3) == 200
    assert last_data(house) == {"pages": 3}


@pytest.mark.parametrize("day", ["五月一日", "2026-04-31", "2026-05-01T09:00"])
def test_what_is_no_day_is_refused(house: ApiDesk, day: str) -> None:
    assert filled(house, loan_due=day) == 422


def test_that_nothing_comes_on_top_is_another_thing_than_to_say_nothing_of_it(house: ApiDesk) -> None:
    assert filled(house, pages=3, cost=0) == 200
    assert last_data(house) == {"pages": 3, "cost": 0}
