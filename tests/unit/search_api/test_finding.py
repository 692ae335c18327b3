"""Numbers and confidence."""

from __future__ import annotations

from typing import Any

import isbnlib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.model import Agent, BibRecord, Identifier
from search_api.finding import NUMBER_TYPES, Number, Question, canonical_isbn, canonical_issn, judge, numbers_of


@pytest.mark.parametrize(
    ("text", "isbn"),
    [
        ("7-02-000220-X", "9787020002207"),
        ("７-02-000220-X", "9787020002207"),
        ("978-7-02-000220-7", "9787020002207"),
        ("9787020002207", "9787020002207"),
        ("9787020002208", None),
        ("7-02-000220-1", None),
        ("红楼梦", None),
        ("", None),
    ],
)
def test_isbn(text: str, isbn: str | None) -> None:
    assert canonical_isbn(text) == isbn


@given(st.text("0123456789X-", max_size=17))
def test_isbn_agrees_with_another_library(text: str) -> None:
    plain = text.replace("-", "")
    known = isbnlib.to_isbn13(plain) if isbnlib.is_isbn10(plain) or isbnlib.is_isbn13(plain) else None
    assert canonical_isbn(text) == known


@pytest.mark.parametrize(
    ("text", "issn"),
    [
        ("1001-7917", "1001-7917"),
        ("1001 7917", "1001-7917"),
        ("0317847x", None),
        ("2434-561x", "2434-561X"),
        ("1001-7918", None),
    ],
)
def test_issn(text: str, issn: str | None) -> None:
    assert canonical_issn(text) == issn


def test_a_number_may_say_its_type() -> None:
    assert numbers_of("cn:11-1277") == [Number("cn", "11-1277")]
    assert numbers_of("10.1000/a:b")[0].value == "10.1000/a:b"
    assert [number.type for number in numbers_of("11-1277")] == list(NUMBER_TYPES)


def bib(**fields: Any) -> BibRecord:
    return BibRecord(
        **{
            "dialect": "cnmarc",
            "title": "红楼梦",
            "agents": (Agent("曹雪芹", alt="Cao, Xueqin"),),
            "year": 2008,
            "identifiers": (Identifier("isbn", "9787020002207"),),
            **fields,
        }
    )


ISBN = (Number("isbn", "9787020002207"),)


def test_a_valid_number_is_certain_and_others_less_so() -> None:
    question = Question(isbn="9787020002207")
    assert judge(question, bib(), ISBN) == (1.0, ("identifier",))
    cancelled = bib(identifiers=(Identifier("isbn", "9787020002207", status="cancelled"),))
    assert judge(question, cancelled, ISBN) == (0.8, ("identifier_cancelled",))
    of_set = bib(identifiers=(Identifier("isbn", "9787020002207", whole_set=True),))
    assert judge(question, of_set, ISBN) == (0.7, ("identifier_of_set",))


def test_title_author_and_year_add_up() -> None:
    asked = Question(title="紅樓夢", author="Xueqin Cao", year=2008)
    assert judge(asked, bib()) == (0.95, ("title_equal", "author_equal", "year_equal"))
    assert judge(Question(title="红楼梦", year=2009), bib()) == (0.65, ("title_equal", "year_near"))
    assert judge(Question(title="红楼", author="高鹗", year=1900), bib()) == (
        0.05,
        ("title_similar", "author_differs", "year_differs"),
    )


def test_a_year_within_a_serials_run_is_equal() -> None:
    assert judge(Question(title="红楼梦", year=1990), bib(year=1979, year_end=9999))[1][-1] == "year_equal"


@given(st.text("红楼梦曹雪芹 abc", max_size=8), st.text("曹雪芹 abc,", max_size=8), st.integers(0, 9999))
def test_confidence_is_between_0_and_1_and_words_never_reach_a_number(title: str, author: str, year: int) -> None:
    confidence, _ = judge(Question(title=title or "x", author=author, year=year), bib())
    assert 0 < confidence < 1
