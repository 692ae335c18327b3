"""`tongcang account …` as an operator runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mappings.model import Library
from search_api.access.passwords import Passwords
from search_api.access.tokens import code_hash, key_prefix
from store import accounts, api_keys, sessions
from store.accounts import Account
from store.audit import entries
from store.erasures import FILE
from store.libraries import put_library
from tongcang.commands import account
from tongcang.settings import Settings
from tongcang.system import System

PASSWORD = "三只猫坐在屋顶 2026"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(Settings(data=str(tmp_path / "data")))
    with made.database.write() as unit:
        put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
    yield made
    made.close()


def run(system: System, *words: str, told: str = "") -> Result:
    return CliRunner().invoke(account.app, words, obj=system, input=told)


def add(system: System, login: str, *roles: str, library: str = "clcn") -> Account:
    words = [word for role in roles for word in ("--role", role)]
    done = run(system, "add", login, *words, "--library", library, told=f"{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    return found(system, login)


def found(system: System, login: str) -> Account:
    with system.database.read() as unit:
        account = accounts.find_account(unit, login)
    assert account is not None
    return account


def audited(system: System) -> list[str]:
    with system.database.read() as unit:
        assert all(entry.way == "command" and entry.who == 0 for entry in entries(unit))
        return [entry.action for entry in reversed(entries(unit))]


def test_an_account_is_added_with_the_password_of_standard_input(system: System) -> None:
    made = add(system, "Desk@首图", "supplier", "requester")
    assert (made.login, made.roles, made.library) == ("desk@首图", ("requester", "supplier"), "CLCN")
    with system.database.read() as unit:
        assert Passwords().verify(accounts.password_of(unit, made.id), PASSWORD)
    assert audited(system) == ["account.add"]


def test_no_command_takes_a_password_as_argument(system: System) -> None:
    for name in ("add", "password"):
        text = run(system, name, "--help").output
        assert "--password" not in text
    assert run(system, "add", "x", PASSWORD, "--role", "system").exit_code == 2


@pytest.mark.parametrize(
    ("words", "told", "sentence"),
    [
        (("add", "x", "--role", "admin", "--library", "clcn"), "short\n", "at least 10"),
        (("add", "x", "--role", "admin", "--library", "clcn"), "", "at least 10"),
        (("add", "x", "--role", "root", "--library", "clcn"), PASSWORD, "Roles are among"),
        (("add", "x", "--role", "admin"), PASSWORD, "have no library"),
        (("add", "x", "--role", "admin", "--library", "nowhere"), PASSWORD, "There is no library"),
        (("add", "desk", "--role", "admin", "--library", "clcn"), PASSWORD, "taken"),
        (("add", "11010519491231002X", "--role", "admin", "--library", "clcn"), PASSWORD, "login: Don't give an"),
        (("add", "x", "--role", "admin", "--library", "clcn", "--email", "not an email"), PASSWORD, "email: This"),
        (("add", "x", "--role", "admin", "--library", "clcn", "--name", "a" * 101), PASSWORD, "name: This"),
        (("add", "x", "--role", "system", "--language", "fr"), PASSWORD, "--language"),
        (("password", "nobody"), PASSWORD, "There is no account"),
        (("roles", "desk", "--role", "system"), "", "have no library"),
        (("revoke", "nothing"), "", "There is no key"),
        (("key", "desk", "--role", "admin", "--scope", "queue", "--label", "x"), "", "can't answer"),
        (("key", "desk", "--role", "supplier", "--scope", "all", "--label", "x"), "", "There is no scope"),
        (("key", "desk", "--role", "supplier", "--library", "pku", "--scope", "queue", "--label", "x"), "", "can"),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_and_changes_nothing(
    system: System, words: tuple[str, ...], told: str, sentence: str
) -> None:
    add(system, "desk", "supplier")
    done = run(system, *words, told=told)
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.replace("│", " ").split())
    assert PASSWORD not in done.output
    assert audited(system) == ["account.add"]


def test_a_code_instead_of_a_password(system: System) -> None:
    done = run(system, "add", "boss", "--role", "admin", "--library", "CLCN", "--code", "--json")
    code = json.loads(done.stdout)["code"]
    boss = found(system, "boss")
    assert not boss.can_sign_in
    shown = run(system, "password", "boss", "--code")
    second = shown.stdout.splitlines()[-1] if "-" in shown.stdout.splitlines()[-1] else shown.stdout.splitlines()[0]
    now = account._door(system).now()
    with system.database.write() as unit:
        assert accounts.use_code(unit, "boss", code_hash(code), "hash", now) is None
        assert accounts.use_code(unit, "boss", code_hash(second), "hash", now) is not None
    assert audited(system) == ["account.add", "account.code"]


def test_a_new_password_and_a_shut_account_end_the_sessions(system: System) -> None:
    desk = add(system, "desk", "supplier")
    now = account._door(system).now()
    for words, told in ((("password", "desk"), "另一个湖边的旧木船与灯塔\n"), (("disable", "desk"), "")):
        with system.database.write() as unit:
            sessions.begin_session(unit, "a" * 64, desk.id, now, sessions.SEEN_EVERY)
        assert run(system, *words, told=told).exit_code == 0
        with system.database.write() as unit:
            assert sessions.end_sessions_of(unit, desk.id) == 0
    assert not found(system, "desk").active
    assert run(system, "disable", "desk").exit_code == 0, "again is no matter"
    assert run(system, "enable", "desk").exit_code == 0
    assert found(system, "desk").active
    assert audited(system) == ["account.add", "account.password", "account.active", "account.active"]


def test_the_list_and_roles(system: System) -> None:
    add(system, "desk", "supplier")
    add(system, "sys", "system", library="")
    done = run(system, "roles", "desk", "--role", "supplier", "--role", "requester", "--json")
    assert json.loads(done.stdout)["roles"] == ["requester", "supplier"]
    listed = json.loads(run(system, "list", "--json").stdout)
    assert [each["login"] for each in listed] == ["desk", "sys"]
    assert "password" not in listed[0] and "argon2" not in str(listed)
    assert [each["login"] for each in json.loads(run(system, "list", "--library", "clcn", "--json").stdout)] == ["desk"]
    assert "可登录" in run(system, "list").stdout


def test_erasing_asks_first(system: System) -> None:
    desk = add(system, "desk", "supplier")
    assert run(system, "erase", "desk", told="n\n").exit_code == 1
    assert found(system, "desk") == desk
    assert run(system, "erase", "desk", "--yes").exit_code == 0
    assert run(system, "erase", "desk", "--yes").exit_code == 2
    assert str(desk.id) in (system.settings.folder / FILE).read_text()
    assert "已删除" in run(system, "list").stdout
    assert audited(system) == ["account.add", "account.erase"]


def test_keys_are_made_listed_and_revoked(system: System) -> None:
    desk = add(system, "desk", "supplier")
    done = run(system, "key", "desk", "--role", "supplier", "--scope", "queue", "--label", "门户", "--days", "30")
    shown = next(line for line in done.output.splitlines() if line.startswith("tck_"))
    prefix = key_prefix(shown)
    assert prefix is not None
    (listed,) = json.loads(run(system, "keys", "--json").stdout)
    assert (listed["prefix"], listed["library"], listed["scopes"]) == (prefix, "CLCN", ["queue"])
    assert shown not in run(system, "keys").stdout and prefix in run(system, "keys").stdout
    assert run(system, "revoke", prefix).exit_code == 0
    with system.database.read() as unit:
        key = api_keys.find_key(unit, prefix)
    assert key is not None and key[0].revoked is not None and key[0].account_id == desk.id
    assert audited(system) == ["account.add", "key.make", "key.revoke"]
    as_json = run(system, "key", "desk", "--role", "supplier", "--scope", "queue", "--label", "x", "--json")
    assert json.loads(as_json.stdout)["key"].startswith("tck_")
