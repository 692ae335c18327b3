"""Small HTTP servers on 127.0.0.1 that answer as a test says, and keep what they were sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Got(NamedTuple):
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class WebServer(ThreadingHTTPServer):
    """`answer` says what comes back; it may also wait, or write to the line itself and return None."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[Got, BaseHTTPRequestHandler], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.got: list[Got] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, host: str = "127.0.0.1", path: str = "/in") -> str:
        return f"http://{host}:{self.port}{path}"

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asks may hang up."""


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.got.append(got)
        answer = self.server.answer(got, self)
        if answer is None:
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST  # noqa: N815 — the server's own name for it

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(answer: Callable[[Got, BaseHTTPRequestHandler], Answer | None] | Answer) -> Iterator[WebServer]:
    fixed = answer if isinstance(answer, Answer) else None
    server = WebServer(lambda got, line: fixed) if fixed is not None else WebServer(answer)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
