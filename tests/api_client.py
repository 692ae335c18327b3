"""A blocking client that talks to an application in the same process, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI


class ApiClient:
    """`get` like httpx's, over ASGI; an unforeseen error of the application becomes its 500 answer."""

    def __init__(self, app: FastAPI, address: str = "127.0.0.1") -> None:
        """`address`: where the client seems to be."""
        self.app = app
        self.address = address

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(self.address, 54321))
            async with httpx.AsyncClient(transport=transport, base_url="http://tongcang.test") as client:
                return await client.request(method, url, **options)

        return asyncio.run(ask())

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)
