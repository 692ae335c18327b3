"""Which number of ours a library that is asked knows a rota entry by, from the request's events. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.requests import Event
from search_api.interop.iso18626.naming import RequestNumber

_ASKS = ("send", "due", "retry")


def number_of(events: Iterable[Event], request: int, entry: int) -> RequestNumber:
    """After these events. A condition that is agreed to by asking again makes an attempt of its own, as asking again
    does."""
    attempts, by_retry = 0, False
    for event in events:
        if event.entry != entry:
            continue
        if event.name == "condition":
            by_retry = event.data.get("by") == "retry"
        elif event.name in _ASKS or (event.name == "accept" and by_retry):
            attempts += 1
    return RequestNumber(request, entry, max(1, attempts))
