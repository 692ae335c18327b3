"""`tongcang work` and `nights`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from store import tasks
from tongcang.commands.harvest import MOST_SHOWN, AsJson
from tongcang.output import messages, print_json, print_table
from tongcang.queue import NightStatus, cancel_night, night_status
from tongcang.system import System
from tongcang.work import Worker


def work(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="End when no night is open.")] = False,
) -> None:
    """Do the tasks of queued nights until it is stopped; any number on any machines. 夜间作业的工作进程。

    The setting `workers` says how many processes it has; by default one.
    """
    system: System = context.obj
    Worker(system, processes=system.settings.workers or 1, once=once).run()


def nights(
    context: typer.Context,
    cancel: Annotated[bool, typer.Option("--cancel", help="End the night that is open.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST_SHOWN, help="At most so many.")] = 5,
    as_json: AsJson = False,
) -> None:
    """The nights handed to the workers: how far the open one is, and how the last ones ended. 排队的夜间作业。"""
    system: System = context.obj
    if cancel:
        night = cancel_night(system)
        if night is None:
            messages.print("No night is open.")
            raise typer.Exit(1)
        messages.print(f"Night {night.id} was ended. What is done stays; the next night goes on from there.")
    with system.database.read() as unit:
        found = [night_status(unit, night) for night in tasks.last_nights(unit, limit)]
    if as_json:
        print_json(found)
        return
    if not found:
        messages.print("No night was handed to the workers yet. Hand them one: tongcang night --queue")
    zone = system.settings.zone()
    for status in found:
        _print(status, zone)


def _print(status: NightStatus, zone: ZoneInfo) -> None:
    begun = datetime.fromtimestamp(status.begun, zone)
    columns = ("阶段 phase", "等待 waiting", "进行 running", "完成 done", "失败 failed")
    states = ("waiting", "running", "done", "failed")
    rows = [(phase, *(counts.get(state, 0) for state in states)) for phase, counts in status.tasks.items()]
    print_table(f"夜 Night {status.id}, {begun:%Y-%m-%d %H:%M}: {status.state} {status.message}".strip(), columns, rows)
    for each in status.running:
        until = datetime.fromtimestamp(each.until, zone)
        messages.print(f"  {each.phase} {each.id}: {each.owner}, lease until {until:%H:%M:%S}", markup=False)
    for trouble in status.troubles:
        messages.print(f"  {trouble}", markup=False)
