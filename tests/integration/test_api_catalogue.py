"""The API and the pages over a real store and a real embedded engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from api_catalogue import (
    DELETED,
    HONGLOUMENG,
    HONGXUE,
    MERGED,
    SETTINGS,
    SHISHUO,
    STONE,
    TEXTBOOKS,
    TRADITIONAL,
    WHOLE_SET,
    XUEKAN,
    fill,
)
from api_client import ApiClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from indexer.engine.embedded import EmbeddedEngine
from mappings.model import union_id
from search_api import answers
from search_api.app import create_app
from store.database import Database


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    folder = tmp_path_factory.mktemp("catalogue")
    database = Database(f"sqlite:///{folder / 'state.db'}")
    database.migrate()
    engine = EmbeddedEngine(folder / "index")
    fill(database, engine)
    yield ApiClient(create_app(database, engine, settings=SETTINGS))
    engine.close()
    database.close()


def search(client: ApiClient, query: str) -> answers.SearchAnswer:
    response = client.get(f"/api/search?{query}")
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=answers.SearchAnswer)


def ids(answer: answers.SearchAnswer) -> set[str]:
    return {hit.id for hit in answer.hits}


def of(*keys: int) -> set[str]:
    return {union_id(key) for key in keys}


def on_page(client: ApiClient, query: str) -> set[str]:
    page = client.get(f"/search?{query}")
    assert page.status_code == 200
    return set(re.findall(r'<h3><a href="/record/(\w{8})"', page.text))


@pytest.mark.parametrize(
    "text", ["红楼梦", "紅樓夢", "hong lou meng", "hlm", "ＨＯＮＧ　ＬＯＵ　ＭＥＮＧ", "红楼", "HONG LOU MENG"]
)
def test_every_script_finds_the_novel_in_api_and_page(client: ApiClient, text: str) -> None:
    found = search(client, f"q={quote(text)}&size=50")
    assert of(HONGLOUMENG) <= ids(found)
    if text != "hlm":
        assert of(HONGLOUMENG, HONGXUE, TRADITIONAL, XUEKAN) <= ids(found)
    assert union_id(SHISHUO) not in ids(found)
    assert on_page(client, f"q={quote(text)}&size=50") == ids(found)


def test_one_character_finds_what_has_it(client: ApiClient) -> None:
    assert of(SHISHUO) == ids(search(client, f"q={quote('语')}&field=title"))


def test_a_phrase_finds_only_the_phrase(client: ApiClient) -> None:
    assert ids(search(client, f"q={quote('大辞典 红楼梦')}&field=title")) == of(HONGXUE)
    phrase = quote('"红楼梦大辞典"')
    assert ids(search(client, f"q={phrase}&field=title")) == of(HONGXUE)
    turned = search(client, f"q={quote(chr(34) + '大辞典红楼梦' + chr(34))}&field=title")
    assert turned.total == 0 or turned.relaxed


def test_the_also_searched_forms_are_told(client: ApiClient) -> None:
    assert search(client, f"q={quote('紅樓夢')}").also_searched
    assert search(client, "").also_searched == ()


def test_hits_have_holders_highlights_and_names(client: ApiClient) -> None:
    answer = search(client, f"q={quote('紅樓夢')}&field=title")
    (hit,) = (hit for hit in answer.hits if hit.id == union_id(HONGLOUMENG))
    assert {holder.library for holder in hit.holders} == {"BNU", "CLCN", "RUC", "THU"}
    assert {holder.library: holder.available for holder in hit.holders}["THU"] is False
    assert {holder.name_zh for holder in hit.holders} >= {"首都图书馆"}
    assert [part.text for part in hit.highlights["title"] if part.marked] == ["红楼梦"]


def test_facets_count_union_records_with_names(client: ApiClient) -> None:
    facets = search(client, f"q={quote('红楼梦')}&field=title").facets
    assert set(facets) == {"library", "format", "language", "year", "subject", "class"}
    by_library = {each.value: each for each in facets["library"]}
    assert by_library["CLCN"].label_zh == "首都图书馆" and by_library["CLCN"].count == 2
    assert {each.value: each.count for each in facets["format"]}["serial"] == 1


def test_filters_narrow_and_their_own_facet_still_tells_the_others(client: ApiClient) -> None:
    answer = search(client, f"q={quote('红楼梦')}&field=title&lib=CLCN")
    assert ids(answer) == of(HONGLOUMENG, HONGXUE)
    assert {each.value for each in answer.facets["library"]} == {"BNU", "CLCN", "RUC", "THU"}
    assert ids(search(client, f"q={quote('红楼梦')}&field=title&lib=CLCN&lib=BNU&format=serial")) == of(XUEKAN)
    assert ids(search(client, f"q={quote('红楼梦')}&field=title&year_to=1953")) == of(TRADITIONAL)
    assert ids(search(client, f"subject={quote('红学')}&lib=CLCN&year_from=2000")) == of(HONGLOUMENG)
    assert ids(search(client, "lib=RUC&available=1")) == of(HONGLOUMENG, STONE)
    assert union_id(SHISHUO) not in ids(search(client, "available=1&size=100"))
    assert search(client, "lib=NOWHERE").total == 0


@pytest.mark.parametrize("text", ["数据结构", "结构数据"], ids=["as asked", "by its words"])
def test_pages_follow_each_other_without_gap_or_overlap(client: ApiClient, text: str) -> None:
    for sort in ("relevance", "year_desc", "year_asc", "title", "holders_desc"):
        url, seen, total = f"q={quote(text)}&size=7&facets=none&sort={sort}", [], 0
        while True:
            answer = search(client, url)
            assert answer.relaxed == (text == "结构数据")
            seen += [hit.id for hit in answer.hits]
            total = answer.total
            if answer.next is None:
                break
            url = answer.next.url.partition("?")[2]
        assert len(seen) == len(set(seen)) == total == len(TEXTBOOKS), sort
    assert [hit.year for hit in search(client, f"q={quote('数据结构')}&sort=year_desc&size=3").hits] == [
        2015,
        2014,
        2013,
    ]


def test_a_cursor_of_another_order_is_refused(client: ApiClient) -> None:
    answer = search(client, "size=2&sort=title")
    assert answer.next is not None
    response = client.get(f"/api/search?size=2&sort=year_desc&after={quote(answer.next.after)}")
    assert response.status_code == 422
    assert client.get("/api/search?after=nonsense").status_code == 422


def test_suggestions(client: ApiClient) -> None:
    for prefix in ("红楼", "紅樓", "hlm"):
        found = client.get(f"/api/suggest?q={quote(prefix)}&size=2").json()["suggestions"]
        assert found[0]["title"].startswith("红楼梦") and found[0]["id"] == union_id(HONGLOUMENG), prefix
        assert len(found) <= 2
    assert client.get("/api/suggest?q=").json() == {"suggestions": []}


def test_a_record_in_full(client: ApiClient) -> None:
    response = client.get(f"/api/records/{union_id(HONGLOUMENG).lower()}")
    record = msgspec.json.decode(response.content, type=answers.RecordAnswer)
    assert record.description.title == "红楼梦"
    assert [holder.library for holder in record.holders] == ["BNU", "CLCN", "RUC", "THU"]
    assert len(record.sources) == 4
    assert record.citation == "曹雪芹. 红楼梦[M]. 3版. 北京: 人民文学出版社, 2008: 1606."


def test_the_record_page_says_what_the_api_says(client: ApiClient) -> None:
    page = client.get(f"/record/{union_id(HONGLOUMENG)}").text
    for text in (
        "红楼梦",
        "紅樓夢",
        "首都图书馆",
        "法学分馆",
        "I242.4/9",
        "暂不可提供",
        "2 册",
        "CAL 012003123456",
        "石头记",
        "Cao, Xueqin",
    ):
        assert text in page, text
    assert 'rel="noopener noreferrer external" href="https://example.org/hlm"' in page
    assert "javascript:" not in page
    assert 'lang="zh"' in page


def test_coverage_and_copies_stand_apart(client: ApiClient) -> None:
    page = html.fromstring(client.get(f"/record/{union_id(XUEKAN)}").content.decode())
    (cell,) = page.xpath("//td[@data-label='卷期与册数']")
    assert cell.text_content().split() == ["1979-", "总1期-", "3", "册"]


def test_merged_records_lead_on_and_deleted_ones_leave_a_tombstone(client: ApiClient) -> None:
    for path in ("/api/records/", "/record/"):
        moved = client.get(path + union_id(MERGED))
        assert (moved.status_code, moved.headers["location"]) == (308, path + union_id(HONGLOUMENG))
        gone = client.get(path + union_id(DELETED))
        assert gone.status_code == 410 and union_id(DELETED) in gone.text
        assert client.get(path + "00000000").status_code == 404
        assert client.get(path + "not-an-id").status_code == 404


def candidates(client: ApiClient, query: str) -> list[dict[str, Any]]:
    response = client.get(f"/api/holders?{query}")
    assert response.status_code == 200, response.text
    found = msgspec.json.decode(response.content, type=answers.HoldersAnswer)
    assert [each.confidence for each in found.candidates] == sorted(
        (each.confidence for each in found.candidates), reverse=True
    )
    listed: list[dict[str, Any]] = response.json()["candidates"]
    return listed


def test_holders_by_isbn_in_any_form_best_first(client: ApiClient) -> None:
    for isbn in ("9787020002207", "7-02-000220-X", "978-7-02-000220-7", "702000220x"):
        first, second = candidates(client, f"isbn={isbn}")
        assert (first["id"], first["confidence"]) == (union_id(HONGLOUMENG), 1.0)
        assert (second["id"], second["basis"]) == (union_id(WHOLE_SET), ["identifier_cancelled"])
        assert [holder["library"] for holder in first["holders"]] == ["BNU", "CLCN", "RUC", "THU"]
        assert first["holders"][0]["holdings"][0]["call_number"] == "I242.4/1"


def test_holders_by_other_identifiers(client: ApiClient) -> None:
    (serial,) = candidates(client, "issn=10017917")
    assert serial["holders"][0]["holdings"][0]["coverage"] == "1979- 总1期-"
    assert [each["id"] for each in candidates(client, "number=11-1676")] == [union_id(XUEKAN)]
    assert [each["id"] for each in candidates(client, "number=calis:CAL012003123456")] == [union_id(HONGLOUMENG)]
    for record_id in (union_id(HONGLOUMENG), union_id(MERGED), union_id(HONGLOUMENG).lower()):
        (own,) = candidates(client, f"id={record_id}")
        assert (own["id"], own["confidence"]) == (union_id(HONGLOUMENG), 1.0)
    assert candidates(client, f"id={union_id(DELETED)}") == []
    assert candidates(client, "isbn=9787302000006") == []


@pytest.mark.parametrize("number", ["7-02-000220-X", "9787020002207", union_id(HONGLOUMENG), union_id(MERGED).lower()])
def test_the_page_of_holders_by_number(client: ApiClient, number: str) -> None:
    page = client.get(f"/holders?number={number}").text
    assert f'<a href="/record/{union_id(HONGLOUMENG)}">红楼梦</a>' in page
    assert "馆藏 4 家" in page and "首都图书馆" in page and "2008" in page
    assert f'value="{number}"' in page


def test_the_page_of_holders_by_number_of_a_number_that_nobody_knows(client: ApiClient) -> None:
    assert "没有这个号码的记录" in client.get("/holders?number=统一书号10019·9999").text
    assert "No record has this number" in client.get("/holders?number=9787020049295&lang=en").text
    assert "没有这个号码的记录" not in client.get("/holders").text
    assert client.get("/holders?number=" + "9" * 201).status_code == 422


def test_holders_by_title_author_and_year(client: ApiClient) -> None:
    first, *others = candidates(client, f"title={quote('紅樓夢')}&author={quote('曹雪芹')}&year=2008")
    assert (first["id"], first["confidence"]) == (union_id(HONGLOUMENG), 0.95)
    assert all(each["confidence"] < 0.6 for each in others)
    (stone,) = candidates(client, "title=The+Story+of+the+Stone&author=Xueqin+Cao")
    assert stone["basis"] == ["title_equal", "author_equal"]
    assert candidates(client, f"title={quote('没有这本书的题名')}") == []
    # A number that nobody has gives way to the title.
    assert candidates(client, f"isbn=9787302000006&title={quote('世说新语')}")[0]["id"] == union_id(SHISHUO)


def test_libraries_and_health(client: ApiClient) -> None:
    assert len(client.get("/api/libraries").json()["libraries"]) == 5
    health = client.get("/api/health")
    assert health.status_code == 200 and health.json()["engine"]["documents"] == 33


def test_a_page_of_results(client: ApiClient) -> None:
    page = client.get(f"/search?q={quote('红楼梦')}&lib=CLCN").text
    assert "<mark>红楼梦</mark>" in page
    assert 'name="lib" value="CLCN" checked' in page
    assert page.count('class="Z3988"') == page.count('<article class="hit">')
    assert "rft.btitle=%E7%BA%A2%E6%A5%BC%E6%A2%A6" in page
    assert page.index('class="filters"') < page.index('class="hits"')
    assert "没有找到记录" in client.get("/search?q=qqxxzz").text


anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(anything, st.text('红楼梦"()*:~^+-!{}[]\\/&|? ', max_size=12)),
    name=st.sampled_from(["q", "lib", "subject", "class", "after", "year_from", "size", "facets", "available"]),
    path=st.sampled_from(["/api/search", "/search"]),
)
def test_no_input_breaks_a_search(client: ApiClient, text: str, name: str, path: str) -> None:
    assert client.get(path, params={name: text}).status_code in (200, 422)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=anything, name=st.sampled_from(["isbn", "issn", "number", "id", "title"]))
def test_no_input_breaks_a_look_up(client: ApiClient, text: str, name: str) -> None:
    assert client.get("/api/holders", params={name: text}).status_code in (200, 422)
    assert client.get("/api/suggest", params={"q": text}).status_code in (200, 422)
