"""Whoever is erased is gone from the database and its files, and stays gone when an older backup is restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from store import accounts, api_keys, idempotency, outbox, requests, sessions
from store.accounts import Account, NewAccount
from store.audit import Actor, entries
from store.backup import back_up, restore
from store.database import Database, all_tables
from store.erasures import FILE, erase_person, reapply_erasures

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
NOTE = "要带插图的那一版"
PERSON = ("wangfang1988", "王芳芳", "wang.fang@mail.example", "13800138000", "CARD-00012345")
ACTOR = Actor(0, "session")


def add(database: Database, prefix: str = "abcdefgh") -> Account:
    login, name, email, phone, card = PERSON
    with database.write() as unit:
        new = NewAccount(
            login, ("reader",), "CLCN", "$argon2id$secret-hash", name, email, phone, card, "en", 77, "CLCN"
        )  # fmt: skip
        made = accounts.add_account(unit, new, NOW)
        sessions.begin_session(unit, "5e" * 32, made.id, NOW, timedelta(days=1))
        accounts.set_code(unit, made.id, "c0de" * 16, NOW + timedelta(days=7))
        key = api_keys.NewKey(prefix, "ab" * 32, made.id, "CLCN", ("reader",), (), "我的", NOW + timedelta(days=9))
        api_keys.add_key(unit, key, NOW)
        number = requests.new_request(unit, NOW)
        requests.put_person(unit, number, requests.Person(made.id, NOTE, email))
        mail = {"channel": "email", "kind": "receipt", "at": NOW, "request_id": number}
        outbox.put_message(unit, key=f"{prefix}/1", target=str(made.id), body=f'{{"to": "{name}"}}', **mail)
        outbox.put_message(unit, key=f"{prefix}/2", target="CLCN", body='{"of": "a request"}', **mail)
        answer = idempotency.CallAnswer(201, NOTE.encode())
        idempotency.keep_answer(unit, f"account {made.id}", prefix, "f", answer, NOW)
        accounts.add_account(unit, NewAccount(f"li-{prefix}", ("reader",), "CLCN", name="李雷"), NOW)
    return made


TRACES = (*PERSON, NOTE, "secret-hash", "5e" * 32, "c0de" * 16)


def traces(database: Database) -> set[str]:
    """What of the person stands in any column of any table."""
    with database.read() as unit:
        values = [
            value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            for table in all_tables().sorted_tables
            for row in unit.execute(select(table))
            for value in row
        ]  # fmt: skip
    return {trace for trace in TRACES for value in values if trace in value}


def bytes_of(database: Database) -> bytes:
    path = Path(str(database.url.database))
    return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))


def test_nothing_of_the_person_is_left_anywhere(database: Database, tmp_path: Path) -> None:
    made = add(database)
    assert traces(database) == set(TRACES), "the test looks where they are"
    if database.is_sqlite:
        assert all(trace.encode() in bytes_of(database) for trace in TRACES)
    assert erase_person(database, tmp_path / "data", made.id, ACTOR, NOW)
    assert traces(database) == set()
    if database.is_sqlite:
        left = [trace for trace in TRACES if trace.encode() in bytes_of(database)]
        assert left == [], "also between the rows and in the WAL"
        assert "李雷".encode() in bytes_of(database)


def test_a_tombstone_stays_and_the_erasure_is_audited_once(database: Database, tmp_path: Path) -> None:
    made = add(database)
    assert erase_person(database, tmp_path, made.id, ACTOR, NOW)
    assert not erase_person(database, tmp_path, made.id, ACTOR, NOW)
    assert not erase_person(database, tmp_path, 1, ACTOR, NOW)
    with database.read() as unit:
        found = accounts.get_account(unit, made.id)
        assert found is not None
        assert (found.roles, found.library, found.created, found.erased) == (("reader",), "CLCN", NOW, NOW)
        assert (found.registered_by, found.active, found.can_sign_in) == (77, False, False)
        assert accounts.find_account(unit, PERSON[0]) is None
        assert accounts.credentials(unit, found.login) is None
        (key,) = api_keys.keys_of(unit)
        assert key.revoked == NOW
        assert requests.get_request(unit, 1) is not None and requests.person_of(unit, 1) is None
        assert outbox.count_messages(unit) == [("email", "waiting", 1)], "that to the library stays"
        (entry,) = entries(unit)
        assert (entry.action, entry.object) == ("account.erase", f"account {made.id}")
    assert (tmp_path / FILE).read_text() == f"{made.id} {NOW.isoformat()}\n"
    assert oct((tmp_path / FILE).stat().st_mode & 0o777) == "0o600"


def test_login_and_card_may_be_had_again(database: Database, tmp_path: Path) -> None:
    made = add(database)
    erase_person(database, tmp_path, made.id, ACTOR, NOW)
    with database.write() as unit:
        again = accounts.add_account(unit, NewAccount(PERSON[0], ("reader",), "CLCN", card=PERSON[4]), NOW)
        accounts.change_account(unit, made.id, name="王芳芳", card="x")
        accounts.set_password(unit, made.id, "hash")
        accounts.set_active(unit, made.id, True)
        tombstone = accounts.require_account(unit, made.id)
    assert again.id != made.id
    assert (tombstone.name, tombstone.card, tombstone.can_sign_in, tombstone.active) == ("", "", False, False)


def test_a_restored_backup_does_not_bring_the_person_back(tmp_path: Path) -> None:
    state = tmp_path / "data" / "state.db"
    database = Database(f"sqlite:///{state}")
    database.migrate()
    made = add(database)
    back_up(database, tmp_path / "copy.db")
    erase_person(database, state.parent, made.id, ACTOR, NOW)
    database.close()
    restore(tmp_path / "copy.db", state)
    database = Database(f"sqlite:///{state}")
    assert traces(database) == set(TRACES), "the backup has him"
    later = NOW + timedelta(days=1)
    assert reapply_erasures(database, state.parent, later) == 1
    assert traces(database) == set()
    assert reapply_erasures(database, state.parent, later) == 0
    with database.read() as unit:
        assert len(entries(unit)) == 1
    database.close()


def test_a_crash_between_the_note_and_the_erasure_is_made_good_at_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    made = add(database)
    (tmp_path / FILE).write_text(f"17\n{made.id} {NOW.isoformat()}\n99 2026-03")  # the last line was cut off
    assert reapply_erasures(database, tmp_path, NOW) == 1
    assert traces(database) == set()
    second = add(database, "ijklmnop")
    erase_person(database, tmp_path, second.id, ACTOR, NOW)
    assert (tmp_path / FILE).read_text().splitlines()[-1] == f"{second.id} {NOW.isoformat()}"


def test_what_another_machine_erased_is_noted_in_this_ones_folder(database: Database, tmp_path: Path) -> None:
    made = add(database)
    erase_person(database, tmp_path / "one", made.id, ACTOR, NOW)
    assert reapply_erasures(database, tmp_path / "two", NOW) == 0
    assert (tmp_path / "two" / FILE).read_text() == (tmp_path / "one" / FILE).read_text()
    assert reapply_erasures(database, tmp_path / "two", NOW) == 0
    assert len((tmp_path / "two" / FILE).read_text().splitlines()) == 1
