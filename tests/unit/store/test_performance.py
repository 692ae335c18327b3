"""What is learnt of libraries, learnt by several at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from store import performance
from store.database import Database
from store.performance import Correction, lock_tallies, put_tallies, tallies

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


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


def test_of_many_corrections_the_open_ones_come_in_their_order_and_the_closed_ones_last_first(
    database: Database,
) -> None:
    with database.write() as unit:
        for number in range(1, 5):
            new = Correction(0, "RUC", f"R{number:07}", "某书", number, 1, "NotHeld", "", NOW, None, "", "")
            assert performance.open_correction(unit, new)
        assert [each.request_id for each in performance.corrections_of(unit, "RUC", limit=3)] == [1, 2, 3]
        numbers = {each.request_id: each.id for each in performance.corrections_of(unit, "RUC")}
        for hour, number in enumerate((2, 1, 4, 3)):
            when = NOW + timedelta(hours=hour)
            assert performance.close_correction(unit, numbers[number], "holding_right", "", when)
        found = performance.corrections_of(unit, "RUC", closed=True, limit=3)
    assert [each.request_id for each in found] == [3, 4, 1]
