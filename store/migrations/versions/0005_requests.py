"""Requests, their events and rotas, and what libraries did with them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.append_only import allow_changes, forbid_changes, forbid_replacing

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("record", WORDS, nullable=False),
        sa.Column("title", WORDS, nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("code", WORDS, nullable=False),
        sa.Column("wanted", WORDS, nullable=False),
        sa.Column("opened", INSTANT, nullable=False),
        sa.Column("closed", INSTANT, nullable=True),
        sa.Column("result", WORDS, nullable=False),
        sa.Column("note", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index("ix_correction_library", "correction", ["library", "closed"], unique=False)
    op.create_table(
        "holding_trust",
        sa.Column("record", WORDS, nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record", "library", name=op.f("pk_holding_trust")),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("updated", INSTANT, nullable=False),
        sa.Column("closed", INSTANT, nullable=True),
        sa.Column("requester", WORDS, nullable=False),
        sa.Column("branch", WORDS, nullable=False),
        sa.Column("desk", WORDS, nullable=False),
        sa.Column("supplier", WORDS, nullable=False),
        sa.Column("title", WORDS, nullable=False),
        sa.Column("record", WORDS, nullable=False),
        sa.Column("item", WORDS, nullable=False),
        sa.Column("service", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("folded", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
    )
    op.create_index("ix_request_closed", "request", ["closed"], unique=False)
    op.create_index("ix_request_desk", "request", ["desk", "state"], unique=False)
    op.create_index("ix_request_item", "request", ["item"], unique=False)
    op.create_index("ix_request_requester", "request", ["requester", "state", "closed"], unique=False)
    op.create_table(
        "request_event",
        sa.Column("request_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=12), nullable=False),
        sa.Column("who", sa.BigInteger(), nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("on_behalf_of", WORDS, nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("data", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "seq", name=op.f("pk_request_event")),
    )
    op.create_index("ix_request_event_at", "request_event", ["at"], unique=False)
    op.create_table(
        "routing_setting",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_routing_setting")),
    )
    op.create_table(
        "tally",
        sa.Column("key", WORDS, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tally")),
    )
    op.create_table(
        "choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("policy", WORDS, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("median_at", INSTANT, nullable=True),
        sa.Column("late_at", INSTANT, nullable=True),
        sa.Column("p_fill", sa.Double(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("ended", INSTANT, nullable=True),
        sa.Column("filled", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_choice_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choice")),
    )
    op.create_index("ix_choice_ended", "choice", ["ended"], unique=False)
    op.create_index("ix_choice_request_id", "choice", ["request_id"], unique=False)
    op.create_table(
        "library_policy",
        sa.Column("library", WORDS, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("changed", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["library"], ["library.symbol"], name=op.f("fk_library_policy_library")),
        sa.PrimaryKeyConstraint("library", name=op.f("pk_library_policy")),
    )
    op.create_table(
        "request_person",
        sa.Column("request_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("note", WORDS, nullable=False),
        sa.Column("delivery", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_request_person_request_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_request_person")),
    )
    op.create_index(op.f("ix_request_person_account"), "request_person", ["account"], unique=False)
    op.create_table(
        "rota_entry",
        sa.Column("request_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("supplier", WORDS, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sent", INSTANT, nullable=True),
        sa.Column("answered", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_rota_entry_request_id")),
        sa.PrimaryKeyConstraint("request_id", "number", name=op.f("pk_rota_entry")),
    )
    op.create_index("ix_rota_entry_supplier", "rota_entry", ["supplier", "state", "answered", "sent"], unique=False)
    op.create_table(
        "timer",
        sa.Column("request_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_timer_request_id")),
        sa.PrimaryKeyConstraint("request_id", "entry", "kind", name=op.f("pk_timer")),
    )
    op.create_index("ix_timer_due_at", "timer", ["due_at"], unique=False)
    op.create_table(
        "request_remark",
        sa.Column("request_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("words", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "seq", name=op.f("pk_request_remark")),
    )
    op.create_index("ix_request_branch", "request", ["branch"], unique=False)
    op.create_index("ix_rota_entry_sent", "rota_entry", ["supplier", "sent"], unique=False)
    dialect = op.get_bind().dialect.name
    for statement in (
        *forbid_changes("request_event", dialect),
        *forbid_replacing("request_event", ("request_id", "seq"), dialect),
    ):
        op.execute(statement)


def downgrade() -> None:
    for statement in allow_changes("request_event", op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_table("request_remark")
    op.drop_index("ix_rota_entry_sent", table_name="rota_entry")
    op.drop_index("ix_request_branch", table_name="request")
    op.drop_index("ix_timer_due_at", table_name="timer")
    op.drop_table("timer")
    op.drop_index("ix_rota_entry_supplier", table_name="rota_entry")
    op.drop_table("rota_entry")
    op.drop_index(op.f("ix_request_person_account"), table_name="request_person")
    op.drop_table("request_person")
    op.drop_table("library_policy")
    op.drop_index("ix_choice_request_id", table_name="choice")
    op.drop_index("ix_choice_ended", table_name="choice")
    op.drop_table("choice")
    op.drop_table("tally")
    op.drop_table("routing_setting")
    op.drop_index("ix_request_event_at", table_name="request_event")
    op.drop_table("request_event")
    op.drop_index("ix_request_requester", table_name="request")
    op.drop_index("ix_request_item", table_name="request")
    op.drop_index("ix_request_desk", table_name="request")
    op.drop_index("ix_request_closed", table_name="request")
    op.drop_table("request")
    op.drop_table("holding_trust")
    op.drop_index("ix_correction_library", table_name="correction")
    op.drop_table("correction")
