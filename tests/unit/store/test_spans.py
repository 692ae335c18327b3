"""Spans hold every change once, whatever numbers are missing."""

from __future__ import annotations

from bib_store import Shelf, empty_database
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from mappings.model import BibRecord
from store import records


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 60), unique=True, max_size=12), st.integers(0, 60), st.integers(1, 5))
def test_spans_hold_every_change_behind_a_number_once(numbers: list[int], after: int, size: int) -> None:
    database = empty_database()
    shelf = Shelf(database)
    with database.write() as unit:
        for number in numbers:
            record_id, _ = shelf._raw(unit, "RUC", f"第{number}号", number)
            unit.execute(update(records.raw_record).where(records.raw_record.c.id == record_id).values(seq=number))
        spans = records.raw_spans(unit, after, size)
        read = [[row.seq for row in records.changed_raw(unit, first, 100, last)] for first, last in spans]
    assert [number for some in read for number in some] == sorted(number for number in numbers if number > after)
    assert all(len(some) == size for some in read[:-1])
    assert all(read)
    database.close()


def test_of_a_record_that_changed_meanwhile_nothing_is_noted() -> None:
    shelf = Shelf(empty_database())
    shelf.put(("RUC", "1", BibRecord("cnmarc", title="红楼梦")), ("RUC", "2", BibRecord("cnmarc", title="呐喊")))
    with shelf.database.write() as unit:
        first, second = records.changed_raw(unit, 0, 10)
        records.mark_refused(unit, [(first.id, first.seq, "no_title"), (second.id, second.seq - 1, "no_title")])
        assert [row.refused for row in records.changed_raw(unit, 0, 10)] == ["no_title", ""]
    shelf.database.close()
