"""The dispatcher: what is due goes out, a dead target holds up nobody, a kill leads to a repeat under the same id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_servers import Answer, serving

from store import outbox, webhooks
from store.database import Database, Unit
from store.outbox import Message
from tongcang.dispatch import (
    CHANNEL_PAUSE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Dispatcher,
    Passed,
    database_clock,
    pause,
    purge,
)
from tongcang.sending.outcome import Dead, Outcome, Retry, Sent
from tongcang.sending.settings import DispatchSettings

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def ahead(self, **given: float) -> None:
        self.now += timedelta(**given)


class Recorder:
    """A sender that does as the test says."""

    def __init__(self, answer: Callable[[Message], Outcome] = lambda _: Sent()) -> None:
        self.answer = answer
        self.got: list[str] = []
        self.buried: list[tuple[str, str]] = []

    def send(self, message: Message) -> Outcome:
        self.got.append(message.key)
        return self.answer(message)

    def gave_up(self, _unit: Unit, message: Message, reason: str, _now: datetime) -> None:
        self.buried.append((message.key, reason))


def no_timers(_: datetime) -> int:
    return 0


def put(database: Database, key: str, **given: Any) -> None:
    values: dict[str, Any] = {"channel": "email", "target": "RUC", "kind": "k", "body": "{}", "at": NOW}
    with database.write() as unit:
        assert outbox.put_message(unit, key=key, **values | given)


def states(database: Database) -> dict[str, str]:
    with database.read() as unit:
        return {row.key: row.state for row in unit.execute(outbox.outgoing.select().order_by(outbox.outgoing.c.id))}


def dispatcher(
    database: Database, clock: Clock, sender: Recorder, timers: Callable[[datetime], int] = no_timers, **given: Any
) -> Dispatcher:
    settings = DispatchSettings(**{"poll": 0.05} | given)
    return Dispatcher(database, {"email": sender}, timers, clock, settings)


def test_clocks_ring_before_messages_go_and_what_follows_from_them_goes_too(database: Database) -> None:
    clock, sender = Clock(), Recorder()
    due = [NOW]

    def timers(now: datetime) -> int:
        if not due or now < due[0]:
            return 0
        due.clear()
        put(database, "of the timer")
        return 1

    put(database, "waiting")
    put(database, "of another channel", channel="webhook", target="3")
    put(database, "later", not_before=NOW + timedelta(hours=1))
    assert dispatcher(database, clock, sender, timers).run_once() == Passed(timers=1, sent=2)
    assert sorted(sender.got) == ["of the timer", "waiting"]
    assert states(database)["of another channel"] == "waiting"
    clock.ahead(hours=1)
    assert dispatcher(database, clock, sender, timers).run_once() == Passed(sent=1)


def test_messages_of_a_request_go_in_order_though_the_first_fails(database: Database) -> None:
    clock = Clock()
    sender = Recorder(lambda message: Retry("greylisted", "message") if message.attempts == 1 else Sent())
    for number in range(3):
        put(database, f"{number}", request_id=7, entry=1)
    put(database, "other", request_id=8, entry=1)
    for _ in range(8):
        dispatcher(database, clock, sender).run_once()
        clock.ahead(seconds=31)
    in_order = [key for key in sender.got if key != "other"]
    assert in_order == ["0", "0", "1", "1", "2", "2"]
    assert set(states(database).values()) == {"sent"}


def test_a_target_that_is_away_costs_one_attempt_and_the_others_go(database: Database) -> None:
    clock = Clock()
    sender = Recorder(lambda message: Retry("away") if message.target == "RUC" else Sent())
    for number in range(5):
        put(database, f"r{number}")
        put(database, f"p{number}", target="PKU")
    assert dispatcher(database, clock, sender).run_once() == Passed(sent=5, postponed=1)
    assert sorted(sender.got) == ["p0", "p1", "p2", "p3", "p4", "r0"]
    with database.read() as unit:
        attempts = {row.key: row.attempts for row in unit.execute(outbox.outgoing.select())}
    assert [attempts[f"r{number}"] for number in range(5)] == [1, 0, 0, 0, 0]
    clock.ahead(seconds=FIRST_PAUSE * 0.79)
    assert dispatcher(database, clock, sender).run_once() == Passed()
    sender.answer = lambda _: Sent()
    clock.ahead(seconds=FIRST_PAUSE * 0.22)
    assert dispatcher(database, clock, sender).run_once() == Passed(sent=5)


def test_a_target_that_hangs_holds_up_nobody(database: Database) -> None:
    release = threading.Event()
    clock = Clock()

    def answer(message: Message) -> Outcome:
        if message.target == "RUC":
            release.wait(20)
        return Sent()

    sender = Recorder(answer)
    for number in range(10):
        put(database, f"r{number}", at=NOW - timedelta(hours=1))
    rung: list[datetime] = []

    def timers(now: datetime) -> int:
        rung.append(now)
        return 0

    its = dispatcher(database, clock, sender, timers, parallel=2)
    running = threading.Thread(target=its.run_once)
    running.start()
    try:
        for number in range(6):
            put(database, f"p{number}", target=f"馆{number}")
        until = time.monotonic() + 15
        while len([key for key in sender.got if key[0] == "p"]) < 6 and time.monotonic() < until:
            time.sleep(0.02)
        assert len([key for key in sender.got if key[0] == "p"]) == 6
        assert [key for key in sender.got if key[0] == "r"] == ["r0"]
        before = len(rung)
        time.sleep(0.5)
        assert len(rung) > before, "no clock rings while a target hangs"
    finally:
        release.set()
        running.join()
    assert set(states(database).values()) == {"sent"}


def test_while_the_mail_server_is_away_no_message_uses_up_its_attempts(database: Database) -> None:
    clock = Clock()
    sender = Recorder(lambda _: Retry("no relay", "channel"))
    for number in range(12):
        put(database, f"{number}", target=f"馆{number}")
    for _ in range(30):
        dispatcher(database, clock, sender, attempts=3).run_once()
        clock.ahead(seconds=CHANNEL_PAUSE + 1)
    assert set(states(database).values()) == {"waiting"}
    assert len(sender.got) <= 30 * 8
    sender.answer = lambda _: Sent()
    dispatcher(database, clock, sender, attempts=3).run_once()
    assert set(states(database).values()) == {"sent"}


def test_what_fails_for_days_is_given_up_and_told_once(database: Database) -> None:
    clock = Clock()
    also: list[str] = []
    sender = Recorder(lambda message: Retry("500", also=lambda _: also.append(message.key)))
    put(database, "a", at=NOW)
    put(database, "b", at=NOW)
    for _ in range(20):
        dispatcher(database, clock, sender).run_once()
        clock.ahead(seconds=LONGEST_PAUSE if clock.now - NOW > timedelta(hours=9) else FIRST_PAUSE * 1100)
    assert sender.buried == [("a", "500")]
    assert sender.got == ["a"] * 20
    assert also == ["a"] * 20
    assert states(database) == {"a": "dead", "b": "waiting"}  # and b is not tried at once, after days in vain
    dispatcher(database, clock, sender).run_once()
    assert sender.got[-1] == "b"


def test_what_can_never_be_sent_is_dead_at_once_and_told_where_it_matters(database: Database) -> None:
    clock = Clock()
    sender = Recorder(lambda message: Dead("no address", told=message.key == "told"))
    put(database, "told", request_id=1)
    put(database, "quiet", request_id=1)
    assert dispatcher(database, clock, sender).run_once() == Passed(dead=2)
    assert sender.buried == [("told", "no address")]


def test_an_error_of_a_sender_ends_an_attempt_and_no_dispatcher(database: Database) -> None:
    clock = Clock()

    def answer(message: Message) -> Outcome:
        if message.key == "bad":
            raise KeyError("wish")
        return Sent()

    put(database, "bad")
    put(database, "good")
    assert dispatcher(database, clock, Recorder(answer)).run_once() == Passed(sent=1, postponed=1)
    with database.read() as unit:
        [bad] = [row for row in unit.execute(outbox.outgoing.select()) if row.key == "bad"]
    assert "KeyError" in bad.last_error


def test_clocks_that_can_not_be_dealt_with_stop_no_message(database: Database) -> None:
    def timers(_: datetime) -> int:
        raise KeyError("entry")

    put(database, "a")
    assert dispatcher(database, Clock(), Recorder(), timers).run_once() == Passed(sent=1)


def test_a_message_that_kills_whoever_takes_it_up_does_not_go_round_for_ever(database: Database) -> None:
    clock, sender = Clock(), Recorder()
    put(database, "poison")
    for _ in range(3):
        with database.write() as unit:
            assert len(outbox.claim_messages(unit, "dies", 1, 60, clock.now)) == 1
        clock.ahead(seconds=61)
    assert dispatcher(database, clock, sender, attempts=3).run_once() == Passed(dead=1)
    assert sender.got == []
    assert "died" in sender.buried[0][1]


def test_a_slow_target_is_no_dead_dispatcher(database: Database) -> None:
    """Its lease is extended while it is being sent to, so nobody else takes the message."""
    release, begun = threading.Event(), threading.Event()

    def answer(_: Message) -> Outcome:
        begun.set()
        release.wait(20)
        return Sent()

    put(database, "slow", at=datetime.now(UTC))
    slow = Recorder(answer)
    its = Dispatcher(
        database, {"email": slow}, no_timers, lambda: datetime.now(UTC), DispatchSettings(poll=0.05, lease_seconds=0.9)
    )
    running = threading.Thread(target=its.run_once)
    running.start()
    try:
        assert begun.wait(10)
        time.sleep(2.0)
        with database.write() as unit:
            assert outbox.claim_messages(unit, "another", 9, 60, datetime.now(UTC)) == []
    finally:
        release.set()
        running.join()
    assert states(database) == {"slow": "sent"}


def test_several_dispatchers_share_and_send_nothing_twice(database: Database) -> None:
    clock, sender = Clock(), Recorder()
    for number in range(60):
        put(database, f"{number}", target=f"馆{number % 9}", request_id=number % 5 + 1)
    url = database.url.render_as_string(hide_password=False)

    def work() -> None:
        own = Database(url)
        dispatcher(own, clock, sender, parallel=2).run_once()
        own.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    dispatcher(database, clock, sender).run_once()
    assert sorted(sender.got, key=int) == [f"{number}" for number in range(60)]


def test_what_was_sent_long_ago_is_deleted(database: Database) -> None:
    clock, sender = Clock(), Recorder()
    put(database, "a")
    dispatcher(database, clock, sender).run_once()
    put(database, "stale", channel="webhook", target="1")
    settings = DispatchSettings()
    with database.write() as unit:
        assert purge(unit, settings, NOW + timedelta(days=29)) == 0
        assert purge(unit, settings, NOW + timedelta(days=31)) == 1
    assert states(database) == {"stale": "dead"}
    with database.read() as unit:
        [stale] = outbox.dead_messages(unit)
    assert "too long" in stale.last_error


def test_the_clock_is_the_databases(database: Database) -> None:
    assert abs((database_clock(database)() - datetime.now(UTC)).total_seconds()) < 5


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_grow_and_end(attempts: int, draw: float) -> None:
    assert FIRST_PAUSE * 0.8 <= pause(attempts, draw) <= LONGEST_PAUSE
    assert pause(attempts, 0) <= pause(attempts + 1, 0)
    assert 2.5 < sum(pause(n, 0) for n in range(1, 20)) / 86400 < 3.5


# ---------------------------------------------------------------------------------------------- processes

SCRIPT = """
import os, signal, sys, time
from datetime import UTC, datetime
from store.database import Database
from tongcang.dispatch import Dispatcher, database_clock
from tongcang.sending.http import Client
from tongcang.sending.settings import DispatchSettings, networks
from tongcang.sending.webhooks import WebhookSender

class Killed:
    def __init__(self, sender): self.sender = sender
    def send(self, message):
        outcome = self.sender.send(message)
        if sys.argv[2] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if sys.argv[2] == "slow":
            time.sleep(1.0)
        return outcome
    def gave_up(self, *args): self.sender.gave_up(*args)

database = Database(sys.argv[1])
clock = database_clock(database)
sender = Killed(WebhookSender(database, Client(networks("127.0.0.1")), clock))
settings = DispatchSettings(lease_seconds=1.0, poll=0.05, parallel=1)
its = Dispatcher(database, {"webhook": sender}, lambda now: 0, clock, settings)
its.run() if sys.argv[2] == "slow" else its.run_once()
"""


def start(database: Database, how: str) -> subprocess.Popen[bytes]:
    url = database.url.render_as_string(hide_password=False)
    root = Path(__file__).resolve().parents[3]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, url, how], env=environment, stderr=subprocess.DEVNULL)


def subscribed(database: Database, url: str, messages: int) -> None:
    now = datetime.now(UTC)
    with database.write() as unit:
        hook = webhooks.add_webhook(unit, "", url, ["request.status_changed"], webhooks.new_secret(), now)
        for number in range(messages):
            outbox.put_message(
                unit, key=f"7/{number}/webhook", channel="webhook", target=str(hook.id),
                kind="request.status_changed", body="{}", at=now, request_id=7,
            )  # fmt: skip


def test_killed_between_sending_and_saying_so_it_repeats_under_the_same_id(database: Database) -> None:
    with serving(Answer(200)) as server:
        subscribed(database, server.url(), 2)
        for _ in range(2):
            assert start(database, "kill").wait(60) == -signal.SIGKILL
            time.sleep(1.1)  # its lease runs out
        assert list(states(database).values()) == ["sending", "waiting"]
        assert start(database, "").wait(60) == 0
        ids = [got.headers["webhook-id"] for got in server.got]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert len(ids) == 4
    assert list(states(database).values()) == ["sent", "sent"]


def test_told_to_stop_it_finishes_the_message_at_hand(database: Database) -> None:
    with serving(Answer(200)) as server:
        subscribed(database, server.url(), 3)
        running = start(database, "slow")
        until = time.monotonic() + 30
        while not server.got and time.monotonic() < until:
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
        got = len(server.got)
    assert 1 <= got < 3
    assert sorted(states(database).values()) == ["sent"] * got + ["waiting"] * (3 - got)


@pytest.mark.parametrize("channel", ["iso18626", "email"])
def test_messages_of_a_channel_that_has_no_sender_wait(database: Database, channel: str) -> None:
    put(database, "a", channel=channel)
    its = Dispatcher(database, {}, no_timers, Clock(), DispatchSettings())
    assert its.run_once() == Passed()
    assert states(database) == {"a": "waiting"}
