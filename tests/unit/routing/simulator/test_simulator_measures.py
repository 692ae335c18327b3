"""Figures and their intervals, against values from tables and by reckoning by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.simulator.measures import mean_interval, measure, sampling_interval, student, wilson
from routing.simulator.network import Outcome


@pytest.mark.parametrize(
    ("freedom", "point"),
    [(1, 12.706), (2, 4.303), (4, 2.776), (5, 2.571), (7, 2.365), (15, 2.131), (30, 2.042), (120, 1.980)],
)
def test_student(freedom: int, point: float) -> None:
    assert student(freedom) == pytest.approx(point, abs=0.001)


def test_wilson() -> None:
    """Of the study's 147 of 239, as reckoned by hand."""
    found = wilson(147, 239)
    assert (round(found.mean, 4), round(found.low, 3), round(found.high, 3)) == (0.6151, 0.552, 0.674)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_stays_within_0_and_1_and_holds_the_share(counted: tuple[int, int]) -> None:
    found = wilson(*counted)
    assert -1e-12 <= found.low <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.high <= 1 + 1e-12
    assert found.high > found.low


def test_a_mean_of_few() -> None:
    found = mean_interval([1.0, 2.0, 3.0])
    assert (found.mean, round(found.low, 3), round(found.high, 3)) == (2.0, -0.484, 4.484)
    assert math.isinf(mean_interval([1.0]).high)


def test_a_sample_s_interval_leaves_a_fortieth_on_each_side() -> None:
    found = sampling_interval([float(number) for number in range(1, 42)])
    assert (found.low, found.mean, found.high) == (2.0, 21.0, 40.0)


def outcome(days: float, filled: bool = True, asked: tuple[int, ...] = (0,), way: str = "CL→BALIS") -> Outcome:
    return Outcome(way, filled, days, asked, "filled" if filled else "refused")


def test_measures() -> None:
    found = measure([outcome(1.0), outcome(3.0), outcome(30.0), outcome(0.5, filled=False, asked=(0, 1, 2))])
    assert found["fill"] == 0.75
    assert found["days14"] == (1 + 3 + 14 + 14) / 4
    assert found["within3"] == 0.5
    assert found["asks"] == 1.5
    assert found["filled_days"] == pytest.approx(34 / 3)
    assert found["top_two"] == 5 / 6


def test_the_busiest_two_are_those_of_a_direction() -> None:
    outcomes = [outcome(1.0, asked=(at,)) for at in (1, 1, 2, 3)] + [
        outcome(1.0, asked=(at,), way="BALIS→CL") for at in (4, 5)
    ]
    assert measure(outcomes)["top_two"] == (3 + 2) / 6


def test_nothing_filled() -> None:
    found = measure([outcome(2.0, filled=False)])
    assert (found["fill"], found["days14"], found["filled_days"]) == (0.0, 14.0, 0.0)
