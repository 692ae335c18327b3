"""Numbers and confidence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.identifiers import IDENTIFIER_TYPES
from mappings.model import Agent, BibRecord, Identifier
from search_api.finding import NUMBER_TYPES, Number, Question, asked_numbers, judge


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7-02-000220-X", "9787020002207"),
        ("７-02-000220-X", "9787020002207"),
        ("978-7-02-000220-7", "9787020002207"),
        ("9787020002208", "9787020002208"),
        ("红楼梦", "红楼梦"),
    ],
)
def test_an_isbn_is_looked_for_as_records_have_it(text: str, value: str) -> None:
    assert asked_numbers(Question(isbn=text)) == (Number("isbn", value),)


@pytest.mark.parametrize(("text", "value"), [("1001 7917", "1001-7917"), ("2434-561x", "2434-561X")])
def test_an_issn_is_looked_for_as_records_have_it(text: str, value: str) -> None:
    assert asked_numbers(Question(issn=text)) == (Number("issn", value),)


def test_a_number_may_say_its_type() -> None:
    assert asked_numbers(Question(number="cn:CN 11-1277/Z")) == (Number("cn", "11-1277/Z"),)
    assert asked_numbers(Question(number="doi:10.1000/A:b")) == (Number("doi", "10.1000/a:b"),)
    bare = asked_numbers(Question(number="11-1277"))
    assert Number("cn", "11-1277") in bare and Number("other", "11-1277") in bare
    assert asked_numbers(Question(number="ocm00012345"))[0] == Number("oclc", "12345")


def test_every_type_of_number_can_be_read() -> None:
    assert set(NUMBER_TYPES) | {"isbn", "issn"} == IDENTIFIER_TYPES


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
    wrong = bib(identifiers=(Identifier("isbn", "9787020002208", status="invalid"),))
    assert judge(question, wrong, (Number("isbn", "9787020002208"),)) == (0.8, ("identifier_invalid",))
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
