"""What statistics are of: the requests of a period, narrowed to a library, to a pair of libraries, or to a side.

A request belongs to the day on which it was submitted, by Beijing's clock, whenever it was answered: so any cut of the
time into periods cuts the requests into the same number of parts, and their sums add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from math import ceil, fsum

from msgspec import Struct

from mappings.model import Library
from mappings.requests import SIDES
from routing.calendar import CHINA
from routing.outcomes import Outcome
from routing.prediction import Assessment
from routing.statistics_table import ALL, Column, Label, Naming, heading, words

CROSSING = ("CAPITAL>BALIS", "BALIS>CAPITAL")
"""The two directions that the service between the consortia is about, in the study's order."""

EQUAL = 9
"""Decimals of a mean that count where libraries are ranked by it."""

ENOUGH = 10
"""Under so many cases a mean of days is noise: the study's "fastest" rest on about two requests each."""


class Scope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is looked at. "" = not narrowed."""

    first: date
    last: date  # included
    library: str = ""  # requests that it made or was asked for
    partner: str = ""  # with `library`: only those between the two, either way
    side: str = ""  # requests of a side's readers, or that were asked of it first


class Brought(Struct, frozen=True):
    """Figures of a service from before, or outside, the events: handed in and shown as such, never counted."""

    partner: str
    label: Label
    items: int | None = None  # delivered
    users: int | None = None
    until: str = ""  # ISO date


class Corrections(Struct, frozen=True):
    """Of a library's holdings, opened in the period: what its cataloguers found so far."""

    opened: int = 0
    wrong: int = 0
    right: int = 0


class View(Struct, frozen=True, kw_only=True):
    """Requests with all that their tables are made from."""

    scope: Scope
    outcomes: tuple[Outcome, ...]  # within the scope
    everybody: tuple[Outcome, ...]  # of the period, whoever's: ranks are among all libraries
    libraries: dict[str, Library]
    as_of: datetime  # when the events were read: what is open is open then
    users: dict[str, int] = {}  # readers, by library, within the scope; events don't know them
    brought: tuple[Brought, ...] = ()
    naming: Naming | None = None  # of materials and languages
    assessment: Assessment | None = None  # of the promises made of these requests
    corrections: dict[str, Corrections] = {}  # by library


def view_of(
    outcomes: Iterable[Outcome],
    libraries: Iterable[Library],
    scope: Scope,
    as_of: datetime,
    *,
    users: Mapping[str, int] | None = None,
    brought: Sequence[Brought] = (),
    naming: Naming | None = None,
) -> View:
    """The view of the scope on the outcomes, which may be of other periods and libraries too."""
    everybody = tuple(outcome for outcome in outcomes if scope.first <= day_of(outcome.submitted) <= scope.last)
    known = {library.symbol: library for library in libraries}
    return View(
        scope=scope,
        outcomes=tuple(outcome for outcome in everybody if concerns(outcome, scope)),
        everybody=everybody,
        libraries=known,
        as_of=as_of,
        users=_users(users or {}, known, scope),
        brought=tuple(brought),
        naming=naming,
    )


def _users(users: Mapping[str, int], libraries: Mapping[str, Library], scope: Scope) -> dict[str, int]:
    """Of the libraries and the side that are looked at."""
    named = {scope.library, scope.partner} - {""}
    sides = {symbol: library.consortium for symbol, library in libraries.items()}
    return {
        symbol: count
        for symbol, count in users.items()
        if (not named or symbol in named) and scope.side in ("", sides.get(symbol))
    }


def day_of(moment: datetime) -> date:
    return moment.astimezone(CHINA).date()


def concerns(outcome: Outcome, scope: Scope) -> bool:
    """Whether the request is of the library, the pair and the side; its period is not looked at."""
    if scope.side and scope.side not in (outcome.side, outcome.supplier_side):
        return False
    if not scope.library:
        return True
    asked = {ask.supplier for ask in outcome.sent_asks}
    if not scope.partner:
        return scope.library == outcome.requester or scope.library in asked
    return (outcome.requester == scope.library and scope.partner in asked) or (
        outcome.requester == scope.partner and scope.library in asked
    )


def months(scope: Scope) -> list[str]:
    """All months that the period touches, as YYYY-MM."""
    first, last = (day.year * 12 + day.month - 1 for day in (scope.first, scope.last))
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(first, last + 1)]


def directions(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """The two that cross, whether anything went there or not; then all others that occur. "" = nobody was asked."""
    occurring = {outcome.direction for outcome in outcomes}
    others = sorted(occurring - {*CROSSING, ""})
    return (*CROSSING, *others, *([""] if "" in occurring else []))


def direction_label(code: str) -> Label:
    if code in (ALL, ""):
        return words("directions", code)
    one, other = (words("sides", side) for side in code.split(">", 1))
    return Label(f"{one.zh} → {other.zh}", f"{one.en} → {other.en}")


def direction_column(used: Iterable[str]) -> Column:
    return heading("direction", "code", ((code, direction_label(code)) for code in (*used, ALL)))


def library_label(view: View, symbol: str) -> Label:
    library = view.libraries.get(symbol)
    return Label(library.name_zh, library.name_en) if library else words("libraries", symbol)


def library_column(view: View, code: str, used: Iterable[str]) -> Column:
    return heading(code, "library", ((symbol, library_label(view, symbol)) for symbol in dict.fromkeys(used)))


def side_of(view: View, symbol: str) -> str:
    library = view.libraries.get(symbol)
    return library.consortium if library else ""


def sides(view: View) -> tuple[str, ...]:
    found = {outcome.side for outcome in view.outcomes}
    found |= {ask.side for outcome in view.outcomes for ask in outcome.sent_asks}
    return (*SIDES, *sorted(found - set(SIDES)))


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def mean(values: Sequence[float]) -> float | None:
    """Of equal values in any order, the same to the last digit."""
    return fsum(values) / len(values) if values else None


def median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The smallest value that so many per cent do not exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)] if values else None


def days_to_fill(outcomes: Iterable[Outcome]) -> list[float]:
    return [outcome.days_to_fill for outcome in outcomes if outcome.days_to_fill is not None]


def days_to_end(outcomes: Iterable[Outcome]) -> list[float]:
    """Of what was filled or is certain not to be; what readers ended themselves tells nothing of the libraries."""
    settled = ("filled", "unfilled", "expired")
    return [o.days_to_end for o in outcomes if o.days_to_end is not None and o.final in settled]


def ranks(counts: Mapping[str, int]) -> dict[str, int]:
    """1 for the highest; equals share the better rank (1, 2, 2, 4). Who has nothing has no rank."""
    places = _places(sorted(counts.values(), reverse=True))
    return {code: places[count] for code, count in counts.items() if count}


def ranks_of_least(values: Mapping[str, float]) -> dict[str, int]:
    """1 for the lowest; equals share the better rank. What differs after EQUAL decimals differs by rounding."""
    rounded = {code: round(value, EQUAL) for code, value in values.items()}
    places = _places(sorted(rounded.values()))
    return {code: places[value] for code, value in rounded.items()}


def _places(ordered: Sequence[float]) -> dict[float, int]:
    """The first place at which each value stands."""
    places: dict[float, int] = {}
    for place, value in enumerate(ordered, start=1):
        places.setdefault(value, place)
    return places


def by_count(counts: Mapping[str, int]) -> list[str]:
    """The codes, the most frequent first, equals by name."""
    return sorted(counts, key=lambda code: (-counts[code], code))
