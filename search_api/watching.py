"""The whole system as a scrape of /metrics finds it, whichever process is asked: database, engine, disk.

Looked at no more than once in `KEPT` seconds, and each part waited for no longer than `PATIENCE`: an engine or a
database that hangs is told as being down, and the rest is told all the same.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from indexer.engine.circuit import CircuitBreaker
from indexer.engine.protocol import Engine, EngineError, Health
from routing.states import CLOSED, STATES
from store import measures
from store.database import Database, StoreError, Unit, newest_revision
from store.generations import LIVE, count_refused, generation_with
from store.measures import Delivery, Lag, Queue, SourceMeasure

KEPT = 5.0
PATIENCE = 3.0

RUN_STATES = ("running", "complete", "partial", "braked", "failed")
NIGHT_STATES = ("open", "complete", "partial", "braked", "failed")
CIRCUIT_STATES = ("closed", "half_open", "open")

Answer = TypeVar("Answer")


class _Stored(Struct, frozen=True):
    """What the database told. All but the revision are there only where that is ours."""

    revision: str
    lags: Sequence[Lag] = ()
    queue: Queue | None = None
    sources: Sequence[SourceMeasure] = ()
    refused: int | None = None
    delivery: Delivery | None = None


class _Seen(Struct, frozen=True):
    """What was found; None = could not be had."""

    seconds: float
    engine: Health | None
    store: _Stored | None
    disk: tuple[int, int] | None  # free, size in bytes


class Watch(Collector):
    """Thread-safe."""

    def __init__(self, database: Database, engine: Engine, folder: str) -> None:
        """`folder` is the data folder; "" = this process has none."""
        self._database = database
        self._engine = engine
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: _Seen | None = None
        self._looked = 0.0
        self._ask_engine = _Asked[Health]("engine")
        self._ask_store = _Asked[_Stored]("store")

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if self._seen is None or time.monotonic() >= self._looked + KEPT:
                self._seen = self._look()
                self._looked = time.monotonic()
            seen = self._seen
        yield _gauge("tongcang_look_seconds", "Time that it took to look at engine, database and disk", seen.seconds)
        yield from _of_engine(seen.engine)
        if isinstance(self._engine, CircuitBreaker):
            yield _states("tongcang_engine_circuit", "Circuit of this process", CIRCUIT_STATES, self._engine.state)
        yield from _of_store(seen.store)
        if seen.disk is not None:
            yield _gauge("tongcang_disk_free_bytes", "Free space where the data folder is", seen.disk[0])
            yield _gauge("tongcang_disk_size_bytes", "Size of the disk where the data folder is", seen.disk[1])

    def _look(self) -> _Seen:
        began = time.perf_counter()
        engine: Health | None = None
        with suppress(EngineError, TimeoutError):
            engine = self._ask_engine.answer(self._engine.health)
        store: _Stored | None = None
        with suppress(StoreError, TimeoutError):
            store = self._ask_store.answer(self._look_into_store)
        disk = None
        if self._folder and Path(self._folder).is_dir():
            usage = shutil.disk_usage(self._folder)
            disk = usage.free, usage.total
        return _Seen(time.perf_counter() - began, engine, store, disk)

    def _look_into_store(self) -> _Stored:
        revision = self._database.revision() or ""
        if revision != newest_revision():  # the tables may not be those that we would ask for
            return _Stored(revision)
        with self._database.read() as unit:
            return _Stored(
                revision,
                measures.lags(unit),
                measures.queue(unit),
                measures.source_measures(unit),
                _refused(unit),
                measures.delivery(unit),
            )


def _refused(unit: Unit) -> int | None:
    """By the live generation; None = there is none."""
    live = generation_with(unit, LIVE)
    return None if live is None else count_refused(unit, live)


class _Asked(Generic[Answer]):
    """One question at a time, in a thread of its own: who asks waits no longer than `PATIENCE`."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"watch-{name}")
        self._pending: Future[Answer] | None = None

    def answer(self, question: Callable[[], Answer]) -> Answer:
        """Raises TimeoutError, and whatever the question raises. A question that still hangs is not asked again."""
        pending = self._pending or self._executor.submit(question)
        self._pending = pending
        try:
            return pending.result(PATIENCE)
        finally:
            if pending.done():
                self._pending = None


# ---------------------------------------------------------------------------------------------- what is told


def _of_engine(health: Health | None) -> Iterator[Metric]:
    up = health is not None and health.ok
    yield _gauge("tongcang_engine_up", "The search engine answers (1) or doesn't (0)", up)
    if health is not None and up:
        yield _gauge("tongcang_engine_documents", "Union records that can be searched", health.documents)


def _of_store(stored: _Stored | None) -> Iterator[Metric]:
    yield _gauge("tongcang_store_up", "The state database answers (1) or doesn't (0)", stored is not None)
    if stored is None:
        return
    wanted = newest_revision()
    yield _gauges(
        "tongcang_schema_current",
        "The database has the schema of this version (1) or another one (0)",
        ("revision", "wanted"),
        {(stored.revision, wanted): stored.revision == wanted},
    )
    lags = stored.lags
    yield _gauges(
        "tongcang_stage_lag_records",
        "Changes that wait for the stage",
        ("stage",),
        {(it.stage,): it.records for it in lags},
    )
    yield _gauges(
        "tongcang_stage_lag_seconds",
        "Age of the oldest change that waits for the stage",
        ("stage",),
        {(it.stage,): it.seconds for it in lags},
    )
    if stored.refused is not None:
        yield _gauge("tongcang_index_refused_records", "Union records that the engine refused", stored.refused)
    if stored.queue is not None:
        yield from _of_queue(stored.queue)
    yield from _of_sources(stored.sources)
    if stored.delivery is not None:
        yield from _of_delivery(stored.delivery)


def _of_delivery(delivery: Delivery) -> Iterator[Metric]:
    states = {(state,): delivery.requests.get(state, 0) for state in STATES if state not in CLOSED}
    yield _gauges("tongcang_requests", "Requests that are not closed", ("state",), states)
    yield _gauge("tongcang_clocks_due", "Clocks of requests that have run out unnoticed", delivery.clocks_due)
    yield _gauge("tongcang_clock_overdue_seconds", "How long ago the first of them ran out", delivery.overdue)
    messages = {(channel, state): count for channel, state, count in delivery.messages}
    yield _gauges("tongcang_outbox_messages", "Messages of the outbox", ("channel", "state"), messages)
    waiting = {(each.channel,): each.seconds for each in delivery.waiting}
    yield _gauges("tongcang_outbox_waiting_seconds", "Age of the oldest that waits", ("channel",), waiting)
    yield _gauge("tongcang_corrections_open", "Holdings said to be wrong, not looked at yet", delivery.corrections)


def _of_queue(queue: Queue) -> Iterator[Metric]:
    tasks = {(it.phase, it.state): it.count for it in queue.tasks}
    yield _gauges("tongcang_tasks", "Tasks of the open night, or of the last one", ("phase", "state"), tasks)
    yield _gauge(
        "tongcang_task_waiting_seconds", "How long the first waiting task could have been done", queue.oldest_waiting
    )
    yield _gauge("tongcang_tasks_lost", "Running tasks whose worker's lease has run out", queue.lost_tasks)
    yield _gauge("tongcang_workers_busy", "Processes that hold a live lease on work", queue.busy_workers)
    if queue.night_state:
        yield _states("tongcang_night_state", "The open night, or the last one", NIGHT_STATES, queue.night_state)
    if queue.night_ended is not None:
        yield _gauge("tongcang_night_ended_timestamp_seconds", "When the last night ended", queue.night_ended)


def _of_sources(sources: Sequence[SourceMeasure]) -> Iterator[Metric]:
    state = {(it.slug, state): it.state == state for it in sources for state in RUN_STATES if it.state}
    yield _gauges("tongcang_source_state", "State of the source's last run", ("source", "state"), state)
    complete = {(it.slug,): it.last_complete for it in sources if it.last_complete is not None}
    yield _gauges(
        "tongcang_source_complete_timestamp_seconds", "When the last complete run ended", ("source",), complete
    )
    records = {(it.slug, outcome): count for it in sources for outcome, count in it.counts.items()}
    yield _gauges("tongcang_source_records", "Records of the last run, by outcome", ("source", "outcome"), records)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _gauges(name: str, text: str, labels: Sequence[str], values: Mapping[Any, float]) -> Metric:
    """`values` by a tuple of labels."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for of, value in values.items():
        family.add_metric(of, float(value))
    return family


def _states(name: str, text: str, known: Sequence[str], state: str) -> Metric:
    """1 for the state that it is in, 0 for each other: an alert needs a series that does not vanish."""
    return _gauges(name, text, ("state",), {(each,): each == state for each in known})
