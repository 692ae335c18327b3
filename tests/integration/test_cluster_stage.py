"""The cluster and union stages on a real database: order plays no part, nothing is lost, keys lead on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from bib_store import Name, Shelf, empty_database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from indexer.cluster.assigning import key_of
from indexer.cluster.explain import why
from indexer.cluster.keys import hash63
from indexer.cluster.stage import build_unions, cluster_changes
from indexer.cluster.uniting import UNION_STAGE, union_spans
from mappings.model import Agent, BibRecord, Holding, Identifier
from store import clusters, judgements, unions
from store.database import Database
from store.progress import get_watermark, set_watermark

ISBN = Identifier("isbn", "9787020002207")
DREAM = BibRecord(
    dialect="cnmarc", title="红楼梦", agents=(Agent("曹雪芹"),), year=1982, publishers=("人民文学出版社",), pages=1606,
    identifiers=(ISBN,), languages=("chi",),
)  # fmt: skip
TRADITIONAL = replace(DREAM, dialect="marc21", title="紅樓夢", identifiers=(), pages=1607)
BRIEF = BibRecord("dublin_core", title="红楼梦", agents=(Agent("曹雪芹著"),), year=1982, publishers=("人民文学出版社",))
FIRST, SECOND = replace(DREAM, part_number="第一册"), replace(DREAM, part_number="第二册")
THREE = replace(DREAM, title="三国演义", agents=(Agent("罗贯中"),), identifiers=())
FRONTMATTER = BibRecord("dublin_core", title="Frontmatter", year=2001)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    database = empty_database()
    yield Shelf(database)
    database.close()


def names(*told: str) -> frozenset[Name]:
    return frozenset((library, identifier) for library, identifier in (each.split("/") for each in told))


def run(shelf: Shelf) -> None:
    cluster_changes(shelf.database)
    build_unions(shelf.database)


# ---------------------------------------------------------------------------------------------- joining


def test_records_of_one_publication_become_one_union_record(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL), ("PKU", "x", BRIEF), ("RUC", "9", THREE))
    counts = cluster_changes(shelf.database)
    assert (counts.records, counts.nodes, counts.accepted) == (4, 4, 3)
    assert shelf.partition() == {names("BNU/1", "CLCN/a", "PKU/x"), names("RUC/9")}
    made = build_unions(shelf.database)
    assert (made.read, made.members, made.written) == (2, 4, 2)
    with shelf.database.read() as unit:
        (key,) = unions.find_by_identifier(unit, "isbn", "9787020002207")
        union = unions.get_union(unit, key)
        assert unions.count_unions(unit) == 2
        assert unions.count_by_library(unit) == {"BNU": 1, "CLCN": 1, "PKU": 1, "RUC": 1}
    assert union is not None
    assert (union.bib.title, union.bib.title_alt) == ("红楼梦", "紅樓夢")
    assert [holder.library for holder in union.holders] == ["BNU", "CLCN", "PKU"]


def test_a_second_run_does_nothing(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL))
    run(shelf)
    assert cluster_changes(shelf.database).records == 0
    assert build_unions(shelf.database).read == 0


def test_spans_in_any_order_and_twice_give_what_one_pass_gives(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL), ("PKU", "x", THREE), ("RUC", "9", FIRST))
    cluster_changes(shelf.database)
    with shelf.database.write() as unit:
        spans = union_spans(unit, size=1)
    assert len(spans) == 3
    written = [build_unions(shelf.database, span=span).written for span in [*reversed(spans), spans[0]]]
    assert written == [1, 1, 1, 0]
    with shelf.database.write() as unit:
        assert get_watermark(unit, UNION_STAGE) == 0
        set_watermark(unit, UNION_STAGE, spans[-1][1])
        assert unions.count_unions(unit) == 3
    assert build_unions(shelf.database).read == 0


def test_a_union_record_of_a_night_that_broke_off_is_not_left_behind(shelf: Shelf) -> None:
    """Made in a span, and its watermark never set: the next night must still bury it, and its key lead on."""
    shelf.put(("BNU", "1", DREAM))
    cluster_changes(shelf.database)
    with shelf.database.write() as unit:
        [span] = union_spans(unit, size=10)
    build_unions(shelf.database, span=span)
    ((_, key),) = shelf.keys().items()
    shelf.remove("BNU", "1")
    run(shelf)
    with shelf.database.read() as unit:
        assert unions.count_unions(unit) == 0
        assert unions.is_tombstone(unit, key)


def test_copies_are_compared_once(shelf: Shelf) -> None:
    shelf.put(*((library, f"{n}", DREAM) for library in shelf.sources for n in range(5)))
    counts = cluster_changes(shelf.database)
    assert (counts.nodes, counts.pairs) == (1, 0)
    assert len(shelf.partition()) == 1


def test_generic_copies_stay_apart_though_their_signatures_are_equal(shelf: Shelf) -> None:
    shelf.put(*((library, "1", FRONTMATTER) for library in shelf.sources))
    assert cluster_changes(shelf.database).pairs == 0
    assert len(shelf.partition()) == 4


def test_a_record_without_volume_does_not_bridge_volumes(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", FIRST), ("CLCN", "2", SECOND), ("PKU", "0", DREAM))
    run(shelf)
    assert len(shelf.partition()) == 3


def test_a_brief_record_does_not_bridge_authors(shelf: Shelf) -> None:
    """What is certain of either is not certain of both: the stronger pair gets the brief record."""
    one = replace(DREAM, title="现代汉语语法修辞讲话", agents=(Agent("黄伯荣"),))
    other = replace(one, agents=(Agent("胡裕树"),), identifiers=(), publishers=("上海教育出版社",))
    brief = replace(one, agents=(), publishers=(), identifiers=(ISBN,), pages=1606)
    shelf.put(("BNU", "1", one), ("CLCN", "2", other), ("PKU", "0", brief))
    cluster_changes(shelf.database)
    assert names("BNU/1", "PKU/0") in shelf.partition()


def test_unlike_titles_sharing_an_isbn_stay_apart_and_wait_for_a_person(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "2", replace(DREAM, title="石头记")))
    cluster_changes(shelf.database)
    assert len(shelf.partition()) == 2
    with shelf.database.read() as unit:
        assert len(clusters.review_pairs(unit)) == 1


# ---------------------------------------------------------------------------------------------- changes


def test_a_changed_record_leaves_and_its_old_key_leads_on(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL))
    run(shelf)
    (key,) = set(shelf.keys().values())
    shelf.put(("BNU", "1", THREE))
    run(shelf)
    now = shelf.keys()
    assert len(set(now.values())) == 2
    with shelf.database.read() as unit:
        assert sorted(unions.get_unions(unit, list(now.values()))) == sorted(now.values())
        assert key in now.values(), "the record whose hash is the key keeps it"


def test_when_clusters_merge_the_retired_key_redirects_for_good(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", replace(TRADITIONAL, title="石头记", pages=7)))
    run(shelf)
    before = shelf.keys()
    shelf.put(("CLCN", "a", TRADITIONAL))
    run(shelf)
    (key,) = set(shelf.keys().values())
    (retired,) = set(before.values()) - {key}
    with shelf.database.read() as unit:
        assert unions.redirect(unit, retired) == key
        assert unions.is_tombstone(unit, retired)
        assert unions.get_union(unit, retired) is None
        assert not unions.is_tombstone(unit, key)
        assert unions.redirect(unit, key) is None
    shelf.put(("CLCN", "a", THREE))
    run(shelf)
    assert shelf.keys() == before, "undone, both have their old ids again"
    with shelf.database.read() as unit:
        assert unions.redirect(unit, retired) is None
        assert not unions.is_tombstone(unit, retired)


def test_the_key_of_a_deleted_record_leads_to_those_it_stood_with(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL), ("PKU", "x", BRIEF))
    run(shelf)
    seen = []
    for library, identifier in list(shelf.keys()):
        seen.append(next(iter(shelf.keys().values())))
        shelf.remove(library, identifier)
        run(shelf)
        left = set(shelf.keys().values())
        with shelf.database.read() as unit:
            for key in seen:
                live = unions.redirect(unit, key)
                assert {live if live is not None else key} == left or not left
    with shelf.database.read() as unit:
        assert all(unions.is_tombstone(unit, key) for key in seen)
        assert unions.count_unions(unit) == 0
        assert unions.find_by_identifier(unit, "isbn", "9787020002207") == []


def test_changed_holdings_renew_the_union_record_and_nothing_else(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL), ("RUC", "9", THREE))
    run(shelf)
    keys = shelf.keys()
    with shelf.database.read() as unit:
        before = {row.key: row.seq for row in unions.changed_unions(unit, 0, 100)}
    shelf.put(("BNU", "1", replace(DREAM, holdings=(Holding(call_number="I242.4/1", status="on_loan"),))))
    assert cluster_changes(shelf.database).pairs == 0
    assert build_unions(shelf.database).written == 1
    with shelf.database.read() as unit:
        after = {row.key: row.seq for row in unions.changed_unions(unit, 0, 100)}
        union = unions.get_union(unit, keys["BNU", "1"])
    assert union is not None
    assert not union.holders[0].available
    assert after[keys["RUC", "9"]] == before[keys["RUC", "9"]]
    assert after[keys["BNU", "1"]] > before[keys["BNU", "1"]]


def test_a_record_that_comes_again_as_it_was_renews_no_number(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM))
    run(shelf)
    shelf.put(("BNU", "1", DREAM))
    cluster_changes(shelf.database)
    made = build_unions(shelf.database)
    assert (made.written, made.unchanged) == (0, 1)


def test_under_other_rules_everything_is_made_anew_under_the_same_keys(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL), ("RUC", "9", THREE))
    run(shelf)
    before = shelf.keys()
    counts = cluster_changes(shelf.database, limit=50)
    assert counts.records == 3
    assert shelf.keys() == before
    made = build_unions(shelf.database)
    assert (made.written, made.deleted) == (0, 0)


# ---------------------------------------------------------------------------------------------- judgements


def test_people_decide_stronger_than_scores_and_can_undo(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", DREAM), ("PKU", "x", THREE))
    cluster_changes(shelf.database)
    before = shelf.keys()
    with shelf.database.write() as unit:
        apart = judgements.judge(
            unit,
            shelf.name("BNU", "1"),
            shelf.name("CLCN", "a"),
            same=False,
            who="馆员甲",
            reason="影印本",
            now="2026-11-23",
        )
        judgements.judge(
            unit,
            shelf.name("PKU", "x"),
            shelf.name("BNU", "1"),
            same=True,
            who="馆员甲",
            reason="合刊",
            now="2026-11-23",
        )
    cluster_changes(shelf.database)
    assert shelf.partition() == {names("BNU/1", "PKU/x"), names("CLCN/a")}
    with shelf.database.read() as unit:
        assert judgements.contradicted(unit) == []
        ids = [each.id for each in judgements.judgements_of(unit, shelf.name("BNU", "1"))]
    with shelf.database.write() as unit:
        assert judgements.withdraw(unit, apart, "2026-11-24")
        assert not judgements.withdraw(unit, apart, "2026-11-24")
        assert judgements.withdraw(unit, next(each for each in ids if each != apart), "2026-11-24")
    cluster_changes(shelf.database)
    assert shelf.keys() == before


def test_a_judgement_waits_for_its_record_and_outlives_it(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM))
    cluster_changes(shelf.database)
    with shelf.database.write() as unit:
        judgements.judge(
            unit, shelf.name("BNU", "1"), shelf.name("CLCN", "a"), same=False, who="馆员", reason="", now="2026-11-23"
        )
    cluster_changes(shelf.database)
    for _ in range(2):
        shelf.put(("CLCN", "a", DREAM))
        cluster_changes(shelf.database)
        assert len(shelf.partition()) == 2
        shelf.remove("CLCN", "a")
        cluster_changes(shelf.database)


def test_contradicting_judgements_are_told(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", THREE), ("PKU", "x", FIRST))
    pairs = (
        (("BNU", "1"), ("CLCN", "a"), True),
        (("CLCN", "a"), ("PKU", "x"), True),
        (("BNU", "1"), ("PKU", "x"), False),
    )
    with shelf.database.write() as unit:
        for a, b, same in pairs:
            judgements.judge(unit, shelf.name(*a), shelf.name(*b), same=same, who="馆员", reason="", now="2026-11-23")
    cluster_changes(shelf.database)
    assert len(shelf.partition()) == 2
    with shelf.database.read() as unit:
        assert len(judgements.contradicted(unit)) == 1


def test_every_pair_can_say_why(shelf: Shelf) -> None:
    shelf.put(("BNU", "1", DREAM), ("CLCN", "a", TRADITIONAL), ("PKU", "x", DREAM))
    cluster_changes(shelf.database)
    (key,) = set(shelf.keys().values())
    pairs = why(shelf.database, key)
    assert len(pairs) == 2, "copies of one description stand for each other"
    told = next(each for each in pairs if {each.a.library, each.b.library} >= {"CLCN"})
    assert told.stored is not None
    assert told.stored[0] == told.verdict.score == sum(line.points for line in told.evidence)
    assert {line.code for line in told.evidence} >= {"title_short", "author", "year"}
    assert why(shelf.database, key + 1) == []


# ---------------------------------------------------------------------------------------------- blocks


def test_a_block_above_the_limit_is_split_and_counted(shelf: Shelf) -> None:
    """All share an ISBN; pairs that also share year and publisher are still compared."""
    many = [replace(DREAM, title=f"{han}楼之梦的研究", year=1990) for han in "红蓝青白黑紫"]
    shelf.put(*(("BNU", str(n), bib) for n, bib in enumerate(many)))
    counts = cluster_changes(shelf.database, limit=3)
    assert counts.splits >= 1
    shelf.put(("CLCN", "a", replace(DREAM, year=1990)), ("PKU", "x", replace(DREAM, year=1990, pages=1607)))
    cluster_changes(shelf.database, limit=3)
    assert names("CLCN/a", "PKU/x") in shelf.partition()


# ---------------------------------------------------------------------------------------------- order plays no part

BIBS = [
    DREAM, TRADITIONAL, BRIEF, FIRST, SECOND, THREE, FRONTMATTER,
    replace(DREAM, year=1983), replace(DREAM, year=1984), replace(DREAM, edition="第2版"), replace(DREAM, agents=()),
    replace(DREAM, title="石头记"), replace(THREE, identifiers=(ISBN,)), replace(DREAM, carrier="online"),
    replace(DREAM, agents=(Agent("高鹗"),), identifiers=()), replace(BRIEF, pages=1606, year=1983),
    replace(DREAM, title="Hong lou meng", agents=(Agent("Cao, Xueqin"),)),
]  # fmt: skip
NAMES: list[Name] = [(library, str(n)) for library in ("BNU", "CLCN", "PKU", "RUC") for n in range(2)]

_put = st.tuples(st.just("put"), st.sampled_from(NAMES), st.integers(0, len(BIBS) - 1))
_remove = st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just(0))
_run = st.tuples(st.just("run"), st.sampled_from(NAMES), st.integers(1, 5))
_judge = st.tuples(st.sampled_from(("same", "apart")), st.sampled_from(NAMES), st.integers(1, len(NAMES) - 1))
Step = tuple[str, Name, int]


def take(
    shelf: Shelf, step: Step, live: dict[Name, BibRecord], links: dict[tuple[Name, Name], bool], limit: int
) -> None:
    what, name, number = step
    if what == "put":
        live[name] = BIBS[number]
        shelf.put((*name, BIBS[number]))
    elif what == "remove" and live.pop(name, None) is not None:
        shelf.remove(*name)
    elif what == "run":
        cluster_changes(shelf.database, batch=number, limit=limit)
        build_unions(shelf.database, batch=number)
    elif what in ("same", "apart"):
        other = NAMES[(NAMES.index(name) + number) % len(NAMES)]
        links[min(name, other), max(name, other)] = what == "same"
        judge(shelf, name, other, what == "same")


def judge(shelf: Shelf, a: Name, b: Name, same: bool) -> None:
    with shelf.database.write() as unit:
        judgements.judge(unit, shelf.name(*a), shelf.name(*b), same=same, who="馆员", reason="", now="2026-11-23")


def union_lines(database: Database) -> list[bytes]:
    with database.read() as unit:
        return list(unions.scan_unions(unit))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.one_of(_put, _put, _put, _remove, _run, _judge), min_size=2, max_size=25),
    limit=st.sampled_from((1, 2, 4, 100)),
    order=st.randoms(use_true_random=False),
)
def test_any_history_ends_where_a_rebuild_ends(steps: list[Step], limit: int, order: st.DataObject) -> None:
    """Any order, any batch size, changed and changed back, removed and added: the same clusters, keys and unions."""
    one, two = empty_database(), empty_database()
    try:
        shelf, again = Shelf(one), Shelf(two)
        live: dict[Name, BibRecord] = {}
        links: dict[tuple[Name, Name], bool] = {}
        seen: set[int] = set()
        for step in steps:
            take(shelf, step, live, links, limit)
            if step[0] == "run":
                seen |= set(shelf.keys().values())
        cluster_changes(one, limit=limit)
        build_unions(one)
        rest = list(live.items())
        order.shuffle(rest)  # type: ignore[attr-defined]
        again.put(*((*name, bib) for name, bib in rest))
        for (a, b), same in links.items():
            judge(again, a, b, same)
        cluster_changes(two, limit=limit)
        build_unions(two)
        assert shelf.partition() == again.partition()
        assert shelf.keys() == again.keys()
        assert union_lines(one) == union_lines(two)
        nothing_lost(shelf, live, seen)
    finally:
        one.close()
        two.close()


def nothing_lost(shelf: Shelf, live: dict[Name, BibRecord], seen: set[int]) -> None:
    """Every record is in exactly one union record; a key that was ever seen leads to the record that it was made of."""
    keys = shelf.keys()
    assert keys.keys() == live.keys()
    made_of = {key_of(hash63(f"{library}/files\n{identifier}")): (library, identifier) for library, identifier in NAMES}
    with shelf.database.read() as unit:
        found = unions.get_unions(unit, sorted(set(keys.values())))
        members = [(m.library, m.identifier) for union in found.values() for m in union.members]
        assert sorted(members) == sorted(live)
        assert unions.count_unions(unit) == len(found)
        for key in seen - found.keys():
            assert unions.is_tombstone(unit, key)
            target = unions.redirect(unit, key)
            if made_of[key] in live:
                assert target == keys[made_of[key]]
            else:
                assert target is None or target in found


def test_workers_make_the_same_union_records(shelf: Shelf) -> None:
    other = empty_database()
    twin = Shelf(other)
    many = [("BNU", f"{n}", replace(THREE, title=f"第{n}种珍贵地方志目录汇编", pages=n + 1)) for n in range(600)]
    for each in (shelf, twin):
        each.put(*many)
        cluster_changes(each.database)
    build_unions(shelf.database)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        told: list[int] = []
        build_unions(other, batch=300, executor=executor, progress=told.append)
    assert union_lines(shelf.database) == union_lines(other)
    assert told[-1] == len(union_lines(other)) >= 300
    other.close()
