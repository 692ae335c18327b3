"""A browser without a screen: it keeps cookies, says where a form stood, and sends back what a form had in it."""

from __future__ import annotations

import re
from typing import Any

import httpx
from api_client import ApiClient
from fastapi import FastAPI

ORIGIN = "http://tongcang.test"

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


class Browser:
    def __init__(self, app: FastAPI, address: str = "127.0.0.1") -> None:
        self.client = ApiClient(app, address)
        self.cookies: dict[str, str] = {}

    def get(self, url: str, **headers: str) -> httpx.Response:
        return self.send("GET", url, headers=headers)

    def csrf(self, page: str = "/account") -> str:
        """What a form on that page shows; "" = there is none."""
        found = _CSRF.search(self.get(page).text)
        return found[1] if found else ""

    def post(self, url: str, page: str = "/account", **fields: str) -> httpx.Response:
        """Send a form as it stands on the page."""
        token = self.csrf(page)
        data = ({"csrf": token} if token else {}) | fields
        return self.send("POST", url, data=data, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})

    def send(self, method: str, url: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self.client.request(
            method, url, headers={"Accept-Language": "zh", **({"Cookie": cookie} if cookie else {}), **(headers or {})},
            **options,
        )  # fmt: skip
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return response

    def sign_in(self, login: str, password: str, **fields: str) -> httpx.Response:
        return self.post("/sign-in", "/sign-in", login=login, password=password, **fields)
