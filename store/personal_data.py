"""Everything that is kept of a person (个人信息副本), for whoever asks for his own.

What store/erasures.py erases and what is told here is the same: a subject that keeps data of persons has its part in
both.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from store.accounts import Account, require_account
from store.api_keys import ApiKey, keys_made_by
from store.database import Unit
from store.outbox import outgoing
from store.payments import of_reader
from store.remarks import remarks_of_readers
from store.requests import persons_of, requests_of_reader
from store.sessions import session

MOST = 100_000
"""Requests of one person."""


class SessionData(Struct, frozen=True):
    created: datetime
    seen: datetime
    expires: datetime


class RequestData(Struct, frozen=True):
    number: int
    title: str
    service: str
    state: str
    created: datetime
    closed: datetime | None
    note: str
    delivery: str


class RemarkData(Struct, frozen=True):
    """What he has said of a request himself: what staff have said of it is not his."""

    request_number: int
    event: str
    created: datetime
    words: str


class PaymentData(Struct, frozen=True):
    kind: str
    state: str
    amount: int  # fen
    request_number: int  # 0 = none, or forgotten
    created: datetime


class MailData(Struct, frozen=True):
    kind: str
    state: str
    request_number: int
    created: datetime
    body: str  # JSON


class PersonalData(Struct, frozen=True):
    account: Account
    sessions: tuple[SessionData, ...]
    keys: tuple[ApiKey, ...]
    requests: tuple[RequestData, ...]  # newest first; of those closed long ago nobody knows whose they were
    payments: tuple[PaymentData, ...]
    mails: tuple[MailData, ...]  # that are still kept
    remarks: tuple[RemarkData, ...]


def export_person(unit: Unit, account_id: int) -> PersonalData:
    s = session.c
    times = unit.execute(select(s.created, s.seen, s.expires).where(s.account_id == account_id).order_by(s.created))
    found = requests_of_reader(unit, account_id, limit=MOST)
    numbers = [row.id for row in found]
    persons = persons_of(unit, numbers)
    return PersonalData(
        require_account(unit, account_id),
        tuple(SessionData(*row) for row in times),
        tuple(keys_made_by(unit, account_id)),
        tuple(
            RequestData(
                row.id, row.title, row.service, row.state, row.created, row.closed,
                persons[row.id].note, persons[row.id].delivery,
            )
            for row in found
        ),
        tuple(
            PaymentData(each.kind, each.state, each.amount, each.request_id, each.created)
            for each in of_reader(unit, account_id)
        ),
        tuple(
            MailData(row.kind, row.state, row.request_id, row.created, row.body)
            for row in unit.execute(select(outgoing).where(*mails_to(account_id)).order_by(outgoing.c.id))
        ),
        tuple(
            RemarkData(each.request_id, each.event, each.at, words)
            for each in remarks_of_readers(unit, numbers)
            for words in each.words.values()
        ),
    )  # fmt: skip


def mails_to(account_id: int) -> tuple[Any, ...]:
    return outgoing.c.channel == "email", outgoing.c.target == str(account_id)


def open_requests(unit: Unit, account_id: int) -> int:
    """How many of his requests are still under way."""
    return len(requests_of_reader(unit, account_id, closed=False, limit=MOST))
