"""The libraries of a simulated world, with the habits that policies have to find out.

Renmin University, NSTL and the Capital Library have the habits that give the study's figures; nothing is known of any
other library, so those are nameless and drawn anew for each world: what one policy gains by chance of a name, another
loses.
"""

from __future__ import annotations

import math
from random import Random

from msgspec import Struct

from routing.simulator.assumptions import Assumptions, Mix

CAPITAL, RENMIN, NSTL = "CLCN", "RUC", "NSTL"
FAVOURITES = (RENMIN, NSTL)
PARTNERS = (NSTL, "NLC", "SHL", "CASHL")


class Vacation(Struct, frozen=True):
    """How a library works while universities have vacation."""

    kind: str  # open, on_duty (one day a week), closed
    duty_day: int = 0  # weekday on which it is open then


class SimulatedLibrary(Struct, frozen=True):
    """Probabilities are those of one request; days are medians, in working days of the library."""

    symbol: str
    side: str  # BALIS, CAPITAL, EXTERNAL
    type: str  # member, node, capital, branch, partner
    holds: float  # logit of holding a title of middling popularity that anybody holds
    missing: float
    stale: float
    willing: float  # logit of filling what is there
    material: dict[str, float]  # added to that
    subject: dict[str, float]
    silence: float
    forwards: float  # of what it can't fill, where nobody else follows the request
    fill_days: float
    refusal_days: float
    capacity: float
    manual: bool  # a person passes requests on to it
    vacation: Vacation

    @property
    def listed(self) -> bool:
        """Its holdings are harvested."""
        return self.side != "EXTERNAL"


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def make_libraries(a: Assumptions, mix: Mix, rng: Random) -> tuple[SimulatedLibrary, ...]:
    """In the order of their symbols; as many random numbers are drawn whatever the assumptions' values are."""
    members = [_member(f"M{number:02}", a, mix, rng) for number in range(1, round(a.members) + 1)]
    branches = [_branch(f"P{number:02}", a, mix, rng) for number in range(1, round(a.branches) + 1)]
    large = [
        _large(RENMIN, "BALIS", "node", a.renmin_holds, a.favourite_days, a, mix, rng),
        _large(CAPITAL, "CAPITAL", "capital", a.capital_holds, a.capital_days, a, mix, rng),
        _large(NSTL, "EXTERNAL", "partner", a.nstl_holds, a.favourite_days, a, mix, rng),
    ]
    partners = [
        _large(symbol, "EXTERNAL", "partner", a.partner_holds, a.partner_days, a, mix, rng)
        for symbol in PARTNERS
        if symbol != NSTL
    ]
    return tuple(sorted([*members, *branches, *large, *partners], key=lambda library: library.symbol))


def _tastes(a: Assumptions, mix: Mix, rng: Random) -> tuple[dict[str, float], dict[str, float]]:
    subjects = dict.fromkeys(name for each in mix.subjects.values() for name in each)
    return {name: rng.gauss(0, a.taste) for name in mix.materials}, {name: rng.gauss(0, a.taste) for name in subjects}


def _member(symbol: str, a: Assumptions, mix: Mix, rng: Random) -> SimulatedLibrary:
    materials, subjects = _tastes(a, mix, rng)
    holds, stale, willing = rng.gauss(0, a.breadth), rng.gauss(0, a.stale_spread), rng.gauss(0, a.willing_spread)
    pace, refusing, size = rng.gauss(0, a.fill_spread), rng.gauss(0, a.refusal_spread), rng.gauss(0, a.capacity_spread)
    silent, manual, vacation, duty = rng.random(), rng.random(), rng.random(), rng.randrange(5)
    fill_days = a.equally_slow or a.fill_days * math.exp(pace)
    kind = "closed" if vacation < a.closed else "on_duty" if vacation < a.closed + a.on_duty else "open"
    return SimulatedLibrary(
        symbol=symbol,
        side="BALIS",
        type="member",
        holds=holds,
        missing=a.missing,
        stale=min(0.5, a.stale * math.exp(stale - a.stale_spread**2 / 2)),
        willing=logit(a.willing) + willing,
        material=materials,
        subject=subjects,
        silence=a.silent_silence if silent < a.silent_libraries else a.silence,
        forwards=a.forwards,
        fill_days=fill_days,
        refusal_days=a.equally_slow or fill_days * a.refusal_ratio * math.exp(refusing),
        capacity=a.capacity * math.exp(size),
        manual=manual < a.manual_share,
        vacation=Vacation(kind, duty),
    )


def _branch(symbol: str, a: Assumptions, mix: Mix, rng: Random) -> SimulatedLibrary:
    """A public library behind the Capital Library: it holds less, and has no vacation."""
    member = _member(symbol, a, mix, rng)
    changes = {"side": "CAPITAL", "type": "branch", "holds": member.holds - 1.0, "capacity": a.branch_capacity}
    changes |= {"forwards": a.capital_forwards, "vacation": Vacation("open")}
    return SimulatedLibrary(**{name: getattr(member, name) for name in member.__struct_fields__} | changes)


def _large(
    symbol: str, side: str, type: str, holds: float, days: float, a: Assumptions, mix: Mix, rng: Random
) -> SimulatedLibrary:
    """One that many ask. It is open in the vacations: a mean of 3.62 days leaves no room for closed weeks."""
    materials, subjects = _tastes(a, mix, rng)
    days = a.equally_slow or days
    return SimulatedLibrary(
        symbol=symbol,
        side=side,
        type=type,
        holds=logit(holds),
        missing=a.missing,
        stale=a.stale,
        willing=logit(a.willing),
        material=materials,
        subject=subjects,
        silence=a.silence,
        forwards=a.capital_forwards if side == "CAPITAL" else a.forwards,
        fill_days=days,
        refusal_days=a.equally_slow or days * a.refusal_ratio,
        capacity=a.large_capacity,
        manual=False,
        vacation=Vacation("open"),
    )
