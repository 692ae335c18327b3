"""`tongcang dispatch` and `outbox`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from routing.service import RequestService
from store import audit, outbox
from store.database import Database
from tongcang.commands.harvest import AsJson
from tongcang.dispatch import Dispatcher, database_clock
from tongcang.output import messages, print_json, print_table
from tongcang.pulse import beat
from tongcang.sending.http import Client
from tongcang.sending.iso18626 import IsoSender
from tongcang.sending.iso_rendering import reading, rendering
from tongcang.sending.mail import Link, MailSender
from tongcang.sending.outcome import Sender
from tongcang.sending.recipients import find_recipients
from tongcang.sending.settings import DispatchSettings, networks
from tongcang.sending.webhooks import WebhookSender
from tongcang.settings import Settings, SettingsError
from tongcang.system import System

OPERATORS = (
    "time_zone", "smtp_host", "smtp_port", "smtp_user", "smtp_password", "smtp_security", "smtp_ca", "mail_from",
    "mail_reply_to", "webhook_allow", "peer_allow", "http_ca",
)  # fmt: skip
"""What an operator sets of sending; the rest has its defaults."""

MOST_SHOWN = 100
"""Of the messages that were given up: what else there is, is told as a number."""


def dispatch(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let clocks run out, and send what waits in the outbox, until it is stopped; any number. 计时与发送进程。"""
    system: System = context.obj
    its = make_dispatcher(system)
    if not once:
        its.run()
        return
    passed = its.run_once()
    if as_json:
        print_json(passed)
        return
    sent = f"{passed.sent} messages sent, {passed.postponed} postponed, {passed.dead} given up"
    messages.print(f"{passed.timers} clocks rang; {sent}.")


def outbox_command(
    context: typer.Context,
    revive: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="Id of a message that was given up: send it again.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """What waits in the outbox, and what was given up. 发件箱。"""
    system: System = context.obj
    now = database_clock(system.database)()
    if revive:
        with system.database.write() as unit:
            if not outbox.revive_message(unit, revive, now):
                messages.print(f"Message {revive} was not given up, or is not there.")
                raise typer.Exit(1)
            told = {"state": "dead"}, {"state": "waiting"}
            audit.record(unit, audit.COMMAND, "outbox.revive", f"message {revive}", now, *told)
        messages.print(f"Message {revive} is sent again.")
    with system.database.read() as unit:
        lag, dead = outbox.outbox_lag(unit, now), outbox.dead_messages(unit, MOST_SHOWN)
        more = outbox.count_dead(unit) - len(dead)
    if as_json:
        shown = [{"id": each.id, "channel": each.channel, "kind": each.kind, "request": each.request_id,
                  "error": each.last_error} for each in dead]  # fmt: skip
        print_json({"waiting": lag, "dead": shown, "more": more})
        return
    rows = [(each.channel, each.messages, round(each.seconds)) for each in lag]
    print_table("等待发送 Waiting", ("渠道 channel", "消息 messages", "最早(秒) oldest, s"), rows)
    if dead:
        given_up = [(each.id, each.channel, each.kind, each.request_id, each.last_error) for each in dead]
        columns = ("编号 id", "渠道 channel", "种类 kind", "申请 request", "原因 why")
        print_table("未能送达 Given up", columns, given_up)
    if more:
        messages.print(f"还有 {more} 条没有列出，为较新的。 {more} more, newer ones, are not listed.")


def make_dispatcher(system: System) -> Dispatcher:
    """With a sender for every channel that is set up. Raises SettingsError."""
    settings = dispatch_settings(system.settings)
    database = system.database
    service = RequestService(lambda: datetime.now(UTC))
    senders = make_senders(database, settings)
    return Dispatcher(
        database,
        senders,
        lambda _: service.run_timers(database),
        database_clock(database),
        settings,
        beat=lambda: beat(system.settings),
    )


def make_senders(database: Database, settings: DispatchSettings) -> dict[str, Sender]:
    """By channel. Raises SettingsError."""
    now = database_clock(database)

    def client(allow: str) -> Client:
        return Client(
            networks(allow),
            timeout=settings.http_timeout,
            deadline=settings.http_deadline,
            max_bytes=settings.http_max_bytes,
            ca_file=settings.http_ca,
        )

    try:
        senders: dict[str, Sender] = {
            "webhook": WebhookSender(database, client(settings.webhook_allow), now),
            "iso18626": IsoSender(database, client(settings.peer_allow), rendering(database), reading(), now),
        }
        if settings.smtp_host:
            senders["email"] = MailSender(settings, find_recipients(database), link_to(settings.base_url))
    except ValueError as error:
        raise SettingsError(f"A setting of sending is wrong: {error}") from error
    return senders


def link_to(base_url: str) -> Link:
    """The page of the request, for whomever it is."""
    return lambda _kind, request: f"{base_url}/requests/{request}"


def dispatch_settings(settings: Settings) -> DispatchSettings:
    """Raises SettingsError where no mail could tell a day."""
    settings.zone()
    told = msgspec.structs.asdict(settings)
    values = {name: told[name] for name in OPERATORS if name in told}
    return DispatchSettings(**values, base_url=settings.public_url)
