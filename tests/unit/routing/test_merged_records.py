"""Of a record that was merged into another, what was learnt and what was asked for stands by the other one."""

from __future__ import annotations

import pytest
from api_catalogue import book, held, union
from request_desk import HONGLOUMENG, Desk, wish
from sqlalchemy import insert

from mappings.model import union_id
from routing.case import Case
from routing.estimates import HoldingPast, found_out
from routing.pasts import together
from store.clusters import cluster_member, cluster_node, retired_key
from store.progress import take_numbers
from store.unions import bury_unions, former_ids

LIVE, APART = 6001, 6002
BOOK = book("红楼梦", "曹雪芹", "人民文学出版社", 2008)


def merge(desk: Desk) -> None:
    """HONGLOUMENG is retired: its record is one of LIVE's now."""
    desk.put(union(LIVE, BOOK, held("BNU", "RUC", "THU")))
    with desk.database.write() as unit:
        unit.execute(insert(cluster_member).values(record_id=1, node=11, own=1))
        unit.execute(insert(cluster_node).values(node=11, cluster=LIVE, own=1, features=b""))
        unit.execute(insert(retired_key).values(key=HONGLOUMENG, record_id=1))
        bury_unions(unit, [(take_numbers(unit, "union", 1)[0], HONGLOUMENG)])


def chances(case: Case) -> dict[str, float]:
    return {entry.supplier: entry.scores[0] for entry in case.entries if entry.supplier != "NLC"}


def test_what_led_to_a_record_is_known(any_desk: Desk) -> None:
    merge(any_desk)
    with any_desk.database.read() as unit:
        assert former_ids(unit, union_id(LIVE)) == [union_id(HONGLOUMENG)]
        assert former_ids(unit, union_id(HONGLOUMENG)) == former_ids(unit, "") == former_ids(unit, "!") == []


def test_what_a_library_said_not_to_hold_is_not_forgotten(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask(reader=1)
    assert case.active is not None
    without = case.active.supplier
    desk.answers(case, "refuse", code="NotHeld")
    before = chances(desk.ask(reader=2))
    assert before[without] < min(chance for symbol, chance in before.items() if symbol != without)
    merge(desk)
    case = desk.ask(reader=3)
    assert case.wish is not None and case.wish.citation.record_id == union_id(LIVE)
    assert chances(case) == pytest.approx(before, abs=0.001)


def test_findings_of_both_records_count_together(desk: Desk) -> None:
    for key in (HONGLOUMENG, LIVE):
        desk.put(union(key, BOOK, held("BNU")))
        desk.answers(desk.ask(wish(key), reader=key), "refuse", code="NotHeld")
    once = chances(desk.ask(wish(LIVE), reader=1))["BNU"]
    merge(desk)
    assert chances(desk.ask(wish(LIVE), reader=2))["BNU"] < once - 0.01


def test_two_pasts_weigh_what_one_of_all_findings_weighs() -> None:
    told = (("NotHeld", 100.0), ("fill", 300.0), ("NotOnShelf", 900.0))
    whole = one = other = HoldingPast()
    for outcome, day in told:
        whole = found_out(whole, outcome, day)
    for outcome, day in told[::2]:
        one = found_out(one, outcome, day)
    for outcome, day in told[1::2]:
        other = found_out(other, outcome, day)
    for both in (together(one, other), together(other, one)):
        assert [getattr(both, name) for name in both.__struct_fields__] == pytest.approx(
            [getattr(whole, name) for name in whole.__struct_fields__]
        )


def test_a_request_by_the_retired_id_is_repeated_by_one_by_the_live_id(any_desk: Desk) -> None:
    desk = any_desk
    first, volume = desk.ask(), desk.ask(wish(volume="2"))
    desk.put(union(APART, book("三国演义", "罗贯中", "人民文学出版社", 1998), held("RUC")))
    apart = desk.ask(wish(APART))
    merge(desk)
    for key in (LIVE, HONGLOUMENG):
        case = desk.ask(wish(key))
        assert (case.state, case.other) == ("dup_hold", first.request_id)
        desk.does(case, "link", "reader")
    other = desk.ask(wish(LIVE, volume="2"))
    assert (other.state, other.other) == ("dup_hold", volume.request_id)
    assert desk.ask(wish(LIVE, volume="3")).state == "asking", "another volume is another item"
    assert desk.ask(wish(LIVE), reader=5).state == "asking", "of another reader it is none"
    again = desk.ask(wish(APART))
    assert (again.state, again.other) == ("dup_hold", apart.request_id)
    newest = desk.does(desk.ask(), "separate", "reader", reason="两位老师各需一册")
    assert desk.ask().other == newest.request_id
