"""The pulse: a file whose age tells whoever watches from outside whether this process still gets on.

Not beaten by a thread of its own, which would go on beating over work that hangs: the worker beats between two batches,
the scheduler from its own loop.
"""

from __future__ import annotations

from pathlib import Path

from tongcang.settings import Settings

EVERY = 30
"""Seconds between two beats of the scheduler."""


def beat(settings: Settings) -> None:
    """Touch the file, where the settings name one. Raises OSError where it can't be written."""
    if settings.pulse:
        Path(settings.pulse).touch()
