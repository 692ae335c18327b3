"""Tables that a spreadsheet opens: text stays text, whoever wrote it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.exports import LONGEST, Chart, Column, Sheet, guarded, write_csv, write_xlsx, yuan

PAYLOADS = (
    "=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(\"http://x\",\"甲\")", "http://example.org/",
    "mailto:a@b.c", "007", "1e5", "", "红楼梦", "𠀀", "'已有撇号", "＝1+1", "{=1}", "a\nb", 'say "甲"', "甲,乙",
)  # fmt: skip


def read_csv(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data: bytes) -> dict[str, list[list[object]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {page.title: [[cell.value for cell in row] for row in page.iter_rows()] for page in book}


def test_text_stays_text_in_csv() -> None:
    (_, *rows) = read_csv(write_csv([[text] for text in PAYLOADS if text], ["题名 title"]))
    cells = [row[0] for row in rows]
    for text, cell in zip([text for text in PAYLOADS if text], cells, strict=True):
        assert cell in (text, f"'{text}")
        assert cell[0] not in "=+-@\t\r＝"


def test_text_stays_text_in_a_workbook() -> None:
    data = write_xlsx([Sheet("甲", ["题名 title"], [[text] for text in PAYLOADS])])
    page = openpyxl.load_workbook(io.BytesIO(data))["甲"]
    for row, text in enumerate(PAYLOADS, 2):
        cell = page.cell(row, 1)
        assert (cell.value or "").replace("_x000D_", "\r") == text
        assert cell.data_type != "f"
        assert cell.hyperlink is None


def test_a_heading_is_guarded_as_a_cell_is() -> None:
    assert read_csv(write_csv([], ["=1+1", "甲"])) == [["'=1+1", "甲"]]


def test_numbers_are_numbers_and_money_is_yuan() -> None:
    columns = ["馆", Column("页", "number"), Column("元", "yuan"), Column("率", "percent"), Column("日", "date"), "时"]
    at = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
    rows = [["RUC", -3, -600, 0.615, date(2026, 11, 30), at], ["CLCN", 20, 1605, None, None, None]]
    assert read_csv(write_csv(rows, columns))[1:] == [
        ["RUC", "-3", "-6.00", "0.615", "2026-11-30", "2026-12-01 00:30:00"],
        ["CLCN", "20", "16.05", "", "", ""],
    ]
    found = read_xlsx(write_xlsx([Sheet("账", columns, rows)]))["账"]
    assert found[1] == ["RUC", -3, -6, 0.615, datetime(2026, 11, 30), datetime(2026, 12, 1, 0, 30)]
    assert found[2][:3] == ["CLCN", 20, 16.05]


def test_a_chart_reads_the_sheets_own_cells() -> None:
    chart = Chart("column", "各馆", 0, (1,))
    data = write_xlsx([Sheet("甲 & 乙", ["馆", Column("件", "number")], [["RUC", 3], ["BNU", 4]], (chart,), ("注",))])
    page = openpyxl.load_workbook(io.BytesIO(data))["甲 & 乙"]
    (drawn,) = page._charts
    assert drawn.series[0].val.numRef.f == "'甲 & 乙'!$B$2:$B$3"
    assert [row[0].value for row in page.iter_rows()][-1] == "注"


def test_sheets_get_names_that_excel_takes_and_none_twice() -> None:
    names = ["A/B:C*?[x]\\", "a b c   x", "长" * 40, "长" * 40, "", "'", "History"]
    made = read_xlsx(write_xlsx([Sheet(name, ["x"], []) for name in names]))
    assert len(made) == len(names)
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in made)


def test_what_a_cell_or_a_sheet_does_not_hold_is_not_lost_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    (_, (cell,)) = read_xlsx(write_xlsx([Sheet("x", ["x"], [["长" * (LONGEST + 1)]])]))["x"]
    assert str(cell).endswith("…")
    monkeypatch.setattr("routing.exports.ROWS", 4)
    write_xlsx([Sheet("x", ["x"], [[1], [2]])])
    with pytest.raises(ValueError, match="more than a sheet of Excel has"):
        write_xlsx([Sheet("x", ["x"], [[1], [2], [3]])])
    with pytest.raises(ValueError, match="not 'money'"):
        write_csv([], [Column("x", "money")])
    with pytest.raises(ValueError, match="zip"):
        write_csv([[1, 2]], ["x"])


def test_the_same_table_gives_the_same_bytes() -> None:
    sheet = Sheet("x", ["甲", Column("元", "yuan")], [["乙", 5]], (Chart("pie", "图", 0, (1,)),))
    assert write_xlsx([sheet]) == write_xlsx([sheet])


@given(st.integers())
def test_yuan_loses_no_fen(fen: int) -> None:
    assert int(yuan(fen).replace(".", "")) == fen
    assert yuan(fen)[-3] == "."


@given(st.text())
def test_no_text_is_a_formula_and_each_is_read_back(text: str) -> None:
    told = guarded(text)
    assert told[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")
    assert told in (text, f"'{text}")


@given(st.lists(st.tuples(st.text(), st.integers(), st.one_of(st.none(), st.floats())), max_size=5))
def test_every_row_is_read_back(rows: list[tuple[str, int, float | None]]) -> None:
    found = read_csv(write_csv(rows, ["a", "b", "c"]))
    assert len(found) == len(rows) + 1
    for (text, number, _), (cell, counted, _) in zip(rows, found[1:], strict=True):
        assert cell == guarded(text).encode("utf-8", "replace").decode()
        assert int(counted) == number
