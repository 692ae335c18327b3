"""Which requests are for the same item, where a DOI names more, or no more, than what is asked for."""

from __future__ import annotations

import pytest
from request_desk import Desk

from mappings.requests import Citation, Wish
from routing.citations import fits, item_key, same_item
from store.database import Database

DOI = "10.1000/book"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Citation("book", doi=DOI, pages="1-10"), Citation("book", doi=DOI, pages="30-44"), False),
        (Citation("book", doi=DOI, pages="1-10"), Citation("book", doi=DOI, title="Another way", pages="1-10"), True),
        (Citation("book", doi=DOI), Citation("book", doi=DOI, date="2001"), True),
        (Citation("book", doi=DOI), Citation("book", doi=DOI, volume="2"), False),
        (Citation("chapter", doi=DOI, article_title="一"), Citation("chapter", doi=DOI, article_title="二"), False),
        (Citation("journal", doi=DOI, volume="1"), Citation("journal", doi=DOI, volume="2"), False),
        (Citation("article", doi=DOI, pages="1-10"), Citation("article", doi=DOI), True),
        (Citation("article", doi=DOI, volume="3"), Citation("preprint", doi=DOI, date="2001"), True),
        (Citation("book", doi=DOI, pages="1-10"), Citation("book", doi="10.1000/other", pages="1-10"), False),
    ],
)
def test_a_doi_alone_is_enough_for_what_it_names(one: Citation, other: Citation, same: bool) -> None:
    assert same_item(one, other) is same_item(other, one) is same
    assert (item_key(one) == item_key(other)) is same


def test_other_pages_of_a_book_are_no_repeat(database: Database) -> None:
    desk = Desk(database)

    def copied(pages: str) -> str:
        return desk.ask(Wish(Citation("book", title="T", doi=DOI, pages=pages), service="copy")).state

    assert [copied(pages) for pages in ("1-10", "30-44", "1-10")] == ["blank", "blank", "dup_hold"]


KEPT = Citation(
    "book", title="红楼梦", author="曹雪芹", isbn="9787020002207", date="2008", volume="2", record_id="000004W9"
)


@pytest.mark.parametrize(
    ("told", "fitting"),
    [
        (KEPT, True),
        (Citation("unknown", title="红楼梦", author="曹雪芹"), True),  # its record has told the rest since
        (Citation("unknown", title="红楼梦", record_id="000004WA"), True),  # the record was merged with another
        (Citation("book", isbn="7-02-000220-X"), True),
        (Citation("book", title="红楼梦", publisher="人民文学出版社"), True),
        (Citation("book", title="红楼梦：校注本", isbn="9787020002207", volume="2"), True),
        (Citation("book", record_id="000004w9"), True),
        (Citation("book", record_id="000004WA"), False),
        (Citation("book", title="红楼梦", volume="3"), False),
        (Citation("book", title="三国演义", author="曹雪芹"), False),
        (Citation("book", isbn="9787020002207", volume="3"), False),
    ],
)
def test_what_fits_an_item_of_which_more_is_known(told: Citation, fitting: bool) -> None:
    assert fits(told, KEPT) is fitting
