"""The stream of publications: seeded, valid, with everything that clustering must tell apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice

import isbnlib
import msgspec
import pytest

from tongcang.sample.publications import Publication, publications
from tongcang.sample.standard_numbers import issn_check
from tongcang.sample.vocabulary import vocabulary


def take(count: int, seed: int = 1) -> list[bytes]:
    return [msgspec.json.encode(publication) for publication in islice(publications(seed), count)]


@pytest.fixture(scope="module")
def stream() -> list[Publication]:
    return list(islice(publications(1), 6000))


def test_the_same_seed_gives_the_same_stream_whatever_its_length() -> None:
    assert take(700) == take(900)[:700]
    assert take(300, seed=2) != take(300)


def test_all_standard_numbers_are_valid(stream: list[Publication]) -> None:
    for publication in stream:
        for isbn in filter(None, (publication.isbn, publication.isbn_set)):
            assert isbnlib.is_isbn13(isbn), publication
        if publication.issn:
            digits = publication.issn.replace("-", "")
            assert issn_check(digits[:7]) == digits[7], publication


def test_every_kind_is_there(stream: list[Publication]) -> None:
    kinds = Counter(publication.kind for publication in stream)
    assert set(kinds) == {"book", "serial", "rare_book", "thesis", "score"}
    assert min(kinds.values()) >= 30
    languages = Counter(publication.language for publication in stream)
    assert languages["chi"] > 3500
    assert languages["eng"] > 1000
    assert {"ger", "fre", "rus", "jpn", "spa"} <= set(languages)
    assert sum(publication.online for publication in stream) > 100
    assert sum(bool(publication.unified) for publication in stream) > 100


def test_known_works_are_told_with_their_facts(stream: list[Publication]) -> None:
    editions = {
        (publication.title.simple, publication.publisher.simple, publication.year): publication
        for publication in stream
    }
    dream = editions["红楼梦", "人民文学出版社", 1996]
    assert dream.isbn == "9787020002207"
    assert [person.name.simple for person in dream.people] == ["曹雪芹", "高鹗"]
    assert dream.title.traditional == "紅樓夢"
    assert editions["围城", "人民文学出版社", 1991].people[0].name.simple == "钱锺书"
    assert editions["三体", "重庆出版社", 2010].part_number == "3"
    assert editions["C程序设计", "清华大学出版社", 2010].edition == "第4版"
    journals = {publication.title.simple: publication for publication in stream if publication.kind == "serial"}
    assert (journals["图书情报工作"].issn, journals["图书情报工作"].cn) == ("0252-3116", "11-1541/G2")


def test_no_isbn_is_made_up_for_a_book_before_isbns(stream: list[Publication]) -> None:
    old = [one for one in stream if one.language == "chi" and one.year < 1987 and one.kind == "book"]
    assert len(old) > 100
    for publication in old:
        # The third edition of 三国演义 (1973) was printed with an ISBN later on.
        assert not publication.isbn.startswith("978799"), publication


def test_the_traps_of_clustering_are_laid(stream: list[Publication]) -> None:
    by_work: dict[int, list[Publication]] = defaultdict(list)
    by_title: dict[str, set[int]] = defaultdict(set)
    by_pinyin: dict[str, set[str]] = defaultdict(set)
    by_isbn: dict[str, list[Publication]] = defaultdict(list)
    for publication in stream:
        by_work[publication.work].append(publication)
        if publication.language == "chi" and not publication.part_number:
            by_title[publication.title.simple].add(publication.work)
            by_pinyin[publication.title.pinyin].add(publication.title.simple)
        if publication.isbn:
            by_isbn[publication.isbn].append(publication)
    assert any(len({publication.edition for publication in work}) > 2 for work in by_work.values())
    assert any(len({publication.part_number for publication in work}) > 2 for work in by_work.values())
    assert any(len({publication.online for publication in work}) == 2 for work in by_work.values())
    assert max(map(len, by_title.values())) > 3  # one title, several authors
    assert {"权利的边界", "权力的边界"} in by_pinyin.values()
    shared = [found for found in by_isbn.values() if len(found) > 1]
    assert any(found[0].online != found[1].online for found in shared)


def test_set_isbns_are_shared_by_the_volumes_of_a_set_only(stream: list[Publication]) -> None:
    sets: dict[str, set[int]] = defaultdict(set)
    own = {publication.isbn for publication in stream if publication.isbn}
    for publication in stream:
        if publication.isbn_set:
            sets[publication.isbn_set].add(publication.work)
            assert publication.part_number
    assert len(sets) > 50
    assert all(len(works) == 1 for works in sets.values())
    assert not own & set(sets)


def test_people_of_the_tables_have_known_roles() -> None:
    known = vocabulary()
    roles = {role for work in known.works for role, _, _, _ in work.people}
    expected = "著|撰|编|编著|主编|译|注|译注|注译|校注|笺疏|校释|释|音注|校证"
    assert roles <= set(expected.split("|"))
