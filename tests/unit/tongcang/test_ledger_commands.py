"""`tongcang ledger …` as an operator runs it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ledger_cases import DAY, START, record
from sqlalchemy import text
from typer.testing import CliRunner, Result

from routing import ledger as settlement
from store import audit
from store.ledger_months import ClosedError
from tongcang.commands import ledger
from tongcang.settings import Settings
from tongcang.system import System

SEED = str(Path(ledger.tariff_rules.__file__).with_name("tariffs.yaml"))


@pytest.fixture
def system(tmp_path: Path) -> Any:
    made = System(Settings(data=str(tmp_path / "data")))
    yield made
    made.close()


def run(system: System, *words: str) -> Result:
    return CliRunner().invoke(ledger.app, words, obj=system)


def fill(system: System) -> None:
    with system.database.write() as unit:
        record(unit, 1)
        record(unit, 2, path=("THU",), requester="CLCN", pages=10)
        settlement.reverse_supply(unit, request_id=2, entry=1, at=START + DAY, reason="复印不清")


def test_an_empty_ledger_has_a_statement_and_is_right(system: System) -> None:
    for words in (("statement", "--period", "2026-11"), ("check",), ("tariffs",)):
        done = run(system, *words)
        assert done.exit_code == 0, done.output
    assert json.loads(run(system, "check", "--json").stdout) == {"problems": [], "closed": []}


def test_a_month_is_stated_in_every_form(system: System, tmp_path: Path) -> None:
    fill(system)
    told = json.loads(run(system, "statement", "--period", "2026-09", "--json").stdout)
    cross = next(pair for pair in told["consortia"] if pair["a"] != pair["b"])
    assert (cross["a"], cross["b"], cross["gross_a"], cross["gross_b"], cross["net"]) == (
        "BALIS",
        "CAPITAL",
        600,
        0,
        600,
    )
    assert cross["open"]
    shown = run(system, "statement", "--period", "2026-09").stdout
    assert "BALIS" in shown
    assert "6.00" in shown
    files = (tmp_path / "s.csv", tmp_path / "s.xlsx")
    done = run(system, "statement", "--period", "2026-09", "--csv", str(files[0]), "--xlsx", str(files[1]))
    assert done.exit_code == 0
    rows = list(csv.reader(io.StringIO(files[0].read_bytes().decode("utf-8-sig"))))
    assert ["2026-09", "联盟 consortia", "BALIS", "CAPITAL", "净额 net", "", "", "", "6.00"] in rows
    assert ["2026-09", "补贴 subsidies", "subsidy:BALIS", "", "", "", "", "", "-6.00"] in rows
    assert [
        "2026-09",
        "馆 libraries",
        "RUC",
        "CLCN",
        "复制页 page",
        "capital_as_between_members",
        "0.30",
        "20",
        "6.00",
    ] in (rows)
    page = openpyxl.load_workbook(files[1])["联盟净额 consortia"]
    assert ("BALIS", "CAPITAL", 6, 0, 6, "BALIS", "未结算 open") in page.iter_rows(min_row=2, values_only=True)


def test_the_workbook_tells_every_charge_with_the_day_of_its_service(system: System, tmp_path: Path) -> None:
    fill(system)
    run(system, "close", "2026-09")
    with system.database.write() as unit:
        record(unit, 3, pages=5)
    path = tmp_path / "s.xlsx"
    told = []
    for month in ("2026-09", "2026-10"):
        assert run(system, "statement", "--period", month, "--xlsx", str(path)).exit_code == 0
        rows = openpyxl.load_workbook(path)["逐笔 charges"].iter_rows(min_row=2, values_only=True)
        told.append([(row[0], row[2], row[3], row[6], row[7], row[8], row[12], row[13], row[14]) for row in rows])
    assert told[0] == [
        (1, 1, "hop", None, "THU", "RUC", 20, 6, None), (1, 2, "hop", None, "RUC", "CLCN", 20, 6, None),
        (2, 1, "hop", None, "CLCN", "THU", 10, 3, None), (2, 1, "reversal", None, "CLCN", "THU", -10, -3, "复印不清"),
    ]  # fmt: skip
    assert told[1] == [
        (3, 1, "hop", "是 late", "THU", "RUC", 5, 1.5, None), (3, 2, "hop", "是 late", "RUC", "CLCN", 5, 1.5, None),
    ]  # fmt: skip


def test_a_month_is_closed_once_and_the_audit_says_so(system: System) -> None:
    fill(system)
    done = run(system, "close", "2026-09", "--json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["transactions"] == 3 + 2 * 2 + 2
    again = run(system, "close", "2026-09")
    assert isinstance(again.exception, ClosedError)
    with system.database.read() as unit:
        (entry,) = audit.entries(unit, action="ledger.close")
        assert settlement.statement_of(unit, "2026-09").closed
    assert (entry.way, entry.object) == ("command", "month 2026-09")
    assert json.loads(run(system, "check", "--json").stdout) == {"problems": [], "closed": ["2026-09"]}


def test_trying_the_tariff_in_force_gives_what_was_posted(system: System) -> None:
    fill(system)
    posted = json.loads(run(system, "statement", "--period", "2026-09", "--json").stdout)
    tried = json.loads(run(system, "what-if", SEED, "--period", "2026-09", "--json").stdout)
    for told in (posted, tried):
        for pair in (*told["libraries"], *told["consortia"]):
            del pair["settled_a"], pair["settled_b"], pair["open"]
    assert tried == posted


def test_trying_another_tariff_tells_both_nets(system: System, tmp_path: Path) -> None:
    fill(system)
    dear = tmp_path / "dear.yaml"
    dear.write_text(Path(SEED).read_text(encoding="utf-8").replace("page: 0.30", "page: 0.50"), encoding="utf-8")
    done = run(system, "what-if", str(dear), "--period", "2026-09")
    assert "BALIS → CAPITAL: 10.00；现行标准 under the tariff in force 6.00" in done.stderr
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("rules:\n  - {name: 甲}\n", encoding="utf-8")
    done = run(system, "what-if", str(wrong), "--period", "2026-09")
    assert done.exit_code == 1
    assert "wrong.yaml:2: rules: each has a name" in done.stderr


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "11/2026", "２０２６-11", "2026-11-01"])
def test_what_is_no_month_is_refused(system: System, month: str) -> None:
    assert run(system, "statement", "--period", month).exit_code == 2
    assert run(system, "close", month).exit_code == 2


def test_the_check_fails_where_something_is_wrong(system: System) -> None:
    fill(system)
    with system.database.write() as unit:
        unit.execute(text("DROP TRIGGER ledger_posting_no_update"))
        unit.execute(text("UPDATE ledger_posting SET account = 'library:X' WHERE txn_id = 4 AND line = 1"))
    done = run(system, "check")
    assert done.exit_code == 1
    assert "reversal/supply/2/1/1/hop/0" in done.stdout


def test_the_rules_tell_what_they_are_based_on(system: System) -> None:
    told = json.loads(run(system, "tariffs", "--json").stdout)
    assert {rule["name"] for rule in told["rules"] if rule["assumption"]} >= {"capital_as_between_members", "any_loan"}
    shown = run(system, "tariffs", SEED).stdout
    assert "between_members" in shown
    assert "首都图书馆" in shown
