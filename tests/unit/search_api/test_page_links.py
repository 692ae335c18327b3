"""Every link and form of every page leads somewhere, whoever looks at it."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from api_browser import ORIGIN, Browser
from api_desk import ApiDesk
from api_people import PASSWORD, add_person, signed_in
from lxml import html
from request_desk import CAPITAL_ONLY, HONGLOUMENG, SERIAL, wish

from mappings.requests import Citation, Wish
from store.database import Database

OWN = "CLCN"
STAFF = ("requester", "supplier", "admin")
ALIKE = 8
"""Addresses that differ in a number alone: so many are visited of them."""

MOST = 1000
"""Pages that are visited in all: more means that addresses breed addresses."""

TYPED = {"number": "7020002200", "year_from": "1990", "year_to": "2020"}
"""Into fields that don't take words."""

REFUSED_EMPTY = frozenset(("/request/match", "/sign-in", "/set-password", "/register"))
"""Forms that say what is missing when they are sent as they stand."""


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[ApiDesk]:
    made = ApiDesk(database, tmp_path)
    fill(made)
    yield made
    made.close()


def fill(house: ApiDesk) -> None:
    """Requests in most states, for a reader of the library and to it, and holdings to be looked at."""
    desk = house.desk
    reader = add_person(house.app, "wang", library=OWN, name="王芳", card="0012").id
    other, branch = (add_person(house.app, f"of-{library}", library=library).id for library in ("RUC", "XCLIB"))
    for number in range(52):  # more than one page of them
        desk.ask(wish(HONGLOUMENG, volume=str(number)), library=OWN, reader=reader)
    desk.ask(wish(SERIAL, service="copy", date="1999", pages="1-9"), library="RUC", reader=other)  # has it itself
    conditional = desk.ask(wish(HONGLOUMENG, service="copy", pages="1-9"), library="XCLIB", reader=branch)
    desk.ask(Wish(Citation("book", "天书", "某人"), service="loan"), library=OWN, reader=reader)
    for number in range(3):
        asked_of_us = desk.ask(wish(CAPITAL_ONLY, volume=str(number)), library="RUC", reader=other)
        if number < 2:
            desk.answers(asked_of_us, "refuse", code="NotHeld")
    desk.answers(conditional, "condition", code="LibraryUseOnly")
    draft = desk.ask(wish(HONGLOUMENG, service="copy", pages="1-5"), library=OWN, reader=reader)
    desk.answers(draft, "refuse", code="Incomplete")
    filled = desk.ask(wish(HONGLOUMENG, service="copy", pages="6-9"), library=OWN, reader=reader)
    desk.does(desk.answers(filled, "fill", pages=4), "receive", "reader")
    given_up = desk.ask(Wish(Citation("book", "无此书", "某人"), service="loan"), library=OWN, reader=reader)
    desk.does(given_up, "give_up", "node", OWN, reason="各库均无")


def looker(house: ApiDesk, role: str) -> Browser:
    if role == "anonymous":
        return Browser(house.app)
    if role == "reader":
        browser = Browser(house.app)
        assert browser.sign_in("wang", PASSWORD).status_code == 303
        return browser
    return signed_in(house.app, f"one-{role}", *(STAFF if role == "all" else (role,)), library=OWN)


@pytest.mark.parametrize("role", ["anonymous", "reader", "requester", "supplier", "admin", "all", "system", "auditor"])
def test_no_link_and_no_form_leads_nowhere(house: ApiDesk, role: str) -> None:
    browser = looker(house, role)
    todo, shapes, wrong, posted, seen = deque(["/"]), Counter[str](), [], set[str](), 0
    came_from = {"/": ""}
    while todo:
        address = todo.popleft()
        page = browser.get(address)
        seen += 1
        assert seen < MOST, sorted(shapes)
        if page.status_code >= 400 and not (page.status_code == 422 and urlsplit(address).path in REFUSED_EMPTY):
            wrong.append((page.status_code, came_from[address], address))
        links, actions = led_to(page)
        for link in sorted(links, reverse=True):  # the newest requests are those of which no two stand alike
            shape = shape_of(link)
            if link not in came_from and shapes[shape] < ALIKE:
                came_from[link] = address
                shapes[shape] += 1
                todo.append(link)
        for action in sorted(actions - posted):
            posted.add(action)
            if (answer := sent_without_token(browser, action)).status_code not in (401, 403, 422, 429):
                wrong.append((answer.status_code, address, f"POST {action}"))
    assert wrong == []
    assert {shape_of("/libraries"), shape_of("/holders")} <= set(shapes) and posted


def led_to(page: httpx.Response) -> tuple[set[str], set[str]]:
    """(addresses that links and forms of the page lead to, those that its forms post to)"""
    if "location" in page.headers:
        return {page.headers["location"]}, set()
    if not page.headers["content-type"].startswith("text/html"):
        return set(), set()
    tree = html.fromstring(page.text)
    links = {str(each) for each in tree.xpath("//@href | //@src") if each.startswith("/")}
    for form in tree.xpath('//form[@method="get"]'):
        links |= {f"{form.get('action')}?{urlencode(told)}" for told in (as_it_stands(form), filled_in(form))}
    return links, {str(each) for each in tree.xpath('//form[@method="post"]/@action')}


def as_it_stands(form: Any) -> list[tuple[str, str]]:
    """lxml sends a radio button whose value is empty as `on`."""
    return [(name, "" if value == "on" else value) for name, value in form.form_values()]


def filled_in(form: Any) -> list[tuple[str, str]]:
    """As somebody sends it who has something to say."""
    options = {each.get("name"): each.xpath("./option/@value") for each in form.xpath(".//select")}
    told = []
    for name, value in as_it_stands(form):
        if name in options:
            value = OWN if OWN in options[name] else options[name][-1]
        told.append((name, value or TYPED.get(name, "" if name == "record" else "红楼梦")))
    return told


def shape_of(address: str) -> str:
    """Path without numbers and ids, and the names of the parameters."""
    parts = urlsplit(address)
    path = re.sub(r"/(\d+|[0-9A-Z]{8})(?=/|$)", "/#", parts.path)
    return f"{path}?{'&'.join(sorted(name for name, _ in parse_qsl(parts.query, keep_blank_values=True)))}"


def sent_without_token(browser: Browser, action: str) -> httpx.Response:
    """Whether there is anybody to take it: refused before anything is done, since it shows no token."""
    return browser.send("POST", action, data={"x": "y"}, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})


@pytest.mark.parametrize("address", ["/requests?closed=", "/library/requests?closed=", "/library/corrections?closed=",
                                     "/library/policy?saved=", "/requests/1?sent="])  # fmt: skip
def test_a_parameter_that_is_empty_is_not_said(house: ApiDesk, address: str) -> None:
    browser = looker(house, "all")
    assert browser.get(address).status_code == 200
    assert browser.get(f"{address}1").status_code == 200
    assert browser.get(f"{address}x").status_code == 422
