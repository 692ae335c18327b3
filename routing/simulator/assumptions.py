"""The simulator's figures: those of the study, and what is assumed beside them (assumptions.yaml)."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

CAPITAL_ASKS = "CL→BALIS"
BALIS_ASKS = "BALIS→CL"
WAYS = (CAPITAL_ASKS, BALIS_ASKS)
"""The two directions, asking side first."""


class AssumptionError(Exception):
    """The file of assumptions can't be used; tells where."""


class Direction(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the study's table (§3.3): outcomes sum to the requests, `days` is the mean of the filled ones."""

    way: str
    requests: int
    filled: int
    refused: int
    forwarded: int
    days: float


class Study(Struct, frozen=True, forbid_unknown_fields=True):
    first: date
    last: date
    top_two: float  # more than this part of the Capital Library's requests went to two suppliers
    directions: tuple[Direction, ...]

    def direction(self, way: str) -> Direction:
        return next(each for each in self.directions if each.way == way)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


class Assumed(Struct, frozen=True, forbid_unknown_fields=True):
    """One number without a source."""

    value: float
    zh: str
    en: str
    fitted: bool = False  # set so that the study's guessing gives the study's figures


class Assumptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The assumed numbers by name; what each is stands in assumptions.yaml and is printed from there."""

    members: float
    branches: float
    manual_share: float
    hop_days: float
    capacity_spread: float
    capacity: float
    branch_capacity: float
    large_capacity: float
    on_duty: float
    closed: float
    nowhere: float
    holders: float
    popularity: float
    breadth: float
    renmin_holds: float
    nstl_holds: float
    capital_holds: float
    partner_holds: float
    repeated: float
    missing: float
    stale: float
    stale_spread: float
    vague: float
    vague_stale: float
    off_shelf: float
    off_shelf_shown: float
    willing: float
    willing_spread: float
    taste: float
    silence: float
    silent_libraries: float
    silent_silence: float
    forwards: float
    capital_forwards: float
    favoured: float
    fill_days: float
    fill_spread: float
    favourite_days: float
    capital_days: float
    partner_days: float
    refusal_ratio: float
    refusal_spread: float
    day_spread: float
    equally_slow: float
    seen_days: float
    branch_requests: float
    weekend: float
    rush: float
    rush_ratio: float
    review_days: float
    reviews: float
    asks: float


class Kind(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of thing that is asked for."""

    material: str
    service: str
    share: float


class Mix(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for, and when universities don't work."""

    materials: dict[str, Kind]
    subjects: dict[str, dict[str, float]]  # by direction: class of the CLC and its share
    vacations: tuple[tuple[str, str], ...]


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A demand, a period and what differs from the assumptions."""

    zh: str
    en: str
    first: date
    days: int
    per_day: float
    seeds: int
    quick_days: int  # the same at small size, for tests
    quick_seeds: int
    change: dict[str, float] = {}

    def at_size(self, quick: bool) -> Scenario:
        return replace(self, days=self.quick_days, seeds=self.quick_seeds) if quick else self


class Frame(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    study: Study
    assumed: dict[str, Assumed]
    mix: Mix
    scenarios: dict[str, Scenario]

    def assumptions(self, change: dict[str, float] | None = None) -> Assumptions:
        values = {name: each.value for name, each in self.assumed.items()}
        return msgspec.convert(values | (change or {}), Assumptions)


@cache
def frame() -> Frame:
    """The file that comes with Tongcang."""
    return read(Path(__file__).with_name("assumptions.yaml"))


def read(path: Path) -> Frame:
    """An AssumptionError names the file and the place."""
    try:
        found = msgspec.yaml.decode(path.read_bytes(), type=Frame)
        found.assumptions()
        for scenario in found.scenarios.values():
            found.assumptions(scenario.change)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise AssumptionError(f"{path.name}: {error}") from error
    if sorted(each.way for each in found.study.directions) != sorted(WAYS):
        raise AssumptionError(f"{path.name}: study.directions must be {' and '.join(WAYS)}")
    for each in found.study.directions:
        if each.filled + each.refused + each.forwarded != each.requests:
            raise AssumptionError(f"{path.name}: the outcomes of {each.way} don't sum to its requests")
    return found
