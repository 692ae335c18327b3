"""Where a message may be sent to, and that an address which somebody else gave leads nowhere else."""

from __future__ import annotations

import ipaddress
import socket
import time
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_servers import Answer, Got, serving

from harvester.sources.oai_pmh_address import Address
from tongcang.sending.http import Client, ForbiddenError, UnreachableError, is_allowed
from tongcang.sending.settings import networks

LOOPBACK = networks("127.0.0.1/32")
OK = Answer(200, b"taken")


def client(*, allow: str = "127.0.0.1/32", timeout: float = 5.0, deadline: float = 10.0, **given: object) -> Client:
    return Client(networks(allow), timeout=timeout, deadline=deadline, **given)  # type: ignore[arg-type]


def post(url: str, using: Client | None = None, body: bytes = b"{}") -> tuple[int, bytes]:
    reply = (using or client()).post(url, body, {"Content-Type": "application/json"}, 0.0)
    return reply.status, reply.body


def always(*addresses: str) -> object:
    """A resolver with that answer."""

    def resolver(_host: str, port: int) -> list[Address]:
        return [
            (socket.AF_INET6, (each, port, 0, 0)) if ":" in each else (socket.AF_INET, (each, port))
            for each in addresses
        ]

    return resolver


def test_a_message_arrives_under_the_name_that_was_asked_for() -> None:
    with serving(OK) as server:
        using = client(resolver=always("127.0.0.1"))
        assert post(server.url("hooks.lib.test"), using, "正文".encode()) == (200, b"taken")
        [got] = server.got
    assert got.body == "正文".encode()
    assert got.headers["host"] == f"hooks.lib.test:{server.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "Tongcang"
    assert not {"cookie", "authorization", "referer"} & set(got.headers)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433",
        "0x7f.1", "0x7f000001", "017700000001", "127.1", "169.254.169.254", "[fe80::1]", "10.0.0.1", "192.168.1.1",
        "172.16.0.1", "100.64.0.1", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::1]", "[fd00::1]", "[fec0::1]", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        "198.18.0.1", "[2001:db8::1]", "[3fff::1]", "192.88.99.1", "[::127.0.0.1]", "0.1.2.3",
    ],
)  # fmt: skip
def test_nothing_goes_to_an_address_that_is_not_public(host: str) -> None:
    with serving(OK) as server:
        with pytest.raises(ForbiddenError, match="on the public internet"):
            post(server.url(host), client(allow="", timeout=0.5))
        assert server.connections == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "[64:ff9b::7f00:1]", "169.254.169.254", "224.0.0.1", "[fe80::1]"])
def test_what_nobody_may_ask_for_is_not_asked_for_even_where_all_is_allowed(host: str) -> None:
    with serving(OK) as server:
        with pytest.raises(ForbiddenError):
            post(server.url(host), client(allow="0.0.0.0/0 ::/0"))
        assert server.connections == 0


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with serving(OK) as server:
        using = client(allow="", resolver=always("8.8.8.8", "127.0.0.1"))
        with pytest.raises(ForbiddenError, match=r"127\.0\.0\.1"):
            post(server.url("two.test"), using)
        mapped = client(allow="", resolver=always("::ffff:127.0.0.1"))
        with pytest.raises(ForbiddenError):
            post(server.url("mapped.test"), mapped)
        assert server.connections == 0


def test_a_resolver_that_changes_its_answer_gains_nothing() -> None:
    """It is asked once for a connection, and the connection goes to what was checked."""
    asked: list[str] = []

    def turning(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [(socket.AF_INET, ("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port))]

    with serving(OK) as server:
        using = client(resolver=turning)
        assert post(server.url("turning.test"), using)[0] == 200
        assert asked == ["turning.test"]
        with pytest.raises(ForbiddenError, match=r"127\.0\.0\.2"):
            post(server.url("turning.test"), using)
        assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with serving(OK) as goal:
        away = Answer(status, b"", (("Location", goal.url()),))
        with serving(away) as server:
            assert post(server.url())[0] == status
        assert goal.connections == 0


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(OK) as proxy, serving(OK) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(path=""))
        assert post(server.url())[0] == 200
        assert proxy.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:70/", "//127.0.0.1/", "127.0.0.1", "",
        "http://", "http://[::1", "http://127.0.0.1:22/", "http://127.0.0.1:99999/", "http://a:b@127.0.0.1/",
        "http://127.0.0.1:25/",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenError) as told:
        post(url)
    assert "a:b" not in str(told.value)


def test_an_answer_that_does_not_end_costs_so_much_and_no_more() -> None:
    def flood(_got: Got, line: BaseHTTPRequestHandler) -> None:
        line.send_response(200)
        line.end_headers()
        for _ in range(1000):
            line.wfile.write(b"x" * 65536)

    with serving(flood) as server, pytest.raises(UnreachableError, match="more than 100000 bytes"):
        post(server.url(), client(max_bytes=100_000))


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_trickle_ends_at_the_deadline(where: str) -> None:
    def trickle(_got: Got, line: BaseHTTPRequestHandler) -> None:
        line.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 99999\r\n\r\n" if where == "body" else b"X: "))
        for _ in range(100):
            line.wfile.write(b"x")
            line.wfile.flush()
            time.sleep(0.1)

    with serving(trickle) as server:
        begun = time.monotonic()
        with pytest.raises(UnreachableError, match=r"longer than 0\.6 s"):
            post(server.url(), client(deadline=0.6))
        assert time.monotonic() - begun < 5


def test_a_line_that_opens_when_time_is_up_is_not_used() -> None:
    def slow(_host: str, port: int) -> list[Address]:
        time.sleep(0.5)
        return [(socket.AF_INET, ("127.0.0.1", port))]

    with serving(OK) as server:
        with pytest.raises(UnreachableError, match=r"longer than 0\.2 s"):
            post(server.url("slow.test"), client(deadline=0.2, resolver=slow))
        assert server.got == []


def test_who_is_not_there_is_told_in_few_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError, match="refused"):
        post(f"http://127.0.0.1:{port}/")

    def nowhere(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(UnreachableError, match="not known"):
        post("http://nowhere.test/", client(resolver=nowhere))
    with pytest.raises(UnreachableError):
        post("http://empty.test/", client(resolver=always()))


def test_an_answer_that_breaks_off_is_none() -> None:
    def cut(_got: Got, line: BaseHTTPRequestHandler) -> None:
        line.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf")

    with serving(cut) as server, pytest.raises(UnreachableError):
        post(server.url())


def test_how_long_it_asks_us_to_wait() -> None:
    with serving(Answer(503, b"", (("Retry-After", "120"),))) as server:
        assert client().post(server.url(), b"", {}, 0.0).wait == 120.0


@given(st.ip_addresses(v=4))
def test_clothes_do_not_change_an_address(address: ipaddress.IPv4Address) -> None:
    plain = is_allowed(str(address), LOOPBACK)
    assert is_allowed(f"::ffff:{address}", LOOPBACK) is plain
    packed = int(address)
    assert is_allowed(f"2002:{packed >> 16:x}:{packed & 0xFFFF:x}::1", LOOPBACK) is plain
    assert not is_allowed(f"64:ff9b::{address}", LOOPBACK)
    if plain:
        assert address.is_global or address == ipaddress.ip_address("127.0.0.1")


@given(st.ip_addresses(v=6))
def test_what_is_not_global_is_never_allowed(address: ipaddress.IPv6Address) -> None:
    if is_allowed(str(address), ()):
        assert address.is_global or address.ipv4_mapped is not None or address.sixtofour is not None


def test_networks_are_read_or_told() -> None:
    assert networks(" 10.8.0.0/16, fd00:1::/64\n192.168.7.9 ") == tuple(
        ipaddress.ip_network(text) for text in ("10.8.0.0/16", "fd00:1::/64", "192.168.7.9/32")
    )
    for wrong in ("10.8.0.1/16", "lib.test", "10.8"):
        with pytest.raises(ValueError, match="no network"):
            networks(wrong)
