"""The language of settlement (收支平衡): what was supplied as tariffs see it, and transactions of the ledger.

Money is whole fen. An amount above zero is gained by its account, one below zero is owed by it; the amounts of a
transaction sum to zero. Accounts are named:

library:<symbol>      a library that asks or supplies
node:<symbol>         a library that passes on what others ask and supply (节点)
clearing:<from>→<to>  between two consortia, or within one: what requests of `from` owe to suppliers of `to`, until it
                      is settled (清算)
fees:<symbol>         what a library's readers owe for what was supplied to them, whoever they are
reader:<account id>   a reader's prepaid money (预付款)
subsidy:<name>        what a consortium or a library pays in the place of its readers (补贴)
provider:<name>       money that came in by a payment provider
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from msgspec import Struct

BEIJING = timezone(timedelta(hours=8))
"""Months are those of Beijing. (No summer time since 1991.)"""

ACCOUNT_KINDS = ("library", "node", "clearing", "fees", "reader", "subsidy", "provider")

KINDS = (
    "hop", "search", "reader", "reversal", "settlement", "top_up", "bonus", "reward", "capture", "refund",
)  # fmt: skip
"""Of transactions. `hop`: from one library on the way to the next. `search`: to a node that searched (代查) and is not
on the way. `reader`: who bears what the requesting library owes."""

ITEMS = ("page", "article", "rush", "search", "cost")
"""What a tariff prices: a page, a piece as a whole, the surcharge of a rush request, a search; and actual costs, which
are passed on as they are."""


class Party(Struct, frozen=True, omit_defaults=True):
    """A library on the way of a request."""

    symbol: str
    side: str = ""  # its consortium
    role: str = "member"


class Supply(Struct, frozen=True, omit_defaults=True):
    """What was supplied: all that charges are reckoned from, so that they can be reckoned again (what-if)."""

    request_id: int
    entry: int
    at: datetime
    parties: tuple[Party, ...]  # requester, hops, supplier: two at least
    material: str = "book"  # one of MATERIALS, or microform, standard, patent
    service: str = "copy"  # copy, loan
    level: str = "standard"
    pages: int = 0
    actual_cost: int = 0
    abroad: bool = False  # the supplier is not in China
    searched_by: Party | None = None  # the node whose officers found what was asked for (代查)


class Posting(Struct, frozen=True, omit_defaults=True):
    """A line of a transaction."""

    account: str
    amount: int
    item: str = ""  # one of ITEMS, or what else the line is: subsidy, covered, reader_price, settled, prepaid …
    rule: str = ""  # of the tariff that set it; in a settlement, the pair: RUC→CLCN
    quantity: int = 0
    price: int = 0  # of one


class Transaction(Struct, frozen=True, omit_defaults=True):
    """Money that changes hands in one step: its postings sum to zero."""

    kind: str  # one of KINDS
    postings: tuple[Posting, ...]
    hop: int = 0  # 1 = from the requester to the first hop; 0 = not on the way
    payer: str = ""  # accounts, of a hop and a search: who owes, and who gets it when it is settled
    payee: str = ""
    from_side: str = ""
    to_side: str = ""


class Claim(Struct, frozen=True):
    """What one library owes another for what was supplied in a month and is not settled yet."""

    from_side: str
    to_side: str
    payer: str  # accounts
    payee: str
    amount: int


def clearing(from_side: str, to_side: str) -> str:
    return f"clearing:{from_side or '-'}→{to_side or '-'}"


def pair(payer: str, payee: str) -> str:
    """Two accounts as their symbols: RUC→CLCN."""
    return f"{name_of(payer)}→{name_of(payee)}"


def name_of(account: str) -> str:
    """library:RUC → RUC."""
    return account.partition(":")[2]


def month_of(at: datetime) -> str:
    """2026-11"""
    return at.astimezone(BEIJING).isoformat()[:7]


def next_month(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"
