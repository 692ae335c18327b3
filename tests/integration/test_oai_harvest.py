"""OAI-PMH over real HTTP: each fault that providers are known for, beside a clean control."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import oai_server
import pytest
from oai_server import SCENARIOS, Entry, OaiServer, Provider, catalogue, marc, serving

from harvester.sources.oai_pmh import OaiPmh, OaiSettings
from harvester.sources.oai_pmh_transport import Manners
from harvester.sources.protocol import Ending, Page, Received, Refused, SourceError

COUNT = 300


@pytest.fixture(scope="module")
def server() -> Iterator[OaiServer]:
    with serving() as running:
        yield running


class Harvested:
    """What a harvest brought."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.ending: Ending | None = None
        self.error = ""
        self.slept: list[float] = []

    @property
    def events(self) -> list[Received | Refused]:
        return [event for page in self.pages for event in page.events]

    @property
    def live(self) -> set[str]:
        return {event.identifier for event in self.events if isinstance(event, Received) and not event.deleted}

    @property
    def deleted(self) -> set[str]:
        return {event.identifier for event in self.events if isinstance(event, Received) and event.deleted}

    @property
    def refused(self) -> list[Refused]:
        return [event for event in self.events if isinstance(event, Refused)]

    @property
    def flags(self) -> set[str]:
        return {flag for event in self.events if isinstance(event, Received) for flag in event.flags}

    @property
    def notes(self) -> str:
        return "; ".join(page.note for page in self.pages if page.note)

    @property
    def complete(self) -> bool:
        return self.ending is not None and self.ending.complete


def harvest(url: str, since: str = "", resume: str = "", stop: int = 0, **settings: object) -> Harvested:
    """One run; `stop`: as if it were killed behind so many pages."""
    harvested = Harvested()
    options: dict[str, object] = {"url": url, "allow_private": True, "patience": 0.0}
    reader = OaiPmh(
        OaiSettings(**(options | settings)), sleep=harvested.slept.append, manners=Manners(sleep=lambda _: None)
    )  # type: ignore[arg-type]
    pages = reader.pages(since, resume)
    try:
        for answer in pages:
            if isinstance(answer, Ending):
                harvested.ending = answer
            else:
                harvested.pages.append(answer)
            if len(harvested.pages) == stop:
                break
    except SourceError as error:
        harvested.error = str(error)
    finally:
        pages.close()  # type: ignore[attr-defined]
    return harvested


def expected(entries: list[Entry]) -> tuple[set[str], set[str]]:
    return (
        {entry.identifier for entry in entries if not entry.deleted},
        {entry.identifier for entry in entries if entry.deleted},
    )


@pytest.fixture
def run(server: OaiServer) -> Callable[..., tuple[Harvested, Provider]]:
    def run(name: str, **settings: object) -> tuple[Harvested, Provider]:
        provider = Provider(catalogue(COUNT), scenario=SCENARIOS[name])
        return harvest(server.add(provider), **settings), provider

    return run


Run = Callable[..., tuple[Harvested, Provider]]

# Whatever these send, everything arrives and the run says so.
SURVIVED = [
    "clean", "token_refused_once", "token_expired_list_restarts", "token_always_expires", "same_token_for_each_page",
    "empty_pages_first", "extra_token_then_error", "extra_token_then_no_records", "pages_overlap", "php_notice_behind",
    "blank_lines_before", "breaks_off_once", "one_page_fails", "errors_come_with_422", "busy_for_two_seconds",
    "busy_until_a_date", "too_many_requests", "line_drops_once", "packed_without_saying", "says_packed_but_plain",
    "packed_tail_cut_once", "false_http_charset", "declared_gb18030",
]  # fmt: skip
# With these something is lacking, and the run says so.
INCOMPLETE = {
    "same_token_forever": "repeats itself",
    "empty_pages_endless": "in a row were empty",
    "token_lost": "ended after 120 records, but promised 300",
    "one_record_is_poison": "1 records can't be fetched (oai:lib.test:000130)",
    "breaks_off_always": "1 records can't be fetched (oai:lib.test:000130)",
}
# These end the run with a sentence.
ENDED = {
    "html_everywhere": "answers with an HTML page",
    "html_in_the_middle": "",
    "busy_for_a_day": "not before",
    "forbidden": "HTTP 403 Forbidden",
    "no_namespace": "set local_names",
    "empty_error_code": "refuses the list (unknown)",
    "external_entity": "DOCTYPE",
}


def test_every_scenario_is_expected_somewhere() -> None:
    assert {*SURVIVED, *INCOMPLETE, *ENDED, "trickles"} == set(SCENARIOS)


@pytest.mark.parametrize("name", SURVIVED)
def test_all_records_survive(run: Run, name: str) -> None:
    harvested, provider = run(name)
    live, deleted = expected(provider.entries)
    assert harvested.error == ""
    assert harvested.ending is not None and harvested.ending.complete, harvested.ending
    assert (harvested.live, harvested.deleted) == (live, deleted)
    assert harvested.ending.checkpoint
    assert not harvested.refused


@pytest.mark.parametrize("name", INCOMPLETE)
def test_what_is_lacking_is_told(run: Run, name: str) -> None:
    harvested, provider = run(name)
    assert harvested.error == ""
    assert harvested.ending is not None and not harvested.ending.complete
    assert not harvested.ending.checkpoint
    assert INCOMPLETE[name] in harvested.ending.reason
    assert harvested.live <= expected(provider.entries)[0]


@pytest.mark.parametrize("name", [name for name in ENDED if name != "html_in_the_middle"])
def test_a_sentence_ends_the_run(run: Run, name: str) -> None:
    harvested, provider = run(name)
    assert harvested.ending is None
    assert ENDED[name] in harvested.error
    assert provider.base_url in harvested.error or "127.0.0.1" in harvested.error
    assert "Traceback" not in harvested.error and "\n" not in harvested.error


def test_html_for_each_token_makes_windows_that_fail_too(run: Run) -> None:
    """A window that fits one page is read; all others go on being halved, so all arrives in the end."""
    harvested, provider = run("html_in_the_middle")
    assert harvested.complete
    assert harvested.live == expected(provider.entries)[0]
    assert "windows of time" in harvested.notes


def test_poison_is_refused_by_name_and_nothing_else_is_lost(run: Run) -> None:
    harvested, provider = run("one_record_is_poison")
    assert [(event.code, event.identifier) for event in harvested.refused] == [("not_delivered", "oai:lib.test:000130")]
    assert harvested.live == expected(provider.entries)[0] - {"oai:lib.test:000130"}


def test_a_page_that_breaks_off_gives_its_whole_records_and_keeps_its_bytes(run: Run) -> None:
    harvested, provider = run("breaks_off_always")
    broken = next(event for event in harvested.refused if event.code == "page_broken")
    assert b"oai:lib.test:000129" in broken.data and b"oai:lib.test:000131" not in broken.data
    salvaged = next(page for page in harvested.pages if broken in page.events)
    assert len(salvaged.events) == 10 + 1
    assert harvested.live == expected(provider.entries)[0] - {"oai:lib.test:000130"}


def test_extra_token_without_a_promised_size_stays_partial(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT), scenario=SCENARIOS["extra_token_then_no_records"])
    provider.size_told = False
    provider.final_token = "empty"
    provider.scenario = _extra_token_without_size
    harvested = harvest(server.add(provider))
    assert not harvested.complete
    assert harvested.live == expected(provider.entries)[0]


def _extra_token_without_size(provider: Provider, request: dict[str, str], reply: oai_server.Reply) -> oai_server.Reply:
    if (request.get("resumptionToken") or "").startswith("300!"):
        return oai_server.Reply(provider.envelope(oai_server.error("noRecordsMatch", "")))
    reply.body = reply.body.replace(b"<resumptionToken></", b"<resumptionToken>300!!!</")
    return reply


@pytest.mark.parametrize("final", ["empty", "absent", "blank"])
def test_each_form_of_the_last_token_ends_the_list(server: OaiServer, final: str) -> None:
    provider = Provider(catalogue(COUNT))
    provider.final_token = final
    harvested = harvest(server.add(provider))
    assert harvested.complete and len(harvested.pages) == 5


def test_events_carry_what_the_source_sent(run: Run) -> None:
    harvested, provider = run("clean")
    event = harvested.events[6]
    entry = provider.entries[6]
    assert isinstance(event, Received)
    assert (event.identifier, event.datestamp, event.sets, event.format) == (
        entry.identifier, entry.datestamp, ("guji", "xueke"), "marcxml",
    )  # fmt: skip
    assert "茶经 第6卷" in event.data.decode()
    assert event.data.startswith(b"<marc:record") and b"xmlns:marc=" in event.data
    assert harvested.pages[0].promised == COUNT
    assert not event.flags


def test_only_the_set_is_harvested(run: Run) -> None:
    harvested, provider = run("clean", set_spec="xueke")
    assert harvested.complete
    assert harvested.live == expected([entry for entry in provider.entries if "xueke" in entry.sets])[0]


# ------------------------------------------------------------------------------------------- incremental harvests


def test_an_incremental_harvest_goes_back_an_hour_behind_the_first_response_date(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT))
    url = server.add(provider)
    first = harvest(url)
    assert first.ending is not None
    provider.entries.append(Entry("oai:lib.test:new", "2026-11-20T02:30:00Z", marc(999, "新书")))
    provider.entries.append(Entry("oai:lib.test:older", "2026-11-20T01:59:59Z", marc(998)))
    provider.now = "2026-11-21T03:00:00Z"
    second = harvest(url, since=first.ending.checkpoint)
    assert provider.requests[-1]["from"] == "2026-11-20T02:00:00Z"
    assert second.live == {"oai:lib.test:new"} and second.complete
    assert "until" not in provider.requests[-1]


def test_nothing_new_is_a_complete_run_with_a_new_checkpoint(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT))
    url = server.add(provider)
    first = harvest(url)
    assert first.ending is not None
    provider.now = "2026-11-22T00:00:00Z"
    second = harvest(url, since=first.ending.checkpoint)
    assert second.ending is not None and second.complete
    assert not second.events and "2026-11-22T00:00:00Z" in second.ending.checkpoint


def test_nothing_at_all_is_not_complete(server: OaiServer) -> None:
    harvested = harvest(server.add(Provider([])))
    assert not harvested.complete and harvested.ending is not None
    assert "no records" in harvested.ending.reason


def test_a_day_granularity_gets_days_and_goes_back_a_day(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT))
    provider.granularity = "YYYY-MM-DD"
    url = server.add(provider)
    first = harvest(url)
    assert first.ending is not None
    harvest(url, since=first.ending.checkpoint)
    assert provider.requests[-1]["from"] == "2026-11-19"


def test_a_false_granularity_is_learnt_from_bad_argument(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT))
    provider.granularity = "YYYY-MM-DD"
    url = server.add(provider)
    first = harvest(url)
    assert first.ending is not None
    second = harvest(url, since=first.ending.checkpoint, granularity="seconds")
    assert second.complete
    assert [request.get("from") for request in provider.requests[-2:]] == ["2026-11-20T02:00:00Z", "2026-11-20"]
    assert "granularity" in second.notes


def test_a_changed_base_url_is_noted(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT))
    url = server.add(provider)
    first = harvest(url)
    assert first.ending is not None
    provider.base_url = "http://moved.lib.test/oai"
    second = harvest(url, since=first.ending.checkpoint)
    assert "baseURL" in second.notes and second.complete


def test_another_set_than_in_the_last_run_is_harvested_whole(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT))
    url = server.add(provider)
    first = harvest(url)
    assert first.ending is not None
    second = harvest(url, since=first.ending.checkpoint, set_spec="guji")
    assert second.live == expected([entry for entry in provider.entries if "guji" in entry.sets])[0]


def test_a_false_earliest_datestamp_hides_nothing(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT), scenario=SCENARIOS["token_always_expires"])
    provider.earliest = "2026-10-15T00:00:00Z"
    harvested = harvest(server.add(provider))
    assert "windows" in harvested.notes
    assert harvested.complete and harvested.live == expected(provider.entries)[0]


# ------------------------------------------------------------------------------------------------------ resuming


@pytest.mark.parametrize("name", ["clean", "token_always_expires", "one_record_is_poison"])
def test_a_run_killed_behind_any_page_ends_like_one_that_was_not(server: OaiServer, name: str) -> None:
    url = server.add(Provider(catalogue(COUNT), scenario=SCENARIOS[name]))
    whole = harvest(url, tries=1)
    assert whole.ending is not None
    for killed in range(1, len(whole.pages) + 1):
        before = harvest(url, tries=1, stop=killed)
        after = harvest(url, tries=1, resume=before.pages[-1].resume)
        assert after.ending == whole.ending
        assert before.live | after.live == whole.live
        assert before.deleted | after.deleted == whole.deleted


def test_a_resumed_run_sends_the_last_token_and_not_the_start(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT))
    url = server.add(provider)
    before = harvest(url, stop=2)
    provider.requests.clear()
    after = harvest(url, resume=before.pages[-1].resume)
    assert [request.get("resumptionToken", "") for request in provider.requests] == ["", "120!!!", "180!!!", "240!!!"]
    assert provider.requests[0]["verb"] == "Identify"
    assert after.complete


def test_a_resume_text_of_something_else_starts_again(server: OaiServer) -> None:
    harvested = harvest(server.add(Provider(catalogue(COUNT))), resume='{"page": 3}')
    assert harvested.complete and len(harvested.pages) == 5 and "starts again" in harvested.notes


# -------------------------------------------------------------------------------------------------- bad metadata


def _with(metadata: str, number: int = 5) -> Provider:
    entries = catalogue(20)
    entries[number].metadata = metadata
    return Provider(entries)


def test_live_record_without_metadata_is_refused_and_is_no_deletion(server: OaiServer) -> None:
    harvested = harvest(server.add(_with("")))
    assert [(event.code, event.identifier) for event in harvested.refused] == [("no_metadata", "oai:lib.test:000005")]
    assert "oai:lib.test:000005" not in harvested.deleted and len(harvested.live) == 17
    assert harvested.complete


def test_unknown_format_is_refused_with_its_bytes(server: OaiServer) -> None:
    harvested = harvest(server.add(_with('<mods xmlns="http://www.loc.gov/mods/v3"><title>史记</title></mods>')))
    (refused,) = harvested.refused
    assert refused.code == "unknown_format" and "史记".encode() in refused.data


@pytest.mark.parametrize(
    ("raw", "text", "flags"),
    [
        (b"\x0b", "\ufffd", {"bytes_replaced"}),
        (b"\xc3\x28", "\ufffd(", {"bytes_replaced"}),
        (b"&#55349;&#56320;", "\U0001d400", {"xml_repaired"}),
        (b"&#55349;", "\ufffd", {"bytes_replaced"}),
        (b" & ", " &amp; ", {"xml_repaired"}),
        (b"&eacute;", "é", {"xml_repaired"}),
    ],
)
def test_broken_bytes_are_mended_and_only_their_record_is_flagged(
    server: OaiServer, raw: bytes, text: str, flags: set[str]
) -> None:
    def spoil(provider: Provider, request: dict[str, str], reply: oai_server.Reply) -> oai_server.Reply:
        reply.body = reply.body.replace("第5卷".encode(), "第5卷".encode() + raw, 1)
        return reply

    harvested = harvest(server.add(Provider(catalogue(20), scenario=spoil)))
    touched = [event for event in harvested.events if isinstance(event, Received) and event.flags]
    assert harvested.complete and not harvested.refused
    assert [event.identifier for event in touched] == ["oai:lib.test:000005"]
    assert set(touched[0].flags) == flags
    assert f"第5卷{text}" in touched[0].data.decode()
    assert raw in harvested.pages[0].raw and "mended" in harvested.notes


def test_pages_in_another_charset_than_they_declare_need_an_override(server: OaiServer) -> None:
    def lie(provider: Provider, request: dict[str, str], reply: oai_server.Reply) -> oai_server.Reply:
        reply.body = reply.body.decode().encode("gb18030")
        return reply

    url = server.add(Provider(catalogue(20), scenario=lie))
    told = harvest(url, charset="gb18030")
    assert (
        told.complete
        and not told.flags
        and "紅樓夢" in "".join(event.data.decode() for event in told.events if isinstance(event, Received))
    )
    assert harvest(url).flags == {"bytes_replaced"}


def test_a_text_of_eleven_megabytes_is_read(server: OaiServer) -> None:
    harvested = harvest(server.add(_with(marc(5, "长" * 3_700_000))))
    assert harvested.complete and len(harvested.live) == 18


def test_pages_without_namespace_are_read_where_the_source_is_set_so(run: Run) -> None:
    harvested, provider = run("no_namespace", local_names=True)
    assert harvested.complete and harvested.live == expected(provider.entries)[0]


# --------------------------------------------------------------------------------------------- time, size, manners


def test_a_trickling_page_is_given_up_at_its_deadline(run: Run) -> None:
    begun = time.monotonic()
    harvested, provider = run("trickles", page_deadline=0.5, read_timeout=5.0, tries=2)
    assert time.monotonic() - begun < 20
    assert harvested.complete and harvested.live == expected(provider.entries)[0]


def test_a_trickle_before_the_headers_end_is_given_up_too(server: OaiServer) -> None:
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not stop.wait(0.05):
                    try:
                        line.sendall(b"a")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        begun = time.monotonic()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/oai"
        harvested = harvest(url, page_deadline=0.5, tries=1)
        stop.set()
        thread.join()
    assert time.monotonic() - begun < 5
    assert "longer than 0.5 s" in harvested.error


def test_waits_as_the_source_asks(run: Run) -> None:
    assert run("busy_for_two_seconds")[0].slept == [2.0]
    (until,) = run("busy_until_a_date")[0].slept
    assert 20 < until <= 30
    guessed = run("too_many_requests")[0].slept
    assert len(guessed) == 2 and 2.5 <= guessed[0] <= 5 and 5 <= guessed[1] <= 10


def test_a_source_that_wants_a_day_is_left_alone_for_a_day(server: OaiServer) -> None:
    provider = Provider(catalogue(COUNT), scenario=SCENARIOS["busy_for_a_day"])
    settings = OaiSettings(server.add(provider), allow_private=True)
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    reader = OaiPmh(settings, clock=noon.timestamp, manners=Manners(sleep=lambda _: None))
    with pytest.raises(SourceError, match="not before 2026-11-24 12:00:00 UTC") as caught:
        list(reader.pages("", ""))
    assert caught.value.not_before == datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_page_over_the_limit_is_refused(run: Run) -> None:
    assert "more than 5000 bytes" in run("clean", max_page_bytes=5000)[0].error


def test_a_decompression_bomb_is_refused(server: OaiServer) -> None:
    import gzip

    def bomb(provider: Provider, request: dict[str, str], reply: oai_server.Reply) -> oai_server.Reply:
        reply.body = gzip.compress(b" " * 50_000_000)
        return reply

    harvested = harvest(server.add(Provider(catalogue(20), scenario=bomb)))
    assert "decompression bomb" in harvested.error


def test_the_pause_grows_with_the_time_an_answer_took() -> None:
    now = [100.0]
    slept: list[float] = []
    manners = Manners(lambda: now[0], slept.append)
    with manners.turn("lib.test", 0.0, 1.0):
        now[0] += 3.0
    with manners.turn("lib.test", 0.0, 1.0):
        pass
    with manners.turn("other.test", 0.0, 1.0):
        pass
    assert slept == [3.0]


def test_it_tells_who_it_is(server: OaiServer) -> None:
    provider = Provider(catalogue(20))
    harvest(server.add(provider), contact="mailto:cat@balis.test")
    assert provider.headers[0]["User-Agent"] == "Tongcang (OAI-PMH harvester; mailto:cat@balis.test)"


# ------------------------------------------------------------------------------------------ wrong addresses, probe


def test_a_redirect_is_followed_and_credentials_stay_at_home(server: OaiServer) -> None:
    target = Provider(catalogue(20))
    away = server.add(target, host="localhost")

    def move(provider: Provider, request: dict[str, str], reply: oai_server.Reply) -> oai_server.Reply:
        query = "&".join(f"{name}={value}" for name, value in request.items())
        return oai_server.Reply(b"", 302, {"Location": f"{away}?{query}"})

    home = Provider([], scenario=move)
    harvested = harvest(server.add(home), user="reader", password="secret")
    assert harvested.complete and len(harvested.live) == 18
    assert "Authorization" in home.headers[0]
    assert all("Authorization" not in headers for headers in target.headers)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://169.254.169.254/latest/", "not on the public internet"),
        ("http://[::ffff:169.254.169.254]/", "not on the public internet"),
        ("http://0.0.0.0/", "not on the public internet"),
        ("file:///etc/passwd", "no http or https"),
        ("http://127.0.0.1:22/", "port 22"),
        ("", "redirects more than 5 times"),
    ],
)
def test_a_redirect_to_a_forbidden_place_is_not_followed(server: OaiServer, location: str, said: str) -> None:
    def move(provider: Provider, request: dict[str, str], reply: oai_server.Reply) -> oai_server.Reply:
        return oai_server.Reply(b"", 302, {"Location": location or provider.base_url})

    assert said in harvest(server.add(Provider([], scenario=move))).error


def test_loopback_is_refused_unless_allowed(server: OaiServer) -> None:
    provider = Provider(catalogue(20))
    assert "not on the public internet" in harvest(server.add(provider), allow_private=False).error
    assert provider.requests == []


def test_probe_tells_what_the_provider_is(server: OaiServer) -> None:
    url = server.add(Provider(catalogue(20)))
    info = OaiPmh(OaiSettings(url, allow_private=True), manners=Manners(sleep=lambda _: None)).probe()
    assert info.identity.name == "示范图书馆" and info.identity.granularity == "seconds"
    assert info.formats == ("oai_dc", "marcxml") and info.sets == 2


def test_a_format_it_does_not_have_is_told_with_those_it_has(server: OaiServer) -> None:
    harvested = harvest(server.add(Provider(catalogue(20))), metadata_prefix="marc21")
    assert "'marc21'" in harvested.error and "oai_dc, marcxml" in harvested.error


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<!DOCTYPE html><html><body>OPAC</body></html>", 200, "an HTML page"),
        (b"<html><br>not closed</html>", 200, "an HTML page"),
        (b"<html></html>", 404, "HTTP 404 Not Found"),
        (b'{"title": "\xe5\x8f\xb2\xe8\xae\xb0"}', 200, "JSON"),
        (b"", 200, "nothing at all"),
        (b"<rss version='2.0'/>", 200, "<rss>"),
        ("图书馆".encode("gb18030"), 200, "no XML"),
    ],
)
def test_what_is_no_provider_gets_one_sentence(server: OaiServer, body: bytes, status: int, said: str) -> None:
    def other(provider: Provider, request: dict[str, str], reply: oai_server.Reply) -> oai_server.Reply:
        return oai_server.Reply(body, status)

    provider = Provider([], scenario=other)
    harvested = harvest(server.add(provider))
    assert said in harvested.error and "base URL" in harvested.error
    assert len(provider.requests) == 1 and not harvested.slept


def test_no_server_there_gets_one_sentence() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    harvested = harvest(f"http://127.0.0.1:{port}/oai", tries=1)
    assert f"127.0.0.1:{port} refuses the connection" in harvested.error


def test_https_at_a_plain_port_gets_one_sentence(server: OaiServer) -> None:
    harvested = harvest(f"https://127.0.0.1:{server.port}/oai", tries=1)
    assert "TLS" in harvested.error


def test_identifiers_are_swept(server: OaiServer) -> None:
    url = server.add(Provider(catalogue(COUNT)))
    *headers, ending = OaiPmh(
        OaiSettings(url, allow_private=True, patience=0.0), manners=Manners(sleep=lambda _: None)
    ).identifiers()
    assert isinstance(ending, Ending) and ending.complete and ending.full
    assert len(headers) == COUNT


def test_a_sweep_that_breaks_off_proves_nothing(server: OaiServer) -> None:
    url = server.add(Provider(catalogue(COUNT), scenario=SCENARIOS["token_always_expires"]))
    *headers, ending = OaiPmh(
        OaiSettings(url, allow_private=True, patience=0.0), manners=Manners(sleep=lambda _: None)
    ).identifiers()
    assert isinstance(ending, Ending) and not ending.complete and not ending.full
    assert len(headers) == 120
