"""What a library's own closures cost a request that is sent to it now. Pure.

A library's days are counted in its own working days, and its reader waits in everybody's: a university that opens on
Wednesdays alone while its students are away takes a week for what it does in a day. And where it closes for long, the
clock of what lies there ends (routing/clocks.py): what would have come after the vacation is no fill.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from statistics import NormalDist, fmean

from mappings.requests import LibraryPolicy
from routing.calendar import CHINA, Calendar
from routing.candidates import ClosureCost
from routing.score import Ask

LONGEST = 5.0
"""Working days of everybody's calendar for which a library may close with a clock running on behind it."""

_QUANTILES = tuple(NormalDist().inv_cdf((place + 0.5) / 16) for place in range(16))


def takes_nothing(policy: LibraryPolicy, now: datetime) -> bool:
    """Whether the library takes nothing today: by the holiday switch, or by a closure of its own, if that is no make-up
    day in it. A weekend alone is no closure: everybody has it."""
    today = now.astimezone(CHINA).date()
    closed = any(date.fromisoformat(each.first) <= today <= date.fromisoformat(each.last) for each in policy.closures)
    return policy.paused or (closed and not Calendar.of(policy).is_working(today))


def open_until(office: Calendar, public: Calendar, moment: float, days: float) -> float:
    """Working days of the library from `moment` until it closes for more than LONGEST days on which others work, at
    most `days`. That it is closed at that moment doesn't count: whoever asks it then waits for it to open."""
    return office.open_until(moment, days, public, LONGEST) if office.differs(public, moment, days) else days


def closure_cost(
    office: Calendar, public: Calendar, moment: float, ask: Ask, waits: float, limit: float
) -> ClosureCost:
    """`ask`: days to a fill and to a refusal by the library's own calendar; `waits`: its working days that go to what
    lies there already; `limit`: both of its clocks, in working days."""
    most = waits + limit
    if not office.differs(public, moment, most):
        return ClosureCost()
    end = open_until(office, public, moment, most)

    def passed(days: float) -> float:
        """Of everybody's working days, until so many of the library's are over."""
        return public.worked(moment, office.after(moment, days))

    fills = [waits + min(limit, log_normal(ask.t, ask.spread, each)) for each in _QUANTILES]
    refusals = [waits + min(limit, log_normal(ask.r, ask.spread_r, each)) for each in _QUANTILES]
    in_time = [days for days in fills if days <= end]
    # Against the same days without a closure: their mean, cut by the clock, is less than that of the estimate.
    return ClosureCost(
        len(in_time) / len(fills),
        fmean(map(passed, in_time)) - fmean(fills) if in_time else 0.0,
        fmean(passed(min(end, days)) for days in refusals) - fmean(refusals),
    )


def log_normal(mean: float, spread: float, quantile: float) -> float:
    """Days of a log-normal distribution with that mean, at a quantile of the standard normal one."""
    return mean * math.exp(spread * (quantile - spread / 2))
