"""Alembic's entry: it is always handed a connection by Database.migrate, and knows the tables of every subject file."""

from __future__ import annotations

from alembic import context

from store.database import all_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=all_tables(),
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
