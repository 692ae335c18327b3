"""`tongcang doctor`: what it finds in a healthy system, and in ones that ail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text, update

from indexer.engine.protocol import Finding
from mappings.model import Library
from store import libraries, tasks
from store.database import Database
from store.leases import lease, take_lease
from store.libraries import SourceConfig
from tongcang.commands.doctor import examine
from tongcang.night import active_sources, run_night
from tongcang.sample.generate import generate
from tongcang.settings import Settings
from tongcang.system import System


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """One library, harvested and indexed."""
    (tmp_path / "交来").mkdir()
    generate(60, tmp_path / "交来" / "stock.mrc")
    opened = System(Settings(data=str(tmp_path / "data"), workers=1))
    with opened.database.write() as unit:
        libraries.put_library(unit, Library("RUC", "中国人民大学图书馆", "Renmin"))
        libraries.put_source(unit, "RUC/files", "RUC", "marc_files", SourceConfig(path=str(tmp_path / "交来")))
    run_night(opened, active_sources(opened))
    opened.engine.release()
    yield opened
    opened.close()


def found(system: System) -> dict[str, Finding]:
    findings = examine(system)
    assert len({finding.what for finding in findings}) == len(findings)
    return {finding.what: finding for finding in findings}


def test_a_healthy_system(system: System) -> None:
    of = found(system)
    assert {what: finding.message for what, finding in of.items() if finding.state != "ok"} == {}
    assert {
        "Tongcang",
        "data folder",
        "state database",
        "SQLite",
        "clock",
        "index",
        "room for a rebuild",
        "RUC/files",
    } == {*of}


def test_an_index_that_is_behind(system: System) -> None:
    with system.database.write() as unit:
        unit.execute(text("DELETE FROM union_record WHERE key = (SELECT min(key) FROM union_record)"))
    told = found(system)["index"]
    assert told.state == "warning"
    assert "index update" in told.message


def test_a_delivery_that_is_not_there(system: System, tmp_path: Path) -> None:
    (tmp_path / "交来").rename(tmp_path / "别处")
    assert found(system)["RUC/files"].state == "warning"


def test_leases_of_the_dead(system: System) -> None:
    with system.database.write() as unit:
        take_lease(unit, "index build", "host-3:77", 30.0)
        unit.execute(update(lease).values(until=lease.c.until - 86400 * 3))
    told = found(system)["lease 'index build'"]
    assert told.state == "warning"
    assert "host-3:77" in told.message and "3 days" in told.message


def test_a_night_that_failed_and_why(system: System) -> None:
    with system.database.write() as unit:
        night_id = tasks.begin_night(unit, "{}", "cluster", ["{}"])
        assert isinstance(night_id, int)
        claimed = tasks.claim(unit, "host-3:77", 60.0)
        assert claimed is not None
        tasks.fail(unit, claimed.id, "host-3:77", "磁盘已满 disk full")
        tasks.end_night(unit, tasks.get_night(unit, night_id), "failed", "{}", "A task failed.")
    of = found(system)
    assert of[f"night {night_id}"].state == "failed"
    assert "tongcang night" in of[f"night {night_id}"].message
    assert "磁盘已满" in of[f"task {claimed.id} (cluster)"].message


def test_tasks_that_nobody_does(system: System) -> None:
    with system.database.write() as unit:
        tasks.begin_night(unit, "{}", "harvest", ["{}"])
        unit.execute(update(tasks.night).values(phase_begun=tasks.night.c.phase_begun - 600))
    told = found(system)["workers"]
    assert told.state == "warning"
    assert "10 minutes" in told.message and "tongcang work" in told.message


def test_a_clock_that_is_off(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    from tongcang.commands import doctor_store

    real = doctor_store.clock
    monkeypatch.setattr(doctor_store, "clock", lambda unit: real(unit) - 3600)
    told = found(system)["clock"]
    assert told.state == "warning"
    assert "3600 s behind" in told.message


def test_a_schema_of_another_version(system: System) -> None:
    def is_at(revision: str) -> None:
        with system.database.write() as unit:
            unit.execute(text("UPDATE alembic_version SET version_num = :to").bindparams(to=revision))

    is_at("0001")
    older = found(system)["state database"]
    assert older.state == "warning"
    assert "store migrate" in older.message
    with system.database.read() as unit:
        assert unit.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001", "doctor only looks"
    is_at("9999")
    assert found(system)["state database"].state == "failed"


def test_nothing_there_yet(tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path / "data")))
    told = found(system)["state database"]
    assert told.state == "warning"
    assert "library add" in told.message
    assert not (tmp_path / "data").exists(), "doctor makes nothing"


def test_a_database_that_is_away(tmp_path: Path) -> None:
    url = "postgresql://tongcang:hunter2hunter2@127.0.0.1:9/tongcang"
    told = found(System(Settings(data=str(tmp_path), database=url)))["state database"]
    assert told.state == "failed"
    assert "127.0.0.1:9" in told.message and "hunter2" not in told.message


def test_postgresql(postgres_url: str, tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path), database=postgres_url, workers=1))
    assert found(system)["state database"].state == "warning"
    system.database.migrate()
    of = found(system)
    assert of["state database"].state == "ok"
    assert of["PostgreSQL"].state == "ok"
    assert int(of["PostgreSQL"].message.partition(".")[0]) >= 15
    assert of["connections"].message.endswith("in use")
    assert of["clock"].state == "ok"
    system.close()


def test_a_latin_database_and_a_password_that_everybody_tries(postgres_url: str, tmp_path: Path) -> None:
    first = Database(postgres_url)
    name = f"{first.url.database}_latin"
    with first.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE \"{name}\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))

    def of(database: str, password: str = "postgres") -> dict[str, Finding]:
        url = first.url.set(database=database, password=password).render_as_string(hide_password=False)
        return found(System(Settings(data=str(tmp_path), database=url)))

    try:
        latin = of(name)["state database"]
        assert latin.state == "failed"
        assert "UTF8" in latin.message
        first.migrate()
        assert of(str(first.url.database))["password"].state == "warning"
        assert of(str(first.url.database), "abc")["password"].state == "warning", "too short to be hidden in a log"
        assert "password" not in of(str(first.url.database), "b7Zq-91xL")
    finally:
        with first.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f'DROP DATABASE "{name}"'))
        first.close()


def test_elasticsearch(elastic_url: str, tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path), elastic_urls=elastic_url, elastic_prefix="doctor")
    system = System(settings)
    of = found(system)
    assert of["Elasticsearch"].state == "ok"
    assert of["Elasticsearch"].message.startswith("9.")
    assert of["cluster"].state == "ok"
    assert any(what.startswith("disk of ") for what in of)
    assert not any(what.startswith("clock of ") for what in of), "it is this machine's"
    system.close()


def test_exit_codes_and_json(tmp_path: Path) -> None:
    def doctor(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tongcang.cli", "doctor", "--json"],
            cwd=tmp_path,
            env=os.environ | {"TONGCANG_DATA": "data"} | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    done = doctor()
    assert done.returncode == 0, done.stderr
    assert {finding["state"] for finding in json.loads(done.stdout)} == {"ok", "warning"}
    (tmp_path / "file").write_text("no folder")
    done = doctor(TONGCANG_DATABASE="sqlite:///file")
    assert done.returncode == 1
    assert "failed" in {finding["state"] for finding in json.loads(done.stdout)}
