"""Messages on their way, and what came in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_outgoing()
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("library", sa.String(length=20), nullable=False),
        sa.Column("url", WORDS, nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.Column("disabled_why", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "incoming",
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("key", WORDS, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("received", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("peer", "key", name=op.f("pk_incoming")),
    )
    op.create_index("ix_incoming_received", "incoming", ["received"])
    op.create_table(
        "answered_call",
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("key", WORDS, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("answered", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_answered_call")),
    )
    op.create_index("ix_answered_call_answered", "answered_call", ["answered"])


def _make_outgoing() -> None:
    op.create_table(
        "outgoing",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("body", WORDS, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("ended", INSTANT, nullable=True),
        sa.Column("last_error", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("key", name=op.f("uq_outgoing_key")),
    )
    op.create_index("ix_outgoing_state", "outgoing", ["state", "not_before"])
    op.create_index("ix_outgoing_target", "outgoing", ["channel", "target", "state"])
    op.create_index("ix_outgoing_lane", "outgoing", ["lane", "id"])
    op.create_index("ix_outgoing_request", "outgoing", ["request_id", "id"])


def downgrade() -> None:
    for table in ("answered_call", "incoming", "webhook", "outgoing"):
        op.drop_table(table)
