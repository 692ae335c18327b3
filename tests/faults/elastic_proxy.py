"""A proxy before a real Elasticsearch that does to requests what networks and overloaded clusters do.

Faults are injected by script: each is done to so many of the requests of some kinds, in the order given. A request's
kind is the first part of its path that begins with an underscore: bulk, search, mget, pit, refresh, aliases, cluster …
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from msgspec import Struct

FOREVER = 10**9
READING = ("search", "msearch", "mget", "pit")
_PASSED_ON = ("Content-Type", "X-Elastic-Product")


class Reply(Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, status: int, told: dict[str, Any], **headers: str) -> Reply:
        usual = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}
        return cls(status, usual | headers, json.dumps(told).encode())


class Exchange(BaseHTTPRequestHandler):
    """One request, and what a fault may do with it. What is done to it is decided before its body is read."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits 40 ms for an acknowledgement
    _body: bytes | None = None
    _server_side: http.client.HTTPConnection | None = None

    @property
    def proxy(self) -> ElasticProxy:
        return cast(_Server, self.server).proxy

    @property
    def body(self) -> bytes:
        if self._body is None:
            raw = self.rfile.read(self.length)
            self._body = gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw
        return self._body

    @property
    def length(self) -> int:
        return int(self.headers.get("Content-Length") or 0)

    def forward(self, body: bytes | None = None) -> Reply:
        """What the server answers to the request (with another body, where one is given)."""
        if self._server_side is None:
            self._server_side = http.client.HTTPConnection(*self.proxy.upstream, timeout=60)
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
        self._server_side.request(self.command, self.path, self.body if body is None else body, headers)
        answer = self._server_side.getresponse()
        told = {name: value for name in _PASSED_ON if (value := answer.getheader(name)) is not None}
        return Reply(answer.status, told, answer.read())

    def finish(self) -> None:
        if self._server_side is not None:
            self._server_side.close()
        super().finish()

    def send(self, reply: Reply, part: float = 1.0) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: int(len(reply.body) * part)])

    def cut(self, *, reset: bool) -> None:
        """End the connection: by RST, or as if all had been said."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def do_GET(self) -> None:
        self._body = None
        fault = self.proxy.fault_for(self.path)
        try:
            if fault is None:
                self.send(self.forward())
            else:
                fault(self)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # the client has gone, or the server was stopped

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 — as http.server calls them

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: faults are not news."""


Fault = Callable[[Exchange], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, proxy: ElasticProxy, port: int) -> None:
        self.proxy = proxy
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Exchange)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Faults end connections without an exception: this is a mistake of the proxy."""
        self.proxy.mistakes.append(traceback.format_exc())

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)


class ElasticProxy:
    """`url` is what the engine is given. Thread-safe."""

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self.upstream = (address.hostname or "127.0.0.1", address.port or 9200)
        self.asked: Counter[str] = Counter()  # requests by kind
        self.done: Counter[str] = Counter()  # faults by name
        self.mistakes: list[str] = []  # of the proxy's own; a test has to see that there are none
        self.stopped = threading.Event()
        self._rules: list[tuple[Fault, Collection[str], list[int]]] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._port = 0
        self.up()
        self.url = f"http://127.0.0.1:{self._port}"

    def inject(self, fault: Fault, *on: str, times: int = 1) -> None:
        """Do it to the next so many requests of these kinds (none given: of any)."""
        with self._lock:
            self._rules.append((fault, on, [times]))

    def heal(self) -> None:
        """No more faults; those who were left without an answer are cut off."""
        with self._lock:
            self._rules.clear()
        self.stopped.set()
        self.stopped = threading.Event()
        self.up()

    def fault_for(self, path: str) -> Fault | None:
        kind = next((part[1:] for part in urlsplit(path).path.split("/") if part.startswith("_")), "")
        with self._lock:
            self.asked[kind] += 1
            for fault, kinds, left in self._rules:
                if left[0] and (not kinds or kind in kinds):
                    left[0] -= 1
                    self.done[getattr(fault, "__name__", "fault")] += 1
                    return fault
        return None

    def down(self) -> None:
        """Nobody listens: connections are refused, those that are open are cut."""
        server, self._server = self._server, None
        if server is not None:
            self.stopped.set()
            server.shutdown()
            server.server_close()
            for connection in list(server.open):
                server.shutdown_request(connection)

    def up(self) -> None:
        if self._server is None:
            self.stopped = threading.Event()
            self._server = _Server(self, self._port)
            self._port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()


# ---------------------------------------------------------------------------------------------- faults


def refuse(status: int, type_: str = "es_rejected_execution_exception") -> Fault:
    """An answer of that status instead of anything done."""

    def refused(exchange: Exchange) -> None:
        exchange.body  # noqa: B018 — read, so that the connection can go on
        exchange.send(Reply.of(status, {"error": {"type": type_, "reason": "rejected"}, "status": status}))

    refused.__name__ = f"refused {status}"
    return refused


def too_large(limit: int = FOREVER, holding: bytes = b"") -> Fault:
    """What is answered to a request above http.max_content_length (or with these bytes in it); others are done."""

    def too_large(exchange: Exchange) -> None:
        if len(exchange.body) > limit or (holding and holding in exchange.body):
            exchange.send(Reply(413, {}, b""))
        else:
            exchange.send(exchange.forward())

    return too_large


def refuse_items(
    status: int, chosen: Callable[[int, str, str], bool], type_: str = "es_rejected_execution_exception"
) -> Fault:
    """Of a bulk those items (place in it, action, id) are refused one by one; the others are written."""

    def items_refused(exchange: Exchange) -> None:
        lines = exchange.body.splitlines()
        good: list[bytes] = []
        places: list[dict[str, Any] | None] = []  # None = the server's
        while lines:
            head = lines.pop(0)
            ((action, about),) = json.loads(head).items()
            item = [head, *([] if action == "delete" else [lines.pop(0)])]
            if chosen(len(places), action, about["_id"]):
                error = {"type": type_, "reason": "refused by the proxy"}
                places.append({action: {"_index": about.get("_index", ""), "_id": about["_id"], "status": status,
                                        "error": error}})  # fmt: skip
            else:
                good += item
                places.append(None)
        told: dict[str, Any] = {"took": 1, "errors": False, "items": []}
        if good:
            reply = exchange.forward(b"\n".join(good) + b"\n")
            if reply.status != 200:
                exchange.send(reply)
                return
            told = json.loads(reply.body)
        answered = iter(told["items"])
        told["items"] = [next(answered) if place is None else place for place in places]
        told["errors"] = True
        exchange.send(Reply.of(200, told))

    items_refused.__name__ = f"items refused {status}"
    return items_refused


def cut_answer(*, reset: bool) -> Fault:
    """Done by the server, but the answer ends in the middle: nobody knows."""

    def answer_cut(exchange: Exchange) -> None:
        exchange.send(exchange.forward(), part=0.5)
        exchange.cut(reset=reset)

    return answer_cut


def cut_request(exchange: Exchange) -> None:
    """The connection ends in the middle of the request: the server never sees it."""
    exchange.rfile.read(exchange.length // 2)
    exchange.cut(reset=True)


def never_answer(exchange: Exchange) -> None:
    """Done by the server, and nothing is heard of it."""
    stopped = exchange.proxy.stopped
    exchange.forward()
    stopped.wait(60)
    exchange.cut(reset=True)


def go_away(seconds: float) -> Fault:
    """The server stops in the middle of a request, and nobody listens for so long."""

    def went_away(exchange: Exchange) -> None:
        def restart(proxy: ElasticProxy) -> None:
            proxy.down()
            time.sleep(seconds)
            proxy.up()

        threading.Thread(target=restart, args=(exchange.proxy,), daemon=True).start()
        exchange.cut(reset=True)

    return went_away


def slow(seconds: float) -> Fault:
    def slowly(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.send(exchange.forward())

    return slowly


def lose_a_shard(exchange: Exchange) -> None:
    """A search whose shard is away: a part of the answer, unless the request wants all or nothing."""
    reply = exchange.forward()
    if "allow_partial_search_results=false" in exchange.path:
        reply = Reply.of(503, {"error": {"type": "search_phase_execution_exception", "reason": "x"}, "status": 503})
    else:
        told = json.loads(reply.body)
        told["_shards"] = {"total": 3, "successful": 2, "skipped": 0, "failed": 1}
        told["hits"] = {**told["hits"], "hits": told["hits"]["hits"][::2]}
        reply = Reply.of(200, told)
    exchange.send(reply)
