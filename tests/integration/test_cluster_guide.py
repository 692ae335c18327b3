"""docs/cluster.md does what it says: its commands are run in order, from SQLite to real servers."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from tongcang.sample.consortium import build
from tongcang.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
TARGET = "postgresql://tongcang@db.example.edu.cn:5432/tongcang"


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


class Operator:
    """Sits in a folder and types."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TONGCANG_")}
        self.environment = kept | {"TONGCANG_WORKERS": "1"}

    def types(self, command: str) -> str:
        words = shlex.split(command)
        if words[0] == "tongcang":
            words = [sys.executable, "-m", "tongcang.cli", *words[1:]]
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120)
        # 3: the sample library's file is damaged on purpose
        assert done.returncode in (0, 3), f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """Before the move: a sample library, harvested into SQLite and the embedded engine."""
    build(tmp_path / "sample", publications=60)
    (tmp_path / "deliveries").mkdir()
    [stock] = (tmp_path / "sample" / "drop" / "USTB").iterdir()
    shutil.move(stock, tmp_path / "deliveries" / "stock.mrc")
    made = Operator(tmp_path)
    names = '--name-zh 北京科技大学图书馆 --name-en "USTB Library"'
    made.types(f"tongcang library add USTB {names} --files deliveries --delivery full")
    made.types("tongcang night")
    return made


@pytest.fixture
def cluster(elastic_url: str, postgres_url: str) -> Iterator[dict[str, str]]:
    """The settings after the move."""
    prefix = f"guide-{secrets.token_hex(4)}"
    yield {
        "TONGCANG_DATABASE": postgres_url,
        "TONGCANG_ELASTIC_URLS": elastic_url,
        "TONGCANG_ELASTIC_PREFIX": prefix,
        "TONGCANG_ELASTIC_REPLICAS": "0",
        "TONGCANG_QUEUE": "true",
    }
    engine = ElasticEngine(ElasticSettings((elastic_url,), prefix=prefix))
    engine.remove_everything()
    engine.close()


@pytest.mark.timeout(600)  # 14 commands, two servers
def test_the_guide_from_top_to_bottom(operator: Operator, cluster: dict[str, str]) -> None:
    hashes = []
    for command in commands():
        if command.startswith("scripts/"):
            operator.types(f"{ROOT / command} {operator.folder / '.env'}")
            continue
        if command.startswith("tongcang store copy"):
            address = make_url(cluster["TONGCANG_DATABASE"]).set(drivername="postgresql")
            assert TARGET in command
            operator.types(command.replace(TARGET, address.render_as_string(hide_password=False)))
            operator.environment |= cluster
            continue
        told = operator.types(command)
        if command == "tongcang store hash":
            hashes.append(told)
    assert len(hashes) == 2 and hashes[0] == hashes[1]
    assert len(commands()) > 10


def test_every_setting_in_the_guide_exists_and_those_of_the_cluster_are_explained() -> None:
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", GUIDE, re.MULTILINE)
    explained = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    fields = set(Settings.__struct_fields__)
    assert {name for name in fields if name.startswith("elastic_")} <= explained
    assert {"database", "queue", "lease_seconds", "metrics_token", "log_format", "pulse"} <= explained
    named = {name.lower().removesuffix("_file") for name in re.findall(r"TONGCANG_([A-Z_]+[A-Z])", GUIDE)}
    assert named <= fields


def test_every_file_that_the_guide_names_is_there() -> None:
    for name in re.findall(r"(?:deploy|scripts)/[\w.-]+\w|docker-compose[\w.]*\.yml", GUIDE):
        assert (ROOT / name).exists(), name
