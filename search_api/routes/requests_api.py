"""Requests as JSON: made, followed, answered. What may be done to one stands in its `actions`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from search_api import request_examples as examples
from search_api.access.guard import DoorOf, require
from search_api.access.principal import Principal
from search_api.interop.openurl import parse_openurl
from search_api.interop.query_string import decode_query
from search_api.openapi import JsonAnswer, documented, documented_empty
from search_api.personal import PRIVATE
from search_api.request_answers import MatchAnswer, RequestAnswer, RequestList
from search_api.request_problems import no_such_reader
from search_api.requesting import Asked
from search_api.routes.access import RequestingOf
from search_api.routes.request_bodies import EventBody, MatchBody, RequestBody
from search_api.tracing import request_id_of

router = APIRouter(prefix="/api", tags=["requests"])

Anybody = Annotated[Principal, require("search")]
Asker = Annotated[Principal, require("request.create")]
Follower = Annotated[Principal, require("request.read")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the request.")]
Symbol = Annotated[str, Query(max_length=16, description="Symbol of a library. Empty: one's own.")]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="Anything that names this call. Sent again within a day, it makes no second request.",
    ),
]


@router.post(
    "/citations/match",
    summary="Which union records may a citation mean?",
    response_class=JsonAnswer,
    responses=documented(MatchAnswer, examples.MATCH, 422, 503),
)
def match(body: MatchBody, requesting: RequestingOf, _: Anybody) -> JsonAnswer:
    """Candidates with their confidence, best first, and the fields that must be told before it can be asked for."""
    return JsonAnswer(requesting.match(body.citation.citation(), body.service))


@router.get(
    "/openurl",
    summary="Which union records may an OpenURL mean?",
    response_class=JsonAnswer,
    responses=documented(MatchAnswer, examples.MATCH, 422, 503),
)
def openurl(request: Request, requesting: RequestingOf, _: Anybody) -> JsonAnswer:
    """OpenURL 1.0 (KEV) or 0.1 in the query string."""
    parsed = parse_openurl(decode_query(request.scope.get("query_string", b"")))
    return JsonAnswer(requesting.match(parsed.citation))


@router.post(
    "/requests",
    summary="Ask for something",
    status_code=201,
    response_class=JsonAnswer,
    # 200: the same call, with the same Idempotency-Key, had made it before.
    responses=documented(RequestAnswer, examples.REQUEST)
    | documented(RequestAnswer, examples.REQUEST, 401, 403, 409, 422, 429, 503, status=201),
)
def create(
    body: RequestBody,
    request: Request,
    door: DoorOf,
    requesting: RequestingOf,
    who: Asker,
    key: IdempotencyKey = "",
) -> JsonAnswer:
    """It is on its way when this is answered: whom it was sent to stands in `entries`. Where the library has it
    already, or it was asked for already, the request waits in that state, with what can be done in `actions`."""
    reader = int(body.for_reader or 0)
    if reader >= 2**63:
        raise no_such_reader()
    asked = Asked(body.wish(), body.note, body.delivery, "api", reader, body.insist)
    # What was sent, before it was matched: the same call is known by it though the catalogue has changed since.
    sent = structs.replace(asked, source="api" if body.match else "api, unmatched")
    made = requesting.made_before(who, sent, key) if key else None
    if made is None:
        door.admit_asking(who)
        if body.match and not asked.wish.citation.record_id:
            asked = structs.replace(asked, wish=requesting.matched(asked.wish))
        made = requesting.create(who, asked, key, request_id_of(request), sent)
    answer = requesting.request(who, made.id)
    return JsonAnswer(answer, 200 if made.repeated else 201, PRIVATE | {"Location": f"/api/requests/{made.id}"})


@router.get(
    "/requests",
    summary="Requests of one's own, or of one's library",
    response_class=JsonAnswer,
    responses=documented(RequestList, examples.REQUESTS, 401, 403, 422, 503),
)
def requests_list(
    requesting: RequestingOf,
    who: Follower,
    library: Annotated[str, Query(max_length=16, description="Symbol: what it asks for its readers.")] = "",
    closed: Annotated[bool, Query(description="Those that are closed, instead of those that are open.")] = False,
    before: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before.")] = 0,
) -> JsonAnswer:
    """Newest first."""
    if library:
        return JsonAnswer(requesting.of_library(who, library, closed=closed, before=before), headers=PRIVATE)
    return JsonAnswer(requesting.mine(who, closed=closed, before=before), headers=PRIVATE)


@router.get(
    "/requests/{number}",
    summary="A request",
    response_class=JsonAnswer,
    responses=documented(RequestAnswer, examples.REQUEST, 401, 403, 404, 422, 503),
)
def one(number: Number, requesting: RequestingOf, who: Follower) -> JsonAnswer:
    """With its rota, why each library was chosen or passed over, and all that happened."""
    return JsonAnswer(requesting.request(who, number), headers=PRIVATE)


@router.post(
    "/requests/{number}/events",
    summary="Do something to a request",
    response_class=JsonAnswer,
    responses=documented_empty("It is done, and the request now is others' to see: that of another desk")
    | documented(RequestAnswer, examples.REQUEST, 401, 403, 404, 409, 422, 503),
)
def fire(number: Number, body: EventBody, request: Request, requesting: RequestingOf, who: Follower) -> Response:
    """As its reader, as an officer of the requesting or of the asked library, or at a desk: what is possible stands in
    `actions`. With `seq`, it is done only where nothing has happened since."""
    requesting.fire(
        who, number, body.name, entry=body.entry, data=body.data(), request_id=request_id_of(request), seq=body.seq
    )
    answer = requesting.still_seen(who, number)
    return JsonAnswer(answer, headers=PRIVATE) if answer else Response(status_code=204, headers=PRIVATE)


@router.get(
    "/queue",
    summary="What a library is asked",
    response_class=JsonAnswer,
    responses=documented(RequestList, examples.REQUESTS, 401, 403, 422, 503),
)
def queue(
    requesting: RequestingOf, who: Annotated[Principal, require("queue.read")], library: Symbol = ""
) -> JsonAnswer:
    """Longest waiting first, with the entry to answer and when its clock runs out: 200 at most, and in `more` how many
    follow when these are done with."""
    return JsonAnswer(requesting.queue(who, library or who.library), headers=PRIVATE)


@router.get(
    "/desk",
    summary="What a desk is to search for (代查代检)",
    response_class=JsonAnswer,
    responses=documented(RequestList, examples.REQUESTS, 401, 403, 422, 503),
)
def desk(requesting: RequestingOf, who: Annotated[Principal, require("desk.read")], library: Symbol = "") -> JsonAnswer:
    """Longest waiting first: 200 at most, and in `more` how many follow when these are done with."""
    return JsonAnswer(requesting.desk(who, library or who.library), headers=PRIVATE)
