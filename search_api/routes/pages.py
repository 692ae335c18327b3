"""The reader's pages. Each is a link or a plain GET form away; no script is needed for any of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from search_api.access.guard import require
from search_api.catalogue import Deleted, Merged
from search_api.describing import describe
from search_api.looking_ahead import somebody_has_it
from search_api.pages.view import results_view
from search_api.problems import deleted_record, unknown_record
from search_api.queries import MAX_VALUE, SearchParameters
from search_api.routes.access import CatalogueOf, PagesOf

router = APIRouter(include_in_schema=False)

ROBOTS = "User-agent: *\nDisallow: /search\nDisallow: /request\nDisallow: /openurl\nDisallow: /api/\n"
"""Results have endless addresses; records are few and may be visited."""


@router.get("/", dependencies=[require("public")])
def home(request: Request, catalogue: CatalogueOf, pages: PagesOf) -> Response:
    return pages.render(request, "home.html", libraries=catalogue.libraries().libraries, parameters=SearchParameters())


@router.get("/search", dependencies=[require("search")])
def search(
    request: Request, parameters: Annotated[SearchParameters, Query()], catalogue: CatalogueOf, pages: PagesOf
) -> Response:
    answer = catalogue.search(parameters)
    view = results_view(parameters, answer, catalogue.known_libraries())
    return pages.render(request, "search.html", parameters=parameters, answer=answer, view=view)


@router.get("/record/{record_id}", dependencies=[require("search")])
def record(request: Request, record_id: str, catalogue: CatalogueOf, pages: PagesOf) -> Response:
    found = catalogue.record(record_id)
    if isinstance(found, Merged):
        return RedirectResponse(f"/record/{found.id}", 308)
    if isinstance(found, Deleted):
        raise deleted_record(found.id)
    if found is None:
        raise unknown_record(record_id[:64])
    return pages.render(
        request,
        "record.html",
        record=found,
        rows=describe(found.description),
        requestable=somebody_has_it(found),
        parameters=SearchParameters(),
    )


@router.get("/holders", dependencies=[require("search")])
def holders(
    request: Request,
    catalogue: CatalogueOf,
    pages: PagesOf,
    number: Annotated[str, Query(max_length=MAX_VALUE)] = "",
) -> Response:
    number = number.strip()
    found = catalogue.holders_by_number(number).candidates if number else ()
    return pages.render(request, "holders.html", number=number, candidates=found, parameters=SearchParameters())


@router.get("/libraries", dependencies=[require("public")])
def libraries(request: Request, catalogue: CatalogueOf, pages: PagesOf) -> Response:
    return pages.render(
        request, "libraries.html", libraries=catalogue.libraries().libraries, parameters=SearchParameters()
    )


@router.get("/robots.txt", dependencies=[require("public")])
def robots() -> Response:
    return PlainTextResponse(ROBOTS)
