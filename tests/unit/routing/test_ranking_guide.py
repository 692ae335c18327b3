"""What docs/ranking.md says of settings and examples is so."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routing.calendar import Calendar, site_days
from routing.estimates import EstimateSettings, Tally, estimate, filled, keys_of, refused
from routing.rota import RotaSettings

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "ranking.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z_.]+)` \| ([0-9.]+) \|", GUIDE, re.MULTILINE))


def flat(values: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in values.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: str(value)}
    return found


def test_every_setting_is_told_with_its_default() -> None:
    rota = msgspec.to_builtins(RotaSettings())
    del rota["estimates"]
    assert flat(rota) | flat(msgspec.to_builtins(EstimateSettings())) == ROWS


def test_the_example_of_a_site_s_days_can_be_read() -> None:
    example = re.search(r"```yaml\n(.+?)```", GUIDE, re.DOTALL)
    assert example
    assert Calendar(site=site_days(example[1], "days.yaml")).is_announced(2031)


def test_the_example_of_shrinkage_is_right() -> None:
    said = re.search(r"(\d+) of (\d+) filled.+?\n? *q = .+? = ([0-9.]+)\.\n", GUIDE, re.DOTALL)
    assert said
    fills, asks = int(said[1]), int(said[2])
    keys, tally = keys_of("RUC", "node", "BALIS", "book", "I", "copy", "standard"), Tally()
    for number in range(asks):
        tally = filled(tally, 1.0, 0.0) if number < fills else refused(tally, 1.0, "Licence", 0.0)
    assert estimate({keys[0]: tally}, keys, 0.0).q == pytest.approx(float(said[3]), abs=0.0005)
