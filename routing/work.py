"""One request, in one transaction: events are added to it, and all that follows from an event is done beside it.

Invariant: the events, what they make (request, rota entries), the timers, what was learnt, the postings of the ledger
and the messages that go out are committed together or not at all. So no message tells of something that did not
happen, and nothing that happened is without its message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct, structs

from mappings.model import UnionRecord, union_key
from mappings.requests import Event, Wish
from routing import clocks, learning
from routing.calendar import Calendar
from routing.case import Case, Entry, apply
from routing.citation_parts import count_pages
from routing.citations import display, item_key
from routing.ledger import record_supply, reverse_supply
from routing.network import Network
from routing.notifying import Notifier
from routing.settings import RoutingSettings
from routing.states import BEFORE_SUPPLY, SAID
from store import choices, requests, timers, unions
from store.database import Unit
from store.remarks import add_remark
from store.request_events import add_events
from store.requests import EntryRow, Person, RequestRow
from store.timers import Timer


class Actor(Struct, frozen=True):
    """Who does something to a request."""

    kind: str  # one of mappings.requests.ACTORS
    who: int = 0  # id of a staff account; readers are 0
    library: str = ""
    on_behalf_of: str = ""


SYSTEM = Actor("system")
TIMER = Actor("timer")
RULE = Actor("rule")


class Surroundings:
    """What a transaction needs to know beside the request: who takes part, settings, calendars, union records. Each is
    read once."""

    def __init__(self, network: Network, settings: RoutingSettings, now: datetime) -> None:
        self.network = network
        self.settings = settings
        self.now = now
        self._calendars: dict[str, Calendar] = {}
        self._unions: dict[str, UnionRecord | None] = {}

    def calendar(self, symbol: str) -> Calendar:
        found = self._calendars.get(symbol)
        if found is None:
            found = self._calendars[symbol] = Calendar.of(
                self.network.policy(symbol), self.settings.days, self.settings.hours
            )
        return found

    def union(self, unit: Unit, record_id: str) -> UnionRecord | None:
        """The union record of that id, or the one that it was merged into; None = there is none any longer."""
        if record_id not in self._unions:
            self._unions[record_id] = _live_union(unit, record_id)
        return self._unions[record_id]


def _live_union(unit: Unit, record_id: str) -> UnionRecord | None:
    key = union_key(record_id)
    if key is None:
        return None
    found = unions.get_union(unit, key)
    if found is None and (live := unions.redirect(unit, key)) is not None:
        return unions.get_union(unit, live)
    return found


class Work:
    """A request that is being changed. `save` ends it; until then nothing of it is stored but what follows from it."""

    def __init__(self, unit: Unit, around: Surroundings, case: Case, person: Person | None) -> None:
        self.unit = unit
        self.around = around
        self.case = case
        self.person = person
        self.now = around.now
        self._is_new = case.seq == 0
        self._events: list[Event] = []
        self._remarks: dict[int, dict[str, str]] = {}
        self._notifier = Notifier(unit, around.network, person.account if person else 0)

    @property
    def network(self) -> Network:
        return self.around.network

    @property
    def union(self) -> UnionRecord | None:
        """What is wanted, as the catalogue has it now; None = it has not."""
        wish = self.case.wish
        return self.around.union(self.unit, wish.citation.record_id) if wish else None

    @property
    def last(self) -> Event | None:
        """The last event of this transaction."""
        return self._events[-1] if self._events else None

    def fire(self, name: str, actor: Actor = SYSTEM, entry: int = 0, data: Mapping[str, Any] | None = None) -> Case:
        """Let it happen, with all that follows at once. Raises NotAllowed, and then nothing has happened."""
        before = self.case
        event = Event(
            before.request_id,
            before.seq + 1,
            self.now,
            name,
            actor.kind,
            actor.who,
            actor.library or (before.entry(entry).supplier if entry and actor.kind == "system" else ""),
            actor.on_behalf_of,
            entry,
            dict(data or {}),
        )
        kept, words = without_words(event)
        self.case = apply(before, kept)
        self._events.append(kept)
        if words:
            self._remarks[kept.seq] = words
        self._set_clocks(before, event)
        if event.entry and event.name in learning.ANSWERS:
            supplier = before.entry(entry).supplier
            half_life = self.around.settings.rota.estimates.half_life
            learning.learn(self.unit, self.network, self.around.calendar(supplier), before, event, half_life)
        self._settle_accounts(before, event)
        self._close_choices(before)
        by_rule = name == "condition" and accepted_by_rule(self.network, self.case, self.case.entry(entry))
        # With its words: what was said goes to whom it was said.
        self._notifier.tell(before, event, self.case, self.now, by_rule=by_rule)
        return self.case

    # ------------------------------------------------------------------------------------------ what follows

    @cached_property
    def _running(self) -> set[tuple[int, str]]:
        """Entry and kind of every clock that runs; the request is locked, so nobody else starts one."""
        if self._is_new:
            return set()
        return {(timer.entry, timer.kind) for timer in timers.timers_of(self.unit, self.case.request_id)}

    def _start(self, timer: Timer | None) -> None:
        if timer is not None:
            timers.set_timer(self.unit, timer)
            self._running.add((timer.entry, timer.kind))

    def _stop(self, kind: str, entry: int = 0) -> None:
        if (entry, kind) in self._running:
            timers.drop_timer(self.unit, self.case.request_id, entry, kind)
            self._running.remove((entry, kind))

    def _set_clocks(self, before: Case, event: Event) -> None:
        case, settings = self.case, self.around.settings.clocks
        calendars = self.around.calendar
        if event.entry:
            was = before.entry(event.entry)
            entry = case.entry(event.entry)
            if entry.state != was.state:
                if kind := clocks.ENTRY_KIND.get(was.state):
                    self._stop(kind, entry.number)
                self._start(
                    clocks.retry_timer(case, entry, str(event.data.get("until", "")), self.now, calendars)
                    if entry.state == "deferred"
                    else clocks.entry_timer(case, entry, self.now, self.network, calendars, settings)
                )
        if case.state != before.state or event.name == "escalate":
            for kind in clocks.OF_A_STATE:
                self._stop(kind)
            for timer in clocks.request_timers(case, self.now, calendars, settings):
                self._start(timer)
        open_ = case.state in BEFORE_SUPPLY
        if not open_:
            self._stop("expire")
        elif before.state not in BEFORE_SUPPLY or before.wish != case.wish:
            self._stop("expire")
            self._start(clocks.expiry(case, settings))

    def wait_for(self, suppliers: Sequence[str]) -> None:
        """Go on when the first of these libraries takes requests again."""
        again = (clocks.resume_timer(self.case, self.now, each, self.around.calendar) for each in suppliers)
        self._start(min(again, key=lambda timer: timer.due_at))

    def _settle_accounts(self, before: Case, event: Event) -> None:
        """A fill that supplies the request is posted; one that comes when it needs nothing any more is for the
        libraries to agree on. What a copy cost that turned out bad is given back where no better one comes from that
        library, or the request ends without."""
        if event.name == "fill" and self.case.state == "delivered" != before.state:
            entry = self.case.entry(event.entry)
            assert self.case.wish is not None
            if before.entry(event.entry).supplied:
                self._reverse(event.entry, "bad_copy")  # the better one may have more pages
            record_supply(
                self.unit,
                request_id=self.case.request_id,
                entry=entry.number,
                path=entry.path,
                requester=self.case.requester,
                wish=self.case.wish,
                pages=_pages_supplied(entry, self.case.wish),
                actual_cost=min(entry.cost, allowed_cost(self.network, self.case, entry)),
                at=self.now,
                libraries=self.network.libraries,
                searched_by=self.case.searched_by if self.case.searched_by in self.network.nodes else "",
                carrier="microform" if event.data.get("format") == "microform" else "print",
            )
        elif event.entry and event.name in _WITHOUT_SUPPLY and before.entry(event.entry).supplied:
            self._reverse(event.entry, event.name)
        if self.case.is_closed and self.case.state != "closed_filled" and before.state in BEFORE_SUPPLY:
            for entry in self.case.entries:
                if entry.supplied:  # and its copy was bad, or the request would not have been open
                    self._reverse(entry.number, event.name)

    def _reverse(self, entry: int, reason: str) -> None:
        reverse_supply(self.unit, request_id=self.case.request_id, entry=entry, at=self.now, reason=reason)

    def _close_choices(self, before: Case) -> None:
        """A promise is kept or broken when the reader has the item, or when it is clear that it won't come: until his
        copy turns out bad, or one comes late after all."""
        was_open, is_open = before.state in BEFORE_SUPPLY, self.case.state in BEFORE_SUPPLY
        came_late = before.is_closed and self.case.state == "delivered"
        if came_late or (is_open and not was_open):
            choices.reopen_choices(self.unit, self.case.request_id)
        if came_late or (was_open and not is_open):
            # Who takes his request back has found out nothing of what was promised.
            taken_back = self.case.state in ("closed_cancelled", "closed_local", "closed_duplicate")
            filled = None if taken_back else self.case.state == "delivered"
            choices.end_choices(self.unit, self.case.request_id, self.now, filled=filled)

    # ------------------------------------------------------------------------------------------ storing

    def save(self) -> Case:
        """Store the events and what they have made of it."""
        if self._events:
            add_events(self.unit, self._events)
            requests.save_request(self.unit, row_of(self.case), entry_rows(self.case))
            for seq, words in self._remarks.items():
                add_remark(self.unit, self.case.request_id, seq, words)
            self._events, self._remarks = [], {}
        return self.case


_WITHOUT_SUPPLY = ("refuse", "reject", "silence", "cancel_yes", "forward")
"""Events that end the asking of a library without a supply."""


def _pages_supplied(entry: Entry, wish: Wish) -> int:
    """Of a copy. Where the supplier has not counted them, as many as were asked for."""
    return 0 if entry.loan or wish.service == "loan" else entry.pages or count_pages(wish.citation.pages)


PRICES = ("", "Cost", "CostExceedsMaxCost")
"""Codes of conditions that are nothing but a price."""


def accepted_by_rule(network: Network, case: Case, entry: Entry) -> bool:
    """Whether its condition costs no more than the reader or the library has allowed, and asks for nothing else."""
    return not entry.worded and entry.code in PRICES and entry.cost <= allowed_cost(network, case, entry)


def allowed_cost(network: Network, case: Case, entry: Entry) -> int:
    """Fen beside the tariff that may be charged for a supply: of a condition that was accepted, or what the reader or
    the requesting library pays without being asked."""
    assert case.wish is not None
    return max(entry.agreed, case.wish.max_cost, network.policy(case.requester).accept_cost)


_SPOKEN = ("reason", "note", "text")
_PEOPLE = frozenset(("reader", "officer", "supplier", "node"))


def without_words(event: Event) -> tuple[Event, dict[str, str]]:
    """The event as it is kept for ever, and what somebody has said with it in his own words."""
    if event.actor not in _PEOPLE:
        return event, {}
    words = {name: str(event.data[name]) for name in _SPOKEN if str(event.data.get(name) or "").strip()}
    if not words:
        return event, {}
    return structs.replace(event, data=event.data | dict.fromkeys(words, SAID)), words


def row_of(case: Case) -> RequestRow:
    """The request as lists show it."""
    wish = case.wish
    assert wish is not None and case.created is not None and case.updated is not None
    asked = case.filled or case.active  # one that supplied it, be it late, though another is still being told to stop
    return RequestRow(
        id=case.request_id,
        state=case.state,
        seq=case.seq,
        created=case.created,
        updated=case.updated,
        closed=case.closed,
        requester=case.requester,
        branch=case.branch,
        desk=case.desk if case.state == "blank" else "",
        supplier=asked.supplier if asked else "",
        title=display(wish.citation),
        record=wish.citation.record_id,
        item=item_key(wish.citation),
        service=wish.service,
        level=wish.level,
        folded=msgspec.json.encode(case).decode(),
    )


def entry_rows(case: Case) -> list[EntryRow]:
    return [
        EntryRow(case.request_id, each.number, each.supplier, each.state, each.position, each.sent, each.answered)
        for each in case.entries
    ]


case_decoder = msgspec.json.Decoder(Case)


def open_work(unit: Unit, around: Surroundings, request_id: int) -> Work | None:
    """The request, locked; None = there is none of that number."""
    row = requests.lock_request(unit, request_id)
    if row is None:
        return None
    return Work(unit, around, case_decoder.decode(row.folded), requests.person_of(unit, request_id))
