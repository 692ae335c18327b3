"""What must hold of the figures, checked by the program itself; whatever does not is told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from routing.simulator.experiment import Report, ScenarioReport
from routing.simulator.measures import BETTER, Interval
from routing.simulator.wording import MEASURE_WORDS, POLICY_WORDS, STUDY_WORDS, Words, shown, span

RIVAL = "turnaround_queue"


class Failure(Struct, frozen=True):
    """A claim that doesn't hold."""

    claim: str  # study, rival, guessing
    words: Words


def failures(report: Report) -> tuple[Failure, ...]:
    """() = everything that is claimed holds."""
    found = [*_of_the_study(report)]
    for scenario in report.scenarios:
        found += [*_against_rival(scenario), *_against_guessing(scenario)]
    return tuple(found)


def _of_the_study(report: Report) -> Iterator[Failure]:
    for line in report.study:
        if not line.fits:
            name, given, drawn = STUDY_WORDS[line.figure], shown(line.figure, line.study), line.simulated
            within = f"{shown(line.figure, drawn.low)}–{shown(line.figure, drawn.high)}"
            yield Failure("study", Words(
                f"模拟未能重现该研究：{line.way} {name.zh}，研究为 {given}，模拟为 {within}。",
                f"The study is not reproduced: {line.way} {name.en}, study {given}, simulated {within}.",
            ))  # fmt: skip


def _against_rival(scenario: ScenarioReport) -> Iterator[Failure]:
    """Worse beyond noise: the whole interval of the paired difference lies on the worse side."""
    for name, sign in BETTER.items():
        difference = scenario.against[RIVAL][name]
        if max(sign * difference.low, sign * difference.high) < 0:
            yield _told("rival", scenario, RIVAL, name, difference, "S 差于", "S is worse than")


def _against_guessing(scenario: ScenarioReport) -> Iterator[Failure]:
    """Better beyond noise: the whole interval lies on the better side."""
    for name in ("fill", "days14"):
        difference = scenario.against["study"][name]
        if min(BETTER[name] * difference.low, BETTER[name] * difference.high) <= 0:
            yield _told("guessing", scenario, "study", name, difference, "未证实 S 优于", "S is not shown to beat")


def _told(
    claim: str, scenario: ScenarioReport, other: str, measure: str, difference: Interval, zh: str, en: str
) -> Failure:
    rival, figure = POLICY_WORDS[other], MEASURE_WORDS[measure]
    apart = span(measure, difference)
    return Failure(claim, Words(
        f"{scenario.zh}：{zh}“{rival.zh}”，{figure.zh}之差 {apart}。",
        f"{scenario.en}: {en} {rival.en} on {figure.en}, difference {apart}.",
    ))  # fmt: skip
