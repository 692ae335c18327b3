"""A backup is one whole state, and what was there before is never lost."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from full_state import fill
from servers.postgres import find_binaries

from indexer.state import store_hash
from mappings.model import Library
from store import libraries
from store.backup import back_up, file_of, postgres_commands, restore
from store.database import Database, StoreBusyError, StoreError
from store.progress import take_numbers


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "资料" / "state.db"


@pytest.fixture
def sqlite(state: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{state}")
    opened.migrate()
    yield opened
    opened.close()


def hash_of(path: Path) -> str:
    opened = Database(f"sqlite:///{path}")
    try:
        return store_hash(opened)
    finally:
        opened.close()


def add_library(database: Database, symbol: str) -> None:
    with database.write() as unit:
        libraries.put_library(unit, Library(symbol, "某图书馆", "A library"))


def symbols(path: Path) -> list[str]:
    opened = Database(f"sqlite:///{path}")
    with opened.read() as unit:
        found = [library.symbol for library in libraries.all_libraries(unit)]
    opened.close()
    return found


def test_a_backup_while_somebody_writes_is_one_state(sqlite: Database, tmp_path: Path) -> None:
    stop = threading.Event()
    written = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with sqlite.write() as unit:
                (number,) = take_numbers(unit, "raw", 1)
                libraries.put_library(unit, Library(f"L{number}", "某" * 2000, "in the same transaction"))
                if number > 60:
                    written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        for turn in range(3):
            copy = tmp_path / f"copy-{turn}.db"
            assert back_up(sqlite, copy) == copy.stat().st_size
            opened = Database(f"sqlite:///{copy}")
            with opened.write() as unit:
                assert take_numbers(unit, "raw", 1)[0] == len(libraries.all_libraries(unit)) + 1 > 50
            opened.close()
    finally:
        stop.set()
        writer.join()


def test_a_restored_state_has_the_hash_that_was_backed_up(sqlite: Database, state: Path, tmp_path: Path) -> None:
    fill(sqlite)
    before = store_hash(sqlite)
    copy = tmp_path / "copy.db"
    back_up(sqlite, copy)
    add_library(sqlite, "THU")
    sqlite.close()
    for number in (1, 2):  # the second over the first
        kept = restore(copy, state)
        assert kept == state.with_name(f"state.db.before-restore-{number}")
        assert hash_of(state) == before
        assert ("THU" in symbols(kept)) == (number == 1)
    assert copy.exists()
    assert [path.name for path in copy.parent.iterdir() if path.is_file()] == ["copy.db"]
    assert oct(copy.stat().st_mode & 0o777) == oct(state.stat().st_mode & 0o777) == "0o600"


def test_a_backup_is_restored_where_nothing_was(sqlite: Database, tmp_path: Path) -> None:
    add_library(sqlite, "CLCN")
    back_up(sqlite, tmp_path / "copy.db")
    new = tmp_path / "another machine" / "state.db"
    assert restore(tmp_path / "copy.db", new) is None
    assert symbols(new) == ["CLCN"]


def test_a_damaged_state_is_put_aside_with_its_wal(sqlite: Database, state: Path, tmp_path: Path) -> None:
    add_library(sqlite, "CLCN")
    back_up(sqlite, tmp_path / "copy.db")
    sqlite.close()
    state.write_bytes(b"\xe9\xa6\x86" * 4000)
    state.with_name("state.db-wal").write_bytes(b"old")
    kept = restore(tmp_path / "copy.db", state)
    assert kept is not None
    assert kept.read_bytes() == b"\xe9\xa6\x86" * 4000
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"old"
    assert symbols(state) == ["CLCN"]


def test_nothing_is_overwritten_by_a_backup(sqlite: Database, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("别的")
    with pytest.raises(StoreError, match="is there already"):
        back_up(sqlite, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "别的"


@pytest.mark.parametrize("place", ["no folder/copy.db", "file/copy.db"])
def test_a_place_that_cannot_be_written_is_told(sqlite: Database, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be written"):
        back_up(sqlite, tmp_path / place)


def test_a_state_that_is_open_elsewhere_is_not_replaced(sqlite: Database, state: Path, tmp_path: Path) -> None:
    back_up(sqlite, tmp_path / "copy.db")
    add_library(sqlite, "CLCN")
    with sqlite.read() as unit:
        libraries.all_libraries(unit)
        with pytest.raises(StoreBusyError, match="open in another process"):
            restore(tmp_path / "copy.db", state)
    sqlite.close()
    assert symbols(state) == ["CLCN"]
    assert sorted(path.name for path in state.parent.iterdir()) == ["state.db"]


def test_what_is_no_sound_backup_is_refused_and_the_state_stays(sqlite: Database, state: Path, tmp_path: Path) -> None:
    fill(sqlite)
    before = store_hash(sqlite)
    copy = tmp_path / "copy.db"
    back_up(sqlite, copy)
    sqlite.close()
    whole = copy.read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.db").write_text("不是数据库" * 500)
    (tmp_path / "empty.db").write_bytes(b"")
    shutil.copy(copy, tmp_path / "newer.db")
    newer = Database(f"sqlite:///{tmp_path / 'newer.db'}")
    with newer.write() as unit:
        unit.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    for name, sentence in (
        ("cut.db", "damaged"), ("text.db", "damaged"), ("empty.db", "no state of Tongcang"),
        ("newer.db", "newer version"), ("none.db", "There is no backup"),
    ):  # fmt: skip
        with pytest.raises(StoreError, match=sentence):
            restore(tmp_path / name, state)
    assert hash_of(state) == before
    assert [path.name for path in state.parent.iterdir()] == ["state.db"]


def test_a_state_in_no_file_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="in no file"):
        back_up(Database("sqlite://"), tmp_path / "copy.db")
    with pytest.raises(StoreError, match="in no file"):
        file_of(Database("postgresql://tongcang@db.example.edu.cn/state").url)


def test_the_commands_for_postgresql_have_no_password() -> None:
    url = Database("postgresql+psycopg://u:geheim@db.example.edu.cn:5433/state?sslmode=require&password=geheim").url
    for command in postgres_commands(url, Path("state.dump")):
        assert "geheim" not in " ".join(command)
        assert "--dbname=postgresql://u@db.example.edu.cn:5433/state?sslmode=require" in command


def test_the_commands_for_postgresql_bring_the_state_back(
    migrated_postgres_url: str, postgres_url: str, tmp_path: Path
) -> None:
    first, second = Database(migrated_postgres_url), Database(postgres_url)
    fill(first)
    before = store_hash(first)
    dump = tmp_path / "state.dump"
    command, _ = postgres_commands(first.url, dump)
    run(command)
    add_library(first, "THU")
    for target in (second, first):  # an empty database, and the one that it came from
        _, command = postgres_commands(target.url, dump)
        run(command)
        target.migrate()
        assert store_hash(target) == before
        with target.write() as unit:
            assert "THU" not in [library.symbol for library in libraries.all_libraries(unit)]
            libraries.put_source(unit, "RUC/oai", "RUC", "oai_pmh", libraries.SourceConfig(url="http://x"))
        target.close()


def run(command: list[str]) -> None:
    done = subprocess.run([find_binaries() / command[0], *command[1:]], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
