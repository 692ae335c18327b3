"""What tests with peers ask for: the schemas of ISO 18626, a peer that speaks it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lxml import etree

FILES = {"1.2": "ISO-18626-v1_2.xsd", "2021-2": "ISO-18626-2021-2.xsd"}


def schema_folder() -> Path:
    """Where the schemas of ISO 18626 are, if they are; they are no part of the project."""
    told = os.environ.get("TONGCANG_SCHEMAS")
    return Path(told) if told else Path(__file__).resolve().parents[3] / "shared" / "schemas"


@pytest.fixture(scope="session")
def iso_schemas() -> dict[str, etree.XMLSchema]:
    """The published schema of each version of ISO 18626."""
    folder = schema_folder()
    if not all((folder / name).is_file() for name in FILES.values()):
        reason = f"the schemas of ISO 18626 are not at {folder}; set TONGCANG_SCHEMAS to their folder"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return {version: etree.XMLSchema(etree.parse(folder / name)) for version, name in FILES.items()}
