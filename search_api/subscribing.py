"""Webhooks: programs that want to be told when the status of a request changes (Standard Webhooks)."""

from __future__ import annotations

import secrets
from datetime import UTC
from urllib.parse import urlsplit

import msgspec

from harvester.sources.oai_pmh_address import check_url
from harvester.sources.protocol import SourceError
from search_api.access.principal import Principal
from search_api.house_answers import DeliveryAnswer, NewWebhookAnswer, WebhookEntry, WebhookList
from search_api.policy import Facts, allowed, demand, sees_all
from search_api.problems import bad_parameter, conflict, unknown_thing
from search_api.requesting import Requesting
from store import audit, outbox, webhooks
from store.database import Unit
from store.libraries import get_library
from store.webhooks import KINDS, Webhook

MOST = 20
"""Subscriptions of a library."""

TEST = "webhook.test"


class Subscribing:
    """Thread-safe; keeps nothing."""

    def __init__(self, requesting: Requesting) -> None:
        self.database = requesting.database
        self.service = requesting.service

    def subscriptions(self, who: Principal, library: str) -> WebhookList:
        """Of a library; "" = of one's own, or all for those who see all."""
        wanted = library or (None if sees_all(who, "webhook.manage") else who.library)
        demand(who, "webhook.manage", Facts(library=wanted or ""))
        with self.database.read() as unit:
            return WebhookList(tuple(_entry(each) for each in webhooks.list_webhooks(unit, wanted)))

    def subscribe(
        self, who: Principal, library: str, url: str, kinds: tuple[str, ...], request_id: str
    ) -> NewWebhookAnswer:
        """`library`: whose requests it is told of; "" = one's own, or (for those who have none) all. The secret is
        shown this once."""
        library = library or who.library
        demand(who, "webhook.manage", Facts(library=library))
        _require_address(url)
        if not kinds or not set(kinds) <= set(KINDS):
            raise bad_parameter("kinds", f"可用的有 {'、'.join(KINDS)}。", f"Only {', '.join(KINDS)} are known.")
        secret = webhooks.new_secret()
        with self.database.write() as unit:
            if library and get_library(unit, library) is None:
                raise bad_parameter("library", "没有这家成员馆。", "There is no such member library.")
            if len(webhooks.list_webhooks(unit, library)) >= MOST:
                raise conflict("too-many", f"每馆最多 {MOST} 个订阅。", f"A library has {MOST} subscriptions at most.")
            now = self.service.clock()
            made = webhooks.add_webhook(unit, library, url, dict.fromkeys(kinds), secret, now)
            after = {"library": library, "host": urlsplit(url).hostname or "", "kinds": list(made.kinds)}
            audit.record(unit, who.actor(request_id), "webhook.make", f"webhook {made.id}", now, {}, after)
        return NewWebhookAnswer(secret, _entry(made))

    def unsubscribe(self, who: Principal, number: int, request_id: str) -> None:
        with self.database.write() as unit:
            its = self._found(unit, who, number)
            webhooks.remove_webhook(unit, number)
            before = {"library": its.library}
            audit.record(
                unit, who.actor(request_id), "webhook.remove", f"webhook {number}", self.service.clock(), before
            )

    def test(self, who: Principal, number: int, request_id: str) -> DeliveryAnswer:
        """Put a message into the outbox that goes the way of all others, signed as they are."""
        with self.database.write() as unit:
            its = self._found(unit, who, number)
            if not its.active:
                raise conflict(
                    "webhook-off", "该订阅已停用，请删除后重新订阅。", "The subscription is off. Make it anew."
                )
            now = self.service.clock()
            at = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
            body = {"type": TEST, "timestamp": at, "data": {"webhook": number}}
            outbox.put_message(
                unit,
                key=f"webhook/{number}/test/{secrets.token_hex(8)}",
                channel="webhook",
                target=str(number),
                kind=TEST,
                body=msgspec.json.encode(body).decode(),
                at=now,
            )
            audit.record(unit, who.actor(request_id), "webhook.test", f"webhook {number}", now)
        return DeliveryAnswer(number, TEST)

    def _found(self, unit: Unit, who: Principal, number: int) -> Webhook:
        """Another library's is as unknown as one that there isn't."""
        found = webhooks.get_webhook(unit, number)
        if found is None or not allowed(who, "webhook.manage", Facts(library=found.library)):
            raise unknown_thing()
        return found


def _require_address(url: str) -> None:
    """What it leads to is asked when something is sent, and each time anew (tongcang/sending/http.py)."""
    try:
        check_url(url)
        fits = "@" not in urlsplit(url).netloc and url.isprintable() and not any(map(str.isspace, url))
    except (SourceError, ValueError):
        fits = False
    if not fits:
        raise bad_parameter(
            "url",
            "须为 http(s) 网址，不含用户名和密码；端口只能是 80、443 或 1024 以上。",
            "An http(s) address without a user name or password, at port 80, 443 or one from 1024.",
        )


def _entry(its: Webhook) -> WebhookEntry:
    return WebhookEntry(
        its.id, its.library, its.url, its.kinds, its.active, its.failures, its.created, its.disabled_why,
        its.disabled_at,
    )  # fmt: skip
