"""Charts: well-formed, allowed by the pages' Content-Security-Policy, true to their table, and readable without it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec import structs
from request_histories import LIBRARIES, SIDES, START, many_requests
from test_statistics import SCOPE, two_sides

from mappings.requests import Event
from routing.charts import CHARTS, WIDTH, chart_of, scale, series_of
from routing.outcomes import outcomes_of
from routing.report import page
from routing.statistics import TABLES, tables
from routing.statistics_table import ALL, Label, Table
from routing.statistics_view import view_of
from routing.svg import fitted, text_width

SVG = "{http://www.w3.org/2000/svg}"
AS_OF = START + timedelta(days=365)


def drawn(code: str, events: list[Event], language: str = "zh", **more: Any) -> tuple[Table, etree._Element]:
    table = TABLES[code](view_of(outcomes_of(events, SIDES), LIBRARIES, SCOPE, AS_OF))
    chart = chart_of(table, language, **more)
    assert chart is not None
    return table, etree.fromstring(chart.encode())


def bars(root: etree._Element) -> list[etree._Element]:
    """Those of the plot: each tells its number when it is pointed at; those of the legend don't."""
    return [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]


def texts(root: etree._Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("code", CHARTS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_page_may_have_it_and_those_who_cannot_see_it_are_told(code: str, language: str) -> None:
    _, root = drawn(code, two_sides(), language)
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and desc is not None and title.text and desc.text
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    for element in root.iter():
        assert element.tag not in (f"{SVG}script", f"{SVG}style", f"{SVG}foreignObject", f"{SVG}image")
        for name, value in element.attrib.items():
            assert name != "style" and not name.startswith("on") and "href" not in name
            assert not re.search(r"#[0-9a-f]{3,8}\b|rgb", str(value)), "ink and paper are the page's"


def test_ids_are_those_of_the_chart_so_that_many_fit_on_a_page() -> None:
    ids = [element.get("id") for code in CHARTS for element in drawn(code, two_sides())[1].iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for code in CHARTS:
        _, root = drawn(code, two_sides())
        own = {element.get("id") for element in root.iter()}
        used = {match for rect in root.iter() for match in re.findall(r"url\(#(.+?)\)", rect.get("fill", ""))}
        assert used <= own, "every pattern that is used is there"


def test_a_bar_is_as_long_as_its_number() -> None:
    table, root = drawn("months", two_sides())
    plot = bars(root)
    numbers = [cell for row in table.rows for cell in (row[place] for place in series_of(table)) if cell]
    assert len(plot) == len(numbers)
    units = {float(bar.get("height", "")) / int(number) for bar, number in zip(plot, numbers, strict=True)}
    assert max(units) == pytest.approx(min(units), rel=0.01)
    floors = {float(bar.get("y", "")) + float(bar.get("height", "")) for bar in plot}
    assert max(floors) == pytest.approx(min(floors), abs=0.02)


def test_shares_fill_the_whole_width_and_say_their_numbers() -> None:
    table, root = drawn("outcomes", two_sides(), "en")
    by_row: dict[str, float] = {}
    for bar in bars(root):
        by_row[bar.get("y", "")] = by_row.get(bar.get("y", ""), 0.0) + float(bar.get("width", ""))
    assert len(by_row) == len([row for row in table.rows if row[1]])
    assert max(by_row.values()) == pytest.approx(min(by_row.values()), abs=0.1)
    assert "50.0\u00a0%" in texts(root)
    tips = [bar[0].text for bar in bars(root)]
    assert "Capital Library → BALIS · Share filled: 50.0\u00a0%" in tips


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_bin_of_the_days_has_its_label(language: str) -> None:
    table, root = drawn("days", two_sides(), language)
    assert {row[0] for row in table.shown(language)} <= set(texts(root))


def test_series_differ_without_colour() -> None:
    _, root = drawn("subjects", two_sides())
    fills = {(bar.get("fill"), bar.get("fill-opacity")) for bar in bars(root)}
    classes = {bar.get("class") for bar in bars(root)}
    assert len(fills) == len(classes) > 1
    legend = [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is None]
    assert {rect.get("class") for rect in legend} == classes


def test_nothing_is_drawn_of_sums() -> None:
    table, root = drawn("subjects", two_sides())
    assert "total" in [column.code for column in table.columns]
    assert not any("合计" in text for text in texts(root))
    _, outcomes = drawn("outcomes", two_sides())
    assert "合计" in texts(outcomes), "but shares of all stand beside those of each direction"
    assert ALL not in texts(outcomes)


def test_a_file_has_its_own_paper_and_ink() -> None:
    _, root = drawn("months", two_sides(), alone=True)
    assert root.get("color") == "#22252a"
    first = next(root.iter(f"{SVG}rect"))
    assert (first.get("fill"), first.get("width")) == ("#ffffff", f"{WIDTH:g}")


@pytest.mark.parametrize("code", CHARTS)
def test_no_requests_make_a_chart_that_says_so(code: str) -> None:
    _, root = drawn(code, [])
    assert "没有申请" in root.findtext(f"{SVG}desc", "")
    assert not bars(root)


def test_a_table_without_numbers_to_draw_has_no_chart() -> None:
    view = view_of(outcomes_of(two_sides(), SIDES), LIBRARIES, SCOPE, AS_OF)
    assert {table.code for table in tables(view) if chart_of(table, "zh")} == set(CHARTS)


def test_names_that_are_no_xml_are_harmless() -> None:
    table, _ = drawn("languages", two_sides())
    evil = "<script>alert(1)</script>&\"'\x0b\ufffe\ud800"
    column = structs.replace(table.columns[0], words={"chi": Label(evil, evil)})
    chart = chart_of(structs.replace(table, columns=(column, *table.columns[1:]), title=Label(evil, evil)), "zh")
    assert chart is not None
    root = etree.fromstring(chart.encode())
    assert not list(root.iter(f"{SVG}script"))
    assert "<script>alert(1)</script>&\"'" in (root.findtext(f"{SVG}title") or "")


@given(st.integers(0, 10**7))
def test_an_axis_has_few_round_steps_and_reaches_the_highest(most: int) -> None:
    ticks = scale(most)
    assert ticks[0] == 0 and ticks[-1] >= most and 2 <= len(ticks) <= 7
    step = ticks[1]
    assert ticks == list(range(0, ticks[-1] + 1, step))
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert ticks[-1] - step < max(most, 1), "no step of it is empty"


@given(st.text(), st.floats(20, 300))
def test_a_text_is_cut_where_there_is_no_room(text: str, width: float) -> None:
    cut = fitted(text, width)
    assert cut == text or (cut.endswith("…") and text_width(cut) <= width + 1)


@settings(max_examples=30, deadline=None)
@given(many_requests())
def test_whatever_the_requests_every_chart_is_well_formed_and_inside_its_frame(events: list[Event]) -> None:
    for code in CHARTS:
        _, root = drawn(code, events)
        _, _, width, height = map(float, root.get("viewBox", "").split())
        for bar in bars(root):
            x, y, w, h = (float(bar.get(name, "")) for name in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and x + w <= width and y + h <= height


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_report_has_every_table_with_its_chart(language: str) -> None:
    view = view_of(outcomes_of(two_sides(), SIDES), LIBRARIES, SCOPE, AS_OF)
    shown = [table.noted(Label("样例", "Sample")) for table in tables(view)]
    text = page(SCOPE, shown, language)
    html = etree.fromstring(text.encode(), etree.HTMLParser())
    assert [caption.text for caption in html.iter("caption")] == [table.title.said(language) for table in shown]
    assert len(list(html.iter("svg"))) == len(CHARTS)
    assert text.count(Label("样例", "Sample").said(language)) == 1, "what holds for all is said once"
    assert html.get("lang") == {"zh": "zh-Hans", "en": "en"}[language]


def test_a_report_shows_names_as_they_are() -> None:
    evil = "<img src=x onerror=alert(1)>"
    libraries = [structs.replace(library, name_zh=evil) for library in LIBRARIES]
    view = view_of(outcomes_of(two_sides(), SIDES), libraries, SCOPE, AS_OF)
    assert "<img" not in page(SCOPE, tables(view), "zh")
