"""GB/T 7714-2015 and COinS."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from mappings.model import Agent, BibRecord
from search_api import examples
from search_api.citation import coins, gbt7714


def author(name: str, *roles: str, kind: str = "person") -> Agent:
    return Agent(name, kind=kind, roles=roles or ("aut",), primary=not roles)


def book(**fields: Any) -> BibRecord:
    return BibRecord(**{"dialect": "cnmarc", "title": "红楼梦", "languages": ("chi",), **fields})


@pytest.mark.parametrize(
    ("bib", "text"),
    [
        (
            book(
                agents=(author("曹雪芹"), author("高鹗")),
                places=("北京",),
                publishers=("人民文学出版社",),
                year=2008,
                pages=1606,
                edition="第3版",
            ),
            "曹雪芹, 高鹗. 红楼梦[M]. 3版. 北京: 人民文学出版社, 2008: 1606.",
        ),
        (book(edition="第1版", year=1982), "红楼梦[M]. 1982."),
        (book(), "红楼梦[M]."),
        (
            book(agents=tuple(author(name) for name in ("甲", "乙", "丙", "丁")), subtitle="脂评本"),
            "甲, 乙, 丙, 等. 红楼梦: 脂评本[M].",
        ),
        (
            book(title="梦的解析", agents=(author("弗洛伊德"), author("丹宁", "trl")), year=1996),
            "弗洛伊德. 梦的解析[M]. 丹宁, 译. 1996.",
        ),
        (
            book(
                title="The art of computer programming",
                agents=(author("Knuth, Donald E."),),
                languages=("eng",),
                part_number="Vol. 1",
                edition="3rd ed.",
                year=1997,
            ),
            "KNUTH D E. The art of computer programming: Vol. 1[M]. 3rd ed. 1997.",
        ),
        (
            book(title="红楼梦学刊", material="serial", places=("北京",), year=1979, year_end=9999, pages=300),
            "红楼梦学刊[J]. 北京, 1979-.",
        ),
        (book(title="新青年", material="serial", year=1915, year_end=1926), "新青年[J]. 1915-1926."),
        (book(title="数据集", material="electronic", carrier="online", year=2020), "数据集[EB/OL]. 2020."),
        (book(agents=(author("中国艺术研究院", "edt", kind="body"),)), "中国艺术研究院. 红楼梦[M]."),
    ],
)
def test_a_citation_has_what_the_record_has_and_no_more(bib: BibRecord, text: str) -> None:
    assert gbt7714(bib) == text


def keys(**changes: Any) -> dict[str, list[str]]:
    hit = examples.SEARCH.hits[0]
    return parse_qs(coins(msgspec.structs.replace(hit, **changes)), strict_parsing=True)


def test_coins_of_a_book() -> None:
    found = keys(subtitle="校注本", authors=("曹雪芹", "高鹗"))
    assert found["rft_val_fmt"] == ["info:ofi/fmt:kev:mtx:book"]
    assert found["rft.btitle"] == ["红楼梦: 校注本"]
    assert found["rft.au"] == ["曹雪芹", "高鹗"]
    assert found["rft.isbn"] == ["9787020002207"]
    assert (found["rft.pub"], found["rft.place"], found["rft.date"]) == (["人民文学出版社"], ["北京"], ["2008"])


def test_coins_of_a_serial_and_of_a_thesis() -> None:
    serial = keys(material="serial", issns=("1001-7917",), isbns=())
    assert (serial["rft.genre"], serial["rft.jtitle"], serial["rft.issn"]) == (["journal"], ["红楼梦"], ["1001-7917"])
    assert "rft.pub" not in serial
    thesis = keys(material="thesis", publisher="中国人民大学")
    assert (thesis["rft.title"], thesis["rft.inst"]) == (["红楼梦"], ["中国人民大学"])


def test_a_value_cannot_break_out_of_its_key() -> None:
    assert keys(title="A&rft.au=Mallory \"'<b>")["rft.au"] == ["曹雪芹"]
