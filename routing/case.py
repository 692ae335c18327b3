"""A request as its events make it: the one interpreter of the tables in routing/states.py.

Invariant: a request is what its events make of it. `apply` is the only way from one state to the next; it is pure, so
replaying the events gives the same `Case`, and it refuses (`NotAllowed`) whatever no row allows: a transition that does
not exist, an actor that may not fire it, a library whom it does not concern. One library at most is asked at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, structs

from mappings.requests import REASONS, Event, Wish
from routing.states import _BOUND, ACTIVE, CLOSED, ENTRY, JOINT, MOST_DEFERRALS, NEEDS_REASON, REQUEST, WORDED, Row


class NotAllowed(Exception):  # noqa: N818 — it says what was tried
    """The life cycle has no such step here. `code` is stable; the sentences are for a person."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


class Entry(Struct, frozen=True, omit_defaults=True):
    """A library in the rota of a request (轮候项)."""

    number: int
    supplier: str  # who is asked
    path: tuple[str, ...]  # the hops to it, itself last
    state: str = "planned"
    position: int = 0  # order in which planned ones are asked
    toward: str = ""  # the library to which a manual gateway is to pass it on
    held: bool = False  # by the catalogue of the library (of `toward`, where that is another)
    parent: int = 0  # the entry that forwarded to this one
    asked: int = 0  # how often
    sent: datetime | None = None
    answered: datetime | None = None
    code: str = ""  # of its refusal, or why it was recalled
    cost: int = 0  # fen beside the tariff: of the condition that stands, or told with the supply
    agreed: int = 0  # fen of a condition that was accepted
    worded: bool = False  # the condition is more than a price: for people to decide
    loan: bool = False  # what was supplied is to be given back
    supplied: bool = False  # it has supplied it, also where a better copy was asked for since
    deferrals: int = 0  # how often it wanted to be asked later
    pages: int = 0
    scores: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # p, t, r, S by which it was placed


class Case(Struct, frozen=True, omit_defaults=True):
    """A request as its events make it."""

    request_id: int
    state: str = "draft"
    seq: int = 0
    requester: str = ""
    branch: str = ""  # public library behind the requester, whose reader it is
    wish: Wish | None = None
    source: str = ""
    sponsored: bool = False  # an officer asks on a reader's behalf
    entries: tuple[Entry, ...] = ()
    acknowledged: tuple[str, ...] = ()  # checks that were told and overridden: owned, dup_hold, restricted
    desk: str = ""  # library whose officers search for it
    searched: bool = False  # a desk has looked for it: where no record was found, partners are asked
    searched_by: str = ""  # library whose officers found out what is meant (代查)
    other: int = 0  # the request that it repeats
    partners: bool = False  # the rota goes on to partners and libraries that may only hold it
    reason: str = ""  # why it ended unfilled, or what was overridden last
    created: datetime | None = None
    updated: datetime | None = None
    closed: datetime | None = None

    @property
    def is_closed(self) -> bool:
        return self.state in CLOSED

    @property
    def is_loan(self) -> bool:
        """What was supplied has to go back."""
        filled = self.filled
        return filled is not None and (filled.loan or (self.wish is not None and self.wish.service == "loan"))

    @property
    def active(self) -> Entry | None:
        """The one entry whose library is being asked."""
        return next((entry for entry in self.entries if entry.state in ACTIVE), None)

    @property
    def planned(self) -> tuple[Entry, ...]:
        """In the order in which they are to be asked."""
        return tuple(sorted((e for e in self.entries if e.state == "planned"), key=lambda e: (e.position, e.number)))

    @property
    def filled(self) -> Entry | None:
        """The entry that supplied it first."""
        done = [(entry.answered, entry.number, entry) for entry in self.entries if entry.state == "filled"]
        return min(done)[2] if done else None

    def entry(self, number: int) -> Entry:
        for entry in self.entries:
            if entry.number == number:
                return entry
        raise NotAllowed("no-such-entry", f"轮候表中没有第 {number} 项。", f"The rota has no entry {number}.")


def fold(events: Iterable[Event]) -> Case:
    """The request that the events make, which come in their order. Raises NotAllowed where they don't fit together."""
    case: Case | None = None
    for event in events:
        case = apply(case or Case(event.request_id), event)
    if case is None:
        raise NotAllowed("no-events", "该申请没有任何事件。", "The request has no events.")
    return case


def apply(case: Case, event: Event) -> Case:
    """The request after the event. Raises NotAllowed; nothing else."""
    if event.request_id != case.request_id or event.seq != case.seq + 1:
        raise NotAllowed("out-of-order", "事件次序有误。", f"Event {event.seq} does not follow {case.seq}.")
    overrides = event.name in NEEDS_REASON or (event.name == "skip" and event.actor == "officer")
    if overrides and not str(event.data.get("reason", "")).strip():
        raise NotAllowed("reason-needed", "请说明理由。", "A reason is needed.")
    try:
        moved = _entry_moved(case, event) if event.entry else _request_moved(case, event)
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise NotAllowed(
            "bad-data", f"{event.name} 的数据有误。", f"The data of {event.name} can't be used: {error}."
        ) from error
    closed = event.at if moved.is_closed and not case.is_closed else (case.closed if moved.is_closed else None)
    return structs.replace(moved, seq=event.seq, updated=event.at, created=case.created or event.at, closed=closed)


def possible(case: Case, actor: str, entry: int = 0) -> tuple[str, ...]:
    """The events that such an actor may fire now: on the entry, or (0) on the request."""
    if not entry:
        return tuple(row.event for row in REQUEST if case.state in row.sources and actor in row.actors)
    state = case.entry(entry).state
    found = [row.event for row in ENTRY if state in row.sources and actor in row.actors]
    return tuple(dict.fromkeys(name for name in found if name not in _BOUND or _row_for(JOINT, case.state, name)))


def _row_for(table: Sequence[Row], state: str, name: str) -> Row | None:
    return next((row for row in table if row.event == name and state in row.sources), None)


def _permit(row: Row | None, event: Event, state: str) -> Row:
    if row is None:
        raise NotAllowed(
            "not-now",
            f"当前状态（{state}）下不能执行 {event.name}。",
            f"{event.name} is not possible in state {state}.",
        )
    if event.actor not in row.actors:
        raise NotAllowed(
            "wrong-role", f"{event.actor} 无权执行 {event.name}。", f"{event.name} is not for {event.actor} to do."
        )
    return row


# ---------------------------------------------------------------------------------------------- the request


def _request_moved(case: Case, event: Event) -> Case:
    row = _permit(_row_for(REQUEST, case.state, event.name), event, case.state)
    if event.actor == "officer" and case.requester and not _is_requesting(case, event.library):
        raise _not_theirs(event)
    if event.actor == "node" and event.library != case.desk:
        raise _not_theirs(event)
    moved = structs.replace(case, state=row.target or case.state)
    return _READERS[event.name](moved, event) if event.name in _READERS else moved


def _is_requesting(case: Case, library: str) -> bool:
    return bool(library) and library in (case.requester, case.branch)


def _not_theirs(event: Event) -> NotAllowed:
    return NotAllowed(
        "wrong-library",
        f"该申请不归 {event.library or '此馆'} 处理。",
        f"This is not for {event.library or 'that library'} to do.",
    )


def _submitted(case: Case, event: Event) -> Case:
    data = event.data
    wish = msgspec.convert(data["wish"], Wish) if "wish" in data else case.wish
    if wish is None:
        raise NotAllowed("no-wish", "没有说明所需文献。", "It is not said what is wanted.")
    return structs.replace(
        case,
        wish=wish,
        requester=case.requester or data.get("requester", ""),
        branch=case.branch or data.get("branch", ""),
        source=case.source or data.get("source", ""),
        sponsored=case.sponsored or bool(data.get("sponsored", False)),
    )


def _amended(case: Case, event: Event) -> Case:
    return structs.replace(case, wish=msgspec.convert(event.data["wish"], Wish))


def _resolved(case: Case, event: Event) -> Case:
    """A desk has found out what is meant, and perhaps which union record it is."""
    assert case.wish is not None
    wish = msgspec.convert(event.data["wish"], Wish) if "wish" in event.data else case.wish
    node = event.library if event.actor == "node" else case.searched_by
    return structs.replace(case, wish=wish, searched=True, searched_by=node)


def _overridden(case: Case, event: Event) -> Case:
    state = "dup_hold" if event.name == "separate" else event.data.get("check", "")
    known = (*case.acknowledged, state) if state not in case.acknowledged else case.acknowledged
    return structs.replace(case, acknowledged=known, reason=str(event.data["reason"]))


def _with_rota(case: Case, event: Event) -> Case:
    """New entries stand behind those that there are; what was planned before and is not in the new rota is skipped."""
    first = max((entry.number for entry in case.entries), default=0) + 1
    place = max((entry.position for entry in case.entries), default=0) + 1
    made = []
    for number, told in enumerate(event.data["entries"], start=first):
        if told["entry"] != number:
            raise NotAllowed("bad-rota", "轮候表编号有误。", f"The rota's entry {told['entry']} should be {number}.")
        made.append(
            Entry(
                number,
                told["supplier"],
                tuple(told["path"]),
                position=place + number - first,
                toward=told.get("toward", ""),
                held=bool(told.get("held", False)),
                scores=(told.get("p", 0.0), told.get("t", 0.0), told.get("r", 0.0), told.get("score", 0.0)),
            )
        )
    if not made:
        raise NotAllowed("bad-rota", "轮候表为空。", "The rota is empty.")
    old = tuple(structs.replace(e, state="skipped") if e.state == "planned" else e for e in case.entries)
    return structs.replace(case, entries=(*old, *made))


def _reordered(case: Case, event: Event) -> Case:
    order = list(event.data["order"])
    planned = {entry.number for entry in case.planned}
    if set(order) != planned or len(order) != len(planned):
        raise NotAllowed(
            "bad-order", "请给出全部待询馆的新次序。", "Give all entries that are still planned, in their new order."
        )
    entries = tuple(
        structs.replace(entry, position=order.index(entry.number)) if entry.number in planned else entry
        for entry in case.entries
    )
    return structs.replace(case, entries=entries, reason=str(event.data["reason"]))


def _told_reason(case: Case, event: Event) -> Case:
    return structs.replace(case, reason=str(event.data.get("reason", "")))


_READERS = {
    "submit": _submitted,
    "amend": _amended,
    "resolve": _resolved,
    "insist": _overridden,
    "separate": _overridden,
    "rota": _with_rota,
    "reorder": _reordered,
    "no_match": lambda case, event: structs.replace(case, desk=event.data["desk"]),
    "escalate": lambda case, event: structs.replace(case, desk=event.data["desk"]),
    "same_open": lambda case, event: structs.replace(case, other=event.data["other"]),
    "link": lambda case, event: structs.replace(case, other=event.data.get("other", case.other)),
    "extend": lambda case, event: structs.replace(
        case, partners=True, wish=msgspec.convert(event.data["wish"], Wish) if "wish" in event.data else case.wish
    ),
    "close": _told_reason,
    "give_up": _told_reason,
    "cancel": _told_reason,
    "bad_copy": _told_reason,
}


# ---------------------------------------------------------------------------------------------- an entry


def _entry_moved(case: Case, event: Event) -> Case:
    entry = case.entry(event.entry)
    row = _permit(_row_for(ENTRY, entry.state, event.name), event, entry.state)
    joint = _row_for(JOINT, case.state, event.name)
    if event.name in _BOUND:
        joint = _permit(joint, event, case.state)
    if event.actor in ("supplier", "node") and event.library != entry.supplier:
        raise _not_theirs(event)
    if event.actor == "officer" and not _is_requesting(case, event.library):
        raise _not_theirs(event)
    if row.target in ACTIVE and case.active not in (None, entry):
        raise NotAllowed("already-asking", "已有一家馆在处理。", "Another library is being asked already.")
    target = row.target or entry.state
    changed = structs.replace(entry, state=target, **_entry_facts(entry, event))
    entries = tuple(changed if each.number == entry.number else each for each in case.entries)
    moved = structs.replace(case, entries=entries)
    if event.name == "forward":
        moved = _forwarded(moved, changed, event.data)
    if joint is not None:
        moved = structs.replace(moved, state=joint.target)
    return moved


def _entry_facts(entry: Entry, event: Event) -> dict[str, Any]:
    data = event.data
    match event.name:
        case "send" | "due" | "retry":
            return {"sent": event.at, "asked": entry.asked + 1, "answered": None, "code": ""}
        case "fill":
            loan = bool(data.get("loan_due")) or data.get("service") == "loan"
            # What was agreed to is owed, where nothing else is said of it.
            cost = int(data.get("cost", entry.agreed))
            told = {"pages": int(data.get("pages", 0)), "cost": cost, "loan": loan}
            return told | {"answered": event.at, "supplied": True}
        case "refuse":
            if data.get("code") not in REASONS:
                raise NotAllowed("code-needed", "请选择拒绝原因。", "Say why, by one of the reasons that there are.")
            return {"answered": event.at, "code": data["code"]}
        case "condition":
            worded = any(data.get(name) for name in WORDED)
            return {"cost": int(data.get("cost", 0)), "code": str(data.get("code", "")), "worded": worded}
        case "accept":
            return {"agreed": entry.cost}
        case "retry_later":
            if entry.deferrals >= MOST_DEFERRALS:
                raise NotAllowed(
                    "deferred-before",
                    "该馆已两次请稍后再询，请改为提供或拒绝。",
                    "It was put off twice already: supply it now, or refuse it.",
                )
            return {"deferrals": entry.deferrals + 1}
        case "recall":
            return {"code": str(data.get("why", ""))}
        case "reject":
            return {"answered": event.at, "code": "Cost" if entry.cost else "PolicyProblem"}
        case "forward" | "cancel_yes" | "silence":
            return {"answered": event.at}
        case "skip":
            return {"code": str(data.get("reason", ""))}
    return {}


def _forwarded(case: Case, parent: Entry, data: dict[str, Any]) -> Case:
    """The library to which it was passed on stands before all that are planned. Nobody on the chain gets it back."""
    to, number, toward = data["to"], data["child"], str(data.get("toward", ""))
    chain = {case.requester, case.branch, *parent.path}
    reached = {to, toward} - {""}
    if to in chain:
        raise NotAllowed("on-the-chain", f"{to} 已在转发链上。", f"{to} is on the chain already.")
    if number != max(entry.number for entry in case.entries) + 1:
        raise NotAllowed("bad-child", "转发项编号有误。", "The child entry has the wrong number.")
    asked = [each.supplier for each in case.entries if each.state not in ("planned", "skipped")]
    if before := reached.intersection(asked):
        name = "、".join(sorted(before))
        raise NotAllowed("asked-before", f"已向 {name} 申请过。", f"{name} was asked already.")
    others = tuple(
        structs.replace(each, state="skipped", code="forwarded")
        if each.state == "planned" and (each.toward or each.supplier) in reached
        else each
        for each in case.entries
    )
    child = Entry(
        number,
        to,
        (*parent.path, *data.get("hops", ()), to),
        position=min((entry.position for entry in case.entries), default=0) - 1,
        toward=toward,
        held=parent.held and parent.toward in reached,
        parent=parent.number,
        scores=parent.scores,
    )
    return structs.replace(case, entries=(*others, child))
