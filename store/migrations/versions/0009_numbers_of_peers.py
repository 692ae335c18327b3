"""Numbers under which libraries ask by ISO 18626"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "peer_request",
        sa.Column("library", WORDS, nullable=False),
        sa.Column("number", WORDS, nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_peer_request_request_id")),
        sa.PrimaryKeyConstraint("library", "number", name=op.f("pk_peer_request")),
    )
    op.create_index("ix_peer_request_request_id", "peer_request", ["request_id"], unique=False)


def downgrade() -> None:
    op.drop_table("peer_request")
