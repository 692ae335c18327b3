"""Every order, page by page: nothing twice, nothing skipped, ties by key."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from random import Random

import msgspec
import pytest
from engine_documents import Oracle, build, document, some_documents, walk

from indexer.engine import cursors
from indexer.engine.cursors import Cursor
from indexer.engine.protocol import (
    SORTS,
    All,
    BadCursor,
    Boost,
    Delete,
    Engine,
    Hit,
    Phrase,
    Plan,
    Put,
    Query,
    Range,
    Should,
    Term,
)
from mappings.model import union_id

OpenEngine = Callable[[], Engine]

DOCUMENTS = some_documents(700, seed=5)
ORACLE = Oracle(DOCUMENTS)
QUERIES: tuple[Query, ...] = (All(), Term("title", "红楼"), Term("uni", "红"), Phrase("title", ("红楼", "楼梦")))


@pytest.fixture(scope="module")
def catalogue(shared_engine: Engine) -> Engine:
    """In several segments, as updates leave it."""
    shared_engine.create("g1")
    for start in range(0, len(DOCUMENTS), 130):
        shared_engine.bulk([Put(one) for one in DOCUMENTS[start : start + 130]], "g1")
        shared_engine.refresh("g1")
    shared_engine.swap("g1")
    return shared_engine


def _ids(hits: list[Hit]) -> list[str]:
    return [hit.id for hit in hits]


@pytest.mark.parametrize("size", [1, 9, 100])
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
@pytest.mark.parametrize("sort", SORTS)
def test_the_pages_together_are_the_whole_list(catalogue: Engine, sort: str, query: Query, size: int) -> None:
    if size == 1 and isinstance(query, All):
        query = Term("title", "教程")
    plan = Plan(query, (Range("year", 0, 2020),), sort=sort, size=size)
    hits = walk(catalogue, plan)
    whole = catalogue.search(msgspec.structs.replace(plan, size=1000))
    assert hits == list(whole.hits) and whole.total == len(hits)
    if sort == "relevance":
        assert sorted(_ids(hits)) == sorted(ORACLE.find(plan))
        places = [(-hit.score, ORACLE.documents[hit.id].key) for hit in hits]
        assert places == sorted(places)
    else:
        assert _ids(hits) == ORACLE.ordered(plan)
        assert {hit.score for hit in hits} <= {0.0}


def test_totals_and_facets_are_those_of_the_whole_list_on_every_page(catalogue: Engine) -> None:
    for sort in SORTS:
        first = catalogue.search(Plan(Term("title", "红楼"), sort=sort, size=3))
        second = catalogue.search(Plan(Term("title", "红楼"), sort=sort, size=3, after=first.next))
        assert first.total == second.total == len(ORACLE.find(Plan(Term("title", "红楼"))))


def test_an_exact_last_page_has_no_next(engine: Engine) -> None:
    build(engine, [document(key, text={"title": "史记"}) for key in range(6)])
    for sort in SORTS:
        first = engine.search(Plan(Term("title", "史记"), sort=sort, size=3))
        assert first.next
        assert engine.search(Plan(Term("title", "史记"), sort=sort, size=3, after=first.next)).next == ""
        assert engine.search(Plan(Term("title", "史记"), sort=sort, size=6)).next == ""


@pytest.mark.parametrize("sort", SORTS)
def test_hundreds_of_ties_come_by_key(engine: Engine, sort: str) -> None:
    """In every order the tied are cut by the page; their keys are in no order of arrival, over several segments."""
    keys = [key * 7919 % 1009 for key in range(900)]
    engine.create("g1")
    for start in range(0, 900, 300):
        lot = keys[start : start + 300]
        engine.bulk([Put(document(key, year=1999, holders=3, text={"title": "教程"})) for key in lot], "g1")
        engine.refresh("g1")
    engine.swap("g1")
    for query in (Term("title", "教程"), All()):
        found = [union_id(key) for key in sorted(keys)]
        assert _ids(walk(engine, Plan(query, sort=sort, size=70))) == found


def test_titles_that_begin_alike_are_told_apart(engine: Engine) -> None:
    """Longer than any prefix that an engine may sort by; the empty one first."""
    titles = ["zhong guo tong shi jian bian di yi juan " + tail for tail in ("", "a", "b", "b", "ba", "中")] + [
        "",
        "",
        "𠀀",
        "a",
    ]
    build(engine, [document(100 - number, sort_title=title) for number, title in enumerate(titles)])
    found = walk(engine, Plan(All(), sort="title", size=2))
    expected = sorted((title, 100 - number) for number, title in enumerate(titles))
    assert _ids(found) == [union_id(key) for _, key in expected]


def test_paging_goes_on_when_the_index_changes(engine: Engine) -> None:
    """What was on the last page is gone, something new stands before it: nothing else is skipped or repeated."""
    build(engine, [document(key, year=2000, holders=1, text={"title": "史记"}) for key in range(10, 30)])
    plans = {
        sort: Plan(Term("title", "史记"), sort=sort, size=5)
        for sort in ("year_asc", "year_desc", "title", "holders_desc")
    }
    firsts = {sort: engine.search(plan) for sort, plan in plans.items()}
    gone = firsts["title"].hits[-1].id
    engine.bulk([Delete(gone, 9), Put(document(3, year=2000, holders=1, text={"title": "史记"}))])
    engine.refresh()
    for sort, plan in plans.items():
        rest = walk(engine, msgspec.structs.replace(plan, after=firsts[sort].next))
        assert _ids(rest) == [union_id(key) for key in range(15, 30)]


@pytest.mark.parametrize("sort", SORTS)
def test_another_process_goes_on_where_a_page_ended(open_engine: OpenEngine, sort: str) -> None:
    """Behind a proxy the next page may be asked of any of several."""
    first, second = open_engine(), open_engine()
    build(first, [document(key, year=key % 3, holders=key % 4, text={"title": "史记"}) for key in range(40)])
    for query in (Term("title", "史记"), All()):
        plan = Plan(query, sort=sort, size=15)
        whole = first.search(msgspec.structs.replace(plan, size=40))
        page = first.search(plan)
        assert page.hits + tuple(walk(second, msgspec.structs.replace(plan, after=page.next))) == whole.hits


@pytest.mark.parametrize("value", [1e19, 1e300])
def test_a_cursor_with_a_number_beyond_all_bounds_begins_with_the_first_page(catalogue: Engine, value: float) -> None:
    """Nobody is kept from making one."""
    for query in (All(), Term("title", "红楼")):
        plan = Plan(query, size=3)
        after = cursors.pack(plan, Cursor(value, 1, 0))
        assert catalogue.search(msgspec.structs.replace(plan, after=after)) == catalogue.search(plan)


@pytest.mark.parametrize("sort", SORTS)
def test_cursors_are_url_safe_and_of_one_search_only(catalogue: Engine, sort: str) -> None:
    plan = Plan(Term("title", "红楼"), sort=sort, size=3)
    cursor = catalogue.search(plan).next
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    foreign = [
        msgspec.structs.replace(plan, query=Term("title", "史记")),
        msgspec.structs.replace(plan, filters=(Range("year", 0, 1),)),
        msgspec.structs.replace(plan, sort=SORTS[(SORTS.index(sort) + 1) % len(SORTS)]),
    ]
    for other in foreign:
        with pytest.raises(BadCursor, match="first page"):
            catalogue.search(msgspec.structs.replace(other, after=cursor))
    another_size = msgspec.structs.replace(plan, size=4, after=cursor)
    assert catalogue.search(another_size).hits[:3] == catalogue.search(msgspec.structs.replace(plan, after=cursor)).hits


@pytest.mark.parametrize(
    "cursor", ["x", "红楼", "!!!", "AAAA", "A" * 5000, base64.urlsafe_b64encode(b"\x93\x01").decode()]
)
def test_a_text_that_is_no_cursor_is_refused(catalogue: Engine, cursor: str) -> None:
    for sort in SORTS:
        with pytest.raises(BadCursor):
            catalogue.search(Plan(All(), sort=sort, after=cursor))


@pytest.mark.slow
def test_fifty_thousand_documents_ten_thousand_deep(engine: Engine) -> None:
    """One score for thousands, one title for thousands: the pages still join."""
    words = ("教程", "史记", "史记 教程", "红楼 楼梦")
    documents = [
        document(
            key,
            year=1950 + key % 70,
            holders=key % 5,
            sort_title=f"zhong guo li shi {key % 30:02}",
            text={"title": words[key % 4]},
            lib=("RUC", "PKU")[: 1 + key % 2],
        )
        for key in range(50_000)
    ]
    build(engine, documents)
    for sort in SORTS:
        plan = Plan(Term("title", "教程"), sort=sort, size=1_500)
        hits: list[Hit] = []
        after = ""
        while len(hits) < 10_500:
            results = engine.search(msgspec.structs.replace(plan, after=after))
            assert results.total == 25_000
            hits += results.hits
            after = results.next
        once = engine.search(msgspec.structs.replace(plan, size=10_000))
        assert hits[:10_000] == list(once.hits)
        assert len({hit.id for hit in hits}) == len(hits) == 10_500


@pytest.mark.parametrize("seed", [9, 12, 20])
def test_equal_records_that_came_at_different_times_are_tied(engine: Engine, seed: int) -> None:
    """Every delivery has other frequent words, and an engine may add a record's words in another order in each of them:
    what comes out otherwise in the last bit is still a tie, and in the order of the keys."""
    dice = Random(seed)
    words = tuple(f"词{number}" for number in range(dice.randint(3, 8)))
    build(engine, [])
    keys = iter(range(10_000, 0, -1))
    same = []
    for _ in range(3):
        alike = [next(keys) for _ in range(4)]
        same += alike
        texts = [" ".join((*words, "出版", "版社"))] * 4
        for _ in range(150):
            weights = [dice.random() ** 3 + 0.01 for _ in words]
            texts.append(" ".join(dice.choices(words, weights, k=dice.randint(1, 4))))
        some = [*alike, *(next(keys) for _ in range(150))]
        engine.bulk(Put(document(key, text={"publisher": text})) for key, text in zip(some, texts, strict=True))
        engine.refresh()
    every = All(tuple(Term("publisher", word) for word in words))
    for query in (every, Should(every, (Boost(Phrase("publisher", words), 2.0),))):
        for size in (5, 50):
            found = [hit.id for hit in walk(engine, Plan(query, size=size))]
            wanted = [union_id(key) for key in sorted(same)]
            assert [each for each in found if each in set(wanted)] == wanted
