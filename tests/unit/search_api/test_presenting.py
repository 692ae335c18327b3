"""Hits: names, availability, highlights, facets."""

from __future__ import annotations

from indexer.document import Brief, BriefHolder
from mappings.model import Library
from search_api.answers import Part
from search_api.presenting import excerpt, facet_label, present_facet, present_hit
from search_api.vocabulary import Words

LIBRARIES = {"RUC": Library("RUC", "中国人民大学图书馆", "Renmin University of China Library")}


class Marking:
    """Marks one word wherever it stands."""

    def __init__(self, word: str) -> None:
        self.word = word

    def mark(self, original: str) -> list[tuple[str, bool]]:
        before, found, after = original.partition(self.word)
        return [(before, False), (found, True), (after, False)] if found else [(original, False)]


def brief(**fields: object) -> Brief:
    return Brief(id="3K7M2Q9V", **{"title": "红楼梦学刊", "holders": (), **fields})  # type: ignore[arg-type]


def test_a_hit_names_its_holders_in_both_languages() -> None:
    holders = (
        BriefHolder(library="RUC", available=True, call_number="I242.4/2", location="书库", coverage="1979-"),
        BriefHolder(library="NOWHERE", available=False, call_number="", location="", coverage=""),
    )
    hit = present_hit(brief(holders=holders), None, "any", LIBRARIES, "http://example.org")
    first, second = hit.holders
    assert (first.name_zh, first.name_en) == ("中国人民大学图书馆", "Renmin University of China Library")
    assert (first.availability_zh, first.call_number, first.coverage) == ("可提供", "I242.4/2", "1979-")
    assert (second.name_zh, second.availability_zh, second.availability_en) == (
        "NOWHERE",
        "暂不可提供",
        "Can't supply now",
    )
    assert hit.url == "http://example.org/record/3K7M2Q9V"
    assert hit.highlights == {}


def test_highlights_join_to_the_text_and_only_tell_of_marked_elements() -> None:
    hit = present_hit(brief(publisher="红楼梦学刊杂志社", place="北京"), Marking("红楼梦"), "any", {}, "")
    assert set(hit.highlights) == {"title", "publisher"}
    assert "".join(part.text for part in hit.highlights["title"]) == "红楼梦学刊"
    assert [part.text for part in hit.highlights["title"] if part.marked] == ["红楼梦"]


def test_a_search_for_authors_marks_no_titles() -> None:
    hit = present_hit(brief(title="曹雪芹传", authors=("曹雪芹",)), Marking("曹雪芹"), "author", {}, "")
    assert set(hit.highlights) == {"authors"}


def test_an_excerpt_stands_around_the_first_mark() -> None:
    parts = (Part("前" * 400, False), Part("红楼梦", True), Part("后" * 400, False))
    shown = excerpt(parts, 90)
    assert shown[0].text == shown[-1].text == "…"
    assert Part("红楼梦", True) in shown
    assert sum(len(part.text) for part in shown) == 92


def test_a_short_text_is_its_own_excerpt() -> None:
    parts = (Part("全文", False), Part("红楼梦", True))
    assert excerpt(parts, 90) == parts


def test_facets_have_words_and_no_unknown_year() -> None:
    assert present_facet("year", [("2008", 3), ("0", 9)], {})[0].value == "2008"
    assert len(present_facet("year", [("2008", 3), ("0", 9)], {})) == 1
    (library,) = present_facet("library", [("RUC", 5)], LIBRARIES)
    assert (library.label_zh, library.label_en, library.count) == (
        "中国人民大学图书馆",
        "Renmin University of China Library",
        5,
    )
    assert facet_label("format", "rare_book", {}) == Words("古籍", "Rare book")
    assert facet_label("language", "chi", {}) == Words("中文", "Chinese")
    assert facet_label("class", "I247", {}) == Words("I247 文学", "I247 Literature")
    assert facet_label("subject", "红学", {}) == Words("红学", "红学")
