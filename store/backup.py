"""Backup and restore: of a SQLite state here, of PostgreSQL by its own tools.

A backup is one state, also while a night is writing. It is whole or it is not there: it is written beside, checked,
and then gets its name.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import URL

from store.database import BUSY_SECONDS, Database, StoreBusyError, StoreError, knows_revision

PARTS = ("", "-wal", "-shm")
"""The files of a SQLite database: its own, and those that stand beside it while it is open or after a crash."""


def back_up(database: Database, path: Path) -> int:
    """Write a SQLite state into a file that is not there yet; returns its bytes. Raises StoreError."""
    if path.exists():
        raise StoreError(f"{path} is there already and is not overwritten. Give another name.")
    part = path.with_name(f"{path.name}.part")
    with _told(f"The backup {path} could not be written", part):
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # all that we know is in it
        with closing(_open(file_of(database.url))) as source, closing(_open(part)) as target:
            source.backup(target)  # in one step, so one state: the writers go on in the WAL meanwhile
            target.execute("PRAGMA journal_mode=DELETE")  # one file
        _examine(part)
        _to_disk(part)
        part.rename(path)
        _to_disk(path.parent)
    return path.stat().st_size


def restore(path: Path, state: Path) -> Path | None:
    """Put a backup in the place of a SQLite state. Returns where the old one is kept; None = there was none.

    To be called under the work lock. Raises StoreError where the backup is unsound, or the old state is open somewhere.
    """
    if not path.is_file():
        raise StoreError(f"There is no backup {path}.")
    fresh = state.with_name(f"{state.name}.restoring")
    with _told(f"The backup {path} could not be restored", fresh):
        _examine(path)
        state.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, fresh)
        fresh.chmod(0o600)
        _forget_generations(fresh)
        _to_disk(fresh)
        kept = _set_aside(state)
        fresh.replace(state)
        _to_disk(state.parent)
    return kept


def file_of(url: URL) -> Path:
    """Of a SQLite state. Raises StoreError where there is none."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise StoreError("This state is in no file.")
    return Path(str(url.database))


def postgres_commands(url: URL, path: Path) -> tuple[list[str], list[str]]:
    """(backup, restore): PostgreSQL's own commands for a state, without its password."""
    query = {name: value for name, value in url.query.items() if name != "password"}
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    name = bare.render_as_string()
    return (
        # As after `restore`, the index is of another time than what is brought back.
        ["pg_dump", "--format=custom", "--exclude-table-data=index_generation", f"--file={path}", f"--dbname={name}"],
        ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", f"--dbname={name}", str(path)],
    )


def _open(path: Path) -> sqlite3.Connection:
    """A file that is there: SQLite would make one."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _examine(path: Path) -> None:
    """Raises StoreError where the file is no sound state of a version that we know."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
        try:
            found = opened.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise StoreError(f"{path} is damaged ({found}). Use another backup.")
            row = opened.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path} is damaged, or no state of Tongcang ({error}). Use another backup.") from error
    if row is None or not knows_revision(row[0]):
        raise StoreError(f"{path} was made by a newer version of Tongcang. Install that version first.")


def _forget_generations(path: Path) -> None:
    """The index is of another time: none of its generations is gone on with, or gone back to."""
    with closing(_open(path)) as opened:
        if opened.execute("SELECT 1 FROM sqlite_master WHERE name = 'index_generation'").fetchone():
            opened.execute("DELETE FROM index_generation")


def _set_aside(state: Path) -> Path | None:
    if not any(state.with_name(state.name + part).exists() for part in PARTS):
        return None
    number = 1
    while (kept := state.with_name(f"{state.name}.before-restore-{number}")).exists():
        number += 1
    if state.exists():
        _require_closed(state)
    for part in PARTS[1:]:  # what stayed would be read into the restored file
        beside = state.with_name(state.name + part)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + part))
    if state.exists():
        kept.hardlink_to(state)  # it keeps its own name until the restored file takes that
    return kept


def _require_closed(state: Path) -> None:
    """Fold the WAL into its file, which only the last process that has it open may do."""
    with state.open("rb") as file:
        if not file.read(16).startswith(b"SQLite format 3"):
            return  # damaged; SQLite would delete a WAL beside it
    try:
        with closing(sqlite3.connect(state, timeout=1, isolation_level=None)) as opened:
            opened.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StoreBusyError(
                f"{state} is open in another process (tongcang serve, or a scheduler). Stop it and run this again."
            ) from error
        raise
    except sqlite3.DatabaseError:
        return  # damaged, which is why a backup is wanted


@contextmanager
def _told(what: str, unfinished: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StoreError(f"{what}: {reason}. Check the folder, its permissions and the space on the disk.") from error
    finally:
        for part in ("", "-journal"):
            with suppress(OSError):
                unfinished.with_name(unfinished.name + part).unlink()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
