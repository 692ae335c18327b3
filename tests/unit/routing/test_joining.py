"""Policies from a file, and what the audit is told of them."""

from __future__ import annotations

import pytest
from request_desk import MONDAY, Desk

from mappings.requests import LibraryPolicy
from routing.joining import Joining, JoiningError, change_for_audit, join
from store.database import Database
from store.policies import policy_of


@pytest.mark.parametrize("gateway", ["RUC", "XCLIB", "NOWHERE"])
def test_a_library_asks_through_another_one_of_its_consortium_only(database: Database, gateway: str) -> None:
    """The gateway pays."""
    desk = Desk(database)
    wanted = Joining(policies={"CLCN": LibraryPolicy(daily_cap=7), "XCLIB": LibraryPolicy(gateway=gateway)})
    with pytest.raises(JoiningError, match=f"policies.XCLIB: gateway {gateway}"), database.write() as unit:
        join(unit, wanted, MONDAY, replace=True)
    desk.policy("XCLIB", gateway="")
    wanted = Joining(policies={"XCLIB": LibraryPolicy(gateway="CLCN")})
    with database.write() as unit:
        assert policy_of(unit, "CLCN").daily_cap == LibraryPolicy().daily_cap, "nothing of it was taken"
        join(unit, wanted, MONDAY, replace=True)
        assert policy_of(unit, "XCLIB").gateway == "CLCN"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("li.hua@lib.ruc.example", "lib.ruc.example"),
        ("https://ill.ruc.example:8443/iso?key=s3cret", "ill.ruc.example"),
        ("http://[", ""),
        ("nirgends", ""),
    ],
)
def test_the_audit_knows_that_an_address_changed_and_where_to(address: str, host: str) -> None:
    before, after = change_for_audit(LibraryPolicy(address="old@lib.ruc.example"), LibraryPolicy(address=address))
    assert after["address_changed"] is True and after["address_host"] == host
    assert "li.hua" not in str(after) and "s3cret" not in str(after) and "old" not in str(before)
    assert (
        change_for_audit(LibraryPolicy(address=address), LibraryPolicy(address=address, daily_cap=3))[1].get(
            "address_changed"
        )
        is None
    )


def test_an_address_that_was_taken_out_leaves_a_trace() -> None:
    before, after = change_for_audit(LibraryPolicy(address="a@b.example"), LibraryPolicy())
    assert (before["address_host"], after) == ("b.example", {"address_changed": True})
