"""Generations: how they are named, who builds one, which are kept, and which are swept away.

Kept are the live one (the engine says which), the one before it, and one that is being built by whoever holds the lease
`index build`. Every other one with a name of ours is an orphan. A generation's number is never used again, so what a
process that was held up still writes goes to no other generation.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from msgspec import Struct

from indexer.document import ANALYSIS_VERSION
from indexer.engine.protocol import Engine, EngineError
from indexer.gate import GateError
from store import generations as kept
from store.database import Database, StoreError, Unit
from store.leases import Held, LeaseLost, drop_lease, extend_lease, holder, take_lease

DOCUMENT_VERSION = 1
"""To be raised when Document or what is written into it changes."""

BUILD = "index build"
"""The lease of whoever builds a generation."""

NIGHT = "night"
"""Who builds under the work lock. There is one such at a time, so a night takes over from one that died."""

HOLD = 30.0
"""Seconds for which a process that builds is believed to live without saying so."""

_NAME = re.compile(r"v\d+-[0-9a-f]+-(\d{4,})")


class IndexPlan(Struct, frozen=True):
    """What the index stage is to do: bring `generation` from the change `after` to the change `last`.

    Plain data, so that the steps may be done by several processes. An empty generation: there is nothing to be done.
    """

    generation: str
    after: int
    last: int
    new: bool = False  # it is being built, and is to become the live one
    parallel: bool = False  # its spans may be written at the same time
    owner: str = ""  # who holds the lease `index build`, where it is new
    hold: float = HOLD  # seconds


def generation_prefix() -> str:
    """How the names of generations begin that were built by this version's rules."""
    return f"v{DOCUMENT_VERSION}-{ANALYSIS_VERSION}-"


def number_of(name: str) -> int | None:
    """None where the name is none of ours."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def owner_name() -> str:
    """Of this process, told to a person who finds the lease taken."""
    return f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(4)})"


# ---------------------------------------------------------------------------------------------- building


def begin(database: Database, engine: Engine, *, owner: str, hold: float) -> str | Held:
    """Take the lease, sweep, and create an empty generation: its name, or who builds one already.

    The lease is given back where the engine can't create it: whoever mends that need not wait.
    """
    numbers = [number_of(name) or 0 for name in engine.generations()]
    with database.write() as unit:
        held = take_lease(unit, BUILD, owner, hold)
        if held is not None and held.owner != owner:
            return held
        extend_lease(unit, BUILD, owner, hold)
        number = kept.take_generation_number(unit, max(numbers, default=0))
    name = f"{generation_prefix()}{number:04d}"
    try:
        sweep(database, engine, builder=owner)
        with database.write() as unit:
            extend_lease(unit, BUILD, owner, hold)
            kept.begin_generation(unit, name)
        engine.create(name)
    except EngineError:
        with suppress(StoreError), database.write() as unit:
            drop_lease(unit, BUILD, owner)
        raise
    return name


def hold_on(unit: Unit, plan: IndexPlan) -> None:
    """To be called in every transaction that notes what was written. Raises LeaseLost where it is ours no more."""
    if plan.new:
        extend_lease(unit, BUILD, plan.owner, plan.hold)
    kept.require_generation(unit, plan.generation)


def lives(database: Database, held: Held) -> bool:
    """Whether the holder shows a sign of life before its lease runs out: waits for that."""
    while True:
        with database.read() as unit:
            now = holder(unit, BUILD)
        if now is None or now.owner != held.owner:
            return False
        if now.until > held.until:
            return True
        time.sleep(0.2)


def occupied(held: Held) -> GateError:
    since = datetime.fromtimestamp(held.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    until = datetime.fromtimestamp(held.until, UTC).strftime("%H:%M:%S UTC")
    return GateError(
        f"Another generation has been in the making since {since}, by: {held.owner}. Wait until it is done. "
        f"If that one has died, this can be run again after {until}."
    )


@contextmanager
def keeping(database: Database, engine: Engine, plan: IndexPlan) -> Iterator[None]:
    """Say that the builder lives, however long a step takes; what it began is given up where it fails."""
    if not plan.new:
        yield
        return
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(plan.hold / 4):
            # Where the lease is lost, the builder's next transaction says so; a busy store is asked again.
            with suppress(StoreError, LeaseLost), database.write() as unit:
                extend_lease(unit, BUILD, plan.owner, plan.hold)

    teller = threading.Thread(target=tell, name="index-build", daemon=True)
    teller.start()
    done = False
    try:
        yield
        done = True
    finally:
        ended.set()
        teller.join()
        if not done:
            with suppress(EngineError, StoreError, LeaseLost):
                abandon(database, engine, plan)


def abandon(database: Database, engine: Engine, plan: IndexPlan) -> None:
    """Give up a generation that was being built. Harmless where it is live by now, or somebody else's concern."""
    if not plan.new:
        return
    engine.release()
    if engine.live() != plan.generation:
        drop(database, engine, plan.generation)
    with database.write() as unit:
        drop_lease(unit, BUILD, plan.owner)


# ---------------------------------------------------------------------------------------------- keeping and sweeping


def settle(database: Database, engine: Engine) -> None:
    """Note which generation is live and which was before it, also where a process died between switch and note."""
    live = engine.live()
    if live is None:
        return
    with database.read() as unit:
        known = kept.generation_with(unit, kept.LIVE) == live
    if not known:
        with database.write() as unit:
            kept.note_live(unit, live)


def before_live(database: Database, engine: Engine) -> str | None:
    """The generation that was live before, where it is still there."""
    settle(database, engine)
    with database.read() as unit:
        name = kept.generation_with(unit, kept.PREVIOUS)
    return name if name in engine.generations() else None


def sweep(database: Database, engine: Engine, *, builder: str = "") -> list[str]:
    """Drop orphans, and what is noted of generations that are gone: their names.

    Nothing is swept while a generation is being built, but by the `builder` itself, whose own generation, if it has
    one, is to be dropped too or live.
    """
    # In this order: a generation that somebody begins after the listing is not in it.
    names = {name for name in engine.generations() if number_of(name) is not None}
    settle(database, engine)
    with database.read() as unit:
        held = holder(unit, BUILD)
        if held is not None and held.owner != builder:
            return []
        keep = {kept.generation_with(unit, kept.LIVE), kept.generation_with(unit, kept.PREVIOUS), engine.live()}
        noted = kept.known_generations(unit)
    orphans = sorted((names | noted) - keep)
    for name in orphans:
        drop(database, engine, name)
    return orphans


def drop(database: Database, engine: Engine, name: str) -> None:
    """The index first: what is noted of one that is gone is swept the next time."""
    if number_of(name) is not None:
        engine.drop(name)
    with database.write() as unit:
        kept.forget_generation(unit, name)
