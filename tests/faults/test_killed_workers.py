"""Workers on one PostgreSQL database, killed, paused and stopped at any moment: the state is that of one process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import uuid4

import msgspec
import pytest

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from indexer.state import state_hash
from store import harvests, libraries, tasks
from store.progress import sequence
from tongcang.commands.demo import _register as register
from tongcang.commands.demo import provider
from tongcang.night import Receipt, active_sources, run_night
from tongcang.phases import unpacked
from tongcang.queue import queue_night
from tongcang.sample.consortium import build
from tongcang.settings import Settings
from tongcang.system import System

PUBLICATIONS = 120
WORKERS = 4
KILLS = (("harvest", 2), ("normalise", 2), ("cluster", 1), ("union", 2), ("plan", 1), ("index", 1), ("finish", 1))
"""How often whoever has a task of the phase is killed, in the first night; in the second once in some of the phases."""

SEED = int(os.environ.get("TONGCANG_FAULT_SEED", "20261123"))

SMALL_TASKS = """
from tongcang import phases
phases.SPANS.update(normalise=90, union=60, index=70)
from tongcang.cli import main
main()
"""


class World:
    """The sample libraries as they are on a day, and what one undisturbed process makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sample = folder / "sample"
        self.consortium = build(self.sample, publications=PUBLICATIONS)
        self.undisturbed = self.system("undisturbed", "")

    def system(self, name: str, database: str, lease_seconds: int = 60, **index: object) -> System:
        data = self.folder / name
        data.mkdir()
        (data / "sample").symlink_to(self.sample)
        settings = Settings(data=str(data), database=database, workers=1, lease_seconds=lease_seconds)
        return System(msgspec.structs.replace(settings, **index))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.undisturbed.close()


@contextmanager
def shared(world: World, postgres_url: str, lease_seconds: int, **index: object) -> Iterator[System]:
    """What the workers share."""
    system = world.system("workers", postgres_url, lease_seconds, **index)
    yield system
    system.close()


@pytest.fixture(params=["embedded", "elasticsearch"])
def index(request: pytest.FixtureRequest) -> Iterator[dict[str, object]]:
    """Settings of an engine that the workers share."""
    if request.param == "embedded":
        yield {}
        return
    url, prefix = request.getfixturevalue("elastic_url"), f"workers-{uuid4().hex[:12]}"
    yield {"elastic_urls": url, "elastic_prefix": prefix, "elastic_replicas": 0}
    engine = ElasticEngine(ElasticSettings((url,), prefix=prefix))
    engine.remove_everything()
    engine.close()


class Crew:
    """Worker processes, and how they are treated."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.log = system.settings.folder / "workers.log"
        self.alive: list[subprocess.Popen[bytes]] = []

    def hire(self) -> subprocess.Popen[bytes]:
        settings = self.system.settings
        environment = os.environ | {
            "TONGCANG_DATA": settings.data,
            "TONGCANG_DATABASE": settings.database,
            "TONGCANG_LEASE_SECONDS": str(settings.lease_seconds),
            "TONGCANG_LOG_FORMAT": "json",
            "TONGCANG_ELASTIC_URLS": settings.elastic_urls,
            "TONGCANG_ELASTIC_PREFIX": settings.elastic_prefix,
            "TONGCANG_ELASTIC_REPLICAS": str(settings.elastic_replicas),
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", SMALL_TASKS, "work"], env=environment, stdout=log, stderr=log
            )
        self.alive.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.alive.remove(process)

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """As an operator does; the exit code."""
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
        self.alive.remove(process)
        return code

    def busy(self, phase: str = "") -> list[subprocess.Popen[bytes]]:
        """Those that have a task (of the phase)."""
        with self.system.database.read() as unit:
            night = tasks.open_night(unit)
            its = tasks.tasks_of(unit, night.id) if night else []
        owners = [task.owner for task in its if task.state == "running" and phase in ("", task.phase)]
        return [process for process in self.alive if any(f"process {process.pid} on" in owner for owner in owners)]

    def said(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == event]


@contextmanager
def crew_of(system: System) -> Iterator[Crew]:
    crew = Crew(system)
    try:
        yield crew
    finally:
        for process in crew.alive[:]:
            crew.kill(process)


@contextmanager
def open_libraries(world: World, *systems: System) -> Iterator[None]:
    with provider(world.sample, 0) as address:
        for system in systems:
            register(system, world.consortium, address)
        yield


def until(happened: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def ended(system: System, night_id: int) -> bool:
    with system.database.read() as unit:
        return tasks.get_night(unit, night_id).state != "open"


def receipt(system: System, night_id: int) -> Receipt:
    with system.database.read() as unit:
        return unpacked(tasks.get_night(unit, night_id).receipt, Receipt)


def told(receipt: Receipt) -> list[tuple[object, ...]]:
    """What is the same, however often its workers died."""
    return [(s.slug, s.state, s.promised, s.counts, s.rejected_by_code) for s in receipt.sources]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_four_workers_killed_in_every_phase_make_what_one_undisturbed_process_makes(
    world: World, postgres_url: str, index: dict[str, object]
) -> None:
    chance = Random(SEED)
    with shared(world, postgres_url, 1, **index) as system, crew_of(system) as crew:
        for _ in range(WORKERS):
            crew.hire()
        for day in (0, 1):
            if day:
                world.consortium = build(world.sample, publications=PUBLICATIONS, day=day)
            with open_libraries(world, world.undisturbed, system):
                alone = run_night(world.undisturbed, active_sources(world.undisturbed))
                night_id = queue_night(system, active_sources(system))
                kills = dict(KILLS) if not day else dict.fromkeys(chance.sample([phase for phase, _ in KILLS], 3), 1)
                killed = kill_some(crew, night_id, dict(kills), chance)
                until(lambda night_id=night_id: ended(system, night_id))
            together = receipt(system, night_id)
            assert together.message == "", f"seed {SEED}"
            assert told(together) == told(alone), f"seed {SEED}"
            assert together.union_records == alone.union_records
            expected = state_hash(world.undisturbed.database, world.undisturbed.engine)
            assert state_hash(system.database, system.engine) == expected, f"seed {SEED}, day {day}"
            assert killed.keys() & kills.keys(), "the night was over before anybody was killed"
            assert day or len(killed) > 4, f"nobody was killed but in {killed}"


def kill_some(crew: Crew, night_id: int, kills: dict[str, int], chance: Random) -> dict[str, int]:
    """Kill so many that have a task of each phase, at a random moment, until the night has ended; how many it were."""
    killed: dict[str, int] = {}
    while any(kills.values()) and not ended(crew.system, night_id):
        for phase in [phase for phase, left in kills.items() if left]:
            if crew.busy(phase):
                time.sleep(chance.uniform(0.0, 0.3 if phase == "harvest" else 0.05))
            if victims := crew.busy(phase):
                crew.kill(chance.choice(victims))
                crew.hire()
                kills[phase] -= 1
                killed[phase] = killed.get(phase, 0) + 1
    return killed


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_worker_paused_beyond_its_lease_writes_nothing_when_it_goes_on(world: World, postgres_url: str) -> None:
    with (
        shared(world, postgres_url, 2) as system,
        open_libraries(world, world.undisturbed, system),
        crew_of(system) as crew,
    ):
        run_night(world.undisturbed, active_sources(world.undisturbed))
        paused = crew.hire()
        night_id = queue_night(system, active_sources(system))
        until(lambda: crew.busy() == [paused])
        paused.send_signal(signal.SIGSTOP)
        crew.hire()
        until(lambda: ended(system, night_id))
        before = rows(system)
        paused.send_signal(signal.SIGCONT)
        until(lambda: bool(crew.said("lease_lost")))
        time.sleep(0.5)
        assert rows(system) == before
        assert receipt(system, night_id).message == ""
        expected = state_hash(world.undisturbed.database, world.undisturbed.engine)
        assert state_hash(system.database, system.engine) == expected
        assert paused.poll() is None, "it waits for the next task"
        assert [crew.stop(process) for process in crew.alive[:]] == [0, 0]


def rows(system: System) -> object:
    """All that a late writer would change."""
    with system.database.read() as unit:
        runs = [harvests.last_runs(unit, source.id) for source in libraries.all_sources(unit)]
        numbers = sorted(tuple(row) for row in unit.execute(sequence.select()))
        night = tasks.last_nights(unit, 1)[0]
        return runs, numbers, night, [(task.id, task.state, task.owner) for task in tasks.tasks_of(unit, night.id)]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_worker_that_is_stopped_gives_its_task_back_at_once(world: World, postgres_url: str) -> None:
    """The lease is longer than the test: a task that were not given back would keep the night from ending."""
    stopped = 0
    with (
        shared(world, postgres_url, 600) as system,
        open_libraries(world, world.undisturbed, system),
        crew_of(system) as crew,
    ):
        run_night(world.undisturbed, active_sources(world.undisturbed))
        for _ in range(2):
            crew.hire()
        night_id = queue_night(system, active_sources(system))
        while stopped < 5 and not ended(system, night_id):
            for process in crew.busy():
                assert crew.stop(process) == 0
                assert process not in crew.busy()
                stopped += 1
                crew.hire()
        until(lambda: ended(system, night_id))
        assert stopped
        assert receipt(system, night_id).message == ""
        expected = state_hash(world.undisturbed.database, world.undisturbed.engine)
        assert state_hash(system.database, system.engine) == expected
