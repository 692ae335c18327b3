"""Which clocks run while a request is in a state, and when they run out. Pure.

Two stages for a library that is asked, as DOCLINE has them: to say that it has seen the request, and to act on it; in
working days of that library (routing.md §3). Silence is an answer, so every state in which somebody else has the word
has a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct

from routing.calendar import CHINA, EVERYBODY, Calendar
from routing.case import Case, Entry
from routing.closures import LONGEST, open_until
from routing.network import Network
from store.timers import Timer


class ClockSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Working days, but for `grace`, which is in calendar days. (Clocks of a library itself stand in its policy.)"""

    condition: float = 2.0  # to accept what a supplier asks for; then it is rejected
    cancel: float = 1.0  # for a library to answer that it stops; then it is taken to have
    escalate: float = 3.0  # for a desk to find out what is meant; then another one has it
    receive: float = 5.0  # for a reader to say that a copy is good; then it is taken to be
    decide: float = 10.0  # for a reader to decide what he was told; then the request lapses
    idle: float = 20.0  # for officers to take up what nobody supplied, or a loan that came; then it lapses
    lent: float = 120.0  # for a loan to come back, of which nobody says that it did
    grace: float = 1.0  # days after `need_before`


CalendarOf = Callable[[str], Calendar]

ENTRY_KIND = {
    "sent": "receipt", "received": "action", "accepted": "action", "conditional": "condition", "deferred": "retry",
    "cancel_sent": "cancel",
}  # fmt: skip


def entry_timer(
    case: Case, entry: Entry, since: datetime, network: Network, calendars: CalendarOf, settings: ClockSettings
) -> Timer | None:
    """The clock of the entry in its state, which it has been in since; None = it has none. A deferred entry's clock is
    set by what the library said, see `retry_timer`.

    Where a library closes for long, what lies there unanswered goes on to the next when it closes, and not after the
    vacation; nor is a library that is closed waited for to say that it stops."""
    kind = ENTRY_KIND.get(entry.state)
    if kind is None or kind == "retry":
        return None
    policy = network.policy(entry.supplier)
    rush = case.wish is not None and case.wish.level == "rush"
    days = {
        "receipt": policy.rush_days if rush else policy.receipt_days,
        "action": policy.rush_days if rush else policy.action_days,
        "condition": settings.condition,
        "cancel": settings.cancel,
    }[kind]
    if kind == "condition":
        return Timer(case.request_id, entry.number, kind, calendars(case.requester).due(since, days))
    office, public = calendars(entry.supplier), calendars(EVERYBODY)
    if kind == "cancel" and entry.code == "undelivered":
        due = since  # it has never heard of the request, and nobody waits for it to say so
    elif kind == "cancel":
        due = min(office.due(since, days), public.due(since, days))
    else:
        due = office.due(since, open_until(office, public, office.moment(since), days))
    return Timer(case.request_id, entry.number, kind, due)


def has_closed(supplier: str, now: datetime, calendars: CalendarOf) -> bool:
    """For long: it can't be blamed for its silence."""
    office = calendars(supplier)
    return office.missed(office.moment(now), calendars(EVERYBODY)) > LONGEST


LONGEST_WAIT = timedelta(days=60)
"""A library that wants to be asked again later than this is as good as silent."""


def retry_timer(case: Case, entry: Entry, until: str, since: datetime, calendars: CalendarOf) -> Timer:
    """Of a library that said when it may be asked again (ISO time or date): not before a working day is over, which is
    also what is taken where it said nothing that can be read."""
    soonest = calendars(entry.supplier).due(since, 1.0)
    try:
        wanted = datetime.fromisoformat(until)
        wanted = (wanted if wanted.tzinfo else wanted.replace(tzinfo=CHINA)).astimezone(UTC)
    except (ValueError, OverflowError):
        wanted = soonest
    return Timer(case.request_id, entry.number, "retry", min(max(wanted, soonest), max(since + LONGEST_WAIT, soonest)))


def request_timers(case: Case, since: datetime, calendars: CalendarOf, settings: ClockSettings) -> list[Timer]:
    """The clocks of the request in its state, beside that of the day by which it is needed."""

    def timer(kind: str, whose: str, days: float) -> Timer:
        return Timer(case.request_id, 0, kind, calendars(whose).due(since, days))

    match case.state:
        case "blank":
            return [
                timer("escalate", case.desk, settings.escalate),
                timer("lapse", case.desk, settings.escalate + settings.idle),
            ]
        case "delivered" if not case.is_loan:
            return [timer("receive", case.requester, settings.receive)]
        case "draft" | "owned" | "dup_hold" | "restricted":
            return [timer("lapse", case.requester, settings.decide)]
        case "review" | "delivered":
            return [timer("lapse", case.requester, settings.idle)]
        case "on_loan":
            return [timer("lapse", case.requester, settings.lent)]
    return []


OF_A_STATE = ("escalate", "receive", "lapse", "resume")
"""Kinds of timers that end with the state of the request in which they were set."""


def resume_timer(case: Case, now: datetime, supplier: str, calendars: CalendarOf) -> Timer:
    """When the library takes requests again that has had as many today as it takes on a day: its next working
    morning."""
    tomorrow = now.astimezone(CHINA).date() + timedelta(days=1)
    morning = datetime.combine(calendars(supplier).next_working_day(tomorrow), time(), CHINA)
    return Timer(case.request_id, 0, "resume", calendars(supplier).due(morning, 0.0).astimezone(UTC))


def expiry(case: Case, settings: ClockSettings) -> Timer | None:
    """When the day is over by which it is needed, and the grace; None = it may come whenever."""
    if case.wish is None or not case.wish.need_before:
        return None
    last = date.fromisoformat(case.wish.need_before)
    over = datetime.combine(last, time(), CHINA) + timedelta(days=1 + settings.grace)
    return Timer(case.request_id, 0, "expire", over.astimezone(UTC))
