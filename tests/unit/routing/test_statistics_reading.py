"""Statistics of what stands in the database, on both of them."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from request_histories import LIBRARIES, START, step, submit, told

from mappings.requests import Closure, Event, LibraryPolicy
from routing import study
from routing.outcomes import outcomes_of
from routing.statistics import TABLES, tables
from routing.statistics_reading import read_view
from routing.statistics_view import Scope, view_of
from store import accounts, choices, libraries, performance, policies, request_events, requests
from store.accounts import NewAccount
from store.choices import Choice
from store.database import Database
from store.performance import Correction

MARCH = Scope(first=date(2026, 3, 1), last=date(2026, 3, 31))
NOW = START + timedelta(days=60)


def stored(database: Database, events: list[Event]) -> None:
    with database.write() as unit:
        for library in LIBRARIES:
            libraries.put_library(unit, library)
        request_events.add_events(unit, events)


def test_requests_of_the_period_with_what_happened_later(database: Database) -> None:
    filled = (submit(), step("send", 0, 1, "THU", supplier="THU"), step("fill", 24 * 40, 1, "THU"))
    events = [
        *told(*filled, request_id=1),
        *told(*filled, request_id=2, start=START.replace(day=31, hour=15, minute=59)),
        *told(*filled, request_id=3, start=START.replace(day=31, hour=16)),  # 1 April in Beijing
        *told(*filled, request_id=4, start=START - timedelta(days=10)),
    ]
    stored(database, events)
    with database.read() as unit:
        view = read_view(unit, MARCH, NOW)
    assert [outcome.request_id for outcome in view.outcomes] == [1, 2]
    assert [outcome.days_to_fill for outcome in view.outcomes] == [40.0, 40.0], "though it was filled in April"
    assert set(view.libraries) == {library.symbol for library in LIBRARIES}


def test_working_days_are_by_the_calendar_of_the_library_that_filled_it(database: Database) -> None:
    """From Monday to Friday, of which THU was closed for two days."""
    events = [
        *told(submit(), step("send", 0, 1, "THU", supplier="THU"), step("fill", 96, 1, "THU"), request_id=1),
        *told(submit(), step("send", 0, 1, "RUC", supplier="RUC"), step("fill", 96, 1, "RUC"), request_id=2),
    ]
    stored(database, events)
    with database.write() as unit:
        closed = LibraryPolicy(closures=(Closure("2026-03-03", "2026-03-04", "搬迁"),))
        policies.put_policy(unit, "THU", closed, NOW)
    with database.read() as unit:
        view = read_view(unit, MARCH, NOW)
    assert [round(outcome.working_to_fill or 0, 6) for outcome in view.outcomes] == [2.0, 4.0]


def test_a_gateway_passes_on_by_the_ways_that_there_are(database: Database) -> None:
    """From THU to a branch of the Capital Library: a node passes it on to CLCN, behind which the branch stands."""
    entries = [{"entry": 1, "supplier": "RUC", "path": ["RUC"], "toward": "DONGCHENG"}]
    headed = (submit("THU"), step("rota", 0, entries=entries), step("send", 0, 1, "RUC", supplier="RUC"))
    on_its_way = step("forward", 8, 1, "RUC", to="CLCN", child=2), step("send", 8, 2, "CLCN", supplier="CLCN")
    elsewhere = step("forward", 8, 1, "RUC", to="NLC", child=2), step("send", 8, 2, "NLC", supplier="NLC")
    stored(database, [*told(*headed, *on_its_way, request_id=1), *told(*headed, *elsewhere, request_id=2)])
    with database.read() as unit:
        view = read_view(unit, MARCH, NOW)
    assert [(each.direction, each.supplier, each.first) for each in view.outcomes] == [
        ("BALIS>CAPITAL", "CLCN", "open"),
        ("BALIS>BALIS", "RUC", "forwarded"),
    ]


def test_promises_are_scored_and_corrections_counted(database: Database) -> None:
    filled = (submit(), step("send", 0, 1, "THU", supplier="THU"), step("fill", 54, 1, "THU"))
    closed = (submit(), step("send", 0, 1, "RUC", supplier="RUC"), step("refuse", 9, 1, "RUC", code="NotHeld"))
    stored(database, [*told(*filled, request_id=1), *told(*closed, step("close", 54), request_id=2)])
    ended = START + timedelta(hours=54)
    with database.write() as unit:
        for chance in (0.9, 0.6, 0.5):  # the third is of a request of another period
            number = requests.new_request(unit, START)
            early, late = START + timedelta(days=1), START + timedelta(days=3)
            choices.add_choice(unit, Choice(0, number, START, "S", "{}", early, late, chance, ""))
            choices.end_choices(unit, number, ended, filled=number == 1)
        for number, library in ((1, "RUC"), (2, "RUC"), (3, "THU")):
            opened = START if number < 3 else START - timedelta(days=9)
            flaw = Correction(0, library, f"R{number}", "红楼梦", number, 1, "NotHeld", "", opened, None, "", "")
            performance.open_correction(unit, flaw)
        [first, _] = performance.corrections_of(unit, "RUC")
        performance.close_correction(unit, first.id, "holding_wrong", "已剔除", NOW)
    with database.read() as unit:
        view = read_view(unit, MARCH, NOW)
        elsewhere = read_view(unit, Scope(first=MARCH.first, last=MARCH.last, library="THU"), NOW)
    [promised] = TABLES["promises"](view).rows
    assert promised[:4] == (2, 1, 1, 0.0), "it came on Wednesday, and was promised for Tuesday"
    assert promised[4] == 1.0 and promised[7] == pytest.approx((0.1**2 + 0.6**2) / 2)
    assert [row[1:] for row in TABLES["calibration"](view).rows] == [(1, 0.6, 0.0), (1, 0.9, 1.0)]
    assert TABLES["corrections"](view).rows == (("RUC", 2, 1, 0, 1),)
    assert TABLES["promises"](elsewhere).column("promised") == (1,)
    assert TABLES["corrections"](elsewhere).rows == ()


def test_users_are_the_readers_registered_by_then(database: Database) -> None:
    stored(database, [])
    with database.write() as unit:
        for number, day in enumerate((START, START + timedelta(days=3), START + timedelta(days=50))):
            new = NewAccount(f"reader{number}", ("reader",), "CLCN", name=f"读者{number}")
            accounts.add_account(unit, new, day)
    with database.read() as unit:
        assert read_view(unit, MARCH, NOW).users == {"CLCN": 2}


def test_the_study_says_the_same_from_the_database(database: Database) -> None:
    with database.write() as unit:
        for library in study.study_libraries():
            libraries.put_library(unit, library)
        request_events.add_events(unit, study.study_events())
    with database.read() as unit:
        read = read_view(unit, study.SCOPE, study.AS_OF)
    sides = {library.symbol: library.consortium for library in study.study_libraries()}
    told_view = view_of(outcomes_of(study.study_events(), sides), study.study_libraries(), study.SCOPE, study.AS_OF)
    assert len(read.outcomes) == 403
    for one, other in zip(tables(read), tables(told_view), strict=True):
        if one.code == "outcomes":  # the database knows calendars, and so working days
            place = one.place("working_filled")
            rows = [(*row[:place], *row[place + 1 :]) for row in one.rows]
            assert rows == [(*row[:place], *row[place + 1 :]) for row in other.rows]
            assert all(row[place] is not None for row in one.rows)
        else:
            assert msgspec.json.encode(one) == msgspec.json.encode(other)
