"""How many requests are created and routed in a second, and how long a rota of a hundred holders takes.

    python -m bench.requests [--requests 300] [--postgres | --database URL] [--profile]

On a database as half a year of service leaves it (bench/request_world.py): the rota from the store, part by part; the
service with one, two and four threads, each request in its own transaction; the API over real HTTP with an API key,
four clients, `tongcang serve` as a process of its own. On SQLite; with --postgres on a PostgreSQL started for it,
which flushes to its disk; with --database on an empty one that is there. Goals: 20 ms for the rota, 50 requests/s on
two cores. With --profile: where one thread's time goes, and nothing else.
"""

from __future__ import annotations

import argparse
import cProfile
import http.client
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from bench.request_world import FEW, MANY, NOW, REQUESTER, make_world, wish
from routing.calendar import EVERYBODY
from routing.case import Case
from routing.prediction import predict
from routing.rota import build_rota
from routing.service import NewRequest, RequestService, completed
from routing.sourcing import clock_of, find_candidates
from routing.work import Actor, Work
from search_api.access.door import Door
from search_api.accounts import WantedKey, make_key
from search_api.settings import ApiSettings
from store.accounts import NewAccount, add_account
from store.audit import COMMAND
from store.database import Database
from tests.servers.postgres import new_postgres
from tests.servers.run import Run, free_ports

READER = Actor("reader", 0, REQUESTER)
CPU = "of it this processor's"
READERS = 60
CLIENTS = 4


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=300)
    options.add_argument("--postgres", action="store_true")
    options.add_argument("--database", default="")
    options.add_argument("--profile", action="store_true")
    told = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, place(told, Path(folder)) as url:
        database = Database(url)
        database.migrate()
        made = make_world(database)
        print(f"{database.url.get_backend_name()}: 104 libraries, {sum(map(len, made.values()))} union records")
        if told.profile:
            profile(database, made[FEW], told.requests)
        else:
            measure(database, made, told.requests, Path(folder))
        database.close()


@contextmanager
def place(told: argparse.Namespace, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if not told.postgres:
        yield told.database or f"sqlite:///{folder / 'state.db'}"
        return
    run = Run.begin()
    try:
        server = new_postgres(run, durable=True)
        server.start()
        yield server.url
    finally:
        run.end()


def measure(database: Database, made: dict[int, list[str]], requests: int, folder: Path) -> None:
    for holders in (FEW, MANY):
        print(f"a rota of {holders} holders from the store:")
        for name, seconds in rota_parts(database, made[holders], 60).items():
            print(f"  {name:22} {percentiles(seconds)}")
    numbers = count(1)
    for holders, threads in ((FEW, 1), (FEW, 2), (FEW, 4), (MANY, 2)):
        pairs = [(record, next(numbers)) for record in some(made[holders], requests)]
        print(f"service, {holders} holders, {threads} threads: {rate(service_call(database), pairs, threads)}")
    with http_service(database, folder) as call:
        pairs = [(record, next(numbers)) for record in some(made[FEW], requests)]
        print(f"HTTP, {FEW} holders, {CLIENTS} clients: {rate(call, pairs, CLIENTS)}")


def some(records: list[str], number: int) -> list[str]:
    return [records[at % len(records)] for at in range(number)]


def percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered) * 1000:6.1f} ms   p95 {p95 * 1000:6.1f} ms"


# ---------------------------------------------------------------------------------------------- the rota


def rota_parts(database: Database, records: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each part, request by request. The first request, which fills the caches, is left out."""
    service = RequestService(lambda: NOW)
    spent: dict[str, list[float]] = {}
    for at, record in enumerate(some(records, rounds + 1)):
        times: dict[str, float] = {}

        def timed(name: str, work: Callable[[], Any], times: dict[str, float] = times) -> Any:
            began, cpu = time.perf_counter(), time.process_time()
            result = work()
            times[name] = time.perf_counter() - began
            times[CPU] = times.get(CPU, 0.0) + time.process_time() - cpu
            return result

        with database.read() as unit:
            around = timed("libraries, settings", lambda unit=unit: service.around(unit))
            timed("union record", lambda unit=unit, around=around, record=record: around.union(unit, record))
            wanted = completed(unit, around, wish(record))
            work = Work(unit, around, Case(at, state="routing", requester=REQUESTER, wish=wanted), None)
            candidates = timed("candidates", lambda work=work: find_candidates(work))
            rota = timed(
                "rota",
                lambda wanted=wanted, candidates=candidates, around=around, at=at: build_rota(
                    wanted, candidates, around.settings.rota, chain=[REQUESTER], now=NOW, seed=at
                ),
            )
            asked = [place.candidate.library for place in rota.entries]
            calendars = {symbol: around.calendar(symbol) for symbol in (EVERYBODY, *asked)}
            limits = {symbol: clock_of(work, symbol) for symbol in asked}
            timed(
                "prediction",
                lambda rota=rota, calendars=calendars, limits=limits: predict(rota, calendars, NOW, limits),
            )
        times["all of it"] = sum(seconds for name, seconds in times.items() if name != CPU)
        if at:
            for name, seconds in times.items():
                spent.setdefault(name, []).append(seconds)
    return spent


# ---------------------------------------------------------------------------------------------- many at once

Pair = tuple[str, int]
"""A record, and the reader who asks for it."""


def rate(call: Callable[[Pair], None], pairs: list[Pair], threads: int) -> str:
    """So many threads take the next pair until there is none."""
    waiting, lock, seconds, failed = iter(pairs), threading.Lock(), [], []  # type: ignore[var-annotated]

    def work() -> None:
        while True:
            with lock:
                pair = next(waiting, None)
            if pair is None or failed:
                return
            began = time.perf_counter()
            try:
                call(pair)
            except Exception as error:
                failed.append(error)
                raise
            seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    running = [threading.Thread(target=work) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    if failed:
        raise failed[0]
    return f"{len(pairs) / (time.perf_counter() - began):6.1f} requests/s   {percentiles(seconds)}"


def service_call(database: Database) -> Callable[[Pair], None]:
    service = RequestService(lambda: NOW)

    def call(pair: Pair) -> None:
        record, reader = pair
        with database.write() as unit:
            case = service.create(unit, NewRequest(wish(record), REQUESTER, reader, source="api"), READER)
        assert case.state == "asking", case.state

    return call


@contextmanager
def http_service(database: Database, folder: Path) -> Iterator[Callable[[Pair], None]]:
    """`tongcang serve` on the database, and a call that asks for a reader by an officer's API key."""
    key, readers = people(database)
    port = free_ports(1)[0]
    environment = os.environ | {
        "TONGCANG_DATA": str(folder / "data"),
        "TONGCANG_DATABASE": database.url.render_as_string(hide_password=False),
        "TONGCANG_PORT": str(port),
        "TONGCANG_LOG_FORMAT": "json",
        "TONGCANG_REQUESTS_PER_HOUR": "1000000",
        "TONGCANG_REQUESTS_AT_ONCE": "100000",
    }
    command = [sys.executable, "-m", "tongcang.cli", "serve"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    own = threading.local()

    def call(pair: Pair) -> None:
        record, number = pair
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = {"citation": {"record_id": record}, "service": "copy_or_loan", "insist": "测速"}
        body["for_reader"] = str(readers[number % len(readers)])
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": f"{number}"}
        own.connection.request("POST", "/api/requests", json.dumps(body), headers)
        answer = own.connection.getresponse()
        text = answer.read()
        assert answer.status == 201, text
        assert json.loads(text)["state"] == "asking", text

    try:
        _wait_for(port)
        yield call
    except AssertionError:
        print((folder / "serve.log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(30)


def people(database: Database) -> tuple[str, list[int]]:
    """An API key of the Capital Library's officers, and readers of theirs."""
    now = datetime.now(UTC)
    with database.write() as unit:
        officer = add_account(unit, NewAccount("officer", ("requester",), REQUESTER), now)
        readers = [add_account(unit, NewAccount(f"r{n}", ("reader",), REQUESTER), now).id for n in range(READERS)]
    door = Door(database, ApiSettings())
    _, shown = make_key(door, COMMAND, officer.id, WantedKey("bench", REQUESTER, ("requester",), ("requests",), 9))
    return shown, readers


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/libraries")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("tongcang serve did not answer")


# ---------------------------------------------------------------------------------------------- where it goes


def profile(database: Database, records: list[str], requests: int) -> None:
    call = service_call(database)
    pairs = list(zip(some(records, requests), range(1, requests + 1), strict=True))
    call(("", 0)) if not records else call((records[0], 10**6))
    Random(1).shuffle(pairs)
    profiler = cProfile.Profile()
    profiler.enable()
    for pair in pairs:
        call(pair)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
