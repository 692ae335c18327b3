"""`tongcang store hash|migrate|copy|backup|restore`."""

from __future__ import annotations

import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from indexer.state import state_hash, store_hash
from store import backup as backups
from store.copying import copy_state
from store.database import Database, StoreError
from tongcang.commands.harvest import AsJson
from tongcang.output import messages, print_json, print_table
from tongcang.system import System
from tongcang.work_lock import file_lock

app = typer.Typer(help="The state database. 状态数据库。", no_args_is_help=True)


@app.command("hash")
def hash_(context: typer.Context, as_json: AsJson = False) -> None:
    """One hash over everything that store and index hold: equal states have equal hashes. 状态校验值。"""
    system: System = context.obj
    value = state_hash(system.database, system.engine)
    if as_json:
        print_json({"hash": value})
    else:
        sys.stdout.write(value + "\n")


@app.command()
def migrate(context: typer.Context, as_json: AsJson = False) -> None:
    """Bring the schema to this version's, as every command does when it starts. 升级数据库结构。"""
    system: System = context.obj
    revision = system.database.revision()
    if as_json:
        print_json({"revision": revision})
    else:
        sys.stdout.write(f"schema {revision}\n")


@app.command()
def copy(
    context: typer.Context,
    to: Annotated[str, typer.Argument(help="Address of an empty database, such as postgresql://user@host:5432/name.")],
    as_json: AsJson = False,
) -> None:
    """Copy the whole state into another database: from SQLite to PostgreSQL, or back. 复制全部状态到另一数据库。"""
    system: System = context.obj
    target = Database(to)
    if target.has_password:
        raise StoreError(
            "Leave the password out of the address: others would see it in the list of processes. "
            "Give it in PGPASSWORD or in the file ~/.pgpass."
        )
    with closing(target), system.work_lock():
        before = store_hash(system.database)
        counts = copy_state(
            system.database, target, lambda table, rows: messages.print(f"{table}: {rows}", markup=False)
        )
        after = store_hash(target)
    if before != after:
        raise StoreError(f"The copy in {target.place} has another hash ({after}) than the state ({before}). Drop it.")
    if as_json:
        print_json({"hash": after, "rows": counts})
        return
    print_table(f"状态 state {after}", ("表 table", "行 rows"), list(counts.items()))
    told = f"From now on set TONGCANG_DATABASE={to} on every machine."
    if not target.is_sqlite:
        told += " A password may stand in it, in PGPASSWORD or in ~/.pgpass."
    messages.print(told, markup=False, soft_wrap=True)


@app.command()
def backup(context: typer.Context, path: Annotated[Path, typer.Argument(help="A file that is not there yet.")]) -> None:
    """Write the whole state into one file, also while a night is at work. 备份状态。"""
    system: System = context.obj
    _refuse_postgres(system, path, 0)
    size = backups.back_up(system.database, path)
    sys.stdout.write(f"{path}: {size:,} bytes\n")


@app.command()
def restore(context: typer.Context, path: Annotated[Path, typer.Argument(help="What store backup wrote.")]) -> None:
    """Put a backup in the place of the state; the old one stays beside it. 恢复状态。"""
    system: System = context.obj
    _refuse_postgres(system, path, 1)
    with file_lock(system.settings.folder):
        kept = backups.restore(path, backups.file_of(Database(system.settings.database_url).url))
    if kept is not None:
        messages.print(f"The state before is in {kept}.", markup=False)
    messages.print("The index is of another time than the state now. Run: tongcang index rebuild")


def _refuse_postgres(system: System, path: Path, which: int) -> None:
    opened = Database(system.settings.database_url)
    if not opened.is_sqlite:
        command = shlex.join(backups.postgres_commands(opened.url, path)[which])
        raise StoreError(
            f"PostgreSQL is backed up and restored by its own tools. Run: {command}\n"
            "The password is asked for, or taken from PGPASSWORD or ~/.pgpass."
        )
