"""A house full of people, keys and objects of two libraries, made as the rows of the matrix need them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from api_browser import ORIGIN
from api_catalogue import book, held, union
from api_desk import ApiDesk
from authorisation import HOUSE, OTHER, OWN
from request_desk import CAPITAL_ONLY, wish

from mappings.model import Library
from mappings.requests import Citation, Wish
from routing.case import Case
from search_api.access.passwords import Passwords
from search_api.access.tokens import csrf_of, new_key, new_token, token_hash
from search_api.policy import SCOPES
from store import api_keys, outbox, performance, sessions, webhooks
from store.accounts import Account, NewAccount, add_account
from store.audit import Entry, entries
from store.database import Database
from store.libraries import put_library
from store.performance import Correction

PASSWORD = "三只猫坐在屋顶 2026"
THIRD = "THU"
THIRD_ONLY = 5010
BRANCH, SISTER = "XCLIB", "DCLIB"
"""Both ask through OWN."""


class Me(NamedTuple):
    """Who asks, and how."""

    role: str  # "anonymous" = nobody
    way: str  # session, key; "" = nobody
    account: int  # 0 = nobody
    login: str
    token: str


class Answered(NamedTuple):
    response: httpx.Response
    audited: list[Entry]  # entries that the call has made


class World:
    """Every object is new, so that no try spoils another."""

    def __init__(self, folder: Path, database: Database | None = None) -> None:
        """None = one of its own, on SQLite."""
        self.database = database or Database(f"sqlite:///{folder / 'state.db'}")
        self.database.migrate()
        self.house = ApiDesk(self.database, folder)
        self.desk = self.house.desk
        self.hashed = Passwords().hash(PASSWORD)
        self.months = 0  # that were closed
        self._counter = itertools.count(1)
        with self.database.write() as unit:
            put_library(unit, Library(OTHER, "北京大学图书馆", "Peking University Library", "BALIS", "node"))
            put_library(unit, Library(SISTER, "东城区图书馆", "Dongcheng District Library", "CAPITAL", "branch"))
        self.desk.policy(SISTER, gateway=OWN)
        self.desk.put(union(THIRD_ONLY, book("清华旧影", "某人", "某社", 1990), held(THIRD)))

    def close(self) -> None:
        self.house.close()
        self.database.close()

    def number(self) -> int:
        return next(self._counter)

    # ------------------------------------------------------------------------------------------ people

    def person(self, role: str = "reader", library: str = OWN) -> Account:
        number = self.number()
        card = f"C{number}" if role == "reader" else ""
        new = NewAccount(
            f"{role}{number}", (role,), "" if role in HOUSE else library, self.hashed, f"某{number}", card=card
        )
        with self.database.write() as unit:
            return add_account(unit, new, self.desk.now)

    def me(self, role: str, way: str, library: str = OWN) -> Me:
        """Somebody new of the library (or of the house), signed in or with a key for all that there is."""
        if role == "anonymous":
            return Me(role, "", 0, "", "")
        account = self.person(role, library)
        if way == "session":
            token = new_token()
            with self.database.write() as unit:
                sessions.begin_session(unit, token_hash(token), account.id, self.desk.now, timedelta(hours=12))
            return Me(role, way, account.id, account.login, token)
        maker = self.person("system") if role in HOUSE else account
        shown, _ = self.key("" if role in HOUSE else library, role, maker.id)
        return Me(role, way, maker.id, maker.login, shown)

    def key(self, library: str, role: str, maker: int) -> tuple[str, int]:
        """(key, its id)"""
        shown, prefix = new_key()
        expires = self.desk.now + timedelta(days=365)
        new = api_keys.NewKey(prefix, token_hash(shown), maker, library, (role,), SCOPES, "门户", expires)
        with self.database.write() as unit:
            return shown, api_keys.add_key(unit, new, self.desk.now).id

    # ------------------------------------------------------------------------------------------ calling

    def call(self, me: Me, method: str, path: str, **options: Any) -> Answered:
        """As a page of ours or a program would."""
        headers = self.headers(me) | options.pop("headers", {})
        before = self._last()
        response = self.house.client.request(method, path, headers=headers, **options)
        with self.database.read() as unit:
            made = [each for each in entries(unit, limit=20) if each.id > before]
        return Answered(response, made)

    @staticmethod
    def headers(me: Me) -> dict[str, str]:
        """By which he is known."""
        known = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        if me.way == "session":
            known |= {"Cookie": f"session={me.token}", "X-CSRF-Token": csrf_of(me.token)}
        elif me.way == "key":
            known["Authorization"] = f"Bearer {me.token}"
        return known

    def _last(self) -> int:
        with self.database.read() as unit:
            last = entries(unit, limit=1)
        return last[0].id if last else 0

    # ------------------------------------------------------------------------------------------ objects

    def reader(self, me: Me, whose: str) -> int:
        """Whose request is to be `me`'s own, or not: for a reader, somebody else of his own library is another."""
        if me.role == "reader":
            return me.account if whose == "own" else self.person().id
        return self.person("reader", OWN if whose == "own" else OTHER).id

    def request(self, me: Me, whose: str) -> Case:
        """One that is being asked for. Own: of the reader, of his library; of supplying officers, sent to theirs."""
        self.desk.policy(OWN, paused=False)
        asks_us = me.role == "supplier" and whose == "own"
        library = OTHER if asks_us or (whose == "other" and me.role != "reader") else OWN
        reader = self.person("reader", OTHER).id if asks_us else self.reader(me, whose)
        return self.desk.ask(wish(CAPITAL_ONLY if asks_us else THIRD_ONLY), library=library, reader=reader)

    def sent_to(self, whose: str) -> Case:
        """One that lies with the library, unseen."""
        self.desk.policy(OWN, paused=False)
        asked = wish(CAPITAL_ONLY) if whose == "own" else wish(THIRD_ONLY)
        return self.desk.ask(asked, library=OTHER, reader=self.person("reader", OTHER).id)

    def at_desk(self, whose: str) -> Case:
        """One that nothing was found for; the Capital Library's own officers search, or a node's."""
        library = OWN if whose == "own" else OTHER
        asked = Wish(Citation("book", f"查无此书{self.number()}", "某人"), service="loan")
        case = self.desk.ask(asked, library=library, reader=self.person("reader", library).id)
        assert (case.state, case.desk) == ("blank", library)
        return case

    def correction(self, whose: str) -> int:
        library, record = (OWN if whose == "own" else OTHER), f"R{self.number():07}"
        new = Correction(0, library, record, "某书", 1, 1, "NotHeld", "", self.desk.now, None, "", "")
        with self.database.write() as unit:
            assert performance.open_correction(unit, new)
            return next(
                each.id for each in performance.corrections_of(unit, library, limit=9999) if each.record == record
            )

    def webhook(self, whose: str) -> int:
        """The oldest goes, or there would soon be too many."""
        library = OWN if whose == "own" else OTHER
        with self.database.write() as unit:
            for each in webhooks.list_webhooks(unit, library)[:-2]:
                webhooks.remove_webhook(unit, each.id)
            secret = webhooks.new_secret()
            return webhooks.add_webhook(unit, library, "https://a.example/", webhooks.KINDS, secret, self.desk.now).id

    def dead_message(self) -> int:
        key = f"dead/{self.number()}"
        with self.database.write() as unit:
            outbox.put_message(
                unit, key=key, channel="webhook", target=key, kind="webhook.test", body="{}", at=self.desk.now
            )
            claimed = outbox.claim_messages(unit, "甲", 1000, 60, self.desk.now, channels=("webhook",))
            number = next(each.id for each in claimed if each.key == key)
            outbox.mark_dead(unit, number, "甲", self.desk.now, "503")
            return number
