"""The study's own figures, loaded as a sample, print the study's tables."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

import pytest

from routing.case import fold
from routing.outcomes import outcomes_of
from routing.statistics import STUDY, TABLES, tables
from routing.statistics_table import Table, joined
from routing.statistics_view import view_of
from routing.study import AS_OF, BROUGHT, FIRST, LAST, SCOPE, USERS, study_events, study_libraries, study_notes

EVENTS = study_events()
SIDES = {library.symbol: library.consortium for library in study_libraries()}
VIEW = view_of(outcomes_of(EVENTS, SIDES), study_libraries(), SCOPE, AS_OF, users=USERS, brought=BROUGHT)

OUTCOMES = """
方向 | 件数 | 满足 | 拒绝 | 转发 | 平均满足（天）
首都图书馆 → BALIS | 239 | 147 (61.5 %) | 38 (15.9 %) | 54 (22.6 %) | 3.62
BALIS → 首都图书馆 | 164 | 38 (23.2 %) | 109 (66.5 %) | 17 (10.4 %) | 7.29
""".strip()


def row(table: Table, key: str) -> dict[str, Any]:
    found = next(row for row in table.rows if row[0] == key)
    return dict(zip((column.code for column in table.columns), found, strict=True))


def test_the_studys_outcome_table_comes_out() -> None:
    """Golden: §3.3, as field-notes/routing.md has it."""
    heads, rows = joined(TABLES["outcomes"](VIEW), "zh")
    wanted = [[head.text for head in heads].index(name) for name in OUTCOMES.splitlines()[0].split(" | ")]
    lines = [[head.text for head in heads], *rows[:2]]
    printed = "\n".join(" | ".join(line[place] for place in wanted) for line in lines)
    assert printed.replace("\u00a0", " ") == OUTCOMES


def test_the_hours_are_the_studys() -> None:
    hours: Counter[str] = Counter()
    for outcome in VIEW.outcomes:
        if outcome.days_to_fill is not None:
            hours[outcome.direction] += round(outcome.days_to_fill * 24)
    assert hours == {"CAPITAL>BALIS": 12_771, "BALIS>CAPITAL": 6_648}


def test_totals_and_users() -> None:
    table = TABLES["totals"](VIEW)
    assert (row(table, "*")["submitted"], row(table, "CAPITAL")["users"]) == (403, 94)
    assert (row(table, "CAPITAL")["sent"], row(table, "CAPITAL")["received"]) == (239, 164)


def test_the_true_fill_rate_lies_where_the_notes_say() -> None:
    shown = TABLES["forwarded"](VIEW).shown("en")
    bounds = [[cell.replace("\u00a0", " ") for cell in cells[-2:]] for cells in shown[:2]]
    assert bounds == [["61.5 %", "84.1 %"], ["23.2 %", "33.5 %"]]


def test_who_was_asked() -> None:
    table = TABLES["reach"](VIEW)
    out = row(table, "CAPITAL>BALIS")
    assert out["reached"] == 26
    assert {out["busiest1"], out["busiest2"]} == {"RUC", "NSTL"}
    assert out["busiest_share"] > 0.8
    others = sum(1 for o in VIEW.outcomes if o.side == "CAPITAL" and o.supplier not in ("RUC", "NSTL"))
    assert others < 48, "so that the fastest rest on about two requests each"


def test_tsinghua_and_nlc_were_fastest_and_get_no_rank_for_it() -> None:
    table = TABLES["suppliers"](VIEW)
    means = {cells[0]: cells[table.place("mean_completion")] for cells in table.rows}
    timed = {symbol: days for symbol, days in means.items() if days is not None}
    assert set(sorted(timed, key=lambda symbol: timed[symbol])[:2]) == {"THU", "NLC"}
    assert all(row(table, symbol)["rank_speed"] is None for symbol in ("THU", "NLC"))


def test_who_asked() -> None:
    out = row(TABLES["reach"](VIEW), "BALIS>CAPITAL")
    assert (out["requesters"], out["reached"]) == (26, 1)
    assert (out["requester1"], out["requester2"], out["requester3"]) == ("PPSUC", "BUPT", "BUAA")


@pytest.mark.parametrize(
    ("direction", "subjects", "kind"),
    [("CAPITAL>BALIS", ("G", "Z"), ("serial", "eng")), ("BALIS>CAPITAL", ("T", "Z"), ("serial", "chi"))],
)
def test_what_was_asked_for_most(direction: str, subjects: tuple[str, str], kind: tuple[str, str]) -> None:
    own = [outcome for outcome in VIEW.outcomes if outcome.direction == direction]
    by_subject = Counter(outcome.subject for outcome in own).most_common(3)
    assert tuple(subject for subject, _ in by_subject[:2]) == subjects
    assert by_subject[0][1] > by_subject[1][1] > by_subject[2][1]
    (first, n), (_, second) = Counter((outcome.material, outcome.language) for outcome in own).most_common(2)
    assert first == kind and n > second


def test_partner_totals_are_those_of_the_study() -> None:
    table = TABLES["partner_totals"](VIEW)
    assert [(cells[0], cells[1], cells[2]) for cells in table.rows[:5]] == [
        ("BALIS", 58_630, 160_072),
        ("BALIS-CALIS", 20_825, 121_118),
        ("CASHL", None, 14_928),
        ("NLC", None, 6_183),
        ("SHL", None, 1_107),
    ]


def test_the_period_is_the_studys_and_is_filled_evenly() -> None:
    assert all(FIRST <= outcome.submitted.date() <= LAST for outcome in VIEW.outcomes)
    assert len(VIEW.outcomes) == 403
    counts = TABLES["months"](VIEW).column("total")
    assert len(counts) == 30 and max(counts) - min(counts) <= 4


def test_the_life_cycle_allows_every_history() -> None:
    """The sample can be loaded like any other requests."""
    states = Counter(fold(list(events)).state for _, events in groupby(EVENTS, key=lambda event: event.request_id))
    assert states == {"closed_filled": 185, "closed_unfilled": 147, "asking": 71}


def test_it_is_the_same_each_time() -> None:
    assert study_events() == EVENTS
    assert [event.request_id for event in EVENTS if event.seq == 1] == list(range(1, 404))


def test_no_column_follows_from_another() -> None:
    """Spread evenly: each outcome is found with each leading subject, type and busy supplier."""
    own = [outcome for outcome in VIEW.outcomes if outcome.side == "CAPITAL"]
    for code in ("filled", "refused", "forwarded"):
        part = [outcome for outcome in own if outcome.first == code]
        for busy in ("RUC", "NSTL"):
            found = sum(outcome.supplier == busy for outcome in part)
            assert found == pytest.approx(96 * len(part) / 239, abs=4)
    filled = sorted(o.days_to_fill for o in own if o.days_to_fill is not None)
    assert filled[0] == pytest.approx(4 / 24) and 7 < filled[-1] < 2 * 3.62


def test_the_sample_says_what_it_assumes_in_both_languages() -> None:
    for table in tables(VIEW, (*STUDY, "ranks", "refusals")):
        notes = study_notes(table).notes[len(table.notes) :]
        assert "均匀假设" in notes[0].zh and "by assumption" in notes[0].en
        assert (len(notes) == 2) == (table.code in ("ranks", "refusals"))
