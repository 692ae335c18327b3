"""How one library catalogues one publication.

About half of the records are copied from a central catalogue and agree in everything but holdings and pinyin; the
others vary: fuller or briefer, other punctuation, other forms of the same date, and, at a low rate, the quirks and
errors that real CNMARC shows.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, itemgetter
from random import Random

from msgspec import Struct

from tongcang.sample.forms import Text
from tongcang.sample.habits import Habit, local_id
from tongcang.sample.publications import Publication

MarcField = tuple[str, str]  # tag; content: of a data field two indicators, then 1F, code, value …
D = "\x1f"
Add = Callable[[MarcField], None]
Pick = Callable[[Text], str]


class Marc(Struct):
    leader: str  # 24 characters; lengths and addresses are left to the writer
    fields: list[MarcField]
    local_id: str = ""


class Variation(Struct, frozen=True):
    """What is particular in one description."""

    brief: bool = False
    typo: float = 0.0  # > 0: one character of the title is wrong; its place
    ten: bool = False  # ISBN of ten digits also after 2006
    plain_isbn: bool = False
    month: int = 0  # 210$d 2014.06
    short_publisher: bool = False  # 人民文学 for 人民文学出版社
    first_edition: bool = False  # 1版 is told
    no_people: bool = False
    no_subjects: bool = False
    wide: bool = False  # full-width punctuation and digits
    equals: bool = False  # "= " before the parallel title
    joined_people: bool = False  # two authors in one field
    joined_subjects: bool = False  # "；" between subjects
    odd_role: str = ""  # put in place of 著, or before the role
    no_coded_data: bool = False  # 100 or 008 is missing
    fill: str = " "  # how blanks of the coded data are written
    year_slip: int = 0
    pages_slip: int = 0
    isbn_wrong: bool = False  # one digit is wrong
    isbn_in_011: bool = False
    gift_price: bool = False  # CNY赠92.00
    repeated_qualifier: bool = False


def vary(rng: Random, habit: Habit | None = None) -> Variation:
    """One description's particularities; without a library, those of the central catalogue (clean)."""
    random = rng.random
    sloppy = habit.sloppy if habit else 0.005
    brief = random() < (habit.brief if habit else 0.03)
    if random() > 12 * sloppy and not brief:
        return _PLAIN_MONTH[int(12 * random())] if random() < 0.2 else _PLAIN[int(3 * random())]

    def odd(rate: float = 1.0) -> bool:
        return random() < rate * 0.1 + sloppy

    return Variation(
        brief=brief,
        typo=random() if random() < 0.03 else 0.0,
        ten=odd(),
        plain_isbn=random() < 0.2,
        month=1 + int(12 * random()) if random() < 0.15 else 0,
        short_publisher=odd(),
        first_edition=odd(2),
        no_people=brief and odd(),
        no_subjects=brief and random() < 0.6,
        wide=odd(),
        equals=random() < 0.5,
        joined_people=odd(),
        joined_subjects=odd(2),
        odd_role=("", "", "", " ", "着")[int(5 * random())],
        no_coded_data=odd(0.2),
        fill="  -^#"[int(5 * random())],
        year_slip=(-1, 1)[int(2 * random())] if random() < 0.02 else 0,
        pages_slip=(-2, 1, 2, 4)[int(4 * random())] if random() < 0.08 else 0,
        isbn_wrong=random() < 0.02,
        isbn_in_011=random() < 0.02,
        gift_price=random() < 0.05,
        repeated_qualifier=random() < 0.05,
    )


_PLAIN = (Variation(), Variation(plain_isbn=True), Variation(first_edition=True))
_PLAIN_MONTH = tuple(Variation(month=month) for month in range(1, 13))

# Characters that are mistaken for one another; a typo takes one of these, else it doubles or drops a character.
_MISTAKEN = str.maketrans(
    "己已未末人入土士日曰戊戌析折侯候账帐像象做作概慨辩辨籍藉",
    "已己末未入人士土曰日戌戊折析候侯帐账象像作做慨概辨辩藉籍",
)


def title_as_written(title: Text, traditional: bool, variation: Variation) -> str:
    """The title in the chosen script, perhaps with full-width punctuation or a typo."""
    value = title.traditional if traditional else title.simple
    if variation.wide:
        value = value.replace("(", "（").replace(")", "）").replace(": ", "：").replace(",", "，")
    if variation.typo:
        wrong = value.translate(_MISTAKEN)
        if wrong == value and len(value) > 5:
            place = 1 + int(variation.typo * (len(value) - 2))
            wrong = value[:place] + value[place + 1 :]
        value = wrong
    return value


_TRADITIONAL: Pick = attrgetter("traditional")
_SIMPLE: Pick = attrgetter("simple")


def script(traditional: bool) -> Pick:
    return _TRADITIONAL if traditional else _SIMPLE


def is_traditional(publication: Publication, habit: Habit, rng: Random) -> bool:
    if publication.kind == "rare_book":
        return habit.traditional_old
    return habit.traditional > 0 and rng.random() < habit.traditional


def catalogue(
    publication: Publication, habit: Habit, variation: Variation, rng: Random, *, copy: int = 0, revision: int = 0,
    stamp: str = "20200101000000.0",
) -> Marc:  # fmt: skip
    """The library's MARC record of the publication, holdings included. `revision` counts later changes (a new copy)."""
    # The dialects' modules import this one's types.
    from tongcang.sample.cnmarc import cnmarc
    from tongcang.sample.holdings import holdings
    from tongcang.sample.marc21 import marc21

    dialect = habit.chinese if publication.language == "chi" else habit.western
    identifier = local_id(habit, publication, copy)
    describe = cnmarc if dialect == "cnmarc" else marc21
    record = describe(publication, habit, variation, rng, identifier, stamp)
    record.fields.extend(holdings(publication, habit, rng, identifier, revision, dialect))
    record.fields.sort(key=itemgetter(0))
    if rng.random() < habit.sloppy / 2:
        # The charset mark that doesn't tell the truth: "a" in CNMARC, blank in MARC21.
        mark = "a" if record.leader[9] == " " else " "
        record.leader = f"{record.leader[:9]}{mark}{record.leader[10:]}"
    return record
