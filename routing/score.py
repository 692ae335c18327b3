"""The order in which libraries are asked.

Asked one after the other, a library fills with probability p after t days or else lets the next be asked after r days.
The expected days to a result are least in ascending order of S = t + r(1−p)/p: for neighbours i, j, with
m = pt + (1−p)r, i then j costs mᵢ + (1−pᵢ)mⱼ and what follows weighs the same either way, so i belongs first just when
mᵢ/pᵢ < mⱼ/pⱼ, and m/p = S. It holds for independent outcomes with known p, t, r; the chance of a fill is the same in
any order. With a day until which it is needed that chance does depend on the order: then all orders are tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

MOST_IN_TIME = 6  # candidates of which all orders are tried: 720
_CELLS = 24  # of the days left; a request that is needed in three days is reckoned in eighths of a day
_ROOT_2 = math.sqrt(2)


class Asked(Protocol):
    @property
    def p(self) -> float: ...
    @property
    def t(self) -> float: ...
    @property
    def r(self) -> float: ...


class Ask(NamedTuple):
    """A library as the order sees it: probability of a fill, mean days to a fill and to a refusal, and the sigmas of
    their logarithms (0 = the days are certain)."""

    p: float
    t: float
    r: float
    spread: float = 0.0
    spread_r: float = 0.0


AskedT = TypeVar("AskedT", bound=Asked)


def score(p: float, t: float, r: float) -> float:
    """S, the days to a result that asking it over and over would take; inf where it never fills."""
    return t + r * (1 - p) / p if p > 0 else math.inf


def ordered(asks: Sequence[AskedT]) -> list[AskedT]:
    """In the order of S, the best first; equals stay as they stood."""
    return sorted(asks, key=lambda ask: score(ask.p, ask.t, ask.r))


def expected_days(order: Sequence[Asked]) -> float:
    """Expected days until one fills or the last has refused, asked in this order."""
    days, open_ = 0.0, 1.0
    for ask in order:
        days += open_ * (ask.p * ask.t + (1 - ask.p) * ask.r)
        open_ *= 1 - ask.p
    return days


def fill_chance(order: Sequence[Asked]) -> float:
    """That any of them fills, whenever."""
    return 1 - math.prod(1 - ask.p for ask in order)


def _below(days: float, mean: float, spread: float) -> float:
    """P(time ≤ days) of a log-normal time with that mean, or of a certain one."""
    if days < 0:
        return 0.0
    if spread <= 0 or mean <= 0:
        return 1.0 if mean <= days + 1e-9 else 0.0
    if days == 0:
        return 0.0
    z = (math.log(days / mean) + spread * spread / 2) / spread
    return 0.5 * math.erfc(-z / _ROOT_2)


class Deadline:
    """The chance of a fill in time for any order of the libraries `asks`, of which there are MOST_IN_TIME at most.

    When the next is asked is the sum of the refusals' days so far, whatever their order was. So the chance that library
    i fills in time, asked after the set of libraries M, is reckoned once for each (M, i), and an order costs only
    a sum. Days are cut into cells: a refusal counts at the middle of its cell.
    """

    def __init__(self, asks: Sequence[Ask], days_left: float) -> None:
        if len(asks) > MOST_IN_TIME:
            raise ValueError(f"{len(asks)} libraries are too many to try all orders of; at most {MOST_IN_TIME}.")
        self.asks = list(asks)
        self._width = max(days_left, 0.0) / _CELLS
        self._begun: dict[int, list[float]] = {0: [1.0] + [0.0] * _CELLS}
        self._in_time: dict[tuple[int, int], float] = {}
        self._refused = [self._refusal(ask) for ask in self.asks]
        self._fills = [
            [ask.p * _below((_CELLS - cell) * self._width, ask.t, ask.spread) for cell in range(_CELLS + 1)]
            for ask in self.asks
        ]

    def _refusal(self, ask: Ask) -> list[float]:
        """P(it refuses in the cell), by cell; the first cell is half as wide, what comes later than the end is left
        out."""
        edges = [_below((cell + 0.5) * self._width, ask.r, ask.spread_r) for cell in range(_CELLS + 1)]
        return [(1 - ask.p) * (edge - before) for edge, before in zip(edges, [0.0, *edges], strict=False)]

    def _start(self, after: int) -> list[float]:
        """P(the next is asked in the cell) once all libraries of the set (bits) have refused."""
        found = self._begun.get(after)
        if found is None:
            one = after.bit_length() - 1
            earlier, refused = self._start(after & ~(1 << one)), self._refused[one]
            found = [0.0] * (_CELLS + 1)
            for cell, chance in enumerate(earlier):
                if chance > 1e-9:
                    for step in range(_CELLS + 1 - cell):
                        found[cell + step] += chance * refused[step]
            self._begun[after] = found
        return found

    def chance_of(self, after: int, index: int) -> float:
        """That the library fills in time and those of the set (bits) have refused before."""
        key = after, index
        found = self._in_time.get(key)
        if found is None:
            found = sum(map(float.__mul__, self._start(after), self._fills[index]))
            self._in_time[key] = found
        return found

    def chance(self, order: Sequence[int]) -> float:
        """Of a fill in time, asked in this order (indexes into `asks`)."""
        total, after = 0.0, 0
        for index in order:
            total += self.chance_of(after, index)
            after |= 1 << index
        return total

    def best(self, slack: float = 0.005) -> list[int]:
        """The order with the least expected days of those whose chance is at most `slack` below the best there is:
        where all are in time, it is that of S."""
        everyone = (1 << len(self.asks)) - 1
        reachable = self._reachable(everyone)
        least, found = math.inf, list(range(len(self.asks)))
        floor = reachable[0] - slack - 1e-12
        stack: list[tuple[int, float, float, float, tuple[int, ...]]] = [(0, 0.0, 0.0, 1.0, ())]
        while stack:
            after, chance, days, open_, order = stack.pop()
            if after == everyone:
                if days < least:
                    least, found = days, list(order)
                continue
            for index in range(len(self.asks) - 1, -1, -1):
                bit = 1 << index
                if after & bit:
                    continue
                ask, so_far = self.asks[index], chance + self.chance_of(after, index)
                spent = days + open_ * (ask.p * ask.t + (1 - ask.p) * ask.r)
                if so_far + reachable[after | bit] >= floor and spent < least:
                    stack.append((after | bit, so_far, spent, open_ * (1 - ask.p), (*order, index)))
        return found

    def _reachable(self, everyone: int) -> list[float]:
        """The best chance still to be had after each set of libraries has refused."""
        best = [0.0] * (everyone + 1)
        for after in range(everyone - 1, -1, -1):
            best[after] = max(
                self.chance_of(after, index) + best[after | 1 << index]
                for index in range(len(self.asks))
                if not after & 1 << index
            )
        return best


def in_time(order: Sequence[Ask], days_left: float) -> float:
    """Chance that one of them fills within so many days, asked in this order."""
    return Deadline(order, days_left).chance(range(len(order)))


def best_in_time(asks: Sequence[Ask], days_left: float, slack: float = 0.005) -> list[int]:
    """The order (indexes) in which MOST_IN_TIME libraries at most are asked when it is needed within so many days."""
    return Deadline(asks, days_left).best(slack)
