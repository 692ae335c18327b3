"""Worlds of a few libraries, in which everything is told and nothing is drawn."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from mappings.requests import Closure
from routing.calendar import CHINA, Calendar
from routing.simulator.assumptions import CAPITAL_ASKS, frame
from routing.simulator.libraries import SimulatedLibrary, Vacation
from routing.simulator.world import Holding, Pair, Request, World

MONDAY = date(2015, 6, 1)  # of a week without holidays
NINE = 9 / 24


def library(symbol: str, **differing: Any) -> SimulatedLibrary:
    """One that is open, quick and willing."""
    usual: dict[str, Any] = {
        "symbol": symbol, "side": "BALIS", "type": "member", "holds": 0.0, "missing": 0.0, "stale": 0.01,
        "willing": 3.0, "material": {"article": 0.0}, "subject": {"T": 0.0}, "silence": 0.0, "forwards": 0.0,
        "fill_days": 1.0, "refusal_days": 1.0, "capacity": 1e9, "manual": False, "vacation": Vacation("open"),
    }  # fmt: skip
    return SimulatedLibrary(**usual | differing)


def pair(answer: str = "fill", days: float = 1.0, **differing: Any) -> Pair:
    usual: dict[str, Any] = {"forwards": False, "shown_out": False, "seen": min(days, 0.1), "hop": 0.0}
    return Pair(answer=answer, days=days, **usual | differing)


HELD = Holding(held=True, listed=True, coverage="yes")


def request(number: int, pairs: list[Pair], at: float = NINE, **differing: Any) -> Request:
    """Of a reader of the Capital Library, at nine on the Monday or `at` days later."""
    usual: dict[str, Any] = {
        "way": CAPITAL_ASKS, "requester": "CLCN", "kind": "article", "material": "article", "service": "copy",
        "subject": "T", "level": "standard", "title": number, "holdings": tuple(HELD for _ in pairs),
        "officer": (0.5, 0.5, 0.5),
    }  # fmt: skip
    return Request(number=number, at=MONDAY.toordinal() + at, pairs=tuple(pairs), **usual | differing)


def world(
    libraries: list[SimulatedLibrary], requests: list[Request], closures: dict[str, tuple[Closure, ...]] | None = None
) -> World:
    """The Capital Library stands last in it; requests have a pair for each of the others."""
    capital = library("ZCL" if any(each.symbol == "CLCN" for each in libraries) else "CLCN", side="CAPITAL")
    everybody = (*libraries, capital)
    return World(
        assumptions=frame().assumptions(),
        libraries=everybody,
        calendars=tuple(Calendar((closures or {}).get(each.symbol, ())) for each in everybody),
        holding_logits=tuple(0.0 for _ in everybody),
        requests=tuple(requests),
        first=float(MONDAY.toordinal()),
        seed="test",
    )


def moment(text: str) -> float:
    """Days after the Monday's midnight, of a time in China."""
    at = datetime.fromisoformat(text).replace(tzinfo=CHINA)
    return at.toordinal() - MONDAY.toordinal() + (at.hour * 60 + at.minute) / 1440
