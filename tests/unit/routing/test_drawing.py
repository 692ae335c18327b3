"""The page on the life cycle is drawn from the life cycle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from routing.drawing import diagram, marks, parts, redrawn
from routing.states import DATA, ENTRY, ENTRY_STATES, EVENTS, JOINT, REQUEST, STATES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "life-cycle.md"


def test_the_page_is_as_the_tables_are() -> None:
    text = PAGE.read_text("utf-8")
    assert redrawn(text) == text, "run: python -m routing.drawing docs/life-cycle.md"


def test_every_part_is_on_the_page() -> None:
    assert set(marks(PAGE.read_text("utf-8"))) == set(parts())


def test_another_life_cycle_makes_another_page() -> None:
    assert diagram(REQUEST[1:], JOINT, "draft") != diagram(REQUEST, (), "draft")


def test_data_are_told_of_events_that_there_are() -> None:
    assert set(DATA) <= set(EVENTS)


@pytest.mark.parametrize(("name", "states"), [("request", STATES), ("entry", ENTRY_STATES)])
def test_every_state_is_drawn(name: str, states: tuple[str, ...]) -> None:
    drawn = set(re.findall(r"[\w*\[\]]+", parts()[name]))
    assert set(states) <= drawn
    assert {row.event for row in (ENTRY if name == "entry" else REQUEST) if row.target} <= drawn
