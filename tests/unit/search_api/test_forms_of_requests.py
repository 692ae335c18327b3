"""The forms of wishes, steps and policies: whatever is typed in, and back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.model import MATERIALS
from mappings.requests import GENRES, LEVELS, SERVICES, Citation, Closure, LibraryPolicy
from routing.citations import FIELD_WORDS
from routing.states import STATES
from search_api.pages.tones import DONE, OVER, YOURS, tone
from search_api.policy_form import form_of_policy
from search_api.routes.request_pages import StepForm
from search_api.wish_form import AT, CITED, WishForm, day_of, fen, form_of, lacking

TODAY = date(2026, 3, 2)
WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.integers(min_value=0, max_value=10_000_000))
def test_yuan_are_read_as_they_are_written(amount: int) -> None:
    written = f"{amount / 100:.2f}"
    assert fen(written) == fen(f" ¥{written} ") == amount


@pytest.mark.parametrize("text", ["-1", "1.234", "NaN", "Infinity", "1e9", "100000.01", "zehn", "1,5"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert fen(text) is None
    assert set(WishForm(max_cost=text).complaints(TODAY)) == {"max_cost"}


@given(
    st.dictionaries(
        st.sampled_from((*CITED, "service", "level", "need_before", "max_cost")), WORDS.map(lambda t: t[:20])
    )
)
def test_whatever_is_typed_in_makes_a_wish(told: dict[str, str]) -> None:
    form = WishForm(**told)
    wish = form.wish()
    assert wish.service in SERVICES and wish.level in LEVELS and wish.citation.genre in GENRES
    assert wish.max_cost >= 0
    if "need_before" not in form.complaints(TODAY) and form.need_before.strip():
        assert date.fromisoformat(wish.need_before) >= TODAY


@given(st.builds(Citation, **{name: st.text(max_size=3000) for name in CITED if name != "genre"}))
def test_a_citation_of_any_length_fits_into_the_form(citation: Citation) -> None:
    form = form_of(citation)
    for name in CITED:
        if name != "genre":
            value = getattr(form, name)
            assert getattr(citation, name).replace("\r\n", "\n").startswith(value)
            assert len(value.strip()) <= form.longest(name)


@pytest.mark.parametrize("text", ["2026-W53-4", "20261201", "2026-12-1", "2026-12-01T00:00", "２０２６-12-01", ""])
def test_a_day_is_written_in_one_way(text: str) -> None:
    assert day_of(text) is None and WishForm(need_before=text).wish().need_before == ""
    assert day_of("2026-12-01") == date(2026, 12, 1)


def test_everything_that_can_be_missing_has_its_field() -> None:
    assert set(AT) == set(FIELD_WORDS) and set(AT.values()) <= set(CITED)
    for code in FIELD_WORDS:
        words = lacking((code,))[AT[code]]
        assert words.zh.endswith("。") and words.en[-1] in ".?" and not words.en.endswith("?.")


@given(st.permutations(range(1, 6)))
def test_places_make_an_order(order: list[int]) -> None:
    places = [str(order.index(entry) + 1) for entry in range(1, 6)]
    assert StepForm(name="reorder", planned=[1, 2, 3, 4, 5], places=places).order() == order


def test_what_has_no_place_comes_last_as_it_stood() -> None:
    assert StepForm(name="reorder", planned=[4, 2, 7], places=["x", "1", "", "9"]).order() == [2, 4, 7]
    assert StepForm(name="reorder", planned=[4, 2], places=[]).order() == [4, 2]


def test_every_state_has_a_mark_and_no_two_meanings() -> None:
    assert not (YOURS & DONE or YOURS & OVER or DONE & OVER)
    assert {tone(state) for state in STATES} == {"going", "yours", "done", "over"}


DAYS = st.integers(min_value=0, max_value=3000).map(lambda days: (TODAY + timedelta(days=days)).isoformat())
POLICIES = st.builds(
    LibraryPolicy,
    channel=st.sampled_from(["queue", "email", "iso18626"]),
    address=st.sampled_from(["", "ill@lib.example", "https://lib.example/iso18626"]),
    lends=st.booleans(),
    copies=st.booleans(),
    only_for=st.lists(st.sampled_from(["BALIS", "CAPITAL"]), unique=True).map(tuple),
    not_materials=st.lists(st.sampled_from(MATERIALS), unique=True).map(tuple),
    paused=st.booleans(),
    closures=st.lists(st.builds(Closure, DAYS, DAYS, st.sampled_from(["", "寒假"])), max_size=4).map(tuple),
    make_up_days=st.lists(DAYS, max_size=3).map(tuple),
    daily_cap=st.integers(0, 1000),
    capacity=st.sampled_from([0.5, 1.0, 10.0, 250.0]),
    receipt_days=st.sampled_from([0.25, 1.0, 2.0]),
    gateway=st.sampled_from(["", "CLCN"]),
    gateway_automatic=st.booleans(),
    subjects=st.lists(st.sampled_from("ABT"), unique=True).map(tuple),
    accept_cost=st.integers(0, 100_000),
    retention_days=st.integers(0, 400),
)


@given(POLICIES)
def test_a_policy_that_nobody_touches_stays_as_it_is(policy: LibraryPolicy) -> None:
    assert form_of_policy("RUC", policy).policy(policy) == (policy, {})
