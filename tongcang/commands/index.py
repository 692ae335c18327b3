"""`tongcang index update|rebuild|rollback|status`."""

from __future__ import annotations

from typing import Annotated

import typer

from indexer.build import IndexCounts
from mappings.model import union_id
from tongcang.commands.harvest import AsJson
from tongcang.night import Told, catalogue
from tongcang.output import messages, print_json, progress_bars
from tongcang.rebuilding import index_status, rebuild_index, roll_back_index
from tongcang.system import System, relax_collector

app = typer.Typer(help="The search index. 检索索引。", no_args_is_help=True)


@app.command()
def update(context: typer.Context, as_json: AsJson = False) -> None:
    """Normalise, cluster and index what has changed, without harvesting. 更新索引。"""
    system: System = context.obj
    seconds: dict[str, float] = {}
    with system.work_lock(), system.workers() as workers, progress_bars(quiet=as_json) as tell:
        counts = catalogue(system, workers, tell=tell, seconds=seconds)
    _report(system, counts, as_json, seconds=seconds)


@app.command()
def rebuild(
    context: typer.Context,
    wait: Annotated[int, typer.Option(min=0, help="Minutes to wait for a night that is going on.")] = 720,
    as_json: AsJson = False,
) -> None:
    """Build a new index beside the live one and switch to it when it agrees with the store. 重建索引。

    Nights may go on meanwhile: what they change reaches both.
    """
    system: System = context.obj
    relax_collector()
    with system.workers() as workers, progress_bars(quiet=as_json) as tell:
        counts = rebuild_index(
            system,
            workers,
            patience=wait * 60.0,
            progress=lambda done: tell(Told("index", "", done)),
            say=lambda text: messages.print(text, markup=False),
        )
    _report(system, counts, as_json)


@app.command()
def rollback(context: typer.Context, as_json: AsJson = False) -> None:
    """Go back to the index before the last switch, brought up to date first. 回退到上一个索引。"""
    system: System = context.obj
    with system.workers() as workers, progress_bars(quiet=as_json) as tell:
        counts = roll_back_index(system, workers, progress=lambda done: tell(Told("index", "", done)))
    _report(system, counts, as_json)


def _report(system: System, counts: IndexCounts, as_json: bool, **more: object) -> None:
    """Exit code 3 where the index would not take some union records."""
    live = system.engine.live()
    if as_json:
        print_json({"counts": counts, "generation": live} | more)
    else:
        messages.print(f"{counts.written} union records written, {counts.deleted} removed; generation {live}.")
    if counts.refused:
        first = counts.refused[0]
        messages.print(
            f"{len(counts.refused)} were refused by the index, first {first.id}: {first.reason} "
            "They are kept in the store. All of them: tongcang index status --json",
            markup=False,
        )
        raise typer.Exit(3)


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """The live generation beside the store, and what it would not take. 索引状态。"""
    found = index_status(context.obj)
    health = found.health
    if as_json:
        print_json({"ok": found.ok, "status": found})
    else:
        messages.print(
            f"generation {health.generation or 'none'}: {health.documents} documents; store: {found.stored}; "
            f"refused: {found.refused_in_all}; changes to come: {found.behind}; "
            f"before it: {found.previous or 'none'}."
        )
        for each in found.refused[:20]:
            messages.print(f"  refused {union_id(each.key)}: {each.reason}", markup=False)
        if found.building:
            messages.print(f"Another generation is being built by {found.building}.", markup=False)
    if not found.ok:
        messages.print(health.message or "Index and store differ. Run: tongcang index update", markup=False)
        raise typer.Exit(1)
