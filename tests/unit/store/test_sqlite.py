"""What is SQLite's own: its file, its locks and its disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.model import Library
from store import libraries
from store.database import Database, StoreError


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'state.db'}")
    opened.migrate()
    yield opened
    opened.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("首都图书馆" * 500, encoding="utf-8")
    with pytest.raises(StoreError, match="no Tongcang database"):
        Database(f"sqlite:///{tmp_path / 'state.db'}").migrate()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be made"):
        Database(f"sqlite:///{tmp_path / 'file' / 'state.db'}").migrate()


def test_a_full_disk_refuses_the_transaction_and_keeps_what_was_there(sqlite: Database) -> None:
    with sqlite.write() as unit:
        libraries.put_library(unit, Library("THU", "清华大学图书馆", "Tsinghua University Library"))
        pages = unit.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(StoreError, match="disk is full"), sqlite.write() as unit:
        unit.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for number in range(5000):
            libraries.put_library(unit, Library(f"L{number}", "满" * 200, "full"))
    with sqlite.write() as unit:
        unit.exec_driver_sql("PRAGMA max_page_count=1000000")
        assert [library.symbol for library in libraries.all_libraries(unit)] == ["THU"]
