"""Whether two records describe one publication: points that add up, vetoes that decide alone.

Pure and symmetric. Missing evidence counts zero. No pair scores higher than either record against itself, so a record
that does not reach a threshold against its own twin reaches it against nobody: "Frontmatter" alone joins nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from indexer.cluster.features import Features
from indexer.cluster.numbering import volumes_differ
from indexer.cluster.titles import TitleMatch, compare_titles, is_generic, similar

RULES: Final = 1
"""Version of these rules; stands in every stored edge. Raise it with any change: the cluster stage then begins anew."""

SAME, REVIEW, DIFFERENT = 2, 1, 0

ACCEPT: Final = 60  # title, author and year of a brief record: 30 + 20 + 12, less for a short title
QUEUE: Final = 42  # from here on a person may look at it

WEIGHTS: Final = {
    "title": 30,  # a title of five characters or more; the others below are parts of this one
    "title_short": 24,  # two to four characters: 诗选, 史记
    "title_near": 18,  # a typo in a long title
    "title_variant": 16,  # met by a parallel, cover or spine title
    "title_reading": 12,  # only the pinyin agrees: homophones abound
    "title_begin": 8,  # one title is the beginning of the other
    "title_generic": 4,  # 年鉴, Proceedings without a common author
    "title_differs": -40,
    "subtitle": 4,
    "subtitle_differs": -12,  # 古代卷 against 现代卷 stands there as often as in a part name
    "author": 20,
    "author_reading": 12,  # Cao, Xueqin = 曹雪芹, or any other Cao Xueqin
    "author_differs": -25,
    "year": 12,
    "year_range": 6,  # equal ranges, or a year within a short one
    "year_wide": 4,  # the range is longer than ten years
    "year_off_by_one": -6,
    "imprint": 14,  # rare books: 清光緒十年金陵書局刻本
    "imprint_differs": -8,
    "publisher": 10,
    "publisher_part": 6,
    "publisher_differs": -6,  # co-publishers, changed names
    "pages": 10,
    "pages_near": 6,
    "pages_differ": -8,
    "edition": 4,
    "isbn": 35,
    "isbn_differs": -12,  # bound and paperback have two numbers
    "issn": 40,
    "number": 35,  # CALIS, OCLC, LCCN, 统一书号, CN …
    "number_differs": -10,  # same type, other value: only of types that a publication has once
    "host": 20,
    "host_differs": -40,
    "language": 2,
    "language_differs": -15,
}

# Numbers that a publication has only one of. A library may have catalogued on any of several OCLC or CALIS records.
_ONLY_ONE = frozenset(("tyshuhao", "cn", "doi", "ismn"))
ISBN_BEGAN = 1970


class Verdict(Struct, frozen=True, gc=False):
    decision: int  # SAME, REVIEW or DIFFERENT
    score: int  # sum of points; 0 where a veto decided
    veto: str = ""  # its code
    cap: str = ""  # why it is no more than a case for review, whatever the score


class Evidence(Struct, frozen=True):
    """One line of an explanation."""

    feature: str
    a: str
    b: str
    points: int
    code: str = ""  # name of the weight, of the veto or of the cap
    effect: str = "points"  # points, veto, cap


# ---------------------------------------------------------------------------------------------- vetoes


def veto(a: Features, b: Features) -> str:
    """The code of the first veto between two records; "" = none. Also asked of any two members of a cluster."""
    if a.carrier != b.carrier:
        return "carrier"
    if a.kind != b.kind and a.kind and b.kind:
        return "material"
    if a.level != b.level:
        return "level"
    if a.volume and b.volume and a.volume != b.volume and volumes_differ(a.volume, b.volume):
        return "volume"
    if a.part and b.part and a.part != b.part and not similar(a.part, b.part):
        return "part"
    return _edition_veto(a, b) or _year_veto(a, b) or _issn_veto(a, b)


def conflict(a: Features, b: Features) -> str:
    """Why two records that were not accepted as a pair may not meet in a cluster either; "" = they may."""
    return veto(a, b) or ("author" if _author(a, b) == "author_differs" else "")


def _edition_veto(a: Features, b: Features) -> str:
    if a.edition and b.edition:
        if a.edition != b.edition:
            return "edition"
    elif (a.edition == 1 and b.revision) or (b.edition == 1 and a.revision):
        return "edition"
    return ""


def _year_veto(a: Features, b: Features) -> str:
    if a.level == "s":
        return ""
    if a.year and b.year:
        return "year" if max(a.year, b.year) - min(a.year_end, b.year_end) > 1 else ""
    if _before_isbn(a) and b.isbns and not b.year:
        return "before_isbn"
    if _before_isbn(b) and a.isbns and not a.year:
        return "before_isbn"
    return ""


def _before_isbn(f: Features) -> bool:
    return 0 < f.year_end < ISBN_BEGAN and not f.isbns


def _issn_veto(a: Features, b: Features) -> str:
    return "issn" if a.issns and b.issns and not _meet(a.issns, b.issns) else ""


# ---------------------------------------------------------------------------------------------- points
# Each gives the name of a weight, or "" where it has nothing to say.


def _author(a: Features, b: Features) -> str:
    if not a.authors or not b.authors:
        return ""
    if a.authors == b.authors or _meet(a.authors, b.authors):
        return "author"
    if _meet(a.author_readings, b.author_readings):
        return "author_reading"
    return "author" if _initials_meet(a.authors, b.authors) else "author_differs"


def _initials_meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether some western name is another's with initials: "knuth d e" and "donald ervin knuth"."""
    for x in a:
        if not x.isascii():
            continue
        of_x = x.split(" ")
        for y in b:
            if not y.isascii():
                continue
            of_y = y.split(" ")
            if _abbreviates(of_x, of_y) or _abbreviates(of_y, of_x):
                return True
    return False


def _abbreviates(short: list[str], long: list[str]) -> bool:
    """Every word of `short` is one of `long`, or the initial of one; at least one is a whole word."""
    left = list(long)
    initials = [word for word in short if len(word) == 1]
    whole = [word for word in short if len(word) > 1]
    if not whole or (not initials and len(whole) < 2):
        return False
    for word in whole:
        if word not in left:
            return False
        left.remove(word)
    for initial in initials:
        found = next((word for word in left if word[0] == initial), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _year(a: Features, b: Features) -> str:
    if not a.year or not b.year:
        return ""
    gap = max(a.year, b.year) - min(a.year_end, b.year_end)
    if gap > 0:
        return "year_off_by_one" if gap == 1 else ""
    if a.level == "s":
        return "year" if a.year == b.year else "year_wide"
    width = max(a.year_end - a.year, b.year_end - b.year)
    if width == 0:
        return "year"
    return "year_range" if width <= 10 else "year_wide"


def _imprint(a: Features, b: Features) -> str:
    if not a.imprint or not b.imprint:
        return ""
    if a.imprint == b.imprint or a.imprint in b.imprint or b.imprint in a.imprint:
        return "imprint"
    return "imprint_differs"


def _publisher(a: Features, b: Features) -> str:
    x, y = a.publisher, b.publisher
    if not x or not y:
        return ""
    if x == y:
        return "publisher"
    return "publisher_part" if x in y or y in x else "publisher_differs"


def _pages(a: Features, b: Features) -> str:
    x, y = a.pages, b.pages
    if not x or not y:
        return ""
    if x == y:
        return "pages"
    apart = abs(x - y)
    if apart <= 3 or apart * 50 <= max(x, y):
        return "pages_near"
    return "" if apart * 10 <= max(x, y) else "pages_differ"


def _edition(a: Features, b: Features) -> str:
    return "edition" if a.edition and a.edition == b.edition else ""


def _isbn(a: Features, b: Features) -> str:
    if not a.isbns or not b.isbns:
        return ""
    return "isbn" if _meet(a.isbns, b.isbns) else "isbn_differs"


def _issn(a: Features, b: Features) -> str:
    return "issn" if a.issns and _meet(a.issns, b.issns) else ""


def _number(a: Features, b: Features) -> str:
    if not a.numbers or not b.numbers:
        return ""
    if _meet(a.numbers, b.numbers):
        return "number"
    types = {n.partition(":")[0] for n in a.numbers} & {n.partition(":")[0] for n in b.numbers}
    return "number_differs" if types & _ONLY_ONE else ""


def _host(a: Features, b: Features) -> str:
    if not a.host or not b.host:
        return ""
    return "host" if a.host == b.host or similar(a.host, b.host) else "host_differs"


def _language(a: Features, b: Features) -> str:
    if not a.language or not b.language:
        return ""
    return "language" if a.language == b.language else "language_differs"


def _meet(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return any(x in b for x in a)


_POINTS: Final[tuple[tuple[str, Callable[[Features, Features], str], Callable[[Features], object]], ...]] = (
    ("author", _author, lambda f: f.authors),
    ("year", _year, lambda f: (f.year, f.year_end) if f.year_end != f.year else f.year),
    ("publisher", _publisher, lambda f: f.publisher),
    ("pages", _pages, lambda f: f.pages),
    ("isbn", _isbn, lambda f: f.isbns),
    ("number", _number, lambda f: f.numbers),
    ("language", _language, lambda f: f.language),
    ("edition", _edition, lambda f: (f.edition, f.revision) if f.revision else f.edition),
    ("issn", _issn, lambda f: f.issns),
    ("imprint", _imprint, lambda f: f.imprint),
    ("host", _host, lambda f: f.host),
)
_FUNCTIONS: Final = tuple(function for _, function, _ in _POINTS)
_IDENTIFIED: Final = frozenset(("isbn", "issn", "number"))
_AUTHORED: Final = frozenset(("author", "author_reading"))


# ---------------------------------------------------------------------------------------------- the verdict


def compare(a: Features, b: Features) -> Verdict:
    """The verdict on a pair; compare(a, b) == compare(b, a)."""
    why = veto(a, b)
    if why:
        return Verdict(DIFFERENT, 0, why)
    title = compare_titles(a, b)
    codes = [code for function in _FUNCTIONS if (code := function(a, b))]
    title_code = _title_code(a, b, title, codes)
    score = WEIGHTS[title_code]
    if title.subtitle:
        score += WEIGHTS[title.subtitle]
    for code in codes:
        score += WEIGHTS[code]
    if score < QUEUE:
        return Verdict(DIFFERENT, score)
    cap = _cap(a, b, title_code, codes)
    return Verdict(REVIEW if cap or score < ACCEPT else SAME, score, "", cap)


def _title_code(a: Features, b: Features, title: TitleMatch, codes: list[str]) -> str:
    """A title that half the shelves carry is evidence only together with its author or a number."""
    if (
        title.code != "title_differs"
        and is_generic(a, b)
        and not any(c in _AUTHORED or c in _IDENTIFIED for c in codes)
    ):
        return "title_generic"
    return title.code


def _cap(a: Features, b: Features, title: str, codes: list[str]) -> str:
    """Why this pair can't be joined without a person; "" = it can."""
    identified = not _IDENTIFIED.isdisjoint(codes)
    if title in ("title_differs", "title_generic", "title_begin"):
        return title
    if bool(a.volume) != bool(b.volume):
        return "volume_on_one_side"
    if bool(a.part) != bool(b.part):
        return "part_on_one_side"
    if "host_differs" in codes:
        return "host_differs"
    if not identified and not (a.year and b.year):
        return "undated"
    if title == "title_near" and not identified and _AUTHORED.isdisjoint(codes):
        return "near_title_without_author"
    if title == "title_reading" and not identified:
        return "reading_proves_nothing"
    return ""


def explain(a: Features, b: Features) -> tuple[Evidence, ...]:
    """Everything that `compare` went by, also what lies behind a veto."""
    lines = []
    title = compare_titles(a, b)
    coded = [(name, code, show) for name, function, show in _POINTS if (code := function(a, b))]
    codes = [code for _, code, _ in coded]
    code = _title_code(a, b, title, codes)
    lines.append(Evidence("title", a.full, b.full, WEIGHTS[code], code))
    if title.subtitle:
        lines.append(Evidence("subtitle", a.full, b.full, WEIGHTS[title.subtitle], title.subtitle))
    lines += [Evidence(name, _shown(show(a)), _shown(show(b)), WEIGHTS[c], c) for name, c, show in coded]
    why = veto(a, b)
    if why:
        shown = _VETO_SHOWS[why]
        lines.append(Evidence(why, _shown(shown(a)), _shown(shown(b)), 0, why, "veto"))
    elif cap := _cap(a, b, code, codes):
        shown = _CAP_SHOWS.get(cap, lambda f: f.full)
        lines.append(Evidence(cap, _shown(shown(a)), _shown(shown(b)), 0, cap, "cap"))
    return tuple(lines)


_VETO_SHOWS: Final[dict[str, Callable[[Features], object]]] = {
    "carrier": lambda f: f.carrier,
    "material": lambda f: f.kind,
    "level": lambda f: f.level,
    "volume": lambda f: f.volume,
    "part": lambda f: f.part,
    "edition": lambda f: (f.edition, f.revision) if f.revision else f.edition,
    "year": lambda f: (f.year, f.year_end) if f.year_end != f.year else f.year,
    "before_isbn": lambda f: (f.year or "", *f.isbns),
    "issn": lambda f: f.issns,
}
_CAP_SHOWS: Final[dict[str, Callable[[Features], object]]] = {
    "volume_on_one_side": lambda f: f.volume,
    "part_on_one_side": lambda f: f.part,
    "host_differs": lambda f: f.host,
    "undated": lambda f: f.year,
}


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value if each != "")
    return str(value or "")
