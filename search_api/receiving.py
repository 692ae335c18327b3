"""What comes by ISO 18626, and what it does here (docs/iso18626.md).

Invariant: a message, its effect, its entry in the audit and the answer that confirms it are committed together; the
same message sent again gets the same answer and has no second effect. What the life cycle doesn't allow any more is
kept as a `note` of the entry: whatever was confirmed can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, structs

from mappings.requests import Citation, Wish
from routing.case import Case, Entry, NotAllowed, possible
from routing.citations import fits
from routing.messages import Body
from routing.messages import Party as Named
from routing.service import Incomplete, NewRequest
from routing.settings import load_network
from routing.work import Actor, case_decoder
from search_api.access.principal import Principal
from search_api.interop.iso18626.asking import Asked, asked
from search_api.interop.iso18626.confirming import answer, confirm
from search_api.interop.iso18626.messages import (
    AgencyId,
    BadMessage,
    Code,
    Message,
    Request,
    RequestingAgencyMessage,
    SupplyingAgencyMessage,
)
from search_api.interop.iso18626.naming import LOCAL, Party, own_code, parse_number, party, recognise
from search_api.interop.iso18626.numbering import number_of
from search_api.interop.iso18626.reading import detect_version, parse
from search_api.interop.iso18626.terms import UNKNOWN_REASON
from search_api.interop.iso18626.translating import NOTED, Heard, digest, heard, heard_action
from search_api.interop.iso18626.writing import write
from search_api.policy import Facts, demand
from search_api.requesting import Requesting
from store import audit, outbox, requests
from store.database import Unit
from store.idempotency import KeyConflict, remember, seen
from store.peer_requests import add_peer_request, find_peer_request
from store.request_events import events_of

LONGEST_NUMBER = 200
"""Characters of a library's own number for a request."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Done(Struct, frozen=True):
    """What a message has come to, for the audit."""

    request: int
    event: str
    entry: int = 0


class _Post(Struct, frozen=True):
    """A message on its way in."""

    who: Principal
    message: Message
    now: datetime
    digest: str

    @property
    def library(self) -> str:
        return self.who.library

    @property
    def officer(self) -> Actor:
        return Actor("officer", self.who.account_id, self.who.library)


class Receiving:
    """Thread-safe; keeps nothing."""

    def __init__(self, requesting: Requesting) -> None:
        self.database = requesting.database
        self.service = requesting.service
        self.matched: Callable[[Wish], Wish] = requesting.matched

    def receive(self, who: Principal, data: bytes, request_id: str = "") -> bytes:
        """The confirmation of what came. Raises a problem where the key is for no library, and what keeps us from
        answering at all: the sender sends again then."""
        demand(who, "iso18626.receive", Facts(library=who.library))
        now = self.service.clock()
        before: list[bytes] = []

        def keep(message: Message) -> None:
            known = self._keep(_Post(who, message, now, digest(message)), data, request_id)
            before.extend([known] if known is not None else [])

        fresh = answer(data, now, keep)
        return before[0] if before else fresh

    def _keep(self, post: _Post, data: bytes, request_id: str) -> bytes | None:
        """Do what the message says; the answer that it got before, where it came before. Raises BadMessage, and then
        nothing was done."""
        message = post.message
        self._require_sender(post)
        told = self._matched(post, _required(message)) if isinstance(message, Request) else None
        try:
            with self.database.write() as unit:
                name, before = _answered(unit, post, told)
                if before is not None:
                    return before
                done = self._act(unit, post, told)
                after = {"event": done.event, "entry": done.entry}
                actor = post.who.actor(request_id)
                audit.record(unit, actor, "iso18626.receive", f"request {done.request}", post.now, {}, after)
                confirmed = write(confirm(message, post.now), detect_version(parse(data)))
                remember(unit, post.library, *name, confirmed, post.now)
        except KeyConflict as error:
            raise _unknown("requestingAgencyRequestId: another request came under this number") from error
        except NotAllowed as error:
            raise _unknown(f"{error.zh} {error.en}") from error
        except Incomplete as error:
            raise _unknown(f"bibliographicInfo: {', '.join(error.fields)} missing") from error
        return None

    def _matched(self, post: _Post, told: Asked) -> Asked:
        """With its union record, where a request may come of it."""
        with self.database.read() as unit:
            known = find_peer_request(unit, post.library, told.thread.number)
        if known is not None and told.kind != "Retry":
            return told
        return structs.replace(told, wish=self.matched(told.wish))

    def _require_sender(self, post: _Post) -> None:
        """The library of the key is the one that the message says it is from, and the key is for what it does."""
        message = post.message
        supplies = isinstance(message, SupplyingAgencyMessage)
        header = getattr(message, "header", None)
        if header is None:
            raise BadMessage("UnrecognisedDataElement", "a confirmation comes as an answer only")
        named = header.supplying_agency_id if supplies else header.requesting_agency_id
        if recognise(named, self._names(post.library)) is None:
            agency = "supplyingAgencyId" if supplies else "requestingAgencyId"
            raise _unknown(f"{agency}: the API key is another library's")
        if not post.who.is_one_of("supplier" if supplies else "requester"):
            raise BadMessage("UnrecognisedDataElement", "the API key has not the role that such a message needs")

    def _names(self, symbol: str) -> list[Party]:
        """All by which the library may call itself: as its policy says, its ISIL, its symbol."""
        with self.database.read() as unit:
            network = load_network(unit)
        library = network.libraries.get(symbol)
        if library is None:
            return []
        first = party(library, network.policy(symbol))
        agencies = [AgencyId(own_code("agencyIdType", each), symbol) for each in (library.consortium, LOCAL) if each]
        if library.isil:
            agencies.append(AgencyId(Code("ISIL"), library.isil))
        return [first, *(structs.replace(first, agency=each) for each in agencies)]

    def _act(self, unit: Unit, post: _Post, told: Asked | None) -> _Done:
        if told is not None:
            return self._requested(unit, post, told)
        if isinstance(post.message, SupplyingAgencyMessage):
            return self._supplied(unit, post, post.message)
        assert isinstance(post.message, RequestingAgencyMessage)
        return self._acted(unit, post, post.message)

    def _case(self, unit: Unit, number: int | None) -> Case | None:
        """Locked."""
        row = requests.lock_request(unit, number) if number else None
        return case_decoder.decode(row.folded) if row else None

    # ------------------------------------------------------------------------------------------ of a supplier

    def _supplied(self, unit: Unit, post: _Post, message: SupplyingAgencyMessage) -> _Done:
        """A library that we have asked says something. It is told nothing of requests that were not sent to it."""
        number = parse_number(message.header.requesting_agency_request_id)
        case = self._case(unit, number.request) if number else None
        entry = _asked_entry(case, number.entry, post.library) if case and number else None
        if number is None or case is None or entry is None:
            raise _unknown("requestingAgencyRequestId: no request to this library has that number")
        said = heard(message, entry.state)
        current = number_of(events_of(unit, case.request_id), case.request_id, entry.number)
        name, data = said.event, dict(said.data)
        if number.attempt < current.attempt or name not in possible(case, "supplier", entry.number):
            name, data = "note", _noted(said)
        if said.supplier_number:
            data["supplier_number"] = said.supplier_number
        actor = Actor("supplier", post.who.account_id, post.library)
        try:
            self.service.fire(unit, case.request_id, name, actor, entry=entry.number, data=data)
        except NotAllowed as error:
            if error.code != "deferred-before":
                raise
            # Later once more is a refusal (routing/states.py); nothing has happened by the event that was refused.
            name, data = "refuse", {"code": UNKNOWN_REASON} | _noted(said)
            self.service.fire(unit, case.request_id, name, actor, entry=entry.number, data=data)
        return _Done(case.request_id, name, entry.number)

    # ------------------------------------------------------------------------------------------ of a requester

    def _requested(self, unit: Unit, post: _Post, told: Asked) -> _Done:
        number = told.thread.number
        known = find_peer_request(unit, post.library, number)
        if told.kind == "Reminder" and known is not None:
            return self._report(unit, post, self._known(unit, known), "StatusRequest")
        previous = None
        if told.kind == "Retry":
            previous = find_peer_request(unit, post.library, told.previous) if told.previous else known
            case = self._case(unit, previous)
            if case is not None and not case.is_closed:
                return self._again(unit, post, told, case)
        elif known is not None:
            if not _asks_for_it(unit, known, told.wish.citation):
                raise _unknown("requestingAgencyRequestId: another request came under this number")
            return _Done(known, "known")
        more = {"iso18626": msgspec.to_builtins(told.thread)}
        more |= {"note": told.note} if told.note else {}
        more |= {"previous": previous} if previous else {}
        new = NewRequest(told.wish, post.library, 0, source="iso18626", told=more)
        made = self.service.create(unit, new, post.officer)
        self._call(unit, post, number, made.request_id)
        return _Done(made.request_id, "submit")

    def _again(self, unit: Unit, post: _Post, told: Asked, case: Case) -> _Done:
        """A Retry of what still goes on: it agrees to a condition, or tells what was missing."""
        more = {"iso18626": msgspec.to_builtins(told.thread)}
        if case.state == "condition" and case.active is not None:
            entry = case.active
            if 0 < told.wish.max_cost < entry.cost:
                raise _unknown("maximumCosts: less than the price that was told")
            self.service.fire(unit, case.request_id, "accept", post.officer, entry=entry.number, data=more)
            done = _Done(case.request_id, "accept", entry.number)
        elif case.state == "draft":
            wish = msgspec.to_builtins(told.wish)
            self.service.fire(unit, case.request_id, "amend", post.officer, data=more | {"wish": wish})
            self.service.fire(unit, case.request_id, "submit", post.officer)
            done = _Done(case.request_id, "submit")
        else:
            raise _unknown("requestingAgencyPreviousRequestId: that request is still being dealt with")
        self._call(unit, post, told.thread.number, case.request_id)
        return done

    def _call(self, unit: Unit, post: _Post, number: str, request_id: int) -> None:
        """From now on the library's number leads to that request."""
        if find_peer_request(unit, post.library, number) is None:
            add_peer_request(unit, post.library, number, request_id, post.now)

    def _known(self, unit: Unit, number: int | None) -> Case:
        case = self._case(unit, number)
        if case is None:
            raise _unknown("requestingAgencyRequestId: no request of this library has that number")
        return case

    def _acted(self, unit: Unit, post: _Post, message: RequestingAgencyMessage) -> _Done:
        """A library says something about the request that it has made."""
        number = message.header.requesting_agency_request_id
        case = self._known(unit, find_peer_request(unit, post.library, number))
        said = heard_action(message)
        if message.action in ("StatusRequest", "Renew"):
            return self._report(unit, post, case, message.action, yes=False if message.action == "Renew" else None)
        if said.event == "cancel":
            return self._cancel(unit, post, case, said)
        lent = case.is_loan
        steps = {"receive": ("lend",) if lent else ("receive",), "returned": ("lend", "returned")}.get(said.event, ())
        steps = steps[1:] if case.state == "on_loan" and said.event == "returned" else steps
        if steps and steps[0] in possible(case, "officer") and (lent or said.event != "returned"):
            for step in steps:
                self.service.fire(unit, case.request_id, step, post.officer)
            return _Done(case.request_id, steps[-1])
        return self._note(unit, post, case, said)

    def _cancel(self, unit: Unit, post: _Post, case: Case, said: Heard) -> _Done:
        """One that comes too late is answered by how it stands; one that succeeds, by the event."""
        if case.state == "cancelling":
            return _Done(case.request_id, "cancel")
        if "cancel" not in possible(case, "officer"):
            return self._report(unit, post, case, "Cancel", yes=case.state == "closed_cancelled")
        self.service.fire(unit, case.request_id, "cancel", post.officer, data={"reason": said.note})
        return _Done(case.request_id, "cancel")

    def _note(self, unit: Unit, post: _Post, case: Case, said: Heard) -> _Done:
        """With the library that is being asked, or was asked last."""
        reached = [entry for entry in case.entries if entry.state != "planned"]
        if not reached:
            raise BadMessage("UnsupportedActionType", f"{said.told}: no library has been asked yet")
        entry = case.active or max(reached, key=lambda each: (each.asked > 0, each.number))
        actor = Actor("system", 0, post.library)
        self.service.fire(unit, case.request_id, "note", actor, entry=entry.number, data=_noted(said))
        return _Done(case.request_id, "note", entry.number)

    def _report(self, unit: Unit, post: _Post, case: Case, answers: str, yes: bool | None = None) -> _Done:
        """How the request stands, sent by the outbox. A library that has no service to send it to can look it up."""
        network = load_network(unit)
        if network.policy(post.library).channel == "iso18626":
            data: dict[str, Any] = {"answers": answers, "lent": case.is_loan} | ({} if yes is None else {"yes": yes})
            body = Body(
                "report", post.now, case.request_id, case.state, Named(case.requester), case.wish, data, case.seq
            )
            outbox.put_message(
                unit,
                key=f"{case.request_id}/{case.seq}/iso18626/{post.library}/peer.report/{post.digest[:32]}",
                channel="iso18626",
                target=post.library,
                kind="peer.report",
                body=msgspec.json.encode(body).decode(),
                at=post.now,
                request_id=case.request_id,
            )
        return _Done(case.request_id, "report")


def _required(message: Request) -> Asked:
    told = asked(message)
    for number in (told.thread.number, told.previous):
        if len(number) > LONGEST_NUMBER:
            raise _unknown(f"requestingAgencyRequestId: longer than {LONGEST_NUMBER} characters")
    return told


def _answered(unit: Unit, post: _Post, told: Asked | None) -> tuple[tuple[str, str], bytes | None]:
    """What the message is known by, and the answer that it got where it came before. Raises KeyConflict."""
    name = _named(post, told)
    try:
        return name, seen(unit, post.library, *name)
    except KeyConflict:
        if told is None or told.kind != "New":
            raise
        # Written otherwise than before, it may ask for the same item all the same: that is looked at by `_requested`.
        name = _by_content(post)
        return name, seen(unit, post.library, *name)


def _named(post: _Post, told: Asked | None) -> tuple[str, str]:
    """(what names the message, what it says). A request is named by its number and says the same whenever it was
    written; anything else is named by all of its content, since it has no number of its own."""
    message = post.message
    if told is None or not isinstance(message, Request) or told.kind == "Reminder":  # each of these is answered
        return _by_content(post)
    timeless = structs.replace(message, header=structs.replace(message.header, timestamp=_EPOCH))
    return f"{told.kind} {told.thread.number}", digest(timeless)


def _by_content(post: _Post) -> tuple[str, str]:
    return f"message {post.digest}", post.digest


def _asks_for_it(unit: Unit, request: int, cited: Citation) -> bool:
    """Whether the request is, or ever was, for that item."""
    wishes = [event.data["wish"] for event in events_of(unit, request) if "wish" in event.data]
    return any(fits(cited, msgspec.convert(wish, Wish).citation) for wish in wishes)


def _asked_entry(case: Case, number: int, library: str) -> Entry | None:
    mine = (each for each in case.entries if each.number == number and each.supplier == library)
    return next((each for each in mine if each.asked), None)


def _noted(said: Heard) -> dict[str, Any]:
    """Own words stand in `note` alone, where they are found by whoever erases them."""
    data = said.data if said.event != NOTED else {}
    own = str(data.get("note") or data.get("text") or said.note)
    known = {name: value for name, value in data.items() if name not in ("note", "text")}
    told = {"told": said.told, "note": own, "data": known}
    return {name: value for name, value in told.items() if value}


def _unknown(text: str) -> BadMessage:
    return BadMessage("UnrecognisedDataValue", text)
