"""Parameters to plans and back."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indexer.engine.protocol import KEYWORD_FIELDS, NUMBER_FIELDS, SORTS, Range, Term, Terms
from indexer.text.planner import SEARCHED
from indexer.text.words import KEYWORD_NAMES
from search_api.queries import (
    FACETS,
    MAX_QUERY,
    MAX_VALUES,
    PARAMETER_OF,
    SearchParameters,
    StrictSearchParameters,
    changed,
    facet_plans,
    filters,
    search_plan,
    to_pairs,
    without,
)

QUERY = Term("title", "红楼")
SYMBOLS = ("CLCN", "RUC", "THU")


def parameters(**given_: Any) -> SearchParameters:
    return SearchParameters.model_validate(given_)


def test_a_plain_search_has_no_filter_and_all_default_facets() -> None:
    plan = search_plan(parameters(q="红楼梦"), QUERY, SYMBOLS, 20)
    assert plan.query == QUERY
    assert plan.filters == ()
    assert [facet.field for facet in plan.facets] == ["lib", "format", "language", "year", "subject_kw", "class_kw"]
    assert (plan.sort, plan.size, plan.after) == ("relevance", 20, "")


def test_every_filter_reaches_the_field_of_its_facet() -> None:
    asked = parameters(
        lib=["RUC", "THU"],
        format=["book"],
        language=["chi"],
        subject=["红学"],
        **{"class": ["I"]},
        carrier=["print"],
        year_from=1950,
        year_to=1999,
    )
    assert set(search_plan(asked, QUERY, SYMBOLS, 20).filters) == {
        Terms("lib", ("RUC", "THU")),
        Terms("format", ("book",)),
        Terms("language", ("chi",)),
        Terms("subject_kw", ("红学",)),
        Terms("class_kw", ("I",)),
        Terms("carrier", ("print",)),
        Range("year", 1950, 1999),
    }


def test_available_asks_the_chosen_libraries_or_else_all() -> None:
    assert filters(parameters(available="1", lib=["RUC"]), SYMBOLS) == {"library": Terms("avl", ("RUC",))}
    assert filters(parameters(available=True), SYMBOLS) == {"library": Terms("avl", SYMBOLS)}


def test_an_open_range_of_years_leaves_out_the_unknown_year_0() -> None:
    assert filters(parameters(year_to=1911), SYMBOLS) == {"year": Range("year", 1, 1911)}


def test_a_narrowed_facet_is_counted_without_its_own_filter() -> None:
    asked = parameters(lib=["RUC"], format=["book"])
    plan = search_plan(asked, QUERY, SYMBOLS, 20)
    assert {facet.field for facet in plan.facets} == {"language", "year", "subject_kw", "class_kw"}
    extra = {each.facets[0].field: each.filters for each in facet_plans(asked, QUERY, SYMBOLS)}
    assert extra == {"lib": (Terms("format", ("book",)),), "format": (Terms("lib", ("RUC",)),)}


def test_no_facets_when_none_are_asked_for() -> None:
    asked = parameters(facets="none", lib=["RUC"])
    assert search_plan(asked, QUERY, SYMBOLS, 20).facets == ()
    assert facet_plans(asked, QUERY, SYMBOLS) == []


def test_empty_fields_of_a_form_were_not_given() -> None:
    asked = parameters(q="", year_from="", year_to="", size="", lib=["", "RUC"], available="", sort="")
    assert asked == parameters(lib=["RUC"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": "梦" * (MAX_QUERY + 1)},
        {"lib": ["RUC"] * (MAX_VALUES + 1)},
        {"size": "0"},
        {"size": "101"},
        {"year_from": "-1"},
        {"year_to": "10000"},
        {"sort": "random"},
        {"field": "uni"},
        {"facets": "lib"},
        {"subject": ["红" * 201]},
        {"after": "x" * 3000},
    ],
)
def test_every_parameter_has_a_cap(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parameters(**wrong)


def test_programs_are_told_of_a_misspelt_parameter_and_pages_overlook_it() -> None:
    assert parameters(lang="en") == parameters()
    with pytest.raises(ValidationError):
        StrictSearchParameters.model_validate({"year_form": "1990"})


def test_only_whitelisted_fields_reach_the_engine() -> None:
    assert {facet.field for facet in FACETS.values()} <= {*KEYWORD_FIELDS, *NUMBER_FIELDS}
    assert set(PARAMETER_OF) < set(FACETS)


def test_fields_and_sorts_are_those_of_planner_and_engine() -> None:
    schema = SearchParameters.model_json_schema()["properties"]
    assert set(schema["field"]["enum"]) == {*SEARCHED, *KEYWORD_NAMES}
    assert tuple(schema["sort"]["enum"]) == SORTS


def test_taking_off_one_value_keeps_the_others_and_goes_back_to_page_one() -> None:
    asked = parameters(q="红楼梦", **{"class": ["I", "K"]}, after="cursor")
    left = without(asked, "class", "I")
    assert left == parameters(q="红楼梦", **{"class": ["K"]})


texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(
    q=texts,
    lib=st.lists(texts, max_size=3),
    classes=st.lists(texts, max_size=3),
    year=st.one_of(st.none(), st.integers(0, 9999)),
    available=st.booleans(),
    sort=st.sampled_from(SORTS),
)
def test_a_search_survives_its_url(
    q: str, lib: list[str], classes: list[str], year: int | None, available: bool, sort: str
) -> None:
    asked = parameters(q=q, lib=lib, **{"class": classes}, year_from=year, available=available, sort=sort)
    received: dict[str, Any] = {}
    for name, value in to_pairs(asked):
        if name in ("lib", "class"):
            received.setdefault(name, []).append(value)
        else:
            received[name] = value
    assert parameters(**received) == asked


def test_a_url_says_only_what_differs_from_the_defaults() -> None:
    assert to_pairs(parameters(q="红楼梦", available=True)) == [("q", "红楼梦"), ("available", "1")]
    assert parse_qsl("") == to_pairs(changed(parameters(after="x")))
