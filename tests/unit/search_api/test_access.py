"""Signing in, sessions, forged forms and keys, as somebody tries them who means harm."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import pytest
from api_browser import ORIGIN, Browser
from api_client import ApiClient
from api_people import NOW, PASSWORD, add_libraries, add_person, signed_in
from fastapi import FastAPI
from sqlalchemy import select
from starlette.requests import Request

from indexer.engine.protocol import Engine
from search_api.access.door import Door
from search_api.access.guard import SAFE, routes_with_actions
from search_api.access.passwords import Passwords
from search_api.access.principal import Principal
from search_api.access.throttle import Throttle
from search_api.app import create_app
from search_api.policy import TABLE
from search_api.problems import ProblemError
from search_api.settings import ApiSettings
from store import accounts, sessions
from store.accounts import require_account
from store.audit import entries
from store.database import Database, StoreBusyError

SETTINGS = ApiSettings(base_url=ORIGIN)
OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def app(database: Database) -> FastAPI:
    add_libraries(database)
    made = create_app(database, cast(Engine, None), settings=SETTINGS)
    made.state.door.now = lambda: NOW
    return made


def door_of(app: FastAPI) -> Door:
    found: Door = app.state.door
    return found


# ---------------------------------------------------------------------------------------------- signing in


def test_signing_in_and_out(app: FastAPI) -> None:
    add_person(app, "wang", name="王芳")
    browser = Browser(app)
    sent = browser.get("/account")
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Faccount")
    assert 'value="/account"' in browser.get(sent.headers["location"]).text
    done = browser.sign_in(" WANG ", PASSWORD, next="/account")
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    page = browser.get("/account")
    assert "王芳" in page.text and page.headers["cache-control"] == "private, no-store"
    assert browser.get("/sign-in?next=/libraries").headers["location"] == "/libraries"
    assert "王芳" in browser.get("/").text and "王芳" in browser.get("/nowhere").text
    token = browser.cookies["session"]
    assert browser.post("/sign-out").headers["location"] == "/"
    assert "session" not in browser.cookies
    browser.cookies["session"] = token
    assert browser.get("/account").status_code == 303, "the session is over, not only forgotten"


def test_pages_for_everybody_stay_as_cacheable_as_they_were(app: FastAPI) -> None:
    page = Browser(app).get("/libraries")
    assert page.headers["cache-control"] == "no-cache"
    assert "Cookie" in page.headers["vary"]
    assert 'href="/sign-in"' in page.text and "csrf" not in page.text


@pytest.mark.parametrize(
    ("login", "password"),
    [("wang", "wrong"), ("nobody", PASSWORD), ("wang", ""), ("", ""), ("erased 1", ""), ("\x00", "\ud800")],
)
def test_whoever_is_wrong_is_told_the_same(app: FastAPI, login: str, password: str) -> None:
    add_person(app, "wang")
    data = {"login": login, "password": password.encode("utf-8", "replace").decode()}
    refused = Browser(app).send("POST", "/sign-in", data=data, headers=OURS)
    assert refused.status_code == 422
    assert "登录名或密码不对。" in refused.text and "set-cookie" not in refused.headers
    assert PASSWORD not in refused.text


def test_an_unknown_login_costs_as_much_as_a_wrong_password(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its time would tell who has an account: each way hashes once, by the same parameters."""
    add_person(app, "wang")
    with door_of(app).database.write() as unit:
        accounts.add_account(unit, accounts.NewAccount("no-password", ("reader",), "CLCN"), NOW)
    hashed: list[str] = []
    hasher = door_of(app).passwords._hasher

    class Counting:
        def verify(self, hash: str, password: bytes) -> bool:
            hashed.append(hash)
            return hasher.verify(hash, password)

    monkeypatch.setattr(door_of(app).passwords, "_hasher", Counting())
    for login in ("wang", "nobody", "no-password"):
        assert Browser(app).sign_in(login, "wrong").status_code == 422
    assert len(hashed) == 3
    assert len({hash.rsplit("$", 2)[0] for hash in hashed}) == 1


def test_after_too_many_failures_even_the_right_password_has_to_wait(app: FastAPI) -> None:
    add_person(app, "wang")
    add_person(app, "li")
    for _ in range(10):
        assert Browser(app).sign_in("wang", "wrong").status_code == 422
    refused = Browser(app).sign_in("Wang ", PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60 and "分钟后再试" in refused.text
    assert Browser(app).sign_in("li", PASSWORD).status_code == 303, "somebody else at the same place"
    assert Browser(app, "203.0.113.9").sign_in("wang", PASSWORD).status_code == 303, "the same one elsewhere"


def test_a_flood_from_one_network_has_to_wait_whatever_login_it_tries(app: FastAPI) -> None:
    door = door_of(app)
    for number in range(100):
        door.throttle.end(f"reader{number}", "198.51.100.0/24", False)
    assert Browser(app, "198.51.100.77").sign_in("wang", PASSWORD).status_code == 429
    assert Browser(app, "198.51.101.77").sign_in("wang", PASSWORD).status_code == 422


def test_one_login_is_not_guessed_from_many_networks(app: FastAPI) -> None:
    for number in range(30):
        door_of(app).throttle.end("wang", f"10.0.{number}.0/24", False)
    assert Browser(app, "203.0.113.9").sign_in("wang", PASSWORD).status_code == 429


def test_of_forty_guesses_at_once_ten_are_looked_at(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt counts before it is known how it ends."""
    add_person(app, "wang")
    door, looked_at, told = door_of(app), [], []

    def slowly(hashed: str, password: str) -> bool:
        looked_at.append(password)
        time.sleep(0.2)
        return False

    def guess(number: int) -> None:
        request = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": [], "state": {}})
        try:
            assert door.sign_in(request, "wang", f"guess {number}") is None
            told.append(422)
        except ProblemError as error:
            told.append(error.status)

    monkeypatch.setattr(door.passwords, "verify", slowly)
    threads = [threading.Thread(target=guess, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked_at) == 10
    assert sorted(told) == [422] * 10 + [429] * 30


def test_what_failed_on_our_side_is_no_guess(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    add_person(app, "wang")

    def away(*_: object) -> None:
        raise StoreBusyError("held up")

    with monkeypatch.context() as broken:
        broken.setattr(accounts, "credentials", away)
        for _ in range(12):
            assert Browser(app).sign_in("wang", PASSWORD).status_code == 503
    assert Browser(app).sign_in("wang", PASSWORD).status_code == 303
    throttle = Throttle()
    for _ in range(200):  # successes are given back
        assert throttle.begin("wang", "10.0.0.0/24") == 0
        throttle.end("wang", "10.0.0.0/24", True)


def test_officers_and_programs_ask_for_ten_times_as_much_as_a_reader() -> None:
    throttle = Throttle((30, 10), tests=2)
    reader, key = Principal(1, ("reader",), "CLCN", "session"), Principal(1, ("requester",), "CLCN", "key", key_id=9)
    for who, most in ((reader, 10), (Principal(2, ("requester",), "CLCN", "session"), 100), (key, 100)):
        assert [throttle.seconds_to_ask(who) for _ in range(most)] == [0] * most
        assert 1100 < throttle.seconds_to_ask(who) <= 1200, "ten come back in twenty minutes: thirty an hour"
    assert throttle.seconds_to_ask(Principal(3, ("reader",), "CLCN", "session")) == 0, "somebody else"
    assert [throttle.seconds_to_test(key) for _ in range(3)][:2] == [0, 0]
    assert 3500 < throttle.seconds_to_test(key) <= 3600


def test_a_success_forgets_the_failures_before_it(app: FastAPI) -> None:
    add_person(app, "wang")
    for _ in range(2):
        for _ in range(9):
            assert Browser(app).sign_in("wang", "wrong").status_code == 422
        assert Browser(app).sign_in("wang", PASSWORD).status_code == 303


@pytest.mark.parametrize(
    "next",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", "\\\\evil", "x",
     "/sign-out", "/sign-in?next=/sign-in", "http:/evil.example", "/\t/evil.example", "//[", "http://["],
)  # fmt: skip
def test_the_way_back_stays_on_the_site(app: FastAPI, next: str) -> None:
    add_person(app, "wang")
    browser = Browser(app)
    assert browser.sign_in("wang", PASSWORD, next=next).headers["location"] == "/account"
    assert browser.send("GET", "/sign-in", params={"next": next}).headers["location"] == "/account"


def test_a_password_of_older_parameters_is_hashed_anew_at_the_next_sign_in(app: FastAPI) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("老密码也是好密码呀")
    with door_of(app).database.write() as unit:
        made = accounts.add_account(unit, accounts.NewAccount("wang", ("reader",), "CLCN", old), NOW)
    assert Browser(app).sign_in("wang", "老密码也是好密码呀").status_code == 303
    with door_of(app).database.read() as unit:
        new = accounts.password_of(unit, made.id)
    assert new != old and not Passwords().outdated(new)
    assert Browser(app).sign_in("wang", "老密码也是好密码呀").status_code == 303


def test_sign_ins_of_staff_are_audited_and_those_of_readers_are_not(app: FastAPI) -> None:
    signed_in(app, "wang")
    signed_in(app, "officer", "requester")
    with door_of(app).database.read() as unit:
        (entry,) = entries(unit)
    assert (entry.action, entry.roles, entry.library, entry.way) == (
        "session.begin", ("requester",), "CLCN", "session",
    )  # fmt: skip
    assert entry.request_id


# ---------------------------------------------------------------------------------------------- sessions


def test_nobody_signs_in_to_a_session_that_somebody_else_has_planted(app: FastAPI) -> None:
    """Session fixation."""
    attacker = signed_in(app, "attacker")
    add_person(app, "wang")
    victim = Browser(app)
    victim.cookies["session"] = "planted"
    victim.send("POST", "/sign-in", data={"login": "wang", "password": PASSWORD}, headers=OURS)
    assert victim.cookies["session"] not in ("planted", attacker.cookies["session"])
    planted = Browser(app)
    planted.cookies["session"] = "planted"
    assert planted.get("/account").status_code == 303


def test_each_sign_in_has_a_token_of_its_own_and_ends_the_one_before(app: FastAPI) -> None:
    browser = signed_in(app, "wang")
    first = browser.cookies["session"]
    browser.send(
        "POST", "/sign-in", data={"login": "wang", "password": PASSWORD, "csrf": browser.csrf()}, headers=OURS
    )  # fmt: skip
    assert browser.cookies["session"] != first
    browser.cookies["session"] = first
    assert browser.get("/account").status_code == 303


def test_the_database_knows_no_token(app: FastAPI) -> None:
    token = signed_in(app, "wang").cookies["session"]
    assert len(token) == 43
    with door_of(app).database.read() as unit:
        rows = [str(row) for row in unit.execute(select(sessions.session))]
    assert len(rows) == 1 and token not in rows[0]


def test_a_session_ends_when_it_idles_and_after_its_time(app: FastAPI) -> None:
    door, browser = door_of(app), signed_in(app, "wang")
    for minutes in range(0, 12 * 60, 60):  # it is used every hour
        door.now = lambda minutes=minutes: NOW + timedelta(minutes=minutes)  # type: ignore[misc]
        assert browser.get("/account").status_code == 200, minutes
    door.now = lambda: NOW + timedelta(hours=12)
    assert browser.get("/account").status_code == 303
    door.now = lambda: NOW
    other = signed_in(app, "li")
    door.now = lambda: NOW + timedelta(hours=2, minutes=6)
    assert other.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("base_url", "cookie", "secure"),
    [("https://tongcang.test", "__Host-session", True), ("http://127.0.0.1:8000", "session", False)],
)
def test_the_cookie_is_for_this_host_for_https_and_for_no_script(
    database: Database, base_url: str, cookie: str, secure: bool
) -> None:
    app = create_app(database, cast(Engine, None), settings=ApiSettings(base_url=base_url))
    add_person(app, "wang")
    sent = {"Origin": base_url, "Sec-Fetch-Site": "same-origin"}
    done = ApiClient(app).request("POST", "/sign-in", data={"login": "wang", "password": PASSWORD}, headers=sent)
    (line,) = [line for line in done.headers.get_list("set-cookie") if line.startswith(f"{cookie}=")]
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert parts == {"httponly", "path=/", "samesite=lax", *(["secure"] if secure else [])}


def test_whose_account_is_shut_is_out_at_once(app: FastAPI) -> None:
    browser = signed_in(app, "officer", "requester")
    assert browser.get("/readers/new").status_code == 200
    with door_of(app).database.write() as unit:
        found = accounts.find_account(unit, "officer")
        assert found is not None
        accounts.set_active(unit, found.id, False)
    assert browser.get("/readers/new").status_code == 303
    assert Browser(app).sign_in("officer", PASSWORD).status_code == 422


# ---------------------------------------------------------------------------------------------- forged forms

UNSAFE = sorted(
    (path, method)
    for path, method, actions in routes_with_actions(
        create_app(Database("sqlite://"), cast(Any, None), settings=SETTINGS)
    )
    if method not in SAFE and not any(TABLE[action].anybody or TABLE[action].keys_only for action in actions)
)
FOREIGN: dict[str, dict[str, str]] = {
    "no token": OURS,
    "no origin": {},
    "foreign origin": {"Origin": "https://evil.example"},
    "null origin": {"Origin": "null"},
    "foreign origin that claims to be ours": {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    "half an address": {"Origin": "http://[", "Sec-Fetch-Site": "same-origin"},
    "another port": {"Origin": f"{ORIGIN}:8080"},
    "longer name": {"Origin": f"{ORIGIN}.evil.example"},
    "other scheme": {"Origin": ORIGIN.replace("http:", "https:")},
    "neighbour": {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "bookmark": {"Sec-Fetch-Site": "none"},
}


def test_there_are_unsafe_routes_to_try() -> None:
    assert len(UNSAFE) >= 9 and ("/account/erase", "POST") in UNSAFE


@pytest.mark.parametrize("how", FOREIGN)
def test_every_unsafe_route_refuses_what_comes_from_elsewhere(database: Database, how: str) -> None:
    add_libraries(database)
    app = create_app(database, cast(Engine, None), settings=SETTINGS)
    for number, role in enumerate(("reader", "admin")):
        browser = signed_in(app, f"person{number}", role)
        token = browser.csrf()
        assert token
        with database.read() as unit:
            before = len(entries(unit))
        for path, method in UNSAFE:
            data = {} if how == "no token" else {"csrf": token}
            refused = browser.send(method, path.replace("{id}", "1"), headers=FOREIGN[how], data=data)
            assert refused.status_code == 403, (method, path)
            assert "forged" in refused.text or "无法确认" in refused.text
        with database.read() as unit:
            assert len(entries(unit)) == before
        assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("shown", ["0" * 64, "", "another's"])
def test_a_token_of_another_session_or_of_none_is_refused(app: FastAPI, shown: str) -> None:
    browser, other = signed_in(app, "wang"), signed_in(app, "li")
    token = other.csrf() if shown == "another's" else shown
    for sent in ({"data": {"csrf": token, "name": "x"}}, {"headers": {"X-CSRF-Token": token}}):
        headers = OURS | sent.get("headers", {})
        refused = browser.send("POST", "/account", headers=headers, data=sent.get("data", {"name": "x"}))
        assert refused.status_code == 403


def test_a_token_in_the_address_is_none(app: FastAPI) -> None:
    browser = signed_in(app, "wang")
    refused = browser.send("POST", f"/account?csrf={browser.csrf()}", headers=OURS, data={"name": "x"})
    assert refused.status_code == 403


def test_a_file_in_the_place_of_the_token_is_none(app: FastAPI) -> None:
    browser = signed_in(app, "wang")
    refused = browser.send("POST", "/account", headers=OURS, files={"csrf": ("x", browser.csrf())})
    assert refused.status_code == 403


def test_the_right_token_from_our_page_by_field_or_header(app: FastAPI) -> None:
    browser = signed_in(app, "wang")
    assert browser.post("/account", name="王芳").status_code == 303
    header = OURS | {"X-CSRF-Token": browser.csrf()}
    assert browser.send("POST", "/account", headers=header, data={"name": "王芳芳"}).status_code == 303
    only_origin = {"Origin": ORIGIN, "X-CSRF-Token": browser.csrf()}  # an older browser
    assert browser.send("POST", "/account", headers=only_origin, data={"name": "王"}).status_code == 303


def test_by_another_name_of_the_machine_the_demo_works_too(database: Database) -> None:
    app = create_app(database, cast(Engine, None), settings=ApiSettings(base_url="http://127.0.0.1:8000"))
    add_person(app, "wang")
    data = {"login": "wang", "password": PASSWORD}
    local = {"Host": "localhost:8000", "Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}
    assert ApiClient(app).request("POST", "/sign-in", data=data, headers=local).status_code == 303
    local["Sec-Fetch-Site"] = "cross-site"
    assert ApiClient(app).request("POST", "/sign-in", data=data, headers=local).status_code == 403


@pytest.mark.parametrize("how", [how for how in FOREIGN if how not in ("no token", "no origin")])
def test_nobody_is_signed_in_from_elsewhere(app: FastAPI, how: str) -> None:
    """Login CSRF: else he would give his requests to an account of somebody else's."""
    add_person(app, "wang")
    data = {"login": "wang", "password": PASSWORD}
    refused = Browser(app).send("POST", "/sign-in", data=data, headers=FOREIGN[how])
    assert refused.status_code == 403 and "set-cookie" not in refused.headers


def test_a_form_of_great_size_is_refused(app: FastAPI) -> None:
    sent = Browser(app).send("POST", "/sign-in", headers=OURS, data={"login": "x" * 2_000_000})
    assert sent.status_code == 413 and "超过了允许的大小" in sent.text
    assert "content-security-policy" in sent.headers
    chunks = (b"login=" + b"x" * 300_000 for _ in range(5))  # without telling how much is to come

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    form = OURS | {"Content-Type": "application/x-www-form-urlencoded"}
    assert Browser(app).send("POST", "/sign-in", headers=form, content=body()).status_code == 413
    long = Browser(app).send("POST", "/sign-in", headers=OURS, data={"login": "x" * 1000})
    assert long.status_code == 422


# ---------------------------------------------------------------------------------------------- a store that is away


def test_pages_for_everybody_need_nobody_recognised_when_the_store_is_away(tmp_path: Any) -> None:
    unmigrated = Database(f"sqlite:///{tmp_path / 'none' / 'state.db'}")
    client = ApiClient(create_app(unmigrated, cast(Engine, None), settings=SETTINGS))
    cookie = {"Cookie": "session=abc"}
    assert client.get("/robots.txt", headers=cookie).status_code == 200
    assert client.get("/account", headers=cookie).status_code == 503
    assert client.get("/nowhere", headers=cookie).status_code == 404
    unmigrated.close()


def test_a_use_that_cannot_be_noted_keeps_nobody_out(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, door = signed_in(app, "wang"), door_of(app)
    door.now = lambda: NOW + timedelta(minutes=30)

    def busy(*_: object) -> None:
        raise StoreBusyError("held up")

    monkeypatch.setattr(sessions, "note_use", busy)
    assert browser.get("/account").status_code == 200
    with door.database.read() as unit:
        assert require_account(unit, accounts.find_account(unit, "wang").id).login == "wang"  # type: ignore[union-attr]
