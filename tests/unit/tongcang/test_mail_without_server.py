"""Where no mail server is set up, a library that is asked by mail is not waited for; people's mail waits."""

from __future__ import annotations

from request_desk import Desk, wish

from routing.case import Case
from store import outbox
from store.database import Database
from store.outbox import Message
from tongcang.dispatch import Dispatcher, Passed
from tongcang.sending.outcome import Outcome, Sent
from tongcang.sending.settings import DispatchSettings


class _Post:
    """A mail server that takes everything."""

    def send(self, _message: Message) -> Outcome:
        return Sent()

    def gave_up(self, *_: object) -> None:
        raise AssertionError("nothing is given up")


def asked_by_mail(database: Database) -> tuple[Desk, Case]:
    desk = Desk(database)
    for symbol in ("BNU", "THU"):
        desk.policy(symbol, paused=True)
    desk.policy("RUC", channel="email", address="ill@ruc.test")
    return desk, desk.ask(wish())


def dispatch(desk: Desk, **senders: _Post) -> Passed:
    def timers(_now: object) -> int:
        return desk.service.run_timers(desk.database)

    settings = DispatchSettings(poll=0.01)
    return Dispatcher(desk.database, senders, timers, lambda: desk.now, settings).run_once()


def states(desk: Desk, case: Case) -> dict[str, str]:
    with desk.database.read() as unit:
        return {message.kind: message.state for message in outbox.messages_of(unit, case.request_id)}


def test_the_next_library_is_asked(database: Database) -> None:
    desk, case = asked_by_mail(database)
    assert dispatch(desk).dead == 1
    told = {"supplier.request": "dead", "officer.undeliverable": "waiting", "reader.sent": "waiting"}
    assert told.items() <= states(desk, case).items()
    for _ in range(2):
        desk.wait(minutes=1)
        dispatch(desk)
    after = desk.case(case)
    entry = after.entries[0]
    assert (entry.supplier, entry.state, entry.code) == ("RUC", "timed_out", "undelivered")
    assert after.active is not None and after.active.supplier == "NLC"
    assert "supplier.cancel" not in states(desk, case), "it has nothing that could be taken back"


def test_what_waits_for_people_goes_out_when_there_is_a_server(database: Database) -> None:
    desk, case = asked_by_mail(database)
    dispatch(desk)
    with desk.database.read() as unit:
        waiting = [message for message in outbox.messages_of(unit, case.request_id) if message.state == "waiting"]
    assert waiting and not any(message.attempts for message in waiting)
    dispatch(desk, email=_Post())
    assert set(states(desk, case).values()) == {"dead", "sent"}


def test_with_a_server_nothing_is_given_up(database: Database) -> None:
    desk, case = asked_by_mail(database)
    dispatch(desk, email=_Post())
    assert set(states(desk, case).values()) == {"sent"}
