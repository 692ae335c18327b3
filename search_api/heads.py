"""HEAD wherever there is GET, as RFC 9110 wants it: routes know GET alone."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadByGet:
    """ASGI middleware: HEAD is answered by what GET answers, with the same headers and without its body.

    It stands inside of all others: they see, log and count HEAD, and so does the server, which else would miss the
    bytes that Content-Length tells of. Guards stand inside of it, and refuse what they refuse to GET.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
            elif not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b""})

        asked: Scope = {**scope, "method": "GET"}
        try:
            await self.app(asked, receive, send_without_body)
        finally:
            scope.update(asked, method="HEAD")  # the route that was found is for the log
