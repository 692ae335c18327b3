"""Publications of known works: their editions, volumes and serials as the tables give them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tongcang.sample.forms import NOTHING, text, western
from tongcang.sample.publications import Person, Publication
from tongcang.sample.standard_numbers import chinese_number, thirteen
from tongcang.sample.vocabulary import Edition, Publisher, Work, vocabulary

_GERMAN = {"Kritik der reinen Vernunft", "Sein und Zeit", "Das Kapital", "Die Traumdeutung"}
_GERMAN.add("Manifest der Kommunistischen Partei")
_FRENCH = ("Le ", "Les ", "Du ", "De l'", "Jean-Chr")

# Reigns that old printings are dated by: dynasty, era, first year, length.
ERAS = (
    ("清", "康熙", 1662, 61),
    ("清", "雍正", 1723, 13),
    ("清", "乾隆", 1736, 60),
    ("清", "嘉庆", 1796, 25),
    ("清", "道光", 1821, 30),
    ("清", "咸丰", 1851, 11),
    ("清", "同治", 1862, 13),
    ("清", "光绪", 1875, 34),
    ("清", "宣统", 1909, 3),
    ("", "民国", 1912, 37),
    ("明", "万历", 1573, 47),
    ("明", "崇祯", 1628, 17),
)
_HOUSES = ("武英殿", "金陵书局", "崇文书局", "浙江书局", "广雅书局", "扫叶山房", "文渊堂", "三让堂", "善成堂")
_MODERN_HOUSES = ("商务印书馆", "中华书局", "世界书局", "开明书店", "扫叶山房")


def known_works(rng: Random) -> Iterator[list[Publication]]:
    """Every known work as the list of its publications, kinds mixed so that a short stream has them all."""
    known = vocabulary()
    publishers = {publisher.name.simple: publisher for publisher in known.publishers + known.western_publishers}
    sources = [
        [_chinese(work, publishers, rng) for work in known.works],
        [_western(work, publishers, rng) for work in known.western_works],
        [_old(work, rng) for work in known.rare_works],
        [_serial(row) for row in known.serials],
        [_western_serial(row) for row in known.western_serials],
        [_homophones(row, rng) for row in known.homophones],
    ]
    total = max(map(len, sources))
    for place in range(total):
        for source in sources:
            # Spreads each kind evenly over the whole of the known works.
            first, last = place * len(source) // total, (place + 1) * len(source) // total
            yield from source[first:last]


def language_of(title: str) -> str:
    """The language of an original title of the tables."""
    if title in _GERMAN:
        return "ger"
    if title.startswith(_FRENCH):
        return "fre"
    if title.startswith("Cien "):
        return "spa"
    if any("а" <= letter <= "я" for letter in title):
        return "rus"
    if any("ぁ" <= letter <= "ヿ" for letter in title) or title == "雪国":
        return "jpn"
    return "eng" if title.isascii() else ""


def _person(role: str, origin: str, name: str, dates: str) -> Person:
    return Person(text(name.lstrip("@")), role, origin, dates, name.startswith("@"))


def _chinese(work: Work, publishers: dict[str, Publisher], rng: Random) -> list[Publication]:
    original = language_of(work.other) if work.other and work.people[0][1] else ""
    people = tuple(_person(*person) for person in work.people)
    part, _, title = work.title.partition(",")
    number = part.rpartition(".")[2] if title else ""
    full = part.rpartition(".")[0] if title else work.title
    variant = work.other if not original and not work.other.isascii() else ""
    return [
        _with_imprint(
            Publication(
                kind="book",
                title=text(full),
                subtitle=text(title) if title else NOTHING,
                original_language=original,
                parallel=work.other if original else "",
                variant=text(variant) if variant else NOTHING,
                people=people,
                part_number=volume,
                set_of=edition.set_of,
                clc=work.clc,
                subjects=tuple(map(text, work.subjects)),
                illustrated=rng.random() < 0.2,
                abstract=rng.random() < 0.5,
                fame=0.95 - 0.25 * rng.random(),
            ),
            (edition, place, volume),
            publishers.get(edition.publisher),
            rng,
        )
        for place, edition in enumerate(work.editions, start=1)
        for volume in edition.volumes or (number,)
    ]


def _western(work: Work, publishers: dict[str, Publisher], rng: Random) -> list[Publication]:
    title, _, subtitle = work.title.partition(": ")
    language = language_of(work.title)
    people = tuple(Person(western(name), role, dates=dates) for role, _, name, dates in work.people)
    return [
        _with_imprint(
            Publication(
                kind="book",
                language=language or "fre",
                title=western(title) if language != "jpn" else text(title),
                subtitle=western(subtitle),
                people=people,
                part_number=volume,
                set_of=edition.set_of,
                clc=work.clc,
                subjects=tuple(map(western, work.subjects)),
                illustrated=rng.random() < 0.4,
                fame=0.9 - 0.4 * rng.random(),
            ),
            (edition, place, volume),
            publishers.get(edition.publisher),
            rng,
        )
        for place, edition in enumerate(work.editions, start=1)
        for volume in edition.volumes or ("",)
    ]


def _with_imprint(
    publication: Publication, volume_of: tuple[Edition, int, str], publisher: Publisher | None, rng: Random
) -> Publication:
    """The publication with what differs from edition to edition; marks for numbers to make up: see _fill_numbers."""
    edition, place, volume = volume_of
    chinese = publication.language == "chi"
    given = edition.isbns
    isbn = "?" if not given else given[min(len(given) - 1, edition.volumes.index(volume) if edition.volumes else 0)]
    if isbn == "?" and edition.year < (1987 if chinese else 1970):
        isbn = "-"
    if isbn == "-" and chinese and 1956 <= edition.year <= 1986:
        isbn = "unified"
    pages = 120 + int(600 * rng.random() ** 1.5)
    publication.publisher = publisher.name if publisher else (text if chinese else western)(edition.publisher)
    publication.place = publisher.place if publisher else NOTHING
    publication.country = publisher.country if publisher else "CN" if chinese else "xx"
    publication.year = edition.year
    publication.edition = edition.statement
    publication.edition_number = place
    publication.isbn = thirteen(isbn) if isbn[-1].isdigit() or isbn.endswith("X") else isbn
    publication.pages = pages * max(1, edition.set_of)
    publication.size = 21 if edition.year > 1990 else 19
    publication.price = max(1, int(pages * (edition.year - 1945) / 900))
    return publication


def _old(work: Work, rng: Random) -> list[Publication]:
    """Two to five old printings of one work."""
    people = tuple(_person(*person) for person in work.people)
    found = []
    for _ in range(2 + int(4 * rng.random())):
        dynasty, era, first, length = ERAS[int(len(ERAS) * rng.random() ** 0.7)]
        number = 1 + int(length * rng.random())
        modern = era == "民国"
        house = rng.choice(_MODERN_HOUSES if modern else _HOUSES)
        reign_year = "元" if number == 1 else chinese_number(number)
        found.append(
            Publication(
                kind="rare_book",
                title=text(work.title),
                subtitle=text(work.extent),
                people=people,
                publisher=text(house),
                place=text("上海") if modern else text(rng.choice(("北京", "金陵", "苏州", "武昌"))),
                year=first + number - 1,
                date_text=f"{dynasty}{era}{reign_year}年",
                edition="铅印本" if modern else rng.choice(("刻本", "刻本", "刻本", "活字本", "石印本")),
                extent=work.extent,
                set_of=2 + int(22 * rng.random()),
                clc=work.clc,
                subjects=(text(work.title), *map(text, work.subjects)),
                fame=0.2 + 0.3 * rng.random(),
            )
        )
    return found


def _serial(row: tuple[str, ...]) -> list[Publication]:
    title, former, issn, cn, body, place, year, frequency, clc, subject = row
    return [
        Publication(
            kind="serial",
            title=text(title),
            former=text(former) if former else NOTHING,
            people=(Person(text(body), "编", body=True),),
            publisher=text(body),
            place=text(place),
            year=int(year),
            year_end=9999,
            issn=issn,
            cn=cn,
            clc=clc,
            subjects=(text(subject),),
            frequency=frequency,
            size=26,
            fame=0.95,
        )
    ]


def _western_serial(row: tuple[str, ...]) -> list[Publication]:
    title, print_issn, online_issn, publisher, place, year, frequency, clc, subject = row
    found = []
    for issn in filter(None, (print_issn, online_issn)):
        online = issn == online_issn
        found.append(
            Publication(
                kind="serial",
                language="eng",
                online=online,
                title=western(title),
                publisher=western(publisher),
                place=western(place),
                country="enk" if place == "London" else "xxu",
                year=int(year),
                year_end=9999,
                issn=issn,
                clc=clc,
                subjects=(western(subject),),
                frequency=frequency,
                size=28,
                url=f"https://eresources.example.org/issn/{issn}" if online else "",
                fame=0.5 if online else 0.8,
            )
        )
    return found


def _homophones(row: tuple[str, ...], rng: Random) -> list[Publication]:
    """Two publications with the same pinyin, year, publisher and name of author (in pinyin): only characters differ."""
    first, second, clc, subject = row
    known = vocabulary()
    publisher = rng.choice(known.publishers_by_class[clc[0]])
    year = 1990 + int(30 * rng.random())
    authors = ("李晓明", "李小鸣") if rng.random() < 0.5 else ("张伟", "张玮")
    return [
        Publication(
            kind="book",
            title=text(title),
            people=(Person(text(author), "著"),),
            publisher=publisher.name,
            place=publisher.place,
            year=year,
            isbn="?",
            pages=150 + int(300 * rng.random()),
            size=21,
            price=20 + int(40 * rng.random()),
            clc=clc,
            subjects=(text(subject),),
            fame=0.5,
        )
        for title, author in ((first, authors[0]), (second, authors[1]))
    ]
