"""The circuit breaker, with an engine and a clock that do as they are told: no test waits for time to pass."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from indexer.engine.circuit import CircuitBreaker
from indexer.engine.protocol import (
    BadCursor,
    Engine,
    EngineError,
    Health,
    Phrase,
    Plan,
    Put,
    Results,
    Suggestion,
    Unavailable,
)

PLAN = Plan(Phrase("title", ("红楼", "楼梦")))
FAILURES, PAUSE = 3, 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class TestEngine:
    """Answers what `does` says; counts how often it is asked."""

    __test__ = False

    def __init__(self) -> None:
        self.asked = 0
        self.does: Callable[[], None] = lambda: None
        self.healthy = True
        self.told: list[str] = []

    def _ask(self) -> None:
        self.asked += 1
        self.does()

    def search(self, plan: Plan, generation: str | None = None) -> Results:
        self._ask()
        return Results((), 7)

    def get(self, ids: list[str]) -> dict[str, bytes]:
        self._ask()
        return dict.fromkeys(ids, b"{}")

    def suggest(self, prefix: str, size: int = 10) -> list[Suggestion]:
        self._ask()
        return [Suggestion(prefix + "梦", "3K7M2Q9V", 3)]

    def live(self) -> str | None:
        self._ask()
        return "v1-1-0001"

    def generations(self) -> list[str]:
        self._ask()
        return ["v1-1-0001"]

    def health(self) -> Health:
        self._ask()
        return Health(self.healthy, "v1-1-0001", 7)

    def __getattr__(self, name: str) -> Callable[..., str]:
        def tell(*given: object) -> str:
            self.told.append(name)
            return name

        return tell


READINGS: dict[str, Callable[[CircuitBreaker], object]] = {
    "search": lambda circuit: circuit.search(PLAN),
    "get": lambda circuit: circuit.get(["3K7M2Q9V"]),
    "suggest": lambda circuit: circuit.suggest("红楼"),
    "live": lambda circuit: circuit.live(),
    "generations": lambda circuit: circuit.generations(),
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine() -> TestEngine:
    return TestEngine()


@pytest.fixture
def circuit(engine: TestEngine, clock: Clock) -> CircuitBreaker:
    return guard(engine, clock)


def guard(engine: TestEngine, clock: Clock, at_once: int = 4) -> CircuitBreaker:
    return CircuitBreaker(cast(Engine, engine), clock=clock, failures=FAILURES, pause=PAUSE, at_once=at_once)


def state_of(circuit: CircuitBreaker) -> str:
    """As mypy can't narrow it: calls change it."""
    return circuit.state


def fail() -> None:
    raise Unavailable("no node answers", 30)


def open_it(circuit: CircuitBreaker, engine: TestEngine) -> None:
    engine.does = fail
    for _ in range(FAILURES):
        with pytest.raises(Unavailable):
            circuit.search(PLAN)
    assert circuit.state == "open"


# ---------------------------------------------------------------------------------------------- against a model


class Step(Struct, frozen=True):
    seconds: float  # that pass before the call
    outcome: str


ERRORS: dict[str, Exception] = {
    "away": Unavailable("no node answers", 30),
    "cursor": BadCursor("not mine"),
    "error": EngineError("no such field"),
    "bug": ZeroDivisionError(),
}

steps = st.lists(
    st.builds(
        Step,
        st.sampled_from((0.0, 0.5, PAUSE - 0.5, PAUSE, 3 * PAUSE)),
        st.sampled_from(("answer", "away", "away", "away", *ERRORS)),
    ),
    max_size=40,
)


@given(steps)
def test_calls_in_a_row_go_as_the_rule_says(script: list[Step]) -> None:
    clock, engine = Clock(), TestEngine()
    circuit = guard(engine, clock)
    failed, tried_again = 0, None
    for step in script:
        clock.now += step.seconds
        engine.does = partial(_do, step.outcome)
        asked, expects_probe = engine.asked, tried_again is not None and clock.now >= tried_again
        assert circuit.state == ("closed" if tried_again is None else "half_open" if expects_probe else "open")
        told = _outcome(circuit)
        if tried_again is not None and not expects_probe:
            assert engine.asked == asked, "the engine was asked though the circuit is open"
            assert isinstance(told, Unavailable) and told.retry_after >= max(1, tried_again - clock.now)
            continue
        assert engine.asked == asked + 1
        assert told is ERRORS.get(step.outcome)
        if step.outcome == "away":
            failed += 1
            if expects_probe or failed == FAILURES:
                failed, tried_again = 0, clock.now + PAUSE
        elif step.outcome == "answer":
            failed, tried_again = 0, None


def _do(outcome: str) -> None:
    if outcome in ERRORS:
        raise ERRORS[outcome]


def _outcome(circuit: CircuitBreaker) -> Exception | None:
    try:
        assert circuit.search(PLAN).total == 7
    except (EngineError, ZeroDivisionError) as error:
        return error
    return None


class Call(Struct, frozen=True):
    """A call, and the calls that are made while it is under way."""

    step: Step
    meanwhile: tuple[Call, ...] = ()


calls = st.recursive(
    st.builds(Call, st.builds(Step, st.sampled_from((0.0, 1.0, PAUSE)), st.sampled_from(("answer", "away", "error")))),
    lambda inner: st.builds(
        Call,
        st.builds(Step, st.sampled_from((0.0, 1.0, PAUSE)), st.sampled_from(("answer", "away", "error"))),
        st.lists(inner, max_size=5).map(tuple),
    ),
    max_leaves=25,
)


@given(st.lists(calls, max_size=6))
def test_of_calls_inside_each_other_one_probes_and_so_many_wait(script: list[Call]) -> None:
    clock, engine = Clock(), TestEngine()
    circuit = guard(engine, clock)
    inside: list[bool] = []  # of each call that is being answered: is it a probe?

    def make(call: Call) -> None:
        clock.now += call.step.seconds
        before, asked = circuit.state, engine.asked

        def answer() -> None:
            assert before != "open", "the engine was asked though the circuit is open"
            probing = before == "half_open"
            assert not (probing and True in inside), "two probes at once"
            assert probing or inside.count(False) < 4, "too many wait"
            inside.append(probing)
            try:
                for other in call.meanwhile:
                    make(other)
                _do(call.step.outcome)
            finally:
                inside.pop()

        engine.does, outer = answer, engine.does
        told = _outcome(circuit)
        engine.does = outer
        if engine.asked == asked:
            assert isinstance(told, Unavailable) and told is not ERRORS["away"] and told.retry_after >= 1
        else:
            assert told is ERRORS.get(call.step.outcome)

    for call in script:
        make(call)
    clock.now += PAUSE
    engine.does = lambda: None
    assert circuit.search(PLAN).total == 7 and circuit.state == "closed", "no place and no probe was left taken"


# ---------------------------------------------------------------------------------------------- one by one


@pytest.mark.parametrize("name", READINGS)
def test_every_reading_call_counts_and_is_refused(
    circuit: CircuitBreaker, engine: TestEngine, clock: Clock, name: str
) -> None:
    assert READINGS[name](circuit) == READINGS[name](cast(CircuitBreaker, engine))
    engine.does = fail
    for _ in range(FAILURES):
        with pytest.raises(Unavailable, match="no node"):
            READINGS[name](circuit)
    asked = engine.asked
    clock.now += 2.5
    with pytest.raises(Unavailable, match="Try again in 8 seconds") as refused:
        READINGS[name](circuit)
    assert (engine.asked, refused.value.retry_after) == (asked, 8)
    assert circuit.state == "open"


def test_the_last_moment_of_the_pause_is_a_whole_second(
    circuit: CircuitBreaker, engine: TestEngine, clock: Clock
) -> None:
    open_it(circuit, engine)
    clock.now += PAUSE - 0.001
    with pytest.raises(Unavailable) as refused:
        circuit.search(PLAN)
    assert refused.value.retry_after == 1
    clock.now += 0.001
    assert circuit.state == "half_open"


def test_an_answer_from_before_the_opening_does_not_close_it(
    circuit: CircuitBreaker, engine: TestEngine, clock: Clock
) -> None:
    def slow() -> None:
        open_it(circuit, engine)

    engine.does = slow
    assert circuit.search(PLAN).total == 7
    assert circuit.state == "open"


def test_failures_from_before_the_opening_do_not_count_after_it(
    circuit: CircuitBreaker, engine: TestEngine, clock: Clock
) -> None:
    def slow() -> None:
        open_it(circuit, engine)
        clock.now += PAUSE
        engine.does = lambda: None
        circuit.search(PLAN)
        assert circuit.state == "closed"
        engine.does = fail
        for _ in range(FAILURES - 1):
            with pytest.raises(Unavailable):
                circuit.search(PLAN)
        fail()

    engine.does = slow
    with pytest.raises(Unavailable, match="no node"):
        circuit.search(PLAN)
    assert circuit.state == "closed"


def test_health_is_told_at_once_and_may_be_the_probe(circuit: CircuitBreaker, engine: TestEngine, clock: Clock) -> None:
    engine.healthy = False
    for _ in range(2 * FAILURES):
        assert circuit.health() == Health(False, "v1-1-0001", 7)
    assert state_of(circuit) == "closed", "an index that was never built is no engine that is away"
    open_it(circuit, engine)
    asked = engine.asked
    told = circuit.health()
    assert not told.ok and "Try again in 10 seconds" in told.message and engine.asked == asked
    clock.now += PAUSE
    engine.does = lambda: None
    assert not circuit.health().ok
    assert state_of(circuit) == "open", "a red cluster does not close the circuit"
    clock.now += PAUSE
    engine.healthy = True
    assert circuit.health().ok and state_of(circuit) == "closed"


def test_who_writes_is_never_refused(circuit: CircuitBreaker, engine: TestEngine) -> None:
    open_it(circuit, engine)
    circuit.create("g2")
    circuit.bulk(cast(list[Put], []), "g2")
    circuit.refresh("g2")
    circuit.release()
    circuit.scan("g2")
    circuit.swap("g2")
    circuit.drop("g1")
    circuit.close()
    assert engine.told == ["create", "bulk", "refresh", "release", "scan", "swap", "drop", "close"]


def test_of_many_threads_so_many_hang_and_the_others_are_refused(engine: TestEngine, clock: Clock) -> None:
    """Then the hanging ones fail together, which opens the circuit; of the threads that come next one is the probe."""
    circuit = guard(engine, clock, at_once=8)
    go, hanging = threading.Event(), threading.Semaphore(0)
    told: list[Exception | None] = []

    def hang_then_fail() -> None:
        hanging.release()
        assert go.wait(30)
        fail()

    def hang_then_answer() -> None:
        hanging.release()
        assert go.wait(30)

    def crowd(count: int, hang: int) -> None:
        """All at once; those that are refused have ended before the hanging ones go on."""
        go.clear()
        told.clear()
        threads = [threading.Thread(target=lambda: told.append(_outcome(circuit))) for _ in range(count)]
        for thread in threads:
            thread.start()
        for _ in range(hang):
            assert hanging.acquire(timeout=30)
        while sum(thread.is_alive() for thread in threads) > hang:
            threading.Event().wait(0.001)
        assert len(told) == count - hang
        assert all(isinstance(each, Unavailable) and each.retry_after == 1 for each in told)
        go.set()
        for thread in threads:
            thread.join(30)

    engine.does = hang_then_fail
    crowd(40, 8)
    assert (engine.asked, circuit.state) == (8, "open")
    clock.now += PAUSE
    engine.does = hang_then_answer
    crowd(20, 1)
    assert (engine.asked, circuit.state) == (9, "closed")
    assert told.count(None) == 1
