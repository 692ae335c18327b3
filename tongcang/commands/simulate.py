"""`tongcang simulate`: which order of asking is best, in a simulated world that gives the study's figures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from routing.simulator.assumptions import Assumed, frame
from routing.simulator.caveats import caveats
from routing.simulator.chart import draw
from routing.simulator.experiment import Report, ScenarioReport, StudyLine, run
from routing.simulator.measures import MEASURES, Interval
from routing.simulator.verdicts import RIVAL, Failure, failures
from routing.simulator.wording import MEASURE_WORDS, POLICY_WORDS, STUDY_WORDS, Words, shown, span
from tongcang.commands.harvest import AsJson
from tongcang.output import data, messages, print_json, print_table
from tongcang.system import System

Names = Annotated[list[str] | None, typer.Option("--scenario", help="Only this one; may be given again.")]

HOLDS = Words(
    "成立：研究的数字可重现；S 不逊于周转时间加排队，且优于研究的做法。",
    "It holds: the study is reproduced; S is not worse than turnaround + queue beyond noise, and beats guessing.",
)


def simulate(
    context: typer.Context,
    scenario: Names = None,
    seeds: Annotated[int, typer.Option(help="Worlds per scenario, at least 2; 0 = as many as the scenario says.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the random numbers: the same seed gives the same report.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Small and rough, in seconds.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write the chart there.", dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Compare policies of routing in simulated worlds, calibrated by the study. 模拟比较各种派送策略。

    Exit code 1 where something that is claimed of S, or of the calibration, does not hold.
    """
    system: System = context.obj
    names = _names(scenario)
    if svg and not os.access(svg if svg.exists() else svg.parent, os.W_OK):
        # Said first: it must not be found out after minutes of work.
        raise typer.BadParameter(f"{svg} can't be written. Name a folder that is there.", param_hint="--svg")
    if seeds == 1 or seeds < 0:
        raise typer.BadParameter("One world has no interval; take at least 2.", param_hint="--seeds")
    with system.workers() as executor, Progress(console=messages, disable=as_json, transient=True) as progress:
        task = progress.add_task("模拟 simulating")
        report = run(
            names,
            seed,
            seeds,
            quick,
            executor.map if executor else map,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    broken = failures(report)
    if svg:
        svg.write_text(draw(report), encoding="utf-8")
    if as_json:
        print_json({"report": report, "caveats": caveats(report), "failures": broken})
    else:
        _print(report)
    _judge(broken)


def _names(wanted: list[str] | None) -> list[str]:
    known = list(frame().scenarios)
    unknown = [name for name in wanted or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"There is no {unknown[0]!r}. There are: {', '.join(known)}", param_hint="--scenario")
    return [name for name in known if not wanted or name in wanted]


def _print(report: Report) -> None:
    _print_study(report.study)
    for scenario in report.scenarios:
        _print_scenario(scenario)
    _print_assumptions(report.assumed)
    data.print("\n须知 What must be known", style="bold")
    for number, words in enumerate(caveats(report), 1):
        data.print(f"{number}. {words.zh}\n   {words.en}", markup=False, soft_wrap=True)


def _print_study(lines: tuple[StudyLine, ...]) -> None:
    columns = (
        "方向 direction",
        "",
        "研究 study",
        "95% 区间 interval",
        "模拟 simulated",
        "同样本量 95% of samples",
        "相符 fits",
    )
    rows = []
    for line in lines:
        given = line.study_interval
        between = _between(line.figure, given) if given else "—"
        rows.append((line.way, STUDY_WORDS[line.figure].both, shown(line.figure, line.study), between,
                     shown(line.figure, line.simulated.mean), _between(line.figure, line.simulated),
                     "✓" if line.fits else "✗"))  # fmt: skip
    print_table("研究与模拟 The study against its guessing, simulated", columns, rows)


def _between(figure: str, interval: Interval) -> str:
    return f"{shown(figure, interval.low)} – {shown(figure, interval.high)}"


def _print_scenario(scenario: ScenarioReport) -> None:
    """Each figure with half the width of its interval; below it, S against its rivals, seed by seed."""
    columns = ("策略 policy", *(MEASURE_WORDS[name].both for name in MEASURES))
    rows = [
        (POLICY_WORDS[row.policy].both, *(_with_margin(name, row.measures[name]) for name in MEASURES))
        for row in scenario.rows
    ]
    requests = f"{scenario.requests:.0f} requests × {scenario.seeds} seeds"
    print_table(f"{scenario.zh} {scenario.en} ({scenario.name}; {requests})", columns, rows)
    for policy in (RIVAL, "study"):
        differences = scenario.against[policy]
        told = "   ".join(
            f"{MEASURE_WORDS[name].both} {span(name, differences[name])}" for name in ("fill", "days14", "within3")
        )
        data.print(f"  S − {POLICY_WORDS[policy].both}: {told}", markup=False, soft_wrap=True)


def _with_margin(figure: str, interval: Interval) -> str:
    half = (interval.high - interval.low) / 2
    return f"{shown(figure, interval.mean)} ±{shown(figure, half).removesuffix(' %')}"


def _print_assumptions(assumed: dict[str, Assumed]) -> None:
    rows = [
        (name, f"{each.value:g}", "调整 fitted" if each.fitted else "假设 assumed", f"{each.zh}\n{each.en}")
        for name, each in assumed.items()
    ]
    print_table("假设 Assumptions", ("名称 name", "值 value", "来由 basis", "含义 meaning"), rows)


def _judge(broken: tuple[Failure, ...]) -> None:
    if not broken:
        messages.print(HOLDS.both)
        return
    for failure in broken:
        messages.print(f"{failure.words.zh} {failure.words.en}", style="bold red", markup=False, soft_wrap=True)
    raise typer.Exit(1)
