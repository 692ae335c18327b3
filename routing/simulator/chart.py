"""The policies as a picture: for each scenario and measure a dot for the mean over seeds, on a bar for its interval."""

from __future__ import annotations

from routing.simulator.experiment import POLICIES, Report, ScenarioReport
from routing.simulator.measures import Interval
from routing.simulator.wording import MEASURE_WORDS, POLICY_WORDS, shown
from routing.svg import SHEET, Drawing

COLUMNS = (("days14", 14.0, 2.0), ("fill", 1.0, 0.25), ("within3", 1.0, 0.25))
"""Measure, end of its axis, step of the grid."""

WIDTH, LABELS, GAP, MARGIN = 960.0, 204.0, 46.0, 16.0
LINE, HEAD, FOOT = 19.0, 34.0, 30.0  # of a scenario's block: a policy, what is above, what is below
TOP = 92.0
_COLUMN = (WIDTH - 2 * MARGIN - LABELS - GAP * (len(COLUMNS) - 1)) / len(COLUMNS)
_SMALL, _LARGE = 11, 16


def draw(report: Report) -> str:
    """One SVG file, on a white sheet of its own."""
    block = HEAD + LINE * len(POLICIES) + FOOT
    drawing = Drawing(
        "simulator",
        WIDTH,
        TOP + block * len(report.scenarios),
        "各策略的模拟结果 Policies of routing, simulated",
        _description(report),
        alone=True,
    )
    drawing.text(MARGIN, 28, "各策略的模拟结果 Policies of routing, simulated", size=_LARGE)
    drawing.text(
        MARGIN, 48, "点：各种子的均值；横线：95% 区间。Dot: mean over seeds; bar: its 95 % interval.", size=_SMALL
    )
    for number, (measure, _, _) in enumerate(COLUMNS):
        words = MEASURE_WORDS[measure]
        better = "←" if measure == "days14" else "→"
        drawing.text(_left(number), TOP - 14, f"{words.both}（{better} 更好 better）")
    for number, scenario in enumerate(report.scenarios):
        _scenario(drawing, scenario, TOP + block * number)
    return drawing.done()


def _description(report: Report) -> str:
    """What the picture shows, for those who don't see it."""
    told = []
    for scenario in report.scenarios:
        ours, rival, study = (scenario.row(policy).measures for policy in ("S", "turnaround_queue", "study"))
        figures = ", ".join(
            f"{MEASURE_WORDS[name].en} {shown(name, ours[name].mean)} / {shown(name, rival[name].mean)} / "
            f"{shown(name, study[name].mean)}"
            for name, _, _ in COLUMNS
        )
        told.append(f"{scenario.zh} {scenario.en}: {figures}")
    return "S / 周转时间+排队 turnaround + queue / 研究所见 the study's guessing. " + "; ".join(told) + "."


def _left(column: int) -> float:
    return MARGIN + LABELS + column * (_COLUMN + GAP)


def _scenario(drawing: Drawing, scenario: ScenarioReport, top: float) -> None:
    drawing.add("text", f"{scenario.zh}  {scenario.en}", x=MARGIN, y=top + 20, font_weight="bold")
    floor = top + HEAD + LINE * len(POLICIES)
    for number, (_, end, step) in enumerate(COLUMNS):
        left, at = _left(number), 0.0
        while at <= end + 1e-9:
            x = left + _COLUMN * at / end
            drawing.line(x, top + HEAD, x, floor, opacity=0.18)
            drawing.text(x, floor + 14, f"{at:g}" if end > 1 else f"{at:.0%}", "middle", _SMALL)
            at += step
    for number, row in enumerate(scenario.rows):
        y = top + HEAD + LINE * (number + 0.5)
        weight = "bold" if row.policy == "S" else "normal"
        label, edge = POLICY_WORDS[row.policy].both, MARGIN + LABELS - 10
        drawing.add("text", label, x=edge, y=y + 4, text_anchor="end", font_size=_SMALL, font_weight=weight)
        for column, (measure, end, _) in enumerate(COLUMNS):
            tip = f"{label}: {MEASURE_WORDS[measure].both} {_told(measure, row.measures[measure])}"
            _mark(drawing, row.policy, row.measures[measure], _left(column), end, y, tip)


def _told(measure: str, interval: Interval) -> str:
    return f"{shown(measure, interval.mean)} ({shown(measure, interval.low)} – {shown(measure, interval.high)})"


def _mark(drawing: Drawing, policy: str, interval: Interval, left: float, end: float, y: float, tip: str) -> None:
    """S is a diamond, the oracle an empty ring, everybody else a dot."""
    low, x, high = (
        left + _COLUMN * min(max(at, 0.0), end) / end for at in (interval.low, interval.mean, interval.high)
    )
    drawing.add("line", x1=low, y1=y, x2=high, y2=y, stroke="currentColor", stroke_width=3, stroke_opacity=0.35)
    if policy == "S":
        drawing.add("path", tip=tip, d=f"M{x:.1f} {y - 6.5:.1f}l6.5 6.5l-6.5 6.5l-6.5 -6.5z")
    else:
        fill = SHEET if policy == "oracle" else "currentColor"
        drawing.add("circle", tip=tip, cx=x, cy=y, r=3.6, fill=fill, stroke="currentColor", stroke_width=1.4)
