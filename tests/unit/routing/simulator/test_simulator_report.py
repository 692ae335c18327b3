"""The whole report at small size: what must hold does, the same whatever the number of processes; and what would be
told where it did not."""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec
import pytest
from lxml import etree
from msgspec.structs import replace

from routing.simulator.assumptions import frame
from routing.simulator.caveats import caveats
from routing.simulator.chart import COLUMNS, draw
from routing.simulator.experiment import POLICIES, Report, Row, ScenarioReport, StudyLine, run
from routing.simulator.measures import MEASURES, Interval
from routing.simulator.verdicts import failures

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def report() -> Report:
    return run(["volume", "cold", "thin"], seed=1, quick=True)


def test_the_study_is_reproduced(report: Report) -> None:
    figures = [(line.way, line.figure) for line in report.study]
    assert figures == [
        ("CL→BALIS", "filled"), ("CL→BALIS", "refused"), ("CL→BALIS", "forwarded"), ("CL→BALIS", "days"),
        ("CL→BALIS", "final"), ("CL→BALIS", "top_two"),
        ("BALIS→CL", "filled"), ("BALIS→CL", "refused"), ("BALIS→CL", "forwarded"), ("BALIS→CL", "days"),
        ("BALIS→CL", "final"),
    ]  # fmt: skip
    for line in report.study:
        assert line.fits, line
    top_two = next(line for line in report.study if line.figure == "top_two")
    assert top_two.simulated.mean > 0.8


def test_s_holds_against_its_rivals_in_every_scenario(report: Report) -> None:
    """The claims themselves, beside the program's own verdict on them."""
    assert failures(report) == ()
    for scenario in report.scenarios:
        rival, study = scenario.against["turnaround_queue"], scenario.against["study"]
        assert rival["days14"].low <= 0
        assert rival["fill"].high >= 0
        assert rival["within3"].high >= 0
        assert study["fill"].low > 0
        assert study["days14"].high < 0
        oracle = scenario.row("oracle").measures["days14"].mean
        assert all(row.measures["days14"].mean >= oracle for row in scenario.rows)


def test_every_policy_has_every_figure_in_both_directions(report: Report) -> None:
    for scenario in report.scenarios:
        assert [row.policy for row in scenario.rows] == list(POLICIES)
        for row in scenario.rows:
            assert set(row.by_way) == {"CL→BALIS", "BALIS→CL"}
            for measures in (row.measures, *row.by_way.values()):
                assert tuple(measures) == MEASURES
                assert all(interval.low <= interval.mean <= interval.high for interval in measures.values())
    assert report.scenarios[0].requests > report.scenarios[1].requests


def test_processes_make_no_difference() -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        apart = run(["thin"], seed=3, seeds=2, quick=True, mapper=executor.map)
    here = run(["thin"], seed=3, seeds=2, quick=True)
    assert msgspec.json.encode(apart) == msgspec.json.encode(here)
    other = run(["thin"], seed=4, seeds=2, quick=True)
    assert other.scenarios != here.scenarios


def with_difference(scenario: ScenarioReport, other: str, measure: str, low: float, high: float) -> ScenarioReport:
    changed = scenario.against[other] | {measure: Interval((low + high) / 2, low, high)}
    return replace(scenario, against=scenario.against | {other: changed})


@pytest.mark.parametrize(
    ("other", "measure", "low", "high", "claim"),
    [
        ("turnaround_queue", "days14", 0.1, 0.3, "rival"),
        ("turnaround_queue", "days14", -0.1, 0.3, ""),
        ("turnaround_queue", "fill", -0.03, -0.01, "rival"),
        ("turnaround_queue", "within3", -0.03, -0.01, "rival"),
        ("turnaround_queue", "within3", -0.03, 0.01, ""),
        ("study", "fill", -0.01, 0.3, "guessing"),
        ("study", "days14", -3.0, 0.1, "guessing"),
        ("study", "days14", -3.0, -0.1, ""),
    ],
)
def test_what_does_not_hold_is_told(
    report: Report, other: str, measure: str, low: float, high: float, claim: str
) -> None:
    worse = replace(report, scenarios=(with_difference(report.scenarios[0], other, measure, low, high),))
    found = failures(worse)
    assert [failure.claim for failure in found] == ([claim] if claim else [])
    for failure in found:
        assert report.scenarios[0].zh in failure.words.zh
        assert report.scenarios[0].en in failure.words.en


def test_a_study_that_is_not_reproduced_is_told(report: Report) -> None:
    line = StudyLine("BALIS→CL", "days", 7.29, None, Interval(4.0, 3.5, 4.6), False)
    [failure] = failures(replace(report, study=(line,)))
    assert (
        failure.words.en == "The study is not reproduced: BALIS→CL mean days, filled, study 7.29, simulated 3.50–4.60."
    )
    assert "满足者平均天数" in failure.words.zh


def test_caveats_are_told_in_both_languages(report: Report) -> None:
    told = caveats(report)
    assert len(told) >= 10
    for words in told:
        assert "{" not in words.zh + words.en
        assert any("\u4e00" <= character <= "\u9fff" for character in words.zh)
    english = "\n".join(words.en for words in told)
    assert f"all {len(report.assumed)} numbers are assumed" in english
    assert "10% of the titles are held nowhere" in english


@pytest.mark.parametrize(("high", "said"), [(0.2, "tie"), (-0.2, "differ")])
def test_a_tie_at_the_cold_start_is_called_one(report: Report, high: float, said: str) -> None:
    cold = next(scenario for scenario in report.scenarios if scenario.name == "cold")
    made = replace(report, scenarios=(with_difference(cold, "turnaround", "days14", -0.6, high),))
    [sentence] = [words.en for words in caveats(made) if "S and turnaround" in words.en]
    assert said in sentence


def test_a_worse_mean_of_the_filled_is_shown_where_more_were(report: Report) -> None:
    scenario = report.scenarios[0]

    def row(policy: str, fill: float, days: float) -> Row:
        old = scenario.row(policy)
        new = {"fill": Interval(fill, fill, fill), "filled_days": Interval(days, days, days)}
        return Row(policy, old.measures | new, old.by_way)

    others = tuple(each for each in scenario.rows if each.policy not in ("S", "study"))
    for theirs, expected in ((4.35, 1), (5.0, 0)):
        changed = replace(scenario, rows=(*others, row("S", 0.9, 4.42), row("study", 0.74, theirs)))
        told = [
            words for words in caveats(replace(report, scenarios=(changed,))) if words.en.startswith("So it is here")
        ]
        assert len(told) == expected
        if expected:
            assert "S 4.42 days and guessing 4.35" in told[0].en


def test_the_chart_is_accessible_and_whole(report: Report) -> None:
    root = etree.fromstring(draw(report).encode())
    assert root.get("role") == "img"
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert "各策略" in title.text
    for scenario in report.scenarios:
        assert scenario.zh in desc.text
        assert scenario.en in desc.text
    assert not list(root.iter(f"{SVG}script", f"{SVG}style"))
    marks = [each for each in root.iter(f"{SVG}circle", f"{SVG}path") if each.find(f"{SVG}title") is not None]
    assert len(marks) == len(POLICIES) * len(COLUMNS) * len(report.scenarios)
    width, height = (float(root.get(name)) for name in ("width", "height"))
    for each in root.iter(f"{SVG}circle"):
        assert 0 < float(each.get("cx")) < width
        assert 0 < float(each.get("cy")) < height


def test_the_guide_tells_every_policy_and_scenario() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "simulator.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [*POLICIES, *frame().scenarios]
