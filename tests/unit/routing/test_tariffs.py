"""Tariffs: the rule that counts is the most precise of the newest, and a wrong one is told with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.model import MATERIALS
from mappings.settlement import Party, Supply
from routing.tariffs import EXTRA_MATERIALS, TariffError, load, parse, seed

THU, RUC = Party("THU", "BALIS"), Party("RUC", "BALIS", "node")
CLCN, NLC, SHL = Party("CLCN", "CAPITAL", "capital"), Party("NLC", "EXTERNAL"), Party("SHL", "EXTERNAL")
AT = datetime(2026, 11, 2, tzinfo=UTC)

REST = """
  - {name: rest_copy, service: copy, prices: {page: 0.30, rush: 10}, assumption: 测试}
  - {name: rest_loan, service: loan, prices: {article: 0}, assumption: 测试}
  - {name: rest_search, charge: search, prices: {search: 2}, assumption: 测试}
  - {name: rest_reader, charge: reader, prices: {article: 0}, assumption: 测试}
"""


def name_of(payer: Party, payee: Party, charge: str = "supply", day: str = "2026-11-02", **facts: object) -> str:
    supply = Supply(**({"request_id": 1, "entry": 1, "at": AT, "parties": (payer, payee)} | facts))  # type: ignore[arg-type]
    return seed().rule(charge, payer, payee, supply, day).name


@pytest.mark.parametrize(
    ("payer", "payee", "facts", "name"),
    [
        (THU, RUC, {}, "between_members"),
        (RUC, CLCN, {}, "capital_as_between_members"),
        (CLCN, RUC, {}, "balis_for_capital_as_between_members"),
        (RUC, NLC, {}, "nlc"),
        (CLCN, NLC, {"material": "microform"}, "nlc_microform"),
        (RUC, NLC, {"material": "standard"}, "nlc_standard"),
        (RUC, NLC, {"material": "patent"}, "nlc_patent"),
        (RUC, SHL, {"material": "patent"}, "shanghai"),
        (CLCN, Party("XCQ", "CAPITAL", "branch"), {}, "any_copy"),
        (THU, RUC, {"service": "loan"}, "any_loan"),
        (THU, RUC, {"charge": "search"}, "search_domestic"),
        (THU, RUC, {"charge": "search", "abroad": True}, "search_foreign"),
        (THU, RUC, {"charge": "search", "day": "2015-01-01"}, "any_search"),
        (THU, RUC, {"day": "2016-11-30"}, "any_copy"),
        (THU, RUC, {"day": "2016-12-01"}, "between_members"),
        (THU, RUC, {"charge": "reader"}, "reader_free"),
    ],
)
def test_the_seed_prices_as_the_notice_of_2016_says(
    payer: Party, payee: Party, facts: dict[str, object], name: str
) -> None:
    assert name_of(payer, payee, **facts) == name  # type: ignore[arg-type]


def test_the_seed_names_a_source_or_an_assumption_for_every_price() -> None:
    prices = {rule.name: dict(rule.prices) for rule in seed().rules}
    assert prices["between_members"] == {"page": 30, "rush": 1000}
    assert prices["nlc_patent"] == {"page": 30, "rush": 1000, "search": 1000}
    assert prices["nlc_standard"]["page"] == 350
    assert prices["nlc_microform"]["page"] == 130
    assert prices["shanghai"] == {"page": 100, "rush": 1000}
    assert (prices["search_domestic"], prices["search_foreign"]) == ({"search": 200}, {"search": 1000})
    for rule in seed().rules:
        assert bool(rule.source) != bool(rule.assumption)
        assert rule.source == "" or not rule.first or rule.first == "2016-12-01"
        if "CAPITAL" in (rule.payer, rule.payee):
            assert "首都图书馆" in rule.assumption


@given(
    day=st.dates(),
    material=st.sampled_from((*MATERIALS, *EXTRA_MATERIALS)),
    service=st.sampled_from(("copy", "loan")),
    level=st.sampled_from(("standard", "rush")),
    abroad=st.booleans(),
    parties=st.lists(st.sampled_from((THU, RUC, CLCN, NLC, SHL, Party("?", ""))), min_size=2, max_size=2),
    charge=st.sampled_from(("supply", "search", "reader")),
)
def test_there_is_a_rule_for_everything(
    day: object, material: str, service: str, level: str, abroad: bool, parties: list[Party], charge: str
) -> None:
    supply = Supply(1, 1, AT, tuple(parties), material, service, level, abroad=abroad)
    rule = seed().rule(charge, parties[0], parties[1], supply, str(day))
    assert rule.charge == charge
    assert rule.first <= str(day) <= rule.last


def test_a_new_price_counts_from_its_day_and_the_old_one_before() -> None:
    text = f"""
rules:
  - {{name: old, payer: BALIS, service: copy, from: 2020-01-01, prices: {{page: 0.30}}, assumption: 旧}}
  - {{name: new, payer: BALIS, service: copy, from: 2026-01-01, until: 2026-12-31, prices: {{page: 0.5}}, source: 新}}
{REST}"""
    supply = Supply(1, 1, AT, (THU, RUC))
    tariff = parse(text, "x.yaml")
    found = [
        tariff.rule("supply", THU, RUC, supply, day).name
        for day in ("2019-12-31", "2020-01-01", "2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01")
    ]
    assert found == ["rest_copy", "old", "old", "new", "new", "old"]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("", "t.yaml:1: the file is empty"),
        ("rules: [", "t.yaml:1: not YAML"),
        ("rules: 5", "t.yaml:1: rules: a list is wanted"),
        ("rulez: []", "t.yaml:1: rulez: a tariff has rules.*did you mean 'rules'"),
        ("top_up: []", "a tariff needs `rules:`"),
        ("rules:\n  - {name: a, price: {page: 1}}", r"t.yaml:2: rules: 'price' is none of.*did you mean 'prices'"),
        ("rules:\n  - {prices: {page: 1}, source: x}", "t.yaml:2: rules: each has a name"),
        ("rules:\n  - {name: a, source: x}", "t.yaml:2: a: prices: is missing"),
        ("rules:\n  - {name: a, prices: {page: 1}}", "t.yaml:2: a: say where the price is from"),
        ("rules:\n  - name: a\n    source: x\n    prices: {page: 0.305}", "t.yaml:4: a.prices.page: '0.305' is no"),
        ("rules:\n  - {name: a, source: x, prices: {page: -1}}", "a.prices.page: '-1' is no amount"),
        ("rules:\n  - {name: a, source: x, prices: {page: nan}}", "a.prices.page: 'nan' is no amount"),
        ("rules:\n  - {name: a, source: x, prices: {page: 三}}", "a.prices.page: '三' is no amount"),
        ("rules:\n  - {name: a, source: x, prices: {pages: 1}}", "a.prices: 'pages' is none of.*did you mean 'page'"),
        ("rules:\n  - {name: a, source: x, prices: {rush: 1}}", "a.prices: a price is wanted"),
        ("rules:\n  - {name: a, charge: search, source: x, prices: {page: 1}}", "a.prices: a search is priced as"),
        ("rules:\n  - {name: a, source: x, material: bok, prices: {page: 1}}", "a.material: 'bok' is none of.*'book'"),
        ("rules:\n  - {name: a, source: x, from: 2026-13-01, prices: {page: 1}}", "a.from: '2026-13-01' is no date"),
        ("rules:\n  - {name: a, source: x, from: 20261201, prices: {page: 1}}", "a.from: '20261201' is no date"),
        ("rules:\n  - {name: a, source: x, until: 2026-W53-4, prices: {page: 1}}", "a.until: '2026-W53-4' is no"),
        ("rules:\n  - {name: a, source: x, from: 2026-02-01, until: 2026-01-01, prices: {page: 1}}", "a.until: it"),
        ("rules:\n  - {name: a, source: x, subsidy: library, prices: {page: 1}}", "a.subsidy: only the reader's"),
        ("rules:\n  - {name: a, source: x, prices: {page: 1}}", "t.yaml:2: rules: there is no rule for searches"),
        (f"rules:{REST}reward:\n  - {{name: a, amount: 1, at_most: x, paid_by: BALIS}}", "a.at_most: 'x' is no number"),
        (f"rules:{REST}top_up:\n  - {{name: a, at_least: 1, bonus: 1}}", "a: paid_by: is missing"),
        (f"rules:{REST}top_up:\n  - {{name: a, at_least: 1, paid_by: x}}", "a: bonus: is missing"),
        (f"rules:{REST}  - {{name: rest_copy, service: loan, from: 2026-01-01, prices: {{page: 1}}, source: x}}",
         "rest_copy: a rule of that name stands in line 2"),
        (f"rules:{REST}  - {{name: b, service: copy, prices: {{page: 1}}, source: x}}", "b: it is for the same.*copy"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_line_and_rule(rules: str, told: str) -> None:
    with pytest.raises(TariffError, match=told):
        parse(rules, "t.yaml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TariffError, match="can't be read"):
        load(tmp_path / "无.yaml")
    (tmp_path / "t.yaml").write_bytes("﻿rules:".encode() + REST.encode())
    assert len(load(tmp_path / "t.yaml").rules) == 4


def test_discounts_are_data() -> None:
    tariff = parse(
        f"rules:{REST}"
        "top_up:\n  - {name: opening, from: 2026-12-01, until: 2026-12-31, at_least: 50, bonus: 5.5, paid_by: BALIS}\n"
        "reward:\n  - {name: first, amount: 1, at_most: 3, paid_by: CAPITAL}\n",
        "t.yaml",
    )
    (bonus,), (reward,) = tariff.bonuses, tariff.rewards
    assert (bonus.at_least, bonus.bonus, bonus.paid_by, bonus.last) == (5000, 550, "BALIS", "2026-12-31")
    assert (reward.amount, reward.at_most, reward.paid_by, reward.first) == (100, 3, "CAPITAL", "")
    assert seed().bonuses == seed().rewards == ()
