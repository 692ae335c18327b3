"""What must be known beside the figures, in Chinese and English. Numbers in the sentences are those of the report."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from routing.simulator.experiment import Report, ScenarioReport
from routing.simulator.wording import Words, shown, span


@cache
def _sentences() -> dict[str, Words]:
    return msgspec.yaml.decode(Path(__file__).with_name("caveats.yaml").read_bytes(), type=dict[str, Words])


def caveats(report: Report) -> tuple[Words, ...]:
    return (*_of_the_world(report), *_of_the_figures(report))


def _told(name: str, scenario: ScenarioReport | None = None, **values: object) -> Words:
    words = _sentences()[name]
    zh, en = (scenario.zh, scenario.en) if scenario else ("", "")
    return Words(words.zh.format(scenario=zh, **values), words.en.format(scenario=en, **values))


def _of_the_world(report: Report) -> Iterator[Words]:
    fitted, nowhere = sum(each.fitted for each in report.assumed.values()), report.assumed["nowhere"].value
    yield _told("assumed", count=len(report.assumed), fitted=fitted)
    yield _told("ceiling", ceiling=f"{1 - nowhere:.0%}", nowhere=f"{nowhere:.0%}")
    for name in ("days", "closed", "simplified", "optimal"):
        yield _told(name)


def _of_the_figures(report: Report) -> Iterator[Words]:
    costs = [scenario.against["S_plain"]["days14"].mean for scenario in report.scenarios]
    yield _told("margins", least=f"{min(costs):+.2f}", most=f"{max(costs):+.2f}")
    yield _told("filled_only")
    for scenario in report.scenarios:
        yield from _worse_mean(scenario)
    for scenario in report.scenarios:
        if scenario.name == "cold":
            yield _cold(scenario)
            yield from _asking_on(scenario)
        if scenario.name == "bare":
            yield _bare(scenario)


def _worse_mean(scenario: ScenarioReport) -> Iterator[Words]:
    """Where S fills more and its mean of the filled alone is worse all the same."""
    ours, theirs = scenario.row("S").measures, scenario.row("study").measures
    if ours["filled_days"].mean > theirs["filled_days"].mean and ours["fill"].mean > theirs["fill"].mean:
        yield _told(
            "filled_only_seen",
            scenario,
            ours=shown("filled_days", ours["filled_days"].mean),
            theirs=shown("filled_days", theirs["filled_days"].mean),
            our_fill=shown("fill", ours["fill"].mean),
            their_fill=shown("fill", theirs["fill"].mean),
        )


def _cold(scenario: ScenarioReport) -> Words:
    difference = scenario.against["turnaround"]["days14"]
    name = "cold_tie" if difference.low <= 0 <= difference.high else "cold_apart"
    return _told(name, scenario, span=span("days14", difference))


def _bare(scenario: ScenarioReport) -> Words:
    """What experience alone gives, and what the margins leave of it."""
    ours, plain = (scenario.row(policy).measures["days14"].mean for policy in ("S", "S_plain"))
    rival = scenario.row("turnaround_queue").measures["days14"].mean
    return _told("bare", scenario, ours=f"{ours - rival:+.2f}", plain=f"{plain - rival:+.2f}")


def _asking_on(scenario: ScenarioReport) -> Iterator[Words]:
    """How much of the gain needs no score at all."""
    days = {policy: scenario.row(policy).measures["days14"].mean for policy in ("study", "random", "S")}
    whole, blind = days["study"] - days["S"], days["study"] - days["random"]
    if whole > 0:
        yield _told("asking_on", scenario, whole=f"{whole:.1f}", blind=f"{blind:.1f}")
