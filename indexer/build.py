"""The index stage: from union records to the live generation of the search engine.

Under the rules by which the live generation was built, changes are written into it; under others, or when asked, a new
one is built beside it, follows the store until it has caught up, and takes its place when store and index agree (see
gate). The watermark `index:<generation>` follows the engine's own commit, so a crash between the two writes again what
is there already: the version of each document makes that harmless. Each generation has a watermark of its own, so one
that was live before can be brought up to date and made live again.

The stage has three steps, which several processes may share: `plan_index`, `index_span` of each span of changes, and
`finish_index`. `index_changes` does them one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager

import msgspec
from msgspec import Struct

from indexer.engine.protocol import Delete, Engine, EngineError, Operation, Put, Refusal
from indexer.gate import FEW_REFUSED, GateError, check
from indexer.generations import (
    BUILD,
    HOLD,
    NIGHT,
    IndexPlan,
    abandon,
    before_live,
    begin,
    generation_prefix,
    hold_on,
    keeping,
    lives,
    number_of,
    occupied,
    owner_name,
    settle,
    sweep,
)
from indexer.operations import BATCH, grouped, operations_of_changes
from mappings.model import union_id, union_key
from store import generations as kept
from store import unions
from store.database import Database, Unit
from store.generations import RefusedUnion
from store.leases import Held, drop_lease
from store.unions import UnionRow

COMMIT = 20_000
"""Union records between two commits of an update: a commit costs tantivy some 0.2–0.8 s (measured)."""

SPAN = 100_000
"""Union records of one task, where several processes write."""

ROUNDS = 100
"""After so many rounds a generation that still lags behind the store is given up: somebody writes without the lock."""

Tell = Callable[[int], None]
"""Told how many union records are done so far."""


class IndexCounts(Struct):
    written: int = 0
    deleted: int = 0
    refused: tuple[Refusal, ...] = ()
    rebuilt: str = ""  # the name of the generation, where one was built

    def add(self, more: IndexCounts) -> None:
        """Of another span of the same plan."""
        self.written += more.written
        self.deleted += more.deleted
        self.refused += more.refused


def _nobody(_: int) -> None:
    return None


def index_changes(
    database: Database,
    engine: Engine,
    *,
    executor: Executor | None = None,
    rebuild: bool = False,
    progress: Tell = _nobody,
) -> IndexCounts:
    """Bring the index up to date with the union records; build a new generation where there is none of these rules.

    To be called under the work lock.
    """
    plan = plan_index(database, engine, rebuild=rebuild)
    with keeping(database, engine, plan):
        counts = index_span(database, engine, plan, plan.after, plan.last, executor=executor, progress=progress)
        return finish_index(database, engine, plan, counts, executor=executor, progress=progress)


def build_beside(
    database: Database,
    engine: Engine,
    exclusive: Callable[[Callable[[], None]], AbstractContextManager[None]],
    *,
    executor: Executor | None = None,
    progress: Tell = _nobody,
    hold: float = HOLD,
) -> IndexCounts:
    """Build a generation while others change the store and the live one, and switch to it.

    `exclusive` gives the work lock for the last round, the gate and the switch; while it waits, it calls what it is
    given from time to time, so that little is left to do. Raises GateError where somebody builds one already.
    """
    plan = plan_index(database, engine, rebuild=True, owner=owner_name(), hold=hold)
    with keeping(database, engine, plan):
        counts = index_span(database, engine, plan, plan.after, plan.last, executor=executor, progress=progress)

        def follow() -> None:
            nonlocal plan
            plan = _follow(database, engine, plan, counts, executor, progress)

        follow()
        with exclusive(follow):
            return finish_index(database, engine, plan, counts, executor=executor, progress=progress)


def roll_back(
    database: Database, engine: Engine, *, executor: Executor | None = None, progress: Tell = _nobody
) -> IndexCounts:
    """Bring the generation before the live one up to date, and make it live again. To be called under the work lock.

    Raises GateError where there is none, where it was built by other rules, or where it differs from the store.
    """
    name = before_live(database, engine)
    if name is None:
        raise GateError(
            "There is no generation before the live one: one is kept from each switch on. Run: tongcang index rebuild"
        )
    if not name.startswith(generation_prefix()):
        raise GateError(
            f"The generation before the live one, {name}, was built by the rules {_rules(name)}; this version works by "
            f"{_rules(generation_prefix())} and can't bring it up to date. Go back to that version of Tongcang, or "
            "run: tongcang index rebuild"
        )
    counts = IndexCounts()
    with database.read() as unit:
        after = kept.watermark_of(unit, name)
    plan = _caught_up(database, engine, IndexPlan(name, after, after), counts, executor, progress)
    _switch(database, engine, plan)
    sweep(database, engine)
    return counts


def _rules(name: str) -> str:
    return name.rpartition("-")[0]


# ---------------------------------------------------------------------------------------------- the three steps


def plan_index(
    database: Database, engine: Engine, *, rebuild: bool = False, owner: str = NIGHT, hold: float = HOLD
) -> IndexPlan:
    """What is to be done. A new generation is begun where none of these rules, and of this state, is live; or where
    `rebuild` asks for it.

    `owner` builds it, and is believed to be alive for `hold` seconds after each step. While somebody else builds one, a
    rebuild raises GateError; otherwise nothing is to be done, since that generation takes in all changes.
    """
    live = engine.live()
    if live is not None and live.startswith(generation_prefix()) and not rebuild:
        settle(database, engine)
        with database.read() as unit:
            known = kept.is_known(unit, live)
            after, last = kept.watermark_of(unit, live), unions.last_change(unit)
        if known:
            return IndexPlan(live, after, max(after, last), parallel=engine.parallel_writers)
    name = begin(database, engine, owner=owner, hold=hold)
    while isinstance(name, Held):
        if rebuild:
            raise occupied(name)
        if lives(database, name):
            return IndexPlan("", 0, 0)
        name = begin(database, engine, owner=owner, hold=hold)
    with database.read() as unit:
        last = unions.last_change(unit)
    return IndexPlan(name, 0, last, True, engine.parallel_writers, owner, hold)


def index_spans(database: Database, plan: IndexPlan, size: int = SPAN) -> list[tuple[int, int]]:
    """The plan's changes as spans (after, last), to be written at the same time; one span where that can't be."""
    if not plan.parallel:
        return [(plan.after, plan.last)] if plan.after < plan.last else []
    spans = []
    after = plan.after
    with database.read() as unit:
        while after < plan.last:
            last = unions.change_after(unit, after, size, plan.last)
            spans.append((after, last))
            after = last
    return spans


def index_span(
    database: Database,
    engine: Engine,
    plan: IndexPlan,
    after: int,
    last: int,
    *,
    executor: Executor | None = None,
    progress: Tell = _nobody,
) -> IndexCounts:
    """Write the union records with after < seq ≤ last to the plan's generation. What it has written is durable.

    May be done again, and beside other spans where the plan is parallel. Raises LeaseLost where the generation was
    given up meanwhile.
    """
    counts = IndexCounts()
    if not plan.generation:
        return counts
    written = False
    try:
        size = BATCH if plan.new else COMMIT
        for rows, operations in grouped(operations_of_changes(database, after, last, executor), size):
            if plan.new and plan.after == 0:  # what was gone before the generation was begun never was in it
                operations = [operation for operation in operations if isinstance(operation, Put)]
            refused = _write(engine, plan, operations)
            if not plan.new:
                engine.refresh(plan.generation)
            with database.write() as unit:
                hold_on(unit, plan)
                kept.note_refused(unit, plan.generation, {row.key for row in rows}, _of_unions(rows, refused))
                if not plan.new:
                    # Where spans are written at the same time, only the first of them may move the watermark.
                    after = _advance(unit, plan.generation, after, rows[-1].seq)
            _count(counts, operations, refused)
            progress(counts.written + counts.deleted)
            written = True
        if written:
            engine.refresh(plan.generation)
    finally:
        engine.release()
    return counts


def finish_index(
    database: Database,
    engine: Engine,
    plan: IndexPlan,
    counts: IndexCounts,
    *,
    executor: Executor | None = None,
    progress: Tell = _nobody,
) -> IndexCounts:
    """All spans of the plan are written; `counts` are theirs together.

    A new generation takes in what has changed since, goes through the gate, and becomes the live one. To be called
    under the work lock.

    Raises GateError where store and index differ: the new generation is dropped then, and the live one stays.
    """
    if not plan.generation:
        return counts
    if not plan.new:
        with database.write() as unit:
            hold_on(unit, plan)
            kept.move_watermark(unit, plan.generation, plan.last)
        sweep(database, engine)
        return counts
    counts.rebuilt = plan.generation
    if engine.live() != plan.generation:  # it is where a process died after the switch
        try:
            plan = _caught_up(database, engine, plan, counts, executor, progress)
        except GateError:
            abandon(database, engine, plan)
            raise
        _switch(database, engine, plan)
    sweep(database, engine, builder=plan.owner)
    with database.write() as unit:
        lacking = kept.refused_unions(unit, plan.generation)
        drop_lease(unit, BUILD, plan.owner)
    counts.refused = tuple(Refusal(union_id(each.key), each.reason) for each in lacking)
    return counts


def _caught_up(
    database: Database, engine: Engine, plan: IndexPlan, counts: IndexCounts, executor: Executor | None, progress: Tell
) -> IndexPlan:
    """Follow the store until nothing is left, and go through the gate while the store is seen as it was then."""
    with database.write() as unit:
        hold_on(unit, plan)
        kept.move_watermark(unit, plan.generation, plan.last)
    for _ in range(ROUNDS):
        plan = _follow(database, engine, plan, counts, executor, progress)
        with database.read() as unit:
            if unions.last_change(unit) <= plan.last:
                check(unit, engine, plan.generation, number_of(plan.generation) or 0)
                return plan
    raise GateError(
        f"The generation {plan.generation} can't catch up with the store: somebody changes it without the work lock. "
        "The index before stays in use. Run it again while nothing else is at work."
    )


def _follow(
    database: Database, engine: Engine, plan: IndexPlan, counts: IndexCounts, executor: Executor | None, progress: Tell
) -> IndexPlan:
    """One round: what has changed since the plan's last change."""
    before = counts.written + counts.deleted
    with database.read() as unit:
        last = unions.last_change(unit)
    if last <= plan.last:
        return plan
    further = msgspec.structs.replace(plan, after=plan.last, last=last)
    more = index_span(
        database,
        engine,
        further,
        further.after,
        further.last,
        executor=executor,
        progress=lambda done: progress(before + done),
    )
    with database.write() as unit:
        hold_on(unit, further)
        kept.move_watermark(unit, further.generation, further.last)
    counts.add(more)
    return further


def _switch(database: Database, engine: Engine, plan: IndexPlan) -> None:
    with database.write() as unit:
        hold_on(unit, plan)
    settle(database, engine)
    engine.swap(plan.generation)
    settle(database, engine)


# ---------------------------------------------------------------------------------------------- writing


def _write(engine: Engine, plan: IndexPlan, operations: list[Operation]) -> list[Refusal]:
    """What the engine would not take. It is not in the index at all then, rather than as it was before."""
    refused = engine.bulk(operations, plan.generation)
    if not refused:
        return []
    if len(refused) > max(FEW_REFUSED, len(operations) // 2):
        raise EngineError(
            f"The index {plan.generation} refuses {len(refused)} of {len(operations)} union records, so many that the "
            f"index is at fault. First {refused[0].id}: {refused[0].reason} They will be tried again. "
            "Run: tongcang doctor"
        )
    versions = {each.document.id: each.document.version for each in operations if isinstance(each, Put)}
    undeleted = [each for each in refused if each.id not in versions]
    undeleted += engine.bulk(
        [Delete(each.id, versions[each.id]) for each in refused if each.id in versions], plan.generation
    )
    if undeleted:
        raise EngineError(
            f"The index {plan.generation} does not delete {undeleted[0].id}: {undeleted[0].reason} Run: tongcang doctor"
        )
    return refused


def _of_unions(rows: list[UnionRow], refused: list[Refusal]) -> list[RefusedUnion]:
    versions = {row.key: row.seq for row in rows}
    keys = [(union_key(each.id), each.reason) for each in refused]
    return [RefusedUnion(key, versions[key], reason) for key, reason in keys if key is not None]


def _advance(unit: Unit, generation: str, after: int, last: int) -> int:
    """Move the watermark to `last` where it stands at `after`; the number at which it would have to stand next."""
    if kept.watermark_of(unit, generation) == after:
        kept.move_watermark(unit, generation, last)
    return last


def _count(counts: IndexCounts, operations: list[Operation], refused: list[Refusal]) -> None:
    puts = sum(isinstance(operation, Put) for operation in operations)
    counts.written += puts - len(refused)
    counts.deleted += len(operations) - puts
    counts.refused += tuple(refused)
