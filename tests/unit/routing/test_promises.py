"""What becomes of a promise: kept or broken by how the request ends, and by nothing that was undone since."""

from __future__ import annotations

from datetime import datetime

import pytest
from request_desk import Desk, wish

from routing.case import Case
from store import choices

Fates = list[tuple[bool | None, datetime | None]]


def fates(desk: Desk, case: Case) -> Fates:
    """Of each promise that was made of the request: whether it was filled, and when that was known."""
    with desk.database.read() as unit:
        return [(each.filled, each.ended) for each in choices.choices_of(unit, case.request_id)]


def copy_that_is_bad(desk: Desk) -> Case:
    case = desk.answers(desk.ask(wish(service="copy", pages="1-20")), "fill", pages=20)
    assert fates(desk, case) == [(True, desk.now)]
    desk.wait(hours=2)
    case = desk.does(case, "bad_copy", "reader", reason="模糊")
    assert fates(desk, case) == [(None, None)], "nobody knows yet"
    desk.wait(hours=2)
    return case


def test_a_bad_copy_that_nobody_makes_good_is_a_promise_broken(any_desk: Desk) -> None:
    case = copy_that_is_bad(any_desk)
    while case.state == "asking":
        case = any_desk.answers(case, "refuse", code="PolicyProblem")
    case = any_desk.does(case, "close", "officer", reason="无处可得")
    assert case.state == "closed_unfilled" and fates(any_desk, case) == [(False, any_desk.now)]


def test_a_bad_copy_is_a_promise_kept_on_the_day_of_the_better_one(desk: Desk) -> None:
    case = desk.answers(copy_that_is_bad(desk), "fill", pages=20)
    assert fates(desk, case) == [(True, desk.now)]


def test_of_a_bad_copy_that_nobody_wants_better_nothing_is_known(desk: Desk) -> None:
    case = copy_that_is_bad(desk)
    assert case.active is not None
    case = desk.does(case, "cancel", "reader", reason="不再需要")
    case = desk.does(case, "cancel_yes", "supplier", case.entries[0].supplier, 1)
    assert case.state == "closed_cancelled" and fates(desk, case) == [(None, desk.now)]


def test_what_comes_after_the_request_has_expired_was_filled_then(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask(wish(service="copy", pages="1-20", need_before="2026-03-03"))
    for _ in range(5):
        desk.tick(days=1)
    case = desk.case(case)
    [(filled, expired)] = fates(desk, case)
    assert case.state == "closed_expired" and filled is False and expired is not None
    case = desk.does(case, "fill", "supplier", case.entries[0].supplier, 1, pages=20)
    assert case.state == "delivered" and expired < desk.now
    assert fates(desk, case) == [(True, desk.now)]


@pytest.mark.parametrize("ways", [("receive",), ("lend", "returned")])
def test_what_the_reader_has_stays_a_promise_kept(desk: Desk, ways: tuple[str, ...]) -> None:
    case = desk.answers(desk.ask(), "fill")
    kept = fates(desk, case)
    for name in ways:
        desk.wait(days=1)
        case = desk.does(case, name, "officer")
    assert case.state == "closed_filled" and fates(desk, case) == kept
