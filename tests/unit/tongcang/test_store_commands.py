"""`tongcang store backup|restore|copy` as an operator runs them."""

from __future__ import annotations

import json
import os
from pathlib import Path

from typer.testing import CliRunner

from mappings.model import Library
from store import libraries
from store.database import StoreError
from tongcang.commands import store
from tongcang.settings import Settings
from tongcang.system import System
from tongcang.work_lock import BusyError, file_lock


def tongcang(
    folder: Path, *words: str, database: str = "", refusal: type[Exception] | None = None, said: bool = False
) -> str:
    """Its data; what it said beside them where that is asked for; under `refusal` the sentence that refused it."""
    system = System(Settings(data=str(folder / "data"), database=database))
    done = CliRunner().invoke(store.app, words, obj=system)
    system.close()
    if refusal is not None:
        assert type(done.exception) is refusal
        return str(done.exception)
    assert done.exit_code == 0, done.exception
    return done.stderr if said else done.stdout


def add_library(folder: Path, symbol: str) -> None:
    system = System(Settings(data=str(folder / "data")))
    with system.database.write() as unit:
        libraries.put_library(unit, Library(symbol, "某图书馆", "A library"))
    system.close()


def symbols(folder: Path) -> list[str]:
    system = System(Settings(data=str(folder / "data")))
    with system.database.read() as unit:
        found = [library.symbol for library in libraries.all_libraries(unit)]
    system.close()
    return found


def test_a_backup_is_taken_and_brought_back_but_not_beside_a_night(tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    add_library(tmp_path, "CLCN")
    assert f"{copy}: " in tongcang(tmp_path, "backup", copy)
    assert "is there already" in tongcang(tmp_path, "backup", copy, refusal=StoreError)
    add_library(tmp_path, "RUC")
    with file_lock(tmp_path / "data"):
        assert str(os.getpid()) in tongcang(tmp_path, "restore", copy, refusal=BusyError)
        tongcang(tmp_path, "backup", str(tmp_path / "beside.db"))
    assert symbols(tmp_path) == ["CLCN", "RUC"]
    tongcang(tmp_path, "restore", copy)
    assert symbols(tmp_path) == ["CLCN"]
    assert (tmp_path / "data" / "state.db.before-restore-1").exists()


def test_a_state_is_copied_to_postgresql_and_back(tmp_path: Path, postgres_url: str) -> None:
    add_library(tmp_path, "CLCN")
    open_url = postgres_url.replace("postgres@", "postgres:geheim@")
    refused = tongcang(tmp_path, "copy", open_url, refusal=StoreError)
    assert "Leave the password out" in refused
    assert "geheim" not in refused
    told = json.loads(tongcang(tmp_path, "copy", postgres_url, "--json"))
    assert told["rows"]["library"] == 1
    assert told["hash"] == json.loads(tongcang(tmp_path, "hash", "--json"))["hash"]
    assert "is not empty" in tongcang(tmp_path, "copy", postgres_url, refusal=StoreError)
    back = tmp_path / "back" / "data" / "state.db"
    third = f"sqlite:///{tmp_path / 'third.db'}"
    assert f"set TONGCANG_DATABASE={third} on every machine" in tongcang(tmp_path, "copy", third, said=True)
    assert json.loads(tongcang(tmp_path, "copy", f"sqlite:///{back}", "--json", database=open_url)) == told
    assert symbols(tmp_path / "back") == ["CLCN"]
    for command, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
        said = tongcang(tmp_path, command, "state.dump", database=open_url, refusal=StoreError)
        assert f"Run: {tool} " in said
        assert "geheim" not in said
