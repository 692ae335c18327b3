"""How the answers stand in the OpenAPI document: schemas made from the msgspec structs, with an example each."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct
from starlette.responses import JSONResponse

from mappings.requests import LibraryPolicy
from routing.settings import RoutingSettings
from search_api import answers, house_answers, request_answers
from search_api.access.guard import routes_with_actions
from search_api.policy import TABLE

KINDS: tuple[type[Struct], ...] = (
    answers.SearchAnswer,
    answers.RecordAnswer,
    answers.HoldersAnswer,
    answers.SuggestAnswer,
    answers.LibrariesAnswer,
    answers.HealthAnswer,
    answers.AccountAnswer,
    answers.ExportAnswer,
    answers.ReaderAnswer,
    answers.PersonEntry,
    answers.PeopleAnswer,
    answers.NewPersonAnswer,
    answers.KeyEntry,
    answers.KeysAnswer,
    answers.NewKeyAnswer,
    request_answers.MatchAnswer,
    request_answers.RequestAnswer,
    request_answers.RequestList,
    *house_answers.KINDS,
    LibraryPolicy,
    RoutingSettings,
    answers.ProblemAnswer,
)
_REF = "#/components/schemas/{name}"
_TITLES = {
    308: "The record was merged: `Location` has the live one",
    401: "Nobody known: sign in, or show an API key",
    403: "It may not be done by who asks, or not by this form",
    404: "There is none",
    409: "In conflict with what is there by now",
    410: "It was deleted",
    413: "It is too large",
    422: "A parameter is wrong",
    429: "Too many at once: `Retry-After` has the seconds to wait",
    503: "Engine or store is down: `Retry-After` has the seconds to wait",
}
PROBLEM_MEDIA_TYPE = "application/problem+json"


class JsonAnswer(JSONResponse):
    """An answer struct as JSON. A JSONResponse, since FastAPI documents any other as a string."""

    def __init__(self, content: Struct, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(content, status_code, headers)

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


class ProblemResponse(JsonAnswer):
    media_type = PROBLEM_MEDIA_TYPE


def documented(
    kind: type[Struct], example: Struct, *problems: int, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers `kind`, and the problems that it may answer instead."""
    found: dict[int | str, dict[str, Any]] = {status: _content("application/json", kind, example, "The answer")}
    for status in problems:
        found[status] = _content(PROBLEM_MEDIA_TYPE, answers.ProblemAnswer, None, _TITLES[status])
    return found


def documented_empty(description: str, *problems: int) -> dict[int | str, dict[str, Any]]:
    """The same of a route that answers nothing, with status 204."""
    found: dict[int | str, dict[str, Any]] = {204: {"description": description}}
    for status in problems:
        found[status] = _content(PROBLEM_MEDIA_TYPE, answers.ProblemAnswer, None, _TITLES[status])
    return found


def documented_file(media_type: str, description: str, *problems: int) -> dict[int | str, dict[str, Any]]:
    """The same of a route that answers with something that is no JSON."""
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}
    }
    for status in problems:
        found[status] = _content(PROBLEM_MEDIA_TYPE, answers.ProblemAnswer, None, _TITLES[status])
    return found


def _content(media_type: str, kind: type[Struct], example: Struct | None, description: str) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(name=kind.__name__)}}
    if example is not None:
        content["example"] = msgspec.to_builtins(example)
    return {"description": description, "content": {media_type: content}}


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
        )
        _, schemas = msgspec.json.schema_components(KINDS, ref_template=_REF)
        known = document.setdefault("components", {}).setdefault("schemas", {})
        known.update(schemas)
        for unused in ("HTTPValidationError", "ValidationError"):
            known.pop(unused, None)
        _tell_who_may(app, document)
        app.openapi_schema = document
    return app.openapi_schema


def _tell_who_may(app: FastAPI, document: dict[str, Any]) -> None:
    """How a program shows who it is, and at which addresses it has to."""
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: tck_…"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-session",
            "description": "Of a person who has signed in; X-CSRF-Token goes with whatever changes something.",
        },
    }
    for path, method, actions in routes_with_actions(app):
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is None or any(TABLE[action].anybody for action in actions):
            continue
        by_key = any(TABLE[action].scope for action in actions)
        operation["security"] = [{"session": []}, *([{"key": []}] if by_key else [])]
