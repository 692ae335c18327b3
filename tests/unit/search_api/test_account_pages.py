"""The pages of accounts: my data, registering readers, setting a password, being erased."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import cast

import msgspec
import pytest
from api_browser import ORIGIN, Browser
from api_people import NOW, PASSWORD, add_libraries, add_person, signed_in
from fastapi import FastAPI
from sqlalchemy import select

from indexer.engine.protocol import Engine
from mappings.requests import Citation, Wish
from routing.service import NewRequest, RequestService
from routing.work import Actor
from search_api import answers
from search_api.access.principal import Principal
from search_api.app import create_app
from search_api.looking_ahead import reader_named
from search_api.settings import ApiSettings
from store import accounts, payments
from store.accounts import Account
from store.audit import Entry, entries
from store.database import Database, all_tables
from store.erasures import FILE

NEW = "另一个湖边的旧木船与灯塔"
CODE = re.compile(r"<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code>")


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    add_libraries(database)
    settings = ApiSettings(base_url=ORIGIN, data_folder=str(tmp_path / "data"))
    made = create_app(database, cast(Engine, None), settings=settings)
    made.state.door.now = lambda: NOW
    return made


def found(app: FastAPI, login: str) -> Account | None:
    with app.state.door.database.read() as unit:
        return accounts.find_account(unit, login)


def audited(app: FastAPI) -> list[Entry]:
    """Oldest first; without sign-ins."""
    with app.state.door.database.read() as unit:
        return [entry for entry in reversed(entries(unit)) if entry.action != "session.begin"]


# ---------------------------------------------------------------------------------------------- my account


@pytest.mark.parametrize("language", ["zh", "en"])
def test_my_data_are_shown_in_both_languages(app: FastAPI, language: str) -> None:
    browser = signed_in(app, "officer", "supplier", "requester", name="李雷", email="li@lib.example")
    page = browser.get(f"/account?lang={language}").text
    for shown in ("officer", "李雷", "li@lib.example"):
        assert shown in page
    expected = ("请求馆员", "、", "首都图书馆") if language == "zh" else ("requesting officer, ", "Capital Library")
    assert all(each in page for each in expected)


def test_contact_and_language_are_changed_and_the_audit_knows_only_which(app: FastAPI) -> None:
    browser = signed_in(app, "wang")
    done = browser.post("/account", name=" 王芳 ", email="wang@mail.example", phone="010 6735 8114", language="en")
    assert done.status_code == 303 and "lang=en" in done.headers["set-cookie"]
    changed = found(app, "wang")
    assert changed is not None
    assert (changed.name, changed.email, changed.language) == ("王芳", "wang@mail.example", "en")
    assert '<html lang="en">' in browser.get("/account").text
    (entry,) = audited(app)
    assert (entry.action, entry.who, entry.object) == ("account.change", changed.id, f"account {changed.id}")
    assert entry.after == {"fields": ["language", "name", "email", "phone"]} and entry.before == {}
    same = browser.post("/account", name="王芳", email="wang@mail.example", phone="010 6735 8114", language="en")
    assert same.status_code == 303 and len(audited(app)) == 1, "nothing was changed"


def test_what_cannot_be_taken_stays_typed_in_and_changes_nothing(app: FastAPI) -> None:
    browser = signed_in(app, "wang", name="王芳")
    page = browser.post("/account", name="改了", email="no address", language="zh")
    assert page.status_code == 422
    assert 'value="no address"' in page.text and 'value="改了"' in page.text
    assert 'aria-invalid="true"' in page.text and 'role="alert"' in page.text
    still = found(app, "wang")
    assert still is not None and still.name == "王芳" and audited(app) == []


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{12347*654323}}"])
def test_what_people_type_is_text(app: FastAPI, payload: str) -> None:
    browser = signed_in(app, "wang")
    browser.post("/account", name=payload, language="zh")
    for page in (browser.get("/account").text, browser.get("/").text):
        assert payload not in page or "{" in payload
        assert str(12347 * 654323) not in page
    refused = Browser(app).sign_in(payload, "x")
    assert refused.status_code == 422 and (payload not in refused.text or "{" in payload)


def test_a_changed_password_ends_all_sessions(app: FastAPI) -> None:
    browser, other = signed_in(app, "wang"), Browser(app)
    other.sign_in("wang", PASSWORD)
    done = browser.post("/account/password", current=PASSWORD, password=NEW, again=NEW)
    assert done.status_code == 303 and "session" not in browser.cookies
    assert other.get("/account").status_code == 303
    assert Browser(app).sign_in("wang", PASSWORD).status_code == 422
    assert Browser(app).sign_in("wang", NEW).status_code == 303
    assert [entry.action for entry in audited(app)] == ["account.password"]


@pytest.mark.parametrize(
    ("current", "password", "again", "said"),
    [
        ("wrong", NEW, NEW, "密码不对。"),
        (PASSWORD, "short", "short", "至少需 10 个字符"),
        (PASSWORD, "password2026", "password2026", "太常见"),
        (PASSWORD, NEW, f"{NEW}x", "两次输入的密码不同"),
        (PASSWORD, "wangfang 的猫在湖边", "wangfang 的猫在湖边", "不能含有登录名"),
    ],
)
def test_a_password_is_not_changed_so(app: FastAPI, current: str, password: str, again: str, said: str) -> None:
    browser = signed_in(app, "wangfang")
    page = browser.post("/account/password", current=current, password=password, again=again)
    assert page.status_code == 422 and said in page.text
    assert password not in page.text, "a page shows no password"
    assert Browser(app).sign_in("wangfang", PASSWORD).status_code == 303
    assert audited(app) == []


def test_guessing_the_password_in_somebodys_open_session_has_to_wait(app: FastAPI) -> None:
    browser = signed_in(app, "wang")
    for _ in range(10):
        assert browser.post("/account/erase", confirm="1", erase_password="wrong").status_code == 422
    assert browser.post("/account/erase", confirm="1", erase_password=PASSWORD).status_code == 429
    assert found(app, "wang") is not None


def add_request(app: FastAPI, login: str, note: str) -> int:
    whose = found(app, login)
    assert whose is not None
    wish = Wish(Citation(genre="book", title="无人知晓之书"), service="loan")
    new = NewRequest(wish, "CLCN", whose.id, note, "wang@mail.example")
    with app.state.door.database.write() as unit:
        return RequestService(lambda: NOW).create(unit, new, Actor("reader")).request_id


def test_my_data_can_be_taken_away_as_a_file(app: FastAPI) -> None:
    browser = signed_in(app, "wang", name="王芳", card="0012")
    number = add_request(app, "wang", "要带插图的版本")
    whose = found(app, "wang")
    assert whose is not None
    with app.state.door.database.write() as unit:
        payments.add(unit, "p1", "top_up", "paid", whose.id, 5000, NOW)
    file = browser.get("/account/export")
    assert file.headers["content-disposition"] == 'attachment; filename="tongcang-my-data.json"'
    assert file.headers["cache-control"] == "no-store"
    data = msgspec.json.decode(file.content, type=answers.ExportAnswer)
    assert (data.account.name, data.account.card, len(data.sessions)) == ("王芳", "0012", 1)
    assert data.requests[0].note == "要带插图的版本"
    assert [(each.kind, each.request) for each in data.mails] == [("reader.receipt", number)]
    assert [(each.kind, each.amount) for each in data.payments] == [("top_up", 5000)]
    assert "password" not in json.loads(file.content)["account"] and "argon2" not in file.text


def test_whoever_is_erased_is_gone_everywhere(app: FastAPI, tmp_path: Path) -> None:
    traces = ("wangfang1988", "王芳芳", "wang@mail.example", "13800138000", "CARD-0012", "要带插图的版本")
    login, name, email, phone, card, note = traces
    browser = signed_in(app, login, name=name, email=email, phone=phone, card=card)
    add_request(app, login, note)
    assert "1 件请求在办理中" in browser.get("/account").text
    account = found(app, login)
    assert account is not None
    assert browser.post("/account/erase", erase_password=PASSWORD).status_code == 422, "not ticked"
    assert browser.post("/account/erase", erase_password="wrong", confirm="1").status_code == 422
    done = browser.post("/account/erase", erase_password=PASSWORD, confirm="1")
    assert (done.status_code, done.headers["location"]) == (303, "/account/erased")
    assert "session" not in browser.cookies and "账户已删除" in browser.get("/account/erased").text
    with app.state.door.database.read() as unit:
        values = [
            str(value) for table in all_tables().sorted_tables for row in unit.execute(select(table)) for value in row
        ]
    assert [trace for trace in traces for value in values if trace in value] == []
    assert str(account.id) in (tmp_path / "data" / FILE).read_text()
    assert Browser(app).sign_in(login, PASSWORD).status_code == 422
    (entry,) = audited(app)
    assert (entry.action, entry.who) == ("account.erase", account.id)


# ---------------------------------------------------------------------------------------------- registering readers


def test_an_officer_registers_a_reader_who_sets_a_password(app: FastAPI) -> None:
    officer = signed_in(app, "officer", "requester")
    assert 'href="/readers/new"' in officer.get("/").text
    page = officer.post("/readers/new", "/readers/new", name="王芳", card="0012", email="w@mail.example", language="en")
    assert page.status_code == 200 and page.headers["cache-control"] == "private, no-store"
    (code,) = CODE.findall(page.text)
    reader, by = found(app, "clcn-0012"), found(app, "officer")
    assert reader is not None and by is not None
    assert (reader.library, reader.sponsor, reader.registered_by, reader.roles) == ("CLCN", "CLCN", by.id, ("reader",))
    assert not reader.can_sign_in and reader.language == "en"
    browser = Browser(app)
    assert browser.sign_in("clcn-0012", code).status_code == 422, "a code is no password"
    wrong = browser.post("/set-password", "/set-password", login="clcn-0012", code="x", password=NEW, again=NEW)
    assert wrong.status_code == 422 and "一次性代码不对" in wrong.text
    done = browser.post(
        "/set-password", "/set-password", login="CLCN-0012", code=code.lower(), password=NEW, again=NEW
    )  # fmt: skip
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert browser.get("/account").status_code == 200
    again = Browser(app).post("/set-password", "/set-password", login="clcn-0012", code=code, password=NEW, again=NEW)
    assert again.status_code == 422, "it works once"
    assert [(entry.action, entry.who) for entry in audited(app)] == [
        ("reader.register", by.id), ("account.password", reader.id),
    ]  # fmt: skip
    assert "王芳" not in str(audited(app)) and "0012" not in str([entry.after for entry in audited(app)])


def test_a_code_runs_out_and_is_renewed(app: FastAPI) -> None:
    officer = signed_in(app, "officer", "admin")
    first = CODE.findall(officer.post("/readers/new", "/readers/new", name="王", card="0012").text)[0]
    second = CODE.findall(officer.post("/readers/code", "/readers/new", reader=" 0012 ").text)[0]
    third = CODE.findall(officer.post("/readers/code", "/readers/new", reader="CLCN-0012").text)[0]
    assert len({first, second, third}) == 3
    fields = {"login": "clcn-0012", "password": NEW, "again": NEW}
    for void in (first, second):
        assert Browser(app).post("/set-password", "/set-password", code=void, **fields).status_code == 422
    app.state.door.now = lambda: NOW + timedelta(days=14)
    assert Browser(app).post("/set-password", "/set-password", code=third, **fields).status_code == 422
    app.state.door.now = lambda: NOW + timedelta(days=14, seconds=-1)
    assert Browser(app).post("/set-password", "/set-password", code=third, **fields).status_code == 303


@pytest.mark.parametrize(
    "password", ["zhangsanfeng2!", "ZHANGSANFENG2 图书馆", "李慕白的三只猫坐在屋顶", "A-00012345 湖边的船"]
)
def test_nothing_of_login_name_or_card_is_in_the_first_password(app: FastAPI, password: str) -> None:
    officer = signed_in(app, "officer", "requester")
    told = {"name": "李慕白", "card": "A-00012345", "login": "zhangsanfeng2"}
    (code,) = CODE.findall(officer.post("/readers/new", "/readers/new", **told).text)
    fields = {"login": " ZhangSanfeng2 ", "code": code, "password": password, "again": password}
    refused = Browser(app).post("/set-password", "/set-password", **fields)
    assert refused.status_code == 422 and "不能含有登录名、姓名或证号" in refused.text
    assert "account.password" not in [entry.action for entry in audited(app)]
    done = Browser(app).post("/set-password", "/set-password", **(fields | {"password": NEW, "again": NEW}))
    assert done.status_code == 303, "the code is still good"


def test_without_the_right_code_nothing_is_told_of_name_or_card(app: FastAPI) -> None:
    officer = signed_in(app, "officer", "requester")
    officer.post("/readers/new", "/readers/new", name="李慕白", card="A-00012345", login="wang")
    for password in ("李慕白的三只猫坐在屋顶", "A-00012345 湖边的船", NEW):
        fields = {"login": "wang", "code": "x", "password": password, "again": password}
        refused = Browser(app).post("/set-password", "/set-password", **fields)
        assert refused.status_code == 422 and "一次性代码不对" in refused.text and "姓名或证号" not in refused.text


@pytest.mark.parametrize("wanted", ["pku-0001", "0001", "boss", "nobody"])
def test_no_code_for_another_librarys_reader_or_for_staff(app: FastAPI, wanted: str) -> None:
    """IDOR: an officer would sign in as anybody."""
    add_person(app, "pku-0001", library="PKU", card="0001")
    add_person(app, "boss", "admin")
    officer = signed_in(app, "officer", "requester", "supplier")
    refused = officer.post("/readers/code", "/readers/new", reader=wanted)
    assert refused.status_code == 422 and "本馆没有这个证号或登录名的读者" in refused.text
    assert CODE.findall(refused.text) == [] and audited(app) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "", "card": "1"}, "此项必填"),
        ({"name": "王", "card": ""}, "此项必填"),
        ({"name": "王", "card": "11010519491231002X"}, "不收集身份证号"),
        ({"name": "王", "card": "0001"}, "这个证号在该馆已经登记过"),
        ({"name": "王", "card": "2", "login": "taken"}, "这个登录名已有人使用"),
        ({"name": "王", "card": "2", "login": "a b"}, "不含空格"),
    ],
)
def test_a_reader_is_not_registered_so(app: FastAPI, fields: dict[str, str], said: str) -> None:
    add_person(app, "taken", card="0001")
    officer = signed_in(app, "officer", "requester")
    page = officer.post("/readers/new", "/readers/new", **fields)
    assert page.status_code == 422 and said in page.text
    assert audited(app) == []


@pytest.mark.parametrize("role", ["reader", "supplier", "system", "auditor"])
def test_others_register_nobody(app: FastAPI, role: str) -> None:
    browser = signed_in(app, "somebody", role)
    assert browser.get("/readers/new").status_code == 403
    assert browser.post("/readers/new", name="王", card="1").status_code == 403
    assert browser.post("/readers/code", reader="somebody").status_code == 403
    assert 'href="/readers/new"' not in browser.get("/").text


# ---------------------------------------------------------------------------------------------- self-registration


def test_readers_make_their_own_accounts_only_where_it_is_switched_on(app: FastAPI, database: Database) -> None:
    assert Browser(app).get("/register").status_code == 404
    assert Browser(app).post("/register", "/sign-in", login="x").status_code == 404
    on = ApiSettings(base_url=ORIGIN, self_registration=True)
    app = create_app(database, cast(Engine, None), settings=on)
    browser = Browser(app)
    assert "/register" in browser.get("/sign-in").text and "北京大学图书馆" in browser.get("/register").text
    add_person(app, "pku-0001", library="PKU", card="0001")
    fields = {"library": "PKU", "login": "wang", "name": "王芳", "password": NEW, "again": NEW}
    for wrong, said in (
        ({"library": "NONE"}, "此项必填"), ({"login": " "}, "此项必填"), ({"password": "short"}, "至少需 10 个字符"),
        ({"again": "x"}, "两次输入的密码不同"), ({"email": "x"}, "电子邮箱的格式不对"),
    ):  # fmt: skip
        page = browser.post("/register", "/register", **(fields | wrong))
        assert page.status_code == 422 and said in page.text, wrong
    assert browser.post("/register", "/register", **fields).headers["location"] == "/account"
    made = found(app, "wang")
    assert made is not None and (made.library, made.registered_by, made.sponsor) == ("PKU", 0, "")
    assert made.roles == ("reader",), "whatever else a form has in it"
    assert browser.get("/account").status_code == 200
    assert [(entry.action, entry.who) for entry in audited(app)] == [("reader.register", made.id)]
    taken = Browser(app).post("/register", "/register", **fields)
    assert taken.status_code == 422 and "已有人使用" in taken.text
    for login in ("pku-0001", " PKU-0002", "clcn-0001"):  # the first is taken, by the reader of card 0001
        refused = Browser(app).post("/register", "/register", **(fields | {"login": login}))
        assert refused.status_code == 422 and "由图书馆发给读者" in refused.text and "已有人使用" not in refused.text
    flood = [Browser(app).post("/register", "/register", login="x").status_code for _ in range(20)]
    assert flood[-1] == 429


def test_whoever_registers_himself_is_found_by_no_card(app: FastAPI, database: Database) -> None:
    """He may have claimed another reader's, as his card or as his login."""
    on = ApiSettings(base_url=ORIGIN, self_registration=True)
    app = create_app(database, cast(Engine, None), settings=on)
    app.state.door.now = lambda: NOW
    fields = {"library": "CLCN", "name": "某人", "password": NEW, "again": NEW}
    for login, card in (("thief", "0012"), ("0012", "")):
        made = Browser(app).post("/register", "/register", **fields, login=login, card=card)
        assert made.status_code == 303 and (its := found(app, login)) is not None and its.card == ""
    officer = signed_in(app, "officer", "requester")
    with database.read() as unit:
        who = accounts.find_account(unit, "officer")
    assert who is not None
    asks = Principal(who.id, who.roles, who.library, "session")
    for told in ("0012", "thief"):
        refused = officer.post("/readers/code", "/readers/new", reader=told)
        assert refused.status_code == 422 and CODE.findall(refused.text) == []
        assert reader_named(app.state.requesting, asks, told) is None
    assert officer.post("/readers/new", "/readers/new", name="王芳", card="0012").status_code == 200
    right = reader_named(app.state.requesting, asks, "0012")
    assert right is not None and right.login == "clcn-0012"
    assert Browser(app).post("/register", "/register", **fields, login="other", card="0012").status_code == 303
