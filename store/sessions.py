"""Sessions of people who have signed in.

Invariant: the database knows the SHA-256 of a token, never the token, so that whoever reads a backup can't sign in. A
session is good until `expires`, and while it is used at least every `idle` seconds of an account that is active.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Column, ForeignKey, String, Table, delete, insert, select, update

from store.accounts import Account, account, require_account
from store.columns import Instant
from store.database import Unit, metadata

session = Table(
    "session",
    metadata,
    Column("token", String(64), primary_key=True),  # SHA-256, in hex
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    Column("created", Instant, nullable=False),
    Column("seen", Instant, nullable=False),  # last use, within SEEN_EVERY
    Column("expires", Instant, nullable=False),
)

SEEN_EVERY = timedelta(minutes=5)
"""A session's use is noted so often, not at every request: reading a page must not wait for whoever writes."""


class Session(Struct, frozen=True):
    token: str  # SHA-256, in hex
    account: Account
    created: datetime
    seen: datetime
    expires: datetime

    def to_be_noted(self, now: datetime) -> bool:
        return now - self.seen >= SEEN_EVERY


def begin_session(unit: Unit, token_hash: str, account_id: int, now: datetime, lasting: timedelta) -> None:
    """Every sign-in has a token of its own. Sessions that have run out are forgotten by the way."""
    unit.execute(delete(session).where(session.c.expires <= now))
    values = {"token": token_hash, "account_id": account_id, "created": now, "seen": now, "expires": now + lasting}
    unit.execute(insert(session).values(values))


def get_session(unit: Unit, token_hash: str, now: datetime, idle: timedelta) -> Session | None:
    """The session, where it is good."""
    c = session.c
    good = (c.token == token_hash, c.expires > now, c.seen > now - idle - SEEN_EVERY)
    row = unit.execute(select(session).join(account).where(*good, account.c.active, account.c.erased.is_(None))).first()
    if row is None:
        return None
    return Session(row.token, require_account(unit, row.account_id), row.created, row.seen, row.expires)


def note_use(unit: Unit, token_hash: str, now: datetime) -> None:
    unit.execute(update(session).where(session.c.token == token_hash, session.c.seen < now).values(seen=now))


def end_session(unit: Unit, token_hash: str) -> None:
    unit.execute(delete(session).where(session.c.token == token_hash))


def end_sessions_of(unit: Unit, account_id: int) -> int:
    """All of the account's; how many they were."""
    return unit.execute(delete(session).where(session.c.account_id == account_id)).rowcount
