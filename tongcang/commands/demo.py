"""`tongcang demo`: a consortium of sample libraries, harvested for real, on the embedded default."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from harvester.sources.protocol import SourceError
from routing.joining import join, read_joining
from search_api.settings import Sample
from store import libraries, policies
from store.libraries import SourceConfig
from tongcang.commands.harvest import EXIT, AsJson, show
from tongcang.commands.serve import listening, run
from tongcang.demo_people import make_people
from tongcang.night import Told, active_sources, run_night
from tongcang.output import messages, progress_bars
from tongcang.sample import SAMPLE_NOTICE_EN, SAMPLE_NOTICE_ZH
from tongcang.sample.consortium import Consortium, build, describe
from tongcang.sample.delivery import SourceDescription
from tongcang.settings import Settings
from tongcang.system import System

FOLDER = "demo-data"

SAMPLES = (
    Sample("红楼梦", "简体", "simplified"),
    Sample("紅樓夢", "繁体，结果相同", "traditional: the same result"),
    Sample("hong lou meng", "拼音", "pinyin"),
    Sample("hlm", "首字母", "initials"),
    Sample("沈从文", "著者", "an author"),
)


def demo(
    context: typer.Context,
    publications: Annotated[int, typer.Option(min=1, help="So many publications; some four records of each.")] = 6000,
    serving: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the page afterwards.")] = True,
    as_json: AsJson = False,
) -> None:
    """Sample libraries: made, harvested over HTTP and from files, clustered, indexed, served. 演示。

    Every further run plays the next day: it harvests only what changed.
    """
    given: System = context.obj
    settings = _settings(given.settings)
    system = System(settings)
    context.call_on_close(system.close)
    # Taken first: a port in use must not be found out after minutes of work.
    listener = listening(settings.host, settings.port) if serving else None
    with system.work_lock():
        consortium, day = _consortium(settings, publications)
    with provider(settings.folder / "sample", settings.port + 1) as base_url:
        _register(system, consortium, base_url)
        with progress_bars(quiet=as_json) as tell:
            receipt = run_night(system, active_sources(system), tell=tell)
    if receipt.state in ("complete", "partial"):
        _day_file(settings).write_text(json.dumps({"day": day, "done": True}), encoding="utf-8")
    show(receipt, as_json)
    if listener is None:
        raise typer.Exit(EXIT[receipt.state])
    messages.print("\n试一试 Try these searches:")
    for sample in SAMPLES:
        address = f"{settings.public_url}/search?q={sample.query.replace(' ', '+')}"
        messages.print(f"  {address}   {sample.zh} {sample.en}", markup=False, soft_wrap=True)
    people = make_people(system.database, settings.folder, datetime.now(UTC))
    messages.print(
        f"\n试一试文献传递 Try a request: {settings.public_url}/sign-in as reader-cl, answer it as officer-thu …; "
        f"passwords: {people}",
        markup=False,
        soft_wrap=True,
    )
    with listener, dispatcher(settings):
        run(system, listener, SAMPLES)


@contextmanager
def dispatcher(settings: Settings) -> Iterator[None]:
    """The process that lets clocks run out and sends messages, beside the page; it ends with the block."""
    command = [sys.executable, "-m", "tongcang.cli", "--data", settings.data, "dispatch"]
    environment = os.environ | {"TONGCANG_DATABASE": "", "TONGCANG_BASE_URL": settings.public_url}
    # Ctrl-C reaches it too. While it is still starting that would end in a traceback: it is ended by us then.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        started = subprocess.Popen(command, env=environment)
    finally:
        signal.signal(signal.SIGINT, before)
    # The server gives a SIGTERM on once it has ended, and by default that ends us with the dispatcher left behind.
    ended = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with started as process:
        try:
            yield
        finally:
            process.terminate()
            signal.signal(signal.SIGTERM, ended)


def _settings(given: Settings) -> Settings:
    """The demo keeps to a folder of its own, whatever else the machine is set to, unless it is told a folder."""
    folder = given.data if given.data != Settings().data else FOLDER
    return msgspec.structs.replace(
        given, data=folder, database="", notice_zh=SAMPLE_NOTICE_ZH, notice_en=SAMPLE_NOTICE_EN
    )


def _day_file(settings: Settings) -> Path:
    return settings.folder / "sample" / "day.json"


def _consortium(settings: Settings, publications: int) -> tuple[Consortium, int]:
    """The sample libraries' data as of the day that is due: the next one, where the last day's night was completed."""
    file = _day_file(settings)
    day = 0
    if file.exists():
        last = json.loads(file.read_text(encoding="utf-8"))
        day = last["day"] + 1 if last["done"] else last["day"]
    messages.print(f"样例数据，第 {day} 天 Sample data, day {day}: made in {file.parent}", markup=False)
    consortium = describe(file.parent)
    if consortium is None or (consortium.day, consortium.publications) != (day, publications):
        with progress_bars() as tell:
            consortium = build(
                file.parent,
                publications=publications,
                day=day,
                progress=lambda done, total: tell(Told("sample", "", done, total)),
            )
    file.write_text(json.dumps({"day": day, "done": False}), encoding="utf-8")
    return consortium, day


@contextmanager
def provider(folder: Path, port: int) -> Iterator[str]:
    """The third-party OAI-PMH server in a process of its own; gives its address, and ends it with the block.

    On the wished port where that is free, so that the libraries' base URLs stay the same from run to run.
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            port = 0
    command = [sys.executable, "-m", "tongcang.sample.provider", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SourceError("The sample OAI-PMH provider did not start: pip install 'tongcang[demo]'.")
            yield f"http://127.0.0.1:{json.loads(line)['port']}"
        finally:
            process.terminate()


def _register(system: System, consortium: Consortium, base_url: str) -> None:
    with system.database.write() as unit:
        for library in consortium.libraries:
            libraries.put_library(unit, library)
        for source in consortium.sources:
            files = system.settings.folder.resolve() / "sample" / source.place
            config = SourceConfig(
                url=base_url + source.place if source.kind == "oai_pmh" else "",
                metadata_prefix=source.metadata_prefix or "marcxml",
                set_spec=source.set,
                allow_private=True,
                patience=0.0,
                path=str(files) if source.kind == "marc_files" else "",
                delivery=source.delivery or "delta",
                charset=source.charset,
                mapping=source.mapping,
            )
            libraries.put_source(unit, _slug(source), source.library, source.kind, config)
        if not policies.all_policies(unit):
            join(unit, read_joining(), datetime.now(UTC))


def _slug(source: SourceDescription) -> str:
    own = source.name.removeprefix(source.library).strip("-").lower()
    return f"{source.library}/{own or ('oai' if source.kind == 'oai_pmh' else 'files')}"
