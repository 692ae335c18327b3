"""What stands before every route: who asks, whether he may, and whether a form came from a page of ours.

    @router.post("/requests/{number}/cancel")
    def cancel(number: int, who: Annotated[Principal, require("request.act")]) -> Response:
        demand(who, "request.act", Facts(...))

Without `require` a route doesn't get past the tests (`routes_without_action`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Mount

from search_api.access.door import Door
from search_api.access.principal import ANONYMOUS, Principal
from search_api.access.tokens import same
from search_api.policy import TABLE, ever_allowed, refusal
from search_api.problems import ProblemError, forged
from store.database import StoreError

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

OPEN_MOUNTS = frozenset(("/static",))
"""Folders of files for everybody."""

_ACTION = "action_of_the_route"


def require(action: str) -> Any:
    """The dependency that names the action of a route; it gives the Principal. Raises a problem where he may do it to
    nothing at all; whether he may to this is for the route to `demand`."""
    if action not in TABLE:
        raise ValueError(f"search_api/policy.py has no action {action!r}")

    async def guard(request: Request) -> Principal:
        principal = await _recognised(request, action)
        if request.method not in SAFE and principal.way != "key":
            await _refuse_forgery(request, principal)
        if not ever_allowed(principal, action):
            raise refusal(principal)
        return principal

    setattr(guard, _ACTION, action)
    return Depends(guard)


def _door(request: Request) -> Door:
    found: Door = request.app.state.door
    return found


async def _door_of(request: Request) -> Door:  # a coroutine, since a plain function would be called in a thread
    return _door(request)


DoorOf = Annotated[Door, Depends(_door_of)]


def recognised(request: Request) -> Principal:
    """Whom the route's guard has recognised; nobody where there was none (an address that there isn't)."""
    found: Principal = getattr(request.state, "principal", ANONYMOUS)
    return found


def try_to_recognise(request: Request) -> None:
    """For a page that tells of a problem before any guard stood there: it never fails for want of a store."""
    if not hasattr(request.state, "principal") and _door(request).shows_something(request):
        try:
            request.state.principal = _door(request).recognise(request)
        except (StoreError, ProblemError):
            request.state.principal = ANONYMOUS


async def _recognised(request: Request, action: str) -> Principal:
    door = _door(request)
    principal = ANONYMOUS
    if door.shows_something(request):
        try:
            principal = await run_in_threadpool(door.recognise, request)
        except StoreError:
            if not TABLE[action].anybody:
                raise  # what everybody may see needs nobody recognised
    request.state.principal = principal
    return principal


# ---------------------------------------------------------------------------------------------- forged requests


async def _refuse_forgery(request: Request, principal: Principal) -> None:
    """A cookie goes along with whatever another site makes a browser send: so an unsafe request must come from a page
    of ours, and show what only such a page knows. Who shows no cookie has nothing to be used; yet a browser that says
    it comes from elsewhere is refused, lest it be signed in to an account of somebody else's choosing."""
    if not _comes_from_us(request, needs_proof=principal.known):
        raise forged()
    if not principal.known:
        return
    shown = request.headers.get(CSRF_HEADER, "")
    if not shown and request.headers.get("content-type", "").partition(";")[0].strip().lower() in FORMS:
        field = (await request.form()).get(CSRF_FIELD, "")
        shown = field if isinstance(field, str) else ""
    if not shown or not same(shown, principal.csrf):
        raise forged()


def _comes_from_us(request: Request, *, needs_proof: bool) -> bool:
    """By what the browser says, which no page can change. `needs_proof`: saying nothing is not enough."""
    site = request.headers.get("sec-fetch-site", "")
    origin = request.headers.get("origin", "")
    if site not in ("", "same-origin"):
        return False
    if not origin:
        return site == "same-origin" or not needs_proof
    if origin == _origin(_door(request).settings.base_url):
        return True
    # By another name of this machine (localhost, 127.0.0.1): the browser itself has compared.
    try:
        return site == "same-origin" and urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:  # http://[
        return False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


# ---------------------------------------------------------------------------------------------- all routes


def routes_with_actions(app: FastAPI) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(path, method, actions that its guards name) of every route. One action is right; none is a hole."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount):
            if route.path not in OPEN_MOUNTS:
                yield str(route.path), "*", ()
            continue
        dependant = getattr(route, "dependant", None)
        actions = tuple(_actions(dependant)) if isinstance(route.original_route, APIRoute) else ()
        for method in sorted(route.methods or ("*",)):
            yield str(route.path), method, actions


def routes_without_action(app: FastAPI) -> list[str]:
    """Those that would be open to everybody since somebody forgot: "POST /requests". Always empty."""
    return [f"{method} {path}" for path, method, actions in routes_with_actions(app) if len(actions) != 1]


def _actions(dependant: Any) -> Iterator[str]:
    for each in dependant.dependencies:
        if (action := getattr(each.call, _ACTION, None)) is not None:
            yield action
        yield from _actions(each)
