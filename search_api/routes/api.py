"""The JSON API. Every answer is one struct of `search_api.answers`, every error a problem of RFC 9457."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from search_api import answers, examples
from search_api.access.guard import require
from search_api.catalogue import Deleted, Merged
from search_api.finding import Question
from search_api.openapi import JsonAnswer, ProblemResponse, build_openapi, documented
from search_api.problems import bad_parameter, deleted_record, unknown_record
from search_api.queries import MAX_QUERY, MAX_VALUE, StrictSearchParameters, Year
from search_api.routes.access import CatalogueOf

router = APIRouter(prefix="/api")


class HolderParameters(BaseModel):
    """At least one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    isbn: str = Field(
        default="",
        max_length=MAX_VALUE,
        description="ISBN-10 or -13, with or without hyphens.",
        examples=["7-02-000220-X"],
    )
    issn: str = Field(default="", max_length=MAX_VALUE, description="ISSN.")
    number: str = Field(
        default="", max_length=MAX_VALUE, description="Any other number, bare or with its type (cn:11-1234)."
    )
    id: str = Field(default="", max_length=MAX_VALUE, description="Id of a union record, merged ones too.")
    title: str = Field(default="", max_length=MAX_QUERY, description="Title, where no number is known or found.")
    author: str = Field(default="", max_length=MAX_QUERY, description="With a title: one of its authors.")
    year: Year | None = Field(default=None, description="With a title or number: year of publication.")


@router.get(
    "/search",
    dependencies=[require("search")],
    summary="Search the union catalogue",
    response_class=JsonAnswer,
    responses=documented(answers.SearchAnswer, examples.SEARCH, 422, 503),
    tags=["search"],
)
def search(parameters: Annotated[StrictSearchParameters, Query()], catalogue: CatalogueOf) -> JsonAnswer:
    """Hits with their holders, facets and the next page. Words are found in simplified and traditional characters, in
    pinyin and by initials; `also_searched` tells which other forms were looked for."""
    return JsonAnswer(catalogue.search(parameters))


@router.get(
    "/suggest",
    dependencies=[require("search")],
    summary="Titles that begin so",
    response_class=JsonAnswer,
    responses=documented(answers.SuggestAnswer, examples.SUGGEST, 422, 503),
    tags=["search"],
)
def suggest(
    catalogue: CatalogueOf,
    q: Annotated[
        str,
        Query(max_length=64, description="Beginning of a title, or its initials in pinyin.", examples=["hlm"]),
    ] = "",
    size: Annotated[int, Query(ge=1, le=20, description="How many at most.")] = 10,
) -> JsonAnswer:
    """Most widely held first."""
    return JsonAnswer(catalogue.suggest(q, size))


@router.get(
    "/records/{id}",
    dependencies=[require("search")],
    summary="A union record with its holders and sources",
    response_class=JsonAnswer,
    responses=documented(answers.RecordAnswer, examples.RECORD, 308, 404, 410, 422, 503),
    tags=["records"],
)
def record(
    id: Annotated[str, Path(max_length=MAX_VALUE, description="Eight letters and digits; case does not matter.")],
    catalogue: CatalogueOf,
) -> JsonAnswer:
    """A record that was merged into another answers 308 and leads there; a deleted one answers 410, for good."""
    found = catalogue.record(id)
    if isinstance(found, Merged):
        url = f"{catalogue.settings.base_url}/api/records/{found.id}"
        moved = answers.ProblemAnswer(
            type="urn:tongcang:problem:merged-record",
            title="The record was merged into another",
            status=308,
            detail=f"Record {id} was merged into {found.id}.",
            title_zh="记录已并入另一记录",
            detail_zh=f"记录 {id} 已并入 {found.id}。",
            url=url,
            id=found.id,
        )
        return ProblemResponse(moved, 308, {"Location": f"/api/records/{found.id}"})
    if isinstance(found, Deleted):
        raise deleted_record(found.id)
    if found is None:
        raise unknown_record(id)
    return JsonAnswer(found)


@router.get(
    "/holders",
    dependencies=[require("search")],
    summary="Who holds a publication",
    response_class=JsonAnswer,
    responses=documented(answers.HoldersAnswer, examples.HOLDERS, 422, 503),
    tags=["records"],
)
def holders(parameters: Annotated[HolderParameters, Query()], catalogue: CatalogueOf) -> JsonAnswer:
    """Candidates with a confidence and its reasons, best first, each with all libraries that hold it. Numbers are
    looked up in the store, even while the search engine is down; title, author and year only where no number was
    found."""
    question = Question(
        isbn=parameters.isbn.strip(),
        issn=parameters.issn.strip(),
        number=parameters.number.strip(),
        record_id=parameters.id.strip(),
        title=parameters.title.strip(),
        author=parameters.author.strip(),
        year=parameters.year or 0,
    )
    if not (question.isbn or question.issn or question.number or question.record_id or question.title):
        raise bad_parameter(
            "isbn",
            "请至少给出 isbn、issn、number、id 或 title 之一。",
            "Give at least one of isbn, issn, number, id or title.",
        )
    return JsonAnswer(catalogue.holders(question))


@router.get(
    "/libraries",
    dependencies=[require("public")],
    summary="The member libraries",
    response_class=JsonAnswer,
    responses=documented(answers.LibrariesAnswer, examples.LIBRARIES, 503),
    tags=["libraries"],
)
def libraries(catalogue: CatalogueOf) -> JsonAnswer:
    """In the order of their symbols."""
    return JsonAnswer(catalogue.libraries())


@router.get(
    "/health",
    dependencies=[require("public")],
    summary="Are store and engine up?",
    response_class=JsonAnswer,
    responses={
        **documented(answers.HealthAnswer, examples.HEALTH),
        503: {
            "description": "The store is down: nothing is answered",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HealthAnswer"}}},
        },
    },
    tags=["libraries"],
)
def health(catalogue: CatalogueOf) -> JsonAnswer:
    """For load balancers and people: 200 while anything can be answered, 503 where the store is down. In state
    `degraded` the engine is away, yet records, libraries and holders by number are answered from the store."""
    found = catalogue.health()
    headers = {} if found.store.ok else {"Retry-After": str(catalogue.settings.retry_after)}
    return JsonAnswer(found, 200 if found.store.ok else 503, headers)


@router.get("/openapi.json", dependencies=[require("public")], include_in_schema=False)
def openapi(request: Request) -> JSONResponse:
    """This API as OpenAPI has it."""
    return JSONResponse(build_openapi(request.app))
