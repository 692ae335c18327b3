"""Which addresses a harvest may connect to.

The check and the connection use the same answer of the resolver, so a name that changes its address in between gains
nothing. TLS and the Host header keep the name.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from harvester.sources.protocol import SourceError

Address = tuple[socket.AddressFamily, tuple[Any, ...]]  # family, what socket.connect takes
Resolve = Callable[[str, int], list[Address]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # counts as global, yet holds any IPv4 address

_NOT_PUBLIC = tuple(ipaddress.ip_network(text) for text in ("fec0::/10", "3fff::/20", "192.88.99.0/24"))
"""Site-local, documentation, 6to4 relays: Python 3.11 takes them for global."""


def resolve(host: str, port: int) -> list[Address]:
    """Every address of the name. Raises socket.gaierror."""
    return [(found[0], found[4]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_permitted(text: str, allow_private: bool) -> bool:
    """May a harvest connect there? Private and loopback addresses only where the source's settings say so."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_permitted(str(inner), allow_private)
        if address in _NAT64:
            return False
    if address.is_loopback:
        return allow_private
    if address.is_multicast or address.is_unspecified or address.is_link_local or address.is_reserved:
        return False
    # is_global and not is_private: 100.64.0.0/10 is neither.
    return allow_private or (address.is_global and not any(address in network for network in _NOT_PUBLIC))


def check_url(url: str) -> None:
    """Raises SourceError where the URL is none that a harvest may follow."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise SourceError(f"{_shown(url)} has no valid port: check the address.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError(f"The source points to {_shown(url)!r}, which is no http or https address: not followed.")
    if port is not None and port not in (80, 443) and port < 1024:
        raise SourceError(
            f"The source points to port {port} of {parts.hostname}: only 80, 443 and those from 1024 may be asked."
        )


class Guard:
    """Opens connections to permitted addresses, and can cut them all off from another thread."""

    def __init__(self, allow_private: bool, resolver: Resolve = resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolver
        self._lines: list[tuple[HTTPConnection, socket.socket]] = []

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """A socket to the connection's host. Raises what urllib3 expects, or SourceError for a forbidden address."""
        host, port = connection.host, connection.port or connection.default_port
        try:
            addresses = self._resolve(host.strip("[]"), port)
        except (socket.gaierror, UnicodeError) as error:
            cause = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(host, connection, cause) from error
        for _, place in addresses:
            if not is_permitted(str(place[0]), self._allow_private):
                raise SourceError(
                    f"{host} has the address {place[0]}, which is not on the public internet: "
                    "allow private addresses for this source if it is a library of your own network."
                )
        failure: OSError | None = None
        for family, place in addresses:
            line = socket.socket(family, socket.SOCK_STREAM)
            try:
                line.settimeout(connection.timeout)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.connect(place)
            except OSError as error:
                line.close()
                failure = error
                continue
            # TLS takes the socket over; its twin can still shut the line down.
            self._lines.append((connection, line.dup()))
            return line
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(connection, f"no connection within {connection.timeout} s") from failure
        raise NewConnectionError(connection, str(failure or "it has no address")) from failure

    def cut_off(self) -> None:
        """End every open line at once: whoever reads from it gets an end of file."""
        for _, twin in self._lines:
            try:
                twin.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended already

    def forget_closed(self) -> None:
        """Let go of the lines whose connections are closed."""
        still = [(connection, twin) for connection, twin in self._lines if connection.sock is not None]
        for connection, twin in self._lines:
            if connection.sock is None:
                twin.close()
        self._lines = still

    def close(self) -> None:
        """Let go of all lines."""
        for _, twin in self._lines:
            twin.close()
        self._lines = []


class GuardedAdapter(HTTPAdapter):
    """The transport adapter of requests on lines that a Guard has opened."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(pool_connections=4, pool_maxsize=1)

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return guard.connect(self)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return guard.connect(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _shown(url: str) -> str:
    """The URL for a message: short, without a user's name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()[:200]
