"""The union record: the same from any order, and nothing gets lost."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from indexer.cluster.union import merge
from mappings.model import (
    Agent,
    BibRecord,
    Holding,
    Identifier,
    Item,
    Member,
    Note,
    Series,
    Subject,
    Title,
    UnionRecord,
    encode,
    union_id,
)  # fmt: skip

FULL = BibRecord(
    dialect="cnmarc", local_id="012001", title="红楼梦", title_pinyin="hong lou meng", responsibility="曹雪芹著",
    agents=(Agent("曹雪芹", roles=("aut",), primary=True),), identifiers=(Identifier("isbn", "9787020002207"),),
    year=1982, date_text="1982.3", publishers=("人民文学出版社",), places=("北京",), pages=1606, extent="3册（1606页）",
    subjects=(Subject("章回小说--中国--清代"),), languages=("chi",),
    notes=(Note("描写贾宝玉和林黛玉的爱情悲剧。", "abstract"),),
    holdings=(Holding(branch="总馆", call_number="I242.4/1", items=(Item(barcode="B1", status="on_loan"),)),),
)  # fmt: skip
OTHER = BibRecord(
    dialect="marc21", title="紅樓夢", subtitle="校注本",
    agents=(Agent("Cao, Xueqin", alt="曹雪芹", dates="1717-1763"),),
    identifiers=(Identifier("isbn", "9787020002207", status="cancelled"), Identifier("oclc", "123")),
    publishers=("人民文學出版社", "Ren min wen xue chu ban she"), year=1983, series=(Series("四大名著"),),
    subjects=(Subject("章囘小說--中國--清代"), Subject("Fiction")), titles=(Title("石头记"),), country="CN",
    holdings=(Holding(call_number="PL2727"), Holding(call_number="PL2728", status="available")),
)  # fmt: skip
KEY = 2**39 + 5


def union_of(*bibs: BibRecord) -> UnionRecord:
    return merge([(Member(n + 1, f"L{n}", f"id{n}"), bib) for n, bib in enumerate(bibs)], KEY)


def test_the_fullest_simplified_cnmarc_record_describes() -> None:
    bib = union_of(OTHER, FULL).bib
    assert (bib.title, bib.title_alt, bib.title_pinyin, bib.dialect) == ("红楼梦", "紅樓夢", "hong lou meng", "cnmarc")
    assert (bib.year, bib.date_text, bib.pages, bib.extent) == (1982, "1982.3", 1606, "3册（1606页）")
    assert (bib.local_id, bib.holdings) == ("", ())


def test_what_it_lacks_comes_from_the_others() -> None:
    bib = union_of(FULL, OTHER).bib
    assert (bib.subtitle, bib.country, bib.series) == ("校注本", "CN", (Series("四大名著"),))
    assert bib.titles == (Title("石头记"),), "the title in the other script is no variant"


def test_lists_are_united_under_the_fold() -> None:
    bib = union_of(FULL, OTHER).bib
    assert bib.publishers == ("人民文学出版社", "Ren min wen xue chu ban she")
    assert [subject.value for subject in bib.subjects] == ["章回小说--中国--清代", "Fiction"]
    assert [(i.type, i.value, i.status) for i in bib.identifiers] == [
        ("isbn", "9787020002207", "valid"), ("oclc", "123", "valid"),
    ]  # fmt: skip


def test_one_author_in_two_scripts_is_one_agent() -> None:
    (agent,) = union_of(FULL, OTHER).bib.agents
    assert (agent.name, agent.alt, agent.dates, agent.roles) == ("曹雪芹", "Cao, Xueqin", "1717-1763", ("aut",))


def test_a_title_spelt_otherwise_stays_findable() -> None:
    bib = union_of(FULL, replace(FULL, title="红搂梦")).bib
    assert {title.value for title in (Title(bib.title), *bib.titles)} == {"红楼梦", "红搂梦"}


def test_holdings_stand_by_library_sorted() -> None:
    union = merge([(Member(2, "RUC", "b"), FULL), (Member(1, "BNU", "z"), OTHER), (Member(3, "RUC", "a"), OTHER)], KEY)
    assert union.id == union_id(KEY)
    assert [(holder.library, holder.records) for holder in union.holders] == [("BNU", ("z",)), ("RUC", ("a", "b"))]
    assert len(union.holders[1].holdings) == 3, "equal statements of two records are two"
    assert [(m.library, m.identifier) for m in union.members] == [("BNU", "z"), ("RUC", "a"), ("RUC", "b")]


@pytest.mark.parametrize(
    ("holdings", "available"),
    [
        ((), True),
        ((Holding(),), True),
        ((Holding(status="on_loan"),), False),
        ((Holding(status="on_loan"), Holding()), True),
        ((Holding(status="on_loan"), Holding(status="reference")), True),
        ((Holding(items=(Item(status="on_loan"), Item(status="missing"))),), False),
        ((Holding(items=(Item(status="on_loan"), Item(status="available"))),), True),
        ((Holding(items=(Item(status="withdrawn"), Item())),), True),
        ((Holding(status="in_process", items=(Item(),)),), False),
    ],
)
def test_available_unless_every_copy_is_told_to_be_away(holdings: tuple[Holding, ...], available: bool) -> None:
    (holder,) = union_of(replace(FULL, holdings=holdings)).holders
    assert holder.available is available


def test_a_single_record_is_itself() -> None:
    assert union_of(FULL).bib == replace(FULL, local_id="", holdings=())


_item = st.builds(Item, barcode=st.sampled_from(["B1", "B2"]), status=st.sampled_from(["", "on_loan"]))
_holding = st.builds(
    Holding,
    call_number=st.sampled_from(["I242.4/1", "PL2727", ""]),
    coverage=st.sampled_from(["", "1959-2004", "v.1-3"]),
    status=st.sampled_from(["", "available", "on_loan"]),
    items=st.lists(_item, max_size=2).map(tuple),
)  # fmt: skip
_bib = st.builds(
    BibRecord,
    dialect=st.sampled_from(["cnmarc", "marc21", "dublin_core"]),
    title=st.sampled_from(["红楼梦", "紅樓夢", "Hong lou meng", "红楼梦 "]),
    title_alt=st.sampled_from(["", "紅樓夢"]),
    subtitle=st.sampled_from(["", "校注本"]),
    agents=st.lists(st.sampled_from([Agent("曹雪芹"), Agent("Cao, Xueqin", alt="曹雪芹"), Agent("高鹗", roles=("edt",)),
                                     Agent("高鶚")]), max_size=3).map(tuple),
    identifiers=st.lists(st.sampled_from([Identifier("isbn", "9787020002207"), Identifier("oclc", "1"),
                                          Identifier("oclc", "1", status="cancelled")]), max_size=2).map(tuple),
    subjects=st.lists(st.sampled_from([Subject("小说"), Subject("小說"), Subject("文学")]), max_size=3).map(tuple),
    year=st.sampled_from([0, 1982, 1983]),
    holdings=st.lists(_holding, max_size=3).map(tuple),
)  # fmt: skip


@given(bibs=st.lists(_bib, min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_any_order_gives_the_same_and_holdings_in_are_holdings_out(bibs: list[BibRecord], order: st.DataObject) -> None:
    members = [(Member(n % 3 + 1, f"L{n % 3}", f"id{n}"), bib) for n, bib in enumerate(bibs)]
    union = merge(members, KEY)
    order.shuffle(members)  # type: ignore[attr-defined]
    assert encode(merge(members, KEY)) == encode(union)
    came = Counter((member.library, holding) for member, bib in members for holding in bib.holdings)
    went = Counter((holder.library, holding) for holder in union.holders for holding in holder.holdings)
    assert came == went
    assert {i.value for i in union.bib.identifiers} == {i.value for bib in bibs for i in bib.identifiers}
    assert sorted(record for holder in union.holders for record in holder.records) == sorted(
        member.identifier for member, _ in members
    )
