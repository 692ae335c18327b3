"""Publications that exist nowhere: plausible titles, people and imprints, composed from word lists.

Rates are set so that a stream looks like a university library's catalogue: textbooks in several editions, sets of
volumes, online versions, many books of one title by different authors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

from msgspec import structs

from tongcang.sample.forms import NOTHING, Text, join, text, western
from tongcang.sample.known import ERAS
from tongcang.sample.publications import Person, Publication
from tongcang.sample.vocabulary import Publisher, Topic, vocabulary

T = TypeVar("T")

_UNIVERSITIES = (
    "中国人民大学",
    "北京大学医学部",
    "北京师范大学",
    "北京交通大学",
    "北京科技大学",
    "北京邮电大学",
    "清华大学",
)
_COUNTRIES = ("美", "英", "德", "法", "日", "俄", "加", "澳")
_VOLUMES = (("上", "下"), ("上", "下"), ("1", "2"), ("1", "2", "3"), ("上", "中", "下"), ("1", "2", "3", "4"))


class Composer:
    """Makes works, one after the other, from one random generator."""

    def __init__(self, rng: Random) -> None:
        self._random = rng.random
        self._known = vocabulary()
        self._serials = 0

    def works(self) -> Iterator[list[Publication]]:
        """Works without end, each as the list of its publications."""
        random = self._random
        while True:
            choice = random()
            if choice < 0.56:
                yield self._editions(self._book())
            elif choice < 0.82:
                yield self._editions(self._western_book())
            elif choice < 0.89:
                yield [self._thesis()]
            elif choice < 0.93:
                yield self._volumes(self._book())
            elif choice < 0.965:
                yield [self._translation()]
            elif choice < 0.98:
                yield [self._score()]
            elif choice < 0.99:
                yield [self._serial()]
            else:
                yield [self._old_edition()]

    # Kinds of publication

    def _book(self) -> Publication:
        random = self._random
        topic = self._pick(self._known.topics)
        title = self._title("book", topic)
        publisher = self._publisher(topic.clc)
        year = max(publisher.since, 2024 - int(74 * random() ** 2.2))
        role = "著" if random() < 0.4 else "主编" if random() < 0.5 else "编著"
        people = tuple(Person(self._name(), role) for _ in range(1 + int(3 * random() ** 3)))
        if random() < 0.04:
            people = (
                Person(join((self._pick(self._known.words["region"]), topic.name, text("学会"))), "编", body=True),
            )
        pages = 120 + int(500 * random() ** 1.5)
        return Publication(
            kind="book",
            title=title,
            subtitle=self._subtitle() if random() < 0.14 else NOTHING,
            people=people,
            publisher=publisher.name,
            place=publisher.place,
            year=year,
            isbn="?" if year >= 1987 else "unified" if 1956 <= year <= 1986 else "-",
            pages=pages,
            size=(19, 21, 23, 24, 26)[int(5 * random())],
            price=max(1, int(pages * (year - 1948) / 700)),
            series=self._pick(self._known.words["series"]) if random() < 0.25 else NOTHING,
            series_number=int(40 * random()),
            clc=topic.clc,
            subjects=self._subjects(topic),
            illustrated=random() < 0.35,
            abstract=random() < 0.5,
            fame=0.1 + 0.7 * random() ** 1.5,
        )

    def _western_book(self) -> Publication:
        random = self._random
        topic = self._pick(self._known.topics)
        title, _, subtitle = self._western_title(topic).partition(": ")
        publisher = self._pick(self._known.western_publishers)
        year = 2024 - int(64 * random() ** 1.8)
        edited = random() < 0.2
        return Publication(
            kind="book",
            language="eng",
            title=western(title),
            subtitle=western(subtitle),
            people=tuple(
                Person(western(self._western_name()), "edt" if edited else "aut")
                for _ in range(1 + int(3 * random() ** 2))
            ),
            publisher=publisher.name,
            place=publisher.place,
            country=publisher.country,
            year=year,
            isbn="?" if year >= 1970 else "-",
            pages=150 + int(700 * random() ** 1.5),
            size=(22, 24, 26)[int(3 * random())],
            price=20 + int(180 * random()),
            clc=topic.clc,
            subjects=(western(topic.english),),
            illustrated=random() < 0.5,
            abstract=random() < 0.2,
            fame=0.05 + 0.6 * random() ** 2,
        )

    def _translation(self) -> Publication:
        random = self._random
        book = self._book()
        topic = self._pick(self._known.topics)
        surname = self._pick(self._known.western_surnames)
        author = Person(self._foreign_name(), "著", self._pick(_COUNTRIES))
        translators = tuple(Person(self._name(), "译") for _ in range(1 + int(2 * random())))
        book.people = (author, *translators)
        book.title = self._title("book", topic)
        book.parallel = f"{topic.english}: {surname}" if random() < 0.1 else f"Introduction to {topic.english.lower()}"
        book.original_language = "eng"
        book.clc = topic.clc
        book.subjects = self._subjects(topic)
        return book

    def _thesis(self) -> Publication:
        random = self._random
        university = text(self._pick(_UNIVERSITIES))
        topic = self._pick(self._known.topics)
        return Publication(
            kind="thesis",
            title=self._title("thesis", topic),
            people=(Person(self._name(), "著"), Person(self._name(), "指导")),
            publisher=university,
            place=text("北京"),
            year=2000 + int(25 * random()),
            pages=50 + int(150 * random()),
            size=30,
            clc=topic.clc,
            subjects=self._subjects(topic),
            abstract=True,
            fame=0.0,
        )

    def _score(self) -> Publication:
        random = self._random
        publisher = self._publisher("J")
        return Publication(
            kind="score",
            title=self._title("score", self._pick(self._known.topics)),
            people=(Person(self._name(), "作曲"),),
            publisher=publisher.name,
            place=publisher.place,
            year=1988 + int(35 * random()),
            isbn="?",
            pages=30 + int(100 * random()),
            size=30,
            price=10 + int(40 * random()),
            clc="J64",
            subjects=(text("器乐曲"),),
            fame=0.1,
        )

    def _serial(self) -> Publication:
        """A journal; the ISSN is made up when the publication has its number."""
        topic = self._pick(self._known.topics)
        region = self._pick(self._known.words["region"])
        year = 1950 + int(65 * self._random())
        ended = self._random() < 0.25
        return Publication(
            kind="serial",
            title=join((region, topic.name)),
            people=(Person(join((region, topic.name, text("学会"))), "编", body=True),),
            publisher=join((region, topic.name, text("编辑部"))),
            place=text("北京"),
            year=year,
            year_end=min(2024, year + 5 + int(30 * self._random())) if ended else 9999,
            issn="?",
            clc=topic.clc,
            subjects=(topic.name,),
            frequency="mbqqs"[int(5 * self._random())],
            size=26,
            fame=0.3 + 0.4 * self._random(),
        )

    def _old_edition(self) -> Publication:
        """A local gazetteer (方志) in an old printing."""
        dynasty, era, first, length = self._pick(ERAS)
        place = self._pick(self._known.words["region"])
        number = 1 + int(length * self._random())
        return Publication(
            kind="rare_book",
            title=join((place, text("通志"))),
            people=(Person(self._name(), "撰", dynasty),),
            publisher=text("文渊堂"),
            place=text("北京"),
            year=first + number - 1,
            date_text=f"{dynasty}{era}年间",
            edition="刻本" if era != "民国" else "铅印本",
            extent="四十卷",
            set_of=4 + int(20 * self._random()),
            clc="K29",
            subjects=(text("地方志"), place),
            fame=0.15,
        )

    # Families of publications

    def _editions(self, book: Publication) -> list[Publication]:
        """The book, perhaps later editions of it, perhaps its online version (often with the ISBN of print)."""
        random = self._random
        family = [book]
        if random() < 0.22:
            for number in range(2, 3 + int(3 * random() ** 2)):
                year = family[-1].year + 2 + int(4 * random())
                if year > 2024:
                    break
                statement = f"第{number}版" if book.language == "chi" else f"{_ordinal(number)} ed."
                pages = family[-1].pages + int(60 * random()) - 10
                isbn = "?" if year >= 1987 else book.isbn
                family.append(
                    structs.replace(book, year=year, edition=statement, edition_number=number, pages=pages, isbn=isbn)
                )
        if family[-1].year > 1998 and random() < 0.09:
            online = structs.replace(family[-1], online=True, price=0, fame=0.3)
            online.isbn = "?" if random() < 0.5 else "before"
            online.url = "?"
            family.append(online)
        return family

    def _volumes(self, book: Publication) -> list[Publication]:
        volumes = self._pick(_VOLUMES)
        with_isbn = book.isbn == "?"
        return [
            structs.replace(
                book,
                part_number=volume,
                pages=book.pages + 17 * place,
                isbn_set=f"?{place}" if with_isbn else "",
            )
            for place, volume in enumerate(volumes)
        ]

    # Words

    def _pick(self, values: Sequence[T]) -> T:
        return values[int(self._random() * len(values))]

    def _title(self, kind: str, topic: Topic) -> Text:
        words = self._known.words
        pieces = []
        for slot, literal in self._pattern(kind):
            if not slot:
                pieces.append(literal)
            elif slot == "topic":
                pieces.append(topic.name)
            else:
                pieces.append(self._pick(words["aspect" if slot == "aspect2" else slot]))
        return join(pieces)

    def _western_title(self, topic: Topic) -> str:
        pieces = []
        for slot, literal in self._pattern("western"):
            if slot == "topic2":
                pieces.append(self._pick(self._known.topics).english.lower())
            elif slot:
                pieces.append(
                    topic.english if slot == "Topic" or topic.english.startswith("Chinese") else topic.english.lower()
                )
            else:
                pieces.append(literal.simple)
        return "".join(pieces)

    def _pattern(self, kind: str) -> tuple[tuple[str, Text], ...]:
        patterns, weights = self._known.patterns[kind]
        mark = self._random() * weights[-1]
        for pattern, weight in zip(patterns, weights, strict=True):
            if mark < weight:
                return pattern.parts
        return patterns[-1].parts

    def _subtitle(self) -> Text:
        words = self._known.words
        return join((text("以"), self._pick(words["region"]), self._pick(words["object"]), text("为例")))

    def _subjects(self, topic: Topic) -> tuple[Text, ...]:
        if self._random() < 0.5:
            return (topic.name,)
        return (topic.name, self._pick(self._known.words["object"]))

    def _name(self) -> Text:
        """A Chinese name; common surnames are common."""
        random, surnames, given = self._random, self._known.surnames, self._known.words["gift"]
        surname = surnames[int(len(surnames) * random() ** 2)]
        first = given[int(len(given) * random())]
        if random() < 0.25:
            return join((surname, first))
        return join((surname, first, given[int(len(given) * random())]))

    def _foreign_name(self) -> Text:
        return text(
            self._pick(
                ("史密斯", "约翰逊", "威廉姆斯", "米勒", "安德森", "施密特", "杜邦", "伊万诺夫", "山田", "福斯特")
            )
        )

    def _western_name(self) -> str:
        initial = "ABCDEFGHJKLMPRSTW"[int(17 * self._random())]
        surname, forename = self._pick(self._known.western_surnames), self._pick(self._known.forenames)
        return f"{surname}, {forename} {initial}." if self._random() < 0.5 else f"{surname}, {forename}"

    def _publisher(self, clc: str) -> Publisher:
        return self._pick(self._known.publishers_by_class[clc[0]])


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
