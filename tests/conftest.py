"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["servers.fixtures", "state_databases"]


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real catalogue records and OAI-PMH answers from public repositories; they are no part of the project."""
    told = os.environ.get("TONGCANG_SAMPLES")
    folder = Path(told) if told else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        reason = f"the real samples are not at {folder}; set TONGCANG_SAMPLES to their folder"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
