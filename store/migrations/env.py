"""Alembic's entry: it is always handed a connection by Database.migrate, and knows the tables of every subject file."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from alembic import context

import store
from store.database import metadata

for module in iter_modules(store.__path__, "store."):
    import_module(module.name)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
