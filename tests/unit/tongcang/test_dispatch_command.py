"""`tongcang dispatch` and `outbox`: put together from the settings, on a real data folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner
from web_servers import Answer, serving

from store import audit, outbox, webhooks
from tongcang.commands import dispatch as command
from tongcang.commands.dispatch import dispatch_settings, link_to, make_senders
from tongcang.sending.settings import DispatchSettings
from tongcang.settings import Settings, SettingsError
from tongcang.system import System


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    opened = System(Settings(data=str(tmp_path), base_url="https://t.test"))
    yield opened
    opened.close()


def run(system: System, *arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command("dispatch")(command.dispatch)
    app.command("outbox")(command.outbox_command)

    @app.callback()
    def _open(context: typer.Context) -> None:
        context.obj = system

    found = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return found.exit_code, found.stdout


def test_one_pass_sends_what_it_can_and_tells(system: System) -> None:
    now = datetime.now(UTC)
    with serving(Answer(200)) as server:
        with system.database.write() as unit:
            hook = webhooks.add_webhook(unit, "", server.url(), webhooks.KINDS, webhooks.new_secret(), now)
            put = {"channel": "webhook", "kind": "request.status_changed", "body": "{}", "at": now}
            outbox.put_message(unit, key="a", target=str(hook.id), **put)
            outbox.put_message(unit, key="b", channel="email", target="CLCN", kind="officer.overdue", body="{}", at=now)
        code, told = run(system, "dispatch", "--once", "--json")
    assert code == 0
    passed = json.loads(told[told.index("{\n") :])  # logs go to standard error where the front door set them up
    # No network is allowed beside the public internet, and mail is not set up.
    assert (passed["sent"], passed["dead"], server.connections) == (0, 1, 0)
    code, told = run(system, "outbox", "--json")
    shown = json.loads(told)
    assert {each["channel"]: each["messages"] for each in shown["waiting"]} == {"iso18626": 0, "email": 1, "webhook": 0}
    [dead] = shown["dead"]
    assert dead["error"] == "an address that is not allowed"  # which one, the log tells: others read what is kept here
    assert run(system, "outbox", "--revive", str(dead["id"]))[0] == 0
    assert run(system, "outbox", "--revive", str(dead["id"]))[0] == 1
    with system.database.read() as unit:
        [noted] = audit.entries(unit, action="outbox.revive")
    assert (noted.way, noted.object) == ("command", f"message {dead['id']}")
    assert (noted.before, noted.after) == ({"state": "dead"}, {"state": "waiting"})
    for number in ("99999999999999999999", "-1"):
        assert run(system, "outbox", "--revive", number)[0] == 2
    assert run(system, "outbox")[0] == 0


def test_how_many_were_given_up_beside_those_that_are_listed_is_told(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    with system.database.write() as unit:
        for name in "abc":
            outbox.put_message(unit, key=name, channel="webhook", target=name, kind="webhook.test", body="{}", at=now)
        for each in outbox.claim_messages(unit, "us", 10, 60, now):
            outbox.mark_dead(unit, each.id, "us", now, "503")
    assert json.loads(run(system, "outbox", "--json")[1])["more"] == 0
    monkeypatch.setattr(command, "MOST_SHOWN", 2)
    shown = json.loads(run(system, "outbox", "--json")[1])
    assert (len(shown["dead"]), shown["more"]) == (2, 1)
    assert run(system, "outbox")[0] == 0


def test_what_the_settings_say_reaches_the_senders(system: System) -> None:
    found = dispatch_settings(system.settings)
    assert (found.base_url, found.time_zone) == ("https://t.test", "Asia/Shanghai")
    assert link_to(found.base_url)("reader.sent", 7) == "https://t.test/requests/7"
    assert set(make_senders(system.database, found)) == {"webhook", "iso18626"}
    mail = msgspec.structs.replace(found, smtp_host="relay.test", mail_from="通藏 <tongcang@lib.test>")
    assert set(make_senders(system.database, mail)) == {"webhook", "iso18626", "email"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"smtp_host": "relay.test"}, "mail_from"),
        ({"webhook_allow": "lib.test"}, "lib.test"),
        ({"peer_allow": "10.0.0.1/8"}, "10.0.0.1/8"),
    ],
)
def test_a_setting_that_can_not_be_is_named(system: System, given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        make_senders(system.database, DispatchSettings(**given))  # type: ignore[arg-type]


def test_a_time_zone_that_nobody_knows_is_told_before_a_mail_needs_it() -> None:
    with pytest.raises(SettingsError, match="Asia/Bejing"):
        dispatch_settings(Settings(time_zone="Asia/Bejing"))


def test_ports_follow_from_the_security() -> None:
    ports = {security: DispatchSettings(smtp_security=security).port for security in ("none", "starttls", "ssl")}  # type: ignore[arg-type]
    assert ports == {"none": 25, "starttls": 587, "ssl": 465}
    assert DispatchSettings(smtp_port=2525).port == 2525
