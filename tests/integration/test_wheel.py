"""The wheel that the image is made of: built as the Dockerfile builds it, and run with the repository out of sight."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"][
    "find"
]
PACKAGES = sorted(
    folder.parent
    for folder in ROOT.glob("*/__init__.py")
    if any(fnmatch(folder.parent.name, p) for p in PATTERNS["include"])
)
MAKE_SAMPLE = """
import sys
from pathlib import Path
from tongcang.sample.consortium import build
build(Path("sample"), publications=60)
[stock] = Path("sample/drop/USTB").iterdir()
Path("deliveries").mkdir()
stock.rename("deliveries/stock.mrc")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        shutil.copytree(package, source / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", source / "wheels", source)
    [built] = (source / "wheels").iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content; what it depends on comes from this environment."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def pip(*words: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def environment(installed: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TONGCANG_")}
    return kept | {"PYTHONPATH": str(installed), "TONGCANG_DATA": "数据", "TONGCANG_WORKERS": "1"} | settings


def run(installed: Path, folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment(installed), capture_output=True, text=True, timeout=120
    )
    # 3: the sample library's file is damaged on purpose
    assert done.returncode in (0, 3), f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_file_of_the_packages_is_in_it_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = wheel.parents[1]
    there = {
        file.relative_to(source).as_posix()
        for package in PACKAGES
        for file in (source / package.name).rglob("*")
        if file.is_file()
    }
    assert packed == there


@pytest.mark.timeout(240)
def test_it_harvests_and_serves_without_the_repository(installed: Path, tmp_path: Path) -> None:
    where = run(installed, tmp_path, "-c", "import tongcang, store, search_api; print(tongcang.__file__)")
    assert Path(where.strip()).is_relative_to(installed)
    tongcang = str(installed / "bin" / "tongcang")
    assert "通藏" in run(installed, tmp_path, tongcang, "--help")
    assert json.loads(run(installed, tmp_path, tongcang, "store", "migrate", "--json"))["revision"]
    run(installed, tmp_path, "-c", MAKE_SAMPLE)
    names = ("--name-zh", "北京科技大学图书馆", "--name-en", "USTB Library")
    run(installed, tmp_path, tongcang, "library", "add", "USTB", *names, "--files", "deliveries", "--delivery", "full")
    receipt = json.loads(run(installed, tmp_path, tongcang, "night", "--json"))
    assert receipt["union_records"] > 0
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, tongcang, "serve"],
        cwd=tmp_path,
        env=environment(installed, TONGCANG_PORT=str(port)),
        stderr=subprocess.PIPE,
    ) as server:
        site = f"http://127.0.0.1:{port}"
        try:
            found = json.loads(wait_for(f"{site}/api/search"))
            assert found["total"] == receipt["union_records"]
            assert "通藏" in wait_for(f"{site}/?lang=zh")
            assert "Tongcang" in wait_for(f"{site}/?lang=en")
            assert "{" in wait_for(f"{site}/static/style.css")
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) in (0, -signal.SIGTERM)


def wait_for(url: str, seconds: float = 30) -> str:
    """The page, once the server is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
