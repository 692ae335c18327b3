"""Any sequence of putting, claiming, sending, failing and dying: nothing is lost, and order is kept within a lane."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, event

from store import outbox
from store.database import Database
from store.outbox import Message

OWNERS = ("甲", "乙", "丙")
LEASE = 60.0


class Outbox(RuleBasedStateMachine):
    """Three senders, of which each may die with whatever it has at any time."""

    database: Database

    @classmethod
    def open(cls, folder: str) -> None:
        cls.database = Database(f"sqlite:///{Path(folder) / 'state.db'}")
        # What a power failure would leave is not asked here, and asking the disk takes most of the time.
        event.listen(cls.database.engine, "connect", lambda line, _: line.execute("PRAGMA synchronous=OFF"))
        cls.database.migrate()

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 3, 2, tzinfo=UTC)
        self.put_keys: list[str] = []
        self.lane_of: dict[str, str] = {}
        self.held: dict[str, list[Message]] = {owner: [] for owner in OWNERS}  # what each believes to have
        self.outside: list[str] = []  # keys as the other side gets them
        self.done: dict[str, str] = {}  # by key: sent or dead, as acknowledged
        self.revived: set[str] = set()
        with self.database.write() as unit:
            unit.execute(delete(outbox.outgoing))

    @rule(
        places=st.lists(
            st.sampled_from([("RUC", 1, 1), ("RUC", 1, 2), ("THU", 1, 1), ("RUC", 0, 0)]), min_size=1, max_size=4
        ),
        delay=st.sampled_from([0, 0, 30]),
    )
    def put(self, places: list[tuple[str, int, int]], delay: int) -> None:
        for whom, request, entry in places:
            key = f"{len(self.put_keys)}"
            with self.database.write() as unit:
                made = outbox.put_message(
                    unit, key=key, channel="email", target=whom, kind="k", body="{}", at=self.now,
                    request_id=request, entry=entry, not_before=self.now + timedelta(seconds=delay),
                )  # fmt: skip
                again = outbox.put_message(unit, key=key, channel="webhook", target="x", kind="k", body="", at=self.now)
            assert made and not again
            self.put_keys.append(key)
            self.lane_of[key] = f"{whom}/{request}/{entry}" if request else ""

    @rule(owner=st.sampled_from(OWNERS), limit=st.integers(1, 4), per_target=st.integers(1, 3))
    def claim(self, owner: str, limit: int, per_target: int) -> None:
        with self.database.write() as unit:
            taken = outbox.claim_messages(unit, owner, limit, LEASE, self.now, per_target=per_target)
        for message in taken:
            assert message.key not in self.done
            assert message.not_before <= self.now
            for other in OWNERS:
                for theirs in self.held[other]:
                    if theirs.id == message.id:
                        assert theirs.until is not None
                        assert theirs.until < self.now, "two live leases on one message"
        assert len({message.lane for message in taken if message.lane}) == len([m for m in taken if m.lane])
        self.held[owner] = [m for m in self.held[owner] if m.id not in {t.id for t in taken}] + taken

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data(), end=st.sampled_from(["sent", "sent", "retry", "dead", "release", "unsaid"]))
    def end(self, data: st.DataObject, end: str) -> None:
        """`unsaid`: it is sent, and its sender is killed before it can say so."""
        owner = data.draw(st.sampled_from([owner for owner in OWNERS if self.held[owner]]))
        message = data.draw(st.sampled_from(self.held[owner]))
        self.held[owner].remove(message)
        if end in ("sent", "unsaid"):
            self._check_order(message)
            self.outside.append(message.key)
        with self.database.write() as unit:
            row = outbox.get_message(unit, message.id)
            assert row is not None
            ours = row.state == "sending" and row.owner == owner
            if end == "sent":
                assert outbox.mark_sent(unit, message.id, self.now) is (row.state != "sent")
                self.done[message.key] = "sent"
            elif end == "retry":
                until = self.now + timedelta(seconds=30)
                assert outbox.mark_retry(unit, message.id, owner, until, "") is ours
            elif end == "dead":
                assert outbox.mark_dead(unit, message.id, owner, self.now, "") is ours
                if ours:
                    self.done[message.key] = "dead"
            elif end == "release":
                assert outbox.release_message(unit, message.id, owner) is ours

    def _check_order(self, message: Message) -> None:
        """When a message goes out on a lease that holds, all before it in its lane are out, or given up."""
        assert message.until is not None
        lane = self.lane_of[message.key]
        if not lane or message.until < self.now or message.key in self.revived:
            return
        for key in self.put_keys[: int(message.key)]:
            if self.lane_of[key] == lane and key not in self.revived:
                assert key in self.done, f"{message.key} overtook {key}"

    @precondition(lambda self: any(self.held.values()))
    @rule(owner=st.sampled_from(OWNERS))
    def wait_out(self, owner: str) -> None:
        """Whoever has something is held up until its lease has run out, and another takes it."""
        self.now += timedelta(seconds=LEASE + 1)
        self.claim(owner, 4, 3)

    @rule(owner=st.sampled_from(OWNERS))
    def die(self, owner: str) -> None:
        self.held[owner] = []

    @rule(seconds=st.sampled_from([1, 20, 40, 61, 200]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: "dead" in self.done.values())
    @rule(data=st.data())
    def revive(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, state in self.done.items() if state == "dead")))
        with self.database.write() as unit:
            [found] = [message for message in outbox.dead_messages(unit) if message.key == key]
            assert outbox.revive_message(unit, found.id, self.now)
        del self.done[key]
        self.revived.add(key)

    @invariant()
    def nothing_is_lost(self) -> None:
        with self.database.read() as unit:
            rows = {row.key: row.state for row in unit.execute(outbox.outgoing.select())}
        assert sorted(rows, key=int) == self.put_keys
        for key, state in rows.items():
            assert state == self.done.get(key, state)
            assert (state in ("sent", "dead")) == (key in self.done)

    def teardown(self) -> None:
        """Whatever has happened, one sender that lives brings all of it out, and repeats nothing acknowledged."""
        acknowledged = {key for key, state in self.done.items() if state == "sent"}
        before = len(self.outside)
        for _ in range(len(self.put_keys) + 2):
            self.now += timedelta(seconds=200)
            with self.database.write() as unit:
                for message in outbox.claim_messages(unit, "丁", 99, LEASE, self.now, per_target=99):
                    self.outside.append(message.key)
                    outbox.mark_sent(unit, message.id, self.now)
        dead = {key for key, state in self.done.items() if state == "dead"}
        assert not acknowledged & set(self.outside[before:])
        assert {*self.outside, *dead} == set(self.put_keys)


def test_nothing_is_lost_and_order_is_kept() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Outbox.open(folder)
        run_state_machine_as_test(Outbox, settings=settings(max_examples=40, stateful_step_count=30, deadline=None))
        Outbox.database.close()
