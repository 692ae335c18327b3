"""How states of requests and entries look: a mark and a colour, beside the word and never instead of it."""

from __future__ import annotations

YOURS = frozenset(("draft", "owned", "dup_hold", "restricted", "condition", "review", "delivered", "on_loan",
                   "conditional", "sent", "received", "deferred"))  # fmt: skip
"""Somebody who looks at it may have something to do."""

DONE = frozenset(("closed_filled", "closed_local", "filled"))
OVER = frozenset(("closed_unfilled", "closed_duplicate", "closed_cancelled", "closed_expired", "refused", "skipped",
                  "timed_out", "forwarded"))  # fmt: skip


def tone(state: str) -> str:
    """Class of the style sheet."""
    if state in DONE:
        return "done"
    if state == "planned":
        return "planned"
    if state in OVER:
        return "over"
    return "yours" if state in YOURS else "going"
