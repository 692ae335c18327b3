"""Libraries: who is asked, who asks, and how they answer (the study's §3.3)."""

from __future__ import annotations

from collections import Counter

from routing.outcomes import NOT_ITS_FAULT, Ask
from routing.statistics_table import Cell, Label, Table, coded, heading, table
from routing.statistics_view import (
    ENOUGH,
    View,
    by_count,
    direction_column,
    library_column,
    library_label,
    mean,
    median,
    ranks,
    ranks_of_least,
    share,
    side_of,
)


def asks_by_direction(view: View) -> dict[str, list[tuple[str, Ask]]]:
    """Every ask that was sent, as (requester, ask), by the sides between which it went."""
    found: dict[str, list[tuple[str, Ask]]] = {}
    for outcome in view.outcomes:
        for ask in outcome.sent_asks:
            found.setdefault(f"{outcome.side}>{ask.side}", []).append((outcome.requester, ask))
    return {direction: found[direction] for direction in sorted(found, key=lambda code: -len(found[code]))}


def suppliers_table(view: View) -> Table:
    """Each library that was asked: how often, with what result, and how fast it completes."""
    asked: dict[str, list[Ask]] = {}
    for sent in asks_by_direction(view).values():
        for _, ask in sent:
            asked.setdefault(ask.supplier, []).append(ask)
    whole = sum(map(len, asked.values()))
    means = {symbol: mean(_days(asks)) for symbol, asks in asked.items() if len(_days(asks)) >= ENOUGH}
    speed = ranks_of_least({symbol: days for symbol, days in means.items() if days is not None})
    rows: list[tuple[Cell, ...]] = []
    for symbol in by_count({symbol: len(asks) for symbol, asks in asked.items()}):
        asks = asked[symbol]
        counts = Counter(ask.outcome for ask in asks)
        fair = [ask for ask in asks if ask.code not in NOT_ITS_FAULT and ask.outcome not in ("open", "withdrawn")]
        days = _days(asks)
        rows.append(
            (symbol, side_of(view, symbol), len(asks), share(len(asks), whole), counts["filled"], counts["refused"],
             counts["forwarded"], counts["silent"], len(asks) - sum(counts[each] for each in _COUNTED),
             share(counts["filled"], len(fair)), len(days), mean(days), median(days),
             speed.get(symbol))
        )  # fmt: skip
    columns = (
        library_column(view, "supplier", asked),
        coded("side", "sides", (side_of(view, symbol) for symbol in asked)),
        heading("asked", "count"),
        heading("share", "share"),
        *(heading(each, "count") for each in (*_COUNTED, "rest")),
        heading("fill_of_answered", "share"),
        heading("timed", "count"),
        heading("mean_completion", "days"),
        heading("median_completion", "days"),
        heading("rank_speed", "rank"),
    )
    return table("suppliers", columns, rows, (_fastest(view, speed), "few_is_noise"))


_COUNTED = ("filled", "refused", "forwarded", "silent")


def _days(asks: list[Ask]) -> list[float]:
    return [ask.days for ask in asks if ask.outcome == "filled" and ask.days is not None]


def _fastest(view: View, speed: dict[str, int]) -> Label:
    """The first three; of equals at the third place all, since names decide nothing."""
    if not speed:
        return Label(f"没有一家馆满 {ENOUGH} 件，不评最快。", f"None has {ENOUGH} timed fills, so none is the fastest.")
    first = sorted((rank, symbol) for symbol, rank in speed.items() if rank <= 3)
    named = [library_label(view, symbol) for _, symbol in first]
    return Label(
        f"满 {ENOUGH} 件的馆中最快：{'、'.join(label.zh for label in named)}。",
        f"Fastest of those with {ENOUGH} or more timed fills: {', '.join(label.en for label in named)}.",
    )


def reach_table(view: View) -> Table:
    """How many libraries each direction reached, and how much of it lies with the two busiest."""
    rows: list[tuple[Cell, ...]] = []
    used: list[str] = []
    for direction, asks in asks_by_direction(view).items():
        suppliers = Counter(ask.supplier for _, ask in asks)
        requesters = Counter(requester for requester, _ in asks)
        top, asking = by_count(suppliers)[:2], by_count(requesters)[:3]
        used += (*top, *asking)
        busiest = share(sum(suppliers[symbol] for symbol in top), len(asks))
        rows.append(
            (direction, len(asks), len(suppliers), *_filled_up(top, 2), busiest, len(requesters),
             *_filled_up(asking, 3), share(sum(requesters[symbol] for symbol in asking), len(asks)))
        )  # fmt: skip
    columns = (
        direction_column(asks_by_direction(view)),
        heading("asked", "count"),
        heading("reached", "count"),
        *(library_column(view, f"busiest{place}", used) for place in (1, 2)),
        heading("busiest_share", "share"),
        heading("requesters", "count"),
        *(library_column(view, f"requester{place}", used) for place in (1, 2, 3)),
        heading("top3_share", "share"),
    )
    return table("reach", columns, rows, ("every_ask",))


def _filled_up(symbols: list[str], length: int) -> list[str | None]:
    return [*symbols, *[None] * (length - len(symbols))]


def requesters_table(view: View) -> Table:
    """§3.3: the libraries whose readers asked, by direction, the busiest first."""
    counts = Counter((o.direction, o.requester) for o in view.outcomes if o.supplier)
    whole = Counter(outcome.direction for outcome in view.outcomes)
    order = [code for code in sorted(whole, key=lambda code: (-whole[code], code)) if code]
    rows: list[tuple[Cell, ...]] = []
    for direction in order:
        own = {requester: n for (where, requester), n in counts.items() if where == direction}
        place = ranks(own)
        rows += ((direction, place[r], r, own[r], share(own[r], whole[direction])) for r in by_count(own))
    columns = (
        direction_column(order),
        heading("rank", "rank"),
        library_column(view, "requester", (requester for _, requester in counts)),
        heading("n", "count"),
        heading("share", "share"),
    )
    return table("requesters", columns, rows)
