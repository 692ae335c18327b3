"""Whether a library's holdings contain the volume, issue, year or part that is wanted.

"no" is said only of statements that were understood whole: a library that is passed over wrongly costs the reader more
than one that is asked in vain. Pure; one call is a few microseconds once the statement has been read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from mappings.model import Holding
from mappings.requests import Citation
from routing.citations import clean
from routing.held import Point, Span, Statement, read
from routing.held_words import plain
from routing.requestable import requestable as requestable

WORDS = {
    "held": ("馆藏包括所需卷期", "holds the volume, issue or year"),
    "everything": ("馆藏注明完整", "says that it holds everything"),
    "part_held": ("藏有所需分册", "holds the part"),
    "no_part_asked": ("藏有此书", "holds the publication"),
    "not_in_statement": ("馆藏不含所需卷期", "doesn't hold the volume, issue or year"),
    "gap": ("所需卷期在馆藏缺期之列", "lists the volume or issue among its gaps"),
    "other_parts": ("只有其他分册", "holds other parts only"),
    "no_statement": ("馆藏未注明卷期", "doesn't tell which volumes it holds"),
    "not_understood": ("馆藏卷期著录无法完全识别", "its statement of holdings was not understood whole"),
    "partly": ("所需年卷只部分入藏", "holds the year or volume in part"),
    "incomplete": ("馆藏有缺期，是否含所需期不详", "has gaps, which may include the issue"),
    "not_comparable": ("馆藏著录方式与所需卷期无法对应", "counts its holdings otherwise than the citation"),
    "nothing_asked": ("未指明年、卷、期", "no year, volume or issue was asked for"),
}
"""Reasons of an answer: [中文, English], to be said after the library's name."""

GONE = ("missing", "withdrawn")


class Coverage(NamedTuple):
    """An answer, with why."""

    answer: str  # yes, no, unknown
    reason: str  # code, in words in WORDS
    statement: str = ""  # what decided, as the library wrote it


class Wanted(Struct, frozen=True):
    """What is asked for, in numbers. 0 = not told; two numbers of a double issue (3-4)."""

    year: int = 0
    month: int = 0
    volume: int = 0
    issues: tuple[int, ...] = ()
    totals: tuple[int, ...] = ()
    part: str = ""  # 上, 中, 下, or a number


def covers(holdings: Sequence[Holding], citation: Citation, material: str, part: str = "") -> Coverage:
    """Whether one library's holdings contain what is asked for. `part` is the record's own part number, where it has
    one. Yes where any holding says yes, no where all of them say no."""
    wanted = wanted_of(citation)
    present = [holding for holding in holdings if holding.status not in GONE] or list(holdings)
    if material != "serial":
        return _of_monograph(present, wanted, part)
    if not (wanted.year or wanted.volume or wanted.issues or wanted.totals):
        return Coverage("unknown", "nothing_asked")
    return _together([_of_serial(holding, wanted) for holding in present])


def _together(answers: Sequence[Coverage]) -> Coverage:
    for answer in ("yes", "unknown", "no"):
        found = [each for each in answers if each.answer == answer]
        if found:
            return next((each for each in found if each.reason != "no_statement"), found[0])
    return Coverage("unknown", "no_statement")


# ---- what is wanted


@lru_cache(maxsize=2_000)
def wanted_of(citation: Citation) -> Wanted:
    cited = clean(citation)
    counted = cited.issue.removeprefix("总")
    numbers = _numbers(counted)
    through = counted != cited.issue or not (cited.volume or cited.year)
    date = re.match(r"\d{4}-(\d\d)", cited.date)
    return Wanted(
        year=cited.year,
        month=int(date.group(1)) if date else 0,
        volume=next(iter(_numbers(cited.volume)), 0),
        issues=() if counted != cited.issue else numbers,
        totals=numbers if through else (),
        part=_part(cited.part or cited.volume),
    )


def _numbers(text: str) -> tuple[int, ...]:
    """3 → (3,), 3-4 and 3/4 → (3, 4); what is not only numbers is none (增刊1, S2)."""
    if not re.fullmatch(r"\d{1,9}(?:[-/,]\d{1,9})?", text):
        return ()
    return tuple(int(number) for number in re.split(r"[-/,]", text))


_HALF = re.compile(r"第?([上中下])(?:[册冊卷编編集部辑輯])?")


def _part(text: str) -> str:
    half = _HALF.fullmatch(text.strip())
    if half:
        return half.group(1)
    number = re.search(r"\d{1,9}", plain(text))
    return str(int(number.group())) if number else ""


# ---- serials


def _of_serial(holding: Holding, wanted: Wanted) -> Coverage:
    """The statement decides; volumes of items can add to it, and stand for it where there is none."""
    volumes = [item.volume for item in holding.items if item.volume and item.status not in GONE]
    told = _answer(read(holding.coverage), wanted, holding.coverage) if holding.coverage.strip() else None
    if told is not None and told.answer == "yes":
        return told
    items = _of_items(volumes, wanted) if volumes else None
    if items is not None and items.answer == "yes":
        return items
    if told is not None:
        return told
    return items if items is not None and len(volumes) == len(holding.items) else Coverage("unknown", "no_statement")


def _of_items(volumes: Iterable[str], wanted: Wanted) -> Coverage:
    """What bound volumes tell. Of what is newer than the newest of them they tell nothing: it may not be bound yet."""
    statements = [(read(volume), volume) for volume in volumes]
    answers = [_answer(statement, wanted, volume) for statement, volume in statements]
    together = _together(answers)
    if together.answer != "no":
        return together
    ends = [span.last for statement, _ in statements for span in statement.spans if span.last is not None]
    newest = max((end.year for end in ends), default=0)
    newer = wanted.year > newest if newest else wanted.volume > max((end.volume for end in ends), default=0)
    return Coverage("unknown", "no_statement") if newer else Coverage("no", "not_in_statement")


def _answer(statement: Statement, wanted: Wanted, text: str) -> Coverage:
    """What a statement says of what is wanted."""
    if not statement.spans and not statement.everything:
        return Coverage("unknown", "not_understood", text)
    gaps = {place(wanted, gap) for gap in statement.gaps}
    if "in" in gaps:
        return Coverage("no" if statement.whole else "unknown", "gap" if statement.whole else "not_understood", text)
    places = [place(wanted, span) for span in statement.spans]
    sure = any(where == "in" and span.sure for where, span in zip(places, statement.spans, strict=True))
    if sure or (statement.everything and "out" not in places):
        if gaps & {"part", "none"} or statement.incomplete:
            return Coverage("unknown", "incomplete", text)
        return Coverage("yes", "everything" if statement.everything else "held", text)
    if not statement.whole or "in" in places or not all(span.sure for span in statement.spans):
        return Coverage("unknown", "not_understood", text)
    if "part" in places:
        return Coverage("unknown", "partly", text)
    if "none" in places:
        return Coverage("unknown", "not_comparable", text)
    return Coverage("no", "not_in_statement", text)


def place(wanted: Wanted, span: Span) -> str:
    """Where what is wanted lies: in the span, out of it, part of it (or by one number in, by another out), or none
    where the two have no numbers in common."""
    found = {_years(wanted, span), _volumes(wanted, span), _totals(wanted, span)} - {"none"}
    if not found:
        return "none"
    if "in" in found:
        return "part" if "out" in found else "in"
    return "out" if "out" in found else "part"


def _years(wanted: Wanted, span: Span) -> str:
    if not wanted.year:
        return "none"
    return _between(_year_end(wanted, span.first, 1), _year_end(wanted, span.last, -1))


def _year_end(wanted: Wanted, end: Point | None, side: int) -> str:
    """By one end of the span; `side` is 1 at its first point, -1 at its last."""
    if end is None:
        return "in"
    if not end.year:
        return "none"
    if wanted.year != end.year:
        return "in" if (wanted.year - end.year) * side > 0 else "out"
    if end.issue and not end.volume and wanted.issues:
        return _beside(wanted.issues, end.issue, side)
    if side == 1 and max(end.issue, end.total, end.month, end.season, end.part) <= 1:
        return "in"  # nothing of that year comes before the first issue
    if end.month and wanted.month and wanted.month != end.month:
        return "in" if (wanted.month - end.month) * side > 0 else "out"
    if side == -1 and end.month == 12 and not (end.issue or end.total or end.part):
        return "in"
    return "part" if end.issue or end.total or end.month or end.season or end.part else "in"


def _volumes(wanted: Wanted, span: Span) -> str:
    if not wanted.volume:
        return "none"
    return _between(_volume_end(wanted, span.first, 1), _volume_end(wanted, span.last, -1))


def _volume_end(wanted: Wanted, end: Point | None, side: int) -> str:
    if end is None:
        return "in"
    if not end.volume:
        return "none"
    if wanted.volume != end.volume:
        return "in" if (wanted.volume - end.volume) * side > 0 else "out"
    if end.issue and wanted.issues:
        return _beside(wanted.issues, end.issue, side)
    if side == 1 and end.issue <= 1 and end.part <= 1:
        return "in"
    return "part" if end.issue or end.part else "in"


def _totals(wanted: Wanted, span: Span) -> str:
    if not wanted.totals:
        return "none"
    ends = [
        "in" if end is None else _beside(wanted.totals, end.total, side) if end.total else "none"
        for end, side in ((span.first, 1), (span.last, -1))
    ]
    return _between(*ends)


def _beside(numbers: tuple[int, ...], end: int, side: int) -> str:
    inside = [(number - end) * side >= 0 for number in numbers]
    return "in" if all(inside) else "part" if any(inside) else "out"


def _between(first: str, last: str) -> str:
    """What two ends say together. An open span that tells nothing comparable at its one end tells nothing."""
    for answer in ("out", "none", "part"):
        if answer in (first, last):
            return answer
    return "in"


# ---- sets of several parts


def _of_monograph(holdings: Sequence[Holding], wanted: Wanted, part: str) -> Coverage:
    if not wanted.part:
        return Coverage("yes", "no_part_asked")
    if _part(part):
        return Coverage("yes", "part_held") if _part(part) == wanted.part else Coverage("no", "other_parts", part)
    answers: list[Coverage] = []
    for holding in holdings:
        texts = [holding.coverage] if holding.coverage.strip() else []
        texts += [item.volume for item in holding.items if item.status not in GONE]
        answers += [_part_in(text, wanted) for text in texts] or [Coverage("unknown", "no_statement")]
    return _together(answers)


def _part_in(text: str, wanted: Wanted) -> Coverage:
    """What one text (the volume of an item, or a statement) says of a part."""
    if not text.strip():
        return Coverage("unknown", "no_statement")
    half = _HALF.fullmatch(text.strip())
    if half or wanted.part in "上中下":
        if half and wanted.part in "上中下":
            same = half.group(1) == wanted.part
            return Coverage("yes" if same else "no", "part_held" if same else "other_parts", text)
        everything = read(text).everything
        return Coverage("yes" if everything else "unknown", "everything" if everything else "not_comparable", text)
    found = _answer(read(text), Wanted(volume=int(wanted.part)), text)
    reasons = {"held": "part_held", "not_in_statement": "other_parts"}
    return Coverage(found.answer, reasons.get(found.reason, found.reason), text)
