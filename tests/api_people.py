"""People who can sign in, for tests of pages and API."""

from __future__ import annotations

from datetime import UTC, datetime

from api_browser import Browser
from fastapi import FastAPI

from mappings.model import Library
from search_api.access.door import Door
from store.accounts import Account, NewAccount, add_account
from store.database import Database
from store.libraries import put_library

PASSWORD = "三只猫坐在屋顶 2026"
LIBRARIES = (
    Library("CLCN", "首都图书馆", "Capital Library", "CAPITAL", "capital"),
    Library("PKU", "北京大学图书馆", "Peking University Library", "BALIS"),
)
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def add_libraries(database: Database) -> None:
    with database.write() as unit:
        for library in LIBRARIES:
            put_library(unit, library)


def add_person(app: FastAPI, login: str, *roles: str, library: str = "CLCN", **more: str) -> Account:
    """Somebody with `PASSWORD`."""
    door: Door = app.state.door
    house = {"system", "auditor"} & set(roles)
    hashed = door.passwords.hash(PASSWORD)
    new = NewAccount(login, roles or ("reader",), "" if house else library, hashed, **more)
    with door.database.write() as unit:
        return add_account(unit, new, NOW)


def signed_in(app: FastAPI, login: str, *roles: str, library: str = "CLCN", **more: str) -> Browser:
    """The browser of somebody new who has signed in."""
    add_person(app, login, *roles, library=library, **more)
    browser = Browser(app)
    assert browser.sign_in(login, PASSWORD).status_code == 303
    return browser
