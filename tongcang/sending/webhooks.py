"""Webhooks as Standard Webhooks has them: webhook-id, webhook-timestamp, webhook-signature (v1, HMAC-SHA256)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

import structlog

from store import webhooks
from store.database import Database, Unit
from store.outbox import Message
from tongcang.sending.http import NOT_ALLOWED, Client, ForbiddenError, UnreachableError
from tongcang.sending.outcome import Dead, Outcome, Retry, Sent

log = structlog.get_logger("tongcang.sending")

OFF = "the subscription is off"


class WebhookSender:
    def __init__(self, database: Database, client: Client, clock: Callable[[], datetime]) -> None:
        self._database, self._client, self._clock = database, client, clock

    def send(self, message: Message) -> Outcome:
        number = int(message.target)
        with self._database.read() as unit:
            hook = webhooks.get_webhook(unit, number)
            if hook is None or not hook.active:
                return Dead(OFF, told=False)
            secret = webhooks.secret_of(unit, number)
        now = self._clock().timestamp()
        body = message.body.encode()
        try:
            reply = self._client.post(hook.url, body, headers_of(message.key, secret, body, int(now)), now)
        except ForbiddenError as error:
            log.warning("an address is not allowed", webhook=number, error=str(error))
            return Dead(NOT_ALLOWED)
        except UnreachableError as error:
            return _failed(number, str(error))
        if reply.is_success:
            return Sent(also=lambda unit: webhooks.note_delivery(unit, number, True))
        if reply.status == 410:
            return Dead("410: the address says that it is gone")
        return _failed(number, f"it answers with status {reply.status}", reply.wait)

    def gave_up(self, unit: Unit, message: Message, reason: str, now: datetime) -> None:
        """Days of failures, or an address that is gone: it is switched off, and its owner sees why."""
        webhooks.disable_webhook(unit, int(message.target), now, reason)


def _failed(number: int, reason: str, wait: float = 0.0) -> Retry:
    return Retry(reason, "target", wait, also=lambda unit: webhooks.note_delivery(unit, number, False))


def webhook_id(key: str) -> str:
    """The same for every attempt at one message, so that the other side can tell a repeat."""
    return f"msg_{sha256(key.encode()).hexdigest()[:32]}"


def headers_of(key: str, secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    name = webhook_id(key)
    signed = b".".join((name.encode(), str(timestamp).encode(), body))
    signature = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
