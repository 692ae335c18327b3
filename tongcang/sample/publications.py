"""What a publication is, and the endless seeded stream of them.

The same seed gives the same publications in the same order, whatever the length that is asked for: known works and
composed ones alternate until the known ones are used up. A publication has a number (its place in the stream) and the
number of its work: editions, volumes and online versions of one work are different publications.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from msgspec import Struct

from tongcang.sample.forms import NOTHING, Text
from tongcang.sample.standard_numbers import sample_cn, sample_isbn, sample_issn, sample_unified

_ROLES = {
    "aut": "著 撰 编著",
    "edt": "主编 编 点校",
    "trl": "译 译注 注译",
    "ann": "注 校注 笺疏 校释 释 音注 校证",
    "ill": "绘",
    "cmp": "作曲",
    "ths": "指导",
}
RELATORS = {role: code for code, roles in _ROLES.items() for role in roles.split()}


class Person(Struct, frozen=True, gc=False):
    """A person or body. `role` is the Chinese word on the title page, or the MARC relator code of a western one."""

    name: Text
    role: str
    origin: str = ""  # dynasty or country as it stands on the title page: 清, 美
    dates: str = ""
    body: bool = False

    @property
    def relator(self) -> str:
        return RELATORS.get(self.role, self.role)

    @property
    def secondary(self) -> bool:
        return self.relator in ("trl", "ann", "ill", "ths")


class Publication(Struct, kw_only=True):
    number: int = 0
    work: int = 0
    kind: str  # book, rare_book, thesis, score, serial
    language: str = "chi"
    original_language: str = ""
    online: bool = False
    title: Text
    subtitle: Text = NOTHING
    parallel: str = ""
    variant: Text = NOTHING
    part_number: str = ""  # 上, 下, 1, 2 …; "" where it is not a volume
    set_of: int = 0  # volumes described by this one record
    people: tuple[Person, ...] = ()
    publisher: Text = NOTHING
    place: Text = NOTHING
    country: str = "CN"
    year: int = 0
    year_end: int = 0  # 9999 = still published
    date_text: str = ""
    edition: str = ""
    edition_number: int = 1
    isbn: str = ""  # 13 digits
    isbn_set: str = ""
    issn: str = ""
    cn: str = ""
    unified: str = ""
    pages: int = 0
    extent: str = ""
    size: int = 0  # centimetres
    price: int = 0  # yuan or dollars
    series: Text = NOTHING
    series_number: int = 0
    clc: str = ""
    subjects: tuple[Text, ...] = ()
    frequency: str = ""
    former: Text = NOTHING
    illustrated: bool = False
    abstract: bool = False
    url: str = ""
    fame: float = 0.3  # 0–1: how many libraries have it


def publications(seed: int) -> Iterator[Publication]:
    """All publications of this seed, without end."""
    # The makers of works import this module's model.
    from tongcang.sample.composed import Composer
    from tongcang.sample.known import known_works

    rng = Random(seed)
    composer = Composer(rng)
    known = known_works(rng)
    number = 0
    before: Publication | None = None
    for work, family in enumerate(_alternate(known, composer.works()), start=1):
        for publication in family:
            number += 1
            publication.number, publication.work = number, work
            _fill_numbers(publication, before)
            before = publication
            yield publication


def _fill_numbers(publication: Publication, before: Publication | None) -> None:
    """Gives the numbers that the makers of works left open.

    Their marks: ISBN "?" make one up, "unified" a unified book number instead, "before" that of the publication
    before, "-" none; set ISBN "?2" the one of the set whose first volume stands two places before.
    """
    number, chinese = publication.number, publication.language == "chi"
    if publication.isbn == "?":
        publication.isbn = sample_isbn(number % 500_000, chinese=chinese)
    elif publication.isbn == "before" and before is not None:
        publication.isbn = before.isbn
    elif publication.isbn in ("unified", "-"):
        if publication.isbn == "unified":
            publication.unified = sample_unified(number, publication.clc, len(publication.publisher.pinyin))
        publication.isbn = ""
    if publication.isbn_set.startswith("?"):
        first = number - int(publication.isbn_set[1:])
        publication.isbn_set = sample_isbn(500_000 + first % 500_000, chinese=chinese)
    if publication.issn == "?":
        publication.issn = sample_issn(number)
        publication.cn = sample_cn(number, publication.clc)
    if publication.url == "?":
        publication.url = f"https://eresources.example.org/book/{number}"


def _alternate(first: Iterator[list[Publication]], second: Iterator[list[Publication]]) -> Iterator[list[Publication]]:
    for work in first:
        yield work
        yield next(second)
    yield from second
