"""A library that speaks ISO 18626, as a program of its own: it supplies by scenario, and asks when it is told to.

    python iso18626_peer.py --port 0 --version 1.2 --to http://127.0.0.1:8000/iso18626 --when 红楼梦=refuse:NotHeld

It shares no code with the project and builds its messages from its own templates, so that a mistake of ours meets no
twin. What it gets it validates against the schema of its version, where --schemas has it; what is not valid it confirms
with ERROR and does not act on. A request that comes again is confirmed and not begun again; a Retry is filled.

Which scenario a request gets: `scenario=NAME` in its title or in the title of its component, else the first WORD of
--when that stands in either, else --default. NAME, with what its argument is:

fill                    RequestReceived, WillSupply, then CopyCompleted or Loaned
quick                   CopyCompleted or Loaned and nothing before it
backwards               as fill, in the opposite order
ack                     RequestReceived, and nothing more
refuse:REASON           RequestReceived, Unfilled with that reasonUnfilled
silent                  never says anything, not even to a Cancel
unanswered              says nothing, but answers a Cancel with Y
condition:YUAN          RetryPossible, CostExceedsMaxCost; fills the Retry
loan-condition:CODE     RetryPossible, MustMeetLoanCondition; fills the Retry
offer:YUAN              WillSupply at a price; fills on a Notification, stops on a Cancel
retry:SECONDS           RetryPossible, OnLoan, retryAfter in so many seconds; fills the Retry
late                    silent until a Cancel: answers N and supplies
late-yes                silent until a Cancel: answers Y and supplies all the same
duplicate:TIMES         as fill, each message so many times, byte for byte
garbage:TIMES           takes the request, confirms it so often with what is no XML; as fill
drop:TIMES              takes the request, hangs up so often without a confirmation; as fill
http500:TIMES           answers so often with 500 and takes nothing; then as fill
error:TYPE              confirms with ERROR of that errorType
other-id                confirms somebody else's request

GET /seen is all that came and went as JSON. POST /when {WORD: NAME} adds scenarios. POST /ask {id, title, author,
service, s, st} sends a request of this library to the supplier s, with {type: Retry, previous} one that follows
another; POST /act {id, action, note} what it says about it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

NS = "http://illtransactions.org/2013/iso18626"
SCHEMAS = {"1.2": "ISO-18626-v1_2.xsd", "2021-2": "ISO-18626-2021-2.xsd"}

FRAME = {
    "1.2": '<?xml version="1.0" encoding="UTF-8"?>\n<ISO18626Message xmlns="{ns}" xmlns:ill="{ns}" ill:version="1.2">\n'
    "{body}\n</ISO18626Message>\n",
    # Another style on purpose: the namespace of the root is declared twice, the attribute uses the second prefix.
    "2021-2": '<ISO18626Message xmlns="{ns}" xmlns:q="{ns}" q:version="2021-2" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="{ns} http://illtransactions.org/schemas/ISO-18626-2021-2.xsd">{body}</ISO18626Message>',
}
AGENCIES = (
    "<supplyingAgencyId><agencyIdType>{st}</agencyIdType><agencyIdValue>{s}</agencyIdValue></supplyingAgencyId>"
    "<requestingAgencyId><agencyIdType>{rt}</agencyIdType><agencyIdValue>{r}</agencyIdValue></requestingAgencyId>"
)


def clock(version: str, ahead: float = 0) -> str:
    """1.2 tells the local time with its zone, 2021-2 UTC with a fraction."""
    at = datetime.now(UTC) + timedelta(seconds=ahead)
    if version == "1.2":
        return at.astimezone(timezone(timedelta(hours=8))).isoformat(timespec="seconds")
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed(data: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None


class Case:
    """A request that this library has been asked to fill, or has made (`ours`)."""

    def __init__(self, peer: Peer, head: dict[str, str], title: str, service: str, scenario: str) -> None:
        self.peer, self.head, self.title, self.service = peer, head, title, service
        self.name, _, self.argument = scenario.partition(":")
        self.posts = 0
        self.status = "RequestReceived"
        self.own_number = f"S-{len(peer.cases) + 1}"

    def header(self) -> str:
        version, head = self.peer.version, {key: escape(value) for key, value in self.head.items()}
        multiple = "<multipleItemRequestId></multipleItemRequestId>" if version == "1.2" else ""
        return (
            f"<header>{AGENCIES.format(**head)}{multiple}<timestamp>{clock(version)}</timestamp>"
            f"<requestingAgencyRequestId>{head['id']}</requestingAgencyRequestId>"
            f"<supplyingAgencyRequestId>{self.own_number}</supplyingAgencyRequestId></header>"
        )

    def say(self, status: str, reason: str = "StatusChange", info: str = "", times: int = 1, **more: str) -> None:
        """Send a supplyingAgencyMessage. `info` stands in messageInfo; cost, after: what the version has elsewhere."""
        self.status = status
        version, now = self.peer.version, clock(self.peer.version)
        moved = self.offer(more.get("cost", ""), more.get("condition", ""), more.get("after", ""))
        if version == "1.2":
            info, moved = info + moved, ""
        body = (
            f"<supplyingAgencyMessage>{self.header()}"
            f"<messageInfo><reasonForMessage>{reason}</reasonForMessage>{info}</messageInfo>"
            f"<statusInfo><status>{status}</status>{more.get('due', '')}<lastChange>{now}</lastChange></statusInfo>"
            f"{moved}{more.get('delivery', '')}</supplyingAgencyMessage>"
        )
        data = FRAME[version].format(ns=NS, body=body).encode()
        for _ in range(times):
            self.peer.post(data, {"id": self.head["id"], "status": status, "reason": reason})

    def offer(self, cost: str, condition: str, after: str) -> str:
        """Costs, conditions and dates of a retry: in messageInfo (1.2, which has no conditions) or in retryInfo."""
        price = f"<currencyCode>CNY</currencyCode><monetaryValue>{cost}</monetaryValue>"
        parts = f"<offeredCosts>{price}</offeredCosts>" if cost else ""
        date = f"<retryAfter>{after}</retryAfter>" if after else ""
        if self.peer.version == "1.2":
            return parts + date
        parts = (f"<loanCondition>{condition}</loanCondition>" if condition else "") + parts + date
        return f"<retryInfo>{parts}</retryInfo>" if parts else ""

    def supply(self, times: int = 1) -> None:
        version, lend = self.peer.version, self.service == "Loan"
        names = ("sentVia", "deliveredFormat") if version == "1.2" else ("deliveryMethod", "itemFormat")
        via, form = ("Mail", "Printed") if lend else ("Email", "PDF")
        delivery = (
            f"<deliveryInfo><dateSent>{clock(version)}</dateSent><itemId>条码-{self.own_number}</itemId>"
            f"<{names[0]}>{via}</{names[0]}><{names[1]}>{form}</{names[1]}>"
            "<deliveryCosts><currencyCode>CNY</currencyCode><monetaryValue>6.00</monetaryValue></deliveryCosts>"
            "</deliveryInfo>"
        )
        due = f"<dueDate>{clock(version, 30 * 86400)}</dueDate>" if lend else ""
        self.say("Loaned" if lend else "CopyCompleted", delivery=delivery, due=due, times=times)

    def number(self, default: float) -> float:
        return float(self.argument or default)

    def begin(self) -> None:
        """What follows the confirmation of the request."""
        if self.name in ("silent", "unanswered", "late", "late-yes", "error"):
            return
        if self.name == "quick":
            self.supply()
        elif self.name == "backwards":
            self.supply()
            self.say("WillSupply")
            self.say("RequestReceived", "RequestResponse")
        else:
            self.go_through(int(self.number(3)) if self.name == "duplicate" else 1)

    def go_through(self, times: int) -> None:
        self.say("RequestReceived", "RequestResponse", times=times)
        if self.name == "refuse":
            note = "<note>馆藏无此书</note>"
            self.say("Unfilled", info=f"{note}<reasonUnfilled>{self.argument}</reasonUnfilled>")
        elif self.name in ("condition", "loan-condition", "retry"):
            self.hold_back()
        elif self.name == "offer":
            self.say("WillSupply", info="<note>需付费</note>", cost=self.argument or "15.00")
        elif self.name != "ack":
            self.say("WillSupply", times=times)
            self.supply(times)

    def hold_back(self) -> None:
        code, more = {
            "condition": ("CostExceedsMaxCost", {"cost": self.argument or "15.00"}),
            "loan-condition": ("MustMeetLoanCondition", {"condition": self.argument or "LibraryUseOnly"}),
            "retry": ("OnLoan", {"after": clock(self.peer.version, self.number(1) if self.name == "retry" else 0)}),
        }[self.name]
        self.say("RetryPossible", info=f"<note>说明</note><reasonRetry>{code}</reasonRetry>", **more)

    def act(self, action: str) -> None:
        """What a requestingAgencyMessage does to it."""
        if self.name == "silent":
            return
        if action == "Cancel":
            late = self.name in ("late", "late-yes")
            yes = self.name != "late"
            answer = f"<answerYesNo>{'Y' if yes else 'N'}</answerYesNo>"
            self.say("Cancelled" if yes else "WillSupply", "CancelResponse", answer)
            if late:
                self.supply()
        elif action == "Notification" and self.name == "offer":
            self.supply()
        elif action == "StatusRequest":
            self.say(self.status, "StatusRequestResponse")
        elif action == "ShippedReturn":
            self.say("LoanCompleted")


class Peer:
    def __init__(self, version: str, to: str, default: str, when: dict[str, str], schemas: Path | None, pause: float):
        self.version, self.to, self.default, self.when, self.pause = version, to, default, when, pause
        self.schema = None
        if schemas and (schemas / SCHEMAS[version]).is_file():
            self.schema = etree.XMLSchema(etree.parse(schemas / SCHEMAS[version]))
        self.key = ""
        self.cases: dict[str, Case] = {}
        self.received: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    def post(self, data: bytes, about: dict[str, Any]) -> None:
        """Send, and again while the other side is down; what it answered is recorded."""
        time.sleep(self.pause)
        entry = about | {"http": 0, "ok": None, "valid": None, "answer": "", "xml": data.decode()}
        with self.lock:
            self.sent.append(entry)
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        asking = urllib.request.Request(self.to, data, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(50):
            try:
                with opener.open(asking, timeout=10) as reply:
                    entry["http"], answer = reply.status, reply.read()
                break
            except urllib.error.HTTPError as error:
                entry["http"], answer = error.code, error.read()
                if error.code < 500:
                    break
            except OSError:
                answer = b""
            time.sleep(0.2)
        entry["answer"] = answer.decode("utf-8", "replace")
        entry["valid"] = self.valid(parsed(answer))[0]
        entry["ok"] = b">OK<" in answer  # last: whoever waits for it finds the rest

    def valid(self, root: etree._Element | None) -> tuple[bool | None, list[str]]:
        """By the schema; None = it is not there to ask."""
        if root is None:
            return False, ["no well-formed XML"]
        if self.schema is None:
            return None, []
        with self.lock:
            return self.schema.validate(root), [str(each) for each in self.schema.error_log]

    def scenario(self, titles: str) -> str:
        if told := re.search(r"scenario=([\w:.-]+)", titles):
            return told[1]
        return next((name for word, name in self.when.items() if word in titles), self.default)

    def take(self, data: bytes) -> tuple[int, bytes] | None:
        """What the POST of a message is answered with; None = the connection is closed."""
        root = parsed(data)
        valid, errors = self.valid(root)
        entry: dict[str, Any] = {"valid": valid, "errors": errors, "xml": data.decode("utf-8", "replace"), "as": ""}
        with self.lock:
            self.received.append(entry)
        if root is None:
            return 400, b"no XML"

        def text(path: str) -> str:
            assert root is not None
            return str(root.findtext("/".join(f"{{{NS}}}{step}" for step in path.split("/"))) or "")

        kind = etree.QName(root[0]).localname
        head = {"id": text(f"{kind}/header/requestingAgencyRequestId"), "at": text(f"{kind}/header/timestamp")}
        for short, agency in (("s", "supplyingAgencyId"), ("r", "requestingAgencyId")):
            head[f"{short}t"] = text(f"{kind}/header/{agency}/agencyIdType")
            head[short] = text(f"{kind}/header/{agency}/agencyIdValue")
        told = {"action": text(f"{kind}/action"), "status": text(f"{kind}/statusInfo/status")}
        entry |= {"kind": kind, "id": head["id"], **{key: value for key, value in told.items() if value}}
        if valid is False:
            return 200, self.confirmation(kind, head, told, "BadlyFormedMessage", entry)
        if kind == "requestingAgencyMessage":
            return self.acted(head, told, entry)
        if kind != "request":
            return 200, self.confirmation(kind, head, told, "", entry)
        bib = f"{kind}/bibliographicInfo"
        entry["title"] = text(f"{bib}/title")
        entry["requestType"] = text(f"{kind}/serviceInfo/requestType")
        return self.requested(head, entry, text(f"{bib}/titleOfComponent"), text(f"{kind}/serviceInfo/serviceType"))

    def requested(
        self, head: dict[str, str], entry: dict[str, Any], component: str, service: str
    ) -> tuple[int, bytes] | None:
        scenario = "fill" if entry["requestType"] == "Retry" else self.scenario(entry["title"] + " " + component)
        with self.lock:
            new = head["id"] not in self.cases
            case = self.cases.setdefault(head["id"], Case(self, head, entry["title"], service, scenario))
            case.posts += 1
        first_times = case.posts <= case.number(1) if case.name in ("garbage", "drop", "http500") else False
        if first_times and case.name == "http500":
            entry["as"] = "500"
            return 500, "暂时无法处理".encode()
        if new or (case.name == "http500" and case.posts == case.number(1) + 1):
            threading.Thread(target=case.begin, daemon=True).start()
        if first_times:
            entry["as"] = case.name
            return None if case.name == "drop" else (200, "这不是 XML <".encode())
        if case.name == "other-id":
            return 200, self.confirmation("request", head | {"id": "别人的-1"}, {}, "", entry)
        error = (case.argument or "UnrecognisedDataValue") if case.name == "error" else ""
        return 200, self.confirmation("request", head, {}, error, entry)

    def acted(self, head: dict[str, str], told: dict[str, str], entry: dict[str, Any]) -> tuple[int, bytes]:
        case = self.cases.get(head["id"])
        if case is None:
            return 200, self.confirmation("requestingAgencyMessage", head, told, "UnrecognisedDataValue", entry)
        threading.Thread(target=case.act, args=(told["action"],), daemon=True).start()
        return 200, self.confirmation("requestingAgencyMessage", head, told, "", entry)

    def confirmation(
        self, kind: str, head: dict[str, str], told: dict[str, str], error: str, entry: dict[str, Any]
    ) -> bytes:
        entry["as"] = error or "OK"
        safe = {key: escape(value) for key, value in head.items()}
        what = f"<action>{told['action']}</action>" if told.get("action") else ""
        errors = f"<errorData><errorType>{error}</errorType><errorValue>不认</errorValue></errorData>" if error else ""
        body = (
            f"<{kind}Confirmation><confirmationHeader>{AGENCIES.format(**safe)}<timestamp>{safe['at']}</timestamp>"
            f"<requestingAgencyRequestId>{safe['id']}</requestingAgencyRequestId>"
            f"<timestampReceived>{clock(self.version)}</timestampReceived>"
            f"<messageStatus>{'ERROR' if error else 'OK'}</messageStatus></confirmationHeader>{what}{errors}"
            f"</{kind}Confirmation>"
        )
        return FRAME[self.version].format(ns=NS, body=body).encode()

    def ask(self, told: dict[str, str]) -> None:
        """Send a request of this library's own. `told`: id, title, service, and st, s, rt, r: the agencies."""
        head = {"st": "BALIS", "s": "RUC", "rt": "LOCAL", "r": "PEER", **told}
        case = self.cases.setdefault(told["id"], Case(self, head, told["title"], told.get("service", "Copy"), "silent"))
        header = re.sub("<supplyingAgencyRequestId>.*</supplyingAgencyRequestId>", "", case.header())
        name = "requestingAgencyPreviousRequestId"
        previous = f"<{name}>{escape(told['previous'])}</{name}>" if told.get("previous") else ""
        author = f"<author>{escape(told['author'])}</author>" if told.get("author") else ""
        body = (
            f"<request>{header}<bibliographicInfo><title>{escape(case.title)}</title>{author}</bibliographicInfo>"
            f"<serviceInfo><requestType>{told.get('type', 'New')}</requestType>{previous}"
            f"<serviceType>{case.service}</serviceType></serviceInfo></request>"
        )
        self.post(FRAME[self.version].format(ns=NS, body=body).encode(), {"id": told["id"], "status": "request"})

    def tell(self, told: dict[str, str]) -> None:
        """Send a requestingAgencyMessage about such a request. `told`: id, action, note."""
        header = re.sub("<supplying(AgencyRequestId)>.*</supplying\\1>", "", self.cases[told["id"]].header())
        note = f"<note>{escape(told['note'])}</note>" if told.get("note") else ""
        body = f"<requestingAgencyMessage>{header}<action>{told['action']}</action>{note}</requestingAgencyMessage>"
        self.post(FRAME[self.version].format(ns=NS, body=body).encode(), {"id": told["id"], "status": told["action"]})


class Handler(BaseHTTPRequestHandler):
    peer: Peer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with self.peer.lock:
            both = {name: [dict(each) for each in getattr(self.peer, name)] for name in ("received", "sent")}
            seen = {"version": self.peer.version, **both}
            data = json.dumps(seen if self.path == "/seen" else {"status": "ok"}, ensure_ascii=False).encode()
        self.answer(200, data, "application/json")

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        order = {"/when": self.peer.when.update, "/ask": self.peer.ask, "/act": self.peer.tell}.get(self.path)
        if order:
            order(json.loads(data))
            return self.answer(200, b"{}", "application/json")
        reply = self.peer.take(data)
        if reply is None:
            self.close_connection = True
            return self.connection.close()
        return self.answer(*reply, "application/xml; charset=utf-8")

    def answer(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """/seen is the log."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--version", choices=list(SCHEMAS), required=True)
    options.add_argument("--to", required=True, help="URL that its own messages are sent to")
    options.add_argument("--when", action="append", default=[], metavar="WORD=NAME")
    options.add_argument("--default", default="fill", metavar="NAME")
    options.add_argument("--schemas", type=Path)
    options.add_argument("--key", default="", help="API key that its own messages show")
    options.add_argument("--pause", type=float, default=0.02, help="seconds before each message")
    told = options.parse_args()
    when = dict(each.split("=", 1) for each in told.when)
    Handler.peer = Peer(told.version, told.to, told.default, when, told.schemas, told.pause)
    Handler.peer.key = told.key
    server = ThreadingHTTPServer(("127.0.0.1", told.port), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
