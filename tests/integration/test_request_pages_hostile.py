"""Markup in records, citations, notes, reasons and policies stays text on every page of requests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from urllib.parse import quote, urlencode

import pytest
from api_browser import ORIGIN, Browser
from api_catalogue import HOSTILE, HOSTILE_UNIONS, PAYLOADS, SETTINGS, fill
from api_people import signed_in
from fastapi import FastAPI
from request_site import ask, do, fields, send
from test_api_hostile import check

from indexer.engine.embedded import EmbeddedEngine
from mappings.model import union_id
from mappings.requests import Citation
from routing.citations import clean
from search_api.app import create_app
from search_api.wish_form import CITED
from store.database import Database


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("hostile-requests")
    database = Database(f"sqlite:///{folder / 'state.db'}")
    database.migrate()
    engine = EmbeddedEngine(folder / "index")
    fill(database, engine, HOSTILE_UNIONS)
    assert SETTINGS.base_url == ORIGIN
    yield create_app(database, engine, settings=SETTINGS)
    engine.close()
    database.close()


_NUMBERS = count(1)


@pytest.fixture
def reader(app: FastAPI) -> Browser:
    """Somebody new: one reader alone may not have so many requests open."""
    number = next(_NUMBERS)
    return signed_in(app, f"reader-{number}", library="CLCN", name=PAYLOADS[2], card=f"card {number}")


@pytest.fixture(scope="module")
def home(app: FastAPI) -> Browser:
    return signed_in(app, "home", "requester", "supplier", library="CLCN")


@pytest.fixture(scope="module")
def supplier(app: FastAPI) -> Browser:
    return signed_in(app, "supplier", "requester", "supplier", "admin", library="RUC")


def number_of(location: str) -> int:
    return int(location.removeprefix("/requests/").partition("?")[0])


@pytest.mark.parametrize("place", range(len(PAYLOADS)))
def test_a_hostile_record_is_asked_for_and_refused(
    reader: Browser, home: Browser, supplier: Browser, place: int
) -> None:
    payload = PAYLOADS[place]
    form = f"/request?record={union_id(HOSTILE + place)}"
    check(reader, f"{form}&lang=en", payload)
    told = {"service": "copy", "pages": "1-2", "note": payload, "delivery": payload, "insist": payload}
    made = ask(reader, form, **told)
    assert made.status_code == 303, made.text
    number = number_of(made.headers["location"])
    for browser in (reader, home):
        check(browser, f"/requests/{number}?lang=zh", payload)
    check(supplier, "/queue?lang=zh", payload)
    assert do(supplier, number, "refuse", code="NotHeld", note=payload).status_code == 303
    for path in (f"/requests/{number}?lang=en", "/library/corrections?lang=en"):
        check(supplier, path, payload)
    check(home, "/library/requests?lang=en", payload)
    check(reader, "/requests?lang=en", payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_citation_is_searched_for_and_given_up(reader: Browser, home: Browser, payload: str) -> None:
    cited = {name: payload[:40] for name in CITED if name != "genre"} | {"title": payload, "genre": "book"}
    check(reader, f"/openurl?{urlencode({'rft.title': payload, 'rft.au': payload, 'rft.volume': payload})}", payload)
    check(reader, f"/request/match?{urlencode(cited)}", payload)
    check(reader, f"/request/new?{urlencode(cited)}", payload)
    check(reader, f"/request?{urlencode(cited)}", payload)
    made = ask(reader, f"/request?{urlencode(cited)}", insist=payload)
    assert made.status_code == 303, made.text
    number = number_of(made.headers["location"])
    kept = clean(Citation(title=payload)).title  # entities are read as what they stand for
    check(home, "/desk", kept)
    check(home, f"/requests/{number}", kept)
    assert do(home, number, "give_up", reason=payload).status_code == 303
    check(reader, f"/requests/{number}", payload)
    check(reader, "/requests?closed=1", kept)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_policy_is_shown_as_it_was_typed(supplier: Browser, payload: str) -> None:
    form = fields(supplier.get("/library/policy"), "/library/policy")
    wrong = form | {"address": payload, "capacity": payload[:10], "make_up_days": payload}
    assert send(supplier, "/library/policy", wrong).status_code == 422
    if not payload.isprintable():
        return
    closures = {"closure_first": ["2030-01-01"], "closure_last": ["2030-01-02"], "closure_reason": [payload]}
    assert send(supplier, "/library/policy", form | closures).status_code == 303
    check(supplier, "/library/policy", payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_wrong_parameters_are_told_and_not_repeated(reader: Browser, supplier: Browser, payload: str) -> None:
    said = quote(payload, safe="")
    for browser, path, status in (
        (reader, f"/request?record={said[:60]}", (404, 422)), (reader, f"/requests?closed={said}", (422,)),
        (supplier, f"/queue?library={said}", (200, 422)), (supplier, f"/library/requests?before={said}", (422,)),
        (reader, f"/requests/{said[:40]}", (404, 422)), (supplier, f"/library/requests?state={said}", (200, 422)),
    ):  # fmt: skip
        answer = browser.get(path)
        assert answer.status_code in status, (path, answer.status_code)
        if answer.status_code != 404 and len(payload) > 30:
            assert payload not in answer.text
