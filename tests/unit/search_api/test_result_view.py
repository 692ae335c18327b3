"""What stands beside the hits: boxes, active filters, orders, paging."""

from __future__ import annotations

from typing import Any

import msgspec

from mappings.model import Library
from search_api import examples
from search_api.answers import FacetValue, NextPage
from search_api.pages.view import SHOWN_VALUES, ResultsView, page_url, results_view
from search_api.queries import SearchParameters

LIBRARIES = {"RUC": Library("RUC", "中国人民大学图书馆", "Renmin University of China Library")}


def parameters(**given: Any) -> SearchParameters:
    return SearchParameters.model_validate(given)


def view(asked: SearchParameters, **changes: Any) -> ResultsView:
    return results_view(asked, msgspec.structs.replace(examples.SEARCH, **changes), LIBRARIES)


def values(*names: str) -> tuple[FacetValue, ...]:
    return tuple(FacetValue(name, 10 - place, name, name) for place, name in enumerate(names))


def test_ticked_boxes_come_first_even_when_nothing_has_them_any_more() -> None:
    shown = view(parameters(language=["lat"]), facets={"language": values("chi", "eng")})
    (group,) = shown.groups
    assert [(box.value, box.ticked, box.count) for box in group.shown] == [
        ("lat", True, 0),
        ("chi", False, 10),
        ("eng", False, 9),
    ]


def test_long_lists_fold() -> None:
    names = [f"主题{number}" for number in range(9)]
    (group,) = view(parameters(), facets={"subject": values(*names)}).groups
    assert [len(group.shown), len(group.more)] == [SHOWN_VALUES, 9 - SHOWN_VALUES]


def test_each_active_filter_has_the_address_without_it() -> None:
    shown = view(parameters(q="红楼梦", lib=["RUC"], year_from=1950, available="1"))
    assert [(each.value.zh, each.url) for each in shown.active] == [
        ("中国人民大学图书馆", page_url(parameters(q="红楼梦", year_from=1950, available="1"))),
        ("1950", page_url(parameters(q="红楼梦", lib=["RUC"], available="1"))),
        ("可提供", page_url(parameters(q="红楼梦", lib=["RUC"], year_from=1950))),
    ]
    assert shown.clear_url == page_url(parameters(q="红楼梦"))


def test_the_form_of_the_filters_carries_the_words_along_but_no_filter_and_no_cursor() -> None:
    shown = view(parameters(q="红楼梦", field="title", sort="year_desc", lib=["RUC"], after="x"))
    assert shown.hidden == (("q", "红楼梦"), ("field", "title"), ("sort", "year_desc"))


def test_orders_and_paging() -> None:
    shown = view(parameters(q="红楼梦", sort="title", after="x"), next=NextPage("y", ""))
    assert [order.current for order in shown.orders].index(True) == 3
    assert all("after=" not in order.url for order in shown.orders)
    assert shown.next_url.endswith("after=y")
    assert "after=" not in shown.first_url
    last = view(parameters(q="红楼梦"), next=None)
    assert (last.next_url, last.first_url, last.any_field_url) == ("", "", "")
    assert view(parameters(q="红楼梦", field="author")).any_field_url == page_url(parameters(q="红楼梦"))
    assert page_url(parameters()) == "/search"
