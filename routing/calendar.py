"""When a library works: office hours on its working days, in Chinese time.

What says most of a day comes first: the library's own make-up days, its closures, the site's make-up days, the site's
holidays, what the State Council announced (public holidays; weekends worked for them), weekends. Where nothing was
announced for a year, its weekends and the holidays that fall on the same date each year are free, and the moving ones
(Spring Festival, Qingming …) are not known: `is_announced` says so, and predictions should.

A working day is the span of the office hours; what comes after them counts from the next opening. Inside, a moment is a
float: the ordinal of its local date and the part of that day gone. No clock: every moment is handed in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache

from msgspec import Struct, ValidationError
from msgspec import yaml as yaml_of

from mappings.requests import Closure, LibraryPolicy
from routing.holidays import announced_years, days_off, make_up_days

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""There has been no summer time since 1991, and a fixed offset needs no time-zone data on the machine."""

EVERYBODY = ""
"""Symbol of no library: its calendar is the public one, with the days and hours of the site."""

FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
"""Month and day of the public holidays that never move (as of 2025)."""

YEARS_AHEAD = 5
"""A library that doesn't open within so many years is reckoned to open at their end: a closure that was mistyped must
not stop the clocks of others."""


Spans = tuple[tuple[int, int], ...]
"""Ordinals of the first and last days of closures."""
Layers = tuple[tuple[Spans, frozenset[int]], ...]
"""Closures and make-up days, of the site and then of the library."""


class OfficeHours(Struct, frozen=True, forbid_unknown_fields=True):
    opens: float = 8.5  # hours after midnight
    closes: float = 17.5

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= 24:
            raise ValueError(f"Office hours from {self.opens} to {self.closes} are none.")


class SiteDays(Struct, frozen=True, forbid_unknown_fields=True):
    """What a site knows of the calendar beside the package: years announced since, and days of its own."""

    announced: tuple[int, ...] = ()  # years whose holidays stand whole in `holidays` and `make_up_days`
    holidays: tuple[Closure, ...] = ()
    make_up_days: tuple[str, ...] = ()  # ISO dates


class CalendarError(ValueError):
    """Days that can't be read."""


def site_days(text: str, name: str) -> SiteDays:
    """The site's days as its YAML file `name` writes them: announced, holidays (first, last, reason), make_up_days."""
    try:
        days = yaml_of.decode(text, type=SiteDays)
        _spans(days.holidays)
        _dates(days.make_up_days)
    except (ValidationError, ValueError) as error:
        raise CalendarError(f"{name}: {error}") from error
    return days


def _spans(closures: tuple[Closure, ...]) -> Spans:
    spans = [(date.fromisoformat(each.first).toordinal(), date.fromisoformat(each.last).toordinal())
             for each in closures]  # fmt: skip
    for closure, (first, last) in zip(closures, spans, strict=True):
        if last < first:
            raise CalendarError(f"A closure ends on {closure.last}, before it begins on {closure.first}.")
    return tuple(spans)


def _dates(days: tuple[str, ...]) -> frozenset[int]:
    return frozenset(date.fromisoformat(day).toordinal() for day in days)


@lru_cache(maxsize=4096)
def _year(day: int) -> int:
    return date.fromordinal(day).year


@lru_cache(maxsize=64)
def _public_days(year: int) -> tuple[int, ...]:
    """Ordinals of the working days of a year, as far as the public calendar knows."""
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    if year in announced_years():
        off, on = days_off(year), make_up_days(year)
    else:
        off, on = frozenset(date(year, month, day) for month, day in FIXED_HOLIDAYS), frozenset()
    free, worked = {day.toordinal() for day in off}, {day.toordinal() for day in on}
    # 1 January of the year 1 was a Monday, with the ordinal 1.
    return tuple(day for day in range(first, last + 1) if day in worked or ((day - 1) % 7 < 5 and day not in free))


class Calendar:
    """The working days of one library. It is cheap to make and remembers each year; keep it for many calls."""

    def __init__(
        self,
        closures: tuple[Closure, ...] = (),
        make_up_days: tuple[str, ...] = (),
        site: SiteDays | None = None,
        hours: OfficeHours | None = None,
        zone: tzinfo = CHINA,
    ) -> None:
        site, hours = site or SiteDays(), hours or OfficeHours()
        of_site = _spans(site.holidays), _dates(site.make_up_days)
        self._layers: Layers = (of_site, (_spans(closures), _dates(make_up_days)))
        self._site_years = frozenset(site.announced)
        self._opens, self._hours = hours.opens / 24, (hours.closes - hours.opens) / 24
        self._zone = zone
        self._years: dict[int, tuple[int, ...]] = {}
        self._near: tuple[int, ...] = ()  # working days of the year last asked for, and of the next

    @classmethod
    def of(cls, policy: LibraryPolicy, site: SiteDays | None = None, hours: OfficeHours | None = None) -> Calendar:
        """The calendar of the library with that policy."""
        return cls(policy.closures, policy.make_up_days, site, hours)

    def is_announced(self, year: int) -> bool:
        """Are the public holidays of the year known, or only its weekends and those of a fixed date?"""
        return year in self._site_years or year in announced_years()

    def is_working(self, day: date) -> bool:
        days = self._days(day.year)
        at = bisect_left(days, day.toordinal())
        return at < len(days) and days[at] == day.toordinal()

    def next_working_day(self, day: date) -> date:
        """The first working day from that day on: the day itself where it is one."""
        return date.fromordinal(self._nth(day.toordinal(), 0))

    def closed_days(self, now: datetime) -> float:
        """Calendar days until its next working day; 0 on a working day, until its office closes."""
        moment = self.moment(now)
        today = int(moment) if moment - int(moment) < self._opens + self._hours else int(moment) + 1
        return float(self._nth(today, 0) - int(moment)) if self._nth(today, 0) > int(moment) else 0.0

    def due(self, start: datetime, working_days: float) -> datetime:
        """When so many working days from `start` are over, in the zone of `start`. Whole days of a request that came
        outside of the office hours end when the office closes; 0 days end when it is open next."""
        moment = self.moment(start)
        due = self.after(moment, working_days)
        if due <= moment:
            return start
        return self.instant(due).astimezone(start.tzinfo)

    def working_days(self, start: datetime, end: datetime) -> float:
        """Working days from `start` to `end`, negative where the end comes first."""
        return round(self.worked(self.moment(start), self.moment(end)), 8)  # to a millisecond; the rest is rounding

    def moment(self, at: datetime) -> float:
        """The local date's ordinal and the part of that day gone."""
        local = at.astimezone(self._zone)
        seconds = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
        return local.toordinal() + seconds / 86400

    def instant(self, moment: float) -> datetime:
        """The moment as a local datetime, to the millisecond."""
        whole = int(moment)
        midnight = datetime.combine(date.fromordinal(whole), time(), self._zone)
        return midnight + timedelta(seconds=round((moment - whole) * 86400, 3))

    def after(self, moment: float, working_days: float) -> float:
        """The moment at which so many working days from `moment` are over."""
        return self.further(moment, self.position(moment), working_days)

    def further(self, moment: float, position: tuple[int, float], working_days: float) -> float:
        """As `after`, where the position of the moment is known already."""
        day, gone = position
        if working_days < 1e-6:  # less than a second
            return max(moment, day + self._opens + gone * self._hours)
        gone += working_days
        whole = int(gone + 1e-8)
        rest = gone - whole
        if rest < 1e-8:  # one day from the opening ends with that day, not at the next opening
            whole, rest = whole - 1, 1.0
        return self._nth(day, whole) + self._opens + rest * self._hours

    def differs(self, public: Calendar, moment: float, days: float) -> bool:
        """Whether so many working days from `moment` end at another moment here than by `public`."""
        if self._layers == public._layers and (self._opens, self._hours) == (public._opens, public._hours):
            return False  # the usual case: no closure of its own
        return self.after(moment, days) != public.after(moment, days)

    def open_until(self, moment: float, days: float, public: Calendar, longest: float) -> float:
        """Working days from `moment` until the first closure of more than `longest` working days of `public`, at most
        `days`. One in which the moment falls doesn't count."""
        day, gone = self.position(moment)
        last, open_ = day, 1 - gone
        while open_ < days:
            opens = self._nth(last + 1, 0)
            if public.between(last + 1, opens) > longest:
                return open_
            last, open_ = opens, open_ + 1
        return days

    def missed(self, moment: float, public: Calendar) -> int:
        """Working days of `public` that begin before this one opens; 0 while it is open, or closed with everybody."""
        today = int(moment) if moment - int(moment) < self._opens + self._hours else int(moment) + 1
        return public.between(today, self._nth(today, 0))

    def worked(self, start: float, end: float) -> float:
        """Working days between two moments."""
        if end < start:
            return -self.worked(end, start)
        return self._from_to(self.position(start), self.position(end))

    def waited(self, since: Iterable[datetime], now: datetime) -> list[float]:
        """Working days from each of those instants, 0 where it is still to come."""
        end = self.moment(now)
        last = self.position(end)
        starts = (self.moment(each) for each in since)
        return [self._from_to(self.position(start), last) if start < end else 0.0 for start in starts]

    def _from_to(self, first: tuple[int, float], last: tuple[int, float]) -> float:
        return self.between(first[0], last[0]) + last[1] - first[1]

    def position(self, moment: float) -> tuple[int, float]:
        """The working day on which the moment falls, or the next one, and the part of its office hours that is over."""
        day = int(moment)
        gone = (moment - day - self._opens) / self._hours
        if gone >= 1:
            day, gone = day + 1, 0.0
        working = self._nth(day, 0)
        return working, max(0.0, gone) if working == day else 0.0

    def _nth(self, day: int, count: int) -> int:
        """Ordinal of the working day with `count` working days before it, from `day` on."""
        days = self._near
        if days and days[0] <= day:  # the usual case: the year in which one is, and the next
            at = bisect_left(days, day) + count
            if at < len(days):
                return days[at]
        year = _year(day)
        days = self._near = self._days(year) + self._days(year + 1)
        at = bisect_left(days, day) + count
        ahead = 1
        while at >= len(days):
            at, ahead = at - len(days), ahead + 1
            if ahead >= YEARS_AHEAD + count // 200:
                return day + 366 * YEARS_AHEAD + count
            days = self._days(year + ahead)
        return days[at]

    def between(self, first: int, last: int) -> int:
        """Working days from the day with the ordinal `first` to the day before `last`."""
        year, end = _year(first), _year(last)
        whole = sum(len(self._days(each)) for each in range(year, end))
        return whole + bisect_left(self._days(end), last) - bisect_left(self._days(year), first)

    def _days(self, year: int) -> tuple[int, ...]:
        found = self._years.get(year)
        if found is None:
            found = self._years[year] = _working_days(self._layers, year)
        return found


@lru_cache(maxsize=2048)
def _working_days(layers: Layers, year: int) -> tuple[int, ...]:
    """Ordinals of the year's working days, the later layers over the earlier. They are kept for equal calendars, since
    each transaction makes its own."""
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    days = _public_days(year)
    for spans, worked in layers:
        here = [(max(start, first), min(end, last)) for start, end in spans if start <= last and end >= first]
        more = [day for day in worked if first <= day <= last]
        if here or more:  # most libraries have none in most years, and share the public tuple
            free = {day for start, end in here for day in range(start, end + 1)}
            days = tuple(sorted({day for day in days if day not in free}.union(more)))
    return days
