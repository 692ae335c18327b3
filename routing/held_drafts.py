"""A point of a statement of holdings while it is read: the numbers at its start and its end, and what they inherit."""

from __future__ import annotations

from routing.held_words import MONTHS, SEASONS

CERTAIN_YEARS = range(1400, 2101)

ABOVE = {
    "issue": ("year", "volume"),
    "month": ("year",),
    "season": ("year",),
    "part": ("year", "volume"),
    "total": (),
    "volume": (),
}
"""The axes that an axis belongs to: an issue is one of a year or a volume."""


class Draft:
    """A point while it is read: values at its start and end by axis, in the order in which they were told."""

    __slots__ = ("guessed", "last", "more", "start", "stop")

    def __init__(self) -> None:
        self.start: dict[str, int] = {}
        self.stop: dict[str, int] = {}
        self.last = ""  # the axis told last
        self.guessed = False
        self.more: list[tuple[Draft, Draft | None]] = []  # further issues of it: 1999(1-3,5-7)

    def put(self, axis: str, value: int, end: int = 0) -> None:
        self.start[axis], self.stop[axis], self.last = value, end or value, axis


def month(word: str) -> tuple[str, int]:
    """A month, or a season, which is none, since nobody tells its first month."""
    name = word.rstrip(".号季")
    return ("month", MONTHS[name]) if name in MONTHS else ("season", SEASONS[name])


def value_of(word: str) -> int:
    """12 and 12th; nine digits of it at most."""
    digits = word if word.isdecimal() else "".join(c for c in word if c.isdecimal())
    return int(digits[:9])


def completed(first: int, second: int) -> int:
    """The second number of a pair that leaves out what it shares with the first: 1985-86, 1998/99, 117-34."""
    text, tail = str(first), str(second)
    return int(text[: len(text) - len(tail)] + tail) if len(tail) < len(text) and second < first else second


def guess(value: int, word: str, base: Draft | None, dated: bool) -> tuple[str, int]:
    """The axis of a bare number by the point before it, with the year that it may abbreviate; "" = no idea. `dated`: a
    year belongs to it (27.1939)."""
    counted = base.stop.get("total", 0) or base.stop.get("issue", 0) if base is not None else 0
    if value in CERTAIN_YEARS and len(word) == 4 and counted < 1000:
        return "year", 0
    if not word.isdecimal():
        return "volume", 0
    if base is None:
        return "", 0
    year = base.stop.get("year", 0)
    if dated and base.last == "year":  # no.1(1979)-11(1984)
        lead = next(iter(base.start))
        return (lead if lead in ("issue", "total") else "volume"), 0
    if base.last == "year" and year and 10 <= value < 100 and len(word) == 2:
        return "year", year
    return (base.last, 0) if base.last != "year" else ("", 0)


def count_through(draft: Draft) -> None:
    """no.41(2007): an issue that no volume and no year stands before counts through them all."""
    for values in (draft.start, draft.stop):
        told = list(values.items())
        values.clear()
        values.update((("total" if axis == "issue" else axis), value) for axis, value in told)


def inherit(first: Draft, last: Draft) -> None:
    """What the end leaves out stands at the start: 2010年第1期-第6期, v.1 no.3-7, Jan.-June 1928."""
    lead = next(iter(last.start))
    another_year = "year" in first.stop and last.start.get("year", first.stop["year"]) != first.stop["year"]
    for axis in ABOVE.get(lead, ()):
        if axis in first.stop and axis not in last.start and not another_year:
            last.start[axis] = last.stop[axis] = first.stop[axis]
    if list(first.start) in (["month"], ["season"]) and "year" in last.start:
        first.start["year"] = first.stop["year"] = last.start["year"]
    if first.guessed and not last.guessed and lead not in ("year", "month", "season"):  # 1-12卷, 1-4 (1990-1993)
        first.start = {lead: first.start["volume"]}
        first.stop = dict(first.start)
        first.guessed = False
    last.guessed = last.guessed or first.guessed


def copied(draft: Draft) -> Draft:
    twin = Draft()
    twin.start, twin.stop, twin.last = dict(draft.start), dict(draft.stop), draft.last
    return twin


def within(draft: Draft, first: Draft, last: Draft | None) -> tuple[Draft, Draft]:
    twin = copied(draft)
    merge(twin, first, last or first)
    return twin, twin


def merge(draft: Draft, first: Draft, last: Draft) -> None:
    """What a parenthesis tells is added; what the point tells itself stays."""
    for axis, value in first.start.items():
        draft.start.setdefault(axis, value)
    for axis, value in last.stop.items():
        draft.stop.setdefault(axis, value)
    if "year" in last.stop and "year" not in first.start and "year" not in draft.start:
        draft.start["year"] = last.stop["year"]
    draft.last = last.last
    draft.guessed = draft.guessed and "year" not in draft.start
