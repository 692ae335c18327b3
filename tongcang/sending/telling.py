"""What follows where a message to a library was given up: officers are told, and its request goes on to the next."""

from __future__ import annotations

from datetime import datetime

from routing.messages import ASKING, undeliverable
from store.database import Unit
from store.outbox import Message, claim_messages, mark_dead, put_message, release_message
from store.timers import hasten_timer

NO_SERVER = "no mail server is set up"

_MANY = 10_000
_SECONDS = 60.0
"""Of a lease that ends with the transaction in which it is taken."""


def tell_officers(unit: Unit, message: Message, reason: str, now: datetime) -> None:
    """The officers of the requesting library, where a library was not reached."""
    notice = undeliverable(message.key, message.channel, message.kind, message.body, reason)
    if notice is not None:
        put_message(
            unit,
            key=notice.key,
            channel=notice.channel,
            target=notice.target,
            kind=notice.kind,
            body=notice.body,
            at=now,
            request_id=notice.request_id,
            entry=notice.entry,
        )
    if message.kind in ASKING:
        hasten_timer(unit, message.request_id, message.entry, "receipt", now)


def give_up_mail(unit: Unit, owner: str, now: datetime) -> list[Message]:
    """What was to go to libraries by mail where there is no mail server: so officers hear of it, and the next library
    is asked. What people are to read waits until there is one."""
    given_up = []
    for message in claim_messages(unit, owner, _MANY, _SECONDS, now, channels=("email",), per_target=_MANY):
        if message.kind.startswith("supplier."):
            mark_dead(unit, message.id, owner, now, NO_SERVER)
            tell_officers(unit, message, NO_SERVER, now)
            given_up.append(message)
        else:
            release_message(unit, message.id, owner)
    return given_up
