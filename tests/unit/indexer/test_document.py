"""The document of a union record."""

from __future__ import annotations

import math
import re

import msgspec
import pytest

from indexer import document as module
from indexer.document import ANALYSIS_VERSION, Brief, BriefHolder, document_of, documents
from indexer.engine.protocol import KEYWORD_FIELDS, NUMBER_FIELDS, TEXT_FIELDS
from mappings.model import (
    Agent,
    BibRecord,
    Classification,
    Holder,
    Holding,
    Identifier,
    Item,
    Note,
    Series,
    Subject,
    Title,
    UnionRecord,
    decode,
    encode,
    union_id,
)

DREAM = BibRecord(
    "cnmarc",
    title="紅樓夢",
    title_pinyin="hong lou meng",
    subtitle="校註本",
    part_number="第一冊",
    responsibility="曹雪芹著",
    titles=(Title("石頭記", pinyin="shi tou ji"), Title("石頭記")),
    series=(Series("中国古典文学读本丛书", "1"),),
    agents=(Agent("曹雪芹", roles=("aut",), primary=True), Agent("单田芳")),
    identifiers=(
        Identifier("isbn", "9787020002207"),
        Identifier("isbn", "9787020002207", "精装"),
        Identifier("issn", "1000-5560"),
        Identifier("tyshuhao", "10019·1974"),
    ),
    year=1982,
    languages=("chi",),
    places=("北京", "上海"),
    publishers=("人民文学出版社",),
    subjects=(Subject("章回小說--中國"),),
    classes=(Classification("clc", "I242.4"), Classification("ddc", "895.1")),
    notes=(Note("寫賈府的興衰。" * 60, "abstract"), Note("有插图")),
)
HOLDERS = (
    Holder("RUC", (Holding(branch="总馆"), Holding(call_number="I242.4/1", location="中文库", coverage="1-3"))),
    Holder("CLCN", (Holding(items=(Item(call_number="I242/2", location="典藏"),)),), available=False),
)
UNION = UnionRecord(union_id(77), DREAM, holders=HOLDERS)


def test_text_fields_are_folded_tokens() -> None:
    text = document_of(UNION, 5).text
    assert set(text) == set(TEXT_FIELDS)
    assert text["title"] == "红楼 楼梦 第一 一册 _gap_ 校注 注本"
    assert text["alt"] == "石头 头记"
    assert text["author"] == "曹雪 雪芹 _gap_ 单田 田芳 _gap_ 曹雪 雪芹 芹著"
    assert text["subject"] == "章回 回小 小说 中国"
    assert text["publisher"].startswith("人民 民文")
    assert text["series"].endswith("丛书 1")
    assert text["abstract"].startswith("写贾 贾府")
    assert {"t红", "t记", "a曹", "s章", "p社", "r丛", "r书1", "s说中"} <= set(text["uni"].split())
    assert text["py"].split(" _gap_ ") == [
        "thong tlou tmeng", "tshi ttou tji", "acao axue aqin", "ashan atian afang",
    ]  # fmt: skip
    assert text["ini"] == "thlm tstj acxq astf"
    assert text["sug"] == "红 红楼 红楼梦 h hl hlm"


def test_keywords_numbers_and_order() -> None:
    made = document_of(UNION, 5)
    assert (made.id, made.key, made.version) == (union_id(77), 77, 5)
    assert set(made.keyword) <= set(KEYWORD_FIELDS)
    assert made.keyword["lib"] == ("RUC", "CLCN")
    assert made.keyword["avl"] == ("RUC",)
    assert made.keyword["format"] == ("book",)
    assert made.keyword["carrier"] == ("print",)
    assert made.keyword["language"] == ("chi",)
    assert made.keyword["subject_kw"] == ("章回小說--中國",)
    assert made.keyword["author_kw"] == ("曹雪芹", "单田芳")
    assert made.keyword["isbn"] == ("9787020002207",)
    assert made.keyword["issn"] == ("1000-5560",)
    assert made.keyword["class_kw"] == ("I",)
    assert made.keyword["number"] == (
        "tyshuhao:10019·1974", "clc:I2", "clc:I24", "clc:I242", "clc:I242.4",
    )  # fmt: skip
    assert made.number == {"year": 1982, "holders": 2, "key": 77}
    assert set(made.number) == set(NUMBER_FIELDS)
    assert made.sort_title == "hong lou meng 红楼梦 第一册"
    assert math.log2(2 + made.prior) == pytest.approx(1 + 0.15 * math.log2(3))


def test_the_brief_is_what_a_hit_list_shows() -> None:
    brief = decode(document_of(UNION, 5).source, Brief)
    assert brief.title == "紅樓夢"
    assert (brief.place, brief.publisher, brief.classes) == ("北京", "人民文学出版社", ("I242.4", "895.1"))
    assert brief.isbns == ("9787020002207",)
    assert len(brief.abstract) == 300
    assert brief.holders == (
        BriefHolder("RUC", call_number="I242.4/1", location="总馆", coverage="1-3"),
        BriefHolder("CLCN", available=False, call_number="I242/2", location="典藏"),
    )


def test_a_bare_record_has_sentinels_and_no_empty_keywords() -> None:
    bare = UnionRecord(union_id(1), BibRecord("dublin_core", title="——"))
    made = document_of(bare, 1)
    assert set(made.text.values()) == {"_"}
    assert made.keyword == {"format": ("book",), "carrier": ("print",)}
    assert (made.prior, made.sort_title) == (0.0, "")
    assert decode(made.source, Brief) == Brief(union_id(1), "——")


def test_records_own_pinyin_counts_where_it_fits() -> None:
    def py(title: str, own: str) -> str:
        return document_of(UnionRecord(union_id(1), BibRecord("cnmarc", title=title, title_pinyin=own)), 1).text["py"]

    assert py("长恨歌", "zhang hen ge") == "tzhang then tge"  # as the cataloguer says
    assert py("长恨歌", "changhenge") == "tchang then tge"
    assert py("21世纪", "er shi yi shi ji") == "t21 tshi tji _gap_ ter tshi tyi tshi tji"
    assert py("长恨歌", "no pinyin") == "tchang then tge"
    assert py("女书", "nü shu") == py("女书", "nv shu") == py("女书", "") == "tnu tshu"


def test_a_romanised_title_is_heard_only_in_chinese() -> None:
    def py(title: str, alt: str, language: str) -> str:
        bib = BibRecord("marc21", title=title, title_alt=alt, languages=(language,))
        return document_of(UnionRecord(union_id(1), bib), 1).text["py"]

    assert py("Honglou meng", "", "chi") == "thong tlou tmeng"
    assert py("Honglou meng", "紅樓夢", "chi") == "thong tlou tmeng"
    assert py("China in change", "", "eng") == "_"


def test_an_article_is_passed_over_in_the_order_of_titles() -> None:
    def key(title: str) -> str:
        return document_of(UnionRecord(union_id(1), BibRecord("marc21", title=title)), 1).sort_title

    assert key("The Dream of the Red Chamber") == "dream of the red chamber"
    assert key("The") == "the"
    assert key("單于") < key("馋嘴") < key("红楼梦") < key("洪秀全")  # chan yu, chan zui, hong lou …


def test_classes_of_technology_have_two_letters() -> None:
    bib = BibRecord(
        "cnmarc",
        title="编译",
        classes=(
            Classification("clc", "TP314"),
            Classification("clc", "第一"),
        ),
    )
    keyword = document_of(UnionRecord(union_id(1), bib), 1).keyword
    assert keyword["class_kw"] == ("T", "TP")
    assert keyword["number"] == ("clc:TP", "clc:TP3", "clc:TP31", "clc:TP314")


def test_the_batch_form_does_the_same() -> None:
    assert documents([(encode(UNION), 5), (encode(UNION), 6)]) == [document_of(UNION, 5), document_of(UNION, 6)]


def test_a_record_without_an_id_is_refused() -> None:
    with pytest.raises(ValueError, match="no id of a union record"):
        document_of(msgspec.structs.replace(UNION, id="77"), 1)


def test_the_analysis_version_follows_the_tables(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    assert re.fullmatch("[0-9a-f]{8}", ANALYSIS_VERSION)
    assert module._analysis_version() == ANALYSIS_VERSION
    for name in module.BUILT:
        (tmp_path / name).write_bytes((module.FOLDER / name).read_bytes() + b" ")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    assert module._analysis_version() != ANALYSIS_VERSION
