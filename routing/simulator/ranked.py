"""The policy that the live system follows, S (routing/rota.py), and the one that knows what S has to find out."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from statistics import NormalDist

from mappings.requests import Citation, LibraryPolicy, Wish
from routing.calendar import CHINA
from routing.candidates import Candidate, days_of_queue
from routing.closures import closure_cost
from routing.rota import RotaSettings, build_rota
from routing.score import Ask, score
from routing.simulator.libraries import CAPITAL, RENMIN, SimulatedLibrary, logistic
from routing.simulator.network import OFFICE, Network
from routing.simulator.world import Request

LIVE = RotaSettings(compare=0.0)
"""As a site has them, without the share of requests that the live comparison gives to turnaround."""
PLAIN = RotaSettings(compare=0.0, explore=0.0, fairness=0.0)
"""The order alone: what exploration and fairness cost is the difference."""

_NORMAL = NormalDist()
_CLOCK = LibraryPolicy()


class Ranked:
    """S as it is live: `build_rota` with the estimates of its own experience."""

    follows = True

    def __init__(self, name: str, settings: RotaSettings = LIVE) -> None:
        self.name = name
        self._settings = settings

    def order(self, request: Request, network: Network, tried: Collection[int] = ()) -> Sequence[int]:
        wish = Wish(Citation(), request.service, request.level, material=request.material, subject=request.subject)
        candidates = [_candidate(at, request, network) for at in network.holders(request) + network.partners()]
        now = instant(network.now)
        seed = int.from_bytes(blake2b(f"{network.world.seed}/{request.number}".encode(), digest_size=6).digest())
        asked = [network.world.libraries[at].symbol for at in tried]
        rota = build_rota(wish, candidates, self._settings, tried=asked, now=now, seed=seed)
        return [network.index(place.candidate.library) for place in rota.entries]

    def forward(self, request: Request, asked: int, network: Network) -> int | None:
        return None


def instant(moment: float) -> datetime:
    """The moment as a time in China."""
    whole = int(moment)
    return datetime.fromordinal(whole).replace(tzinfo=CHINA) + timedelta(days=moment - whole)


def _candidate(at: int, request: Request, network: Network) -> Candidate:
    library, holding, office = network.world.libraries[at], request.holdings[at], network.world.calendars[at]
    known = network.experience.expect(at, request, network.now, network.open_days(at))
    ask = Ask(known.p, known.t, known.r, known.spread, known.spread_r)
    waits = days_of_queue(network.queue(at), library.capacity)
    clock = 2 * _CLOCK.rush_days if request.level == "rush" else _CLOCK.receipt_days + _CLOCK.action_days
    return Candidate(
        library=library.symbol,
        path=_path(library, request),
        manual_hops=int(library.manual),
        estimate=known,
        queue=network.queue(at),
        capacity=library.capacity,
        sent_today=network.sent_today(at),
        supplied=network.supplied(at),
        received=network.received(at),
        coverage=holding.coverage if holding.listed else "unknown",
        available=not request.pairs[at].shown_out,
        last_resort=not library.listed,
        closed_days=office.closed_days(instant(network.now)),
        closures=closure_cost(office, OFFICE, network.now, ask, waits, clock),
    )


def _path(library: SimulatedLibrary, request: Request) -> tuple[str, ...]:
    """Branches stand behind the Capital Library; whoever crosses consortia, or asks a partner, goes through a node;
    members by hand are asked through one at which a person passes requests on."""
    if library.type == "branch":
        return (CAPITAL, library.symbol)
    crosses = library.side != ("CAPITAL" if request.way.startswith("CL") else "BALIS")
    return (RENMIN, library.symbol) if (crosses or library.manual) and library.symbol != RENMIN else (library.symbol,)


class Oracle:
    """In the order of S, by the truth: what each library holds, listed or not, how willing, silent and quick it is,
    what lies there. It doesn't know the luck of the day. Nobody could have this policy: it is what the others are
    measured by."""

    name = "oracle"
    follows = True

    def order(self, request: Request, network: Network, tried: Collection[int] = ()) -> Sequence[int]:
        known = []
        for at, library in enumerate(network.world.libraries):
            if (
                at in tried
                or library.symbol == request.requester
                or not request.holdings[at].held
                or request.pairs[at].shown_out
            ):
                continue
            known.append((_true_score(at, request, network), at))
        return [at for _, at in sorted(known)]

    def forward(self, request: Request, asked: int, network: Network) -> int | None:
        return None


def _true_score(at: int, request: Request, network: Network) -> float:
    world, library = network.world, network.world.libraries[at]
    a = world.assumptions
    pace = a.rush_ratio if request.level == "rush" else 1.0
    waits = days_of_queue(network.queue(at), library.capacity)
    clock = 2 * _CLOCK.rush_days if request.level == "rush" else _CLOCK.receipt_days / 2 + _CLOCK.action_days
    left = max(0.05, clock - waits)
    there = (1 - a.off_shelf) / (1 - a.off_shelf * a.off_shelf_shown)
    willing = logistic(library.willing + library.material[request.kind] + library.subject[request.subject])
    in_time, fill_days = _truncated(library.fill_days * pace, a.day_spread, left)
    answered, refusal_days = _truncated(library.refusal_days * pace, a.day_spread, left)
    fills = (1 - library.silence) * there * willing
    p = fills * in_time
    refuses = (1 - library.silence - fills) * answered
    r = (refuses * refusal_days + (1 - p - refuses) * left) / (1 - p)
    ask = Ask(p, fill_days, r, a.day_spread, a.day_spread)
    closures = closure_cost(world.calendars[at], OFFICE, network.now, ask, waits, clock)
    added = waits + (a.hop_days if library.manual else 0.0)
    return score(p * closures.in_time, fill_days + added + closures.t, r + added + closures.r)


def _truncated(median: float, spread: float, limit: float) -> tuple[float, float]:
    """Of log-normal days: the probability of at most `limit`, and the mean of those."""
    z = math.log(limit / median) / spread
    within = max(_NORMAL.cdf(z), 1e-9)
    return within, median * math.exp(spread**2 / 2) * _NORMAL.cdf(z - spread) / within
