"""Statistics and settlement: as JSON, and as files for a spreadsheet or a page."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from routing import statements
from routing.charts import CHARTS, chart_of
from routing.exports import write_csv, write_xlsx
from routing.statistics import csv_of, xlsx_of
from routing.statistics_table import Table
from search_api import house_answers as kinds
from search_api import house_examples as examples
from search_api.access.guard import require
from search_api.access.principal import Principal
from search_api.openapi import JsonAnswer, documented
from search_api.personal import PRIVATE
from search_api.problems import bad_parameter
from search_api.reporting import Period, Reporting, statement_answer, statistics_answer
from search_api.routes.access import RequestingOf
from search_api.tracing import request_id_of

router = APIRouter(prefix="/api", tags=["reports"])


async def _reporting(requesting: RequestingOf) -> Reporting:
    return Reporting(requesting)


ReportingOf = Annotated[Reporting, Depends(_reporting)]
Statistician = Annotated[Principal, require("statistics.read")]
First = Annotated[date | None, Query(alias="from", description="First day. Left out: a year before the last.")]
Last = Annotated[date | None, Query(alias="to", description="Last day, included. Left out: today.")]
Library = Annotated[str, Query(max_length=16, description="Symbol: what it asked for or was asked for.")]
Language = Annotated[Literal["zh", "en"], Query(alias="lang", description="Of files: zh or en.")]
MONTH = "^20[0-9]{2}-(0[1-9]|1[0-2])$"

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SVG = "image/svg+xml"


def _with_files(kind: type[Struct], example: Struct, *media_types: str) -> dict[int | str, dict[str, object]]:
    found = documented(kind, example, 401, 403, 422, 503)
    found[200]["content"] |= {each: {"schema": {"type": "string", "format": "binary"}} for each in media_types}
    return found


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type=media_type)


@router.get(
    "/statistics",
    summary="Statistics of document delivery",
    response_class=JsonAnswer,
    responses=_with_files(kinds.StatisticsAnswer, examples.STATISTICS, CSV, XLSX, SVG),
)
def statistics(
    reporting: ReportingOf,
    who: Statistician,
    first: First = None,
    last: Last = None,
    library: Library = "",
    partner: Annotated[str, Query(max_length=16, description="With library: only between the two.")] = "",
    side: Annotated[
        Literal["", "BALIS", "CAPITAL", "EXTERNAL"], Query(description="Only what concerns a consortium.")
    ] = "",
    tables: Annotated[
        str, Query(max_length=400, description="Codes with commas between: outcomes,refusals. Empty: a summary.")
    ] = "",
    format: Annotated[
        Literal["json", "csv", "xlsx", "svg"], Query(description="csv and svg: of one table; svg: that has a chart.")
    ] = "json",
    language: Language = "zh",
) -> Response:
    """From the events of the requests that were made in the period. A library's officers see their own library's."""
    period = Period(first, last, library.upper(), partner.upper(), side)
    codes = list(dict.fromkeys(code.strip() for code in tables.split(",") if code.strip()))
    if format in ("csv", "svg") and len(codes) != 1:
        raise bad_parameter("tables", f"{format} 格式须指定一张表。", f"{format} is of one table: name it.")
    view, made = reporting.statistics(who, period, codes)
    if format == "json":
        return JsonAnswer(statistics_answer(view, made), headers=PRIVATE)
    name = f"tongcang-{view.scope.first}-{view.scope.last}"
    if format == "xlsx":
        return _file(xlsx_of(made, language), XLSX, f"{name}.xlsx")
    name = f"{name}-{made[0].code}"
    if format == "csv":
        return _file(csv_of(made[0], language), CSV, f"{name}.csv")
    return _file(_drawn(made[0], language), SVG, f"{name}.svg")


def _drawn(table: Table, language: str) -> bytes:
    drawn = chart_of(table, language, alone=True)
    if drawn is None:
        known = ", ".join(CHARTS)
        raise bad_parameter("tables", f"这张表没有图。有图的是 {known}。", f"It has no chart. These have: {known}.")
    return drawn.encode()


@router.get(
    "/statistics/predictions",
    summary="How good the promises of delivery were",
    response_class=JsonAnswer,
    responses=documented(kinds.PredictionsAnswer, examples.PREDICTIONS, 401, 403, 422, 503),
)
def predictions(
    reporting: ReportingOf, who: Statistician, first: First = None, last: Last = None, library: Library = ""
) -> JsonAnswer:
    """Of the requests that were made in the period and whose outcome is known: how often the promised day was kept,
    pinball loss, Brier score and the table of calibration."""
    return JsonAnswer(reporting.predictions(who, Period(first, last, library.upper())), headers=PRIVATE)


@router.get(
    "/ledger/statements",
    summary="The offset statement of a month (收支平衡表)",
    response_class=JsonAnswer,
    responses=_with_files(kinds.StatementAnswer, examples.STATEMENT, CSV, XLSX),
)
def statement(
    reporting: ReportingOf,
    who: Annotated[Principal, require("ledger.read")],
    period: Annotated[str, Query(pattern=MONTH, description="Month, as 2026-11.")],
    library: Annotated[str, Query(max_length=16, description="Symbol: only what concerns it.")] = "",
    format: Annotated[Literal["json", "csv", "xlsx"], Query(description="json, csv, xlsx.")] = "json",
) -> Response:
    """Gross each way and net, in fen. A library's admin sees the pairs that it belongs to."""
    told = reporting.statement(who, period, library.upper())
    if format == "csv":
        return _file(write_csv(*statements.table(told.statement)), CSV, f"tongcang-ledger-{period}.csv")
    if format == "xlsx":
        details = [statements.detail_sheet(told.details)] if told.details else []
        book = write_xlsx([*statements.sheets(told.statement), *details])
        return _file(book, XLSX, f"tongcang-ledger-{period}.xlsx")
    return JsonAnswer(statement_answer(told), headers=PRIVATE)


@router.post(
    "/ledger/periods/{month}/close",
    summary="Settle and close a month (结账)",
    response_class=JsonAnswer,
    responses=documented(kinds.PeriodAnswer, examples.PERIOD, 401, 403, 409, 422, 503),
)
def close(
    month: Annotated[str, Path(pattern=MONTH, description="Month, as 2026-11.")],
    request: Request,
    reporting: ReportingOf,
    who: Annotated[Principal, require("ledger.write")],
) -> JsonAnswer:
    """For good: what comes late stands in the next month. Months are closed in their order, when they are over."""
    return JsonAnswer(reporting.close(who, month, request_id_of(request)), headers=PRIVATE)
