"""`tongcang doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import typer

from harvester.registry import probe
from harvester.sources.protocol import SourceError
from indexer.engine.protocol import EngineError, Finding
from indexer.generations import generation_prefix
from store import generations, libraries, unions
from store.database import Database, StoreError
from store.libraries import Source
from tongcang.commands import doctor_store
from tongcang.commands.harvest import AsJson
from tongcang.output import print_json, print_table
from tongcang.system import System

FREE_MB = 2000
"""Below this a night of a large consortium may fill the disk: raw records, index and a generation being built."""


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check everything and say what to do; change nothing. 体检。"""
    system: System = context.obj
    findings = examine(system)
    if as_json:
        print_json(findings)
    else:
        print_table("", ("what", "state", "message"), [(f.what, f.state, f.message) for f in findings])
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(1)


def examine(system: System) -> list[Finding]:
    """What there is to say, in the order in which a person would look."""
    findings = [_version(), _folder(system)]
    try:
        database = Database(system.settings.database_url)
    except StoreError as error:
        return [*findings, Finding("state database", "failed", str(error))]
    try:
        findings.append(doctor_store.schema(database))
        if findings[-1].state == "ok":
            try:
                findings += [*doctor_store.server(database), *doctor_store.work(database)]
                findings += [*_index(system, database), *_engine(system), *_sources(system, database)]
            except StoreError as error:
                findings.append(Finding("state database", "failed", str(error)))
        else:
            findings += _engine(system)
    finally:
        database.close()
    return findings


def _version() -> Finding:
    return Finding("Tongcang", "ok", f"{version('tongcang')}, Python {sys.version.split()[0]}")


def _folder(system: System) -> Finding:
    folder = system.settings.folder
    parent = folder if folder.exists() else folder.resolve().parent
    if not os.access(parent, os.W_OK):
        return Finding("data folder", "failed", f"{folder} can't be written: change its owner, or set TONGCANG_DATA.")
    free = shutil.disk_usage(parent).free // 2**20
    if free < FREE_MB:
        return Finding("data folder", "warning", f"{free} MB free at {folder}: free some space before the next night.")
    return Finding("data folder", "ok", f"{folder}, {free} MB free")


def _index(system: System, database: Database) -> Iterator[Finding]:
    """The live generation beside the store."""
    try:
        health = system.engine.health()
    except EngineError as error:
        yield Finding("index", "failed", str(error))
        return
    with database.read() as unit:
        stored = unions.count_unions(unit)
        refused = generations.count_refused(unit, health.generation)
    if not health.ok:
        advice = "nothing is indexed yet: run tongcang night" if not stored else "Run: tongcang index rebuild"
        yield Finding("index", "failed" if stored else "warning", f"{health.message} {advice}".strip())
        return
    if not health.generation.startswith(generation_prefix()):
        told = f"{health.generation} was built by the rules of another version. Run: tongcang index update"
        yield Finding("index", "warning", told)
    elif health.documents + refused != stored:
        told = f"{health.documents} documents, {stored} union records in the store. Run: tongcang index update"
        yield Finding("index", "warning", told)
    else:
        yield Finding("index", "ok", f"{health.generation}, {health.documents} documents")
    if refused:
        told = f"The engine would not take {refused} union records; found by number only: tongcang index status"
        yield Finding("refused", "warning", told)


def _engine(system: System) -> list[Finding]:
    try:
        return system.engine.diagnose()
    except EngineError as error:  # its settings can't be used
        return [Finding("engine", "failed", str(error))]


def _sources(system: System, database: Database) -> Iterator[Finding]:
    with database.read() as unit:
        sources = [source for source in libraries.all_sources(unit) if source.active]
    if not sources:
        yield Finding("sources", "warning", "none yet: tongcang library add --help")
    for source in sources:
        yield _source(system, source)


def _source(system: System, source: Source) -> Finding:
    if source.kind == "oai_pmh":
        try:
            return Finding(source.slug, "ok", probe(source, contact=system.settings.contact))
        except SourceError as error:
            return Finding(source.slug, "failed", str(error))
    if Path(source.config.path).exists():
        return Finding(source.slug, "ok", source.config.path)
    return Finding(source.slug, "warning", f"{source.config.path} is not there: nothing was delivered.")
