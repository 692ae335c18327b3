"""Readers' data in requests are kept for as long as their library's policy says, and then forgotten (个人信息保护法
art. 19, 47).

What stays (events, tallies, the ledger) says nothing of whose a request was, so statistics go on. What anybody said of
it goes with it, also out of messages, and so does a mail that told its reader of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from routing.settings import load_network
from store import outbox, payments, remarks, requests
from store.database import Database

AT_ONCE = 500
"""Requests that one transaction forgets."""


def forget_due(database: Database, now: datetime) -> int:
    """Forget whose the requests were that have been closed for longer than their library keeps that. How many."""
    with database.read() as unit:
        network = load_network(unit)
    befores = {symbol: now - timedelta(days=network.policy(symbol).retention_days) for symbol in network.libraries}
    return sum(_forget(database, symbol, before) for symbol, before in sorted(befores.items()))


def _forget(database: Database, library: str, before: datetime) -> int:
    with database.write() as unit:  # words of those requests too that never were anybody's here
        closed = requests.closed_of(library, before)
        remarks.erase_remarks(unit, closed)
        outbox.erase_words(unit, closed)
    total = 0
    while True:
        with database.write() as unit:
            forgotten = requests.forget_persons(unit, library, before, AT_ONCE)
            payments.forget_requests(unit, forgotten)
            for account in sorted(set(forgotten.values())):
                his = [number for number, whose in forgotten.items() if whose == account]
                outbox.erase_messages(unit, "email", str(account), his)
        total += len(forgotten)
        if len(forgotten) < AT_ONCE:
            return total
