"""Spans of changes: pieces of a stage's work that may be done in any order, at once, and again."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import Column, func, select

from store.database import Unit

Span = tuple[int, int]
"""(after, last]: the changes behind the one number, up to the other and with it."""


def cut(unit: Unit, numbers: Column[int], after: int, size: int) -> list[Span]:
    """All changes behind `after` as spans of `size` rows (the last may be smaller). `numbers`: a table's seq."""
    place = func.row_number().over(order_by=numbers).label("place")
    rows = select(numbers.label("seq"), place).where(numbers > after).subquery()
    ends = list(unit.execute(select(rows.c.seq).where(rows.c.place % size == 0).order_by(rows.c.seq)).scalars())
    last = unit.execute(select(func.max(numbers))).scalar() or 0
    if last > (ends[-1] if ends else after):
        ends.append(last)
    return list(pairwise([after, *ends]))
