"""Every command in README and docs does what the page says: each is run, in the order in which it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tongcang.commands.demo import provider
from tongcang.sample.consortium import build
from tongcang.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNNING = ("serve", "schedule", "dispatch")
"""Commands that run until they are stopped."""


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    for command in commands(page):
        if command.startswith("make "):
            done = subprocess.run(["make", "-n", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_every_setting_is_explained_with_its_default() -> None:
    """In the tables of the guides for operators: | `name`, `name` | `default`, `default` | … |"""
    explained: dict[str, str] = {}
    for name in ("cluster.md", "messages.md", "operating.md"):
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        for names, told in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| *(.*?) *\| \S", page, re.MULTILINE):
            settings = re.findall(r"`(\w+)`", names)
            defaults = re.findall(r"`([^`]+)`", told)
            explained |= dict(zip(settings, defaults if len(defaults) == len(settings) else [told] * 9, strict=False))
    assert set(Settings.__struct_fields__) <= set(explained)
    for setting, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True):
        if isinstance(default, bool):
            assert explained[setting] == str(default).lower(), setting
        elif default:  # "" and 0 stand for something that the table tells in words
            wanted = f"{default:g}" if isinstance(default, float) else str(default)
            assert explained[setting] == wanted, setting


@pytest.mark.timeout(240)
def test_the_operators_guide_from_top_to_bottom(tmp_path: Path) -> None:
    build(tmp_path / "sample", publications=60)
    delivery = tmp_path / "deliveries" / "ustb"
    delivery.mkdir(parents=True)
    [stock] = (tmp_path / "sample" / "drop" / "USTB").iterdir()
    shutil.copy(stock, delivery / "stock.mrc")
    environment = os.environ | {"TONGCANG_DATA": "data", "TONGCANG_PORT": str(free_port()), "TONGCANG_WORKERS": "1"}
    ran = 0
    with provider(tmp_path / "sample", free_port()) as address:
        for command in commands(ROOT / "docs" / "operating.md"):
            if not command.startswith("tongcang "):
                continue
            command = command.replace("https://opac.example.edu.cn/oai", f"{address}/oai/THU --allow-private")
            words = [sys.executable, "-m", "tongcang.cli", *shlex.split(command)[1:]]
            if shlex.split(command)[1] in RUNNING:
                assert_runs_until_stopped(words, tmp_path, environment)
            else:
                done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
                # 3: the sample library's file is damaged on purpose
                assert done.returncode in (0, 3), f"{command}\n{done.stdout}\n{done.stderr}"
                assert "Traceback" not in done.stderr
            ran += 1
    assert ran > 10


def assert_runs_until_stopped(words: list[str], folder: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        time.sleep(4)
        assert process.poll() is None, process.stderr and process.stderr.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)


def free_port() -> int:
    import socket

    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])
