"""HEAD wherever there is GET."""

from __future__ import annotations

import asyncio
import http.client
import socket
from urllib.parse import urlsplit

import pytest
import structlog
from api_browser import Browser
from api_desk import ApiDesk, served
from api_people import signed_in
from starlette.types import Message, Receive, Scope, Send

from search_api.heads import HeadByGet

PATHS = ("/", "/search?q=红楼梦", "/libraries", "/static/style.css", "/api/libraries", "/api/search?q=红楼梦",
         "/metrics", "/api/openapi.json", "/record/3K7M2Q9V", "/nowhere")  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_headers_of_get_and_no_body(house: ApiDesk, path: str) -> None:
    browser = Browser(house.app)
    browser.get(path)  # what is counted is counted once before
    told, asked = browser.send("HEAD", path), browser.get(path)
    assert (told.status_code, told.content) == (asked.status_code, b"")
    changing = {"x-request-id", "date"} | ({"content-length"} if path == "/metrics" else set())
    assert {k: v for k, v in told.headers.items() if k not in changing} == {
        k: v for k, v in asked.headers.items() if k not in changing
    }
    assert "content-length" in told.headers and "content-security-policy" in told.headers


def test_guards_refuse_it_as_they_refuse_get(house: ApiDesk) -> None:
    anonymous, reader = Browser(house.app), signed_in(house.app, "wang")
    for path in ("/account", "/queue", "/api/account", "/api/audit", "/api/requests/1"):
        for browser in (anonymous, reader):
            assert browser.send("HEAD", path).status_code == browser.get(path).status_code, path
    assert reader.send("HEAD", "/account").status_code == 200
    assert anonymous.send("HEAD", "/api/account").status_code == 401


def test_where_there_is_no_get_there_is_no_head(house: ApiDesk) -> None:
    browser = Browser(house.app)
    told = browser.send("HEAD", "/api/citations/match")
    assert (told.status_code, told.headers["allow"], told.content) == (405, "POST", b"")
    assert browser.send("POST", "/search").headers["allow"] == "GET, HEAD"


def test_log_and_metrics_say_head_and_the_route(house: ApiDesk) -> None:
    browser = Browser(house.app)
    with structlog.testing.capture_logs() as lines:
        browser.send("HEAD", "/record/3K7M2Q9V")
    [line] = [each for each in lines if each["event"] == "request"]
    assert (line["method"], line["route"], line["status"]) == ("HEAD", "/record/{record_id}", 404)
    assert (
        'tongcang_http_request_seconds_count{method="HEAD",route="/record/{record_id}"' in browser.get("/metrics").text
    )


def test_a_connection_goes_on_after_it(house: ApiDesk) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with served(house.app, listener) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        for method in ("HEAD", "GET", "HEAD", "GET"):
            connection.request(method, "/api/libraries")
            answer = connection.getresponse()
            body = answer.read()
            told = int(answer.headers["Content-Length"])
            assert (answer.status, len(body)) == (200, 0 if method == "HEAD" else told) and told > 100
        connection.close()


def test_an_answer_in_pieces_is_ended_once() -> None:
    async def in_pieces(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["method"] == "GET"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more in (True, True, False):
            await send({"type": "http.response.body", "body": b"a", "more_body": more})

    sent: list[Message] = []

    async def keep(message: Message) -> None:
        sent.append(message)

    async def nothing() -> Message:
        return {"type": "http.request"}

    asyncio.run(HeadByGet(in_pieces)({"type": "http", "method": "HEAD"}, nothing, keep))
    assert [each.get("body") for each in sent] == [None, b""]
