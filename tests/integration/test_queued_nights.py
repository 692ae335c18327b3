"""A night in the queue gives the receipt of a direct one, and whatever goes wrong with a task is told and bounded."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from harvester.sources.marc_files import MarcFiles
from harvester.sources.protocol import Ending, Page, Reader, Received, SourceError
from indexer.engine.protocol import Unavailable
from indexer.gate import GateError
from indexer.state import state_hash
from mappings.model import Library
from store import libraries, tasks
from store.database import Database, StoreBusyError
from store.leases import LeaseLost
from store.libraries import Source, SourceConfig
from tongcang import night as night_module
from tongcang import phases, work
from tongcang.night import Receipt, active_sources, run_night
from tongcang.phases import At, unpacked
from tongcang.queue import await_night, cancel_night, night_status, queue_night
from tongcang.sample.generate import generate
from tongcang.scheduler import night_once
from tongcang.settings import Settings
from tongcang.system import System
from tongcang.work import Worker

Perform = Callable[[At, tasks.Task], object]


@pytest.fixture
def stock(tmp_path: Path) -> dict[str, Path]:
    """What two libraries deliver, by symbol."""
    files = {}
    for symbol, count in (("BNU", 90), ("RUC", 40)):
        files[symbol] = tmp_path / symbol / "stock.mrc"
        files[symbol].parent.mkdir()
        generate(count, files[symbol])
    return files


@pytest.fixture
def system(database: Database, stock: dict[str, Path], tmp_path: Path) -> Iterator[System]:
    url = database.url.render_as_string(hide_password=False)
    opened = System(Settings(data=str(tmp_path / "data"), database=url, workers=1))
    register(opened, stock)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _small_and_hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "SPANS", {"normalise": 30, "union": 30, "index": 30})
    monkeypatch.setattr(work, "_pause", lambda _: 0.01)
    monkeypatch.setattr(work, "POLL", 0.01)
    # Each library is a host of its own, as it would be with OAI-PMH.
    monkeypatch.setattr(phases, "host_of", lambda source: source.slug)


def register(system: System, stock: dict[str, Path]) -> None:
    with system.database.write() as unit:
        for symbol, file in stock.items():
            libraries.put_library(unit, Library(symbol, f"{symbol}图书馆", symbol))
            config = SourceConfig(path=str(file.parent))
            libraries.put_source(unit, f"{symbol}/files", symbol, "marc_files", config)


def queued(system: System) -> Receipt:
    """A night, and the worker that does it."""
    night_id = queue_night(system, active_sources(system))
    Worker(system, once=True)._work(None)
    return await_night(system, night_id)


def failing(monkeypatch: pytest.MonkeyPatch, phase: str, errors: list[Exception]) -> list[int]:
    """The phase's tasks raise these before they are done; the ids of the tasks that were begun."""
    perform: Perform = phases._DOING[phase]
    begun: list[int] = []

    def instead(at: At, task: tasks.Task) -> object:
        begun.append(task.id)
        if errors:
            raise errors.pop(0)
        return perform(at, task)

    monkeypatch.setitem(phases._DOING, phase, instead)
    return begun


def all_tasks(system: System) -> list[tasks.Task]:
    with system.database.read() as unit:
        return tasks.tasks_of(unit, tasks.last_nights(unit, 1)[0].id)


def stable(receipt: Receipt) -> object:
    """Without what takes its time."""
    sources = [msgspec.structs.replace(source, seconds=0.0) for source in receipt.sources]
    return msgspec.structs.replace(receipt, sources=tuple(sources), seconds=dict.fromkeys(receipt.seconds, 0.0))


def test_a_queued_night_gives_the_receipt_and_the_state_of_a_direct_one(
    system: System, stock: dict[str, Path], tmp_path: Path
) -> None:
    direct = System(Settings(data=str(tmp_path / "direct"), workers=1))
    register(direct, stock)
    for count in (45, 60, 60):
        assert stable(queued(system)) == stable(run_night(direct, active_sources(direct)))
        assert state_hash(system.database, system.engine) == state_hash(direct.database, direct.engine)
        generate(count, stock["RUC"])
    its = all_tasks(system)
    assert {task.phase for task in its} == {"harvest", "cluster", "plan", "finish", "normalise", "union", "index"}
    assert len([task for task in its if task.phase == "harvest"]) == 2
    assert max(task.lost + task.attempts + task.pauses for task in its) == 0
    direct.close()


def test_a_night_without_sources_brings_the_catalogue_up_to_date(system: System) -> None:
    night_id = queue_night(system, [])
    Worker(system, once=True)._work(None)
    assert await_night(system, night_id).state == "complete"


def test_an_error_of_a_task_is_tried_again_and_then_ends_the_night_with_its_reason(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [ValueError("坏了"), ValueError("又坏了"), ValueError("还是坏了")]
    begun = failing(monkeypatch, "cluster", errors)
    receipt = queued(system)
    assert len(begun) == work.ATTEMPTS
    assert (receipt.state, receipt.message) == ("failed", "cluster: 还是坏了")
    assert [source.state for source in receipt.sources] == ["complete", "complete"]
    with system.database.read() as unit:
        assert tasks.open_night(unit) is None
        assert [task.attempts for task in tasks.tasks_of(unit, 1, "cluster")] == [2]
    assert queued(system).message == ""  # the next night goes on where that one broke off
    assert system.engine.health().documents > 0


@pytest.mark.parametrize("error", [StoreBusyError("数据库不在"), Unavailable("引擎不在")], ids=["database", "engine"])
def test_a_server_that_is_away_is_waited_for_and_counts_as_no_attempt(
    system: System, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    begun = failing(monkeypatch, "index", [error] * 6)
    assert queued(system).message == ""
    [paused] = [task for task in all_tasks(system) if task.phase == "index"]
    assert (paused.pauses, paused.attempts, len(begun)) == (6, 0, 7)


def test_a_gate_that_stays_shut_ends_the_night_at_once(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = failing(monkeypatch, "finish", [GateError("首都图书馆 differs")])
    assert queued(system).message == "finish: 首都图书馆 differs"
    assert len(begun) == 1


def test_a_host_whose_sources_fail_does_not_stop_the_others(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    harvest_source = phases.harvest_source

    def sometimes(database: Database, source: Source, **options: object) -> int:
        if source.library == "BNU":
            raise ZeroDivisionError("北师大的读取器坏了")
        return harvest_source(database, source, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(phases, "harvest_source", sometimes)
    receipt = queued(system)
    assert [(source.library, source.state) for source in receipt.sources] == [("BNU", "failed"), ("RUC", "complete")]
    assert (receipt.state, receipt.message) == ("failed", "")
    assert "北师大的读取器坏了" in receipt.sources[0].message
    assert receipt.indexed > 0


class Weary:
    """A provider that gives a page, asks to be left alone for so long, and goes on behind it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[str] = []

    def pages(self, since: str, resume: str) -> Iterator[Page | Ending]:
        self.asked.append(resume)
        if not resume:
            yield Page((Received("1", "iso2709", b"x", charset="utf-8"),), "二", None)
            raise SourceError("RUC/files: 稍后再来", datetime.now(UTC) + timedelta(seconds=self.seconds))
        yield Ending(True, "checkpoint")


@pytest.mark.parametrize(("seconds", "state", "asked"), [(0.5, "complete", ["", "二"]), (7200, "failed", [""])])
def test_a_source_that_asks_to_wait_is_waited_for_within_the_night(
    system: System, monkeypatch: pytest.MonkeyPatch, seconds: float, state: str, asked: list[str]
) -> None:
    weary = Weary(seconds)

    def reader_of(source: Source, *, contact: str) -> Reader:
        return weary if source.library == "RUC" else MarcFiles(Path(source.config.path), delivery="delta", charset="")

    monkeypatch.setattr(night_module, "reader_of", reader_of)
    receipt = queued(system)
    assert [source.state for source in receipt.sources] == ["complete", state]
    assert weary.asked == asked
    assert receipt.sources[1].counts.received == 1


def test_a_task_of_which_every_worker_dies_is_given_up(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "DEATHS", 2)
    night_id = queue_night(system, [])
    for number in range(3):
        with system.database.write() as unit:
            assert tasks.claim(unit, f"已死 {number}", -1.0) is not None
    Worker(system, once=True)._work(None)
    assert "3 workers died" in await_night(system, night_id).message


def test_what_a_worker_that_died_behind_the_switch_left_undone_is_done(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish: Perform = phases._DOING["finish"]
    done = []

    def twice(at: At, task: tasks.Task) -> object:
        done.append(finish(at, task))
        return finish(at, task)

    monkeypatch.setitem(phases._DOING, "finish", twice)
    receipt = queued(system)
    assert receipt.message == ""
    assert done[0].generation == receipt.generation != ""  # type: ignore[attr-defined]
    assert system.engine.health().documents == receipt.union_records == receipt.indexed > 0


def test_a_cancelled_night_stops_its_worker_at_the_next_transaction(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster: Perform = phases._DOING["cluster"]
    raised = []

    def cancelled(at: At, task: tasks.Task) -> object:
        assert cancel_night(system) is not None
        try:
            return cluster(at, task)
        except LeaseLost as error:
            raised.append(error)
            raise

    monkeypatch.setitem(phases._DOING, "cluster", cancelled)
    receipt = queued(system)
    assert len(raised) == 1
    assert receipt.message.startswith("It was cancelled by process")
    assert system.engine.live() is None


def test_the_status_tells_phases_owners_and_troubles(system: System) -> None:
    night_id = queue_night(system, active_sources(system))
    with system.database.write() as unit:
        first = tasks.claim(unit, "process 1 on 甲", 60)
        second = tasks.claim(unit, "process 2 on 乙", 60)
        assert first is not None
        assert second is not None
        tasks.give_back(unit, second.id, "process 2 on 乙", error="稍后再试")
        status = night_status(unit, tasks.get_night(unit, night_id))
    assert (status.state, status.phase, status.tasks) == ("open", "harvest", {"harvest": {"running": 1, "waiting": 1}})
    assert [(task.owner, task.phase) for task in status.running] == [("process 1 on 甲", "harvest")]
    assert status.troubles == (f"harvest {second.id}, waiting: 稍后再试",)


def test_the_scheduler_hands_its_night_to_the_workers(system: System) -> None:
    settings = msgspec.structs.replace(system.settings, queue=True)
    scheduling = System(settings)
    assert night_once(scheduling) == "queued"
    assert night_once(scheduling) == "failed"  # the one before is still open
    Worker(system, once=True)._work(None)
    with system.database.read() as unit:
        [night] = tasks.last_nights(unit)
    assert unpacked(night.receipt, Receipt).state == night.state == "complete"
    scheduling.close()


HANGING = """
import time
from tongcang import phases, work
work.STOP_SECONDS = 0.5
phases._DOING["cluster"] = lambda at, task: time.sleep(600)
from tongcang.cli import main
main()
"""


def environment(system: System) -> dict[str, str]:
    settings = system.settings
    return os.environ | {"TONGCANG_DATA": settings.data, "TONGCANG_DATABASE": settings.database}


def test_a_worker_that_hangs_ends_when_told_and_gives_its_task_back(system: System) -> None:
    night_id = queue_night(system, [])
    with subprocess.Popen([sys.executable, "-c", HANGING, "work"], env=environment(system)) as process:
        try:
            deadline = time.monotonic() + 60
            while not any(task.phase == "cluster" and task.state == "running" for task in all_tasks(system)):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.terminate()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
    assert [(task.state, task.lost) for task in all_tasks(system)] == [("waiting", 0)]
    Worker(system, once=True)._work(None)
    assert await_night(system, night_id).message == ""


def test_the_commands_of_the_queue(stock: dict[str, Path], tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path / "data")))
    register(system, stock)
    system.close()

    def tongcang(*words: str) -> str:
        command = [sys.executable, "-m", "tongcang.cli", *words]
        done = subprocess.run(command, env=environment(system), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    tongcang("night", "--queue", "--no-wait")
    tongcang("work", "--once")
    tongcang("harvest", "BNU", "--queue", "--no-wait")
    cancelled, done = msgspec.json.decode(tongcang("nights", "--cancel", "--json"))
    assert (done["state"], done["message"], done["tasks"]["finish"]) == ("complete", "", {"done": 1})
    assert (cancelled["state"], cancelled["tasks"]) == ("failed", {"harvest": {"failed": 1}})
