"""Generations on disk: one folder each, and a file CURRENT that names the live one.

    <folder>/CURRENT                  the live generation's name; replaced in one step
    <folder>/<generation>/index/      tantivy's files
    <folder>/<generation>/schema.json what the index was made for; another one is not opened
    <folder>/<generation>/tombstones  see embedded_tombstones

A generation appears and vanishes by renaming its folder, so a kill leaves either all of it or a folder whose name
begins with a dot, which the next `create` sweeps away.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from indexer.engine.embedded_errors import REBUILD, told
from indexer.engine.embedded_schema import SCHEMA, make_index
from indexer.engine.limits import check_generation
from indexer.engine.protocol import EngineError, Finding

_CURRENT = "CURRENT"


class Generations:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._live: tuple[tuple[int, int, int], str] | None = None  # stamp of CURRENT, name in it

    def path(self, name: str) -> Path:
        check_generation(name)
        return self._folder / name

    def index(self, name: str) -> Path:
        """The folder of tantivy's files. Raises EngineError where the generation is missing or of another schema."""
        path = self.path(name)
        with told(path, "opened"):
            try:
                schema = msgspec.json.decode((path / "schema.json").read_bytes())
            except FileNotFoundError as error:
                raise EngineError(f"There is no index {name} in {self._folder}. {REBUILD}") from error
            except msgspec.DecodeError as error:
                raise EngineError(f"The index {path} is damaged: schema.json can't be read. {REBUILD}") from error
        if schema != SCHEMA:
            raise EngineError(f"The index {path} was made by another version of Tongcang. {REBUILD}")
        return path / "index"

    def create(self, name: str) -> None:
        """An empty generation; one of that name is replaced."""
        path = self.path(name)
        if name == self.live():
            raise EngineError(f"The generation {name} is live and can't be begun anew. Choose another name.")
        with told(self._folder, "created"):
            self._folder.mkdir(parents=True, exist_ok=True)
            for leftover in self._folder.glob(".*-*"):
                _delete(leftover)
            making = self._folder / f".making-{name}"
            (making / "index").mkdir(parents=True)
            make_index(making / "index")
            _write_durably(making / "schema.json", msgspec.json.encode(SCHEMA))
            _write_durably(making / "tombstones", b"")
            _sync_folder(making)
            self._remove(path)
            making.rename(path)
            _sync_folder(self._folder)

    def drop(self, name: str) -> None:
        path = self.path(name)
        if name == self.live():
            raise EngineError(f"The generation {name} is live and can't be dropped. Make another one live first.")
        with told(path, "dropped"):
            self._remove(path)

    def _remove(self, path: Path) -> None:
        if path.is_dir():
            dropping = self._folder / f".dropping-{path.name}"
            with suppress(FileNotFoundError):  # another process was quicker
                path.rename(dropping)
            _delete(dropping)

    def names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        with told(self._folder, "listed"):
            return sorted(path.name for path in self._folder.iterdir() if path.is_dir() and path.name[0] != ".")

    def room(self) -> Finding:
        """A rebuild is made beside the live generation, and its last merge writes it a second time."""
        there = next(each for each in (self._folder, *self._folder.resolve().parents) if each.is_dir())
        with told(there, "looked at"):
            free = shutil.disk_usage(there).free
            name = self.live()
            size = sum(file.stat().st_size for file in self.path(name).rglob("*")) if name is not None else 0
        room = f"{free // 2**20} MB free; the index has {size // 2**20} MB and a rebuild takes up to twice as much"
        if free < 2 * size:
            return Finding("room for a rebuild", "warning", f"{room}. Free some space at {self._folder}.")
        return Finding("room for a rebuild", "ok", room)

    def live(self) -> str | None:
        """Asked before each search: the file is read only when it was replaced."""
        current = self._folder / _CURRENT
        with told(self._folder, "read"):
            try:
                at = stamp(current)
                if self._live is None or self._live[0] != at:
                    self._live = at, current.read_text().strip()
            except FileNotFoundError:
                return None
            return self._live[1]

    def swap(self, name: str) -> None:
        self.index(name)  # exists, and is of this schema
        with told(self._folder, "switched"):
            new = self._folder / f".{_CURRENT}-new"
            _write_durably(new, f"{name}\n".encode())
            new.replace(self._folder / _CURRENT)
            _sync_folder(self._folder)


def stamp(path: Path) -> tuple[int, int, int]:
    """Differs where the file was replaced by another."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _delete(folder: Path) -> None:
    """Another process may be deleting it too. What a kill left of CURRENT is a file: the next switch writes over it."""
    while folder.is_dir():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
