"""The tables of the first release"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "cluster",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("own", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("born", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_cluster")),
        sa.UniqueConstraint("seq", name=op.f("uq_cluster_seq")),
    )
    op.create_table(
        "cluster_edge",
        sa.Column("a", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("b", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        sa.Column("rules", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_cluster_edge")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("cluster_edge", schema=None) as batch_op:
        batch_op.create_index("ix_cluster_edge_b", ["b"], unique=False)

    op.create_table(
        "cluster_member",
        sa.Column(
            "record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("own", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_cluster_member")),
    )
    with op.batch_alter_table("cluster_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cluster_member_node"), ["node"], unique=False)

    op.create_table(
        "cluster_node",
        sa.Column("node", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("cluster", sa.BigInteger(), nullable=False),
        sa.Column("own", sa.BigInteger(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_cluster_node")),
    )
    with op.batch_alter_table("cluster_node", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cluster_node_cluster"), ["cluster"], unique=False)

    op.create_table(
        "library",
        sa.Column("symbol", WORDS, nullable=False),
        sa.Column("name_zh", WORDS, nullable=False),
        sa.Column("name_en", WORDS, nullable=False),
        sa.Column("consortium", WORDS, nullable=False),
        sa.Column("role", WORDS, nullable=False),
        sa.Column("isil", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_library")),
    )
    op.create_table(
        "match_key",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("split", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "split", "node", name=op.f("pk_match_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "match_split",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_match_split")),
    )
    op.create_table(
        "retired_key",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_retired_key")),
    )
    with op.batch_alter_table("retired_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_retired_key_record_id"), ["record_id"], unique=False)

    op.create_table(
        "sequence",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sequence")),
    )
    op.create_table(
        "union_identifier",
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("value", WORDS, nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("type", "value", "key", name=op.f("pk_union_identifier")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("union_identifier", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_union_identifier_key"), ["key"], unique=False)

    op.create_table(
        "union_record",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("libraries", WORDS, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_union_record")),
    )
    with op.batch_alter_table("union_record", schema=None) as batch_op:
        batch_op.create_index("ix_union_record_seq", ["seq"], unique=False)

    op.create_table(
        "watermark",
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("stage", name=op.f("pk_watermark")),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", WORDS, nullable=False),
        sa.Column("library", WORDS, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("config", WORDS, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["library"], ["library.symbol"], name=op.f("fk_source_library")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("slug", name=op.f("uq_source_slug")),
    )
    op.create_table(
        "harvest_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", WORDS, nullable=False),
        sa.Column("resume", WORDS, nullable=False),
        sa.Column("checkpoint", WORDS, nullable=False),
        sa.Column("message", WORDS, nullable=False),
        sa.Column("promised", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("vanished", sa.Integer(), nullable=False),
        sa.Column("swept", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_harvest_run_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_harvest_run")),
    )
    with op.batch_alter_table("harvest_run", schema=None) as batch_op:
        batch_op.create_index("ix_harvest_run_source_id", ["source_id", "id"], unique=False)

    op.create_table(
        "judgement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_a", sa.Integer(), nullable=False),
        sa.Column("identifier_a", WORDS, nullable=False),
        sa.Column("source_b", sa.Integer(), nullable=False),
        sa.Column("identifier_b", WORDS, nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("who", WORDS, nullable=False),
        sa.Column("reason", WORDS, nullable=False),
        sa.Column("made", sa.String(length=32), nullable=False),
        sa.Column("withdrawn", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source_a"], ["source.id"], name=op.f("fk_judgement_source_a")),
        sa.ForeignKeyConstraint(["source_b"], ["source.id"], name=op.f("fk_judgement_source_b")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgement")),
    )
    with op.batch_alter_table("judgement", schema=None) as batch_op:
        batch_op.create_index("ix_judgement_a", ["source_a", "identifier_a"], unique=False)
        batch_op.create_index("ix_judgement_b", ["source_b", "identifier_b"], unique=False)
        batch_op.create_index("ix_judgement_seq", ["seq"], unique=False)

    op.create_table(
        "raw_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("identifier", WORDS, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("charset", sa.String(length=16), nullable=False),
        sa.Column("datestamp", WORDS, nullable=False),
        sa.Column("sets", WORDS, nullable=False),
        sa.Column("flags", WORDS, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("changed_run", sa.Integer(), nullable=False),
        sa.Column("changed_as", sa.String(length=8), nullable=False),
        sa.Column("seen_run", sa.Integer(), nullable=False),
        sa.Column("refused", sa.String(length=40), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_raw_record_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_record")),
        sa.UniqueConstraint("source_id", "identifier", name=op.f("uq_raw_record_source_id_identifier")),
    )
    with op.batch_alter_table("raw_record", schema=None) as batch_op:
        batch_op.create_index("ix_raw_record_seq", ["seq"], unique=False)

    op.create_table(
        "bib_record",
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("raw_seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["raw_record.id"], name=op.f("fk_bib_record_record_id")),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_bib_record")),
    )
    with op.batch_alter_table("bib_record", schema=None) as batch_op:
        batch_op.create_index("ix_bib_record_seq", ["seq"], unique=False)

    op.create_table(
        "mended_page",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["harvest_run.id"], name=op.f("fk_mended_page_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mended_page")),
    )
    with op.batch_alter_table("mended_page", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mended_page_run_id"), ["run_id"], unique=False)

    op.create_table(
        "rejection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("identifier", WORDS, nullable=False),
        sa.Column("position", WORDS, nullable=False),
        sa.Column("detail", WORDS, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["harvest_run.id"], name=op.f("fk_rejection_run_id")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_rejection_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejection")),
    )
    with op.batch_alter_table("rejection", schema=None) as batch_op:
        batch_op.create_index("ix_rejection_record_id", ["record_id"], unique=False)
        batch_op.create_index("ix_rejection_run_id", ["run_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("rejection", schema=None) as batch_op:
        batch_op.drop_index("ix_rejection_run_id")
        batch_op.drop_index("ix_rejection_record_id")

    op.drop_table("rejection")
    with op.batch_alter_table("mended_page", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mended_page_run_id"))

    op.drop_table("mended_page")
    with op.batch_alter_table("bib_record", schema=None) as batch_op:
        batch_op.drop_index("ix_bib_record_seq")

    op.drop_table("bib_record")
    with op.batch_alter_table("raw_record", schema=None) as batch_op:
        batch_op.drop_index("ix_raw_record_seq")

    op.drop_table("raw_record")
    with op.batch_alter_table("judgement", schema=None) as batch_op:
        batch_op.drop_index("ix_judgement_seq")
        batch_op.drop_index("ix_judgement_b")
        batch_op.drop_index("ix_judgement_a")

    op.drop_table("judgement")
    with op.batch_alter_table("harvest_run", schema=None) as batch_op:
        batch_op.drop_index("ix_harvest_run_source_id")

    op.drop_table("harvest_run")
    op.drop_table("source")
    op.drop_table("watermark")
    with op.batch_alter_table("union_record", schema=None) as batch_op:
        batch_op.drop_index("ix_union_record_seq")

    op.drop_table("union_record")
    with op.batch_alter_table("union_identifier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_union_identifier_key"))

    op.drop_table("union_identifier")
    op.drop_table("sequence")
    with op.batch_alter_table("retired_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_retired_key_record_id"))

    op.drop_table("retired_key")
    op.drop_table("match_split")
    op.drop_table("match_key")
    op.drop_table("library")
    with op.batch_alter_table("cluster_node", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cluster_node_cluster"))

    op.drop_table("cluster_node")
    with op.batch_alter_table("cluster_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cluster_member_node"))

    op.drop_table("cluster_member")
    with op.batch_alter_table("cluster_edge", schema=None) as batch_op:
        batch_op.drop_index("ix_cluster_edge_b")

    op.drop_table("cluster_edge")
    op.drop_table("cluster")
