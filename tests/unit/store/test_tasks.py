"""Tasks of a night: each is one worker's at a time, and a night ends with all of them."""

from __future__ import annotations

import threading

import msgspec
import pytest

from store import tasks
from store.database import Database
from store.leases import WORK, Held, LeaseLost, holder, take_lease


def begin(database: Database, *payloads: str) -> int:
    with database.write() as unit:
        night_id = tasks.begin_night(unit, "{}", "harvest", payloads)
    assert isinstance(night_id, int)
    return night_id


def claimed(database: Database, owner: str = "甲", seconds: float = 60) -> tasks.Task | None:
    with database.write() as unit:
        return tasks.claim(unit, owner, seconds)


def held_by(database: Database, task_id: int, owner: str) -> Database:
    """As the worker sees it that has the task, or thinks so."""
    return database.guarded(lambda unit: tasks.extend(unit, task_id, owner, 60))


def let(database: Database, **columns: object) -> None:
    """Time passes: the task's columns are as they would be then."""
    with database.write() as unit:
        unit.execute(tasks.task.update().values(**columns))


def test_tasks_are_handed_out_in_order_and_once(database: Database) -> None:
    begin(database, "一", "二")
    first, second, third = (claimed(database, owner) for owner in "甲乙丙")
    assert first is not None
    assert second is not None
    assert (first.payload, second.payload, third) == ("一", "二", None)
    assert (first.owner, first.state) == ("甲", "running")


def test_many_workers_share_tasks_without_one_done_twice(database: Database) -> None:
    begin(database, *(f"馆{number}" for number in range(20)))
    taken: list[str] = []

    def work(owner: str) -> None:
        own = Database(database.url.render_as_string(hide_password=False))  # as another process has it
        while (task := claimed(own, owner)) is not None:
            with held_by(own, task.id, owner).write() as unit:
                tasks.finish(unit, task.id, owner, "{}")
            taken.append(task.payload)
        own.close()

    workers = [threading.Thread(target=work, args=(owner,)) for owner in "甲乙丙丁"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted(f"馆{number}" for number in range(20))


def test_a_worker_that_says_nothing_loses_its_task_and_writes_nothing(database: Database) -> None:
    night_id = begin(database, "一")
    lost = claimed(database, "甲")
    assert lost is not None
    assert claimed(database, "乙") is None
    let(database, until=lost.until - 120)
    again = claimed(database, "乙")
    assert again is not None
    assert (again.id, again.lost) == (lost.id, 1)
    with pytest.raises(LeaseLost), held_by(database, lost.id, "甲").write() as unit:
        tasks.add_tasks(unit, night_id, "normalise", ["二"])
    for change in (
        lambda unit: tasks.finish(unit, lost.id, "甲", "{}"),
        lambda unit: tasks.fail(unit, lost.id, "甲", "太晚"),
        lambda unit: tasks.give_back(unit, lost.id, "甲"),
    ):
        with pytest.raises(LeaseLost), database.write() as unit:
            change(unit)
    with database.read() as unit:
        [task] = tasks.tasks_of(unit, night_id)
    assert (task.owner, task.state) == ("乙", "running")


def test_a_guarded_write_holds_the_task_on(database: Database) -> None:
    begin(database, "一")
    task = claimed(database, "甲")
    assert task is not None
    let(database, until=task.until - 120)
    with held_by(database, task.id, "甲").write():
        pass
    assert claimed(database, "乙") is None


def test_a_task_given_back_waits_until_it_may_be_taken_up(database: Database) -> None:
    begin(database, "一")
    task = claimed(database)
    assert task is not None
    with database.write() as unit:
        tasks.give_back(unit, task.id, "甲", pause=60, pauses=1, error="服务器不在")
    assert claimed(database) is None
    let(database, not_before=task.until - 120)
    again = claimed(database)
    assert again is not None
    assert (again.pauses, again.error, again.lost) == (1, "服务器不在", 0)


def test_one_night_is_open_at_a_time_and_holds_the_work_lease(database: Database) -> None:
    night_id = begin(database, "一")
    with database.write() as unit:
        second = tasks.begin_night(unit, "{}", "harvest", ["二"])
        assert isinstance(second, Held)
        assert second.owner == tasks.night_name(night_id)
        assert len(tasks.last_nights(unit)) == 1
        night = tasks.lock_night(unit, night_id)
        tasks.end_night(unit, night, "complete", "{}")
        assert holder(unit, WORK) is None
        assert take_lease(unit, WORK, "host:1", 60) is None
        assert isinstance(tasks.begin_night(unit, "{}", "harvest", ["三"]), Held)


def test_a_night_that_ends_takes_its_tasks_from_their_owners(database: Database) -> None:
    night_id = begin(database, "一", "二")
    task = claimed(database)
    assert task is not None
    with database.write() as unit:
        tasks.end_night(unit, tasks.lock_night(unit, night_id), "failed", "{}", "坏了")
        assert tasks.open_night(unit) is None
        assert not tasks.has_open_tasks(unit, night_id)
        assert tasks.get_night(unit, night_id).message == "坏了"
    with pytest.raises(LeaseLost), database.write() as unit:
        tasks.extend(unit, task.id, "甲", 60)


def test_phases_follow_one_another_and_tell_their_seconds(database: Database) -> None:
    night_id = begin(database, "一")
    task = claimed(database)
    assert task is not None
    with database.write() as unit:
        night = tasks.lock_night(unit, night_id)
        tasks.finish(unit, task.id, "甲", '{"好": 1}')
        assert not tasks.has_open_tasks(unit, night_id)
        tasks.begin_phase(unit, night, "normalise", ["二", "三"])
    with database.read() as unit:
        night = tasks.get_night(unit, night_id)
        assert night == tasks.open_night(unit)
        assert (night.phase, list(night.seconds)) == ("normalise", ["harvest"])
        assert tasks.count_tasks(unit, night_id) == [("harvest", "done", 1), ("normalise", "waiting", 2)]
        assert [msgspec.json.decode(task.result) for task in tasks.tasks_of(unit, night_id, "harvest")] == [{"好": 1}]


def test_tasks_of_old_nights_are_forgotten_and_their_receipts_are_not(database: Database) -> None:
    first = begin(database, "一")
    for _ in range(tasks.KEPT_NIGHTS):
        with database.write() as unit:
            night = tasks.open_night(unit)
            assert night is not None
            tasks.end_night(unit, night, "complete", '{"回执": 1}')
        last = begin(database, "一")
    with database.read() as unit:
        assert tasks.tasks_of(unit, first) == []
        assert len(tasks.tasks_of(unit, last)) == 1
        assert tasks.get_night(unit, first).receipt == '{"回执": 1}'
