"""A table of figures as one value, from which JSON, CSV, workbook, page and chart are all drawn.

Cells hold codes and plain numbers, so that they can be reckoned with; a column says of which kind they are and what
its codes are called in Chinese and English. A share is a fraction of 1; None = there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import yaml
from msgspec import Struct, structs

from routing.wording import vocabulary

Cell = str | int | float | None

_NO_BREAK = "\u00a0"

ALL = "*"
"""Stands for the sum over a column of codes."""


class Label(Struct, frozen=True):
    zh: str
    en: str

    def said(self, language: str) -> str:
        return self.en if language == "en" else self.zh


KINDS = ("code", "library", "text", "count", "rank", "share", "days", "score", "met")
"""Cells of `code` and `library` (symbols) are looked up in the column's words. `met` tells whether a target is met:
yes, no, None = can't be told."""


_PLACES = {"days": 2, "score": 3}


class Column(Struct, frozen=True):
    code: str
    label: Label
    kind: str  # one of KINDS
    words: dict[str, Label] = {}

    @property
    def is_number(self) -> bool:
        return self.kind in ("count", "rank", "share", "days", "score")

    def said(self, cell: Cell, language: str) -> Cell:
        """The cell with its code told in words; numbers stay numbers."""
        if self.kind in ("code", "library", "met") and isinstance(cell, str):
            return self.words[cell].said(language) if cell in self.words else cell
        return cell

    def shown(self, cell: Cell, language: str) -> str:
        """The cell as a person reads it."""
        if cell is None:
            return "—"
        if isinstance(cell, int | float):
            if self.kind == "share":
                return f"{cell * 100:.1f}{_NO_BREAK}%"
            return f"{cell:.{_PLACES[self.kind]}f}" if self.kind in _PLACES else f"{cell}"
        return str(self.said(cell, language))


class Table(Struct, frozen=True):
    code: str
    title: Label
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[Label, ...] = ()

    def column(self, code: str) -> tuple[Cell, ...]:
        """All cells of a column. KeyError where there is none of that code."""
        place = self.place(code)
        return tuple(row[place] for row in self.rows)

    def place(self, code: str) -> int:
        for number, column in enumerate(self.columns):
            if column.code == code:
                return number
        raise KeyError(code)

    def heads(self, language: str) -> tuple[str, ...]:
        return tuple(column.label.said(language) for column in self.columns)

    def said(self, language: str) -> tuple[tuple[Cell, ...], ...]:
        """The rows with codes in words and numbers as numbers, for CSV and workbooks."""
        return tuple(
            tuple(column.said(cell, language) for column, cell in zip(self.columns, row, strict=True))
            for row in self.rows
        )

    def shown(self, language: str) -> tuple[tuple[str, ...], ...]:
        """The rows as a person reads them."""
        return tuple(
            tuple(column.shown(cell, language) for column, cell in zip(self.columns, row, strict=True))
            for row in self.rows
        )

    def noted(self, *notes: Label) -> Table:
        return structs.replace(self, notes=(*self.notes, *notes))


Naming = Callable[[str, str], Label | None]
"""What a code of a list is called, by whoever knows: materials, languages. None = it does not know."""


@cache
def _lists() -> dict[str, dict[str, Label]]:
    text = (Path(__file__).parent / "statistics_words.yaml").read_text("utf-8")
    own = {
        name: {str(code): Label(*pair) for code, pair in entries.items()}
        for name, entries in yaml.safe_load(text).items()
    }
    common = vocabulary()
    for name, shared in (("reasons", common.reasons), ("services", common.services), ("levels", common.levels)):
        own[name] = {code: Label(pair.zh, pair.en) for code, pair in shared.items()} | own.get(name, {})
    return own


def words(name: str, code: str) -> Label:
    """What a code is called. A code that its list lacks stands for itself."""
    return _lists()[name].get(code) or Label(code, code)


def codes(name: str) -> tuple[str, ...]:
    return tuple(_lists()[name])


def heading(code: str, kind: str, named: Iterable[tuple[str, Label]] = ()) -> Column:
    return Column(code, words("columns", code), kind, dict(named))


def coded(code: str, of: str, used: Iterable[str]) -> Column:
    """A column of codes from the list `of`."""
    return heading(code, "code", ((each, words(of, each)) for each in dict.fromkeys(used)))


def table(
    code: str, columns: Iterable[Column], rows: Iterable[Iterable[Cell]], notes: Iterable[str | Label] = ()
) -> Table:
    """A table whose title, and notes that are codes, stand in statistics_words.yaml."""
    told = tuple(words("notes", note) if isinstance(note, str) else note for note in notes)
    return Table(code, words("tables", code), tuple(columns), tuple(tuple(row) for row in rows), told)


class Head(Struct, frozen=True):
    """The heading of a column as it is shown."""

    text: str
    number: bool  # its cells stand to the right


def joined(
    made: Table, language: str, *, symbols: bool = False
) -> tuple[tuple[Head, ...], tuple[tuple[str, ...], ...]]:
    """Headings and rows for the eye: a share stands in brackets behind its count, 147 (61.5 %), and a column without
    any value is left out. A count's share is the column behind it whose code ends on _share. `symbols`: libraries by
    their symbols, where names would not fit."""
    kept: list[tuple[int, int]] = []  # column, and that of its share or -1
    for place, column in enumerate(made.columns):
        before = made.columns[place - 1].code if place else ""
        if column.code == f"{before}_share":
            kept[-1] = (place - 1, place)
        elif not made.rows or any(row[place] is not None for row in made.rows):
            kept.append((place, -1))
    heads = tuple(Head(made.columns[p].label.said(language), made.columns[p].is_number) for p, _ in kept)
    rows = []
    for cells, row in zip(made.rows, made.shown(language), strict=True):
        shares = [f"{_NO_BREAK}({row[share]})" if share >= 0 and cells[share] is not None else "" for _, share in kept]
        said = [
            str(cells[place]) if symbols and cells[place] and made.columns[place].kind == "library" else row[place]
            for place, _ in kept
        ]
        rows.append(tuple(cell + share for cell, share in zip(said, shares, strict=True)))
    return heads, tuple(rows)
