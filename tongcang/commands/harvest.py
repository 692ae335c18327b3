"""`tongcang harvest`, `night`, `rejects` and `schedule`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvester.rejections import text_of
from store import harvests, libraries
from tongcang.night import Receipt, active_sources, named_night, run_night
from tongcang.output import messages, print_json, print_receipt, print_table, progress_bars
from tongcang.queue import await_night, queue_night
from tongcang.system import System

EXIT = {"complete": 0, "failed": 1, "partial": 3, "braked": 4}

Names = Annotated[list[str] | None, typer.Argument(help="Libraries or sources (RUC, RUC/oai); none = all.")]
Queue = Annotated[
    bool | None, typer.Option("--queue/--direct", help="Hand it to `tongcang work` processes, or do it here.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="With --queue: until the night has ended.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]

MOST_SHOWN = 1_000_000
"""Rows of a list: a greater number is none to a database."""


def harvest(
    context: typer.Context,
    names: Names = None,
    accept_deletions: Annotated[bool, typer.Option(help="Lift the mass-deletion brake for this run.")] = False,
    queue: Queue = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Harvest libraries and bring catalogue and index up to date. 采集并更新目录。"""
    system: System = context.obj
    try:
        sources = active_sources(system, names or ())
    except LookupError as error:
        messages.print(
            f"There is no library or source named {error.args[0]!r}. See: tongcang library list", markup=False
        )
        raise typer.Exit(1) from None
    if not sources:
        messages.print("There is no source to harvest yet. Add one: tongcang library add --help")
        raise typer.Exit(1)
    if queue if queue is not None else system.settings.queue:
        night_id = queue_night(system, sources, accept_deletions=accept_deletions)
        messages.print(f"Night {night_id} was handed to the workers. How far it is: tongcang nights")
        if not wait:
            return
        try:
            with progress_bars(quiet=as_json) as tell:
                receipt = await_night(system, night_id, tell=tell)
        except KeyboardInterrupt:
            messages.print("The workers go on without you. How far they are: tongcang nights")
            raise typer.Exit(130) from None
    else:
        with named_night(), progress_bars(quiet=as_json) as tell:
            receipt = run_night(system, sources, accept_deletions=accept_deletions, tell=tell)
    show(receipt, as_json)
    raise typer.Exit(EXIT[receipt.state])


def night(context: typer.Context, queue: Queue = None, wait: Wait = True, as_json: AsJson = False) -> None:
    """The whole night: every active source, then catalogue and index. 夜间作业。"""
    harvest(context, None, False, queue, wait, as_json)


def show(receipt: Receipt, as_json: bool) -> None:
    if as_json:
        print_json(receipt)
    else:
        print_receipt(receipt)


def rejects(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A source, such as RUC/oai.")],
    limit: Annotated[int, typer.Option(min=1, max=MOST_SHOWN, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What the last run of a source rejected, why, and how to mend it. 拒收清单。"""
    system: System = context.obj
    with system.database.read() as unit:
        source = libraries.get_source(unit, name)
        runs = harvests.last_runs(unit, source.id, 1) if source else []
        found = harvests.rejections(unit, runs[0].id, limit) if runs else []
    if source is None:
        messages.print(f"There is no source named {name!r}. See: tongcang library list", markup=False)
        raise typer.Exit(1)
    if as_json:
        print_json([{"text": text_of(row.code), "row": row} for row in found])
        return
    rows = []
    for row in found:
        text = text_of(row.code)
        rows.append((row.code, row.identifier, row.position, f"{text.zh} {text.en}", row.detail, text.fix))
    print_table(f"{name}: {len(rows)}", ("code", "identifier", "position", "原因 reason", "detail", "fix"), rows)


def schedule(context: typer.Context) -> None:
    """Run the night every day at the set hour, until it is stopped. 定时夜间作业。"""
    from tongcang.scheduler import run_scheduler

    run_scheduler(context.obj)
