"""What the rota is made of and what it is: the libraries that may supply a request, and the order chosen for them.

Plain values, handed in by `routing.sourcing` (which reads the store) and by the simulator alike.
"""

from __future__ import annotations

from msgspec import Struct

from routing.estimates import Estimate

NEVER = 1e9
"""The score of a library that is passed over. Finite, since rotas are stored as JSON, which has no infinity."""


def days_of_queue(queue: int, capacity: float) -> float:
    """Working days that go to what lies there already."""
    return queue / max(capacity, 0.1)


class ClosureCost(Struct, frozen=True):
    """What a library's own closures cost a request that is sent to it now (routing/closures.py)."""

    in_time: float = 1.0  # of its fills, the share that comes before it closes for long
    t: float = 0.0  # everybody's working days by which those come later than without a closure
    r: float = 0.0  # the same of a refusal, or of the moment at which it closes; sooner is less than 0


class Candidate(Struct, frozen=True):
    """A library that may supply what is asked for."""

    library: str
    path: tuple[str, ...]  # the hops that the request takes, the library itself last; (library,) = asked directly
    manual_hops: int = 0  # of them, those at which a person passes it on
    estimate: Estimate = Estimate()
    queue: int = 0  # requests that lie there unanswered
    capacity: float = 10.0  # requests that it deals with on a working day
    sent_today: int = 0
    daily_cap: int = 0  # 0 = no limit
    supplied: int = 0  # in the period that fairness looks at
    received: int = 0  # by its own readers, in that period
    coverage: str = "unknown"  # has it the volume, issue or year: yes, no, unknown
    available: bool = True
    last_resort: bool = False  # an external partner, or one that is not known to hold it: asked after all holders
    closed_days: float = 0.0  # calendar days until its next working day
    closures: ClosureCost = ClosureCost()
    excluded: str = ""  # why it can't be asked at all, by code; "" = it can


class Place(Struct, frozen=True):
    """An entry of the rota, or a candidate passed over."""

    candidate: Candidate
    score: float  # expected days to a result by asking it first; NEVER where it is passed over
    p: float  # that it fills
    t: float  # days to fill, load and hops added
    r: float  # days to a refusal
    reasons: tuple[str, ...] = ()  # codes, told in words by routing/explaining.py
    drawn: float = 0.0  # q that exploration drew for it; 0 = none was drawn


class Rota(Struct, frozen=True):
    """The order in which libraries are asked (轮候表), with what it was chosen by."""

    entries: tuple[Place, ...]
    passed_over: tuple[Place, ...]
    policy: str = "S"  # how it was ordered: S, turnaround (the live comparison), in_time, override
    seed: int = 0
    propensity: float = 1.0  # of this first choice, by the exploration that was on
