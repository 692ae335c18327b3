"""The file of assumptions is checked where it is read, and an error says where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import routing.simulator
from routing.simulator.assumptions import AssumptionError, frame, read

FILE = Path(routing.simulator.__file__).with_name("assumptions.yaml")


def changed(tmp_path: Path, *path: str | int, value: Any) -> Path:
    whole = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return file


def test_a_change_is_read(tmp_path: Path) -> None:
    found = read(changed(tmp_path, "assumed", "nowhere", "value", value=0.25))
    assert found.assumptions().nowhere == 0.25
    assert found.assumptions({"nowhere": 0.5}).nowhere == 0.5


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("assumed", "nowhere", "value"), "viel", "float"),
        (("assumed", "guess"), {"value": 1, "zh": "臆测", "en": "a guess"}, "guess"),
        (("scenarios", "thin", "change"), {"holdres": 2}, "holdres"),
        (("scenarios", "thin", "days"), "long", "scenarios"),
        (("study", "directions", 0, "refused"), 39, "CL→BALIS don't sum"),
        (("study", "directions", 0, "way"), "CL", "study.directions must be"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, path: tuple[str | int, ...], value: Any, said: str) -> None:
    with pytest.raises(AssumptionError, match=said) as caught:
        read(changed(tmp_path, *path, value=value))
    assert "mine.yaml" in str(caught.value)


def test_the_study_s_figures_are_those_of_the_study() -> None:
    study = frame().study
    rows = [
        (each.way, each.requests, each.filled, each.refused, each.forwarded, each.days) for each in study.directions
    ]
    assert rows == [("CL→BALIS", 239, 147, 38, 54, 3.62), ("BALIS→CL", 164, 38, 109, 17, 7.29)]
    assert (str(study.first), str(study.last), study.days) == ("2015-01-01", "2017-06-30", 912)


def chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def test_every_assumption_is_told_in_both_languages() -> None:
    for name, each in frame().assumed.items():
        assert not chinese(each.en), name
        assert chinese(each.zh), name
    for shares in ([kind.share for kind in frame().mix.materials.values()],
                   *(each.values() for each in frame().mix.subjects.values())):  # fmt: skip
        assert sum(shares) == pytest.approx(1)
