"""A third-party OAI-PMH provider (PyPI `oaipmh`) over a built sample consortium, in its own process.

    python -m tongcang.sample.provider FOLDER [--port 0] [--host 127.0.0.1] [--batch 200]

Each archive `FOLDER/oai/NAME.records` is a repository at `/oai/NAME`. Once ready it prints one line of JSON with the
chosen port; it ends on SIGTERM, or when the process that started it has ended. It listens on the loopback only.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from lxml import etree
from oaipmh import common, error
from oaipmh.metadata import MetadataRegistry
from oaipmh.server import BatchingServer

from tongcang.sample import SAMPLE_NOTICE_EN, SAMPLE_NOTICE_ZH
from tongcang.sample.archive import Archive, version_of

_FORMATS = {
    "marcxml": ("http://www.loc.gov/standards/marcxml/schema/MARC21slim.xsd", "http://www.loc.gov/MARC21/slim"),
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", "http://www.openarchives.org/OAI/2.0/oai_dc/"),
}
_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_EARLIEST = datetime(2015, 1, 1)


class Repository:
    """One library's archive behind the interface that oaipmh's BatchingServer asks for (its names, not ours)."""

    def __init__(self, path: Path, base_url: str) -> None:
        self._path = path
        self._base_url = base_url
        self._archive = Archive(path)

    def refresh(self) -> None:
        """Takes up an archive that was written anew meanwhile. Called at the start of a list, not within."""
        if version_of(self._path) != self._archive.version:
            self._archive = Archive(self._path)

    def identify(self) -> common.Identify:
        return common.Identify(
            repositoryName=f"样例数据 / sample data — {self._archive.description.name}",
            baseURL=self._base_url,
            protocolVersion="2.0",
            adminEmails=["sample@example.org"],
            earliestDatestamp=_EARLIEST,
            deletedRecord="persistent",
            granularity="YYYY-MM-DDThh:mm:ssZ",
            compression=["identity"],
            toolkit_description=False,
        )

    def listMetadataFormats(self, identifier: str | None = None) -> list[tuple[str, str, str]]:  # noqa: N802
        if identifier is not None:
            self._find(identifier)
        prefix = self._archive.description.prefix
        return [(prefix, *_FORMATS[prefix])]

    def listSets(self, cursor: int = 0, batch_size: int = 100) -> list[tuple[str, str, str]]:  # noqa: N802
        sets = [(spec, name, "") for spec, name in self._archive.description.sets.items()]
        return sets[cursor : cursor + batch_size]

    def listIdentifiers(self, **request: Any) -> list[common.Header]:  # noqa: N802
        archive, places = self._page(**request)
        return [_header(archive, place) for place in places]

    def listRecords(self, **request: Any) -> list[tuple[common.Header, bytes, None]]:  # noqa: N802
        archive, places = self._page(**request)
        return [(_header(archive, place), archive.metadata(place), None) for place in places]

    def getRecord(self, metadataPrefix: str, identifier: str) -> tuple[common.Header, bytes, None]:  # noqa: N802, N803
        archive, place = self._find(identifier)
        self._check_prefix(metadataPrefix)
        return _header(archive, place), archive.metadata(place), None

    def _find(self, identifier: str) -> tuple[Archive, int]:
        archive = self._archive
        place = archive.place(identifier)
        if place is None:
            raise error.IdDoesNotExistError(f"no record {identifier} here")
        return archive, place

    def _check_prefix(self, prefix: str) -> None:
        if prefix != self._archive.description.prefix:
            raise error.CannotDisseminateFormatError(f"only {self._archive.description.prefix} is served here")

    def _page(
        self,
        metadataPrefix: str,  # noqa: N803
        cursor: int,
        batch_size: int,
        set: str = "",
        from_: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Archive, Iterable[int]]:
        self._check_prefix(metadataPrefix)
        since, last = from_.strftime(_STAMP) if from_ else "", until.strftime(_STAMP) if until else ""
        if since and last and since > last:
            raise error.BadArgumentError("from is later than until")
        archive = self._archive
        return archive, archive.page(cursor, batch_size, since, last, set)


def _header(archive: Archive, place: int) -> common.Header:
    stamp = archive.datestamps[place]
    datestamp = datetime.fromisoformat(stamp.removesuffix("Z"))
    return common.Header(None, archive.identifiers[place], datestamp, archive.sets[place], archive.deleted(place))


def _write_metadata(element: etree._Element, metadata: bytes) -> None:
    element.append(etree.fromstring(metadata))


def application(folder: Path, address: str, batch: int) -> Callable[..., list[bytes]]:
    """The WSGI application over all archives of the folder."""
    registry = MetadataRegistry()
    for prefix in _FORMATS:
        registry.registerWriter(prefix, _write_metadata)
    repositories = {
        path.stem: Repository(path, f"{address}/oai/{path.stem}") for path in sorted(folder.glob("oai/*.records"))
    }
    if not repositories:
        raise SystemExit(f"There is nothing to serve: {folder}/oai holds no *.records. Build the consortium first.")
    servers = {
        name: BatchingServer(repository, registry, resumption_batch_size=batch)
        for name, repository in repositories.items()
    }

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        name = environ["PATH_INFO"].removeprefix("/oai/").rstrip("/")
        if name not in servers:
            body = "\n".join([SAMPLE_NOTICE_ZH, SAMPLE_NOTICE_EN, *(f"{address}/oai/{one}" for one in servers)])
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [body.encode()]
        query = environ["QUERY_STRING"]
        if environ["REQUEST_METHOD"] == "POST":
            query = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        request = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        if "resumptionToken" not in request:
            repositories[name].refresh()
        answer: bytes = servers[name].handleRequest(request)
        start_response("200 OK", [("Content-Type", "text/xml; charset=utf-8"), ("Content-Length", str(len(answer)))])
        return [answer]

    return serve


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """No line per request: stdout is for the one line of JSON."""


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def run(folder: Path, host: str, port: int, batch: int) -> None:
    """Serves until the process is told to end or its parent has gone."""
    server = make_server(host, port, _unready, server_class=_Threaded, handler_class=_Quiet)
    chosen = server.server_port
    server.set_app(application(folder, f"http://{host}:{chosen}", batch))
    parent = os.getppid()

    def end(*_: Any) -> None:
        # shutdown waits for serve_forever, which runs in the thread that takes signals.
        threading.Thread(target=server.shutdown, daemon=True).start()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        server.shutdown()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    threading.Thread(target=watch, daemon=True).start()
    sys.stdout.write(json.dumps({"port": chosen, "address": f"http://{host}:{chosen}"}) + "\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    server.server_close()


def _unready(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("503 Service Unavailable", [("Retry-After", "1")])
    return [b""]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tongcang.sample.provider", description=SAMPLE_NOTICE_EN)
    parser.add_argument("folder", type=Path, help="the folder of a built consortium")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 = any free one")
    parser.add_argument("--batch", type=int, default=200, help="records a page")
    given = parser.parse_args(arguments)
    host = "127.0.0.1" if given.host == "localhost" else given.host
    if not ipaddress.ip_address(host).is_loopback:
        parser.error(f"{host} is not a loopback address; the sample provider serves this machine only")
    try:
        run(given.folder, host, given.port, given.batch)
    except OSError as failure:
        raise SystemExit(f"The sample provider cannot serve at {host}:{given.port}: {failure.strerror}.") from None


if __name__ == "__main__":
    main()
