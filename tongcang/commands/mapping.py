"""`tongcang mapping preview`: what a mapping makes of real records, before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from harvester.rejections import text_of
from harvester.sources.marc_files import MarcFiles
from harvester.sources.protocol import Page, Received
from indexer.normalise import Crosswalks, PreviewReport, preview
from indexer.normalise.raw import decode_raw
from mappings.fields import SourceRecord
from store import libraries
from tongcang.commands.harvest import AsJson
from tongcang.output import data, messages, print_json, print_table
from tongcang.system import System

app = typer.Typer(help="Crosswalks from MARC and Dublin Core. 元数据映射。", no_args_is_help=True)


@app.command("preview")
def preview_(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="A source whose rules apply (RUC/files), or - for the built-in ones.")],
    file: Annotated[Path, typer.Argument(help="MARC records: ISO 2709 or MARCXML, plain or gzip.")],
    mapping: Annotated[Path | None, typer.Option(help="Try these YAML rules instead of those of the source.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many records.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Records before and after, and what would be rejected. Nothing is stored. 映射预览。"""
    rules, charset = _rules(context.obj, source)
    crosswalks = Crosswalks.with_file(mapping) if mapping else Crosswalks(rules, source)
    refused: dict[str, int] = {}
    report = preview(_read(file, charset, refused), crosswalks, limit)
    if as_json:
        print_json({"report": report, "refused": refused})
    else:
        _print(report, refused)


def _rules(system: System, name: str) -> tuple[dict[str, object], str]:
    if name == "-":
        return {}, ""
    with system.database.read() as unit:
        source = libraries.get_source(unit, name)
    if source is None:
        messages.print(f"There is no source named {name!r}: see tongcang library list, or give -", markup=False)
        raise typer.Exit(1)
    return source.config.mapping, source.config.charset


def _read(file: Path, charset: str, refused: dict[str, int]) -> Iterator[SourceRecord]:
    for page in MarcFiles(file, delivery="delta", charset=charset).pages("", ""):
        if not isinstance(page, Page):
            continue
        for event in page.events:
            if isinstance(event, Received):
                if not event.deleted:
                    yield decode_raw(event.format, event.data, event.charset)
            else:
                refused[event.code] = refused.get(event.code, 0) + 1


def _print(report: PreviewReport, refused: dict[str, int]) -> None:
    for row in report.rows:
        data.rule(str(row.number))
        for line in row.before:
            data.print(line, markup=False, soft_wrap=True)
        data.print()
        if row.rejection:
            text = text_of(row.rejection.code)
            data.print(f"拒收 rejected: {row.rejection.code}: {text.zh} {text.en} {row.rejection.detail}", markup=False)
        for name, value in row.after.items():
            data.print(f"  {name}: {value}", markup=False, soft_wrap=True)
    data.rule()
    filled = sorted(report.filled.items(), key=lambda entry: -entry[1])
    print_table(f"{report.read} read, {report.accepted} accepted", ("field", "records"), filled)
    for code, count in {**refused, **report.rejected}.items():
        text = text_of(code)
        data.print(f"拒收 rejected: {code} {count}: {text.zh} {text.en}", markup=False)
    for flag, count in report.flagged.items():
        data.print(f"flag {flag}: {count}", markup=False)
