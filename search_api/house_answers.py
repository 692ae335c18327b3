"""The answers of the API about libraries and the house: policies, corrections, statistics, settlement, webhooks, audit,
outbox, settings. One struct each; OpenAPI's schemas are made from these. Ids of accounts, keys and entries are text:
they are greater than what JavaScript counts to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from msgspec import Struct

from mappings.requests import LibraryPolicy
from routing.prediction import Assessment
from routing.settings import RoutingSettings
from routing.statements import Bearer, Line
from routing.statistics_table import Table


class PolicyAnswer(Struct, frozen=True):
    """How a library takes part in document delivery. What is left out of `policy` is as the schema's default."""

    library: str
    name_zh: str
    name_en: str
    policy: LibraryPolicy
    rerouted: int = 0  # of a change by which the library closes: requests that went on to another library


class CorrectionAnswer(Struct, frozen=True):
    """A holding that a library has said it does not have: its cataloguers look and say what is true."""

    id: int
    library: str
    record: str
    record_url: str
    title: str
    request: int
    entry: int
    code: str
    code_zh: str
    code_en: str
    wanted: str  # volume, issue or year that was asked for; "" = the whole
    opened: datetime
    result: str  # holding_wrong, holding_right; "" = open
    note: str
    closed: datetime | None = None


class CorrectionList(Struct, frozen=True):
    corrections: tuple[CorrectionAnswer, ...]


class StatisticsAnswer(Struct, frozen=True):
    """Tables of codes and plain numbers; what a code is called stands in its column."""

    first: date
    last: date
    library: str
    partner: str
    side: str
    as_of: datetime
    tables: tuple[Table, ...]


class PredictionsAnswer(Struct, frozen=True):
    """How good the promises were that were made of the requests of a period, as far as their outcome is known."""

    first: date
    last: date
    library: str
    as_of: datetime
    assessment: Assessment


class PairAnswer(Struct, frozen=True):
    """Two libraries, or two consortia, that supplied each other. Amounts are fen."""

    a: str
    b: str
    gross_a: int  # that a owes b
    gross_b: int
    net: int  # above zero: a owes b so much in the end
    open: bool  # not settled yet
    a_owes: tuple[Line, ...]
    b_owes: tuple[Line, ...]


class StatementAnswer(Struct, frozen=True):
    """The offset statement of a month (收支平衡表)."""

    period: str
    closed: bool
    library: str  # "" = of all
    libraries: tuple[PairAnswer, ...]
    consortia: tuple[PairAnswer, ...]
    bearers: tuple[Bearer, ...]  # what was paid in the place of readers, by account


class PeriodAnswer(Struct, frozen=True):
    """A closed month."""

    period: str
    closed_at: datetime
    transactions: int
    digest: str  # SHA-256 of all of them


class WebhookEntry(Struct, frozen=True):
    id: int
    library: str  # whose requests it is told of; "" = of all
    url: str
    kinds: tuple[str, ...]
    active: bool
    failures: int  # attempts in a row that failed
    created: datetime
    disabled_why: str
    disabled_at: datetime | None = None


class WebhookList(Struct, frozen=True):
    webhooks: tuple[WebhookEntry, ...]


class NewWebhookAnswer(Struct, frozen=True):
    secret: str  # shown this once: with it a receiver knows that we are the sender (Standard Webhooks)
    webhook: WebhookEntry


class DeliveryAnswer(Struct, frozen=True):
    """A message that is on its way."""

    webhook: int
    type: str


class AuditEntry(Struct, frozen=True):
    """A change: who, as whom, what. Readers' own acts name nobody."""

    id: str
    at: datetime
    who: str  # account; "0" = nobody who signed in
    way: str
    roles: tuple[str, ...]
    library: str
    action: str
    object: str
    before: dict[str, Any]
    after: dict[str, Any]
    request_id: str
    key_id: str


class AuditList(Struct, frozen=True):
    entries: tuple[AuditEntry, ...]  # newest first
    next: str  # parameter `before` of the following page; "" = this is the last one


class ChannelEntry(Struct, frozen=True):
    channel: str
    waiting: int
    oldest_seconds: float


class DeadMessage(Struct, frozen=True):
    """A message that was given up. Not what it says, nor to whom: that may be a reader's."""

    id: int
    channel: str
    kind: str
    request: int
    created: datetime
    attempts: int
    error: str
    ended: datetime | None = None


class OutboxAnswer(Struct, frozen=True):
    channels: tuple[ChannelEntry, ...]
    dead: tuple[DeadMessage, ...]


class RevivedAnswer(Struct, frozen=True):
    id: int
    state: str


class SettingsAnswer(Struct, frozen=True):
    """What the routing is set to. What is left out is as the schema's default."""

    settings: RoutingSettings


KINDS: tuple[type[Struct], ...] = (
    PolicyAnswer,
    CorrectionAnswer,
    CorrectionList,
    StatisticsAnswer,
    PredictionsAnswer,
    StatementAnswer,
    PeriodAnswer,
    WebhookList,
    NewWebhookAnswer,
    DeliveryAnswer,
    AuditList,
    OutboxAnswer,
    RevivedAnswer,
    SettingsAnswer,
)
