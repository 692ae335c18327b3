"""What a supply costs, from the events of a request to the ledger: bad copies, prices agreed to, pages not counted."""

from __future__ import annotations

import pytest
from request_desk import CL_READER, Desk, wish

from routing.case import Case
from store import ledger, outbox, requests


def copy_of(desk: Desk, reader: int = CL_READER) -> Case:
    """Twenty pages of a book; three libraries have it."""
    return desk.ask(wish(service="copy", pages="1-20"), reader=reader)


def owed(desk: Desk) -> dict[str, int]:
    with desk.database.read() as unit:
        return {account: amount for account, amount in ledger.balances(unit).items() if amount}


@pytest.mark.parametrize("by", ["officer", "clock"])
def test_a_bad_copy_is_given_back_where_the_price_of_a_better_one_is_not_agreed_to(desk: Desk, by: str) -> None:
    case = desk.answers(copy_of(desk), "fill", pages=20)
    assert owed(desk)
    case = desk.does(case, "bad_copy", "reader", reason="缺页")
    case = desk.answers(case, "condition", code="Cost", cost=900)
    if by == "officer":
        desk.does(case, "reject", "officer", entry=case.entries[0].number)
    else:
        desk.tick(days=4)
    assert owed(desk) == {}


def test_a_bad_copy_is_given_back_where_the_request_ends_without_a_better_one(desk: Desk) -> None:
    case = copy_of(desk)
    first = case.active
    assert first is not None
    for _ in range(2):
        desk.tick(days=2)  # silent, and silent when it was recalled
    case = desk.case(case)
    assert case.active is not None and case.active.supplier != first.supplier
    case = desk.does(case, "fill", "supplier", first.supplier, first.number, pages=20)
    assert case.state == "delivered" and owed(desk)
    case = desk.does(case, "bad_copy", "reader", reason="缺页")
    case = desk.does(case, "cancel", "reader", reason="不要了")
    desk.tick(days=3)
    assert desk.case(case).state == "closed_cancelled"
    assert owed(desk) == {}


def test_a_price_that_was_agreed_to_is_owed_though_the_supply_does_not_repeat_it(desk: Desk) -> None:
    case = desk.answers(copy_of(desk), "condition", code="Cost", cost=800)
    assert case.active is not None
    case = desk.does(case, "accept", "officer", entry=case.active.number)
    case = desk.answers(case, "fill", pages=20)
    assert case.filled is not None and case.filled.cost == 800


def test_pages_that_nobody_has_counted_are_those_that_were_asked_for(desk: Desk) -> None:
    desk.answers(copy_of(desk), "fill")
    uncounted = owed(desk)
    assert uncounted["subsidy:CAPITAL"] == -600, "twenty at 0.30 yuan"
    desk.answers(copy_of(desk, 90), "fill", pages=20)
    assert owed(desk) == {account: 2 * amount for account, amount in uncounted.items()}


def test_a_price_that_is_accepted_by_rule_is_nobodys_to_decide(desk: Desk) -> None:
    def named(reader: int) -> tuple[str, set[str]]:
        case = desk.answers(copy_of(desk, reader), "condition", code="Cost", cost=800)
        assert case.active is not None
        with desk.database.read() as unit:
            return case.active.state, {each.kind for each in outbox.messages_of(unit, case.request_id)}

    state, told = named(90)
    assert state == "conditional" and "officer.condition" in told
    desk.policy("CLCN", accept_cost=1000)
    state, told = named(91)
    assert state == "accepted" and "officer.condition" not in told


def test_a_better_copy_costs_what_it_has_itself(desk: Desk) -> None:
    case = desk.answers(copy_of(desk), "fill", pages=3)
    assert owed(desk)["subsidy:CAPITAL"] == -90
    case = desk.does(case, "bad_copy", "reader", reason="缺页")
    desk.wait(hours=3)
    desk.answers(case, "fill", pages=40)
    assert owed(desk)["subsidy:CAPITAL"] == -1200


def test_who_supplied_it_late_is_its_supplier_though_the_next_is_still_told_to_stop(desk: Desk) -> None:
    case = copy_of(desk)
    first = case.active
    assert first is not None
    for _ in range(2):
        desk.tick(days=2)
    case = desk.case(case)
    assert case.active is not None
    case = desk.does(case, "fill", "supplier", first.supplier, first.number, pages=20)
    assert case.active is not None and case.active.state == "cancel_sent"
    with desk.database.read() as unit:
        row = requests.get_request(unit, case.request_id)
    assert row is not None and row.supplier == first.supplier
