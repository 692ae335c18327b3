"""A real server over a small real catalogue, and Chromium in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import uvicorn
from api_catalogue import HOSTILE_UNIONS, SETTINGS, UNIONS, fill
from api_people import add_person
from fastapi import FastAPI
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from indexer.engine.embedded import EmbeddedEngine
from search_api.app import create_app
from store.database import Database

OFFICER = "officer"

_NUMBERS = count(1)

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Served(NamedTuple):
    url: str
    app: FastAPI


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The running site."""
    folder = tmp_path_factory.mktemp("site")
    database = Database(f"sqlite:///{folder / 'state.db'}")
    database.migrate()
    engine = EmbeddedEngine(folder / "index")
    fill(database, engine, [*UNIONS, *HOSTILE_UNIONS])
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = msgspec.structs.replace(SETTINGS, base_url=url, self_registration=True)
    app = create_app(database, engine, settings=settings)
    add_person(app, OFFICER, "requester", "supplier", library="CLCN", name="李雷")
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield Served(url, app)
    server.should_exit = True
    thread.join(30)
    listener.close()
    engine.close()
    database.close()


@pytest.fixture(scope="session")
def site(served: Served) -> str:
    """The address of the running site."""
    return served.url


@pytest.fixture
def person(served: Served) -> Callable[..., str]:
    """Makes somebody new, with those roles; gives the login. So nobody's requests are in another test's way."""

    def made(*roles: str, library: str = "CLCN", name: str = "王芳") -> str:
        login = f"person-{next(_NUMBERS)}"
        add_person(served.app, login, *roles, library=library, name=name)
        return login

    return made


@pytest.fixture
def officer(site: str) -> str:
    """Login of an officer of the Capital Library."""
    return OFFICER


def _driver(profile: Path, *, javascript: bool) -> webdriver.Chrome:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        reason = "Chromium and its driver are not installed (Debian: apt install chromium chromium-driver)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    preferences: dict[str, object] = {"intl.accept_languages": "zh-CN,zh"}
    if not javascript:
        preferences["profile.managed_default_content_settings.javascript"] = 2
    options.add_experimental_option("prefs", preferences)
    return webdriver.Chrome(options=options, service=Service(driver))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    made = _driver(tmp_path_factory.mktemp("profile"), javascript=True)
    yield made
    made.quit()


@pytest.fixture(scope="session")
def chromium_without_javascript(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    made = _driver(tmp_path_factory.mktemp("plain-profile"), javascript=False)
    yield made
    made.quit()
