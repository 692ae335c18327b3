"""The officers' lists: what the library is asked (待办), what it asks for its readers, what its desk searches for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from mappings.model import Library
from routing.case import NotAllowed
from routing.states import CLOSED, STATES
from search_api import request_problems
from search_api.access.guard import require
from search_api.access.principal import Principal
from search_api.problems import ProblemError
from search_api.request_answers import RequestBrief, RequestList
from search_api.requesting import Requesting
from search_api.routes.access import CatalogueOf, PagesOf, RequestingOf
from search_api.routes.forms import Flag, form_page, see
from search_api.routes.returning import FormRoute
from search_api.tracing import request_id_of
from search_api.vocabulary import Words

router = APIRouter(include_in_schema=False, route_class=FormRoute)

Symbol = Annotated[str, Query(max_length=16)]
Ticked = Annotated[list[str], Form(max_length=200)]

BATCH = ("ack", "will_supply")
"""What can be said of many at once."""

FIRST = ("condition", "review", "draft", "owned", "dup_hold", "restricted")
"""States in which a request waits for an officer or its reader: they stand first."""

NOTHING_TICKED = Words("请先勾选申请。", "Tick some requests first.")


NOTHING = RequestList((), "")


class QueueLine(Struct, frozen=True):
    request: RequestBrief
    days: int  # since it was sent
    overdue: bool
    left: int  # whole days until its clock runs out


def _line(each: RequestBrief, now: datetime) -> QueueLine:
    waited = (now - each.sent).days if each.sent else 0
    left = (each.due - now).total_seconds() / 86400 if each.due else 0.0
    return QueueLine(each, waited, each.due is not None and left < 0, max(0, int(left)))


def _whose(catalogue: CatalogueOf, who: Principal, symbol: str) -> tuple[str, Library | None, list[Library]]:
    """(symbol, library, libraries to choose from: for those who have none of their own)"""
    known = catalogue.known_libraries()
    chosen = who.library or symbol
    return chosen, known.get(chosen), [] if who.library else sorted(known.values(), key=lambda each: each.symbol)


# ---------------------------------------------------------------------------------------------- what it is asked


@router.get("/queue")
def queue(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: Annotated[Principal, require("queue.read")],
    library: Symbol = "",
) -> Response:
    return _queue(request, pages, catalogue, requesting, who, library, {})


def _queue(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: Requesting,
    who: Principal,
    symbol: str,
    complaints: dict[str, Words],
) -> Response:
    chosen, library, libraries = _whose(catalogue, who, symbol)
    now = requesting.service.clock()
    found = requesting.queue(who, chosen) if chosen else NOTHING
    lines = sorted(
        (_line(each, now) for each in found.requests), key=lambda line: (not line.overdue, line.request.due or now)
    )
    return form_page(
        pages,
        request,
        "queue.html",
        complaints,
        lines=lines,
        more=found.more,
        library=library,
        libraries=libraries,
        chosen=chosen,
    )


@router.post("/queue")
def batch(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: Annotated[Principal, require("entry.act")],
    step: Annotated[str, Form(max_length=24)] = "",
    ticked: Ticked = [],  # noqa: B006 — read only
) -> Response:
    """Each in a transaction of its own: one that has moved on holds up none of the others, and is named."""
    if step not in BATCH or not ticked:
        return _queue(request, pages, catalogue, requesting, who, "", {"": NOTHING_TICKED})
    complaints: dict[str, Words] = {}
    for each in ticked:
        number, _, entry = each.partition(".")
        if not (_is_number(number) and _is_number(entry)):
            continue
        try:
            requesting.fire(who, int(number), step, entry=int(entry), request_id=request_id_of(request))
        except NotAllowed as error:
            complaints[each] = _about(number, request_problems.not_allowed(error))
        except ProblemError as error:
            complaints[each] = _about(number, error)
    if complaints:
        return _queue(request, pages, catalogue, requesting, who, "", complaints)
    return see("/queue")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31


def _about(number: str, problem: ProblemError) -> Words:
    return Words(f"申请 {number}：{problem.zh}", f"Request {number}: {problem.en}")


# ---------------------------------------------------------------------------------------------- what it asks


@router.get("/library/requests")
def of_library(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: Annotated[Principal, require("request.read")],
    library: Symbol = "",
    closed: Flag = False,
    state: Annotated[str, Query(max_length=20)] = "",
    before: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """Those that wait for somebody here stand first."""
    chosen, known, libraries = _whose(catalogue, who, library)
    states = [each for each in STATES if (each in CLOSED) == closed]
    wanted = state if state in states else ""
    found = requesting.of_library(who, chosen, closed=closed, before=before, state=wanted) if chosen else None
    rows = sorted(found.requests, key=lambda each: each.state not in FIRST) if found else []
    return form_page(
        pages,
        request,
        "library_requests.html",
        rows=rows,
        following=found.next if found else "",
        library=known,
        libraries=libraries,
        chosen=chosen,
        closed=closed,
        states=states,
        state=wanted,
    )


# ---------------------------------------------------------------------------------------------- its desk


@router.get("/desk")
def desk(
    request: Request,
    pages: PagesOf,
    catalogue: CatalogueOf,
    requesting: RequestingOf,
    who: Annotated[Principal, require("desk.read")],
    library: Symbol = "",
) -> Response:
    chosen, known, libraries = _whose(catalogue, who, library)
    found = requesting.desk(who, chosen) if chosen else NOTHING
    now = requesting.service.clock()
    waits = {each.id: (now - each.updated).days for each in found.requests}
    return form_page(
        pages,
        request,
        "desk.html",
        rows=found.requests,
        more=found.more,
        waits=waits,
        library=known,
        libraries=libraries,
        chosen=chosen,
    )
