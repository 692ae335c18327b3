"""`tongcang index`: the work lock is waited for, what the index lacks is told, and the way back has its sentence."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner
from union_shelf import UnionShelf, poisonous

from indexer.build import build_beside, index_changes
from indexer.generations import BUILD
from mappings.model import union_id
from store.leases import take_lease
from tongcang.cli import app
from tongcang.rebuilding import index_status, rebuild_index
from tongcang.settings import Settings
from tongcang.system import BusyError, System

POISON = 7


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """Thirty union records, of which the index refuses one."""
    system = System(Settings(data=str(tmp_path), heap_mb=30, workers=1))
    shelf = UnionShelf(system.database)
    shelf.put(range(1, 31))
    shelf.put_records([poisonous(POISON)])
    index_changes(system.database, system.engine)
    yield system
    system.close()


def test_the_status_tells_what_the_index_lacks(system: System) -> None:
    found = index_status(system)
    assert (found.stored, found.health.documents, found.refused_in_all, found.behind) == (30, 29, 1, 0)
    assert [each.key for each in found.refused] == [POISON] and "毒毒" in found.refused[0].reason
    assert (found.ok, found.previous, found.building) == (True, "", "")
    UnionShelf(system.database).put([1, 2], edition=2)
    with system.database.write() as unit:
        take_lease(unit, BUILD, "process 7 on 北图", 60)
    found = index_status(system)
    assert (found.ok, found.behind, found.building) == (False, 2, "process 7 on 北图")


def test_a_rebuild_waits_for_the_night_and_says_so(system: System) -> None:
    said: list[str] = []
    before = system.engine.live()
    locked, done = threading.Event(), threading.Event()

    def night() -> None:
        with System(system.settings).work_lock():
            locked.set()
            done.wait(30)

    thread = threading.Thread(target=night)
    thread.start()
    assert locked.wait(30)

    def hear(text: str) -> None:
        said.append(text)
        assert system.engine.live() == before
        done.set()

    counts = rebuild_index(system, None, patience=60, say=hear)
    thread.join()
    assert len(said) == 1 and "ready and follows the changes" in said[0] and "Another process" in said[0]
    assert system.engine.live() == counts.rebuilt != before


def test_a_rebuild_that_waited_in_vain_gives_up_and_leaves_nothing(system: System) -> None:
    before = system.engine.generations()
    began = time.monotonic()
    with System(system.settings).work_lock(), pytest.raises(BusyError, match="within 0 minutes, and was given up"):
        rebuild_index(system, None, patience=0.5)
    assert time.monotonic() - began < 30
    assert system.engine.generations() == before
    assert index_status(system).building == ""
    assert rebuild_index(system, None, patience=0).rebuilt


def run(system: System, *words: str, code: int) -> str:
    environment = {"TONGCANG_DATA": system.settings.data, "TONGCANG_WORKERS": "1", "TONGCANG_HEAP_MB": "30"}
    result = CliRunner().invoke(app, ["index", *words], env=environment)
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_the_commands_go_there_and_back(system: System) -> None:
    system.engine.close()
    first = system.engine.live()
    # 3: complete, but for what the index refuses
    assert f"first {union_id(POISON)}: A value of subject_kw" in run(system, "rebuild", code=3)
    second = system.engine.live()
    assert first != second
    told = json.loads(run(system, "status", "--json", code=0))
    assert (told["ok"], told["status"]["previous"]) == (True, first)
    assert f"refused {union_id(POISON)}" in run(system, "status", code=0)
    assert f"generation {first}" in run(system, "rollback", code=0)
    UnionShelf(system.database).put([POISON], edition=2)
    assert "1 union records written" in run(system, "rollback", code=0)
    assert system.engine.live() == second
    assert index_status(system).refused_in_all == 0


def test_a_rollback_while_a_night_is_at_work_is_refused(system: System) -> None:
    build_beside(system.database, system.engine, lambda _: System(system.settings).work_lock())
    live = system.engine.live()
    with System(system.settings).work_lock():
        result = CliRunner().invoke(app, ["--data", system.settings.data, "index", "rollback"])
    assert isinstance(result.exception, BusyError)
    assert system.engine.live() == live
