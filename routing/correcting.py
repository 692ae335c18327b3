"""Holdings that a library has said it does not have, looked at by its own cataloguers.

A refusal with NotHeld lowers the trust in that holding for two years. Where the cataloguers find that the holding is
right after all, what was learnt of it until then is void; where they find that it is wrong they mend their catalogue,
and the next harvest brings that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from routing.estimates import HoldingPast
from store import performance
from store.database import Unit
from store.performance import Correction

RIGHT, WRONG = "holding_right", "holding_wrong"
RESULTS = (RIGHT, WRONG)


def settle_correction(unit: Unit, number: int, result: str, note: str, now: datetime) -> bool:
    """Close it. False where there is none that is open. Raises ValueError for a result that is none."""
    if result not in RESULTS:
        raise ValueError(f"{result!r} is no result: one of {', '.join(RESULTS)}")
    found = performance.get_correction(unit, number)
    if found is None or not performance.close_correction(unit, number, result, note, now):
        return False
    if result == RIGHT:
        performance.put_trust(unit, found.record, found.library, msgspec.json.encode(HoldingPast()).decode())
    return True


def void_until(corrections: Iterable[Correction]) -> dict[tuple[str, str], datetime]:
    """By (record, library): the time until which what was found out of the holding counts for nothing."""
    found: dict[tuple[str, str], datetime] = {}
    for each in corrections:
        if each.result == RIGHT and each.closed is not None:
            at = (each.record, each.library)
            found[at] = max(each.closed, found.get(at, each.closed))
    return found
