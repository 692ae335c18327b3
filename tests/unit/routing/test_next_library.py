"""Who is asked next, when the rota was made some days ago: it may have closed, had enough, or lost the item since."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from api_catalogue import book, held, union
from request_desk import CAPITAL_ONLY, HONGLOUMENG, SERIAL, XC_READER, Desk, wish

from mappings.requests import Closure
from routing.candidates import Rota
from store import choices, timers

SPRING = (Closure("2026-03-03", "2026-04-30", "寒假"),)


def passed_over(desk: Desk, request: int) -> dict[str, tuple[str, ...]]:
    with desk.database.read() as unit:
        made = choices.choices_of(unit, request)[0]
    return {place.candidate.library: place.reasons for place in msgspec.json.decode(made.data, type=Rota).passed_over}


def test_who_has_closed_since_is_asked_after_those_who_work(desk: Desk) -> None:
    case = desk.ask()
    first, second, third = (entry.supplier for entry in case.entries[:3])
    desk.policy(second, closures=SPRING)
    desk.wait(days=2)
    case = desk.answers(case, "refuse", code="NotOnShelf")
    assert case.active is not None and case.active.supplier == third
    case = desk.answers(case, "refuse", code="NotOnShelf")
    assert case.active is not None and case.active.supplier == "NLC", "a partner that works before it"
    case = desk.answers(case, "refuse", code="NotOnShelf")
    assert case.active is not None and case.active.supplier == second, "nobody else is left"
    assert first not in (second, third)


def test_the_day_on_which_the_first_of_them_takes_requests_again_is_waited_for(desk: Desk) -> None:
    for symbol in ("BNU", "RUC", "THU"):
        desk.policy(symbol, daily_cap=1)
    desk.policy("NLC", paused=True)
    for reader in (1, 2, 3):
        desk.ask(reader=reader)
    waiting = desk.ask(reader=9)
    assert waiting.active is None and len(waiting.planned) == 3
    desk.policy(waiting.planned[0].supplier, closures=SPRING)
    first = waiting.planned[0].supplier
    waiting = desk.does(waiting, "skip", "officer", entry=waiting.planned[1].number, reason="先问别家")
    assert waiting.planned[0].supplier == first
    with desk.database.read() as unit:
        [timer] = [each for each in timers.timers_of(unit, waiting.request_id) if each.kind == "resume"]
    assert timer.due_at == datetime(2026, 3, 3, 0, 30, tzinfo=UTC)  # half past eight tomorrow, at the other one


def test_whose_catalogue_has_it_no_longer_is_skipped(desk: Desk) -> None:
    case = desk.ask()
    gone = case.planned[0].supplier
    left = [symbol for symbol in ("BNU", "RUC", "THU") if symbol != gone]
    desk.put(union(HONGLOUMENG, book("红楼梦", "曹雪芹", "人民文学出版社", 2008), held(*left)))
    case = desk.answers(case, "refuse", code="NotOnShelf")
    skipped = [(entry.supplier, entry.code) for entry in case.entries if entry.state == "skipped"]
    assert skipped == [(gone, "withdrawn")]
    assert case.active is not None and case.active.supplier in left


@pytest.mark.parametrize(("pages", "most", "is_asked"), [("1-20", 20, True), ("1-20", 19, False), ("", 5, True)])
def test_nobody_is_asked_for_more_pages_than_it_copies(desk: Desk, pages: str, most: int, is_asked: bool) -> None:
    desk.policy("BNU", max_pages=most)
    wanted = wish(SERIAL, service="copy", date="2001", genre="issue", volume="3", pages=pages)
    case = desk.ask(wanted, library="XCLIB", reader=XC_READER)
    case = case if case.state != "owned" else desk.does(case, "insist", "reader", "CLCN", reason="急用")
    asked = {entry.supplier for entry in case.entries}
    assert ("BNU" in asked) == is_asked
    assert is_asked or passed_over(desk, case.request_id)["BNU"] == ("too_many_pages",)


def test_what_the_branch_of_the_reader_has_is_told_first_though_its_gateway_lends_its_own(desk: Desk) -> None:
    lent = held("CLCN", status="on_loan")
    lent = tuple(msgspec.structs.replace(each, available=False) for each in lent)
    desk.put(union(CAPITAL_ONLY, book("北京旧影", "某人", "北京出版社", 1990), lent + held("XCLIB", "RUC")))
    assert desk.ask(wish(CAPITAL_ONLY), library="XCLIB", reader=XC_READER).state == "owned"
