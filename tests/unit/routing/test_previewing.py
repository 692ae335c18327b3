"""A request looked at before it is made: the same checks and the same libraries as when it is, and nothing written."""

from __future__ import annotations

import pytest
from request_desk import CAPITAL_ONLY, CL_READER, HONGLOUMENG, OFFICER, RARE, SERIAL, Desk, wish
from sqlalchemy import func, select

from mappings.requests import Wish
from routing.previewing import Preview
from store.database import Database, all_tables


def rows(database: Database) -> dict[str, int]:
    with database.read() as unit:
        tables = all_tables().sorted_tables
        return {each.name: unit.execute(select(func.count()).select_from(each)).scalar_one() for each in tables}


def previewed(desk: Desk, wanted: Wish, library: str = "CLCN", reader: int = CL_READER) -> Preview:
    before = rows(desk.database)
    with desk.database.read() as unit:
        found = desk.service.preview(unit, wanted, library, reader)
    assert rows(desk.database) == before
    return found


def test_who_would_be_asked_is_who_is_asked(database: Database) -> None:
    desk = Desk(database)
    found = previewed(desk, wish())
    case = desk.ask(wish())
    assert {place.candidate.library for place in found.rota.entries} == {entry.supplier for entry in case.entries}
    assert found.expected is not None and found.expected.median_at is not None
    assert not found.owned and not found.other and not found.restricted and not found.missing


@pytest.mark.parametrize(
    ("wanted", "state"), [(wish(CAPITAL_ONLY), "owned"), (wish(RARE), "restricted"), (wish(HONGLOUMENG), "asking")]
)
def test_what_is_told_first_is_what_would_hold_it_up(database: Database, wanted: Wish, state: str) -> None:
    desk = Desk(database)
    found = previewed(desk, wanted, "PPSUC" if state == "restricted" else "CLCN")
    told = "owned" if found.owned else "restricted" if found.restricted else "asking"
    assert told == state == desk.ask(wanted, "PPSUC" if state == "restricted" else "CLCN").state


def test_a_repetition_is_told_to_its_reader_alone(database: Database) -> None:
    desk = Desk(database)
    case = desk.ask(wish())
    assert previewed(desk, wish()).other == case.request_id
    assert previewed(desk, wish(), reader=OFFICER).other == previewed(desk, wish(), reader=0).other == 0


def test_a_branch_reader_is_told_of_the_gateways_copy(database: Database) -> None:
    found = previewed(Desk(database), wish(CAPITAL_ONLY), "XCLIB")
    assert found.own is not None and found.own.library == "CLCN" and found.owned


def test_what_is_missing_and_a_day_that_is_none(database: Database) -> None:
    found = previewed(Desk(database), wish(SERIAL, service="copy", need_before="soon"))
    assert found.missing == ("year_or_volume",) and not found.wish.need_before
