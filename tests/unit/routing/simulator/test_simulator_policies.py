"""Whom each policy asks first."""

from __future__ import annotations

from collections import Counter

import pytest
from small_world import HELD, library, pair, request, world

from routing.rota import RotaSettings
from routing.simulator import ranked
from routing.simulator.assumptions import BALIS_ASKS, CAPITAL_ASKS, frame
from routing.simulator.experiment import POLICIES, policies
from routing.simulator.libraries import CAPITAL, FAVOURITES
from routing.simulator.network import Network
from routing.simulator.policies import RULES, Rule, Study
from routing.simulator.ranked import LIVE, Oracle, Ranked
from routing.simulator.world import Holding, World, make_world

NOT_LISTED = Holding(held=True, listed=False, coverage="unknown")
STALE = Holding(held=False, listed=True, coverage="yes")


def cold() -> World:
    return make_world(frame(), frame().scenarios["cold"], "5/0")


def test_all_that_are_shown_are_run_in_that_order() -> None:
    ranked_names = [policy.name for policy in policies()]
    assert sorted(ranked_names) == sorted(POLICIES)
    assert ranked_names[0] == "study"


def test_the_study_s_officers_go_by_habit() -> None:
    made = make_world(frame(), frame().scenarios["volume"], "5/0")
    seen, study = Network(made), Study()
    firsts: dict[str, Counter[str]] = {CAPITAL_ASKS: Counter(), BALIS_ASKS: Counter()}
    for each in made.requests:
        firsts[each.way][made.libraries[study.order(each, seen)[0]].symbol] += 1
    assert set(firsts[BALIS_ASKS]) == {CAPITAL}
    share = sum(firsts[CAPITAL_ASKS][symbol] for symbol in FAVOURITES) / firsts[CAPITAL_ASKS].total()
    assert share == pytest.approx(frame().assumed["favoured"].value, abs=0.03)
    assert abs(firsts[CAPITAL_ASKS]["RUC"] - firsts[CAPITAL_ASKS]["NSTL"]) < 0.2 * firsts[CAPITAL_ASKS].total()


def test_in_the_study_a_forward_ends_the_record_and_a_second_answer_the_request() -> None:
    """RUC can't and forwards; a holder fills; who refuses without forwarding ends it."""
    libraries = [library("M01"), library("NSTL", side="EXTERNAL"), library("RUC")]
    habit = (0.0, 0.9, 0.0)  # to the favourites, of them RUC (index 2)
    forwards = request(1, [pair(), pair(), pair("NotHeld", forwards=True)], officer=habit,
                       holdings=(HELD, NOT_LISTED, HELD, HELD))  # fmt: skip
    refuses = request(2, [pair(), pair(), pair("NotHeld")], officer=habit)
    silent = request(3, [pair(), pair(), pair("silence", forwards=True)], officer=habit)
    made = world(libraries, [forwards, refuses, silent])
    outcomes = Network(made).run(Study())
    asked = [made.libraries[outcome.asked[0]].symbol for outcome in outcomes]
    assert asked == ["RUC"] * 3
    assert [(outcome.first, outcome.filled, len(outcome.asked)) for outcome in outcomes] == [
        ("forwarded", True, 2), ("refused", False, 1), ("refused", False, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["random", "turnaround", "turnaround_queue", "S"])
def test_ties_do_not_follow_names(name: str) -> None:
    """From a cold start all that are listed alike are equal: each is asked first about as often."""
    libraries = [library(f"L{number}") for number in range(4)]
    made = world(libraries, [request(number, [pair() for _ in range(4)]) for number in range(200)])
    policy = Ranked("S") if name == "S" else Rule(name, RULES[name])
    fresh = Network(made)
    fresh.now = made.first + 0.4
    firsts = Counter(policy.order(each, fresh)[0] for each in made.requests)
    assert set(firsts) == {0, 1, 2, 3}
    assert min(firsts.values()) > 25


def test_the_alphabet_and_the_loan_ratio() -> None:
    made = world([library(symbol) for symbol in "ABC"], [request(1, [pair(), pair(), pair()])])
    seen = Network(made)
    assert list(Rule("alphabet", RULES["alphabet"]).order(made.requests[0], seen)) == [0, 1, 2]
    ratio = Rule("loan_ratio", RULES["loan_ratio"])
    assert list(ratio.order(made.requests[0], seen)) == [0, 1, 2]  # its last key is the name
    seen.loans[0], seen.loans[1], seen.borrowed[1] = 4, 4, 8
    assert list(ratio.order(made.requests[0], seen)) == [2, 1, 0]


def test_turnaround_goes_by_what_was_seen_and_the_queue_is_only_known_to_one() -> None:
    made = world([library("A", capacity=2.0), library("B")], [request(1, [pair(), pair()])])
    asked, seen = made.requests[0], Network(made)
    for _ in range(30):
        seen.experience.learn(0, asked, "fill", 0.5, made.first)
        seen.experience.learn(1, asked, "fill", 1.5, made.first)
    turnaround, queue = (Rule(name, RULES[name]) for name in ("turnaround", "turnaround_queue"))
    assert list(turnaround.order(asked, seen)) == [0, 1]
    assert list(queue.order(asked, seen)) == [0, 1]
    seen._open[0] = dict.fromkeys(range(100, 110), 0.0)  # ten requests lie there: five days
    assert list(queue.order(asked, seen)) == [1, 0]


def test_partners_come_after_all_holders() -> None:
    made = world([library("A"), library("NLC", side="EXTERNAL", type="partner")], [
        request(1, [pair(), pair()], holdings=(HELD, NOT_LISTED, NOT_LISTED))])  # fmt: skip
    for policy in policies():
        if policy.follows and policy.name != "oracle":
            assert list(policy.order(made.requests[0], Network(made))) == [0, 1], policy.name


def test_s_is_what_the_live_system_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """`build_rota` gets what is known of each library, and its order is the one that is asked in."""
    made, calls = cold(), []

    def watched(wish: object, candidates: object, settings: RotaSettings, **more: object) -> object:
        calls.append((candidates, settings))
        return original(wish, candidates, settings, **more)

    original = ranked.build_rota
    monkeypatch.setattr(ranked, "build_rota", watched)
    seen, policy = Network(made), Ranked("S")
    seen.run(policy)
    assert len(calls) >= len(made.requests)
    candidates, settings = calls[-1]
    assert settings == LIVE == RotaSettings(compare=0.0)
    assert {candidate.estimate.basis for call, _ in calls for candidate in call} > {"prior"}
    assert any(candidate.supplied for candidate in candidates)
    assert {candidate.manual_hops for call, _ in calls for candidate in call} == {0, 1}
    assert any(candidate.closed_days for call, _ in calls for candidate in call)


def test_s_avoids_whoever_is_slow_to_refuse() -> None:
    """The same chance and days to a fill; one says no at once, the other after three days."""
    made = world([library("A"), library("B")], [request(1, [pair(), pair()])])
    asked, seen = made.requests[0], Network(made)
    seen.now = made.first + 0.4
    for _ in range(30):
        for at, days in ((0, 3.0), (1, 0.2)):
            seen.experience.learn(at, asked, "fill", 1.0, made.first)
            seen.experience.learn(at, asked, "PolicyProblem", days, made.first)
    plain = Ranked("S_plain", ranked.PLAIN)
    assert list(plain.order(asked, seen)) == [1, 0]


def test_the_oracle_knows_what_is_held_listed_or_not() -> None:
    made = world([library("A"), library("B"), library("C", fill_days=0.2, refusal_days=0.2)], [
        request(1, [pair("NotHeld"), pair(), pair()], holdings=(STALE, HELD, NOT_LISTED, STALE))])  # fmt: skip
    assert list(Oracle().order(made.requests[0], Network(made))) == [2, 1]


def test_nobody_is_asked_twice_or_asks_itself() -> None:
    made = make_world(frame(), frame().scenarios["errors"].at_size(True), "5/1")
    for policy in policies():
        for request_, outcome in zip(made.requests, Network(made).run(policy), strict=True):
            assert len(set(outcome.asked)) == len(outcome.asked)
            if policy.follows:
                assert request_.requester not in [made.libraries[at].symbol for at in outcome.asked], policy.name
