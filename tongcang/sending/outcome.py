"""What comes of sending a message, and what a sender is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from store.database import Unit
from store.outbox import Message

Also = Callable[[Unit], object]
"""Written in the transaction that says what came of the message."""


def nothing(_: Unit) -> None:
    return None


class Sent(Struct, frozen=True):
    """The other side has it."""

    also: Also = nothing


class Retry(Struct, frozen=True):
    """It did not go through, and may later. `away`: what else is not worth trying until then."""

    reason: str
    away: Literal["message", "target", "channel"] = "target"
    seconds: float = 0.0  # that the other side asks us to wait; 0 = it says nothing
    also: Also = nothing


class Dead(Struct, frozen=True):
    """It can never go through. `told`: somebody has to know."""

    reason: str
    told: bool = True
    also: Also = nothing


Outcome = Sent | Retry | Dead

IN_QUEUE = "the library works in the queue by now, where it finds everything"
"""No failure: nobody has to know."""


class Sender(Protocol):
    """Sends the messages of one channel. Thread-safe. Whatever it raises counts as a failure that may pass."""

    def send(self, message: Message) -> Outcome: ...

    def gave_up(self, unit: Unit, message: Message, reason: str, now: datetime) -> None:
        """In the transaction in which a message is given up: let those know whom it concerns."""
        ...
