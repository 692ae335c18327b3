"""Citations: cleaned, asked for what they lack, compared, written for readers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.model import Agent, BibRecord, Classification, Identifier, Relation, Series, UnionRecord
from mappings.requests import GENRES, Citation, Wish
from routing import citations
from routing.citation_parts import count_pages
from routing.citations import (
    FIELD_WORDS,
    citation_of,
    clean,
    display,
    item_key,
    kind_of,
    missing,
    same_item,
    wanted_part,
    wish_facts,
)


@pytest.mark.parametrize(
    ("field", "written", "cleaned"),
    [
        ("title", " 红楼梦 / ", "红楼梦"),
        ("title", "ＡＢＣ　２０１０", "ABC 2010"),
        ("title", "Cafe\u0301 society :", "Café society"),
        ("title", "《红楼梦》（增订本）", "《红楼梦》（增订本）"),  # Chinese punctuation belongs to the title
        ("author", "Knuth, Donald E.", "Knuth, Donald E."),
        ("genre", "Article", "article"),
        ("genre", "gopher", "unknown"),
        ("isbn", "７－０２－０００２２０－Ｘ", "9787020002207"),
        ("isbn", "ISBN 978-7-02-000220-7 (精装)", "9787020002207"),
        ("isbn", "978-7-02-000220-0", "978-7-02-000220-0"),  # the checksum is wrong: as written
        ("issn", "ISSN 0028 0836", "0028-0836"),
        ("issn", "00280836", "0028-0836"),
        ("doi", "https://doi.org/10.1038/171737A0", "10.1038/171737a0"),
        ("record_id", "3k7m2q9v", "3K7M2Q9V"),
        ("volume", "第12卷", "12"),
        ("volume", "第十二卷", "12"),
        ("volume", "v.12", "12"),
        ("volume", "Vol. XII", "12"),
        ("volume", "Bd. 3", "3"),
        ("volume", "Volume 012", "12"),
        ("volume", "s2-42", "s2-42"),
        ("volume", "Violin I", "Violin I"),  # no label, no number
        ("issue", "第3期", "3"),
        ("issue", "第三期", "3"),
        ("issue", "no. 3", "3"),
        ("issue", "№ 3", "№ 3"),
        ("issue", "3/4", "3-4"),
        ("issue", "3、4", "3-4"),
        ("issue", "3—4期", "3-4"),
        ("issue", "总第123期", "总123"),
        ("issue", "增刊1", "增刊1"),
        ("issue", "Suppl. 1", "Suppl. 1"),
        ("pages", "pp. 12–34", "12-34"),
        ("pages", "第12-34页", "12-34"),
        ("pages", "p.12", "12"),
        ("pages", "12－34", "12-34"),
        ("pages", "117-34", "117-134"),
        ("pages", "12-12", "12"),
        ("pages", "S12-S15", "S12-S15"),
        ("pages", "12-15，20", "12-15, 20"),
        ("pages", "e1234", "e1234"),
        ("pages", "xii–xv", "xii-xv"),
        ("date", "2010年5月", "2010-05"),
        ("date", "20100512", "2010-05-12"),
        ("date", "2010.5.2", "2010-05-02"),
        ("date", "May 2011", "2011-05"),
        ("date", "12 May 2011", "2011-05-12"),
        ("date", "c2011", "2011"),
        ("date", "民国二十三年", "1934"),
        ("date", "1991-1995", "1991"),
        ("date", "in press", "in press"),
    ],
)
def test_a_field_is_cleaned(field: str, written: str, cleaned: str) -> None:
    found = clean(msgspec.structs.replace(Citation(), **{field: written}))
    assert getattr(found, field) == cleaned


@pytest.mark.parametrize(
    ("volume", "issue", "expected"),
    [
        ("12(3)", "", ("12", "3", "")),
        ("", "12(3)", ("12", "3", "")),
        ("第12卷第3期", "", ("12", "3", "")),
        ("", "第十二卷 第3-4期", ("12", "3-4", "")),
        ("vol. 12, no. 3", "", ("12", "3", "")),
        ("", "2010年第3期", ("", "3", "2010")),
        ("12", "2010, 3", ("12", "3", "2010")),
        ("12(3)", "4", ("12(3)", "4", "")),  # they contradict each other: as written
    ],
)
def test_volume_and_issue_in_one_field_come_apart(volume: str, issue: str, expected: tuple[str, str, str]) -> None:
    found = clean(Citation(volume=volume, issue=issue))
    assert (found.volume, found.issue, found.date) == expected


def test_a_number_in_the_wrong_field_goes_to_its_own() -> None:
    assert clean(Citation(isbn="0028-0836")).issn == "0028-0836"
    assert clean(Citation(issn="978-7-02-000220-7")).isbn == "9787020002207"


FIELDS = [name for name in Citation.__struct_fields__ if name != "genre"]
TEXTS = (
    st.text(max_size=40)
    | st.text(alphabet="0123456789-–/,() 第卷期页总年vnopXIV.S", max_size=16)
    | st.sampled_from(
        ["第12卷第3期", "pp. 12–34", "民国二十三年", "9787020002207", "0028-0836", "10.1000/182", "A. : /"]
    )
)
CITATIONS = st.builds(
    lambda genre, values: Citation(genre, **values),
    st.sampled_from(GENRES),
    st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=10),
)


@settings(max_examples=600, deadline=None)
@given(CITATIONS)
@example(Citation(title="A. ."))
@example(Citation(pages="第第第1页"))
@example(Citation(volume="第第十二卷"))
def test_cleaning_twice_changes_nothing(citation: Citation) -> None:
    cleaned = clean(citation)
    assert clean(cleaned) == cleaned
    assert display(cleaned) == display(citation)
    assert item_key(cleaned) == item_key(citation)


@settings(max_examples=300, deadline=None)
@given(CITATIONS, CITATIONS)
def test_the_same_key_is_the_same_item(one: Citation, other: Citation) -> None:
    assert same_item(one, other) == same_item(other, one)
    if item_key(one):
        assert same_item(one, one)
        if item_key(one) == item_key(other):
            assert same_item(one, other)
    else:
        assert not same_item(one, other)


@settings(max_examples=200, deadline=None)
@given(CITATIONS, st.sampled_from(["copy", "loan", "copy_or_loan"]))
def test_what_is_asked_for_has_words_and_more_told_is_never_more_asked(citation: Citation, service: str) -> None:
    asked = missing(Wish(clean(citation), service))
    assert set(asked) <= FIELD_WORDS.keys()
    told = msgspec.structs.replace(
        citation, title="T", author="A", article_title="B", issn="0028-0836", date="2010", number="patent:CN1"
    )
    assert missing(Wish(clean(told), service)) == ()
    assert "\n" not in display(citation)


# ---- what is missing


@pytest.mark.parametrize(
    ("citation", "codes"),
    [
        (Citation("article", title="Nature", article_title="A", date="1953"), ()),
        (Citation("article", issn="0028-0836", pages="737", volume="171"), ()),
        (Citation("article", article_title="A", date="1953"), ("journal_title",)),
        (Citation("article", title="Nature", date="1953"), ("article",)),
        (Citation("article", title="Nature", article_title="A"), ("year_or_volume",)),
        (Citation("article", title="图书馆", article_title="A", issue="总123"), ()),
        (Citation("article"), ("journal_title", "article", "year_or_volume")),
        (Citation("article", doi="10.1038/171737a0"), ()),
        (Citation("article", record_id="3K7M2Q9V", article_title="A"), ("year_or_volume",)),
        (Citation("journal", title="Nature", article_title="A", date="1953"), ()),
        (Citation("journal", title="Nature", date="1953"), ()),
        (Citation("journal", record_id="3K7M2Q9V"), ("year_or_volume",)),
        (Citation("chapter", title="Handbook"), ("chapter",)),
        (Citation("chapter", article_title="A"), ("book_title",)),
        (Citation("chapter", isbn="9787020002207", pages="12-34"), ()),
        (Citation("proceeding", article_title="A"), ("proceedings_title",)),
        (Citation("dissertation", title="Routing"), ("thesis_author",)),
        (Citation("dissertation", author="Wang"), ("thesis_title",)),
        (Citation("dissertation", record_id="3K7M2Q9V"), ()),
        (Citation("document", number="patent:"), ("patent_number",)),
        (Citation("document", number="patent:CN1234567A"), ()),
        (Citation("document", title="文献著录", number="standard:"), ("standard_number",)),
        (Citation("document", number="standard:GB/T 7714-2015"), ()),
        (Citation(), ("title",)),
        (Citation(title="红楼梦"), ()),
        (Citation("report", number="oclc:"), ("title",)),
    ],
)
def test_what_must_be_asked_for(citation: Citation, codes: tuple[str, ...]) -> None:
    assert missing(Wish(citation)) == codes


@pytest.mark.parametrize(
    ("service", "material", "codes"),
    [
        ("loan", "book", ()),
        ("copy_or_loan", "book", ()),
        ("copy", "book", ("pages_of_book",)),  # nobody copies a whole book
        ("copy", "rare_book", ()),
        ("copy", "map", ()),
    ],
)
def test_a_copy_of_a_book_needs_its_pages(service: str, material: str, codes: tuple[str, ...]) -> None:
    assert missing(Wish(Citation("book", title="红楼梦"), service, material=material)) == codes
    assert missing(Wish(Citation("book", title="红楼梦", pages="12-34"), service, material=material)) == ()


def test_every_field_is_asked_for_in_both_languages() -> None:
    for chinese, english in FIELD_WORDS.values():
        assert not chinese.isascii()
        assert english.isascii()


# ---- from the union catalogue


def test_a_book_is_cited_as_catalogued() -> None:
    bib = BibRecord(
        "cnmarc",
        title="红楼梦",
        part_number="上册",
        agents=(Agent("曹雪芹", roles=("aut",), primary=True), Agent("启功", roles=("ann",))),
        identifiers=(
            Identifier("isbn", "9787101003048", whole_set=True),
            Identifier("isbn", "9787020002207"),
            Identifier("isbn", "978", status="invalid"),
            Identifier("oclc", "123"),
        ),
        year=1982,
        languages=("chi",),
        places=("北京",),
        publishers=("人民文学出版社",),
        series=(Series("中国古典文学读本丛书"),),
        classes=(Classification("ddc", "895"), Classification("clc", "I242.4")),
    )
    union = UnionRecord("3K7M2Q9V", bib)
    assert citation_of(union) == Citation(
        "book",
        title="红楼梦 上册",
        author="曹雪芹",
        isbn="9787020002207",
        number="oclc:123",
        date="1982",
        part="上册",
        publisher="人民文学出版社",
        place="北京",
        series="中国古典文学读本丛书",
        language="chi",
        record_id="3K7M2Q9V",
    )
    assert wish_facts(union) == ("book", "I", "chi")


def test_a_serial_is_cited_without_the_year_in_which_it_began() -> None:
    bib = BibRecord(
        "cnmarc",
        title="图书情报工作",
        material="serial",
        year=1957,
        year_end=9999,
        identifiers=(Identifier("issn", "0252-3116"), Identifier("cn", "11-1541/G2")),
    )
    found = citation_of(UnionRecord("3K7M2Q9V", bib))
    assert (found.genre, found.issn, found.number, found.date) == ("journal", "0252-3116", "cn:11-1541/G2", "")
    assert wish_facts(UnionRecord("3K7M2Q9V", bib)) == ("serial", "", "")


def test_an_article_is_cited_in_its_journal() -> None:
    bib = BibRecord(
        "marc21",
        title="On computable numbers",
        material="article",
        agents=(Agent("Turing, A. M.", primary=True),),
        relations=(Relation("host", "Proceedings", "0024-6115", "Vol. 42, no. 1"),),
        year=1937,
    )
    found = citation_of(UnionRecord("3K7M2Q9V", bib))
    assert (found.genre, found.title, found.article_title) == ("article", "Proceedings", "On computable numbers")
    assert (found.article_author, found.author, found.issn) == ("Turing, A. M.", "", "0024-6115")
    assert (found.volume, found.issue, found.date) == ("42", "1", "1937")


def test_a_dissertation_is_cited_with_its_university() -> None:
    bib = BibRecord(
        "cnmarc",
        title="文献传递研究",
        material="thesis",
        agents=(Agent("王丽", primary=True), Agent("北京大学", kind="body", roles=("dgg",))),
        year=2015,
    )
    found = citation_of(UnionRecord("3K7M2Q9V", bib))
    assert (found.genre, found.author, found.degree_body) == ("dissertation", "王丽", "北京大学")
    assert missing(Wish(found, material="thesis")) == ()


# ---- comparing


ARTICLE = Citation("article", issn="0028-0836", volume="171", issue="4356", pages="737-738", date="1953")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"issn": "00280836", "volume": "vol. 171", "issue": "no. 4356", "pages": "pp. 737–8"}, True),
        ({"title": "Nature", "article_title": "Molecular structure", "date": ""}, True),
        ({"pages": "740"}, False),
        ({"issue": "4357"}, False),
        ({"volume": "172"}, False),
        ({"issn": "0036-8075"}, False),
    ],
)
def test_the_same_article(change: dict[str, str], same: bool) -> None:
    other = msgspec.structs.replace(ARTICLE, **change)
    assert same_item(ARTICLE, other) is same
    assert (item_key(ARTICLE) == item_key(other)) is same


def test_the_same_record_is_the_same_item_whatever_else_is_told() -> None:
    one = Citation("book", title="红楼梦", record_id="3K7M2Q9V")
    assert same_item(one, Citation("book", isbn="9787020002207", record_id="3K7M2Q9V"))
    assert not same_item(one, Citation("book", title="红楼梦", record_id="3K7M2Q9W"))
    assert not same_item(one, Citation("book", record_id="3K7M2Q9V", part="下册"))


def test_one_number_is_enough_beside_a_record() -> None:
    one = Citation("book", isbn="9787020002207", record_id="3K7M2Q9V")
    assert same_item(one, Citation("book", isbn="7-02-000220-X"))


def test_a_doi_says_it_alone() -> None:
    one = Citation("article", doi="10.1038/171737a0", pages="737")
    assert same_item(one, Citation("article", doi="https://doi.org/10.1038/171737A0"))
    assert not same_item(one, Citation("article", doi="10.1038/171738a0", pages="737"))


def test_articles_without_pages_differ_by_title_and_year() -> None:
    one = Citation("article", title="图书馆", article_title="论馆藏", date="2010")
    assert same_item(one, Citation("article", title="图书馆", article_title="论馆藏。", date="2010-05"))
    assert not same_item(one, Citation("article", title="图书馆", article_title="论传递", date="2010"))
    assert not same_item(one, Citation("article", title="图书馆", article_title="论馆藏", date="2011"))


def test_nothing_told_is_no_item() -> None:
    assert item_key(Citation("article", volume="1")) == ""
    assert not same_item(Citation(), Citation())


# ---- for readers


@pytest.mark.parametrize(
    ("citation", "line"),
    [
        (
            Citation("article", title="大学图书馆学报", article_title="论馆藏", article_author="张三", date="2010-05",
                     volume="第12卷", issue="3", pages="12-18"),
            "张三. 论馆藏[J]. 大学图书馆学报, 2010, 12(3): 12-18.",
        ),
        (Citation("article", title="图书馆", date="2010", issue="第3期"), "图书馆[J]. 2010, (3)."),
        (
            Citation("book", title="红楼梦", author="曹雪芹", place="北京", publisher="人民文学出版社", date="1982"),
            "曹雪芹. 红楼梦[M]. 北京: 人民文学出版社, 1982.",
        ),
        (
            Citation("chapter", title="Handbook", author="Ed, A.", article_title="One", article_author="B, C.",
                     date="2001", pages="3-9"),
            "B, C. One[M]//Ed, A. Handbook. 2001: 3-9.",
        ),
        (
            Citation("dissertation", title="文献传递研究", author="王丽", degree_body="北京大学", date="2015"),
            "王丽. 文献传递研究[D]. 北京大学, 2015.",
        ),
        (Citation("document", title="文献著录", number="standard:GB/T 7714-2015"), "文献著录[S]. GB/T 7714-2015."),
        (Citation(title="红楼梦"), "红楼梦."),
        (Citation(issn="0028-0836"), "0028-0836"),
        (Citation("article", doi="10.1038/171737a0"), "10.1038/171737a0"),
        (Citation(), ""),
    ],
)  # fmt: skip
def test_one_line_for_readers(citation: Citation, line: str) -> None:
    assert display(citation) == line


@pytest.mark.parametrize(
    ("citation", "part"),
    [
        (Citation("article", date="2010-05", volume="12", issue="3", pages="12-18"), "2010, 12(3): 12-18"),
        (Citation("journal", date="2010"), "2010"),
        (Citation("book", title="红楼梦", date="1982", part="上册"), "上册"),
        (Citation("book", title="红楼梦", date="1982", pages="12-34"), "12-34"),
        (Citation("book", title="红楼梦", date="1982"), ""),
    ],
)
def test_what_of_it_is_wanted(citation: Citation, part: str) -> None:
    assert wanted_part(citation) == part


def test_the_genre_that_the_fields_tell() -> None:
    assert kind_of(Citation(article_title="A", issn="0028-0836")) == "article"
    assert kind_of(Citation("journal", article_title="A")) == "article"
    assert kind_of(Citation("book", article_title="A")) == "chapter"
    assert kind_of(Citation("journal", volume="1")) == "journal"
    assert kind_of(Citation(title="A")) == "unknown"


def test_marks_are_of_genres() -> None:
    assert set(citations._MARKS) - {"patent", "standard"} <= set(GENRES)


@pytest.mark.parametrize(
    ("pages", "count"),
    [("12-34", 23), ("pp. 12–34", 23), ("117-34", 18), ("3-9, 12", 8), ("第5页", 1), ("", 0), ("e1234", 0),
     ("xii-xx", 0), ("34-12", 0), ("1-999999", 0)],
)  # fmt: skip
def test_how_many_pages_are_wanted(pages: str, count: int) -> None:
    assert count_pages(pages) == count
