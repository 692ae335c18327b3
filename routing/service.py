"""Requests as people and programs deal with them: make one, do something to one, let the clocks run.

Every call is one transaction of the caller's (`unit`), so that whatever must be committed with it can be: the answer
to a repeated call, an entry of the audit. Nothing is acknowledged before that is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from msgspec import Struct, structs

from mappings.requests import LEVELS, SERVICES, LibraryPolicy, Wish
from routing import clocks
from routing.calendar import CHINA
from routing.case import Case, Entry, NotAllowed
from routing.citations import citation_of, clean, missing, wish_facts
from routing.closures import takes_nothing
from routing.iso_days import iso_day
from routing.messages import ASKING
from routing.previewing import Preview, preview
from routing.settings import load_network, load_settings
from routing.states import TIMERS
from routing.steps import no_longer, settle
from routing.work import SYSTEM, TIMER, Actor, Surroundings, Work, open_work
from store import outbox, requests, timers
from store.database import Database, StoreBusyError, StoreError, Unit
from store.outbox import Message
from store.policies import policy_of, put_policy
from store.request_events import last_event_at
from store.requests import Person
from store.timers import Timer

log = structlog.get_logger("routing")

TRY_AGAIN = timedelta(minutes=15)
"""After which a timer is tried again that failed."""

STILL_ON_ITS_WAY = timedelta(hours=1)
"""After which it is looked at again whether a message has left us."""

FARTHEST = timedelta(days=3 * 366)
"""How far ahead a day may lie by which something is needed."""


class NewRequest(Struct, frozen=True):
    """What is asked for, by whom. The requesting library is that of the reader: a public branch asks through its
    gateway."""

    wish: Wish
    library: str  # the reader's
    reader: int  # account id; 0 = nobody is known: another system asks for somebody whom it knows
    note: str = ""
    delivery: str = ""
    source: str = "form"  # record, openurl, form, api, iso18626
    sponsored: bool = False  # an officer asks for the reader
    told: Mapping[str, Any] = {}  # what else its first event is to tell


class Incomplete(Exception):  # noqa: N818 — it says what is wrong
    """Fields are missing without which no library can find the item: they are asked for before it is sent."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class UnknownRequest(LookupError):  # noqa: N818 — as Incomplete
    """There is no request of that number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no request {number}")
        self.number = number


class RequestService:
    """Thread-safe; keeps nothing."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock

    def around(self, unit: Unit) -> Surroundings:
        """Who takes part and how, as of now."""
        return Surroundings(load_network(unit), load_settings(unit), self.clock())

    def create(self, unit: Unit, new: NewRequest, actor: Actor, around: Surroundings | None = None) -> Case:
        """Make the request and send it on its way. Raises Incomplete and NotAllowed."""
        around = around or self.around(unit)
        requester, branch = around.network.requesting(new.library)
        if requester not in around.network.libraries:
            raise NotAllowed("unknown-library", f"没有代码为 {requester} 的馆。", f"There is no library {requester}.")
        wish = completed(unit, around, new.wish)
        require_sound(wish, around.now)
        number = requests.new_request(unit, around.now)
        person = Person(new.reader, new.note, new.delivery) if new.reader else None
        if person is not None:
            requests.put_person(unit, number, person)
        work = Work(unit, around, Case(number), person)
        data = {
            **new.told,
            "requester": requester,
            "branch": branch,
            "wish": msgspec.to_builtins(wish),
            "source": new.source,
            "sponsored": new.sponsored,
        }
        work.fire("submit", structs.replace(actor, library=actor.library or requester), data=data)
        settle(work)
        return work.save()

    def preview(self, unit: Unit, wish: Wish, library: str, reader: int = 0) -> Preview:
        """What would become of it, for a reader of that library. Writes nothing."""
        around = self.around(unit)
        return preview(unit, around, completed(unit, around, wish), library, reader)

    def fire(
        self,
        unit: Unit,
        request_id: int,
        name: str,
        actor: Actor,
        *,
        entry: int = 0,
        data: Mapping[str, Any] | None = None,
        around: Surroundings | None = None,
    ) -> Case:
        """Let an event happen, and all that the system does thereupon. Raises UnknownRequest, NotAllowed,
        Incomplete."""
        around = around or self.around(unit)
        work = open_work(unit, around, request_id)
        if work is None:
            raise UnknownRequest(request_id)
        told = dict(data or {})
        if name in ("amend", "resolve", "submit", "extend") and "wish" in told:
            wanted = msgspec.convert(told["wish"], Wish)
            _require_record(work, clean(wanted.citation).record_id)
            wish = completed(unit, around, wanted)
            if name != "resolve":
                require_sound(wish, work.now)
            told["wish"] = msgspec.to_builtins(wish)
        if name == "insist":
            told["check"] = work.case.state
        if name == "forward":
            if told.get("to") not in work.network.libraries:
                raise NotAllowed("unknown-library", "没有这家馆。", f"There is no library {told.get('to')!r}.")
            told |= _onward(work, entry, told["to"])
        if name == "escalate":
            told["desk"] = _next_desk(work)
            if told["desk"] == work.case.desk:
                return work.case
        work.fire(name, actor, entry, told)
        settle(work)
        return work.save()

    # ------------------------------------------------------------------------------------------ clocks

    def run_timers(self, database: Database, limit: int = 1000) -> int:
        """Fire everything whose time has come, each in a transaction of its own; how many there were.

        All that are due are dealt with in one pass (ReShare's took one per level and run). Any number of processes may
        do this at once: whoever takes a timer away has its request locked. One request that can't be dealt with holds
        up no other: it is told in the log, and tried again later. Raises StoreError where the database can't be read.
        """
        with database.read() as unit:
            due = timers.due_timers(unit, self.clock(), limit)
        return sum(self._rung(database, timer) for timer in due)

    def _rung(self, database: Database, timer: Timer) -> bool:
        try:
            with database.write() as unit:
                return self._ring(unit, timer)
        except StoreBusyError as error:  # somebody has it, or the database is away: the next pass comes soon
            log.warning("timer_waits", request=timer.request_id, kind=timer.kind, reason=str(error))
        except StoreError:
            raise
        except Exception as error:  # whatever it is, it is one request's
            reason = f"{type(error).__name__}: {error}"
            log.error("timer_failed", request=timer.request_id, kind=timer.kind, reason=reason)
            with database.write() as unit:
                timers.set_timer(unit, structs.replace(timer, due_at=self.clock() + TRY_AGAIN))
        return False

    def _ring(self, unit: Unit, timer: Timer) -> bool:
        """False where another process has had it, or its time has not come after all."""
        around = self.around(unit)
        if requests.lock_free(unit, timer.request_id) is False:  # somebody is at it: then the next pass
            return False
        work = open_work(unit, around, timer.request_id)
        current = next((t for t in timers.timers_of(unit, timer.request_id) if _same(t, timer)), None)
        if work is None or current is None or current.due_at > around.now:
            return False
        if (later := _put_off(work, current)) is not None:
            timers.set_timer(unit, later)
            return False
        timers.drop_timer(unit, timer.request_id, timer.entry, timer.kind)
        event, scope, states = TIMERS[timer.kind]
        state = work.case.entry(timer.entry).state if scope == "entry" else work.case.state
        if state in states:
            self._fire_timer(work, timer, event)
            settle(work)
        work.save()
        return True

    @staticmethod
    def _fire_timer(work: Work, timer: Timer, event: str) -> None:
        if event == "escalate":
            desk = _next_desk(work)
            if desk != work.case.desk:
                work.fire(event, TIMER, data={"desk": desk})
        elif event == "recall":
            work.fire(event, TIMER, timer.entry, {"why": _why_recalled(work, timer)})
        elif event == "due" and no_longer(work, work.case.entry(timer.entry)):
            work.fire("recall", SYSTEM, timer.entry, {"why": "closed"})  # since it said when to ask again
        else:
            work.fire(event, TIMER, timer.entry)

    def change_policy(self, unit: Unit, symbol: str, policy: LibraryPolicy) -> int:
        """Store how a library takes part. Where it closes by it, whatever it has not looked at yet goes on to the next
        one; how many requests that were."""
        now, before = self.clock(), policy_of(unit, symbol)
        put_policy(unit, symbol, policy, now)
        closes = takes_nothing(policy, now) and not takes_nothing(before, now)
        return self.reroute(unit, symbol) if closes else 0

    def reroute(self, unit: Unit, symbol: str) -> int:
        """A library has closed: whatever lies there unseen goes on to the next one. How many requests that were."""
        around = self.around(unit)
        moved = 0
        while unseen := requests.queue_of(unit, symbol, ("sent",)):
            for row, entry in unseen:
                work = open_work(unit, around, row.id)
                if work is not None and work.case.entry(entry.number).state == "sent":
                    work.fire("recall", SYSTEM, entry.number, {"why": "closed"})
                    settle(work)
                    work.save()
                    moved += 1
        return moved


def _require_record(work: Work, record: str) -> None:
    """The union record that somebody names must be there. That of which the request was before may have gone since.
    Raises NotAllowed."""
    before = work.case.wish.citation.record_id if work.case.wish else ""
    if record not in ("", before) and work.around.union(work.unit, record) is None:
        raise NotAllowed("unknown-record", f"目录中没有编号为 {record} 的记录。", f"There is no record {record}.")


def _onward(work: Work, entry: int, to: str) -> dict[str, Any]:
    """What a forward tells beside its reason: the entry that it makes, whom that asks, and by which hops."""
    case, parent = work.case, work.case.entry(entry)
    way, toward = work.network.onward((case.requester, case.branch, *parent.path), to, parent.toward)
    hops = way.path[: way.path.index(way.asked)]
    child = max((each.number for each in case.entries), default=0) + 1
    return {"child": child, "to": way.asked, "hops": list(hops), "toward": toward}


def _same(a: Timer, b: Timer) -> bool:
    return (a.entry, a.kind) == (b.entry, b.kind)


def _put_off(work: Work, timer: Timer) -> Timer | None:
    """The clock of an entry stands still on days on which whoever has the word has said since that he is closed; and
    that of a library which was to be told begins when it could be."""
    if timer.kind not in ("receipt", "action", "condition"):
        return None
    if timer.kind == "receipt" and _was_given_up(work, timer.entry):
        return None
    if timer.kind == "receipt" and _is_on_its_way(work, timer.entry):
        return structs.replace(timer, due_at=work.now + STILL_ON_ITS_WAY)
    entry: Entry = work.case.entry(timer.entry)
    since = last_event_at(work.unit, work.case.request_id, timer.entry) or entry.sent
    if since is None:
        return None
    message = _request_message(work, timer.entry) if timer.kind == "receipt" else None
    if message is not None and message.state == "sent" and message.ended is not None:
        since = max(since, message.ended)
    settings = work.around.settings.clocks
    again = clocks.entry_timer(work.case, entry, since, work.network, work.around.calendar, settings)
    return again if again is not None and again.due_at > work.now else None


def _why_recalled(work: Work, timer: Timer) -> str:
    if _was_given_up(work, timer.entry):
        return "undelivered"
    supplier = work.case.entry(timer.entry).supplier
    return "closed" if clocks.has_closed(supplier, work.now, work.around.calendar) else timer.kind


def _request_message(work: Work, entry: int) -> Message | None:
    """The last one by which the library was asked; None = it works in our queue."""
    sent = [m for m in outbox.messages_of(work.unit, work.case.request_id) if m.entry == entry and m.kind in ASKING]
    return sent[-1] if sent else None


def _is_on_its_way(work: Work, entry: int) -> bool:
    """The request has not left us yet: nobody can have seen it, and its clock does not run."""
    message = _request_message(work, entry)
    return message is not None and message.state in outbox.OPEN


def _was_given_up(work: Work, entry: int) -> bool:
    message = _request_message(work, entry)
    by_itself = work.network.policy(work.case.entry(entry).supplier).channel == "queue"  # then it finds it in ours
    return message is not None and message.state == "dead" and not by_itself


def _next_desk(work: Work) -> str:
    case = work.case
    subject = case.wish.subject if case.wish else ""
    return work.network.desk_for(case.requester, subject, after=case.desk) or case.desk


def completed(unit: Unit, around: Surroundings, wish: Wish) -> Wish:
    """The wish with its citation cleaned, and with what the union record says where the citation says nothing."""
    citation = clean(wish.citation)
    union = around.union(unit, citation.record_id)
    if union is None:
        return structs.replace(wish, citation=structs.replace(citation, record_id=""))
    known = citation_of(union)
    told = {name: getattr(citation, name) for name in citation.__struct_fields__}
    unsaid = {name: getattr(known, name) for name, value in told.items() if value in ("", "unknown")}
    material, subject, language = wish_facts(union)
    return structs.replace(
        wish,
        citation=structs.replace(citation, **unsaid, record_id=union.id),
        material=material,
        subject=subject or wish.subject,
        language=language or wish.language,
    )


def require_sound(wish: Wish, now: datetime) -> None:
    """Raises Incomplete where a library could not find the item by it, NotAllowed where it makes no sense."""
    if wish.service not in SERVICES or wish.level not in LEVELS:
        raise NotAllowed("bad-service", "服务方式或时限有误。", "There is no such service or level.")
    if wish.need_before:
        try:
            last = iso_day(wish.need_before)
        except ValueError as error:
            raise NotAllowed("bad-date", "日期应写作 2026-12-31。", "Write the date as 2026-12-31.") from error
        today = now.astimezone(CHINA).date()
        if last < today:
            raise NotAllowed("past-date", "所需日期已过。", "The day by which it is needed is over.")
        if last > today + FARTHEST:
            raise NotAllowed("far-date", "所需日期过远，请不填。", "That day is too far away: leave it out.")
    if fields := missing(wish):
        raise Incomplete(fields)
