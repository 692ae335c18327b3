"""The state database: nothing half written, one clear sentence for what is wrong, and a schema that is all migrated."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from mappings.model import Library
from store import libraries
from store.database import Database, StoreError, Unit, all_tables, clock, newest_revision
from store.packing import pack
from store.progress import get_watermark, require_version, set_watermark, take_numbers
from store.unions import UnionWrite, changed_unions, put_unions


def test_the_migrations_make_just_the_tables_that_the_code_knows(database: Database) -> None:
    with database.read() as unit:
        context = MigrationContext.configure(unit, opts={"compare_type": True})
        assert compare_metadata(context, all_tables()) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    before = database.revision()
    database.migrate()
    assert database.revision() == before


def test_a_state_of_the_first_schema_goes_on_behind_its_numbers(database: Database) -> None:
    """Numbers of all kinds came from one row then: beginning anew would fall behind every watermark."""
    config = Config()
    config.set_main_option("script_location", "store:migrations")
    with database.write() as unit:
        config.attributes["connection"] = unit
        command.downgrade(config, "0001")
        unit.exec_driver_sql("INSERT INTO sequence (name, value) VALUES ('change', 5000)")
    database.migrate()
    with database.write() as unit:
        assert take_numbers(unit, "raw", 2) == range(5001, 5003)
        assert take_numbers(unit, "union", 1) == range(5001, 5002)


def test_nothing_of_a_failed_transaction_stays(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
        take_numbers(unit, "raw", 5)
        raise ZeroDivisionError
    with database.write() as unit:
        assert libraries.all_libraries(unit) == []
        assert list(take_numbers(unit, "raw", 2)) == [1, 2]


def test_numbers_only_grow(database: Database) -> None:
    taken: list[int] = []
    for count in (3, 0, 1, 2):
        with database.write() as unit:
            taken += take_numbers(unit, "raw", count)
    assert taken == [1, 2, 3, 4, 5, 6]


def test_a_stage_begins_anew_under_other_rules(database: Database) -> None:
    with database.write() as unit:
        assert not require_version(unit, "normalise", "a")
        set_watermark(unit, "normalise", 9)
        assert not require_version(unit, "normalise", "a")
        assert get_watermark(unit, "normalise") == 9
        assert require_version(unit, "normalise", "b")
        assert get_watermark(unit, "normalise") == 0


def test_a_reader_that_follows_the_numbers_misses_nothing_that_two_writers_write(database: Database) -> None:
    """A number taken first and committed last would be passed by a watermark."""
    each = 40

    def write(first_key: int) -> None:
        for n in range(each):
            with database.write() as unit:
                (seq,) = take_numbers(unit, "union", 1)
                time.sleep(0.001 * (n % 3))  # the other one has time to pass
                put_unions(unit, [(seq, UnionWrite(first_key + n, b"", "RUC", pack(b"{}"), ()))], [])

    with ThreadPoolExecutor(2) as threads:
        writers = [threads.submit(write, first_key) for first_key in (1000, 2000)]
        seen: list[int] = []
        finished = False
        while not finished:
            finished = all(writer.done() for writer in writers)  # and then once more
            with database.read() as unit:
                seen += [row.seq for row in changed_unions(unit, seen[-1] if seen else 0, 7)]
        for writer in writers:
            writer.result()
    while len(seen) < 2 * each:
        with database.read() as unit:
            more = changed_unions(unit, seen[-1], 100)
        assert more
        seen += [row.seq for row in more]
    assert seen == list(range(1, 2 * each + 1))


def test_numbers_of_a_transaction_that_failed_are_taken_again(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as unit:
        take_numbers(unit, "bib", 7)
        raise ZeroDivisionError
    with database.write() as unit:
        assert list(take_numbers(unit, "bib", 2)) == [1, 2]
        assert list(take_numbers(unit, "cluster", 1)) == [1]


def test_a_reading_transaction_sees_one_state(database: Database) -> None:
    with database.write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
    with database.read() as unit:
        before = libraries.all_libraries(unit)
        with database.write() as other:
            libraries.put_library(other, Library("CLCN", "改了", "changed"))
            libraries.put_library(other, Library("RUC", "中国人民大学图书馆", "Renmin University"))
        assert libraries.all_libraries(unit) == before
    with database.read() as unit:
        assert [library.name_zh for library in libraries.all_libraries(unit)] == ["改了", "中国人民大学图书馆"]


def test_the_check_of_a_lease_comes_before_every_write(database: Database) -> None:
    def lost(_: Unit) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), database.guarded(lost).write() as unit:
        take_numbers(unit, "raw", 1)
    with database.write() as unit:
        assert list(take_numbers(unit, "raw", 1)) == [1]


def test_the_clock_is_the_databases_and_goes_on_within_a_transaction(database: Database) -> None:
    with database.read() as unit:
        first = clock(unit)
        time.sleep(0.02)
        assert 0.01 < clock(unit) - first < 5
    assert abs(first - time.time()) < 5


def test_several_processes_may_migrate_at_once(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    with database.write() as unit:
        for table in reversed(all_tables().sorted_tables):
            table.drop(unit)
        unit.exec_driver_sql("DROP TABLE alembic_version")
    starting = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(Database.migrate, starting))
    assert {each.revision() for each in starting} == {newest_revision()}
    for each in starting:
        each.close()


def test_a_state_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.write() as unit:
        unit.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="made by another version of Tongcang"):
        database.migrate()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql//tongcang:geheim@db.example.edu.cn", "address can't be read"),
        ("postgresql://tongcang:geheim@db.example.edu.cn:port/state", "address can't be read"),
        ("mysql://tongcang:geheim@db.example.edu.cn/state", "SQLite or PostgreSQL, not in mysql"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence) as told:
        Database(url)
    assert "geheim" not in str(told.value)
