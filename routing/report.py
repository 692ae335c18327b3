"""The report of a period as one page that stands by itself: every table, with its chart above it where it has one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from msgspec import Struct, structs

from routing.charts import chart_of
from routing.statistics_table import Head, Table, joined, words
from routing.statistics_view import Scope


class Section(Struct, frozen=True):
    """A table as a page shows it."""

    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    chart: Markup | None


def section_of(table: Table, language: str) -> Section:
    heads, rows = joined(table, language)
    chart = chart_of(table, language) if table.rows else None
    notes = tuple(note.said(language) for note in table.notes)
    # The drawing escapes every text that goes into it.
    return Section(table.title.said(language), heads, rows, notes, None if chart is None else Markup(chart))


def title_of(scope: Scope, language: str) -> str:
    narrowed = " · ".join(filter(None, (scope.library, scope.partner, scope.side)))
    name = words("charts", "report").said(language)
    return f"{name} {scope.first} – {scope.last} {narrowed}".rstrip()


def page(scope: Scope, tables: Iterable[Table], language: str) -> str:
    """The whole page, in Chinese or English. What has to be said of all of its tables is said once, above them."""
    made = list(tables)
    common = [note for note in made[0].notes if all(note in table.notes for table in made)] if len(made) > 1 else []
    own = [structs.replace(each, notes=tuple(note for note in each.notes if note not in common)) for each in made]
    return _template().render(
        language=language,
        title=title_of(scope, language),
        notes=[note.said(language) for note in common],
        sections=[section_of(table, language) for table in own],
        nothing=words("charts", "nothing").said(language),
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True).get_template(
        "statistics.html"
    )
