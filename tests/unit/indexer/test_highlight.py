"""Marks on the original text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.fold import fold
from indexer.text.highlight import Highlighter, highlight


def marked(original: str, query: str) -> str:
    return "".join(f"[{piece}]" if is_marked else piece for piece, is_marked in highlight(original, query))


@pytest.mark.parametrize(
    ("query", "original", "expected"),
    [
        ("红楼梦", "紅樓夢研究 : 论《红楼梦》", "[紅樓夢]研究 : 论《[红楼梦]》"),
        ("图书馆", "圖書情報", "圖書情報"),  # a lone shared bigram
        ("图书馆", "圖書情報與圖書館", "圖書情報與[圖書館]"),
        ("史", "史记与歷史", "[史]记与歷[史]"),
        ("红楼 研究", "紅樓夢研究", "[紅樓]夢[研究]"),
        ("红楼梦研究论文", "红楼梦研究论文集", "[红楼梦研究论文]集"),
        ("红楼梦研究论文", "红楼梦论文集", "红楼梦论文集"),
        ("梦研究论文", "论文与梦研究文论", "论文与梦研究文论"),  # 究论 is missing
        ("梦研究论文", "论文与究论梦研究", "[论文]与[究论梦研究]"),
        ("C语言程序", "C 语言程序設計", "[C 语言程序]設計"),
        ("第3版", "修订第３版本", "修订[第３版]本"),
        ("war", "Warfare, War; WAR和平", "Warfare, [War]; [WAR]和平"),
        ("muller", "Mu\u0308ller, Müller & Mullerin", "[Mu\u0308ller], [Müller] & Mullerin"),
        ("hong lou meng", "紅樓夢研究", "[紅樓夢]研究"),
        ("hongloumeng", "Hong lou meng 红楼梦", "[Hong lou meng] [红楼梦]"),
        ("hlm", "紅樓夢", "[紅樓夢]"),
        ("hlm", "紅樓夢研究", "紅樓夢研究"),
        ("title:红楼梦 -研究", "红楼梦研究", "[红楼梦]研究"),
        ("“红楼梦”", "红楼·梦与红楼梦", "红楼·梦与[红楼梦]"),
        ("ガンダム", "ｶﾞﾝﾀﾞﾑ全集", "[ｶﾞﾝﾀﾞﾑ]全集"),
        ("isbn:9787020002207", "9787020002207", "9787020002207"),
        ("……", "红楼梦……", "红楼梦……"),
        ("红楼梦", "", ""),
    ],
)
def test_what_was_found_is_marked(query: str, original: str, expected: str) -> None:
    assert marked(original, query) == expected


def test_the_words_of_a_relaxed_search_are_marked() -> None:
    marks = Highlighter("红楼梦研究论文 曹雪芹", relaxed=True)
    assert marks.mark("《紅樓夢》論文") == [("《", False), ("紅樓夢", True), ("》", False), ("論文", True)]
    assert marks.mark("紅樓") == [("紅樓", False)]


@given(st.text(max_size=40), st.text(max_size=20))
def test_the_text_is_unchanged(original: str, query: str) -> None:
    pieces = highlight(original, query)
    assert "".join(piece for piece, _ in pieces) == original
    assert all(piece for piece, _ in pieces)
    assert all(a[1] != b[1] for a, b in pairwise(pieces))


@given(st.text("红紅楼樓梦夢研究a ，", max_size=20), st.text("红楼梦研究", min_size=1, max_size=4))
def test_every_place_of_a_short_word_is_marked_and_nothing_else(original: str, query: str) -> None:
    folded = fold(original)
    inside = {at + i for at in range(len(folded)) if folded.startswith(query, at) for i in range(len(query))}
    found: list[bool] = [is_marked for piece, is_marked in Highlighter(query).mark(original) for _ in piece]
    whole = {at for at in inside if found[at]}
    # Places that overlap (梦梦 in 梦梦梦) count from the left, as a reader sees them.
    assert {at for at, is_marked in enumerate(found) if is_marked} == whole
    assert bool(whole) == bool(inside)
    if len(set(query)) == len(query):
        assert whole == inside
