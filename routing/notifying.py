"""Puts the messages of an event into the outbox, in the event's own transaction (what they are:
routing/messages.py)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mappings.requests import Event, LibraryPolicy
from routing.calendar import CHINA
from routing.case import Case
from routing.citations import missing
from routing.messages import STATUS_CHANGED, Facts, Party, messages_for
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
        self._subscribed: dict[frozenset[str], tuple[int, ...]] = {}

    def tell(self, before: Case, event: Event, after: Case, now: datetime) -> None:
        """Put whatever the event is to be told by."""
        asked = [symbol for entry in after.entries for symbol in (entry.supplier, entry.toward)]
        symbols = [after.requester, after.branch, *asked]
        facts = Facts(
            libraries=self._parties(symbols),
            channels={symbol: self._policy(symbol).channel for symbol in symbols},
            reader=str(self._reader) if self._reader else "",
            webhooks=self._webhooks(after) if before.state != after.state else (),
            missing=missing(after.wish) if after.state == "draft" and after.wish else (),
            expected=self._expected(after) if event.name in ("send", "retry_later", "submit") else "",
        )
        for message in messages_for(before, after, event, facts):
            outbox.put_message(
                self._unit,
                key=message.key,
                channel=message.channel,
                target=message.target,
                kind=message.kind,
                body=message.body,
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

    def _webhooks(self, case: Case) -> tuple[int, ...]:
        """Subscriptions of the system and of the libraries that have to do with the request."""
        asked = {entry.supplier for entry in case.entries if entry.asked}
        concerned = frozenset({case.requester, case.branch, *asked} - {""})
        if concerned not in self._subscribed:
            self._subscribed[concerned] = tuple(webhooks.subscribers(self._unit, STATUS_CHANGED, concerned))
        return self._subscribed[concerned]

    def _expected(self, case: Case) -> str:
        """The day by which it comes in half of all such cases, as was promised when the rota was made."""
        median = choices.promised(self._unit, case.request_id)
        return median.astimezone(CHINA).date().isoformat() if median else ""
