"""A harvest run: one outcome a record, one commit a page, and a brake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harvester
from harvester.rejections import TEXTS
from harvester.run import Progress, harvest
from harvester.sources.protocol import Ending, Page, Received, Refused, SourceError
from indexer.normalise import NO_TITLE, NOT_BIBLIOGRAPHIC, UNKNOWN_DIALECT
from mappings.model import Library
from store import harvests, libraries, records
from store.database import Database, Unit
from store.harvests import Run
from store.leases import WORK, extend_lease, take_lease
from store.libraries import Source, SourceConfig
from store.progress import take_numbers

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Scripted:
    """A reader that gives the pages it is told; after `dies` pages it dies as a process does."""

    def __init__(self, pages: Sequence[Sequence[Received | Refused]], ending: Ending, dies: int | None = None) -> None:
        self.script = pages
        self.ending = ending
        self.dies = dies
        self.since: list[str] = []

    def pages(self, since: str, resume: str) -> Iterator[Page | Ending]:
        self.since.append(since)
        for number, events in enumerate(self.script):
            if number < int(resume or 0):
                continue
            if number == self.dies:
                raise KeyboardInterrupt
            yield Page(tuple(events), str(number + 1), sum(len(page) for page in self.script))
        yield self.ending


def record(identifier: str, text: str = "红楼梦", *, deleted: bool = False) -> Received:
    return Received(identifier, "iso2709", b"" if deleted else text.encode(), deleted, "utf-8")


def source_in(database: Database, **config: object) -> Source:
    with database.write() as unit:
        libraries.put_library(unit, Library("RUC", "中国人民大学图书馆", "Renmin University Library"))
        return libraries.put_source(unit, "RUC/oai", "RUC", "oai_pmh", SourceConfig(**config))  # type: ignore[arg-type]


def run(database: Database, source: Source, pages: Sequence[Sequence[Received | Refused]], **options: object) -> Run:
    full = bool(options.pop("full", False))
    reader = Scripted(pages, Ending(True, "checkpoint", full=full))
    return harvest(database, source, reader, clock=lambda: NOW, **options)  # type: ignore[arg-type]


def stored(database: Database) -> list[tuple[str, bool]]:
    with database.read() as unit:
        return [(row.identifier, row.deleted) for row in records.changed_raw(unit, 0, 10_000)]


def test_every_record_has_one_outcome(database: Database) -> None:
    source = source_in(database)
    first = run(database, source, [[record("1"), record("2", "呐喊")], [Refused("garbage", b"\xff", "x.mrc@9")]])
    assert (first.state, first.counts.added, first.counts.rejected, first.counts.received) == ("complete", 2, 1, 3)
    pages = [[record("1"), record("2", "彷徨"), record("1", deleted=True), record("9", deleted=True), record("3")]]
    second = run(database, source, pages)
    counts = second.counts
    assert (counts.added, counts.changed, counts.deleted, counts.unchanged) == (1, 1, 1, 2)
    assert counts.balanced()
    with database.read() as unit:
        assert [row.data for row in harvests.rejections(unit, first.id)] == [b"\xff"]


def test_a_record_that_comes_twice_in_a_page_stands_as_it_came_last(database: Database) -> None:
    source = source_in(database)
    ended = run(database, source, [[record("1", "围城"), record("1", "边城"), record("1", "边城")]])
    assert (ended.counts.added, ended.counts.changed, ended.counts.unchanged) == (1, 1, 1)
    with database.read() as unit:
        found = records.raw_of(unit, source.id, "1")
    assert found is not None
    assert found.data.decode() == "边城"


def test_a_deleted_record_keeps_its_last_bytes_and_can_come_back(database: Database) -> None:
    source = source_in(database)
    run(database, source, [[record("1", "史记")]])
    run(database, source, [[record("1", deleted=True)]])
    with database.read() as unit:
        found = records.raw_of(unit, source.id, "1")
    assert found is not None
    assert (found.deleted, found.data.decode()) == (True, "史记")
    assert run(database, source, [[record("1", "史记")]]).counts.added == 1
    assert stored(database) == [("1", False)]


def test_a_killed_run_goes_on_behind_its_last_page(database: Database) -> None:
    source = source_in(database)
    pages = [[record(f"{page}-{number}", f"资治通鉴{number}") for number in range(3)] for page in range(4)]
    ending = Ending(True, "next")
    for dies in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            harvest(database, source, Scripted(pages, ending, dies), clock=lambda: NOW)
    ended = harvest(database, source, Scripted(pages, ending), clock=lambda: NOW)
    assert (ended.state, ended.counts.received, ended.counts.added) == ("complete", 12, 12)
    with database.read() as unit:
        assert len(harvests.last_runs(unit, source.id)) == 1


def test_only_a_complete_run_moves_the_checkpoint(database: Database) -> None:
    source = source_in(database)
    partial = Scripted([[record("1")]], Ending(False, "wrong", "the list broke off on page 2"))
    ended = harvest(database, source, partial, clock=lambda: NOW)
    assert (ended.state, ended.message) == ("partial", "the list broke off on page 2")
    reader = Scripted([[record("1")]], Ending(True, "right"))
    harvest(database, source, reader, clock=lambda: NOW)
    again = Scripted([], Ending(True, "later"))
    harvest(database, source, again, clock=lambda: NOW)
    assert (reader.since, again.since) == ([""], ["right"])


def test_a_source_that_cannot_be_read_fails_the_run_with_its_sentence(database: Database) -> None:
    class Dead:
        def pages(self, since: str, resume: str) -> Iterator[Page | Ending]:
            raise SourceError("http://127.0.0.1:9 does not answer. Ask the library.")
            yield

    ended = harvest(database, source_in(database), Dead(), clock=lambda: NOW)
    assert (ended.state, ended.message) == ("failed", "http://127.0.0.1:9 does not answer. Ask the library.")


def test_records_that_a_full_list_lacks_vanish_and_are_not_among_the_received(database: Database) -> None:
    source = source_in(database)
    run(database, source, [[record(str(number), f"论语{number}") for number in range(30)]], full=True)
    ended = run(database, source, [[record(str(number), f"论语{number}") for number in range(1, 30)]], full=True)
    assert (ended.counts.received, ended.counts.unchanged, ended.counts.vanished) == (29, 29, 1)
    assert ended.counts.balanced()
    assert ("0", True) in stored(database)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "vanished"])
def test_the_brake_stops_a_mass_deletion_until_a_person_accepts_it(database: Database, announced: bool) -> None:
    source = source_in(database)
    every = [record(str(number), f"本草纲目{number}") for number in range(100)]
    run(database, source, [every], full=True)
    gone = [record(str(number), deleted=True) for number in range(60)] if announced else []
    pages = [[*gone, *every[60:]]]
    braked = run(database, source, pages, full=not announced)
    assert braked.state == "braked"
    assert "--accept-deletions" in braked.message
    assert not any(deleted for _, deleted in stored(database))
    assert run(database, source, pages, full=not announced, accept_deletions=True).state == "complete"
    assert sum(deleted for _, deleted in stored(database)) == 60


events = st.lists(
    st.builds(
        lambda number, text, deleted: record(str(number), text, deleted=deleted),
        st.integers(0, 5),
        st.sampled_from(["红楼梦", "紅樓夢", "呐喊"]),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(events, min_size=1, max_size=3), cut=st.integers(1, 5))
def test_pages_of_any_size_end_in_the_same_state(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[list[Received]], cut: int
) -> None:
    states = []
    for size in (cut, 100):
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('run') / 'state.db'}")
        database.migrate()
        source = source_in(database)
        for delivery in deliveries:
            ended = run(database, source, [delivery[start : start + size] for start in range(0, len(delivery), size)])
            assert ended.counts.balanced()
            assert ended.counts.received == len(delivery)
        with database.read() as unit:
            states.append(list(records.scan_raw(unit)))
        database.close()
    assert states[0] == states[1]


def test_every_code_that_a_reader_or_a_crosswalk_gives_has_its_texts() -> None:
    given = {NO_TITLE, NOT_BIBLIOGRAPHIC, UNKNOWN_DIALECT}
    for file in (Path(harvester.__file__).parent / "sources").glob("*.py"):
        source = file.read_text(encoding="utf-8")
        given.update(re.findall(r'Refused\(\s*(?:code=)?"([a-z_]+)"', source))
    assert len(given) > 8
    assert given <= TEXTS.keys()
    for text in TEXTS.values():
        assert text.zh and text.en and text.fix


def test_what_normalising_moves_while_a_run_goes_on_is_not_undone_by_its_next_page(database: Database) -> None:
    source = source_in(database)
    reader = Scripted([[record("1"), record("2", "呐喊")], [record("3", "彷徨")]], Ending(True, "checkpoint"))

    def move(_: Progress) -> None:
        with database.write() as unit:
            [going_on] = harvests.last_runs(unit, source.id)
            harvests.move_to_rejected(unit, going_on.id, "added", 1)

    counts = harvest(database, source, reader, clock=lambda: NOW, progress=move).counts
    assert (counts.received, counts.added, counts.rejected) == (3, 1, 2)
    assert counts.balanced()


class Weary:
    """A provider that asks to be left alone for an hour, once."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pages(self, since: str, resume: str) -> Iterator[Page | Ending]:
        self.asked.append(resume)
        if len(self.asked) == 1:
            yield Page((record("1"),), "第二页", 2)
            raise SourceError("RUC/oai: 请一小时后再来", NOW + timedelta(hours=1))
        yield Page((record("2"),), "", 2)
        yield Ending(True, "checkpoint")


def test_a_run_that_may_wait_stays_open_and_goes_on_behind_its_last_page(database: Database) -> None:
    source, reader = source_in(database), Weary()
    with pytest.raises(SourceError, match="一小时"):
        harvest(database, source, reader, clock=lambda: NOW, may_wait=lambda at: at <= NOW + timedelta(hours=1))
    ended = harvest(database, source, reader, clock=lambda: NOW)
    assert (ended.id, ended.state, ended.counts.added) == (1, "complete", 2)
    assert reader.asked == ["", "第二页"]


def test_a_run_that_may_not_wait_so_long_ends_failed(database: Database) -> None:
    ended = harvest(database, source_in(database), Weary(), clock=lambda: NOW, may_wait=lambda at: at < NOW)
    assert (ended.state, ended.counts.added) == ("failed", 1)
    assert "一小时" in ended.message


def test_while_a_source_is_counted_the_others_of_the_night_go_on(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All write under one lease, whose row each holds until its transaction ends."""
    opened = Database(migrated_postgres_url)
    source = source_in(opened)
    with opened.write() as unit:
        assert take_lease(unit, WORK, "某进程", 60) is None

    def hold(unit: Unit) -> None:
        unit.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
        extend_lease(unit, WORK, "某进程", 60)

    night = opened.guarded(hold)
    others: list[int] = []

    def count(_unit: Unit, _source_id: int) -> int:
        with night.write() as other:
            others.extend(take_numbers(other, "raw", 1))
        return 0

    monkeypatch.setattr(records, "count_live", count)
    assert run(night, source, [[record("1")]]).state == "complete"
    assert others == [1]
    opened.close()
