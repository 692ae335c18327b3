"""A message of the outbox in the words of ISO 18626. What it does not hold is read from the request's events up to its
own, so a repeat is the same to the byte, as long as what somebody said of it is not erased.

A `submit` that came by ISO 18626 holds the peer's thread as `iso18626`, and so does an event by which the peer has
asked again under another number; an event that a supplier's message was turned into may hold the supplier's own number
as `supplier_number`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from mappings.model import Library
from mappings.requests import Event, LibraryPolicy
from routing.messages import PEER_EVENTS, Body
from routing.states import SAID
from search_api.interop.iso18626 import telling
from search_api.interop.iso18626.asking import Ask, ask
from search_api.interop.iso18626.confirming import verdict
from search_api.interop.iso18626.messages import VERSIONS
from search_api.interop.iso18626.messages import Message as IsoMessage
from search_api.interop.iso18626.naming import Party, RequestNumber, Thread, party
from search_api.interop.iso18626.numbering import number_of
from search_api.interop.iso18626.reading import read
from search_api.interop.iso18626.writing import write
from store.database import Database
from store.libraries import all_libraries
from store.outbox import Message
from store.policies import all_policies
from store.remarks import remarks_of
from store.request_events import events_of
from tongcang.sending.iso18626 import ReadConfirmation, Render, Verdict

_TO_PEERS = ("peer.status", "peer.report")


class _Known(Struct, frozen=True):
    """The message, the events up to its own, and the libraries."""

    body: Body
    events: list[Event]
    said: Mapping[int, Mapping[str, str]]  # with an event, in somebody's own words, as far as they are kept
    libraries: Mapping[str, Library]
    policies: Mapping[str, LibraryPolicy]

    def party(self, symbol: str) -> Party:
        """Raises ValueError where the library is gone."""
        if symbol not in self.libraries:
            raise ValueError(f"there is no library {symbol}")
        return party(self.libraries[symbol], self.policies.get(symbol, LibraryPolicy()))

    def of_entry(self, *names: str) -> list[Event]:
        return [event for event in self.events if event.entry == self.body.entry and event.name in names]

    @property
    def refusal(self) -> dict[str, Any] | None:
        """Data of the last one, with its note in the words in which it was said, if they are still kept."""
        refusals = [event for event in self.events if event.name == "refuse"]
        if not refusals:
            return None
        last = refusals[-1]
        words = self.said.get(last.seq, {}).get("note", "")
        return last.data | ({"note": words} if last.data.get("note") == SAID else {})

    @property
    def condition(self) -> dict[str, Any]:
        """Data of the condition that stood last."""
        told = self.of_entry("condition")
        return told[-1].data if told else {}


def rendering(database: Database) -> Render:
    def render(message: Message, policy: LibraryPolicy) -> bytes | None:
        version = next((each for each in VERSIONS if each == policy.iso_version), None)
        if version is None:
            raise ValueError(f"there is no version {policy.iso_version!r}")
        body = msgspec.json.decode(message.body, type=Body)
        with database.read() as unit:
            events = [event for event in events_of(unit, body.request) if event.seq <= body.seq]
            libraries = {each.symbol: each for each in all_libraries(unit)}
            said = remarks_of(unit, body.request)
            known = _Known(body, events, said, libraries, all_policies(unit))
        told = _to_peer(known) if message.kind in _TO_PEERS else _to_supplier(known, message.kind)
        return write(told, version) if told is not None else None

    return render


def reading() -> ReadConfirmation:
    def judge(answer: bytes, sent: bytes) -> Verdict:
        return verdict(answer, read(sent))

    return judge


def _to_supplier(known: _Known, kind: str) -> IsoMessage | None:
    body, at = known.body, known.body.at
    if body.supplier is None:
        raise ValueError("it is not said which library is asked")
    thread = _thread(known)
    match kind:
        case "supplier.request" | "supplier.retry":
            return _request(known)
        case "supplier.cancel":
            return telling.recall(thread, str(body.data.get("why", "")), at)
        case "supplier.accept":
            return telling.answer_condition(thread, known.condition, True, at) or _request(known, known.condition)
        case "supplier.reject":
            return telling.answer_condition(thread, known.condition, False, at)
        case "supplier.received":
            return telling.received(thread, at)
        case "supplier.returned":
            return telling.returned(thread, at)
    raise ValueError(f"no library is told {kind}")


def _request(known: _Known, accepted: Mapping[str, Any] | None = None) -> IsoMessage:
    body, submit = known.body, known.events[0]
    assert body.supplier is not None
    if body.wish is None:
        raise ValueError("it is not said what is asked for")
    number = _number(known)
    branch = str(submit.data.get("branch", ""))
    toward = body.toward
    asking = Ask(
        number=number,
        wish=body.wish,
        requester=known.party(body.requester.symbol),
        supplier=known.party(body.supplier.symbol),
        branch=known.party(branch) if branch in known.libraries else None,
        kind="Retry" if number.attempt > 1 else "New",
        from_reader=submit.actor == "reader",
        forwarded=any(event.name == "forward" and event.data.get("child") == body.entry for event in known.events),
        accepted=accepted or {},
        email=_address(known.policies.get(body.requester.symbol)),
        note=f"请转{toward.name_zh}。To be passed on to {toward.name_en}." if toward else body.reason
        if number.attempt > 1 else "",
    )  # fmt: skip
    return ask(asking, body.at)


def _address(policy: LibraryPolicy | None) -> str:
    """Where the requesting library has mail sent to."""
    return policy.address if policy is not None and policy.channel == "email" else ""


def _number(known: _Known) -> RequestNumber:
    return number_of(known.events, known.body.request, known.body.entry)


def _thread(known: _Known) -> Thread:
    assert known.body.supplier is not None
    told = [str(event.data.get("supplier_number", "")) for event in known.events if event.entry == known.body.entry]
    return Thread(
        known.party(known.body.requester.symbol).agency,
        known.party(known.body.supplier.symbol).agency,
        str(_number(known)),
        next((number for number in reversed(told) if number), ""),
    )


def _to_peer(known: _Known) -> IsoMessage | None:
    """To a library whose own message the request is: under the number by which it has asked last."""
    body = known.body
    threads = [event.data["iso18626"] for event in known.events if "iso18626" in event.data]
    try:
        thread = msgspec.convert(threads[-1], Thread)
    except (IndexError, msgspec.ValidationError) as error:
        raise ValueError("it is not known under which number the library asked") from error
    data, service = body.data, body.wish.service if body.wish else "copy"
    if body.event == "report":
        answers, yes = str(data["answers"]), data.get("yes")
        lent = bool(data.get("lent", service == "loan"))
        return telling.report(thread, body.state, lent, body.at, answers=answers, yes=yes)
    if body.event in ("close", "expire", "lapse"):
        data = known.refusal or data
    first = not any(event.name in PEER_EVENTS for event in known.events if event.seq < body.seq)
    return telling.tell(thread, body.event, data, body.at, service=service, first=first)
