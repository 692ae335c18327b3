"""OpenURL 1.0 and 0.1: what resolvers, databases and our own pages send, and what is sent back."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.requests import GENRES, Citation
from routing.citations import clean
from search_api import examples
from search_api.citation import coins
from search_api.interop import openurl
from search_api.interop.openurl import decode_query, parse_openurl, to_openurl


def parsed(query: str) -> openurl.Parsed:
    return parse_openurl(decode_query(query.encode()))


def told(citation: Citation) -> dict[str, str]:
    """The fields that are told."""
    values = {name: getattr(citation, name) for name in citation.__struct_fields__}
    return {name: value for name, value in values.items() if value}


V1 = "url_ver=Z39.88-2004&ctx_ver=Z39.88-2004&"
JOURNAL = V1 + "rft_val_fmt=info:ofi/fmt:kev:mtx:journal&"
BOOK = V1 + "rft_val_fmt=info:ofi/fmt:kev:mtx:book&"
THESIS = V1 + "rft_val_fmt=info:ofi/fmt:kev:mtx:dissertation&"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        pytest.param(
            JOURNAL + "rft.genre=article&rft.atitle=On+computable+numbers&rft.jtitle=Proc.+London+Math.+Soc."
            "&rft.aulast=Turing&rft.auinit=A.+M.&rft.date=1937&rft.volume=s2-42&rft.issue=1&rft.spage=230&rft.epage=265"
            "&rft.issn=0024-6115&rft_id=info:doi/10.1112/PLMS/S2-42.1.230",
            {
                "genre": "article",
                "title": "Proc. London Math. Soc",
                "article_title": "On computable numbers",
                "article_author": "Turing, A. M.",
                "issn": "0024-6115",
                "doi": "10.1112/plms/s2-42.1.230",
                "date": "1937",
                "volume": "s2-42",
                "issue": "1",
                "pages": "230-265",
            },
            id="an article",
        ),
        pytest.param(
            JOURNAL + "rft.atitle=" + quote("图书馆联盟的馆际互借") + "&rft.jtitle=" + quote("大学图书馆学报")
            + "&rft.aulast=" + quote("张") + "&rft.aufirst=" + quote("晓林") + "&rft.au=" + quote("张晓林")
            + "&rft.au=" + quote("李明") + "&rft.issue=" + quote("第３期") + "&rft.date=2010-05"
            + "&rft.pages=" + quote("12－18"),
            {
                "genre": "article",
                "title": "大学图书馆学报",
                "article_title": "图书馆联盟的馆际互借",
                "article_author": "张晓林; 李明",
                "date": "2010-05",
                "issue": "3",
                "pages": "12-18",
            },
            id="a Chinese article whose author is told twice",
        ),
        pytest.param(
            BOOK + "rft.genre=book&rft.btitle=" + quote("红楼梦") + "&rft.isbn=7-02-000220-7&rft.isbn=978-7-02-000220-7"
            "&rft.date=1982&rft.pub=" + quote("人民文学出版社"),
            {
                "genre": "book",
                "title": "红楼梦",
                "isbn": "9787020002207",
                "date": "1982",
                "publisher": "人民文学出版社",
            },
            id="a book with a wrong ISBN and a right one",
        ),
        pytest.param(
            BOOK + "rft.genre=bookitem&rft.btitle=Handbook&rft.atitle=Chapter+one&rft.pages=12-34",
            {"genre": "chapter", "title": "Handbook", "article_title": "Chapter one", "pages": "12-34"},
            id="a chapter",
        ),
        pytest.param(
            BOOK + "rft.genre=book&rft.btitle=Handbook&rft.atitle=Chapter+one",
            {"genre": "chapter", "title": "Handbook", "article_title": "Chapter one"},
            id="a chapter that is called a book",
        ),
        pytest.param(
            THESIS + "rft.title=Routing&rft.au=Wang%2C+Li&rft.degree=PhD&rft.date=2015&rft.inst=" + quote("北京大学"),
            {
                "genre": "dissertation",
                "title": "Routing",
                "author": "Wang, Li",
                "degree_body": "北京大学",
                "degree": "PhD",
                "date": "2015",
            },
            id="a dissertation",
        ),
        pytest.param(
            "genre=article&issn=00280836&title=Nature&atitle=Molecular+structure&aulast=Watson&aufirst=James"
            "&volume=171&issue=4356&spage=737&date=1953-04-25&sid=ISI:WoS&id=doi:10.1038/171737a0",
            {
                "genre": "article",
                "title": "Nature",
                "article_title": "Molecular structure",
                "article_author": "Watson, James",
                "issn": "0028-0836",
                "doi": "10.1038/171737a0",
                "date": "1953-04-25",
                "volume": "171",
                "issue": "4356",
                "pages": "737",
            },
            id="version 0.1",
        ),
        pytest.param(
            V1 + "rft_id=urn:ISBN:9787020002207&rft_id=info:oclcnum/12345&rft.title=" + quote("红楼梦"),
            {"isbn": "9787020002207", "number": "oclc:12345", "title": "红楼梦", "genre": "unknown"},
            id="numbers as identifiers only",
        ),
        pytest.param(
            JOURNAL + "rft.genre=article&rft.jtitle=PLoS+ONE&rft.atitle=A&rft.artnum=e1234",
            {"genre": "article", "title": "PLoS ONE", "article_title": "A", "pages": "e1234"},
            id="a number of an article in place of pages",
        ),
        pytest.param(
            JOURNAL + "rft.issn=X&rft.eissn=1476-4687&rft.jtitle=Nature&rft.volume=5&rft.issue=2",
            {"genre": "issue", "issn": "1476-4687", "title": "Nature", "volume": "5", "issue": "2"},
            id="the electronic ISSN where the printed one is none",
        ),
        pytest.param(
            BOOK + "rft.isbn=702000220X+(pbk.)%3B+9787101003048",
            {"genre": "book", "isbn": "9787020002207"},
            id="two ISBNs in one value, with a qualifier",
        ),
        pytest.param(
            V1 + "rft_val_fmt=info:ofi/fmt:kev:mtx:patent&rft.title=Pump&rft.number=CN1234567A",
            {"genre": "document", "title": "Pump", "number": "patent:CN1234567A"},
            id="a patent",
        ),
        pytest.param(
            "amp;x=1&genre=book&amp;title=Faust&amp;date=1808",
            {"genre": "book", "title": "Faust", "date": "1808"},
            id="a link whose ampersands were escaped",
        ),
    ],
)  # fmt: skip
def test_a_link_becomes_a_citation(query: str, fields: dict[str, str]) -> None:
    assert told(parsed(query).citation) == fields


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        (JOURNAL + "rft.jtitle=Nature", ()),
        (JOURNAL + "rft.genre=preceeding&rft.jtitle=Proc", ("misspelt_genre",)),
        (JOURNAL + "rft.genre=gopher&rft.jtitle=Nature", ("odd_genre",)),
        ("rft.jtitle=Nature", ("no_version",)),
        (JOURNAL + "rft.jtitle=Nature&rft.volume=1&rft.volume=2", ("repeated",)),
        (BOOK + "rft.isbn=9787020002200&rft.btitle=A", ("bad_isbn",)),
        (JOURNAL + "rft.issn=0028-0837&rft.jtitle=Nature", ("bad_issn",)),
        (BOOK + "rft.btitle=A&rft.pages=xii,+320+p.", ("page_count",)),
        (BOOK + "rft.btitle=A&rft.date=forthcoming", ("odd_date",)),
        (BOOK + "rft.btitle=A&req_id=mailto:reader@example.org", ("personal",)),
        (V1 + "rft_ref=http://example.org/ctx&rft.title=A", ("by_reference",)),
        (V1 + "rft_val_fmt=info:ofi/fmt:kev:mtx:dc&rft.title=A", ("odd_format",)),
        (BOOK + "rft.btitle=" + "A" * 2000, ("too_long",)),
        (V1, ("empty",)),
        ("", ("empty",)),
        ("&".join(f"x{n}=1" for n in range(300)) + "&title=A", ("too_many", "empty")),
    ],
)
def test_what_is_odd_is_noted(query: str, codes: tuple[str, ...]) -> None:
    assert parsed(query).odd == codes
    assert set(codes) <= openurl.ODD_WORDS.keys()


def test_a_misspelt_genre_is_read_as_it_was_meant() -> None:
    assert parsed(JOURNAL + "rft.genre=preceeding&rft.atitle=A").citation.genre == "proceeding"
    assert parsed(JOURNAL + "rft.genre=proceeding&rft.atitle=A").citation.genre == "proceeding"


def test_pages_are_a_range_and_a_count_is_none() -> None:
    assert parsed(BOOK + "rft.btitle=A&rft.tpages=320").citation.pages == ""
    assert parsed(BOOK + "rft.btitle=A&rft.pages=320%E9%A1%B5").citation.pages == ""
    assert parsed(JOURNAL + "rft.atitle=A&rft.pages=117%E2%80%9334").citation.pages == "117-134"
    assert parsed(JOURNAL + "rft.atitle=A&rft.spage=117&rft.epage=117").citation.pages == "117"


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("rft.spage=301&rft.epage=320&rft.pages=20", "301-320"),
        ("rft.spage=301&rft.pages=20", "301"),
        ("rft.spage=e301&rft.epage=e320&rft.pages=20", "e301-e320"),
        ("rft.spage=301&rft.pages=301", "301"),
        ("rft.spage=301&rft.epage=320&rft.pages=301-320,+330", "301-320, 330"),
        ("rft.epage=320&rft.pages=20", "20"),
        ("rft.pages=20", "20"),
    ],
)
def test_a_bare_number_beside_another_first_page_is_a_count(query: str, pages: str) -> None:
    found = parsed(JOURNAL + "rft.atitle=A&" + query)
    assert found.citation.pages == pages
    assert found.odd == (("page_count",) if "=20" in query and "spage" in query else ())


def test_who_sent_it_and_what_is_asked_for() -> None:
    found = parsed(JOURNAL + "rft.jtitle=A&rfr_id=info:sid/cnki.net&svc.ill=yes&svc.fulltext=no&svc.abstract=yes")
    assert (found.version, found.referrer, found.services) == ("1.0", "info:sid/cnki.net", ("ill", "abstract"))
    assert parsed("genre=book&title=A&sid=vendor:db").referrer == "vendor:db"
    assert parsed("genre=book&title=A").version == "0.1"


def test_nothing_personal_is_kept() -> None:
    found = parsed(BOOK + "rft.btitle=A&req_id=mailto:reader@example.org&req_dat=card:1234&pid=reader@example.org")
    assert b"reader" not in msgspec.json.encode(found)
    assert b"1234" not in msgspec.json.encode(found)


def test_an_id_of_ours_counts_only_from_ourselves() -> None:
    url = "rft_id=" + quote("https://tongcang.example/record/3K7M2Q9V") + "&rft.btitle=A"
    assert parsed(BOOK + "rfr_id=info:sid/tongcang&" + url).citation.record_id == "3K7M2Q9V"
    assert parsed(BOOK + "rfr_id=info:sid/other&" + url).citation.record_id == ""


# ---- charsets

CHINESE = {
    "genre": "article",
    "title": "图书情报工作",
    "atitle": "论联合目录的馆藏揭示粒度",
    "aulast": "张",
    "issn": "0252-3116",
}


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "gb2312"])
@pytest.mark.parametrize("declared", [True, False])
def test_chinese_in_its_charsets(charset: str, declared: bool) -> None:
    fields = CHINESE | ({"ctx_enc": f"info:ofi/enc:{charset.upper()}"} if declared else {})
    escaped = urlencode(fields, encoding=charset).encode()
    raw = "&".join(f"{name}={value}" for name, value in fields.items()).encode(charset)
    for query in (escaped, raw):
        assert dict(decode_query(query)) == fields


def test_a_short_value_that_would_pass_for_utf8() -> None:
    """模 and its like: two bytes that are a Latin letter in UTF-8."""
    short = "模"
    assert short.encode("gb18030").decode("utf-8") < "\u0800"
    query = urlencode({"title": short, "atitle": "论联合目录"}, encoding="gb18030").encode()
    assert decode_query(query) == [("title", short), ("atitle", "论联合目录")]


def test_a_charset_that_is_declared_wrongly_is_not_believed() -> None:
    fields = {"ctx_enc": "info:ofi/enc:UTF-8", "title": "联合目录"}
    assert dict(decode_query(urlencode(fields, encoding="gb18030").encode())) == fields


def test_western_letters_in_one_byte() -> None:
    assert decode_query(b"aulast=M%FCller&title=Caf%E9+noir") == [("aulast", "Müller"), ("title", "Café noir")]


def test_letters_as_old_pages_escape_them() -> None:
    assert decode_query(b"title=%u7EA2%u697C%u68A6+A") == [("title", "红楼梦 A")]
    assert decode_query(b"title=%uD842%uDFB7") == [("title", "𠮷")]
    assert decode_query(b"title=%uD842") == [("title", "\ufffd")]


def test_a_query_that_is_cut_loses_its_last_value_only() -> None:
    query = b"title=" + quote("红").encode() + b"&x=" + b"%E7%BA%A2" * 10_000
    assert decode_query(query) == [("title", "红")]


# ---- both ways


def test_our_own_coins_come_back() -> None:
    hit = examples.SEARCH.hits[0]
    found = parse_openurl(decode_query(coins(hit).encode()))
    assert found.odd == ()
    assert found.citation.record_id == hit.id
    assert found.citation.title.startswith(hit.title)
    assert found.citation.author == clean(Citation(author="; ".join(hit.authors))).author
    assert found.citation.isbn == (hit.isbns[0] if hit.isbns else "")
    assert found.citation.year == hit.year


@pytest.mark.parametrize(
    ("material", "genre"),
    [("book", "book"), ("serial", "journal"), ("thesis", "dissertation"), ("rare_book", "book"), ("map", "unknown")],
)
def test_coins_of_every_kind_come_back(material: str, genre: str) -> None:
    hit = msgspec.structs.replace(
        examples.SEARCH.hits[0], material=material, issns=("0028-0836",) if material == "serial" else (), isbns=()
    )
    found = parse_openurl(decode_query(coins(hit).encode()))
    assert (found.citation.genre, found.odd) == (genre, ())
    assert found.citation.issn == "".join(hit.issns)


NAMES = st.sampled_from(["鲁迅", "Knuth, Donald E.", "张三", "Müller, Jörg", "中国图书馆学会"])
TITLES = st.sampled_from(
    ["红楼梦", "The art of computer programming", "C++ & 数据结构 = 100% #1", "学报. 自然科学版", "Œuvres"]
)


@st.composite
def citations(draw: st.DrawFn) -> Citation:
    genre = draw(st.sampled_from([genre for genre in GENRES if genre not in ("unknown", "document")]))
    inside = genre in ("article", "chapter", "proceeding", "preprint")
    author = "; ".join(draw(st.lists(NAMES, max_size=3, unique=True)))
    serial = genre in ("article", "journal", "issue")
    return Citation(
        genre=genre,
        title=draw(TITLES),
        author="" if inside else author,
        article_title=draw(TITLES) if inside else "",
        article_author=author if inside else "",
        isbn="" if serial else draw(st.sampled_from(["", "9787020002207", "978-7-101-00304-8"])),
        issn=draw(st.sampled_from(["", "0028-0836", "02523116"])) if serial else "",
        doi=draw(st.sampled_from(["", "10.1000/182", "doi:10.1038/171737A0"])),
        number=draw(st.sampled_from(["", "cn:11-1541/G2", "oclc:123"])),
        date=draw(st.sampled_from(["", "2010", "2010-05", "2010年5月", "民国二十三年"])),
        volume=draw(st.sampled_from(["", "12", "第12卷", "v.12", "XII"])),
        issue=draw(st.sampled_from(["", "3", "第3期", "3/4", "总第123期", "增刊1"])),
        pages=draw(st.sampled_from(["", "12-34", "pp. 117–34", "e123", "12-34, 40", "xii-xv"])),
        publisher=draw(st.sampled_from(["", "中华书局"])),
        edition=draw(st.sampled_from(["", "第2版", "2nd ed."])),
        record_id=draw(st.sampled_from(["", "3K7M2Q9V"])),
    )


@settings(max_examples=400, deadline=None)
@given(citations(), st.sampled_from(["https://resolver.example/openurl", "https://resolver.example/?site=1"]))
def test_what_is_sent_comes_back(citation: Citation, base: str) -> None:
    url = to_openurl(citation, base)
    assert url.startswith(base)
    assert url.isascii()
    found = parse_openurl(decode_query(url.partition("?")[2].encode()))
    assert found.citation == clean(citation)
    assert not set(found.odd) - {"odd_genre"}


@settings(max_examples=300, deadline=None)
@given(citations())
def test_a_plain_reader_of_query_strings_reads_what_is_sent(citation: Citation) -> None:
    pairs = parse_qsl(to_openurl(citation, "https://resolver.example/").partition("?")[2], strict_parsing=True)
    assert ("ctx_ver", "Z39.88-2004") in pairs
    assert all(value for _, value in pairs)
    titles = [value for name, value in pairs if name in ("rft.jtitle", "rft.btitle", "rft.title")]
    assert titles == [clean(citation).title]


KEYS = (
    "genre issn isbn title atitle jtitle btitle au aulast aufirst date volume issue pages spage epage artnum id sid "
    "pid rft_id rft_val_fmt rfr_id rft_dat ctx_ver ctx_enc svc.ill req_id tpages inst degree number part"
)
ODD_VALUES = ["info:doi/10.1/x", "urn:ISBN:", "info:ofi/fmt:kev:mtx:patent", "info:sid/tongcang", "民国年", "9" * 99]
NAMED = st.tuples(
    st.sampled_from([*KEYS.split(), *(f"rft.{key}" for key in KEYS.split())]) | st.text(max_size=80),
    st.text(max_size=200) | st.sampled_from(ODD_VALUES),
)


@settings(max_examples=1000, deadline=None)
@given(st.lists(NAMED, max_size=30))
@example([("rft.pages", "-")] * 3)
@example([("rft.isbn", ";" * 900)])
def test_any_pairs_give_a_citation(pairs: list[tuple[str, str]]) -> None:
    found = parse_openurl(pairs)
    assert found.citation.genre in GENRES
    assert clean(found.citation) == found.citation
    assert set(found.odd) <= openurl.ODD_WORDS.keys()
    assert len(set(found.odd)) == len(found.odd)
    assert max(len(value) for value in told(found.citation).values()) <= 2 * openurl.LONGEST_VALUE + 1
    to_openurl(found.citation, "https://resolver.example/")


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet="%=&+abcu0123456789EF中", max_size=100).map(str.encode))
def test_any_bytes_give_pairs(raw: bytes) -> None:
    for name, value in decode_query(raw):
        assert isinstance(name, str)
        value.encode("utf-8")  # no lone surrogates
    parse_openurl(decode_query(raw))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=9), st.text(max_size=30)), max_size=9))
def test_utf8_is_read_as_it_is(pairs: list[tuple[str, str]]) -> None:
    pairs = [(name.removeprefix("amp;") or "x", value.replace("%u", "")) for name, value in pairs]
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()
    got = decode_query(query)
    assert [value for _, value in got] == [value for _, value in pairs]


def test_every_note_is_told_in_both_languages() -> None:
    for chinese, english in openurl.ODD_WORDS.values():
        assert not chinese.isascii()
        assert english.isascii()
