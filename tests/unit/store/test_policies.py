"""Policies in the store: what is written can be read again."""

from __future__ import annotations

import pytest
from request_desk import MONDAY, Desk
from sqlalchemy import update

from mappings.requests import LibraryPolicy
from routing.settings import RoutingSettings, load_settings, save_settings
from store.database import Database
from store.policies import UnreadableError, all_policies, library_policy, policy_of, put_policy


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_what_json_has_no_number_for_is_not_written(database: Database, number: float) -> None:
    """It would be stored as null, and every command after it would fail."""
    desk = Desk(database)
    with pytest.raises(ValueError, match="receipt_days"), database.write() as unit:
        put_policy(unit, "CLCN", LibraryPolicy(receipt_days=number), MONDAY)
    with pytest.raises(ValueError, match="match_at_least"), database.write() as unit:
        save_settings(unit, RoutingSettings(match_at_least=number), MONDAY)
    with desk.database.read() as unit:
        assert policy_of(unit, "CLCN") == LibraryPolicy()
        assert load_settings(unit).match_at_least == RoutingSettings().match_at_least


def test_a_policy_that_can_t_be_read_names_its_library_and_what_to_do(database: Database) -> None:
    Desk(database).policy("BNU", daily_cap=3)
    with database.write() as unit:
        unit.execute(
            update(library_policy).values(data='{"receipt_days":null}').where(library_policy.c.library == "BNU")
        )
    with database.read() as unit:
        assert policy_of(unit, "THU") == LibraryPolicy()
        for reading in (lambda: policy_of(unit, "BNU"), lambda: all_policies(unit)):
            with pytest.raises(UnreadableError, match=r"policy of BNU .*routing load FILE --replace"):
                reading()
