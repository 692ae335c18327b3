"""Offset statements (收支平衡表): who owes whom what for a month, by pair of libraries and between the consortia.

Plain arithmetic on charges, whether they were posted or are reckoned anew under another tariff (what-if).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from mappings.settlement import Posting, Transaction, month_of, name_of
from routing.exports import Cell, Column, Sheet
from store.ledger import Posted


class Line(Struct, frozen=True):
    """What one side owes the other by one rule of the tariff."""

    item: str
    rule: str
    price: int
    quantity: int
    amount: int


class Pair(Struct, frozen=True):
    """Two libraries, or two consortia, that supplied each other; `a` comes first in the alphabet."""

    a: str
    b: str
    a_owes: tuple[Line, ...] = ()
    b_owes: tuple[Line, ...] = ()
    settled_a: int = 0  # of what a owes, what the month's settlement has posted
    settled_b: int = 0

    @property
    def gross_a(self) -> int:
        return sum(line.amount for line in self.a_owes)

    @property
    def gross_b(self) -> int:
        return sum(line.amount for line in self.b_owes)

    @property
    def net(self) -> int:
        """Above zero: a owes b so much in the end. A consortium owes itself nothing."""
        return 0 if self.a == self.b else self.gross_a - self.gross_b

    @property
    def open(self) -> bool:
        return (self.settled_a, self.settled_b) != (self.gross_a, self.gross_b)


class Bearer(Struct, frozen=True):
    """What was paid in the place of readers, and what readers owe: by account."""

    account: str
    amount: int


class Statement(Struct, frozen=True):
    """The offset statement of a month. A consortium that supplies itself is a pair of one."""

    period: str
    libraries: tuple[Pair, ...]
    consortia: tuple[Pair, ...]
    bearers: tuple[Bearer, ...]
    closed: bool = False


def statement(period: str, transactions: Iterable[Transaction], closed: bool = False) -> Statement:
    """The statement of a month's transactions. Reversals count as less."""
    by_library, by_side, borne = _Book(), _Book(), dict[str, int]()
    for one in transactions:
        for line in one.postings:
            if line.account.startswith("clearing:"):
                by_library.add(name_of(one.payer), name_of(one.payee), one.kind, line)
                by_side.add(one.from_side, one.to_side, one.kind, line)
            elif line.item in ("subsidy", "reader_price"):
                borne[line.account] = borne.get(line.account, 0) + line.amount
    bearers = tuple(Bearer(account, amount) for account, amount in sorted(borne.items()))
    return Statement(period, by_library.pairs(), by_side.pairs(), bearers, closed)


class _Book:
    """Lines by who owes whom."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], dict[tuple[str, str, int], tuple[int, int]]] = {}
        self._settled: dict[tuple[str, str], int] = {}

    def add(self, payer: str, payee: str, kind: str, line: Posting) -> None:
        lines = self._lines.setdefault((payer, payee), {})
        if kind == "settlement":
            self._settled[payer, payee] = self._settled.get((payer, payee), 0) - line.amount
            return
        key = (line.item, line.rule, line.price)
        quantity, amount = lines.get(key, (0, 0))
        lines[key] = (quantity + line.quantity, amount + line.amount)

    def pairs(self) -> tuple[Pair, ...]:
        names = sorted({(min(pair), max(pair)) for pair in self._lines})
        made = []
        for a, b in names:
            back = (b, a) if a != b else None
            made.append(
                Pair(
                    a, b, self._owed(a, b), self._owed(*back) if back else (),
                    self._settled.get((a, b), 0), self._settled.get(back, 0) if back else 0,
                )
            )  # fmt: skip
        return tuple(made)

    def _owed(self, payer: str, payee: str) -> tuple[Line, ...]:
        """What was taken back altogether leaves no line."""
        found = self._lines.get((payer, payee), {})
        return tuple(
            Line(*key, quantity, amount) for key, (quantity, amount) in sorted(found.items()) if quantity or amount
        )


# ---------------------------------------------------------------------------------------------- as tables

ITEMS = {
    "page": "复制页 page",
    "article": "件 piece",
    "rush": "加急 rush",
    "search": "代查 search",
    "cost": "实际费用 actual cost",
}

PAIR_COLUMNS = (
    Column("付方 payer"), Column("收方 payee"), Column("项目 item"), Column("收费标准 rule"),
    Column("单价 price ¥", "yuan"), Column("数量 quantity", "number"), Column("金额 amount ¥", "yuan"),
)  # fmt: skip

NET_COLUMNS = (
    Column("甲方 a"), Column("乙方 b"), Column("甲应付 a owes ¥", "yuan"), Column("乙应付 b owes ¥", "yuan"),
    Column("净额 net ¥", "yuan"), Column("净付方 net payer"), Column("状态 state"),
)  # fmt: skip

BEARER_COLUMNS = (Column("账户 account"), Column("金额 amount ¥", "yuan"))


DETAIL_COLUMNS = (
    Column("请求 request", "number"), Column("轮候 entry", "number"), Column("环节 hop", "number"),
    Column("种类 kind"), Column("服务时间 served", "time"), Column("记账时间 posted", "time"), Column("迟到 late"),
    Column("付方 payer"), Column("收方 payee"), Column("项目 item"), Column("收费标准 rule"),
    Column("单价 price ¥", "yuan"), Column("数量 quantity", "number"), Column("金额 amount ¥", "yuan"),
    Column("备注 note"),
)  # fmt: skip


def detail_sheet(posted: Iterable[Posted]) -> Sheet:
    """Every charge of a month, each once: what the statement is added up from. Late = of an earlier month."""
    rows: list[Sequence[Cell]] = []
    for one in posted:
        what = one.transaction
        late = "是 late" if month_of(one.service_at) < one.period else ""
        if what.kind == "settlement":
            continue
        rows += [
            (
                one.request_id, one.entry, what.hop, what.kind, one.service_at, one.posted_at, late,
                name_of(what.payer), name_of(what.payee), ITEMS.get(line.item, line.item), line.rule,
                line.price, line.quantity, line.amount, one.note,
            )
            for line in what.postings
            if line.account.startswith("clearing:")
        ]  # fmt: skip
    return Sheet("逐笔 charges", DETAIL_COLUMNS, rows)


def line_rows(pairs: Iterable[Pair]) -> list[Sequence[Cell]]:
    """Gross each way, by line of the tariff."""
    rows: list[Sequence[Cell]] = []
    for pair in pairs:
        for payer, payee, lines in ((pair.a, pair.b, pair.a_owes), (pair.b, pair.a, pair.b_owes)):
            for line in lines:
                item = ITEMS.get(line.item, line.item)
                rows.append((payer, payee, item, line.rule, line.price, line.quantity, line.amount))
    return rows


def net_rows(pairs: Iterable[Pair]) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for pair in pairs:
        payer = "" if pair.net == 0 else pair.a if pair.net > 0 else pair.b
        state = "未结算 open" if pair.open else "已结算 settled"
        rows.append((pair.a, pair.b, pair.gross_a, pair.gross_b, abs(pair.net), payer, state))
    return rows


def sheets(its: Statement) -> list[Sheet]:
    """The statement as a workbook."""
    state = "已结账 closed" if its.closed else "未结账 open"
    notes = (f"{its.period} {state}",)
    return [
        Sheet("联盟净额 consortia", NET_COLUMNS, net_rows(its.consortia), notes=notes),
        Sheet("联盟明细 by direction", PAIR_COLUMNS, line_rows(its.consortia)),
        Sheet("各馆净额 libraries", NET_COLUMNS, net_rows(its.libraries)),
        Sheet("各馆明细 by library", PAIR_COLUMNS, line_rows(its.libraries)),
        Sheet("补贴 subsidies", BEARER_COLUMNS, [(one.account, one.amount) for one in its.bearers]),
    ]


def table(its: Statement) -> tuple[list[Sequence[Cell]], list[Column]]:
    """Rows and columns of one table: each line of the tariff each way, and under a pair its net."""
    columns = [
        Column("月份 month"), Column("范围 scope"), Column("付方 payer"), Column("收方 payee"), Column("项目 item"),
        Column("收费标准 rule"), Column("单价 price ¥", "yuan"), Column("数量 quantity", "number"),
        Column("金额 amount ¥", "yuan"),
    ]  # fmt: skip
    rows: list[Sequence[Cell]] = []
    for scope, pairs in (("联盟 consortia", its.consortia), ("馆 libraries", its.libraries)):
        for pair in pairs:
            rows += [(its.period, scope, *row) for row in line_rows((pair,))]
            payer, payee = (pair.a, pair.b) if pair.net >= 0 else (pair.b, pair.a)
            rows.append((its.period, scope, payer, payee, "净额 net", "", None, None, abs(pair.net)))
    for one in its.bearers:
        rows.append((its.period, "补贴 subsidies", one.account, "", "", "", None, None, one.amount))
    return rows, columns
