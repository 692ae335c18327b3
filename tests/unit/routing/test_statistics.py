"""The tables of the statistics: their sums, their ranks, and that they go out as they are."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from request_histories import LIBRARIES, SIDES, START, many_requests, step, submit, told

from mappings.model import Library
from mappings.requests import LEVELS, REASONS, SERVICES, Event
from routing import statistics_table
from routing.outcomes import CONDITION_REJECTED, FINALS, Outcome, outcomes_of
from routing.statistics import STUDY, SUMMARY, TABLES, csv_of, tables, xlsx_of
from routing.statistics_results import days14
from routing.statistics_table import ALL, Label, Table, codes, joined
from routing.statistics_view import (
    Brought,
    Scope,
    View,
    concerns,
    day_of,
    mean,
    median,
    months,
    percentile,
    ranks,
    view_of,
)

SCOPE = Scope(first=date(2026, 3, 1), last=date(2026, 12, 31))
AS_OF = START + timedelta(days=365)


def view(events: Iterable[Event], scope: Scope = SCOPE, **more: Any) -> View:
    return view_of(outcomes_of(events, SIDES), LIBRARIES, scope, more.pop("as_of", AS_OF), **more)


def asked(number: int, requester: str, supplier: str, answer: str, days: float, **data: Any) -> list[Event]:
    """A request of one ask that began on the day of its number."""
    steps = [submit(requester), step("send", 0, 1, supplier, supplier=supplier)]
    steps.append(step(answer, days * 24, 1, supplier, **data))
    if answer == "refuse":
        steps.append(step("close", days * 24))
    return told(*steps, request_id=number, start=START + timedelta(days=number))


def two_sides() -> list[Event]:
    """Five requests of the Capital Library, one of BALIS, and one that stays within BALIS."""
    return [
        *asked(1, "CLCN", "RUC", "fill", 2),
        *asked(2, "CLCN", "RUC", "fill", 5),
        *asked(3, "CLCN", "THU", "refuse", 1, code="NotHeld"),
        *asked(4, "CLCN", "THU", "refuse", 1, code="Licence"),
        *asked(5, "CLCN", "NLC", "fill", 20),
        *asked(6, "BUPT", "CLCN", "forward", 1),
        *asked(7, "BUPT", "RUC", "fill", 1),
    ]


def row(table: Table, key: str) -> dict[str, Any]:
    """The row whose first cell is the key, by the codes of its columns."""
    found = next(row for row in table.rows if row[0] == key)
    return dict(zip((column.code for column in table.columns), found, strict=True))


def made(code: str, events: Iterable[Event], scope: Scope = SCOPE, **more: Any) -> Table:
    return TABLES[code](view(events, scope, **more))


def test_totals_by_side() -> None:
    table = made("totals", two_sides(), users={"CLCN": 94, "BUPT": 3, "RUC": 2})
    balis, capital, outside, every = (row(table, side) for side in ("BALIS", "CAPITAL", "EXTERNAL", ALL))
    assert (capital["submitted"], capital["received"], capital["filled_for"], capital["supplied"]) == (5, 1, 3, 0)
    assert (balis["submitted"], balis["received"], balis["filled_for"], balis["supplied"]) == (2, 5, 1, 3)
    assert (outside["submitted"], outside["received"], outside["supplied"]) == (0, 1, 1)
    assert (every["submitted"], every["sent"], every["filled_for"], every["users"]) == (7, 7, 4, 99)
    assert (capital["users"], balis["users"], outside["users"]) == (94, 5, None)


def test_outcomes_by_direction() -> None:
    table = made("outcomes", two_sides())
    out = row(table, "CAPITAL>BALIS")
    assert (out["n"], out["filled"], out["refused"], out["filled_share"]) == (4, 2, 2, 0.5)
    assert (out["mean_filled"], out["median_filled"], out["mean_end"], out["median_end"]) == (3.5, 3.5, 2.25, 1.5)
    assert row(table, "BALIS>CAPITAL")["forwarded_share"] == 1.0
    assert row(table, "BALIS>BALIS")["filled"] == 1
    assert row(table, ALL)["n"] == 7


def test_headline_measures_count_what_was_not_filled_as_fourteen_days() -> None:
    table = made("headline", two_sides())
    out = row(table, "CAPITAL>BALIS")
    assert (out["judged"], out["fill"], out["within3"], out["within2"]) == (4, 0.5, 0.25, 0.25)
    assert out["days14"] == (2 + 5 + 14 + 14) / 4
    assert (out["target"], out["target_study"], out["p90_filled"]) == ("no", "no", 5.0)
    assert row(table, "CAPITAL>EXTERNAL")["days14"] == 14, "twenty days count as fourteen"
    assert (row(table, "BALIS>BALIS")["target"], row(table, "BALIS>BALIS")["target_study"]) == ("yes", "yes")
    assert row(table, "BALIS>CAPITAL")["days14"] == 14, "forwarded a year ago and not heard of since"
    assert any("难件" in note.zh for note in table.notes), "the mean of filled has its caveat"


def test_an_average_of_two_days_is_not_eighty_per_cent_in_two_days() -> None:
    """The study's reading can be met by a service of which the headline target says that it is not."""
    events = [event for number in range(1, 5) for event in asked(number, "CLCN", "RUC", "fill", 1)]
    events += [event for number in range(5, 7) for event in asked(number, "CLCN", "RUC", "fill", 4)]
    out = row(made("headline", events), "CAPITAL>BALIS")
    assert (out["target"], out["target_study"], out["mean_filled"]) == ("no", "yes", 2.0)


def test_what_is_young_is_not_judged_yet() -> None:
    events = told(submit(), step("send", 0, 1, "RUC", supplier="RUC"))
    for days, judged in ((13, 0), (15, 1)):
        table = made("headline", events, as_of=START + timedelta(days=days))
        assert row(table, "CAPITAL>BALIS")["judged"] == judged
    days = made("days", events, as_of=START + timedelta(days=13))
    assert (row(days, "untold")["total"], row(days, "unfilled")["total"]) == (1, 0)


def test_a_fill_rate_lies_between_two_bounds_while_forwarded_requests_are_out() -> None:
    events = two_sides() + asked(8, "CLCN", "RUC", "forward", 1)
    out = row(made("forwarded", events), "CAPITAL>BALIS")
    assert (out["forwarded_first"], out["end_forwarded"]) == (1, 1)
    assert (out["fill_least"], out["fill_most"]) == (2 / 5, 3 / 5)


def test_not_held_comes_first_among_the_reasons_even_where_others_are_more() -> None:
    events = [event for number in range(1, 4) for event in asked(number, "CLCN", "RUC", "refuse", 1, code="Licence")]
    events += asked(4, "CLCN", "RUC", "refuse", 1, code="NotHeld") + asked(5, "CLCN", "RUC", "refuse", 1, code="")
    table = made("refusals", events)
    assert table.column("reason") == ("NotHeld", "Licence", "")
    assert table.column("total") == (1, 3, 1)
    assert made("refusals", []).column("reason") == ("NotHeld",)


def test_the_fastest_is_only_named_where_it_is_no_noise() -> None:
    few = [event for number in range(1, 10) for event in asked(number, "CLCN", "THU", "fill", 0.5)]
    many = [event for number in range(11, 21) for event in asked(number, "CLCN", "RUC", "fill", 3)]
    table = made("suppliers", few + many)
    assert (row(table, "THU")["timed"], row(table, "THU")["rank_speed"]) == (9, None)
    assert (row(table, "RUC")["timed"], row(table, "RUC")["rank_speed"]) == (10, 1)
    assert "人民大学" in table.notes[0].zh and "Tsinghua" not in table.notes[0].en
    assert "10" in made("suppliers", few).notes[0].en, "nobody is the fastest"


def test_libraries_as_fast_as_each_other_share_a_rank() -> None:
    """Names decide nothing: neither in the rank nor in who is named."""
    events = [
        event
        for place, symbol in enumerate(("BNU", "BUPT", "RUC", "THU"))
        for number in range(10)
        for event in asked(place * 20 + number + 1, "CLCN", symbol, "fill", 1 if symbol == "RUC" else 2)
    ]
    table = made("suppliers", events)
    ranked = dict(zip(table.column("supplier"), table.column("rank_speed"), strict=True))
    assert ranked == {"RUC": 1, "BNU": 2, "BUPT": 2, "THU": 2}
    assert [table.notes[0].zh.count(name) for name in ("人民", "BNU", "邮电", "清华")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("narrowed", "users"),
    [
        ({}, {"CLCN": 94, "BUPT": 3, "RUC": 2}),
        ({"library": "CLCN"}, {"CLCN": 94}),
        ({"library": "CLCN", "partner": "RUC"}, {"CLCN": 94, "RUC": 2}),
        ({"side": "BALIS"}, {"BUPT": 3, "RUC": 2}),
        ({"library": "CLCN", "side": "BALIS"}, {}),
    ],
)
def test_users_are_those_of_whom_the_statistics_are(narrowed: dict[str, str], users: dict[str, int]) -> None:
    scope = Scope(first=SCOPE.first, last=SCOPE.last, **narrowed)
    all_users = {"CLCN": 94, "BUPT": 3, "RUC": 2}
    assert view(two_sides(), scope, users=all_users).users == users
    assert row(made("totals", two_sides(), scope, users=all_users), ALL)["users"] == (sum(users.values()) or None)


def test_refusals_that_are_not_its_fault_are_not_held_against_a_library() -> None:
    events = asked(1, "CLCN", "RUC", "fill", 1) + asked(2, "CLCN", "RUC", "refuse", 1, code="Incomplete")
    assert row(made("suppliers", events), "RUC")["fill_of_answered"] == 1.0


def test_reach_and_the_two_busiest() -> None:
    table = made("reach", two_sides())
    out = row(table, "CAPITAL>BALIS")
    assert (out["asked"], out["reached"], out["busiest1"], out["busiest2"], out["busiest_share"]) == (
        4, 2, "RUC", "THU", 1.0,
    )  # fmt: skip
    assert (out["requester1"], out["requester2"]) == ("CLCN", None)


def test_ranks_are_among_all_libraries_even_where_one_is_looked_at() -> None:
    table = made("ranks", two_sides(), Scope(first=SCOPE.first, last=SCOPE.last, library="THU"))
    assert table.column("library") == ("THU",)
    assert (row(table, "THU")["received"], row(table, "THU")["rank_received"]) == (2, 2)
    assert ranks({"A": 5, "B": 3, "C": 3, "D": 1, "E": 0}) == {"A": 1, "B": 2, "C": 2, "D": 4}


def test_a_pair_of_libraries_either_way() -> None:
    events = two_sides() + asked(8, "RUC", "CLCN", "fill", 1)
    for one, other in (("CLCN", "RUC"), ("RUC", "CLCN")):
        scope = Scope(first=SCOPE.first, last=SCOPE.last, library=one, partner=other)
        assert [o.request_id for o in view(events, scope).outcomes] == [1, 2, 8]
    outside = Scope(first=SCOPE.first, last=SCOPE.last, side="EXTERNAL")
    assert [o.request_id for o in view(events, outside).outcomes] == [5]


def test_a_request_belongs_to_its_day_in_beijing() -> None:
    """Seven in the evening of 31 March in Greenwich is 1 April in Beijing."""
    late = told(submit(), start=START.replace(day=31, hour=19))
    assert view(late, Scope(first=date(2026, 4, 1), last=date(2026, 4, 30))).outcomes
    assert not view(late, Scope(first=date(2026, 3, 1), last=date(2026, 3, 31))).outcomes


def test_a_month_without_requests_has_its_row() -> None:
    table = made("months", asked(1, "CLCN", "RUC", "fill", 1) + asked(70, "CLCN", "RUC", "fill", 1))
    assert table.column("month") == tuple(f"2026-{month:02}" for month in range(3, 13))
    assert table.column("total")[:4] == (1, 0, 1, 0)
    assert months(Scope(first=date(2025, 11, 30), last=date(2026, 1, 1))) == ["2025-11", "2025-12", "2026-01"]


def test_partner_totals_add_what_was_before_only_where_it_was_before() -> None:
    before = Brought("NLC", Label("国家图书馆", "NLC"), 6183, None, "2026-02-28")
    within = Brought("BALIS", Label("BALIS", "BALIS"), 160_072, 58_630, "2026-05-31")
    table = made("partner_totals", two_sides(), brought=(before, within))
    assert (row(table, "NLC")["items_counted"], row(table, "NLC")["items_total"]) == (1, 6184)
    assert (row(table, "BALIS")["items_counted"], row(table, "BALIS")["items_total"]) == (3, None)


def test_unfilled_titles_are_those_most_wanted() -> None:
    table = made("unfilled_titles", two_sides())
    assert row(table, "红楼梦学刊") == {
        "title": "红楼梦学刊", "record_id": "3K7M2Q9V", "n": 2, "libraries": 1, "last_requester": "CLCN",
    }  # fmt: skip


def test_averages() -> None:
    assert (mean([]), median([]), percentile([], 90)) == (None, None, None)
    assert (mean([1, 2, 6]), median([6, 1, 2]), median([4, 1, 2, 3])) == (3, 2, 2.5)
    assert percentile(list(range(1, 11)), 90) == 9
    assert percentile([7], 90) == 7
    assert mean([0.1] * 10) == 0.1, "ten tenths, added up one by one, fall short of one"


# ---------------------------------------------------------------------------------------------- sums

NUMBERS = {
    # table: the columns whose sums are those of the parts
    "outcomes": ("n", "filled", "refused", "forwarded", "silent", "rest"),
    "finals": ("n", *FINALS),
    "forwarded": ("forwarded_first", "end_filled", "end_unfilled", "end_forwarded", "end_open", "end_other"),
    "totals": ("submitted", "sent", "filled_for", "supplied"),
    "refusals": ("total",),
    "days": ("total",),
    "subjects": ("total",),
    "materials": ("total",),
    "languages": ("total",),
    "months": ("total",),
    "types": ("n",),
    "services": ("n",),
    "suppliers": ("asked", "filled", "refused", "forwarded", "silent", "rest", "timed"),
    "requesters": ("n",),
    "partner_totals": ("items_counted",),
}


def sums(view: View) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for code, columns in NUMBERS.items():
        table = TABLES[code](view)
        for column in columns:
            cells = zip(table.column(table.columns[0].code), table.column(column), strict=True)
            found[code, column] = sum(cell for key, cell in cells if key != ALL and isinstance(cell, int))
    return found


@settings(max_examples=60, deadline=None)
@given(many_requests(), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_sums_add_up_over_any_partition(events: list[Event], parts: list[int]) -> None:
    outcomes = list(outcomes_of(events, SIDES))
    whole = sums(view_of(outcomes, LIBRARIES, SCOPE, AS_OF))
    added: Counter[tuple[str, str]] = Counter()
    for part in range(4):
        own = [outcome for outcome in outcomes if parts[outcome.request_id % 12] == part]
        added.update(sums(view_of(own, LIBRARIES, SCOPE, AS_OF)))
    assert {key: added[key] for key in whole} == whole
    for code in ("outcomes", "finals", "subjects", "materials", "languages", "days", "types", "services"):
        column = "n" if NUMBERS[code][:1] == ("n",) else "total"
        assert whole[code, column] == len(outcomes), f"{code} counts every request once"


@settings(max_examples=60, deadline=None)
@given(many_requests(), st.lists(st.dates(SCOPE.first, SCOPE.last), max_size=4, unique=True))
def test_periods_that_meet_count_every_request_once(events: list[Event], cuts: list[date]) -> None:
    outcomes = list(outcomes_of(events, SIDES))
    starts = [SCOPE.first, *sorted(set(cuts) - {SCOPE.first})]
    ends = [*(start - timedelta(days=1) for start in starts[1:]), SCOPE.last]
    seen = [
        outcome.request_id
        for first, last in zip(starts, ends, strict=True)
        for outcome in view_of(outcomes, LIBRARIES, Scope(first=first, last=last), AS_OF).outcomes
    ]
    assert sorted(seen) == [outcome.request_id for outcome in outcomes if day_of(outcome.submitted) <= SCOPE.last]


@settings(max_examples=60, deadline=None)
@given(many_requests())
def test_every_request_is_in_one_final_outcome_and_every_row_adds_up(events: list[Event]) -> None:
    shown = view(events)
    table = TABLES["finals"](shown)
    for cells in table.rows:
        found = dict(zip((column.code for column in table.columns), cells, strict=True))
        assert sum(found[final] for final in FINALS) == found["n"]
    answered = TABLES["outcomes"](shown)
    for cells in answered.rows:
        found = dict(zip((column.code for column in answered.columns), cells, strict=True))
        assert sum(found[each] for each in ("filled", "refused", "forwarded", "silent", "rest")) == found["n"]
        assert sum(value or 0 for name, value in found.items() if name.endswith("_share")) == pytest.approx(
            1 if found["n"] else 0
        )
    for code in ("totals", "outcomes", "finals", "forwarded"):
        with_sum = TABLES[code](shown)
        for column, place in ((each, with_sum.place(each)) for each in NUMBERS[code]):
            parts = [cells[place] for cells in with_sum.rows if cells[0] != ALL]
            if (code, column) != ("totals", "received"):
                assert sum(parts) == row(with_sum, ALL)[column], (code, column)


@settings(max_examples=60, deadline=None)
@given(many_requests())
def test_days14_is_never_better_for_failing(events: list[Event]) -> None:
    """Take a request's fill away, and days14 can only rise; the mean of the filled may fall."""
    outcomes = [outcome for outcome in outcomes_of(events, SIDES) if outcome.final == "filled"]
    if not outcomes:
        return
    worse = [msgspec.structs.replace(outcomes[0], final="unfilled", days_to_fill=None), *outcomes[1:]]
    before, after = days14(outcomes), days14(worse)
    assert before is not None and after is not None
    assert 0 <= before <= after <= 14


@settings(max_examples=40, deadline=None)
@given(many_requests(), st.sampled_from(LIBRARIES), st.sampled_from(["", "BALIS", "CAPITAL"]))
def test_any_narrowing_makes_every_table(events: list[Event], library: Library, side: str) -> None:
    scope = Scope(first=SCOPE.first, last=SCOPE.last, library=library.symbol, side=side)
    shown = view(events, scope)
    assert all(concerns(outcome, scope) for outcome in shown.outcomes)
    for table in tables(shown):
        assert all(len(cells) == len(table.columns) for cells in table.rows)
        assert isinstance(msgspec.json.encode(table), bytes)
        for language in ("zh", "en"):
            assert len(table.shown(language)) == len(table.rows)
            for column, cells in ((column, table.column(column.code)) for column in table.columns):
                kinds = {"text": str, "code": str, "library": str, "met": str, "share": float, "days": float}
                fitting = kinds.get(column.kind, int)
                assert all(isinstance(cell, fitting | int if fitting is float else fitting) for cell in cells
                           if cell is not None), (table.code, column.code)  # fmt: skip
                if column.kind in ("code", "library", "met"):
                    assert {cell for cell in cells if cell is not None} <= set(column.words), (table.code, column.code)


# ---------------------------------------------------------------------------------------------- words and files


def test_every_word_is_there_in_both_languages() -> None:
    text = (Path(statistics_table.__file__).parent / "statistics_words.yaml").read_text("utf-8")
    lists = yaml.safe_load(text)
    for name, entries in lists.items():
        for code, pair in entries.items():
            assert isinstance(code, str), (name, code)
            assert len(pair) == 2 and all(isinstance(word, str) and word for word in pair), (name, code)
    assert set(TABLES) == set(codes("tables"))
    assert {*REASONS, CONDITION_REJECTED, ""} == set(codes("reasons"))
    assert set(FINALS) == set(codes("finals"))
    assert (set(SERVICES), set(LEVELS)) == (set(codes("services")), set(codes("levels")))
    assert {*STUDY, *SUMMARY} <= set(TABLES)
    shown = view(two_sides())
    for table in tables(shown):
        for column in table.columns:
            assert column.label.zh != column.code and column.label.en != column.code, (table.code, column.code)


def test_every_word_is_used() -> None:
    """What no table says any more is taken out of the list."""
    used = {column.code for table in tables(view(two_sides())) for column in table.columns}
    assert set(codes("columns")) <= used | {"asks_mean", "working_filled"}


PAYLOADS = ("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", '=HYPERLINK("http://x","甲")', "红楼梦")


def injected() -> tuple[Table, ...]:
    """Every table, of libraries and titles that somebody has named so as to be calculated."""
    libraries = [msgspec.structs.replace(each, name_zh=PAYLOADS[0], name_en=PAYLOADS[1]) for each in LIBRARIES]
    events: list[Event] = []
    for number, payload in enumerate(PAYLOADS, start=1):
        steps = (submit(citation={"title": payload}), step("send", 0, 1, "RUC", supplier="RUC"))
        refused = (step("refuse", 5, 1, "RUC", code="NotHeld"), step("close", 9))
        events += told(*steps, *refused, request_id=number)
    return tables(view_of(outcomes_of(events, SIDES), libraries, SCOPE, AS_OF))


def test_a_workbook_has_every_table_and_calculates_nothing() -> None:
    every = injected()
    book = openpyxl.load_workbook(io.BytesIO(xlsx_of(every, "zh")))
    assert book.sheetnames == [table.title.zh for table in every]
    for table, page in zip(every, book, strict=True):
        assert [cell.value for cell in page[1]] == list(table.heads("zh"))
        for cells, expected in zip(page.iter_rows(min_row=2), table.said("zh"), strict=False):
            for cell, value in zip(cells, expected, strict=False):
                assert cell.data_type != "f" and cell.hyperlink is None
                told_value = cell.value if value != "" else cell.value or ""
                assert told_value == (pytest.approx(value) if isinstance(value, float) else value), (table.code, value)
    titles = {cell.value for cell in book["未能满足的文献"]["A"]}
    assert set(PAYLOADS) <= titles
    assert len(book["处理结果"]._charts) == len(book["学科分布"]._charts) == 1, "native charts"


def test_csv_opens_in_excel_and_calculates_nothing() -> None:
    table = injected()[list(TABLES).index("unfilled_titles")]
    data = csv_of(table, "en")
    assert data.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert head == list(table.heads("en"))
    assert all(cell[:1] not in ("=", "@", "+") for cells in rows for cell in cells)
    assert {cells[0].lstrip("'") for cells in rows} == set(PAYLOADS)


def test_codes_go_out_in_words_and_numbers_as_numbers() -> None:
    table = made("outcomes", two_sides())
    said = table.said("zh")[0]
    assert said[:4] == ("首都图书馆 → BALIS", 4, 2, 0.5)
    assert table.shown("en")[0][:4] == ("Capital Library → BALIS", "4", "2", "50.0\u00a0%")


def test_for_the_eye_a_share_stands_behind_its_count() -> None:
    heads, rows = joined(made("outcomes", two_sides()), "zh")
    assert [head.text for head in heads[:3]] == ["方向", "件数", "满足"]
    assert rows[0][2] == "2\u00a0(50.0\u00a0%)"
    assert "平均满足（工作日）" not in [head.text for head in heads], "nobody reckoned working days"
    _, short = joined(made("suppliers", two_sides()), "zh", symbols=True)
    _, long = joined(made("suppliers", two_sides()), "zh")
    assert (short[0][0], long[0][0]) == ("RUC", "中国人民大学图书馆")


def test_materials_and_languages_have_the_words_of_the_caller() -> None:
    def naming(name: str, code: str) -> Label:
        return Label(f"{name}：{code}", f"{name}: {code}")

    table = made("types", two_sides(), naming=naming)
    assert table.said("en")[0][1:3] == ("materials: serial", "languages: chi")
    assert made("types", two_sides()).said("en")[0][1:3] == ("serial", "chi")


def test_an_outcome_is_plain_data() -> None:
    for outcome in outcomes_of(two_sides(), SIDES):
        assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
