"""`tongcang index update|rebuild|status`."""

from __future__ import annotations

import typer

from store import unions
from tongcang.commands.harvest import AsJson
from tongcang.night import catalogue
from tongcang.output import messages, print_json, progress_bars
from tongcang.system import System

app = typer.Typer(help="The search index. 检索索引。", no_args_is_help=True)


@app.command()
def update(context: typer.Context, as_json: AsJson = False) -> None:
    """Normalise, cluster and index what has changed, without harvesting. 更新索引。"""
    _run(context.obj, rebuild=False, as_json=as_json)


@app.command()
def rebuild(context: typer.Context, as_json: AsJson = False) -> None:
    """Build a new index beside the live one and switch to it when it agrees with the store. 重建索引。"""
    _run(context.obj, rebuild=True, as_json=as_json)


def _run(system: System, *, rebuild: bool, as_json: bool) -> None:
    seconds: dict[str, float] = {}
    with system.work_lock(), system.workers() as workers, progress_bars(quiet=as_json) as tell:
        counts = catalogue(system, workers, tell=tell, seconds=seconds, rebuild=rebuild)
    if as_json:
        print_json({"counts": counts, "generation": system.engine.live(), "seconds": seconds})
    else:
        messages.print(
            f"{counts.written} union records written, {counts.deleted} removed; generation {system.engine.live()}."
        )
    if counts.refused:
        messages.print(f"{len(counts.refused)} were refused by the index, first {counts.refused[0]}", markup=False)
        raise typer.Exit(3)


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """The live generation beside the store. 索引状态。"""
    system: System = context.obj
    health = system.engine.health()
    with system.database.read() as unit:
        stored = unions.count_unions(unit)
    if as_json:
        print_json({"health": health, "stored": stored, "generations": system.engine.generations()})
    else:
        messages.print(f"generation {health.generation or 'none'}: {health.documents} documents; store: {stored}.")
    if not health.ok or health.documents != stored:
        messages.print(health.message or "Index and store differ. Run: tongcang index update")
        raise typer.Exit(1)
