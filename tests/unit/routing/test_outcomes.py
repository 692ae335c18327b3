"""One row of every request: how each way through the life cycle ends, and that no history is too odd for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from request_histories import SIDES, START, WISH, many_requests, step, submit, told
from test_states import histories

from mappings.requests import REASONS, Event
from routing.calendar import Calendar
from routing.case import fold
from routing.outcomes import ANSWERS, CONDITION_REJECTED, FINALS, Outcome, main_class, outcome_of, outcomes_of
from routing.states import EVENTS

SENT = step("send", 0, 1, "THU", supplier="THU")
SENT_ON = step("send", 30, 2, "RUC", supplier="RUC")


def outcome(*steps: Any) -> Outcome:
    found = outcome_of(told(submit(), *steps), SIDES)
    assert found is not None
    return found


def test_a_request_that_the_second_library_fills() -> None:
    found = outcome(SENT, step("refuse", 24, 1, "THU", code="NotHeld"), SENT_ON, step("fill", 84, 2, "RUC"))
    assert (found.requester, found.side, found.supplier, found.direction) == ("CLCN", "CAPITAL", "THU", "CAPITAL>BALIS")
    assert (found.first, found.final, found.filled_by) == ("refused", "filled", "RUC")
    assert (found.days_to_fill, found.days_to_end) == (3.5, 3.5)
    assert [(ask.supplier, ask.outcome, ask.code, ask.days) for ask in found.asks] == [
        ("THU", "refused", "NotHeld", 1.0),
        ("RUC", "filled", "", 2.25),
    ]
    assert (found.material, found.subject, found.language, found.source) == ("serial", "I", "chi", "record")
    assert (found.title, found.record_id) == ("红楼梦学刊", "3K7M2Q9V")


def test_a_request_that_nobody_fills_ends_when_it_is_closed() -> None:
    found = outcome(SENT, step("refuse", 24, 1, "THU", code="NotHeld"), step("exhausted", 24), step("close", 48))
    assert (found.first, found.final, found.days_to_fill, found.days_to_end) == ("refused", "unfilled", None, 2.0)


@pytest.mark.parametrize("clock", ["receipt", "action"])
def test_silence_is_an_answer_of_its_own(clock: str) -> None:
    found = outcome(SENT, step("recall", 24, 1, "THU", why=clock), step("silence", 48, 1, "THU"), SENT_ON)
    assert [(ask.outcome, ask.days) for ask in found.asks] == [("silent", 1.0), ("open", None)]
    assert (found.first, found.final) == ("silent", "open")


def test_what_the_reader_takes_back_is_no_silence() -> None:
    found = outcome(
        SENT, step("recall", 5, 1, "THU", why="cancelled"), step("cancel_yes", 6, 1), step("cancel_done", 6)
    )
    assert (found.first, found.final) == ("withdrawn", "cancelled")


def test_a_chain_is_followed_to_its_end() -> None:
    steps = (SENT, step("forward", 20, 1, "THU", to="RUC", child=2), SENT_ON, step("fill", 48, 2, "RUC"))
    found = outcome(*steps)
    assert (found.first, found.final, found.filled_by, found.asks[0].to) == ("forwarded", "filled", "RUC", "RUC")
    assert outcome(*steps[:3]).final == "open", "the library that it was passed on to has it"
    assert outcome(*steps[:2]).final == "forwarded", "nothing was heard since"
    assert outcome(*steps[:2], step("exhausted", 40)).final == "open", "an officer has it"
    assert outcome(*steps[:2], step("exhausted", 40), step("close", 41)).final == "unfilled"


def test_a_gateway_that_passes_on_has_answered_nothing() -> None:
    """A request from BALIS goes to the Capital Library through a node with people at it."""
    entries = [{"entry": 1, "supplier": "RUC", "path": ["RUC"], "toward": "CLCN"}]
    steps = (
        submit("BUPT"), step("rota", 0, entries=entries), step("send", 0, 1, "RUC", supplier="RUC"),
        step("forward", 8, 1, "RUC", to="CLCN", child=2), step("send", 8, 2, "CLCN", supplier="CLCN"),
        step("refuse", 56, 2, "CLCN", code="NotHeld"),
    )  # fmt: skip
    found = outcome_of(told(*steps), SIDES)
    assert found is not None
    assert (found.direction, found.supplier, found.first) == ("BALIS>CAPITAL", "CLCN", "refused")
    assert [ask.supplier for ask in found.sent_asks] == ["CLCN"]
    for some in (3, 4):  # it lies at the node; the node has passed it on
        early = outcome_of(told(*steps[:some]), SIDES)
        assert early is not None
        assert (early.direction, early.supplier, early.first) == ("BALIS>CAPITAL", "CLCN", "open")


@pytest.mark.parametrize(
    ("answer", "first"),
    [("fill", "filled"), ("refuse", "refused"), ("forward", "forwarded")],
)
def test_a_gateway_that_does_not_pass_it_on_is_itself_the_library_asked(answer: str, first: str) -> None:
    """It fills or refuses the request itself, or sends it elsewhere than where it was headed."""
    data = {"fill": {}, "refuse": {"code": "NotHeld"}, "forward": {"to": "THU", "child": 2}}[answer]
    entries = [{"entry": 1, "supplier": "RUC", "path": ["RUC"], "toward": "CLCN"}]
    found = outcome_of(
        told(
            submit("BUPT"), step("rota", 0, entries=entries), step("send", 0, 1, "RUC", supplier="RUC"),
            step(answer, 8, 1, "RUC", **data),
        ),
        SIDES,
    )  # fmt: skip
    assert found is not None
    assert (found.direction, found.supplier, found.first) == ("BALIS>BALIS", "RUC", first)
    assert [(ask.supplier, ask.side, ask.outcome) for ask in found.sent_asks] == [("RUC", "BALIS", first)]


def test_a_gateway_passes_it_on_to_the_next_one_on_the_way() -> None:
    """A branch of the Capital Library stands behind two gateways with people at them."""
    entries = [{"entry": 1, "supplier": "RUC", "path": ["RUC"], "toward": "DONGCHENG"}]
    steps = (
        submit("BUPT"), step("rota", 0, entries=entries), step("send", 0, 1, "RUC", supplier="RUC"),
        step("forward", 8, 1, "RUC", to="CLCN", child=2), step("send", 8, 2, "CLCN", supplier="CLCN"),
        step("refuse", 56, 2, "CLCN", code="NotHeld"),
    )  # fmt: skip

    def hops(requester: str, library: str, subject: str) -> tuple[str, ...]:
        assert (requester, subject) == ("BUPT", "I207")
        return ("RUC", "CLCN", library)

    found = outcome_of(told(*steps), SIDES, hops=hops)
    assert found is not None
    assert (found.direction, found.supplier, found.first) == ("BALIS>CAPITAL", "CLCN", "refused")
    assert [(ask.side, ask.outcome) for ask in found.asks] == [("CAPITAL", "passed"), ("CAPITAL", "refused")]


def test_a_late_fill_counts_but_not_for_a_reader_who_has_cancelled() -> None:
    late = (SENT, step("recall", 72, 1, "THU", why="expired"))
    found = outcome(*late, step("expire", 72), step("fill", 96, 1, "THU"))
    assert (found.final, found.first, found.days_to_fill) == ("filled", "filled", 4.0)
    assert outcome(*late, step("cancel_done", 72), step("fill", 96, 1, "THU")).final == "cancelled"


def test_a_copy_that_cannot_be_read_is_not_a_fill_yet() -> None:
    bad = (SENT, step("fill", 24, 1, "THU"), step("bad_copy", 30, reason="缺页"), step("retry", 30, 1, "THU"))
    assert (outcome(*bad).final, outcome(*bad).first, outcome(*bad).days_to_fill) == ("open", "open", None)
    again = outcome(*bad, step("fill", 48, 1, "THU"), step("receive", 50))
    assert (again.final, again.days_to_fill, len(again.asks)) == ("filled", 2.0, 1)


def test_a_condition_that_is_not_accepted_is_a_refusal_with_its_own_reason() -> None:
    found = outcome(SENT, step("condition", 3, 1, "THU", cost=900), step("reject", 24, 1, "CLCN"))
    assert (found.first, found.asks[0].code) == ("refused", CONDITION_REJECTED)


def test_a_library_that_asks_for_time_is_timed_from_the_first_day() -> None:
    later = (step("retry_later", 5, 1, "THU", until="2026-03-04"), step("due", 48, 1), step("send", 48, 1, "THU"))
    assert outcome(SENT, *later, step("fill", 72, 1, "THU")).asks[0].days == 3.0


def test_a_library_that_is_skipped_was_not_asked() -> None:
    found = outcome(step("skip", 0, 1, "THU", reason="paused"), SENT_ON)
    assert (found.supplier, [ask.supplier for ask in found.sent_asks]) == ("RUC", ["RUC"])


@pytest.mark.parametrize(
    ("name", "final"),
    [("use_local", "local"), ("link", "duplicate"), ("give_up", "unfilled"), ("cancel_done", "cancelled")],
)
def test_what_ends_before_anybody_is_asked_has_no_direction(name: str, final: str) -> None:
    found = outcome(step(name, 1))
    assert (found.final, found.first, found.direction, found.asks) == (final, "", "", ())


def test_what_is_wanted_is_what_was_said_last() -> None:
    found = outcome(step("amend", 1, wish={"citation": {"title": "史记"}, "subject": "K204"}))
    assert (found.title, found.subject, found.material, found.language) == ("史记", "K", "book", "")
    resolved = outcome(
        step("resolve", 1, wish=WISH | {"citation": {"title": "学报", "language": "eng"}, "language": ""})
    )
    assert (resolved.title, resolved.language) == ("学报", "eng")


@pytest.mark.parametrize("written", ["chi", "zho", "zh", "CHI", "中文", "zh-Hans"])
def test_a_language_is_counted_once_however_it_was_written(written: str) -> None:
    for wish in ({"citation": {"title": "史记", "language": written}}, {"citation": {}, "language": written}):
        assert outcome(step("amend", 1, wish=wish)).language == "chi"


def test_working_days_are_those_of_whoever_filled_it() -> None:
    """From Friday 9 o'clock to Monday 9 o'clock: three days, of which the library worked one."""
    asked: list[str] = []

    def working(symbol: str, first: datetime, last: datetime) -> float:
        asked.append(symbol)
        return Calendar().working_days(first, last)

    friday = START + timedelta(days=4)
    events = told(submit(), SENT, step("fill", 72, 1, "THU"), start=friday)
    found = outcome_of(events, SIDES, working)
    assert found is not None
    assert found.days_to_fill == 3.0
    assert found.working_to_fill == pytest.approx(1.0)
    assert set(asked) == {"THU"}


@pytest.mark.parametrize(("number", "letter"), [("TP311.1", "T"), (" g25", "G"), ("", ""), ("007", ""), ("工", "")])
def test_the_main_class_is_a_letter(number: str, letter: str) -> None:
    assert main_class(number) == letter


def test_a_branch_and_a_library_that_nobody_knows() -> None:
    """Events of a library that has left the consortium since still make a row."""
    submitted = ("submit", 0, 0, "DONGCHENG", {"requester": "CLCN", "branch": "DONGCHENG", "wish": WISH})
    found = outcome_of(told(submitted, step("send", 0, 1, "GONE", supplier="GONE")), SIDES)
    assert found is not None
    assert (found.branch, found.direction) == ("DONGCHENG", "CAPITAL>")


@settings(max_examples=500, deadline=None)
@given(histories)
def test_it_ends_where_the_life_cycle_ends(events: list[Event]) -> None:
    """The interpreter of the life cycle is the oracle: any history that it allows ends alike here."""
    if not events:
        return
    case, found = fold(events), outcome_of(events, SIDES)
    assert found is not None
    filled = case.state in ("delivered", "on_loan", "closed_filled")
    expected = ("filled",) if filled else (case.state.removeprefix("closed_"),) if case.is_closed else _OPEN
    assert found.final in expected, case.state
    if not filled:
        assert found.resolved == case.closed
    assert {ask.supplier for ask in found.sent_asks} == {entry.supplier for entry in case.entries if entry.asked}


_OPEN = ("open", "forwarded")

_values = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
_events = st.builds(
    Event,
    request_id=st.just(1),
    seq=st.integers(-3, 20),
    at=st.integers(-1000, 1000).map(lambda hours: START + timedelta(hours=hours)),
    name=st.sampled_from([*EVENTS, "late_fill", "dance", ""]),
    actor=st.just("system"),
    library=st.sampled_from(["", "THU", "CLCN", "?", "甲"]),
    entry=st.integers(-1, 4),
    data=st.dictionaries(
        st.sampled_from(["requester", "wish", "supplier", "code", "to", "why", "entries", "branch", "source"]),
        _values | st.just(WISH) | st.just({"citation": 3, "subject": ["T"]}) | st.sampled_from(REASONS)
        | st.just([{"entry": 1, "toward": "CLCN"}, 7, {"entry": "x"}]),
        max_size=4,
    ),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(_events, min_size=1, max_size=15))
def test_whatever_the_events_are_there_is_one_row(events: list[Event]) -> None:
    found = outcome_of(events, SIDES)
    assert found is not None
    assert found.final in FINALS
    assert found.first in ("", *ANSWERS)
    assert all(ask.outcome in ANSWERS and ask.supplier for ask in found.asks)
    assert (found.days_to_fill is not None) == (found.final == "filled") == bool(found.filled_by)
    assert (found.resolved is None) == (found.final in _OPEN) == (found.days_to_end is None)
    assert all(days is None or days >= 0 for days in (found.days_to_fill, *(ask.days for ask in found.asks)))
    assert bool(found.supplier) == bool(found.first)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Outcome) == found


@given(many_requests(), st.randoms(use_true_random=False))
def test_rows_depend_on_the_events_alone(events: list[Event], dice: Any) -> None:
    """Not on the order in which those of a request came, nor on events that nobody knows."""
    rows = list(outcomes_of(events, SIDES))
    assert [row.request_id for row in rows] == sorted({event.request_id for event in events})
    odd = []
    for number in dict.fromkeys(event.request_id for event in events):
        own = [event for event in events if event.request_id == number]
        own += [msgspec.structs.replace(event, name="a_new_event", seq=event.seq + 100) for event in own]
        dice.shuffle(own)
        odd += own
    assert list(outcomes_of(odd, SIDES)) == rows


def test_no_events_make_no_row() -> None:
    assert outcome_of([], SIDES) is None
    assert list(outcomes_of([], SIDES)) == []
