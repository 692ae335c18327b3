"""Subscriptions of programs: who is told of what, and when nothing more is sent."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import NoResultFound

from store import webhooks
from store.database import Database

NOW = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
KIND = "request.status_changed"


def add(database: Database, library: str = "RUC") -> webhooks.Webhook:
    with database.write() as unit:
        return webhooks.add_webhook(unit, library, "https://lib.test/钩", [KIND], webhooks.new_secret(), NOW)


def test_a_secret_has_256_bits_and_is_shown_to_whoever_signs_only(database: Database) -> None:
    made = add(database)
    with database.read() as unit:
        secret = webhooks.secret_of(unit, made.id)
        shown = repr([webhooks.list_webhooks(unit), webhooks.get_webhook(unit, made.id), made])
    prefix, _, rest = secret.partition("_")
    assert (prefix, len(base64.b64decode(rest))) == ("whsec", 32)
    assert rest not in shown
    assert webhooks.new_secret() != webhooks.new_secret()


def test_those_are_told_whom_it_concerns(database: Database) -> None:
    ruc, pku, system = (add(database, library).id for library in ("RUC", "PKU", ""))
    with database.write() as unit:
        assert webhooks.subscribers(unit, KIND, ["RUC", "CLCN"]) == {ruc: "RUC", system: ""}
        assert webhooks.subscribers(unit, KIND, []) == {system: ""}
        assert webhooks.subscribers(unit, "run.finished", ["RUC"]) == {}
        assert webhooks.disable_webhook(unit, system, NOW, "410 Gone")
        assert not webhooks.disable_webhook(unit, system, NOW, "again")
        assert webhooks.subscribers(unit, KIND, ["RUC", "PKU"]) == {ruc: "RUC", pku: "PKU"}
        assert [hook.id for hook in webhooks.list_webhooks(unit, "PKU")] == [pku]
        assert [hook.id for hook in webhooks.list_webhooks(unit)] == [ruc, pku, system]


def test_failures_in_a_row_are_counted_and_a_delivery_ends_them(database: Database) -> None:
    hook = add(database)
    with database.write() as unit:
        for delivered, failures in ((False, 1), (False, 2), (True, 0), (True, 0), (False, 1)):
            webhooks.note_delivery(unit, hook.id, delivered)
            now = webhooks.get_webhook(unit, hook.id)
            assert now is not None
            assert now.failures == failures
        webhooks.disable_webhook(unit, hook.id, NOW, "停用")
        off = webhooks.get_webhook(unit, hook.id)
        assert off is not None
        assert (off.active, off.disabled_at, off.disabled_why) == (False, NOW, "停用")
        assert webhooks.enable_webhook(unit, hook.id)
        assert webhooks.get_webhook(unit, hook.id) == hook


def test_a_subscription_that_is_gone_is_gone(database: Database) -> None:
    hook = add(database)
    with database.write() as unit:
        assert webhooks.remove_webhook(unit, hook.id)
        assert not webhooks.remove_webhook(unit, hook.id)
        assert webhooks.get_webhook(unit, hook.id) is None
        assert not webhooks.enable_webhook(unit, hook.id)
        with pytest.raises(NoResultFound):
            webhooks.secret_of(unit, hook.id)


@pytest.mark.parametrize("kinds", [[], ["request.created"], [KIND, "x"]])
def test_a_kind_that_there_is_not_is_refused(database: Database, kinds: list[str]) -> None:
    with pytest.raises(ValueError, match=r"request\.status_changed"), database.write() as unit:
        webhooks.add_webhook(unit, "", "https://lib.test/", kinds, webhooks.new_secret(), NOW)
