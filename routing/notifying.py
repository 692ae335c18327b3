"""Puts the messages of an event into the outbox, in the event's own transaction (what they are:
routing/messages.py)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from mappings.requests import Event, LibraryPolicy
from routing.calendar import CHINA
from routing.case import Case
from routing.citations import missing
from routing.messages import STATUS_CHANGED, Facts, OutgoingMessage, Party, messages_for
from routing.network import Network
from store import choices, outbox, webhooks
from store.database import Unit


class Notifier:
    """Of one transaction on one request. What it needs to know is looked up when a message first needs it."""

    def __init__(self, unit: Unit, network: Network, reader: int) -> None:
        """`reader`: account whose request it is; 0 = nobody is known, or no longer."""
        self._unit = unit
        self._network = network
        self._reader = reader
        self._subscribed: dict[frozenset[str], dict[int, str]] = {}

    def tell(self, before: Case, event: Event, after: Case, now: datetime, *, by_rule: bool = False) -> None:
        """Put whatever the event is to be told by. `by_rule`: it names a condition that will be accepted by rule."""
        asked = [symbol for entry in after.entries for symbol in (entry.supplier, entry.toward)]
        symbols = [after.requester, after.branch, *asked]
        facts = Facts(
            libraries=self._parties(symbols),
            channels={symbol: self._policy(symbol).channel for symbol in symbols},
            reader=str(self._reader) if self._reader else "",
            webhooks=tuple(self._webhooks(after)) if before.state != after.state else (),
            missing=missing(after.wish) if after.state == "draft" and after.wish else (),
            # Nothing is promised yet of a request that is only being made.
            expected=self._expected(after) if before.seq and event.name in ("send", "retry_later", "submit") else "",
            by_rule=by_rule,
        )
        for message in messages_for(before, after, event, facts):
            outbox.put_message(
                self._unit,
                key=message.key,
                channel=message.channel,
                target=message.target,
                kind=message.kind,
                body=self._body(message, after),
                request_id=message.request_id,
                entry=message.entry,
                at=now,
            )

    def _policy(self, symbol: str) -> LibraryPolicy:
        return self._network.policy(symbol)

    def _parties(self, symbols: Iterable[str]) -> dict[str, Party]:
        known = self._network.libraries
        return {
            symbol: Party(symbol, known[symbol].name_zh, known[symbol].name_en) for symbol in symbols if symbol in known
        }

    def _webhooks(self, case: Case) -> dict[int, str]:
        """Subscriptions of the system and of the libraries that have to do with the request: whose each is."""
        asked = {entry.supplier for entry in case.entries if entry.asked}
        concerned = frozenset({case.requester, case.branch, *asked} - {""})
        if concerned not in self._subscribed:
            self._subscribed[concerned] = webhooks.subscribers(self._unit, STATUS_CHANGED, concerned)
        return self._subscribed[concerned]

    def _body(self, message: OutgoingMessage, case: Case) -> str:
        """A program of a library that was asked hears how it goes on, not with whom: the library sees its own part
        alone."""
        if message.channel != "webhook":
            return message.body
        told, whose = msgspec.json.decode(message.body), self._webhooks(case)[int(message.target)]
        if whose not in ("", case.requester, case.branch, told["data"]["supplier"]):
            told["data"]["supplier"] = ""
        return msgspec.json.encode(told).decode()

    def _expected(self, case: Case) -> str:
        """The day by which it comes in half of all such cases, as was promised when the rota was made."""
        median = choices.promised(self._unit, case.request_id)
        return median.astimezone(CHINA).date().isoformat() if median else ""
