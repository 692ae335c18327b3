"""The full description: rows, languages of texts, links."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.model import (
    Agent,
    BibRecord,
    Holder,
    Holding,
    Identifier,
    Library,
    Link,
    Member,
    Note,
    Subject,
    Title,
    UnionRecord,
)
from search_api.describing import describe, present_record, publication, safe_url, text_language, years

LIBRARIES = {"RUC": Library("RUC", "中国人民大学图书馆", "Renmin University of China Library")}


def bib(**fields: Any) -> BibRecord:
    return BibRecord(**{"dialect": "cnmarc", "title": "红楼梦", "languages": ("chi",), **fields})


def rows(record: BibRecord) -> dict[str, list[str]]:
    return {row.label.en: [value.text for value in row.values] for row in describe(record)}


def test_only_elements_that_the_record_has_are_rows() -> None:
    assert set(rows(bib())) == {"Format", "Language"}


def test_elements_become_rows_with_their_words() -> None:
    record = bib(
        agents=(Agent("曹雪芹", roles=("aut",), alt="Cao, Xueqin", dates="约1715-1763"),),
        titles=(Title("石头记", "variant"),),
        identifiers=(Identifier("isbn", "7020002200", "精装", "invalid"),),
        subjects=(Subject("红学"),),
        notes=(Note("以程乙本为底本", "abstract"), Note("附录")),
    )
    found = rows(record)
    assert found["Authors"] == ["曹雪芹, 约1715-1763"]
    assert found["Abstract"] == ["以程乙本为底本"]
    assert found["Notes"] == ["附录"]
    values = {row.label.en: row.values[0] for row in describe(record)}
    assert values["Authors"].twin == "Cao, Xueqin"
    assert values["Authors"].note is not None and values["Authors"].note.zh == "著"
    assert values["Identifiers"].note is not None and values["Identifiers"].note.zh == "精装；校验不符"
    assert values["Subjects"].href == "/search?subject=%E7%BA%A2%E5%AD%A6"


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://example.org/书?a=1", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        (" https://example.org", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("//example.org", False),
        ("https://", False),
        ("http://[::1", False),
        ("ftp://example.org/a", False),
        ("", False),
    ],
)
def test_only_http_addresses_become_links(url: str, is_link: bool) -> None:
    assert safe_url(url) == (url if is_link else "")
    (row,) = (row for row in describe(bib(links=(Link(url, "在线"),))) if row.label.en == "Links")
    assert row.values[0].href == safe_url(url)


@pytest.mark.parametrize(
    ("text", "languages", "lang"),
    [
        ("红楼梦", ("chi",), "zh"),
        ("红楼梦", (), "zh"),
        ("紅楼夢の研究", ("chi",), "ja"),
        ("源氏物語", ("jpn",), "ja"),
        ("홍루몽", ("chi",), "ko"),
        ("Die Traumdeutung", ("ger",), "de"),
        ("Hong lou meng", ("chi",), "zh-Latn"),
        ("Dream", (), ""),
        ("1984", ("eng",), ""),
    ],
)
def test_the_language_of_a_text_follows_its_script(text: str, languages: tuple[str, ...], lang: str) -> None:
    assert text_language(text, languages) == lang


def test_what_only_spells_another_value_is_not_said_twice() -> None:
    both = bib(
        places=("北京", "Beijing", "New York"),
        publishers=("人民文学出版社", "Ren Min Wen Xue Chu Ban She", "Springer"),
        titles=(Title("石头记"), Title("Shi tou ji"), Title("Hong lou meng"), Title("Dream of the red chamber")),
        year=1996,
    )
    assert publication(both) == "北京 ; New York : 人民文学出版社 ; Springer, 1996"
    assert rows(both)["Other titles"] == ["石头记", "Dream of the red chamber"]
    assert publication(bib(places=("Beijing",))) == "Beijing"


def test_publication_and_years() -> None:
    assert publication(bib(places=("北京",), publishers=("中华书局",), year=1998)) == "北京 : 中华书局, 1998"
    assert publication(bib(publishers=("中华书局",), date_text="民国二十年")) == "中华书局, 民国二十年"
    assert [years(0, 0), years(1998, 0), years(1915, 1926), years(1979, 9999)] == ["", "1998", "1915–1926", "1979–"]


def test_a_record_tells_holders_and_sources_by_name() -> None:
    union = UnionRecord(
        "3K7M2Q9V",
        bib(),
        (Member(1, "RUC", "001"),),
        (Holder("RUC", (Holding(call_number="I242"),), False, ("001",)),),
    )
    answer = present_record(union, LIBRARIES, "http://example.org")
    assert answer.holders[0].name_zh == answer.sources[0].name_zh == "中国人民大学图书馆"
    assert answer.holders[0].availability_zh == "暂不可提供"
    assert answer.citation == "红楼梦[M]."
    assert answer.url == "http://example.org/record/3K7M2Q9V"
