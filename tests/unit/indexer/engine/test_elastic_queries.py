"""What Elasticsearch is asked, without asking it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.engine.cursors import Cursor, unpack
from indexer.engine.elastic_facets import Facets
from indexer.engine.elastic_paging import Pager
from indexer.engine.elastic_queries import EVERYTHING, NONE, scored, translate, unscored
from indexer.engine.elastic_schema import new_index, schema, to_json
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.limits import DEEPEST
from indexer.engine.protocol import (
    KEYWORD_FIELDS,
    NUMBER_FIELDS,
    PHRASE_FIELDS,
    TEXT_FIELDS,
    All,
    Any_,
    Boost,
    DisMax,
    Facet,
    Nothing,
    Phrase,
    Plan,
    Query,
    Range,
    Should,
    Term,
    Terms,
    Without,
)

A = {"term": {"title": {"value": "红楼"}}}
HELD = {"constant_score": {"filter": {"term": {"lib": {"value": "RUC"}}}}}
a, held = Term("title", "红楼"), Term("lib", "RUC")


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (a, A),
        (held, HELD),
        (Phrase("title", ("红楼", "楼梦")), {"match_phrase": {"title": {"query": "红楼 楼梦"}}}),
        (Phrase("title", ("红楼",)), A),
        (Phrase("title", ()), NONE),
        (Phrase("title", ("红 楼", "梦")), NONE),
        (Phrase("title", ("", "梦")), NONE),
        (Phrase("title", ("x" * 300, "梦")), NONE),
        (All(), EVERYTHING),
        (All((a, held)), {"bool": {"must": [A, HELD]}}),
        (Any_(()), NONE),
        (Any_((a, held)), {"bool": {"should": [A, HELD], "minimum_should_match": 1}}),
        (DisMax(()), NONE),
        (DisMax((a, held), 0.3), {"dis_max": {"queries": [A, HELD], "tie_breaker": 0.3}}),
        (Boost(a, 3.0), {"bool": {"must": [A], "boost": 3.0}}),
        (Should(a, (held,)), {"bool": {"must": [A], "should": [HELD]}}),
        (Without(a, (held,)), {"bool": {"must": [A], "must_not": [HELD]}}),
        (Nothing(), NONE),
    ],
    ids=str,
)
def test_each_query_has_its_counterpart(query: Query, asked: dict[str, Any]) -> None:
    assert translate(query) == asked


def test_the_prior_is_multiplied_by_what_log10_lacks() -> None:
    function = scored(a)["function_score"]
    assert function["query"] == A and function["boost_mode"] == "multiply"
    assert function["field_value_factor"] == {"field": "prior", "modifier": "log2p", "missing": 0}
    assert function["boost"] * math.log10(2 + 2 ** (1 + 0.45) - 2) == pytest.approx(1.45)


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        (Terms("lib", ("RUC", "PKU")), {"terms": {"lib": ["RUC", "PKU"]}}),
        (Terms("lib", ()), NONE),
        (Range("year", 1949, 1999), {"range": {"year": {"gte": 1949, "lte": 1999}}}),
        (Range("year", None, 1999), {"range": {"year": {"gte": 0, "lte": 1999}}}),
        (Range("year", 1949), {"range": {"year": {"gte": 1949, "lte": 9999}}}),
        (Range("year", -(2**70), 2**70), EVERYTHING),
        (Range("year"), EVERYTHING),
        (Range("year", 2**70), NONE),
        (Range("year", None, -1), NONE),
        (Range("year", 1999, 1949), NONE),
    ],
    ids=str,
)
def test_filters_stay_within_what_a_column_can_hold(condition: Terms | Range, asked: dict[str, Any]) -> None:
    assert unscored(All(), (condition,))["bool"]["filter"] == [asked]


def test_negated_filters_forbid() -> None:
    asked = unscored(a, (Terms("lib", ("RUC",), negated=True), Terms("avl", (), negated=True)))["bool"]
    assert asked == {
        "must": [{"bool": {"filter": [A]}}],
        "filter": [],
        "must_not": [{"terms": {"lib": ["RUC"]}}, NONE],
    }


def _depth(asked: Any) -> int:
    """As Elasticsearch counts: queries within queries."""
    if isinstance(asked, list):
        return max(map(_depth, asked), default=0)
    if not isinstance(asked, dict):
        return 0
    own = bool(asked.keys() & {"bool", "dis_max", "function_score", "constant_score", "term", "match_phrase"})
    return own + max(map(_depth, asked.values()), default=0)


def test_the_deepest_query_is_not_too_deep_for_elasticsearch() -> None:
    query: Query = All((held, Phrase("title", ("红楼", "楼梦"))))
    for _ in range(DEEPEST - 2):
        query = Boost(query, 2.0)
    assert _depth(scored(query, (Terms("lib", ("RUC",)),))) <= 30  # indices.query.bool.max_nested_depth


SORTED: dict[str, tuple[Any, Any]] = {
    "relevance": (3.25, 3.25),
    "year_desc": (1999, 1999),
    "year_asc": (10_000, 0),
    "title": ("hong lou meng", "hong lou meng"),
    "holders_desc": (7, 7),
}


def _hit(value: Any, key: int) -> dict[str, Any]:
    return {"_id": f"{key:08}", "sort": [value, key], "fields": {"source": ["e30="], "prior": [0.0]}}


@pytest.mark.parametrize("sort", SORTED)
def test_a_page_begins_where_the_last_one_ended(sort: str) -> None:
    value, told = SORTED[sort]
    plan = Plan(a, sort=sort, size=2)
    hits, following = Pager(plan, None).page([_hit(value, key) for key in (1, 2, 3)])
    assert [hit.id for hit in hits] == ["00000001", "00000002"] and hits[0].source == b"{}"
    cursor = unpack(Plan(a, sort=sort, size=2, after=following))
    assert cursor == Cursor(told, 2, 0)
    assert Pager(plan, cursor).body()["search_after"] == [value, 2]
    assert Pager(plan, None).page([_hit(value, key) for key in (1, 2)])[1] == ""


def test_everything_comes_by_holders_and_is_not_scored() -> None:
    pager = Pager(Plan(All(), size=1), Cursor(7.0, 5, 0))
    body = pager.body()
    assert body["query"] == EVERYTHING and body["sort"] == [{"holders": "desc"}, {"key": "asc"}]
    assert body["search_after"] == [7, 5] and isinstance(body["search_after"][0], int)
    hits, _ = pager.page([_hit(3, 1)])
    assert hits[0].score == 1.0


def test_only_relevance_costs_scores() -> None:
    assert "function_score" in Pager(Plan(a), None).body()["query"]
    for plan in (Plan(a, sort="title"), Plan(a, size=0)):
        assert Pager(plan, None).body()["query"] == {"bool": {"filter": [A]}}


def _answer(error: int, *counts: tuple[Any, int]) -> dict[str, Any]:
    return {
        "doc_count_error_upper_bound": error,
        "buckets": [{"key": value, "doc_count": count} for value, count in counts],
    }


def test_facets_are_believed_only_where_no_other_value_can_have_reached_them() -> None:
    asked: list[dict[str, Any]] = []
    answers = [_answer(0, ("史", 9), ("文", 8)), _answer(0, ("文", 9), ("理", 9))]

    def aggregate(aggregations: dict[str, Any]) -> dict[str, Any]:
        asked.append(aggregations["subject_kw"]["terms"])
        return {"subject_kw": answers[len(asked) - 1]}

    facets = Facets((Facet("subject_kw", 1), Facet("subject_kw", 2)))
    whole = _answer(0, ("史", 9), ("文", 8), ("理", 1))
    assert facets.counted({"subject_kw": whole}, aggregate) == {"subject_kw": (("史", 9), ("文", 8))}
    assert asked == []
    counted = facets.counted({"subject_kw": _answer(3, ("史", 9), ("文", 6))}, aggregate)
    assert asked[0]["include"] == ["史", "文"] and asked[1]["shard_size"] == 2**31 - 1
    assert counted == {"subject_kw": (("文", 9), ("理", 9))}
    del asked[:]
    facets.counted({"subject_kw": _answer(3, ("史", 9), ("文", 4))}, aggregate)
    assert len(asked) == 1  # nothing else can have more than 7


def test_an_unknown_year_is_not_counted_and_long_facets_are_asked_for_alone() -> None:
    assert Facets((Facet("year", 5),)).first()["year"]["terms"]["exclude"] == [0]
    assert list(Facets((Facet("lib", 10_000), Facet("avl", 1_000))).first()) == ["avl"]


def test_the_mapping_has_every_field_of_the_protocol() -> None:
    made = new_index(ElasticSettings(("http://127.0.0.1:9200",), shards=3))
    fields = made["mappings"]["properties"]
    assert fields.keys() >= {*TEXT_FIELDS, *KEYWORD_FIELDS, *NUMBER_FIELDS, "sort_title", "prior"}
    phrases = [
        name for name, field in fields.items() if field["type"] == "text" and field.get("index_options") != "freqs"
    ]
    assert sorted(phrases) == sorted(PHRASE_FIELDS)
    assert {name for name, field in fields.items() if field["type"] == "keyword"} == {*KEYWORD_FIELDS, "sort_title"}
    assert made["settings"]["index"]["number_of_shards"] == 3 and made["mappings"]["dynamic"] == "strict"
    assert made["mappings"]["_meta"] == schema()


@given(st.text(max_size=20))
def test_text_that_is_none_is_refused_and_other_text_is_not(text: str) -> None:
    from engine_documents import document

    one = document(1, title="红", text={"title": text or "_"}, subject_kw=(text,))
    assert to_json(one).count(b"\n") == 0
    half = document(1, text={"title": text + "\ud800"})
    with pytest.raises(UnicodeEncodeError):
        to_json(half)
