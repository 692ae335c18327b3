"""The dispatcher (发送进程): lets clocks run out, and sends what waits in the outbox.

Invariant: a message is sent by whoever holds its lease, and what came of it is written in one transaction. Any number
of dispatchers may run. One that is killed between sending a message and saying so leaves it to be sent again, under the
same key: at least once, and in order within a request and target.

A target has one thread at a time. Where it does not answer, all that waits for it waits together, longer from failure
to failure: the others lose neither time nor threads to it.
"""

from __future__ import annotations

import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from msgspec import Struct

from indexer.generations import owner_name
from store import outbox
from store.database import Database, StoreBusyError, StoreError, Unit, clock
from store.idempotency import forget_answers
from store.outbox import Message
from tongcang.sending.outcome import Dead, Outcome, Retry, Sender, Sent
from tongcang.sending.settings import DispatchSettings
from tongcang.sending.telling import NO_SERVER, give_up_mail

log = structlog.get_logger("tongcang.dispatch")

TICK = 0.2
FIRST_PAUSE = 30.0
LONGEST_PAUSE = 6 * 3600.0
CHANNEL_PAUSE = 60.0
"""Seconds for which a whole channel waits: our own mail server comes back sooner than somebody else's."""

PURGE_EVERY = 3600.0


class Passed(Struct):
    """What was done."""

    timers: int = 0
    sent: int = 0
    postponed: int = 0
    dead: int = 0
    forgotten: int = 0


def database_clock(database: Database) -> Callable[[], datetime]:
    """The database's, which is one for all dispatchers."""

    def now() -> datetime:
        with database.read() as unit:
            return datetime.fromtimestamp(clock(unit), UTC)

    return now


def pause(attempts: int, draw: float) -> float:
    """Seconds until the next attempt: 30, 60, 120 … up to six hours, less up to a fifth (`draw`: 0 to 1), so that what
    failed together does not come back together. Twenty attempts take some three days."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 20)) * (1.0 - 0.2 * draw))


class Dispatcher:
    """One process's dispatcher. `run` it in the main thread."""

    def __init__(
        self,
        database: Database,
        senders: Mapping[str, Sender],
        run_timers: Callable[[datetime], int],
        clock: Callable[[], datetime],
        settings: DispatchSettings,
        *,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`senders` by channel; messages of other channels wait, but mail to libraries is given up. `run_timers` fires
        all that are due, and says how many. `beat` is called in every round."""
        self._database, self._senders, self._run_timers = database, dict(senders), run_timers
        self._clock, self._settings, self._beat = clock, settings, beat
        self._owner = f"{owner_name()}/{secrets.token_hex(3)}"
        self._stopping = False  # a plain value, since a signal's handler must take no lock
        self._passed = Passed()
        self._counting = threading.Lock()
        self._at_work: dict[Future[None], list[int]] = {}  # ids of the messages that a thread has
        self._hold_due = self._purge_due = 0.0

    # ------------------------------------------------------------------------------------------ rounds

    def run(self) -> None:
        """Until SIGTERM or SIGINT; messages at hand are finished first. Raises StoreError where going on is vain."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        log.info("dispatcher_started", owner=self._owner, channels=sorted(self._senders))
        with self._threads() as threads:
            while not self._stopping:
                self._beat()
                try:
                    busy = self._round(threads)
                except StoreBusyError as error:
                    log.warning("store_away", reason=str(error))
                    busy = False
                self._rest(busy)
        log.info("dispatcher_stopped", owner=self._owner)

    def run_once(self) -> Passed:
        """Fire what is due and send what is due now, what follows from it included."""
        self._passed = Passed()
        with self._threads() as threads:
            while self._round(threads) or self._at_work:
                self._settle(self._settings.poll)
        return self._passed

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._settings.parallel, thread_name_prefix="sending")

    def _rest(self, busy: bool) -> None:
        """Until a target is done, or the next look is due. Where there was something to do there may be more."""
        if busy and len(self._at_work) < self._settings.parallel:
            return
        until = time.monotonic() + self._settings.poll * random.uniform(0.5, 1.5)
        while not self._stopping and (left := until - time.monotonic()) > 0:
            if self._at_work:
                if self._settle(min(TICK, left)):
                    return
            else:
                time.sleep(min(TICK, left))

    def _round(self, threads: ThreadPoolExecutor) -> bool:
        """Whether anything was found to do."""
        now = self._clock()
        fired = self._fire(now)
        self._purge(now)
        self._settle(0)
        self._hold(now)
        free = self._settings.parallel - len(self._at_work)
        return bool(free and self._take(threads, free)) or fired > 0

    def _fire(self, now: datetime) -> int:
        """Clocks that can't be dealt with stop no message that can be sent."""
        try:
            fired = self._run_timers(now)
        except StoreError:
            raise
        except Exception as error:
            log.error("timers_failed", exc_info=error)
            return 0
        self._count("timers", fired)
        return fired

    def _take(self, threads: ThreadPoolExecutor, free: int) -> bool:
        """Claim for as many targets as there are free threads at most, and hand each to one."""
        settings, now, channels = self._settings, self._clock(), tuple(self._senders)
        with self._database.read() as unit:
            if not outbox.is_due(unit, now, channels):
                return False
        with self._database.write() as unit:
            claimed = outbox.claim_messages(
                unit, self._owner, free, settings.lease_seconds, now, channels=channels, per_target=settings.per_target
            )
        by_target: dict[tuple[str, str], list[Message]] = {}
        for message in claimed:
            by_target.setdefault((message.channel, message.target), []).append(message)
        for messages in by_target.values():
            self._at_work[threads.submit(self._send_all, messages)] = [message.id for message in messages]
        return bool(claimed)

    def _hold(self, now: datetime) -> None:
        """Extend the leases of what is at hand: a slow target is no dead dispatcher."""
        if not self._at_work or time.monotonic() < self._hold_due:
            return
        self._hold_due = time.monotonic() + self._settings.lease_seconds / 3
        ids = [number for numbers in self._at_work.values() for number in numbers]
        with self._database.write() as unit:
            outbox.extend_messages(unit, self._owner, ids, now + timedelta(seconds=self._settings.lease_seconds))

    def _settle(self, seconds: float) -> bool:
        """Whether a target is done within so many seconds. What a thread could not write is raised here."""
        if not self._at_work:
            return False
        done, _ = wait(self._at_work, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in done:
            del self._at_work[future]
            try:
                future.result()
            except StoreBusyError as error:
                log.warning("store_away", reason=str(error))  # their leases run out, and they are sent again
        return bool(done)

    # ------------------------------------------------------------------------------------------ one target

    def _send_all(self, messages: list[Message]) -> None:
        """In order, one after the other; where the target is away the rest is given back."""
        for number, message in enumerate(messages):
            if number and self._stopping:
                self._release(messages[number:])
                return
            outcome = self._outcome(message)
            self._write(message, outcome, messages[number + 1 :])
            if isinstance(outcome, Retry) and outcome.away != "message":
                return

    def _outcome(self, message: Message) -> Outcome:
        if message.attempts > self._settings.attempts:
            return Dead("it was taken up too often by processes that died")
        try:
            return self._senders[message.channel].send(message)
        except StoreError as error:
            return Retry(str(error), "message")
        except Exception as error:  # whatever it is, it ends an attempt and no dispatcher
            log.error("sending_failed", message=message.id, exc_info=error)
            return Retry(f"{type(error).__name__}: {error}", "message")

    def _write(self, message: Message, outcome: Outcome, others: list[Message]) -> None:
        """What came of it, and what follows from that for it and the others in hand, in one transaction."""
        now = self._clock()
        with self._database.write() as unit:
            if isinstance(outcome, Sent):
                ours = outbox.mark_sent(unit, message.id, now)
            elif isinstance(outcome, Dead):
                ours = self._bury(unit, message, outcome.reason, outcome.told, now)
            else:
                ours = self._put_off(unit, message, outcome, others, now)
            if ours:
                outcome.also(unit)
        self._say(message, outcome)

    def _bury(self, unit: Unit, message: Message, reason: str, told: bool, now: datetime) -> bool:
        ours = outbox.mark_dead(unit, message.id, self._owner, now, reason)
        if ours and told:
            self._senders[message.channel].gave_up(unit, message, reason, now)
        return ours

    def _put_off(self, unit: Unit, message: Message, outcome: Retry, others: list[Message], now: datetime) -> bool:
        """That our own mail server is away counts as no attempt of a message: it is there again, or is put right."""
        counted = outcome.away != "channel"
        if counted and message.attempts >= self._settings.attempts:
            ours = self._bury(unit, message, outcome.reason, True, now)
            seconds = LONGEST_PAUSE  # for what else waits there: it has been away for days
        else:
            seconds = max(pause(message.attempts, random.random()), min(outcome.seconds, LONGEST_PAUSE))
            seconds = seconds if counted else CHANNEL_PAUSE
            until = now + timedelta(seconds=seconds)
            ours = outbox.mark_retry(unit, message.id, self._owner, until, outcome.reason, counted=counted)
        if outcome.away != "message":
            for other in others:
                outbox.release_message(unit, other.id, self._owner)
            target = message.target if counted else None
            outbox.postpone(unit, message.channel, target, now + timedelta(seconds=seconds))
        return ours

    def _release(self, messages: list[Message]) -> None:
        with self._database.write() as unit:
            for message in messages:
                outbox.release_message(unit, message.id, self._owner)

    def _say(self, message: Message, outcome: Outcome) -> None:
        """Without the key: it names a reader's account."""
        fields = {"message": message.id, "channel": message.channel, "kind": message.kind, "attempt": message.attempts}
        if isinstance(outcome, Sent):
            self._count("sent")
            log.info("message_sent", **fields)
        elif isinstance(outcome, Retry) and (outcome.away == "channel" or message.attempts < self._settings.attempts):
            self._count("postponed")
            log.warning("message_postponed", reason=outcome.reason, **fields)
        else:
            self._count("dead")
            (log.info if isinstance(outcome, Dead) and not outcome.told else log.error)(
                "message_dead", reason=outcome.reason, **fields
            )

    def _count(self, name: str, number: int = 1) -> None:
        with self._counting:
            setattr(self._passed, name, getattr(self._passed, name) + number)

    # ------------------------------------------------------------------------------------------ tidying

    def _purge(self, now: datetime) -> None:
        """Once an hour: bodies that were sent long ago are personal data without a purpose, and a library that can't
        be written to is not waited for."""
        if time.monotonic() < self._purge_due:
            return
        with self._database.write() as unit:
            self._count("forgotten", purge(unit, self._settings, now))
            given_up = [] if "email" in self._senders else give_up_mail(unit, self._owner, now)
        for message in given_up:
            self._say(message, Dead(NO_SERVER))
        self._purge_due = time.monotonic() + PURGE_EVERY


def purge(unit: Unit, settings: DispatchSettings, now: datetime) -> int:
    """Delete messages and answers whose time is over; how many."""
    outbox.give_up_stale(unit, now - timedelta(days=settings.stale_days), now)
    messages = outbox.forget_messages(
        unit,
        sent_before=now - timedelta(days=settings.keep_days),
        dead_before=now - timedelta(days=settings.keep_dead_days),
    )
    answers = forget_answers(
        unit,
        calls_before=now - timedelta(hours=settings.call_hours),
        messages_before=now - timedelta(days=settings.incoming_days),
    )
    return messages + answers
