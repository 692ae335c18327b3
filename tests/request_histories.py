"""Histories of requests for the tests of the statistics: told step by step, or drawn at random."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from mappings.model import Library
from mappings.requests import REASONS, Event

START = datetime(2026, 3, 2, 1, tzinfo=UTC)  # a Monday, 9 o'clock in Beijing

LIBRARIES = (
    Library("CLCN", "首都图书馆", "Capital Library of China", "CAPITAL", "capital"),
    Library("DONGCHENG", "东城区图书馆", "Dongcheng District Library", "CAPITAL", "branch"),
    Library("RUC", "中国人民大学图书馆", "Renmin University Library", "BALIS", "node"),
    Library("THU", "清华大学图书馆", "Tsinghua University Library", "BALIS"),
    Library("BUPT", "北京邮电大学图书馆", "BUPT Library", "BALIS", "node"),
    Library("NLC", "国家图书馆", "National Library of China", "EXTERNAL"),
)
SIDES = {library.symbol: library.consortium for library in LIBRARIES}
WISH = {
    "citation": {"title": "红楼梦学刊", "record_id": "3K7M2Q9V"},
    "material": "serial",
    "subject": "I207",
    "language": "chi",
}

Step = tuple[str, float, int, str, dict[str, Any]]
"""Name, hours after the start, entry, library, data."""


def submit(requester: str = "CLCN", **wish: Any) -> Step:
    return "submit", 0, 0, requester, {"requester": requester, "wish": WISH | wish, "source": "record"}


def step(name: str, hours: float, entry: int = 0, library: str = "", **data: Any) -> Step:
    return name, hours, entry, library, data


def told(*steps: Step, request_id: int = 1, start: datetime = START) -> list[Event]:
    """The events, numbered in the order in which they are told."""
    return [
        Event(request_id, seq, start + timedelta(hours=hours), name, "system", 0, library, "", entry, data)
        for seq, (name, hours, entry, library, data) in enumerate(steps, start=1)
    ]


@st.composite
def requests(draw: st.DrawFn, request_id: int = 1) -> list[Event]:
    """A request that went from library to library and ended, or didn't; the kind that the statistics are made for."""
    symbols = [library.symbol for library in LIBRARIES]
    start = START + timedelta(hours=draw(st.integers(0, 24 * 120)))
    wish = {
        "subject": draw(st.sampled_from(["", "T", "TP311", "G", "I207"])),
        "material": draw(st.sampled_from(["serial", "book", "thesis"])),
        "language": draw(st.sampled_from(["", "chi", "eng"])),
        "level": draw(st.sampled_from(["standard", "rush"])),
    }
    steps: list[Step] = [submit(draw(st.sampled_from(symbols)), **wish)]
    hours = 0.0
    for entry in range(1, draw(st.integers(0, 4)) + 1):
        supplier = draw(st.sampled_from(symbols))
        steps.append(step("send", hours, entry, supplier, supplier=supplier))
        hours += draw(st.integers(0, 400))
        match draw(st.sampled_from(["fill", "refuse", "forward", "silence", "cancelled", "skip", "wait"])):
            case "fill":
                steps.append(step("fill", hours, entry, supplier))
                break
            case "refuse":
                steps.append(step("refuse", hours, entry, supplier, code=draw(st.sampled_from(REASONS))))
            case "forward":
                steps.append(step("forward", hours, entry, supplier, to="NLC", child=entry + 1))
            case "silence":
                steps.append(step("recall", hours, entry, supplier, why=draw(st.sampled_from(["receipt", "action"]))))
                steps.append(step("silence", hours, entry, supplier))
            case "cancelled":
                steps.append(step("recall", hours, entry, supplier, why="cancelled"))
            case "skip":
                steps[-1] = step("skip", hours, entry, supplier, reason="paused")
            case _:
                break
    ending = draw(st.sampled_from(["", "close", "give_up", "cancel_done", "expire", "use_local", "link"]))
    if ending:
        steps.append(step(ending, hours + draw(st.integers(0, 48))))
    return told(*steps, request_id=request_id, start=start)


@st.composite
def many_requests(draw: st.DrawFn, most: int = 12) -> list[Event]:
    events: list[Event] = []
    for request_id in range(1, draw(st.integers(0, most)) + 1):
        events += draw(requests(request_id))
    return events
