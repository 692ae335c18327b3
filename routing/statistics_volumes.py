"""Volumes: how much was asked for, by whom, when and of what (the study's §3.1, §3.2 and §2.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from mappings.requests import SIDES
from routing.outcomes import Outcome
from routing.statistics_table import ALL, Cell, Column, Label, Table, coded, codes, heading, table, words
from routing.statistics_view import (
    Brought,
    View,
    by_count,
    day_of,
    direction_column,
    direction_label,
    directions,
    library_column,
    library_label,
    months,
    ranks,
    share,
    side_of,
    sides,
)


class Traffic(Struct):
    """What went through a library or a side. A request counts once, however often it was asked there."""

    submitted: int = 0  # by its readers
    sent: int = 0  # of these, asked of some library
    received: int = 0  # that it was asked for
    filled: int = 0  # of its readers' requests, by whomever
    supplied: int = 0  # filled by it


def traffic_of(outcomes: Iterable[Outcome], key: Callable[[str, str], str]) -> dict[str, Traffic]:
    """By `key(symbol, side)`: the symbol itself, or its side."""
    found: dict[str, Traffic] = {}

    def at(symbol: str, side: str) -> Traffic:
        return found.setdefault(key(symbol, side), Traffic())

    for outcome in outcomes:
        asked = {key(ask.supplier, ask.side): ask for ask in outcome.sent_asks}
        own = at(outcome.requester, outcome.side)
        own.submitted += 1
        own.sent += bool(asked)
        own.filled += outcome.final == "filled"
        for ask in asked.values():
            at(ask.supplier, ask.side).received += 1
        if outcome.final == "filled":
            side = next((ask.side for ask in outcome.asks if ask.supplier == outcome.filled_by), "")
            at(outcome.filled_by, side).supplied += 1
    return found


def totals(view: View) -> Table:
    """§3.1: all in all, and by side."""
    traffic = traffic_of(view.outcomes, lambda symbol, side: side)
    used = sides(view)
    users: Counter[str] = Counter()
    for symbol, count in view.users.items():
        users[side_of(view, symbol)] += count
    rows: list[tuple[Cell, ...]] = []
    for side in used:
        t = traffic.get(side, Traffic())
        rows.append((side, t.submitted, t.sent, t.received, t.filled, t.supplied, users.get(side)))
    every = list(traffic.values())
    asked = sum(1 for outcome in view.outcomes if outcome.supplier)
    filled = sum(t.filled for t in every)
    supplied = sum(t.supplied for t in every)
    # A request that went to both sides was received by each, and is one request all the same.
    rows.append((ALL, len(view.outcomes), asked, asked, filled, supplied, sum(users.values()) or None))
    columns = (
        coded("side", "sides", (*used, ALL)),
        *(heading(code, "count") for code in ("submitted", "sent", "received", "filled_for", "supplied", "users")),
    )
    return table("totals", columns, rows, ("received_once",))


def library_ranks(view: View) -> Table:
    """§3.1: each library's place by what it received and what it sent, among all of the period."""
    traffic = traffic_of(view.everybody, lambda symbol, side: symbol)
    sent = ranks({symbol: t.sent for symbol, t in traffic.items()})
    received = ranks({symbol: t.received for symbol, t in traffic.items()})
    shown = {view.scope.library, view.scope.partner} - {""} or set(traffic)
    rows = [
        (symbol, side_of(view, symbol), t.sent, sent.get(symbol), t.received, received.get(symbol), t.supplied)
        for symbol, t in sorted(traffic.items(), key=lambda item: (-item[1].received - item[1].sent, item[0]))
        if symbol in shown and (t.sent or t.received)
    ]
    columns = (
        library_column(view, "library", (row[0] for row in rows)),
        coded("side", "sides", (row[1] for row in rows)),
        heading("sent", "count"),
        heading("rank_sent", "rank"),
        heading("received", "count"),
        heading("rank_received", "rank"),
        heading("supplied", "count"),
    )
    among = f"{len(sent)} / {len(received)}"
    note = Label(f"参与排名的馆数（发出 / 受理）：{among}。", f"Libraries ranked by sent / received: {among}.")
    return table("ranks", columns, rows, (note,))


def by_month(view: View) -> Table:
    """Requests submitted, month by month and direction; a month without any has its row too."""
    return _by_time(view, "months", "month", months(view.scope), lambda o: f"{day_of(o.submitted):%Y-%m}")


def by_year(view: View) -> Table:
    years = [str(year) for year in range(view.scope.first.year, view.scope.last.year + 1)]
    return _by_time(view, "years", "year", years, lambda o: f"{day_of(o.submitted):%Y}")


def _by_time(view: View, code: str, unit: str, times: list[str], time: Callable[[Outcome], str]) -> Table:
    return _crossed(view, code, heading(unit, "text"), times, time)


def _crossed(view: View, code: str, first: Column, keys: Iterable[str], key: Callable[[Outcome], str]) -> Table:
    """How many requests of each key went in each direction."""
    used = directions(view.outcomes)
    counts = Counter((key(outcome), outcome.direction) for outcome in view.outcomes)
    rows: list[tuple[Cell, ...]] = []
    for each in keys:
        numbers = [counts[each, direction] for direction in used]
        rows.append((each, *numbers, sum(numbers)))
    columns = (
        first,
        *(Column(direction or "not_asked", direction_label(direction), "count") for direction in used),
        heading("total", "count"),
    )
    return table(code, columns, rows)


def by_partner(view: View) -> Table:
    """§3.1: yearly volume against each library of another side: asked of it, filled by it, and asked by its readers."""
    found: dict[tuple[str, str], list[int]] = {}
    for outcome in view.outcomes:
        year = f"{day_of(outcome.submitted):%Y}"
        across = {ask.supplier for ask in outcome.sent_asks if ask.side != outcome.side}
        for symbol in across:
            counts = found.setdefault((year, symbol), [0, 0, 0])
            counts[0] += 1
            counts[1] += outcome.filled_by == symbol
        if across:
            found.setdefault((year, outcome.requester), [0, 0, 0])[2] += 1
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -item[1][0] - item[1][2], item[0][1]))
    rows: list[tuple[Cell, ...]] = [(year, symbol, *counts) for (year, symbol), counts in ordered]
    columns = (
        heading("year", "text"),
        library_column(view, "partner", (symbol for _, symbol in found)),
        heading("asked_of", "count"),
        heading("supplied", "count"),
        heading("asked_by", "count"),
    )
    return table("partners", columns, rows)


def by_subject(view: View) -> Table:
    """§3.2, Figure 3: main classes of the CLC by direction, the most asked-for first."""
    counts = Counter(outcome.subject for outcome in view.outcomes)
    used = by_count(counts)
    return _crossed(view, "subjects", coded("subject", "subjects", used), used, lambda o: o.subject)


def by_material(view: View) -> Table:
    counts = Counter(outcome.material for outcome in view.outcomes)
    return _crossed(view, "materials", _named(view, "materials", "material", counts), by_count(counts), _material)


def by_language(view: View) -> Table:
    counts = Counter(outcome.language for outcome in view.outcomes)
    return _crossed(view, "languages", _named(view, "languages", "language", counts), by_count(counts), _language)


def by_type_and_language(view: View) -> Table:
    """§3.2: what kind of thing in what language, by direction, the most asked-for first."""
    counts = Counter((o.direction, o.material, o.language) for o in view.outcomes)
    order = directions(view.outcomes)
    whole = Counter(outcome.direction for outcome in view.outcomes)
    ordered = sorted(counts.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0]))
    rows: list[tuple[Cell, ...]] = [(*key, count, share(count, whole[key[0]])) for key, count in ordered]
    columns = (
        direction_column(order),
        _named(view, "materials", "material", (material for _, material, _ in counts)),
        _named(view, "languages", "language", (language for _, _, language in counts)),
        heading("n", "count"),
        heading("share", "share"),
    )
    return table("types", columns, rows)


def _material(outcome: Outcome) -> str:
    return outcome.material


def _language(outcome: Outcome) -> str:
    return outcome.language


def _named(view: View, names: str, code: str, used: Iterable[str]) -> Column:
    """A column whose words are known to the caller; what nobody told has its own word here."""

    def label(each: str) -> Label:
        told = view.naming(names, each) if view.naming and each else None
        return told or words("not_told", each)

    return heading(code, "code", ((each, label(each)) for each in dict.fromkeys(used)))


def services(view: View) -> Table:
    """Copy or loan, standard or rush, and the way in which the request was made."""
    counts = Counter((o.service, o.level, o.source) for o in view.outcomes)
    rows = [(*key, n, share(n, len(view.outcomes))) for key, n in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]
    columns = (
        coded("service", "services", (*codes("services"), *(key[0] for key in counts))),
        coded("level", "levels", (*codes("levels"), *(key[1] for key in counts))),
        coded("source", "sources", (*codes("sources"), *(key[2] for key in counts))),
        heading("n", "count"),
        heading("share", "share"),
    )
    return table("services", columns, rows)


def _whole(view: View, brought: Brought | None, counted: int) -> int | None:
    """What was handed in and what is counted; None = they overlap, or how much there was before is not known."""
    if brought is None:
        return counted
    if brought.items is None or brought.until >= view.scope.first.isoformat():
        return None
    return brought.items + counted


def partner_totals(view: View) -> Table:
    """§2.1: what each side and each outside partner has delivered: handed in from before, and counted here."""
    supplied = Counter(outcome.filled_by for outcome in view.outcomes if outcome.final == "filled")
    counted: Counter[str] = Counter()
    for symbol, count in supplied.items():
        side = side_of(view, symbol)
        counted[side if side in SIDES else symbol] += count
    told = {brought.partner: brought for brought in view.brought}
    rows: list[tuple[Cell, ...]] = []
    for partner in (*told, *(each for each in by_count(counted) if each not in told)):
        b = told.get(partner)
        before = b.items if b else None
        rows.append(
            (partner, b.users if b else None, before, b.until if b and b.until else None, counted[partner],
             _whole(view, b, counted[partner]))
        )  # fmt: skip
    labels = {partner: b.label for partner, b in told.items()}
    for partner in counted:
        label = words("sides", partner) if partner in SIDES else library_label(view, partner)
        labels.setdefault(partner, label)
    columns = (
        heading("partner", "code", labels.items()),
        heading("users", "count"),
        heading("items_before", "count"),
        heading("until", "text"),
        heading("items_counted", "count"),
        heading("items_total", "count"),
    )
    return table("partner_totals", columns, rows, ("brought",) if told else ())
