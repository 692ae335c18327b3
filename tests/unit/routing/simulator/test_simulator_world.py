"""The random world: the same for a seed, as full of holders as its scenario says, and drawn before anybody is asked."""

from __future__ import annotations

from datetime import date
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from routing.simulator.assumptions import BALIS_ASKS, CAPITAL_ASKS, WAYS, Scenario, frame
from routing.simulator.libraries import CAPITAL, NSTL, RENMIN
from routing.simulator.world import World, make_world, study_world


def made(name: str = "cold", seed: str = "1/0", **differing: object) -> World:
    scenario: Scenario = replace(frame().scenarios[name], **differing)
    return make_world(frame(), scenario, seed)


def test_the_same_seed_gives_the_same_world_and_another_another() -> None:
    first, again, other = made(days=60), made(days=60), made(days=60, seed="1/1")
    assert first.requests == again.requests
    assert first.libraries == again.libraries
    assert first.requests != other.requests


def test_a_request_s_luck_depends_on_nothing_but_itself() -> None:
    short, long = made("volume", days=2), made("volume", days=4)
    assert len(long.requests) > len(short.requests)
    assert long.requests[: len(short.requests)] == short.requests


def holders(world: World) -> list[int]:
    """Of each request: harvested libraries that have the title."""
    listed = [at for at, library in enumerate(world.libraries) if library.listed]
    return [sum(request.holdings[at].held for at in listed) for request in world.requests]


@pytest.mark.parametrize(("name", "wanted"), [("volume", 14.0), ("thin", 2.0)])
def test_titles_have_as_many_holders_as_is_assumed(name: str, wanted: float) -> None:
    counts = [count for seed in range(3) for count in holders(made(name, f"7/{seed}", days=8, per_day=60.0))]
    held = [count for count in counts if count]
    assert fmean(held) == pytest.approx(wanted, rel=0.12)
    nowhere = 1 - len(held) / len(counts)
    assert nowhere == pytest.approx(frame().assumed["nowhere"].value, abs=0.03)


def test_what_nobody_holds_nobody_fills() -> None:
    world = made("volume", days=5)
    for request, count in zip(world.requests, holders(world), strict=True):
        if not count:
            assert not any(holding.held for holding in request.holdings)
            assert "fill" not in {pair.answer for pair in request.pairs}
    for request in world.requests:
        for holding, pair in zip(request.holdings, request.pairs, strict=True):
            assert pair.answer != "fill" or holding.held
            assert pair.seen <= pair.days
            assert not pair.shown_out or pair.answer in ("NotOnShelf", "silence")


def test_the_catalogue_errs_both_ways_as_often_as_is_assumed() -> None:
    pairs = [(holding, library) for seed in range(2) for world in [made("volume", f"3/{seed}", days=4)]
             for request in world.requests
             for holding, library in zip(request.holdings, world.libraries, strict=True) if library.listed]  # fmt: skip
    listed = [holding.held for holding, _ in pairs if holding.listed]
    held = [holding.listed for holding, library in pairs if holding.held]
    assert 1 - fmean(held) == pytest.approx(frame().assumed["missing"].value, abs=0.02)
    assert 1 - fmean(listed) == pytest.approx(frame().assumed["stale"].value, abs=0.05)


def test_no_catalogue_lists_a_partner_and_the_capital_library_does_not_ask_for_its_own() -> None:
    world = made("volume", days=4)
    capital, nstl = world.index(CAPITAL), world.index(NSTL)
    for request in world.requests:
        assert not request.holdings[nstl].listed
        if request.way == CAPITAL_ASKS:
            assert not request.holdings[capital].listed
            assert not request.holdings[capital].held


def test_the_study_s_sample_has_its_numbers_and_its_months() -> None:
    world = study_world(frame(), "1/0")
    counts = {way: sum(request.way == way for request in world.requests) for way in WAYS}
    assert counts == {CAPITAL_ASKS: 239, BALIS_ASKS: 164}
    days = [date.fromordinal(int(request.at)) for request in world.requests]
    assert date(2015, 1, 1) <= min(days) < date(2015, 2, 1)
    assert date(2017, 6, 1) < max(days) <= date(2017, 6, 30)
    assert len({request.number for request in world.requests}) == 403


@pytest.mark.parametrize(("kind", "open_days"), [("open", 5), ("on_duty", 1), ("closed", 0)])
def test_vacations(kind: str, open_days: int) -> None:
    """In the week from 20 July 2015, in the middle of the summer's."""
    world = made("summer", days=7)
    week = [date(2015, 7, 20 + day) for day in range(7)]
    calendars = [calendar for library, calendar in zip(world.libraries, world.calendars, strict=True)
                 if library.vacation.kind == kind]  # fmt: skip
    assert calendars
    for calendar in calendars:
        assert sum(calendar.is_working(day) for day in week) == open_days
    assert world.libraries[world.index(RENMIN)].vacation.kind == "open"


@settings(max_examples=12, deadline=None)
@given(st.floats(1.0, 22.0), st.integers(0, 10**6))
def test_any_number_of_holders_can_be_had(wanted: float, seed: int) -> None:
    """Of titles of middling popularity and above; few holders are pushed up by the rule that somebody has it."""
    world = made("cold", f"{seed}/0", days=1, per_day=0.0, change={"holders": wanted})
    logits = dict(zip((library.symbol for library in world.libraries), world.holding_logits, strict=True))
    usual = dict(zip(logits, made("cold", f"{seed}/0", days=1, per_day=0.0).holding_logits, strict=True))
    fewer = wanted < frame().assumed["holders"].value
    for symbol, at in logits.items():
        assert at <= usual[symbol] + 1e-6 if fewer else at >= usual[symbol] - 1e-6
