"""What requests have found out of a record's holdings, those too that were made while it still was several records.

Each finding stands under the record that was asked for then, and is never moved: records that were merged may be parted
again. So they are brought together when they are read.
"""

from __future__ import annotations

from collections.abc import Collection

from routing.estimates import HoldingPast, ageing
from routing.learning import past_decoder
from store import performance, unions
from store.database import Unit


def pasts_of(unit: Unit, record: str, libraries: Collection[str]) -> dict[str, HoldingPast]:
    """By library; one of whose holding nothing was found out is not there."""
    found: dict[str, HoldingPast] = {}
    records = [record, *unions.former_ids(unit, record)]
    for library, text in performance.trust_in_any(unit, records, libraries):
        past = past_decoder.decode(text)
        found[library] = together(found[library], past) if library in found else past
    return found


def together(one: HoldingPast, other: HoldingPast) -> HoldingPast:
    """Both counts, faded to the later day."""
    day = max(one.as_of, other.as_of)
    ages = [(past, *ageing(past.as_of, day)) for past in (one, other)]
    return HoldingPast(
        sum(past.held * held for past, held, _ in ages),
        sum(past.not_held * held for past, held, _ in ages),
        sum(past.on_shelf * shelf for past, _, shelf in ages),
        sum(past.off_shelf * shelf for past, _, shelf in ages),
        day,
    )
