"""One end of a span in a statement of holdings: numbers with their labels, dates in parentheses, months.

A recursive descent over the tokens of `routing.held_words`. A bare number is read by what stands around it: a
year by its size, a volume before a year (1.1903), an issue behind one (2008,1), else what the point before it tells.
"""

from __future__ import annotations

from routing.held_drafts import (
    ABOVE,
    CERTAIN_YEARS,
    Draft,
    completed,
    copied,
    count_through,
    guess,
    inherit,
    merge,
    month,
    value_of,
    within,
)
from routing.held_words import Token

_MOST_ISSUES_OF_A_YEAR = 53
_FARTHEST = 60
"""Tokens that are looked ahead; a label stands no farther from its numbers."""

_DEEPEST = 2
"""Parentheses within parentheses; real statements have no more: no. 1 (Tishre 638 [1877])."""

AXES = {"volume": "volume", "issue": "issue", "total": "total", "part": "part", "year": "year"}
BEGINS_POINT = frozenset({"number", "month", *AXES})

Ends = tuple[Draft | None, Draft | None, bool]
"""First and last point of a span, and whether its end is open."""


class PointReader:
    """Reads points and spans of them; what it can't read it leaves where it is."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.kinds = [kind for kind, _, _ in found]
        self.at = 0
        self.nested = 0  # parentheses that are open

    # ---- tokens
    def kind(self, ahead: int = 0) -> str:
        """The kind of a token from here on; "" at the end."""
        try:
            return self.kinds[self.at + ahead]
        except IndexError:
            return ""

    def value(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][1]

    def step(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def blank_before(self, ahead: int = 0) -> bool:
        index = self.at + ahead
        return index < len(self.tokens) and self.tokens[index][2]

    # ---- spans
    def ends(self, base: Draft | None, context: Draft | None) -> tuple[Draft | None, Draft | None, bool] | None:
        """First and last point, and whether the last is open."""
        if self.kind() == "dash":
            if self.kind(1) not in BEGINS_POINT or not self._begins_range():
                return None
            self.step()
            found = self.ends(None, context)
            return (None, found[1] or found[0], False) if found is not None else None
        first = self._point(base, context)
        if first is None:
            return None
        if self.kind() != "dash":
            return first, None, False
        self.step()
        if self.kind() not in BEGINS_POINT or not self._continues():
            return first, None, True
        last = self._point(first, None)
        if last is None:
            return first, None, True
        inherit(first, last)
        return first, last, False

    def _begins_range(self) -> bool:
        """Whether nothing stands before it that it could be the end of: -1976."""
        return self.at == 0 or self.tokens[self.at - 1][0] in ("stop", "comma", "open", "gap")

    def _continues(self) -> bool:
        """Whether what stands behind a dash ends the span: "1979- 总1期-" is two, "1979 - 1985" is one."""
        if not self.blank_before() or self.blank_before(-1):
            return True
        return self.kind() not in ("total", "half") and self._reads_on()

    def _reads_on(self) -> bool:
        """ "v. 1- 1970-": the number behind the blank opens a second way of telling the same."""
        ahead = 0
        while self.kind(ahead) not in ("", "stop", "dash") and ahead < _FARTHEST:
            ahead += 1
        return self.kind(ahead) != "dash"

    # ---- points
    def _point(self, base: Draft | None, context: Draft | None) -> Draft | None:
        draft = Draft()
        if not self._atom(draft, base, context):
            return None
        while self._further(draft):
            pass
        lead = next(iter(draft.start))
        alone = not {"year", "volume"} & draft.start.keys()
        if alone and lead in ("issue", "month", "season", "part") and context is not None:
            for axis in ("year", "volume"):  # 1957年第1-3期,第5期
                if axis in context.stop and "total" not in context.stop:
                    draft.put(axis, context.stop[axis])
            draft.last = lead
        elif lead == "issue" and "volume" not in draft.start and draft.last != "issue" and not _in_volume(base):
            count_through(draft)
        return draft

    def _atom(self, draft: Draft, base: Draft | None, context: Draft | None) -> bool:
        """One number with its label before or behind it, or a month."""
        kind = self.kind()
        if kind == "month":
            draft.put(*month(self.step()))
            self._day()
            return True
        if kind in AXES and self.kind(1) == "number":
            self.step()
            self._number(draft, AXES[kind], labelled=True)
            return True
        if kind != "number":
            return False
        if value_of(self.value()) <= 31 and self._month_behind(1):  # 4 Apr., 21.Juni
            self.step()
            if self.kind() == "dot":
                self.step()
            return self._atom(draft, base, context)
        axis = self._axis_behind()
        if axis:
            self._number(draft, axis, labelled=False)
            return True
        self._bare(draft, base, context)
        return True

    def _month_behind(self, ahead: int) -> bool:
        return "month" in (self.kind(ahead), self.kind(ahead + 1) if self.kind(ahead) == "dot" else "")

    def _axis_behind(self) -> str:
        """12卷, 3期, 1990年, 5月; a label behind which a number stands belongs to that number: 1 no.3."""
        ahead = 1
        # 第1-3期, 第1,3,5期
        while self.kind(ahead) in ("dash", "comma") and self.kind(ahead + 1) == "number" and ahead < _FARTHEST:
            ahead += 2
        kind = self.kind(ahead)
        if kind == "of_month":
            return "month"
        if kind not in AXES or self.value(ahead)[0].isascii():
            return ""
        axis = AXES[kind]
        return "" if ahead > 1 and axis != "year" and value_of(self.value()) in CERTAIN_YEARS else axis

    def _number(self, draft: Draft, axis: str, labelled: bool) -> None:
        value, label = value_of(self.step()), axis
        if axis == "part" and "volume" not in draft.start and "year" not in draft.start:
            axis = "volume"  # 第3册
        draft.put(axis, value)
        if self.kind() == "slash" and self.kind(1) == "number":
            self.step()
            draft.stop[axis] = completed(value, value_of(self.step()))
        behind = self.kind()
        own = AXES.get(behind) == label and not self.value()[0].isascii()  # 12卷
        if own or behind == "of_month" or (labelled and axis == "total" and behind == "issue"):
            self.step()

    def _bare(self, draft: Draft, base: Draft | None, context: Draft | None) -> None:
        """A number without a label: a year, or what the points before it tell, or the volume."""
        word = self.step()
        value = value_of(word)
        dated = value not in CERTAIN_YEARS and self._year_follows()
        axis, inherited = guess(value, word, base or context, dated)
        if dated and axis == "issue" and self.kind() == "dot" and base is not None and "volume" in base.start:
            axis = "volume"  # 2.1964,7 - 38.2000
        if not axis:
            axis, draft.guessed = "volume", not dated
        elif base is not None and base.guessed and not dated and axis == "volume":
            draft.guessed = True
        if axis == "year" and value < 100 and inherited:
            value = completed(inherited, value)
        elif base is not None and axis == base.last:
            value = completed(base.stop.get(axis, 0), value)  # no.1121-22
        if context is not None and base is None and axis not in ("year", "volume"):
            for other in ABOVE[axis]:
                if other in context.stop:
                    draft.put(other, context.stop[other])
        draft.put(axis, value)
        if self.kind() == "slash" and self.kind(1) == "number":
            self.step()
            draft.stop[axis] = completed(value, value_of(self.step()))
        if self.kind() == "of_month":
            self.step()

    def _year_follows(self) -> bool:
        """Whether a year in parentheses, or behind a full stop (1.1903), tells that the number before is a volume."""
        if self.kind() == "dot" and self.kind(1) == "number":
            return value_of(self.value(1)) in CERTAIN_YEARS
        ahead = 0
        if self.kind() != "open":
            return False
        while self.kind(ahead) not in ("", "close") and ahead < _FARTHEST:
            if self.kind(ahead) == "number" and value_of(self.value(ahead)) in CERTAIN_YEARS:
                return True
            ahead += 1
        return False

    def _further(self, draft: Draft) -> bool:
        """What else tells of the same point: an issue, a date in parentheses, a month."""
        kind, then = self.kind(), self.kind(1)
        if kind == "open":
            return then in BEGINS_POINT and self._parenthesis(draft)
        if kind in ("comma", "colon", "dot", "slash"):
            return self._behind_mark(draft, kind, then)
        if kind in AXES and then == "number":
            return AXES[kind] not in draft.start and self._atom(draft, None, None)
        if kind == "month":
            return "month" not in draft.start and self._atom(draft, None, None)
        if kind == "half":  # 2015年合订本上
            draft.put("part", 1 + "上中下".index(self.step()[0]))
            return True
        if kind == "number" and self._axis_behind() and self._axis_behind() not in draft.start:
            return self._atom(draft, None, None)
        if kind == "number" and draft.last in ("month", "season") and value_of(self.value()) in CERTAIN_YEARS:
            return "year" not in draft.start and self._labelled(draft, "year")
        return False

    def _behind_mark(self, draft: Draft, mark: str, then: str) -> bool:
        if mark == "dot" and then not in ("number", "month") and self.blank_before(1):
            return False
        if then == "number" and self._month_behind(2) and "month" not in draft.start:  # 1809,21.Juni
            self.step()
            return self._atom(draft, None, None)
        if then in AXES and self.kind(2) == "number":
            if AXES[then] in draft.start or AXES[then] == "total" or mark == "slash":
                return False
            self.step()
            return self._atom(draft, None, None)
        if then == "month":
            if mark == "slash" and draft.last in ("month", "season"):  # Nov./Dec. 1979
                self.step()
                draft.stop[draft.last] = month(self.step())[1]
                return True
            if "month" in draft.start or mark == "slash":
                return False
            self.step()
            return self._atom(draft, None, None)
        if then != "number" or mark == "slash":
            return False
        number = value_of(self.value(1))
        if number in CERTAIN_YEARS:
            if "year" in draft.start or (mark == "comma" and draft.guessed):
                return False
            self.step()
            return self._labelled(draft, "year")
        if draft.last == "year" and mark == "dot" and number <= 12:
            self.step()
            return self._labelled(draft, "month")
        if draft.last in ("year", "volume") and "issue" not in draft.start and number <= _MOST_ISSUES_OF_A_YEAR:
            if mark == "comma" and draft.last == "volume" and "year" not in draft.start:
                return False  # v.1-3,5-7
            self.step()
            return self._labelled(draft, "issue")
        if mark == "colon" and draft.last in ("year", "volume"):
            self.step()
            return self._labelled(draft, "issue")
        return False

    def _labelled(self, draft: Draft, axis: str) -> bool:
        self._number(draft, axis, labelled=False)
        return True

    def _day(self) -> None:
        """Mar. 20, 1981: the day tells nothing that issues are asked by."""
        if self.kind() == "number" and value_of(self.value()) <= 31 and self.kind(1) not in AXES:
            self.step()
            if self.kind() == "comma" and self.kind(1) == "number" and value_of(self.value(1)) in CERTAIN_YEARS:
                self.step()

    def _parenthesis(self, draft: Draft) -> bool:
        """v.12(2001), 1999(1-12), 1-4 (1990-1993), 1999(1-3,5): what it tells belongs to the point before it."""
        if self.nested == _DEEPEST:
            return False
        self.nested += 1
        found = self._within_parenthesis(draft)
        self.nested -= 1
        return found

    def _within_parenthesis(self, draft: Draft) -> bool:
        kept, self.at = self.at, self.at + 1
        inner: list[tuple[Draft, Draft | None]] = []
        before = copied(draft)
        if before.last in ("year", "volume"):
            before.last = "issue"
        for counted in ("issue", "total"):  # in parentheses 1963 is a year, whatever number stands before them
            before.stop.pop(counted, None)
        while (found := self.ends(before, None)) is not None and found[0] is not None and not found[2]:
            inner.append((found[0], found[1]))
            if self.kind() != "comma":
                break
            self.step()
        if not inner or self.kind() != "close":
            self.at = kept
            return False
        self.step()
        if len(inner) > 1:
            draft.more = [within(draft, first, last) for first, last in inner]
        merge(draft, inner[0][0], inner[-1][1] or inner[-1][0])
        return True


def _in_volume(base: Draft | None) -> bool:
    return base is not None and "volume" in base.start
