"""The life cycle: the way through it, what it refuses, and what no sequence of events can bring about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.requests import ACTORS, REASONS, Citation, Event, Wish
from routing.case import Case, NotAllowed, apply, fold, possible
from routing.states import (
    ACTIVE,
    CLOSED,
    ENTRY,
    ENTRY_STATES,
    EVENTS,
    JOINT,
    NEEDS_REASON,
    OPEN,
    REQUEST,
    STATES,
    TIMERS,
)

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
WISH = msgspec.to_builtins(Wish(Citation(title="红楼梦", record_id="3K7M2Q9V")))
LIBRARIES = ("THU", "RUC", "BNU", "CLCN")


class Story:
    """Events of one request, numbered as they are told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.case = Case(7)

    def then(self, name: str, actor: str = "system", entry: int = 0, library: str = "", **data: Any) -> Case:
        if actor in ("supplier", "node") and not library and entry:
            library = self.case.entry(entry).supplier
        library = library or ("CLCN" if actor in ("reader", "officer") else "")
        at = NOW + timedelta(hours=len(self.events))
        event = Event(7, len(self.events) + 1, at, name, actor, 0, library, "", entry, data)
        self.case = apply(self.case, event)
        self.events.append(event)
        return self.case


def rota(*suppliers: str, first: int = 1) -> list[dict[str, Any]]:
    return [{"entry": number, "supplier": each, "path": [each]} for number, each in enumerate(suppliers, start=first)]


def asking(*suppliers: str) -> Story:
    """A request of the Capital Library that the first of them has before it."""
    story = Story()
    story.then("submit", "reader", requester="CLCN", wish=WISH)
    story.then("holders", record="3K7M2Q9V")
    story.then("rota", entries=rota(*suppliers))
    story.then("send", entry=1)
    return story


def refused(story: Story, because: str, *args: Any, **data: Any) -> None:
    """That step is refused for that reason, and has changed nothing."""
    before = story.case
    with pytest.raises(NotAllowed) as told:
        story.then(*args, **data)
    assert told.value.code == because
    assert told.value.zh and told.value.en
    assert story.case is before


def test_from_asking_to_the_reader() -> None:
    story = asking("THU", "RUC")
    story.then("ack", "supplier", 1)
    story.then("refuse", "supplier", 1, code="NotHeld")
    story.then("send", entry=2)
    story.then("fill", "supplier", 2, pages=20)
    case = story.then("receive", "reader")
    assert case.state == "closed_filled" and case.closed == case.updated
    assert case.filled is not None and (case.filled.supplier, case.filled.pages) == ("RUC", 20)
    assert [entry.state for entry in case.entries] == ["refused", "filled"]


def test_the_tables_know_no_state_and_no_actor_that_there_is_not() -> None:
    for table, states in ((REQUEST, STATES), (ENTRY, ENTRY_STATES), (JOINT, STATES)):
        for row in table:
            assert {*row.sources, row.target} <= {*states, ""}, row
            assert set(row.actors) <= set(ACTORS) and row.actors, row
    assert {row.event for row in JOINT} <= {row.event for row in ENTRY}
    assert {event for event, _, _ in TIMERS.values()} <= set(EVENTS)


@pytest.mark.parametrize("table", [REQUEST, ENTRY], ids=["request", "entry"])
def test_no_state_has_two_rows_for_one_event(table: tuple[Any, ...]) -> None:
    seen = [(state, row.event) for row in table for state in row.sources]
    assert len(seen) == len(set(seen))


def test_every_state_can_be_reached_and_left() -> None:
    targets = {row.target for row in (*REQUEST, *JOINT)}
    assert set(STATES) <= targets
    for state in (*OPEN, "cancelling", "delivered", "on_loan"):
        assert any(state in row.sources and row.target not in ("", state) for row in REQUEST), state


def test_one_library_is_asked_at_a_time() -> None:
    refused(asking("THU", "RUC"), "already-asking", "send", "system", 2)


def test_a_refusal_says_why() -> None:
    story = asking("THU")
    refused(story, "code-needed", "refuse", "supplier", 1)
    refused(story, "code-needed", "refuse", "supplier", 1, code="Nonsense")


@pytest.mark.parametrize(
    ("name", "actor", "entry", "library", "code"),
    [
        ("fill", "reader", 1, "", "wrong-role"),
        ("fill", "supplier", 1, "RUC", "wrong-library"),
        ("recall", "officer", 1, "THU", "wrong-library"),
        ("recall", "officer", 1, "BNU", "wrong-library"),
        ("cancel", "officer", 0, "THU", "wrong-library"),
        ("exhausted", "officer", 0, "CLCN", "wrong-role"),
        ("send", "supplier", 2, "RUC", "wrong-role"),
        ("receive", "reader", 0, "", "not-now"),
        ("ack", "supplier", 9, "THU", "no-such-entry"),
        ("dance", "system", 0, "", "not-now"),
    ],
)
def test_who_has_no_business_is_refused(name: str, actor: str, entry: int, library: str, code: str) -> None:
    refused(asking("THU", "RUC"), code, name, actor, entry, library)


def test_a_branch_without_a_name_is_not_an_officer_without_a_library() -> None:
    story = asking("THU")
    with pytest.raises(NotAllowed, match="not for"):
        apply(story.case, Event(7, story.case.seq + 1, NOW, "cancel", "officer", 5, ""))


@pytest.mark.parametrize("name", sorted(NEEDS_REASON))
def test_an_override_needs_a_reason(name: str) -> None:
    story = asking("THU")
    refused(story, "reason-needed", name, "officer", reason="  ")


def test_late_supply_counts_and_the_next_ask_is_recalled() -> None:
    story = asking("THU", "RUC")
    story.then("recall", "timer", 1, why="receipt")
    story.then("silence", "timer", 1)
    story.then("send", entry=2)
    assert story.then("fill", "supplier", 1).state == "delivered"
    story.then("recall", "system", 2, why="late_fill")
    assert story.then("fill", "supplier", 2).state == "delivered", "a second copy changes nothing"
    assert story.case.filled is not None and story.case.filled.supplier == "THU"


def test_a_fill_after_the_end_reopens_it() -> None:
    story = asking("THU")
    story.then("recall", "timer", 1, why="action")
    story.then("silence", "timer", 1)
    story.then("exhausted")
    story.then("close", "officer", reason="查无")
    assert story.case.closed is not None
    case = story.then("fill", "supplier", 1)
    assert (case.state, case.closed) == ("delivered", None)


def test_a_cancelled_request_stays_so_whatever_still_comes() -> None:
    story = asking("THU")
    story.then("cancel", "reader")
    story.then("recall", "system", 1, why="cancelled")
    story.then("cancel_yes", "supplier", 1)
    story.then("cancel_done")
    assert story.then("fill", "supplier", 1).state == "closed_cancelled"


def test_forwarding_keeps_the_chain_and_asks_the_child_next() -> None:
    story = asking("THU", "RUC", "BNU")
    story.then("forward", "supplier", 1, to="BNU", child=4)
    assert [entry.supplier for entry in story.case.planned] == ["BNU", "RUC"], "it is not asked twice"
    assert story.case.entry(4).path == ("THU", "BNU") and story.case.entry(4).parent == 1
    story.then("send", entry=4)
    refused(story, "on-the-chain", "forward", "supplier", 4, to="THU", child=5)
    refused(story, "on-the-chain", "forward", "supplier", 4, to="CLCN", child=5)
    story.then("refuse", "supplier", 4, code="NotOnShelf")
    story.then("send", entry=2)
    refused(story, "asked-before", "forward", "supplier", 2, to="BNU", child=5)


def test_a_bad_copy_is_asked_for_again() -> None:
    story = asking("THU", "RUC")
    story.then("fill", "supplier", 1)
    story.then("bad_copy", "reader", reason="缺页")
    assert story.then("retry", entry=1).active is not None
    assert story.case.entry(1).asked == 2
    assert story.then("fill", "supplier", 1).state == "delivered"


def test_a_reordered_rota_is_asked_in_that_order() -> None:
    story = asking("THU", "RUC", "BNU")
    refused(story, "bad-order", "reorder", "officer", order=[3], reason="快")
    story.then("reorder", "officer", order=[3, 2], reason="更快")
    assert [entry.number for entry in story.case.planned] == [3, 2]


def test_an_override_of_a_check_is_remembered() -> None:
    story = Story()
    story.then("submit", "reader", requester="CLCN", wish=WISH)
    story.then("own_holding", library="CLCN")
    story.then("insist", "reader", check="owned", reason="馆内破损")
    assert (story.case.state, story.case.acknowledged) == ("checking", ("owned",))


# ---------------------------------------------------------------------------------------------- any sequence


def _data(dice: Random, case: Case) -> dict[str, Any]:
    """What an event may tell, and now and then something that it may not."""
    top = max((entry.number for entry in case.entries), default=0)
    order = [entry.number for entry in case.planned]
    dice.shuffle(order)
    told: dict[str, Any] = {
        "code": dice.choice([*REASONS, "Nonsense"]),
        "reason": dice.choice(["因故", "因故", ""]),
        "requester": "CLCN",
        "desk": dice.choice(LIBRARIES),
        "other": 3,
        "to": dice.choice(LIBRARIES),
        "child": top + dice.choice([1, 1, 1, 0]),
        "order": order,
        "entries": rota(*dice.sample(LIBRARIES, dice.choice([1, 2, 3, 3, 0])), first=top + 1),
        "cost": dice.choice([0, 600, -1]),
        "pages": 20,
        "until": "2026-03-09",
        "check": "owned",
        "why": "receipt",
    }
    if dice.random() < 0.9:
        told["wish"] = WISH if dice.random() < 0.9 else {}
    return told


def _tried(dice: Random, case: Case) -> tuple[str, str, int, str]:
    """An event that may be possible, by whom it may be; in a tenth of the cases anything by anybody."""
    entry = dice.choice([0, *(each.number for each in case.entries)])
    if dice.random() < 0.1:
        return dice.choice(EVENTS), dice.choice(ACTORS), dice.choice([entry, 99]), dice.choice(LIBRARIES)
    fitting = [(name, actor) for actor in ACTORS for name in possible(case, actor, entry)]
    if case.state in OPEN and dice.random() < 0.8:  # or most stories end at their second step
        fitting = [(name, actor) for name, actor in fitting if name not in ("cancel", "expire")]
    if not fitting:
        return dice.choice(EVENTS), dice.choice(ACTORS), entry, dice.choice(LIBRARIES)
    name, actor = dice.choice(fitting)
    whose = {"supplier": case.entry(entry).supplier if entry else "", "officer": "CLCN", "node": case.desk}
    return name, actor, entry, whose.get(actor, "") or (case.entry(entry).supplier if entry else "CLCN")


def history(seed: int, steps: int = 40) -> list[Event]:
    """Events as anybody might try them, of which those are kept that are allowed."""
    dice, case, events = Random(seed), Case(7), []
    for step in range(steps):
        name, actor, entry, library = _tried(dice, case)
        if entry and actor == "node":
            library = library if entry == 99 else case.entry(entry).supplier
        at = NOW + timedelta(hours=step)
        event = Event(7, case.seq + 1, at, name, actor, 0, library, "", entry, _data(dice, case))
        try:
            case = apply(case, event)
        except NotAllowed:
            continue
        events.append(event)
    return events


histories = st.integers(0, 2**32 - 1).map(history)


def check_invariants(before: Case, event: Event, after: Case) -> None:
    assert after.state in STATES
    asked = [entry for entry in after.entries if entry.state in ACTIVE]
    assert len(asked) <= 1
    assert [entry.number for entry in after.entries] == list(range(1, len(after.entries) + 1)), "no entry is lost"
    assert len(after.entries) >= len(before.entries)
    assert (after.closed is not None) == (after.state in CLOSED)
    if before.state == "closed_cancelled":
        assert after.state == "closed_cancelled"
    if after.state in ("delivered", "on_loan", "closed_filled"):
        assert after.filled is not None or before.state in ("delivered", "on_loan", "closed_filled")
    rows = ENTRY if event.entry else REQUEST
    assert any(row.event == event.name and event.actor in row.actors for row in rows), "a transition by the wrong role"
    if event.actor in ("supplier", "node") and event.entry:
        assert event.library == before.entry(event.entry).supplier
    if event.actor == "officer" and before.requester:
        assert event.library in (before.requester, before.branch) and event.library
    for entry in after.entries:
        assert entry.supplier == entry.path[-1]
        assert len(set(entry.path)) == len(entry.path), "nobody is twice on a chain"


@settings(max_examples=600, deadline=None)
@given(histories)
def test_no_sequence_of_events_breaks_an_invariant(events: list[Event]) -> None:
    case = Case(7)
    for event in events:
        before, case = case, apply(case, event)
        check_invariants(before, event, case)
    if events:
        assert fold(events) == case, "replaying the events gives the same request"
        stored = msgspec.json.decode(msgspec.json.encode(case), type=Case)
        assert stored == case, "what is stored of it is the same"


@settings(max_examples=300, deadline=None)
@given(
    histories,
    st.sampled_from(EVENTS),
    st.sampled_from(ACTORS),
    st.integers(-1, 5),
    st.dictionaries(
        st.sampled_from(["reason", "wish", "order", "entries", "to", "child", "code"]), st.none() | st.text()
    ),
)
def test_whatever_is_tried_is_done_or_refused(
    events: list[Event], name: str, actor: str, entry: int, data: dict[str, Any]
) -> None:
    case = fold(events) if events else Case(7)
    event = Event(7, case.seq + 1, NOW, name, actor, 0, "CLCN", "", entry, data)
    try:
        apply(case, event)
    except NotAllowed as told:
        assert told.code and told.zh and told.en


def test_the_histories_get_far_enough_to_prove_anything() -> None:
    """Between them they come to every state of a request and of an entry."""
    reached: set[str] = set()
    for seed in range(3000):
        case = Case(7)
        for event in history(seed):
            case = apply(case, event)
            reached.update({case.state, *(f"entry {entry.state}" for entry in case.entries)})
    assert {*STATES, *(f"entry {state}" for state in ENTRY_STATES)} - reached == set()
