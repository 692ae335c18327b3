"""Which tests stay together when several workers share a run: those that share something costly.

xdist's own way, `--dist loadgroup` with marks, groups nothing with pytest 9.2 and doesn't say so
(pytest-dev/pytest-xdist#1386).
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

CLUSTER = "elastic_cluster"
SHARED = re.compile(r'scope="(module|session)"|\bpostgres_server\b')
"""What a test file, or the conftest beside it, says when its tests share something."""


@functools.cache
def group(file: Path) -> str | None:
    """The tests of the one cluster are a group, so that nobody waits for it; so is a file with a shared fixture."""
    said = file.read_text(encoding="utf-8")
    if CLUSTER in said:
        return CLUSTER
    beside = file.with_name("conftest.py")
    if beside.exists():
        said += beside.read_text(encoding="utf-8")
    return str(file) if SHARED.search(said) else None


class LoadShared(LoadScopeScheduling):  # type: ignore[misc]
    """Groups first, the largest at the head; then test by test to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group(self.config.rootpath / nodeid.partition("::")[0]) or nodeid
