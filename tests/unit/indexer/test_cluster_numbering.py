"""Volumes and editions, however they were written."""

from __future__ import annotations

import pytest

from indexer.cluster.numbering import (
    edition_code,
    han_number,
    roman_number,
    split_volume,
    volume_code,
    volumes_differ,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("三", 3), ("十", 10), ("十二", 12), ("二十", 20), ("二十四", 24), ("廿五", 25),
     ("一百二十", 120), ("一二〇", 120),
     ("一百零八", 108)],
)  # fmt: skip
def test_han_numerals(text: str, value: int) -> None:
    assert han_number(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("iii", 3), ("iv", 4), ("xxiv", 24), ("mcmxcix", 1999), ("abc", 0), ("", 0)]
)
def test_roman_numerals(text: str, value: int) -> None:
    assert roman_number(text) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("第三册", "3"), ("第3册", "3"), ("3", "3"), ("iii", "3"), ("vol. 3", "3"), ("v. 3", "3"),
        ("volume three", "3"),
        ("卷三", "3"), ("丙编", "3"), ("third", "3"), ("003", "3"),
        ("上册", "<"), ("上", "<"), ("中", "="), ("下卷", ">"),
        ("第三卷 第二册", "3.2"), ("第1-3册", "1.3"), ("part c", "c"), ("先秦卷", "先秦"), ("", ""),
    ],
)  # fmt: skip
def test_volume_codes(text: str, code: str) -> None:
    assert volume_code(text) == code


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [("1", "2", True), ("3", "3", False), ("<", ">", True), ("<", "1", False), ("<", "2", True), (">", "2", False),
     (">", "3", False), (">", "1", True), ("=", "2", False), ("=", "1", True), ("3.1", "3.2", True),
     ("先秦", "明清", True)],
)  # fmt: skip
def test_volumes_differ(a: str, b: str, differ: bool) -> None:
    assert volumes_differ(a, b) is volumes_differ(b, a) is differ


@pytest.mark.parametrize(
    ("title", "core", "code"),
    [
        ("史记 第三册", "史记", "3"), ("红楼梦(上)", "红楼梦", "<"), ("高等数学(下册)", "高等数学", ">"),
        ("高等数学 上册", "高等数学", "<"), ("calculus, vol. 2", "calculus", "2"), ("论语 三", "论语", "3"),
        ("上海", "上海", ""), ("三国", "三国", ""), ("第二十二条军规", "第二十二条军规", ""), ("天下", "天下", ""),
        ("the art of war", "the art of war", ""), ("1984", "1984", ""), ("第三册", "第三册", ""),
    ],
)  # fmt: skip
def test_volume_at_the_end_of_a_title(title: str, core: str, code: str) -> None:
    assert split_volume(title) == (core, code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("第2版", (2, "")), ("第二版", (2, "")), ("2版", (2, "")), ("2nd ed.", (2, "")), ("second edition", (2, "")),
        ("ed. 2", (2, "")), ("3rd rev. ed.", (3, "r")), ("第2版修订本", (2, "r")), ("修订版", (0, "r")),
        ("增订第三版", (3, "e")), ("北京第1版", (1, "")), ("初版", (1, "")), ("再版", (2, "")),
        ("2010年版", (2010, "")),
        ("影印本", (0, "")), ("", (0, "")),
    ],
)  # fmt: skip
def test_edition_codes(text: str, code: tuple[int, str]) -> None:
    assert edition_code(text) == code
