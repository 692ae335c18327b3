"""Whoever stops waiting for a queued night is told that it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mappings.model import Library
from store import libraries, tasks
from store.libraries import SourceConfig
from tongcang.cli import app
from tongcang.settings import Settings
from tongcang.system import System


def test_ctrl_c_ends_the_waiting_and_not_the_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(Settings(data=str(tmp_path)))
    with system.database.write() as unit:
        libraries.put_library(unit, Library("RUC", "中国人民大学图书馆", "RUC"))
        libraries.put_source(unit, "RUC/files", "RUC", "marc_files", SourceConfig(path=str(tmp_path)))

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tongcang.commands.harvest.await_night", stopped)
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "night", "--queue"])
    assert result.exit_code == 130
    assert "tongcang nights" in result.output
    with system.database.read() as unit:
        night = tasks.open_night(unit)
    system.close()
    assert night is not None
