"""The parts put together: what is opened is closed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from request_desk import Desk

from store.accounts import NewAccount, add_account
from store.audit import COMMAND
from store.backup import back_up, restore
from store.database import StoreError
from store.erasures import erase_person
from store.requests import get_request, person_of
from tongcang.settings import Settings
from tongcang.system import System

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_a_state_that_cannot_be_used_is_not_left_open(tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path)))
    with system.database.write() as unit:
        unit.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    system.close()
    newer = System(system.settings)
    with pytest.raises(StoreError, match="another version"):
        _ = newer.database
    assert not [file.path for file in psutil.Process().open_files() if file.path.startswith(str(tmp_path))]


def test_what_an_erased_reader_had_open_is_withdrawn_when_an_older_backup_comes_back(tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path / "data")))
    desk = Desk(system.database)
    with system.database.write() as unit:
        reader = add_account(unit, NewAccount("wang", ("reader",), "CLCN"), NOW)
    asked = desk.ask(reader=reader.id)
    assert asked.active is not None
    back_up(system.database, tmp_path / "copy.db")
    assert erase_person(system.database, system.settings.folder, reader.id, COMMAND, NOW)
    system.close()
    restore(tmp_path / "copy.db", system.settings.folder / "state.db")
    again = System(system.settings)
    with again.database.read() as unit:
        row = get_request(unit, asked.request_id)
        assert row is not None and row.state == "cancelling"
        assert person_of(unit, asked.request_id) is None
    again.close()
