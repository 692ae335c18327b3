"""Which messages follow from an event: to the library that is asked, to the reader, to officers, to programs.

Pure: the request before and after the event and what else is known go in, messages come out; whoever writes the event
puts them into the outbox in the same transaction. Bodies are in our own words and without names, addresses or account
data of readers: these are looked up, and a standard's words are found, when a message is sent.

Invariant: a message's key is made of (request, seq, channel, target, kind), and the messages of one event are the same
whenever they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from mappings.requests import Event, Wish
from routing.case import Case, Entry
from routing.states import SAID

STATUS_CHANGED = "request.status_changed"

SUPPLIER_EVENTS = {
    "send": "supplier.request",
    "due": "supplier.request",  # it was told to ask again later
    "retry": "supplier.retry",  # its copy was bad
    "recall": "supplier.cancel",
    "accept": "supplier.accept",
    "reject": "supplier.reject",
}
"""Events of an entry that the library asked is told, with the kind of message."""

ASKING = ("supplier.request", "supplier.retry")
"""Messages by which a library is asked."""

AFTER_SUPPLY = {"receive": "supplier.received", "returned": "supplier.returned"}
"""Events of the request that the library which supplied it is told."""

PEER_EVENTS = frozenset(
    (
        "will_supply",
        "condition",
        "incomplete",
        "fill",
        "close",
        "give_up",
        "expire",
        "lapse",
        "cancel_done",
        "returned",
    )
)
"""Events that a library is told which sent us the request as its own ISO 18626 message. That one of several libraries
refuses is not its affair."""

MAIL_KINDS = (
    "reader.receipt", "reader.question", "reader.decide", "reader.sent", "reader.expected", "reader.delivered",
    "reader.unfilled", "reader.cancelled",
    "officer.condition", "officer.exhausted", "officer.overdue", "officer.search", "officer.second",
    "officer.undeliverable",
    *dict.fromkeys((*SUPPLIER_EVENTS.values(), *AFTER_SUPPLY.values())),
)  # fmt: skip
"""Each has its text in routing/templates."""


class Party(Struct, frozen=True, omit_defaults=True):
    """A library as messages name it."""

    symbol: str
    name_zh: str = ""
    name_en: str = ""


class Facts(Struct, frozen=True):
    """What the messages of a request depend on beside its events."""

    libraries: Mapping[str, Party]  # by symbol; one that is not there is named by its symbol
    channels: Mapping[str, str]  # LibraryPolicy.channel by symbol; one that is not there works in the queue
    reader: str = ""  # id of the reader's account; "" = there is none, or he wants no mail
    officers: bool = True  # the requesting library's officers want mail
    webhooks: tuple[int, ...] = ()  # subscriptions that are told of this request
    missing: tuple[str, ...] = ()  # fields of the citation that must be given before it can go on
    expected: str = ""  # ISO date by which it is to be expected; "" = nobody can tell
    by_rule: bool = False  # the condition that was named is accepted at once, and nobody is asked


class OutgoingMessage(Struct, frozen=True):
    """What `store.outbox.put_message` takes."""

    key: str
    channel: str
    target: str
    kind: str
    body: str
    request_id: int
    entry: int = 0


class Body(Struct, frozen=True, omit_defaults=True):
    """What a message tells, for libraries, readers and officers; JSON in the outbox."""

    event: str
    at: datetime
    request: int
    state: str  # of the request, after the event
    requester: Party
    wish: Wish | None = None
    data: dict[str, Any] = {}  # of the event
    seq: int = 0
    entry: int = 0
    supplier: Party | None = None  # the library of the entry
    toward: Party | None = None  # the library to which it is to pass the request on
    asked: int = 0  # how often that library was asked, this time included
    answered: datetime | None = None
    level: str = "standard"
    missing: tuple[str, ...] = ()
    expected: str = ""
    reason: str = ""  # why it ended or is sent again: a code or a person's words
    error: str = ""  # why another message could not be delivered


def messages_for(before: Case, after: Case, event: Event, facts: Facts) -> list[OutgoingMessage]:
    """All that is to be sent because of the event, in the order in which it is put."""
    writer = _Writer(before, after, event, facts)
    return [*writer.to_supplier(), *writer.to_peer(), *writer.to_reader(), *writer.to_officers(), *writer.to_programs()]


def undeliverable(key: str, channel: str, kind: str, body: str, error: str) -> OutgoingMessage | None:
    """What the requesting library's officers are told when a message to a library was given up; None = nothing."""
    if not kind.startswith("supplier."):
        return None
    told = msgspec.json.decode(body, type=Body)
    text = _json(msgspec.structs.replace(told, error=f"{channel}: {error}", reason=kind))
    requester = told.requester.symbol
    return OutgoingMessage(f"{key}/undeliverable", "email", requester, "officer.undeliverable", text, told.request, 0)


class _Writer:
    """The messages of one event."""

    def __init__(self, before: Case, after: Case, event: Event, facts: Facts) -> None:
        self.before, self.after, self.event, self.facts = before, after, event, facts
        self.changed = before.state != after.state
        self.entry = after.entry(event.entry) if event.entry else None

    # ------------------------------------------------------------------------------------------ to whom

    def to_supplier(self) -> Iterator[OutgoingMessage]:
        """By the channel that the library has; one that works in our queue finds everything there."""
        kind, entry = SUPPLIER_EVENTS.get(self.event.name, ""), self.entry
        if entry is None:
            kind, entry = AFTER_SUPPLY.get(self.event.name, ""), self.after.filled
        if not kind or entry is None:
            return
        channel = self.facts.channels.get(entry.supplier, "queue")
        if channel == "email" and self.event.data.get("why") == "undelivered":
            return  # it has nothing that could be taken back; a system may have, and not have said so
        if channel in ("iso18626", "email"):
            yield self._message(channel, entry.supplier, kind, entry, lane=entry.number)

    def to_peer(self) -> Iterator[OutgoingMessage]:
        """To the requesting library, where the request is its own ISO 18626 message."""
        name = self.event.name
        if name == "lapse" and self.after.state == "closed_filled":
            return  # it has been told that it was supplied
        if self.facts.by_rule:
            return
        if self._peer and name in PEER_EVENTS and (self.changed or name == "will_supply"):
            yield self._message("iso18626", self._peer, "peer.status", self.entry or self.after.filled)

    @property
    def _peer(self) -> str:
        """The library whose people work at another system, which is told by messages of ISO 18626 and decides there;
        "" = there is none. A branch that asks by itself is told itself, not its gateway."""
        after = self.after
        asked = (after.branch or after.requester) if after.source == "iso18626" else ""
        return asked if self.facts.channels.get(asked) == "iso18626" else ""

    def to_reader(self) -> Iterator[OutgoingMessage]:
        kind = self._readers_kind() if self.facts.reader else ""
        if kind:
            yield self._message("email", self.facts.reader, kind, self.entry or self.after.filled)

    def _readers_kind(self) -> str:
        name, state = self.event.name, self.after.state
        if name == "submit" and not self.before.requester:
            return "reader.receipt"
        if name in ("send", "retry_later"):
            return "reader.sent" if name == "send" else ("reader.expected" if self.facts.expected else "")
        if name == "repeated":
            return "reader.decide"
        if not self.changed:
            return ""
        by_state = {
            "draft": "reader.question",
            "delivered": "reader.delivered",
            "closed_unfilled": "reader.unfilled",
            "closed_expired": "reader.unfilled",
            "closed_cancelled": "reader.cancelled",
        }
        return by_state.get(state, "")

    def to_officers(self) -> Iterator[OutgoingMessage]:
        """Those of the requesting library, where something is to be decided or goes wrong; those of a desk that is to
        search (代查代检)."""
        kinds = {"condition": "officer.condition", "exhausted": "officer.exhausted"}
        kind = "" if self.facts.by_rule else kinds.get(self.event.name, "")
        if self.event.name == "recall" and self.event.data.get("why") in ("receipt", "action"):
            kind = "officer.overdue"
        if self.event.name in ("no_match", "escalate") and self.after.desk:
            yield self._message("email", self.after.desk, "officer.search", None)
        if self.event.name == "fill" and not self.changed:
            kind = "officer.second"
        if kind and self.facts.officers and self.after.requester and not self._peer:
            yield self._message("email", self.after.requester, kind, self.entry)

    def to_programs(self) -> Iterator[OutgoingMessage]:
        """That the status is another one; no word of what is asked for, or for whom."""
        if not self.changed or not self.facts.webhooks:
            return
        at = _iso(self.event.at)
        supplier = self.after.filled or self.after.active
        data = {
            "request": self.after.request_id,
            "sequence": self.event.seq,
            "status": self.after.state,
            "previous": self.before.state,
            "at": at,
            "requester": self.after.requester,
            "supplier": supplier.supplier if supplier else "",
        }
        body = _json({"type": STATUS_CHANGED, "timestamp": at, "data": data})
        for webhook in self.facts.webhooks:
            yield self._put("webhook", str(webhook), STATUS_CHANGED, body, 0)

    # ------------------------------------------------------------------------------------------ what

    def _message(self, channel: str, target: str, kind: str, entry: Entry | None, lane: int = 0) -> OutgoingMessage:
        after, facts = self.after, self.facts
        body = Body(
            self.event.name,
            self.event.at,
            after.request_id,
            after.state,
            self._party(after.requester),
            wish=after.wish,
            data=self.event.data if self.event.name not in _WORDY else {},
            seq=self.event.seq,
            entry=entry.number if entry else 0,
            supplier=self._party(entry.supplier) if entry else None,
            toward=self._party(entry.toward) if entry and entry.toward else None,
            asked=entry.asked if entry else 0,
            answered=entry.answered if entry else None,
            level=after.wish.level if after.wish else "standard",
            missing=facts.missing if kind == "reader.question" else (),
            expected=facts.expected,
            reason=self._reason(entry),
        )
        return self._put(channel, target, kind, _json(body), lane)

    def _reason(self, entry: Entry | None) -> str:
        """Why: what the event says, else what the request ended by, else the last refusal's code."""
        told = self.event.data.get("code") or self.event.data.get("why") or self.event.data.get("reason")
        if self.after.state == "closed_expired":
            return "expired"
        said = "" if self.after.reason == SAID else self.after.reason
        return str(told or said or (entry.code if entry else ""))

    def _put(self, channel: str, target: str, kind: str, body: str, lane: int) -> OutgoingMessage:
        request, seq = self.after.request_id, self.event.seq
        return OutgoingMessage(f"{request}/{seq}/{channel}/{target}/{kind}", channel, target, kind, body, request, lane)

    def _party(self, symbol: str) -> Party:
        return self.facts.libraries.get(symbol) or Party(symbol)


_WORDY = frozenset(("submit", "rota", "amend", "resolve", "extend"))
"""Events whose data are the wish, which the body has anyway, or what only we need."""


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
