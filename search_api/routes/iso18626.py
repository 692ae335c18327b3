"""ISO 18626 by HTTP: a message by POST, its confirmation as the answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from search_api.access.guard import require
from search_api.access.principal import Principal
from search_api.interop.iso18626.reading import MAX_BYTES
from search_api.interop.iso18626.writing import CONTENT_TYPE
from search_api.openapi import documented_file
from search_api.personal import PRIVATE
from search_api.problems import too_large
from search_api.receiving import Receiving
from search_api.routes.access import RequestingOf
from search_api.tracing import request_id_of

router = APIRouter(prefix="/api", tags=["iso18626"])


async def _body(request: Request) -> bytes:
    """Asked for behind the guard: what somebody unknown sends is not read."""
    data = await request.body()
    if len(data) > MAX_BYTES:
        raise too_large()
    return data


@router.post(
    "/iso18626",
    summary="A message of ISO 18626",
    response_class=Response,
    responses=documented_file("application/xml", "The confirmation, OK or ERROR", 401, 403, 413, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"application/xml": {"schema": {"type": "string"}}}}},
)
def receive(
    request: Request,
    requesting: RequestingOf,
    who: Annotated[Principal, require("iso18626.receive")],
    data: Annotated[bytes, Depends(_body)],
) -> Response:
    """Version 1.2 or 2021-2, answered in its own. With the API key of the library that sends it; what was confirmed by
    OK is kept, and may be sent again without harm."""
    answer = Receiving(requesting).receive(who, data, request_id_of(request))
    return Response(answer, headers=PRIVATE | {"Content-Type": CONTENT_TYPE})
