"""What people said of requests: told to the reader who said it, and gone from everywhere when he is forgotten."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from request_desk import CL_READER, MONDAY, PPSUC_READER, XC_READER, Desk, wish
from sqlalchemy import select, update

from mappings.requests import Citation, Wish
from routing.case import Case
from routing.messages import Body
from routing.retention import forget_due
from store import outbox, requests
from store.accounts import NewAccount, add_account
from store.audit import SYSTEM
from store.database import Database, StoreError, all_tables
from store.erasures import erase_person
from store.personal_data import export_person
from store.policies import library_policy
from store.remarks import remarks_of

NOTE, TERMS, REFUSED, BAD, OVER = SAID = ("要彩色的", "读者张三须到馆", "张三不便到馆", "缺第三页", "不再需要")
FREE = Wish(Citation(genre="book", title="无此书", author="某人", date="1999"), service="loan")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def talked_about(desk: Desk, reader: int) -> Case:
    """A request of which everybody has said something; the libraries that are asked are told by mail."""
    for symbol in ("BNU", "THU", "RUC"):
        desk.policy(symbol, channel="email", address=f"ill@{symbol.lower()}.example")
    case = desk.ask(wish(service="copy", pages="1-20"), reader=reader, note=NOTE)
    case = desk.answers(case, "condition", text=TERMS, cost=100)
    assert case.active is not None
    case = desk.does(case, "reject", "officer", entry=case.active.number, reason=REFUSED)
    case = desk.does(desk.answers(case, "fill", pages=20), "bad_copy", "reader", reason=BAD)
    return desk.does(desk.answers(case, "fill", pages=20), "receive", "reader")


def words_left(database: Database) -> set[tuple[str, str]]:
    """Table and words: what of it all stands in any row."""
    with database.read() as unit:
        return {
            (table.name, words)
            for table in all_tables().sorted_tables
            for row in unit.execute(select(table))
            for words in SAID
            if words in str(tuple(row))
        }


def bodies(desk: Desk, case: Case) -> dict[str, Body]:
    """What is told, by kind of the message."""
    with desk.database.read() as unit:
        return {
            each.kind: msgspec.json.decode(each.body, type=Body) for each in outbox.messages_of(unit, case.request_id)
        }


def send_all(desk: Desk) -> None:
    with desk.database.write() as unit:
        while some := outbox.claim_messages(unit, "甲", 10, 60, desk.now):
            for message in some:
                outbox.mark_sent(unit, message.id, desk.now)


@pytest.mark.parametrize("sent", [True, False])
def test_what_was_said_of_a_request_is_erased_with_its_reader(desk: Desk, tmp_path: Path, sent: bool) -> None:
    with desk.database.write() as unit:
        reader = add_account(unit, NewAccount("zhangsan", ("reader",), "CLCN", "x"), MONDAY).id
    case = talked_about(desk, reader)
    other = talked_about(desk, CL_READER)
    before = bodies(desk, case)
    assert before["officer.condition"].data["text"] == TERMS
    assert before["supplier.reject"].reason == REFUSED
    if sent:
        send_all(desk)
    kept = bodies(desk, other)
    assert erase_person(desk.database, tmp_path, reader, SYSTEM, desk.now)
    after = bodies(desk, case)
    assert bodies(desk, other) == kept, "what was said of other people's requests stays"
    if sent:
        assert after == {}
    else:
        waiting = {kind for kind in before if not kind.startswith("reader.")}
        assert after.keys() == waiting, "libraries are told what they are waiting for"
        assert after["officer.condition"].data == {"cost": 100}
        assert after["supplier.reject"].reason == "" and after["supplier.reject"].wish == case.wish
        assert after["supplier.received"] == before["supplier.received"]
    with desk.database.read() as unit:
        assert remarks_of(unit, case.request_id) == {}


@pytest.mark.parametrize("sent", [True, False])
def test_what_was_said_of_a_request_is_forgotten_with_whose_it_was(desk: Desk, sent: bool) -> None:
    talked_about(desk, CL_READER)
    assert {words for _, words in words_left(desk.database)} == {NOTE, TERMS, REFUSED, BAD}, (
        "the test looks where they are"
    )
    assert {table for table, _ in words_left(desk.database)} == {"outgoing", "request_person", "request_remark"}
    if sent:
        send_all(desk)
    assert forget_due(desk.database, desk.now + timedelta(days=89)) == 0
    assert words_left(desk.database) != set()
    assert forget_due(desk.database, desk.now + timedelta(days=91)) == 1
    assert words_left(desk.database) == set()


def test_of_a_request_that_was_nobodys_here_the_words_are_forgotten_too(desk: Desk) -> None:
    case = desk.does(desk.ask(FREE, reader=0), "cancel", "officer", reason=OVER)
    assert case.is_closed and words_left(desk.database) != set()
    assert forget_due(desk.database, desk.now + timedelta(days=91)) == 0
    assert words_left(desk.database) == set()


def test_a_branch_has_a_policy_of_its_own(desk: Desk) -> None:
    """XCLIB asks through CLCN: neither's days are the other's."""
    desk.policy("XCLIB", retention_days=10)
    desk.policy("CLCN", retention_days=30)
    branch = desk.does(desk.ask(FREE, library="XCLIB", reader=XC_READER), "cancel", "reader", reason=OVER)
    gateway = desk.does(desk.ask(FREE), "cancel", "reader", reason=OVER)
    assert (branch.requester, branch.branch, gateway.requester) == ("CLCN", "XCLIB", "CLCN")

    def known() -> list[bool]:
        with desk.database.read() as unit:
            return [
                requests.person_of(unit, each.request_id) is not None and remarks_of(unit, each.request_id) != {}
                for each in (branch, gateway)
            ]

    assert forget_due(desk.database, desk.now + timedelta(days=9)) == 0
    assert forget_due(desk.database, desk.now + timedelta(days=12)) == 1
    assert known() == [False, True]
    assert forget_due(desk.database, desk.now + timedelta(days=31)) == 1
    assert known() == [False, False]


def test_a_reader_is_told_what_he_has_said_and_nothing_that_staff_did(desk: Desk) -> None:
    with desk.database.write() as unit:
        reader = add_account(unit, NewAccount("zhangsan", ("reader",), "CLCN", "x"), MONDAY).id
    first = talked_about(desk, reader)
    second = desk.does(desk.ask(FREE, reader=reader), "cancel", "reader", reason=OVER)
    talked_about(desk, CL_READER)
    with desk.database.read() as unit:
        told = export_person(unit, reader)
    assert [(each.request_number, each.event, each.words, each.created) for each in told.remarks] == [
        (first.request_id, "bad_copy", BAD, desk.now),
        (second.request_id, "cancel", OVER, desk.now),
    ]
    assert [each.note for each in told.requests] == ["", NOTE]


def cancelled(desk: Desk, library: str, reader: int) -> Case:
    return desk.does(desk.ask(FREE, library=library, reader=reader), "cancel", "reader", reason=OVER)


def test_one_library_that_would_keep_all_for_ever_stops_nobody_elses_erasure(desk: Desk) -> None:
    """There is no day so long ago."""
    cancelled(desk, "CLCN", CL_READER)
    cancelled(desk, "PPSUC", PPSUC_READER)
    desk.policy("CLCN", retention_days=10_000_000)
    assert forget_due(desk.database, desk.now + timedelta(days=91)) == 1
    assert forget_due(desk.database, desk.now + timedelta(days=3661)) == 1, "nobody may keep it for longer"


def test_a_policy_that_can_t_be_read_stops_nobody_elses_erasure(desk: Desk) -> None:
    """CLCN comes before PPSUC. How long it may keep its own is not known: they stay."""
    cases = cancelled(desk, "CLCN", CL_READER), cancelled(desk, "PPSUC", PPSUC_READER)
    desk.policy("CLCN", daily_cap=3)
    with desk.database.write() as unit:
        unit.execute(
            update(library_policy).values(data='{"retention_days":null}').where(library_policy.c.library == "CLCN")
        )
    with pytest.raises(StoreError, match="CLCN"):
        forget_due(desk.database, desk.now + timedelta(days=91))
    with desk.database.read() as unit:
        assert [requests.person_of(unit, each.request_id) is not None for each in cases] == [True, False]
