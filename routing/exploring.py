"""Which of the libraries that are about equally good is asked first, so that the others are not forgotten.

Thompson sampling: each library's q is drawn from what is believed of it, and the order follows the draws; the less is
known of a library, the further its draw may lie from the mean. The logarithm of the odds of q is taken as normal, and
a draw is one of POINTS values that are equally likely: so the probability of each library's coming first (its
propensity, by which the choices are weighed when they are looked back on) is reckoned exactly, not sampled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

POINTS = 16
_STEPS = tuple(NormalDist().inv_cdf((number + 0.5) / POINTS) for number in range(POINTS))
_LEAST = 0.5  # requests: of a fill or a refusal at least so much is believed to have been seen, or the odds have no end


def plausible(q: float, strength: float) -> tuple[float, ...]:
    """The equally likely values of q, ascending; their odds lie about those of `q`, which `strength` requests tell."""
    q = min(max(q, 1e-6), 1 - 1e-6)
    fills, others = max(q * strength, _LEAST), max((1 - q) * strength, _LEAST)
    odds, sigma = math.log(q / (1 - q)), math.sqrt(1 / fills + 1 / others)
    return tuple(1 / (1 + math.exp(-odds - sigma * step)) for step in _STEPS)


def first_chances(values: Sequence[Sequence[float]]) -> list[float]:
    """P(it has the least), for each of several that take one of their POINTS values each, all equally likely.

    Between equal values the one that stands first wins; those whose values are all the same share their chances, since
    it is by chance that one of them stands first.
    """
    points = sorted((value, number) for number, own in enumerate(values) for value in own)
    left = [POINTS] * len(values)
    nobody_yet = 1.0  # that no value smaller than this point was taken
    chances = [0.0] * len(values)
    for _, number in points:
        chances[number] += nobody_yet / left[number]  # = this value taken, and by the others none that is less
        left[number] -= 1
        if left[number] == 0:
            break
        nobody_yet *= left[number] / (left[number] + 1)
    return _shared(values, chances)


def _shared(values: Sequence[Sequence[float]], chances: list[float]) -> list[float]:
    alike: dict[tuple[float, ...], list[int]] = {}
    for number, own in enumerate(values):
        alike.setdefault(tuple(own), []).append(number)
    for group in alike.values():
        mean = sum(chances[number] for number in group) / len(group)
        for number in group:
            chances[number] = mean
    return chances
