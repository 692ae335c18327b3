"""Results: what became of the requests, why not, and in how many days (the study's §3.3 and its yardstick).

The mean days of filled requests is shown since the study shows it, and is no target: it worsens when harder requests
get filled. days14 and the share filled within three days have all requests below the line and can't be improved by
failing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from mappings.requests import REASONS
from routing.outcomes import CONDITION_REJECTED, FINALS, Outcome
from routing.statistics_table import ALL, Cell, Column, Table, coded, heading, table, words
from routing.statistics_view import (
    View,
    days_to_end,
    days_to_fill,
    direction_column,
    direction_label,
    directions,
    library_column,
    mean,
    median,
    percentile,
    share,
)

UNFILLED_DAYS = 14
"""days14 counts an unfilled request, and any that took longer, as so many days."""

TARGET_DAYS, TARGET_SHARE = 2, 0.8
"""The service target (§3.3): BALIS's own requests, over 80 % filled, in two days on average."""

BINS = (1, 2, 3, 5, 7, 10, 14)
"""Upper ends, in days, of the histogram's bins; behind the last comes what took longer."""

ANSWERED = ("filled", "refused", "forwarded", "silent")


def rows_by_direction(view: View, row: Callable[[Sequence[Outcome]], Iterable[Cell]]) -> Iterator[tuple[Cell, ...]]:
    """A row for each direction, and one for all."""
    for direction in directions(view.outcomes):
        yield (direction, *row([outcome for outcome in view.outcomes if outcome.direction == direction]))
    yield (ALL, *row(view.outcomes))


def _column(view: View) -> Column:
    return direction_column(directions(view.outcomes))


def outcomes_table(view: View) -> Table:
    """§3.3: what the library asked first answered, and the days it took."""

    def row(outcomes: Sequence[Outcome]) -> Iterator[Cell]:
        n = len(outcomes)
        counts = Counter(outcome.first for outcome in outcomes)
        numbers = [*(counts[answer] for answer in ANSWERED), n - sum(counts[answer] for answer in ANSWERED)]
        yield n
        for number in numbers:
            yield number
            yield share(number, n)
        filled, ended = days_to_fill(outcomes), days_to_end(outcomes)
        yield from (mean(filled), median(filled), mean(ended), median(ended))
        yield mean([o.working_to_fill for o in outcomes if o.working_to_fill is not None])

    columns = [_column(view), heading("n", "count")]
    for answer in (*ANSWERED, "rest"):
        columns += [heading(answer, "count"), heading(f"{answer}_share", "share")]
    days = ("mean_filled", "median_filled", "mean_end", "median_end", "working_filled")
    columns += [heading(code, "days") for code in days]
    return table("outcomes", columns, rows_by_direction(view, row), ("first_answer", "filled_only", "calendar_days"))


def finals_table(view: View) -> Table:
    """Where each request stands or ended: every one in exactly one column."""

    def row(outcomes: Sequence[Outcome]) -> Iterator[Cell]:
        counts = Counter(outcome.final for outcome in outcomes)
        yield len(outcomes)
        yield from (counts[final] for final in FINALS)
        yield mean([float(len(outcome.sent_asks)) for outcome in outcomes if outcome.supplier])

    columns = (
        _column(view),
        heading("n", "count"),
        *(Column(final, words("finals", final), "count") for final in FINALS),
        heading("asks_mean", "days"),
    )
    return table("finals", columns, rows_by_direction(view, row))


def forwarded_table(view: View) -> Table:
    """§3.3, followed up: of the requests first forwarded, how they ended; and between what the fill rate lies."""

    def row(outcomes: Sequence[Outcome]) -> Iterator[Cell]:
        counts = Counter(outcome.final for outcome in outcomes if outcome.first == "forwarded")
        ended = ("filled", "unfilled", "forwarded", "open")
        yield sum(counts.values())
        yield from (counts[final] for final in ended)
        yield sum(counts.values()) - sum(counts[final] for final in ended)
        filled = sum(outcome.final == "filled" for outcome in outcomes)
        unknown = sum(outcome.final == "forwarded" for outcome in outcomes)
        yield share(filled, len(outcomes))
        yield share(filled + unknown, len(outcomes))

    columns = (
        _column(view),
        heading("forwarded_first", "count"),
        *(Column(f"end_{final}", words("finals", final), "count") for final in ("filled", "unfilled", "forwarded")),
        Column("end_open", words("finals", "open"), "count"),
        heading("end_other", "count"),
        heading("fill_least", "share"),
        heading("fill_most", "share"),
    )
    return table("forwarded", columns, rows_by_direction(view, row), ("fill_between",))


def judged(view: View, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those whose service can be judged: not taken back or joined by the reader, and not too young to tell."""
    old = view.as_of - timedelta(days=UNFILLED_DAYS)
    return [
        outcome
        for outcome in outcomes
        if outcome.final in ("filled", "unfilled", "expired")
        or (outcome.final in ("open", "forwarded") and outcome.submitted <= old)
    ]


def days14(outcomes: Sequence[Outcome]) -> float | None:
    """Mean of the days to fill, 14 at most, and 14 where it was not filled."""
    return mean([min(UNFILLED_DAYS, UNFILLED_DAYS if o.days_to_fill is None else o.days_to_fill) for o in outcomes])


def within(outcomes: Sequence[Outcome], days: float) -> float | None:
    """Share of the requests that were filled in so many days."""
    return share(sum(1 for o in outcomes if o.days_to_fill is not None and o.days_to_fill <= days), len(outcomes))


def headline_table(view: View) -> Table:
    """The measures to go by, and the target of the service."""

    def row(outcomes: Sequence[Outcome]) -> Iterator[Cell]:
        known = judged(view, outcomes)
        filled = days_to_fill(known)
        fill, soon, average = share(len(filled), len(known)), within(known, TARGET_DAYS), mean(filled)
        yield from (len(known), days14(known), within(known, 3), fill, soon)
        yield _met(None if soon is None else soon >= TARGET_SHARE)
        yield from (median(filled), percentile(filled, 90), percentile(days_to_end(known), 90), average)
        yield _met(None if fill is None else fill > TARGET_SHARE and average is not None and average <= TARGET_DAYS)

    columns = (
        _column(view),
        heading("judged", "count"),
        heading("days14", "days"),
        heading("within3", "share"),
        heading("fill", "share"),
        heading("within2", "share"),
        _met_column("target"),
        heading("median_filled", "days"),
        heading("p90_filled", "days"),
        heading("p90_end", "days"),
        heading("mean_filled", "days"),
        _met_column("target_study"),
    )
    notes = ("judged", "target", "mean_caveat", "calendar_days")
    return table("headline", columns, rows_by_direction(view, row), notes)


def _met(met: bool | None) -> Cell:
    return None if met is None else "yes" if met else "no"


def _met_column(code: str) -> Column:
    return heading(code, "met", ((met, words("met", met)) for met in ("yes", "no")))


def refusals_table(view: View) -> Table:
    """Why libraries refused, every ask counted; what is not held comes first, since it is a fault of the catalogue."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in view.outcomes:
        for ask in outcome.sent_asks:
            if ask.outcome == "refused":
                counts[ask.code, f"{outcome.side}>{ask.side}"] += 1
    used = list(dict.fromkeys((*directions(view.outcomes), *sorted(direction for _, direction in counts))))
    whole = sum(counts.values())
    totals = Counter(dict.fromkeys(REASONS, 0))
    for (code, _), count in counts.items():
        totals[code] += count
    order = {code: place for place, code in enumerate((*REASONS, CONDITION_REJECTED))}
    reasons = sorted(totals, key=lambda code: (code != "NotHeld", -totals[code], order.get(code, len(order)), code))
    shown = [code for code in reasons if totals[code] or code == "NotHeld"]
    rows = [
        (code, *(counts[code, direction] for direction in used if direction), totals[code], share(totals[code], whole))
        for code in shown
    ]
    columns = (
        coded("reason", "reasons", shown),
        *(Column(direction, direction_label(direction), "count") for direction in used if direction),
        heading("total", "count"),
        heading("share", "share"),
    )
    return table("refusals", columns, rows, ("every_ask",))


def histogram(view: View) -> Table:
    """Requests by the days until they were filled; those of which it can't be told yet stand in the last row."""
    used = directions(view.outcomes)
    known = {outcome.request_id for outcome in judged(view, view.outcomes)}
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in view.outcomes:
        counts[_bin(outcome, outcome.request_id in known), outcome.direction] += 1
    bins = [*(f"<={upper}" for upper in BINS), f">{BINS[-1]}", "unfilled", "untold"]
    rows: list[tuple[Cell, ...]] = []
    for each in bins:
        numbers = [counts[each, direction] for direction in used]
        rows.append((each, *numbers, sum(numbers)))
    columns = (
        coded("days", "bins", bins),
        *(Column(direction or "not_asked", direction_label(direction), "count") for direction in used),
        heading("total", "count"),
    )
    return table("days", columns, rows)


def _bin(outcome: Outcome, known: bool) -> str:
    days = outcome.days_to_fill
    if days is None:
        return "unfilled" if known else "untold"
    return next((f"<={upper}" for upper in BINS if days <= upper), f">{BINS[-1]}")


def unfilled_titles(view: View) -> Table:
    """What readers asked for and did not get, the most wanted first: a list for acquisitions."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in view.outcomes:
        if outcome.final in ("unfilled", "expired") and outcome.title:
            found.setdefault((outcome.record_id, outcome.title), []).append(outcome)
    rows: list[tuple[Cell, ...]] = []
    for (record_id, title), requests in sorted(found.items(), key=lambda item: (-len(item[1]), item[0][1])):
        last = max(requests, key=lambda outcome: outcome.submitted)
        rows.append((title, record_id or None, len(requests), len({o.requester for o in requests}), last.requester))
    columns = (
        heading("title", "text"),
        heading("record_id", "text"),
        heading("n", "count"),
        heading("libraries", "count"),
        library_column(view, "last_requester", (str(row[4]) for row in rows)),
    )
    return table("unfilled_titles", columns, rows)
