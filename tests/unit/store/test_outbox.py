"""The outbox: nothing is lost, nobody sends what another is sending, and a request's messages go out in order."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store import idempotency, outbox, webhooks
from store.copying import copy_state
from store.database import Database
from store.outbox import Message

NOW = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)


def put(database: Database, key: str, **given: object) -> bool:
    values: dict[str, object] = {
        "channel": "email",
        "target": "RUC",
        "kind": "supplier.request",
        "body": "{}",
        "at": NOW,
    }
    with database.write() as unit:
        return outbox.put_message(unit, key=key, **values | given)  # type: ignore[arg-type]


def claim(database: Database, owner: str = "甲", limit: int = 10, now: datetime = NOW, **given: int) -> list[Message]:
    with database.write() as unit:
        return outbox.claim_messages(unit, owner, limit, 60, now, **given)  # type: ignore[arg-type]


def keys(messages: list[Message]) -> list[str]:
    return [message.key for message in messages]


def sent(database: Database, message: Message, now: datetime = NOW) -> None:
    with database.write() as unit:
        assert outbox.mark_sent(unit, message.id, now)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_message_put_twice_is_one(database: Database) -> None:
    assert put(database, "1/2/email/RUC/supplier.request", body='{"书名": "红楼梦\\u0000"}')
    assert not put(database, "1/2/email/RUC/supplier.request", body='{"another": 1}')
    [message] = claim(database)
    assert message.body == '{"书名": "红楼梦\\u0000"}'
    sent(database, message)
    assert not put(database, message.key)
    assert claim(database, now=after(1e6)) == []


def test_a_message_of_a_transaction_that_failed_is_not_there(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as unit:
        outbox.put_message(unit, key="a", channel="email", target="RUC", kind="k", body="{}", at=NOW)
        raise ZeroDivisionError
    assert claim(database) == []
    assert put(database, "a")


def test_a_channel_that_nobody_knows_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="fax"):
        put(database, "a", channel="fax")


def test_messages_of_one_entry_go_out_in_order_and_those_of_others_pass(database: Database) -> None:
    put(database, "send", request_id=1, entry=1)
    put(database, "recall", request_id=1, entry=1)
    put(database, "other entry", request_id=1, entry=2)
    put(database, "other target", request_id=1, entry=1, target="PKU")
    put(database, "no request")
    put(database, "no request either")
    taken = claim(database, per_target=9)
    assert keys(taken) == ["send", "other entry", "other target", "no request", "no request either"]
    assert claim(database, per_target=9) == []
    with database.write() as unit:
        assert outbox.mark_retry(unit, taken[0].id, "甲", after(30), "无人应答")
        for message in taken[1:]:
            outbox.mark_sent(unit, message.id, NOW)
    assert claim(database) == []  # the earlier one is not out yet
    [again] = claim(database, now=after(31))
    assert (again.key, again.attempts, again.last_error) == ("send", 2, "无人应答")
    with database.write() as unit:
        assert outbox.mark_dead(unit, again.id, "甲", after(32), "拒收")
    assert keys(claim(database, now=after(33))) == ["recall"]


def test_nobody_sends_to_a_target_that_somebody_is_sending_to(database: Database) -> None:
    for number in range(3):
        put(database, f"a{number}", request_id=number + 1)
        put(database, f"b{number}", request_id=number + 1, target="PKU")
    assert keys(claim(database, "甲", limit=1)) == ["a0"]
    assert keys(claim(database, "乙", per_target=2)) == ["b0", "b1"]
    assert claim(database, "丙") == []


def test_those_that_wait_longest_come_first_and_no_target_takes_more_than_its_share(database: Database) -> None:
    for number in range(20):
        put(database, f"busy{number}", target="NLC", at=NOW)
    put(database, "rare", target="PKU", at=after(5))
    assert keys(claim(database, limit=4, per_target=3, now=after(6))) == ["busy0", "busy1", "busy2", "rare"]


def test_only_the_channels_asked_for_are_claimed(database: Database) -> None:
    put(database, "mail")
    put(database, "hook", channel="webhook", target="7")
    with database.write() as unit:
        assert keys(outbox.claim_messages(unit, "甲", 9, 60, NOW, channels=("webhook",))) == ["hook"]


def test_a_message_that_is_not_due_waits(database: Database) -> None:
    put(database, "later", not_before=after(10))
    with database.read() as unit:
        assert [outbox.is_due(unit, after(seconds)) for seconds in (9.9, 10)] == [False, True]
        assert not outbox.is_due(unit, after(10), ("webhook",))
    assert claim(database, now=after(9.9)) == []
    assert keys(claim(database, now=after(10))) == ["later"]


def test_a_sender_that_dies_leaves_its_message_to_another(database: Database) -> None:
    put(database, "a")
    [lost] = claim(database, "甲")
    assert claim(database, "乙", now=after(59)) == []
    [again] = claim(database, "乙", now=after(61))
    assert (again.id, again.owner, again.attempts) == (lost.id, "乙", 2)
    with database.write() as unit:  # the first was only held up: it may give nothing back, and what it sent is sent
        assert not outbox.mark_retry(unit, lost.id, "甲", after(70), "")
        assert not outbox.mark_dead(unit, lost.id, "甲", after(70), "")
        assert not outbox.release_message(unit, lost.id, "甲")
        assert outbox.mark_sent(unit, lost.id, after(70))
        assert not outbox.mark_sent(unit, lost.id, after(71))
        assert not outbox.mark_retry(unit, lost.id, "乙", after(99), "")
    assert claim(database, now=after(1e6)) == []


def test_a_lease_that_is_extended_holds(database: Database) -> None:
    put(database, "a")
    [message] = claim(database, "甲")
    with database.write() as unit:
        outbox.extend_messages(unit, "乙", [message.id], after(10))
        outbox.extend_messages(unit, "甲", [message.id], after(200))
    assert claim(database, "乙", now=after(199)) == []


def test_a_message_given_back_untried_counts_no_attempt(database: Database) -> None:
    put(database, "a")
    [message] = claim(database)
    with database.write() as unit:
        assert outbox.release_message(unit, message.id, "甲")
    [again] = claim(database, "乙")
    assert again.attempts == 1


def test_a_failure_that_is_not_the_messages_counts_no_attempt(database: Database) -> None:
    put(database, "a")
    for counted, attempts in ((False, 1), (True, 1), (True, 2), (True, 3)):
        [message] = claim(database)
        assert message.attempts == attempts
        with database.write() as unit:
            assert outbox.mark_retry(unit, message.id, "甲", NOW, "邮件服务器不在", counted=counted)


def test_two_claimers_at_once_never_get_the_same_message(database: Database) -> None:
    total = 120
    with database.write() as unit:
        for number in range(total):
            outbox.put_message(
                unit, key=f"{number}", channel="email", target=f"馆{number % 7}", kind="k", body="{}", at=NOW,
                request_id=number % 11 + 1,
            )  # fmt: skip
    taken: list[tuple[str, int]] = []
    start = threading.Barrier(4)

    def work(owner: str) -> None:
        own = Database(database.url.render_as_string(hide_password=False))  # as another process has it
        start.wait()
        idle = 0
        while idle < 50:
            with own.write() as unit:
                found = outbox.claim_messages(unit, owner, 5, 60, NOW, per_target=3)
            taken.extend((message.key, message.id) for message in found)
            with own.write() as unit:
                for message in found:
                    assert outbox.mark_sent(unit, message.id, NOW)
            idle = 0 if found else idle + 1
            if len(taken) >= total:
                break
        own.close()

    workers = [threading.Thread(target=work, args=(owner,)) for owner in "甲乙丙丁"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(int(key) for key, _ in taken) == list(range(total))
    with database.read() as unit:
        assert outbox.count_messages(unit) == [("email", "sent", total)]


def test_a_target_that_is_away_is_left_alone_with_all_its_messages(database: Database) -> None:
    for number in range(3):
        put(database, f"a{number}")
        put(database, f"b{number}", target="PKU")
    with database.write() as unit:
        assert outbox.postpone(unit, "email", "RUC", after(60)) == 3
    taken = claim(database, per_target=9)
    assert keys(taken) == ["b0", "b1", "b2"]
    with database.write() as unit:
        assert outbox.postpone(unit, "email", None, after(90)) == 3  # those being sent are not touched
        assert outbox.postpone(unit, "email", "RUC", after(80)) == 0  # and nothing is brought forward
    for message in taken:
        sent(database, message)
    assert claim(database, now=after(89)) == []
    assert keys(claim(database, now=after(90), per_target=9)) == ["a0", "a1", "a2"]


def test_an_operator_revives_a_dead_message(database: Database) -> None:
    put(database, "a", request_id=1)
    put(database, "b", request_id=1)
    [message] = claim(database)
    with database.write() as unit:
        assert not outbox.revive_message(unit, message.id, NOW)
        outbox.mark_dead(unit, message.id, "甲", NOW, "错" * 9000)
        assert [dead.key for dead in outbox.dead_messages(unit)] == ["a"]
        assert outbox.dead_messages(unit)[0].last_error == "错" * outbox.LONGEST_ERROR
        assert outbox.revive_message(unit, message.id, after(5))
        assert outbox.dead_messages(unit) == []
    [again] = claim(database, now=after(5))
    assert (again.key, again.attempts) == ("a", 1)  # and b still waits for it
    sent(database, again)
    assert keys(claim(database, now=after(6))) == ["b"]


def test_what_is_counted_and_how_far_behind_each_channel_is(database: Database) -> None:
    put(database, "a", at=NOW)
    put(database, "b", at=after(10), target="PKU")
    put(database, "w", at=after(20), channel="webhook", target="3")
    [first, *_] = claim(database, limit=1, now=after(20))
    with database.read() as unit:
        assert outbox.count_messages(unit) == [
            ("email", "sending", 1), ("email", "waiting", 1), ("webhook", "waiting", 1),
        ]  # fmt: skip
        lag = {each.channel: (each.messages, each.seconds) for each in outbox.outbox_lag(unit, after(30))}
    assert lag == {"iso18626": (0, 0.0), "email": (2, 30.0), "webhook": (1, 10.0)}
    sent(database, first)
    with database.read() as unit:
        assert [each.seconds for each in outbox.outbox_lag(unit, after(30))] == [0.0, 20.0, 10.0]


def test_bodies_of_what_was_sent_are_deleted_after_a_time(database: Database) -> None:
    for name in ("old", "new", "dead", "waiting"):
        put(database, name, target=name)
    by_key = {message.key: message for message in claim(database)}
    with database.write() as unit:
        outbox.mark_sent(unit, by_key["old"].id, NOW)
        outbox.mark_sent(unit, by_key["new"].id, after(100))
        outbox.mark_dead(unit, by_key["dead"].id, "甲", NOW, "")
        outbox.release_message(unit, by_key["waiting"].id, "甲")
        assert outbox.forget_messages(unit, sent_before=after(50), dead_before=NOW) == 1
        assert outbox.forget_messages(unit, sent_before=after(50), dead_before=after(1)) == 1
        assert outbox.give_up_stale(unit, NOW, after(1)) == 0
        assert outbox.give_up_stale(unit, after(1), after(2)) == 1
        assert outbox.count_messages(unit) == [("email", "dead", 1), ("email", "sent", 1)]


def test_a_reader_who_is_erased_leaves_no_message(database: Database) -> None:
    put(database, "a", target="17", request_id=1)
    put(database, "b", target="17", request_id=2)
    put(database, "c", target="18", request_id=1)
    put(database, "d", target="17", request_id=1, channel="webhook")
    with database.write() as unit:
        assert outbox.erase_messages(unit, "email", "17", [2]) == 1
        assert outbox.erase_messages(unit, "email", "17") == 1
        assert [message.key for message in outbox.messages_of(unit, 1)] == ["c", "d"]
        [first, _] = outbox.messages_of(unit, 1)
        assert outbox.get_message(unit, first.id) == first
        assert outbox.get_message(unit, 9999) is None


def test_what_people_said_of_a_request_is_kept_nowhere_and_sent_to_nobody(database: Database) -> None:
    told = '{"event":"reject","data":{"reason":"读者病了","note":"138…","cost":9},"seq":7,"reason":"读者病了"}'
    coded = '{"event":"refuse","data":{"code":"NotHeld","text":"丢了"},"reason":"NotHeld"}'
    silent = '{"type":"request.status_changed","data":{"status":"asking"}}'
    for key, body in (("sent", told), ("dead", told), ("sending", told), ("waiting", coded), ("hook", silent)):
        put(database, key, body=body, request_id=1, target=key, channel="webhook" if key == "hook" else "email")
    put(database, "of another", body=told, request_id=2)
    by_key = {message.key: message for message in claim(database)}
    with database.write() as unit:
        outbox.mark_sent(unit, by_key["sent"].id, NOW)
        outbox.mark_dead(unit, by_key["dead"].id, "甲", NOW, "nobody there")
        for key in ("waiting", "hook", "of another"):
            outbox.release_message(unit, by_key[key].id, "甲")
        assert outbox.erase_words(unit, [1]) == 4
        assert outbox.erase_words(unit, [1]) == 0
        left = {message.key: message.body for number in (1, 2) for message in outbox.messages_of(unit, number)}
    assert left == {
        "sending": '{"event":"reject","data":{"cost":9},"seq":7}',
        "waiting": '{"event":"refuse","data":{"code":"NotHeld"},"reason":"NotHeld"}',
        "hook": silent,
        "of another": told,
    }


def test_what_is_under_way_moves_to_another_database(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    put(database, "1/2/email/RUC/k", body='{"题名": "红楼梦"}', request_id=2**40)
    put(database, "b", target="PKU")
    with database.write() as unit:
        webhooks.add_webhook(unit, "RUC", "https://lib.test/", webhooks.KINDS, webhooks.new_secret(), NOW)
        idempotency.remember(unit, "RUC", "k", "d", b"<\x00>", NOW)
        idempotency.keep_answer(unit, "7", "k", "f", idempotency.CallAnswer(201, b"{}", "/api/requests/1"), NOW)
    claim(database, limit=1)
    if database.is_sqlite:
        other = Database(request.getfixturevalue("postgres_url"))
    else:
        other = Database(f"sqlite:///{tmp_path / 'other' / 'state.db'}")
    counts = copy_state(database, other)
    assert [counts[name] for name in ("outgoing", "webhook", "incoming", "answered_call")] == [2, 1, 1, 1]
    assert [message.key for message in claim(other, "乙", now=after(61))] == ["1/2/email/RUC/k", "b"]
    put(other, "behind those that were copied")
    other.close()
