"""Every request has an id: in the answer's header, in its problem, and in every line that is logged on its behalf.

One line a request is logged, by the template of its route: what readers search for and which record they look at stands
in no log, and of their address only the network (docs/metrics.md).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("search_api")

HEADER = "X-Request-ID"

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""An id that a proxy in front of us gave. Anything else might forge a line in somebody's log."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

UNMATCHED = "unmatched"
"""The route of a request for an address that there isn't."""

Observe = Callable[[str, str, int, float], None]
"""Is told of a request: method, route, status, seconds."""


class Tracing:
    """ASGI middleware; it stands outside of all others."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self.app = app
        self.observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        # What escapes from here becomes the answer 500, outside of all middleware.
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                seconds = time.perf_counter() - began
                method = scope["method"] if scope["method"] in METHODS else "other"
                route = _template(scope)
                self.observe(method, route, status, seconds)
                log.info(
                    "request",
                    method=method,
                    route=route,
                    status=status,
                    ms=round(seconds * 1000, 1),
                    network=network_of(scope["client"][0] if scope.get("client") else ""),
                )


def request_id_of(request: Request) -> str:
    """The id that `Tracing` gave to the request."""
    return str(request.state.request_id)


def _id_of(scope: Scope) -> str:
    told = Headers(scope=scope).get(HEADER, "")
    return told if _SANE.fullmatch(told) else uuid4().hex


def _template(scope: Scope) -> str:
    """/record/{record_id}, never /record/3K7M2Q9V."""
    if "route" in scope:
        return str(getattr(scope["route"], "path_format", UNMATCHED))
    mounted = str(scope.get("root_path", "")).removeprefix(scope.get("app_root_path", ""))
    return mounted if mounted and "endpoint" in scope else UNMATCHED


def network_of(address: str) -> str:
    """The network that the client is in (/24, /48 in IPv6): enough to see where a flood comes from, and no person."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        parsed = mapped
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))
