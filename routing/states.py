"""The life cycle of a request and of its rota entries, as data.

An event of an entry moves that entry by ENTRY; where JOINT has a row for the request's state as well, the request moves
with it. Every other event moves the request by REQUEST. routing/case.py reads these tables; docs/life-cycle.md is drawn
from them.
"""

from __future__ import annotations

from msgspec import Struct

OPEN = ("draft", "checking", "owned", "dup_hold", "restricted", "blank", "routing", "asking", "condition", "review")
"""States in which a request still looks for its supplier."""

SUPPLIED = ("delivered", "on_loan")

CLOSED = (
    "closed_filled", "closed_unfilled", "closed_local", "closed_duplicate", "closed_cancelled", "closed_expired",
)  # fmt: skip

STATES = (*OPEN, "cancelling", *SUPPLIED, *CLOSED)

ACTIVE = ("sent", "received", "accepted", "conditional", "deferred", "cancel_sent")
"""States of an entry whose library is being asked: one entry of a request at most is in one of them."""

ENTRY_STATES = ("planned", *ACTIVE, "refused", "forwarded", "filled", "skipped", "timed_out")

BEFORE_SUPPLY = (*OPEN, "cancelling")


class Row(Struct, frozen=True):
    """One line of the life cycle: from any of these states, this event, fired by one of these actors, leads there."""

    sources: tuple[str, ...]
    event: str
    actors: tuple[str, ...]
    target: str  # "" = the state stays
    note: str = ""


def _row(sources: str | tuple[str, ...], event: str, actors: str, target: str, note: str = "") -> Row:
    states = tuple(sources.split("|")) if isinstance(sources, str) else sources
    return Row(states, event, tuple(actors.split("|")), target, note)


REQUEST = (
    _row("draft", "amend", "reader|officer", "", "what was missing is told"),
    _row("draft", "submit", "reader|officer", "checking", "a field that is missing is asked for before"),
    _row("checking", "own_holding", "system", "owned", "the requesting library holds it itself (本馆已有)"),
    _row("checking", "same_open", "system", "dup_hold", "the same reader asked for the same within 30 days"),
    _row("checking", "restricted", "system", "restricted", "no holder sends such an item out"),
    _row("checking", "no_match", "system", "blank", "to be searched for by a desk (代查代检)"),
    _row("checking", "holders", "system", "routing"),
    _row("owned", "use_local", "reader|officer", "closed_local"),
    _row("owned", "insist", "reader|officer|rule", "checking", "with a reason"),
    _row("dup_hold", "link", "reader|officer", "closed_duplicate"),
    _row("dup_hold", "separate", "reader|officer|rule", "checking", "with a reason"),
    _row("restricted", "insist", "reader|officer|rule", "checking", "with a reason"),
    _row("blank", "resolve", "node|officer", "checking"),
    _row("blank", "give_up", "node|officer", "closed_unfilled"),
    _row("blank", "escalate", "timer|node", "", "after 3 working days another desk searches"),
    _row("routing", "rota", "system", "asking"),
    _row("routing|asking", "exhausted", "system", "review", "end of the rota"),
    _row("asking", "reorder", "officer", "", "an officer overrides the order, with a reason"),
    _row("asking", "resume", "timer", "", "who is next has had as many as it takes on a day: it is another day"),
    _row("asking", "incomplete", "system", "draft", "a library can't work with the citation"),
    _row("asking", "repeated", "system", "dup_hold", "a library has the same request already"),
    _row("review", "extend", "officer", "routing", "partners, or a better citation"),
    _row("review", "close", "officer|rule", "closed_unfilled"),
    _row("delivered", "receive", "reader|officer|timer", "closed_filled", "copies: by itself after 5 working days"),
    _row("delivered", "bad_copy", "reader|officer", "asking", "the same library is asked again"),
    _row("delivered", "lend", "officer", "on_loan", "handed to the reader"),
    _row("on_loan", "returned", "officer", "closed_filled"),
    _row(tuple(OPEN), "cancel", "reader|officer", "cancelling"),
    _row("cancelling", "cancel_done", "system", "closed_cancelled"),
    _row((*OPEN, "cancelling"), "expire", "timer", "closed_expired", "the day by which it is needed is over"),
    _row("draft|owned|dup_hold|restricted", "lapse", "timer", "closed_expired", "its reader has not decided"),
    _row("blank|review", "lapse", "timer", "closed_unfilled", "nobody has taken it up for too long"),
    _row("delivered|on_loan", "lapse", "timer", "closed_filled", "nobody has said that it came, or went back"),
)

ENTRY = (
    _row("planned", "send", "system|officer", "sent"),
    _row("planned", "skip", "system|officer", "skipped"),
    _row("sent", "ack", "supplier|node", "received"),
    _row("sent|received", "will_supply", "supplier|node", "accepted"),
    _row("sent|received|accepted", "condition", "supplier|node", "conditional"),
    _row("conditional", "accept", "officer|rule", "accepted"),
    _row("conditional", "reject", "officer|timer", "refused", "after 2 working days by itself"),
    _row("sent|received|accepted", "retry_later", "supplier|node", "deferred"),
    _row("deferred", "due", "timer", "sent"),
    _row("sent|received|accepted|deferred", "fill", "supplier|node", "filled"),
    _row("sent|received|accepted|deferred", "refuse", "supplier|node", "refused", "a code of REASONS is mandatory"),
    _row("sent|received|accepted", "forward", "supplier|node", "forwarded", "(转发) a child entry is asked next"),
    _row("sent|received|accepted|conditional|deferred", "recall", "timer|officer|system", "cancel_sent"),
    _row("cancel_sent", "cancel_yes", "supplier|node", "timed_out"),
    _row("cancel_sent", "refuse", "supplier|node", "refused"),
    _row("cancel_sent", "silence", "timer", "timed_out"),
    _row("cancel_sent|timed_out|conditional", "fill", "supplier|node", "filled", "late, yet supplied"),
    _row("filled", "retry", "system", "sent", "a bad copy is to be sent again"),
    _row(ENTRY_STATES[1:], "note", "supplier|node|system", "", "something said that changes nothing"),
)

JOINT = (
    _row("asking", "send", "system|officer", "asking"),
    _row("asking", "due", "timer", "asking"),
    _row("asking", "retry", "system", "asking"),
    _row("asking", "condition", "supplier|node", "condition"),
    _row("condition", "accept", "officer|rule", "asking"),
    _row("condition", "reject", "officer|timer", "asking"),
    _row("condition", "recall", "officer|timer|system", "asking"),
    _row((*BEFORE_SUPPLY, "closed_unfilled", "closed_expired"), "fill", "supplier|node", "delivered"),
)
"""Events of an entry that need, or move, the request's own state. `send`, `due`, `retry`, `condition`, `accept` and
`reject` are refused in any other state; a second fill, or one after cancelling, leaves the request where it is."""

_BOUND = frozenset(("send", "due", "retry", "condition", "accept", "reject"))

EVENTS = tuple(dict.fromkeys(row.event for row in (*REQUEST, *ENTRY)))

TIMERS = {
    # kind of a timer: event that it fires, of what, in which states
    "receipt": ("recall", "entry", ("sent",)),
    "action": ("recall", "entry", ("received", "accepted")),
    "condition": ("reject", "entry", ("conditional",)),
    "retry": ("due", "entry", ("deferred",)),
    "cancel": ("silence", "entry", ("cancel_sent",)),
    "escalate": ("escalate", "request", ("blank",)),
    "receive": ("receive", "request", ("delivered",)),
    "resume": ("resume", "request", ("asking",)),
    "lapse": ("lapse", "request", ("draft", "owned", "dup_hold", "restricted", "blank", "review", *SUPPLIED)),
    "expire": ("expire", "request", (*OPEN, "cancelling")),
}

NEEDS_REASON = frozenset(("insist", "separate", "reorder", "close", "give_up", "bad_copy"))
"""Also `skip`, where it is an officer who skips a library."""

SAID = "said"
"""Stands in an event for what somebody said in his own words: they are kept beside it, and are erased
(store/remarks.py)."""

WORDED = ("text", "note", "conditions", "costs", "service", "editions", "formats")
"""What of a condition is more than a price in our own money."""

MOST_DEFERRALS = 2
"""A library that wants to be asked later once more has refused."""

DATA = {
    "submit": "requester, branch (symbols); wish; source (record, openurl, form, api, iso18626); sponsored",
    "amend": "wish",
    "resolve": "wish: what is meant, perhaps with its union record",
    "own_holding": "library",
    "same_open": "other: number of the request that it repeats",
    "restricted": "why: codes of routing/requestable.py",
    "no_match": "desk: symbol of the library that searches",
    "escalate": "desk",
    "holders": "record: id of the union record; empty = partners alone",
    "insist": "check: state that is overridden; reason",
    "rota": "choice: number, policy, seed, propensity; entries: number, supplier, path, toward, held, p, t, r, score",
    "reorder": "order: numbers of all planned entries; reason",
    "extend": "wish, where it is told better",
    "incomplete": "entry: of the library that said so",
    "repeated": "entry",
    "link": "other",
    "send": "supplier, path",
    "retry": "supplier, path",
    "condition": "code; cost (fen); costs, conditions, service, editions, formats; text",
    "retry_later": "until: ISO date or time",
    "fill": "pages; cost (fen beside the tariff); via; format; service (loan); loan_due (ISO date)",
    "refuse": "code of REASONS; note",
    "forward": "to: symbol; child: number of the new entry; hops: libraries between; toward: the library beyond; note",
    "recall": "why: receipt, action, undelivered, cancelled, late_fill, expired, closed, officer",
    "skip": "reason: a person's words, or a code of routing/sourcing.py",
    "note": "note",
}
"""What the data of an event tell; events that are not here tell nothing beside reason or note. What a person said in
his own words is SAID, and stands in store/remarks.py."""
