"""What clustering reads of a record."""

from __future__ import annotations

from msgspec.structs import replace

from indexer.cluster.features import SEPARATOR, Features, features_of
from indexer.text.fold import fold
from mappings.model import Agent, BibRecord, Identifier, Relation

BOOK = BibRecord(
    dialect="cnmarc",
    title="紅樓夢",
    agents=(Agent("（清）曹雪芹著", primary=True), Agent("高鶚續", primary=False)),
    identifiers=(
        Identifier("isbn", "9787020002207"),
        Identifier("isbn", "9787020002214", whole_set=True),
        Identifier("isbn", "9787020002238", status="cancelled"),
        Identifier("issn", "0511-4683"),
        Identifier("calis", "012000123456"),
    ),
    publishers=("人民文学出版社有限公司",),
    year=1982,
)


def shared(a: Features, b: Features) -> set[int]:
    return set(a.keys) & set(b.keys)


def test_texts_are_folded_and_bare() -> None:
    features = features_of(BOOK)
    assert (features.title, features.reading, features.publisher) == ("红楼梦", "hongloumeng", "人民文学")
    assert features.authors == ("曹雪芹", "高鹗")
    assert "caoxueqin" in features.author_readings


def test_fold_keeps_the_separator() -> None:
    assert fold(f"紅{SEPARATOR}{SEPARATOR}樓") == f"红{SEPARATOR}{SEPARATOR}楼"


def test_only_numbers_of_this_very_publication_are_evidence() -> None:
    features = features_of(BOOK)
    assert features.isbns == (9787020002207,)
    assert features.issns == (), "a book may carry the ISSN of its series"
    assert features.numbers == ("calis:012000123456",)


def test_a_publisher_that_only_publishes_keeps_its_name() -> None:
    assert features_of(replace(BOOK, publishers=("出版社",))).publisher == "出版社"


def test_western_names_are_their_words() -> None:
    a = features_of(replace(BOOK, agents=(Agent("Knuth, Donald E."),)))
    b = features_of(replace(BOOK, agents=(Agent("Donald E. Knuth"),)))
    assert a.authors == b.authors == ("donald e knuth",)


def test_a_compound_surname_is_read_as_in_romanised_records() -> None:
    han = features_of(replace(BOOK, agents=(Agent("歐陽修"),)))
    latin = features_of(replace(BOOK, agents=(Agent("Ouyang, Xiu"),)))
    assert han.author_readings == latin.author_readings == ("ouyangxiu",)


def test_the_chinese_form_is_the_title_whichever_field_it_stands_in() -> None:
    romanised = replace(BOOK, title="Hong lou meng", title_alt="紅樓夢")
    assert features_of(romanised).title == "红楼梦"
    assert features_of(romanised).alts == ("hongloumeng",)


def test_pinyin_brings_scripts_together_and_homophones() -> None:
    romanised = features_of(replace(BOOK, title="Hong lou meng", identifiers=()))
    homophone = features_of(replace(BOOK, title="宏楼梦", identifiers=()))
    assert shared(features_of(BOOK), romanised)
    assert shared(features_of(BOOK), homophone)


def test_a_typo_leaves_a_key_to_meet_by() -> None:
    long = replace(BOOK, title="中国古代经济思想史研究概论", identifiers=())
    for typo in ("中国古代经济思想史研究概伦", "忠国古代经济思想史研究概论", "中国古代经济思像史研究概论"):
        assert shared(features_of(long), features_of(replace(long, title=typo, year=1990))), typo


def test_set_isbn_is_no_key() -> None:
    a = replace(BOOK, title="甲", identifiers=(Identifier("isbn", "9787020002207", whole_set=True),))
    b = replace(BOOK, title="乙", agents=(), identifiers=(Identifier("isbn", "9787020002207"),))
    assert not shared(features_of(a), features_of(b))


def test_an_article_knows_its_host_and_leaves_it_its_numbers() -> None:
    article = replace(BOOK, level="a", material="article", relations=(Relation("host", "《文學評論》"),))
    features = features_of(article)
    assert (features.host, features.isbns, features.kind) == ("文学评论", (), "article")


def test_a_title_of_signs_only_is_kept() -> None:
    assert features_of(replace(BOOK, title="——")).title == ""
    assert features_of(replace(BOOK, title="…… : 一首诗")).title == "一首诗"
