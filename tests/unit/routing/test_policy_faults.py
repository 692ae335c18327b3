"""What may stand in a policy and in settings: one truth for the API, the page, the command line and files."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from request_desk import LIBRARIES

from mappings.requests import Closure, LibraryPolicy
from routing.iso_days import iso_day
from routing.policy_faults import policy_faults, settings_faults
from routing.settings import RoutingSettings

KNOWN = {each.symbol: each for each in LIBRARIES}
INFINITE, NO_NUMBER = float("inf"), float("nan")


def faults(**fields: Any) -> list[str]:
    return [each.name for each in policy_faults("CLCN", LibraryPolicy(**fields), KNOWN)]


@pytest.mark.parametrize("number", [INFINITE, -INFINITE, NO_NUMBER, 0.0, 1e9])
@pytest.mark.parametrize("name", ["receipt_days", "action_days", "rush_days", "capacity"])
def test_clocks_and_capacity_are_numbers_that_can_be(name: str, number: float) -> None:
    assert faults(**{name: number}) == [name]


def test_no_library_keeps_readers_data_for_ever() -> None:
    assert faults(retention_days=3660) == []
    assert faults(retention_days=3661) == faults(retention_days=-1) == ["retention_days"]


def test_texts_and_lists_are_no_longer_than_the_page_takes() -> None:
    assert faults(agency_id="x" * 80, agency_type="x" * 40) == []
    assert faults(agency_id="x" * 81, agency_type="x" * 41) == ["agency_type", "agency_id"]
    assert faults(subjects=("I",) * 41, only_for=("BALIS",) * 11) == ["only_for", "subjects"]


def test_a_library_serves_consortia_that_there_are() -> None:
    assert faults(only_for=("BALIS", "CAPITAL", "EXTERNAL")) == []
    assert faults(only_for=("BALIS", "NOSUCH")) == ["only_for"]


@pytest.mark.parametrize("day", ["20261201", "2026-W53-4", "2026-13-40", "gestern", "2026-12-01 "])
def test_a_day_is_written_in_one_way_only(day: str) -> None:
    """Days are compared as texts too."""
    with pytest.raises(ValueError):
        iso_day(day)
    assert faults(closures=(Closure("2026-01-01", day),)) == faults(closures=(Closure(day, day),)) == ["closures"]
    assert faults(make_up_days=(day,)) == ["make_up_days"]
    told: dict[str, Any] = {"days": {"holidays": [{"first": day, "last": day}]}}
    assert [each.name for each in settings_faults(msgspec.convert(told, RoutingSettings))] == ["days.holidays"]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"clocks": {"condition": INFINITE}}, "clocks.condition"),
        ({"clocks": {"cancel": -1.0}}, "clocks.cancel"),
        ({"match_at_least": NO_NUMBER}, "match_at_least"),
        ({"repeat_days": -5}, "repeat_days"),
        ({"rota": {"fairness": INFINITE}}, "rota.fairness"),
    ],
)
def test_settings_by_which_nothing_could_be_routed(told: dict[str, Any], name: str) -> None:
    assert name in {each.name for each in settings_faults(msgspec.convert(told, RoutingSettings))}
    assert settings_faults(RoutingSettings()) == ()
