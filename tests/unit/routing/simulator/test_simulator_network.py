"""What happens to a request that is asked around: answers, clocks, queues, vacations, the end of the rota."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from small_world import HELD, MONDAY, NINE, library, moment, pair, request, world

from mappings.requests import Closure
from routing.calendar import Calendar
from routing.clocks import ClockSettings
from routing.settings import RoutingSettings
from routing.simulator import experience, network
from routing.simulator.network import Network, Outcome
from routing.simulator.world import Request, World
from routing.sourcing import PARTNER_TRUST


class InOrder:
    """Asks the libraries as they are named."""

    name = "told"
    follows = True

    def __init__(self, *order: int) -> None:
        self._order = order

    def order(self, request: Request, network: Network, tried: Collection[int] = ()) -> Sequence[int]:
        return [at for at in self._order if at not in tried]

    def forward(self, request: Request, asked: int, network: Network) -> int | None:
        return None


def only(made: World, *order: int) -> Outcome:
    [outcome] = Network(made).run(InOrder(*order))
    return outcome


def test_what_stands_beside_sql_in_the_live_system_is_the_same_here() -> None:
    assert ClockSettings().cancel == network.CANCEL_DAYS
    assert RoutingSettings().fairness_days == network.FAIRNESS_DAYS
    assert experience.PARTNER_TRUST == PARTNER_TRUST


def test_a_fill_takes_the_library_s_working_days() -> None:
    outcome = only(world([library("A")], [request(1, [pair(days=2.0)])]), 0)
    # Office hours are 8:30 to 17:30. Two working days from Monday at nine: Wednesday at nine, and the work itself.
    assert outcome.filled
    assert outcome.days == pytest.approx(2.0, abs=0.01)
    assert (outcome.asked, outcome.first) == ((0,), "filled")


def test_a_weekend_lies_between() -> None:
    friday = moment("2015-06-05T16:30")
    outcome = only(world([library("A")], [request(1, [pair(days=1 / 9)], at=friday)]), 0)
    assert outcome.days == pytest.approx(1 / 24, abs=0.002)
    outcome = only(world([library("A")], [request(1, [pair(days=2 / 9)], at=friday)]), 0)
    assert outcome.days == pytest.approx(moment("2015-06-08T09:30") - friday, abs=0.002)


def test_a_refusal_goes_on_to_the_next_at_once() -> None:
    outcome = only(world([library("A"), library("B")], [request(1, [pair("NotHeld", 1.0), pair(days=1.0)])]), 0, 1)
    assert outcome.filled
    assert outcome.days == pytest.approx(2.0, abs=0.01)
    assert (outcome.asked, outcome.first) == ((0, 1), "refused")


@pytest.mark.parametrize(
    ("seen", "level", "gone"),
    [
        (9.0, "standard", 1.0 + 1.0),
        (0.5, "standard", 0.5 + 3.0 + 1.0),
        (9.0, "rush", 1.0 + 1.0),
        (0.5, "rush", 0.5 + 2.0),
    ],
    ids=["unseen", "seen and forgotten", "unseen rush", "rush seen and forgotten"],
)
def test_silence_ends_with_the_clock_and_an_unanswered_cancel(seen: float, level: str, gone: float) -> None:
    pairs = [pair("silence", 1.0, seen=seen), pair(days=0.5)]
    outcome = only(world([library("A"), library("B")], [request(1, pairs, level=level)]), 0, 1)
    assert outcome.filled
    start = MONDAY.toordinal() + NINE
    assert outcome.days == pytest.approx(Calendar().after(start, gone + 0.5) - start, abs=0.001)
    assert outcome.asked == (0, 1)


def test_one_that_is_too_slow_is_given_up_and_does_not_fill_as_well() -> None:
    pairs = [pair(days=4.0, seen=0.5), pair(days=0.2)]
    outcome = only(world([library("A"), library("B")], [request(1, pairs)]), 0, 1)
    assert outcome.asked == (0, 1)
    # 0.5 until it was seen, 3 for the action, 0.2 at the second: Thursday 15:18. The first would have filled on Friday.
    assert outcome.days == pytest.approx(moment("2015-06-04T15:18") - NINE, abs=0.001)


def test_who_waits_in_a_queue_waits_longer_and_what_was_given_up_unbegun_costs_no_work() -> None:
    slow = library("A", capacity=1.0)  # one request a day
    requests = [request(number, [pair(days=0.01, seen=0.01)]) for number in range(8)]
    outcomes = Network(world([slow], requests)).run(InOrder(0))
    assert [outcome.filled for outcome in outcomes] == [True, True, True] + [False] * 5
    assert [round(outcome.days) for outcome in outcomes[:3]] == [1, 2, 3]
    later = request(9, [pair(days=0.01, seen=0.01)], at=NINE + 4)
    outcomes = Network(world([slow], [*requests, later])).run(InOrder(0))
    assert outcomes[-1].filled
    # From Friday to Monday: those that were never begun don't lie before it.
    assert outcomes[-1].days == pytest.approx(3.0, abs=0.05)


def test_a_pair_answers_alike_whoever_is_asked_before() -> None:
    """Common random numbers: only the queue depends on the policy, and it is empty here."""
    pairs = [pair("NotHeld", 0.3), pair("NotOnShelf", 0.7), pair(days=0.9)]
    made = world([library("A"), library("B"), library("C")], [request(1, pairs)])
    first, second = only(made, 0, 1, 2), only(made, 1, 0, 2)
    assert first.filled
    assert second.filled
    assert first.days == pytest.approx(second.days, abs=0.001)
    assert only(made, 2).days < first.days


def test_clocks_stand_still_while_it_is_closed_for_a_week() -> None:
    closed = {"A": (Closure("2015-06-02", "2015-06-08"),)}
    outcome = only(world([library("A")], [request(1, [pair(days=1.0)])], closed), 0)
    assert outcome.filled
    assert outcome.days > 7


def test_nobody_waits_for_the_end_of_a_vacation() -> None:
    """What lies there goes on when the library closes, and that it was away is held against nobody."""
    closed = {"A": (Closure("2015-06-02", "2015-06-30"),)}
    made = world([library("A"), library("B")], [request(1, [pair(days=1.0), pair(days=1.0)])], closed)
    seen = Network(made)
    before = seen.experience.expect(0, made.requests[0], made.first + 30, ())
    outcome = seen.run(InOrder(0, 1))[0]
    assert outcome.filled and outcome.asked == (0, 1)
    assert 1 < outcome.days < 3
    assert seen.experience.expect(0, made.requests[0], made.first + 30, ()).a == before.a


def test_learning_is_from_what_was_asked_and_nothing_else() -> None:
    made = world([library("A"), library("B")], [request(1, [pair(days=1.0), pair("NotHeld")])])
    seen = Network(made)
    before = [seen.experience.expect(at, made.requests[0], made.first + 30, ()) for at in (0, 1)]
    seen.run(InOrder(0))
    after = [seen.experience.expect(at, made.requests[0], made.first + 30, ()) for at in (0, 1)]
    assert after[0].q > before[0].q
    assert after[1].q > before[1].q  # the first tells something of its kind
    assert after[0].c > before[0].c
    assert after[1].c == before[1].c  # nothing of what the other holds, which it was not asked for


def test_a_holding_that_was_not_there_is_trusted_less_and_only_that() -> None:
    pairs = [pair("NotHeld"), pair(days=1.0)]
    made = world([library("A"), library("B")], [request(1, pairs), request(2, pairs)])
    seen = Network(made)
    other = made.requests[1]
    before = seen.experience.expect(0, other, made.first + 1, ())
    one = Network(world([library("A"), library("B")], [made.requests[0]]))
    one.run(InOrder(0, 1))
    assert one.experience.expect(0, made.requests[0], made.first + 1, ()).c < before.c
    assert one.experience.expect(0, other, made.first + 1, ()).c == before.c


class Forgetful(InOrder):
    """Leaves the last one out at first, as S does with a library on vacation."""

    def order(self, request: Request, network: Network, tried: Collection[int] = ()) -> Sequence[int]:
        return super().order(request, network, tried)[: None if tried else 1]


def test_an_officer_extends_a_rota_that_has_come_to_its_end_once() -> None:
    pairs = [pair("NotHeld", 0.5), pair(days=0.5), pair(days=0.5)]
    made = world([library("A"), library("B"), library("C")], [request(1, pairs)])
    [outcome] = Network(made).run(Forgetful(0, 1, 2))
    assert outcome.asked == (0, 1)
    assert outcome.days == pytest.approx(2.0, abs=0.05)  # half a day each, and one for the officer
    refusing = [pair("NotHeld", 0.1) for _ in range(15)]
    many = world([library(f"L{number:02}") for number in range(15)], [request(1, refusing)])
    [outcome] = Network(many).run(InOrder(*range(15)))
    assert not outcome.filled
    assert outcome.asked == tuple(range(12))  # six on each rota


def test_who_asks_is_no_holder() -> None:
    made = world([library("A"), library("B")], [request(1, [pair(), pair()], requester="A")])
    seen = Network(made)
    assert seen.holders(made.requests[0]) == [1]
    assert HELD.listed
    assert seen.partners() == []


def test_nobody_to_ask_is_unfilled() -> None:
    outcome = only(world([library("A")], [request(1, [pair()])]))
    assert outcome == Outcome("CL→BALIS", False, 0.0, (), "none")
