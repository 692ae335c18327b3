"""POST to an address that somebody else has given: a webhook's, a library's.

Invariant: a connection goes to an address that was checked, and every address of the name was; the name stays in TLS
and in the Host header. No redirect is followed, no proxy of this machine's environment is used, no more than so many
bytes are read and no longer than so many seconds are spent. The lines are opened by the guard of the harvester, which
refuses what nobody may ask for (0.0.0.0, link-local, NAT64 …); on top of it only public addresses, and the networks
that the operator has listed, are let through.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import requests
import urllib3
from msgspec import Struct
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from harvester.sources.oai_pmh_address import Address, Guard, GuardedAdapter, Resolve, check_url, is_permitted, resolve
from harvester.sources.oai_pmh_client import retry_after
from harvester.sources.oai_pmh_transport import Watchdog
from harvester.sources.protocol import SourceError
from tongcang.sending.settings import Network

_CHUNK = 1 << 14

_TRIED = 3
"""Addresses of one name that are tried, of all that were checked."""


NOT_ALLOWED = "an address that is not allowed"
"""What its owner is told: the address behind a name of an inner network is nothing that he may learn from us."""


class ForbiddenError(Exception):
    """The address is none that a message may go to. Its text is for the log alone."""


class UnreachableError(Exception):
    """No answer came, or none that was whole."""


class _Lines(Guard):
    """A line that is opened when time is up is closed at once: the watchdog has cut off those before it."""

    def __init__(self, resolver: Resolve) -> None:
        super().__init__(allow_private=True, resolver=resolver)
        self.is_over: Callable[[], bool] = lambda: False

    def connect(self, connection: HTTPConnection) -> socket.socket:
        line = super().connect(connection)
        if self.is_over():
            line.close()
            raise NewConnectionError(connection, "time is up")
        return line


class HttpReply(Struct, frozen=True):
    status: int
    body: bytes
    wait: float = 0.0  # seconds that it asks us to wait; 0 = it doesn't

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Client:
    """Sends to whatever address it is given, as far as it may. Thread-safe: each message has lines of its own."""

    def __init__(
        self,
        allow: tuple[Network, ...] = (),
        *,
        timeout: float = 10.0,
        deadline: float = 30.0,
        max_bytes: int = 1_000_000,
        ca_file: str = "",
        resolver: Resolve = resolve,
    ) -> None:
        self._allow, self._timeout, self._deadline = allow, timeout, deadline
        self._max_bytes, self._ca_file, self._resolver = max_bytes, ca_file, resolver

    def post(self, url: str, body: bytes, headers: Mapping[str, str], now: float) -> HttpReply:
        """`now`: seconds since 1970, for a Retry-After that names a time. Raises ForbiddenError, UnreachableError."""
        host = _checked(url)
        guard = _Lines(self._resolve)
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", GuardedAdapter(guard))
            session.mount("https://", GuardedAdapter(guard))
            try:
                with Watchdog(guard, self._deadline) as dog:
                    guard.is_over = lambda: dog.expired
                    reply = self._send(session, url, body, headers, now)
                if dog.expired:
                    raise UnreachableError(f"{host} took longer than {self._deadline:g} s")
                return reply
            except SourceError as error:
                raise ForbiddenError(str(error)) from error
            except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
                raise ForbiddenError(f"the address of {host} can't be asked: check it") from error
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if dog.expired:
                    raise UnreachableError(f"{host} took longer than {self._deadline:g} s") from error
                raise UnreachableError(f"{host}: {_cause(error)}") from error
            finally:
                guard.close()

    def _send(
        self, session: requests.Session, url: str, body: bytes, headers: Mapping[str, str], now: float
    ) -> HttpReply:
        known = {"User-Agent": "Tongcang", "Accept-Encoding": "identity", "Accept": "*/*", "Connection": "close"}
        with session.post(
            url,
            data=body,
            headers=known | dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=(self._timeout, self._timeout),
            verify=self._ca_file or True,
        ) as response:
            parts, size = [], 0
            for part in response.raw.stream(_CHUNK, decode_content=False):
                size += len(part)
                if size > self._max_bytes:
                    raise UnreachableError(f"{urlsplit(url).hostname} answers with more than {self._max_bytes} bytes")
                parts.append(part)
            wait = retry_after(response.headers.get("Retry-After", ""), now) or 0.0
            return HttpReply(response.status_code, b"".join(parts), wait)

    def _resolve(self, host: str, port: int) -> list[Address]:
        """All addresses of the name, if each may be connected to. Raises ForbiddenError, socket.gaierror."""
        found = self._resolver(host, port)
        for _, place in found:
            if not is_allowed(str(place[0]), self._allow):
                raise ForbiddenError(
                    f"{host} has the address {place[0]}, which is neither on the public internet nor in a network "
                    "that the settings allow"
                )
        return found[:_TRIED]


def is_allowed(text: str, allow: tuple[Network, ...]) -> bool:
    """Public, or in one of these networks. An IPv4 address in IPv6 clothes counts as what it is."""
    address = ipaddress.ip_address(text.partition("%")[0])
    inner = (address.ipv4_mapped or address.sixtofour) if isinstance(address, ipaddress.IPv6Address) else None
    real = inner or address
    if any(real in network for network in allow):
        return True
    return is_permitted(text, allow_private=False)


def _checked(url: str) -> str:
    """The host of a URL that may be asked. Raises ForbiddenError."""
    try:
        check_url(url)
        parts = urlsplit(url)
    except (SourceError, ValueError) as error:
        raise ForbiddenError(str(error)) from error
    if "@" in parts.netloc:
        raise ForbiddenError(f"the address of {parts.hostname} holds a user name or a password: it may not")
    return parts.hostname or ""


def _cause(error: BaseException) -> str:
    """The first cause, in few words."""
    seen: list[BaseException] = []
    at: object = error
    while isinstance(at, BaseException) and at not in seen:
        seen.append(at)
        at = getattr(at, "reason", None) or at.__cause__ or at.__context__ or (at.args[0] if at.args else None)
    return (str(seen[-1]) or type(seen[-1]).__name__)[:200]
