"""Statistics from the store: the requests of a period with all that their tables need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from msgspec import structs

from mappings.requests import Event
from routing.calendar import CHINA, Calendar
from routing.network import Network
from routing.outcomes import Hops, Working, outcomes_of
from routing.prediction import Assessment, Prediction, assess
from routing.prediction import Outcome as Arrival
from routing.settings import RoutingSettings, load_network, load_settings
from routing.statistics_table import Naming
from routing.statistics_view import Corrections, Scope, View, day_of, view_of
from store import accounts, choices, performance, request_events
from store.database import Unit

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ALL = 10**9


def read_view(unit: Unit, scope: Scope, now: datetime, naming: Naming | None = None) -> View:
    """The scope as the events tell it now. Users are the readers of each library that were registered by its end."""
    network, settings = load_network(unit), load_settings(unit)
    start, end = _midnight(scope.first), _midnight(scope.last + timedelta(days=1))
    sides = {symbol: library.consortium for symbol, library in network.libraries.items()}
    users = {each.library: each.registered for each in accounts.count_readers(unit, _BEGINNING, end)}
    outcomes = outcomes_of(_events(unit, start, end), sides, working_of(network, settings), hops_of(network))
    view = view_of(outcomes, network.libraries.values(), scope, now, users=users, naming=naming)
    return structs.replace(view, assessment=_assessment(unit, view, start), corrections=_corrections(unit, scope))


def working_of(network: Network, settings: RoutingSettings) -> Working:
    """Working days by each library's own calendar."""
    calendars: dict[str, Calendar] = {}

    def working(symbol: str, first: datetime, last: datetime) -> float:
        if symbol not in calendars:
            calendars[symbol] = Calendar.of(network.policy(symbol), settings.days, settings.hours)
        return max(0.0, calendars[symbol].working_days(first, last))

    return working


def hops_of(network: Network) -> Hops:
    """By the ways that requests take now."""
    return lambda requester, library, subject: network.way(requester, library, subject).path


def _events(unit: Unit, start: datetime, end: datetime) -> Iterator[Event]:
    """All that happened to the requests begun in the period, to this day."""
    for history in request_events.histories(unit, request_events.submitted_between(unit, start, end)):
        yield from history


def _assessment(unit: Unit, view: View, start: datetime) -> Assessment:
    """Of every promise that was made of a request of the view, and whose outcome is known."""
    own = {outcome.request_id for outcome in view.outcomes}
    known = (each for each in choices.scored_choices(unit, start, view.as_of) if each.request_id in own)
    return assess(
        (
            Prediction(each.median_at, each.late_at, each.p_fill),
            Arrival(each.ended if each.filled else None),
        )
        for each in known
    )


def _corrections(unit: Unit, scope: Scope) -> dict[str, Corrections]:
    found: dict[str, Corrections] = {}
    for closed in (False, True):
        for each in performance.corrections_of(unit, scope.library, closed=closed, limit=_ALL):
            if scope.first <= day_of(each.opened) <= scope.last:
                before = found.get(each.library, Corrections())
                found[each.library] = Corrections(
                    before.opened + 1,
                    before.wrong + (each.result == "holding_wrong"),
                    before.right + (each.result == "holding_right"),
                )
    return found


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA).astimezone(UTC)
