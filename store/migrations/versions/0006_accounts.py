"""Accounts, sessions, keys and the audit"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.append_only import allow_changes, forbid_changes, forbid_replacing

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _people()
    _audit()


def _people() -> None:
    op.create_table(
        "account",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("login", WORDS, nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("code_until", INSTANT, nullable=True),
        sa.Column("roles", sa.String(length=80), nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("email", WORDS, nullable=False),
        sa.Column("phone", WORDS, nullable=False),
        sa.Column("card", WORDS, nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("registered_by", ID, nullable=False),
        sa.Column("sponsor", WORDS, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("erased", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
    )
    op.create_index("ix_account_library", "account", ["library", "created"], unique=False)
    has_card = sa.text("card != ''")
    op.create_index(
        "ix_account_card",
        "account",
        ["library", "card"],
        unique=True,
        sqlite_where=has_card,
        postgresql_where=has_card,
    )
    op.create_table(
        "session",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("seen", INSTANT, nullable=False),
        sa.Column("expires", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_session_account_id")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_account_id"), "session", ["account_id"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("roles", sa.String(length=80), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("label", WORDS, nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("expires", INSTANT, nullable=False),
        sa.Column("used", INSTANT, nullable=True),
        sa.Column("revoked", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_api_key_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_index(op.f("ix_api_key_account_id"), "api_key", ["account_id"], unique=False)
    op.create_index(op.f("ix_api_key_library"), "api_key", ["library"], unique=False)


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", ID, nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("roles", sa.String(length=80), nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object", WORDS, nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("request_id", WORDS, nullable=False),
        sa.Column("key_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_object", "audit", ["object"], unique=False)
    dialect = op.get_bind().dialect.name
    for statement in (*forbid_changes("audit", dialect), *forbid_replacing("audit", ("id",), dialect)):
        op.execute(statement)


def downgrade() -> None:
    for statement in allow_changes("audit", op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_table("audit")
    op.drop_table("api_key")
    op.drop_table("session")
    op.drop_table("account")
