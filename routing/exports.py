"""Tables as files that a spreadsheet opens: CSV with a byte order mark, and XLSX with native charts.

Text stays text. A cell that a spreadsheet would take for a formula gets an apostrophe before it in CSV; in XLSX every
text is written as a string, so none can become a formula or a link. Numbers are numbers in both. Money is in whole fen
where it comes in and in yuan where it is read; times are shown as they were in Beijing, since a spreadsheet knows no
zones. The same table gives the same bytes: there is no clock here.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from msgspec import Struct
from xlsxwriter import Workbook

from mappings.settlement import BEIJING

Cell = str | int | float | bool | date | datetime | None

KINDS = ("text", "number", "decimal", "yuan", "percent", "date", "time")

ROWS = 1_048_576
LONGEST = 32_767
"""Rows of a sheet and characters of a cell that Excel takes."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a cell begins with that a spreadsheet calculates. The full-width ones count where the keyboard is Chinese."""

_FORMATS = {"decimal": "0.00", "yuan": "#,##0.00", "percent": "0.0%", "date": "yyyy-mm-dd", "time": "yyyy-mm-dd hh:mm"}
_MADE = datetime(2000, 1, 1, tzinfo=UTC)


class Column(Struct, frozen=True):
    """A column: its heading, and how its cells are shown."""

    title: str
    kind: str = "text"  # one of KINDS; yuan: cells are whole fen; percent: cells are shares of 1
    width: float = 0.0  # characters; 0 = by its contents


class Chart(Struct, frozen=True):
    """A native chart of a sheet's own columns, which are counted from 0."""

    kind: str  # column, bar, line, pie, scatter: as xlsxwriter names them
    title: str
    categories: int
    values: tuple[int, ...]
    stacked: bool = False


class Sheet(Struct, frozen=True):
    name: str
    columns: Sequence[str | Column]
    rows: Sequence[Sequence[Cell]]
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = ()  # lines under the table


def write_csv(rows: Iterable[Sequence[Cell]], columns: Sequence[str | Column]) -> bytes:
    """A table in UTF-8 with a byte order mark, by which Excel knows the encoding; lines end as RFC 4180 says."""
    known = _columns(columns)
    told = io.StringIO(newline="")
    writer = csv.writer(told, lineterminator="\r\n")
    writer.writerow([guarded(column.title) for column in known])
    for row in rows:
        writer.writerow([_in_csv(value, column) for value, column in zip(row, known, strict=True)])
    return told.getvalue().encode("utf-8-sig", "replace")


def write_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook of these sheets. Raises ValueError where a sheet has more rows than Excel reads."""
    told = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(told, options) as book:
        book.set_properties({"created": _MADE.replace(tzinfo=None)})
        formats = {kind: book.add_format({"num_format": code}) for kind, code in _FORMATS.items()}
        heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        taken: set[str] = set()
        for sheet in sheets:
            _write_sheet(book, sheet, _sheet_name(sheet.name, taken), formats, heading)
    return told.getvalue()


def guarded(text: str) -> str:
    """The text as a CSV cell that no spreadsheet calculates (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def yuan(fen: int) -> str:
    """¥ without the sign: 1600 → 16.00."""
    whole, part = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{part:02}"


def _columns(columns: Sequence[str | Column]) -> list[Column]:
    known = [Column(column) if isinstance(column, str) else column for column in columns]
    for column in known:
        if column.kind not in KINDS:
            raise ValueError(f"{column.title}: a column is {', '.join(KINDS)}, not {column.kind!r}")
    return known


def _in_csv(value: Cell, column: Column) -> str:
    if isinstance(value, str):
        return guarded(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, datetime):
        return value.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "1" if value else "0"
    if column.kind == "yuan" and isinstance(value, int):
        return yuan(value)
    return str(value)


def _write_sheet(book: Any, sheet: Sheet, name: str, formats: dict[str, Any], heading: Any) -> None:
    known = _columns(sheet.columns)
    if len(sheet.rows) + len(sheet.notes) + 2 > ROWS:
        raise ValueError(f"{sheet.name}: {len(sheet.rows)} rows are more than a sheet of Excel has. Ask for less.")
    page = book.add_worksheet(name)
    for number, column in enumerate(known):
        page.write_string(0, number, _cut(column.title), heading)
        cells = [row[number] for row in sheet.rows[:200]]
        page.set_column(number, number, column.width or _width(column.title, cells))
    for at, row in enumerate(sheet.rows, 1):
        for number, (value, column) in enumerate(zip(row, known, strict=True)):
            _write_cell(page, at, number, value, column.kind, formats)
    for at, note in enumerate(sheet.notes, len(sheet.rows) + 2):
        page.write_string(at, 0, _cut(note))
    page.freeze_panes(1, 0)
    if sheet.rows:
        page.autofilter(0, 0, len(sheet.rows), len(known) - 1)
        for number, chart in enumerate(sheet.charts):
            _draw(book, page, name, sheet, known, chart, number)


def _write_cell(page: Any, row: int, number: int, value: Cell, kind: str, formats: dict[str, Any]) -> None:
    form = formats.get(kind)
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, str):
        page.write_string(row, number, _cut(value))
    elif isinstance(value, bool):
        page.write_boolean(row, number, value)
    elif isinstance(value, datetime):
        page.write_datetime(row, number, value.astimezone(BEIJING).replace(tzinfo=None), form or formats["time"])
    elif isinstance(value, date):
        page.write_datetime(row, number, value, form or formats["date"])
    else:
        page.write_number(row, number, value / 100 if kind == "yuan" else value, form)


def _draw(book: Any, page: Any, name: str, sheet: Sheet, known: list[Column], chart: Chart, number: int) -> None:
    made = book.add_chart({"type": chart.kind} | ({"subtype": "stacked"} if chart.stacked else {}))
    last = len(sheet.rows)
    for values in chart.values:
        made.add_series(
            {
                "name": [name, 0, values],
                "categories": [name, 1, chart.categories, last, chart.categories],
                "values": [name, 1, values, last, values],
            }
        )
    made.set_title({"name": chart.title})
    page.insert_chart(1 + 16 * number, len(known) + 1, made)


def _sheet_name(wanted: str, taken: set[str]) -> str:
    """As Excel takes it: 31 characters at most, none of []:*?/\\, no apostrophe at an end, none twice."""
    bare = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", wanted).strip().strip("'") or "Sheet"
    if bare.casefold() == "history":  # Excel keeps that one for itself
        bare = "History 1"
    name, again = bare[:31], 1
    while name.casefold() in taken:
        again += 1
        end = f" {again}"
        name = bare[: 31 - len(end)] + end
    taken.add(name.casefold())
    return name


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _width(title: str, cells: Iterable[Cell]) -> float:
    """Chinese characters are two wide."""
    texts = [title, *("" if cell is None else str(cell) for cell in cells)]
    widest = max(sum(2 if ord(character) > 0x2E80 else 1 for character in text[:80]) for text in texts)
    return min(60.0, max(8.0, widest + 2.0))
