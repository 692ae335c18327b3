"""Tokens and the texts of fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.fold import fold
from indexer.text.tokens import (
    borders,
    field_text,
    is_cjk,
    join_values,
    prefix_key,
    prefixes,
    runs,
    single_tokens,
    tokens,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("红楼梦", "红楼 楼梦"),
        ("紅樓夢：第三回", "红楼 楼梦 第三 三回"),
        ("家", "家"),
        ("C语言程序设计", "c 语言 言程 程序 序设 设计"),
        ("C 语言", "c 语言"),
        ("C++程序与C#", "c++ 程序 序与 c#"),
        ("21世纪", "21 世纪"),
        ("DNA复制", "dna 复制"),
        ("第3版", "第 3 版"),
        ("修订第3版本", "修订 订第 3 版本"),
        ("War and Peace / Л. Толстой", "war and peace л толстой"),
        ("ドラえもんー人々", "ドラ ラえ えも もん んー ー人 人々"),
        ("한국어 교육", "한국 국어 교육"),
        ("𠮷野家", "𠮷野 野家"),
        ("_gap_ _ foo_bar", "gap foo bar"),
        ("《》·…", ""),
        ("ISBN 978-7-02", "isbn 978 7 02"),
    ],
)
def test_text_is_cut_to_tokens(text: str, expected: str) -> None:
    assert " ".join(tokens(fold(text))) == expected


def test_a_long_word_is_capped() -> None:
    assert tokens("x" * 100 + "红") == ["x" * 64, "红"]
    assert single_tokens("t", "x" * 100 + "红")[-1] == "t" + "x" * 63


@given(st.text(max_size=40))
def test_no_text_spells_a_sentinel_a_gap_or_a_blank(text: str) -> None:
    found = tokens(fold(text))
    assert all(token and "_" not in token and not any(map(str.isspace, token)) for token in found)
    assert all(len(token) <= 64 for token in found)


@given(st.text("红楼梦a1 ，C", max_size=20))
def test_every_character_of_a_word_is_in_a_token(text: str) -> None:
    folded = fold(text)
    assert set("".join(tokens(folded))) == {character for character in folded if character.isalnum()}


def test_values_have_a_gap_between_them_and_nothing_is_a_sentinel() -> None:
    assert field_text(["红楼梦", "", "Stone"]) == "红楼 楼梦 _gap_ stone"
    assert field_text([]) == field_text([""]) == field_text(["——"]) == join_values([]) == "_"


def test_single_characters_and_borders_are_marked() -> None:
    assert single_tokens("t", "第3版") == ["t第", "t版", "t第3", "t3版"]
    assert single_tokens("a", "红红楼") == ["a红", "a楼"]
    assert single_tokens("t", "war and peace") == []
    assert borders(["war", "和", "平"]) == ["war和", "和平"]


def test_runs_know_their_script() -> None:
    assert [is_cjk(run) for run in runs("c语言и한")] == [False, True, False, True]


def test_suggestions_compare_words_without_what_is_between() -> None:
    assert prefix_key(fold("C++ 程序：设计")) == "c++程序设计"
    assert prefixes("红楼梦") == ["红", "红楼", "红楼梦"]
    assert prefixes("") == []
    assert prefixes("a" * 20)[-1] == "a" * 8
