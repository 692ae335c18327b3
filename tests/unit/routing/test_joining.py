"""Policies from a file, and what the audit is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from request_desk import MONDAY, Desk

from mappings.model import Library
from mappings.requests import LibraryPolicy
from routing.joining import Joining, JoiningError, change_for_audit, join, read_joining
from store.database import Database
from store.policies import policy_of


@pytest.mark.parametrize("gateway", ["RUC", "XCLIB", "NOWHERE"])
def test_a_library_asks_through_another_one_of_its_consortium_only(database: Database, gateway: str) -> None:
    """The gateway pays."""
    desk = Desk(database)
    wanted = Joining(policies={"CLCN": LibraryPolicy(daily_cap=7), "XCLIB": LibraryPolicy(gateway=gateway)})
    with pytest.raises(JoiningError, match=f"policies.XCLIB.gateway: {gateway} is no other"), database.write() as unit:
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


LIBRARY = "libraries: [{{symbol: {symbol}, name_zh: 某馆, name_en: Some Library, consortium: {side}, role: {role}}}]"


@pytest.mark.parametrize(
    ("symbol", "side", "role", "told"),
    [
        ('""', "BALIS", "member", "no symbol"),
        ("ab", "BALIS", "member", "no symbol"),
        ("A B", "BALIS", "member", "no symbol"),
        ("ABCDEFGHIJKLMNOPQ", "BALIS", "member", "no symbol"),
        ("AB", "NOWHERE", "member", "no consortium"),
        ("AB", "BALIS", "boss", "no role"),
    ],
)
def test_a_file_brings_no_library_that_could_not_be_added_by_hand(
    database: Database, tmp_path: Path, symbol: str, side: str, role: str, told: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(LIBRARY.format(symbol=symbol, side=side, role=role), encoding="utf-8")
    with pytest.raises(JoiningError, match=rf"mine\.yaml: libraries: .*{told}"):
        read_joining(file)
    wanted = Joining((Library(symbol.strip('"'), "某馆", "Some Library", side, role),))
    with pytest.raises(JoiningError, match=told), database.write() as unit:
        join(unit, wanted, MONDAY)


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("{capacity: .nan}", "capacity"),
        ("{receipt_days: .inf}", "receipt_days"),
        ("{retention_days: 99999999999}", "retention_days"),
        ("{closures: [{first: 2026-13-40, last: 2026-13-41}]}", "closures"),
        ("{make_up_days: [20261201]}", "make_up_days"),
    ],
)
def test_a_file_sets_no_policy_that_the_api_would_not_take(tmp_path: Path, policy: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"policies: {{CLCN: {policy}}}", encoding="utf-8")
    with pytest.raises(JoiningError, match=rf"mine\.yaml.*{told}"):
        read_joining(file)


def test_a_file_names_consortia_that_there_are(database: Database) -> None:
    Desk(database)
    wanted = Joining(policies={"CLCN": LibraryPolicy(only_for=("NOSUCH",))})
    with pytest.raises(JoiningError, match=r"policies\.CLCN\.only_for: .*NOSUCH"), database.write() as unit:
        join(unit, wanted, MONDAY)
