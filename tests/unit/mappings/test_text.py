from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.text import barcodes, clc, clean, is_clean, original_name, pages, subject_headings, trim, unbracket


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        ("红楼梦 /", "红楼梦"),
        ("Nature.", "Nature"),
        ("Anarkhizm be-Tsiyon :", "Anarkhizm be-Tsiyon"),
        ("Paris, Bernard J.", "Paris, Bernard J."),
        ("Колосова, Э. В.", "Колосова, Э. В."),
        ("Macmillan Inc.,", "Macmillan Inc."),
        ("等等...", "等等..."),
        ("[et al.].", "[et al.]"),
        ("339 p.", "339 p."),
        ("U.S.A.", "U.S.A."),
        (" = Le petit prince", "Le petit prince"),
        ("C++ /", "C++"),
        ("", ""),
        ("。", "。"),
        (".", ""),
    ],
)
def test_isbd_punctuation_at_the_ends_goes(text: str, trimmed: str) -> None:
    assert trim(text) == trimmed


@given(st.text())
def test_trimming_twice_is_trimming_once(text: str) -> None:
    assert trim(trim(text)) == trim(text)


def test_brackets_go_wherever_they_stand() -> None:
    assert unbracket("[香港] :") == "香港"
    assert unbracket("〔北京〕") == "北京"
    assert unbracket("Macmillan Journals ltd.]") == "Macmillan Journals ltd."


def test_marks_that_only_sort_and_controls_go() -> None:
    assert clean("\x88The \x89art of war") == "The art of war"
    assert clean("\x98Der \x9cTraum") == "Der Traum"
    assert clean("¬The ¬art") == "The art"
    assert clean("a\n   b\tc\u200e\ufeff") == "a b c"
    assert clean("e\u0301tude 红\u3000楼") == "étude 红 楼"


@given(st.text())
def test_what_is_clean_needs_no_cleaning(text: str) -> None:
    cleaned = clean(text)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not is_clean(text) or cleaned == text or "  " in text


@pytest.mark.parametrize(
    ("extent", "count"),
    [
        ("276页", "276"),
        ("276頁", "276"),
        ("276 p.", "276"),
        ("xii, 276 pages", "276"),
        ("10,112页", "112"),
        ("422,图版[40]页", "422"),
        ("3册(50,23,1942页)", "1942"),
        ("1 online resource (393 p.)", "393"),
        ("在线资源(393页)", "393"),
        ("[12]页", "12"),
        ("v. <1-3 >", ""),
        ("12册", ""),
        ("xii p.", ""),
        ("", ""),
    ],
)
def test_pages_out_of_an_extent(extent: str, count: str) -> None:
    assert pages(extent) == count


def test_joined_subjects_come_apart() -> None:
    assert subject_headings("尘肺－护理；尘肺－康复") == ("尘肺--护理", "尘肺--康复")
    assert subject_headings("经济发展 概况 中国 1997") == ("经济发展--概况--中国--1997",)
    assert subject_headings("Artificial intelligence") == ("Artificial intelligence",)
    assert subject_headings("Python语言 Programming guide") == ("Python语言 Programming guide",)


@pytest.mark.parametrize(
    ("code", "found"),
    [("F270-49", "F270-49"), ("TU-092.2", "TU-092.2"), ("i222.742", "I222.742"), ("I", "I"), ("*K204/1", "K204/1"),
     ("F124 ", "F124"), ("Ｆ124", "F124"), ("Chinese literature", ""), ("W123", ""), ("", "")],
)  # fmt: skip
def test_a_class_of_the_clc(code: str, found: str) -> None:
    assert clc(code) == found


def test_ranges_of_barcodes_are_written_out() -> None:
    assert barcodes("1683011-3") == ("1683011", "1683012", "1683013")
    assert barcodes("b20295403-5408") == tuple(f"b{n}" for n in range(20295403, 20295409))
    assert barcodes("00236515-9")[0] == "00236515"
    assert barcodes("A-12345") == ("A-12345",)
    assert barcodes("12-9999999") == ("12-9999999",)
    assert barcodes("1000-9999") == ("1000-9999",)  # too many to be copies of one book


def test_the_original_form_of_a_name() -> None:
    assert original_name("(Hughes, John M.)") == "Hughes, John M."
    assert original_name("（Collberg, Christian）") == "Collberg, Christian"
    assert original_name("(唐)") == ""
    assert original_name("(美)") == ""
