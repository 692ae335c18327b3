"""`tongcang statistics`: the tables and charts of document delivery, from the events of the requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table as RichTable

from mappings.requests import SIDES
from routing import study
from routing.calendar import CHINA
from routing.charts import chart_of
from routing.outcomes import outcomes_of
from routing.report import page, title_of
from routing.statistics import STUDY, SUMMARY, TABLES, csv_of, tables, xlsx_of
from routing.statistics_reading import read_view
from routing.statistics_table import Label, Table, joined
from routing.statistics_view import Scope, View, view_of
from search_api.reporting import EARLIEST, LATEST
from search_api.vocabulary import UI_LANGUAGES, words
from tongcang.commands.harvest import AsJson
from tongcang.output import data, messages, print_json
from tongcang.system import System

_WIDEST = 1000


def statistics(
    context: typer.Context,
    from_: Annotated[str, typer.Option("--from", help="First day, such as 2026-01-01. [default: a year ago]")] = "",
    to: Annotated[str, typer.Option(help="Last day, included. [default: today]")] = "",
    month: Annotated[str, typer.Option(help="A whole month in place of --from and --to, such as 2026-10.")] = "",
    library: Annotated[str, typer.Option(help="Only what this library asked for or was asked for.")] = "",
    partner: Annotated[str, typer.Option(help="With --library: only between these two.")] = "",
    side: Annotated[str, typer.Option(help="Only what concerns a side: BALIS, CAPITAL, EXTERNAL.")] = "",
    table: Annotated[list[str] | None, typer.Option(help="Only this table; may be given again.")] = None,
    sample: Annotated[bool, typer.Option("--study", help="The study's own figures (2015-01 to 2017-06).")] = False,
    language: Annotated[str, typer.Option(help="Of tables and charts: zh, en.")] = "zh",
    csv: Annotated[Path | None, typer.Option(help="Write one CSV file a table into this folder.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write one workbook with charts.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the charts into this folder.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with tables and charts, to print or send.")] = None,
    as_json: AsJson = False,
) -> None:
    """Volumes, outcomes, refusals, days, libraries and subjects of document delivery. 文献传递统计。"""
    system: System = context.obj
    _check(language, side, library, partner, table or [])
    written = any((csv, xlsx, svg, html))
    codes = table or (list(TABLES) if written or as_json else list(STUDY if sample else SUMMARY))
    first, last = _period(from_, to, month, sample)
    scope = Scope(first=first, last=last, library=library.upper(), partner=partner.upper(), side=side.upper())
    view = _study_view(scope) if sample else _stored_view(system, scope)
    _require_known(view, "the figures of the study" if sample else "tongcang library list")
    made = tables(view, codes)
    if sample:
        made = tuple(study.study_notes(each) for each in made)
    if csv:
        _write_all(csv, ((f"{each.code}.csv", csv_of(each, language)) for each in made))
    if xlsx:
        _write(xlsx, xlsx_of(made, language))
    if svg:
        _write_all(svg, _charts(made, language))
    if html:
        _write(html, page(view.scope, made, language).encode())
    if as_json:
        print_json({"scope": view.scope, "as_of": view.as_of, "tables": made})
    elif not written:
        _print(view.scope, made, language)


def _check(language: str, side: str, library: str, partner: str, codes: list[str]) -> None:
    if language not in UI_LANGUAGES:
        raise typer.BadParameter(f"--language is {' or '.join(UI_LANGUAGES)}, not {language!r}.")
    if side and side.upper() not in (*SIDES, "EXTERNAL"):
        raise typer.BadParameter(f"--side is {', '.join(SIDES)} or EXTERNAL, not {side!r}.")
    if partner and not library:
        raise typer.BadParameter("--partner needs --library: a pair of libraries.")
    for code in codes:
        if code not in TABLES:
            raise typer.BadParameter(f"There is no table {code!r}. There are: {', '.join(TABLES)}.")


def _period(from_: str, to: str, month: str, sample: bool) -> tuple[date, date]:
    """First and last day."""
    if month:
        if from_ or to:
            raise typer.BadParameter("Give --month, or --from and --to.")
        first = _day("--month", f"{month}-01")
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    last = _day("--to", to) if to else study.LAST if sample else datetime.now(CHINA).date()
    year_ago = max(EARLIEST, last - timedelta(days=364))
    first = _day("--from", from_) if from_ else study.FIRST if sample else year_ago
    if last < first:
        raise typer.BadParameter(f"--from {first} comes after --to {last}.")
    return first, last


def _day(option: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} is a day such as 2026-01-31, not {text!r}.") from None
    if not EARLIEST <= day <= LATEST:
        raise typer.BadParameter(f"{option} is from {EARLIEST} to {LATEST}, not {text!r}.")
    return day


def naming(name: str, code: str) -> Label:
    """Materials and languages in the words that readers see."""
    told = words(name, code)
    return Label(told.zh, told.en)


def _study_view(scope: Scope) -> View:
    libraries = study.study_libraries()
    sides = {library.symbol: library.consortium for library in libraries}
    outcomes = outcomes_of(study.study_events(), sides)
    return view_of(
        outcomes, libraries, scope, study.AS_OF, users=study.USERS, brought=study.BROUGHT, naming=naming
    )  # fmt: skip


def _stored_view(system: System, scope: Scope) -> View:
    with system.database.read() as unit:
        return read_view(unit, scope, datetime.now(UTC), naming)


def _require_known(view: View, where: str) -> None:
    """Ends with 1 where a library that is asked for is not there: tables of nothing would look like an answer."""
    for symbol in filter(None, (view.scope.library, view.scope.partner)):
        if symbol not in view.libraries:
            messages.print(f"There is no library {symbol!r}. See: {where}", markup=False)
            raise typer.Exit(1)


def _charts(made: tuple[Table, ...], language: str) -> Iterator[tuple[str, bytes]]:
    for each in made:
        drawn = chart_of(each, language, alone=True)
        if drawn is not None:
            yield f"{each.code}.svg", drawn.encode()


def _write_all(folder: Path, files: Iterator[tuple[str, bytes]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files:
        _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    messages.print(f"{path}", markup=False, soft_wrap=True)


def _print(scope: Scope, made: tuple[Table, ...], language: str) -> None:
    """Tables, and each note once, under the first table that needs it."""
    said: set[Label] = set()
    data.print(title_of(scope, language), markup=False)
    for each in made:
        whole = _drawn(each, language, whole=True)
        needed = Measurement.get(data, data.options.update(max_width=_WIDEST), whole).minimum
        if needed <= data.width or not data.is_terminal:
            data.print(whole, width=max(needed, data.width), crop=False)
        else:
            data.print(_drawn(each, language, whole=False))
        for note in each.notes:
            if note not in said:
                data.print(f"  {note.said(language)}", markup=False)
        said.update(each.notes)


def _drawn(made: Table, language: str, whole: bool) -> RichTable:
    """`whole`: numbers are not broken into lines, however much room they take."""
    heads, rows = joined(made, language, symbols=True)
    drawn = RichTable(title=made.title.said(language), title_justify="left")
    for place, head in enumerate(heads):
        unbroken = head.text.split() if head.text.isascii() else ()
        widest = max(map(len, (*unbroken, *(row[place] for row in rows))), default=0) if head.number and whole else None
        justify: Literal["left", "right"] = "right" if head.number else "left"
        drawn.add_column(head.text, justify=justify, overflow="fold", no_wrap=place == 0 and whole, min_width=widest)
    for row in rows:
        drawn.add_row(*map(escape, row))
    return drawn
