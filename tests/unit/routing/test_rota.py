from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rota_candidates import RUSH, STEADY, USUAL, WISH, asked, build, make, make_estimate, pools, why_not

from routing.candidates import NEVER, Candidate, ClosureCost, Place, Rota
from routing.exploring import POINTS, first_chances, plausible
from routing.rota import RotaSettings
from routing.score import score

# --- weaknesses of the peers (routing.md §8) --------------------------------------------------------------------------


def test_ties_do_not_follow_names() -> None:
    """crosslink serves a copies-only consortium alphabetically."""
    names = ["AAA", "BBB", "MMM", "ZZZ"]
    firsts = Counter(asked(build([make(name) for name in names], seed))[0] for seed in range(2_000))
    for name in names:
        assert firsts[name] == pytest.approx(500, abs=80)


def test_nor_do_ties_of_turnaround_or_of_chances_in_time() -> None:
    some = [make(name) for name in ("AAA", "BBB", "ZZZ")]
    for options, days_left in ((RotaSettings(compare=1.0), None), (STEADY, 2.0)):
        firsts = Counter(asked(build(some, seed, options, days_left=days_left))[0] for seed in range(600))
        assert min(firsts[each.library] for each in some) > 140


@settings(deadline=None)
@given(pools(), st.integers(0, 2**31))
def test_a_rerun_never_asks_again(pool: list[Candidate], seed: int) -> None:
    """ReShare's router always gets an empty list of those tried."""
    tried: list[str] = []
    for again in range(20):
        rota = build(pool, seed + again, USUAL, tried=tried)
        assert not set(asked(rota)) & set(tried)
        assert all("tried" in why_not(rota)[library] for library in tried)
        if not rota.entries:
            break
        tried += asked(rota)
    # A plain end of the rota, reached when everybody who can be asked was.
    assert not rota.entries
    assert len(tried) == len(set(tried))
    assert {each.library for each in pool if _is_able(each)} == set(tried)


def _is_able(each: Candidate) -> bool:
    likely = each.estimate.p * each.closures.in_time >= USUAL.least_p
    return not each.excluded and each.coverage != "no" and likely


# --- who is asked -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"excluded": "paused"}, "paused"),
        ({"coverage": "no"}, "not_covered"),
        ({"estimate": make_estimate(q=0.001)}, "no_chance"),
    ],
)
def test_who_cannot_be_asked_is_passed_over_with_the_reason(more: dict[str, Any], reason: str) -> None:
    rota = build([make("GOOD", make_estimate(q=0.3, t=9, r=9)), make("BAD", **more)])
    assert asked(rota) == ["GOOD"]
    assert why_not(rota) == {"BAD": (reason,)}
    assert rota.passed_over[0].score == NEVER


def test_every_reason_is_told() -> None:
    bad = make("BAD", excluded="paused", coverage="no")
    rota = build([bad], tried=["BAD"], chain=["BAD"])
    assert why_not(rota)["BAD"] == ("paused", "tried", "on_chain", "not_covered")


def test_a_request_is_never_sent_back_along_its_chain() -> None:
    rota = build([make("CLCN"), make("NLC")], chain=["CLCN"])
    assert asked(rota) == ["NLC"]
    assert why_not(rota) == {"CLCN": ("on_chain",)}


def test_who_is_away_for_long_is_asked_last() -> None:
    away = make("AWAY", closed_days=20.0, closures=ClosureCost(t=14.0, r=14.0))
    pool = [make("GOOD", make_estimate(q=0.3, t=9, r=9)), away, make("NLC", last_resort=True)]
    rota = build(pool)
    assert asked(rota) == ["GOOD", "NLC", "AWAY"]
    assert "opens_later" in rota.entries[2].reasons
    short = build(pool, options=RotaSettings(explore=0.0, compare=0.0, max_asks=2))
    assert why_not(short) == {"AWAY": ("closed",)}
    alone = build([make("AWAY", closed_days=20.0)])
    assert asked(alone) == ["AWAY"], "nobody else has it"


def test_who_takes_no_more_today_is_asked_last() -> None:
    pool = [make("FULL", daily_cap=5, sent_today=5), make("GOOD", make_estimate(q=0.3, t=9, r=9))]
    rota = build(pool)
    assert asked(rota) == ["GOOD", "FULL"] and "full_today" in rota.entries[1].reasons
    assert why_not(build(pool, options=replace(STEADY, max_asks=1))) == {"FULL": ("cap_reached",)}


def test_who_has_given_once_is_hardly_spared() -> None:
    known = make_estimate(strength=1e9)
    once, often = make("A", known, supplied=1), make("B", known, supplied=100)
    plain = make("C", known)
    scores = {place.candidate.library: place.score for place in build([once, often, plain]).entries}
    assert scores["A"] - scores["C"] == pytest.approx(0.5 / 9)
    assert scores["B"] - scores["C"] == pytest.approx(0.5 * 100 / 108)


def test_a_closure_that_all_have_excludes_and_delays_nobody() -> None:
    rota = build([make("A", closed_days=9.0), make("B", closed_days=9.0)])
    assert [place.t for place in rota.entries] == [make_estimate().t] * 2
    assert not any("opens_later" in place.reasons for place in rota.entries), "nobody works on Sundays"


def test_a_library_is_asked_once_by_the_best_of_its_ways() -> None:
    direct, through = make("A"), make("A", path=("NODE", "A"), manual_hops=1)
    rota = build([through, direct])
    assert [place.candidate.path for place in rota.entries] == [("A",)]
    assert why_not(rota) == {"A": ("other_path",)}


def test_no_more_are_asked_than_the_settings_say() -> None:
    rota = build([make(f"L{number}") for number in range(9)])
    assert len(rota.entries) == 6
    assert set(why_not(rota).values()) == {("beyond_limit",)}


@settings(deadline=None)
@given(pools(), st.integers(0, 2**31), st.sampled_from([None, 0.0, 3.0]), st.randoms(use_true_random=False))
def test_everybody_stands_somewhere_once_whatever_the_order_they_come_in(
    pool: list[Candidate], seed: int, days_left: float | None, dice: Random
) -> None:
    rota = build(pool, seed, USUAL, days_left=days_left)
    everybody = asked(rota) + [place.candidate.library for place in rota.passed_over]
    assert sorted(everybody) == sorted(each.library for each in pool)
    assert all(place.reasons for place in (*rota.entries, *rota.passed_over))
    assert 0 < rota.propensity <= 1
    dice.shuffle(pool)
    assert build(pool, seed, USUAL, days_left=days_left) == rota
    assert msgspec.json.decode(msgspec.json.encode(rota), type=Rota) == rota


@settings(deadline=None)
@given(pools(), st.integers(0, 2**31), st.sampled_from([None, 3.0]))
def test_holders_come_before_partners_of_last_resort(pool: list[Candidate], seed: int, days_left: float | None) -> None:
    order = [_turn(place, pool) for place in build(pool, seed, USUAL, days_left=days_left).entries]
    assert order == sorted(order)


def _turn(place: Place, pool: list[Candidate]) -> int:
    """0 = a holder, 1 = a partner, 2 = away for longer than the others that can be asked, or taking no more today."""
    able = [each for each in pool if _is_able(each)]
    limit = min(each.closed_days for each in able) + USUAL.most_closed_days
    full = 0 < place.candidate.daily_cap <= place.candidate.sent_today
    return 2 if full or place.candidate.closed_days > limit else int(place.candidate.last_resort)


# --- in which order ---------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(pools(), st.integers(0, 2**31))
def test_without_experiments_the_order_is_that_of_the_score(pool: list[Candidate], seed: int) -> None:
    rota = build(pool, seed, wish=RUSH, options=USUAL)
    for turn in range(3):
        scores = [round(each.score, 9) for each in rota.entries if _turn(each, pool) == turn]
        assert scores == sorted(scores)


def test_queue_and_people_on_the_way_add_to_both_times() -> None:
    plain, busy, behind = (
        build([make("A", **more)]).entries[0]
        for more in ({}, {"queue": 15, "capacity": 10.0}, {"path": ("NODE", "A"), "manual_hops": 1})
    )
    assert (busy.t - plain.t, busy.r - plain.r) == pytest.approx((1.5, 1.5))
    assert (behind.t - plain.t, behind.r - plain.r) == pytest.approx((0.5, 0.5))
    assert busy.score - plain.score == pytest.approx(1.5 / plain.p)


def test_closures_that_others_do_not_have_delay() -> None:
    open_, closed = build([make("A"), make("B", closures=ClosureCost(t=3.0, r=2.0))]).entries
    assert closed.candidate.library == "B" and "closed_between" in closed.reasons
    assert (closed.t - open_.t, closed.r - open_.r) == pytest.approx((3.0, 2.0))


def test_who_closes_before_it_can_supply_is_less_likely_to() -> None:
    half, never = make("HALF", closures=ClosureCost(in_time=0.5)), make("NEVER", closures=ClosureCost(in_time=0.0))
    rota = build([half, never, make("OPEN")])
    assert asked(rota) == ["OPEN", "HALF"] and "closes_soon" in rota.entries[1].reasons
    assert rota.entries[1].p == pytest.approx(rota.entries[0].p / 2)
    assert why_not(rota) == {"NEVER": ("closes_first",)}


def test_who_gives_more_than_it_takes_is_relieved_by_half_a_day_at_most() -> None:
    plain, giver, taker = (
        build([make("A", supplied=supplied, received=received)]).entries[0].score
        for supplied, received in ((10, 10), (400, 0), (0, 400))
    )
    assert (giver - plain, taker - plain) == pytest.approx((0.5 * 400 / 408, -0.5 * 400 / 408))


def test_what_is_needed_by_a_day_is_ordered_by_the_chance_in_time() -> None:
    slow, quick = make("SLOW", make_estimate(0.99, 6, 6)), make("QUICK", make_estimate(0.35, 0.8, 6))
    assert asked(build([slow, quick])) == ["SLOW", "QUICK"]
    rota = build([slow, quick], days_left=3.0)
    assert asked(rota) == ["QUICK", "SLOW"]
    assert rota.policy == "in_time"
    assert "in_time" in rota.entries[0].reasons


def test_the_days_left_are_those_of_the_public_calendar() -> None:
    slow, quick = make("SLOW", make_estimate(0.99, 6, 6)), make("QUICK", make_estimate(0.35, 0.8, 6))
    soon, later = replace(WISH, need_before="2026-11-27"), replace(WISH, need_before="2027-06-30")
    assert asked(build([slow, quick], wish=soon))[0] == "QUICK"
    assert asked(build([slow, quick], wish=later))[0] == "SLOW"
    past = build([slow, quick], wish=replace(WISH, need_before="2026-11-20"))
    assert (past.policy, asked(past)[0]) == ("S", "SLOW")


# --- experiments ------------------------------------------------------------------------------------------------------

BAND = [
    make("BEST", make_estimate(0.8, 2.0, 2.0, strength=120)),
    make("NEAR", make_estimate(0.78, 2.1, 2.1, strength=10)),
    make("NEW", make_estimate(0.75, 2.1, 2.0, strength=8)),
    make("QUICK", make_estimate(0.4, 1.0, 5.0, strength=30)),
    make("FAR", make_estimate(0.3, 6.0, 6.0, strength=8)),
]


def test_only_those_nearly_as_good_as_the_best_are_explored() -> None:
    always = RotaSettings(explore=1.0, compare=0.0)
    firsts = Counter(asked(build(BAND, seed, always))[0] for seed in range(1_000))
    assert set(firsts) == {"BEST", "NEAR", "NEW"}
    best = build(BAND).entries[0].score
    within = {place.candidate.library for place in build(BAND).entries if place.score <= 1.2 * best}
    assert within == set(firsts)


@pytest.mark.parametrize("hurry", [{"wish": RUSH}, {"days_left": 0.0}, {"days_left": 200.0}])
def test_those_in_a_hurry_are_never_experimented_with(hurry: dict[str, Any]) -> None:
    bold = RotaSettings(explore=1.0, compare=1.0)
    for seed in range(100):
        rota = build(BAND, seed, bold, **hurry)
        rota = replace(rota, policy="S") if rota.policy == "in_time" else rota
        assert (asked(rota)[0], rota.policy, rota.propensity) == ("BEST", "S", 1.0)


def test_fairness_holds_where_it_is_explored_too() -> None:
    """Of two that are known alike and for certain, who gives more is spared in each draw."""
    known = make_estimate(strength=1e9)
    some = [make("GIVER", known, supplied=20, received=10), make("TAKER", known, supplied=10, received=20)]
    firsts = {asked(build(some, seed, RotaSettings(explore=1.0, compare=0.0)))[0] for seed in range(50)}
    assert firsts == {"TAKER"}


def test_the_propensity_of_one_among_equals_is_its_share() -> None:
    some = [make("A"), make("B"), make("C")]
    assert build(some, days_left=3.0).propensity == pytest.approx(1 / 3)
    assert build(some, wish=RUSH).propensity == pytest.approx(1 / 3)


def test_a_tenth_is_ordered_by_turnaround_and_says_so() -> None:
    rotas = [build(BAND, seed, USUAL) for seed in range(2_000)]
    compared = [rota for rota in rotas if rota.policy == "turnaround"]
    assert len(compared) == pytest.approx(200, abs=50)
    assert {asked(rota)[0] for rota in compared} == {"QUICK"}


@pytest.mark.parametrize("pool", [BAND, [make("A"), make("B"), make("C", make_estimate(0.79))]])
def test_the_propensity_is_how_often_it_is_first(pool: list[Candidate]) -> None:
    runs, options = 4_000, RotaSettings(explore=0.6, compare=0.2)
    firsts: Counter[str] = Counter()
    said: dict[str, set[float]] = {}
    for seed in range(runs):
        rota = build(pool, seed, options)
        firsts[asked(rota)[0]] += 1
        said.setdefault(asked(rota)[0], set()).add(round(rota.propensity, 9))
    for library, values in said.items():
        assert len(values) == 1  # it is of the library, whatever the seed
        assert firsts[library] / runs == pytest.approx(values.pop(), abs=0.03)


def test_the_draw_is_stored_and_the_estimate_stays() -> None:
    rota = next(rota for seed in range(50) if (rota := build(BAND, seed, RotaSettings(explore=1.0, compare=0.0)))
                if "explored" in rota.entries[0].reasons)  # fmt: skip
    first = rota.entries[0]
    assert 0 < first.drawn < 1
    assert first.p == first.candidate.estimate.p
    assert first.score == pytest.approx(score(first.p, first.t, first.r))
    assert rota.entries[-1].drawn == 0


@given(st.floats(0.1, 0.9), st.floats(8, 500))
def test_draws_lie_about_the_mean_the_closer_the_more_is_known(q: float, strength: float) -> None:
    values, surer = plausible(q, strength), plausible(q, strength * 4)
    assert list(values) == sorted(values)
    assert 0 < values[0] < values[-1] < 1
    assert surer[-1] - surer[0] <= values[-1] - values[0] + 1e-9
    assert sum(values) / POINTS == pytest.approx(q, abs=0.06)


@pytest.mark.parametrize("q", [0.0, 1.0])
def test_what_is_said_to_be_certain_can_be_drawn_too(q: float) -> None:
    """A simulated library may be."""
    assert plausible(q, 0.0)[POINTS // 2] == pytest.approx(q, abs=0.01)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30).map(float), min_size=POINTS, max_size=POINTS), min_size=1, max_size=3))
def test_the_chances_to_be_first_are_those_of_all_draws(values: list[list[float]]) -> None:
    chances = first_chances(values)
    assert sum(chances) == pytest.approx(1)
    wins = [0.0] * len(values)
    grid: list[tuple[float, ...]] = [()]
    for own in values:
        grid = [(*taken, value) for taken in grid for value in own]
    for taken in grid:
        wins[taken.index(min(taken))] += 1 / len(grid)
    for number, own in enumerate(values):
        alike = [wins[other] for other, same in enumerate(values) if same == own]
        assert chances[number] == pytest.approx(sum(alike) / len(alike))


@pytest.mark.parametrize(
    "text", ['{"explore": 1.5}', '{"max_asks": 0}', '{"fairness": -1}', '{"lambda": 1}', '{"estimates": {"k": 0}}']
)
def test_settings_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=RotaSettings)
