"""Who has to sign in first comes back to where he was."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from api_browser import Browser
from api_people import PASSWORD, add_person
from fastapi import FastAPI
from request_desk import SERIAL, Desk
from request_site import fields, parsed, site

from mappings.model import union_id
from search_api.routes.forms import LONGEST_WAY
from store.database import Database

ARTICLE = {
    "record": union_id(SERIAL), "genre": "article", "title": "红楼梦学刊",
    "article_title": "《红楼梦》与明清之际江南士人社会的文化心态及其叙事结构研究——以大观园为中心的考察",
    "article_author": "张三", "date": "1998", "volume": "20", "issue": "3", "pages": "117-134", "source": "openurl",
}  # fmt: skip


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return site(desk)


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
