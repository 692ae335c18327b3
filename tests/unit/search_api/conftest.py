"""The pages of the small consortium (request_desk.py), and a reader of the Capital Library in front of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_browser import Browser
from api_desk import ApiDesk
from api_people import signed_in
from fastapi import FastAPI
from request_desk import Desk
from request_site import site

from store.database import Database


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return site(desk)


@pytest.fixture
def reader(app: FastAPI) -> Browser:
    return signed_in(app, "wang", library="CLCN", name="王芳", card="0012")


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[ApiDesk]:
    opened = ApiDesk(database, tmp_path)
    yield opened
    opened.close()
