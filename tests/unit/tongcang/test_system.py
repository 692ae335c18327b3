"""The parts put together: what is opened is closed."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from store.database import StoreError
from tongcang.settings import Settings
from tongcang.system import System


def test_a_state_that_cannot_be_used_is_not_left_open(tmp_path: Path) -> None:
    system = System(Settings(data=str(tmp_path)))
    with system.database.write() as unit:
        unit.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    system.close()
    newer = System(system.settings)
    with pytest.raises(StoreError, match="another version"):
        _ = newer.database
    assert not [file.path for file in psutil.Process().open_files() if file.path.startswith(str(tmp_path))]
