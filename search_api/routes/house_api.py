"""Policies of libraries, corrections of holdings, and what the house looks after, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from mappings.requests import LibraryPolicy
from routing.settings import RoutingSettings
from search_api import house_answers as kinds
from search_api import house_examples as examples
from search_api.access.guard import require
from search_api.access.principal import Principal
from search_api.house import House
from search_api.openapi import JsonAnswer, documented
from search_api.personal import PRIVATE
from search_api.routes.access import RequestingOf
from search_api.routes.struct_bodies import RawBody, decoded, described
from search_api.tracing import request_id_of

router = APIRouter(prefix="/api", tags=["libraries"])


async def _house(requesting: RequestingOf) -> House:
    return House(requesting)


HouseOf = Annotated[House, Depends(_house)]
Symbol = Annotated[str, Path(max_length=16, description="Symbol of the library.")]
Library = Annotated[str, Query(max_length=16, description="Symbol. Empty: one's own, or all that one may see.")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Id.")]
MessageNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="Id of the message.")]


class ClosingBody(BaseModel):
    """What the cataloguers have found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    result: Literal["holding_wrong", "holding_right"]
    note: str = Field(default="", max_length=2000, description="To whoever looks it up later; no person's name.")


@router.get(
    "/libraries/{symbol}/policy",
    summary="How a library takes part in document delivery",
    response_class=JsonAnswer,
    responses=documented(kinds.PolicyAnswer, examples.POLICY, 401, 403, 404, 422, 503),
)
def policy(symbol: Symbol, house: HouseOf, who: Annotated[Principal, require("policy.read")]) -> JsonAnswer:
    """For its own people. What is left out of `policy` is as by default."""
    return JsonAnswer(house.policy(who, symbol), headers=PRIVATE)


@router.put(
    "/libraries/{symbol}/policy",
    summary="Change how a library takes part",
    response_class=JsonAnswer,
    responses=documented(kinds.PolicyAnswer, examples.POLICY, 401, 403, 404, 422, 503),
    openapi_extra=described(LibraryPolicy, examples.POLICY.policy),
)
def put_policy(
    symbol: Symbol,
    request: Request,
    house: HouseOf,
    who: Annotated[Principal, require("policy.write")],
    data: RawBody,
) -> JsonAnswer:
    """The whole policy: what is left out gets its default. Where the library closes by it (`paused`, or a closure that
    has begun), requests that it has not looked at go on to the next library at once."""
    answer = house.put_policy(who, symbol, decoded(data, LibraryPolicy), request_id_of(request))
    return JsonAnswer(answer, headers=PRIVATE)


@router.get(
    "/corrections",
    summary="Holdings that a library has said it does not have",
    response_class=JsonAnswer,
    responses=documented(kinds.CorrectionList, examples.CORRECTIONS, 401, 403, 422, 503),
)
def corrections(
    house: HouseOf,
    who: Annotated[Principal, require("correction.read")],
    library: Library = "",
    closed: Annotated[bool, Query(description="Those that are closed, instead of those that are open.")] = False,
) -> JsonAnswer:
    """Open ones oldest first, closed ones the last first; 200 at most."""
    return JsonAnswer(house.corrections(who, library, closed=closed), headers=PRIVATE)


@router.post(
    "/corrections/{id}/close",
    summary="Say what is true of a holding",
    response_class=JsonAnswer,
    responses=documented(kinds.CorrectionAnswer, examples.CORRECTION, 401, 403, 404, 409, 422, 503),
)
def close_correction(
    id: Number,
    body: ClosingBody,
    request: Request,
    house: HouseOf,
    who: Annotated[Principal, require("correction.close")],
) -> JsonAnswer:
    answer = house.close_correction(who, id, body.result, body.note, request_id_of(request))
    return JsonAnswer(answer, headers=PRIVATE)


# ---------------------------------------------------------------------------------------------- the house


@router.get(
    "/audit",
    summary="Who changed what",
    response_class=JsonAnswer,
    responses=documented(kinds.AuditList, examples.AUDIT, 401, 403, 422, 503),
    tags=["house"],
)
def audit(
    house: HouseOf,
    who: Annotated[Principal, require("audit.read")],
    library: Annotated[str, Query(max_length=16, description="Symbol: what its people have changed.")] = "",
    object: Annotated[str, Query(max_length=200, description="What was changed: `request 42`, `library RUC`.")] = "",
    action: Annotated[str, Query(max_length=40, description="Such as `policy.write`.")] = "",
    before: Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before.")] = 0,
) -> JsonAnswer:
    """Newest first."""
    answer = house.audit(who, library=library, object=object, action=action, before=before)
    return JsonAnswer(answer, headers=PRIVATE)


@router.get(
    "/outbox",
    summary="What waits to be sent, and what was given up",
    response_class=JsonAnswer,
    responses=documented(kinds.OutboxAnswer, examples.OUTBOX, 401, 403, 503),
    tags=["house"],
)
def outbox(house: HouseOf, who: Annotated[Principal, require("outbox.read")]) -> JsonAnswer:
    """Without what the messages say and to whom they go. Of those that were given up, the hundred oldest."""
    return JsonAnswer(house.outbox(who), headers=PRIVATE)


@router.post(
    "/outbox/{id}/revive",
    summary="Send a message that was given up again",
    response_class=JsonAnswer,
    responses=documented(kinds.RevivedAnswer, examples.REVIVED, 401, 403, 404, 409, 422, 503),
    tags=["house"],
)
def revive(
    id: MessageNumber, request: Request, house: HouseOf, who: Annotated[Principal, require("outbox.revive")]
) -> JsonAnswer:
    return JsonAnswer(house.revive(who, id, request_id_of(request)), headers=PRIVATE)


@router.get(
    "/routing/settings",
    summary="What the routing is set to",
    response_class=JsonAnswer,
    responses=documented(kinds.SettingsAnswer, examples.SETTINGS, 401, 403, 503),
    tags=["house"],
)
def settings(house: HouseOf, who: Annotated[Principal, require("routing.read")]) -> JsonAnswer:
    """What is left out is as by default."""
    return JsonAnswer(house.settings(who), headers=PRIVATE)


@router.put(
    "/routing/settings",
    summary="Tune the routing",
    response_class=JsonAnswer,
    responses=documented(kinds.SettingsAnswer, examples.SETTINGS, 401, 403, 422, 503),
    openapi_extra=described(RoutingSettings, examples.SETTINGS.settings),
    tags=["house"],
)
def put_settings(
    request: Request, house: HouseOf, who: Annotated[Principal, require("routing.write")], data: RawBody
) -> JsonAnswer:
    """All of them: what is left out gets its default. They hold for what is routed from now on."""
    answer = house.put_settings(who, decoded(data, RoutingSettings), request_id_of(request))
    return JsonAnswer(answer, headers=PRIVATE)
