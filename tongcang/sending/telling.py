"""Whoever has to know that a message was given up is told by another one."""

from __future__ import annotations

from datetime import datetime

from routing.messages import undeliverable
from store.database import Unit
from store.outbox import Message, put_message


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
