"""The web application, put together from a database, an engine and settings; it keeps nothing else."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from urllib.parse import quote

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from msgspec import structs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from indexer.engine.protocol import BadCursor, Engine, EngineError, TooLong, Unavailable
from routing.case import NotAllowed
from routing.service import Incomplete, RequestService, UnknownRequest
from search_api.access.door import Door
from search_api.access.guard import SAFE, try_to_recognise
from search_api.catalogue import Catalogue
from search_api.heads import HeadByGet
from search_api.metrics import Metrics
from search_api.openapi import ProblemResponse
from search_api.pages.rendering import FOLDER, Pages
from search_api.problems import (
    ProblemError,
    bad_cursor,
    engine_unavailable,
    from_validation,
    internal_error,
    no_such_page,
    query_too_long,
    store_unavailable,
    too_large,
    unreadable,
    wrong_method,
)
from search_api.queries import MAX_QUERY, SearchParameters
from search_api.request_problems import incomplete, not_allowed, unknown_request
from search_api.requesting import Requesting
from search_api.routes import (
    account,
    account_api,
    accounts_api,
    api,
    house_api,
    iso18626,
    library_pages,
    metrics,
    officer_pages,
    pages,
    readers,
    reports_api,
    request_forms,
    request_pages,
    requests_api,
    sign_in,
    webhooks_api,
)
from search_api.security import HEADERS, BodyLimit, SecurityHeaders
from search_api.settings import ApiSettings
from search_api.tracing import HEADER, Tracing, request_id_of
from search_api.watching import Watch
from store.database import Database, StoreError

log = structlog.get_logger("search_api")

MAX_BODY = 1024 * 1024
"""Bytes of a form or message."""

DESCRIPTION = """通藏联合目录：检索成员馆的馆藏，查某一文献由哪些馆收藏。

The union catalogue of the member libraries: search it, and ask who holds a publication. Errors are
`application/problem+json` (RFC 9457) with a sentence in English (`detail`) and in Chinese (`detail_zh`)."""


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    database: Database, engine: Engine, *, settings: ApiSettings, clock: Callable[[], datetime] = _now
) -> FastAPI:
    """The API under /api and the reader's pages. Endpoints are synchronous: they run in the thread pool."""
    app = FastAPI(
        title="通藏 Tongcang",
        version=version("tongcang"),
        description=DESCRIPTION,
        servers=[{"url": settings.base_url}],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    watched = Metrics(Watch(database, engine, settings.data_folder))
    app.state.metrics = watched
    observed = database.observed(watched.transaction)
    app.state.catalogue = catalogue = Catalogue(observed, engine, settings, watched.asking)
    app.state.requesting = Requesting(observed, catalogue, RequestService(clock))
    app.state.pages = Pages(settings)
    app.state.door = Door(observed, settings, clock)
    app.include_router(api.router)
    app.include_router(pages.router)
    for each in (
        sign_in,
        account,
        readers,
        account_api,
        accounts_api,
        requests_api,
        iso18626,
        house_api,
        reports_api,
        webhooks_api,
    ):
        app.include_router(each.router)
    for each in (request_forms, request_pages, officer_pages, library_pages):
        app.include_router(each.router)
    app.include_router(metrics.router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    app.add_middleware(HeadByGet)
    app.add_middleware(BodyLimit, largest=MAX_BODY)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Tracing, observe=watched.request)  # the last one stands outside
    _tell_problems(app, settings)
    return app


def _tell(request: Request, problem: ProblemError) -> Response:
    """JSON under /api, a page everywhere else; who isn't signed in yet is led there and back."""
    request_id = request_id_of(request)
    if request.url.path.startswith("/api/"):
        answer = structs.replace(problem.answer(), instance=f"urn:tongcang:request:{request_id}")
        return ProblemResponse(answer, problem.status, problem.headers)
    try_to_recognise(request)
    if problem.status == 401 and request.method in SAFE:
        back = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
        return RedirectResponse(f"/sign-in?next={back}", 303)
    made: Pages = request.app.state.pages
    asked = SearchParameters(q=request.query_params.get("q", "")[:MAX_QUERY])
    response = made.render(request, "problem.html", problem.status, problem=problem, parameters=asked)
    response.headers.update(problem.headers)
    return response


def _taken(methods: str) -> str:
    """The methods of a route, and HEAD where it has GET (search_api/heads.py)."""
    known = methods.split(", ")
    return ", ".join((*known, "HEAD")) if "GET" in known and "HEAD" not in known else methods


def _tell_problems(app: FastAPI, settings: ApiSettings) -> None:
    """Every error becomes a problem."""

    @app.exception_handler(ProblemError)
    def _(request: Request, error: ProblemError) -> Response:
        return _tell(request, error)

    @app.exception_handler(NotAllowed)
    def _(request: Request, error: NotAllowed) -> Response:
        return _tell(request, not_allowed(error))

    @app.exception_handler(Incomplete)
    def _(request: Request, error: Incomplete) -> Response:
        return _tell(request, incomplete(error))

    @app.exception_handler(UnknownRequest)
    def _(request: Request, error: UnknownRequest) -> Response:
        return _tell(request, unknown_request(error.number))

    @app.exception_handler(RequestValidationError)
    def _(request: Request, error: RequestValidationError) -> Response:
        return _tell(request, from_validation(error.errors()))

    @app.exception_handler(HTTPException)
    def _(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            return _tell(request, wrong_method(_taken((error.headers or {}).get("Allow", "GET"))))
        if error.status_code == 400:  # a body of which nothing could be read
            return _tell(request, unreadable())
        return _tell(request, too_large() if error.status_code == 413 else no_such_page())

    @app.exception_handler(BadCursor)
    def _(request: Request, error: BadCursor) -> Response:
        return _tell(request, bad_cursor())

    @app.exception_handler(TooLong)
    def _(request: Request, error: TooLong) -> Response:
        return _tell(request, query_too_long())

    @app.exception_handler(EngineError)
    def _(request: Request, error: EngineError) -> Response:
        log.warning("the search engine cannot answer", error=str(error))
        seconds = error.retry_after if isinstance(error, Unavailable) else settings.retry_after
        return _tell(request, engine_unavailable(max(1, seconds)))

    @app.exception_handler(StoreError)
    def _(request: Request, error: StoreError) -> Response:
        log.warning("the state database cannot be used", error=str(error))
        return _tell(request, store_unavailable(settings.retry_after))

    @app.exception_handler(Exception)
    def _(request: Request, error: Exception) -> Response:
        # As text: a renderer of exceptions might show the variables of each frame, secrets among them.
        trace = "".join(traceback.format_exception(error))
        request_id = request_id_of(request)
        log.error("a request failed", request_id=request_id, method=request.method, trace=trace)
        response = _tell(request, internal_error())
        # This one answer is made outside of the middleware.
        response.headers.update({**HEADERS, HEADER: request_id})
        return response
