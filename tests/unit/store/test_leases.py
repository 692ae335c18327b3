"""Leases: one holder a name, and a holder that lost it writes nothing."""

from __future__ import annotations

import time

import pytest

from mappings.model import Library
from store import libraries
from store.database import Database, clock
from store.leases import FOREVER, LeaseLost, drop_lease, extend_lease, holder, lease_check, take_lease


def test_a_lease_has_one_holder(database: Database) -> None:
    with database.write() as unit:
        assert take_lease(unit, "采集", "甲", 60) is None
    with database.write() as unit:
        held = take_lease(unit, "采集", "乙", 60)
        assert held is not None
        assert held.owner == "甲"
        assert held.since == pytest.approx(clock(unit), abs=5)
        assert take_lease(unit, "索引", "乙", 60) is None


def test_a_lease_that_ran_out_goes_to_who_asks_and_its_holder_writes_nothing(database: Database) -> None:
    with database.write() as unit:
        assert take_lease(unit, "work", "甲", 0.05) is None
    time.sleep(0.1)
    with database.write() as unit:
        assert holder(unit, "work") is None
        assert take_lease(unit, "work", "乙", 60) is None
    paused = database.guarded(lease_check("work", "甲", 60))
    with pytest.raises(LeaseLost), paused.write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
    with database.write() as unit:
        drop_lease(unit, "work", "甲")
        assert libraries.all_libraries(unit) == []
        held = holder(unit, "work")
        assert held is not None
        assert held.owner == "乙"


def test_a_lease_that_ran_out_and_that_nobody_wanted_is_still_ours(database: Database) -> None:
    with database.write() as unit:
        assert take_lease(unit, "work", "甲", 0.05) is None
    time.sleep(0.1)
    with database.guarded(lease_check("work", "甲", 60)).write() as unit:
        libraries.put_library(unit, Library("CLCN", "首都图书馆", "Capital Library"))
    with database.write() as unit:
        held = take_lease(unit, "work", "乙", 60)
        assert held is not None
        assert held.until > clock(unit) + 50


def test_a_lease_is_free_once_it_is_given_back(database: Database) -> None:
    with database.write() as unit:
        assert take_lease(unit, "work", "甲", FOREVER) is None
        drop_lease(unit, "work", "甲")
        assert take_lease(unit, "work", "乙", FOREVER) is None
        with pytest.raises(LeaseLost):
            extend_lease(unit, "work", "甲", 60)
