"""The application at its edges: errors in both languages, headers, an engine or a store that is down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from api_client import ApiClient

from indexer.engine.protocol import (
    BadCursor,
    Engine,
    EngineError,
    Health,
    Plan,
    Results,
    Suggestion,
    TooLong,
    Unavailable,
)
from search_api import answers, examples
from search_api.app import create_app
from search_api.openapi import KINDS
from search_api.security import HEADERS
from search_api.settings import ApiSettings, Sample
from store.database import Database

PATHS = [
    "/",
    "/search?q=红楼梦",
    "/libraries",
    "/holders?number=9787020002207",
    "/record/00000000",
    "/nowhere",
    "/search?size=x",
    "/robots.txt",
]
API_PATHS = ["/api/search", "/api/suggest?q=h", "/api/libraries", "/api/holders?isbn=9787020002207", "/api/records/X"]


class FakeEngine:
    """Answers with what it was given, or raises it; keeps the plans that it was asked."""

    def __init__(self) -> None:
        self.answer: Results | Exception = Results((), 0)
        self.plans: list[Plan] = []

    def search(self, plan: Plan) -> Results:
        self.plans.append(plan)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def suggest(self, prefix: str, size: int = 10) -> list[Suggestion]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return [Suggestion("红楼梦", "3K7M2Q9V", 7)][:size]

    def health(self) -> Health:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Health(True, "v1-test", 3)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


SETTINGS = ApiSettings(
    base_url="http://tongcang.test",
    notice_zh="样例数据",
    notice_en="Sample data",
    samples=(Sample("hlm", "拼音首字母", "initials"),),
    retry_after=7,
)


@pytest.fixture
def client(database: Database, engine: FakeEngine) -> ApiClient:
    return ApiClient(create_app(database, cast(Engine, engine), settings=SETTINGS))


def problem_of(response: Any) -> answers.ProblemAnswer:
    assert response.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(response.content, type=answers.ProblemAnswer)
    assert problem.status == response.status_code
    assert problem.detail and problem.detail_zh and problem.title_zh
    return problem


@pytest.mark.parametrize("path", [*PATHS, *API_PATHS, "/static/style.css", "/static/none.css", "/api/nowhere"])
def test_every_answer_carries_the_security_headers(client: ApiClient, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in headers["content-security-policy"]


def test_pages_have_no_inline_script_or_style(client: ApiClient) -> None:
    for path in PATHS[:-1]:
        page = client.get(path).text
        assert "<script>" not in page and " style=" not in page and "<style" not in page and " onclick" not in page
        assert page.count("<h1") == 1, path


@pytest.mark.parametrize(
    ("query", "parameter", "zh"),
    [
        ("size=0", "size", "不得小于 1。"),
        ("size=1000", "size", "不得大于 100。"),
        ("year_from=一九九〇", "year_from", "应为整数。"),
        ("sort=random", "sort", "之一"),
        ("facets=lib", "facets", "library, format"),
        ("q=" + "a" * 513, "q", "最多 512 个字符。"),
        ("&".join(["lib=RUC"] * 51), "lib", "最多 50 个值。"),
        ("year_form=1990", "year_form", "没有这个参数。"),
        ("available=perhaps", "available", "应为 1 或 0。"),
    ],
)
def test_a_wrong_parameter_is_told_in_both_languages(
    client: ApiClient, engine: FakeEngine, query: str, parameter: str, zh: str
) -> None:
    response = client.get(f"/api/search?{query}")
    assert response.status_code == 422
    (wrong,) = problem_of(response).parameters
    assert wrong.parameter == parameter
    assert zh in wrong.zh and wrong.en
    assert engine.plans == []


def test_pages_tell_of_a_wrong_parameter_in_words(client: ApiClient) -> None:
    page = client.get("/search?size=1000", headers={"Accept-Language": "zh"})
    assert page.status_code == 422
    assert "不得大于 100" in page.text
    assert "Not more than 100" in client.get("/search?size=1000&lang=en").text


def test_a_blank_form_is_a_search_for_everything(client: ApiClient, engine: FakeEngine) -> None:
    assert client.get("/search?q=&field=any&year_from=&year_to=").status_code == 200
    assert engine.plans[0].filters == ()


def test_holders_wants_something_to_look_for(client: ApiClient) -> None:
    assert "isbn" in problem_of(client.get("/api/holders")).detail
    assert client.get("/api/holders?author=曹雪芹").status_code == 422


@pytest.mark.parametrize("path", ["/api/search?q=红楼梦", "/api/suggest?q=红", "/api/holders?title=红楼梦"])
def test_an_engine_that_is_down_is_503_with_retry_after(client: ApiClient, engine: FakeEngine, path: str) -> None:
    engine.answer = EngineError("connection refused at /secret/place")
    response = client.get(path)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "7"
    problem = problem_of(response)
    assert "检索引擎" in problem.detail_zh and "7" in problem.detail
    assert "secret" not in response.text


@pytest.mark.parametrize(("told", "seconds"), [(30, "30"), (1, "1"), (0, "1")])
def test_an_engine_that_says_when_to_come_back_is_heard(
    client: ApiClient, engine: FakeEngine, told: int, seconds: str
) -> None:
    engine.answer = Unavailable("node-3 at /secret/place is away", told)
    for path in ("/api/search?q=红楼梦", "/api/suggest?q=红", "/api/holders?title=红楼梦", "/search?q=红楼梦"):
        response = client.get(path, headers={"Accept-Language": "zh"})
        assert (response.status_code, response.headers["retry-after"]) == (503, seconds)
        assert f"检索引擎暂时不可用，请在 {seconds} 秒后重试" in response.text
        assert "secret" not in response.text
    assert f"Try again in {seconds} seconds" in client.get("/search?q=x&lang=en").text


def test_the_page_of_an_engine_that_is_down_leads_on(client: ApiClient, engine: FakeEngine) -> None:
    engine.answer = Unavailable("away")
    page = client.get("/search?q=978-7-02-000220-7").text
    assert page.count('value="978-7-02-000220-7"') == 2, "in the search box and in the form for numbers"
    assert 'action="/holders"' in page
    assert client.get("/search?q=紅樓夢").text.count('value="紅樓夢"') == 1, "words are no number"
    assert 'action="/holders"' not in client.get("/record/00000000").text


def test_the_page_of_an_engine_that_is_down_says_so(client: ApiClient, engine: FakeEngine) -> None:
    engine.answer = EngineError("down")
    page = client.get("/search?q=红楼梦")
    assert page.status_code == 503
    assert page.headers["retry-after"] == "7"
    assert "检索引擎暂时不可用" in page.text


def test_holders_by_number_and_records_need_no_engine(client: ApiClient, engine: FakeEngine) -> None:
    engine.answer = EngineError("down")
    assert client.get("/api/holders?isbn=9787020002207").json() == {"candidates": []}
    assert client.get("/api/records/00000000").status_code == 404
    for path in ("/", "/libraries", "/holders", "/holders?number=9787020002207", "/api/libraries", "/robots.txt"):
        assert client.get(path).status_code == 200, path


def test_a_cursor_of_elsewhere_is_a_wrong_parameter(client: ApiClient, engine: FakeEngine) -> None:
    engine.answer = BadCursor("not mine")
    response = client.get("/api/search?after=zzz")
    assert response.status_code == 422
    assert problem_of(response).parameters[0].parameter == "after"


def test_a_query_too_long_for_the_engine_is_the_readers_to_shorten(client: ApiClient, engine: FakeEngine) -> None:
    engine.answer = TooLong("too many clauses")
    response = client.get("/api/search?q=" + "通" * 400)
    assert (response.status_code, "retry-after" in response.headers) == (422, False)
    assert problem_of(response).type == "urn:tongcang:problem:query-too-long"
    assert "请减少检索词" in client.get("/search?q=" + "通" * 400).text
    assert "tongcang_engine_failures_total{" not in client.get("/metrics").text


def test_an_unforeseen_error_is_500_without_its_text(client: ApiClient, engine: FakeEngine) -> None:
    engine.answer = RuntimeError("password=hunter2")
    response = client.get("/api/search")
    assert response.status_code == 500
    assert problem_of(response).type == "urn:tongcang:problem:internal"
    assert "hunter2" not in response.text
    assert response.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert "系统出错" in client.get("/search").text


def test_health(client: ApiClient, engine: FakeEngine) -> None:
    response = client.get("/api/health")
    assert (response.status_code, response.json()["engine"]["documents"]) == (200, 3)
    engine.answer = EngineError("no live generation")
    response = client.get("/api/health")
    assert response.status_code == 200
    assert response.json()["store"]["ok"] is True
    assert (response.json()["ok"], response.json()["state"]) == (False, "degraded")
    assert response.json()["engine"]["message"] == "no live generation"
    engine.answer = Unavailable("no connection to es-3.library.internal:9200")
    assert client.get("/api/health").json()["engine"]["message"].startswith("The search engine is away.")


@pytest.fixture
def unmigrated(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'none' / 'state.db'}")
    yield opened
    opened.close()


def test_a_store_that_is_down(unmigrated: Database, engine: FakeEngine) -> None:
    client = ApiClient(create_app(unmigrated, cast(Engine, engine), settings=SETTINGS))
    health = client.get("/api/health")
    assert (health.status_code, health.json()["store"]["ok"], health.json()["state"]) == (503, False, "down")
    assert health.headers["retry-after"] == "7" and "state.db" not in health.text
    response = client.get("/api/libraries")
    assert response.status_code == 503
    assert "数据库" in problem_of(response).detail_zh
    assert "state.db" not in response.text
    page = client.get("/record/00000000")
    assert page.status_code == 503 and "数据库暂时不可用" in page.text


@pytest.mark.parametrize("path", ["/nowhere", "/record/00000000", "/static/none.js"])
def test_unknown_pages_are_404_pages(client: ApiClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")


def test_other_methods_are_refused(client: ApiClient) -> None:
    refused = client.request("POST", "/api/search")
    assert (problem_of(refused).status, refused.headers["allow"]) == (405, "GET, HEAD")
    assert client.request("POST", "/search").status_code == 405


def test_the_language_is_remembered(client: ApiClient) -> None:
    first = client.get("/libraries?lang=en", headers={"Accept-Language": "zh-CN"})
    assert first.headers["content-language"] == "en"
    assert "HttpOnly" in first.headers["set-cookie"] and "SameSite=lax" in first.headers["set-cookie"]
    again = client.get("/libraries", headers={"Accept-Language": "zh-CN", "Cookie": "lang=en"})
    assert '<html lang="en">' in again.text
    assert "set-cookie" not in again.headers
    assert '<html lang="zh-Hans">' in client.get("/libraries").text


def test_the_other_language_is_one_link_away_on_the_same_page(client: ApiClient) -> None:
    page = client.get("/search?q=红楼梦&lib=RUC").text
    assert 'href="/search?q=%E7%BA%A2%E6%A5%BC%E6%A2%A6&amp;lib=RUC&amp;lang=en"' in page


def test_notice_and_samples_are_those_of_the_settings(client: ApiClient) -> None:
    assert "样例数据" in client.get("/").text
    english = client.get("/?lang=en").text
    assert "Sample data" in english and "initials" in english and 'href="/search?q=hlm"' in english


def test_searches_are_kept_from_crawlers(client: ApiClient) -> None:
    assert '<meta name="robots" content="noindex, nofollow">' in client.get("/search?lib=RUC").text
    assert "Disallow: /search" in client.get("/robots.txt").text


CATALOGUE_PATHS = {
    "/api/search",
    "/api/suggest",
    "/api/records/{id}",
    "/api/holders",
    "/api/libraries",
    "/api/health",
}
REQUEST_PATHS = {
    "/api/requests",
    "/api/requests/{number}",
    "/api/requests/{number}/events",
    "/api/queue",
    "/api/desk",
}
HOUSE_PATHS = {
    "/api/libraries/{symbol}/policy",
    "/api/corrections",
    "/api/corrections/{id}/close",
    "/api/statistics",
    "/api/statistics/predictions",
    "/api/ledger/statements",
    "/api/ledger/periods/{month}/close",
    "/api/webhooks",
    "/api/webhooks/{id}",
    "/api/webhooks/{id}/test",
    "/api/audit",
    "/api/outbox",
    "/api/outbox/{id}/revive",
    "/api/routing/settings",
    "/api/iso18626",
}
OPEN_REQUEST_PATHS = {"/api/citations/match", "/api/openurl"}
ACCOUNT_PATHS = {
    "/api/account", "/api/account/export", "/api/accounts", "/api/accounts/{id}", "/api/readers", "/api/keys",
    "/api/keys/{id}",
}  # fmt: skip


def test_openapi_documents_every_route_with_an_example_that_fits(client: ApiClient) -> None:
    document = client.get("/api/openapi.json").json()
    assert set(document["paths"]) >= CATALOGUE_PATHS | ACCOUNT_PATHS | REQUEST_PATHS | OPEN_REQUEST_PATHS | HOUSE_PATHS
    kinds = {kind.__name__: kind for kind in KINDS}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            said = f"{method} {path}"
            assert ("security" in operation) == (path not in CATALOGUE_PATHS | OPEN_REQUEST_PATHS), said
            status = next(status for status in operation["responses"] if status.startswith("2"))
            for parameter in operation.get("parameters", ()):
                assert parameter.get("description"), (said, parameter["name"])
            if status == "204" or path == "/api/iso18626":
                continue
            content = operation["responses"][status]["content"]["application/json"]
            assert set(content["schema"]) == {"$ref"}, said
            kind = kinds[content["schema"]["$ref"].rpartition("/")[2]]
            assert msgspec.convert(content["example"], kind), said


def test_openapi_has_no_dangling_reference(client: ApiClient) -> None:
    text = client.get("/api/openapi.json").text
    document = msgspec.json.decode(text)
    known = set(document["components"]["schemas"])
    wanted = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert wanted <= known


def test_examples_are_what_the_api_would_say() -> None:
    assert examples.RECORD.citation.startswith("曹雪芹. 红楼梦[M].")
