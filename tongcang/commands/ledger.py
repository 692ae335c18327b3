"""`tongcang ledger statement|close|what-if|check|tariffs`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from routing import tariffs as tariff_rules
from routing.exports import Sheet, write_csv, write_xlsx, yuan
from routing.ledger import close_month, statement_of, what_if
from routing.statements import ITEMS, Pair, Statement, detail_sheet, sheets, table
from routing.tariffs import Tariff, TariffError
from store import audit, ledger, ledger_months
from tongcang.commands.harvest import AsJson
from tongcang.output import messages, print_json, print_table
from tongcang.system import System

app = typer.Typer(help="Settlement between libraries. 收支平衡。", no_args_is_help=True)

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def _month(text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no month: write it as 2026-11.")
    return text


PeriodOption = Annotated[str, typer.Option("--period", callback=_month, help="Month, as 2026-11. 月份。")]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write it as CSV.")]
XlsxFile = Annotated[Path | None, typer.Option("--xlsx", help="Write it as a workbook.")]


@app.command()
def statement(
    context: typer.Context, period: PeriodOption, csv: CsvFile = None, xlsx: XlsxFile = None, as_json: AsJson = False
) -> None:
    """The offset statement of a month: gross each way, net, whether it is settled. 收支平衡表。"""
    system: System = context.obj
    with system.database.read() as unit:
        its = statement_of(unit, period)
        details = [detail_sheet(ledger.transactions(unit, period))] if xlsx else []
    _tell(its, csv, xlsx, as_json, "收支平衡表 Offset statement", details)


@app.command("what-if")
def what_if_(
    context: typer.Context,
    tariffs: Annotated[Path, typer.Argument(help="A file of tariffs, in the form of routing/tariffs.yaml.")],
    period: PeriodOption,
    csv: CsvFile = None,
    xlsx: XlsxFile = None,
    as_json: AsJson = False,
) -> None:
    """The statement that a month would have under other tariffs; nothing is written. 试算。"""
    system: System = context.obj
    tariff = _loaded(tariffs)
    with system.database.read() as unit:
        its = what_if(unit, period, tariff)
        posted = statement_of(unit, period)
    _tell(its, csv, xlsx, as_json, f"试算 What if: {tariffs.name}")
    if not as_json:
        nets = {(pair.a, pair.b): pair.net for pair in posted.consortia}
        for pair in its.consortia:
            if pair.a != pair.b:
                before = nets.get((pair.a, pair.b), 0)
                messages.print(
                    f"{pair.a} → {pair.b}: {yuan(pair.net)}；现行标准 under the tariff in force {yuan(before)}",
                    markup=False,
                )


@app.command()
def close(
    context: typer.Context,
    period: Annotated[str, typer.Argument(callback=_month, help="Month, as 2026-11. 月份。")],
    as_json: AsJson = False,
) -> None:
    """Settle a month that is over and close it for good: what comes late stands in the next. 结账。"""
    system: System = context.obj
    now = datetime.now(UTC)
    with system.database.write() as unit:
        closed = close_month(unit, period, now)
        told = {"transactions": closed.transactions, "digest": closed.digest}
        audit.record(unit, audit.COMMAND, "ledger.close", f"month {period}", now, {}, told)
    if as_json:
        print_json(closed)
        return
    messages.print(
        f"{period} 已结账，共 {closed.transactions} 笔 is closed with {closed.transactions} transactions.", markup=False
    )


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Add everything up; exit code 1 and what is wrong, where anything is. 核对。"""
    system: System = context.obj
    with system.database.read() as unit:
        found = list(ledger_months.problems(unit))
        closed = ledger_months.closed_periods(unit)
    if as_json:
        print_json({"problems": found, "closed": [one.period for one in closed]})
    elif found:
        rows = [(one.what, one.name, one.text) for one in found]
        print_table("账目有误 What is wrong", ("种类 kind", "名称 name", "说明 what"), rows)
    else:
        messages.print("账目平衡，无误。 The ledger balances; nothing is wrong.")
    if found:
        raise typer.Exit(1)


@app.command()
def tariffs(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A file to look at; without one, the tariffs in force.")] = None,
    as_json: AsJson = False,
) -> None:
    """The rules of a tariff with their sources and assumptions. 收费标准。"""
    tariff = _loaded(file) if file else tariff_rules.seed()
    if as_json:
        print_json(tariff)
        return
    rows = [
        (
            rule.name,
            rule.charge,
            f"{rule.payer} → {rule.payee}",
            " ".join(value for value in (rule.material, rule.service, rule.level, rule.place) if value != "any"),
            ", ".join(f"{ITEMS[item]} {yuan(price)}" for item, price in rule.prices),
            rule.first,
            rule.source or f"假定 assumed: {rule.assumption}",
        )
        for rule in tariff.rules
    ]
    columns = ("名称 rule", "charge", "付方→收方", "条件 for", "价格 ¥", "起 from", "依据 source")
    print_table("收费标准 Tariffs", columns, rows)


def _loaded(path: Path) -> Tariff:
    try:
        return tariff_rules.load(path)
    except TariffError as error:
        messages.print(str(error), style="bold red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _tell(
    its: Statement, csv: Path | None, xlsx: Path | None, as_json: bool, title: str, details: Sequence[Sheet] = ()
) -> None:
    if csv is not None:
        csv.write_bytes(write_csv(*table(its)))
        messages.print(f"{csv}", markup=False)
    if xlsx is not None:
        xlsx.write_bytes(write_xlsx([*sheets(its), *details]))
        messages.print(f"{xlsx}", markup=False)
    if as_json:
        print_json(_with_nets(its))
    elif csv is None and xlsx is None:
        _print(its, title)


def _with_nets(its: Statement) -> dict[str, object]:
    def told(pair: Pair) -> dict[str, object]:
        nets = {"gross_a": pair.gross_a, "gross_b": pair.gross_b, "net": pair.net, "open": pair.open}
        return {**msgspec.structs.asdict(pair), **nets}

    told_pairs = {"libraries": [told(one) for one in its.libraries], "consortia": [told(one) for one in its.consortia]}
    return {**msgspec.structs.asdict(its), **told_pairs}


def _print(its: Statement, title: str) -> None:
    state = "已结账 closed" if its.closed else "未结账 open"
    columns = ("甲方 a", "乙方 b", "甲应付 a owes ¥", "乙应付 b owes ¥", "净额 net ¥", "净付方 net payer", "状态 state")
    for name, pairs in (("联盟 consortia", its.consortia), ("各馆 libraries", its.libraries)):
        rows = []
        for pair in pairs:
            payer = "" if pair.net == 0 else pair.a if pair.net > 0 else pair.b
            settled = "未结算 open" if pair.open else "已结算 settled"
            net = yuan(abs(pair.net))
            rows.append((pair.a, pair.b, yuan(pair.gross_a), yuan(pair.gross_b), net, payer, settled))
        print_table(f"{title} {its.period} {state} · {name}", columns, rows)
    rows_borne = [(one.account, yuan(one.amount)) for one in its.bearers]
    print_table("补贴与读者费用 Subsidies and readers' fees", ("账户 account", "金额 amount ¥"), rows_borne)
