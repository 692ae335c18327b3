"""Requests on a real store: each goes on by itself until somebody else has the word."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from api_catalogue import book, union
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from request_desk import (
    CAPITAL_ONLY,
    CL_READER,
    HONGLOUMENG,
    MONDAY,
    NOWHERE_ELSE,
    PPSUC_READER,
    RARE,
    RUC_READER,
    SERIAL,
    XC_READER,
    Desk,
    holders,
    wish,
)

from mappings.requests import REASONS, Citation, Closure, Wish
from routing.candidates import Rota
from routing.case import Case, NotAllowed, fold, possible
from routing.correcting import settle_correction
from routing.estimates import UNCOUNTED
from routing.learning import past_decoder, relearn, tally_decoder, tally_keys
from routing.retention import forget_due
from routing.service import Incomplete, UnknownRequest
from routing.settings import RoutingSettings, load_network, load_settings
from routing.states import ACTIVE, BEFORE_SUPPLY, CLOSED
from routing.withdrawing import withdraw_open
from routing.work import Actor, Surroundings, case_decoder
from store import choices, ledger, outbox, performance, requests, timers
from store.database import Database, StoreBusyError
from store.remarks import remarks_of
from store.request_events import events_of, histories
from store.timers import Timer
from tongcang.sending.telling import tell_officers


def suppliers(case: Case) -> list[str]:
    return [entry.supplier for entry in case.entries]


def check_stored(desk: Desk, number: int) -> Case:
    """What is stored of a request is what its events say."""
    with desk.database.read() as unit:
        row = requests.get_request(unit, number)
        assert row is not None
        case = fold(events_of(unit, number))
        assert case_decoder.decode(row.folded) == case
        assert (row.state, row.seq, row.closed) == (case.state, case.seq, case.closed)
        due = timers.timers_of(unit, number)
    by_entry = {timer.entry for timer in due if timer.entry}
    assert by_entry == {entry.number for entry in case.entries if entry.state in ACTIVE}, "every clock runs, no other"
    kinds = {timer.kind for timer in due if not timer.entry}
    if case.state in ("draft", "owned", "dup_hold", "restricted", "blank", "review", "delivered", "on_loan"):
        assert kinds & {"lapse", "receive"}, "nothing lies there for ever"
    if case.state == "asking":
        assert case.active is not None or "resume" in kinds, "somebody always has it"
    assert ("expire" in kinds) == bool(case.wish and case.wish.need_before and case.state in BEFORE_SUPPLY)
    return case


# ---------------------------------------------------------------------------------------------- the usual ways


def test_a_request_goes_to_those_who_hold_it(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask()
    assert case.state == "asking"
    assert set(suppliers(case)) == {"BNU", "RUC", "THU", "NLC"}
    assert suppliers(case)[-1] == "NLC", "partners come after all holders"
    assert case.active is not None and case.active.number == 1
    check_stored(desk, case.request_id)


def test_a_refusal_goes_on_to_the_next_by_itself(desk: Desk) -> None:
    case = desk.ask()
    first = case.active
    case = desk.answers(case, "refuse", code="NotAvailableForILL")
    assert first is not None and case.active is not None
    assert case.active.supplier == suppliers(case)[1] != first.supplier
    check_stored(desk, case.request_id)


def test_silence_goes_on_when_both_clocks_have_run_out(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask()
    assert desk.tick(hours=8) == 0, "a working day has not passed yet"
    assert desk.tick(days=1) == 1
    case = desk.case(case)
    assert case.active is not None and case.active.state == "cancel_sent"
    assert desk.tick(days=1, hours=1) == 1
    case = check_stored(desk, case.request_id)
    assert [entry.state for entry in case.entries[:2]] == ["timed_out", "sent"]


def test_who_has_said_that_it_was_received_has_longer(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "ack")
    assert desk.tick(days=2) == 0
    assert desk.tick(days=1, hours=1) == 1
    assert desk.names(case)[-1] == "recall"


def test_weekends_and_holidays_stop_the_clock(desk: Desk) -> None:
    desk.wait(days=4)  # Friday
    case = desk.ask()
    assert desk.tick(days=2, hours=23) == 0, "until Monday morning nobody works"
    assert desk.tick(hours=2) == 1
    assert desk.case(case).active is not None


def test_a_closure_that_comes_later_stops_the_clock_too(desk: Desk) -> None:
    case = desk.ask()
    assert case.active is not None
    desk.policy(case.active.supplier, closures=(Closure("2026-03-03", "2026-03-06", "搬迁"),))
    assert desk.tick(days=3) == 0
    assert desk.case(case).active == case.active
    assert desk.tick(days=5) == 1


def long_vacation(first: str) -> tuple[Closure, ...]:
    return (Closure(first, "2026-04-10", "寒假"),)


def test_what_lies_in_a_library_that_closes_goes_on_when_it_closes(any_desk: Desk) -> None:
    desk = any_desk
    desk.wait(hours=2)
    for symbol in ("BNU", "RUC", "THU"):
        desk.policy(symbol, closures=long_vacation("2026-03-04"), receipt_days=3.0)
    case = desk.ask()
    first = case.active
    assert first is not None
    assert desk.tick(days=1, hours=6) == 0, "it works on Tuesday afternoon"
    assert desk.tick(hours=1) == 1, "half past five on Tuesday: until April nobody would answer"
    entry = desk.case(case).entry(first.number)
    assert (entry.state, entry.code) == ("cancel_sent", "closed")
    assert desk.tick(days=1, hours=1) == 1, "and nobody waits until April for it to say that it stops"
    entry = desk.case(case).entry(first.number)
    assert entry.state == "timed_out"
    with desk.database.read() as unit:
        keys = tally_keys(load_network(unit), case, first.supplier)
        assert set(performance.tallies(unit, keys).values()) == {"{}"}, "that it has vacation is no silence"
    check_stored(desk, case.request_id)


def test_a_vacation_told_later_does_not_hold_up_what_was_asked_before(desk: Desk) -> None:
    case = desk.ask()
    assert case.active is not None
    desk.policy(case.active.supplier, closures=long_vacation("2026-03-03"))
    assert desk.tick(days=1, hours=1) == 1
    assert desk.case(case).entry(case.active.number).code == "closed"


def asked_of_ruc(desk: Desk, channel: str, address: str) -> Case:
    """By messages; nobody else takes any requests."""
    desk.policy("RUC", channel=channel, address=address)
    for symbol in ("BNU", "THU"):
        desk.policy(symbol, paused=True)
    case = desk.ask()
    assert [entry.supplier for entry in case.entries if entry.asked] == ["RUC"]
    return case


def test_the_clock_of_a_library_begins_when_it_could_be_told(any_desk: Desk) -> None:
    """Its system was away for days: that is no silence of its own."""
    desk = any_desk
    case = asked_of_ruc(desk, "iso18626", "http://127.0.0.1:1/")
    assert desk.tick(days=3, hours=2) == 0, "it is still on its way"
    with desk.database.write() as unit:
        [asked] = [each for each in outbox.messages_of(unit, case.request_id) if each.kind == "supplier.request"]
        outbox.mark_sent(unit, asked.id, desk.now)
    assert desk.tick(hours=4) == 0, "it has had the message since this morning"
    assert desk.tick(days=1) == 1
    recalled = desk.case(case).entry(1)
    assert (recalled.state, recalled.code) == ("cancel_sent", "receipt")


def test_a_library_that_no_message_reaches_is_not_waited_for(any_desk: Desk) -> None:
    desk = any_desk
    case = asked_of_ruc(desk, "iso18626", "http://127.0.0.1:1/")
    desk.wait(hours=1)
    with desk.database.write() as unit:
        [asked] = outbox.claim_messages(unit, "a test", 9, 60.0, desk.now, channels=("iso18626",))
        assert outbox.mark_dead(unit, asked.id, "a test", desk.now, "nobody is there")
        tell_officers(unit, asked, "nobody is there", desk.now)
    assert desk.tick(minutes=1) == 1
    assert desk.tick(minutes=1) == 1, "nor for it to say that it stops"
    case = desk.case(case)
    entry = case.entry(1)
    assert (entry.state, entry.code) == ("timed_out", "undelivered")
    assert case.active is not None and case.active.supplier == "NLC"


def test_who_works_in_the_queue_by_now_finds_there_what_did_not_reach_it(desk: Desk) -> None:
    case = asked_of_ruc(desk, "email", "ill@ruc.example")
    with desk.database.write() as unit:
        for each in outbox.claim_messages(unit, "a test", 9, 60.0, desk.now, channels=("email",), per_target=9):
            outbox.mark_dead(unit, each.id, "a test", desk.now, "no address")
    desk.policy("RUC", channel="queue")
    desk.tick(days=2)
    assert desk.case(case).entry(1).code == "receipt"


def test_a_closure_told_later_stops_the_clock_of_a_condition(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "condition", code="LibraryUseOnly", conditions=["LibraryUseOnly"])
    assert case.state == "condition"
    desk.policy("CLCN", closures=(Closure("2026-03-03", "2026-03-06", "搬迁"),))
    assert desk.tick(days=4) == 0
    assert desk.tick(days=4) == 1
    assert desk.case(case).entry(1).state == "refused"


def test_who_closes_tomorrow_for_weeks_is_asked_after_those_who_work(desk: Desk) -> None:
    usual = desk.ask().active
    assert usual is not None
    desk.policy(usual.supplier, closures=long_vacation("2026-03-03"))
    later = desk.ask(reader=400)
    assert later.active is not None and later.active.supplier != usual.supplier
    with desk.database.read() as unit:
        made = choices.choices_of(unit, later.request_id)[0]
        told = {place.candidate.library: place for place in msgspec.json.decode(made.data, type=Rota).entries}
    assert "closes_soon" in told[usual.supplier].reasons
    assert told[usual.supplier].p < told[later.active.supplier].p


def test_supply_is_received_by_itself_after_five_working_days(desk: Desk) -> None:
    case = desk.answers(desk.ask(wish(service="copy", pages="1-20")), "fill", pages=20)
    assert case.state == "delivered"
    assert desk.tick(days=8) == 1
    assert check_stored(desk, case.request_id).state == "closed_filled"


def test_a_loan_comes_back(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "fill")
    case = desk.does(case, "lend", "officer")
    assert desk.tick(days=40) == 0, "a loan is not received by a clock"
    assert desk.does(case, "returned", "officer").state == "closed_filled"


# ---------------------------------------------------------------------------------------------- told first


def test_what_the_own_library_has_is_told_first(desk: Desk) -> None:
    case = desk.ask(library="RUC", reader=RUC_READER)
    assert case.state == "owned"
    with pytest.raises(NotAllowed, match="reason"):
        desk.does(case, "insist", "reader")
    case = desk.does(case, "insist", "reader", reason="本馆复本破损")
    assert case.state == "asking" and "RUC" not in suppliers(case)


def test_it_can_be_used_there(desk: Desk) -> None:
    assert desk.does(desk.ask(library="RUC", reader=RUC_READER), "use_local", "reader").state == "closed_local"


def test_what_is_out_is_not_had(desk: Desk) -> None:
    out = union(HONGLOUMENG, book("红楼梦", "曹雪芹", "某社", 2008), holders("RUC", status="on_loan") + holders("THU"))
    desk.put(out)
    assert desk.ask(library="RUC", reader=RUC_READER).state == "asking"


def test_volumes_that_the_own_library_lacks_are_asked_for(desk: Desk) -> None:
    asked = wish(SERIAL, service="copy", date="2010", issue="3", pages="1-9", genre="article")
    case = desk.ask(asked, library="RUC", reader=RUC_READER)
    assert case.state == "asking"
    assert suppliers(case)[0] == "CLCN", "BNU has it until 2005 only"
    assert "BNU" not in suppliers(case)


def test_a_repetition_is_told_and_can_be_another_request(any_desk: Desk) -> None:
    desk = any_desk
    first = desk.ask()
    second = desk.ask()
    assert (second.state, second.other) == ("dup_hold", first.request_id)
    assert desk.does(second, "separate", "reader", reason="两位老师各需一册").state == "asking"
    third = desk.ask()
    assert desk.does(third, "link", "reader").state == "closed_duplicate"
    assert desk.ask(reader=CL_READER + 100).state == "asking", "of another reader it is none"


def test_after_thirty_days_or_in_vain_it_is_no_repetition(desk: Desk) -> None:
    first = desk.ask()
    desk.does(first, "cancel", "reader")
    assert desk.answers(desk.case(first), "cancel_yes").state == "closed_cancelled"
    second = desk.ask()
    assert second.state == "asking"
    desk.wait(days=31)
    assert desk.ask().state == "asking"


def test_what_is_not_sent_out_is_told_first(desk: Desk) -> None:
    case = desk.ask(wish(RARE), library="THU", reader=RUC_READER)
    assert case.state == "restricted"
    case = desk.does(case, "insist", "officer", reason="已与该馆商定")
    assert case.state == "asking"


def test_what_is_missing_is_asked_for_before_anything_is_made(desk: Desk) -> None:
    with pytest.raises(Incomplete) as told:
        desk.ask(Wish(Citation(genre="article", title="文学评论")))
    assert set(told.value.fields) == {"article", "year_or_volume"}
    with desk.database.read() as unit:
        assert requests.count_open(unit) == {}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (wish(need_before="2026-02-01"), "past-date"),
        (wish(need_before="soon"), "bad-date"),
        (wish(need_before="2026-W53-4"), "bad-date"),
        (wish(need_before="20261201"), "bad-date"),
        (msgspec.structs.replace(wish(), service="gift"), "bad-service"),
        (msgspec.structs.replace(wish(), level="whenever"), "bad-service"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(desk: Desk, wanted: Wish, code: str) -> None:
    with pytest.raises(NotAllowed) as told:
        desk.ask(wanted)
    assert told.value.code == code


def test_a_request_that_there_is_not(desk: Desk) -> None:
    with pytest.raises(UnknownRequest), desk.database.write() as unit:
        desk.service.fire(unit, 4711, "cancel", Actor("reader"))


# ---------------------------------------------------------------------------------------------- not known to be held


FREE = Wish(Citation(genre="book", title="无人知晓之书", author="某人"), service="loan")


@pytest.mark.parametrize(("library", "where"), [("CLCN", "CLCN"), ("RUC", "RUC"), ("PPSUC", "BNU"), ("XCLIB", "CLCN")])
def test_what_nobody_is_known_to_hold_is_searched_for_on_the_own_side(desk: Desk, library: str, where: str) -> None:
    case = desk.ask(FREE, library=library)
    assert (case.state, case.desk) == ("blank", where)


def test_the_node_of_the_subject_searches(desk: Desk) -> None:
    desk.policy("BUPT", subjects=("T",))
    case = desk.ask(msgspec.structs.replace(FREE, subject="T"), library="PPSUC")
    assert case.desk == "BUPT"


def test_a_desk_finds_out_what_is_meant(desk: Desk) -> None:
    case = desk.ask(FREE)
    found = msgspec.to_builtins(wish(CAPITAL_ONLY))
    with pytest.raises(NotAllowed):
        desk.does(case, "resolve", "node", "RUC", wish=found)
    case = desk.does(desk.ask(FREE, library="PPSUC", reader=PPSUC_READER), "resolve", "node", "BNU", wish=found)
    assert case.state == "asking" and suppliers(case)[0] == "CLCN"
    assert case.entries[0].path == ("BNU", "CLCN"), "to the other side it goes through a node"


def test_a_desk_that_finds_nothing_says_so(desk: Desk) -> None:
    case = desk.does(desk.ask(FREE), "give_up", "node", "CLCN", reason="查无此书")
    assert case.state == "closed_unfilled"
    with desk.database.read() as unit:
        assert {"reason": "查无此书"} in remarks_of(unit, case.request_id).values()


def test_a_desk_that_takes_too_long_is_relieved_by_each_of_the_others_once(desk: Desk) -> None:
    case = desk.ask(FREE, library="PPSUC", reader=PPSUC_READER)
    seen = [case.desk]
    for _ in range(6):
        desk.tick(days=7)
        seen.append(desk.case(case).desk)
    assert seen == ["BNU", "BUPT", "RUC", "CLCN", "CLCN", "CLCN", "CLCN"]
    check = desk.case(case)
    assert check.state == "blank", "the last one keeps it"


# ---------------------------------------------------------------------------------------------- answers of libraries


def test_a_condition_within_what_was_allowed_is_accepted_by_rule(desk: Desk) -> None:
    case = desk.ask(msgspec.structs.replace(wish(), max_cost=1000))
    case = desk.answers(case, "condition", cost=800)
    assert case.state == "asking" and case.active is not None and case.active.state == "accepted"
    assert desk.names(case)[-2:] == ["condition", "accept"]


def test_any_other_condition_is_an_officers_to_decide(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "condition", cost=800)
    assert case.state == "condition"
    assert desk.does(case, "accept", "officer", entry=1).state == "asking"
    other = desk.answers(desk.ask(reader=5), "condition", code="LibraryUseOnly")
    case = desk.does(other, "reject", "officer", entry=1)
    assert case.active is not None and case.active.number == 2


def test_a_condition_that_nobody_decides_is_rejected(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "condition", cost=800)
    assert desk.tick(days=2, hours=1) == 1
    case = check_stored(desk, case.request_id)
    assert [entry.state for entry in case.entries[:2]] == ["refused", "sent"]


def test_a_library_is_asked_again_when_it_said(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "retry_later", until="2026-03-05")
    assert case.active is not None and case.active.state == "deferred"
    assert desk.tick(days=2) == 0
    assert desk.tick(days=1) == 1
    case = check_stored(desk, case.request_id)
    assert case.active is not None and (case.active.state, case.active.asked) == ("sent", 2)


@pytest.mark.parametrize("until", ["next week", "", "1990-01-01", "2999-01-01"])
def test_whatever_it_said_it_is_asked_again(desk: Desk, until: str) -> None:
    case = desk.answers(desk.ask(), "retry_later", until=until)
    desk.tick(days=61)
    assert desk.names(case).count("due") == 1


def test_forwarding_goes_to_the_named_library_first(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask()
    case = desk.answers(case, "forward", to="PPSUC")
    assert case.active is not None and case.active.supplier == "PPSUC"
    assert case.active.path[-1] == "PPSUC" and case.active.parent == 1
    case = desk.answers(case, "fill")
    assert case.state == "delivered"
    with desk.database.read() as unit:
        hops = [each.transaction.hop for each in ledger.of_request(unit, case.request_id)]
    assert len(hops) >= 2, "each hop is settled"


def test_an_incomplete_citation_comes_back_to_its_reader(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "refuse", code="Incomplete")
    assert case.state == "draft"
    case = desk.does(case, "amend", "reader", wish=msgspec.to_builtins(wish(edition="第3版")))
    case = desk.does(case, "submit", "reader")
    assert case.state == "asking"
    assert case.active is not None
    with desk.database.read() as unit:
        told = performance.tallies(unit, {"L/" + case.entries[0].supplier})
    assert all('"asks":1' not in text for text in told.values()), "it counts for nothing"


def test_a_library_that_has_the_same_request_says_so(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "refuse", code="Duplicate")
    assert case.state == "dup_hold"
    assert desk.does(case, "separate", "reader", reason="另一册").state == "asking"


@pytest.mark.parametrize(("code", "opened"), [("NotHeld", 1), ("NotOnShelf", 1), ("Overload", 0)])
def test_a_holding_that_is_not_there_is_to_be_corrected(any_desk: Desk, code: str, opened: int) -> None:
    desk = any_desk
    case = desk.ask()
    supplier = suppliers(case)[0]
    desk.answers(case, "refuse", code=code)
    with desk.database.read() as unit:
        found = performance.corrections_of(unit, supplier)
    assert len(found) == opened
    if opened:
        assert (found[0].code, found[0].record) == (code, case.wish.citation.record_id if case.wish else "")


def test_a_library_that_did_not_have_it_is_not_believed_the_next_time(desk: Desk) -> None:
    first = desk.ask()
    supplier = suppliers(first)[0]
    for number in range(3):
        case = desk.ask(reader=200 + number)
        while case.active is not None and case.active.supplier != supplier:
            case = desk.answers(case, "refuse", code="Overload")
        if case.active is not None:
            desk.answers(case, "refuse", code="NotHeld")
    later = desk.ask(reader=300)
    mine = [entry for entry in later.entries if entry.supplier == supplier]
    others = [entry for entry in later.entries if entry.supplier in {"BNU", "RUC", "THU"} - {supplier}]
    assert mine and all(mine[0].scores[0] < other.scores[0] for other in others)


def test_a_bad_copy_is_sent_again_and_charged_once(desk: Desk) -> None:
    asked = wish(service="copy", pages="1-20")
    case = desk.answers(desk.ask(asked), "fill", pages=20)
    case = desk.does(case, "bad_copy", "reader", reason="缺页")
    assert case.state == "asking" and case.active is not None and case.active.number == 1
    desk.wait(hours=3)
    case = desk.answers(case, "fill", pages=20)
    assert case.state == "delivered"
    with desk.database.read() as unit:
        rounds = ledger.rounds(unit, case.request_id, 1)
    assert [each.reversed for each in rounds] == [True, False], "the bad one is given back"


def test_a_bad_copy_that_is_not_mended_is_given_back(any_desk: Desk) -> None:
    desk = any_desk
    asked = wish(service="copy", pages="1-20")
    case = desk.answers(desk.ask(asked), "fill", pages=20)
    case = desk.does(case, "bad_copy", "reader", reason="缺页")
    case = desk.answers(case, "refuse", code="PoorCondition")
    assert case.active is not None and case.active.number == 2
    with desk.database.read() as unit:
        assert set(ledger.balances(unit).values()) <= {0}


# ---------------------------------------------------------------------------------------------- the end of the rota


def exhausted(desk: Desk, case: Case) -> Case:
    while case.active is not None:
        case = desk.answers(case, "refuse", code="NotAvailableForILL")
    return case


def test_the_end_of_the_rota_is_an_officers(desk: Desk) -> None:
    case = exhausted(desk, desk.ask())
    assert case.state == "review"
    assert len(case.entries) == 4
    assert desk.does(case, "close", "officer", reason="均不可得").state == "closed_unfilled"


def test_a_rota_that_is_made_again_never_asks_anybody_twice(desk: Desk) -> None:
    case = exhausted(desk, desk.ask())
    case = desk.does(case, "extend", "officer")
    assert case.state == "review" and len(case.entries) == 4
    more = union(HONGLOUMENG, book("红楼梦", "曹雪芹", "某社", 2008), holders("BNU", "RUC", "THU", "PPSUC"))
    desk.put(more)
    case = desk.does(case, "extend", "officer")
    assert case.active is not None and case.active.supplier == "PPSUC"
    asked = [entry.supplier for entry in case.entries if entry.asked]
    assert len(asked) == len(set(asked))


def test_partners_wait_for_an_officer_where_it_is_set_so(desk: Desk) -> None:
    desk.settings(partners_automatic=False)
    case = exhausted(desk, desk.ask())
    assert "NLC" not in suppliers(case)
    case = desk.does(case, "extend", "officer")
    assert case.active is not None and case.active.supplier == "NLC"


def test_an_officer_reorders_and_skips(desk: Desk) -> None:
    case = desk.ask()
    order = [entry.number for entry in case.planned][::-1]
    case = desk.does(case, "reorder", "officer", order=order, reason="急用，该馆答应当日送达")
    assert [entry.number for entry in case.planned] == order
    case = desk.does(case, "skip", "officer", entry=order[0], reason="已电话确认不可得")
    case = desk.answers(case, "refuse", code="Overload")
    assert case.active is not None and case.active.number == order[1]


def test_an_officer_takes_it_back_and_it_goes_on(desk: Desk) -> None:
    case = desk.does(desk.ask(), "recall", "officer", entry=1, why="officer")
    assert case.active is not None and case.active.state == "cancel_sent"
    case = desk.answers(case, "cancel_yes")
    assert case.active is not None and case.active.number == 2


def test_late_supply_closes_it_and_the_next_is_recalled(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask()
    first = suppliers(case)[0]
    desk.tick(days=1, hours=1)
    desk.tick(days=1, hours=1)
    case = desk.case(case)
    assert case.active is not None and case.active.number == 2
    case = desk.does(case, "fill", "supplier", first, 1)
    assert case.state == "delivered"
    assert case.active is not None and (case.active.number, case.active.state) == (2, "cancel_sent")
    check_stored(desk, case.request_id)


# ---------------------------------------------------------------------------------------------- cancelling, expiring


def test_cancelling_waits_for_the_library(desk: Desk) -> None:
    case = desk.does(desk.ask(), "cancel", "reader")
    assert case.state == "cancelling"
    assert desk.answers(case, "cancel_yes").state == "closed_cancelled"


def test_a_library_that_is_silent_to_a_cancellation_does_not_hold_it_up(desk: Desk) -> None:
    case = desk.does(desk.ask(), "cancel", "reader")
    desk.tick(days=1, hours=1)
    assert check_stored(desk, case.request_id).state == "closed_cancelled"


def test_a_library_that_supplies_in_spite_of_it_has_supplied(desk: Desk) -> None:
    case = desk.does(desk.ask(), "cancel", "reader")
    assert desk.answers(case, "fill").state == "delivered"


def test_where_nobody_is_asked_it_is_cancelled_at_once(desk: Desk) -> None:
    assert desk.does(desk.ask(FREE), "cancel", "reader").state == "closed_cancelled"


def test_what_is_needed_by_a_day_expires_after_it(desk: Desk) -> None:
    case = desk.ask(msgspec.structs.replace(wish(), need_before="2026-03-03"))
    desk.answers(case, "ack")
    desk.tick(days=2)
    assert desk.case(case).state == "asking"
    desk.tick(days=1)
    case = check_stored(desk, case.request_id)
    assert case.state == "closed_expired"
    assert case.active is not None and case.active.state == "cancel_sent", "the library is told to stop"
    assert desk.answers(case, "fill").state == "delivered", "and what comes all the same is taken"


# ---------------------------------------------------------------------------------------------- libraries and paths


def test_a_branch_asks_through_the_capital_library(desk: Desk) -> None:
    case = desk.ask(library="XCLIB", reader=XC_READER)
    assert (case.requester, case.branch) == ("CLCN", "XCLIB")
    assert desk.does(case, "cancel", "officer", "XCLIB").state == "cancelling"


def test_a_branch_is_asked_behind_its_gateway(desk: Desk) -> None:
    desk.put(union(NOWHERE_ELSE, book("公安学导论", "某人", "某社", 2001), holders("XCLIB")))
    case = desk.ask(wish(NOWHERE_ELSE), library="PPSUC", reader=PPSUC_READER)
    assert case.entries[0].path == ("BNU", "CLCN", "XCLIB") and case.entries[0].supplier == "XCLIB"


def test_a_gateway_with_people_is_asked_and_passes_it_on(desk: Desk) -> None:
    desk.policy("CLCN", gateway_automatic=False)
    desk.put(union(NOWHERE_ELSE, book("公安学导论", "某人", "某社", 2001), holders("XCLIB")))
    case = desk.ask(wish(NOWHERE_ELSE), library="RUC", reader=RUC_READER)
    first = case.entries[0]
    assert (first.supplier, first.path, first.toward) == ("CLCN", ("CLCN",), "XCLIB")
    case = desk.answers(case, "forward", to="XCLIB")
    assert case.active is not None and case.active.path == ("CLCN", "XCLIB")


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"paused": True}, "paused"),
        ({"lends": False}, "no_loans"),
        ({"only_for": ("BALIS",)}, "other_consortium"),
        ({"not_materials": ("book",)}, "material"),
    ],
)
def test_what_a_library_does_not_do_it_is_not_asked(desk: Desk, policy: dict[str, Any], code: str) -> None:
    desk.policy("THU", **policy)
    case = desk.ask()
    assert "THU" not in suppliers(case)
    with desk.database.read() as unit:
        [made] = choices.choices_of(unit, case.request_id)
    assert f'"{code}"' in made.data


def test_a_library_that_closes_hands_on_what_it_has_not_seen(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask()
    supplier = suppliers(case)[0]
    desk.policy(supplier, paused=True)
    with desk.database.write() as unit:
        assert desk.service.reroute(unit, supplier) == 1
    case = desk.answers(desk.case(case), "cancel_yes")
    assert case.active is not None and case.active.number == 2


def test_one_that_has_closed_since_is_skipped(desk: Desk) -> None:
    case = desk.ask()
    desk.policy(suppliers(case)[1], paused=True)
    case = desk.answers(case, "refuse", code="Overload")
    assert [entry.state for entry in case.entries[:3]] == ["refused", "skipped", "sent"]


# ---------------------------------------------------------------------------------------------- what stands beside it


def test_a_choice_is_stored_with_all_that_it_was_made_by(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask()
    with desk.database.read() as unit:
        [made] = choices.choices_of(unit, case.request_id)
    assert made.median_at is not None and made.late_at is not None
    assert desk.now < made.median_at <= made.late_at
    assert 0 < made.p_fill <= 1
    case = desk.answers(case, "fill")
    with desk.database.read() as unit:
        [made] = choices.choices_of(unit, case.request_id)
        [scored] = list(choices.scored_choices(unit, desk.now, desk.now + timedelta(days=1)))
    assert (made.ended, made.filled) == (desk.now, True) and scored == made


def test_messages_go_out_with_the_events(any_desk: Desk) -> None:
    desk = any_desk
    desk.policy("BNU", channel="email", address="ill@bnu.example")
    desk.policy("RUC", channel="iso18626", address="http://127.0.0.1:1/")
    desk.policy("THU", channel="iso18626", address="http://127.0.0.1:1/")
    case = exhausted(desk, desk.ask())
    with desk.database.read() as unit:
        sent = [(each.channel, each.target, each.kind) for each in outbox.messages_of(unit, case.request_id)]
    assert ("email", "BNU", "supplier.request") in sent
    assert ("iso18626", "RUC", "supplier.request") in sent
    assert ("email", str(CL_READER), "reader.receipt") in sent
    assert ("email", "CLCN", "officer.exhausted") in sent
    assert not any(target == "NLC" for _, target, _ in sent), "NLC works in the queue"


def test_everything_learnt_can_be_counted_again(any_desk: Desk) -> None:
    desk = any_desk
    for reader, code in enumerate(["NotHeld", "Overload", "NotOnShelf", "Licence", ""], start=400):
        case = desk.ask(reader=reader)
        desk.wait(hours=5)
        case = desk.answers(case, "refuse", code=code) if code else case
        desk.wait(days=1)
        desk.answers(case, "fill")
    desk.ask(reader=500)
    desk.tick(days=2)
    desk.tick(days=2)
    with desk.database.write() as unit:
        keys = [f"L/{symbol}" for symbol in ("BNU", "RUC", "THU")]
        network = load_network(unit)
        around = Surroundings(network, load_settings(unit), desk.now)
        before = performance.tallies(unit, keys)
        trust = performance.trust_in(unit, wish().citation.record_id, ["BNU", "RUC", "THU"])
        calendars = {symbol: around.calendar(symbol) for symbol in network.libraries}
        assert relearn(unit, network, calendars, list(histories(unit))) == 10
        assert performance.tallies(unit, keys) == before
        assert performance.trust_in(unit, wish().citation.record_id, ["BNU", "RUC", "THU"]) == trust


@pytest.mark.parametrize("result", ["holding_right", "holding_wrong"])
def test_what_cataloguers_find_out_of_a_holding_counts(desk: Desk, result: str) -> None:
    supplier = suppliers(desk.ask())[0]
    desk.answers(desk.case(Case(1)), "refuse", code="NotHeld")
    with desk.database.write() as unit:
        [opened] = performance.corrections_of(unit, supplier)
        with pytest.raises(ValueError, match="no result"):
            settle_correction(unit, opened.id, "perhaps", "", desk.now)
        assert settle_correction(unit, opened.id, result, "已核对", desk.now)
        assert not settle_correction(unit, opened.id, result, "", desk.now), "once"
        assert performance.corrections_of(unit, supplier) == []
    chances = {entry.supplier: entry.scores[0] for entry in desk.ask(reader=300).entries}
    others = max(chances[symbol] for symbol in {"BNU", "RUC", "THU"} - {supplier})
    assert (chances[supplier] > 0.9 * others) == (result == "holding_right")
    with desk.database.write() as unit:
        before = performance.trust_in(unit, opened.record, [supplier])
        relearn(unit, load_network(unit), {}, list(histories(unit)))
        after = performance.trust_in(unit, opened.record, [supplier])
    believed = [past_decoder.decode(each.get(supplier, "{}")).not_held == 0 for each in (before, after)]
    assert believed == [result == "holding_right"] * 2


def test_a_hundred_clocks_that_have_run_out_are_dealt_with_in_one_pass(desk: Desk) -> None:
    made = [desk.ask(reader=1000 + number).request_id for number in range(100)]
    assert desk.tick(days=2) == 100
    with desk.database.read() as unit:
        assert timers.due_timers(unit, desk.now) == []
    for number in made:
        assert "recall" in desk.names(Case(number))


def test_a_clock_fires_once_whoever_looks(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.ask()
    desk.wait(days=2)
    with desk.database.read() as unit:
        [due] = timers.due_timers(unit, desk.now)
    assert desk.service.run_timers(desk.database) == 1
    with desk.database.write() as unit:
        assert desk.service._ring(unit, due) is False, "another process has had it"
    assert desk.names(case).count("recall") == 1


def test_a_timer_of_a_request_that_has_moved_on_does_nothing(desk: Desk) -> None:
    case = desk.ask()
    with desk.database.write() as unit:
        timers.set_timer(unit, Timer(case.request_id, 0, "escalate", desk.now))
    desk.service.run_timers(desk.database)
    assert "escalate" not in desk.names(case)
    with desk.database.read() as unit:
        assert not [timer for timer in timers.timers_of(unit, case.request_id) if timer.kind == "escalate"]


def test_whose_requests_they_were_is_forgotten_and_the_rest_stays(any_desk: Desk) -> None:
    desk = any_desk
    case = desk.does(desk.ask(FREE), "cancel", "reader")
    with desk.database.read() as unit:
        assert outbox.messages_of(unit, case.request_id) != []
    assert forget_due(desk.database, desk.now + timedelta(days=89)) == 0, "not yet"
    assert forget_due(desk.database, desk.now + timedelta(days=91)) == 1
    with desk.database.read() as unit:
        assert requests.person_of(unit, case.request_id) is None
        assert str(CL_READER) not in [each.target for each in outbox.messages_of(unit, case.request_id)]
    assert check_stored(desk, case.request_id).state == "closed_cancelled"


def test_who_is_erased_leaves_no_work_behind(desk: Desk) -> None:
    asked, supplied = desk.ask(), desk.ask(wish(CAPITAL_ONLY), library="RUC", reader=RUC_READER)
    searched, lent = desk.ask(FREE), desk.answers(desk.ask(wish(NOWHERE_ELSE)), "fill")
    assert withdraw_open(desk.database, desk.service, CL_READER) == 2
    states = [check_stored(desk, case.request_id).state for case in (asked, supplied, searched, lent)]
    assert states == ["cancelling", "asking", "closed_cancelled", "delivered"]
    assert withdraw_open(desk.database, desk.service, CL_READER) == 0


# ---------------------------------------------------------------------------------------------- what others found


def only(desk: Desk, *symbols: str) -> None:
    """From now on only these hold 红楼梦, and partners are not asked."""
    desk.put(union(HONGLOUMENG, book("红楼梦", "曹雪芹", "某社", 2008), holders(*symbols)))
    desk.settings(partners_automatic=False)


def posted(desk: Desk, case: Case) -> int:
    """Fen that were posted for the request, reversals taken off."""
    with desk.database.read() as unit:
        found = [each.transaction for each in ledger.of_request(unit, case.request_id)]
    return sum(posting.amount for each in found for posting in each.postings if posting.account.startswith("clearing"))


@pytest.mark.parametrize("code", ["Incomplete", "Duplicate"])
def test_a_sole_holder_that_found_fault_with_the_request_is_asked_again(desk: Desk, code: str) -> None:
    only(desk, "THU")
    case = desk.answers(desk.ask(), "refuse", code=code)
    if code == "Incomplete":
        case = desk.does(case, "submit", "reader")
    else:
        case = desk.does(case, "separate", "reader", reason="另一册")
    assert case.active is not None and case.active.supplier == "THU"


def test_a_daily_cap_is_kept_and_ends_no_request(desk: Desk) -> None:
    only(desk, "THU")
    desk.policy("THU", daily_cap=1)
    first, second = desk.ask(), desk.ask(reader=5)
    assert first.active is not None and second.active is None and second.state == "asking"
    check_stored(desk, second.request_id)
    desk.tick(hours=23)
    assert desk.case(second).active is None, "the office is not open yet"
    desk.tick(hours=1)
    case = check_stored(desk, second.request_id)
    assert case.active is not None and case.active.supplier == "THU"


def test_one_that_is_full_is_asked_after_those_that_are_not(desk: Desk) -> None:
    only(desk, "THU", "RUC")
    desk.policy("THU", daily_cap=1)
    made = [desk.ask(reader=reader) for reader in range(5, 10)]
    assert [case.active.supplier for case in made if case.active].count("THU") <= 1
    assert all(case.active is not None for case in made)


def test_what_has_not_left_us_is_nobodys_silence(desk: Desk) -> None:
    only(desk, "THU", "RUC")
    for symbol in ("THU", "RUC"):
        desk.policy(symbol, channel="email", address="ill@library.example")
    case = desk.ask()
    desk.tick(days=4)
    assert desk.names(case)[-1] == "send", "the mail still waits"
    with desk.database.write() as unit:
        [mail] = [each for each in outbox.messages_of(unit, case.request_id) if each.kind == "supplier.request"]
        outbox.give_up_stale(unit, desk.now, desk.now)
    desk.tick(hours=2)
    recalled = desk.case(case).entry(1)
    assert (recalled.state, recalled.code) == ("cancel_sent", "undelivered")
    desk.tick(days=2)
    with desk.database.read() as unit:
        assert performance.tallies(unit, [f"L/{recalled.supplier}"]) in ({}, {f"L/{recalled.supplier}": "{}"}), mail.key


def test_a_bad_copy_that_was_forwarded_is_charged_where_it_came_from(desk: Desk) -> None:
    case = desk.answers(desk.ask(wish(service="copy", pages="1-9")), "fill", pages=9)
    once = posted(desk, case)
    assert once > 0
    case = desk.does(case, "bad_copy", "reader", reason="缺页")
    case = desk.answers(case, "forward", to="PPSUC")
    assert posted(desk, case) == 0, "given back"
    case = desk.answers(case, "refuse", code="NotHeld")
    assert posted(desk, case) == 0


def test_what_comes_when_nothing_is_needed_any_more_is_told_and_not_charged(desk: Desk) -> None:
    case = desk.ask(wish(service="copy", pages="1-9"))
    first = case.active
    assert first is not None
    desk.tick(days=1, hours=1)
    desk.tick(days=1, hours=1)
    case = desk.does(desk.case(case), "fill", "supplier", first.supplier, 1, pages=9)
    once = posted(desk, case)
    second = case.entry(2)
    case = desk.does(case, "fill", "supplier", second.supplier, 2, pages=9)
    assert posted(desk, case) == once
    with desk.database.read() as unit:
        assert "officer.second" in [each.kind for each in outbox.messages_of(unit, case.request_id)]


def test_nobody_is_charged_more_than_was_agreed(desk: Desk) -> None:
    """Whatever a message of another system says."""
    plain = posted(desk, desk.answers(desk.ask(wish(service="copy", pages="1-9")), "fill", pages=9))
    dear = desk.answers(desk.ask(wish(service="copy", pages="1-9"), reader=5), "condition", cost=400)
    dear = desk.does(dear, "accept", "officer", entry=1)
    assert posted(desk, desk.answers(dear, "fill", pages=9, cost=9_000_000)) == plain + 400
    never = desk.answers(desk.ask(wish(service="copy", pages="1-9"), reader=6), "condition", cost=5000)
    assert posted(desk, desk.answers(never, "fill", pages=9, cost=5000)) == plain


def test_a_price_by_another_system_is_accepted_by_rule_too(desk: Desk) -> None:
    desk.policy("CLCN", accept_cost=2000)
    assert desk.answers(desk.ask(), "condition", code="Cost", cost=1550).state == "asking"
    worded = desk.answers(desk.ask(reader=5), "condition", code="Cost", cost=1550, text="须馆内使用")
    assert worded.state == "condition", "words are for people"


def test_what_was_lent_is_not_received_by_a_clock(desk: Desk) -> None:
    case = desk.ask(wish(service="copy_or_loan"))
    case = desk.answers(case, "fill", loan_due="2026-04-30")
    desk.tick(days=10)
    case = desk.does(desk.case(case), "lend", "officer")
    assert desk.does(case, "returned", "officer").state == "closed_filled"


def test_a_day_by_which_it_is_needed_holds_after_a_bad_copy(desk: Desk) -> None:
    wanted = msgspec.structs.replace(wish(service="copy", pages="1-9"), need_before="2026-03-20")
    case = desk.answers(desk.ask(wanted), "fill", pages=9)
    case = desk.does(case, "bad_copy", "reader", reason="缺页")
    check_stored(desk, case.request_id)
    desk.answers(case, "ack")
    desk.wait(days=30)
    desk.service.run_timers(desk.database)
    assert desk.case(case).state == "closed_expired"


@pytest.mark.parametrize(("need", "code"), [("9999-12-31", "far-date"), ("2026-03-01", "past-date")])
def test_days_are_those_of_beijing_and_of_this_age(desk: Desk, need: str, code: str) -> None:
    desk.now = MONDAY - timedelta(hours=8)  # one in the morning in Beijing, still Sunday in UTC
    with pytest.raises(NotAllowed) as told:
        desk.ask(msgspec.structs.replace(wish(), need_before=need))
    assert told.value.code == code
    assert desk.ask(msgspec.structs.replace(wish(), need_before="2026-03-02")).state == "asking"


@pytest.mark.parametrize("state", ["owned", "blank", "review", "delivered", "on_loan"])
def test_nothing_lies_there_for_ever(desk: Desk, state: str) -> None:
    case = {
        "owned": lambda: desk.ask(library="RUC", reader=RUC_READER),
        "blank": lambda: desk.ask(FREE),
        "review": lambda: exhausted(desk, desk.ask()),
        "delivered": lambda: desk.answers(desk.ask(), "fill"),
        "on_loan": lambda: desk.does(desk.answers(desk.ask(), "fill"), "lend", "officer"),
    }[state]()
    assert case.state == state
    for _ in range(60):
        desk.tick(days=5)
    assert check_stored(desk, case.request_id).is_closed
    assert forget_due(desk.database, desk.now + timedelta(days=400)) == 1


def test_a_desk_hears_of_what_it_is_to_search_for(desk: Desk) -> None:
    case = desk.ask(FREE, library="PPSUC", reader=PPSUC_READER)
    desk.tick(days=4)
    with desk.database.read() as unit:
        told = [each.target for each in outbox.messages_of(unit, case.request_id) if each.kind == "officer.search"]
    assert told == ["BNU", "BUPT"]


def test_what_a_desk_has_looked_for_in_vain_goes_to_partners(desk: Desk) -> None:
    case = desk.does(desk.ask(FREE), "resolve", "officer", wish=msgspec.to_builtins(FREE))
    assert case.active is not None and case.active.supplier == "NLC"


def test_a_library_can_put_it_off_twice_and_not_for_minutes(desk: Desk) -> None:
    case = desk.ask()
    for _ in range(2):
        case = desk.answers(case, "retry_later", until="2020-01-01")
        assert desk.tick(hours=1) == 0
        desk.tick(days=3)
        case = desk.case(case)
    with pytest.raises(NotAllowed, match="twice"):
        desk.answers(case, "retry_later", until="2026-12-01")


def test_one_that_has_closed_meanwhile_is_not_asked_again(desk: Desk) -> None:
    case = desk.answers(desk.ask(), "retry_later", until="2026-03-05")
    assert case.active is not None
    desk.policy(case.active.supplier, paused=True)
    desk.tick(days=4)
    assert desk.case(case).entry(1).code == "closed"


def test_of_a_holding_that_no_catalogue_tells_of_nothing_is_learnt(desk: Desk) -> None:
    only(desk, "THU")
    desk.settings(partners_automatic=True)
    case = desk.answers(desk.ask(), "forward", to="PPSUC")
    case = desk.answers(case, "refuse", code="NotHeld")
    assert case.active is not None and case.active.supplier == "NLC"
    desk.answers(case, "refuse", code="NotHeld")
    with desk.database.read() as unit:
        assert performance.corrections_of(unit) == []


def test_a_better_copy_is_no_second_supply_and_no_decision_is_no_refusal(desk: Desk) -> None:
    only(desk, "THU")
    case = desk.answers(desk.ask(wish(service="copy", pages="1-9")), "fill", pages=9)
    for _ in range(2):
        case = desk.answers(desk.does(case, "bad_copy", "reader", reason="缺页"), "fill", pages=9)
    desk.answers(desk.ask(reader=5), "condition", cost=100)
    desk.tick(days=3)
    with desk.database.read() as unit:
        tally = tally_decoder.decode(performance.tallies(unit, ["L/THU"])["L/THU"])
    assert (round(tally.fills, 2), round(tally.asks, 2)) == (1.0, 1.0)


def test_people_forward_only_to_libraries_that_there_are(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="no library"):
        desk.answers(desk.ask(), "forward", to="NOSUCH")


def test_what_people_say_stands_beside_the_events_and_is_forgotten(desk: Desk) -> None:
    secret = "我是王小明，电话138"
    case = desk.does(desk.ask(FREE), "cancel", "reader", reason=secret)
    with desk.database.read() as unit:
        assert remarks_of(unit, case.request_id) == {case.seq - 1: {"reason": secret}}
        told = [str(event.data) for event in events_of(unit, case.request_id)]
        row = requests.get_request(unit, case.request_id)
    assert row is not None and secret not in row.folded and not any(secret in each for each in told)
    forget_due(desk.database, desk.now + timedelta(days=400))
    with desk.database.read() as unit:
        assert remarks_of(unit, case.request_id) == {}


@pytest.mark.parametrize("fault", [StoreBusyError("locked"), ValueError("year 10000 is out of range")])
def test_one_request_that_fails_stops_no_other_clock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    bad, good = desk.ask(), desk.ask(reader=5)
    ring = desk.service._ring

    def fail(unit: Any, timer: Timer) -> bool:
        if timer.request_id == bad.request_id:
            raise fault
        return ring(unit, timer)

    monkeypatch.setattr(desk.service, "_ring", fail)
    assert desk.tick(days=2) == 1
    assert desk.names(good)[-1] == "recall"
    monkeypatch.undo()
    assert desk.tick(hours=1) == 1
    assert desk.names(bad)[-1] == "recall"


def test_an_officer_says_why_a_library_is_skipped(desk: Desk) -> None:
    case = desk.ask()
    with pytest.raises(NotAllowed, match="reason"):
        desk.does(case, "skip", "officer", entry=2)


# ---------------------------------------------------------------------------------------------- any sequence


def _anything(desk: Desk, dice: Random, numbers: list[int]) -> None:
    """Somebody does something, or time goes by."""
    luck = dice.random()
    if luck < 0.15 or not numbers:
        asked = dice.choice([wish(), wish(SERIAL, service="copy", date="2001", pages="3-9", genre="article"), FREE])
        library = dice.choice(["CLCN", "RUC", "PPSUC", "XCLIB"])
        numbers.append(desk.ask(asked, library=library, reader=dice.randrange(60, 64)).request_id)
        return
    if luck < 0.3:
        desk.tick(hours=dice.choice([1, 9, 30, 90]))
        return
    case = desk.case(Case(dice.choice(numbers)))
    entry = dice.choice([0, *([case.active.number] if case.active else []), *(e.number for e in case.entries)])
    kind = dice.choice(["reader", "officer", "supplier", "node"])
    names = [name for name in possible(case, kind, entry) if name not in ("rota",)]
    if not names:
        return
    library = case.entry(entry).supplier if entry and kind in ("supplier", "node") else case.requester
    library = case.desk if kind == "node" and not entry else library
    order = [each.number for each in case.planned]
    dice.shuffle(order)
    data = {
        "code": dice.choice(REASONS), "reason": "因故", "to": dice.choice(["PPSUC", "BUPT", "THU"]), "order": order,
        "until": "2026-03-20", "pages": 12, "cost": dice.choice([0, 500]), "why": "officer",
        "wish": msgspec.to_builtins(dice.choice([wish(), wish(CAPITAL_ONLY), FREE])),
    }  # fmt: skip
    name = dice.choice(names)
    if name == "submit":
        del data["wish"]
    try:
        desk.does(case, name, kind, library or "CLCN", entry, **data)
    except NotAllowed:
        assert desk.case(case) == case, "what was refused has changed nothing"


def test_two_systems_do_not_insist_against_each_other(desk: Desk) -> None:
    case = desk.ask(source="iso18626")  # whose requests the system decides for by itself
    first = case.active
    case = desk.answers(case, "refuse", code="Duplicate")
    assert first is not None and case.active is not None
    assert case.active.supplier != first.supplier
    for _ in range(2):
        case = desk.answers(case, "refuse", code="Duplicate")
    asked = [entry.supplier for entry in case.entries if entry.asked]
    assert len(asked) == len(set(asked)) == 4, "the partner too"


def test_a_person_insists_once(desk: Desk) -> None:
    for symbol in ("BNU", "RUC", "NLC"):
        desk.policy(symbol, paused=True)
    case = desk.answers(desk.ask(), "refuse", code="Duplicate")
    case = desk.does(case, "separate", "reader", reason="另一册")
    assert case.active is not None and case.active.supplier == "THU"
    case = desk.answers(case, "refuse", code="Duplicate")
    assert desk.does(case, "separate", "officer", reason="另一册").state == "review"


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_whatever_anybody_does_everything_stays_true(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('any') / 'state.db'}")
    database.migrate()
    desk, dice, numbers = Desk(database), Random(seed), []  # type: tuple[Desk, Random, list[int]]
    desk.settings(rota=RoutingSettings().rota)  # with its experiments
    for _ in range(60):
        _anything(desk, dice, numbers)
    with database.read() as unit:
        assert sorted(case[0].request_id for case in histories(unit)) == sorted(numbers), "no request is lost"
        assert sum(ledger.balances(unit).values()) == 0
    for number in numbers:
        case = check_stored(desk, number)
        assert len([entry for entry in case.entries if entry.state in ACTIVE]) <= 1
        # Whoever found fault with the request is asked again when that was mended.
        asked = [entry.supplier for entry in case.entries if entry.asked and entry.code not in UNCOUNTED]
        assert len(asked) == len(set(asked)), "nobody is asked twice"
        if case.state in CLOSED and case.active is not None:
            assert case.active.state == "cancel_sent"
    database.close()
