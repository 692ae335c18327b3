"""Accounts (账户): who may sign in, for which library, in which roles.

Invariant: all contact data of a person stand in the one row of `account` and nowhere else; everything else names an
account by its id, which is random and tells nothing. An erased account keeps its row without them, so that numbers of
users can still be counted. Roles are kept sorted, separated by blanks.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Boolean, Column, Index, String, Table, Text, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from store.columns import Id, Instant, Words, storable
from store.database import Unit, metadata

ROLES = ("reader", "requester", "supplier", "admin", "system", "auditor")
"""读者、请求馆员、提供馆员、馆管理员、系统馆员、审计员."""

HOUSE_ROLES = frozenset(("system", "auditor"))
"""Roles for the whole system, of accounts without a library. All others belong to a library."""

CONTACT = ("name", "email", "phone", "card")
"""The contact data; with the login and the hash of the password they are what erasing removes."""

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # random, 63 bits
    Column("login", Words, nullable=False, unique=True),  # casefolded
    Column("password", Text, nullable=False),  # argon2; "" = can't sign in
    Column("code", String(64), nullable=False),  # SHA-256 of the one-time code that sets a password; "" = none
    Column("code_until", Instant),
    Column("roles", String(80), nullable=False),
    Column("library", Words, nullable=False),  # symbol; "" of system librarians and auditors
    Column("name", Words, nullable=False),
    Column("email", Words, nullable=False),
    Column("phone", Words, nullable=False),
    Column("card", Words, nullable=False),  # number of the reader's card (读者证号) at the library
    Column("language", String(2), nullable=False),
    Column("registered_by", Id, nullable=False),  # account of the officer; 0 = by himself, or on the command line
    Column("sponsor", Words, nullable=False),  # symbol of the library that stands for the reader; "" = none
    Column("active", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
    Column("erased", Instant),
    Index("ix_account_library", "library", "created"),
)

# One card is one reader: two officers who register him at once make one account.
Index(
    "ix_account_card",
    account.c.library,
    account.c.card,
    unique=True,
    sqlite_where=account.c.card != "",
    postgresql_where=account.c.card != "",
)


class AccountError(Exception):
    """The account can't be made or changed so. `code`: roles, library, login, login_taken, card_taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Account(Struct, frozen=True):
    """An account, without its password."""

    id: int
    login: str
    roles: tuple[str, ...]
    library: str
    name: str
    email: str
    phone: str
    card: str
    language: str
    registered_by: int
    sponsor: str
    active: bool
    created: datetime
    erased: datetime | None
    can_sign_in: bool  # it has a password


class NewAccount(Struct, frozen=True):
    """What is told of an account that is to be made."""

    login: str
    roles: tuple[str, ...]
    library: str = ""
    password: str = ""  # its argon2 hash
    name: str = ""
    email: str = ""
    phone: str = ""
    card: str = ""
    language: str = "zh"
    registered_by: int = 0
    sponsor: str = ""


class Readers(Struct, frozen=True):
    """How many readers of a library registered in a period; erased ones are among them."""

    library: str
    registered: int
    by_officer: int  # of these, registered by an officer


# ---------------------------------------------------------------------------------------------- roles


def checked_roles(roles: Iterable[str], library: str) -> tuple[str, ...]:
    """The roles, sorted and each once. Raises AccountError where they, or the library, can't go together."""
    found = tuple(sorted(set(roles)))
    unknown = [role for role in found if role not in ROLES]
    if not found or unknown:
        raise AccountError("roles", f"Roles are among {', '.join(ROLES)}; not {', '.join(unknown) or 'none'}.")
    house = HOUSE_ROLES & set(found)
    if house and set(found) != house:
        raise AccountError("roles", "A system librarian or auditor is nothing else: make a second account.")
    if "reader" in found and len(found) > 1:
        raise AccountError("roles", "A reader's account has no other role: make a second account.")
    if bool(library) == bool(house):
        raise AccountError(
            "library", "Accounts of system librarians and auditors have no library; all others have one."
        )
    return found


def folded_login(login: str) -> str:
    """A login as it is kept and compared. Raises AccountError where it is none."""
    found = storable(login.strip().casefold())
    if not 1 <= len(found) <= 100 or any(character.isspace() or not character.isprintable() for character in found):
        raise AccountError("login", "A login has 1 to 100 characters and no blanks.")
    return found


# ---------------------------------------------------------------------------------------------- making and finding


def add_account(unit: Unit, new: NewAccount, now: datetime) -> Account:
    """Make the account. Raises AccountError; that of a login or card which is taken leaves the transaction usable."""
    roles = checked_roles(new.roles, new.library)
    account_id = 1 + secrets.randbelow(2**63 - 1)
    values = {
        "id": account_id,
        "login": folded_login(new.login),
        "password": new.password,
        "code": "",
        "code_until": None,
        "roles": " ".join(roles),
        "library": new.library,
        "name": new.name.strip(),
        "email": new.email.strip(),
        "phone": new.phone.strip(),
        "card": new.card.strip(),
        "language": new.language,
        "registered_by": new.registered_by,
        "sponsor": new.sponsor,
        "active": True,
        "created": now,
        "erased": None,
    }
    with _taken(unit, values):
        unit.execute(insert(account).values(values))
    return require_account(unit, account_id)


def get_account(unit: Unit, account_id: int) -> Account | None:
    row = unit.execute(select(account).where(account.c.id == account_id)).first()
    return _account(row) if row else None


def require_account(unit: Unit, account_id: int) -> Account:
    """One that is known to be there."""
    return _account(unit.execute(select(account).where(account.c.id == account_id)).one())


def find_account(unit: Unit, login: str) -> Account | None:
    """By login, in whatever case it is written."""
    found = _credentials(unit, login)
    return found[0] if found else None


def find_known(unit: Unit, login: str) -> Account | None:
    """By login, for officers who type in a card or a login: of a reader whom an officer registered. Whoever made his
    account himself chose its login himself, and may have chosen another reader's card."""
    found = find_account(unit, login)
    return found if found and found.registered_by else None


def find_reader(unit: Unit, library: str, card: str) -> Account | None:
    """By the number of his card at the library."""
    c = account.c
    row = unit.execute(select(account).where(c.library == library, c.card == card, c.card != "", _lives())).first()
    return _account(row) if row else None


def credentials(unit: Unit, login: str) -> tuple[Account, str] | None:
    """(account, hash of its password: "" = it has none) of an active account."""
    found = _credentials(unit, login)
    return found if found and found[0].active else None


def password_of(unit: Unit, account_id: int) -> str:
    """The hash; "" = it has none."""
    return unit.execute(select(account.c.password).where(account.c.id == account_id)).scalar() or ""


def accounts_page(unit: Unit, library: str | None, after: int, limit: int) -> list[Account]:
    """As `accounts_of`, so many of them behind that account; 0 = from the first."""
    c = account.c
    query = select(account).order_by(c.created, c.id).limit(limit)
    if library is not None:
        query = query.where(c.library == library)
    if after:
        since = select(c.created).where(c.id == after).scalar_subquery()
        query = query.where(or_(c.created > since, and_(c.created == since, c.id > after)))
    return [_account(row) for row in unit.execute(query)]


def accounts_of(unit: Unit, library: str | None = None) -> list[Account]:
    """All accounts, or those of a library ("" = of none), in the order in which they were made; erased ones too."""
    query = select(account).order_by(account.c.created, account.c.id)
    if library is not None:
        query = query.where(account.c.library == library)
    return [_account(row) for row in unit.execute(query)]


# ---------------------------------------------------------------------------------------------- changing


def change_account(
    unit: Unit,
    account_id: int,
    *,
    language: str | None = None,
    name: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    card: str | None = None,
) -> Account:
    """Change language and contact data; None = as it is. Raises AccountError where the card is another reader's."""
    told = {"language": language, "name": name, "email": email, "phone": phone, "card": card}
    values = {field: value.strip() for field, value in told.items() if value is not None}
    if values:
        with _taken(unit, values):
            unit.execute(update(account).where(account.c.id == account_id, _lives()).values(values))
    return require_account(unit, account_id)


def set_roles(unit: Unit, account_id: int, roles: Iterable[str]) -> Account:
    """Its library stays. Raises AccountError."""
    before = require_account(unit, account_id)
    values = {"roles": " ".join(checked_roles(roles, before.library))}
    unit.execute(update(account).where(account.c.id == account_id, _lives()).values(values))
    return require_account(unit, account_id)


def set_active(unit: Unit, account_id: int, active: bool) -> None:
    """An account that isn't active can't sign in, and its sessions and keys are worth nothing while it is so."""
    unit.execute(update(account).where(account.c.id == account_id, _lives()).values(active=active))


def set_password(unit: Unit, account_id: int, hashed: str) -> None:
    """A one-time code, if there was one, is used up. The caller ends the account's sessions."""
    values = {"password": hashed, "code": "", "code_until": None}
    unit.execute(update(account).where(account.c.id == account_id, _lives()).values(values))


def replace_hash(unit: Unit, account_id: int, before: str, after: str) -> None:
    """The same password, hashed anew by today's parameters: only where nobody has changed it meanwhile."""
    ours = update(account).where(account.c.id == account_id, account.c.password == before, account.c.password != "")
    unit.execute(ours.values(password=after))


def set_code(unit: Unit, account_id: int, code_hash: str, until: datetime) -> None:
    """A one-time code with which the person sets a password; one given before is void."""
    values = {"code": code_hash, "code_until": until}
    unit.execute(update(account).where(account.c.id == account_id, _lives()).values(values))


def use_code(unit: Unit, login: str, code_hash: str, hashed: str, now: datetime) -> Account | None:
    """Set a password by a one-time code. None = no such code, or it has run out. Of two at once, one gets it."""
    c = account.c
    fits = (c.login == login.strip().casefold(), c.code == code_hash, c.code != "", c.code_until > now, c.active)
    values = {"password": hashed, "code": "", "code_until": None}
    found = unit.execute(update(account).where(*fits, _lives()).values(values).returning(c.id)).scalar()
    return None if found is None else require_account(unit, found)


def erase_account(unit: Unit, account_id: int, now: datetime) -> bool:
    """Take out everything that tells of a person. False = there is no such account, or it is erased already.

    id, roles, library, registered_by, sponsor and created stay. To be called through store/erasures.py.
    """
    blank = dict.fromkeys((*CONTACT, "password", "code"), "")
    values = blank | {"login": f"erased {account_id}", "code_until": None, "active": False, "erased": now}
    return unit.execute(update(account).where(account.c.id == account_id, _lives()).values(values)).rowcount > 0


def erased_accounts(unit: Unit) -> dict[int, datetime]:
    """When each was erased."""
    rows = unit.execute(select(account.c.id, account.c.erased).where(account.c.erased.is_not(None)))
    return {row.id: row.erased for row in rows}


# ---------------------------------------------------------------------------------------------- counting


def count_readers(unit: Unit, since: datetime, until: datetime) -> list[Readers]:
    """Readers registered from `since` to before `until`, by the library that they belong to; erased ones count."""
    c = account.c
    by_officer = func.count().filter(c.registered_by != 0)
    query = (
        select(c.library, func.count(), by_officer)
        .where(c.roles == "reader", c.created >= since, c.created < until)
        .group_by(c.library)
        .order_by(c.library)
    )
    return [Readers(*row) for row in unit.execute(query)]


def count_sponsored(unit: Unit, since: datetime, until: datetime) -> list[tuple[str, int]]:
    """(library that stands for them, readers registered in the period), as `count_readers` counts."""
    c = account.c
    query = (
        select(c.sponsor, func.count())
        .where(c.roles == "reader", c.sponsor != "", c.created >= since, c.created < until)
        .group_by(c.sponsor)
        .order_by(c.sponsor)
    )
    return [(row[0], row[1]) for row in unit.execute(query)]


# ---------------------------------------------------------------------------------------------- inside


def _lives() -> Any:
    return account.c.erased.is_(None)


class _taken:  # noqa: N801 — reads as a clause of `with`
    """A login or card that somebody else has is told as such, and the transaction goes on."""

    def __init__(self, unit: Unit, values: dict[str, Any]) -> None:
        self.unit, self.values = unit, values

    def __enter__(self) -> None:
        self.nested = self.unit.begin_nested()
        self.nested.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.nested.__exit__(kind, error, trace)
        if isinstance(error, IntegrityError):
            if "login" in self.values and find_account(self.unit, self.values["login"]) is not None:
                raise AccountError("login_taken", "This login is taken.") from error
            raise AccountError("card_taken", "This card is registered already.") from error


def _credentials(unit: Unit, login: str) -> tuple[Account, str] | None:
    row = unit.execute(select(account).where(account.c.login == login.strip().casefold(), _lives())).first()
    return (_account(row), row.password) if row else None


def _account(row: Any) -> Account:
    fields: Sequence[str] = Account.__struct_fields__
    values = {field: getattr(row, field) for field in fields if field not in ("roles", "can_sign_in")}
    return Account(**values, roles=tuple(row.roles.split()), can_sign_in=row.password != "")
