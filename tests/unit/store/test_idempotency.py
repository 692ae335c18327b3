"""A message or a call that comes twice has effect once and gets the same answer."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from store import idempotency
from store.database import Database
from store.idempotency import CallAnswer, KeyConflict

NOW = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)


def test_a_repeated_message_gets_the_same_answer(database: Database) -> None:
    with database.write() as unit:
        assert idempotency.seen(unit, "RUC", "请求-1", "d1") is None
        idempotency.remember(unit, "RUC", "请求-1", "d1", b"<ok/>\x00", NOW)
    with database.write() as unit:
        assert idempotency.seen(unit, "RUC", "请求-1", "d1") == b"<ok/>\x00"
        assert idempotency.seen(unit, "PKU", "请求-1", "d1") is None
        with pytest.raises(KeyConflict, match="RUC"):
            idempotency.seen(unit, "RUC", "请求-1", "d2")


def test_an_answer_of_a_transaction_that_failed_is_not_kept(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as unit:
        idempotency.remember(unit, "RUC", "1", "d", b"", NOW)
        raise ZeroDivisionError
    with database.write() as unit:
        assert idempotency.seen(unit, "RUC", "1", "d") is None


def test_of_two_that_come_at_once_one_has_effect(database: Database) -> None:
    effects: list[str] = []
    answers: list[bytes] = []
    start = threading.Barrier(4)

    def come(name: str) -> None:
        own = Database(database.url.render_as_string(hide_password=False))
        start.wait()
        with own.write() as unit:
            answer = idempotency.seen(unit, "RUC", "1", "d")
            if answer is None:
                effects.append(name)
                answer = name.encode()
                idempotency.remember(unit, "RUC", "1", "d", answer, NOW)
        answers.append(answer)
        own.close()

    coming = [threading.Thread(target=come, args=(name,)) for name in "abcd"]
    for thread in coming:
        thread.start()
    for thread in coming:
        thread.join()
    assert len(effects) == 1
    assert answers == [effects[0].encode()] * 4


def test_a_repeated_call_is_answered_as_before_and_another_under_its_key_is_a_conflict(database: Database) -> None:
    answer = CallAnswer(201, '{"编号": 1}'.encode(), "/api/requests/1")
    with database.write() as unit:
        assert idempotency.find_answer(unit, "account:7", "k", "f1") is None
        idempotency.keep_answer(unit, "account:7", "k", "f1", answer, NOW)
    with database.write() as unit:
        assert idempotency.find_answer(unit, "account:7", "k", "f1") == answer
        assert idempotency.find_answer(unit, "account:8", "k", "f2") is None
        with pytest.raises(KeyConflict):
            idempotency.find_answer(unit, "account:7", "k", "f2")


def test_answers_are_forgotten_after_their_time(database: Database) -> None:
    with database.write() as unit:
        for days in (0, 3):
            at = NOW + timedelta(days=days)
            idempotency.keep_answer(unit, "7", f"{days}", "f", CallAnswer(201, b""), at)
            idempotency.remember(unit, "RUC", f"{days}", "d", b"", at)
        assert idempotency.forget_answers(unit, calls_before=NOW + timedelta(days=1), messages_before=NOW) == 1
        assert idempotency.find_answer(unit, "7", "0", "other") is None
        assert idempotency.find_answer(unit, "7", "3", "f") is not None
        assert unit.execute(select(func.count()).select_from(idempotency.incoming)).scalar_one() == 2


def test_a_key_that_no_database_keeps_is_held_and_found(database: Database) -> None:
    answer = CallAnswer(201, b"{}", "7")
    for number, key in enumerate(("a\x00b", "\ud800")):
        with database.write() as unit:
            assert idempotency.find_answer(unit, f"account {number}", key, "f") is None
            idempotency.keep_answer(unit, f"account {number}", key, "f", answer, NOW)
        with database.read() as unit:
            assert idempotency.find_answer(unit, f"account {number}", key, "f") == answer
