"""`tongcang library add|list|show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import yaml

from harvester.registry import probe, reader_of
from indexer.normalise import Crosswalks
from mappings.crosswalk import read_text
from mappings.model import Library
from routing.joining import ROLES, library_fault
from routing.policy_faults import CONSORTIA
from store import harvests, libraries, records
from store.libraries import Source, SourceConfig
from tongcang.commands.harvest import AsJson
from tongcang.output import messages, print_json, print_table
from tongcang.system import System

app = typer.Typer(help="Member libraries and their sources. 成员馆与数据源。", no_args_is_help=True)


@app.command("add")
def add(
    context: typer.Context,
    symbol: Annotated[str, typer.Argument(help="Short code, such as RUC: letters, digits and -.")],
    name_zh: Annotated[str, typer.Option(help="中文名称")] = "",
    name_en: Annotated[str, typer.Option(help="Name in English")] = "",
    consortium: Annotated[str, typer.Option(help=", ".join(CONSORTIA))] = "",
    role: Annotated[str, typer.Option(help=", ".join(ROLES))] = "member",
    oai: Annotated[str, typer.Option(help="Base URL of an OAI-PMH provider.")] = "",
    prefix: Annotated[str, typer.Option(help="OAI-PMH: metadata prefix.")] = "marcxml",
    set_spec: Annotated[str, typer.Option("--set", help="OAI-PMH: only this set.")] = "",
    allow_private: Annotated[bool, typer.Option(help="OAI-PMH: addresses of a campus network are allowed.")] = False,
    check: Annotated[bool, typer.Option(help="Ask the source before it is added.")] = True,
    files: Annotated[Path | None, typer.Option(help="Folder or file with MARC records.")] = None,
    delivery: Annotated[str, typer.Option(help="Files: full (each delivery is the whole stock) or delta.")] = "delta",
    charset: Annotated[str, typer.Option(help='Files: a hint such as gb18030, or "force:gb18030".')] = "",
    mapping: Annotated[Path | None, typer.Option(help="YAML rules that replace built-in ones for this source.")] = None,
    source_name: Annotated[str, typer.Option("--source", help="Name of the source in the library.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a library, or a source to it; again with the same names: change it. 添加成员馆或数据源。"""
    system: System = context.obj
    symbol = symbol.upper()
    told = Library(symbol, name_zh, name_en, consortium, role)
    if wrong := library_fault(told):
        raise typer.BadParameter(wrong)
    if oai and files:
        raise typer.BadParameter("Give --oai or --files, not both; add the other as a second source.")
    if delivery not in ("full", "delta"):
        raise typer.BadParameter(f"--delivery is full or delta, not {delivery!r}.")
    config = SourceConfig(
        url=oai,
        metadata_prefix=prefix,
        set_spec=set_spec,
        allow_private=allow_private,
        path=str(files.resolve()) if files else "",
        delivery=delivery,
        charset=charset,
        mapping=_rules(mapping),
    )
    kind = "oai_pmh" if oai else "marc_files"
    slug = f"{symbol}/{source_name or ('oai' if oai else 'files')}"
    if (oai or files) and check:
        _check(Source(0, slug, symbol, kind, config), system.settings.contact)
    with system.database.write() as unit:
        library = _completed(told, libraries.get_library(unit, symbol))
        new = libraries.put_library(unit, library)
        source = libraries.put_source(unit, slug, symbol, kind, config) if oai or files else None
    if as_json:
        print_json({"library": library, "source": source, "new": new})
        return
    messages.print(f"{symbol} {library.name_zh}: {'added' if new else 'changed'}.", markup=False)
    if source:
        messages.print(f"Its source is {source.slug}. Harvest it: tongcang harvest {source.slug}", markup=False)


def _completed(told: Library, known: Library | None) -> Library:
    """What was told of the library; where nothing was, as it was before."""
    before = known or Library(told.symbol, told.symbol, told.symbol)
    return Library(
        told.symbol,
        told.name_zh or before.name_zh,
        told.name_en or before.name_en,
        told.consortium or before.consortium,
        told.role if told.role != "member" else before.role,
        before.isil,
    )


def _rules(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    if not path.is_file():
        raise typer.BadParameter(f"There is no mapping file {path}.")
    Crosswalks.with_file(path)  # raises CrosswalkError with file, line and rule
    return dict(yaml.safe_load(read_text(path)))


def _check(source: Source, contact: str) -> None:
    """Raises SourceError where the source can't be read."""
    if source.kind == "oai_pmh":
        messages.print(probe(source, contact=contact), markup=False)
        return
    reader_of(source)
    if not Path(source.config.path).exists():
        messages.print(f"{source.config.path} is not there yet: {source.slug} waits for its files.", markup=False)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All libraries with their sources and stock. 成员馆列表。"""
    system: System = context.obj
    with system.database.read() as unit:
        every = libraries.all_libraries(unit)
        sources = libraries.all_sources(unit)
        totals = records.record_totals(unit)
    if as_json:
        print_json({"libraries": every, "sources": sources, "records": totals})
        return
    rows = []
    for library in every:
        own = [source for source in sources if source.library == library.symbol]
        live = sum(totals.get(source.slug, (0, 0))[0] for source in own)
        names = " ".join(source.slug for source in own)
        rows.append((library.symbol, library.name_zh, library.name_en, library.role, names, live))
    print_table("成员馆 Libraries", ("symbol", "名称", "name", "role", "sources", "records"), rows)


@app.command()
def show(context: typer.Context, symbol: str, as_json: AsJson = False) -> None:
    """One library: its sources and their last runs. 成员馆详情。"""
    system: System = context.obj
    with system.database.read() as unit:
        library = libraries.get_library(unit, symbol.upper())
        sources = libraries.all_sources(unit, symbol.upper())
        runs = {source.slug: harvests.last_runs(unit, source.id) for source in sources}
    if library is None:
        messages.print(f"There is no library {symbol!r}. See: tongcang library list", markup=False)
        raise typer.Exit(1)
    if as_json:
        print_json({"library": library, "sources": sources, "runs": runs})
        return
    messages.print(f"{library.symbol} {library.name_zh} · {library.name_en} · {library.role}", markup=False)
    for source in sources:
        config = msgspec.json.encode(source.config).decode()
        messages.print(f"{source.slug} ({source.kind}): {config}", markup=False)
        rows = [
            (run.id, run.state, f"{run.started:%Y-%m-%d %H:%M}", c.received, c.added, c.changed, c.unchanged,
             c.deleted, c.rejected, c.vanished, run.message)
            for run in runs[source.slug]
            for c in (run.counts,)
        ]  # fmt: skip
        columns = ("run", "state", "started", "received", "added", "changed", "unchanged", "deleted", "rejected",
                   "vanished", "message")  # fmt: skip
        print_table(source.slug, columns, rows)
