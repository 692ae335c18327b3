"""Accounts: one login and one card each, roles that go together, codes and sessions that work once and not for long."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import accounts, api_keys, sessions
from store.accounts import ROLES, Account, AccountError, NewAccount
from store.database import Database

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def add(database: Database, login: str, *roles: str, library: str = "CLCN", **more: object) -> Account:
    with database.write() as unit:
        new = NewAccount(login, roles or ("reader",), library, **more)  # type: ignore[arg-type]
        return accounts.add_account(unit, new, NOW)


def test_an_account_is_found_in_whatever_case_its_login_is_written(database: Database) -> None:
    made = add(database, " Straße@首图.CN ", "requester", "supplier", name="王芳", password="hash")
    assert made.login == "strasse@首图.cn"
    assert made.roles == ("requester", "supplier")
    assert 0 < made.id < 2**63 and made.can_sign_in
    with database.read() as unit:
        for written in ("STRASSE@首图.cn", "straße@首图.cn "):
            assert accounts.find_account(unit, written) == made
            assert accounts.credentials(unit, written) == (made, "hash")
        assert accounts.credentials(unit, "strasse") is None


def test_a_login_or_card_that_is_taken_is_told_and_the_transaction_goes_on(database: Database) -> None:
    add(database, "wang", card="0012")
    with database.write() as unit:
        for new, code in (
            (NewAccount("WANG", ("reader",), "PKU"), "login_taken"),
            (NewAccount("zhang", ("reader",), "CLCN", card=" 0012 "), "card_taken"),
        ):
            with pytest.raises(AccountError) as told:
                accounts.add_account(unit, new, NOW)
            assert told.value.code == code
        elsewhere = accounts.add_account(unit, NewAccount("zhang", ("reader",), "PKU", card="0012"), NOW)
        accounts.add_account(unit, NewAccount("li", ("reader",), "CLCN"), NOW)
        accounts.add_account(unit, NewAccount("zhao", ("reader",), "CLCN"), NOW)
        with pytest.raises(AccountError, match="card"):
            accounts.change_account(unit, accounts.require_account(unit, _id(unit, "li")).id, card="0012")
        accounts.change_account(unit, elsewhere.id, card="0013", language="en")
    with database.read() as unit:
        assert [each.login for each in accounts.accounts_of(unit, "CLCN")].count("li") == 1
        changed = accounts.get_account(unit, elsewhere.id)
    assert changed is not None and (changed.card, changed.language) == ("0013", "en")


def _id(unit: object, login: str) -> int:
    found = accounts.find_account(unit, login)  # type: ignore[arg-type]
    assert found is not None
    return found.id


@pytest.mark.parametrize("login", ["", "   ", "a b", "a\tb", "x" * 101, "a\x07"])
def test_what_is_no_login_is_refused(login: str) -> None:
    with pytest.raises(AccountError):
        accounts.folded_login(login)


@given(st.sets(st.sampled_from(ROLES)), st.sampled_from(["", "CLCN"]))
def test_roles_go_together_or_are_refused(roles: set[str], library: str) -> None:
    house = roles and roles <= {"system", "auditor"}
    local = (roles and roles <= {"requester", "supplier", "admin"}) or roles == {"reader"}
    if (house and not library) or (local and library):
        assert accounts.checked_roles(roles, library) == tuple(sorted(roles))
    else:
        with pytest.raises(AccountError):
            accounts.checked_roles(roles, library)


def test_unknown_roles_are_refused_and_roles_can_be_changed(database: Database) -> None:
    made = add(database, "desk", "requester")
    with database.write() as unit:
        with pytest.raises(AccountError, match="root"):
            accounts.set_roles(unit, made.id, ["root"])
        with pytest.raises(AccountError):
            accounts.set_roles(unit, made.id, ["system"])
        assert accounts.set_roles(unit, made.id, ["supplier", "requester"]).roles == ("requester", "supplier")


def test_an_account_that_is_not_active_has_no_credentials_and_no_session(database: Database) -> None:
    made = add(database, "desk", "requester", password="hash")
    with database.write() as unit:
        sessions.begin_session(unit, "t" * 64, made.id, NOW, HOUR)
        accounts.set_active(unit, made.id, False)
        assert accounts.credentials(unit, "desk") is None
        assert sessions.get_session(unit, "t" * 64, NOW, HOUR) is None
        accounts.set_active(unit, made.id, True)
        assert sessions.get_session(unit, "t" * 64, NOW, HOUR) is not None


def test_a_code_sets_a_password_once_and_not_for_ever(database: Database) -> None:
    made = add(database, "wang")
    with database.write() as unit:
        accounts.set_code(unit, made.id, "c" * 64, NOW + HOUR)
        assert accounts.use_code(unit, "wang", "d" * 64, "hash", NOW) is None
        assert accounts.use_code(unit, "zhang", "c" * 64, "hash", NOW) is None
        assert accounts.use_code(unit, "wang", "", "hash", NOW) is None
        assert accounts.use_code(unit, "wang", "c" * 64, "hash", NOW + HOUR) is None
        used = accounts.use_code(unit, " WANG", "c" * 64, "hash", NOW)
        assert used is not None and used.can_sign_in
        assert accounts.use_code(unit, "wang", "c" * 64, "other", NOW) is None
        assert accounts.use_code(unit, "wang", "", "other", NOW) is None
        assert accounts.password_of(unit, made.id) == "hash"


def test_of_two_at_once_one_gets_the_code(database: Database) -> None:
    made = add(database, "wang")
    with database.write() as unit:
        accounts.set_code(unit, made.id, "c" * 64, NOW + HOUR)
    got: list[str] = []

    def use(hashed: str) -> None:
        with database.write() as unit:
            if accounts.use_code(unit, "wang", "c" * 64, hashed, NOW):
                got.append(hashed)

    threads = [threading.Thread(target=use, args=(name,)) for name in ("甲", "乙", "丙")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as unit:
        assert got == [accounts.password_of(unit, made.id)]


def test_a_hash_is_renewed_only_where_the_password_is_still_the_same(database: Database) -> None:
    made = add(database, "wang", password="old")
    with database.write() as unit:
        accounts.replace_hash(unit, made.id, "other", "new")
        assert accounts.password_of(unit, made.id) == "old"
        accounts.replace_hash(unit, made.id, "old", "new")
        assert accounts.password_of(unit, made.id) == "new"


def test_sessions_end_by_the_clock_by_idleness_and_all_at_once(database: Database) -> None:
    made, other = add(database, "wang"), add(database, "li")
    idle = timedelta(minutes=30)
    with database.write() as unit:
        for token, owner in (("a", made), ("b", made), ("c", other)):
            sessions.begin_session(unit, token * 64, owner.id, NOW, HOUR)
        found = sessions.get_session(unit, "a" * 64, NOW, idle)
        assert found is not None and found.account == made and not found.to_be_noted(NOW)
        late = NOW + idle + sessions.SEEN_EVERY
        assert sessions.get_session(unit, "a" * 64, late, idle) is None
        soon = NOW + timedelta(minutes=20)
        assert found.to_be_noted(soon)
        sessions.note_use(unit, "a" * 64, soon)
        assert sessions.get_session(unit, "a" * 64, late, idle) is not None
        assert sessions.get_session(unit, "a" * 64, NOW + HOUR, idle * 9) is None
        assert sessions.end_sessions_of(unit, made.id) == 2
        assert sessions.get_session(unit, "a" * 64, NOW, idle) is None
        assert sessions.get_session(unit, "c" * 64, NOW, idle) is not None
        sessions.end_session(unit, "c" * 64)
        assert sessions.get_session(unit, "c" * 64, NOW, idle) is None


def test_sessions_that_ran_out_are_forgotten_at_the_next_sign_in(database: Database) -> None:
    made = add(database, "wang")
    with database.write() as unit:
        sessions.begin_session(unit, "a" * 64, made.id, NOW, HOUR)
        sessions.begin_session(unit, "b" * 64, made.id, NOW + 2 * HOUR, HOUR)
        assert sessions.end_sessions_of(unit, made.id) == 1


def make_key(database: Database, owner: Account, prefix: str = "abcdefgh") -> api_keys.ApiKey:
    new = api_keys.NewKey(
        prefix, "h" * 64, owner.id, owner.library, ("supplier",), ("queue", "catalogue"), "门户", NOW + HOUR
    )
    with database.write() as unit:
        return api_keys.add_key(unit, new, NOW)


def test_keys_are_found_by_prefix_and_revoked_for_good(database: Database) -> None:
    owner = add(database, "boss", "admin")
    key, second = make_key(database, owner), make_key(database, owner, "ijklmnop")
    assert (key.scopes, key.roles, key.library) == (("catalogue", "queue"), ("supplier",), "CLCN")
    assert key.good(NOW) and not key.good(NOW + HOUR)
    with database.write() as unit:
        assert api_keys.find_key(unit, "abcdefgh") == (key, "h" * 64)
        assert api_keys.find_key(unit, "abcdefg") is None
        assert key.to_be_noted(NOW)
        api_keys.note_key_use(unit, key.id, NOW)
        used = api_keys.get_key(unit, key.id)
        assert used is not None and not used.to_be_noted(NOW) and used.to_be_noted(NOW + HOUR)
        assert api_keys.revoke_key(unit, key.id, NOW)
        assert not api_keys.revoke_key(unit, key.id, NOW)
        revoked = api_keys.get_key(unit, key.id)
        assert revoked is not None and not revoked.good(NOW)
        assert api_keys.revoke_keys_of(unit, owner.id, NOW) == 1
        assert {each.id for each in api_keys.keys_of(unit, "CLCN")} == {key.id, second.id}
        assert api_keys.keys_of(unit, "PKU") == []
        with pytest.raises(AccountError):
            api_keys.add_key(unit, api_keys.NewKey("x", "", owner.id, "CLCN", ("system",), (), "", NOW), NOW)


def test_readers_are_counted_by_library_and_period_and_erased_ones_stay_counted(database: Database) -> None:
    officer = add(database, "officer", "requester")
    day = timedelta(days=1)
    with database.write() as unit:
        for number, (library, by, when) in enumerate(
            [("CLCN", officer.id, 0), ("CLCN", 0, 1), ("PKU", 0, 1), ("CLCN", 0, 30)]
        ):
            new = NewAccount(
                f"r{number}", ("reader",), library, registered_by=by, sponsor="CLCN" if by else "", card=str(number)
            )
            last = accounts.add_account(unit, new, NOW + when * day)
            if number < 2:
                assert accounts.erase_account(unit, last.id, NOW + 2 * day)
                assert not accounts.erase_account(unit, last.id, NOW + 3 * day)
        counted = accounts.count_readers(unit, NOW, NOW + 30 * day)
        assert [(each.library, each.registered, each.by_officer) for each in counted] == [("CLCN", 2, 1), ("PKU", 1, 0)]
        assert accounts.count_readers(unit, NOW + 30 * day, NOW + 31 * day)[0].registered == 1
        assert accounts.count_sponsored(unit, NOW, NOW + day) == [("CLCN", 1)]
        assert len(accounts.erased_accounts(unit)) == 2
