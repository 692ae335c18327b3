"""Accounts and API keys as JSON: shown once, good for what they were made for, and another library's are unknown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import httpx
import msgspec
import pytest
from api_browser import ORIGIN, Browser
from api_client import ApiClient
from api_people import NOW, PASSWORD, add_libraries, add_person, signed_in
from fastapi import FastAPI
from sqlalchemy import select

from indexer.engine.protocol import Engine
from search_api import answers
from search_api.app import create_app
from search_api.routes import accounts_api
from search_api.settings import ApiSettings
from store import accounts, api_keys
from store.audit import entries
from store.database import Database

KEY = {"label": "门户", "roles": ["supplier"], "scopes": ["queue", "readers"]}


@pytest.fixture
def app(database: Database) -> FastAPI:
    add_libraries(database)
    made = create_app(database, cast(Engine, None), settings=ApiSettings(base_url=ORIGIN))
    made.state.door.now = lambda: NOW
    return made


def send(browser: Browser, method: str, path: str, **options: Any) -> httpx.Response:
    """As a page's script would."""
    token = browser.get("/api/account").json()["csrf"]
    headers = {"X-CSRF-Token": token, "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    return browser.send(method, path, headers=headers, **options)


def make_key(browser: Browser, **changes: Any) -> tuple[str, str]:
    """(key, its id)"""
    made = send(browser, "POST", "/api/keys", json=KEY | changes)
    assert made.status_code == 201, made.text
    answer = msgspec.json.decode(made.content, type=answers.NewKeyAnswer)
    return answer.key, answer.entry.id


def with_key(
    app: FastAPI, key: str, method: str = "GET", path: str = "/api/corrections", **options: Any
) -> httpx.Response:
    headers = options.pop("headers", {}) | {"Authorization": f"Bearer {key}"}
    return ApiClient(app).request(method, path, headers=headers, **options)


def actions(app: FastAPI) -> list[str]:
    with app.state.door.database.read() as unit:
        return [entry.action for entry in reversed(entries(unit)) if entry.action != "session.begin"]


# ---------------------------------------------------------------------------------------------- the account


def test_who_has_not_signed_in_is_told_so_as_a_problem(app: FastAPI) -> None:
    for path in ("/api/account", "/api/account/export", "/api/keys", "/api/keys/1"):
        refused = ApiClient(app).get(path)
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["detail_zh"] and refused.json()["detail"]


def test_my_account_and_everything_that_is_kept_of_me(app: FastAPI) -> None:
    browser = signed_in(app, "wang", name="王芳", card="0012")
    answer = browser.get("/api/account")
    found = msgspec.json.decode(answer.content, type=answers.AccountAnswer)
    assert (found.login, found.name, found.card, found.library) == ("wang", "王芳", "0012", "CLCN")
    assert len(found.csrf) == 64 and answer.headers["cache-control"] == "no-store"
    export = msgspec.json.decode(browser.get("/api/account/export").content, type=answers.ExportAnswer)
    assert export.account.name == "王芳" and export.account.csrf == ""


def test_erasing_needs_the_password_and_the_token(app: FastAPI) -> None:
    browser = signed_in(app, "wang")
    bare = browser.send("DELETE", "/api/account", json={"password": PASSWORD}, headers={"Origin": ORIGIN})
    assert bare.status_code == 403
    assert send(browser, "DELETE", "/api/account", json={"password": "wrong"}).status_code == 422
    assert send(browser, "DELETE", "/api/account", json={}).status_code == 422
    assert send(browser, "DELETE", "/api/account", json={"password": PASSWORD}).status_code == 204
    assert browser.get("/api/account").status_code == 401
    assert actions(app) == ["account.erase"]


def test_readers_are_registered_for_ones_own_library(app: FastAPI) -> None:
    officer = signed_in(app, "officer", "requester")
    made = send(officer, "POST", "/api/readers", json={"name": "王芳", "card": "0012"})
    assert made.status_code == 201
    answer = msgspec.json.decode(made.content, type=answers.ReaderAnswer)
    assert (answer.login, answer.library, answer.code_days) == ("clcn-0012", "CLCN", 14)
    again = send(officer, "POST", "/api/readers", json={"name": "王芳", "card": "0012", "login": "x"})
    assert again.status_code == 422 and again.json()["parameters"][0]["parameter"] == "card"
    extra = send(
        officer, "POST", "/api/readers", json={"name": "王", "card": "1", "roles": ["admin"], "library": "PKU"}
    )
    assert extra.status_code == 422
    assert send(signed_in(app, "wang"), "POST", "/api/readers", json={"name": "x", "card": "2"}).status_code == 403
    assert actions(app) == ["reader.register"]


# ---------------------------------------------------------------------------------------------- keys


def test_a_key_is_shown_once_and_does_what_it_was_made_for(app: FastAPI) -> None:
    admin = signed_in(app, "boss", "admin")
    key, key_id = make_key(admin, roles=["requester"], scopes=["readers"])
    assert key.startswith("tck_")
    secret = key.rpartition("_")[2]
    for shown in (admin.get("/api/keys"), admin.get(f"/api/keys/{key_id}")):
        assert secret not in shown.text and key_id in shown.text
    with app.state.door.database.read() as unit:
        assert not any(secret in str(row) for row in unit.execute(select(api_keys.api_key)))
    made = with_key(app, key, "POST", "/api/readers", json={"name": "王芳", "card": "0012"})
    assert made.status_code == 201, "programs need no CSRF token"
    for path in ("/api/account", "/api/account/export"):
        assert with_key(app, key, path=path).status_code == 403, "the account is its maker's, not the key's"
    assert with_key(app, key, "DELETE", "/api/account", json={"password": PASSWORD}).status_code == 403
    assert with_key(app, key, path="/api/keys").status_code == 403, "a key makes no keys"
    assert with_key(app, key, path="/api/search?size=0").status_code == 422
    with app.state.door.database.read() as unit:
        newest = entries(unit, limit=1)[0]
    assert (newest.action, newest.way, newest.roles, newest.library, str(newest.key_id)) == (
        "reader.register", "key", ("requester",), "CLCN", key_id,
    )  # fmt: skip
    assert admin.get(f"/api/keys/{key_id}").json()["used"] == "2026-03-02T01:00:00Z"


def test_what_its_scopes_or_roles_lack_a_key_may_not(app: FastAPI) -> None:
    admin = signed_in(app, "boss", "admin")
    for roles, scopes in ((["requester"], ["queue"]), (["supplier"], ["readers"])):
        key, _ = make_key(admin, roles=roles, scopes=scopes)
        assert with_key(app, key, "POST", "/api/readers", json={"name": "x", "card": "1"}).status_code == 403


def test_a_key_in_a_cookie_or_anywhere_but_its_header_is_none(app: FastAPI) -> None:
    key, _ = make_key(signed_in(app, "boss", "admin"), scopes=["corrections"])
    client = ApiClient(app)
    assert with_key(app, key).status_code == 200
    for headers, path in (
        ({"Cookie": f"session={key}"}, "/api/account"), ({"Cookie": f"key={key}"}, "/api/account"),
        ({"X-API-Key": key}, "/api/account"), ({}, f"/api/account?key={key}&access_token={key}"),
        ({"Authorization": f"Basic {key}"}, "/api/account"), ({"Authorization": key}, "/api/account"),
    ):  # fmt: skip
        assert client.get(path, headers=headers).status_code == 401


def test_a_key_that_is_not_good_is_told_so_also_where_none_is_needed(app: FastAPI) -> None:
    admin = signed_in(app, "boss", "admin")
    key, key_id = make_key(admin, scopes=["corrections"], days=30)
    other = "A" if key[-1] != "A" else "B"
    for shown in ("tck_", f"{key[:-1]}{other}", f"{key}x", "tck_aaaaaaaaaa_" + "a" * 43, f"{key}\t{key}"):
        for path in ("/api/account", "/api/libraries", "/"):
            assert with_key(app, shown, path=path).status_code == (303 if path == "/" else 401), (shown, path)
    app.state.door.now = lambda: NOW + timedelta(days=30)
    assert with_key(app, key).json()["type"] == "urn:tongcang:problem:bad-key"
    app.state.door.now = lambda: NOW
    assert send(admin, "DELETE", f"/api/keys/{key_id}").status_code == 204
    assert with_key(app, key).status_code == 401
    assert send(admin, "DELETE", f"/api/keys/{key_id}").status_code == 204, "once more is no matter"
    assert actions(app) == ["key.make", "key.revoke"]
    entry = admin.get(f"/api/keys/{key_id}").json()
    assert entry["revoked"] and not entry["good"]


def test_another_librarys_keys_are_as_unknown_as_none(app: FastAPI) -> None:
    """IDOR."""
    _, key_id = make_key(signed_in(app, "boss", "admin"))
    stranger = signed_in(app, "pku-boss", "admin", library="PKU")
    assert stranger.get("/api/keys").json() == {"keys": []}
    assert stranger.get("/api/keys?library=CLCN").json() == {"keys": []}
    for method in ("GET", "DELETE"):
        theirs = send(stranger, method, f"/api/keys/{key_id}")
        none = send(stranger, method, "/api/keys/12345")
        assert theirs.status_code == none.status_code == 404
        assert theirs.json()["type"] == none.json()["type"]
    made = send(stranger, "POST", "/api/keys", json=KEY | {"library": "CLCN"})
    assert made.status_code == 403
    system = signed_in(app, "sys", "system")
    assert [key["id"] for key in system.get("/api/keys").json()["keys"]] == [key_id]
    assert send(system, "DELETE", f"/api/keys/{key_id}").status_code == 204


@pytest.mark.parametrize("key_id", ["0", "9" * 19, "-1", "1e3", "x", "1%2F..%2F2"])
def test_an_id_that_is_none(app: FastAPI, key_id: str) -> None:
    admin = signed_in(app, "boss", "admin")
    assert admin.get(f"/api/keys/{key_id}").status_code in (404, 422)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"roles": ["system"]}, 403),
        ({"roles": ["supplier", "auditor"]}, 403),
        ({"roles": ["reader"]}, 403),
        ({"roles": []}, 422),
        ({"roles": ["root"]}, 403),
        ({"scopes": ["everything"]}, 422),
        ({"scopes": ["account"]}, 422),
        ({"scopes": []}, 422),
        ({"days": 0}, 422),
        ({"days": 10_000}, 422),
        ({"label": ""}, 422),
        ({"library": "NONE"}, 403),
    ],
)
def test_a_key_is_not_made_so(app: FastAPI, changes: dict[str, Any], status: int) -> None:
    admin = signed_in(app, "boss", "admin")
    assert send(admin, "POST", "/api/keys", json=KEY | changes).status_code == status
    assert actions(app) == []


@pytest.mark.parametrize("role", ["reader", "requester", "supplier", "auditor"])
def test_others_have_nothing_to_do_with_keys(app: FastAPI, role: str) -> None:
    browser = signed_in(app, "somebody", role)
    assert browser.get("/api/keys").status_code == 403
    assert send(browser, "POST", "/api/keys", json=KEY).status_code == 403


@pytest.mark.parametrize("how", ["shut", "no longer admin", "erased"])
def test_a_key_falls_with_whoever_made_it(app: FastAPI, how: str) -> None:
    admin = signed_in(app, "boss", "admin")
    key, _ = make_key(admin, scopes=["corrections"])
    assert with_key(app, key).status_code == 200
    with app.state.door.database.write() as unit:
        boss = accounts.find_account(unit, "boss")
        assert boss is not None
        if how == "shut":
            accounts.set_active(unit, boss.id, False)
        elif how == "no longer admin":
            accounts.set_roles(unit, boss.id, ["requester"])
    if how == "erased":
        assert send(admin, "DELETE", "/api/account", json={"password": PASSWORD}).status_code == 204
    assert with_key(app, key).status_code == 401


def test_a_system_librarian_makes_keys_for_every_library_that_there_is(app: FastAPI) -> None:
    system = signed_in(app, "sys", "system")
    key, _ = make_key(system, library="PKU", roles=["supplier"], scopes=["corrections"])
    assert with_key(app, key).status_code == 200
    make_key(system, roles=["auditor"], scopes=["audit"])
    assert send(system, "POST", "/api/keys", json=KEY | {"library": "NONE"}).status_code == 422
    mixed = send(system, "POST", "/api/keys", json=KEY | {"library": "PKU", "roles": ["supplier", "system"]})
    assert mixed.status_code == 422 and mixed.json()["parameters"][0]["parameter"] == "roles"
    add_person(app, "unused")


# ---------------------------------------------------------------------------------------------- managing accounts

PERSON = {"login": "desk", "roles": ["supplier", "requester"], "name": "文献传递"}


def test_an_admin_makes_accounts_of_his_library_with_a_code(app: FastAPI) -> None:
    admin = signed_in(app, "boss", "admin")
    made = send(admin, "POST", "/api/accounts", json=PERSON)
    assert made.status_code == 201
    answer = msgspec.json.decode(made.content, type=answers.NewPersonAnswer)
    assert (answer.account.roles, answer.account.library, answer.account.can_sign_in) == (
        ("requester", "supplier"), "CLCN", False,
    )  # fmt: skip
    fields = {"login": "desk", "code": answer.code, "password": PASSWORD, "again": PASSWORD}
    assert Browser(app).post("/set-password", "/set-password", **fields).status_code == 303
    people = msgspec.json.decode(admin.get("/api/accounts").content, type=answers.PeopleAnswer)
    assert {each.login: each.can_sign_in for each in people.accounts} == {"boss": True, "desk": True}
    with app.state.door.database.read() as unit:
        boss, desk = (accounts.find_account(unit, login) for login in ("boss", "desk"))
    assert boss is not None and desk is not None and desk.registered_by == boss.id, "so that officers may find him"
    again = send(admin, "POST", "/api/accounts", json=PERSON)
    assert again.status_code == 422 and again.json()["parameters"][0]["parameter"] == "login"
    assert actions(app) == ["account.add", "account.password"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"roles": ["system"]}, 403),
        ({"roles": ["supplier", "auditor"]}, 403),
        ({"roles": ["root"]}, 403),
        ({"roles": ["reader", "admin"]}, 422),
        ({"roles": []}, 422),
        ({"library": "PKU"}, 403),
        ({"library": "NONE"}, 403),
        ({"login": "a b"}, 422),
        ({"email": "nowhere"}, 422),
        ({"password": "x"}, 422),
    ],
)
def test_an_account_is_not_made_so(app: FastAPI, changes: dict[str, Any], status: int) -> None:
    admin = signed_in(app, "boss", "admin")
    assert send(admin, "POST", "/api/accounts", json=PERSON | changes).status_code == status
    assert actions(app) == []


def test_a_program_makes_nobody_who_would_go_on_when_its_key_is_revoked(app: FastAPI) -> None:
    admin = signed_in(app, "boss", "admin")
    key, _ = make_key(admin, roles=["admin"], scopes=["accounts"])
    told, client = {"Authorization": f"Bearer {key}"}, ApiClient(app)
    made = client.request("POST", "/api/accounts", json=PERSON, headers=told)
    assert made.status_code == 201
    path = f"/api/accounts/{made.json()['account']['id']}"
    assert (
        client.request(
            "POST", "/api/accounts", json=PERSON | {"login": "x", "roles": ["admin"]}, headers=told
        ).status_code
        == 403
    )
    assert client.request("PATCH", path, json={"roles": ["admin"]}, headers=told).status_code == 403
    assert client.request("PATCH", path, json={"roles": ["requester"]}, headers=told).status_code == 200
    assert send(admin, "PATCH", path, json={"roles": ["admin"]}).status_code == 200, "a person may"


def test_shutting_and_opening_and_other_roles(app: FastAPI) -> None:
    admin, desk = signed_in(app, "boss", "admin"), signed_in(app, "desk", "supplier")
    path = f"/api/accounts/{desk.get('/api/account').json()['id']}"
    shut = send(admin, "PATCH", path, json={"active": False})
    assert (shut.status_code, shut.json()["active"]) == (200, False)
    assert desk.get("/api/account").status_code == 401
    assert send(admin, "PATCH", path, json={"active": False}).status_code == 200, "nothing more to note"
    changed = send(admin, "PATCH", path, json={"active": True, "roles": ["requester"]})
    assert (changed.json()["active"], changed.json()["roles"]) == (True, ["requester"])
    assert desk.get("/api/account").status_code == 401, "the session was ended, not put aside"
    for roles, status in ((["system"], 403), (["reader", "admin"], 422), ([], 422)):
        assert send(admin, "PATCH", path, json={"roles": roles}).status_code == status
    assert actions(app) == ["account.manage", "account.manage"]


def test_accounts_of_another_library_or_of_the_house_are_as_unknown_as_none(app: FastAPI) -> None:
    """IDOR, and no way up: an admin who could shut or change a system librarian would be more than he."""
    admin = signed_in(app, "boss", "admin")
    for login, role in (("pku-desk", "supplier"), ("sys", "system"), ("checker", "auditor")):
        made = add_person(app, login, role, library="PKU")
        refused = send(admin, "PATCH", f"/api/accounts/{made.id}", json={"active": False})
        none = send(admin, "PATCH", "/api/accounts/12345", json={"active": False})
        assert refused.status_code == none.status_code == 404
    assert [each["login"] for each in admin.get("/api/accounts").json()["accounts"]] == ["boss"]
    assert admin.get("/api/accounts?library=PKU").json() == {"accounts": [], "next": ""}
    system = Browser(app)
    system.sign_in("sys", PASSWORD)
    assert len(system.get("/api/accounts").json()["accounts"]) == 4
    assert len(system.get("/api/accounts?library=PKU").json()["accounts"]) == 1
    assert send(system, "POST", "/api/accounts", json=PERSON | {"library": "PKU"}).status_code == 201
    assert send(system, "POST", "/api/accounts", json=PERSON | {"login": "x", "library": "NONE"}).status_code == 422


def test_many_accounts_come_page_by_page(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_api, "PAGE", 3)
    system = signed_in(app, "sys", "system")
    for number in range(7):  # all made in the same second
        add_person(app, f"desk{number}", "supplier", library="CLCN" if number % 2 else "PKU")
    for query, count in (("", 8), ("library=PKU", 4), ("library=CLCN", 3)):
        seen, after, pages = [], "", 0
        while pages == 0 or after:
            page = system.get(f"/api/accounts?{query}&after={after}").json()
            seen, after, pages = seen + [each["login"] for each in page["accounts"]], page["next"], pages + 1
        assert len(seen) == len(set(seen)) == count and pages == -(-count // 3)
    admin = signed_in(app, "boss", "admin")
    assert admin.get("/api/accounts?library=PKU").json() == {"accounts": [], "next": ""}, "nor that there are many"
    assert system.get(f"/api/accounts?after={10**19 - 1}").json() == {"accounts": [], "next": ""}


@pytest.mark.parametrize("role", ["reader", "requester", "supplier", "auditor"])
def test_others_manage_nobody(app: FastAPI, role: str) -> None:
    browser = signed_in(app, "somebody", role)
    own = browser.get("/api/account").json()["id"]
    assert browser.get("/api/accounts").status_code == 403
    assert send(browser, "POST", "/api/accounts", json=PERSON).status_code == 403
    assert send(browser, "PATCH", f"/api/accounts/{own}", json={"roles": ["admin"]}).status_code == 403
