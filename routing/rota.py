"""The rota: who may be asked, and in which order.

Who can't be asked is passed over with every reason that applies. Holders come before partners of last resort, and
both before libraries that are closed for a vacation while others work, or take no more today. Inside each the order
is that of S (routing/score.py), with queue, hops and closures (routing/closures.py) added to the days, and a charge or
relief for what a library has given and taken. A request that is needed by a day is ordered by the chance of a fill in
time. Otherwise two experiments may change the order: exploration among the libraries that are nearly as good as the
best (never for rush), and the live comparison, in which a share of requests is ordered by turnaround alone.

The same input and seed give the same rota, in whichever order the candidates come, and nothing follows their names:
equals are put in order by a hash of seed and symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import replace

from mappings.requests import Wish
from routing.calendar import CHINA, Calendar
from routing.candidates import NEVER, Candidate, Place, Rota, days_of_queue
from routing.estimates import OWN_LEVELS, EstimateSettings
from routing.exploring import POINTS, first_chances, plausible
from routing.score import MOST_IN_TIME, Ask, best_in_time, score

EQUAL = 9  # decimals of a score that count: what differs after them differs by rounding


Share = Annotated[float, Meta(ge=0, le=1)]
Days = Annotated[float, Meta(ge=0)]


class RotaSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of the order that can be tuned. Shares and probabilities are 0 to 1, days are working days."""

    fairness: Days = 0.5  # λ: days that a library which only gives is spared, and one which only takes is favoured by
    fairness_k: Annotated[float, Meta(ge=0)] = 8.0  # requests against which the imbalance is weighed: few say little
    explore: Share = 0.2  # share of requests whose first choice is explored
    band: Share = 0.2  # how much worse than the best S those may be among which it is
    compare: Share = 0.1  # share of requests that are ordered by turnaround, as the live comparison
    max_asks: Annotated[int, Meta(ge=1)] = 6  # entries of one rota
    manual_hop_days: Days = 0.5  # what a person who passes a request on adds, each way of the answer included
    automatic_hop_days: Days = 0.0
    least_p: Share = 0.01  # a library with less chance is not worth asking
    most_closed_days: Days = 5.0  # calendar days closed longer than the others, from which a library is asked last
    in_time_slack: Share = 0.005  # chance of a fill in time that is given up for sooner results
    estimates: EstimateSettings = EstimateSettings()  # by which the candidates' estimates are to be made


class _Weighed(NamedTuple):
    """A candidate that can be asked, with all that adds to its days."""

    place: Place
    charge: float  # days of fairness in its score
    tie: int

    @property
    def library(self) -> str:
        return self.place.candidate.library


class _Order(NamedTuple):
    places: list[_Weighed]
    policy: str = "S"
    propensity: float = 1.0


def build_rota(
    wish: Wish,
    candidates: Sequence[Candidate],
    settings: RotaSettings,
    *,
    tried: Collection[str] = (),
    chain: Collection[str] = (),
    now: datetime,
    seed: int,
    days_left: float | None = None,
) -> Rota:
    """The libraries to ask, in order. `tried`: asked before for this request; `chain`: those that have forwarded it.
    `days_left`: working days until it is needed; None = as the public calendar says of wish.need_before."""
    passed, able = _sieved(candidates, settings, frozenset(tried), frozenset(chain))
    least_closed = min((candidate.closed_days for candidate in able), default=0.0)
    weighed, more = _once_each(_weigh(candidate, settings, seed) for candidate in able)
    passed += more
    away = [each for each in weighed if _is_away(each.place.candidate, least_closed, settings)]
    here = [each for each in weighed if each not in away]
    if wish.need_before and days_left is None:
        days_left = _days_until(wish.need_before, now)
    holders = [each for each in here if not each.place.candidate.last_resort]
    partners = [each for each in here if each.place.candidate.last_resort]
    order = _ordered(holders or partners, wish, settings, days_left, seed)
    rest = sorted(partners if holders else (), key=_by_score) + sorted(away, key=_by_score)
    order = order._replace(places=order.places + rest)
    places = [each.place for each in order.places]
    passed += [
        _passed(place.candidate, (_why_last(place.candidate, least_closed, settings),), place)
        for place in places[settings.max_asks :]
    ]
    return Rota(
        entries=tuple(_told(place, order, number) for number, place in enumerate(places[: settings.max_asks])),
        passed_over=tuple(sorted(passed, key=lambda place: _tie(seed, place.candidate.library))),
        policy=order.policy,
        seed=seed,
        propensity=order.propensity,
    )


def _sieved(
    candidates: Iterable[Candidate], settings: RotaSettings, tried: frozenset[str], chain: frozenset[str]
) -> tuple[list[Place], list[Candidate]]:
    """Those passed over, and those that can be asked."""
    passed, able = [], []
    for candidate in candidates:
        reasons = tuple(_against(candidate, settings, tried, chain))
        if reasons:
            passed.append(_passed(candidate, reasons))
        else:
            able.append(candidate)
    return passed, able


def _against(
    candidate: Candidate, settings: RotaSettings, tried: frozenset[str], chain: frozenset[str]
) -> Iterable[str]:
    if candidate.excluded:
        yield candidate.excluded
    if candidate.library in tried:
        yield "tried"
    if candidate.library in chain:
        yield "on_chain"
    if candidate.coverage == "no":
        yield "not_covered"
    if candidate.estimate.p < settings.least_p:
        yield "no_chance"
    elif candidate.estimate.p * candidate.closures.in_time < settings.least_p:
        yield "closes_first"


def _is_away(candidate: Candidate, least_closed: float, settings: RotaSettings) -> bool:
    """It is closed for longer than the others, or takes no more today: asked after those that work on it now."""
    return _why_last(candidate, least_closed, settings) != "beyond_limit"


def _why_last(candidate: Candidate, least_closed: float, settings: RotaSettings) -> str:
    if candidate.closed_days > least_closed + settings.most_closed_days:
        return "closed"
    return "cap_reached" if 0 < candidate.daily_cap <= candidate.sent_today else "beyond_limit"


def _passed(candidate: Candidate, reasons: tuple[str, ...], place: Place | None = None) -> Place:
    estimate = candidate.estimate
    p, t, r = (place.p, place.t, place.r) if place else (estimate.p, estimate.t, estimate.r)
    return Place(candidate, NEVER, p, t, r, reasons)


def _weigh(candidate: Candidate, settings: RotaSettings, seed: int) -> _Weighed:
    t, r = _days(candidate, settings)
    p = candidate.estimate.p * candidate.closures.in_time
    charge = _fairness(candidate, settings)
    return _Weighed(Place(candidate, score(p, t, r) + charge, p, t, r), charge, _tie(seed, candidate.library))


def _days(candidate: Candidate, settings: RotaSettings) -> tuple[float, float]:
    """t and r with what lies there already, the hops, and its own closures."""
    automatic = len(candidate.path) - 1 - candidate.manual_hops
    added = (
        days_of_queue(candidate.queue, candidate.capacity)
        + candidate.manual_hops * settings.manual_hop_days
        + max(0, automatic) * settings.automatic_hop_days
    )
    estimate, closures = candidate.estimate, candidate.closures
    return estimate.t + added + closures.t, estimate.r + added + closures.r


def _fairness(candidate: Candidate, settings: RotaSettings) -> float:
    """Of a library that has given once and taken never nothing is known yet: without `fairness_k` it would be charged
    in full, which cost more than the order gained (measured in the simulator: 0.1 days from a cold start)."""
    given, taken = candidate.supplied, candidate.received
    return settings.fairness * (given - taken) / max(1.0, given + taken + settings.fairness_k)


def _tie(seed: int, library: str) -> int:
    return int.from_bytes(blake2b(f"{seed}/{library}".encode(), digest_size=8).digest())


def _once_each(weighed: Iterable[_Weighed]) -> tuple[list[_Weighed], list[Place]]:
    """Of a library that can be reached in several ways the best one, and the others to be passed over."""
    best: dict[str, _Weighed] = {}
    passed = []
    for each in sorted(weighed, key=lambda each: (_by_score(each), each.place.candidate.path)):
        candidate = each.place.candidate
        if best.setdefault(candidate.library, each) is not each:
            passed.append(_passed(candidate, ("other_path",), each.place))
    return list(best.values()), passed


def _by_score(each: _Weighed) -> tuple[float, int]:
    return round(each.place.score, EQUAL), each.tie


def _by_turnaround(each: _Weighed) -> tuple[float, int]:
    return round(each.place.t, EQUAL), each.tie


def _ordered(weighed: list[_Weighed], wish: Wish, settings: RotaSettings, days_left: float | None, seed: int) -> _Order:
    best = sorted(weighed, key=_by_score)
    if not best:
        return _Order(best)
    if days_left is not None and days_left > 0:
        return _in_time(best, days_left, settings)
    as_scored = _share_of_equals(best, _by_score)
    if wish.level == "rush" or days_left is not None:  # nobody is tried out on those who are in a hurry, or too late
        return _Order(best, "S", as_scored[best[0].library])
    return _experiments(best, as_scored, settings, seed)


def _in_time(best: list[_Weighed], days_left: float, settings: RotaSettings) -> _Order:
    """The first few of S, in the order with the best chance to fill in time."""
    head = best[:MOST_IN_TIME]
    asks = [
        Ask(each.place.p, each.place.t, each.place.r, estimate.spread, estimate.spread_r)
        for each in head
        for estimate in [each.place.candidate.estimate]
    ]
    chosen = best_in_time(asks, days_left, settings.in_time_slack)
    equals = sum(ask == asks[chosen[0]] for ask in asks)
    return _Order([head[index] for index in chosen] + best[MOST_IN_TIME:], "in_time", 1 / equals)


def _experiments(best: list[_Weighed], as_scored: dict[str, float], settings: RotaSettings, seed: int) -> _Order:
    """The order of S, of turnaround, or of draws; with the probability, over all seeds, of its first library."""
    dice = Random(seed)
    compared, explored = dice.random() < settings.compare, dice.random() < settings.explore
    by_turnaround = sorted(best, key=_by_turnaround)
    least = best[0].place.score
    near = [each for each in best if each.place.score <= least + settings.band * abs(least) + 10**-EQUAL]
    estimates = [each.place.candidate.estimate for each in near]
    draws = [plausible(estimate.q, estimate.strength) for estimate in estimates]
    scores = [[_drawn_score(each, q) for q in values] for each, values in zip(near, draws, strict=True)]
    policy, order = "S", best
    if compared:
        policy, order = "turnaround", by_turnaround
    elif explored and len(near) > 1:
        taken = [dice.randrange(POINTS) for _ in near]
        sequence = sorted(range(len(near)), key=lambda index: (scores[index][taken[index]], index))
        order = [_with_draw(near[index], draws[index][taken[index]]) for index in sequence] + best[len(near) :]
    first = order[0].library
    as_explored = dict(zip((each.library for each in near), first_chances(scores), strict=True))
    usual = (1 - settings.explore) * as_scored.get(first, 0.0) + settings.explore * as_explored.get(first, 0.0)
    compared_first = _share_of_equals(by_turnaround, _by_turnaround).get(first, 0.0)
    return _Order(order, policy, settings.compare * compared_first + (1 - settings.compare) * usual)


def _drawn_score(each: _Weighed, q: float) -> float:
    """S as it would be if q were the one drawn."""
    place, estimate = each.place, each.place.candidate.estimate
    p = estimate.c * estimate.a * q * place.candidate.closures.in_time
    return round(score(p, place.t, place.r) + each.charge, EQUAL)


def _with_draw(each: _Weighed, q: float) -> _Weighed:
    return each._replace(place=replace(each.place, drawn=q))


def _share_of_equals(order: list[_Weighed], key: Callable[[_Weighed], tuple[float, int]]) -> dict[str, float]:
    """P(it is first), for those that are as good as the first: it is by the seed that one of them is."""
    least = key(order[0])[0]
    equals = [each.library for each in order if key(each)[0] == least]
    return dict.fromkeys(equals, 1 / len(equals))


@lru_cache(maxsize=1)
def _public_calendar() -> Calendar:
    return Calendar()


def _days_until(day: str, now: datetime) -> float:
    """Working days until the end of that day, by the public calendar."""
    end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), CHINA)
    return _public_calendar().working_days(now, end)


def _told(place: Place, order: _Order, number: int) -> Place:
    """With the reasons that are told of an entry of the rota."""
    return replace(place, reasons=tuple(_reasons(place, order, number)))


def _closures_told(candidate: Candidate) -> Iterable[str]:
    """Of its own alone: on a Sunday nobody works."""
    closures = candidate.closures
    if closures.in_time < 1:
        yield "closes_soon"
    elif closures.t > 0 and candidate.closed_days:
        yield "opens_later"
    elif closures.t >= 1:
        yield "closed_between"


def _reasons(place: Place, order: _Order, number: int) -> Iterable[str]:
    candidate = place.candidate
    yield "partner" if candidate.last_resort else "covers" if candidate.coverage == "yes" else "coverage_unknown"
    if not candidate.available:
        yield "not_on_shelf"
    yield "experience" if candidate.estimate.basis in OWN_LEVELS else "no_experience"
    if candidate.queue:
        yield "queue"
    if candidate.manual_hops:
        yield "by_hand"
    elif len(candidate.path) > 1:
        yield "through"
    yield from _closures_told(candidate)
    if 0 < candidate.daily_cap <= candidate.sent_today:
        yield "full_today"
    if candidate.supplied != candidate.received:
        yield "gives_more" if candidate.supplied > candidate.received else "takes_more"
    if number == 0 and order.policy != "S":
        yield order.policy
    if number == 0 and place.drawn:
        yield "explored"
