"""The public holidays of China and the weekends that are worked for them (调休), as the State Council announces them
each autumn for the year after. The only file that knows the package chinesecalendar."""

from __future__ import annotations

from datetime import date

from chinese_calendar import constants

_KNOWN = range(min(constants.holidays).year, max(constants.holidays).year + 1)


def announced_years() -> range:
    """The years of which the package knows what was announced."""
    return _KNOWN


def days_off(year: int) -> frozenset[date]:
    """The holidays of an announced year, days taken from a weekend's place (调休) included."""
    return frozenset(day for day in constants.holidays if day.year == year)


def make_up_days(year: int) -> frozenset[date]:
    """The Saturdays and Sundays of an announced year that are worked for them."""
    return frozenset(day for day in constants.workdays if day.year == year)
