"""Settlement: what a supply costs at each hop, statements that offset, and a month that clears to zero."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_cases import DAY, LIBRARIES, MONTHS, ROUTES, START, STEPS, SUPPLIES, record, take, wish

from mappings.model import Library
from mappings.requests import Citation
from mappings.settlement import Supply, Transaction, month_of, next_month
from routing import ledger as settlement
from routing.charges import charges, reader_price, supply_of
from routing.statements import Statement, sheets, statement
from routing.tariffs import Tariff, parse, seed
from store import ledger
from store.database import Database

CROSS = ("RUC", "CLCN")


class Undone(Exception):  # noqa: N818 — it says what has become of the transaction
    """Raised at the end of a transaction that is to leave nothing."""


def supplied(path: tuple[str, ...] = ("RUC",), requester: str = "THU", pages: int = 20, **changes: Any) -> Supply:
    facts: dict[str, Any] = {"wish": wish(), "actual_cost": 0, "at": START, "libraries": LIBRARIES}
    return supply_of(
        request_id=1, entry=1, path=path, requester=requester, pages=pages, **(facts | changes)
    )  # fmt: skip


def amounts(transactions: tuple[Transaction, ...]) -> list[tuple[str, int, dict[str, int]]]:
    """Kind, hop and what each account gains."""
    found = []
    for one in transactions:
        gained: dict[str, int] = {}
        for line in one.postings:
            gained[line.account] = gained.get(line.account, 0) + line.amount
        found.append((one.kind, one.hop, gained))
    return found


def test_twenty_pages_between_members_are_six_yuan_and_sixteen_in_a_rush() -> None:
    (hop, reader) = amounts(charges(supplied(), seed()))
    assert hop == ("hop", 1, {"library:THU": -600, "clearing:BALIS→BALIS": 600})
    assert reader == ("reader", 0, {"library:THU": 600, "fees:THU": 0, "subsidy:BALIS": -600})
    rush = charges(supplied(wish=wish(level="rush")), seed())
    assert amounts(rush)[0] == ("hop", 1, {"library:THU": -1600, "clearing:BALIS→BALIS": 1600})
    assert [(line.item, line.quantity, line.price) for line in rush[0].postings[::2]] == [
        ("page", 20, 30), ("rush", 1, 1000),
    ]  # fmt: skip


def test_a_node_passes_on_what_the_supplier_gets() -> None:
    first, second, reader = charges(supplied(CROSS), seed())
    assert (first.payer, first.payee, first.from_side, first.to_side) == ("library:THU", "node:RUC", "BALIS", "BALIS")
    assert (second.payer, second.payee, second.to_side) == ("node:RUC", "library:CLCN", "CAPITAL")
    assert amounts((first, second, reader)) == [
        ("hop", 1, {"library:THU": -600, "clearing:BALIS→BALIS": 600}),
        ("hop", 2, {"node:RUC": -600, "clearing:BALIS→CAPITAL": 600}),
        ("reader", 0, {"library:THU": 600, "fees:THU": 0, "subsidy:BALIS": -600}),
    ]


def test_a_branch_is_served_through_the_capital_library() -> None:
    made = charges(supplied(("CLCN", "RUC"), "XCQ"), seed())
    assert [(one.payer, one.payee, one.from_side, one.to_side) for one in made[:2]] == [
        ("library:XCQ", "node:CLCN", "CAPITAL", "CAPITAL"), ("node:CLCN", "library:RUC", "CAPITAL", "BALIS"),
    ]  # fmt: skip
    assert made[0].postings[0].rule == "balis_for_capital_as_between_members"


def test_a_node_that_searched_gets_its_fee_and_actual_costs_are_passed_on() -> None:
    made = charges(supplied(("RUC", "NLC"), actual_cost=350, searched_by="RUC"), seed())
    assert amounts(made)[:2] == [
        ("hop", 1, {"library:THU": -1150, "clearing:BALIS→BALIS": 1150}),
        ("hop", 2, {"node:RUC": -950, "clearing:BALIS→EXTERNAL": 950}),
    ]
    assert [line.item for line in made[0].postings[::2]] == ["page", "cost", "search"]
    abroad = charges(supplied(("BUPT", "BL"), searched_by="BUPT"), seed())
    assert amounts(abroad)[0][2]["library:THU"] == -1600


def test_a_node_that_searched_and_is_not_on_the_way_is_paid_by_itself() -> None:
    hop, search, reader = charges(supplied(("BUPT",), searched_by="RUC"), seed())
    assert amounts((search,)) == [("search", 0, {"library:THU": -200, "clearing:BALIS→BALIS": 200})]
    assert (search.payer, search.payee) == ("library:THU", "node:RUC")
    assert amounts((hop, reader))[1][2] == {"library:THU": 800, "fees:THU": 0, "subsidy:BALIS": -800}
    assert len(charges(supplied(("BUPT",), searched_by="THU"), seed())) == 2


@pytest.mark.parametrize(
    ("citation", "carrier", "fen"),
    [
        (Citation("document", number="standard:GB/T 7714-2015"), "print", 7000),
        (Citation("document", number="patent:CN101234567A"), "print", 1600),
        (Citation("article", number="cn:11-1234"), "print", 600),
        (Citation("article"), "microform", 2600),
    ],
)
def test_the_national_librarys_prices(citation: Citation, carrier: str, fen: int) -> None:
    made = charges(supplied(("RUC", "NLC"), wish=wish(citation=citation), carrier=carrier), seed())
    assert amounts(made)[0][2]["library:THU"] == -fen


def test_a_loan_costs_what_it_costs_and_leaves_a_row_where_that_is_nothing() -> None:
    made = charges(supplied(wish=wish(service="loan"), pages=0), seed())
    assert amounts(made) == [
        ("hop", 1, {"library:THU": 0, "clearing:BALIS→BALIS": 0}),
        ("reader", 0, {"library:THU": 0, "fees:THU": 0, "subsidy:BALIS": 0}),
    ]
    assert supplied(wish=wish(service="copy_or_loan"), pages=3).service == "copy"
    assert supplied(wish=wish(service="copy_or_loan"), pages=0).service == "loan"


PAID = parse(
    """
rules:
  - {name: copy, service: copy, prices: {page: 0.50, rush: 20}, assumption: 测试}
  - {name: loan, service: loan, prices: {article: 5}, assumption: 测试}
  - {name: search, charge: search, prices: {search: 3}, assumption: 测试}
  - {name: reader, charge: reader, prices: {page: 0.10}, subsidy: library, assumption: 测试}
""",
    "paid.yaml",
)


def test_where_readers_pay_the_subsidy_is_the_rest() -> None:
    made = charges(supplied(), PAID)
    assert amounts(made)[1] == ("reader", 0, {"library:THU": 1000, "fees:THU": -200, "subsidy:THU": -800})
    assert reader_price(supplied(), PAID) == 200
    assert reader_price(supplied(), seed()) == 0


def test_what_can_not_be_supplied_is_refused() -> None:
    assert [party.symbol for party in supplied(("RUC", "CLCN"), "RUC").parties] == ["RUC", "CLCN"]
    for wrong in ({"path": ()}, {"path": ("THU",)}, {"pages": -1}, {"actual_cost": -5}):
        with pytest.raises(ValueError, match="can't be supplied"):
            supplied(**wrong)  # type: ignore[arg-type]


def test_who_is_unknown_is_external() -> None:
    assert [party.side for party in supplied(("RUC", "HKU")).parties] == ["BALIS", "BALIS", "EXTERNAL"]
    assert supplied(("RUC", "X"), libraries=LIBRARIES | {"X": Library("X", "", "")}).parties[-1].side == "EXTERNAL"


@given(facts=SUPPLIES, tariff=st.sampled_from((seed(), PAID)))
def test_every_hop_is_there_and_nothing_is_lost_on_the_way(facts: dict[str, Any], tariff: Tariff) -> None:
    requester, path = facts["route"]
    its = supplied(
        path, requester, facts["pages"], actual_cost=facts["actual_cost"], searched_by=facts["searched_by"],
        wish=wish(level=facts["level"], service=facts["service"]),
    )  # fmt: skip
    made = charges(its, tariff)
    hops = [one for one in made if one.kind == "hop"]
    assert [one.hop for one in hops] == list(range(1, len(path) + 1))
    assert [one.kind for one in made].count("reader") == 1
    for one in made:
        assert sum(line.amount for line in one.postings) == 0
        assert one.postings
    for before, after in pairwise(hops):
        node = before.payee
        fee = sum(line.amount for line in before.postings if line.item == "search" and line.amount > 0) - sum(
            line.amount for line in after.postings if line.item == "search" and line.amount > 0
        )
        got = sum(line.amount for line in before.postings if line.account.startswith("clearing:"))
        paid = -sum(line.amount for line in after.postings if line.account == node)
        assert got - paid == fee  # what a node keeps is what it gets for searching
    assert sum(gained.get(f"library:{requester}", 0) for _, _, gained in amounts(made)) == 0


# ---------------------------------------------------------------------------------------------- in the ledger


def test_a_fill_is_posted_once_a_bad_copy_is_given_back_and_a_better_one_counts(database: Database) -> None:
    hour = timedelta(hours=1)
    with database.write() as unit:
        record(unit)
        record(unit, at=START + hour)  # the same entry again, whatever its time
        assert len(ledger.of_request(unit, 1)) == 3
        settlement.reverse_supply(unit, request_id=1, entry=1, at=START - hour, reason="早于提供")
        assert len(ledger.of_request(unit, 1)) == 3
        for _ in range(2):
            settlement.reverse_supply(unit, request_id=1, entry=1, at=START + hour, reason="复印不清")
        assert len(ledger.of_request(unit, 1)) == 6
        assert set(ledger.balances(unit).values()) == {0}
        record(unit)  # the first fill, replayed
        assert len(ledger.of_request(unit, 1)) == 6
        record(unit, at=START + 2 * hour, pages=30)
        settlement.reverse_supply(unit, request_id=1, entry=1, at=START + hour, reason="复印不清")  # replayed
        assert len(ledger.of_request(unit, 1)) == 9
        assert ledger.balance(unit, "subsidy:BALIS") == -900
        settlement.reverse_supply(unit, request_id=2, entry=1, at=START, reason="没有这项")
        record(unit, 3)
        settlement.reverse_supply(unit, request_id=3, entry=1, at=START)  # in the same moment
        assert len(ledger.of_request(unit, 3)) == 6
        back = [one for one in ledger.of_request(unit, 1) if one.reverses is not None]
    assert {one.note for one in back} == {"复印不清"}
    assert len({one.reverses for one in back}) == 3


def test_a_month_clears_to_zero_and_the_balances_are_the_statements_net(database: Database) -> None:
    with database.write() as unit:
        record(unit, 1)
        record(unit, 2, path=("THU",), requester="CLCN", pages=10)
        record(unit, 3, path=("CLCN", "RUC"), requester="XCQ", pages=5, wish=wish(level="rush"))
        before = settlement.statement_of(unit, "2026-09")
        settlement.close_month(unit, "2026-09", START + 60 * DAY)
        after = settlement.statement_of(unit, "2026-09")
        clearing, balances = ledger.balances(unit, "clearing"), ledger.balances(unit)
    assert len(clearing) == 4
    assert set(clearing.values()) == {0}
    cross = next(pair for pair in after.consortia if (pair.a, pair.b) == ("BALIS", "CAPITAL"))
    assert (cross.gross_a, cross.gross_b, cross.net) == (600, 300 + 1150, -850)
    assert [(line.item, line.quantity, line.amount) for line in cross.b_owes] == [("page", 15, 450), ("rush", 1, 1000)]
    assert not cross.open
    assert (cross.settled_a, cross.settled_b) == (600, 1450)
    assert all(pair.open for pair in before.consortia)
    assert (before.closed, after.closed) == (False, True)
    assert {account: amount for account, amount in balances.items() if amount} == {
        "library:CLCN": 600, "library:RUC": 1150, "library:THU": 300,
        "subsidy:BALIS": -600, "subsidy:CAPITAL": -300 - 1150,
    }  # fmt: skip


def test_what_was_taken_back_leaves_no_line() -> None:
    made = charges(supplied(CROSS), seed())
    back = [msgspec.structs.replace(one, kind="reversal", postings=settlement.negated(one.postings)) for one in made]
    its = statement("2026-09", [*made, *back])
    assert [(pair.a_owes, pair.b_owes, pair.net) for pair in its.libraries] == [((), (), 0)] * 2
    assert {one.amount for one in its.bearers} == {0}


def test_a_tariff_can_be_tried_on_a_month_and_nothing_is_written(database: Database) -> None:
    with database.write() as unit:
        record(unit, 1)
        record(unit, 2, path=("THU",), requester="CLCN", pages=10)
        settlement.reverse_supply(unit, request_id=2, entry=1, at=START + DAY, reason="复印不清")
        before = ledger.transactions(unit)
    with database.read() as unit:
        tried = settlement.what_if(unit, "2026-09", PAID)
        assert ledger.transactions(unit) == before
    cross = next(pair for pair in tried.consortia if pair.a != pair.b)
    assert (cross.gross_a, cross.gross_b) == (1000, 0)
    assert {one.account: one.amount for one in tried.bearers} == {
        "subsidy:THU": -800, "fees:THU": -200, "subsidy:CLCN": 0, "fees:CLCN": 0,
    }  # fmt: skip


def without_settlement(its: Statement) -> Statement:
    def bare(pairs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(msgspec.structs.replace(pair, settled_a=0, settled_b=0) for pair in pairs)

    return msgspec.structs.replace(its, libraries=bare(its.libraries), consortia=bare(its.consortia), closed=False)


@given(steps=st.lists(STEPS, max_size=16))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_statements_and_ledger_say_the_same(database: Database, steps: list[Any]) -> None:
    with pytest.raises(Undone), database.write() as unit:
        for step in steps:
            take(unit, step)
        for month in MONTHS:
            posted = settlement.statement_of(unit, month)
            assert without_settlement(posted) == settlement.what_if(unit, month, seed())
            if month <= ledger.closed_through(unit):
                assert not any(pair.open for pair in (*posted.libraries, *posted.consortia))
            owed = {(pair.a, pair.b): pair.net for pair in posted.consortia}
            assert {(pair.a, pair.b): pair.net for pair in by_side(posted)} == owed
        owed_by_side: dict[str, int] = {}
        for month in MONTHS:
            settle(unit, month)
            for pair in settlement.statement_of(unit, month).consortia:
                owed_by_side[pair.a] = owed_by_side.get(pair.a, 0) - pair.net
                owed_by_side[pair.b] = owed_by_side.get(pair.b, 0) + pair.net
        balances = ledger.balances(unit)
        assert not any(amount for account, amount in balances.items() if account.startswith("clearing:"))
        for side, owed_in_the_end in owed_by_side.items():
            assert owed_in_the_end == sum(
                amount for account, amount in balances.items() if side_of(account.partition(":")[2]) == side
            )
        raise Undone


def settle(unit: Any, month: str) -> None:
    if month > ledger.closed_through(unit):
        settlement.settle_month(unit, month, START + 200 * DAY)


def side_of(name: str) -> str:
    return LIBRARIES[name].consortium if name in LIBRARIES else name


def by_side(its: Statement) -> list[Any]:
    """The pairs of libraries, added up to consortia."""
    nets: dict[tuple[str, str], int] = {}
    for pair in its.libraries:
        a, b = side_of(pair.a), side_of(pair.b)
        sign = 1 if a <= b else -1
        key = (min(a, b), max(a, b))
        nets[key] = nets.get(key, 0) + (sign * pair.net if a != b else 0)
    return [_Net(a, b, net) for (a, b), net in nets.items()]


class _Net(msgspec.Struct, frozen=True):
    a: str
    b: str
    net: int


def test_a_statement_is_a_workbook_of_five_sheets() -> None:
    its = statement("2026-09", charges(supplied(CROSS), seed()))
    made = sheets(its)
    assert len({sheet.name for sheet in made}) == 5
    for sheet in made:
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
    nets = {(row[0], row[1]): row[2:] for row in made[0].rows}
    assert nets["BALIS", "CAPITAL"] == (600, 0, 600, "BALIS", "未结算 open")


@given(st.datetimes(timezones=st.just(START.tzinfo)))
def test_months_follow_each_other(at: Any) -> None:
    month = month_of(at) if at.year < 9999 else "9998-12"
    assert len(month) == 7
    assert month < next_month(month) <= "9999-12" or month == "9999-12"
    assert next_month("2026-12") == "2027-01"
    assert month_of(START.replace(month=11, day=30, hour=16)) == "2026-12"
    assert {requester for requester, _ in ROUTES} <= LIBRARIES.keys()
