"""`tongcang store hash`."""

from __future__ import annotations

import sys

import typer

from indexer.build import state_hash
from tongcang.commands.harvest import AsJson
from tongcang.output import print_json
from tongcang.system import System

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
