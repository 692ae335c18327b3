"""What became of a request, as one row: the fold of its events that statistics are counted from.

Invariant: a history ends in exactly one of FINALS, whatever is in it and in whatever order it came; an event that is
not known here changes nothing. A row names libraries, never people, so that it outlives the readers' data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from msgspec import Struct

from mappings.requests import Event
from routing.language_codes import language_code

FINALS = ("filled", "unfilled", "forwarded", "cancelled", "expired", "local", "duplicate", "open")
"""`forwarded` is forwarded and nothing heard since; `local` supplied from the reader's own library; `duplicate` joined
to another request."""

ANSWERS = ("filled", "refused", "forwarded", "silent", "withdrawn", "skipped", "passed", "open")
"""Of one ask. `silent` ran out of its clock; `withdrawn` was taken back by the asking side; `skipped` was never sent;
`passed` on at a gateway towards where it was headed all along, which answers nothing."""

_NO_ASK = frozenset({"skipped", "passed"})

NOT_ITS_FAULT = frozenset({"Incomplete", "Duplicate"})
"""Refusals that say something of the request and nothing of the library."""

CONDITION_REJECTED = "ConditionRejected"
"""Stands as reason where the requesting side did not accept the supplier's condition."""

NOBODY = "?"
"""Stands for a supplier that no event names, so that the ask still counts as one."""

Working = Callable[[str, datetime, datetime], float]
"""Working days of a library between two moments."""

Hops = Callable[[str, str, str], Collection[str]]
"""The libraries on the way from a requester to a library, that one included, for a subject."""


class Ask(Struct, frozen=True, omit_defaults=True):
    """One library asked, in one entry of the rota."""

    entry: int
    supplier: str
    side: str = ""  # its consortium, or that of `toward` while it has only passed it on, or is to; "" = not known
    outcome: str = "open"  # one of ANSWERS
    sent: datetime | None = None
    answered: datetime | None = None
    code: str = ""  # why it refused
    days: float | None = None  # calendar days from sent to answered
    to: str = ""  # whom it forwarded to; "" = not told
    toward: str = ""  # of a gateway with people at it: the library that the request is headed for


class Outcome(Struct, frozen=True, omit_defaults=True):
    """One request. Days are calendar days since it was submitted; None = it has not come to that."""

    request_id: int
    submitted: datetime
    requester: str
    side: str = ""  # consortium of the requester
    supplier: str = ""  # asked first, gateways left out; "" = nobody was asked
    supplier_side: str = ""
    branch: str = ""
    service: str = "copy"
    level: str = "standard"
    material: str = ""
    language: str = ""
    subject: str = ""  # main class of the CLC, one letter
    source: str = ""
    title: str = ""
    record_id: str = ""
    asks: tuple[Ask, ...] = ()
    first: str = ""  # answer to the first ask; "" = nobody was asked
    final: str = "open"  # one of FINALS
    resolved: datetime | None = None
    filled_by: str = ""
    days_to_fill: float | None = None
    days_to_end: float | None = None  # to fill, or to the certainty that it won't be
    working_to_fill: float | None = None  # working days of the library that filled it
    working_to_end: float | None = None  # the same, or working days of the requester where nobody filled it

    @property
    def direction(self) -> str:
        """From side to side, such as CAPITAL>BALIS; "" = nobody was asked."""
        return f"{self.side}>{self.supplier_side}" if self.supplier else ""

    @property
    def sent_asks(self) -> tuple[Ask, ...]:
        """Those that a library was to answer."""
        return tuple(ask for ask in self.asks if ask.outcome not in _NO_ASK)


def outcomes_of(
    events: Iterable[Event], sides: Mapping[str, str], working: Working | None = None, hops: Hops | None = None
) -> Iterator[Outcome]:
    """One row a request, of events in which those of a request stand together. `sides` tells a library's consortium.
    Without `hops` nobody is known to stand between a gateway and the library that a request is headed for."""
    for _, history in groupby(events, key=lambda event: event.request_id):
        outcome = outcome_of(list(history), sides, working, hops)
        if outcome is not None:
            yield outcome


def outcome_of(
    events: Iterable[Event], sides: Mapping[str, str], working: Working | None = None, hops: Hops | None = None
) -> Outcome | None:
    """The row of one request's events. None = there are no events."""
    ordered = sorted(events, key=lambda event: event.seq)
    if not ordered:
        return None
    fold = _Fold(ordered[0], sides, hops or _straight)
    for event in ordered:
        fold.take(event)
    return fold.outcome(working)


def days_between(first: datetime | None, last: datetime | None) -> float | None:
    """Calendar days; never below 0, since clocks of two machines may differ by a little."""
    if first is None or last is None:
        return None
    return max(0.0, (last - first).total_seconds() / 86_400)


def main_class(code: str) -> str:
    """The main class of a CLC number (TP311 → T); "" = there is none."""
    letter = code.strip()[:1].upper()
    return letter if "A" <= letter <= "Z" else ""


class _Ask(Struct):
    entry: int
    supplier: str = ""
    outcome: str = "open"
    sent: datetime | None = None
    answered: datetime | None = None
    code: str = ""
    to: str = ""

    def answer(self, outcome: str, at: datetime) -> None:
        self.outcome, self.answered = outcome, at


_WISH = ("service", "level", "material", "language", "subject")
_ENDINGS = {
    "close": "unfilled",
    "give_up": "unfilled",
    "cancel_done": "cancelled",
    "expire": "expired",
    "use_local": "local",
    "link": "duplicate",
}
_AT_A_DESK = frozenset({"no_match", "exhausted"})
_WITH_ITS_READER = frozenset({"own_holding", "same_open", "restricted", "incomplete", "repeated"})
_REVERSIBLE = frozenset({"open", "unfilled", "expired"})
"""From these a late fill is still a fill; who cancelled, or has it from elsewhere, is not served by it."""


class _Fold:
    def __init__(self, first: Event, sides: Mapping[str, str], hops: Hops) -> None:
        self.sides = sides
        self.hops = hops
        self.request_id = first.request_id
        self.submitted = first.at
        self.has_submit = False
        self.requester = self.branch = self.source = ""
        self.wish = {"service": "copy", "level": "standard"}
        self.asks: dict[int, _Ask] = {}
        self.planned: dict[int, str] = {}  # by entry, who is to be asked
        self.headed: dict[int, str] = {}  # by entry, where a gateway is to pass it on
        self.final = "open"
        self.resolved: datetime | None = None
        self.filled_by = ""
        self.exhausted = False  # with the requesting officers, whatever the last library did
        self.at_a_desk = False  # where nobody takes it up, it stays unfilled; with its reader, it expires

    def take(self, event: Event) -> None:
        data = event.data if isinstance(event.data, dict) else {}
        if event.name in _AT_A_DESK or event.name in _WITH_ITS_READER:
            self.at_a_desk = event.name in _AT_A_DESK
        if event.name in ("submit", "amend"):
            self._asked_for(event, data)
        elif event.name == "lapse":
            self._end("unfilled" if self.at_a_desk else "expired", event.at)
        elif event.name in _ENDINGS:
            self._end(_ENDINGS[event.name], event.at)
        elif event.name in ("resolve", "extend"):
            self._wished(data)
            if self.final in _REVERSIBLE:
                self._open_again()
        elif event.name == "bad_copy":
            if self.final == "filled":
                self._open_again()
        elif event.name == "exhausted":
            self.exhausted = True
        elif event.name == "rota":
            self.exhausted = False
            self._planned(data)
        else:
            self._asked(event, data)

    def _end(self, final: str, at: datetime) -> None:
        # What was delivered stays delivered: a clock that runs out behind it says nothing any more.
        if self.final == "open":
            self.final, self.resolved = final, at

    def _planned(self, data: dict[str, Any]) -> None:
        entries = data.get("entries")
        for told in entries if isinstance(entries, list) else ():
            if isinstance(told, dict) and isinstance(told.get("entry"), int):
                self.planned[told["entry"]] = _text(told, "supplier")
                if _text(told, "toward"):
                    self.headed[told["entry"]] = _text(told, "toward")

    def _open_again(self) -> None:
        self.final, self.resolved, self.filled_by = "open", None, ""

    def _asked_for(self, event: Event, data: dict[str, Any]) -> None:
        if event.name == "submit":
            if not self.has_submit:
                self.submitted, self.has_submit = event.at, True
            self.requester = _text(data, "requester") or self.requester or event.library
            self.branch = _text(data, "branch") or self.branch
            self.source = _text(data, "source") or self.source
        self._wished(data)

    def _wished(self, data: dict[str, Any]) -> None:
        wish = data.get("wish")
        if not isinstance(wish, dict):
            return
        citation = wish.get("citation")
        citation = citation if isinstance(citation, dict) else {}
        # Defaults are left out of a stored wish, so that an absent key is a default and not "as before".
        self.wish = {"service": "copy", "level": "standard", "material": "book"}
        told = {name: _text(wish, name) for name in _WISH}
        # Requests of before have it as it was written.
        told["language"] = language_code(told["language"] or _text(citation, "language"))
        told["title"] = _text(citation, "title") or _text(citation, "article_title")
        told["record_id"] = _text(citation, "record_id")
        self.wish |= {name: value for name, value in told.items() if value}

    def _asked(self, event: Event, data: dict[str, Any]) -> None:
        if event.name not in _ANSWERED or (event.entry < 1 and event.name != "fill"):
            return
        ask = self.asks.setdefault(event.entry, _Ask(event.entry))
        told = _text(data, "supplier") or self.planned.get(event.entry, "")
        # An officer who sends or recalls acts for the requesting library.
        ask.supplier = ask.supplier or told or ("" if event.actor == "officer" else event.library)
        if event.name == "send":
            ask.sent = ask.sent or event.at
        if event.name == "forward" and isinstance(data.get("child"), int):
            self.planned[data["child"]] = _text(data, "to")
        _ANSWERED[event.name](ask, event, data)
        if event.name == "fill" and self.final in _REVERSIBLE:
            self.final, self.resolved, self.filled_by = "filled", event.at, ask.supplier or NOBODY

    def outcome(self, working: Working | None) -> Outcome:
        asks = tuple(self._ask(ask) for ask in self.asks.values())
        sent = [ask for ask in asks if ask.outcome != "skipped"]
        lost = bool(sent) and not self.exhausted and sent[-1].outcome in ("forwarded", "passed")
        final = "forwarded" if self.final == "open" and lost else self.final
        first = next((ask for ask in sent if ask.outcome != "passed"), sent[-1] if sent else None)
        asked = _truly_asked(first.supplier, first.toward, first.outcome) if first else ""
        filled = self.resolved if final == "filled" else None
        by = self.filled_by or self.requester
        return Outcome(
            request_id=self.request_id,
            submitted=self.submitted,
            requester=self.requester,
            side=self.sides.get(self.requester, ""),
            supplier=asked,
            supplier_side=self.sides.get(asked, ""),
            branch=self.branch,
            service=self.wish["service"],
            level=self.wish["level"],
            material=self.wish.get("material", ""),
            language=self.wish.get("language", ""),
            subject=main_class(self.wish.get("subject", "")),
            source=self.source,
            title=self.wish.get("title", ""),
            record_id=self.wish.get("record_id", ""),
            asks=asks,
            first=("open" if first.outcome == "passed" else first.outcome) if first else "",
            final=final,
            resolved=self.resolved,
            filled_by=self.filled_by,
            days_to_fill=days_between(self.submitted, filled),
            days_to_end=days_between(self.submitted, self.resolved),
            working_to_fill=working(by, self.submitted, filled) if working and filled else None,
            working_to_end=working(by, self.submitted, self.resolved) if working and self.resolved else None,
        )

    def _ask(self, ask: _Ask) -> Ask:
        toward = self.headed.get(ask.entry, "")
        passed = toward != "" and ask.outcome == "forwarded" and self._is_on_the_way(ask.to, toward)
        outcome = "passed" if passed else ask.outcome
        return Ask(
            entry=ask.entry,
            supplier=ask.supplier or NOBODY,
            side=self.sides.get(_truly_asked(ask.supplier, toward, outcome), ""),
            outcome=outcome,
            sent=ask.sent,
            answered=ask.answered,
            code=ask.code,
            days=days_between(ask.sent, ask.answered),
            to=ask.to,
            toward=toward,
        )

    def _is_on_the_way(self, library: str, toward: str) -> bool:
        """Where it is not told to whom it was passed on, it was to whom it should be."""
        if library in ("", toward):
            return True
        return library in self.hops(self.requester, toward, self.wish.get("subject", ""))


def _straight(_requester: str, library: str, _subject: str) -> Collection[str]:
    return (library,)


def _truly_asked(supplier: str, toward: str, outcome: str) -> str:
    """A gateway is itself the library asked as soon as it does anything but pass the request on."""
    return toward if toward and outcome in ("open", "passed") else supplier


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _send(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    if ask.outcome == "skipped":
        ask.outcome = "open"


def _retry(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    """What it sent could not be used: it is asked for it again, and its days go on from the first time."""
    ask.outcome, ask.answered = "open", None


def _fill(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    ask.answer("filled", event.at)
    ask.code = ""


def _refuse(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    ask.answer("refused", event.at)
    ask.code = CONDITION_REJECTED if event.name == "reject" else _text(data, "code")


def _forward(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    ask.answer("forwarded", event.at)
    ask.to = _text(data, "to")


def _recall(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    if ask.outcome == "open":
        ask.answer("silent" if _text(data, "why") in ("receipt", "action") else "withdrawn", event.at)


def _silence(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    if ask.outcome == "open":
        ask.answer("silent", event.at)


def _skip(ask: _Ask, event: Event, data: dict[str, Any]) -> None:
    if ask.outcome == "open" and ask.sent is None:
        ask.answer("skipped", event.at)


_ANSWERED: dict[str, Callable[[_Ask, Event, dict[str, Any]], None]] = {
    "send": _send,
    "retry": _retry,
    "fill": _fill,
    "refuse": _refuse,
    "reject": _refuse,
    "forward": _forward,
    "recall": _recall,
    "silence": _silence,
    "skip": _skip,
}
