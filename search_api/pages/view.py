"""What the page of results shows beside the hits: filters with their boxes, orders, ways on and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from mappings.model import Library
from search_api.answers import SearchAnswer
from search_api.presenting import facet_label
from search_api.queries import (
    PARAMETER_OF,
    SearchParameters,
    changed,
    facet_names,
    to_pairs,
    to_query_string,
    without,
)
from search_api.vocabulary import Words, codes, words

SHOWN_VALUES = 6
"""Values of a filter that stand open; the others are behind "more"."""


class Box(Struct, frozen=True):
    """A check box of a filter."""

    value: str
    label: Words
    count: int
    ticked: bool


class Group(Struct, frozen=True):
    """A filter: all its boxes, those first that stand open."""

    name: str
    parameter: str
    label: Words
    shown: tuple[Box, ...]
    more: tuple[Box, ...]


class YearLink(Struct, frozen=True):
    year: str
    count: int
    url: str


class Active(Struct, frozen=True):
    """A filter that is set, and the way to take it off."""

    label: Words
    value: Words
    url: str


class Order(Struct, frozen=True):
    label: Words
    url: str
    current: bool


class ResultsView(Struct, frozen=True):
    groups: tuple[Group, ...]
    years: tuple[YearLink, ...]
    active: tuple[Active, ...]
    orders: tuple[Order, ...]
    hidden: tuple[tuple[str, str], ...]  # what the form of the filters must carry along
    next_url: str
    first_url: str
    clear_url: str
    any_field_url: str  # "" where all fields are searched already


def results_view(parameters: SearchParameters, answer: SearchAnswer, libraries: Mapping[str, Library]) -> ResultsView:
    bare = SearchParameters(q=parameters.q, field=parameters.field, sort=parameters.sort, size=parameters.size)
    following = parameters.model_copy(update={"after": answer.next.after}) if answer.next else None
    return ResultsView(
        groups=tuple(
            group
            for name in facet_names(parameters)
            if name in PARAMETER_OF
            for group in (_group(name, parameters, answer, libraries),)
            if group.shown
        ),
        years=tuple(
            YearLink(
                each.value,
                each.count,
                page_url(changed(parameters, year_from=int(each.value), year_to=int(each.value))),
            )
            for each in answer.facets.get("year", ())[:8]
        ),
        active=_active(parameters, libraries),
        orders=tuple(
            Order(words("sorts", code), page_url(changed(parameters, sort=code)), code == parameters.sort)
            for code in codes("sorts")
        ),
        hidden=tuple(to_pairs(bare)),
        next_url=page_url(following) if following else "",
        first_url=page_url(changed(parameters)) if parameters.after else "",
        clear_url=page_url(bare),
        any_field_url="" if parameters.field == "any" else page_url(changed(parameters, field="any")),
    )


def page_url(parameters: SearchParameters) -> str:
    query = to_query_string(parameters)
    return f"/search?{query}" if query else "/search"


def _group(name: str, parameters: SearchParameters, answer: SearchAnswer, libraries: Mapping[str, Library]) -> Group:
    """Ticked values come first, those too that nothing has any more, so that they can be taken off."""
    ticked = parameters.values(name)
    counts = {each.value: each.count for each in answer.facets.get(name, ())}
    order = [*ticked, *(value for value in counts if value not in ticked)]
    boxes = [Box(value, facet_label(name, value, libraries), counts.get(value, 0), value in ticked) for value in order]
    open_ = max(SHOWN_VALUES, len(ticked))
    return Group(name, PARAMETER_OF[name], words("filters", name), tuple(boxes[:open_]), tuple(boxes[open_:]))


def _active(parameters: SearchParameters, libraries: Mapping[str, Library]) -> tuple[Active, ...]:
    found = [
        Active(words("filters", name), facet_label(name, value, libraries), page_url(without(parameters, name, value)))
        for name in PARAMETER_OF
        for value in parameters.values(name)
    ]
    for name in ("year_from", "year_to"):
        year = getattr(parameters, name)
        if year is not None:
            found.append(
                Active(
                    words("filters", name), Words(str(year), str(year)), page_url(changed(parameters, **{name: None}))
                )
            )
    if parameters.available:
        can = words("availability", "yes")
        found.append(Active(words("filters", "available"), can, page_url(changed(parameters, available=False))))
    return tuple(found)
