"""What every engine must find, and how it must score: against an oracle in plain Python."""

from __future__ import annotations

import msgspec
import pytest
from engine_documents import LIBRARIES, SUBJECTS, WORDS, Oracle, build, document, prior, some_documents, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.engine.protocol import (
    All,
    Any_,
    Boost,
    DisMax,
    Document,
    Engine,
    EngineError,
    Facet,
    Filter,
    Nothing,
    Phrase,
    Plan,
    Put,
    Query,
    Range,
    Should,
    Term,
    Terms,
    TooLong,
    Without,
)

DOCUMENTS = some_documents(300, seed=3)
ORACLE = Oracle(DOCUMENTS)

fields = st.sampled_from(("title", "author", "subject"))
leaves: st.SearchStrategy[Query] = st.one_of(
    st.builds(Term, fields, st.sampled_from((*WORDS, "无此词"))),
    st.builds(Term, st.just("uni"), st.sampled_from("红楼梦史记")),
    st.builds(Term, st.just("lib"), st.sampled_from(LIBRARIES)),
    st.builds(Phrase, fields, st.lists(st.sampled_from(WORDS), max_size=3).map(tuple)),
    st.sampled_from((All(), Nothing())),
)
queries = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.builds(All, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Any_, st.lists(parts, max_size=4).map(tuple)),
        st.builds(DisMax, st.lists(parts, max_size=4).map(tuple), st.sampled_from((0.0, 0.1, 1.0))),
        st.builds(Boost, parts, st.sampled_from((0.5, 3.0))),
        st.builds(Should, parts, st.lists(parts, max_size=2).map(tuple)),
        st.builds(Without, parts, st.lists(parts, max_size=2).map(tuple)),
    ),
    max_leaves=8,
)
bounds = st.none() | st.sampled_from((-1, 0, 1, 3, 960, 2020, 2**41, 2**70))
filters: st.SearchStrategy[Filter] = st.one_of(
    st.builds(
        Terms, st.just("lib"), st.lists(st.sampled_from((*LIBRARIES, "无")), max_size=3).map(tuple), st.booleans()
    ),
    st.builds(Terms, st.just("subject_kw"), st.lists(st.sampled_from(SUBJECTS), max_size=30).map(tuple), st.booleans()),
    st.builds(Range, st.sampled_from(("year", "holders", "key")), bounds, bounds),
)


@pytest.fixture(scope="module")
def catalogue(shared_engine: Engine) -> Engine:
    build(shared_engine, DOCUMENTS)
    return shared_engine


@settings(max_examples=150, deadline=None)
@given(query=queries, filters=st.lists(filters, max_size=2).map(tuple))
def test_any_query_finds_what_it_says_in_the_order_of_its_scores(
    catalogue: Engine, query: Query, filters: tuple[Filter, ...]
) -> None:
    plan = Plan(query, filters, (Facet("lib", 3), Facet("subject_kw", 5), Facet("year", 4)), size=1000)
    results = catalogue.search(plan)
    assert sorted(hit.id for hit in results.hits) == sorted(ORACLE.find(plan))
    assert results.total == len(results.hits) and results.next == ""
    places = [(-hit.score, ORACLE.documents[hit.id].key) for hit in results.hits]
    assert places == sorted(places)
    ratios = [hit.score / ORACLE.relevance(ORACLE.documents[hit.id], query) for hit in results.hits]
    assert not ratios or max(ratios) == pytest.approx(min(ratios), rel=1e-4)
    for facet in plan.facets:
        assert results.facets[facet.field] == ORACLE.counts(plan, facet.field, facet.size)


def test_hits_bring_their_source_as_it_was_given(catalogue: Engine) -> None:
    for hit in catalogue.search(Plan(Term("title", "红楼"), size=5)).hits:
        assert hit.source == ORACLE.documents[hit.id].source
        assert catalogue.get([hit.id, "ZZZZZZZZ", "没有", hit.id]) == {hit.id: hit.source}


def test_a_phrase_does_not_reach_from_one_value_into_the_next(engine: Engine) -> None:
    build(engine, [document(1, text={"title": "红楼 楼梦 _gap_ 梦境"}), document(2, text={"title": "红楼 楼梦 梦境"})])
    found = engine.search(Plan(Phrase("title", ("楼梦", "梦境")))).hits
    assert [hit.id for hit in found] == ["00000002"]


def test_a_phrase_scores_the_same_wherever_its_words_stand(engine: Engine) -> None:
    """Two documents among many that have neither the words nor, perhaps, a neighbour with them."""
    documents = [document(key, text={"title": "史记 " * (1 + key % 7)}) for key in range(1, 30)]
    documents += [document(100, text={"title": "红楼 楼梦"}), document(101, text={"title": "红楼 楼梦 研究 资料"})]
    build(engine, documents)
    oracle = Oracle(documents)
    query = Should(Term("title", "史记"), (Phrase("title", ("红楼", "楼梦")),))
    for asked in (Phrase("title", ("红楼", "楼梦")), Any_((query, Phrase("title", ("红楼", "楼梦"))))):
        hits = engine.search(Plan(asked, size=100)).hits
        ratios = [hit.score / oracle.relevance(oracle.documents[hit.id], asked) for hit in hits]
        assert len(hits) in (2, 31) and max(ratios) == pytest.approx(min(ratios), rel=1e-4)


def test_a_phrase_of_one_token_is_a_term(catalogue: Engine) -> None:
    term, phrase = (catalogue.search(Plan(one)) for one in (Term("title", "史记"), Phrase("title", ("史记",))))
    assert term.hits == phrase.hits and term.total > 0


def test_the_prior_lifts_the_widely_held_by_its_own_factor(engine: Engine) -> None:
    build(
        engine, [document(key, holders=holders, text={"title": "史记"}) for key, holders in ((1, 0), (2, 7), (3, 96))]
    )
    hits = {hit.id: hit.score for hit in engine.search(Plan(Term("title", "史记"))).hits}
    assert list(hits) == ["00000003", "00000002", "00000001"]
    assert hits["00000002"] / hits["00000001"] == pytest.approx(1 + 0.15 * 3, rel=1e-5)
    assert prior(7) == pytest.approx(2 ** (1 + 0.45) - 2)


def test_a_field_without_value_counts_in_the_average_length(engine: Engine) -> None:
    """Else a catalogue with few abstracts would rank by other averages on one engine than on the other."""
    documents = [document(key) for key in range(1, 60)]
    documents += [document(100, text={"abstract": "史记"}), document(101, text={"abstract": "史记 " + "教程 " * 9})]
    build(engine, documents)
    short, long = engine.search(Plan(Term("abstract", "史记"))).hits
    oracle = Oracle(documents)
    expected = [oracle.relevance(oracle.documents[hit.id], Term("abstract", "史记")) for hit in (short, long)]
    assert (short.id, long.id) == ("00000034", "00000035")
    assert short.score / long.score == pytest.approx(expected[0] / expected[1], rel=1e-4)


def test_everything_begins_with_the_most_widely_held(catalogue: Engine) -> None:
    hits = walk(catalogue, Plan(All(), size=41))
    assert [hit.id for hit in hits] == ORACLE.ordered(Plan(All(), sort="holders_desc"))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True) and scores[-1] > 0


def test_a_page_without_hits_still_counts(catalogue: Engine) -> None:
    results = catalogue.search(Plan(All(), facets=(Facet("lib", 10_000),), size=0))
    assert (results.total, results.hits, results.next) == (len(DOCUMENTS), (), "")
    assert results.facets["lib"] == ORACLE.counts(Plan(All()), "lib", 10_000)


def test_an_empty_index_answers(engine: Engine) -> None:
    build(engine, [])
    plan = Plan(Term("title", "红楼"), facets=(Facet("lib"), Facet("year")))
    for sort in ("relevance", "title", "year_asc"):
        results = engine.search(msgspec.structs.replace(plan, sort=sort))
        assert (results.hits, results.total, results.next) == ((), 0, "")
        assert results.facets == {"lib": (), "year": ()}
    assert (engine.get(["00000001"]), engine.suggest("红"), list(engine.scan())) == ({}, [], [])
    assert engine.health().ok and engine.health().documents == 0


def test_without_an_index_a_person_is_told_what_to_do(engine: Engine) -> None:
    with pytest.raises(EngineError, match="tongcang index rebuild"):
        engine.search(Plan(All()))
    health = engine.health()
    assert not health.ok and "tongcang index rebuild" in health.message
    assert engine.live() is None and engine.generations() == []


@pytest.mark.parametrize(
    "plan",
    [
        Plan(Term("nowhere", "红楼")),
        Plan(Phrase("uni", ("红", "楼"))),
        Plan(All(), (Terms("title", ("红楼",)),)),
        Plan(All(), (Range("lib", 1, 2),)),
        Plan(All(), facets=(Facet("title"),)),
        Plan(All(), facets=(Facet("lib", 0),)),
        Plan(All(), sort="price"),
        Plan(All(), size=-1),
        Plan(All(), size=10**9),
        Plan(Boost(All(), float("nan"))),
        Plan(DisMax((All(),), float("inf"))),
        Plan(Term("title", "\ud800")),
        Plan(All((Term("title", "红楼"),) * 20_000)),
        Plan(Phrase("title", ("红楼",) * 20_000)),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(catalogue: Engine, plan: Plan) -> None:
    with pytest.raises(EngineError) as refused:
        catalogue.search(plan)
    assert str(refused.value).endswith(".")


def test_a_query_nested_without_end_is_refused(catalogue: Engine) -> None:
    query: Query = Term("title", "红楼")
    for _ in range(5_000):
        query = Boost(query, 1.0)
    with pytest.raises(TooLong, match="too long"):
        catalogue.search(Plan(query))


def test_a_very_long_query_is_answered(catalogue: Engine) -> None:
    words = tuple(Term("title", f"{word}{number}") for number in range(150) for word in WORDS)
    query = Any_((*words, Term("title", "史记"), Phrase("title", WORDS * 100)))
    assert catalogue.search(Plan(query)).total == len(ORACLE.find(Plan(Term("title", "史记"))))


def test_odd_values_are_values_like_others(engine: Engine) -> None:
    odd = ("C++ (语言).*", "", " ", "a b", "\u0000", "é", "𠀀", "'\"\\", "[一|二]")
    build(engine, [document(key, subject_kw=(value,)) for key, value in enumerate(odd)])
    results = engine.search(Plan(All(), facets=(Facet("subject_kw", 4),)))
    assert results.facets["subject_kw"] == tuple((value, 1) for value in sorted(odd)[:4])
    for key, value in enumerate(odd):
        found = engine.search(Plan(All(), (Terms("subject_kw", (value,)),))).hits
        assert [hit.id for hit in found] == [f"0000000{key}"]


def _in_parts(engine: Engine, parts: list[list[Document]]) -> Oracle:
    """Each part is refreshed by itself: an engine that keeps segments keeps so few apart."""
    build(engine, parts[0])
    for part in parts[1:]:
        engine.bulk(Put(one) for one in part)
        engine.refresh()
    return Oracle([one for part in parts for one in part])


def _exact(engine: Engine, oracle: Oracle, *sizes: int) -> None:
    for size in sizes:
        results = engine.search(Plan(All(), facets=(Facet("subject_kw", size),), size=0))
        assert results.facets["subject_kw"] == oracle.counts(Plan(All()), "subject_kw", size)


def test_facets_are_exact_where_a_value_is_frequent_everywhere_and_first_nowhere(engine: Engine) -> None:
    """每处都有: 15 in all, but in each part 2,100 values come before it. An engine that asks each part for its first
    values never hears of it. 一处为多 is first in one part and late in the others."""
    parts = []
    for part in range(5):
        local = tuple(f"题 {part}-{number:04}" for number in range(2_100))
        lot = [document(part * 1_000 + key, subject_kw=local) for key in range(4)]
        lot += [document(part * 1_000 + 10 + key, subject_kw=("每处都有", "一处为多")) for key in range(3)]
        parts.append(lot)
    oracle = _in_parts(engine, parts)
    _exact(engine, oracle, 1, 2, 3, 20)
    more = [document(90_000 + key, subject_kw=("一处为多",)) for key in range(47)]
    engine.bulk([Put(one) for one in more])
    engine.refresh()
    _exact(engine, Oracle([*oracle.documents.values(), *more]), 1, 2)


def test_facets_of_one_count_come_by_value(engine: Engine) -> None:
    """Thousands of values that occur once or twice, in no order and in several parts: the first by value are told."""
    numbers = [number * 7919 % 3_001 for number in range(3_000)]
    lots = [numbers[start::3] for start in range(3)]
    parts = [
        [document(key, year=800 + key % 300, subject_kw=(f"题 {key:04}",) + ("二次",) * (key < 2)) for key in lot]
        for lot in lots
    ]
    oracle = _in_parts(engine, parts)
    _exact(engine, oracle, 1, 2, 5, 40)
    assert engine.search(Plan(All(), facets=(Facet("subject_kw", 3),))).facets["subject_kw"] == (
        ("二次", 2),
        ("题 0000", 1),
        ("题 0001", 1),
    )
    years = engine.search(Plan(All(), facets=(Facet("year", 30),))).facets["year"]
    assert years == oracle.counts(Plan(All()), "year", 30)
