from datetime import UTC, datetime, timedelta
from math import log
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rota_candidates import build, make, make_estimate, pools

from mappings.requests import Closure
from routing.calendar import CHINA, Calendar, SiteDays
from routing.candidates import Candidate, Place, Rota
from routing.closures import closure_cost
from routing.estimates import Estimate
from routing.prediction import BINS, RUNS, Basis, Outcome, Prediction, assess, pinball, predict
from routing.score import Ask, fill_chance

WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=CHINA)


def certain(library: str, p: float, t: float, r: float) -> Place:
    """A library whose days are known."""
    estimate = Estimate(p=p, q=p, c=1, a=1, t=t, r=r, spread=0, spread_r=0, basis="similar", n=10, fills=5)
    return Place(Candidate(library, (library,), estimate=estimate), t, p, t, r)


def rota_of(*places: Place) -> Rota:
    return Rota(places, ())


def test_where_all_is_certain_the_days_are_counted_on_the_calendar() -> None:
    told = predict(rota_of(certain("A", 1.0, 3.0, 1.0)), {}, WEDNESDAY)
    assert told.median_at == told.late_at == datetime(2026, 11, 30, 10, tzinfo=CHINA)  # over a weekend
    assert told.p_fill == 1


def test_refusals_come_before_the_next_is_asked() -> None:
    told = predict(rota_of(certain("A", 0.4, 1.0, 2.0), certain("B", 1.0, 1.0, 1.0)), {}, WEDNESDAY)
    assert told.median_at == told.late_at == datetime(2026, 11, 30, 10, tzinfo=CHINA)
    told = predict(rota_of(certain("A", 0.6, 1.0, 2.0), certain("B", 1.0, 1.0, 1.0)), {}, WEDNESDAY)
    assert told.median_at == datetime(2026, 11, 26, 10, tzinfo=CHINA)


def test_a_vacation_of_the_one_that_is_asked_counts() -> None:
    calendars = {"A": Calendar((Closure("2026-11-26", "2026-12-02"),))}
    told = predict(rota_of(certain("A", 1.0, 1.0, 1.0)), calendars, WEDNESDAY)
    assert told.median_at == datetime(2026, 12, 3, 10, tzinfo=CHINA)


def placed(place: Place, calendar: Calendar, limit: float = 4.0) -> Place:
    """As the rota has it, with what the library's closures cost."""
    estimate, public = place.candidate.estimate, Calendar()
    ask = Ask(estimate.p, estimate.t, estimate.r, estimate.spread, estimate.spread_r)
    cost = closure_cost(calendar, public, public.moment(WEDNESDAY), ask, 0.0, limit)
    candidate = replace(place.candidate, closures=cost)
    return replace(place, candidate=candidate, p=place.p * cost.in_time, t=place.t + cost.t, r=place.r + cost.r)


def test_a_closure_that_the_rota_has_counted_is_not_counted_again() -> None:
    away = Calendar((Closure("2026-11-20", "2026-12-02"),))
    told = predict(rota_of(placed(certain("A", 1.0, 1.0, 1.0), away)), {"A": away}, WEDNESDAY)
    assert told.p_fill == 1
    assert told.median_at == away.due(WEDNESDAY, 1.0) == datetime(2026, 12, 3, 17, 30, tzinfo=CHINA)


def test_who_closes_before_its_days_are_over_passes_it_on_when_it_closes() -> None:
    away = Calendar((Closure("2026-11-26", "2026-12-31"),))
    closing, after = placed(certain("A", 1.0, 2.0, 1.0), away), certain("B", 1.0, 1.0, 1.0)
    told = predict(rota_of(closing, after), {"A": away}, WEDNESDAY)
    assert told.p_fill == 1
    assert told.median_at == told.late_at == datetime(2026, 11, 26, 17, 30, tzinfo=CHINA)
    assert predict(rota_of(closing), {"A": away}, WEDNESDAY).p_fill == 0


def test_who_is_driven_over_its_clock_by_its_queue_does_not_fill() -> None:
    slow = certain("A", 1.0, 2.0, 1.0)
    queued = Place(slow.candidate, 9, 1.0, 2.0 + 5.0, 1.0 + 5.0)  # five days of queue, a clock of four
    told = predict(rota_of(queued, certain("B", 1.0, 1.0, 1.0)), {}, WEDNESDAY)
    assert told.median_at == datetime(2026, 12, 2, 10, tzinfo=CHINA)  # four days for nothing, then one
    assert predict(rota_of(queued), {}, WEDNESDAY).p_fill == 0
    assert predict(rota_of(queued), {}, WEDNESDAY).median_at is None
    assert predict(rota_of(queued), {}, WEDNESDAY, {"A": 8.0}).p_fill == 1  # its clock is longer


def test_a_refusal_does_not_take_longer_than_the_clock() -> None:
    never = certain("A", 0.0, 1.0, 2.0)
    queued = Place(never.candidate, 9, 0.0, 1.0 + 5.0, 2.0 + 5.0)
    told = predict(rota_of(queued, certain("B", 1.0, 1.0, 1.0)), {}, WEDNESDAY)
    assert told.median_at == datetime(2026, 12, 2, 10, tzinfo=CHINA)


def test_of_those_that_would_be_filled_too_late_the_clock_runs_out() -> None:
    late = certain("A", 0.5, 3.5, 0.5)
    queued = Place(late.candidate, 9, 0.5, 3.5 + 1.0, 0.5 + 1.0)
    told = predict(rota_of(queued, certain("B", 1.0, 1.0, 1.0)), {}, WEDNESDAY)
    assert told.late_at == datetime(2026, 12, 2, 10, tzinfo=CHINA)  # four days of the clock, not one and a half


def test_an_empty_rota_promises_nothing() -> None:
    assert predict(rota_of(), {}, WEDNESDAY) == Prediction()


def test_only_the_first_six_count() -> None:
    places = [certain(f"L{number}", 0.1, 1.0, 1.0) for number in range(9)]
    told = predict(rota_of(*places), {}, WEDNESDAY)
    assert told.p_fill == pytest.approx(fill_chance(places[:6]))
    assert told.basis == Basis(6, "similar", 10, 5, True)


@settings(deadline=None, max_examples=50)
@given(pools(), st.integers(0, 2**31))
def test_what_is_promised_is_possible_and_the_same_again(pool: list[Candidate], seed: int) -> None:
    rota = build(pool, seed)
    told = predict(rota, {}, WEDNESDAY)
    assert predict(rota, {}, WEDNESDAY) == told
    # Here no library has a calendar of its own: what the rota expected of closures does not come to pass.
    most = fill_chance([replace(place, p=place.candidate.estimate.p) for place in rota.entries])
    assert 0 <= told.p_fill <= most + 1e-9
    if told.median_at is None or told.late_at is None:
        assert told.p_fill == 0
    else:
        assert WEDNESDAY < told.median_at <= told.late_at


@pytest.mark.parametrize(("t", "spread"), [(1.0, 0.4), (2.0, 0.8), (2.5, 0.3)])
def test_of_one_library_the_quantiles_are_those_of_its_own_days(t: float, spread: float) -> None:
    estimate = Estimate(p=1, q=1, c=1, a=1, t=t, r=1, spread=spread, spread_r=0, basis="similar", n=10, fills=5)
    told = predict(rota_of(Place(Candidate("A", ("A",), estimate=estimate), t, 1, t, 1)), {}, WEDNESDAY, {"A": 99.0})
    assert told.median_at is not None and told.late_at is not None
    for promised, share in ((told.median_at, 0.5), (told.late_at, 0.8)):
        days = Calendar().working_days(WEDNESDAY, promised)
        reached = NormalDist(log(t) - spread**2 / 2, spread).cdf(log(days))
        assert reached == pytest.approx(share, abs=1 / RUNS)


def test_it_says_where_holidays_are_not_announced() -> None:
    rota = rota_of(certain("A", 1.0, 3.0, 1.0))
    new_year = datetime(2026, 12, 31, 10, tzinfo=CHINA)
    assert not predict(rota, {}, new_year).basis.announced
    site = Calendar(site=SiteDays(announced=(2027,), holidays=(Closure("2027-01-01", "2027-01-03"),)))
    assert predict(rota, {"A": site}, new_year).basis.announced


def test_times_are_in_the_zone_of_now() -> None:
    told = predict(rota_of(certain("A", 1.0, 1.0, 1.0)), {}, WEDNESDAY.astimezone(UTC))
    assert told.median_at == datetime(2026, 11, 26, 2, tzinfo=UTC)
    assert told.median_at is not None
    assert told.median_at.tzinfo is UTC


def played(rota: Rota, start: datetime, dice: Random) -> datetime | None:
    """One request in a world that is as the estimates say."""
    calendar, at = Calendar(), start
    for place in rota.entries:
        estimate = place.candidate.estimate
        fills = dice.random() < place.p
        mean, spread = (place.t, estimate.spread) if fills else (place.r, estimate.spread_r)
        at = calendar.due(at, min(4.0, mean * dice.lognormvariate(-(spread**2) / 2, spread)))
        if fills:
            return at
    return None


def test_in_a_world_that_is_as_estimated_the_promises_hold() -> None:
    dice, pairs = Random(7), []
    for number in range(900):
        pool = [make(f"L{n}", make_estimate(dice.uniform(0.2, 0.9), dice.uniform(0.5, 3), dice.uniform(0.5, 3)))
                for n in range(dice.randint(1, 5))]  # fmt: skip
        start = WEDNESDAY + timedelta(hours=number)
        rota = build(pool, number)
        pairs.append((predict(rota, {}, start), Outcome(played(rota, start, dice))))
    told = assess(pairs)
    # Somewhat more than half and four fifths, since what comes later on the promised day comes in time.
    assert 0.5 <= told.by_median <= 0.72
    assert 0.8 <= told.by_late <= 0.93
    assert told.brier < told.brier_base
    for row in told.bins:
        if row.n > 80:
            assert row.filled == pytest.approx(row.said, abs=0.1)


def promise(days: float | None, p: float) -> Prediction:
    at = WEDNESDAY + timedelta(days=days) if days is not None else None
    return Prediction(at, at, p)


def test_promises_are_scored_as_defined() -> None:
    came = [WEDNESDAY + timedelta(days=days) for days in (1, 4)]
    told = assess([
        (promise(2, 0.9), Outcome(came[0])),  # a day early
        (promise(2, 0.5), Outcome(came[1])),  # two days late
        (promise(2, 0.5), Outcome()),
        (promise(None, 0.0), Outcome()),
    ])  # fmt: skip
    assert (told.n, told.filled, told.dated) == (4, 2, 2)
    assert told.by_median == told.by_late == 0.5
    assert told.pinball_median == pytest.approx((0.5 * 1 + 0.5 * 2) / 2)
    assert told.pinball_late == pytest.approx((0.2 * 1 + 0.8 * 2) / 2)
    assert told.brier == pytest.approx((0.01 + 0.25 + 0.25 + 0) / 4)
    assert told.brier_base == pytest.approx(0.25)
    assert [(row.n, row.said, row.filled) for row in told.bins] == [(1, 0.0, 0.0), (2, 0.5, 0.5), (1, 0.9, 1.0)]


def test_what_comes_late_on_the_promised_day_is_in_time() -> None:
    evening = WEDNESDAY.replace(hour=23)
    assert assess([(Prediction(WEDNESDAY, WEDNESDAY, 1.0), Outcome(evening))]).by_median == 1
    assert assess([(Prediction(WEDNESDAY, WEDNESDAY, 1.0), Outcome(evening + timedelta(hours=1)))]).by_median == 0


def test_nothing_was_promised() -> None:
    assert assess([]).n == 0


@given(st.lists(st.floats(0, 30), min_size=1, max_size=30), st.sampled_from([0.5, 0.8]), st.floats(0, 30))
def test_the_pinball_loss_is_least_at_the_quantile(days: list[float], share: float, other: float) -> None:
    came = sorted(WEDNESDAY + timedelta(days=each) for each in days)
    quantile = next(at for at in came if sum(each <= at for each in came) >= share * len(came) - 1e-9)

    def loss(promised: datetime) -> float:
        return sum(pinball(promised, each, share) for each in came)

    assert loss(quantile) <= loss(WEDNESDAY + timedelta(days=other)) + 1e-6


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_every_promise_stands_in_one_row_of_the_table(chances: list[tuple[float, bool]]) -> None:
    told = assess([(Prediction(None, None, p), Outcome(WEDNESDAY if came else None)) for p, came in chances])
    assert sum(row.n for row in told.bins) == len(chances)
    assert sum(row.n * row.filled for row in told.bins) == pytest.approx(told.filled)
    assert len(told.bins) <= BINS
    for row in told.bins:
        assert row.low - 1e-9 <= row.said <= row.high + 1e-9
