"""The one decision: the whole matrix, and what it must never give away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
from authorisation import CHANGES_NOTHING, HOUSE, LOCAL, ME, OTHER, OWN, RIGHTS, Case, cases, drive, facts, principal
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st

from search_api.access.guard import require, routes_with_actions, routes_without_action
from search_api.access.principal import ANONYMOUS, Principal
from search_api.app import create_app
from search_api.policy import (
    ROLE_NAMES,
    SCOPES,
    TABLE,
    WHOSE,
    Facts,
    allowed,
    demand,
    ever_allowed,
    has_scope,
    sees_all,
)
from search_api.problems import ProblemError
from search_api.settings import ApiSettings
from store.accounts import ROLES
from store.database import Database


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_the_table_says_what_the_house_says(case: Case) -> None:
    assert allowed(principal(case.asker), case.action, facts(case.whose)) == case.allowed


def test_every_action_and_role_is_in_the_matrix() -> None:
    assert set(RIGHTS) == set(TABLE)
    assert {*LOCAL, *HOUSE} == set(ROLES) == set(ROLE_NAMES)
    used = {rule.whose for action in TABLE.values() for rule in action.rules}
    assert used == set(WHOSE)
    assert {rule.role for action in TABLE.values() for rule in action.rules} <= set(ROLES)


@pytest.mark.parametrize("action", ["", "request", "account.*", "root"])
def test_what_is_not_in_the_table_nobody_may(action: str) -> None:
    for asker in (*LOCAL, *HOUSE, "anonymous"):
        assert not allowed(principal(asker), action, facts("own"))
        assert not ever_allowed(principal(asker), action)
    with pytest.raises(ValueError, match="no action"):
        require(action)


def test_an_auditor_changes_nothing_but_his_own_account() -> None:
    auditor = principal("auditor")
    may = {action for action in TABLE if allowed(auditor, action, facts("own")) or allowed(auditor, action)}
    assert may - {"account.own"} <= CHANGES_NOTHING


@given(st.sampled_from(sorted(TABLE)), st.sets(st.sampled_from(LOCAL), min_size=1), st.sampled_from(["", OTHER]))
def test_nobody_without_a_library_gets_what_belongs_to_none(action: str, roles: set[str], library: str) -> None:
    """An object of which a fact is not known is nobody's; roles together give no more than each of them."""
    nowhere = Principal(0, tuple(roles), "", "session")
    if not TABLE[action].anybody and action != "statistics.read":
        assert not allowed(nowhere, action, Facts())
        assert not allowed(nowhere, action, Facts(library=library, requester=library, supplier=library, desk=library))
    for what in (facts("own"), facts("other"), Facts(library=library), Facts()):
        together = allowed(Principal(ME, tuple(roles), OWN, "session"), action, what)
        assert together == any(allowed(Principal(ME, (role,), OWN, "session"), action, what) for role in roles)


def test_each_kind_of_belonging_is_told_apart() -> None:
    """A library that has been asked sees the request, and acts on its own entry only."""
    supplier, requester, reader = principal("supplier"), principal("requester"), principal("reader")
    asked = Facts(reader=9, requester=OTHER, supplier=OTHER, asked=frozenset((OWN, OTHER)), desk=OTHER, library=OTHER)
    assert allowed(supplier, "request.read", asked)
    assert not allowed(supplier, "entry.act", asked)
    assert not allowed(requester, "request.read", asked)
    mine = Facts(reader=ME, requester=OWN, supplier=OTHER, asked=frozenset((OTHER,)))
    assert allowed(reader, "request.read", mine) and allowed(requester, "request.read", mine)
    assert not allowed(supplier, "request.read", mine)
    neighbour = Facts(reader=ME + 1, requester=OWN)
    assert not allowed(reader, "request.read", neighbour) and not allowed(reader, "request.act", neighbour)
    at_desk = Facts(reader=9, requester=OTHER, desk=OWN)
    assert allowed(requester, "request.read", at_desk) and allowed(supplier, "desk.act", at_desk)
    assert not allowed(requester, "request.act", at_desk)


def test_an_officer_asks_for_the_readers_of_his_own_library_only() -> None:
    officer = principal("requester")
    assert allowed(officer, "request.create", Facts(reader=9, requester=OWN, library=OWN))
    assert not allowed(officer, "request.create", Facts(reader=9, requester=OWN, library=OTHER))
    assert not allowed(officer, "request.create", Facts(reader=9, requester=OTHER, library=OWN))


@pytest.mark.parametrize(
    ("asker", "action", "roles", "may"),
    [
        ("admin", "account.manage", ("requester", "supplier"), True),
        ("admin", "account.manage", ("admin",), True),
        ("admin", "account.manage", ("system",), False),
        ("admin", "account.manage", ("auditor",), False),
        ("system", "account.manage", ("system",), True),
        ("admin", "key.manage", ("admin", "supplier"), True),
        ("admin", "key.manage", ("supplier", "system"), False),
        ("admin", "key.manage", ("reader",), False),
        ("requester", "reader.register", ("reader",), True),
        ("requester", "reader.register", ("requester",), False),
        ("admin", "reader.register", ("reader", "admin"), False),
    ],
)
def test_nobody_makes_an_account_or_key_greater_than_he_may(
    asker: str, action: str, roles: tuple[str, ...], may: bool
) -> None:
    assert allowed(principal(asker), action, Facts(library=OWN, roles=roles)) == may


def test_a_key_needs_the_scope_as_well_as_the_role() -> None:
    def key(*scopes: str, roles: tuple[str, ...] = ("supplier",)) -> Principal:
        return Principal(ME, roles, OWN, "key", frozenset(scopes))

    for name, action in TABLE.items():
        for role in ROLES:
            scoped = allowed(key(action.scope, roles=(role,)), name, facts("own"))
            assert not scoped or action.anybody or action.scope, name
            if not action.anybody:
                others = set(SCOPES) - {action.scope} - {rule.scope for rule in action.rules}
                assert not allowed(key(*others, roles=(role,)), name, facts("own")), name
                assert not allowed(key("", roles=(role,)), name, facts("own")) or action.scope == "", name
    assert allowed(key("queue"), "entry.act", facts("own"))
    assert not allowed(key("queue"), "entry.act", facts("other"))
    assert not allowed(key("desk"), "entry.act", facts("own"))
    assert not allowed(key(*SCOPES, roles=("admin",)), "key.manage", facts("own")), "a key makes no keys"
    assert allowed(key("iso18626"), "iso18626.receive", facts("own"))
    assert not allowed(key("iso18626"), "iso18626.receive", facts("other"))
    assert not allowed(principal("supplier"), "iso18626.receive", facts("own")), "people don't"


@pytest.mark.parametrize(
    ("scope", "may"), [("requests", {"asked", "desk", "requester"}), ("queue", {"asked"}), ("desk", {"desk"})]
)
def test_a_key_for_a_part_of_the_work_reads_the_requests_of_that_part(scope: str, may: set[str]) -> None:
    key = Principal(ME, ("supplier", "requester"), OWN, "key", frozenset((scope,)))
    whose = {
        "asked": Facts(requester=OTHER, asked=frozenset((OWN,))),
        "desk": Facts(requester=OTHER, desk=OWN),
        "requester": Facts(requester=OWN, asked=frozenset((OTHER,))),
        "other": Facts(requester=OTHER, asked=frozenset((OTHER,)), desk=OTHER),
    }
    assert {name for name, what in whose.items() if allowed(key, "request.read", what)} == may
    assert ever_allowed(key, "request.read") and has_scope(key, "request.read") == (scope == "requests")
    assert has_scope(principal("supplier"), "request.read")


def test_demand_tells_the_unknown_to_sign_in_and_all_others_that_they_may_not() -> None:
    demand(principal("admin"), "policy.write", facts("own"))
    for who, status in ((ANONYMOUS, 401), (principal("admin"), 403)):
        with pytest.raises(ProblemError) as told:
            demand(who, "policy.write", facts("other"))
        assert told.value.status == status
    assert sees_all(principal("system"), "key.manage") and not sees_all(principal("admin"), "key.manage")


def make_app() -> Any:
    return create_app(Database("sqlite://"), cast(Any, None), settings=ApiSettings())


def test_every_route_of_the_application_names_one_action() -> None:
    app = make_app()
    found = list(routes_with_actions(app))
    assert ("/account", "POST", ("account.own",)) in found and ("/api/search", "GET", ("search",)) in found
    assert len(found) > 30
    assert routes_without_action(app) == []


def test_a_route_that_names_none_or_two_is_found() -> None:
    app = make_app()
    router = APIRouter(prefix="/forgotten")

    @router.post("/one")
    def one() -> None: ...

    @router.get("/two", dependencies=[require("search"), require("public")])
    def two() -> None: ...

    app.include_router(router)
    app.mount("/files", app)
    assert routes_without_action(app) == ["POST /forgotten/one", "GET /forgotten/two", "* /files"]


def test_the_matrix_finds_a_route_that_is_too_open_and_one_that_is_too_closed() -> None:
    right = {"policy.write": lambda case: 200 if case.allowed else 403}
    assert drive(right) == []
    too_open = drive({"policy.write": lambda _case: 200})
    assert len(too_open) == sum(not case.allowed for case in cases() if case.action == "policy.write")
    too_closed = drive({"policy.write": lambda _case: 404})
    assert len(too_closed) == sum(case.allowed for case in cases() if case.action == "policy.write")
    assert len(drive({"policy.write": lambda _case: 500})) == 14


def test_the_guide_has_the_table_as_it_is() -> None:
    rows = []
    for name, action in TABLE.items():
        roles: dict[str, list[str]] = {}
        for rule in action.rules:
            roles.setdefault(rule.whose, []).append(rule.role)
        who = "; ".join(f"{', '.join(some)}: {whose}" for whose, some in roles.items())
        parts = {f"{rule.whose}: `{rule.scope}`": None for rule in action.rules if rule.scope}
        scope = "; ".join((f"`{action.scope}`", *parts)) if action.scope else ""
        rows.append(f"| `{name}` | {'everybody' if action.anybody else who} | {scope} |")
    guide = (Path(__file__).resolve().parents[3] / "docs" / "accounts.md").read_text("utf-8")
    told = [line for line in guide.splitlines() if re.match(r"\| `[a-z0-9-]+(\.[a-z]+)?` \| .* \|.*\|$", line)]
    assert [line for line in told if line.split("`")[1] in TABLE] == rows
