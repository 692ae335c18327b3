"""Webhooks to real servers, verified by the reference library of Standard Webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from structlog.testing import capture_logs
from web_servers import Answer, Got, serving

from store import outbox, webhooks
from store.database import Database
from store.outbox import Message
from tongcang.sending.http import Client
from tongcang.sending.outcome import Dead, Retry, Sent
from tongcang.sending.settings import networks
from tongcang.sending.webhooks import OFF, WebhookSender, webhook_id

KIND = "request.status_changed"
BODY = '{"type":"request.status_changed","data":{"status":"delivered","名":"馆"}}'


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'state.db'}")
    opened.migrate()
    yield opened
    opened.close()


def subscribed(database: Database, url: str) -> tuple[Message, str]:
    """A message to a new subscription, and its secret."""
    secret, now = webhooks.new_secret(), datetime.now(UTC)
    with database.write() as unit:
        hook = webhooks.add_webhook(unit, "RUC", url, [KIND], secret, now)
        key = f"7/6/webhook/{hook.id}/{KIND}"
        outbox.put_message(unit, key=key, channel="webhook", target=str(hook.id), kind=KIND, body=BODY, at=now)
        [message] = outbox.claim_messages(unit, "甲", 9, 60, now)
    return message, secret


def sender(database: Database, allow: str = "127.0.0.1", at: datetime | None = None) -> WebhookSender:
    return WebhookSender(database, Client(networks(allow), timeout=3, deadline=5), lambda: at or datetime.now(UTC))


def verified(got: Got, secret: str) -> object:
    return Webhook(secret).verify(got.body, got.headers)


def failures(database: Database, message: Message) -> int:
    with database.read() as unit:
        hook = webhooks.get_webhook(unit, int(message.target))
        assert hook is not None
        return hook.failures


def test_what_arrives_is_signed_as_the_standard_says(database: Database) -> None:
    with serving(Answer(204)) as server:
        message, secret = subscribed(database, server.url())
        assert isinstance(sender(database).send(message), Sent)
        [got] = server.got
    told = verified(got, secret)
    assert told == {"type": KIND, "data": {"status": "delivered", "名": "馆"}}
    assert got.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        verified(got, webhooks.new_secret())
    with pytest.raises(WebhookVerificationError):
        verified(got._replace(body=got.body.replace(b"delivered", b"cancelled")), secret)
    with pytest.raises(WebhookVerificationError):
        verified(got._replace(headers=got.headers | {"webhook-id": "msg_other"}), secret)


def test_a_repeat_has_the_same_id_and_a_signature_of_its_own_time(database: Database) -> None:
    now = datetime.now(UTC)
    with serving(Answer(200)) as server:
        message, secret = subscribed(database, server.url())
        sender(database, at=now - timedelta(seconds=100)).send(message)
        sender(database, at=now).send(message)
        first, second = server.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == webhook_id(message.key)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert verified(first, secret) == verified(second, secret)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
def test_any_other_answer_is_a_failure_that_may_pass(database: Database, status: int) -> None:
    with serving(Answer(status, b"", (("Retry-After", "77"), ("Location", "http://127.0.0.1:1/")))) as server:
        message, _ = subscribed(database, server.url())
        outcome = sender(database).send(message)
        assert server.connections == 1
    assert isinstance(outcome, Retry)
    assert (outcome.away, outcome.seconds) == ("target", 77.0)
    with database.write() as unit:
        outcome.also(unit)
    assert failures(database, message) == 1


def test_a_delivery_ends_the_failures_in_a_row(database: Database) -> None:
    with serving(Answer(200)) as server:
        message, _ = subscribed(database, server.url())
        with database.write() as unit:
            webhooks.note_delivery(unit, int(message.target), False)
        outcome = sender(database).send(message)
        assert failures(database, message) == 1
        with database.write() as unit:
            outcome.also(unit)
    assert failures(database, message) == 0


def test_an_address_that_is_gone_or_forbidden_is_given_up_and_switched_off(database: Database) -> None:
    with serving(Answer(410)) as server:
        gone, _ = subscribed(database, server.url())
        forbidden, _ = subscribed(database, server.url())
        assert isinstance(sender(database).send(gone), Dead)
        strict = sender(database, allow="")
        with capture_logs() as logged:
            outcome = strict.send(forbidden)
        assert outcome == Dead("an address that is not allowed"), "its owner does not learn what is behind a name"
        assert "127.0.0.1" in logged[0]["error"]
        assert server.connections == 1
    with database.write() as unit:
        strict.gave_up(unit, forbidden, outcome.reason, datetime.now(UTC))
    assert strict.send(forbidden) == Dead(OFF, told=False)
    with database.write() as unit:
        webhooks.remove_webhook(unit, int(gone.target))
    assert strict.send(gone) == Dead(OFF, told=False)


def test_a_server_that_is_not_there_may_come_back(database: Database) -> None:
    with serving(Answer()) as server:
        url = server.url()
    message, secret = subscribed(database, url)
    outcome = sender(database).send(message)
    assert isinstance(outcome, Retry)
    assert secret not in outcome.reason
