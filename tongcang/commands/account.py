"""`tongcang account add|list|password|roles|disable|enable|erase|key|keys|revoke`.

Passwords come from a prompt or from standard input: whatever stands among the arguments, every user of the machine can
read in its list of processes, and the shell keeps it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from routing.service import RequestService
from routing.withdrawing import withdraw_open
from search_api.access import contact
from search_api.access.door import Door, stands_for
from search_api.access.passwords import complaint
from search_api.access.tokens import code_hash, new_code
from search_api.accounts import CODE_DAYS, KEY_DAYS, RefusedError, WantedKey, make_key, revoke_key
from search_api.policy import SCOPES
from search_api.settings import ApiSettings
from search_api.vocabulary import UI_LANGUAGES
from store import accounts, api_keys, libraries, sessions
from store.accounts import Account, AccountError, NewAccount
from store.audit import COMMAND, record
from store.database import Unit
from store.erasures import erase_person
from tongcang.commands.harvest import AsJson
from tongcang.output import messages, print_json, print_table
from tongcang.system import System

app = typer.Typer(help="Accounts of staff and readers, and API keys. 账户与接口密钥。", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="Login of the account.")]
Roles = Annotated[list[str], typer.Option("--role", help=f"One of {', '.join(accounts.ROLES)}; may be repeated.")]
AsCode = Annotated[bool, typer.Option("--code", help="Show a one-time code; its owner sets a password with it.")]


@app.command("add")
def add(
    context: typer.Context,
    login: Annotated[str, typer.Argument(help="Up to 100 characters, no blanks.")],
    role: Roles,
    library: Annotated[str, typer.Option(help="Symbol; none for system librarians and auditors.")] = "",
    name: Annotated[str, typer.Option(help="Name of the person or the desk.")] = "",
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    as_code: AsCode = False,
    as_json: AsJson = False,
) -> None:
    """Make an account; its password is asked for, or read from standard input. 添加账户。"""
    system: System = context.obj
    if language not in UI_LANGUAGES:
        raise typer.BadParameter(f"--language is one of {', '.join(UI_LANGUAGES)}, not {language!r}.")
    if found := contact.complaints({"login": login, "name": name, "email": email}):
        raise typer.BadParameter(" ".join(f"{field}: {words.en} {words.zh}" for field, words in found.items()))
    door = _door(system)
    hashed = "" if as_code else door.passwords.hash(_password(login, name))
    now = door.now()
    with system.database.write() as unit:
        if library and libraries.get_library(unit, library.upper()) is None:
            raise typer.BadParameter(f"There is no library {library}: tongcang library add comes first.")
        new = NewAccount(login, tuple(role), library.upper(), hashed, name, email, language=language)
        try:
            made = accounts.add_account(unit, new, now)
        except AccountError as error:
            raise typer.BadParameter(str(error)) from error
        after = {"library": made.library, "roles": made.roles}
        record(unit, COMMAND, "account.add", _name(made), now, None, after)
        code = _give_code(unit, door, made) if as_code else ""
    _tell(made, as_json, f"{made.login}: added as {', '.join(made.roles)}.", code)


@app.command("list")
def list_(
    context: typer.Context,
    library: Annotated[str | None, typer.Option(help="Only those of this library (symbol).")] = None,
    as_json: AsJson = False,
) -> None:
    """Who may sign in. 列出账户。"""
    system: System = context.obj
    with system.database.read() as unit:
        found = accounts.accounts_of(unit, library.upper() if library else None)
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    columns = ("登录名 login", "姓名 name", "角色 roles", "馆 library", "状态 state", "登记 created")
    rows = [
        (each.login, each.name, " ".join(each.roles), each.library, _state(each), each.created.date()) for each in found
    ]
    print_table("", columns, rows)


@app.command("password")
def password(context: typer.Context, login: Login, as_code: AsCode = False, as_json: AsJson = False) -> None:
    """Set a password; all sessions of the account end. 设置密码。"""
    system: System = context.obj
    door = _door(system)
    with system.database.read() as unit:
        account = _found(unit, login)
    hashed = "" if as_code else door.passwords.hash(_password(account.login, account.name, account.card))
    code = ""
    with system.database.write() as unit:
        if as_code:
            code = _give_code(unit, door, account)
        else:
            accounts.set_password(unit, account.id, hashed)
            sessions.end_sessions_of(unit, account.id)
        record(unit, COMMAND, "account.code" if as_code else "account.password", _name(account), door.now())
    _tell(account, as_json, f"{account.login}: {'a new code' if as_code else 'the password is changed'}.", code)


@app.command("roles")
def roles(context: typer.Context, login: Login, role: Roles, as_json: AsJson = False) -> None:
    """Give an account other roles, in the place of those that it has. 更改角色。"""
    system: System = context.obj
    with system.database.write() as unit:
        before = _found(unit, login)
        try:
            after = accounts.set_roles(unit, before.id, role)
        except AccountError as error:
            raise typer.BadParameter(str(error)) from error
        told = ({"roles": before.roles}, {"roles": after.roles})
        record(unit, COMMAND, "account.roles", _name(after), _door(system).now(), *told)
    _tell(after, as_json, f"{after.login}: {', '.join(after.roles)}.")


@app.command("disable")
def disable(context: typer.Context, login: Login, as_json: AsJson = False) -> None:
    """Shut an account: its sessions end, its keys are worth nothing while it is shut. 停用账户。"""
    _set_active(context.obj, login, False, as_json)


@app.command("enable")
def enable(context: typer.Context, login: Login, as_json: AsJson = False) -> None:
    """Open an account that was shut. 恢复账户。"""
    _set_active(context.obj, login, True, as_json)


def _set_active(system: System, login: str, active: bool, as_json: bool) -> None:
    with system.database.write() as unit:
        before = _found(unit, login)
        accounts.set_active(unit, before.id, active)
        if not active:
            sessions.end_sessions_of(unit, before.id)
        if before.active != active:
            told = ({"active": before.active}, {"active": active})
            record(unit, COMMAND, "account.active", _name(before), _door(system).now(), *told)
        after = accounts.require_account(unit, before.id)
    _tell(after, as_json, f"{after.login}: {'open' if active else 'shut'}.")


@app.command("erase")
def erase(
    context: typer.Context,
    login: Login,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase what is kept of a person, for good, also from backups that are restored later. 删除个人信息。"""
    system: System = context.obj
    with system.database.read() as unit:
        account = _found(unit, login)
    if not yes:
        typer.confirm(f"Erase {account.login} for good?", abort=True, err=True)
    withdraw_open(system.database, RequestService(_door(system).now), account.id)
    erase_person(system.database, system.settings.folder, account.id, COMMAND, _door(system).now())
    with system.database.read() as unit:
        erased = accounts.require_account(unit, account.id)
    _tell(erased, as_json, f"{account.login}: erased.")


# ---------------------------------------------------------------------------------------------- keys


@app.command("key")
def key(
    context: typer.Context,
    login: Annotated[str, typer.Argument(help="Who answers for the key: it falls with the account.")],
    role: Roles,
    scope: Annotated[list[str], typer.Option(help=f"One of {', '.join(SCOPES)}; may be repeated.")],
    label: Annotated[str, typer.Option(help="What it is for.")],
    library: Annotated[str, typer.Option(help="Symbol; the account's own where it is left out.")] = "",
    days: Annotated[int, typer.Option(min=1, max=KEY_DAYS, help="How long it is good.")] = KEY_DAYS,
    as_json: AsJson = False,
) -> None:
    """Make an API key. It is shown this once. 生成接口密钥。"""
    system: System = context.obj
    unknown = sorted(set(scope) - set(SCOPES))
    if unknown:
        raise typer.BadParameter(f"There is no scope {', '.join(unknown)}: use {', '.join(SCOPES)}.")
    with system.database.read() as unit:
        owner = _found(unit, login)
    symbol = library.upper() or owner.library
    if not stands_for(owner, symbol, role):
        told = f"{', '.join(role)} of {symbol or 'no library'}"
        raise typer.BadParameter(f"{owner.login} can't answer for a key as {told}.")
    wanted = WantedKey(label, symbol, tuple(role), tuple(scope), days)
    try:
        made, shown = make_key(_door(system), COMMAND, owner.id, wanted)
    except RefusedError as error:
        raise typer.BadParameter(" ".join(words.en for words in error.fields.values())) from error
    if as_json:
        print_json({"key": shown} | _key_as_json(made))
        return
    sys.stdout.write(shown + "\n")
    messages.print(f"Good until {made.expires.date()}. It is shown this once: keep it.", markup=False)


@app.command("keys")
def keys(
    context: typer.Context,
    library: Annotated[str | None, typer.Option(help="Only those of this library (symbol).")] = None,
    as_json: AsJson = False,
) -> None:
    """All API keys, without the keys themselves. 列出接口密钥。"""
    system: System = context.obj
    with system.database.read() as unit:
        found = api_keys.keys_of(unit, library.upper() if library else None)
    if as_json:
        print_json([_key_as_json(each) for each in found])
        return
    columns = ("前缀 prefix", "用途 label", "馆 library", "角色 roles", "范围 scopes", "有效至 until", "撤销 revoked")
    rows = [
        (each.prefix, each.label, each.library, " ".join(each.roles), " ".join(each.scopes), each.expires.date(),
         each.revoked.date() if each.revoked else None)
        for each in found
    ]  # fmt: skip
    print_table("", columns, rows)


@app.command("revoke")
def revoke(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="As `tongcang account keys` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Revoke an API key, at once and for good. 撤销接口密钥。"""
    system: System = context.obj
    with system.database.read() as unit:
        found = api_keys.find_key(unit, prefix)
    if found is None:
        raise typer.BadParameter(f"There is no key {prefix}.")
    revoke_key(_door(system), COMMAND, found[0])
    if as_json:
        print_json({"prefix": prefix, "revoked": True})
    else:
        messages.print(f"{prefix}: revoked.", markup=False)


# ---------------------------------------------------------------------------------------------- inside


def _door(system: System) -> Door:
    return Door(system.database, ApiSettings(data_folder=system.settings.data))


def _found(unit: Unit, login: str) -> Account:
    found = accounts.find_account(unit, login)
    if found is None:
        raise typer.BadParameter(f"There is no account {login}.")
    return found


def _password(*known: str) -> str:
    """From a prompt, twice; or the first line of standard input, where that is no terminal."""
    if sys.stdin.isatty():
        told: str = typer.prompt("Password 密码", hide_input=True, confirmation_prompt=True, err=True)
    else:
        told = sys.stdin.readline().rstrip("\r\n")
    if (words := complaint(told, *known)) is not None:
        raise typer.BadParameter(f"{words.en} {words.zh}")
    return told


def _give_code(unit: Unit, door: Door, account: Account) -> str:
    code = new_code()
    accounts.set_code(unit, account.id, code_hash(code), door.now() + timedelta(days=CODE_DAYS))
    return code


def _tell(account: Account, as_json: bool, sentence: str, code: str = "") -> None:
    if as_json:
        print_json(_as_json(account) | ({"code": code} if code else {}))
        return
    messages.print(sentence, markup=False)
    if code:
        sys.stdout.write(code + "\n")
        messages.print(
            f"One-time code for /set-password, good for {CODE_DAYS} days. It is shown this once.", markup=False
        )


def _state(account: Account) -> str:
    if account.erased:
        return "已删除 erased"
    if not account.active:
        return "停用 shut"
    return "可登录 open" if account.can_sign_in else "待设密码 no password yet"


def _as_json(account: Account) -> dict[str, Any]:
    return {
        "id": str(account.id),
        "login": account.login,
        "name": account.name,
        "roles": account.roles,
        "library": account.library,
        "active": account.active,
        "can_sign_in": account.can_sign_in,
        "created": account.created,
        "erased": account.erased,
    }


def _key_as_json(key: api_keys.ApiKey) -> dict[str, Any]:
    fields: Sequence[str] = ("prefix", "label", "library", "roles", "scopes", "created", "expires", "used", "revoked")
    return {"id": str(key.id)} | {field: getattr(key, field) for field in fields}


def _name(account: Account) -> str:
    return f"account {account.id}"
