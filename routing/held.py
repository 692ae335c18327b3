"""Statements of what a library holds of a serial or set, read: "v.1(1990)-v.12(2001)", "1979-2005（缺1983）".

A statement becomes spans of numbering and dates, the gaps in them, and whether it was understood whole. Only a
statement that was understood whole can prove that something is *not* held; what could not be read makes everything
that it touches doubtful. Pure; statements repeat from library to library, so readings are remembered.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from routing.held_drafts import Draft, count_through
from routing.held_points import BEGINS_POINT, PointReader
from routing.held_words import Token, tokens

LONGEST = 2000
"""Characters read of a statement; a longer one is not understood whole."""


class Point(Struct, frozen=True):
    """One end of a span. 0 = not told. `total` counts the issues through all volumes (总期号)."""

    year: int = 0
    month: int = 0
    volume: int = 0
    issue: int = 0
    total: int = 0
    season: int = 0  # 1 spring … 4 winter
    part: int = 0  # of a volume or year


class Span(Struct, frozen=True):
    """From one point to another, both included; None = open. `sure`: nothing in it was guessed or left unread."""

    first: Point | None
    last: Point | None
    sure: bool = True


class Statement(Struct, frozen=True):
    spans: tuple[Span, ...] = ()
    gaps: tuple[Span, ...] = ()
    whole: bool = True  # every word of it was understood
    everything: bool = False  # it says that all is held
    incomplete: bool = False  # it says that something lacks, not what


@lru_cache(maxsize=50_000)
def read(text: str) -> Statement:
    """What a statement says. Never raises; a text without anything to read is not whole."""
    reader = _Reader(tokens(text[:LONGEST]))
    found = reader.statement()
    nothing = not (found.spans or found.everything)
    return replace(found, whole=False) if nothing or len(text) > LONGEST else found


class _Reader(PointReader):
    """Reads a statement from its start to its end. What it can't read leaves the segment around it unsure."""

    def __init__(self, found: list[Token]) -> None:
        super().__init__(found)
        self.spans: list[Span] = []
        self.gaps: list[Span] = []
        self.in_gap = False
        self.gap_depth = self.depth = 0
        self.whole, self.everything, self.incomplete = True, False, False
        self.before: Draft | None = None  # the point that a list goes on from: v.1-3,5-7
        self.segment = 0  # where the spans of this segment begin
        self.doubtful = False  # something in this segment was not read (n.F.: the volumes are counted anew)

    # ---- the statement
    def statement(self) -> Statement:
        while kind := self.kind():
            simple = _SIMPLE.get(kind)
            if simple is not None:
                self.step()
                simple(self)
            elif not self._range():
                self._unread()
        self.whole = self.whole and self.depth == 0 and all(map(self._lies_within, self.gaps))
        return Statement(
            tuple(self.spans), tuple(self.gaps), self.whole, self.everything and self.whole, self.incomplete
        )

    def _lies_within(self, gap: Span) -> bool:
        """A gap outside everything held is none: behind "1990-1995 缺1993; 1998" the list of holdings may go on."""
        year = gap.first.year if gap.first is not None else 0
        return not year or not self.spans or any(_has_year(span, year) for span in self.spans)

    def _semicolon(self) -> None:
        self._end_segment()
        self.before = None

    def _end_segment(self) -> None:
        self.segment = len(self.spans)
        self.doubtful = False

    def _open(self) -> None:
        self.depth += 1

    def _close(self) -> None:
        self.whole = self.whole and self.depth > 0
        self.depth = max(0, self.depth - 1)
        if self.in_gap and self.depth < self.gap_depth:
            self.in_gap = False

    def _gap(self) -> None:
        self.in_gap, self.gap_depth = True, self.depth
        if not self.spans or not _of_one_year(self.spans[-1]):
            self.before = None  # "1990-1992 缺第3期" doesn't tell of which year
        if not self._numbers_ahead():  # 缺期 without telling which
            self.incomplete = True

    def _numbers_ahead(self) -> bool:
        for ahead in range(4):
            kind = self.kind(ahead)
            if kind in ("number", "total", "month"):
                return True
            if kind in ("", "stop", "close"):
                return False
        return True

    def _incomplete(self) -> None:
        self.incomplete = True

    def _all(self) -> None:
        self.everything = True

    def _unread(self) -> None:
        """Something that is not understood: nothing that this segment says is sure."""
        self.step()
        self.whole, self.doubtful = False, True
        self.incomplete = self.incomplete or self.in_gap
        self.spans[self.segment :] = [replace(span, sure=False) for span in self.spans[self.segment :]]
        self.before = None

    # ---- spans
    def _range(self) -> bool:
        """A point, or two with a dash between them, or one open end. False where there is none here."""
        again = self.at > 0 and self.kind(-1) == "dash"
        found = self.ends(None, self.before)
        if found is None:
            return False
        first, last, open_ = found
        if self.kind() == "same":
            first, last = self._same(first, last)
        self.before = last or first
        if first is not None and first.more and last is None and not open_:
            for start, stop in first.more:
                self._add(start, stop or start, False)
            return True
        self._add(first, last, open_)
        if again and open_ and len(self.spans) > self.segment + 1:
            self._tell_again()
        return True

    def _tell_again(self) -> None:
        """1979- 总1期-: the same open end, told in two ways."""
        one, other = self.spans[-2:]
        if one.last is None and one.first is not None and other.first is not None:
            told = {axis: getattr(one.first, axis) or getattr(other.first, axis) for axis in Point.__struct_fields__}
            shared = any(getattr(one.first, axis) and getattr(other.first, axis) for axis in Point.__struct_fields__)
            if not shared:
                self.spans[-2:] = [Span(Point(**told), None, one.sure and other.sure)]

    def _same(self, first: Draft | None, last: Draft | None) -> tuple[Draft | None, Draft | None]:
        """2009,no.1-12=总.101-112=v.20: the same issues, counted otherwise."""
        while self.kind() == "same" and self.kind(1) in BEGINS_POINT:
            self.step()
            other = self.ends(None, None)
            if other is None or first is None or other[0] is None:
                self.whole = False
                break
            ends = last or first
            for end in filter(None, other[:2]):
                if next(iter(end.start)) == "issue" and "issue" in first.start:
                    count_through(end)  # årg.8:nr.1-4=nr.29-32
            if any(first.start.get(axis, value) != value for axis, value in other[0].start.items()):
                first.guessed, self.whole = True, False  # 2002=2001(2002) tells of another year
                break
            for axis, value in other[0].start.items():
                first.start.setdefault(axis, value)
            for axis, value in (other[1] or other[0]).stop.items():
                ends.stop.setdefault(axis, value)
        return first, last

    def _add(self, first: Draft | None, last: Draft | None, open_: bool) -> None:
        sure = not self.doubtful and not any(end.guessed for end in (first, last) if end is not None)
        start = _as_point(first.start) if first is not None else None
        ends = last or first
        stop = None if open_ or ends is None else _as_point(ends.stop)
        if start is not None and stop is not None and last is not None:
            start = _years_before(start, last)
            if _descends(start, stop):
                sure, self.whole = False, False
        if start == Point() or stop == Point():
            self.whole = False
            return
        (self.gaps if self.in_gap else self.spans).append(Span(start, stop, sure))


_SIMPLE = {
    "stop": _Reader._semicolon,
    "comma": lambda _: None,
    "dot": lambda _: None,
    "colon": lambda _: None,
    "open": _Reader._open,
    "close": _Reader._close,
    "gap": _Reader._gap,
    "incomplete": _Reader._incomplete,
    "all": _Reader._all,
}


def _years_before(start: Point, last: Draft) -> Point:
    """1-4 (1990-1993): the years in parentheses are those of the whole span, not of its end."""
    begins = last.start.get("year", 0), last.start.get("month", 0)
    if start.year or not begins[0] or begins >= (last.stop.get("year", 0), last.stop.get("month", 0)):
        return start
    return replace(start, year=begins[0], month=begins[1])


def _as_point(values: dict[str, int]) -> Point:
    if "issue" in values and "year" not in values and "volume" not in values:  # no.1-416, 第1期-第20期
        values = {**values, "total": values.get("total", values["issue"])}
        del values["issue"]
    return Point(**values)


def _descends(start: Point, stop: Point) -> bool:
    """An end before its start was misread."""
    for axis in ("year", "volume", "total"):
        one, other = getattr(start, axis), getattr(stop, axis)
        if one and other and one != other:
            return bool(one > other)
    return False


def _of_one_year(span: Span) -> bool:
    return span.first is not None and span.last is not None and span.first.year == span.last.year


def _has_year(span: Span, year: int) -> bool:
    """Whether it may: a span without years is not judged by them."""
    first = span.first.year if span.first is not None else 0
    last = (span.last.year or 9999) if span.last is not None else 9999
    return first <= year <= last
