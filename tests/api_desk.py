"""The whole application over the small consortium of request_desk.py: real store, real engine, a clock that is set."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from api_browser import ORIGIN
from api_client import ApiClient
from fastapi import FastAPI
from request_desk import Desk

from indexer.build import index_changes
from indexer.engine.embedded import EmbeddedEngine
from search_api.access.tokens import new_key, token_hash
from search_api.app import create_app
from search_api.policy import SCOPES
from search_api.settings import ApiSettings
from store.accounts import NewAccount, add_account
from store.api_keys import NewKey, add_key
from store.audit import Entry, entries
from store.database import Database


class ApiDesk:
    """`desk` makes requests, `app` answers; both have the desk's clock."""

    def __init__(self, database: Database, folder: Path, base_url: str = ORIGIN) -> None:
        self.database = database
        self.desk = Desk(database)
        self.engine = EmbeddedEngine(folder / "index")
        index_changes(database, self.engine)
        settings = ApiSettings(base_url=base_url, self_registration=True)
        self.app: FastAPI = create_app(database, self.engine, settings=settings, clock=lambda: self.desk.now)
        self.client = ApiClient(self.app)
        with database.write() as unit:
            new = NewAccount("keeper", ("system",), "", "")
            self.keeper = add_account(unit, new, self.desk.now).id

    def key(self, library: str, *roles: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """An API key of the library, for all that its roles may do."""
        shown, prefix = new_key()
        expires = self.desk.now + timedelta(days=365)
        with self.database.write() as unit:
            new = NewKey(prefix, token_hash(shown), self.keeper, library, roles, scopes, "门户", expires)
            add_key(unit, new, self.desk.now)
        return shown

    def call(self, key: str, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} | options.pop("headers", {})
        return self.client.request(method, path, headers=headers, **options)

    def audited(self) -> list[Entry]:
        """Oldest first."""
        with self.database.read() as unit:
            return entries(unit, limit=10_000)[::-1]

    def close(self) -> None:
        self.engine.close()


@contextmanager
def served(app: FastAPI, listener: socket.socket) -> Iterator[str]:
    """The application on a real port; its address."""
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(30)
    listener.close()
