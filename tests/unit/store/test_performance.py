"""Two answers of a library at once: both count."""

from __future__ import annotations

import threading
import time

from store import performance
from store.database import Database


def test_two_who_are_the_first_to_count_both_count(database: Database) -> None:
    keys = ["L/THU", "C/BALIS"]
    inside = threading.Event()
    failures: list[BaseException] = []

    def count(first: bool) -> None:
        try:
            if not first:
                inside.wait(10)
            with database.write() as unit:
                known = performance.lock_tallies(unit, keys)
                inside.set()
                if first:
                    time.sleep(0.3)  # the other one is waiting for us by now
                performance.put_tallies(unit, {key: known[key] + "x" for key in keys})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=count, args=(first,)) for first in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with database.read() as unit:
        assert performance.tallies(unit, keys) == dict.fromkeys(keys, performance.EMPTY + "xx")


def test_what_is_locked_is_there(database: Database) -> None:
    with database.write() as unit:
        assert performance.lock_tallies(unit, ["b", "a"]) == {"a": performance.EMPTY, "b": performance.EMPTY}
        assert performance.lock_tallies(unit, []) == {}
