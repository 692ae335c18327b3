"""OAI-PMH pages replayed from memory: how many records a second become events, against bare requests and lxml.

    python -m bench.oai_replay [records] [page size]

The provider is a process of its own that answers with ready-made bytes, so that what is measured is the reader. All
three read the same pages in one run, in turns; the best of three counts.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from urllib.parse import parse_qs, urlsplit

import requests
from lxml import etree

from harvester.sources.oai_pmh import OaiPmh, OaiSettings
from harvester.sources.protocol import Ending, Page

OAI = "{http://www.openarchives.org/OAI/2.0/}"
ROUNDS = 3
IDENTIFY = (
    "<Identify><repositoryName>回放</repositoryName><baseURL>http://127.0.0.1/oai</baseURL>"
    "<earliestDatestamp>2020-01-01T00:00:00Z</earliestDatestamp><deletedRecord>persistent</deletedRecord>"
    "<granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify>"
)


def envelope(inner: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f"<responseDate>2026-11-20T03:00:00Z</responseDate><request>http://127.0.0.1/oai</request>{inner}</OAI-PMH>"
    ).encode()


def record(number: int) -> str:
    """About 5 KB, as MARCXML of a book with its items is."""
    fields = "".join(
        f'<marc:datafield tag="{500 + tag}" ind1=" " ind2=" "><marc:subfield code="a">红楼梦研究 第{number}卷 注释'
        f'</marc:subfield><marc:subfield code="b">曹雪芹著；脂砚斋评 {tag}</marc:subfield></marc:datafield>'
        for tag in range(27)
    )
    return (
        f"<record><header><identifier>oai:replay:{number}</identifier><datestamp>2026-01-01T00:00:00Z</datestamp>"
        '<setSpec>guji</setSpec></header><metadata><marc:record xmlns:marc="http://www.loc.gov/MARC21/slim">'
        f'<marc:leader>00000nam a2200000 a 4500</marc:leader><marc:controlfield tag="001">{number}'
        f"</marc:controlfield>{fields}</marc:record></metadata></record>"
    )


def serve(count: int, size: int, told: Connection) -> None:
    """Runs in a process of its own until it is ended."""
    starts = range(0, count, size)
    pages = []
    for number, start in enumerate(starts):
        inner = "".join(record(at) for at in range(start, min(start + size, count)))
        token = str(number + 1) if number + 1 < len(starts) else ""
        ending = f'<resumptionToken completeListSize="{count}">{token}</resumptionToken>'
        pages.append(envelope(f"<ListRecords>{inner}{ending}</ListRecords>"))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            is_list = query["verb"] == ["ListRecords"]
            body = pages[int(query.get("resumptionToken", ["0"])[0])] if is_list else envelope(IDENTIFY)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Not a word for each request."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told.send((server.server_port, sum(map(len, pages))))
    server.serve_forever()


def bare_bytes(url: str) -> int:
    """requests alone: the bytes of each page; the token is cut out of them."""
    session, token, pages = requests.Session(), "", 0
    while token or not pages:
        params = {"verb": "ListRecords"} | ({"resumptionToken": token} if token else {})
        body = session.get(url, params=params, timeout=60).content
        token = body[-200:].decode(errors="replace").rpartition("</resumptionToken>")[0].rpartition(">")[2]
        pages += 1
    session.close()
    return pages


def bare_lxml(url: str) -> int:
    """requests, and lxml.etree.fromstring of each page: no record is taken out of it."""
    session, token, count = requests.Session(), "", 0
    while token or not count:
        params = {"verb": "ListRecords"} | ({"resumptionToken": token} if token else {})
        root = etree.fromstring(session.get(url, params=params, timeout=60).content)
        count += len(root.findall(f"{OAI}ListRecords/{OAI}record"))
        token = root.findtext(f"{OAI}ListRecords/{OAI}resumptionToken") or ""
    session.close()
    return count


def ours(url: str) -> int:
    """The reader as a run uses it: every record as an event."""
    count = 0
    for answer in OaiPmh(OaiSettings(url, allow_private=True, patience=0.0)).pages("", ""):
        if isinstance(answer, Page):
            count += len(answer.events)
        elif isinstance(answer, Ending) and not answer.complete:
            raise SystemExit(f"the harvest is not complete: {answer.reason}")
    return count


def main(count: int = 20_000, size: int = 100) -> None:
    context = multiprocessing.get_context("spawn")
    hear, tell = context.Pipe(duplex=False)
    server = context.Process(target=serve, args=(count, size, tell), daemon=True)
    server.start()
    port, total = hear.recv()
    url = f"http://127.0.0.1:{port}/oai"
    readers: list[tuple[str, Callable[[str], int]]] = [
        ("requests, bytes only", bare_bytes),
        ("requests + lxml", bare_lxml),
        ("OaiPmh, to events", ours),
    ]
    best = dict.fromkeys((name for name, _ in readers), float("inf"))
    for _ in range(ROUNDS):
        for name, reader in readers:
            begun = time.perf_counter()
            reader(url)
            best[name] = min(best[name], time.perf_counter() - begun)
    server.terminate()
    server.join()
    print(f"{count} records, {total / count:.0f} bytes each, {size} a page, best of {ROUNDS}")
    for name, seconds in best.items():
        print(f"{name:22} {count / seconds:9,.0f} records/s")
    print(f"ratio to requests + lxml: {best['requests + lxml'] / best['OaiPmh, to events']:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
