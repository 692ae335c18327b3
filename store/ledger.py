"""The ledger of settlement (收支平衡): transactions in double entry that are only ever added to.

Invariants, which both databases keep by themselves (migration 0007):
- The postings of a transaction sum to zero. Each posting has the running total before and after it and points to the
  one that goes on from there, the last one to the first; as no two point to the same, they are rings, and in a ring
  everything that goes up comes down. The pointers are deferred foreign keys, so a transaction that is not whole can't
  be committed.
- Nothing is changed or taken away; what was wrong is reversed, once, by a transaction that names the first.
- A key is posted once: what a supply costs stands under (request, entry, hop, kind, round), where a round ends with its
  reversal.
- A closed month gets no more transactions, and no month before it does: what comes late stands in the month after, with
  the day of its service.

Who posts holds a shared lock and who closes an exclusive one, so that nothing slips into a month that is being closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from mappings.settlement import Posting, Supply, Transaction, month_of, next_month
from store.bulk import insert_rows
from store.columns import Id, Instant, Words
from store.database import Unit, clock, metadata

LOCK = 0x6C656467
"""Number of the advisory lock: "ledg"."""

supply = Table(
    "ledger_supply",
    metadata,
    Column("id", Id, primary_key=True),
    Column("request_id", BigInteger, nullable=False),
    Column("entry", Integer, nullable=False),
    Column("round", Integer, nullable=False),  # 0, and one more after each reversal
    Column("at", Instant, nullable=False),  # when it was supplied
    Column("facts", Words, nullable=False),  # JSON of mappings.settlement.Supply
    UniqueConstraint("request_id", "entry", "round"),
)

txn = Table(
    "ledger_txn",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Words, nullable=False, unique=True),
    Column("kind", String(12), nullable=False),  # one of mappings.settlement.KINDS
    Column("supply_id", ForeignKey("ledger_supply.id"), index=True),
    Column("request_id", BigInteger, nullable=False, index=True),  # 0 = none
    Column("entry", Integer, nullable=False),
    Column("hop", Integer, nullable=False),
    Column("payer", Words, nullable=False),  # accounts; "" = none
    Column("payee", Words, nullable=False),
    Column("from_side", Words, nullable=False),
    Column("to_side", Words, nullable=False),
    Column("reverses", ForeignKey("ledger_txn.id"), unique=True),
    Column("service_at", Instant, nullable=False),  # when what is charged was done
    Column("posted_at", Instant, nullable=False),  # by the database's clock
    Column("period", String(7), nullable=False),  # month that it is settled in
    Column("note", Words, nullable=False),
    Index("ix_ledger_txn_period", "period", "id"),
)

posting = Table(
    "ledger_posting",
    metadata,
    Column("txn_id", ForeignKey("ledger_txn.id"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("account", Words, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),  # fen
    Column("item", String(16), nullable=False),
    Column("rule", Words, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price", BigInteger, nullable=False),  # fen
    Column("before", BigInteger, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("following", Integer, nullable=False),
    CheckConstraint("after = before + amount", name="ck_ledger_posting_after"),
    UniqueConstraint("txn_id", "line", "before", name="uq_ledger_posting_before"),
    UniqueConstraint("txn_id", "following", name="uq_ledger_posting_following"),
    ForeignKeyConstraint(
        ["txn_id", "following", "after"],
        ["ledger_posting.txn_id", "ledger_posting.line", "ledger_posting.before"],
        name="fk_ledger_posting_following",
        deferrable=True,
        initially="DEFERRED",
    ),
)

period = Table(
    "ledger_period",
    metadata,
    Column("period", String(7), primary_key=True),  # a month that is closed
    Column("closed_at", Instant, nullable=False),
    Column("closed_by", BigInteger, nullable=False),  # account of the staff; 0 = by command
    Column("transactions", Integer, nullable=False),
    Column("digest", Text, nullable=False),  # of all that stands in it
    Column("last_txn", Id),  # its last posting; none in an empty month
    Column("last_line", Integer),
    # A copy of the state is written in the order of such references: months are closed after they are filled.
    ForeignKeyConstraint(
        ["last_txn", "last_line"], ["ledger_posting.txn_id", "ledger_posting.line"], name="fk_ledger_period_last"
    ),
)


class Entry(Struct, frozen=True):
    """A transaction to be posted."""

    key: str  # that it is posted under once
    what: Transaction
    reverses: int | None = None  # id of the one that it undoes


class Posted(Struct, frozen=True):
    """A transaction as it stands in the ledger."""

    id: int
    key: str
    transaction: Transaction
    request_id: int
    entry: int
    supply_id: int | None
    reverses: int | None
    service_at: datetime
    posted_at: datetime
    period: str
    note: str


class Round(Struct, frozen=True):
    """A supply of one entry, and whether it was taken back."""

    id: int
    number: int
    at: datetime
    reversed: bool


# ---------------------------------------------------------------------------------------------- adding


def lock_posting(unit: Unit) -> None:
    """No month is closed while this transaction lasts. (SQLite has one writer.)"""
    if unit.dialect.name == "postgresql":
        unit.execute(text(f"SELECT pg_advisory_xact_lock_shared({LOCK})"))


def add_supply(unit: Unit, facts: Supply, number: int) -> int | None:
    """The id of the supply; None where this round of the entry stands there already."""
    values = {
        "request_id": facts.request_id,
        "entry": facts.entry,
        "round": number,
        "at": facts.at,
        "facts": msgspec.json.encode(facts).decode(),
    }
    return _insert_once(unit, supply, values)


def post(
    unit: Unit,
    entries: Sequence[Entry],
    at: datetime,
    *,
    supply_id: int | None = None,
    request_id: int = 0,
    entry: int = 0,
    in_period: str = "",
    note: str = "",
) -> int:
    """Post transactions whose service was at that time, but for those whose key is posted already; how many were new.

    They stand in the month of their service, or, where that is closed, in the first that is not.
    """
    for one in entries:
        _require_balance(one.key, one.what.postings)
    lock_posting(unit)
    posted_at = datetime.fromtimestamp(clock(unit), UTC)
    month = in_period or open_period(unit, at)
    rows: list[dict[str, Any]] = []
    new = 0
    for one in entries:
        values = {
            "key": one.key,
            "kind": one.what.kind,
            "supply_id": supply_id,
            "request_id": request_id,
            "entry": entry,
            "hop": one.what.hop,
            "payer": one.what.payer,
            "payee": one.what.payee,
            "from_side": one.what.from_side,
            "to_side": one.what.to_side,
            "reverses": one.reverses,
            "service_at": at,
            "posted_at": posted_at,
            "period": month,
            "note": note,
        }
        txn_id = _insert_once(unit, txn, values)
        if txn_id is not None:
            new += 1
            rows += _ring(txn_id, one.what.postings)
    insert_rows(unit, posting, rows)
    return new


def _insert_once(unit: Unit, table: Table, values: dict[str, Any]) -> int | None:
    found: int | None = unit.execute(_once(unit.dialect.name, table), values).scalar()
    return found


@cache
def _once(dialect: str, table: Table) -> Any:
    """Made once: building such a statement takes longer than SQLite does to carry it out."""
    insert = postgres_insert if dialect == "postgresql" else sqlite_insert
    key = ("key",) if table is txn else ("request_id", "entry", "round")
    return insert(table).on_conflict_do_nothing(index_elements=key).returning(table.c.id)


def _require_balance(key: str, postings: Sequence[Posting]) -> None:
    total = sum(line.amount for line in postings)
    if total or len(postings) < 2:
        raise ValueError(f"{key}: {len(postings)} postings sum to {total} fen, not to zero")


def _ring(txn_id: int, postings: Sequence[Posting]) -> list[dict[str, Any]]:
    rows, total = [], 0
    for line, one in enumerate(postings, 1):
        row = msgspec.structs.asdict(one)
        following = line % len(postings) + 1
        rows.append(
            {"txn_id": txn_id, "line": line, "before": total, "after": total + one.amount, "following": following} | row
        )
        total += one.amount
    return rows


# ---------------------------------------------------------------------------------------------- months


def closed_through(unit: Unit) -> str:
    """The last closed month; "" = none."""
    return unit.execute(select(func.max(period.c.period))).scalar() or ""


def open_period(unit: Unit, at: datetime) -> str:
    """The month that something of that time is posted to."""
    month, closed = month_of(at), closed_through(unit)
    return month if month > closed else next_month(closed)


# ---------------------------------------------------------------------------------------------- reading


def rounds(unit: Unit, request_id: int, entry: int) -> list[Round]:
    """The supplies of an entry, the first first."""
    taken_back = (
        select(txn.c.supply_id).where(txn.c.supply_id == supply.c.id, txn.c.reverses.is_not(None)).correlate(supply)
    )
    query = (
        select(supply.c.id, supply.c.round, supply.c.at, taken_back.exists())
        .where(supply.c.request_id == request_id, supply.c.entry == entry)
        .order_by(supply.c.round)
    )
    return [Round(row[0], row[1], row[2], bool(row[3])) for row in unit.execute(query)]


def transactions(unit: Unit, month: str = "") -> list[Posted]:
    """Of a month, or all; in the order in which they were posted."""
    return _posted(unit, [txn.c.period == month] if month else [])


def of_supply(unit: Unit, supply_id: int) -> list[Posted]:
    return _posted(unit, [txn.c.supply_id == supply_id])


def of_request(unit: Unit, request_id: int) -> list[Posted]:
    """All that was posted for a request, reversals among it."""
    return _posted(unit, [txn.c.request_id == request_id])


def get(unit: Unit, key: str) -> Posted | None:
    found = _posted(unit, [txn.c.key == key])
    return found[0] if found else None


def _posted(unit: Unit, conditions: Iterable[Any]) -> list[Posted]:
    conditions = list(conditions)
    lines: dict[int, list[Posting]] = {}
    query = select(posting).join(txn).where(*conditions).order_by(posting.c.txn_id, posting.c.line)
    for row in unit.execute(query):
        line = Posting(row.account, row.amount, row.item, row.rule, row.quantity, row.price)
        lines.setdefault(row.txn_id, []).append(line)
    return [
        Posted(
            row.id,
            row.key,
            Transaction(
                row.kind, tuple(lines.get(row.id, ())), row.hop, row.payer, row.payee, row.from_side, row.to_side
            ),
            row.request_id,
            row.entry,
            row.supply_id,
            row.reverses,
            row.service_at,
            row.posted_at,
            row.period,
            row.note,
        )
        for row in unit.execute(select(txn).where(*conditions).order_by(txn.c.id))
    ]


def usage(unit: Unit, month: str) -> list[tuple[Supply, int]]:
    """What was supplied (1) and taken back (-1) by the transactions of a month, in their order."""
    query = (
        select(txn.c.supply_id, txn.c.reverses.is_not(None).label("back"), supply.c.facts)
        .join(supply, supply.c.id == txn.c.supply_id)
        .where(txn.c.period == month)
        .group_by(txn.c.supply_id, txn.c.reverses.is_not(None), supply.c.facts)
        .order_by(func.min(txn.c.id))
    )
    return [(msgspec.json.decode(row.facts, type=Supply), -1 if row.back else 1) for row in unit.execute(query)]


def balances(unit: Unit, kind: str = "") -> dict[str, int]:
    """Of every account, or of those of one kind (clearing, library …), by name."""
    query = select(posting.c.account, func.sum(posting.c.amount)).group_by(posting.c.account).order_by("account")
    if kind:
        query = query.where(posting.c.account.startswith(f"{kind}:", autoescape=True))
    return {account: int(total) for account, total in unit.execute(query)}


def balance(unit: Unit, account: str) -> int:
    found = unit.execute(select(func.sum(posting.c.amount)).where(posting.c.account == account)).scalar()
    return int(found or 0)
