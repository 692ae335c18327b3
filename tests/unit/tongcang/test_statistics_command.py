"""`tongcang statistics` as an officer runs it."""

from __future__ import annotations

import io
import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
import typer
from lxml import etree
from request_histories import LIBRARIES, step, submit, told
from typer.testing import CliRunner

from routing.charts import CHARTS
from routing.statistics import TABLES
from routing.statistics_table import words
from store import libraries, request_events
from tongcang.commands.statistics import statistics
from tongcang.settings import Settings
from tongcang.system import System

app = typer.Typer()
app.command()(statistics)


def tongcang(folder: Path, *given: str, code: int = 0) -> str:
    """What it says on standard output; on standard error where it ends with another code."""
    system = System(Settings(data=str(folder / "data")))
    done = CliRunner().invoke(app, given, obj=system)
    system.close()
    assert done.exit_code == code, (done.output, done.exception)
    return done.stderr if code else done.stdout


def add_requests(folder: Path) -> None:
    system = System(Settings(data=str(folder / "data")))
    with system.database.write() as unit:
        for library in LIBRARIES:
            libraries.put_library(unit, library)
        for number, requester, supplier in ((1, "CLCN", "THU"), (2, "BUPT", "CLCN")):
            steps = (submit(requester), step("send", 0, 1, supplier, supplier=supplier), step("fill", 36, 1, supplier))
            start = datetime.now(UTC) - timedelta(days=30)
            request_events.add_events(unit, told(*steps, request_id=number, start=start))
    system.close()


def test_the_study_is_printed(tmp_path: Path) -> None:
    said = tongcang(tmp_path, "--study").replace("\u00a0", " ")
    for figure in ("147 (61.5 %)", "38 (23.2 %)", "109 (66.5 %)", "54 (22.6 %)", "3.62", "7.29", "均匀假设"):
        assert figure in said
    assert not (tmp_path / "data").exists(), "the sample needs no database"


def test_what_is_stored_as_json(tmp_path: Path) -> None:
    add_requests(tmp_path)
    told_json = json.loads(tongcang(tmp_path, "--json"))
    every = {table["code"]: table for table in told_json["tables"]}
    assert set(every) == set(TABLES)
    rows = {row[0]: row for row in every["outcomes"]["rows"]}
    assert (rows["CAPITAL>BALIS"][1], rows["BALIS>CAPITAL"][1], rows["*"][1]) == (1, 1, 2)
    assert every["materials"]["columns"][0]["words"]["serial"] == {"zh": "连续出版物", "en": "Serial"}
    narrowed = json.loads(tongcang(tmp_path, "--json", "--library", "thu", "--table", "finals"))
    assert [table["rows"][-1][1] for table in narrowed["tables"]] == [1]
    old = json.loads(tongcang(tmp_path, "--json", "--from", "2020-01-01", "--to", "2020-12-31", "--table", "finals"))
    assert old["tables"][0]["rows"][-1][1] == 0


def test_files_for_every_use(tmp_path: Path) -> None:
    add_requests(tmp_path)
    out = tmp_path / "out"
    files = ("--csv", str(out / "csv"), "--xlsx", str(out / "s.xlsx"), "--svg", str(out / "svg"))
    assert tongcang(tmp_path, *files, "--html", str(out / "s.html"), "--language", "en") == "", "data went into files"
    assert {path.stem for path in (out / "csv").iterdir()} == set(TABLES)
    assert {path.stem for path in (out / "svg").iterdir()} == set(CHARTS)
    for path in (out / "svg").iterdir():
        etree.fromstring(path.read_bytes())
    book = openpyxl.load_workbook(io.BytesIO((out / "s.xlsx").read_bytes()))
    assert len(book.sheetnames) == len(TABLES)
    assert book["Outcomes"]["A2"].value == "Capital Library → BALIS"
    assert "Document delivery statistics" in (out / "s.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "told_so"),
    [
        (("--from", "gestern"), "gestern"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "after"),
        (("--month", "2026-13"), "2026-13"),
        (("--month", "9999-12"), "2100-12-31"),
        (("--to", "0001-01-05"), "2000-01-01"),
        (("--from", "2101-01-01"), "2100-12-31"),
        (("--month", "2026-10", "--to", "2026-10-02"), "--from"),
        (("--table", "nonsense"), "outcomes"),
        (("--side", "MOON"), "CAPITAL"),
        (("--partner", "THU"), "--library"),
        (("--language", "de"), "zh or en"),
    ],
)
def test_wrong_usage_is_explained(tmp_path: Path, words: tuple[str, ...], told_so: str) -> None:
    assert told_so in tongcang(tmp_path, *words, code=2)


def test_a_month_is_all_of_its_days(tmp_path: Path) -> None:
    for month, last in (("2026-12", "2026-12-31"), ("2028-02", "2028-02-29")):
        told_json = json.loads(tongcang(tmp_path, "--json", "--month", month, "--table", "finals"))
        assert (told_json["scope"]["first"], told_json["scope"]["last"]) == (f"{month}-01", last)


def test_a_library_that_there_is_not(tmp_path: Path) -> None:
    assert "NOWHERE" in tongcang(tmp_path, "--library", "nowhere", code=1)
    assert "NOWHERE" in tongcang(tmp_path, "--study", "--library", "nowhere", code=1)
    assert "NOWHERE" in tongcang(tmp_path, "--study", "--library", "clcn", "--partner", "nowhere", code=1)


def test_a_year_ends_on_the_day_that_is_told_and_begins_where_there_are_days(tmp_path: Path) -> None:
    told_json = json.loads(tongcang(tmp_path, "--json", "--to", "2000-01-05", "--table", "finals"))
    assert (told_json["scope"]["first"], told_json["scope"]["last"]) == ("2000-01-01", "2000-01-05")


GUIDE = Path(__file__).resolve().parents[3] / "docs" / "statistics.md"


def test_the_guide_names_every_table_and_its_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = GUIDE.read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", text, re.MULTILINE)
    assert rows == [(code, f"{words('tables', code).zh} {words('tables', code).en}") for code in TABLES]
    add_requests(tmp_path)
    monkeypatch.chdir(tmp_path)
    [block] = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        assert line.startswith("tongcang statistics")
        tongcang(tmp_path, *shlex.split(line)[2:])
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {"statistics.xlsx", "statistics.html", "charts"}
