"""Webhooks as JSON: subscribe, try, unsubscribe."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from search_api import house_answers as kinds
from search_api import house_examples as examples
from search_api.access.guard import DoorOf, require
from search_api.access.principal import Principal
from search_api.openapi import JsonAnswer, documented, documented_empty
from search_api.personal import PRIVATE
from search_api.routes.access import RequestingOf
from search_api.subscribing import Subscribing
from search_api.tracing import request_id_of
from store.webhooks import KINDS

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


async def _subscribing(requesting: RequestingOf) -> Subscribing:
    return Subscribing(requesting)


SubscribingOf = Annotated[Subscribing, Depends(_subscribing)]
Manager = Annotated[Principal, require("webhook.manage")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Id of the webhook.")]


class WebhookBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1, max_length=2000, description="http(s), on the public internet or a campus allowed.")
    kinds: tuple[str, ...] = Field(default=KINDS, min_length=1, max_length=10, description=", ".join(KINDS))
    library: str = Field(
        default="", max_length=16, description="Symbol: whose requests. Empty: one's own library's; of the house, all."
    )


@router.get(
    "",
    summary="The webhooks of one's library",
    response_class=JsonAnswer,
    responses=documented(kinds.WebhookList, examples.WEBHOOKS, 401, 403, 422, 503),
)
def webhooks(
    subscribing: SubscribingOf,
    who: Manager,
    library: Annotated[str, Query(max_length=16, description="Symbol. Empty: all that one may see.")] = "",
) -> JsonAnswer:
    """Without their secrets."""
    return JsonAnswer(subscribing.subscriptions(who, library), headers=PRIVATE)


@router.post(
    "",
    summary="Be told when the status of a request changes",
    status_code=201,
    response_class=JsonAnswer,
    responses=documented(kinds.NewWebhookAnswer, examples.NEW_WEBHOOK, 401, 403, 409, 422, 503, status=201),
)
def subscribe(body: WebhookBody, request: Request, subscribing: SubscribingOf, who: Manager) -> JsonAnswer:
    """Messages come as Standard Webhooks has them, at least once: `webhook-id` tells a repeat. The secret in the answer
    is shown once."""
    made = subscribing.subscribe(who, body.library, body.url, body.kinds, request_id_of(request))
    return JsonAnswer(made, 201, PRIVATE)


@router.delete(
    "/{id}",
    summary="Be told no more",
    status_code=204,
    responses=documented_empty("Gone, with its secret", 401, 403, 404, 422, 503),
)
def unsubscribe(id: Number, request: Request, subscribing: SubscribingOf, who: Manager) -> Response:
    subscribing.unsubscribe(who, id, request_id_of(request))
    return Response(status_code=204)


@router.post(
    "/{id}/test",
    summary="Send a test message",
    status_code=202,
    response_class=JsonAnswer,
    responses=documented(kinds.DeliveryAnswer, examples.DELIVERY, 401, 403, 404, 409, 422, 429, 503, status=202),
)
def test(id: Number, request: Request, door: DoorOf, subscribing: SubscribingOf, who: Manager) -> JsonAnswer:
    """Of type `webhook.test`. It goes by the outbox as all messages do; whether it arrived stands in `failures`."""
    door.admit_webhook_test(who)
    return JsonAnswer(subscribing.test(who, id, request_id_of(request)), 202, PRIVATE)
