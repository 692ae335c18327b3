"""python -m tests.servers: what tests with real servers need, installed where it is missing.

--fetch: only what goes into the project's own folder; nothing of the system is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from .containers import engine_answers
from .distribution import JAVA, fetch_zip, find_java, find_maven, is_kept
from .postgres import find_binaries
from .run import NotInstalledError

JAVA_PACKAGES = ("openjdk-25-jre-headless", "openjdk-21-jre-headless")
MAVEN_PACKAGES = ("maven",)
POSTGRES_PACKAGES = ("postgresql",)


def install(packages: Sequence[str], lacking: NotInstalledError) -> None:
    """The first of the system's packages that there is."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise NotInstalledError(f"{lacking}. As root, on Debian and Ubuntu: apt install {' or '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], env=environment, capture_output=True, check=False)
    for package in packages:
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        said = done.stderr.strip()
    raise NotInstalledError(f"{lacking}. apt-get: {said}")


def find_or_install(find: Callable[[], object], packages: Sequence[str], only_fetch: bool) -> object:
    try:
        return find()
    except NotInstalledError as lacking:
        if only_fetch:
            raise
        install(packages, lacking)
        return find()


def elasticsearch(only_fetch: bool) -> object:
    if not is_kept():
        find_or_install(find_maven, MAVEN_PACKAGES, only_fetch)
    return fetch_zip()


def main(only_fetch: bool) -> int:
    """Exit 1 when something can't be had and no Docker engine stands in for it."""
    steps: dict[str, Callable[[], object]] = {
        f"Java {JAVA} or later": lambda: find_or_install(find_java, JAVA_PACKAGES, only_fetch),
        "Elasticsearch": lambda: elasticsearch(only_fetch),
        "PostgreSQL": lambda: find_or_install(find_binaries, POSTGRES_PACKAGES, only_fetch),
    }
    lacking = 0
    for name, step in steps.items():
        try:
            sys.stdout.write(f"{name}: {step()}\n")
        except NotInstalledError as error:
            sys.stderr.write(f"{name} is lacking. {error}\n")
            lacking += 1
    if lacking and engine_answers():
        sys.stdout.write("Docker stands in for what is lacking.\n")
        return 0
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main("--fetch" in sys.argv[1:]))
