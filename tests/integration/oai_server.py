"""A scripted OAI-PMH provider: real HTTP on loopback, correct by itself, and wrong in exactly one named way.

`clean` is the control. A scenario gets the request and the right answer, and gives back what is really sent; what it
needs to remember it keeps in the provider. Names and cases follow the faults that real providers are known for.
"""

from __future__ import annotations

import gzip
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

OAI = "http://www.openarchives.org/OAI/2.0/"
MARC = "http://www.loc.gov/MARC21/slim"
NOW = "2026-11-20T03:00:00Z"
TITLES = ("红楼梦", "紅樓夢", "本草纲目", "历史研究", "Dream of the Red Chamber", "史记：三家注", "茶经", "水经注疏")


@dataclass
class Entry:
    """A record of the provider."""

    identifier: str
    datestamp: str
    metadata: str  # XML; "" = it has none
    sets: tuple[str, ...] = ()
    deleted: bool = False


@dataclass
class Reply:
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/xml; charset=utf-8"})
    send: int | None = None  # so many bytes of the body, then the line drops
    length: bool = True  # tell the Content-Length
    trickle: float = 0.0  # seconds between two small pieces
    drop: bool = False  # drop the line without any answer


def marc(number: int, title: str = "") -> str:
    title = title or f"{TITLES[number % len(TITLES)]} 第{number}卷"
    return (
        f'<marc:record xmlns:marc="{MARC}"><marc:leader>00000nam a2200000 a 4500</marc:leader>'
        f'<marc:controlfield tag="001">{number:06d}</marc:controlfield>'
        f'<marc:datafield tag="245" ind1="0" ind2="0"><marc:subfield code="a">{escape(title)}</marc:subfield>'
        "</marc:datafield></marc:record>"
    )


def catalogue(count: int, days: int = 20) -> list[Entry]:
    """Records in the order of their datestamps, over the days before NOW; each tenth is deleted, two sets overlap."""
    entries = []
    for number in range(count):
        day, second = number * days // count, number % 86_400
        stamp = f"2026-10-{day + 1:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
        sets = tuple(name for name, every in (("guji", 2), ("xueke", 3)) if number % every == 0)
        deleted = number % 10 == 9
        entries.append(Entry(f"oai:lib.test:{number:06d}", stamp, "" if deleted else marc(number), sets, deleted))
    return entries


Request = dict[str, str]
Scenario = Callable[["Provider", Request, Reply], Reply]


class Provider:
    """Correct answers for one catalogue."""

    def __init__(self, entries: list[Entry], page_size: int = 60, scenario: Scenario | None = None) -> None:
        self.entries = entries
        self.page_size = page_size
        self.scenario = scenario
        self.granularity = "YYYY-MM-DDThh:mm:ssZ"
        self.earliest = "2026-10-01T00:00:00Z"
        self.size_told = True
        self.final_token = "empty"  # empty, absent, blank
        self.namespace = f' xmlns="{OAI}"'
        self.now = NOW
        self.requests: list[Request] = []
        self.headers: list[dict[str, str]] = []
        self.memory: Counter[str] = Counter()
        self.base_url = ""

    def answer(self, request: Request, headers: dict[str, str]) -> Reply:
        self.requests.append(request)
        self.headers.append(headers)
        reply = self.right(request)
        return self.scenario(self, request, reply) if self.scenario else reply

    def right(self, request: Request) -> Reply:
        verb = request.get("verb", "")
        make = {
            "Identify": self._identify,
            "ListMetadataFormats": self._formats,
            "ListSets": self._sets,
            "GetRecord": self._get,
            "ListRecords": self._list,
            "ListIdentifiers": self._list,
        }.get(verb)
        return Reply(self.envelope(make(request) if make else error("badVerb", verb)))

    def envelope(self, inner: str) -> bytes:
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH{self.namespace}><responseDate>{self.now}</responseDate>'
            f"<request>{self.base_url}</request>{inner}</OAI-PMH>"
        ).encode()

    def selected(self, start: str, until: str, set_spec: str) -> list[Entry]:
        def cut(stamp: str, bound: str) -> str:
            return stamp[: len(bound)]

        return [
            entry
            for entry in self.entries
            if (not start or cut(entry.datestamp, start) >= start)
            and (not until or cut(entry.datestamp, until) <= until)
            and (not set_spec or set_spec in entry.sets)
        ]

    def _identify(self, _: Request) -> str:
        return (
            f"<Identify><repositoryName>示范图书馆</repositoryName><baseURL>{self.base_url}</baseURL>"
            "<protocolVersion>2.0</protocolVersion><adminEmail>a@lib.test</adminEmail>"
            f"<earliestDatestamp>{self.earliest}</earliestDatestamp><deletedRecord>persistent</deletedRecord>"
            f"<granularity>{self.granularity}</granularity></Identify>"
        )

    def _formats(self, _: Request) -> str:
        each = "".join(
            f"<metadataFormat><metadataPrefix>{prefix}</metadataPrefix><schema>s</schema>"
            "<metadataNamespace>n</metadataNamespace></metadataFormat>"
            for prefix in ("oai_dc", "marcxml")
        )
        return f"<ListMetadataFormats>{each}</ListMetadataFormats>"

    def _sets(self, _: Request) -> str:
        each = "".join(f"<set><setSpec>{name}</setSpec><setName>{name}</setName></set>" for name in ("guji", "xueke"))
        return f"<ListSets>{each}</ListSets>"

    def _get(self, request: Request) -> str:
        found = [entry for entry in self.entries if entry.identifier == request.get("identifier")]
        return f"<GetRecord>{record(found[0])}</GetRecord>" if found else error("idDoesNotExist", "没有此记录")

    def _list(self, request: Request) -> str:
        verb, token = request["verb"], request.get("resumptionToken", "")
        if token:
            if token.count("!") != 3:
                return error("badResumptionToken", "")
            cursor, start, until, set_spec = token.split("!")
        else:
            cursor, start, until, set_spec = "0", *(request.get(name, "") for name in ("from", "until", "set"))
            if request.get("metadataPrefix") not in ("marcxml", "oai_dc"):
                return error("cannotDisseminateFormat", "")
            if self.granularity == "YYYY-MM-DD" and ("T" in start or "T" in until):
                return error("badArgument", "granularity")
        found = self.selected(start, until, set_spec)
        if not found:
            return error("noRecordsMatch", "")
        at = int(cursor)
        shown = found[at : at + self.page_size]
        write = record if verb == "ListRecords" else header
        inner = "".join(write(entry) for entry in shown)
        following = at + self.page_size
        size = f' completeListSize="{len(found)}" cursor="{at}"' if self.size_told else ""
        if following < len(found):
            token = f"<resumptionToken{size}>{following}!{start}!{until}!{set_spec}</resumptionToken>"
        elif at == 0 or self.final_token == "absent":
            token = ""
        else:
            token = f"<resumptionToken{size}>{'' if self.final_token == 'empty' else ' '}</resumptionToken>"
        return f"<{verb}>{inner}{token}</{verb}>"


def header(entry: Entry) -> str:
    status = ' status="deleted"' if entry.deleted else ""
    sets = "".join(f"<setSpec>{name}</setSpec>" for name in entry.sets)
    return (
        f"<header{status}><identifier>{entry.identifier}</identifier><datestamp>{entry.datestamp}</datestamp>"
        f"{sets}</header>"
    )


def record(entry: Entry) -> str:
    metadata = f"<metadata>{entry.metadata}</metadata>" if entry.metadata else ""
    return f"<record>{header(entry)}{metadata}</record>"


def error(code: str, text: str) -> str:
    return f'<error code="{code}">{text}</error>'


class OaiServer:
    """Serves any number of providers, each under a path of its own."""

    def __init__(self) -> None:
        self._providers: dict[str, Provider] = {}
        handler = type("Handler", (_Handler,), {"oai": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def add(self, provider: Provider, host: str = "127.0.0.1") -> str:
        """The base URL at which it is served from now on."""
        path = f"/{len(self._providers)}/oai"
        self._providers[path] = provider
        provider.base_url = f"http://{host}:{self.port}{path}"
        return provider.base_url

    def find(self, path: str) -> Provider | None:
        return self._providers.get(path)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def serving() -> Iterator[OaiServer]:
    server = OaiServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement
    oai: OaiServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        provider = self.oai.find(parts.path)
        if provider is None:
            reply = Reply(b"<html><body>Not here</body></html>", 404, {"Content-Type": "text/html"})
        else:
            reply = provider.answer(dict(parse_qsl(parts.query)), dict(self.headers))
        try:
            self._send(reply)
        except OSError:
            self.close_connection = True  # the client has had enough

    def _send(self, reply: Reply) -> None:
        if reply.drop:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.length:
            self.send_header("Content-Length", str(len(reply.body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        body = reply.body if reply.send is None else reply.body[: reply.send]
        if reply.send is not None or not reply.length:
            self.close_connection = True
        if not reply.trickle:
            self.wfile.write(body)
            return
        for at in range(0, len(body), 50):
            self.wfile.write(body[at : at + 50])
            time.sleep(reply.trickle)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read what was asked from the provider."""


# ------------------------------------------------------------------------------------------------- the scenarios


def _page(request: Request) -> int:
    """The cursor of a list request; -1 for other verbs."""
    if request.get("verb") not in ("ListRecords", "ListIdentifiers"):
        return -1
    return int((request.get("resumptionToken") or "0").split("!")[0])


def _is_records(request: Request) -> bool:
    return request.get("verb") == "ListRecords"


def _is_window(request: Request) -> bool:
    """Is it about a window of time?"""
    token = request.get("resumptionToken", "!!!").split("!")
    return bool(request.get("until") or token[2] or request.get("from", "") or token[1])


def _refused(provider: Provider) -> Reply:
    return Reply(provider.envelope(error("badResumptionToken", "令牌已过期")))


HTML = Reply(b"<!DOCTYPE html><html><body>Maintenance</body></html>", 200, {"Content-Type": "text/html"})


def clean(provider: Provider, request: Request, reply: Reply) -> Reply:
    return reply


def token_refused_once(provider: Provider, request: Request, reply: Reply) -> Reply:
    provider.memory["refused"] += _page(request) == 120
    return _refused(provider) if _page(request) == 120 and provider.memory["refused"] == 1 else reply


def token_expired_list_restarts(provider: Provider, request: Request, reply: Reply) -> Reply:
    provider.memory["refused"] += _page(request) == 120
    return _refused(provider) if _page(request) == 120 and provider.memory["refused"] <= 2 else reply


def token_always_expires(provider: Provider, request: Request, reply: Reply) -> Reply:
    return _refused(provider) if _page(request) >= 120 else reply


def same_token_forever(provider: Provider, request: Request, reply: Reply) -> Reply:
    if _page(request) >= 120:
        return provider.right(request | {"resumptionToken": "60!!!"})
    return reply


def same_token_for_each_page(provider: Provider, request: Request, reply: Reply) -> Reply:
    """Legal: the provider keeps the place on its side."""
    if not _is_records(request):
        return reply
    at = provider.memory["at"]
    provider.memory["at"] += provider.page_size
    right = provider.right({"verb": "ListRecords", "resumptionToken": f"{at}!!!"})
    following = f"{at + provider.page_size}!!!".encode()
    return Reply(right.body.replace(b">" + following + b"<", b">0!!!<"))


def empty_pages_endless(provider: Provider, request: Request, reply: Reply) -> Reply:
    if _page(request) >= 120:
        token = f"<resumptionToken>{_page(request) + 60}!!!</resumptionToken>"
        return Reply(provider.envelope(f"<ListRecords>{token}</ListRecords>"))
    return reply


def empty_pages_first(provider: Provider, request: Request, reply: Reply) -> Reply:
    if not _is_records(request) or provider.memory["empty"] >= 35:
        return reply
    provider.memory["empty"] += 1
    return Reply(provider.envelope("<ListRecords><resumptionToken>0!!!</resumptionToken></ListRecords>"))


def extra_token_then_error(provider: Provider, request: Request, reply: Reply) -> Reply:
    last = len(provider.entries)
    if _page(request) == last:
        return Reply(b"Internal Server Error", 500)
    return Reply(reply.body.replace(b"></resumptionToken>", f">{last}!!!</resumptionToken>".encode()))


def extra_token_then_no_records(provider: Provider, request: Request, reply: Reply) -> Reply:
    last = len(provider.entries)
    if _page(request) == last:
        return Reply(provider.envelope(error("noRecordsMatch", "")))
    return Reply(reply.body.replace(b"></resumptionToken>", f">{last}!!!</resumptionToken>".encode()))


def token_lost(provider: Provider, request: Request, reply: Reply) -> Reply:
    if _page(request) != 60:
        return reply
    return Reply(reply.body[: reply.body.index(b"<resumptionToken")] + b"</ListRecords></OAI-PMH>")


def pages_overlap(provider: Provider, request: Request, reply: Reply) -> Reply:
    at = _page(request)
    return provider.right(request | {"resumptionToken": f"{at - 7}!!!"}) if at == 120 else reply


def php_notice_behind(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.body += b"\n<br />\n<b>Notice</b>: Undefined index: 'set' in oai.php on line 12"
    return reply


def blank_lines_before(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.body = b"\n\n" + reply.body
    return reply


def breaks_off_once(provider: Provider, request: Request, reply: Reply) -> Reply:
    if _page(request) == 120 and not provider.memory["broken"]:
        provider.memory["broken"] = 1
        reply.send = len(reply.body) // 2
    return reply


def breaks_off_always(provider: Provider, request: Request, reply: Reply) -> Reply:
    """Without a length, so that only the XML tells; a window that leaves record 130 out is whole."""
    if b"oai:lib.test:000130" in reply.body and request["verb"] != "ListIdentifiers":
        reply.body = reply.body[: reply.body.index(b"oai:lib.test:000130")]
        reply.length = False
    return reply


def one_record_is_poison(provider: Provider, request: Request, reply: Reply) -> Reply:
    """No page with it can be had, in whatever way."""
    if b"oai:lib.test:000130" in reply.body and request["verb"] != "ListIdentifiers":
        return Reply(b"<html>Fatal error</html>", 500)
    return reply


def one_page_fails(provider: Provider, request: Request, reply: Reply) -> Reply:
    return Reply(b"Out of memory", 500) if _page(request) == 120 and not _is_window(request) else reply


def html_in_the_middle(provider: Provider, request: Request, reply: Reply) -> Reply:
    return HTML if provider.requests[-1].get("resumptionToken") else reply


def html_everywhere(provider: Provider, request: Request, reply: Reply) -> Reply:
    return HTML


def errors_come_with_422(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.status = 422 if b"<error" in reply.body else 200
    return reply


def busy_for_two_seconds(provider: Provider, request: Request, reply: Reply) -> Reply:
    provider.memory["asked"] += _page(request) == 60
    if _page(request) == 60 and provider.memory["asked"] == 1:
        return Reply(b"busy", 503, {"Retry-After": "2"})
    return reply


def busy_until_a_date(provider: Provider, request: Request, reply: Reply) -> Reply:
    provider.memory["asked"] += _page(request) == 60
    if _page(request) == 60 and provider.memory["asked"] == 1:
        return Reply(b"busy", 503, {"Retry-After": formatdate(time.time() + 30, usegmt=True)})
    return reply


def busy_for_a_day(provider: Provider, request: Request, reply: Reply) -> Reply:
    return Reply(b"busy", 503, {"Retry-After": "86400"}) if _page(request) == 60 else reply


def too_many_requests(provider: Provider, request: Request, reply: Reply) -> Reply:
    provider.memory["asked"] += _page(request) == 60
    return Reply(b"slow down", 429, {}) if _page(request) == 60 and provider.memory["asked"] <= 2 else reply


def trickles(provider: Provider, request: Request, reply: Reply) -> Reply:
    if _page(request) == 60 and not _is_window(request):
        reply.trickle = 0.1
    return reply


def forbidden(provider: Provider, request: Request, reply: Reply) -> Reply:
    return Reply(b"Forbidden", 403) if _is_records(request) else reply


def line_drops_once(provider: Provider, request: Request, reply: Reply) -> Reply:
    if _page(request) == 60 and not provider.memory["dropped"]:
        provider.memory["dropped"] = 1
        return Reply(b"", drop=True)
    return reply


def packed_without_saying(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.body = gzip.compress(reply.body)
    return reply


def says_packed_but_plain(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.headers["Content-Encoding"] = "gzip"
    return reply


def packed_tail_cut_once(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.headers["Content-Encoding"] = "gzip"
    packed = gzip.compress(reply.body)
    cut = _page(request) == 60 and not provider.memory["cut"]
    provider.memory["cut"] += cut
    reply.body = packed[:-6] if cut else packed
    return reply


def false_http_charset(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.headers["Content-Type"] = "text/xml; charset=iso-8859-1"
    return reply


def declared_gb18030(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.body = reply.body.decode().replace('encoding="UTF-8"', 'encoding="GB18030"').encode("gb18030")
    return reply


def no_namespace(provider: Provider, request: Request, reply: Reply) -> Reply:
    reply.body = reply.body.replace(f' xmlns="{OAI}"'.encode(), b"")
    return reply


def empty_error_code(provider: Provider, request: Request, reply: Reply) -> Reply:
    return Reply(provider.envelope(error("", ""))) if _is_records(request) else reply


def external_entity(provider: Provider, request: Request, reply: Reply) -> Reply:
    doctype = b'?>\n<!DOCTYPE OAI-PMH [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    reply.body = reply.body.replace(b"?>\n", doctype, 1)
    return reply


SCENARIOS: dict[str, Scenario] = {
    made.__name__: made
    for made in (
        clean, token_refused_once, token_expired_list_restarts, token_always_expires, same_token_forever,
        same_token_for_each_page, empty_pages_endless, empty_pages_first, extra_token_then_error,
        extra_token_then_no_records, token_lost, pages_overlap, php_notice_behind, blank_lines_before, breaks_off_once,
        breaks_off_always, one_record_is_poison, one_page_fails, html_in_the_middle, html_everywhere,
        errors_come_with_422, busy_for_two_seconds, busy_until_a_date, busy_for_a_day, too_many_requests, trickles,
        forbidden, line_drops_once, packed_without_saying, says_packed_but_plain, packed_tail_cut_once,
        false_http_charset, declared_gb18030, no_namespace, empty_error_code, external_entity,
    )
}  # fmt: skip


def seeded(seed: int, rate: float) -> Scenario:
    """Random faults in random answers; the same seed makes the same ones."""
    dice = random.Random(seed)

    def fault(provider: Provider, request: Request, reply: Reply) -> Reply:
        if request["verb"] == "Identify" or dice.random() >= rate:
            return reply
        kind = dice.choice(("500", "503", "cut", "torn", "drop", "html", "token", "notice", "byte", "packed", "empty"))
        provider.memory[kind] += 1
        if kind == "500":
            return Reply(b"oops", 500)
        if kind == "503":
            return Reply(b"busy", 503, {"Retry-After": "0"})
        if kind == "cut":
            reply.send = dice.randrange(len(reply.body))
        elif kind == "torn":
            reply.body, reply.length = reply.body[: dice.randrange(len(reply.body))], False
        elif kind == "drop":
            reply.drop = True
        elif kind == "html":
            return HTML
        elif kind == "token" and request.get("resumptionToken"):
            return _refused(provider)
        elif kind == "notice":
            return php_notice_behind(provider, request, reply)
        elif kind == "byte":
            reply.body = reply.body.replace("第".encode(), b"\xff", 1)
        elif kind == "packed":
            reply.body = gzip.compress(reply.body)[: -dice.randrange(1, 20)]
        elif kind == "empty":
            reply.body = b""
        return reply

    return fault
