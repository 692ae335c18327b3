"""Days as they are written in policies, settings and tariffs: 2026-12-31, and in no other way."""

from __future__ import annotations

from datetime import date


def iso_day(text: str) -> date:
    """Raises ValueError. 20261231 and 2026-W53-4 are days to Python as well, but days are also compared as texts, and
    there they would come before or after all others."""
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(f"{text!r} is not written as 2026-12-31")
    return day
