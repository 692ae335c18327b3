"""Who may supply a request, as the live union catalogue, the libraries' policies and their past say; read from the
store.

Holding and willingness are separate facts: that a library holds an item comes from its catalogue (and from what it has
said of that holding since), that it will send it from what it has sent before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from mappings.model import Holder, Holding, UnionRecord
from mappings.requests import LibraryPolicy, Wish
from routing.calendar import CHINA, EVERYBODY
from routing.candidates import Candidate, ClosureCost, days_of_queue
from routing.citation_parts import count_pages
from routing.closures import closure_cost
from routing.coverage import covers
from routing.estimates import Estimate, HoldingPast, HoldingTrust, Tally, estimate, faded, holding_trust
from routing.learning import day_of, tally_decoder, tally_keys
from routing.network import Network
from routing.pasts import pasts_of
from routing.score import Ask
from routing.states import ACTIVE
from routing.work import Work
from store import performance, requests

BEST_FIRST = ("available", "reference", "", "on_loan", "in_process", "missing", "withdrawn")
"""Statuses of holdings, the one that promises most first."""

PARTNER_TRUST = HoldingTrust(c=0.5, a=0.95)
"""In partners whose catalogues we don't have: whether they hold it is not known."""


def find_candidates(work: Work) -> list[Candidate]:
    """Every library that holds it, and behind them the partners, each with what speaks for and against asking it."""
    network, case, union = work.network, work.case, work.union
    assert case.wish is not None
    holders = {holder.library: holder for holder in union.holders} if union else {}
    symbols = [symbol for symbol in holders if symbol not in (case.requester, case.branch)]
    if case.partners or work.around.settings.partners_automatic or not symbols:
        symbols += [symbol for symbol in network.externals if symbol not in holders and symbol != case.requester]
    known = _Known(work, symbols)
    return [_candidate(work, known, symbol, holders.get(symbol), union) for symbol in symbols]


class _Known:
    """What the store knows of these libraries, read at once: a rota has a hundred of them."""

    def __init__(self, work: Work, symbols: Sequence[str]) -> None:
        unit, around = work.unit, work.around
        record = work.case.wish.citation.record_id if work.case.wish else ""
        self.keys = {symbol: tally_keys(around.network, work.case, symbol) for symbol in symbols}
        texts = performance.tallies(unit, {key for keys in self.keys.values() for key in keys})
        # Faded here: those of a type and of a consortium are shared by many libraries.
        today, half_life = day_of(work.now), around.settings.rota.estimates.half_life
        self.tallies: Mapping[str, Tally] = {
            key: faded(tally_decoder.decode(text), today, half_life) for key, text in texts.items()
        }
        self.pasts = pasts_of(unit, record, symbols)
        since = work.now - timedelta(days=around.settings.fairness_days)
        self.open = requests.open_since(unit, symbols, ACTIVE)
        self.supplied = requests.supplied_since(unit, symbols, since)
        self.received = requests.received_since(unit, symbols, since)
        midnight = work.now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
        capped = [symbol for symbol in symbols if around.network.policy(symbol).daily_cap]
        self.sent_today = requests.sent_since(unit, capped, midnight) if capped else {}


def _candidate(work: Work, known: _Known, symbol: str, holder: Holder | None, union: UnionRecord | None) -> Candidate:
    network, case = work.network, work.case
    assert case.wish is not None
    policy = network.policy(symbol)
    way = network.way(case.requester, symbol, case.wish.subject)
    calendar = work.around.calendar(symbol)
    part = union.bib.part_number if union else ""
    coverage = covers(holder.holdings, case.wish.citation, case.wish.material, part).answer if holder else "unknown"
    estimated, queue = _estimate(work, known, symbol, holder, coverage), len(known.open.get(symbol, ()))
    return Candidate(
        library=symbol,
        path=way.path,
        manual_hops=len(way.manual),
        estimate=estimated,
        queue=queue,
        capacity=policy.capacity,
        sent_today=known.sent_today.get(symbol, 0),
        daily_cap=policy.daily_cap,
        supplied=known.supplied.get(symbol, 0),
        received=known.received.get(symbol, 0),
        coverage=coverage,
        available=holder.available if holder else True,
        last_resort=holder is None,
        closed_days=calendar.closed_days(work.now),
        closures=_closures(work, symbol, estimated, queue, policy),
        excluded=excluded(network, case.requester, symbol, case.wish),
    )


def clock_of(work: Work, symbol: str) -> float:
    """Working days after which the library is taken to be silent: both of its clocks."""
    policy = work.network.policy(symbol)
    rush = work.case.wish is not None and work.case.wish.level == "rush"
    return 2 * policy.rush_days if rush else policy.receipt_days + policy.action_days


def _closures(work: Work, symbol: str, known: Estimate, queue: int, policy: LibraryPolicy) -> ClosureCost:
    office, public = work.around.calendar(symbol), work.around.calendar(EVERYBODY)
    return closure_cost(
        office,
        public,
        public.moment(work.now),
        Ask(known.p, known.t, known.r, known.spread, known.spread_r),
        days_of_queue(queue, policy.capacity),
        clock_of(work, symbol),
    )


def _estimate(work: Work, known: _Known, symbol: str, holder: Holder | None, coverage: str) -> Estimate:
    assert work.case.wish is not None
    today = day_of(work.now)
    if holder is None:
        trust = PARTNER_TRUST
    else:
        past = known.pasts.get(symbol) or HoldingPast()
        status = best_status(holder.holdings)
        trust = holding_trust(coverage, status, work.case.wish.service, past, today)
    waiting = work.around.calendar(symbol).waited(known.open.get(symbol, ()), work.now)
    settings = work.around.settings.rota.estimates
    return estimate(known.tallies, known.keys[symbol], today, trust, waiting, settings)


def best_status(holdings: Sequence[Holding]) -> str:
    """Of everything that the library has of it, the status that promises most."""
    told = [item.status for holding in holdings for item in holding.items] or [each.status for each in holdings]
    return min(told, key=lambda status: BEST_FIRST.index(status) if status in BEST_FIRST else 2, default="")


def unreachable(network: Network, symbol: str) -> str:
    """Why nothing can be sent to the library at all, be it only to pass it on; "" = it can."""
    if symbol not in network.libraries:
        return "unknown_library"
    return "paused" if network.policy(symbol).paused else ""


def excluded(network: Network, requester: str, symbol: str, wish: Wish) -> str:
    """Why the library can't be asked by its own policy, as a code; "" = it can."""
    if reason := unreachable(network, symbol):
        return reason
    policy = network.policy(symbol)
    if wish.service == "loan" and not policy.lends:
        return "no_loans"
    if wish.service == "copy" or (wish.service == "copy_or_loan" and not policy.lends):
        if not policy.copies:
            return "no_copies"
        if policy.max_pages and count_pages(wish.citation.pages) > policy.max_pages:
            return "too_many_pages"
    if policy.only_for and network.side(requester) not in policy.only_for:
        return "other_consortium"
    if wish.material in policy.not_materials:
        return "material"
    return ""
