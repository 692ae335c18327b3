"""Whom a mail goes to: looked up when it is sent, so that no address stands in the outbox."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from mappings.requests import LibraryPolicy
from routing.mails import LANGUAGES, Language
from store.accounts import Account, accounts_of, get_account
from store.database import Database
from store.outbox import Message
from store.policies import policy_of
from tongcang.sending.outcome import IN_QUEUE, Dead

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
"""ASCII only: mail servers on the way need not know more (RFC 6531)."""


class Recipients(Struct, frozen=True):
    addresses: tuple[str, ...]
    languages: tuple[Language, ...]
    salutation: str = ""  # name of a reader


Find = Callable[[Message], Recipients | Dead]
"""Dead where it is to go to nobody, and why."""

NOBODY = "there is no address left to write to"


def is_address(text: str) -> bool:
    """What would be taken for an encoded word (RFC 2047) as the mail is written is none."""
    return len(text) <= 254 and "=?" not in text and _ADDRESS.fullmatch(text) is not None


def find_recipients(database: Database) -> Find:
    """A reader by account, officers by library, a library that is asked by the address of its policy."""

    def find(message: Message) -> Recipients | Dead:
        whom = message.kind.partition(".")[0]
        with database.read() as unit:
            if whom == "reader":
                account = get_account(unit, int(message.target)) if message.target.isdigit() else None
                return _of([account], account.name) if account else Dead(NOBODY, told=False)
            if whom == "officer":
                return _of([each for each in accounts_of(unit, message.target) if "requester" in each.roles])
            return _of_library(policy_of(unit, message.target))

    return find


def _of_library(policy: LibraryPolicy) -> Recipients | Dead:
    if policy.channel == "queue":
        return Dead(IN_QUEUE, told=False)
    if policy.channel != "email" or not is_address(policy.address):
        return Dead(NOBODY)
    return Recipients((policy.address,), LANGUAGES)


def _of(accounts: list[Account], salutation: str = "") -> Recipients | Dead:
    chosen = [each for each in accounts if each.active and each.erased is None and is_address(each.email)]
    spoken = {each.language for each in chosen}
    languages = tuple(language for language in LANGUAGES if language in spoken) or LANGUAGES
    addresses = tuple(sorted({each.email for each in chosen}))  # sorted: a repeat is the same mail
    return Recipients(addresses, languages, salutation) if addresses else Dead(NOBODY, told=False)
