"""From the parameters of a request to a query plan, and back to a URL. Pure.

`SearchParameters` is the one form in which a search is asked, by the API and by the pages. Every parameter has a cap,
so that no request can make the engine work without end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from indexer.engine.protocol import Facet, Filter, Plan, Query, Range, Terms

MAX_QUERY = 512
MAX_VALUES = 50
MAX_VALUE = 200
MAX_SIZE = 100
MAX_CURSOR = 2048

FACETS = {
    "library": Facet("lib", 120),
    "format": Facet("format", 16),
    "language": Facet("language", 20),
    "year": Facet("year", 20),
    "subject": Facet("subject_kw", 20),
    "class": Facet("class_kw", 30),
    "carrier": Facet("carrier", 8),
}
"""Name in the API → what the engine counts. All 96 libraries are told; of subjects the most frequent."""

PARAMETER_OF = {
    "library": "lib",
    "format": "format",
    "language": "language",
    "subject": "subject",
    "class": "class",
    "carrier": "carrier",
}
"""Facet → the parameter that narrows by its values. Years are narrowed by year_from and year_to."""


NO_FACETS = "none"


def _known_facets(text: str) -> str:
    for name in text.split(",") if text != NO_FACETS else ():
        if name not in FACETS:
            raise PydanticCustomError("unknown_facet", "{known}", {"known": ", ".join(FACETS)})
    return text


Value = Annotated[str, Field(max_length=MAX_VALUE)]
Values = Annotated[tuple[Value, ...], Field(max_length=MAX_VALUES)]
Year = Annotated[int, Field(ge=0, le=9999)]


class SearchParameters(BaseModel):
    """What a search is asked for. An empty parameter, as a form sends it, is one that was not given."""

    model_config = ConfigDict(frozen=True)

    q: str = Field(
        default="",
        max_length=MAX_QUERY,
        description="Words in any script: 红楼梦, 紅樓夢, hong lou meng, hlm. "
        '"In quotes" the words are a phrase. Empty: everything.',
        examples=["红楼梦"],
    )
    field: Literal["any", "title", "author", "subject", "publisher", "series", "abstract", "isbn", "issn", "class"] = (
        Field(default="any", description="Where the words are looked for.")
    )
    lib: Values = Field(default=(), description="Symbols of libraries that hold it; repeat for more than one.")
    format: Values = Field(default=(), description="Kinds of material (book, serial …); repeatable.")
    language: Values = Field(default=(), description="MARC language codes (chi, eng …); repeatable.")
    year_from: Year | None = Field(default=None, description="First year of publication.")
    year_to: Year | None = Field(default=None, description="Last year of publication.")
    subject: Values = Field(default=(), description="Subject headings, exactly; repeatable.")
    class_: Values = Field(
        default=(),
        validation_alias="class",
        serialization_alias="class",
        description="Classes, exactly as the facet gives them; repeatable.",
    )
    carrier: Values = Field(default=(), description="print, online, electronic, microform; repeatable.")
    available: bool = Field(default=False, description="Only what a library (or one of `lib`) can supply now.")
    sort: Literal["relevance", "year_desc", "year_asc", "title", "holders_desc"] = Field(
        default="relevance", description="Order of the hits; ties are broken by record, so that pages never overlap."
    )
    size: Annotated[int, Field(ge=1, le=MAX_SIZE)] | None = Field(
        default=None, description="Hits a page; if not given, as the server is set up."
    )
    after: str = Field(default="", max_length=MAX_CURSOR, description="Cursor of the page before (`next.after`).")
    facets: Annotated[str, AfterValidator(_known_facets)] = Field(
        default="library,format,language,year,subject,class",
        description="Facets to count, joined with commas: " + ", ".join(FACETS) + "; or `none`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        kept: dict[str, Any] = {}
        for name, value in data.items():
            if isinstance(value, (list, tuple)):
                value = [each for each in value if each != ""]
            if value not in ("", []):
                kept[name] = value
        return kept

    def values(self, facet: str) -> tuple[str, ...]:
        """The values by which a facet is narrowed; of a facet of years always empty."""
        name = PARAMETER_OF.get(facet, "")
        return getattr(self, "class_" if name == "class" else name) if name else ()

    def narrowed(self) -> bool:
        """Is anything filtered?"""
        years = self.year_from is not None or self.year_to is not None
        return years or self.available or any(self.values(facet) for facet in PARAMETER_OF)


class StrictSearchParameters(SearchParameters):
    """The same for programs: a misspelt parameter is an error, not a wider search."""

    model_config = ConfigDict(extra="forbid")


def filters(parameters: SearchParameters, symbols: Sequence[str]) -> dict[str, Filter]:
    """Filters by the name of the facet that they narrow. `symbols` are those of all libraries."""
    found: dict[str, Filter] = {}
    for facet in PARAMETER_OF:
        if values := parameters.values(facet):
            found[facet] = Terms(FACETS[facet].field, values)
    if parameters.available:
        found["library"] = Terms("avl", parameters.lib or tuple(symbols))
    if parameters.year_from is not None or parameters.year_to is not None:
        # Year 0 is "unknown": a range that is open below must not find it.
        found["year"] = Range("year", max(parameters.year_from or 0, 1), parameters.year_to)
    return found


def search_plan(parameters: SearchParameters, query: Query, symbols: Sequence[str], page_size: int) -> Plan:
    """The plan of the hits. Facets that are narrowed are left to `facet_plans`."""
    narrowing = filters(parameters, symbols)
    return Plan(
        query=query,
        filters=tuple(narrowing.values()),
        facets=tuple(FACETS[name] for name in facet_names(parameters) if name not in narrowing),
        sort=parameters.sort,
        size=parameters.size or page_size,
        after=parameters.after,
    )


def facet_plans(parameters: SearchParameters, query: Query, symbols: Sequence[str]) -> list[Plan]:
    """One plan for each facet that is narrowed, without its own filter.

    A reader who has ticked one library still sees what the others hold, and can tick a second one.
    """
    narrowing = filters(parameters, symbols)
    return [
        Plan(
            query=query,
            filters=tuple(each for other, each in narrowing.items() if other != name),
            facets=(FACETS[name],),
            size=0,
        )
        for name in facet_names(parameters)
        if name in narrowing
    ]


def facet_names(parameters: SearchParameters) -> list[str]:
    return list(dict.fromkeys(parameters.facets.split(","))) if parameters.facets != NO_FACETS else []


def to_pairs(parameters: SearchParameters) -> list[tuple[str, str]]:
    """The parameters that differ from their defaults, as a form would send them."""
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.model_dump(by_alias=True, exclude_defaults=True).items():
        if isinstance(value, tuple):
            pairs.extend((name, each) for each in value)
        else:
            pairs.append((name, "1" if value is True else str(value)))
    return pairs


def to_query_string(parameters: SearchParameters) -> str:
    return urlencode(to_pairs(parameters))


def changed(parameters: SearchParameters, **changes: Any) -> SearchParameters:
    """The same search but for `changes`, from its first page."""
    return parameters.model_copy(update={"after": "", **changes})


def without(parameters: SearchParameters, facet: str, value: str) -> SearchParameters:
    """The same search with one value of a facet no longer ticked."""
    name = PARAMETER_OF[facet]
    left = tuple(each for each in parameters.values(facet) if each != value)
    return changed(parameters, **{"class_" if name == "class" else name: left})
