"""What is PostgreSQL's own: who may come in, what is lost on the way, and what a person is told."""

from __future__ import annotations

import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from servers.fixtures import new_database
from servers.postgres import Postgres
from sqlalchemy.engine import make_url

from mappings.model import Library
from store import libraries
from store.bulk import insert_rows
from store.database import Database, StoreBusyError, StoreError, newest_revision
from store.errors import told
from store.progress import sequence, take_numbers


@pytest.fixture
def postgres(migrated_postgres_url: str) -> Iterator[Database]:
    opened = Database(migrated_postgres_url)
    yield opened
    opened.close()


def with_user(url: str, user: str, password: str = "geheim") -> str:
    return url.replace("postgres@", f"{user}:{password}@")


@pytest.fixture
def account(postgres_shared: str) -> Iterator[str]:
    """A user without any rights who may have one connection."""
    name = f"tongcang_test_{secrets.token_hex(6)}"
    address = postgres_shared.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
        yield name
        connection.execute(f"DROP ROLE {name}")


def terminate(database: Database) -> None:
    """End every connection of the database, as an administrator or a network does."""
    address = database.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        statement = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(statement, [database.url.database])


# ---------------------------------------------------------------------------------------------- sentences

SENTENCES = [
    ("08006", StoreBusyError, "was lost"),
    ("40001", StoreBusyError, "for the sake of another"),
    ("40P01", StoreBusyError, "for the sake of another"),
    ("42501", StoreError, 'OWNER TO "leser"'),
    ("53100", StoreError, "disk of PostgreSQL .* is full"),
    ("53200", StoreBusyError, "lacks memory"),
    ("53300", StoreBusyError, "max_connections"),
    ("55P03", StoreBusyError, "held by another process"),
    ("57014", StoreBusyError, "stopped the statement"),
    ("57P01", StoreBusyError, "stopping or starting"),
    ("57P02", StoreBusyError, "stopping or starting"),
    ("57P03", StoreBusyError, "stopping or starting"),
    ("25P03", StoreBusyError, "nothing was done for too long"),
    ("25006", StoreError, "standby"),
    ("58030", StoreError, "read or write its files"),
    ("XX001", StoreError, "Restore it from a backup"),
    ("XX002", StoreError, "REINDEX"),
]
REFUSALS = [
    ('FATAL:  password authentication failed for user "leser"', StoreError, "Check user and password"),
    ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', StoreError, "Check user and password"),
    ("fe_sendauth: no password supplied", StoreError, "Check user and password"),
    ('FATAL:  database "state" does not exist', StoreError, "CREATE DATABASE"),
    ("FATAL:  sorry, too many clients already", StoreBusyError, "max_connections"),
    ("FATAL:  the database system is starting up", StoreBusyError, "stopping or starting"),
    ("FATAL:  the database system is in recovery mode", StoreBusyError, "stopping or starting"),
    ("致命错误:  用户 leser 密码认证失败", StoreBusyError, "can't be reached"),
    ("server closed the connection unexpectedly", StoreBusyError, "can't be reached"),
]
ADDRESS = Database("postgresql://leser:geheim@db.example.edu.cn/state").url


@pytest.mark.parametrize(("state", "kind", "words"), SENTENCES)
def test_every_state_has_its_sentence(state: str, kind: type[StoreError], words: str) -> None:
    sentence = told(ADDRESS, errors.lookup(state)("could not do it: geheim"))
    assert type(sentence) is kind
    assert_good(str(sentence), words)


@pytest.mark.parametrize(("cause", "kind", "words"), REFUSALS)
def test_every_refused_connection_has_its_sentence(cause: str, kind: type[StoreError], words: str) -> None:
    sentence = told(ADDRESS, psycopg.OperationalError(f"connection failed: geheim {cause}"))
    assert type(sentence) is kind
    assert_good(str(sentence), words)


def assert_good(sentence: str, words: str) -> None:
    assert re.search(words, sentence)
    assert "db.example.edu.cn:5432/state" in sentence
    assert "geheim" not in sentence
    assert sentence.endswith(".")


def test_a_fault_of_the_program_is_no_sentence() -> None:
    assert told(ADDRESS, errors.lookup("42601")("syntax error")) is None
    assert told(ADDRESS, errors.lookup("23505")("unique")) is None
    assert told(ADDRESS, ValueError("x")) is None


def test_what_went_wrong_in_one_database_is_not_told_of_the_other() -> None:
    """A state is copied from one to the other: whoever is told must look at the right one."""
    assert told(ADDRESS, sqlite3.DatabaseError("database disk image is malformed")) is None
    assert told(make_url("sqlite:////srv/state.db"), errors.lookup("53100")("disk full")) is None


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("postgresql://leser:geheim@127.0.0.1:1/state", StoreBusyError, "can't be reached"),
        ("postgresql://leser:geheim@nowhere.invalid/state", StoreBusyError, "can't be reached"),
    ],
)
def test_a_server_that_is_not_there_is_told(url: str, kind: type[StoreError], words: str) -> None:
    with pytest.raises(kind, match=words) as error:
        Database(url).migrate()
    assert "geheim" not in str(error.value)


def test_a_user_and_a_database_that_are_not_there_are_told(postgres_url: str) -> None:
    with pytest.raises(StoreError, match="refuses the user nobody_there") as error:
        Database(with_user(postgres_url, "nobody_there")).migrate()
    assert "geheim" not in str(error.value)
    with pytest.raises(StoreError, match="CREATE DATABASE"):
        Database(f"{postgres_url}_not_there").migrate()


def test_a_user_who_may_not_make_tables_is_told_how_to(postgres_url: str, account: str) -> None:
    database = Database(with_user(postgres_url, account))
    with pytest.raises(StoreError, match=f'OWNER TO "{account}"'):
        database.migrate()
    database.close()


def test_too_many_connections_are_told(postgres_url: str, account: str) -> None:
    database = Database(with_user(postgres_url, account))
    with database.read(), pytest.raises(StoreBusyError, match="no connection left"), database.read():
        pass
    database.close()


def test_another_encoding_is_refused(postgres_shared: str) -> None:
    with new_database(postgres_shared, "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0") as url:
        database = Database(url)
        with pytest.raises(StoreError, match="encoded as LATIN1"):
            database.migrate()
        database.close()


# ---------------------------------------------------------------------------------------------- transactions


def test_a_reading_transaction_does_not_write(postgres: Database) -> None:
    with pytest.raises(StoreError, match="takes no writes"), postgres.read() as unit:
        take_numbers(unit, "raw", 1)


def test_numbers_of_one_kind_don_t_wait_for_another_kind(postgres: Database) -> None:
    with postgres.write() as unit:
        take_numbers(unit, "raw", 5)
        with postgres.write() as other:
            other.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            assert list(take_numbers(other, "bib", 1)) == [1]
        with pytest.raises(StoreBusyError, match="held by another process"), postgres.write() as third:
            third.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            take_numbers(third, "raw", 1)


def test_two_that_wait_for_each_other_are_parted(postgres: Database) -> None:
    """One is undone and told to try again; the other is committed."""
    meeting = threading.Barrier(2)
    ended: list[BaseException | None] = []

    def take(first: str, second: str) -> None:
        try:
            with postgres.write() as unit:
                take_numbers(unit, first, 1)  # type: ignore[arg-type]
                meeting.wait(10)
                take_numbers(unit, second, 1)  # type: ignore[arg-type]
            ended.append(None)
        except StoreBusyError as error:
            ended.append(error)

    threads = [threading.Thread(target=take, args=pair) for pair in (("raw", "bib"), ("bib", "raw"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(type(each).__name__ for each in ended) == ["NoneType", "StoreBusyError"]
    with postgres.write() as unit:
        assert list(take_numbers(unit, "raw", 1)) == [2]


def test_a_connection_lost_in_the_middle_leaves_nothing_and_the_next_one_works(postgres: Database) -> None:
    with pytest.raises(StoreBusyError), postgres.write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
        terminate(postgres)
        take_numbers(unit, "raw", 1)
    terminate(postgres)
    with postgres.write() as unit:  # also connections that were lost while nobody used them
        assert libraries.all_libraries(unit) == []
        assert list(take_numbers(unit, "raw", 1)) == [1]


def test_a_connection_lost_before_a_bulk_leaves_nothing_and_the_next_one_works(postgres: Database) -> None:
    with pytest.raises(StoreBusyError), postgres.write() as unit:
        insert_rows(unit, sequence, [{"name": "raw", "value": 7}])
        terminate(postgres)
        insert_rows(unit, sequence, [{"name": "bib", "value": 7}])
    with postgres.write() as unit:
        assert list(take_numbers(unit, "raw", 1)) == [1]


def test_what_was_acknowledged_survives_the_kill_of_the_server(postgres_server: Postgres) -> None:
    with new_database(postgres_server.url, "TEMPLATE template0") as url:
        database = Database(url)
        database.migrate()
        acknowledged = 0
        stop = threading.Event()

        def write() -> None:
            nonlocal acknowledged
            while not stop.is_set():
                with database.write() as unit:
                    (taken,) = take_numbers(unit, "raw", 1)
                acknowledged = taken

        def write_until_it_is_away() -> None:
            with pytest.raises(StoreBusyError):
                write()

        writer = threading.Thread(target=write_until_it_is_away)
        writer.start()
        while acknowledged < 30 and writer.is_alive():
            time.sleep(0.005)
        postgres_server.kill()
        writer.join(60)
        stop.set()
        assert not writer.is_alive()
        with pytest.raises(StoreBusyError, match="can't be reached"), database.read():
            pass
        postgres_server.start()
        with database.write() as unit:
            (following,) = take_numbers(unit, "raw", 1)
        # one that was being committed may be there without its acknowledgement
        assert following - acknowledged in (1, 2)
        assert database.revision() == newest_revision()
        database.close()
