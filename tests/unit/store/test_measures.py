"""What waits for which stage and since when; how the queue and the sources stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bib_store import Shelf
from sqlalchemy import update

from indexer.cluster.stage import JUDGED, build_unions, cluster_changes
from indexer.cluster.stage import STAGE as CLUSTER
from indexer.cluster.uniting import UNION_STAGE
from indexer.pipeline import STAGE as NORMALISE
from mappings.model import Agent, BibRecord
from store import generations, harvests, libraries, measures, tasks
from store.change_times import change_time
from store.database import Database
from store.harvests import Counts
from store.judgements import judge
from store.leases import WORK, take_lease
from store.measures import Lag
from store.progress import require_version, set_watermark

TITLES = ("红楼梦", "三国演义", "水浒传", "西游记", "儒林外史")


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


def put(shelf: Shelf, *titles: str) -> None:
    shelf.put(*(("RUC", title, BibRecord("cnmarc", title, agents=(Agent("佚名"),))) for title in titles))


def lags(database: Database) -> dict[str, Lag]:
    with database.read() as unit:
        found = measures.lags(unit)
    assert [lag.stage for lag in found] == list(measures.STAGES)
    return {lag.stage: lag for lag in found}


def hours_pass(database: Database, hours: float) -> None:
    """All marks lie so much further back."""
    with database.write() as unit:
        unit.execute(update(change_time).values(at=change_time.c.at - 3600 * hours))


def test_the_stages_are_those_of_the_indexer() -> None:
    assert {NORMALISE, CLUSTER, JUDGED, UNION_STAGE, "index"} == set(measures._INPUTS)


def test_of_an_empty_database_nothing_waits(database: Database) -> None:
    assert all((lag.records, lag.seconds) == (0, 0.0) for lag in lags(database).values())


def test_what_a_stage_has_not_dealt_with_waits_for_it(database: Database, shelf: Shelf) -> None:
    put(shelf, *TITLES)
    hours_pass(database, 2)
    found = lags(database)
    assert (found["cluster"].records, found["union"].records) == (5, 0)
    assert 7200 <= found["cluster"].seconds < 7300
    cluster_changes(database)
    found = lags(database)
    assert (found["cluster"].records, found["cluster"].seconds, found["union"].records) == (0, 0.0, 5)
    assert found["union"].seconds < 100, "the clusters were made now"
    build_unions(database)
    found = lags(database)
    assert (found["union"].records, found["index"].records) == (0, 5)


def test_the_index_is_as_late_as_its_live_generation(database: Database, shelf: Shelf) -> None:
    put(shelf, *TITLES)
    cluster_changes(database)
    build_unions(database)
    with database.write() as unit:
        for name, seq in (("v1-0001", 5), ("v1-0002", 3)):
            generations.begin_generation(unit, name)
            generations.note_live(unit, name)
            set_watermark(unit, generations.STAGE + name, seq)
    assert lags(database)["index"].records == 2


def test_the_oldest_change_counts_and_no_older_one(database: Database, shelf: Shelf) -> None:
    put(shelf, *TITLES[:2])
    hours_pass(database, 5)
    cluster_changes(database)
    put(shelf, *TITLES[2:4])
    hours_pass(database, 1)
    put(shelf, *TITLES[4:])
    lag = lags(database)["cluster"]
    assert lag.records == 3
    assert 3600 <= lag.seconds < 3700


def test_marks_lie_a_minute_apart(database: Database, shelf: Shelf) -> None:
    for title in TITLES:
        put(shelf, title)
    with database.read() as unit:
        assert [row.seq for row in unit.execute(change_time.select())] == [1]


def test_under_other_rules_everything_waits_since_then(database: Database, shelf: Shelf) -> None:
    with database.write() as unit:
        require_version(unit, CLUSTER, "old rules")
    put(shelf, *TITLES)
    with database.write() as unit:
        set_watermark(unit, CLUSTER, 5)
    hours_pass(database, 1000)
    assert lags(database)["cluster"].records == 0
    with database.write() as unit:
        assert require_version(unit, CLUSTER, "new rules")
    lag = lags(database)["cluster"]
    assert lag.records == 5
    assert lag.seconds < 100


def test_beyond_the_limit_numbers_are_counted(database: Database, shelf: Shelf, monkeypatch: Any) -> None:
    monkeypatch.setattr(measures, "EXACT", 3)
    put(shelf, *TITLES[:3])
    assert lags(database)["cluster"].records == 3
    put(shelf, *TITLES)  # numbers 4 to 8
    assert lags(database)["cluster"].records == 5
    put(shelf, TITLES[2])  # 9 and no longer 6
    assert lags(database)["cluster"].records == 6, "from 4 to 9: one that changed twice counts as two"


def test_a_judgement_waits_for_clustering(database: Database, shelf: Shelf) -> None:
    put(shelf, *TITLES)
    cluster_changes(database)
    with database.write() as unit:
        names = [shelf.name("RUC", title) for title in TITLES[:2]]
        judge(unit, names[0], names[1], same=True, who="馆员", reason="同一种书", now="2026-11-23T00:00:00Z")
    hours_pass(database, 3)
    lag = lags(database)["cluster"]
    assert lag.records == 1
    assert lag.seconds >= 3 * 3600


# ---------------------------------------------------------------------------------------------- queue


def queue(database: Database) -> measures.Queue:
    with database.read() as unit:
        return measures.queue(unit)


def test_a_queue_without_a_night(database: Database) -> None:
    assert queue(database) == measures.Queue((), 0.0, 0, 0, "", None)
    with database.write() as unit:
        take_lease(unit, WORK, "host-1:77", 60.0)
    assert queue(database).busy_workers == 1, "a night of one process"


def test_the_tasks_of_a_night(database: Database) -> None:
    with database.write() as unit:
        night_id = tasks.begin_night(unit, "{}", "harvest", ["1", "2", "3", "4"])
        assert isinstance(night_id, int)
        unit.execute(update(tasks.night).values(phase_begun=tasks.night.c.phase_begun - 600))
        first, second, _ = (tasks.claim(unit, f"worker {n}", 60.0) for n in (1, 2, 2))
        assert first is not None and second is not None
        tasks.finish(unit, first.id, "worker 1", "{}")
    found = queue(database)
    told = {(each.phase, each.state): each.count for each in found.tasks}
    assert told == {("harvest", "done"): 1, ("harvest", "running"): 2, ("harvest", "waiting"): 1}
    assert found.busy_workers == 1, "worker 2 has two of them"
    assert 600 <= found.oldest_waiting < 700
    assert (found.night_state, found.night_ended, found.lost_tasks) == ("open", None, 0)


def test_a_worker_that_died_is_busy_no_longer(database: Database) -> None:
    with database.write() as unit:
        tasks.begin_night(unit, "{}", "harvest", ["1"])
        tasks.claim(unit, "worker 1", 60.0)
        unit.execute(update(tasks.task).values(until=tasks.task.c.until - 120))
    found = queue(database)
    assert (found.busy_workers, found.lost_tasks, found.oldest_waiting) == (0, 1, 0.0)


def test_a_task_that_has_to_wait_does_not_count_as_left_lying(database: Database) -> None:
    with database.write() as unit:
        tasks.begin_night(unit, "{}", "harvest", ["1"])
        unit.execute(update(tasks.night).values(phase_begun=tasks.night.c.phase_begun - 600))
        claimed = tasks.claim(unit, "worker 1", 60.0)
        assert claimed is not None
        tasks.give_back(unit, claimed.id, "worker 1", pause=300.0, pauses=1)
    assert queue(database).oldest_waiting == 0.0


def test_the_last_night_is_told_until_the_next(database: Database) -> None:
    with database.write() as unit:
        night_id = tasks.begin_night(unit, "{}", "harvest", ["1"])
        assert isinstance(night_id, int)
        tasks.end_night(unit, tasks.get_night(unit, night_id), "partial", "{}", "一馆未能采集")
    found = queue(database)
    assert found.night_state == "partial"
    assert found.night_ended is not None


# ---------------------------------------------------------------------------------------------- sources


def test_a_source_is_as_its_last_run_left_it(database: Database, shelf: Shelf) -> None:
    when = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    with database.write() as unit:
        source = libraries.get_source(unit, "RUC/files")
        assert source is not None
        for state, received in (("complete", 7), ("failed", 2), ("running", 1)):
            run = harvests.begin_run(unit, source.id, "", when)
            harvests.save_page(unit, run.id, "", None, Counts(received=received, added=received), "")
            if state != "running":
                harvests.end_run(unit, run.id, state, when)
    with database.read() as unit:
        found = {each.slug: each for each in measures.source_measures(unit)}
    assert list(found) == ["BNU/files", "CLCN/files", "PKU/files", "RUC/files"]
    of = found["RUC/files"]
    assert (of.state, of.last_complete) == ("running", when.timestamp())
    assert (of.counts["received"], of.counts["added"], of.counts["rejected"]) == (1, 1, 0)
    assert (found["PKU/files"].state, found["PKU/files"].last_complete, found["PKU/files"].counts) == ("", None, {})
