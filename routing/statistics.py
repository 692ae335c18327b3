"""The statistics of document delivery, from outcomes: every table of the study's chapter 3, for any period and library.

`tables` makes them all; each is a `Table`, from which JSON, CSV, workbook, pages and charts are drawn alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from routing import exports
from routing.charts import CHARTS, series_of
from routing.statistics_libraries import reach_table, requesters_table, suppliers_table
from routing.statistics_promises import calibration_table, corrections_table, promises_table
from routing.statistics_results import (
    finals_table,
    forwarded_table,
    headline_table,
    histogram,
    outcomes_table,
    refusals_table,
    unfilled_titles,
)
from routing.statistics_table import Column, Table
from routing.statistics_view import View
from routing.statistics_volumes import (
    by_language,
    by_material,
    by_month,
    by_partner,
    by_subject,
    by_type_and_language,
    by_year,
    library_ranks,
    partner_totals,
    services,
    totals,
)

TABLES: dict[str, Callable[[View], Table]] = {
    "totals": totals,
    "outcomes": outcomes_table,
    "headline": headline_table,
    "forwarded": forwarded_table,
    "finals": finals_table,
    "refusals": refusals_table,
    "days": histogram,
    "reach": reach_table,
    "suppliers": suppliers_table,
    "requesters": requesters_table,
    "ranks": library_ranks,
    "years": by_year,
    "months": by_month,
    "partners": by_partner,
    "partner_totals": partner_totals,
    "subjects": by_subject,
    "materials": by_material,
    "languages": by_language,
    "types": by_type_and_language,
    "services": services,
    "unfilled_titles": unfilled_titles,
    "corrections": corrections_table,
    "promises": promises_table,
    "calibration": calibration_table,
}
"""Every table by its code, in the order in which a report has them."""

STUDY = ("totals", "outcomes", "forwarded", "reach", "requesters", "subjects", "types", "partner_totals")
"""Those of the study's §2.1 and §3.1–3.3."""

SUMMARY = ("totals", "outcomes", "headline", "finals", "refusals", "reach", "suppliers", "years", "subjects")
"""What a person sees who asks for nothing else."""


def tables(view: View, codes: Iterable[str] = TABLES) -> tuple[Table, ...]:
    """The tables of these codes. KeyError where there is none of that code."""
    return tuple(TABLES[code](view) for code in codes)


def csv_of(table: Table, language: str) -> bytes:
    """The table for a spreadsheet, codes in words of that language, figures unrounded."""
    return exports.write_csv(table.said(language), [_exported(column, language) for column in table.columns])


def xlsx_of(made: Iterable[Table], language: str) -> bytes:
    """One sheet a table, with native charts where the table has one."""
    return exports.write_xlsx([_sheet(table, language) for table in made])


def _sheet(table: Table, language: str) -> exports.Sheet:
    title, values = table.title.said(language), series_of(table)
    charts: tuple[exports.Chart, ...] = ()
    if values:
        form = CHARTS[table.code]
        charts = (exports.Chart(form.native, title, 0, values, stacked=form.shape == "shares"),)
    return exports.Sheet(
        title,
        [_exported(column, language) for column in table.columns],
        table.said(language),
        charts,
        tuple(note.said(language) for note in table.notes),
    )


def _exported(column: Column, language: str) -> exports.Column:
    kinds = {"share": "percent", "count": "number", "rank": "number", "days": "decimal", "score": "decimal"}
    return exports.Column(column.label.said(language), kinds.get(column.kind, "text"))
