"""Who was signed out while he filled in a form: he signs in where he sends it, and comes back to what he typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi.routing import APIRoute
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from search_api.access.guard import SAFE
from search_api.problems import ProblemError
from search_api.routes.forms import LONGEST_WAY, form_page
from search_api.vocabulary import Words
from search_api.wish_form import WishForm

FORM_OVER = Words(
    "登录已过期，所填的还没有提交。请重新登录，回到填好的表单，再提交一次。",
    "You were signed out meanwhile, and nothing was sent yet. Sign in to come back to the form as you filled it in, "
    "and send it once more.",
)
STEP_OVER = Words(
    "登录已过期，这一步没有执行。请重新登录，回到原来的页面，再做一次。",
    "You were signed out meanwhile, and nothing was done. Sign in to come back to the page, and do it once more.",
)
SAID = ("note", "reason")
"""Fields of a step in which people write sentences."""

PERSONAL = ("reader", "delivery", "note", "insist")
"""Fields of a request that are no part of an address: browsers and proxies keep those."""

_PAGES = (
    (re.compile(r"/library/pause"), "/library/policy"),
    (re.compile(r"/library/corrections/\d+"), "/library/corrections"),
)
"""Pages on which the forms stand that are sent to another address than their own."""


class Way(Struct, frozen=True):
    """Back to where the form was."""

    address: str
    over: Words
    left: tuple[str, ...] = ()  # what was typed and does not come back by itself


class FormRoute(APIRoute):
    """A route of pages with forms: whoever sends one and is not signed in is asked to, there and then."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except ProblemError as problem:
                if problem.code != "sign-in" or request.method in SAFE:
                    raise
                sent = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
                return await run_in_threadpool(_sign_in_first, request, problem, way_of(request.url.path, sent))

        return handle


def way_of(path: str, sent: Mapping[str, str]) -> Way:
    """Nothing of what was sent to that address is believed: it only fills in a form again."""
    if path == "/request":
        return _to_the_form(WishForm.model_validate(sent))
    page = next((page for pattern, page in _PAGES if pattern.fullmatch(path)), path)
    return Way(page, STEP_OVER, tuple(told for name in SAID if (told := sent.get(name, "").strip())))


def _to_the_form(form: WishForm) -> Way:
    """The longest texts stay behind where an address has no room for them."""
    filled = form.filled()
    left = [filled.pop(name) for name in PERSONAL if name in filled]
    while len(address := f"/request?{urlencode(filled)}") > LONGEST_WAY:
        left.append(filled.pop(max(filled, key=lambda name: len(filled[name]))))
    return Way(address, FORM_OVER, tuple(left))


def _sign_in_first(request: Request, problem: ProblemError, way: Way) -> Response:
    return form_page(
        request.app.state.pages,
        request,
        "sign_in.html",
        problem=problem,
        login="",
        next=way.address,
        over=way.over,
        left=way.left,
    )
