"""Generations beside each other: who builds, what is kept, the way back, and what a dead process leaves behind."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import pytest
from union_shelf import Through, UnionShelf, at_once, expected_libraries, libraries_of

from indexer import generations as naming
from indexer.build import (
    IndexCounts,
    build_beside,
    finish_index,
    index_changes,
    index_span,
    index_spans,
    plan_index,
    roll_back,
)
from indexer.engine.protocol import All, Engine, EngineError, Plan
from indexer.gate import GateError
from indexer.generations import IndexPlan, keeping, number_of, sweep
from indexer.state import state_hash
from store import generations
from store.database import Database
from store.leases import LeaseLost

KEYS = range(1, 61)


@pytest.fixture
def shelf(database: Database) -> UnionShelf:
    shelf = UnionShelf(database)
    shelf.put(KEYS)
    return shelf


def total(engine: Engine) -> int:
    return engine.search(Plan(All(), size=0)).total


def known(database: Database) -> set[str]:
    with database.read() as unit:
        return generations.known_generations(unit)


# ---------------------------------------------------------------------------------------------- beside the live one


def test_changes_that_arrive_meanwhile_reach_both(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    engine, of_the_night = open_engine(), open_engine()
    index_changes(database, engine)
    first = engine.live()

    def a_night_first(meanwhile: Callable[[], None]) -> AbstractContextManager[None]:
        for edition in (2, 3):
            shelf.put(range(1, 20), edition)
            shelf.bury([20 + edition])
            shelf.put([60 + edition])
            counts = index_changes(database, of_the_night)
            assert (counts.written, counts.deleted, counts.rebuilt) == (20, 1, "")
            assert of_the_night.live() == first
            assert libraries_of(of_the_night) == expected_libraries(now(edition))
            meanwhile()
        shelf.put([30], edition=9)
        return at_once(meanwhile)

    def now(edition: int) -> list[int]:
        gone = [20 + each for each in (2, 3) if each <= edition]
        return [*(key for key in KEYS if key not in gone), *(60 + each for each in (2, 3) if each <= edition)]

    counts = build_beside(database, engine, a_night_first)
    assert counts.rebuilt == engine.live() != first
    assert counts.deleted == 2
    assert libraries_of(engine) == expected_libraries(now(3))
    again = state_hash(database, engine)
    assert index_changes(database, engine).written == 0
    build_beside(database, engine, at_once)
    assert state_hash(database, engine) == again


def test_what_is_built_while_the_store_changes_without_the_lock_still_agrees(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    """The gate looks at one state of the store, and looks again where that has gone on."""

    class Changing:
        left = 3

        def search(self, plan: Plan, generation: str | None = None) -> object:
            return engine.search(plan, generation)

        def refresh(self, generation: str | None = None) -> None:
            engine.refresh(generation)
            if self.left:
                self.left -= 1
                shelf.put([100 + self.left])

        def __getattr__(self, name: str) -> object:
            return getattr(engine, name)

    counts = build_beside(database, Changing(), at_once)  # type: ignore[arg-type]
    assert (counts.written, total(engine)) == (63, 63)


def test_three_steps_by_several_processes_come_to_the_same(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    first = open_engine()
    shelf.bury([4])

    def by_several(rebuild: bool) -> IndexCounts:
        told = msgspec.json.encode(plan_index(database, open_engine(), rebuild=rebuild))
        plan = msgspec.json.decode(told, type=IndexPlan)
        spans = index_spans(database, plan, size=7)
        assert spans[0][0] == plan.after and spans[-1][1] == plan.last
        assert len(spans) == (9 if plan.parallel else 1)
        counts = IndexCounts()
        random.Random(7).shuffle(spans)
        for after, last in [*spans, spans[0]]:  # one is done again, since its worker died before it could say so
            done = index_span(database, open_engine(), plan, after, last)
            counts.add(msgspec.json.decode(msgspec.json.encode(done), type=IndexCounts))
        finished = finish_index(database, open_engine(), plan, counts)
        assert finish_index(database, open_engine(), plan, counts).refused == finished.refused
        return finished

    assert by_several(rebuild=False).rebuilt == first.live()
    one = state_hash(database, first)
    assert by_several(rebuild=True).rebuilt == first.live()
    assert state_hash(database, first) == one
    shelf.put(KEYS, edition=2)
    assert by_several(rebuild=False).rebuilt == ""
    assert index_changes(database, open_engine()).written == 0
    several = state_hash(database, first)
    build_beside(database, open_engine(), at_once)
    assert state_hash(database, first) == several


# ---------------------------------------------------------------------------------------------- who builds


def test_a_second_rebuild_is_refused_with_who_is_at_it(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    engine = open_engine()
    index_changes(database, engine)

    @contextmanager
    def another_first(meanwhile: Callable[[], None]) -> Iterator[None]:
        with pytest.raises(GateError, match=r"in the making since .*, by: process \d+ on .*Wait until it is done"):
            build_beside(database, open_engine(), at_once)
        # A night goes on, and sweeps nothing that is being built.
        shelf.put([70])
        night = index_changes(database, open_engine())
        assert (night.written, night.rebuilt) == (1, "")
        assert len(engine.generations()) == 2
        yield

    build_beside(database, engine, another_first)
    assert total(engine) == 61


def test_a_night_that_finds_the_first_index_in_the_making_leaves_it_to_that(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    @contextmanager
    def a_night_first(meanwhile: Callable[[], None]) -> Iterator[None]:
        shelf.put([70])
        assert index_changes(database, open_engine()) == IndexCounts()
        yield

    build_beside(database, open_engine(), a_night_first, hold=2.0)
    assert total(open_engine()) == 61


def test_a_builder_that_takes_its_time_is_believed_to_live(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    index_changes(database, open_engine())

    @contextmanager
    def slowly(meanwhile: Callable[[], None]) -> Iterator[None]:
        time.sleep(1.5)
        with pytest.raises(GateError, match="in the making"):
            build_beside(database, open_engine(), at_once)
        yield

    build_beside(database, open_engine(), slowly, hold=0.6)


def killed(database: Database, engine: Engine) -> IndexPlan:
    """A rebuild that got as far as this when it was killed: some is written, and nobody says anything any more."""
    plan = plan_index(database, engine, rebuild=True, owner="process 1 on 死去的机器", hold=0.5)
    index_span(database, engine, plan, 0, plan.last // 2)
    assert plan.generation in engine.generations()
    return plan


def test_what_a_killed_rebuild_left_is_swept_by_the_next(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    engine = open_engine()
    index_changes(database, engine)
    dead = killed(database, open_engine())
    with pytest.raises(GateError, match=r"死去的机器.*If that one has died"):
        build_beside(database, engine, at_once)
    time.sleep(0.6)
    build_beside(database, engine, at_once)
    assert dead.generation not in engine.generations()
    assert dead.generation not in known(database)


def test_what_a_killed_rebuild_left_is_swept_by_a_night(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    engine = open_engine()
    index_changes(database, engine)
    dead = killed(database, open_engine())
    index_changes(database, engine)
    assert dead.generation in engine.generations()
    time.sleep(0.6)
    index_changes(database, engine)
    assert engine.generations() == [engine.live()]
    assert known(database) == {engine.live()}


def test_a_night_builds_the_first_index_though_a_rebuild_was_killed_at_it(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    dead = killed(database, open_engine())
    engine = open_engine()
    counts = index_changes(database, engine)
    assert counts.rebuilt == engine.live() != dead.generation
    assert total(engine) == 60


def test_a_night_takes_over_from_one_that_was_killed_at_once(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    """There is one night at a time: the work lock says so."""
    plan = plan_index(database, open_engine(), hold=3600)
    index_span(database, open_engine(), plan, 0, 10)
    engine = open_engine()
    assert index_changes(database, engine).rebuilt != plan.generation
    assert engine.generations() == [engine.live()]


def test_a_builder_that_was_held_up_too_long_can_do_no_harm(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    engine, late = open_engine(), open_engine()
    index_changes(database, engine)
    dead = killed(database, late)
    time.sleep(0.6)
    build_beside(database, engine, at_once)
    live, before = engine.live(), state_hash(database, engine)
    with pytest.raises((LeaseLost, EngineError)):
        index_span(database, late, dead, dead.after, dead.last)
    with pytest.raises(LeaseLost):
        finish_index(database, late, dead, IndexCounts())
    with pytest.raises(LeaseLost), keeping(database, late, dead):
        raise LeaseLost
    assert (engine.live(), state_hash(database, engine)) == (live, before)
    assert dead.generation not in known(database)


def test_a_process_that_dies_after_the_switch_leaves_nothing_undone(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    """The engine has switched, and nothing of it is noted."""
    engine = open_engine()
    index_changes(database, engine)
    first = engine.live()
    plan = plan_index(database, engine, rebuild=True, owner="process 1 on 死去的机器", hold=0.1)
    index_span(database, engine, plan, 0, plan.last)
    engine.swap(plan.generation)
    time.sleep(0.2)
    index_changes(database, open_engine())
    assert set(engine.generations()) == {first, plan.generation}
    roll_back(database, open_engine())
    assert engine.live() == first


def test_a_builder_that_was_held_up_after_the_switch_sweeps_nothing_of_the_next(
    database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf
) -> None:
    engine, late = open_engine(), open_engine()
    plan = plan_index(database, late, rebuild=True, owner="process 1 on 慢的机器", hold=0.1)
    counts = index_span(database, late, plan, 0, plan.last)
    late.swap(plan.generation)
    time.sleep(0.2)
    following = plan_index(database, engine, rebuild=True, owner="process 2")
    finish_index(database, late, plan, counts)
    assert engine.generations() == [plan.generation, following.generation]
    counts = index_span(database, engine, following, 0, following.last)
    assert finish_index(database, engine, following, counts).rebuilt == engine.live() == following.generation


def test_a_generation_that_can_not_be_created_keeps_nobody_waiting(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    class Full(Through):
        def create(self, generation: str) -> None:
            raise EngineError("There is no room. Free some space.")

    with pytest.raises(EngineError, match="no room"):
        build_beside(database, Full(engine), at_once)  # type: ignore[arg-type]
    made = build_beside(database, engine, at_once).rebuilt
    assert (engine.live(), known(database)) == (made, {made})


# ---------------------------------------------------------------------------------------------- the way back


def test_there_and_back(database: Database, open_engine: Callable[[], Engine], shelf: UnionShelf) -> None:
    engine = open_engine()
    index_changes(database, engine)
    build_beside(database, engine, at_once)
    first, second = engine.generations()
    shelf.put(range(1, 9), edition=2)
    shelf.bury([10, 11])
    index_changes(database, engine)
    expected = state_hash(database, engine)
    counts = roll_back(database, open_engine())
    assert (engine.live(), counts.written, counts.deleted) == (first, 8, 2)
    assert state_hash(database, engine) == expected
    # Nights now go to this one, and the other is what it would go back to.
    shelf.put([12], edition=2)
    assert index_changes(database, open_engine()).written == 1
    expected = state_hash(database, engine)
    assert roll_back(database, open_engine()).written == 1
    assert engine.live() == second
    assert state_hash(database, engine) == expected
    assert engine.generations() == [first, second]


def test_one_generation_is_kept_to_go_back_to(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    with pytest.raises(GateError, match="no generation before the live one"):
        roll_back(database, engine)
    made = [index_changes(database, engine).rebuilt]
    with pytest.raises(GateError, match="no generation before the live one"):
        roll_back(database, engine)
    for _ in range(3):
        made.append(build_beside(database, engine, at_once).rebuilt)
        assert engine.generations() == made[-2:]
        assert known(database) == set(made[-2:])


def test_a_generation_of_other_rules_is_not_gone_back_to(
    database: Database, engine: Engine, shelf: UnionShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(naming, "DOCUMENT_VERSION", 0)
        old = index_changes(database, engine).rebuilt
    new = index_changes(database, engine).rebuilt
    assert (old[:3], new[:3], engine.generations()) == ("v0-", "v1-", [old, new])
    with pytest.raises(GateError, match=rf"{old}, was built by the rules v0-\w+; this version works by v1-\w+"):
        roll_back(database, engine)
    assert engine.live() == new


# ---------------------------------------------------------------------------------------------- names and orphans


def test_only_orphans_of_ours_are_swept(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    index_changes(database, engine)
    build_beside(database, engine, at_once)
    kept = engine.generations()
    for name in ("v1-0a1b2c3d-0001", "v7-ffffffff-123456", "somebody-elses", "v1-0a1b2c3d-1"):
        engine.create(name)
    with database.write() as unit:
        generations.move_watermark(unit, "v1-0a1b2c3d-0002", 5)
    assert sweep(database, engine) == ["v1-0a1b2c3d-0001", "v1-0a1b2c3d-0002", "v7-ffffffff-123456"]
    assert engine.generations() == sorted([*kept, "somebody-elses", "v1-0a1b2c3d-1"])
    assert known(database) == set(kept)


def test_a_number_is_never_used_again(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    made = [index_changes(database, engine).rebuilt]
    failed = plan_index(database, engine, rebuild=True)
    with pytest.raises(ZeroDivisionError), keeping(database, engine, failed):
        raise ZeroDivisionError
    assert engine.generations() == made
    made.append(build_beside(database, engine, at_once).rebuilt)
    assert [number_of(name) for name in (made[0], failed.generation, made[1])] == [1, 2, 3]
    # Nor is one of an index that is older than the database, which was restored from a backup.
    engine.create(f"{naming.generation_prefix()}0041")
    assert number_of(build_beside(database, engine, at_once).rebuilt) == 42


def test_an_index_of_another_time_is_replaced_and_not_gone_back_to(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    """As after a restore: the index holds versions that this state has yet to give out."""
    index_changes(database, engine)
    ahead = build_beside(database, engine, at_once).rebuilt
    with database.write() as unit:
        for name in engine.generations():
            generations.forget_generation(unit, name)
    shelf.put([1], edition=2)
    assert index_changes(database, engine).written == 60
    assert engine.live() != ahead
    assert engine.generations() == [engine.live()]
    with pytest.raises(GateError, match="no generation before the live one"):
        roll_back(database, engine)
