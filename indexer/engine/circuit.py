"""A circuit breaker around any engine: while the engine is away, readers are told so at once and it is left in peace.

Closed, calls go through. After so many `Unavailable` in a row the circuit opens: for some seconds nobody asks the
engine. Then it is half open: one call at a time probes the engine, the others are still refused; an answer closes the
circuit, a further `Unavailable` opens it again. Only `Unavailable` counts: a bad cursor says nothing of the engine.
And no more than so many calls wait for the engine at once, so that one that hangs leaves threads for everything else.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, TypeVar

from indexer.engine.protocol import (
    Engine,
    Finding,
    Health,
    Operation,
    Plan,
    Refusal,
    Results,
    Suggestion,
    Unavailable,
)

CircuitState = Literal["closed", "open", "half_open"]

FAILURES = 3
PAUSE = 10.0
"""Seconds. A node that was restarted answers after some 12 s, a cluster chooses a new master within one (measured)."""

AT_ONCE = 32
"""FastAPI has 40 threads: this leaves eight for what comes from the store."""

Answer = TypeVar("Answer")


class CircuitBreaker:
    """An Engine. Thread-safe. Writing and `scan` pass through: who writes has a back-off of its own."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], float] = time.monotonic,
        failures: int = FAILURES,
        pause: float = PAUSE,
        at_once: int = AT_ONCE,
    ) -> None:
        """Opens for `pause` seconds after so many `failures` in a row; `at_once` calls may wait for the engine."""
        self._engine = engine
        self._clock = clock
        self._most_failures = failures
        self._pause = pause
        self._at_once = at_once
        self._lock = threading.Lock()
        self._failures = 0
        self._waiting = 0
        self._opened: float | None = None  # None = closed
        self._probing = False
        # Counts openings and closings: an answer to a question of an earlier era says nothing of the present.
        self._era = 0

    # ------------------------------------------------------------------------------------------ the circuit

    @property
    def state(self) -> CircuitState:
        with self._lock:
            if self._opened is None:
                return "closed"
            return "half_open" if self._rest() <= 0 else "open"

    def _rest(self) -> float:
        """Seconds until an open circuit lets one call through. Under the lock."""
        assert self._opened is not None
        return self._opened + self._pause - self._clock()

    def _ask(self, question: Callable[[], Answer], away: Callable[[Answer], bool] = lambda _: False) -> Answer:
        """The engine's answer, if it is asked at all. `away`: this answer to a probe leaves the circuit open."""
        era, probing = self._enter()
        answered: bool | None = None  # None = an error that says nothing of the engine
        try:
            answer = question()
            answered = not (probing and away(answer))
            return answer
        except Unavailable:
            answered = False
            raise
        finally:
            self._leave(era, probing, answered)

    def _enter(self) -> tuple[int, bool]:
        """The era, and whether this call is the probe. Raises Unavailable where the engine is not to be asked."""
        with self._lock:
            probing = False
            if self._opened is not None:
                rest = self._rest()
                if rest > 0:
                    seconds = math.ceil(rest)
                    raise Unavailable(f"The search engine is away. Try again in {seconds} seconds.", seconds)
                if self._probing:
                    raise Unavailable("The search engine was away and is being probed. Try again in a second.", 1)
                probing = True
            # A probe needs no place: those that wait are of the time before, and may hang for long.
            elif self._waiting >= self._at_once:
                raise Unavailable(
                    f"{self._waiting} calls wait for the search engine already. Try again in a second.", 1
                )
            self._probing = probing
            self._waiting += 1
            return self._era, probing

    def _leave(self, era: int, probing: bool, answered: bool | None) -> None:
        with self._lock:
            self._waiting -= 1
            if probing:
                self._probing = False
            if era != self._era or answered is None:
                return
            if not answered:
                self._failures += 1
                if probing or self._failures >= self._most_failures:
                    self._turn(opened=self._clock())
            elif probing:
                self._turn(opened=None)
            else:
                self._failures = 0

    def _turn(self, opened: float | None) -> None:
        self._opened = opened
        self._failures = 0
        self._era += 1

    # ------------------------------------------------------------------------------------------ reading

    def search(self, plan: Plan, generation: str | None = None) -> Results:
        return self._ask(lambda: self._engine.search(plan, generation))

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        return self._ask(lambda: self._engine.get(ids))

    def suggest(self, prefix: str, size: int = 10) -> list[Suggestion]:
        return self._ask(lambda: self._engine.suggest(prefix, size))

    def live(self) -> str | None:
        return self._ask(self._engine.live)

    def generations(self) -> list[str]:
        return self._ask(self._engine.generations)

    def health(self) -> Health:
        """At once while the engine is away; half open, this too is a probe."""
        try:
            return self._ask(self._engine.health, away=lambda told: not told.ok)
        except Unavailable as error:
            return Health(False, "", 0, str(error))

    # ------------------------------------------------------------------------------------------ the rest passes through

    def scan(self, generation: str | None = None) -> Iterator[tuple[str, int, bytes]]:
        return self._engine.scan(generation)

    @property
    def parallel_writers(self) -> bool:
        return self._engine.parallel_writers

    def create(self, generation: str) -> None:
        self._engine.create(generation)

    def bulk(self, operations: Iterable[Operation], generation: str | None = None) -> list[Refusal]:
        return self._engine.bulk(operations, generation)

    def refresh(self, generation: str | None = None) -> None:
        self._engine.refresh(generation)

    def release(self) -> None:
        self._engine.release()

    def swap(self, generation: str) -> None:
        self._engine.swap(generation)

    def drop(self, generation: str) -> None:
        self._engine.drop(generation)

    def diagnose(self) -> list[Finding]:
        return self._engine.diagnose()

    def close(self) -> None:
        self._engine.close()
