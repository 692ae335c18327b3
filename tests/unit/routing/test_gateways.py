"""Requests that people pass on: by a node to the other side, by the Capital Library to a branch behind it."""

from __future__ import annotations

import pytest
from api_catalogue import book, held, union
from request_desk import CAPITAL_ONLY, NOWHERE_ELSE, PPSUC_READER, RUC_READER, Desk, wish

from mappings.model import Library
from routing.case import Case, NotAllowed
from store import ledger, performance
from store.libraries import put_library


def at_branches(desk: Desk, *symbols: str) -> None:
    """One book that public branches alone hold; what passes through BNU and CLCN people pass on there."""
    desk.put(union(CAPITAL_ONLY, book("北京旧影", "某人", "北京出版社", 1990), held(*symbols)))
    for symbol in ("BNU", "CLCN"):
        desk.policy(symbol, gateway_automatic=False)


def asked_by_members(desk: Desk, **more: str) -> Case:
    return desk.ask(wish(CAPITAL_ONLY, **more), library="PPSUC", reader=PPSUC_READER)


def test_the_terms_of_a_gateway_are_not_those_of_the_library_beyond(desk: Desk) -> None:
    desk.policy("BNU", gateway_automatic=False, lends=False)
    case = asked_by_members(desk)
    assert case.active is not None
    assert (case.active.supplier, case.active.toward) == ("BNU", "CLCN")


def test_who_has_paused_is_not_asked_through_its_gateway_either(desk: Desk) -> None:
    desk.policy("BNU", gateway_automatic=False)
    desk.put(union(CAPITAL_ONLY, book("北京旧影", "某人", "北京出版社", 1990), held("CLCN", "RUC")))
    case = asked_by_members(desk)
    while case.active is not None and not case.active.toward:
        desk.policy("CLCN", paused=True)
        case = desk.answers(case, "refuse", code="NotOnShelf")
    skipped = [entry for entry in case.entries if entry.toward == "CLCN"]
    assert [(entry.state, entry.code) for entry in skipped] == [("skipped", "paused")]


def test_where_it_is_headed_is_told_from_gateway_to_gateway(desk: Desk) -> None:
    at_branches(desk, "XCLIB")
    case = asked_by_members(desk)
    assert case.active is not None
    assert (case.active.supplier, case.active.toward) == ("BNU", "XCLIB")
    case = desk.answers(case, "forward", to="CLCN")
    assert case.active is not None
    assert (case.active.supplier, case.active.toward, case.active.held) == ("CLCN", "XCLIB", True)
    desk.answers(case, "refuse", code="NotHeld")
    with desk.database.read() as unit:
        [opened] = performance.corrections_of(unit, "XCLIB")
    assert opened.code == "NotHeld"


@pytest.mark.parametrize("by_hand", [True, False])
def test_every_hop_on_the_way_is_settled(desk: Desk, by_hand: bool) -> None:
    at_branches(desk, "XCLIB")
    desk.policy("BNU", gateway_automatic=not by_hand)
    desk.policy("CLCN", gateway_automatic=True)
    case = asked_by_members(desk, service="copy", pages="1-20")
    if by_hand:
        case = desk.answers(case, "forward", to="XCLIB")
    case = desk.answers(case, "fill", pages=20)
    assert case.filled is not None and case.filled.path == ("BNU", "CLCN", "XCLIB")
    with desk.database.read() as unit:
        hops = [one.transaction for one in ledger.of_request(unit, case.request_id) if one.transaction.kind == "hop"]
    assert [(hop.payer, hop.payee) for hop in hops] == [
        ("library:PPSUC", "node:BNU"), ("node:BNU", "node:CLCN"), ("node:CLCN", "library:XCLIB"),
    ]  # fmt: skip


def test_people_at_a_gateway_on_the_way_are_asked_first(desk: Desk) -> None:
    at_branches(desk, "XCLIB")
    case = desk.answers(asked_by_members(desk), "forward", to="XCLIB")
    assert case.active is not None
    assert (case.active.supplier, case.active.toward, case.active.path) == ("CLCN", "XCLIB", ("BNU", "CLCN"))
    case = desk.answers(case, "forward", to="XCLIB")
    assert case.active is not None
    assert (case.active.supplier, case.active.path) == ("XCLIB", ("BNU", "CLCN", "XCLIB"))


def test_whoever_it_was_forwarded_to_is_not_asked_again_through_a_gateway(desk: Desk) -> None:
    with desk.database.write() as unit:
        put_library(unit, Library("DCLIB", "东城区图书馆", "Dongcheng District Library", "CAPITAL", "branch"))
    desk.policy("DCLIB", gateway="CLCN")
    desk.policy("NLC", paused=True)
    at_branches(desk, "XCLIB", "DCLIB")
    case = desk.ask(wish(CAPITAL_ONLY), library="RUC", reader=RUC_READER)
    other = case.planned[0].toward
    assert case.active is not None and {case.active.toward, other} == {"XCLIB", "DCLIB"}
    case = desk.answers(case, "forward", to=other)
    assert [(each.state, each.code) for each in case.entries[1:2]] == [("skipped", "forwarded")]
    case = desk.answers(case, "refuse", code="NotHeld")
    assert case.state == "review", "nobody is asked a second time"


def test_nobody_forwards_toward_a_library_that_was_asked(desk: Desk) -> None:
    at_branches(desk, "XCLIB")
    desk.put(union(NOWHERE_ELSE, book("公安学导论", "某人", "某社", 2001), held("XCLIB", "BNU")))
    desk.policy("CLCN", gateway_automatic=True)
    desk.policy("BNU", gateway_automatic=True)
    case = desk.ask(wish(NOWHERE_ELSE), library="PPSUC", reader=PPSUC_READER)
    while case.active is not None and case.active.supplier != "XCLIB":
        case = desk.answers(case, "refuse", code="NotOnShelf")
    case = desk.answers(case, "refuse", code="NotOnShelf")
    assert case.active is not None, "the partner at least is left"
    desk.policy("CLCN", gateway_automatic=False)
    with pytest.raises(NotAllowed, match="asked already"):
        desk.answers(case, "forward", to="XCLIB")
