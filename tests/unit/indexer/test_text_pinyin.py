"""Pinyin, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text import tables
from indexer.text.fold import fold
from indexer.text.pinyin import MOST_READINGS, initials, sounds, split_pinyin, syllables, token


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("红楼梦", "hong lou meng"),
        ("紅樓夢", "hong lou meng"),
        ("重庆市长春路", "chong qing shi chang chun lu"),
        ("水滸傳", "shui hu zhuan"),
        ("音乐", "yin yue"),
        ("活着", "huo zhe"),
        ("女性与绿色", "nü xing yu lü se"),
        ("C语言", "c yu yan"),
        ("War and 和平", "war and he ping"),
        ("한국", "한 국"),
        ("", ""),
    ],
)
def test_text_is_read(text: str, expected: str) -> None:
    assert " ".join(syllables(text)) == expected


def test_a_surname_is_read_as_a_name() -> None:
    assert syllables("曾國藩", name=True) == ["zeng", "guo", "fan"]
    assert syllables("曾國藩") == ["ceng", "guo", "fan"]
    assert syllables("查尔斯·狄更斯", name=True)[0] == "cha"
    assert syllables("沈从文", name=True) == ["shen", "cong", "wen"]


def test_initials() -> None:
    assert initials("红楼梦") == "hlm"
    assert initials("單田芳", name=True) == "stf"
    assert initials("——") == ""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("hongloumeng", ["hong lou meng"]),
        ("Hong Lou Meng", ["hong lou meng"]),
        ("ＨＯＮＧ　ＬＯＵ　ＭＥＮＧ", ["hong lou meng"]),
        ("hónglóumèng", ["hong lou meng"]),
        ("hong2lou2meng4", ["hong lou meng"]),
        ("xian", ["xian", "xi an"]),
        ("xi'an", ["xi an"]),
        ("fangan", ["fan gan", "fang an"]),
        ("lvse", ["lu se"]),
        ("lüse", ["lu se"]),
        ("nüxing", ["nu xing"]),
        ("lve", ["lue", "lu e"]),
        ("shen congwen", ["shen cong wen"]),
        ("hello", []),
        ("hong lou world", []),
        ("红楼梦", []),
        ("", []),
        ("hm", []),
    ],
)
def test_pinyin_is_cut(typed: str, expected: list[str]) -> None:
    assert [" ".join(way) for way in split_pinyin(typed)] == expected


@given(st.text(sorted(set(tables.readings())), min_size=1, max_size=6))
def test_what_is_read_is_among_what_may_be_meant(text: str) -> None:
    """With spaces always; without, where the ways to read it are not cut off."""
    heard = [token(syllable) for syllable in syllables(text)]
    if all(any(vowel in syllable for vowel in "aeiou") for syllable in heard):
        assert heard in split_pinyin("'".join(heard))
        ways = split_pinyin("".join(heard))
        assert heard in ways or len(ways) == MOST_READINGS


@given(st.text("aeioung hxz'12ü", max_size=60))
def test_the_ways_to_read_are_bounded_and_real(typed: str) -> None:
    ways = split_pinyin(typed)
    assert len(ways) <= MOST_READINGS
    known = {token(syllable) for syllable in tables.readings().values()} | {"nue", "lue"}
    assert all(set(way) <= known for way in ways)


@given(st.text("重庆红楼梦 a，", max_size=12))
def test_sounds_know_their_place(text: str) -> None:
    folded = fold(text)
    heard = sounds(folded)
    assert [syllable for _, _, syllable in heard] == [token(syllable) for syllable in syllables(text)]
    assert "".join(folded[start:end] for start, end, _ in heard) == "".join(c for c in folded if c.isalnum())
