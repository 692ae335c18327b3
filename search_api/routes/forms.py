"""What all pages with forms do alike."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Form, Query
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from search_api.pages.rendering import Pages
from search_api.problems import ProblemError
from search_api.queries import SearchParameters
from search_api.vocabulary import Words

Field = Annotated[str, Form(max_length=500)]
"""A field of a form; one that is missing is empty. What it may be is told beside it, by the page."""

Flag = Annotated[bool, BeforeValidator(lambda told: told or False), Query()]
"""A parameter of an address that is 1 or left out; one that is there and empty is not said either."""

LONGEST_WAY = 8000
"""Characters of an address that leads back after signing in: a request's form with a whole citation in it takes 600 to
3,000 (a Chinese character is nine), and servers in front of ours take no more than some 8,000."""


def form_page(
    pages: Pages,
    request: Request,
    template: str,
    complaints: dict[str, Words] | None = None,
    *,
    problem: ProblemError | None = None,
    **context: Any,
) -> Response:
    """A page with a form: 422 where something was typed in that can't be taken. `complaints`: why, by field.
    `problem`: whose status and headers it has instead."""
    status = problem.status if problem else 422 if complaints else 200
    response = pages.render(
        request, template, status, complaints=complaints or {}, parameters=SearchParameters(), **context
    )  # fmt: skip
    response.headers.update(problem.headers if problem else {})
    return response


def see(path: str) -> RedirectResponse:
    """After a change: a page that can be loaded again without doing it twice."""
    return RedirectResponse(path, 303)


def way_back(asked: str, otherwise: str) -> str:
    """Where a person wanted to go before he signed in. It stays on this site, whatever it says; what is too long is
    dropped, since nobody is kept from signing in by where he came from."""
    if len(asked) > LONGEST_WAY:
        return otherwise
    try:
        parts = urlsplit(asked)
    except ValueError:  # //[
        return otherwise
    inside = asked.startswith("/") and not asked.startswith("//") and not parts.scheme and not parts.netloc
    if not inside or "\\" in asked or not asked.isprintable() or parts.path in ("/sign-in", "/sign-out"):
        return otherwise
    return asked
