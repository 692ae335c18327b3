"""What people and programs do with accounts: each change is one transaction with one entry in the audit.

Whether they may is decided before (search_api/policy.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct, structs

from routing.service import RequestService
from routing.withdrawing import withdraw_open
from search_api.access import contact, passwords
from search_api.access.door import Door
from search_api.access.principal import Principal
from search_api.access.tokens import code_hash, new_code, new_key, token_hash
from search_api.vocabulary import UI_LANGUAGES, Words
from store import accounts, api_keys, sessions
from store.accounts import Account, AccountError, NewAccount
from store.audit import Actor, record
from store.database import Unit
from store.erasures import erase_person
from store.libraries import all_libraries

CODE_DAYS = 14
"""So long a one-time code is good: a reader who registered at the desk has two weekends to use it."""

KEY_DAYS = 366
"""The longest that an API key is good."""

NEEDED = Words("此项必填。", "This is needed.")
GIVEN = Words(
    "以成员馆代码开头的登录名由图书馆发给读者，请换一个。",
    "Logins that begin with the symbol of a library are given to its readers by the library. Choose another.",
)
CODES = {
    "login": (
        "login",
        Words("登录名须为 1 至 100 个字符，不含空格。", "A login has 1 to 100 characters and no blanks."),
    ),
    "login_taken": ("login", Words("这个登录名已有人使用，请换一个。", "This login is taken. Choose another.")),
    "card_taken": (
        "card",
        Words("这个证号在该馆已经登记过。", "This card is registered at the library already."),
    ),
    "library": ("library", Words("请选择一家成员馆。", "Choose a member library.")),
    "roles": ("roles", Words("这些角色不能同属一个账户。", "These roles can't be one account's.")),
}
"""Of AccountError: which field, and what is said of it."""


class RefusedError(Exception):
    """What was typed in can't be taken. `fields`: why, by field."""

    def __init__(self, fields: dict[str, Words]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class NewReader(Struct, frozen=True):
    """A reader as he, or the officer who registers him, tells."""

    library: str
    login: str = ""  # "" = of library and card
    name: str = ""
    email: str = ""
    phone: str = ""
    card: str = ""
    language: str = "zh"


# ---------------------------------------------------------------------------------------------- registering


def register_reader(door: Door, who: Actor, new: NewReader) -> tuple[Account, str]:
    """An officer registers a reader: (account, one-time code with which the reader sets his password)."""
    _check(new, needed=("name", "card"))
    code, now = new_code(), door.now()
    with door.database.write() as unit:
        account = _add(unit, new, now, registered_by=who.who, sponsor=new.library)
        accounts.set_code(unit, account.id, code_hash(code), now + timedelta(days=CODE_DAYS))
        record(unit, who, "reader.register", _name(account.id), now, None, {"library": account.library})
    return account, code


def renew_code(door: Door, who: Actor, account: Account) -> str:
    """For a reader who has lost code or password. The password of before stays good until the code is used."""
    code, now = new_code(), door.now()
    with door.database.write() as unit:
        accounts.set_code(unit, account.id, code_hash(code), now + timedelta(days=CODE_DAYS))
        record(unit, who, "reader.code", _name(account.id), now)
    return code


def register_self(door: Door, request_id: str, new: NewReader, password: str, again: str) -> Account:
    """A reader makes his own account. It has no card, which nobody has looked at; and no login that a library may give,
    so that whether one is taken tells nothing of its readers."""
    new = structs.replace(new, card="")
    found = _complaints(new, needed=("login", "library"))
    with door.database.read() as unit:
        given = tuple(f"{each.symbol.casefold()}-" for each in all_libraries(unit))
    if new.login.strip().casefold().startswith(given):
        found |= {"login": GIVEN}
    found |= _about_password(password, again, (new.login, new.name))
    if found:
        raise RefusedError(found)
    hashed, now = door.passwords.hash(password), door.now()
    with door.database.write() as unit:
        account = _add(unit, new, now, password=hashed)
        himself = Principal(account.id, account.roles, account.library, "session").actor(request_id)
        record(unit, himself, "reader.register", _name(account.id), now, None, {"library": account.library})
    return account


def _add(
    unit: Unit, new: NewReader, now: datetime, *, password: str = "", registered_by: int = 0, sponsor: str = ""
) -> Account:
    told = NewAccount(
        new.login or f"{new.library}-{new.card}".replace(" ", "-"),
        ("reader",),
        new.library,
        password,
        new.name,
        new.email,
        new.phone,
        new.card,
        new.language,
        registered_by,
        sponsor,
    )
    try:
        return accounts.add_account(unit, told, now)
    except AccountError as error:
        raise refused(error) from error


def refused(error: AccountError) -> RefusedError:
    field, words = CODES[error.code]
    return RefusedError({field: words})


def _check(new: NewReader, needed: tuple[str, ...]) -> None:
    if found := _complaints(new, needed):
        raise RefusedError(found)


def _complaints(new: NewReader, needed: tuple[str, ...]) -> dict[str, Words]:
    told = {field: getattr(new, field) for field in contact.LONGEST}
    found = contact.complaints(told)
    missing = {field: NEEDED for field in needed if not getattr(new, field).strip()}
    return found | missing


# ---------------------------------------------------------------------------------------------- managing others'


def add_person(door: Door, who: Actor, new: NewAccount) -> tuple[Account, str]:
    """(account without a password, one-time code with which its owner sets one)."""
    told = {"login": new.login, "name": new.name, "email": new.email, "phone": new.phone, "card": new.card}
    if found := contact.complaints(told):
        raise RefusedError(found)
    code, now = new_code(), door.now()
    with door.database.write() as unit:
        try:
            made = accounts.add_account(unit, structs.replace(new, registered_by=who.who), now)
        except AccountError as error:
            raise refused(error) from error
        accounts.set_code(unit, made.id, code_hash(code), now + timedelta(days=CODE_DAYS))
        after = {"library": made.library, "roles": made.roles}
        record(unit, who, "account.add", _name(made.id), now, None, after)
    return made, code


def manage(door: Door, who: Actor, its: Account, roles: tuple[str, ...] | None, active: bool | None) -> Account:
    """Other roles, shut or opened; None = as it is. What is the same already is noted nowhere."""
    now = door.now()
    with door.database.write() as unit:
        try:
            after = its if roles is None else accounts.set_roles(unit, its.id, roles)
        except AccountError as error:
            raise refused(error) from error
        if active is not None:
            accounts.set_active(unit, its.id, active)
            if not active:
                sessions.end_sessions_of(unit, its.id)
            after = accounts.require_account(unit, its.id)
        before_and_after = [{"roles": each.roles, "active": each.active} for each in (its, after)]
        if before_and_after[0] != before_and_after[1]:
            record(unit, who, "account.manage", _name(its.id), now, *before_and_after)
    return after


# ---------------------------------------------------------------------------------------------- one's own


def change_own(
    door: Door, who: Actor, *, language: str, name: str, email: str, phone: str, card: str | None = None
) -> Account:
    """Language and contact data. `card` None = it stays: a reader's was looked at by an officer."""
    told = {"name": name, "email": email, "phone": phone}
    if found := contact.complaints(told):
        raise RefusedError(found)
    now = door.now()
    with door.database.write() as unit:
        before = accounts.require_account(unit, who.who)
        try:
            after = accounts.change_account(
                unit,
                who.who,
                language=language if language in UI_LANGUAGES else None,
                name=name,
                email=email,
                phone=phone,
                card=card,
            )
        except AccountError as error:
            raise refused(error) from error
        changed = [
            field for field in ("language", *accounts.CONTACT) if getattr(before, field) != getattr(after, field)
        ]
        if changed:  # which, and never what it was or is
            record(unit, who, "account.change", _name(who.who), now, None, {"fields": changed})
    return after


def change_password(door: Door, who: Actor, password: str, again: str) -> None:
    """Ends all sessions of the account: whoever else had one is out. The old password was confirmed before."""
    with door.database.read() as unit:
        account = accounts.require_account(unit, who.who)
    if found := _about_password(password, again, (account.login, account.name, account.card)):
        raise RefusedError(found)
    hashed, now = door.passwords.hash(password), door.now()
    with door.database.write() as unit:
        accounts.set_password(unit, account.id, hashed)
        sessions.end_sessions_of(unit, account.id)
        record(unit, who, "account.password", _name(account.id), now)


def erase_own(door: Door, who: Actor) -> None:
    """The password was confirmed before. What he has asked for and what was not supplied yet is cancelled first."""
    withdraw_open(door.database, RequestService(door.now), who.who)
    folder = door.settings.data_folder
    erase_person(door.database, Path(folder) if folder else None, who.who, who, door.now())


def about_password(password: str, again: str, account: Account | None = None) -> dict[str, Words]:
    known = (account.login, account.name, account.card) if account else ()
    return _about_password(password, again, known)


def _about_password(password: str, again: str, known: tuple[str, ...]) -> dict[str, Words]:
    if (words := passwords.complaint(password, *known)) is not None:
        return {"password": words}
    if password != again:
        return {"again": Words("两次输入的密码不同。", "The two passwords are not the same.")}
    return {}


# ---------------------------------------------------------------------------------------------- keys


class WantedKey(Struct, frozen=True):
    label: str
    library: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    days: int


def make_key(door: Door, who: Actor, owner: int, wanted: WantedKey) -> tuple[api_keys.ApiKey, str]:
    """(key, the key itself: shown now and never again). `owner`: the account that answers for it."""
    shown, prefix = new_key()
    now = door.now()
    new = api_keys.NewKey(
        prefix,
        token_hash(shown),
        owner,
        wanted.library,
        wanted.roles,
        wanted.scopes,
        wanted.label,
        now + timedelta(days=wanted.days),
    )
    with door.database.write() as unit:
        try:
            key = api_keys.add_key(unit, new, now)
        except AccountError as error:
            raise refused(error) from error
        after = {"library": key.library, "roles": key.roles, "scopes": key.scopes, "expires": key.expires}
        record(unit, who, "key.make", f"key {key.id}", now, None, after)
    return key, shown


def revoke_key(door: Door, who: Actor, key: api_keys.ApiKey) -> None:
    """For good; again is no matter, and noted once."""
    now = door.now()
    with door.database.write() as unit:
        if api_keys.revoke_key(unit, key.id, now):
            record(unit, who, "key.revoke", f"key {key.id}", now, {"revoked": False}, {"revoked": True})


def _name(account_id: int) -> str:
    return f"account {account_id}"
