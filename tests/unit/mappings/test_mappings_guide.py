"""The cataloguer's guide: its examples load, and it names every step there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mappings.crosswalk import builtin, load
from mappings.steps import STEP_NAMES

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "mappings.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(tmp_path: Path, example: str) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(example, encoding="utf-8")
    if "extends:" in example:
        assert load(path).wanted_tags
    else:
        assert builtin("cnmarc").with_overrides(example, path.name).wanted_tags


def test_every_step_is_in_the_guide() -> None:
    assert len(EXAMPLES) == 3
    named = set(re.findall(r"`([a-z_0-9]+)(?:\([^`]*\))?`", GUIDE))
    assert sorted(STEP_NAMES - named) == []
