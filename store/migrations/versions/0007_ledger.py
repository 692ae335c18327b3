"""The ledger of settlement"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from store.append_only import forbid_replacing

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)

KEYS = {
    "ledger_supply": ("id",),
    "ledger_txn": ("id",),
    "ledger_posting": ("txn_id", "line"),
    "ledger_period": ("period",),
}
ONLY_ADDED = tuple(KEYS)
CLOSED = "the month is closed"


def upgrade() -> None:
    _transactions()
    _postings()
    _period()
    _payment()
    for statement in _guards(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for table in ("payment", "ledger_period", "ledger_posting", "ledger_txn", "ledger_supply"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_is_only_added_to()")
        op.execute("DROP FUNCTION ledger_month_is_open()")


def _transactions() -> None:
    op.create_table(
        "ledger_supply",
        sa.Column("id", ID, nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("facts", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_supply")),
        sa.UniqueConstraint("request_id", "entry", "round", name=op.f("uq_ledger_supply_request_id_entry_round")),
    )
    op.create_table(
        "ledger_txn",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", WORDS, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("supply_id", ID, nullable=True),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        sa.Column("payer", WORDS, nullable=False),
        sa.Column("payee", WORDS, nullable=False),
        sa.Column("from_side", WORDS, nullable=False),
        sa.Column("to_side", WORDS, nullable=False),
        sa.Column("reverses", ID, nullable=True),
        sa.Column("service_at", INSTANT, nullable=False),
        sa.Column("posted_at", INSTANT, nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("note", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["supply_id"], ["ledger_supply.id"], name=op.f("fk_ledger_txn_supply_id")),
        sa.ForeignKeyConstraint(["reverses"], ["ledger_txn.id"], name=op.f("fk_ledger_txn_reverses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_txn")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_txn_key")),
        sa.UniqueConstraint("reverses", name=op.f("uq_ledger_txn_reverses")),
    )
    op.create_index(op.f("ix_ledger_txn_supply_id"), "ledger_txn", ["supply_id"])
    op.create_index(op.f("ix_ledger_txn_request_id"), "ledger_txn", ["request_id"])
    op.create_index("ix_ledger_txn_period", "ledger_txn", ["period", "id"])


def _postings() -> None:
    op.create_table(
        "ledger_posting",
        sa.Column("txn_id", ID, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", WORDS, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.String(length=16), nullable=False),
        sa.Column("rule", WORDS, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("following", sa.Integer(), nullable=False),
        sa.CheckConstraint("after = before + amount", name=op.f("ck_ledger_posting_after")),
        sa.ForeignKeyConstraint(["txn_id"], ["ledger_txn.id"], name=op.f("fk_ledger_posting_txn_id")),
        sa.ForeignKeyConstraint(
            ["txn_id", "following", "after"],
            ["ledger_posting.txn_id", "ledger_posting.line", "ledger_posting.before"],
            name=op.f("fk_ledger_posting_following"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("txn_id", "line", name=op.f("pk_ledger_posting")),
        sa.UniqueConstraint("txn_id", "line", "before", name=op.f("uq_ledger_posting_before")),
        sa.UniqueConstraint("txn_id", "following", name=op.f("uq_ledger_posting_following")),
    )
    op.create_index(op.f("ix_ledger_posting_account"), "ledger_posting", ["account"])


def _period() -> None:
    op.create_table(
        "ledger_period",
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("closed_at", INSTANT, nullable=False),
        sa.Column("closed_by", sa.BigInteger(), nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("last_txn", ID, nullable=True),
        sa.Column("last_line", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["last_txn", "last_line"],
            ["ledger_posting.txn_id", "ledger_posting.line"],
            name=op.f("fk_ledger_period_last"),
        ),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_ledger_period")),
    )


def _payment() -> None:
    op.create_table(
        "payment",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", WORDS, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reader", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("rule", WORDS, nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("reference", WORDS, nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("ended", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("key", name=op.f("uq_payment_key")),
    )
    op.create_index("ix_payment_reader", "payment", ["reader", "kind", "state"])
    op.create_index(op.f("ix_payment_request_id"), "payment", ["request_id"])


def _guards(dialect: str) -> Iterator[str]:
    """Nothing is changed or taken away, and nothing comes into a closed month or into one before it."""
    if dialect == "sqlite":
        for table in ONLY_ADDED:
            for what in ("UPDATE", "DELETE"):
                yield (
                    f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END"
                )
        for table, key in KEYS.items():
            yield from forbid_replacing(table, key, dialect)
        yield (
            "CREATE TRIGGER ledger_txn_month BEFORE INSERT ON ledger_txn "
            "WHEN EXISTS (SELECT 1 FROM ledger_period WHERE period >= NEW.period) "
            f"BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END"
        )
        yield (
            "CREATE TRIGGER ledger_posting_month BEFORE INSERT ON ledger_posting "
            "WHEN EXISTS (SELECT 1 FROM ledger_txn JOIN ledger_period ON ledger_period.period >= ledger_txn.period "
            f"WHERE ledger_txn.id = NEW.txn_id) BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END"
        )
        return
    yield (
        "CREATE OR REPLACE FUNCTION ledger_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is only added to', TG_TABLE_NAME; END $$"
    )
    for table in ONLY_ADDED:
        yield (
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_only_added_to()"
        )
    yield (
        "CREATE OR REPLACE FUNCTION ledger_month_is_open() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "DECLARE its text; BEGIN "
        "IF TG_TABLE_NAME = 'ledger_txn' THEN its := NEW.period; "
        "ELSE SELECT t.period INTO its FROM ledger_txn t WHERE t.id = NEW.txn_id; END IF; "
        f"IF EXISTS (SELECT 1 FROM ledger_period p WHERE p.period >= its) THEN RAISE EXCEPTION '{CLOSED}'; END IF; "
        "RETURN NEW; END $$"
    )
    for table in ("ledger_txn", "ledger_posting"):
        yield (
            f"CREATE TRIGGER {table}_month BEFORE INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_month_is_open()"
        )
