"""ISO 18626 messages to libraries, by POST. What is written and what a confirmation says is the codec's to know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog

from mappings.requests import LibraryPolicy
from store.database import Database, Unit
from store.outbox import Message
from store.policies import policy_of
from tongcang.sending.http import NOT_ALLOWED, Client, ForbiddenError, UnreachableError
from tongcang.sending.outcome import IN_QUEUE, Dead, Outcome, Retry, Sent
from tongcang.sending.telling import tell_officers

log = structlog.get_logger("tongcang.sending")


class Verdict(Protocol):
    """What a library's answer says."""

    @property
    def ok(self) -> bool:
        """It has the message."""

    @property
    def understood(self) -> bool:
        """False = the answer is no confirmation of the message, which may not have arrived."""

    @property
    def why(self) -> str:
        """Of what is not ok, for a person."""


Render = Callable[[Message, LibraryPolicy], bytes | None]
"""The message as XML, of the version and under the agency id that the library's policy has; for the same message it is
the same, so that the library knows a repeat. None = the standard has no word for it, and needs none. Raises ValueError
where it can't be said."""

ReadConfirmation = Callable[[bytes, bytes], Verdict]
"""What an answer (first) says of the XML that was sent (second). Never raises."""


class IsoSender:
    def __init__(
        self,
        database: Database,
        client: Client,
        render: Render,
        read_confirmation: ReadConfirmation,
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._client, self._clock = database, client, clock
        self._render, self._read = render, read_confirmation

    def send(self, message: Message) -> Outcome:
        with self._database.read() as unit:
            policy = policy_of(unit, message.target)
        if policy.channel == "queue":
            return Dead(IN_QUEUE, told=False)
        if policy.channel != "iso18626" or not policy.address:
            return Dead("the library has no ISO 18626 service any more")
        try:
            xml = self._render(message, policy)
        except ValueError as error:
            return Dead(f"it can't be said in ISO 18626: {error}")
        if xml is None:
            return Dead("ISO 18626 has no message for it", told=False)
        try:
            reply = self._client.post(
                policy.address, xml, {"Content-Type": "application/xml; charset=utf-8"}, self._clock().timestamp()
            )
        except ForbiddenError as error:
            log.warning("an address is not allowed", message=message.id, error=str(error))
            return Dead(NOT_ALLOWED)
        except UnreachableError as error:
            return Retry(str(error))
        if reply.status >= 500 or reply.status in (408, 425, 429):
            return Retry(f"it answers with status {reply.status}", seconds=reply.wait)
        verdict = self._read(reply.body, xml)
        if verdict.ok:
            return Sent()
        if not verdict.understood:
            # Of a page that is no confirmation nothing follows: it may be a wrong address that is put right tomorrow.
            return Retry(f"it answers with status {reply.status} and no confirmation: {verdict.why}", "message")
        return Dead(f"the library does not accept it: {verdict.why}")

    def gave_up(self, unit: Unit, message: Message, reason: str, now: datetime) -> None:
        tell_officers(unit, message, reason, now)
