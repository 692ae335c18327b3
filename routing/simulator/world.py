"""The random world in which policies are compared: requests, and for each request what every library would answer.

Everything random is drawn here, before anybody is asked: a (request, library) pair has its outcome, its delay and its
silence whoever asks it, when, and after whom. So policies meet the same luck (common random numbers), and what differs
between them is the order in which they ask. Only waiting in a library's queue depends on what a policy sends there.

Moments are those of `routing.calendar.Calendar`: ordinal of the date and the part of the day gone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from statistics import NormalDist

from msgspec import Struct
from msgspec.structs import replace

from mappings.requests import Closure
from routing.calendar import Calendar
from routing.simulator.assumptions import BALIS_ASKS, CAPITAL_ASKS, Assumptions, Frame, Mix, Scenario
from routing.simulator.libraries import (
    CAPITAL,
    FAVOURITES,
    SimulatedLibrary,
    logistic,
    make_libraries,
)

_BENT = [NormalDist().inv_cdf((number + 0.5) / 200) for number in range(200)]


class Holding(Struct, frozen=True):
    """A title at one library: what is so, and what the catalogue says."""

    held: bool
    listed: bool
    coverage: str  # yes, unknown


class Pair(Struct, frozen=True):
    """What a library does with a request, if it is sent there."""

    answer: str  # fill, silence, or the code of a refusal
    forwards: bool  # a refusal is a forward instead, where nobody else follows the request
    shown_out: bool  # the catalogue shows the item as out
    seen: float  # working days until it is acknowledged
    days: float  # working days until it is answered, once its turn has come
    hop: float  # working days for which a person at the gateway keeps it; 0 = passed on at once


class Request(Struct, frozen=True):
    number: int
    at: float
    way: str
    requester: str
    kind: str  # one of the mix's materials
    material: str
    service: str
    subject: str
    level: str
    title: int
    holdings: tuple[Holding, ...]  # by index of the library
    pairs: tuple[Pair, ...]
    officer: tuple[float, float, float]  # uniform numbers for whoever routes it by hand: habit, choice, forward


class World(Struct, frozen=True):
    assumptions: Assumptions
    libraries: tuple[SimulatedLibrary, ...]
    calendars: tuple[Calendar, ...]
    holding_logits: tuple[float, ...]  # of a title of middling popularity
    requests: tuple[Request, ...]
    first: float  # moment
    seed: str

    def index(self, symbol: str) -> int:
        return next(at for at, library in enumerate(self.libraries) if library.symbol == symbol)


def make_world(frame: Frame, scenario: Scenario, seed: str) -> World:
    """The world of a seed. Scenarios of one seed and demand share their luck, too."""
    assumptions = frame.assumptions(scenario.change)
    libraries = make_libraries(assumptions, frame.mix, Random(f"{seed}/libraries"))
    logits = _holding_logits(frame, assumptions, libraries)
    share = frame.study.direction(CAPITAL_ASKS).requests / sum(each.requests for each in frame.study.directions)
    first = float(scenario.first.toordinal())
    days = [scenario.first + timedelta(number) for number in range(scenario.days)]
    draft = _Draft(frame, assumptions, libraries, logits, share, seed)
    return World(
        assumptions=assumptions,
        libraries=libraries,
        calendars=tuple(_calendar(library, frame.mix, scenario.first, scenario.days) for library in libraries),
        holding_logits=logits,
        requests=tuple(
            draft.request(at)
            for at in _arrivals(days, scenario.per_day, assumptions.weekend, Random(f"{seed}/arrivals"))
        ),
        first=first,
        seed=seed,
    )


def study_world(frame: Frame, seed: str) -> World:
    """The study's own sample: its 30 months, and exactly its numbers of requests in each direction."""
    days = frame.study.days
    world = make_world(frame, Scenario("", "", frame.study.first, days, 0.0, 1, days, 1), seed)
    draft = _Draft(frame, world.assumptions, world.libraries, world.holding_logits, 0.5, seed)
    rng = Random(f"{seed}/arrivals")
    requests = []
    for each in frame.study.directions:
        moments = sorted(_on_a_day(world.first + rng.randrange(days), rng) for _ in range(each.requests))
        requests += [draft.request(at, each.way) for at in moments]
    return replace(world, requests=tuple(requests))


def _arrivals(days: list[date], per_day: float, weekend: float, rng: Random) -> list[float]:
    """A Poisson stream that is thinner at weekends; in order."""
    weekday = per_day * 7 / (5 + 2 * weekend)
    found: list[float] = []
    for day in days:
        rate = weekday * (weekend if day.weekday() >= 5 else 1.0)
        gone = rng.expovariate(1.0)
        while gone < rate:
            found.append(_on_a_day(day.toordinal(), rng))
            gone += rng.expovariate(1.0)
    return sorted(found)


def _on_a_day(day: float, rng: Random) -> float:
    return day + rng.uniform(8, 22) / 24


def _holding_logits(frame: Frame, a: Assumptions, libraries: tuple[SimulatedLibrary, ...]) -> tuple[float, ...]:
    """Moved so that a title that is held has `holders` holders on average, over titles and harvested libraries.

    Members are moved to it in any case; the large libraries, of which the study tells, only as far as a scenario has
    fewer or more holders than the assumption says.
    """
    usual = frame.assumptions()
    large = [library.type not in ("member", "branch") for library in libraries]

    def moved(move: float) -> list[float]:
        return [each.holds + (0.0 if big else move) for each, big in zip(libraries, large, strict=True)]

    def mean(logits: list[float]) -> float:
        listed = [at for each, at in zip(libraries, logits, strict=True) if each.listed]
        return sum(logistic(at + a.popularity * z) for z in _BENT for at in listed) / len(_BENT)

    logits = moved(_solve(lambda move: mean(moved(move)) - usual.holders))
    if a.holders != usual.holders:
        shift = _solve(lambda move: mean([at + move for at in logits]) - a.holders)
        logits = [at + shift for at in logits]
    return tuple(logits)


def _solve(rising: Callable[[float], float]) -> float:
    low, high = -12.0, 12.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _calendar(library: SimulatedLibrary, mix: Mix, first: date, days: int) -> Calendar:
    if library.vacation.kind == "open":
        return Calendar()
    closures = []
    for year in range(first.year - 1, (first + timedelta(days + 90)).year + 1):
        for first_day, last_day in mix.vacations:
            begins, ends = date.fromisoformat(f"{year}-{first_day}"), date.fromisoformat(f"{year}-{last_day}")
            closures += _closures(begins, ends, library.vacation.duty_day if library.vacation.kind == "on_duty" else 7)
    return Calendar(tuple(closures))


def _closures(begins: date, ends: date, duty_day: int) -> list[Closure]:
    """The vacation without its days of duty."""
    found, since = [], begins
    for number in range((ends - begins).days + 2):
        day = begins + timedelta(number)
        if day > ends or day.weekday() == duty_day:
            if since < day:
                found.append(Closure(since.isoformat(), (day - timedelta(1)).isoformat(), "vacation"))
            since = day + timedelta(1)
    return found


def _chosen(shares: dict[str, float], rng: Random) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


class _Draft:
    """Draws requests one after the other. Each has random numbers of its own (by its number), so that no request's luck
    depends on how many were drawn for the one before."""

    def __init__(
        self,
        frame: Frame,
        assumptions: Assumptions,
        libraries: tuple[SimulatedLibrary, ...],
        logits: tuple[float, ...],
        share: float,
        seed: str,
    ) -> None:
        self.mix = frame.mix
        self.a, self.libraries, self.logits, self.share, self.seed = assumptions, libraries, logits, share, seed
        self.members = [each.symbol for each in libraries if each.side == "BALIS"]
        self.branches = [each.symbol for each in libraries if each.type == "branch"]
        self.titles: dict[str, list[tuple[int, str, str, tuple[Holding, ...]]]] = {CAPITAL_ASKS: [], BALIS_ASKS: []}
        self.drawn = 0

    def request(self, at: float, way: str = "") -> Request:
        rng = Random(f"{self.seed}/request/{self.drawn}")
        number, self.drawn = self.drawn, self.drawn + 1
        way = way or (CAPITAL_ASKS if rng.random() < self.share else BALIS_ASKS)
        title, kind, subject, holdings = self._title(way, number, rng)
        if way == CAPITAL_ASKS:
            requester = (
                rng.choice(self.branches) if self.branches and rng.random() < self.a.branch_requests else CAPITAL
            )
        else:
            requester = rng.choice(self.members)
        level = "rush" if rng.random() < self.a.rush else "standard"
        pairs = tuple(
            self._pair(library, holding, kind, subject, level, rng)
            for library, holding in zip(self.libraries, holdings, strict=True)
        )
        officer = (rng.random(), rng.random(), rng.random())
        asked = self.mix.materials[kind]
        return Request(
            number,
            at,
            way,
            requester,
            kind,
            asked.material,
            asked.service,
            subject,
            level,
            title,
            holdings,
            pairs,
            officer,
        )

    def _title(self, way: str, number: int, rng: Random) -> tuple[int, str, str, tuple[Holding, ...]]:
        known = self.titles[way]
        again, which = rng.random(), rng.random()
        kind = _chosen({name: each.share for name, each in self.mix.materials.items()}, rng)
        subject = _chosen(self.mix.subjects[way], rng)
        if known and again < self.a.repeated:
            return known[int(which * len(known))]
        title = number, kind, subject, self._holdings(way, rng)
        known.append(title)
        return title

    def _holdings(self, way: str, rng: Random) -> tuple[Holding, ...]:
        a = self.a
        nowhere, popularity = rng.random() < a.nowhere, rng.gauss(0, a.popularity)
        chances = [logistic(at + popularity) for at in self.logits]
        held = [rng.random() < chance and not nowhere for chance in chances]
        somebody = [rng.random() for _ in chances]  # drawn in any case, so that all scenarios draw alike
        asking = [self._asks(library, way) for library in self.libraries]
        able = [each.listed and not asks for each, asks in zip(self.libraries, asking, strict=True)]
        if not nowhere and not any(has and can for has, can in zip(held, able, strict=True)):
            # Held by somebody, as it is not one of the titles that nobody holds.
            weights = [draw ** (1 / chance) if can else -1.0
                       for draw, chance, can in zip(somebody, chances, able, strict=True)]  # fmt: skip
            held[max(range(len(weights)), key=weights.__getitem__)] = True
        return tuple(
            self._holding(library, has and not asks, chance, asks, rng)
            for library, has, chance, asks in zip(self.libraries, held, chances, asking, strict=True)
        )

    @staticmethod
    def _asks(library: SimulatedLibrary, way: str) -> bool:
        """Readers of the Capital Library don't ask for what it holds itself."""
        return way == CAPITAL_ASKS and library.symbol == CAPITAL

    def _holding(self, library: SimulatedLibrary, held: bool, chance: float, asks: bool, rng: Random) -> Holding:
        u, v = rng.random(), rng.random()
        # Of what is listed, the part `stale` is not there, for a library of any size.
        wrong = min(0.6, library.stale / (1 - library.stale) * chance / (1 - chance))
        listed = library.listed and not asks and (u >= library.missing if held else u < wrong)
        vague = v < (self.a.vague if held else self.a.vague_stale)
        return Holding(held, listed, "unknown" if vague else "yes")

    def _pair(
        self, library: SimulatedLibrary, holding: Holding, kind: str, subject: str, level: str, rng: Random
    ) -> Pair:
        a = self.a
        off, shown, will, quiet, why, forward = (rng.random() for _ in range(6))
        pace, seen, hop = rng.gauss(0, a.day_spread), rng.expovariate(1.0), rng.expovariate(1.0)
        out = off < a.off_shelf
        willing = logistic(library.willing + library.material[kind] + library.subject[subject])
        if quiet < library.silence:
            answer = "silence"
        elif not holding.held:
            answer = "NotHeld"
        elif out:
            answer = "NotOnShelf"
        elif will >= willing:
            answer = ("PolicyProblem", "NotAvailableForILL", "Overload")[int(why * 3)]
        else:
            answer = "fill"
        median = library.fill_days if answer == "fill" else library.refusal_days
        days = median * math.exp(pace) * (a.rush_ratio if level == "rush" else 1.0)
        return Pair(
            answer=answer,
            forwards=forward < library.forwards,
            shown_out=out and holding.held and shown < a.off_shelf_shown,
            seen=min(days, seen * a.seen_days),
            days=days,
            hop=hop * a.hop_days if library.manual else 0.0,
        )


def favourites(world: World) -> tuple[int, ...]:
    """The two that the study's officers asked most."""
    return tuple(world.index(symbol) for symbol in FAVOURITES)
