from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.score import Ask, Deadline, best_in_time, expected_days, fill_chance, in_time, ordered, score

asks = st.builds(
    Ask,
    p=st.one_of(st.floats(0.01, 1), st.just(1.0)),
    t=st.floats(0, 20),
    r=st.floats(0, 20),
    spread=st.sampled_from([0.0, 0.5, 0.8]),
    spread_r=st.sampled_from([0.0, 0.8]),
)


def random_asks(dice: Random) -> list[Ask]:
    return [Ask(dice.uniform(0.02, 1), dice.uniform(0, 8), dice.uniform(0, 8)) for _ in range(dice.randint(2, 6))]


def test_no_order_of_up_to_six_beats_that_of_the_score() -> None:
    dice = Random(18626)
    by_turnaround = by_score = 0.0
    for _ in range(3_500):
        some = random_asks(dice)
        ours = expected_days(ordered(some))
        assert ours <= min(map(expected_days, permutations(some))) + 1e-9
        by_score += ours
        by_turnaround += expected_days(sorted(some, key=lambda ask: ask.t))
    # That the order matters at all, or the comparison above could not fail.
    assert by_turnaround > 1.1 * by_score


@given(st.lists(asks, min_size=1, max_size=5))
def test_nor_where_some_are_certain_or_immediate(some: list[Ask]) -> None:
    assert expected_days(ordered(some)) <= min(map(expected_days, permutations(some))) + 1e-9


@given(st.lists(asks, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_chance_of_a_fill_is_the_same_in_any_order(some: list[Ask], dice: Random) -> None:
    other = list(some)
    dice.shuffle(other)
    assert fill_chance(other) == pytest.approx(fill_chance(some))


def test_what_never_fills_is_asked_last() -> None:
    assert score(0.0, 1.0, 1.0) == float("inf")
    assert score(1.0, 2.0, 9.0) == 2.0  # its refusals don't matter
    assert score(0.5, 2.0, 3.0) == pytest.approx(5.0)


def test_a_delay_on_both_ways_counts_by_the_chance_of_a_fill() -> None:
    assert score(0.25, 2 + 0.5, 3 + 0.5) == pytest.approx(score(0.25, 2, 3) + 0.5 / 0.25)


def played(order: list[Ask], days: float, dice: Random) -> bool:
    """One request, as it would go."""
    gone = 0.0
    for ask in order:
        fills = dice.random() < ask.p
        mean, spread = (ask.t, ask.spread) if fills else (ask.r, ask.spread_r)
        gone += dice.lognormvariate(0, spread) * mean * 2.718281828459045 ** (-(spread**2) / 2)
        if fills:
            return gone <= days
    return False


@pytest.mark.parametrize("days", [1.0, 3.0, 8.0])
def test_the_chance_in_time_is_what_happens(days: float) -> None:
    dice = Random(6)
    order = [Ask(0.5, 2, 1.5, 0.8, 0.8), Ask(0.3, 1, 2, 0.6, 0.9), Ask(0.8, 3, 1, 0.7, 0.7), Ask(0.9, 1, 1, 0.5, 0.5)]
    came = sum(played(order, days, dice) for _ in range(20_000)) / 20_000
    assert in_time(order, days) == pytest.approx(came, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(st.lists(asks, min_size=1, max_size=5), st.floats(0.1, 30))
def test_the_best_order_in_time_is_the_best_of_all(some: list[Ask], days: float) -> None:
    deadline = Deadline(some, days)
    chances = {order: deadline.chance(order) for order in permutations(range(len(some)))}
    best = max(chances.values())
    assert chances[tuple(deadline.best(0.0))] == pytest.approx(best, abs=1e-9)
    with_slack = tuple(deadline.best(0.05))
    assert chances[with_slack] >= best - 0.05 - 1e-9
    near = [order for order, chance in chances.items() if chance >= best - 0.05]
    least = min(expected_days([some[index] for index in order]) for order in near)
    assert expected_days([some[index] for index in with_slack]) == pytest.approx(least, abs=1e-9)


def test_it_differs_from_the_score_where_time_is_short() -> None:
    certain_but_slow, quick = Ask(0.95, 6, 6), Ask(0.3, 1, 4)
    some = [certain_but_slow, quick]
    assert ordered(some) == some
    assert best_in_time(some, 3) == [1, 0]
    assert best_in_time(some, 100) == [0, 1]


def test_more_than_six_are_refused_rather_than_tried_for_ever() -> None:
    with pytest.raises(ValueError, match="too many"):
        best_in_time([Ask(0.5, 1, 1)] * 7, 3)
