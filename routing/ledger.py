"""Settlement (收支平衡): what a supply costs goes into the ledger with the event that says that it was supplied.

Everything here works in the transaction that it is handed, and may be called again with the same facts: it does nothing
then. What was supplied is known by its request, its entry and its time, so that events can be replayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from mappings.model import Library
from mappings.requests import Wish
from mappings.settlement import Posting, Supply, Transaction, clearing, month_of, pair
from routing.charges import charges, negated, supply_of
from routing.statements import Statement, statement
from routing.tariffs import Tariff, seed
from store import ledger, ledger_months
from store.database import Unit
from store.ledger import Entry
from store.ledger_months import ClosedError, Period

__all__ = [
    "charges",
    "close_month",
    "record_supply",
    "reverse_supply",
    "settle_month",
    "statement_of",
    "what_if",
]


def record_supply(
    unit: Unit,
    *,
    request_id: int,
    entry: int,
    path: tuple[str, ...],
    requester: str,
    wish: Wish,
    pages: int,
    actual_cost: int,
    at: datetime,
    libraries: Mapping[str, Library],
    searched_by: str = "",
    carrier: str = "print",
    tariff: Tariff | None = None,
) -> None:
    """Post what a fill costs: one transaction a hop, and the reader's. `at` is when it was filled.

    `searched_by` is the symbol of the node whose officers searched for it (代查); `carrier` is microform where it was
    copied from that. Without a tariff, the one that comes with the program counts.
    """
    facts = supply_of(
        request_id=request_id,
        entry=entry,
        path=path,
        requester=requester,
        wish=wish,
        pages=pages,
        actual_cost=actual_cost,
        at=at,
        libraries=libraries,
        searched_by=searched_by,
        carrier=carrier,
    )
    before = ledger.rounds(unit, request_id, entry)
    if before and (not before[-1].reversed or before[-1].at >= at):
        return
    number = len(before)
    supply_id = ledger.add_supply(unit, facts, number)
    if supply_id is None:  # another process has just posted it
        return
    entries = [
        Entry(f"supply/{request_id}/{entry}/{one.hop}/{one.kind}/{number}", one)
        for one in charges(facts, tariff or seed())
    ]
    ledger.post(unit, entries, at, supply_id=supply_id, request_id=request_id, entry=entry)


def reverse_supply(unit: Unit, *, request_id: int, entry: int, at: datetime, reason: str = "") -> None:
    """Take back what the last fill of the entry cost: a bad copy, or a second fill that is given back.

    Nothing that was filled after `at` is taken back. The reversal stands in the month of `at`, or in the first that is
    open, whatever became of the first month.
    """
    before = ledger.rounds(unit, request_id, entry)
    if not before or before[-1].reversed or before[-1].at > at:
        return
    entries = []
    for one in ledger.of_supply(unit, before[-1].id):
        back = msgspec.structs.replace(one.transaction, kind="reversal", postings=negated(one.transaction.postings))
        entries.append(Entry(f"reversal/{one.key}", back, one.id))
    ledger.post(unit, entries, at, supply_id=before[-1].id, request_id=request_id, entry=entry, note=reason)


def settle_month(unit: Unit, month: str, at: datetime) -> int:
    """Post what clears the month: all that is owed goes to whom it is owed. Returns how many pairs there were."""
    ledger_months.lock_closing(unit)
    if month <= ledger.closed_through(unit):
        raise ClosedError(f"{month} is closed and settled.")
    open_claims = ledger_months.claims(unit, month)
    before = ledger_months.settlements(unit, month)
    entries = []
    for number, claim in enumerate(open_claims, before + 1):
        between = clearing(claim.from_side, claim.to_side)
        rule = pair(claim.payer, claim.payee)
        postings = (
            Posting(between, -claim.amount, "settled", rule, 1, claim.amount),
            Posting(claim.payee, claim.amount, "settled", rule, 1, claim.amount),
        )
        made = Transaction("settlement", postings, 0, claim.payer, claim.payee, claim.from_side, claim.to_side)
        entries.append(Entry(f"settlement/{month}/{number}", made))
    ledger.post(unit, entries, at, in_period=month)
    return len(open_claims)


def close_month(unit: Unit, month: str, at: datetime, who: int = 0) -> Period:
    """Settle a month that is over and close it: nothing in it changes from then on. Raises ClosedError."""
    if month_of(at) <= month:
        raise ClosedError(f"{month} is not over yet. It can be closed from the first day of the next month.")
    ledger_months.require_next(unit, month)
    settle_month(unit, month, at)
    return ledger_months.close_period(unit, month, at, who)


def statement_of(unit: Unit, month: str) -> Statement:
    """The offset statement of a month as it was posted."""
    posted = [one.transaction for one in ledger.transactions(unit, month)]
    return statement(month, posted, month <= ledger.closed_through(unit))


def what_if(unit: Unit, month: str, tariff: Tariff) -> Statement:
    """The statement that the month would have had under that tariff. Nothing is written."""
    return statement(month, reckoned(ledger.usage(unit, month), tariff))


def reckoned(usage: list[tuple[Supply, int]], tariff: Tariff) -> list[Transaction]:
    """The charges of what was supplied (1) and taken back (-1)."""
    made: list[Transaction] = []
    for facts, sign in usage:
        for one in charges(facts, tariff):
            if sign < 0:
                one = msgspec.structs.replace(one, kind="reversal", postings=negated(one.postings))
            made.append(one)
    return made
