"""One HTTP request of a harvest: polite, bounded in time and size, and never taken for whole when it was cut."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from msgspec import Struct

from harvester.sources.oai_pmh_address import Guard, GuardedAdapter, Resolve, check_url, resolve
from harvester.sources.oai_pmh_settings import OaiSettings
from harvester.sources.protocol import SourceError

MAX_REDIRECTS = 5
_CHUNK = 1 << 16
_RATIO_FLOOR = 1 << 20  # bytes: small pages of repeated markup may pack better than any limit


class Reply(Struct, frozen=True):
    """An answer whose body was read to its end, or as far as it came."""

    url: str  # behind the redirects
    status: int
    content_type: str
    retry_after: str
    body: bytes  # unpacked
    cut: str = ""  # why the body can't be taken for whole


class NoAnswerError(Exception):
    """No answer came. `connected`: the server was reached, and took the request."""

    def __init__(self, message: str, connected: bool) -> None:
        super().__init__(message)
        self.connected = connected


class Manners:
    """One request in flight per host, and a pause behind it. Shared by all sources: several may live on one host."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._hosts: dict[str, threading.Lock] = {}
        self._ready: dict[str, float] = {}
        self._penalty: dict[str, float] = {}

    @contextmanager
    def turn(self, host: str, delay: float, patience: float) -> Iterator[None]:
        """Wait for our turn at the host; the pause behind us depends on how long it had to work."""
        with self._lock:
            own = self._hosts.setdefault(host, threading.Lock())
        with own:
            pause = self._ready.get(host, 0.0) - self._clock()
            if pause > 0:
                self._sleep(pause)
            begun = self._clock()
            try:
                yield
            finally:
                now = self._clock()
                self._ready[host] = now + max(delay, patience * (now - begun), self._penalty.get(host, 0.0))

    def slow_down(self, host: str) -> None:
        """The host has said "too many requests": from now on twice the pause, up to a minute."""
        self._penalty[host] = min(60.0, max(1.0, 2 * self._penalty.get(host, 0.0)))


SHARED_MANNERS = Manners()


class Watchdog:
    """Cuts the lines off when a page takes too long: a read timeout alone lets a trickle through for ever."""

    def __init__(self, guard: Guard, seconds: float) -> None:
        self.expired = False
        self._guard = guard
        self._timer = threading.Timer(seconds, self._bite)
        self._timer.daemon = True

    def _bite(self) -> None:
        self.expired = True
        self._guard.cut_off()

    def __enter__(self) -> Watchdog:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()


class Transport:
    """Asks one source. Not thread-safe; close it."""

    def __init__(self, settings: OaiSettings, manners: Manners = SHARED_MANNERS, resolver: Resolve = resolve) -> None:
        check_url(settings.url)
        self._settings = settings
        self._manners = manners
        self._guard = Guard(settings.allow_private, resolver)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no password that this machine happens to have set
        adapter = GuardedAdapter(self._guard)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        contact = f"; {settings.contact}" if settings.contact else ""
        self._session.headers.update(
            {"User-Agent": f"Tongcang (OAI-PMH harvester{contact})", "Accept-Encoding": "gzip"}
        )
        self.host = urlsplit(settings.url).hostname or ""

    def close(self) -> None:
        self._session.close()
        self._guard.close()

    def slow_down(self) -> None:
        self._manners.slow_down(self.host)

    def fetch(self, parameters: Mapping[str, str]) -> Reply:
        """The answer to a GET with these parameters. Raises NoAnswerError, or SourceError (ask no more)."""
        settings = self._settings
        try:
            url = requests.Request("GET", settings.url, params=dict(parameters)).prepare().url or ""
        except requests.RequestException as error:
            raise SourceError(f"{settings.url} is no valid address ({error}): check the base URL.") from error
        try:
            with (
                self._manners.turn(self.host, settings.delay, settings.patience),
                Watchdog(self._guard, settings.page_deadline) as dog,
            ):
                return self._follow(url, dog)
        finally:
            self._guard.forget_closed()

    def _follow(self, url: str, dog: Watchdog) -> Reply:
        """Through at most MAX_REDIRECTS redirects, each checked; none but our own host gets credentials."""
        home = urlsplit(url)
        for _ in range(MAX_REDIRECTS + 1):
            check_url(url)
            here = urlsplit(url)
            trusted = here.hostname == home.hostname and (here.scheme == home.scheme or here.scheme == "https")
            response = self._send(url, trusted, dog)
            try:
                location = response.headers.get("Location")
                if response.status_code not in (301, 302, 303, 307, 308) or not location:
                    return self._read(response, url, dog)
            finally:
                response.close()
            url = urljoin(url, location)
        raise SourceError(
            f"{self._settings.url} redirects more than {MAX_REDIRECTS} times: give the address that it leads to."
        )

    def _send(self, url: str, trusted: bool, dog: Watchdog) -> requests.Response:
        settings = self._settings
        try:
            return self._session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=(settings.connect_timeout, settings.read_timeout),
                auth=(settings.user, settings.password) if settings.user and trusted else None,
                verify=settings.ca_file or True,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if dog.expired:
                raise NoAnswerError(f"no answer within {settings.page_deadline:g} s", connected=True) from error
            raise self._explained(error, urlsplit(url).netloc) from error

    def _explained(self, error: Exception, host: str) -> NoAnswerError | SourceError:
        causes = list(_causes(error))

        def has(kind: type[BaseException]) -> bool:
            return any(isinstance(cause, kind) for cause in causes)

        # In this order: urllib3 counts a refused connection among those that timed out.
        if has(urllib3.exceptions.NameResolutionError):
            return NoAnswerError(f"the name {host} can't be resolved", connected=False)
        if has(ConnectionRefusedError):
            return NoAnswerError(f"{host} refuses the connection", connected=False)
        text = str(causes[-1])
        if has(requests.exceptions.SSLError):
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                return SourceError(
                    f"The certificate of {host} can't be trusted ({text}): have the library renew it, "
                    "or give its own certificate authority as ca_file."
                )
            return NoAnswerError(f"{host} doesn't speak TLS as it should ({text})", connected=False)
        if has(urllib3.exceptions.NewConnectionError):
            return NoAnswerError(f"no connection to {host} ({text})", connected=False)
        if has(urllib3.exceptions.ConnectTimeoutError):
            return NoAnswerError(
                f"no connection to {host} within {self._settings.connect_timeout:g} s", connected=False
            )
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
            return SourceError(f"{self._settings.url} leads to an address that can't be asked ({text}): check it.")
        if isinstance(error, requests.ReadTimeout):
            return NoAnswerError(f"{host} was silent for {self._settings.read_timeout:g} s", connected=True)
        return NoAnswerError(f"{host} broke the connection off ({text})", connected=True)

    def _read(self, response: requests.Response, url: str, dog: Watchdog) -> Reply:
        """The body, read in a loop: a single read would not notice that Content-Length is not reached."""
        limit = self._settings.max_page_bytes
        chunks, size, cut = [], 0, ""
        try:
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                size += len(chunk)
                if size > limit:
                    raise SourceError(
                        f"{self._settings.url} sends a page of more than {limit} bytes: "
                        "raise max_page_bytes if that is right."
                    )
                chunks.append(chunk)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            cut = f"the connection ended within the page ({error})"
        if dog.expired:
            cut = f"the page took longer than {self._settings.page_deadline:g} s"
        body = b"".join(chunks)
        if body[:2] == b"\x1f\x8b":  # whatever the header says: some pack without saying so, some say so and don't
            body, torn = gunzip(body, limit, self._settings.max_ratio)
            cut = cut or torn
        return Reply(
            url=url,
            status=response.status_code,
            content_type=response.headers.get("Content-Type", ""),
            retry_after=response.headers.get("Retry-After", ""),
            body=body,
            cut=cut,
        )


def gunzip(data: bytes, limit: int, ratio: int) -> tuple[bytes, str]:
    """The unpacked bytes, and why they are not whole ("" = they are). Raises SourceError for a bomb."""
    parts: list[bytes] = []
    size, rest = 0, data
    while rest[:2] == b"\x1f\x8b":
        inflate = zlib.decompressobj(31)
        while not inflate.eof:
            try:
                part = inflate.decompress(rest, _CHUNK)
            except zlib.error as error:
                return b"".join(parts), f"the packed page is damaged ({error})"
            rest = inflate.unconsumed_tail
            if not part and not rest and not inflate.eof:
                return b"".join(parts), "the packed page breaks off"
            size += len(part)
            if size > limit or size > max(_RATIO_FLOOR, ratio * len(data)):
                raise SourceError(
                    f"A page of {len(data)} bytes unpacks to more than {size} bytes: refused as a decompression bomb."
                )
            parts.append(part)
        rest = inflate.unused_data
    return b"".join(parts), ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that lies behind it, the first cause last."""
    seen: list[BaseException] = []
    at: object = error
    while isinstance(at, BaseException) and at not in seen:
        seen.append(at)
        inner = at.args[0] if at.args else None
        at = getattr(at, "reason", None) or at.__cause__ or at.__context__ or inner
    yield from seen
