"""Every request has an id, and one line in the log that tells nothing of the reader."""

from __future__ import annotations

from typing import Any, cast

import pytest
import structlog
from api_client import ApiClient

from indexer.engine.protocol import Engine, EngineError, Health, Plan, Results
from search_api.app import create_app
from search_api.settings import ApiSettings
from search_api.tracing import network_of
from store.database import Database


class Engine_:  # noqa: N801 — the port has the name
    """Finds nothing, or fails as it is told."""

    error: Exception | None = None

    def search(self, plan: Plan) -> Results:
        if self.error is not None:
            raise self.error
        structlog.get_logger("search_api").info("searched")
        return Results((), 0)

    def health(self) -> Health:
        return Health(True, "v1", 0)


@pytest.fixture
def engine() -> Engine_:
    return Engine_()


@pytest.fixture
def client(database: Database, engine: Engine_) -> ApiClient:
    return ApiClient(create_app(database, cast(Engine, engine), settings=ApiSettings()))


@pytest.fixture
def lines(client: ApiClient) -> Any:
    """What is logged, as dictionaries. The order of the fixtures matters: loggers are caught before they are used."""
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as caught:
        yield caught


def requests(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/api/search?q=红楼梦", "/api/search", 200),
        ("/api/records/3K7M2Q9V", "/api/records/{id}", 404),
        ("/record/3K7M2Q9V", "/record/{record_id}", 404),
        ("/static/style.css", "/static", 200),
        ("/static/none.css", "/static", 404),
        ("/nowhere/红楼梦", "unmatched", 404),
        ("/api/search?size=0", "/api/search", 422),
    ],
)
def test_a_request_is_logged_by_its_template(
    client: ApiClient, lines: list[dict[str, Any]], path: str, route: str, status: int
) -> None:
    response = client.get(path)
    [line] = requests(lines)
    assert (line["method"], line["route"], line["status"]) == ("GET", route, status)
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["ms"] > 0
    assert "红楼梦" not in str(lines) and "3K7M2Q9V" not in str(lines)


def test_no_line_tells_who_it_was(database: Database, engine: Engine_, lines: list[dict[str, Any]]) -> None:
    client = ApiClient(create_app(database, cast(Engine, engine), settings=ApiSettings()), address="203.0.113.77")
    client.get("/api/search?q=高血压", headers={"User-Agent": "张三的浏览器".encode(), "Cookie": "lang=zh"})
    [line] = requests(lines)
    assert line["network"] == "203.0.113.0/24"
    for reader in ("203.0.113.77", "高血压", "张三", "cookie"):
        assert reader not in str(lines).lower()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:da8:201:1512::5", "2001:da8:201::/48"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_of_an_address_the_network_is_left(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_id_of_a_proxy_is_kept_and_everything_else_is_not(client: ApiClient) -> None:
    def id_of(told: str | bytes) -> str:
        return str(client.get("/api/libraries", headers={"X-Request-ID": told}).headers["x-request-id"])

    assert id_of("balis-7f3.A_9") == "balis-7f3.A_9"
    for forged in ('x","level":"error', "a b", "甲".encode(), "a" * 65, "", "id\x7f"):
        made = id_of(forged)
        assert made != forged and len(made) == 32
    assert id_of("") != id_of("")


def test_what_is_logged_for_a_request_bears_its_id(client: ApiClient, lines: list[dict[str, Any]]) -> None:
    client.get("/api/search", headers={"X-Request-ID": "eins"})
    client.get("/api/search", headers={"X-Request-ID": "zwei"})
    searched = [line["request_id"] for line in lines if line["event"] == "searched"]
    assert searched == ["eins", "zwei"]


@pytest.mark.parametrize("error", [EngineError("down"), RuntimeError("a fault of ours")], ids=["503", "500"])
def test_a_problem_names_the_request(
    client: ApiClient, engine: Engine_, lines: list[dict[str, Any]], error: Exception
) -> None:
    engine.error = error
    response = client.get("/api/search", headers={"X-Request-ID": "drei"})
    assert response.headers["x-request-id"] == "drei"
    assert response.json()["instance"] == "urn:tongcang:request:drei"
    [line] = requests(lines)
    assert line["status"] == response.status_code
    [told] = [line for line in lines if line["log_level"] in ("warning", "error")]
    assert told["request_id"] == "drei"


def test_a_method_that_nobody_knows_makes_no_label(client: ApiClient, lines: list[dict[str, Any]]) -> None:
    client.request("FROBNICATE", "/api/search")
    [line] = requests(lines)
    assert (line["method"], line["status"]) == ("other", 405)
