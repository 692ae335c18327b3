"""What is learnt of libraries, learnt by several at once."""

from __future__ import annotations

import threading

from store.database import Database
from store.performance import lock_tallies, put_tallies, tallies


def test_two_who_count_to_a_tally_that_is_not_there_yet_are_both_counted(database: Database) -> None:
    """On PostgreSQL both write at the same time; the second waits, and sees what the first has made of it."""
    began = threading.Event()

    def count() -> None:
        with database.write() as unit:
            known = lock_tallies(unit, ["C/BALIS", "L/RUC"])
            began.set()
            done = {key: str(int(text.strip("{}") or 0) + 1) for key, text in known.items()}
            assert set(done) == {"C/BALIS", "L/RUC"}
            put_tallies(unit, done)

    with database.write() as unit:
        assert lock_tallies(unit, ["L/RUC", "C/BALIS"]) == {"C/BALIS": "{}", "L/RUC": "{}"}
        other = threading.Thread(target=count)
        other.start()
        assert not began.wait(0.5), "the other one waits"
        put_tallies(unit, {"C/BALIS": "1", "L/RUC": "1"})
    other.join(30)
    with database.read() as unit:
        assert tallies(unit, ["C/BALIS", "L/RUC"]) == {"C/BALIS": "2", "L/RUC": "2"}
