"""Candidates and rotas for the tests of the order and of what is told of it."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from mappings.requests import Citation, Wish
from routing.calendar import CHINA
from routing.candidates import Candidate, ClosureCost, Rota
from routing.estimates import Estimate
from routing.rota import RotaSettings, build_rota

NOW = datetime(2026, 11, 25, 10, tzinfo=CHINA)
WISH = Wish(Citation(title="物理学报", volume="12"), material="serial")
RUSH = replace(WISH, level="rush")
USUAL = RotaSettings()
STEADY = RotaSettings(explore=0.0, compare=0.0)


def make_estimate(q: float = 0.8, t: float = 2.0, r: float = 2.0, strength: float = 20.0) -> Estimate:
    return Estimate(p=0.9 * 0.9 * q, c=0.9, a=0.9, q=q, t=t, r=r, strength=strength, n=12, basis="similar")


def make(library: str, estimate: Estimate | None = None, **more: Any) -> Candidate:
    return Candidate(library, more.pop("path", (library,)), estimate=estimate or make_estimate(), **more)


def build(candidates: list[Candidate], seed: int = 1, options: RotaSettings = STEADY, **more: Any) -> Rota:
    return build_rota(more.pop("wish", WISH), candidates, options, now=NOW, seed=seed, **more)


def asked(rota: Rota) -> list[str]:
    return [place.candidate.library for place in rota.entries]


def why_not(rota: Rota) -> dict[str, tuple[str, ...]]:
    return {place.candidate.library: place.reasons for place in rota.passed_over}


estimates = st.builds(make_estimate, st.floats(0.01, 0.99), st.floats(0.1, 20), st.floats(0.1, 20), st.floats(8, 300))


@st.composite
def pools(draw: st.DrawFn, most: int = 14) -> list[Candidate]:
    names = draw(st.lists(st.text("ABCDE", min_size=1, max_size=4), min_size=1, max_size=most, unique=True))
    return [
        make(
            name,
            draw(estimates),
            queue=draw(st.integers(0, 30)),
            supplied=draw(st.integers(0, 50)),
            received=draw(st.integers(0, 50)),
            coverage=draw(st.sampled_from(["yes", "unknown", "unknown", "no"])),
            last_resort=draw(st.booleans()),
            closed_days=draw(st.sampled_from([0.0, 0.0, 2.0, 30.0])),
            closures=draw(st.sampled_from([ClosureCost(), ClosureCost(), ClosureCost(t=4, r=3), ClosureCost(0.5)])),
            sent_today=draw(st.integers(0, 3)),
            daily_cap=draw(st.sampled_from([0, 0, 2])),
            excluded=draw(st.sampled_from(["", "", "", "paused"])),
        )
        for name in names
    ]
