"""Standard numbers of the sample: check digits, hyphens, ranges."""

from __future__ import annotations

import isbnlib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tongcang.sample.standard_numbers import (
    chinese_number,
    hyphens,
    isbn13_check,
    issn_check,
    sample_isbn,
    sample_issn,
    sample_unified,
    ten,
    thirteen,
)


@given(st.integers(0, 2_000_000), st.booleans())
def test_sample_isbns_are_valid_and_in_their_range(number: int, chinese: bool) -> None:
    isbn = sample_isbn(number, chinese=chinese)
    assert isbnlib.is_isbn13(isbn)
    assert isbn.startswith("978799" if chinese else "978099")


def test_sample_isbns_differ_within_a_million() -> None:
    numbers = [*range(3000), *range(500_000, 503_000)]
    assert len({sample_isbn(number, chinese=True) for number in numbers}) == len(numbers)


@given(st.integers(0, 999_999))
def test_ten_and_thirteen_are_inverse(number: int) -> None:
    isbn = sample_isbn(number, chinese=True)
    short = ten(hyphens(isbn))
    assert isbnlib.is_isbn10(short.replace("-", ""))
    assert thirteen(short) == isbn


@pytest.mark.parametrize(
    ("isbn", "printed"),
    [
        ("9787020002207", "978-7-02-000220-7"),  # 红楼梦
        ("9787101105285", "978-7-101-10528-5"),  # 杜诗详注
        ("9787500162087", "978-7-5001-6208-7"),  # 小王子
        ("9780262033848", "978-0-262-03384-8"),
        ("9782070408504", "9782070408504"),  # no table for this group
    ],
)
def test_hyphens_stand_where_books_have_them(isbn: str, printed: str) -> None:
    assert hyphens(isbn) == printed


def test_the_check_digit_of_a_real_isbn_and_issn() -> None:
    assert isbn13_check("978702000220") == "7"
    assert ten("9787020002207") == "702000220X"
    assert issn_check("0252311") == "6"  # 图书情报工作
    assert sample_issn(0) == "9000-000" + issn_check("9000000")


def test_a_unified_book_number_has_class_publisher_and_serial_number() -> None:
    assert sample_unified(2504, "I242.4", 0) == "10901·2505"


@pytest.mark.parametrize(("value", "words"), [(1, "一"), (10, "十"), (11, "十一"), (25, "二十五"), (60, "六十")])
def test_reign_years_are_written_in_chinese(value: int, words: str) -> None:
    assert chinese_number(value) == words
