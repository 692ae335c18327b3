"""What a policy has found out of the libraries by asking them: the live system's estimates, fed with nothing but the
answers that the policy itself got."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from routing.estimates import (
    Estimate,
    HoldingPast,
    HoldingTrust,
    Tally,
    estimate,
    faded,
    filled,
    found_out,
    holding_trust,
    keys_of,
    refused,
    silent,
)
from routing.simulator.libraries import SimulatedLibrary
from routing.simulator.world import Request

PARTNER_TRUST = HoldingTrust(c=0.5, a=0.95)
"""In a partner whose catalogue we don't have: as routing/sourcing.py has it; a test compares."""

_EPOCH = date(1970, 1, 1).toordinal()


class Experience:
    """Begins with the priors alone."""

    def __init__(self, libraries: tuple[SimulatedLibrary, ...]) -> None:
        self._libraries = libraries
        self._tallies: dict[str, Tally] = {}
        self._keys: dict[tuple[int, str, str, str], tuple[str, ...]] = {}
        self._past: dict[tuple[int, int], HoldingPast] = {}  # by title and library

    def learn(self, library: int, request: Request, answer: str, days: float, now: float) -> None:
        """`answer`: fill, silence, or the code of a refusal, after so many working days."""
        day = now - _EPOCH
        for key in self._keys_of(library, request):
            tally = self._tallies.get(key, Tally())
            if answer == "fill":
                tally = filled(tally, days, day)
            elif answer == "silence":
                tally = silent(tally, days, day)
            else:
                tally = refused(tally, days, answer, day)
            self._tallies[key] = tally
        holding = request.title, library
        self._past[holding] = found_out(self._past.get(holding, HoldingPast()), answer, day)

    def expect(self, library: int, request: Request, now: float, open_days: Iterable[float]) -> Estimate:
        """`open_days`: working days for which requests lie there unanswered."""
        past, today = self._past.get((request.title, library), HoldingPast()), float(int(now) - _EPOCH)
        status = "on_loan" if request.pairs[library].shown_out else "available"
        listed = request.holdings[library]
        trust = holding_trust(listed.coverage, status, request.service, past, today) if listed.listed else PARTNER_TRUST
        return estimate(self._tallies, self._faded_keys(library, request, today), today, trust, open_days)

    def _faded_keys(self, library: int, request: Request, today: float) -> tuple[str, ...]:
        """Their tallies fade once a day, not at each of the day's thousand looks."""
        keys = self._keys_of(library, request)
        for key in keys:
            tally = self._tallies.get(key)
            if tally is not None and tally.as_of < today:
                self._tallies[key] = faded(tally, today)
        return keys

    def _keys_of(self, library: int, request: Request) -> tuple[str, ...]:
        known = library, request.kind, request.subject, request.level
        keys = self._keys.get(known)
        if keys is None:
            of, material = self._libraries[library], request.material
            keys = keys_of(of.symbol, of.type, of.side, material, request.subject, request.service, request.level)
            self._keys[known] = keys
        return keys
