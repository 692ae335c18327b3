"""Readers' data in requests are kept for as long as their library's policy says, and then forgotten (个人信息保护法
art. 19, 47).

What stays (events, tallies, the ledger) says nothing of whose a request was, so statistics go on. What anybody said of
it goes with it, also out of messages, and so does a mail that told its reader of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from routing.policy_faults import MOST_KEPT
from store import libraries, outbox, payments, policies, remarks, requests
from store.database import Database

AT_ONCE = 500
"""Requests that one transaction forgets."""


def forget_due(database: Database, now: datetime) -> int:
    """Forget whose the requests were that have been closed for longer than their library keeps that. How many. Raises
    StoreError, after all other libraries were seen to, where a library's policy can't be read."""
    with database.read() as unit:
        symbols = sorted(each.symbol for each in libraries.all_libraries(unit))
    total, unread = 0, None
    for symbol in symbols:
        try:
            days = _days_kept(database, symbol)
        except policies.UnreadableError as error:  # nobody knows how long it may keep them: that is no reason to erase
            unread = error
        else:
            total += _forget(database, symbol, now - timedelta(days=days))
    if unread is not None:
        raise unread
    return total


def _days_kept(database: Database, symbol: str) -> int:
    """Within what a policy may say now: one of before may say so many that there is no such day."""
    with database.read() as unit:
        return min(max(policies.policy_of(unit, symbol).retention_days, 0), MOST_KEPT)


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
