import math
from collections.abc import Sequence
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.requests import REASONS
from routing.estimates import (
    MISSES,
    UNCOUNTED,
    Estimate,
    EstimateSettings,
    HoldingPast,
    HoldingTrust,
    Tally,
    estimate,
    faded,
    filled,
    found_out,
    holding_trust,
    keys_of,
    refused,
    silent,
)

KEYS = keys_of("USTB", "node", "BALIS", "serial", "TF", "copy", "standard")
CERTAIN = HoldingTrust(1.0, 1.0)
DAY = 20_000.0
outcome = st.tuples(st.sampled_from(["fill", "silence", *REASONS]), st.floats(0, 60), st.floats(DAY - 900, DAY))


def add(tally: Tally, name: str, days: float, day: float) -> Tally:
    if name == "fill":
        return filled(tally, days, day)
    return silent(tally, days, day) if name == "silence" else refused(tally, days, name, day)


def tally_of(outcomes: Sequence[tuple[str, float, float]]) -> Tally:
    tally = Tally()
    for each in outcomes:
        tally = add(tally, *each)
    return tally


def alike(one: Tally, other: Tally) -> bool:
    fields = Tally.__struct_fields__
    return all(math.isclose(getattr(one, f), getattr(other, f), rel_tol=1e-6, abs_tol=1e-9) for f in fields)


def test_a_request_weighs_half_after_the_half_life() -> None:
    tally = faded(filled(Tally(), 3.0, DAY), DAY + 180)
    assert (tally.asks, tally.fills, tally.fill_days) == (0.5, 0.5, 1.5)
    assert faded(tally, DAY) == tally  # a clock that goes wrong makes nothing grow


@given(st.lists(outcome, max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_outcomes_are_counted_does_not_matter(
    outcomes: list[tuple[str, float, float]], dice: Random
) -> None:
    other = list(outcomes)
    dice.shuffle(other)
    assert alike(faded(tally_of(outcomes), DAY), faded(tally_of(other), DAY))


@given(st.lists(outcome, max_size=12))
def test_every_ask_is_one_of_four(outcomes: list[tuple[str, float, float]]) -> None:
    tally = tally_of(outcomes)
    assert tally.asks == pytest.approx(tally.fills + tally.refusals + tally.silences + tally.misses)


@pytest.mark.parametrize("code", UNCOUNTED)
def test_what_is_the_request_s_fault_counts_for_nothing(code: str) -> None:
    tally = filled(Tally(), 2.0, DAY)
    assert refused(tally, 1.0, code, DAY + 1) == tally


@pytest.mark.parametrize("code", MISSES)
def test_what_is_not_there_does_not_make_a_library_unwilling(code: str) -> None:
    before = {KEYS[0]: tally_of([("fill", 2.0, DAY)] * 5)}
    after = {KEYS[0]: refused(before[KEYS[0]], 1.0, code, DAY)}
    assert estimate(after, KEYS, DAY).q == pytest.approx(estimate(before, KEYS, DAY).q)
    assert estimate(after, KEYS, DAY).r < estimate(before, KEYS, DAY).r  # but it was said soon


def test_without_any_past_the_prior_is_told() -> None:
    told, default = estimate({}, KEYS, DAY), Estimate()
    for field in Estimate.__struct_fields__:
        expected = getattr(default, field)
        assert getattr(told, field) == (expected if isinstance(expected, str) else pytest.approx(expected, abs=0.005))


def test_shrinkage_is_that_of_the_field_notes() -> None:
    tallies = {KEYS[0]: tally_of([("fill", 1.6, DAY)] * 41 + [("PolicyProblem", 1.0, DAY)] * 7)}
    told = estimate(tallies, KEYS, DAY, CERTAIN)
    assert told.q == told.p == pytest.approx((41 + 8 * 0.6) / (48 + 8))
    assert (told.basis, round(told.n), round(told.fills), told.strength) == ("similar", 48, 41, pytest.approx(56))
    assert told.mean_days == pytest.approx(1.6)


def test_a_request_that_stands_in_every_tally_weighs_once() -> None:
    """Each outcome is counted under all keys; the prior must still weigh as k requests against them."""
    tally = tally_of([("fill", 2.0, DAY)] * 8)
    assert estimate(dict.fromkeys(KEYS, tally), KEYS, DAY).q == pytest.approx((8 + 8 * 0.6) / 16)
    assert estimate(dict.fromkeys(KEYS, tally), KEYS, DAY).t == pytest.approx(estimate({KEYS[0]: tally}, KEYS, DAY).t)


def test_an_unknown_library_is_told_by_its_kind() -> None:
    bad = {KEYS[4]: tally_of([("Licence", 1.0, DAY)] * 100), KEYS[5]: tally_of([("Licence", 1.0, DAY)] * 100)}
    told = estimate(bad, KEYS, DAY)
    assert told.q < 0.06
    assert told.basis == "type"


def test_silence_is_a_refusal_that_takes_as_long_as_the_clock() -> None:
    quiet = {KEYS[0]: tally_of([("silence", 4.0, DAY)] * 30)}
    quick = {KEYS[0]: tally_of([("Licence", 0.2, DAY)] * 30)}
    assert estimate(quiet, KEYS, DAY).q == estimate(quick, KEYS, DAY).q
    assert estimate(quiet, KEYS, DAY).r > 2 * estimate(quick, KEYS, DAY).r


def test_times_are_learnt() -> None:
    dice = Random(4)
    outcomes = [("fill", dice.lognormvariate(1.0, 0.5), DAY) for _ in range(3000)]
    outcomes += [("Cost", dice.lognormvariate(0.0, 1.0), DAY) for _ in range(3000)]
    told = estimate({KEYS[0]: tally_of(outcomes)}, KEYS, DAY)
    assert (told.t, told.spread) == (pytest.approx(math.exp(1.125), rel=0.05), pytest.approx(0.5, abs=0.05))
    assert (told.r, told.spread_r) == (pytest.approx(math.exp(0.5), rel=0.1), pytest.approx(1.0, abs=0.05))


@given(st.lists(st.lists(outcome, max_size=6), min_size=6, max_size=6), st.lists(st.floats(0, 90), max_size=4))
def test_an_estimate_is_always_a_possible_one(
    outcomes: list[list[tuple[str, float, float]]], waiting: list[float]
) -> None:
    nested: list[tuple[str, float, float]] = []
    tallies = {}
    for key, more in zip(KEYS, outcomes, strict=True):
        nested = nested + more
        tallies[key] = tally_of(nested)
    told = estimate(tallies, KEYS, DAY, CERTAIN, waiting)
    assert 0 < told.p < 1
    assert 0 < told.t < 1e6
    assert 0 < told.r < 1e6
    assert told.fills <= told.n + 1e-9
    assert told.strength >= 8


# --- open entries -----------------------------------------------------------------------------------------------------


def known() -> dict[str, Tally]:
    """Fills soon, refuses late."""
    return {KEYS[0]: tally_of([("fill", 1.0, DAY), ("fill", 2.0, DAY), ("Overload", 6.0, DAY)] * 8)}


def test_a_request_just_sent_changes_nothing() -> None:
    before, after = estimate(known(), KEYS, DAY), estimate(known(), KEYS, DAY, open_days=[0.0] * 5)
    assert (after.q, after.t, after.r) == pytest.approx((before.q, before.t, before.r), rel=1e-3)


def test_the_longer_it_lies_there_the_worse_is_expected() -> None:
    told = [estimate(known(), KEYS, DAY, open_days=[days]) for days in (0.5, 2, 4, 8, 16)]
    assert [each.q for each in told] == sorted((each.q for each in told), reverse=True)
    assert [each.r for each in told] == sorted(each.r for each in told)
    assert told[-1].q < estimate(known(), KEYS, DAY).q


@pytest.mark.parametrize("days", [0.3, 2.5, 7.0])
def test_q_with_an_open_request_is_the_mean_of_the_exact_posterior(days: float) -> None:
    before = estimate(known(), KEYS, DAY)

    def beyond(mean: float, spread: float) -> float:
        return 1 - NormalDist(math.log(mean) - spread**2 / 2, spread).cdf(math.log(days))

    fills, others = before.q * before.strength, (1 - before.q) * before.strength
    late_fill, late_refusal = beyond(before.t, before.spread), beyond(before.r, before.spread_r)
    total = mean = 0.0
    for step in range(1, 20_000):
        q = step / 20_000
        density = math.exp((fills - 1) * math.log(q) + (others - 1) * math.log(1 - q))
        density *= q * late_fill + (1 - q) * late_refusal
        total, mean = total + density, mean + q * density
    assert estimate(known(), KEYS, DAY, open_days=[days]).q == pytest.approx(mean / total, abs=1e-4)


def test_dropping_open_requests_would_flatter_a_library_that_stopped_working() -> None:
    """Ten requests lie there for a month, none answered: the past alone would still send the next one."""
    flattered = estimate(known(), KEYS, DAY, CERTAIN)
    told = estimate(known(), KEYS, DAY, CERTAIN, [22.0] * 10)
    assert told.q < flattered.q - 0.1
    assert told.r > 1.5 * flattered.r


# --- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_nested_and_stay_as_they_are() -> None:
    """They stand in the database."""
    assert KEYS == (
        "L/USTB/copy/standard/serial/TF", "L/USTB/copy/standard/serial", "L/USTB/copy/standard", "L/USTB",
        "T/BALIS/node", "C/BALIS",
    )  # fmt: skip


part = st.text(max_size=60)


@given(st.tuples(*[part] * 7), st.tuples(*[part] * 7))
def test_different_requests_have_different_keys(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    keys, others = keys_of(*one), keys_of(*other)
    assert all(len(key) <= 200 for key in keys)
    cell = (0, 3, 4, 5, 6)  # library, material, subject, service, level
    assert (keys[0] == others[0]) == all(one[at] == other[at] for at in cell)
    assert len(set(keys)) == len(keys)


# --- trust in a holding -----------------------------------------------------------------------------------------------


def test_not_held_lowers_the_trust_in_that_holding() -> None:
    before = holding_trust("yes", "available")
    after = holding_trust("yes", "available", past=found_out(HoldingPast(), "NotHeld", DAY), now_days=DAY)
    assert after.c == pytest.approx(before.c / 2)
    assert after.a == before.a


def test_not_on_shelf_passes_and_says_that_it_is_held() -> None:
    before = holding_trust("unknown", "available")
    past = found_out(HoldingPast(), "NotOnShelf", DAY)
    soon, later = (holding_trust("unknown", "available", past=past, now_days=DAY + days) for days in (1, 400))
    assert soon.a < 0.6 * before.a < later.a
    assert soon.c > before.c


def test_fills_raise_both_and_other_refusals_neither() -> None:
    before = holding_trust("unknown")
    filled_once = holding_trust("unknown", past=found_out(HoldingPast(), "fill", DAY), now_days=DAY)
    assert filled_once.c > before.c
    assert filled_once.a > before.a
    assert holding_trust("unknown", past=found_out(HoldingPast(), "Licence", DAY), now_days=DAY) == before


def test_unknown_coverage_is_less_trusted_but_not_a_no() -> None:
    told = [holding_trust(coverage).c for coverage in ("yes", "unknown", "no")]
    assert told == sorted(told, reverse=True)
    assert told[1] > 0.5 > 0.1 > told[2]


def test_what_does_not_leave_the_house_can_be_copied() -> None:
    assert holding_trust("yes", "reference", "copy").a > 0.8 > 0.1 > holding_trust("yes", "reference", "loan").a


@given(
    st.lists(st.tuples(st.sampled_from(["fill", "NotHeld", "NotOnShelf"]), st.floats(DAY - 900, DAY)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_what_was_found_out_does_not_depend_on_the_order(past: list[tuple[str, float]], dice: Random) -> None:
    other = list(past)
    dice.shuffle(other)
    one = two = HoldingPast()
    for name, day in past:
        one = found_out(one, name, day)
    for name, day in other:
        two = found_out(two, name, day)
    told, again = (holding_trust("yes", "", "copy", each, DAY) for each in (one, two))
    assert (told.c, told.a) == pytest.approx((again.c, again.a))
    assert 0 < told.c < 1
    assert 0 < told.a < 1


def test_k_is_how_much_the_coarser_level_is_worth() -> None:
    tallies = {KEYS[0]: tally_of([("fill", 2.0, DAY)] * 4)}
    stubborn = EstimateSettings(k=40)
    assert estimate(tallies, KEYS, DAY, settings=stubborn).q == pytest.approx((4 + 40 * 0.6) / 44)
