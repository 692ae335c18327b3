"""What is set for one OAI-PMH source, and the dates of the protocol."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec import Struct

from harvester.sources.protocol import SourceError

DAY, SECONDS = "day", "seconds"
UNIT = {DAY: 86_400, SECONDS: 1}
"""Seconds in one granule."""

OVERLAP = {DAY: 86_400.0, SECONDS: 3_600.0}
"""Seconds to go back behind the last complete run: records become visible some time after their datestamp."""


class OaiSettings(Struct, frozen=True):
    """One source. Times are seconds."""

    url: str  # base URL; http or https
    metadata_prefix: str = "marcxml"
    set_spec: str = ""  # "" = the whole repository
    granularity: str = ""  # day, seconds; "" = as Identify says
    overlap: float | None = None  # None = OVERLAP of the granularity
    contact: str = ""  # e-mail or page of the operator, told in the User-Agent
    charset: str = ""  # of the pages, where what they declare is known to be false
    local_names: bool = False  # take pages in another or no OAI-PMH namespace
    allow_private: bool = False  # addresses of a campus network or of this machine may be asked
    user: str = ""
    password: str = ""
    ca_file: str = ""  # certificates to trust instead of the usual ones
    connect_timeout: float = 20.0
    read_timeout: float = 60.0  # silence on the line
    page_deadline: float = 300.0  # a whole page, however it trickles
    max_page_bytes: int = 64 << 20  # as sent, and unpacked
    max_ratio: int = 200  # unpacked : packed
    delay: float = 0.0  # least pause between two requests
    patience: float = 1.0  # the pause is at least so many times as long as the last answer took
    tries: int = 5  # of one page
    max_wait: float = 300.0  # waiting inline for one page; a source that wants more is harvested later
    max_empty_pages: int = 100  # in a row; providers are known to send more than 30 that are legal
    max_pages: int = 200_000
    tolerance: float = 0.001  # share of completeListSize that may be lacking: it is only a hint

    def __post_init__(self) -> None:
        """Raises SourceError where the settings can't work."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceError(f"{self.url!r} is no web address: give the base URL, such as https://lib.example/oai.")
        if parts.username is not None:
            raise SourceError(
                f"The base URL at {parts.hostname} holds a user name: give user and password as settings of their own."
            )
        if self.granularity not in ("", DAY, SECONDS):
            raise SourceError(f"The granularity {self.granularity!r} of {self.url} is unknown: say day or seconds.")
        try:
            "".encode(self.charset or "utf-8")
        except LookupError:
            raise SourceError(f"The charset {self.charset!r} of {self.url} is unknown: say utf-8, gb18030 …") from None
        if self.max_empty_pages < 50:
            raise SourceError(f"max_empty_pages of {self.url} is {self.max_empty_pages}: it must be 50 or more.")


def parse_date(text: str) -> datetime | None:
    """A datestamp or responseDate as UTC; None where it is no date. Without a zone it counts as UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def to_granule(moment: datetime, granularity: str) -> int:
    """The number of the day or second since 1970 that the moment lies in."""
    return int(moment.timestamp() // UNIT[granularity])


def granule_text(number: int, granularity: str) -> str:
    """The same as OAI-PMH writes it: 2026-11-23 or 2026-11-23T04:05:06Z."""
    moment = datetime.fromtimestamp(number * UNIT[granularity], UTC)
    return moment.strftime("%Y-%m-%d" if granularity == DAY else "%Y-%m-%dT%H:%M:%SZ")
