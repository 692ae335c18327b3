"""Payments of readers (读者支付): money held for a request, paid in, or given as a reward.

A row is a promise and its state; the money itself moves in the ledger under the row's id, so that none moves it twice.
Which request a payment is for is forgotten with the reader's other data (`forget_requests`); the ledger never knew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Index, String, Table, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from store.columns import Id, Instant, Words
from store.database import Unit, metadata

STATES = ("held", "captured", "released", "waiting", "paid", "failed")

_LOCK = 0x72656164  # class of the advisory locks: "read"

payment = Table(
    "payment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Words, nullable=False, unique=True),  # who asks twice with one key gets one payment
    Column("kind", String(8), nullable=False),  # hold, top_up, reward
    Column("state", String(8), nullable=False),  # hold: held, captured, released; others: waiting, paid, failed
    Column("reader", BigInteger, nullable=False),  # account
    Column("request_id", BigInteger, nullable=False, index=True),  # 0 = none, or forgotten
    Column("library", Words, nullable=False),  # whose fees are paid; "" = none
    Column("amount", BigInteger, nullable=False),  # fen
    Column("taken", BigInteger, nullable=False),  # of a hold: what was captured
    Column("returned", BigInteger, nullable=False),  # of that: what was refunded
    Column("rule", Words, nullable=False),  # of the discount or reward
    Column("provider", String(16), nullable=False),
    Column("reference", Words, nullable=False),  # the provider's own
    Column("created", Instant, nullable=False),
    Column("ended", Instant),
    Index("ix_payment_reader", "reader", "kind", "state"),
)


class Payment(Struct, frozen=True):
    id: int
    key: str
    kind: str
    state: str
    reader: int
    request_id: int
    library: str
    amount: int
    taken: int
    returned: int
    rule: str
    provider: str
    reference: str
    created: datetime
    ended: datetime | None


def lock_reader(unit: Unit, reader: int) -> None:
    """Nobody else spends this reader's money while this transaction lasts. (SQLite has one writer.)"""
    if unit.dialect.name == "postgresql":
        unit.execute(text("SELECT pg_advisory_xact_lock(:kind, :who)"), {"kind": _LOCK, "who": reader % 2**31})


def add(
    unit: Unit,
    key: str,
    kind: str,
    state: str,
    reader: int,
    amount: int,
    at: datetime,
    *,
    request_id: int = 0,
    library: str = "",
    rule: str = "",
    provider: str = "",
) -> bool:
    """Add a payment; False where its key is there already."""
    values: dict[str, Any] = {
        "key": key, "kind": kind, "state": state, "reader": reader, "amount": amount, "created": at,
        "request_id": request_id, "library": library, "rule": rule, "provider": provider,
        "taken": 0, "returned": 0, "reference": "",
    }  # fmt: skip
    insert = postgres_insert if unit.dialect.name == "postgresql" else sqlite_insert
    statement = insert(payment).values(values).on_conflict_do_nothing(index_elements=("key",))
    return unit.execute(statement.returning(payment.c.id)).scalar() is not None


def get(unit: Unit, key: str) -> Payment | None:
    """The payment, which nobody else changes while this transaction lasts."""
    row = unit.execute(select(payment).where(payment.c.key == key).with_for_update()).first()
    return Payment(*row) if row else None


def reader_of(unit: Unit, key: str) -> int | None:
    """Whose payment it is; None = there is none."""
    found: int | None = unit.execute(select(payment.c.reader).where(payment.c.key == key)).scalar()
    return found


def change(unit: Unit, its: Payment, **values: Any) -> None:
    unit.execute(update(payment).where(payment.c.id == its.id).values(**values))


def held(unit: Unit, reader: int) -> int:
    """Fen that are promised and not yet taken."""
    query = select(func.sum(payment.c.amount)).where(
        payment.c.reader == reader, payment.c.kind == "hold", payment.c.state == "held"
    )
    return int(unit.execute(query).scalar() or 0)


def of_reader(unit: Unit, reader: int) -> list[Payment]:
    """The newest first."""
    query = select(payment).where(payment.c.reader == reader).order_by(payment.c.id.desc())
    return [Payment(*row) for row in unit.execute(query)]


def waiting(unit: Unit, provider: str, before: datetime) -> list[Payment]:
    """Payments that the provider has not told the end of, begun before that time."""
    c = payment.c
    query = select(payment).where(c.state == "waiting", c.provider == provider, c.created < before).order_by(c.id)
    return [Payment(*row) for row in unit.execute(query)]


def rewards(unit: Unit, reader: int, rule: str) -> int:
    """How often the reader got that reward."""
    c = payment.c
    query = select(func.count()).where(c.reader == reader, c.kind == "reward", c.rule == rule)
    return int(unit.execute(query).scalar_one())


def forget_requests(unit: Unit, request_ids: Iterable[int]) -> int:
    """Nobody can tell any more which payments were for these requests; what is held is left. Returns how many."""
    c = payment.c
    ids = list(request_ids)
    rows = unit.execute(select(c.id).where(c.request_id.in_(ids), c.state != "held")).scalars().all()
    for row_id in rows:
        unit.execute(update(payment).where(c.id == row_id).values(request_id=0, key=f"forgotten/{row_id}"))
    return len(rows)
