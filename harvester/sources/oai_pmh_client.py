"""sickle, made strict.

Stock sickle parses in recover mode, so a page that was cut ends the harvest early without an error. This subclass
replaces how a page is fetched, parsed, judged and tried again; the verbs and the walk along the resumption tokens stay
sickle's. The body is judged before the HTTP status, since some send OAI errors with 4xx.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from sickle import Sickle
from sickle.iterator import BaseOAIIterator
from sickle.models import ResumptionToken

from harvester.sources.oai_pmh_settings import OaiSettings
from harvester.sources.oai_pmh_transport import NoAnswerError, Reply, Transport
from harvester.sources.oai_pmh_xml import NotOaiError, OaiPage, read_page
from harvester.sources.protocol import SourceError

BACKOFF = 1.0
BACKOFF_BUSY = 5.0
BACKOFF_MOST = 60.0
"""Seconds to wait after the first failed try (doubled each time), after one that said "too busy", and at most."""


class PageFailedError(Exception):
    """A page can't be had, after all tries. `hopeless`: the source as a whole doesn't answer as a provider should."""

    def __init__(self, message: str, hopeless: bool, salvaged: OaiPage | None = None) -> None:
        super().__init__(message)
        self.hopeless = hopeless
        self.salvaged = salvaged  # the records that came whole, where the page was broken


class RefusalError(Exception):
    """The provider has answered with an OAI-PMH error."""

    def __init__(self, page: OaiPage) -> None:
        super().__init__("; ".join(f"{code}: {text}" if text else code for code, text in page.errors))
        self.codes = frozenset(code for code, _ in page.errors)
        self.response_date = page.response_date


class _Failure(Struct, frozen=True):
    """Why one try brought no page, and what follows from it."""

    message: str
    hopeless: bool = False
    again: bool = True  # another try may help
    busy: bool = False  # it asks to be left alone for a while
    wait: float | None = None  # seconds, as it says
    salvaged: OaiPage | None = None


class StrictSickle(Sickle):  # type: ignore[misc]  # sickle has no types
    """Not thread-safe, like its transport."""

    def __init__(
        self,
        settings: OaiSettings,
        transport: Transport,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(settings.url, iterator=PageIterator)
        self.settings = settings
        self._transport = transport
        self._clock, self._sleep = clock, sleep
        self._met = False  # it has proved to be an OAI-PMH provider

    def open(self, verb: str, arguments: dict[str, str], token: str) -> PageIterator:
        """The list's pages from the token on ("" = from its start); the first is fetched at once."""
        asked = {"resumptionToken": token} if token else arguments
        pages: PageIterator = getattr(self, verb)(**asked)
        return pages

    def ask(self, verb: str, **arguments: str) -> OaiPage:
        """The one page of a verb without a list. Raises RefusalError, PageFailedError, SourceError."""
        page = self.harvest(verb=verb, **arguments)
        if page.errors:
            raise RefusalError(page)
        return page

    def harvest(self, **kwargs: str) -> OaiPage:
        """One page, strictly parsed, possibly with OAI errors in it. Raises PageFailedError, SourceError."""
        failure: _Failure | None = None
        salvaged: OaiPage | None = None
        waited = 0.0
        for attempt in range(self.settings.tries):
            if failure is not None:
                waited += self._wait(failure, attempt, waited)
            outcome = self._try(kwargs)
            if isinstance(outcome, OaiPage):
                return outcome
            failure = outcome
            if failure.salvaged and (salvaged is None or len(failure.salvaged.records) > len(salvaged.records)):
                salvaged = failure.salvaged
            if not failure.again:
                break
        assert failure is not None, "tries is at least 1"
        if failure.busy:
            raise self._later(failure, failure.wait or BACKOFF_MOST)
        raise PageFailedError(failure.message, failure.hopeless, salvaged)

    def _try(self, parameters: dict[str, str]) -> OaiPage | _Failure:
        try:
            reply = self._transport.fetch(parameters)
        except NoAnswerError as error:
            # A server that is there, but drops this one request, may still answer others.
            return _Failure(str(error), hopeless=not error.connected)
        try:
            page = read_page(
                reply.body,
                parameters["verb"],
                charset=self.settings.charset,
                local_names=self.settings.local_names,
                cut=reply.cut,
            )
        except NotOaiError as error:
            if reply.cut:
                return _Failure(reply.cut)
            return self._judged(reply, str(error))
        if not page.broken:
            self._met = True
            return page
        if _is_busy(reply.status) and not page.records:
            return self._judged(reply, page.broken)
        return _Failure(f"the page is broken: {page.broken}", salvaged=page)

    def _judged(self, reply: Reply, kind: str) -> _Failure:
        """What an answer that is no OAI-PMH means, by its HTTP status."""
        status = reply.status
        if status in (401, 403):
            raise SourceError(
                f"{self.settings.url} refuses to be read (HTTP {_status_text(status)}): "
                "ask the library to admit this harvester, or give user and password."
            )
        if _is_busy(status):
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self._transport.slow_down()
            wait = retry_after(reply.retry_after, self._clock())
            return _Failure(f"it is too busy (HTTP {_status_text(status)})", busy=True, wait=wait)
        if status >= 500 or status == 408:
            return _Failure(f"HTTP {_status_text(status)}")
        if status >= 400:
            return _Failure(f"it answers HTTP {_status_text(status)}", hopeless=True, again=False)
        # A page of maintenance comes with 200 as well, so it is worth another try; but not on the first contact.
        return _Failure(f"it answers with {kind}", hopeless=True, again=self._met)

    def _wait(self, failure: _Failure, attempt: int, waited: float) -> float:
        """Sleep before the next try; returns the seconds. Raises SourceError where that would be too long."""
        if failure.wait is not None:
            pause = failure.wait
        else:
            base = BACKOFF_BUSY if failure.busy else BACKOFF
            pause = min(BACKOFF_MOST, base * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        if waited + pause > self.settings.max_wait:
            raise self._later(failure, pause)
        self._sleep(pause)
        return pause

    def _later(self, failure: _Failure, pause: float) -> SourceError:
        moment = (datetime.fromtimestamp(self._clock(), UTC) + timedelta(seconds=pause)).replace(microsecond=0)
        return SourceError(
            f"{self.settings.url}: {failure.message}. Harvest it again, not before {moment:%Y-%m-%d %H:%M:%S} UTC.",
            not_before=moment,
        )


class PageIterator(BaseOAIIterator):  # type: ignore[misc]  # sickle has no types
    """The pages of a list. After an exception it stands where it stood: `next` asks for the same page again."""

    oai_response: OaiPage | None
    resumption_token: Any

    def _next_response(self) -> None:
        params = self.params
        if self.resumption_token is not None:
            params = {"verb": self.verb, "resumptionToken": self.resumption_token.token}
        page = self.sickle.harvest(**params)
        if page.errors:
            raise RefusalError(page)
        self.resumption_token = ResumptionToken(token=page.token, complete_list_size=page.promised)
        self.oai_response = page

    def next(self) -> OaiPage:
        if self.oai_response is None:
            if not self.resumption_token.token:
                raise StopIteration
            self._next_response()
        page, self.oai_response = self.oai_response, None
        assert page is not None, "_next_response sets it or raises"
        return page


def retry_after(text: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for (a number or an HTTP date); None where it says nothing usable."""
    text = text.strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)


def _is_busy(status: int) -> bool:
    return status in (429, 503)


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
