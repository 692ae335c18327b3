"""What the web part is told when it is put together."""

from __future__ import annotations

from msgspec import Struct


class Sample(Struct, frozen=True):
    """A search to try, offered on the first page."""

    query: str
    zh: str  # what it shows, in a few words
    en: str
    field: str = "any"


class ApiSettings(Struct, frozen=True):
    base_url: str = "http://127.0.0.1:8000"  # of permalinks and of every URL in the API; no slash at the end
    notice_zh: str = ""  # a banner on every page: "these are sample data"
    notice_en: str = ""
    page_size: int = 20  # hits a page where the request doesn't say
    samples: tuple[Sample, ...] = ()
    retry_after: int = 5  # seconds that a client is told to wait when the engine or the store is down
    metrics_token: str = ""  # that a reader of /metrics shows; "" = loopback and private addresses may read
    data_folder: str = ""  # whose disk /metrics tells of, and where erasures are noted; "" = none
    self_registration: bool = False  # readers may make their own accounts
    session_idle: int = 2 * 3600  # seconds without a request after which a session ends
    session_lasting: int = 12 * 3600  # seconds after which it ends in any case
    requests_per_hour: int = 30  # that a reader may make; an officer, or a program, ten times as many
    requests_at_once: int = 10  # of these
    webhook_tests: int = 10  # an hour, of an account or key
