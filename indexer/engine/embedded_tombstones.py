"""What was deleted from a generation, and at which version: so that a stale write that comes later is refused.

A log beside the index, a line a deletion: id, blank, version. It is made durable before the index is: a kill between
the two leaves a document that must be deleted again, not one that rises again. It ends with its generation, since a
rebuild holds no stale writes. A line that a kill cut short is taken away on opening.
"""

from __future__ import annotations

import os
from pathlib import Path


class Tombstones:
    """Of one generation, for its writer: about 150 bytes of memory for each deletion since the last rebuild."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._versions: dict[str, int] = {}
        self._unwritten: dict[str, int] = {}
        self._load()

    def _load(self) -> None:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
        for line in content[:whole].decode("ascii").splitlines():
            identifier, version = line.split(" ")
            self._versions[identifier] = max(int(version), self._versions.get(identifier, 0))

    def version(self, identifier: str) -> int:
        """The version at which it was last deleted; -1 = never."""
        return max(self._unwritten.get(identifier, -1), self._versions.get(identifier, -1))

    def add(self, identifier: str, version: int) -> None:
        self._unwritten[identifier] = version

    def make_durable(self) -> None:
        if not self._unwritten:
            return
        lines = "".join(f"{identifier} {version}\n" for identifier, version in self._unwritten.items())
        with self._path.open("ab") as file:
            file.write(lines.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        self._versions |= self._unwritten
        self._unwritten = {}
