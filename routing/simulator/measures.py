"""What is measured of a policy, and how far a figure from a few seeds, or the study's few hundred, can be trusted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist, fmean, quantiles, stdev

from msgspec import Struct

from routing.simulator.network import Outcome

WORST_DAYS = 14.0
SOON_DAYS = 3.0
CONFIDENCE = 0.95

MEASURES = ("fill", "days14", "within3", "asks", "top_two", "filled_days")
"""fill: filled at all. days14: mean of min(days, 14), unfilled = 14. within3: filled within 3 days, of all. asks:
libraries asked per request. top_two: of what is asked in one direction, the part that goes to its two busiest
libraries. filled_days: mean days of the filled alone, which gets worse where harder requests succeed: never a goal."""

BETTER = {"fill": 1, "days14": -1, "within3": 1}
"""Measures by which policies are judged, and the direction that is better."""


class Interval(Struct, frozen=True):
    mean: float
    low: float
    high: float


def measure(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """All measures of one run; filled_days is 0 where nothing was filled."""
    count = len(outcomes)
    days = [outcome.days for outcome in outcomes if outcome.filled]
    return {
        "fill": len(days) / count,
        "days14": (sum(min(each, WORST_DAYS) for each in days) + WORST_DAYS * (count - len(days))) / count,
        "within3": sum(each <= SOON_DAYS for each in days) / count,
        "asks": sum(len(outcome.asked) for outcome in outcomes) / count,
        "top_two": top_two(outcomes),
        "filled_days": fmean(days) if days else 0.0,
    }


def top_two(outcomes: Sequence[Outcome]) -> float:
    asked: dict[str, Counter[int]] = {}
    for outcome in outcomes:
        asked.setdefault(outcome.way, Counter()).update(outcome.asked)
    busiest = sum(number for each in asked.values() for _, number in each.most_common(2))
    return busiest / max(1, sum(each.total() for each in asked.values()))


def mean_interval(values: Sequence[float]) -> Interval:
    """Of the mean over seeds, by Student's t. One seed tells nothing of it: no end."""
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def wilson(successes: int, count: int) -> Interval:
    """Of a share that was counted."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, weight = successes / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / weight
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / weight
    return Interval(share, middle - half, middle + half)


def sampling_interval(values: Sequence[float]) -> Interval:
    """Between which values a sample of that size lies, from many that were drawn (a parametric bootstrap)."""
    ends = quantiles(values, n=40, method="inclusive")
    return Interval(fmean(values), ends[0], ends[-1])


_FEW = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764}


def student(freedom: int) -> float:
    """The 97.5 % point of Student's t; beyond four degrees by the series in 1/freedom, right to 0.002 there."""
    if freedom in _FEW:
        return _FEW[freedom]
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum((term / freedom**power for power, term in enumerate(terms, 1)), 0.0)
