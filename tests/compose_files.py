"""The two Compose files as data, for the tests of the deployment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
FILES = (ROOT / "docker-compose.yml", ROOT / "docker-compose.cluster.yml")

VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>[A-Z_]+)(?:(?P<kind>:?[-?])(?P<rest>[^}]*))?\}")
"""A variable of .env in a Compose file: ${NAME}, ${NAME:-default}, ${NAME:?what is wrong}."""


def load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Of the single node, with what YAML merges put in."""
    found: dict[str, dict[str, Any]] = load(FILES[0])["services"]
    return found


def is_ours(service: dict[str, Any]) -> bool:
    """The service runs Tongcang's own image."""
    return str(service.get("image", "")).startswith("tongcang:")


def one_shots() -> set[str]:
    """Services that end: others wait for them to be completed."""
    return {
        name
        for service in services().values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }


def texts(value: object) -> Iterator[str]:
    """Every string in the data."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value
