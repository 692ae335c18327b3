"""Markup in records, in library names and in what is asked stays text on every page."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from api_catalogue import HOSTILE, HOSTILE_UNIONS, PAYLOADS, SETTINGS, fill
from api_client import ApiClient
from lxml import html

from indexer.engine.embedded import EmbeddedEngine
from mappings.model import Library, union_id
from search_api.app import create_app
from search_api.security import CONTENT_SECURITY_POLICY
from store.database import Database
from store.libraries import put_library

ALLOWED_SCRIPT = "/static/suggest.js"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    folder = tmp_path_factory.mktemp("hostile")
    database = Database(f"sqlite:///{folder / 'state.db'}")
    database.migrate()
    engine = EmbeddedEngine(folder / "index")
    fill(database, engine, HOSTILE_UNIONS)
    with database.write() as unit:
        for place, payload in enumerate(PAYLOADS):
            put_library(unit, Library(f"X{place}", f"馆{payload}", f"Library {payload}", payload[:16]))
    yield ApiClient(create_app(database, engine, settings=SETTINGS))
    engine.close()
    database.close()


def check(client: ApiClient, path: str, payload: str, status: int = 200) -> None:
    """The page has the payload as text and nothing of it as markup."""
    response = client.get(path)
    assert response.status_code == status, path
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    page = html.fromstring(response.content.decode())
    for element in page.iter():
        if not isinstance(element.tag, str):
            pytest.fail(f"{path}: a comment or an instruction got in")
        assert element.tag not in ("iframe", "object", "embed", "base", "style", "svg"), path
        if element.tag == "script":
            assert element.get("src") == ALLOWED_SCRIPT and not element.text, path
        if element.tag == "img":
            assert element.get("src") == "/static/mark.svg", path
        for name, value in element.attrib.items():
            assert not name.startswith("on") and name != "style", path
            if name in ("href", "src", "action"):
                assert value.startswith(("/", "#", "http://", "https://")), (path, value)
    # White space is folded by the templates, never the characters of the payload.
    texts = " ".join(page.text_content().split())
    values = [value for element in page.iter() for value in element.attrib.values()]
    assert " ".join(payload.split()) in texts or any(payload in value for value in values), path


@pytest.mark.parametrize("place", range(len(PAYLOADS)))
def test_record_page(client: ApiClient, place: int) -> None:
    for language in ("zh", "en"):
        check(client, f"/record/{union_id(HOSTILE + place)}?lang={language}", PAYLOADS[place])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_pages_with_names_of_libraries(client: ApiClient, payload: str) -> None:
    check(client, "/", payload)
    check(client, "/libraries?lang=en", payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_results(client: ApiClient, payload: str) -> None:
    check(client, "/search?q=hostile&size=100", payload)
    check(client, f"/search?q={quote(payload)}", payload)
    check(client, f"/holders?number={quote(payload)}", payload)
    check(client, f"/search?lib={quote(payload)}&subject={quote(payload)}&class={quote(payload)}", payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_error_pages(client: ApiClient, payload: str) -> None:
    check(client, f"/record/{quote(payload[:20], safe='')}", payload[:20], 404)
    response = client.get(f"/search?sort={quote(payload)}")
    assert response.status_code == 422
    assert payload not in response.text


def test_the_api_answers_json_whatever_the_data(client: ApiClient) -> None:
    response = client.get("/api/search?q=hostile")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json()["total"] == len(PAYLOADS)
