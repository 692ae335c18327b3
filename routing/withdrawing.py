"""A reader who is erased leaves no request behind that somebody would go on working at for nobody."""

from __future__ import annotations

from routing.case import possible
from routing.service import RequestService
from routing.work import Actor, case_decoder
from store import requests
from store.database import Database

MOST = 100_000
"""Open requests of one reader."""


def withdraw_open(database: Database, service: RequestService, account: int) -> int:
    """Cancel what the reader has asked for and what was not supplied yet; how many requests that were.

    Each in a transaction of its own: what is cancelled stays so, whatever comes then.
    """
    with database.read() as unit:
        numbers = [row.id for row in requests.requests_of_reader(unit, account, closed=False, limit=MOST)]
    done = 0
    for number in numbers:
        with database.write() as unit:
            row = requests.lock_request(unit, number)
            if row is None or "cancel" not in possible(case_decoder.decode(row.folded), "reader"):
                continue
            service.fire(unit, number, "cancel", Actor("reader", 0, row.requester), data={"reason": "account closed"})
            done += 1
    return done
