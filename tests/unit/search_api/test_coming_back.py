"""Who has to sign in first comes back to where he was."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import httpx
import pytest
from api_browser import Browser
from api_people import PASSWORD, add_person, signed_in
from fastapi import FastAPI
from request_desk import HONGLOUMENG, SERIAL, Desk
from request_site import fields, parsed, send, texts

from mappings.model import union_id
from search_api.routes.forms import LONGEST_WAY

ARTICLE = {
    "record": union_id(SERIAL), "genre": "article", "title": "红楼梦学刊",
    "article_title": "《红楼梦》与明清之际江南士人社会的文化心态及其叙事结构研究——以大观园为中心的考察",
    "article_author": "张三", "date": "1998", "volume": "20", "issue": "3", "pages": "117-134", "source": "openurl",
}  # fmt: skip


@pytest.mark.parametrize("note", ["", "请尽快" * 100])
def test_from_a_long_address_he_comes_back_to_the_filled_in_form(app: FastAPI, note: str) -> None:
    """A citation of a Chinese article makes an address of some 600 characters, with a note one of thousands."""
    add_person(app, "wang")
    browser, told = Browser(app), ARTICLE | ({"note": note} if note else {})
    address = f"/request?{urlencode(told)}"
    sign_in = browser.get(browser.get(address).headers["location"])
    (form,) = parsed(sign_in).xpath('//form[@action="/sign-in"]')
    values = dict(form.form_values())
    done = browser.sign_in("wang", PASSWORD, next=values["next"])
    assert (done.status_code, done.headers["location"]) == (303, address)
    filled = fields(browser.get(address), "/request")
    shown = ("article_title", "date", "volume", "issue", "pages", "source")
    assert {name: filled[name] for name in shown} == {name: told[name] for name in shown}


def test_a_way_that_is_too_long_keeps_nobody_out(app: FastAPI) -> None:
    add_person(app, "wang")
    browser, way = Browser(app), f"/request?note={'x' * LONGEST_WAY}"
    assert browser.get(f"/sign-in?next={quote(way, safe='')}").status_code == 200
    done = browser.sign_in("wang", PASSWORD, next=way)
    assert (done.status_code, done.headers["location"]) == (303, "/account")


# ---------------------------------------------------------------------------------------------- signed out meanwhile


FORM = f"/request?record={union_id(HONGLOUMENG)}"
SAID = "很重要的话"


def sign_in_again(browser: Browser, page: httpx.Response, login: str) -> str:
    """By the form that is shown there and then; where it leads."""
    assert page.status_code == 401 and "登录已过期" in page.text
    (form,) = parsed(page).xpath('//form[@action="/sign-in"]')
    done = send(browser, "/sign-in", dict(form.form_values()), login=login, password=PASSWORD)
    assert done.status_code == 303
    return str(done.headers["location"])


def test_who_was_signed_out_meanwhile_comes_back_to_what_he_filled_in(app: FastAPI, desk: Desk) -> None:
    browser = signed_in(app, "wang", library="CLCN")
    form = fields(browser.get(FORM), "/request")
    desk.wait(hours=13)
    told = {"service": "copy", "pages": "1-9", "level": "rush", "need_before": "2026-12-01", "max_cost": "5"}
    back = sign_in_again(browser, send(browser, "/request", form, **told), "wang")
    again = fields(browser.get(back), "/request")
    assert {name: again[name] for name in told} == told
    assert again["csrf"] != form["csrf"]
    assert send(browser, "/request", again).headers["location"] == "/requests/1?sent=1"


def test_what_is_not_for_an_address_is_shown_to_be_copied(app: FastAPI, desk: Desk) -> None:
    """The computers of a reading room keep addresses, and so do proxies; and they have an end."""
    browser, note, title = signed_in(app, "wang", library="CLCN"), SAID * 40, "书" * 900
    form = fields(browser.get(FORM), "/request")
    desk.wait(hours=13)
    page = send(browser, "/request", form, note=note, delivery="三层", article_title=title, pages="1-9")
    assert texts(page, "said") == ["三层", note, title]
    back = sign_in_again(browser, page, "wang")
    again = fields(browser.get(back), "/request")
    assert (again["delivery"], again["note"], again["pages"]) == ("", "", "1-9") and len(back) < LONGEST_WAY


def test_who_was_signed_out_before_a_step_comes_back_to_the_request(app: FastAPI, desk: Desk) -> None:
    case = desk.ask()
    assert case.active is not None
    officer = signed_in(app, "officer", "requester", "supplier", library=case.active.supplier)
    action = f"/requests/{case.request_id}"
    form = fields(officer.get(action), action, "note")
    desk.wait(hours=13)
    page = send(officer, action, form, note=SAID)
    assert texts(page, "said") == [SAID] and desk.case(case) == case
    assert sign_in_again(officer, page, "officer") == action


@pytest.mark.parametrize(
    ("action", "page"),
    [
        ("/queue", "/queue"),
        ("/library/policy", "/library/policy"),
        ("/library/pause", "/library/policy"),
        ("/library/corrections/1", "/library/corrections"),
    ],
)
def test_every_page_of_officers_is_come_back_to(app: FastAPI, desk: Desk, action: str, page: str) -> None:
    staff = signed_in(app, "staff", "supplier", "admin", library="RUC")
    desk.wait(hours=13)
    back = sign_in_again(staff, send(staff, action, {"csrf": "x"}), "staff")
    assert back == page and staff.get(back).status_code == 200


def test_what_is_sent_from_elsewhere_fills_in_nothing(app: FastAPI) -> None:
    """Nor is anybody shown a page to sign in on that another site has sent him to."""
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = Browser(app).send("POST", "/request", data={"title": "天书"}, headers=foreign)
    assert answer.status_code == 403 and "天书" not in answer.text


def test_who_was_signed_out_and_is_wrong_once_still_comes_back(app: FastAPI, desk: Desk) -> None:
    browser = signed_in(app, "wang", library="CLCN")
    form = fields(browser.get(FORM), "/request")
    desk.wait(hours=13)
    page = send(browser, "/request", form, pages="1-9")
    (shown,) = parsed(page).xpath('//form[@action="/sign-in"]')
    wrong = send(browser, "/sign-in", dict(shown.form_values()), login="wang", password="x")
    assert wrong.status_code == 422
    (shown,) = parsed(wrong).xpath('//form[@action="/sign-in"]')
    done = send(browser, "/sign-in", dict(shown.form_values()), login="wang", password=PASSWORD)
    assert fields(browser.get(done.headers["location"]), "/request")["pages"] == "1-9"
