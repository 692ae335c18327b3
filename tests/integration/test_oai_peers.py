"""Agreement with software that is not ours, real samples, and random faults."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, make_server

import oaipmh.common
import oaipmh.error
import oaipmh.metadata
import oaipmh.server
import pytest
from lxml import etree
from oai_server import NOW, Entry, OaiServer, Provider, Reply, catalogue, seeded, serving
from sickle import Sickle

from harvester.sources.oai_pmh import OaiPmh, OaiSettings
from harvester.sources.oai_pmh_transport import Manners
from harvester.sources.protocol import Ending, Page, Received, Refused, SourceError


@pytest.fixture(scope="module")
def server() -> Iterator[OaiServer]:
    with serving() as running:
        yield running


def read(url: str, since: str = "", **settings: Any) -> tuple[list[Page], Ending]:
    options: dict[str, Any] = {"url": url, "allow_private": True, "patience": 0.0} | settings
    quiet = Manners(sleep=lambda _: None)
    answers = list(OaiPmh(OaiSettings(**options), sleep=lambda _: None, manners=quiet).pages(since, ""))
    ending = answers[-1]
    assert isinstance(ending, Ending)
    return [answer for answer in answers if isinstance(answer, Page)], ending


def received(pages: list[Page]) -> list[Received]:
    return [event for page in pages for event in page.events if isinstance(event, Received)]


def seen_by_us(pages: list[Page]) -> list[tuple[str, str, bool, tuple[str, ...]]]:
    return [(event.identifier, event.datestamp, event.deleted, event.sets) for event in received(pages)]


def seen_by_sickle(url: str, **arguments: str) -> list[tuple[str, str, bool, tuple[str, ...]]]:
    return [
        (each.header.identifier, each.header.datestamp, each.header.deleted, tuple(each.header.setSpecs))
        for each in Sickle(url).ListRecords(metadataPrefix="marcxml", **arguments)
    ]


# -------------------------------------------------------------------------------------------- a third-party server


class Library:
    """The repository behind the provider of the oaipmh package."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.base_url = ""

    def identify(self) -> Any:
        return oaipmh.common.Identify(
            "首都图书馆示例", self.base_url, "2.0", ["a@lib.test"], datetime(2026, 10, 1), "persistent",
            "YYYY-MM-DDThh:mm:ssZ", ["identity"], toolkit_description=False,
        )  # fmt: skip

    def listRecords(  # noqa: N802
        self,
        metadataPrefix: str,  # noqa: N803
        set: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        cursor: int = 0,
        batch_size: int = 10,
    ) -> list[Any]:
        found = [
            entry
            for entry in self.entries
            if (set is None or set in entry.sets) and (from_ is None or _when(entry) >= from_)
        ]
        return [
            (oaipmh.common.Header(None, e.identifier, _when(e), list(e.sets), e.deleted), e.metadata, None)
            for e in found[cursor : cursor + batch_size]
        ]


def _when(entry: Entry) -> datetime:
    return datetime.strptime(entry.datestamp, "%Y-%m-%dT%H:%M:%SZ")


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def library() -> Iterator[tuple[str, Library]]:
    """Served by oaipmh's BatchingServer, 50 records a page."""
    kept = Library(catalogue(1000))
    registry = oaipmh.metadata.MetadataRegistry()
    registry.registerWriter("marcxml", lambda element, text: element.append(etree.fromstring(text)))
    provider = oaipmh.server.BatchingServer(kept, registry, resumption_batch_size=50)

    def application(environ: Any, start: Any) -> list[bytes]:
        body = provider.handleRequest(dict(parse_qsl(environ["QUERY_STRING"])))
        start("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [body]

    http = make_server("127.0.0.1", 0, application, handler_class=_Silent)
    kept.base_url = f"http://127.0.0.1:{http.server_port}/oai"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept.base_url, kept
    http.shutdown()
    http.server_close()
    thread.join()


def test_the_oaipmh_provider_is_read_whole_and_stock_sickle_agrees(library: tuple[str, Library]) -> None:
    url, kept = library
    pages, ending = read(url)
    assert ending.complete and len(pages) == 20
    assert seen_by_us(pages) == [(e.identifier, e.datestamp, e.deleted, e.sets) for e in kept.entries]
    assert seen_by_us(pages) == seen_by_sickle(url)
    assert sum(event.deleted for event in received(pages)) == 100


def test_sets_and_from_agree_with_stock_sickle(library: tuple[str, Library]) -> None:
    url, _ = library
    pages, ending = read(url, set_spec="guji")
    assert ending.complete and seen_by_us(pages) == seen_by_sickle(url, set="guji")
    assert len(seen_by_us(pages)) == 500
    since = ending.checkpoint.replace(kept_date(ending), "2026-10-12T01:00:00Z")
    later, _ = read(url, set_spec="guji", since=since)
    assert seen_by_us(later) == seen_by_sickle(url, set="guji", **{"from": "2026-10-12T00:00:00Z"})
    assert 0 < len(seen_by_us(later)) < 500


def kept_date(ending: Ending) -> str:
    return ending.checkpoint.split('"response_date":"')[1].split('"')[0]


def test_stock_sickle_agrees_on_the_scripted_control(server: OaiServer) -> None:
    url = server.add(Provider(catalogue(600), page_size=30))
    pages, ending = read(url)
    assert ending.complete and len(pages) == 20
    assert seen_by_us(pages) == seen_by_sickle(url)


def test_metadata_is_the_same_xml_that_was_sent(server: OaiServer) -> None:
    provider = Provider(catalogue(30))
    for event, entry in zip(received(read(server.add(provider))[0]), provider.entries, strict=True):
        if not entry.deleted:
            assert etree.canonicalize(event.data.decode(), exclude_tags=()) == _with_oai_namespace(entry.metadata)


def _with_oai_namespace(text: str) -> str:
    """Standing alone, an element declares what it had from its ancestors."""
    head, rest = text.split(">", 1)
    return str(etree.canonicalize(f'{head} xmlns="http://www.openarchives.org/OAI/2.0/">{rest}'))


# ---------------------------------------------------------------------------------------------------- real samples

WHOLE = {  # events that the page gives; None = there is no list of records in it
    "MITLibraries__oai_pmh_records.xml": None,
    "MITLibraries__record_deleted.xml": None,
    "caseyamcl__BadResponseInvalidRecord.xml": None,
    "caseyamcl__GoodResponseFourPage_4.xml": None,
    "caseyamcl__NamespacedSample.xml": 1,
    "dpla__gpo.xml": None,
    "dpla__oai-page.xml": 10,
    "folio-org__oai-response-1.xml": 4,
    "folio-org__oai-response-2.xml": None,
    "folio-org__oai-response-3.xml": 1,
    "folio-org__oai-response-5.xml": 3,  # two records, and the page, which is not well-formed
    "infrae__fake1_00003.xml": None,
    "infrae__fake1_00005.xml": 16,
    "infrae__fake2_00002.xml": 81,
    "mloesch__GetRecord_utf8test.xml": None,
    "mloesch__ListRecords.xml": 2,
    "mloesch__ListRecords4.xml": 2,  # one without an identifier, which is refused
    "mloesch__undefinedError.xml": None,
    "scrapi_addis_ababa_1.xml": 8,
    "scrapi_sldr_1.xml": 1,
    "scythe_zenodo_cjk_1.xml": 50,
    "traject__oai-pmh-one-record-2.xml": 1,
    "traject__oai-pmh-one-record-first.xml": 1,
    "traject__sample-oai-no-namespace.xml": 10,
    "traject__sample-oai-pmh.xml": 10,
}


def _replay(body: bytes) -> Provider:
    def replay(provider: Provider, request: dict[str, str], reply: Reply) -> Reply:
        if request["verb"] == "Identify":
            return reply
        if request["verb"] == "ListRecords" and "resumptionToken" not in request and "until" not in request:
            return Reply(body)
        return Reply(provider.envelope('<error code="noRecordsMatch"/>'))

    return Provider([], scenario=replay)


@pytest.mark.parametrize("name", WHOLE)
def test_real_pages_give_their_records_or_a_reason(server: OaiServer, samples: Path, name: str) -> None:
    url = server.add(_replay((samples / "oai" / name).read_bytes()))
    local_names = name == "traject__sample-oai-no-namespace.xml"
    events: list[Received | Refused] = []
    ending: Ending | None = None
    said = ""
    try:
        reader = OaiPmh(
            OaiSettings(url, allow_private=True, patience=0.0, local_names=local_names),
            sleep=lambda _: None,
            manners=Manners(sleep=lambda _: None),
        )
        for answer in reader.pages("", ""):
            if isinstance(answer, Page):
                events += answer.events
            else:
                ending = answer
    except SourceError as error:
        said = str(error)
    if WHOLE[name] is not None:
        assert len(events) == WHOLE[name], said
        assert all(event.data or (isinstance(event, Received) and event.deleted) for event in events)
    else:
        assert not [event for event in events if event.identifier]
    broken = [event for event in events if isinstance(event, Refused) and event.code == "page_broken"]
    assert not (broken and ending and ending.complete), "nobody has shown that what was broken came otherwise"
    if ending is None or not ending.complete:
        reason = said or (ending.reason if ending else "")
        assert url in reason and "\n" not in reason


def test_every_sample_is_expected(samples: Path) -> None:
    assert {path.name for path in (samples / "oai").iterdir()} == set(WHOLE)


# --------------------------------------------------------------------------------------------------- random faults


@pytest.mark.parametrize("block", range(8))
def test_random_faults_lose_nothing_in_silence(server: OaiServer, block: int) -> None:
    """Complete means that everything is there; whatever else happens has a reason. Replay a failure by its seed."""
    entries = catalogue(120)
    every = {entry.identifier: entry.deleted for entry in entries}
    complete = faults = 0
    for seed in range(block * 10, block * 10 + 10):
        provider = Provider(entries, page_size=15, scenario=seeded(seed, rate=(0.1, 0.3, 0.6)[seed % 3]))
        url = server.add(provider)
        try:
            pages, ending = read(url, tries=2)
        except SourceError as error:
            assert url in str(error), f"seed {seed}"
            continue
        finally:
            faults += provider.memory.total()
        got = {event.identifier: event.deleted for event in received(pages)}
        assert got.items() <= every.items(), f"seed {seed}"
        if ending.complete:
            complete += 1
            assert got == every, f"seed {seed}"
        else:
            assert url in ending.reason, f"seed {seed}"
    assert faults and complete, "the test has tried nothing"


def test_what_changes_under_an_offset_is_found_again_by_the_overlap(server: OaiServer) -> None:
    """A provider that pages newest first by offset: what is updated meanwhile comes in the next run."""
    provider = Provider(sorted(catalogue(300), key=lambda entry: entry.datestamp, reverse=True))
    url = server.add(provider)
    since, got = "", set()
    reader = OaiPmh(OaiSettings(url, allow_private=True, patience=0.0), manners=Manners())
    for number, answer in enumerate(reader.pages("", "")):
        if isinstance(answer, Ending):
            since = answer.checkpoint
            continue
        got |= {event.identifier for event in answer.events}
        if number == 1:
            for entry in provider.entries[200:230]:
                entry.datestamp = NOW
            provider.entries.sort(key=lambda entry: entry.datestamp, reverse=True)
    assert since
    missed = {entry.identifier for entry in provider.entries} - got
    again = {event.identifier for event in received(read(url, since=since)[0])}
    assert missed and missed <= again
