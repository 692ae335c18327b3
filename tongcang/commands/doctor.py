"""`tongcang doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import typer
from msgspec import Struct

from harvester.registry import probe
from harvester.sources.protocol import SourceError
from indexer.engine.protocol import EngineError
from indexer.generations import generation_prefix
from store import libraries, unions
from store.database import StoreError
from tongcang.commands.harvest import AsJson
from tongcang.output import print_json, print_table
from tongcang.system import System

FREE_MB = 2000
"""Below this a night of a large consortium may fill the disk: raw records, index and a generation being built."""


class Finding(Struct, frozen=True):
    what: str
    state: str  # ok, warning, failed
    message: str


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check everything and say what to do. 体检。"""
    system: System = context.obj
    findings = [_folder(system), _store(system)]
    if findings[-1].state == "ok":
        findings += [_index(system), *_sources(system)]
    if as_json:
        print_json(findings)
    else:
        print_table("", ("what", "state", "message"), [(f.what, f.state, f.message) for f in findings])
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(1)


def _folder(system: System) -> Finding:
    folder = system.settings.folder
    parent = folder if folder.exists() else folder.resolve().parent
    if not os.access(parent, os.W_OK):
        return Finding("data folder", "failed", f"{folder} can't be written: change its owner, or set TONGCANG_DATA.")
    free = shutil.disk_usage(parent).free // 2**20
    if free < FREE_MB:
        return Finding("data folder", "warning", f"{free} MB free at {folder}: free some space before the next night.")
    return Finding("data folder", "ok", f"{folder}, {free} MB free, Python {sys.version.split()[0]}")


def _store(system: System) -> Finding:
    try:
        return Finding("state database", "ok", f"schema {system.database.revision()}")
    except StoreError as error:
        return Finding("state database", "failed", str(error))


def _index(system: System) -> Finding:
    try:
        health = system.engine.health()
    except EngineError as error:
        return Finding("index", "failed", str(error))
    with system.database.read() as unit:
        stored = unions.count_unions(unit)
    if not health.ok:
        advice = "nothing is indexed yet: run tongcang night" if not stored else "run: tongcang index rebuild"
        return Finding("index", "failed" if stored else "warning", f"{health.message} {advice}".strip())
    if not health.generation.startswith(generation_prefix()):
        return Finding("index", "warning", f"{health.generation} was built by older rules; run: tongcang index update")
    if health.documents != stored:
        message = f"{health.documents} documents, {stored} union records in the store; run: tongcang index update"
        return Finding("index", "warning", message)
    return Finding("index", "ok", f"{health.generation}, {health.documents} documents")


def _sources(system: System) -> list[Finding]:
    with system.database.read() as unit:
        sources = [source for source in libraries.all_sources(unit) if source.active]
    if not sources:
        return [Finding("sources", "warning", "none yet: tongcang library add --help")]
    findings = []
    for source in sources:
        if source.kind == "oai_pmh":
            try:
                findings.append(Finding(source.slug, "ok", probe(source, contact=system.settings.contact)))
            except SourceError as error:
                findings.append(Finding(source.slug, "failed", str(error)))
        elif Path(source.config.path).exists():
            findings.append(Finding(source.slug, "ok", source.config.path))
        else:
            findings.append(
                Finding(source.slug, "warning", f"{source.config.path} is not there: nothing was delivered.")
            )
    return findings
