"""Where a harvest may connect to, and what it takes for a whole body."""

from __future__ import annotations

import gzip
import socket
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.sources.oai_pmh import OaiPmh, OaiSettings
from harvester.sources.oai_pmh_address import Address, is_permitted
from harvester.sources.oai_pmh_client import retry_after
from harvester.sources.oai_pmh_settings import granule_text, parse_date, to_granule
from harvester.sources.oai_pmh_transport import Manners, gunzip
from harvester.sources.protocol import SourceError


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("8.8.8.8", True, True),
        ("2001:4860:4860::8888", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("10.1.2.3", False, True),
        ("fd00::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("100.64.0.1", False, True),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("2002:a9fe:a9fe::1", False, False),
        ("2002:0808:0808::1", True, True),
        ("fe80::1", False, False),
        ("224.0.0.1", False, False),
        ("240.0.0.1", False, False),
        ("64:ff9b::7f00:1", False, False),
        ("fec0::1", False, True),
        ("3fff::1", False, True),
        ("192.88.99.1", False, True),
    ],
)
def test_addresses(address: str, public: bool, private: bool) -> None:
    assert is_permitted(address, allow_private=False) is public
    assert is_permitted(address, allow_private=True) is private


def _read(url: str, answers: list[list[str]], allow_private: bool = False) -> str:
    """The error of a harvest whose resolver gives these answers, one after the other."""
    asked = iter(answers)

    def resolver(host: str, port: int) -> list[Address]:
        return [(socket.AF_INET, (address, port)) for address in next(asked)]

    settings = OaiSettings(url, allow_private=allow_private, tries=1, connect_timeout=1.0)
    with pytest.raises(SourceError) as caught:
        list(OaiPmh(settings, manners=Manners(), resolver=resolver).pages("", ""))
    return str(caught.value)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    assert "10.0.0.1" in _read("http://lib.test/oai", [["8.8.8.8", "10.0.0.1"]])


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A resolver that changes its answer is asked once for each connection, and that answer is checked."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = _read(f"http://lib.test:{port}/oai", [["127.0.0.1"]], allow_private=True)
    assert f"lib.test:{port} refuses the connection" in said


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_loopback_in_disguise_is_refused(host: str) -> None:
    settings = OaiSettings(f"http://{host}:8000/oai", tries=1)
    with pytest.raises(SourceError, match="not on the public internet"):
        list(OaiPmh(settings, manners=Manners()).pages("", ""))


def test_a_name_that_has_no_address_gets_one_sentence() -> None:
    def resolver(host: str, port: int) -> list[Address]:
        raise socket.gaierror("Name or service not known")

    reader = OaiPmh(OaiSettings("http://no-such.test/oai", tries=1), manners=Manners(), resolver=resolver)
    with pytest.raises(SourceError, match=r"the name no-such\.test can't be resolved\. Check"):
        list(reader.pages("", ""))


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://lib.test/oai"},
        {"url": "lib.test/oai"},
        {"url": "http://reader:secret@lib.test/oai"},
        {"url": "http://lib.test/oai", "granularity": "week"},
        {"url": "http://lib.test/oai", "charset": "gb99999"},
        {"url": "http://lib.test/oai", "max_empty_pages": 3},
    ],
)
def test_settings_that_cannot_work_are_told(settings: dict[str, str]) -> None:
    with pytest.raises(SourceError) as caught:
        OaiSettings(**settings)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


@given(st.binary(max_size=5000), st.binary(max_size=500))
def test_gunzip_gives_back_every_member(first: bytes, second: bytes) -> None:
    assert gunzip(gzip.compress(first) + gzip.compress(second), 1 << 20, 200) == (first + second, "")


@given(st.binary(min_size=1, max_size=5000), st.data())
def test_a_packed_body_that_was_cut_is_never_whole(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body)
    unpacked, cut = gunzip(packed[: data.draw(st.integers(2, len(packed) - 1))], 1 << 20, 200)
    assert cut and body.startswith(unpacked)


def test_bombs_are_refused_by_size_and_by_ratio() -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)
    for limit, ratio in ((1_000_000, 100_000), (1 << 30, 200)):
        with pytest.raises(SourceError, match="bomb"):
            gunzip(bomb, limit, ratio)


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Mon, 23 Nov 2026 12:05:00 GMT", 300.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after(text, NOON) == seconds


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23T20:00:00+08:00", "2026-11-23T12:00:00Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        (" 2026-11-23T12:00:00 ", "2026-11-23T12:00:00Z"),
    ],
)
def test_dates_are_read_as_utc(text: str, utc: str) -> None:
    moment = parse_date(text)
    assert moment is not None
    assert granule_text(to_granule(moment, "seconds"), "seconds") == utc
    assert granule_text(to_granule(moment, "day"), "day") == "2026-11-23"


@pytest.mark.parametrize("text", ["", "昨天", "0000-00-00", "2026-13-01T00:00:00Z"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None
