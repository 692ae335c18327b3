"""What joins and what does not: every rule of clustering as a named case, Chinese and western."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from indexer.cluster.features import Features, features_of, pack_features, signature, unpack_features
from indexer.cluster.score import ACCEPT, DIFFERENT, REVIEW, SAME, WEIGHTS, Verdict, compare, conflict, explain
from indexer.cluster.titles import similar
from mappings.model import Agent, BibRecord, Identifier, Relation, Title

ISBN = Identifier("isbn", "9787020002207")
OTHER_ISBN = Identifier("isbn", "9787101003048")

DREAM = BibRecord(
    dialect="cnmarc",
    title="红楼梦",
    title_pinyin="hong lou meng",
    responsibility="曹雪芹著",
    agents=(Agent("曹雪芹", roles=("aut",), primary=True), Agent("高鹗")),
    identifiers=(ISBN,),
    year=1982,
    publishers=("人民文学出版社",),
    pages=1606,
    languages=("chi",),
)
HISTORY = replace(
    DREAM,
    title="中国古代经济思想史研究概论",
    title_pinyin="",
    responsibility="胡寄窗著",
    agents=(Agent("胡寄窗", primary=True),),
    identifiers=(),
    publishers=("上海财经大学出版社",),
    year=1998,
    pages=512,
)
ART = BibRecord(
    dialect="marc21",
    title="The art of computer programming",
    responsibility="Donald E. Knuth",
    agents=(Agent("Knuth, Donald Ervin", primary=True),),
    year=1997,
    publishers=("Addison-Wesley",),
    pages=650,
    languages=("eng",),
)
RARE = BibRecord(
    dialect="cnmarc",
    title="史记一百三十卷",
    agents=(Agent("(汉)司马迁撰"),),
    material="rare_book",
    year=1884,
    date_text="清光緒十年[1884]",
    edition="金陵書局刻本",
    languages=("chi",),
)
SERIAL = BibRecord(
    dialect="cnmarc", title="文学评论", level="s", material="serial", year=1959, year_end=9999,
    publishers=("社会科学文献出版社",), identifiers=(Identifier("issn", "0511-4683"), Identifier("cn", "11-1037")),
    languages=("chi",),
)  # fmt: skip
ARTICLE = BibRecord(
    dialect="marc21", title="论红楼梦的叙事结构", level="a", material="article", year=1990, pages=12,
    languages=("chi",), agents=(Agent("周汝昌"),), relations=(Relation("host", "文学评论"),),
)  # fmt: skip


def verdict(a: BibRecord, b: BibRecord) -> Verdict:
    x, y = features_of(a), features_of(b)
    found = compare(x, y)
    assert found == compare(y, x), "the verdict depends on which record comes first"
    return found


SAME_PUBLICATION: dict[str, tuple[BibRecord, BibRecord]] = {
    "cnmarc and marc21 in traditional": (
        DREAM,
        replace(DREAM, dialect="marc21", title="紅樓夢", title_pinyin="", agents=(Agent("曹雪芹"),), pages=0),
    ),
    "romanised with the original script beside it": (
        DREAM,
        replace(
            DREAM, dialect="marc21", title="Hong lou meng", title_alt="紅樓夢",
            publishers=("Ren min wen xue chu ban she",),
            agents=(Agent("Cao, Xueqin", alt="曹雪芹", primary=True),),
        ),
    ),
    "romanised only, with a shared isbn": (
        DREAM,
        replace(DREAM, dialect="marc21", title="Hong lou meng", publishers=(), agents=(Agent("Cao, Xueqin"),)),
    ),
    "dublin core with everything in the title": (
        replace(DREAM, subtitle="校注本", identifiers=()),
        BibRecord("dublin_core", title="红楼梦 : 校注本 / 曹雪芹著", agents=(Agent("曹雪芹著"),), year=1982,
                  publishers=("人民文学出版社",), languages=("chi",)),
    ),
    "brief and full": (HISTORY, BibRecord("cnmarc", title=HISTORY.title, agents=HISTORY.agents, year=1998)),
    "with and without isbn": (DREAM, replace(DREAM, identifiers=())),
    "neither has an isbn": (HISTORY, replace(HISTORY, dialect="dublin_core", pages=0, publishers=())),
    "a typo in a long title": (HISTORY, replace(HISTORY, title="中国古代经济思相史研究概论")),
    "a typo in a long western title": (ART, replace(ART, title="The art of computer programing")),
    "full width and punctuation": (ART, replace(ART, title="Ｔｈｅ Ａｒｔ ｏｆ computer-programming.")),
    "subtitle in the title, another colon": (
        replace(HISTORY, subtitle="从先秦到明清"), replace(HISTORY, title=HISTORY.title + "：从先秦到明清"),
    ),
    "subtitle run into the title": (
        replace(HISTORY, subtitle="从先秦到明清"), replace(HISTORY, title=HISTORY.title + "从先秦到明清"),
    ),
    "subtitle on one side only": (HISTORY, replace(HISTORY, subtitle="从先秦到明清")),
    "author with initials, other order": (ART, replace(ART, agents=(Agent("D. E. Knuth"),))),
    "author only in the statement of responsibility": (HISTORY, replace(HISTORY, agents=())),
    "glyph variants": (
        replace(HISTORY, title="中国古代硏究方法概论选编"), replace(HISTORY, title="中国古代研究方法概论选编"),
    ),
    "third volume written in three ways": (
        replace(HISTORY, part_number="第三册"), replace(HISTORY, part_number="III"),
    ),
    "volume in the title": (replace(HISTORY, part_number="3"), replace(HISTORY, title=HISTORY.title + " 第三册")),
    "first volume as 上": (replace(HISTORY, part_number="上"), replace(HISTORY, title=HISTORY.title + "（上）")),
    "second edition in two languages": (replace(ART, edition="2nd ed."), replace(ART, edition="Second edition")),
    "第2版 = 第二版": (replace(HISTORY, edition="第2版"), replace(HISTORY, edition="第二版")),
    "year off by one, all else equal": (HISTORY, replace(HISTORY, year=1999)),
    "decade with unknown digit": (HISTORY, replace(HISTORY, year=1990, year_end=1999)),
    "rare book, two copies of one print": (RARE, replace(RARE, title="史記", agents=(Agent("司马迁"),))),
    "serial by issn": (SERIAL, replace(SERIAL, dialect="marc21", title="文學評論", year=1957, publishers=())),
    "serial by cn": (SERIAL, replace(SERIAL, identifiers=(Identifier("cn", "11-1037"),), publishers=())),
    "article in the same host": (ARTICLE, replace(ARTICLE, title="論紅樓夢的敍事結構", pages=0)),
    "pages counted otherwise": (HISTORY, replace(HISTORY, pages=515)),
    "translator only in one record": (DREAM, replace(DREAM, agents=(Agent("高鹗"),), pages=0)),
    "set isbn beside the same volume": (
        replace(DREAM, part_number="上", identifiers=(replace(ISBN, whole_set=True, qualifier="全套"),)),
        replace(DREAM, part_number="上册"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME_PUBLICATION)
def test_joins(name: str) -> None:
    a, b = SAME_PUBLICATION[name]
    found = verdict(a, b)
    assert found.decision == SAME, (found, explain(features_of(a), features_of(b)))


def test_rare_book_extent_and_imprint_are_read() -> None:
    features = features_of(RARE)
    assert (features.title, features.authors) == ("史记", ("司马迁",))
    assert features.imprint == "金陵书局刻本"


VETOED: dict[str, tuple[str, BibRecord, BibRecord]] = {
    "other volume": ("volume", replace(DREAM, part_number="第一册"), replace(DREAM, part_number="2")),
    "other volume, 上 and 下": ("volume", replace(DREAM, title="红楼梦（上）"), replace(DREAM, title="红楼梦（下）")),
    "volumes of a western book": ("volume", replace(ART, part_number="vol. I"), replace(ART, part_number="Volume 2")),
    "other part name": ("part", replace(HISTORY, part_name="先秦卷"), replace(HISTORY, part_name="明清卷")),
    "other edition": ("edition", replace(DREAM, edition="第2版"), replace(DREAM, edition="第3版")),
    "first edition and revised": ("edition", replace(DREAM, edition="第1版"), replace(DREAM, edition="修订版")),
    "other year": ("year", HISTORY, replace(HISTORY, year=2004)),
    "year outside the range": ("year", HISTORY, replace(HISTORY, year=1980, year_end=1989)),
    "before isbn and an undated isbn edition": (
        "before_isbn", replace(DREAM, year=1957, identifiers=()), replace(DREAM, year=0),
    ),
    "print and online": ("carrier", HISTORY, replace(HISTORY, carrier="online")),
    "book and video of it": ("material", DREAM, replace(DREAM, material="video")),
    "article and its host": ("material", SERIAL, ARTICLE),
    "component and book of the same title": ("level", HISTORY, replace(HISTORY, level="a")),
    "serials of other issn": ("issn", SERIAL, replace(SERIAL, identifiers=(Identifier("issn", "1002-5529"),))),
}  # fmt: skip


@pytest.mark.parametrize("name", VETOED)
def test_veto(name: str) -> None:
    code, a, b = VETOED[name]
    assert verdict(a, b) == Verdict(DIFFERENT, 0, code)
    assert conflict(features_of(a), features_of(b)) == code
    assert [line.code for line in explain(features_of(a), features_of(b)) if line.effect == "veto"] == [code]


NOT_JOINED: dict[str, tuple[BibRecord, BibRecord]] = {
    "same title by another author": (
        replace(DREAM, title="现代汉语", agents=(Agent("黄伯荣"),), identifiers=()),
        replace(DREAM, title="现代汉语", agents=(Agent("胡裕树"),), identifiers=(), publishers=("上海教育出版社",)),
    ),
    "unlike titles share an isbn": (DREAM, replace(DREAM, title="三国演义", agents=(Agent("罗贯中"),))),
    "unlike titles share isbn, author and publisher": (
        replace(DREAM, title="骆驼祥子", agents=(Agent("老舍"),)),
        replace(DREAM, title="四世同堂", agents=(Agent("老舍"),)),
    ),
    "short titles one character apart": (
        replace(HISTORY, title="中国文学史"), replace(HISTORY, title="中国哲学史"),
    ),
    "titles of seven characters one apart": (
        replace(HISTORY, title="中国古代文学史"), replace(HISTORY, title="中国古代哲学史"),
    ),
    "long titles with another number": (
        replace(HISTORY, title="中国经济发展第十二个五年规划研究"),
        replace(HISTORY, title="中国经济发展第十三个五年规划研究"),
    ),
    "homophones": (
        replace(HISTORY, title="师范语言研究"), replace(HISTORY, title="示范语言研究"),
    ),
    "generic title without author": (
        BibRecord("cnmarc", title="年鉴", year=1999, publishers=("中国统计出版社",), pages=300, languages=("chi",)),
        BibRecord("cnmarc", title="年鉴", year=1999, publishers=("中国统计出版社",), pages=300, languages=("chi",)),
    ),
    "frontmatter": (
        BibRecord("dublin_core", title="Frontmatter", year=2001, languages=("eng",), publishers=("De Gruyter",)),
        BibRecord("dublin_core", title="Frontmatter", year=2001, languages=("eng",), publishers=("De Gruyter",)),
    ),
    "title only": (BibRecord("dublin_core", title=HISTORY.title), BibRecord("dublin_core", title=HISTORY.title)),
    "set isbn against a volume": (
        BibRecord("cnmarc", title="中国通史", identifiers=(replace(ISBN, whole_set=True, qualifier="全套"),)),
        BibRecord("cnmarc", title="中国通史", identifiers=(ISBN,), part_number="第五卷"),
    ),
    "article in another host": (ARTICLE, replace(ARTICLE, relations=(Relation("host", "红楼梦学刊"),))),
    "translation": (ART, replace(ART, title="计算机程序设计艺术", languages=("chi",), publishers=("国防工业出版社",))),
    "subtitles name other parts": (
        replace(HISTORY, title="中国通史", subtitle="古代卷", pages=300),
        replace(HISTORY, title="中国通史", subtitle="现代卷", pages=500),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_JOINED)
def test_does_not_join(name: str) -> None:
    a, b = NOT_JOINED[name]
    found = verdict(a, b)
    assert found.decision != SAME, (found, explain(features_of(a), features_of(b)))


FOR_REVIEW: dict[str, tuple[str, BibRecord, BibRecord]] = {
    "volume number on one side": ("volume_on_one_side", DREAM, replace(DREAM, part_number="上册")),
    "part name on one side": ("part_on_one_side", DREAM, replace(DREAM, part_name="前八十回")),
    "undated and without identifier": ("undated", replace(HISTORY, year=0), HISTORY),
    "the beginning of a title": ("title_begin", replace(DREAM, title="红楼梦研究"), DREAM),
    "unlike titles, everything else equal": ("title_differs", DREAM, replace(DREAM, title="石头记")),
}  # fmt: skip


@pytest.mark.parametrize("name", FOR_REVIEW)
def test_goes_to_a_person(name: str) -> None:
    cap, a, b = FOR_REVIEW[name]
    found = verdict(a, b)
    assert (found.decision, found.cap) == (REVIEW, cap)
    assert [line.code for line in explain(features_of(a), features_of(b)) if line.effect == "cap"] == [cap]


def test_variant_title_is_evidence() -> None:
    stone = replace(DREAM, title="石头记", titles=(Title("红楼梦"),))
    assert verdict(DREAM, stone).decision == SAME


def test_missing_evidence_counts_zero() -> None:
    bare = BibRecord("cnmarc", title=HISTORY.title)
    assert verdict(HISTORY, bare) == Verdict(DIFFERENT, WEIGHTS["title"])
    lines = [line for line in explain(features_of(HISTORY), features_of(bare)) if line.effect == "points"]
    assert [line.code for line in lines] == ["title"]


def test_explanation_adds_up() -> None:
    a, b = features_of(DREAM), features_of(replace(DREAM, title="紅樓夢", year=1983, identifiers=(OTHER_ISBN,)))
    lines = explain(a, b)
    assert sum(line.points for line in lines) == compare(a, b).score
    assert {line.feature for line in lines} >= {"title", "author", "year", "isbn"}
    assert next(line for line in lines if line.feature == "year").code == "year_off_by_one"
    assert next(line for line in lines if line.feature == "author").a == "曹雪芹, 高鹗"


@pytest.mark.parametrize(
    ("a", "b", "is_similar"),
    [
        ("中国古代经济思想史研究概论", "中国古代经济思相史研究概论", True),
        ("中国古代经济思想史研究概论", "中国古代经济思想史研究概", True),
        ("中国文学史", "中国哲学史", False),
        ("第12届中国计算机大会论文集", "第13届中国计算机大会论文集", False),
        ("theartofcomputerprogramming", "theartofcomputerprograming", True),
        ("theartofwar", "theartoflaw", False),
        ("", "中", False),
        ("红楼梦", "红楼梦", True),
    ],
)
def test_tolerance_grows_with_length(a: str, b: str, is_similar: bool) -> None:
    assert similar(a, b) is similar(b, a) is is_similar


def test_signature_sees_every_element_that_is_compared() -> None:
    base = signature(pack_features(features_of(DREAM)))
    assert signature(pack_features(features_of(replace(DREAM, title="紅樓夢", dialect="marc21")))) == base
    for change in ({"year": 1983}, {"pages": 7}, {"edition": "第2版"}, {"carrier": "online"}, {"part_number": "2"}):
        assert signature(pack_features(features_of(replace(DREAM, **change)))) != base, change  # type: ignore[arg-type]


def test_features_survive_packing() -> None:
    features = features_of(RARE)
    assert unpack_features(pack_features(features)) == features


# ---------------------------------------------------------------------------------------------- properties

_titles = st.sampled_from(["红楼梦", "紅樓夢", "红楼梦研究", "年鉴", "Frontmatter", "中国古代经济思想史研究概论",
                           "Hong lou meng", "中国古代经济思相史研究概论", "中国文学史",
                           "The art of computer programming"])  # fmt: skip
bib_records = st.builds(
    BibRecord,
    dialect=st.just("cnmarc"),
    title=_titles,
    title_alt=st.sampled_from(["", "", "紅樓夢", "Hong lou meng"]),
    subtitle=st.sampled_from(["", "", "校注本", "从先秦到明清"]),
    part_number=st.sampled_from(["", "", "上", "第一册", "2"]),
    part_name=st.sampled_from(["", "", "先秦卷"]),
    titles=st.sampled_from([(), (), (Title("红楼梦"),), (Title("Dream of the red chamber", "parallel"),)]),
    agents=st.sampled_from([(), (Agent("曹雪芹"),), (Agent("Cao, Xueqin"),), (Agent("胡寄窗"),),
                            (Agent("Knuth, D."),)]),
    identifiers=st.sampled_from([(), (ISBN,), (OTHER_ISBN,), (ISBN, OTHER_ISBN), (replace(ISBN, whole_set=True),),
                                 (Identifier("calis", "CAL 012000123456"),)]),
    year=st.sampled_from([0, 1957, 1982, 1983, 1998]),
    year_end=st.sampled_from([0, 0, 1998, 1999]),
    publishers=st.sampled_from([(), ("人民文学出版社",), ("中华书局",)]),
    pages=st.sampled_from([0, 0, 300, 302, 1606]),
    edition=st.sampled_from(["", "", "第2版", "修订版"]),
    material=st.sampled_from(["book", "book", "book", "rare_book", "electronic"]),
    level=st.sampled_from(["m", "m", "m", "a"]),
    languages=st.sampled_from([(), ("chi",), ("eng",)]),
)  # fmt: skip


@given(bib_records, bib_records)
def test_verdict_is_symmetric_and_no_pair_scores_above_its_twins(a: BibRecord, b: BibRecord) -> None:
    x, y = features_of(a), features_of(b)
    found = compare(x, y)
    assert found == compare(y, x)
    assert bool(found.veto) == (sum(line.effect == "veto" for line in explain(x, y)) == 1)
    twins: list[Any] = [compare(x, x), compare(y, y)]
    assert found.score <= min(twin.score for twin in twins) or found.score < 0
    assert found.decision <= min(twin.decision for twin in twins)


@given(bib_records)
def test_accepted_pairs_share_a_key(a: BibRecord) -> None:
    x: Features = features_of(a)
    if compare(x, x).score >= ACCEPT:
        assert x.keys, "a record that could join has nothing to meet by"
