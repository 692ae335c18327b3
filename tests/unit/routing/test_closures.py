"""What a vacation costs, by hand on a calendar: 2026-11-25 is a Wednesday, and no public holiday is near."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.requests import Closure
from routing.calendar import CHINA, Calendar
from routing.candidates import ClosureCost
from routing.closures import closure_cost, open_until
from routing.score import Ask

PUBLIC = Calendar()
WEDNESDAY = datetime(2026, 11, 25, 13, tzinfo=CHINA)  # half of the day is over
NOON = PUBLIC.moment(WEDNESDAY)


def closed(first: str, last: str) -> Calendar:
    return Calendar((Closure(first, last, "vacation"),))


def on_duty(weekday: int = 2) -> Calendar:
    """Open on one day a week in November and December."""
    days = [datetime(2026, 11, 2) + timedelta(number) for number in range(59)]
    return Calendar(tuple(Closure(f"{day:%F}", f"{day:%F}") for day in days if day.weekday() != weekday))


def cost(office: Calendar, t: float, r: float = 1.0, waits: float = 0.0, limit: float = 4.0) -> ClosureCost:
    """Of a library whose days are certain."""
    return closure_cost(office, PUBLIC, NOON, Ask(0.8, t, r), waits, limit)


def days(number: float) -> Any:
    """To a millisecond, as moments are kept."""
    return pytest.approx(number, abs=1e-6)


def test_who_works_as_everybody_does_costs_nothing() -> None:
    assert cost(Calendar(), 2.0, waits=3.0) == ClosureCost()
    assert cost(closed("2027-01-20", "2027-02-20"), 2.0) == ClosureCost(), "a vacation that is far away"


def test_a_library_that_is_closed_now_puts_everything_off() -> None:
    away = closed("2026-11-23", "2026-12-04")  # opens on Monday: half a day, Thursday, Friday and a week
    assert cost(away, 1.0, 2.0) == ClosureCost(1.0, days(7.5), days(7.5))


def test_who_is_closed_is_put_off_however_little_is_known_of_its_days() -> None:
    """A mean of eight days, most of it in a tail that the clock cuts off."""
    told = closure_cost(closed("2026-11-23", "2026-11-30"), PUBLIC, NOON, Ask(0.5, 8.0, 6.0, 2.1, 2.2), 0.0, 4.0)
    assert told == ClosureCost(1.0, days(3.5), days(3.5))


def test_a_short_closure_in_between_puts_off_what_comes_after_it() -> None:
    away = closed("2026-11-27", "2026-11-30")  # Friday to Monday
    assert cost(away, 1.0, 1.0) == ClosureCost()
    assert cost(away, 2.0, 1.0) == ClosureCost(1.0, days(2.0), days(0.0))


def test_what_would_come_after_a_long_vacation_does_not_come() -> None:
    away = closed("2026-11-27", "2026-12-31")  # open for a day and a half
    assert cost(away, 1.0, 1.0) == ClosureCost(1.0, days(0), days(0))
    assert cost(away, 2.0, 3.0) == ClosureCost(0.0, 0.0, days(1.5 - 3.0)), "it goes on when the library closes"
    assert cost(away, 1.0, 3.0, waits=1.0) == ClosureCost(0.0, 0.0, days(1.5 - 1.0 - 3.0))


def test_of_days_that_are_not_certain_some_come_before_it_closes() -> None:
    away = closed("2026-11-27", "2026-12-31")
    told = closure_cost(away, PUBLIC, NOON, Ask(0.8, 1.5, 1.0, 0.8, 0.8), 0.0, 4.0)
    assert 0.5 < told.in_time < 0.8
    assert told.t < 0, "of what comes at all, the quick part"


def test_one_day_of_duty_a_week_makes_weeks_of_days() -> None:
    assert cost(on_duty(), 1.0, 0.4) == ClosureCost(1.0, days(4.0), days(0.0))
    assert cost(on_duty(3), 0.5, 1.0) == ClosureCost(1.0, days(0.5), days(0.5)), "opens tomorrow"


def test_a_clock_ends_where_a_long_closure_begins() -> None:
    assert open_until(closed("2026-11-27", "2026-12-31"), PUBLIC, NOON, 4.0) == days(1.5)
    assert open_until(closed("2026-11-27", "2026-12-31"), PUBLIC, NOON, 1.0) == 1.0
    assert open_until(closed("2026-11-27", "2026-12-03"), PUBLIC, NOON, 4.0) == 4.0, "five days are not long"
    assert open_until(closed("2026-11-23", "2026-12-31"), PUBLIC, NOON, 4.0) == 4.0, "it is closed already"
    assert open_until(on_duty(), PUBLIC, NOON, 4.0) == 4.0


def test_a_holiday_that_all_have_ends_no_clock() -> None:
    before = PUBLIC.moment(datetime(2026, 2, 13, 13, tzinfo=CHINA))  # Spring Festival is from 15 to 23 February
    assert open_until(PUBLIC, PUBLIC, before, 4.0) == 4.0
    longer = closed("2026-02-14", "2026-02-27")  # two days of working more than everybody
    assert open_until(longer, PUBLIC, before, 4.0) == 4.0
    vacation = closed("2026-02-14", "2026-03-06")
    assert open_until(vacation, PUBLIC, before, 4.0) == days(0.5)


some_days = st.floats(0.05, 6)
closures = st.tuples(st.integers(0, 20), st.integers(0, 40)).map(
    lambda told: closed(f"{WEDNESDAY + timedelta(told[0]):%F}", f"{WEDNESDAY + timedelta(told[0] + told[1]):%F}")
)


@given(closures, some_days, some_days, st.floats(0, 1.5), st.floats(0, 3), st.floats(0.5, 8), st.integers(0, 200))
def test_what_is_left_is_possible(
    office: Calendar, t: float, r: float, spread: float, waits: float, limit: float, hours: int
) -> None:
    moment = PUBLIC.moment(WEDNESDAY + timedelta(hours=hours))
    told = closure_cost(office, PUBLIC, moment, Ask(0.8, t, r, spread, spread), waits, limit)
    assert 0 <= told.in_time <= 1
    assert told.t + t + waits >= -1e-9 and told.r + r + waits >= -1e-9
    end = open_until(office, PUBLIC, moment, waits + limit)
    assert 0 < end <= waits + limit
    assert (told.in_time == 1) or end < waits + limit


@given(closures, st.floats(0.1, 30), st.integers(0, 900))
def test_until_it_closes_a_library_works_nearly_as_everybody_does(office: Calendar, limit: float, hours: int) -> None:
    moment = PUBLIC.moment(WEDNESDAY + timedelta(hours=hours))
    end = open_until(office, PUBLIC, moment, limit)
    begins = office.after(moment, 1e-6)  # where it is closed, its clock begins when it opens
    assert PUBLIC.worked(begins, office.after(moment, end)) <= end + 5 + 1e-6
