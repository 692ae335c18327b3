"""The answers of the API about requests: one struct each. OpenAPI's schemas are made from these."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from mappings.requests import Wish


class Said(Struct, frozen=True):
    """A sentence, or a word for a code, in both languages."""

    zh: str
    en: str


class EntryAnswer(Struct, frozen=True):
    """A library in the rota of a request."""

    number: int
    library: str  # who is asked
    name_zh: str
    name_en: str
    state: str
    state_zh: str
    state_en: str
    path: tuple[str, ...]  # the hops to it, itself last
    toward: str  # to which it is to pass the request on
    parent: int  # the entry that forwarded to this one; 0 = none
    asked: int  # how often
    reason: str  # code of its refusal, or why it was recalled
    reason_zh: str
    reason_en: str
    cost: int  # fen: of a condition, or what a supply cost
    why: Said  # why it was chosen
    actions: tuple[str, ...]  # events that the asker may fire on it
    sent: datetime | None = None
    due: datetime | None = None  # when its clock runs out
    answered: datetime | None = None


class PassedOver(Struct, frozen=True):
    library: str
    name_zh: str
    name_en: str
    why: Said


class EventAnswer(Struct, frozen=True):
    """Something that happened."""

    seq: int
    at: datetime
    name: str
    name_zh: str
    name_en: str
    actor: str
    library: str
    library_zh: str
    library_en: str
    entry: int
    reason: str
    reason_zh: str
    reason_en: str
    note: str


class Expected(Struct, frozen=True):
    """What was promised when the rota was made."""

    p_fill: float
    basis: Said
    median: datetime | None = None  # half of all such requests that are filled have come by then
    late: datetime | None = None  # four fifths of them


class RequestAnswer(Struct, frozen=True):
    id: int
    url: str
    state: str
    state_zh: str
    state_en: str
    next_zh: str  # what happens next, or what is to be done, and by whom
    next_en: str
    title: str
    record: str  # id of the union record; "" = not matched
    record_url: str
    wish: Wish
    source: str
    requester: str
    requester_zh: str
    requester_en: str
    branch: str
    reader: str  # name, for those who may know it; "" = not told, or erased
    reader_id: str  # account
    note: str
    delivery: str
    desk: str
    other: int  # the request that it repeats; 0 = none
    missing: tuple[str, ...]  # fields that are to be told
    created: datetime
    updated: datetime
    entries: tuple[EntryAnswer, ...]
    passed_over: tuple[PassedOver, ...]
    events: tuple[EventAnswer, ...]
    actions: tuple[str, ...]  # events that the asker may fire on the request
    chosen: str  # what the rota was ordered by
    closed: datetime | None = None
    expected: Expected | None = None


class RequestBrief(Struct, frozen=True):
    """A request as lists show it."""

    id: int
    url: str
    state: str
    state_zh: str
    state_en: str
    next_zh: str
    next_en: str
    title: str
    requester: str
    requester_zh: str
    requester_en: str
    supplier: str
    supplier_zh: str
    supplier_en: str
    service: str
    level: str
    created: datetime
    updated: datetime
    closed: datetime | None = None
    entry: int = 0  # in a queue: the entry by which the library is asked
    entry_state: str = ""
    sent: datetime | None = None
    due: datetime | None = None


class RequestList(Struct, frozen=True):
    requests: tuple[RequestBrief, ...]
    next: str  # parameter `before` of the following page; "" = this is the last one
    more: int = 0  # of a queue or desk: that wait as well, and are listed when those before them are done with


class MatchAnswer(Struct, frozen=True):
    """Union records that a citation may mean."""

    citation: dict[str, str]  # as it was understood; elements that are not known are left out
    missing: tuple[str, ...]  # fields without which it can't be sent
    missing_zh: tuple[str, ...]
    missing_en: tuple[str, ...]
    candidates: tuple[MatchCandidate, ...]  # best first


class MatchCandidate(Struct, frozen=True):
    id: str
    url: str
    confidence: float
    basis_zh: str
    basis_en: str
    title: str
    responsibility: str
    publisher: str
    year: int
    holders: int
