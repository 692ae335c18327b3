import ast
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.requests import Closure, LibraryPolicy
from routing.calendar import CHINA, Calendar, CalendarError, OfficeHours, SiteDays, site_days
from routing.holidays import announced_years, days_off, make_up_days

PUBLIC = Calendar()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


# --- which days are worked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-10-01", False),  # National Day
        ("2026-10-07", False),  # a Wednesday given for it
        ("2026-10-10", True),  # a Saturday worked for it (调休)
        ("2026-02-14", True),  # a Saturday before Spring Festival
        ("2026-02-17", False),  # Spring Festival
        ("2026-11-27", True),
        ("2026-11-28", False),
        ("2017-01-02", False),  # New Year's Day fell on a Sunday
    ],
)
def test_public_holidays_and_the_weekends_worked_for_them(day: str, works: bool) -> None:
    assert PUBLIC.is_working(date.fromisoformat(day)) is works


def test_a_year_that_is_not_announced_has_its_weekends_and_fixed_holidays_and_says_so() -> None:
    year = announced_years().stop
    assert not PUBLIC.is_announced(year)
    assert PUBLIC.is_announced(year - 1)
    assert not PUBLIC.is_working(date(year, 1, 1))
    assert not PUBLIC.is_working(date(year, 10, 2))
    weekdays = [date(year, 11, day) for day in range(1, 29)]
    assert [PUBLIC.is_working(day) for day in weekdays] == [day.weekday() < 5 for day in weekdays]


def test_the_package_knows_both_kinds_of_days_for_each_year() -> None:
    for year in announced_years():
        assert len(days_off(year)) >= 20
        assert all(day.weekday() >= 5 for day in make_up_days(year))
        assert not days_off(year) & make_up_days(year)


def test_a_site_announces_a_year_that_the_package_does_not_know() -> None:
    site = site_days(
        """
        announced: [2031]
        holidays:
        - {first: '2031-01-22', last: '2031-01-29', reason: 春节}
        make_up_days: ['2031-01-18']
        """,
        "days.yaml",
    )
    calendar = Calendar(site=site)
    assert calendar.is_announced(2031)
    assert not calendar.is_working(date(2031, 1, 24))
    assert calendar.is_working(date(2031, 1, 18))
    assert PUBLIC.is_working(date(2031, 1, 24))


@pytest.mark.parametrize(
    "text",
    [
        "holidays: [{first: '2031-02-30', last: '2031-03-01'}]",
        "holidays: [{first: '2031-03-02', last: '2031-03-01'}]",
        "make_up_days: [somewhen]",
        "holiday: []",
        "announced: [soon]",
        "holidays: [",
    ],
)
def test_days_that_cannot_be_read_name_their_file(text: str) -> None:
    with pytest.raises(CalendarError, match=r"^days\.yaml: "):
        site_days(text, "days.yaml")


def test_what_the_library_says_itself_comes_first() -> None:
    policy = LibraryPolicy(
        closures=(Closure("2026-07-20", "2026-08-23", "暑假"),), make_up_days=("2026-08-15", "2026-10-01")
    )
    calendar = Calendar.of(policy, SiteDays(holidays=(Closure("2026-08-25", "2026-08-25"),)))
    assert not calendar.is_working(date(2026, 7, 20))
    assert not calendar.is_working(date(2026, 8, 21))
    assert calendar.is_working(date(2026, 8, 15))  # a Saturday inside its vacation
    assert calendar.is_working(date(2026, 10, 1))
    assert calendar.is_working(date(2026, 8, 24))
    assert not calendar.is_working(date(2026, 8, 25))
    assert calendar.next_working_day(date(2026, 8, 16)) == date(2026, 8, 24)
    assert PUBLIC.is_working(date(2026, 8, 21))  # and its own only


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-25 14:00", 1, "2026-11-26 14:00"),
        ("2026-11-25 20:00", 1, "2026-11-26 17:30"),  # counts from the next morning
        ("2026-11-25 20:00", 0, "2026-11-26 08:30"),
        ("2026-11-25 06:00", 1, "2026-11-25 17:30"),
        ("2026-11-27 17:30", 0.5, "2026-11-30 13:00"),  # over a weekend
        ("2026-11-28 12:00", 2, "2026-12-01 17:30"),
        ("2026-09-30 16:30", 1, "2026-10-08 16:30"),  # over the golden week
        ("2026-10-09 17:00", 1, "2026-10-10 17:00"),  # into the Saturday worked for it
        ("2025-12-31 13:00", 1, "2026-01-04 13:00"),  # into the next year, whose first working day is a Sunday
    ],
)
def test_clocks_stand_still_while_nobody_works(start: str, days: float, due: str) -> None:
    assert PUBLIC.due(at(start), days) == at(due)


def test_a_vacation_stops_the_clocks_of_that_library_alone() -> None:
    calendar = Calendar((Closure("2026-07-20", "2026-08-23"),))
    assert calendar.due(at("2026-07-17 14:00"), 3) == at("2026-08-26 14:00")
    assert calendar.working_days(at("2026-07-17 17:30"), at("2026-08-24 08:30")) == 0


def test_the_zone_is_that_of_the_library_whatever_the_start_is_in() -> None:
    start = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)  # 07:00 on the 26th in Beijing
    due = PUBLIC.due(start, 1)
    assert due == at("2026-11-26 17:30")
    assert due.tzinfo is UTC


def test_office_hours_are_data() -> None:
    late = Calendar(hours=OfficeHours(14, 22))
    assert late.due(at("2026-11-25 20:00"), 0.5) == at("2026-11-26 16:00")
    with pytest.raises(ValueError, match="none"):
        OfficeHours(18, 9)


@pytest.mark.parametrize(
    ("now", "closed"),
    [("2026-11-27 17:00", 0), ("2026-11-27 18:00", 3), ("2026-11-28 09:00", 2), ("2026-11-25 05:00", 0)],
)
def test_how_long_it_is_closed(now: str, closed: float) -> None:
    assert PUBLIC.closed_days(at(now)) == closed


def test_a_closure_without_an_end_does_not_stop_anybody_else() -> None:
    for_ever = Calendar((Closure("2026-01-01", "9999-12-31"),))
    due = for_ever.due(at("2026-11-27 10:00"), 3)
    assert due > at("2030-01-01 00:00")
    assert for_ever.working_days(at("2026-11-27 10:00"), at("2028-01-01 00:00")) == 0


moments = st.datetimes(datetime(2023, 1, 1), datetime(2028, 12, 31)).map(lambda each: each.replace(tzinfo=CHINA))
closures = st.builds(
    lambda first, days: Closure(str(first), str(first + timedelta(days=days))),
    st.dates(date(2023, 1, 1), date(2028, 6, 1)),
    st.integers(0, 60),
)
calendars = st.builds(
    lambda shut, worked: Calendar(tuple(shut), tuple(map(str, worked))),
    st.lists(closures, max_size=3),
    st.lists(st.dates(date(2023, 1, 1), date(2028, 12, 31)), max_size=5),
)


@given(calendars, moments, st.floats(0.001, 40))
def test_when_it_is_due_so_many_days_have_passed(calendar: Calendar, start: datetime, days: float) -> None:
    due = calendar.due(start, days)
    assert calendar.working_days(start, due) == pytest.approx(days, abs=1e-5)
    assert due > start
    assert calendar.is_working(due.astimezone(CHINA).date())


@given(calendars, moments, st.floats(0, 20), st.floats(0, 20))
def test_a_longer_clock_runs_out_later(calendar: Calendar, start: datetime, one: float, more: float) -> None:
    assert calendar.due(start, one) <= calendar.due(start, one + more)


@given(calendars, moments, moments)
def test_working_days_are_the_office_hours_in_between(calendar: Calendar, one: datetime, other: datetime) -> None:
    start, end = sorted((one, min(other, one + timedelta(days=90))))
    hours, day = 0.0, start.date()
    while day <= end.date():
        if calendar.is_working(day):
            opens = datetime(day.year, day.month, day.day, 8, 30, tzinfo=CHINA)
            inside = min(end, opens + timedelta(hours=9)) - max(start, opens)
            hours += max(0.0, inside.total_seconds() / 3600)
        day += timedelta(days=1)
    assert calendar.working_days(start, end) == pytest.approx(hours / 9, abs=1e-5)
    assert calendar.working_days(end, start) == pytest.approx(-hours / 9, abs=1e-5)


@given(calendars, st.lists(moments, max_size=4), moments)
def test_many_waits_are_measured_at_once(calendar: Calendar, since: list[datetime], now: datetime) -> None:
    one_by_one = [max(0.0, calendar.working_days(each, now)) for each in since]
    assert calendar.waited(since, now) == pytest.approx(one_by_one)


@given(calendars, st.dates(date(2023, 1, 1), date(2028, 6, 1)))
def test_the_next_working_day_is_the_first(calendar: Calendar, day: date) -> None:
    following = calendar.next_working_day(day)
    assert calendar.is_working(following)
    assert not any(calendar.is_working(day + timedelta(days=more)) for more in range((following - day).days))


def test_only_its_adapter_knows_the_package() -> None:
    root = Path(__file__).parents[3]
    rooms = ("mappings", "store", "harvester", "indexer", "routing", "search_api", "tongcang")
    using = set()
    for path in (path for room in rooms for path in (root / room).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "chinese_calendar" in text else ():
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] == "chinese_calendar" for name in names):
                using.add(path.name)
    assert using == {"holidays.py"}
