"""The authorisation matrix by real calls: every route × who asks × whose it is × how he shows who he is.

What is expected stands in tests/authorisation.py and tests/authorisation_rows.py, written from the rules of the house.
A route without a row fails. What changes something is in the audit once, and what is refused is not.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from authorisation import ASKERS, CHANGES_NOTHING, OWN
from authorisation_rows import NARROWER, ROWS, Row, expected
from authorisation_world import Answered, Me, World

from search_api.access.guard import routes_with_actions
from search_api.policy import TABLE


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("authorisation"))
    yield made
    made.close()


def ways(row: Row, role: str) -> tuple[str, ...]:
    """How he may come: programs use the API only."""
    if role == "anonymous":
        return ("",)
    return ("session", "key") if row.path.startswith("/api/") else ("session",)


def was_refused(row: Row, answered: Answered) -> bool:
    response = answered.response
    if response.status_code == 303 and response.headers["location"].startswith("/sign-in?next="):
        return row.path != "/account/password"  # which signs everybody out who has changed it
    return response.status_code in (401, 403, 404) or bool(row.refused and row.refused(response))


def wrong_with(row: Row, me: Me, whose: str, answered: Answered) -> str:
    """What did not go as the house says; "" = nothing."""
    allowed, response = expected(row, me, whose), answered.response
    actions = [each.action for each in answered.audited]
    if was_refused(row, answered) == allowed:
        return f"{response.status_code}, and it is {'allowed' if allowed else 'not allowed'}: {response.text[:200]}"
    if allowed and response.status_code >= 400:
        return f"{response.status_code}, though it is allowed: {response.text[:300]}"
    if len(actions) != (row.writes if allowed else 0):
        return f"{len(actions)} entries in the audit: {actions}"
    for entry in answered.audited:
        if me.role == "reader" and entry.action.startswith("request.") and entry.who:
            return "the audit tells which reader asked"
        if me.way == "key" and not entry.key_id:
            return "the audit does not tell the key"
        if me.role not in ("anonymous", "reader") and row.action != "sign-in" and entry.who != me.account:
            return f"the audit names {entry.who} instead of {me.account}"
    return ""


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_route_does_what_the_house_says(world: World, row: Row) -> None:
    wrong = []
    for role in ASKERS:
        for way in ways(row, role):
            for whose in row.whose:
                me = world.me(role, way, row.of)
                url, options = row.make(world, me, whose)
                answered = world.call(me, row.method, url, **options)
                if told := wrong_with(row, me, whose, answered):
                    wrong.append(f"{role} by {way or 'nothing'}, {whose}: {told}")
    assert wrong == []


def test_every_route_has_a_row_for_what_it_does(world: World) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for row in ROWS:
        found.setdefault((row.method, row.path), set()).add(row.action)
    routes = {(method, path): set(actions) for path, method, actions in routes_with_actions(world.house.app)}
    assert sorted(set(routes) - set(found)) == [], "write rows for them in tests/authorisation_rows.py"
    assert sorted(set(found) - set(routes)) == [], "there are no such routes any more"
    for route, actions in routes.items():
        assert found[route] == NARROWER.get(route, actions), route


def test_whatever_changes_something_is_said_to(world: World) -> None:
    """Rows of reading actions write nothing to the audit, and every unsafe route but signing out and matching does."""
    silent = {"/sign-out", "/api/citations/match"}
    for row in ROWS:
        assert (row.writes == 0) == (row.method == "GET" or row.path in silent), str(row)
        assert not row.writes or row.action not in CHANGES_NOTHING - {"sign-in"}, str(row)
    assert {row.action for row in ROWS} == set(TABLE)


def test_a_key_without_the_scope_may_nothing(world: World) -> None:
    """Its roles are not enough."""
    maker = world.person("admin")
    key = world.house.key(OWN, "admin", "requester", "supplier", scopes=())
    wrong = []
    for row in ROWS:
        if row.path.startswith("/api/") and row.action not in ("public", "search") and row.method == "GET":
            me = Me("admin", "key", maker.id, maker.login, key)
            url, options = row.make(world, me, "own")
            if world.call(me, row.method, url, **options).response.status_code != 403:
                wrong.append(str(row))
    assert wrong == []
