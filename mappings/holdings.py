"""Holdings told in several fields: items and coverage that belong to the holding before them (866, 876, 906, 935)."""

from __future__ import annotations

from msgspec.structs import replace

from mappings.model import Holding


def attach_holding(holdings: list[Holding], found: Holding) -> None:
    """Add what a field tells to the last holding; a barcode that is there already is one item. Without a holding
    before it, it stands as one."""
    if not holdings:
        holdings.append(found)
        return
    last = holdings[-1]
    known = {item.barcode for item in last.items}
    coverage = last.coverage
    if found.coverage and found.coverage not in coverage:
        coverage = f"{coverage}; {found.coverage}" if coverage else found.coverage
    holdings[-1] = replace(
        last,
        branch=last.branch or found.branch,
        location=last.location or found.location,
        call_number=last.call_number or found.call_number,
        coverage=coverage,
        copies=last.copies + found.copies,
        status=last.status or found.status,
        items=last.items + tuple(item for item in found.items if not item.barcode or item.barcode not in known),
    )
