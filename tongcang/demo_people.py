"""Readers and officers of the sample consortium, so that the whole way of a request can be walked in the demo.

Their passwords are made by chance on the first day and stand in a file that its owner alone can read: whoever serves
the demo to others must not have let them in with words that everybody knows.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from search_api.access.passwords import Passwords
from store import audit
from store.accounts import NewAccount, add_account, find_account
from store.database import Database
from store.libraries import get_library

FILE = "people.txt"

_OFFICER = ("requester", "supplier", "admin")


class Person(Struct, frozen=True):
    """Somebody of the demo."""

    login: str
    name: str
    roles: tuple[str, ...]
    library: str
    zh: str
    en: str


PEOPLE = (
    Person("reader-cl", "首图读者", ("reader",), "CLCN", "首都图书馆读者", "reader of the Capital Library"),
    Person("reader-ustb", "北科大读者", ("reader",), "USTB", "北京科技大学读者", "reader of USTB"),
    Person("officer-cl", "首图馆员", _OFFICER, "CLCN", "首都图书馆馆员", "officer of the Capital Library"),
    *(
        Person(
            f"officer-{symbol.lower()}", f"{symbol} 馆员", _OFFICER, symbol, f"{symbol} 馆员", f"officer of {symbol}"
        )
        for symbol in ("RUC", "PKUHSC", "BNU", "BJTU", "USTB", "BUPT", "THU")
    ),
    Person("librarian", "系统馆员", ("system",), "", "系统馆员", "system librarian"),
)


def make_people(database: Database, folder: Path, now: datetime) -> Path:
    """Make those that there are not yet; the file in which all passwords stand."""
    file = folder / FILE
    with database.read() as unit:
        new = [each for each in PEOPLE if find_account(unit, each.login) is None]
        new = [each for each in new if not each.library or get_library(unit, each.library) is not None]
    if not new:
        return file
    passwords = Passwords()
    shown = {each.login: "-".join(secrets.token_hex(3) for _ in range(3)) for each in new}
    hashed = {login: passwords.hash(password) for login, password in shown.items()}
    with database.write() as unit:
        for each in new:
            card = "0001" if each.roles == ("reader",) else ""
            new_account = NewAccount(each.login, each.roles, each.library, hashed[each.login], each.name, card=card)
            made = add_account(unit, new_account, now)
            told = {"library": made.library, "roles": made.roles}
            audit.record(unit, audit.COMMAND, "account.add", f"account {made.id}", now, None, told)
        # Before the commit: a password that stands nowhere is worth nothing.
        lines = [f"{each.login}\t{shown[each.login]}\t{each.zh} {each.en}\n" for each in new]
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as opened:
            opened.writelines(lines)
    return file
