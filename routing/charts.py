"""Charts of the statistics, drawn from the same tables that stand beside them as their text alternative.

`chart_of` gives SVG for a page, or `alone` for a file. Which tables have a chart, and of which form, is data: CHARTS.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from routing.statistics_table import ALL, Column, Table, words
from routing.svg import FONT, Drawing, fitted, text_width


class Form(Struct, frozen=True):
    """How a table is drawn: its first column has the categories, its columns of one kind are the series."""

    shape: str  # columns (upright), bars (lying), shares (lying, stacked to 100 %)
    kind: str = "count"  # of the columns that are its series
    native: str = "column"  # the chart of a workbook that comes nearest


CHARTS = {
    "months": Form("columns"),
    "years": Form("columns"),
    "days": Form("columns"),
    "subjects": Form("bars", native="bar"),
    "materials": Form("bars", native="bar"),
    "languages": Form("bars", native="bar"),
    "outcomes": Form("shares", kind="share", native="bar"),
}

WIDTH = 760.0
LEFT, RIGHT, TOP = 44.0, 16.0, 56.0  # what is outside of the plot
_PLOT_HEIGHT = 240.0
_LABELS = 260.0  # for the categories of lying bars, at most
_SUMS = ("total", "n")


def series_of(table: Table) -> tuple[int, ...]:
    """The columns that a chart of the table shows; () = it has no chart. The first column has its categories."""
    form = CHARTS.get(table.code)
    if form is None:
        return ()
    places = [place for place, column in enumerate(table.columns) if column.kind == form.kind]
    return tuple(place for place in places if place and table.columns[place].code not in _SUMS)


def chart_of(table: Table, language: str, *, alone: bool = False) -> str | None:
    """The table's chart as SVG in Chinese or English; `alone` gives it a paper and an ink of its own. None = a table
    without a chart."""
    series = series_of(table)
    if not series:
        return None
    plan = _Plan(table, language, series)
    return {"columns": _columns, "bars": _bars, "shares": _shares}[CHARTS[table.code].shape](plan, alone)


class _Plan:
    """A chart's words and numbers."""

    def __init__(self, table: Table, language: str, series: Sequence[int]) -> None:
        self.code, self.language = table.code, language
        self.title = table.title.said(language)
        # A series without a single request would only take room.
        rows = [row for row in table.rows if row[0] != ALL or CHARTS[table.code].shape == "shares"]
        used = [place for place in series if any(row[place] for row in rows)] or list(series[:1])
        self.columns: list[Column] = [table.columns[place] for place in used]
        self.names = [column.label.said(language) for column in self.columns]
        self.rows = [
            (table.columns[0].shown(row[0], language), [_number(row[place]) for place in used])
            for row in rows
            if CHARTS[table.code].shape != "shares" or any(row[place] for place in used)
        ]
        self.most = max((value for _, values in self.rows for value in values), default=0.0)

    def said(self, series: int, value: float) -> str:
        return self.columns[series].shown(value if self.columns[series].kind == "share" else int(value), self.language)

    def tip(self, label: str, series: int, value: float) -> str:
        return f"{label} · {self.names[series]}: {self.said(series, value)}"

    def desc(self) -> str:
        """What the chart shows, in a sentence a series; the table beside it has every number."""
        if not self.rows or not self.most:
            return words("charts", "nothing").said(self.language)
        told = []
        for series, name in enumerate(self.names):
            label, values = max(self.rows, key=lambda row: row[1][series])
            colon, stop = ("：", "。") if self.language == "zh" else (": ", ".")
            most = words("charts", "most").said(self.language)
            told.append(f"{name}{colon}{most} {label} {self.said(series, values[series])}{stop}")
        return "".join(told) if self.language == "zh" else " ".join(told)

    def drawing(self, height: float, alone: bool) -> Drawing:
        drawing = Drawing(f"chart-{self.code}", WIDTH, height, self.title, self.desc(), alone=alone)
        drawing.patterns()
        drawing.text(0 if not alone else 8, 18, self.title, size=FONT + 3)
        x = 0.0 if not alone else 8.0
        for series, name in enumerate(self.names):
            drawing.bar(series, x, 30, 14, 10)
            drawing.text(x + 19, 39.5, name)
            x += 19 + text_width(name) + 22
        return drawing


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0


def scale(most: float) -> list[int]:
    """Round numbers from 0 to at least the highest, five or six steps at most."""
    step, factors = 1, (2, 5, 10)
    while most / step > 6:
        step = next(10 ** (len(str(step)) - 1) * factor for factor in factors if _leading(step) < factor)
    return list(range(0, step * max(1, -int(-most // step)) + 1, step))


def _leading(step: int) -> int:
    return int(str(step)[0])


def _columns(plan: _Plan, alone: bool) -> str:
    height = TOP + _PLOT_HEIGHT + 34
    drawing, floor = plan.drawing(height, alone), TOP + _PLOT_HEIGHT
    ticks = scale(plan.most)
    unit = (_PLOT_HEIGHT - 12) / ticks[-1]
    for tick in ticks:
        y = floor - tick * unit
        drawing.line(LEFT, y, WIDTH - RIGHT, y, 1.0 if tick == 0 else 0.2)
        drawing.text(LEFT - 6, y + 4, str(tick), "end")
    slot = (WIDTH - RIGHT - LEFT) / max(1, len(plan.rows))
    every = _label_stride([label for label, _ in plan.rows], slot)
    bar = slot * 0.76 / len(plan.names)
    for place, (label, values) in enumerate(plan.rows):
        x = LEFT + place * slot + slot * 0.12
        for series, value in enumerate(values):
            if value:
                top = floor - value * unit
                drawing.bar(series, x + series * bar, top, bar, value * unit, plan.tip(label, series, value))
                if bar >= 15:
                    drawing.text(x + (series + 0.5) * bar, top - 4, plan.said(series, value), "middle", 10)
        if place % every == 0:
            drawing.text(LEFT + (place + 0.5) * slot, floor + 18, label, "middle")
    return drawing.done()


def _label_stride(labels: Sequence[str], slot: float) -> int:
    """Every how manieth label there is room for."""
    widest = max(map(text_width, labels), default=0.0) + 8
    return max(1, -int(-widest // slot))


def _bars(plan: _Plan, alone: bool) -> str:
    thick, gap = 11.0, 9.0
    group = thick * len(plan.names) + gap
    height = TOP + group * max(1, len(plan.rows)) + 30
    drawing = plan.drawing(height, alone)
    left = _label_room(plan)
    ticks = scale(plan.most)
    unit = (WIDTH - RIGHT - 24 - left) / ticks[-1]
    floor = height - 26
    for tick in ticks:
        x = left + tick * unit
        drawing.line(x, TOP, x, floor, 1.0 if tick == 0 else 0.2)
        drawing.text(x, floor + 16, str(tick), "middle")
    for place, (label, values) in enumerate(plan.rows):
        y = TOP + place * group + gap / 2
        drawing.text(left - 8, y + (group - gap) / 2 + 4, fitted(label, left - 16), "end")
        for series, value in enumerate(values):
            if value:
                top, long = y + series * thick, value * unit
                drawing.bar(series, left, top, long, thick, plan.tip(label, series, value))
                drawing.text(left + long + 4, top + thick - 1.5, plan.said(series, value), size=10)
    return drawing.done()


def _label_room(plan: _Plan) -> float:
    widest = max((text_width(label) for label, _ in plan.rows), default=0.0)
    return min(_LABELS, widest + 18)


def _shares(plan: _Plan, alone: bool) -> str:
    thick, gap = 30.0, 18.0
    height = TOP + (thick + gap) * max(1, len(plan.rows)) + 32
    drawing = plan.drawing(height, alone)
    left = _label_room(plan)
    unit, floor = WIDTH - RIGHT - 20 - left, height - 26
    for percent in range(0, 101, 20):
        x = left + unit * percent / 100
        drawing.line(x, TOP, x, floor, 1.0 if percent == 0 else 0.2)
        drawing.text(x, floor + 16, f"{percent} %", "middle")
    for place, (label, values) in enumerate(plan.rows):
        y, x = TOP + place * (thick + gap) + gap / 2, left
        drawing.text(left - 8, y + thick / 2 + 4, fitted(label, left - 16), "end")
        for series, value in enumerate(values):
            if value:
                drawing.bar(series, x, y, value * unit, thick, plan.tip(label, series, value))
                said = plan.said(series, value)
                # The number stands under its part: on a pattern it could not be read.
                if value * unit >= text_width(said, 10):
                    drawing.text(x + value * unit / 2, y + thick + 11, said, "middle", 10)
            x += value * unit
    return drawing.done()
