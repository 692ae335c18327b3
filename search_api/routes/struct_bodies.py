"""Bodies whose schema is a struct of ours: read and documented alike."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends
from msgspec import Struct
from starlette.requests import Request

from search_api.policy_checks import body_problem

Read = TypeVar("Read", bound=Struct)


async def _raw(request: Request) -> bytes:
    """Name it behind the guard: what somebody unknown sends is not read."""
    return await request.body()


RawBody = Annotated[bytes, Depends(_raw)]


def decoded(data: bytes, kind: type[Read]) -> Read:
    """Raises a problem."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise body_problem(error) from error


def described(kind: type[Struct], example: Struct) -> dict[str, Any]:
    """`openapi_extra` of a route with such a body; the schema is in search_api/openapi.py's list."""
    content = {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}, "example": msgspec.to_builtins(example)}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
