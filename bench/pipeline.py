"""From a MARC file to searchable union records: the rate of each stage and of all, beside bare pymarc on the same file.

    python -m bench.pipeline [--records 100000] [--scaling | --cluster]

Prints, for N generated records (ISO 2709, UTF-8, four a publication): records/s of each stage and end to end, bare
pymarc iterating the same file, latencies of search and holder look-up, peak memory of this process and its workers.
`--cluster` does it on a PostgreSQL and an Elasticsearch that are started for it (memory: of our processes alone).
`--scaling` repeats it with 20,000, 100,000 and 200,000 records and prints the cost of a record at each size.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from random import Random

import psutil
import psycopg
import requests
from pymarc import MARCReader

from bench.servers import cluster
from indexer.document import Brief
from indexer.engine.protocol import Engine, Facet, Plan, Terms
from indexer.text.planner import plan_words
from mappings.model import Library, decode
from store import libraries, unions
from store.database import Database
from store.libraries import SourceConfig
from tongcang.night import Receipt, active_sources, run_night
from tongcang.sample.generate import generate
from tongcang.settings import Settings
from tongcang.system import System

FACETS = tuple(Facet(field) for field in ("lib", "format", "language", "subject_kw", "class_kw"))


class PeakMemory:
    """The most resident memory that this process and its children had together, sampled four times a second (MB)."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.25):
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total / 2**20)


def bare_pymarc(path: Path) -> float:
    """Records/s of pymarc merely iterating the file."""
    began = time.perf_counter()
    with path.open("rb") as file:
        count = sum(1 for _ in MARCReader(file, force_utf8=True))
    return count / (time.perf_counter() - began)


def percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered) * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms"


def timed(work: Callable[[str], object], inputs: list[str]) -> str:
    """Percentiles of the seconds that the work takes for each of the inputs."""
    seconds = []
    for value in inputs:
        began = time.perf_counter()
        work(value)
        seconds.append(time.perf_counter() - began)
    return percentiles(seconds)


def sample_queries(database: Database, count: int, rng: Random) -> tuple[list[str], list[str]]:
    """Parts of titles, and ISBNs, of union records picked by chance."""
    with database.read() as unit:
        total = unions.count_unions(unit)
        rows = unions.changed_unions(unit, 0, min(total, 20_000))
        picked = unions.get_unions(unit, [row.key for row in rng.sample(rows, min(count, len(rows)))])
    words, isbns = [], []
    for union in picked.values():
        title = union.bib.title
        start = rng.randrange(max(1, len(title) - 3))
        words.append(title[start : start + rng.randint(2, 4)] if title and title[0] > "⺀" else title.split(" ")[0])
        isbns += [identifier.value for identifier in union.bib.identifiers if identifier.type == "isbn"][:1]
    return words, isbns


def latencies(database: Database, engine: Engine) -> None:
    words, isbns = sample_queries(database, 300, Random(7))
    engine.search(Plan(plan_words("红楼梦"), facets=FACETS))
    print("search, 10 hits           ", timed(lambda word: _search(engine, word), words))
    print("search, 10 hits, 5 facets ", timed(lambda word: _search(engine, word, FACETS), words))
    print("holders by ISBN, engine   ", timed(lambda isbn: _holders(engine, isbn), isbns))

    def look_up(isbn: str) -> None:
        with database.read() as unit:
            unions.get_unions(unit, unions.find_by_identifier(unit, "isbn", isbn))

    print("holders by ISBN, store    ", timed(look_up, isbns))


def _search(engine: Engine, word: str, facets: tuple[Facet, ...] = ()) -> None:
    results = engine.search(Plan(plan_words(word), (Terms("lib", ("RUC", "CLCN")),), facets, size=10))
    for hit in results.hits:
        decode(hit.source, Brief)


def _holders(engine: Engine, isbn: str) -> None:
    engine.search(Plan(plan_words(isbn, "isbn"), size=5))


def on_disk(database: str, elastic: str) -> str:
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    told = requests.get(f"{elastic}/_stats/store", timeout=30).json()
    stored = told["_all"]["primaries"]["store"]["size_in_bytes"]
    return f"{row[0] / 2**20 if row else 0:.0f} MB and {stored / 2**20:.0f} MB"


def measure(records: int, folder: Path, *, details: bool, database: str = "", elastic: str = "") -> Receipt:
    file = folder / "drop" / "sample.mrc"
    file.parent.mkdir(parents=True)
    manifest = generate(records, file)
    print(f"\n{records:,} records of {manifest.publications:,} publications, {manifest.bytes / 2**20:.0f} MB")
    settings = Settings(data=str(folder / "data"), database=database, elastic_urls=elastic, elastic_replicas=0)
    system = System(settings)
    with system.database.write() as unit:
        libraries.put_library(unit, Library("BENCH", "测试馆", "Bench"))
        config = SourceConfig(path=str(file.parent), delivery="delta")
        libraries.put_source(unit, "BENCH/files", "BENCH", "marc_files", config)
    with PeakMemory() as memory:
        receipt = run_night(system, active_sources(system))
    for stage, seconds in receipt.seconds.items():
        print(f"{stage:<10} {seconds:8.1f} s {records / max(seconds, 0.001):10,.0f} source records/s")
    if details:
        bare = bare_pymarc(file)
        rate = records / receipt.seconds["total"]
        print(f"bare pymarc, same file        {bare:10,.0f} records/s; end to end is {rate / bare:.2f} × that")
        latencies(system.database, system.engine)
        size = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
        print(f"disk, data folder: {size / 2**20:.0f} MB for {receipt.union_records:,} union records")
        if elastic:
            print(f"disk, PostgreSQL and Elasticsearch: {on_disk(database, elastic)}")
    print(f"peak memory, all processes: {memory.peak:.0f} MB")
    assert receipt.state == "complete", receipt
    system.close()
    return receipt


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--cluster", action="store_true")
    given = parser.parse_args()
    sizes = (20_000, 100_000, 200_000) if given.scaling else (given.records,)
    costs = {}
    for records in sizes:
        folder = Path(tempfile.mkdtemp(prefix="tongcang-bench-"))
        try:
            with cluster() if given.cluster else nullcontext(("", "")) as (database, elastic):
                receipt = measure(records, folder, details=not given.scaling, database=database, elastic=elastic)
        finally:
            shutil.rmtree(folder)
        costs[records] = receipt.seconds["total"] / records * 1e6
    if given.scaling:
        for records, cost in costs.items():
            print(
                f"{records:>8,} records: {cost:6.0f} µs a record, {cost / costs[sizes[0]]:.2f} × that at {sizes[0]:,}"
            )
    print(f"largest process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
