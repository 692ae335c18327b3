"""Months of the ledger (账期): what is owed in one, closing it, and whether all that stands in the ledger is right.

Invariant: a closed month owes nothing through its clearing accounts, and has the digest that it was closed with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

import msgspec
from msgspec import Struct
from sqlalchemy import func, select, text

from mappings.settlement import Claim, Posting
from store.database import StoreError, Unit
from store.ledger import LOCK, closed_through, period, posting, supply, transactions, txn


class ClosedError(StoreError):
    """The month is closed, or may not be closed yet. The message says why."""


class Period(Struct, frozen=True):
    """A closed month."""

    period: str
    closed_at: datetime
    closed_by: int
    transactions: int
    digest: str


class Problem(Struct, frozen=True):
    """Something in the ledger that can't be."""

    what: str  # transaction, ledger, reversal, supply, month
    name: str
    text: str  # Chinese and English


# ---------------------------------------------------------------------------------------------- closing


def lock_closing(unit: Unit) -> None:
    """Nobody else posts or closes while this transaction lasts."""
    if unit.dialect.name == "postgresql":
        unit.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))


def closed_periods(unit: Unit) -> list[Period]:
    """The oldest first."""
    c = period.c
    query = select(c.period, c.closed_at, c.closed_by, c.transactions, c.digest).order_by(c.period)
    return [Period(*row) for row in unit.execute(query)]


def require_next(unit: Unit, month: str) -> None:
    """Raises ClosedError unless the month is the next to be closed. Nobody else posts until this transaction ends."""
    lock_closing(unit)
    if month <= (closed := closed_through(unit)):
        raise ClosedError(f"{month} is closed: {closed} was the last month that was.")
    skipped = select(func.min(txn.c.period)).where(txn.c.period > closed, txn.c.period < month)
    if earlier := unit.execute(skipped).scalar():
        raise ClosedError(f"{earlier} comes before {month} and is open. Close it first.")


def close_period(unit: Unit, month: str, at: datetime, who: int) -> Period:
    """Close a month whose clearing is settled; it and all before it are immutable from then on. Raises ClosedError."""
    require_next(unit, month)
    if left := claims(unit, month):
        raise ClosedError(f"{month} is not settled: {len(left)} pairs of libraries owe each other something.")
    last = unit.execute(
        select(posting.c.txn_id, posting.c.line)
        .join(txn)
        .where(txn.c.period == month)
        .order_by(posting.c.txn_id.desc(), posting.c.line.desc())
        .limit(1)
    ).first()
    count, digest = period_digest(unit, month)
    unit.execute(
        period.insert().values(
            period=month,
            closed_at=at,
            closed_by=who,
            transactions=count,
            digest=digest,
            last_txn=last.txn_id if last else None,
            last_line=last.line if last else None,
        )
    )
    return Period(month, at, who, count, digest)


def period_digest(unit: Unit, month: str) -> tuple[int, str]:
    """How many transactions stand in the month, and a hash of all of them."""
    hashed, count = sha256(), 0
    for one in transactions(unit, month):
        count += 1
        hashed.update(msgspec.json.encode(one))
    return count, hashed.hexdigest()


def claims(unit: Unit, month: str) -> list[Claim]:
    """What is not settled of a month, by pair of libraries and in the order of their names; none that is zero."""
    c = txn.c
    columns = (c.from_side, c.to_side, c.payer, c.payee)
    total = func.sum(posting.c.amount)
    query = (
        select(*columns, total)
        .join(posting)
        .where(c.period == month, posting.c.account.startswith("clearing:"))
        .group_by(*columns)
        .having(total != 0)
        .order_by(*columns)
    )
    return [Claim(*row[:4], int(row[4])) for row in unit.execute(query)]


def settlements(unit: Unit, month: str) -> int:
    """How many transactions have settled something of the month."""
    query = select(func.count()).select_from(txn).where(txn.c.period == month, txn.c.kind == "settlement")
    return int(unit.execute(query).scalar_one())


# ---------------------------------------------------------------------------------------------- checking


def problems(unit: Unit) -> Iterator[Problem]:
    """All that is wrong with the ledger, whatever made it so: nothing, if nobody went past the program."""
    yield from _unbalanced(unit)
    every = transactions(unit)
    lines = {one.id: one.transaction.postings for one in every}
    keys = {one.id: one.key for one in every}
    for one in every:
        if one.reverses is not None and not _mirrors(one.transaction.postings, lines.get(one.reverses, ())):
            first = keys.get(one.reverses, f"transaction {one.reverses}")
            yield Problem("reversal", one.key, f"它与所冲销的 {first} 不相抵 it does not undo {first}")
    charged = {one.supply_id for one in every if one.supply_id is not None}
    for row in unit.execute(select(supply.c.id, supply.c.request_id, supply.c.entry).order_by(supply.c.id)):
        if row.id not in charged:
            name = f"{row.request_id}/{row.entry}"
            yield Problem("supply", name, "已提供而未记账 it was supplied and nothing was charged")
    yield from _months(unit)


def _unbalanced(unit: Unit) -> Iterator[Problem]:
    total, count = func.coalesce(func.sum(posting.c.amount), 0), func.count(posting.c.line)
    query = (
        select(txn.c.key, total, count)
        .outerjoin(posting)
        .group_by(txn.c.id, txn.c.key)
        .having((total != 0) | (count < 2))
        .order_by(txn.c.id)
    )
    for key, amount, lines in unit.execute(query):
        yield Problem(
            "transaction", key, f"{lines} 行合计 {amount} 分，应为零 {lines} lines sum to {amount} fen, not to zero"
        )
    whole = unit.execute(select(func.coalesce(func.sum(posting.c.amount), 0))).scalar_one()
    if whole:
        yield Problem("ledger", "", f"全部合计 {whole} 分，应为零 the whole sums to {whole} fen, not to zero")


def _mirrors(back: tuple[Posting, ...], first: tuple[Posting, ...]) -> bool:
    return [(line.account, -line.amount, line.item, line.rule, -line.quantity, line.price) for line in back] == [
        (line.account, line.amount, line.item, line.rule, line.quantity, line.price) for line in first
    ]


def _months(unit: Unit) -> Iterator[Problem]:
    for closed in closed_periods(unit):
        count, digest = period_digest(unit, closed.period)
        if (count, digest) != (closed.transactions, closed.digest):
            told = f"结账后有改动（{closed.transactions} 笔，现 {count} 笔） changed after it was closed"
            yield Problem("month", closed.period, f"{told} ({closed.transactions} transactions then, {count} now)")
        for one in claims(unit, closed.period):
            name = f"{one.payer} → {one.payee}"
            yield Problem("month", closed.period, f"未清 not settled: {name} {one.amount} 分 fen")
