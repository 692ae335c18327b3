"""Three nodes of Elasticsearch, PostgreSQL and workers, each killed in turn while an index is being built.

No acknowledged record is lost, searches go on, and the final state is that of an undisturbed run on one machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from servers.elastic import Cluster
from servers.postgres import Postgres

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.protocol import All, EngineError, Facet, Plan
from indexer.state import state_hash
from indexer.text.planner import plan_words
from mappings.model import Library
from store import libraries, tasks, unions
from store.libraries import SourceConfig
from tongcang.night import active_sources, run_night
from tongcang.sample.generate import generate
from tongcang.settings import Settings
from tongcang.system import System

SYMBOLS = ("RUC", "BNU", "CLCN", "THU")
RECORDS = 700
PREFIX = "killed"
LONGEST_PAUSE = 15.0
"""Seconds without an answer that a reader may meet when a node is killed: one time-out, and the retry elsewhere."""
SEED = int(os.environ.get("TONGCANG_FAULT_SEED", "20261123"))


class Searching:
    """A reader who searches twenty times a second, and notes every answer."""

    def __init__(self, engine: ElasticEngine, expected: int) -> None:
        self.engine = engine
        self.expected = expected
        self.answers = 0
        self.errors: list[str] = []
        self.wrong: list[int] = []
        self.longest_pause = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._search)

    def __enter__(self) -> Searching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _search(self) -> None:
        answered = time.monotonic()
        while not self._stop.wait(0.05):
            try:
                total = self.engine.search(Plan(All(), facets=(Facet("lib"),), size=5)).total
                self.engine.search(Plan(plan_words("红楼梦")))
            except EngineError as error:
                self.errors.append(str(error))
            else:
                self.answers += 1
                self.longest_pause = max(self.longest_pause, time.monotonic() - answered)
                answered = time.monotonic()
                if total != self.expected:
                    self.wrong.append(total)
        self.longest_pause = max(self.longest_pause, time.monotonic() - answered)


class Site:
    """The commands of one installation, each in a process of its own."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        told = {name: getattr(settings, name) for name in settings.__struct_fields__}
        told |= {"lease_seconds": 4, "queue": True}
        self.environment = os.environ | {f"TONGCANG_{name.upper()}": str(value) for name, value in told.items()}
        self.log = (folder / "site.log").open("a")
        self.begun: list[subprocess.Popen[bytes]] = []

    def close(self) -> None:
        for process in self.begun:
            process.kill()
            process.wait()
        self.log.close()

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tongcang.cli", *words]
        process = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)
        self.begun.append(process)
        return process

    def run(self, *words: str, good: tuple[int, ...] = (0,)) -> None:
        code = self.begin(*words).wait(timeout=180)
        assert code in good, f"{words} ended with {code}:\n{Path(self.log.name).read_text(encoding='utf-8')[-3000:]}"


def deliver(folder: Path, day: int) -> None:
    """What the libraries bring on that day; on day 1, a fifth of what they have is described otherwise."""
    for place, symbol in enumerate(SYMBOLS):
        drop = folder / "drop" / symbol
        drop.mkdir(parents=True, exist_ok=True)
        made = folder / f"{symbol}.mrc"
        generate(RECORDS if day == 0 else RECORDS // 5, made, seed=place // 2 + 10 * day)
        shutil.move(made, drop / f"delivery-{day}.mrc")


def register(system: System, folder: Path) -> None:
    with system.database.write() as unit:
        for symbol in SYMBOLS:
            libraries.put_library(unit, Library(symbol, f"{symbol} 图书馆", symbol))
            config = SourceConfig(path=str(folder / "drop" / symbol))
            libraries.put_source(unit, f"{symbol}/files", symbol, "marc_files", config)


def undisturbed(folder: Path) -> str:
    """Both days on one machine: the hash of the final state."""
    system = System(Settings(data=str(folder / "one"), workers=1))
    register(system, folder)
    for day in (0, 1):
        deliver(folder, day)
        assert run_night(system, active_sources(system)).state == "complete"
    value = state_hash(system.database, system.engine)
    system.close()
    shutil.rmtree(folder / "drop")
    return value


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_part_is_killed_in_turn_and_nothing_is_lost(
    tmp_path: Path, elastic_cluster: Cluster, postgres_server: Postgres
) -> None:
    dice = Random(SEED)
    expected = undisturbed(tmp_path)
    deliver(tmp_path, 0)
    urls = tuple(elastic_cluster.urls)
    settings = Settings(
        data=str(tmp_path / "data"),
        database=postgres_server.url,
        elastic_urls=" ".join(urls),
        elastic_prefix=PREFIX,
        elastic_shards=3,
        workers=1,
    )
    with (
        closing(System(settings)) as system,
        closing(ElasticEngine(ElasticSettings(urls, prefix=PREFIX))) as readers,
        closing(Site(tmp_path, settings)) as site,
    ):
        workers = [site.begin("work"), site.begin("work")]
        register(system, tmp_path)
        site.run("night", "--queue")
        elastic_cluster.wait_status("green")
        with system.database.read() as unit:
            stored = unions.count_unions(unit)
        with Searching(readers, stored) as reader:
            whole = {0, 1, 2}
            while whole:
                whole.remove(kill_a_node(elastic_cluster, site, dice, whole))
            kill_a_builder(site, dice)
            rebuild_after_a_death(site)
            kill_the_database(site, postgres_server, dice)
            rebuild_after_a_death(site)
        assert not reader.wrong, f"seed {SEED}: {reader.wrong[:5]} instead of {stored}"
        assert reader.answers > 200
        assert reader.longest_pause < LONGEST_PAUSE, f"seed {SEED}: {reader.longest_pause:.1f} s, {reader.errors[:3]}"
        deliver(tmp_path, 1)
        kill_workers_in_a_night(system, site, workers, postgres_server, dice)
        assert state_hash(system.database, system.engine) == expected, f"seed {SEED}"


def kill_workers_in_a_night(
    system: System, site: Site, workers: list[subprocess.Popen[bytes]], server: Postgres, dice: Random
) -> None:
    """And the database too."""
    with system.database.read() as unit:
        [last] = tasks.last_nights(unit, 1)
    night = site.begin("night", "--queue")
    await_night(system, last.id, {"open", "complete"})
    for place in (0, 1, 0):
        time.sleep(dice.uniform(0, 0.6))
        workers[place].kill()
        workers[place].wait()
        workers[place] = site.begin("work")
    time.sleep(dice.uniform(0, 2))
    server.kill()
    server.start()
    # The command that waited for the night may have ended when the database went; the workers go on.
    assert night.wait(timeout=180) in (0, 1), f"seed {SEED}"
    await_night(system, last.id, {"complete"})


def await_night(system: System, after: int, states: set[str]) -> None:
    """The night behind that one is in one of the states."""
    deadline = time.monotonic() + 180
    while True:
        with system.database.read() as unit:
            night = tasks.last_nights(unit, 1)[0]
        if night.id > after and night.state in states:
            return
        assert night.id == after or night.state == "open", night
        assert time.monotonic() < deadline, night
        time.sleep(0.1)


def kill_a_node(cluster: Cluster, site: Site, dice: Random, among: set[int]) -> int:
    """One of those, the master if it is among them, in the middle of a build. It comes back after some seconds.

    A generation that is being built has no replicas yet: the build waits for the node, and ends well all the same.
    """
    building = site.begin("index", "rebuild")
    time.sleep(dice.uniform(1.5, 4))
    master = cluster.master()
    place = master if master in among else min(among)
    cluster.kill(place)
    time.sleep(dice.uniform(2, 5))
    cluster.start(place)
    code = building.wait(timeout=180)
    assert code == 0, f"seed {SEED}: the build ended with {code}: {Path(site.log.name).read_text()[-2000:]}"
    cluster.wait_status("green")
    return place


def kill_a_builder(site: Site, dice: Random) -> None:
    building = site.begin("index", "rebuild")
    time.sleep(dice.uniform(1.5, 4))
    building.kill()
    building.wait()


def rebuild_after_a_death(site: Site) -> None:
    """Nobody can tell at once that a builder has died: its lease runs out, and the next one clears up behind it."""
    deadline = time.monotonic() + 90
    while site.begin("index", "rebuild").wait(timeout=180) != 0:
        assert time.monotonic() < deadline, f"seed {SEED}: {Path(site.log.name).read_text()[-2000:]}"
        time.sleep(2)


def kill_the_database(site: Site, server: Postgres, dice: Random) -> None:
    building = site.begin("index", "rebuild")
    time.sleep(dice.uniform(1.5, 4))
    server.kill()
    server.start()
    building.wait(timeout=180)
