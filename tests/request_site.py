"""The pages of requests over a small consortium, in the browser without a screen: forms are sent back as they stand."""

from __future__ import annotations

from typing import Any, cast

import httpx
from api_browser import ORIGIN, Browser
from fastapi import FastAPI
from lxml import html
from request_desk import Desk

from indexer.engine.protocol import Engine, EngineError, Plan
from search_api.app import create_app
from search_api.settings import ApiSettings


class AwayEngine:
    """A search engine that is down: whatever is asked of a record or a number is answered all the same."""

    def search(self, _: Plan) -> Any:
        raise EngineError("away")


def site(desk: Desk) -> FastAPI:
    return create_app(
        desk.database, cast(Engine, AwayEngine()), settings=ApiSettings(base_url=ORIGIN), clock=lambda: desk.now
    )


def parsed(page: httpx.Response) -> Any:
    assert page.status_code in (200, 401, 409, 422, 429), page.text[:500]
    return html.fromstring(page.text)


def texts(page: httpx.Response, css_class: str) -> list[str]:
    """What stands in the elements of that class."""
    found = parsed(page).xpath(f"//*[contains(concat(' ', @class, ' '), ' {css_class} ')]")
    return [" ".join(each.text_content().split()) for each in found]


def fields(page: httpx.Response, action: str, step: str = "") -> dict[str, Any]:
    """What the form on the page would send: the one of that step where there are several."""
    for form in parsed(page).xpath(f'//form[@action="{action}" and @method="post"]'):
        values: dict[str, Any] = {}
        for name, value in form.form_values():
            if name in values:
                before = values[name]
                values[name] = [*(before if isinstance(before, list) else [before]), value]
            else:
                values[name] = value
        if not step or values.get("name") == step:
            return values
    raise AssertionError(f"the page has no form {action} {step}")


def steps(page: httpx.Response) -> set[str]:
    """What can be done on the page of a request."""
    return {str(value) for value in parsed(page).xpath('//form//input[@name="name"]/@value')}


def send(browser: Browser, action: str, values: dict[str, Any], **changed: Any) -> httpx.Response:
    return browser.send(
        "POST", action, data=values | changed, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    )


def do(browser: Browser, number: int, step: str, **told: Any) -> httpx.Response:
    """A step of a request, by its form on the request's page."""
    action = f"/requests/{number}"
    return send(browser, action, fields(browser.get(action), action, step), **told)


def ask(browser: Browser, address: str, **told: Any) -> httpx.Response:
    """Fill in the form at the address, and send it."""
    return send(browser, "/request", fields(browser.get(address), "/request"), **told)
