"""Both engines on the same documents, in one run: how fast, how large, and how many times the one the other.

    python -m bench.engines [--elastic http://127.0.0.1:9200] [--documents 1000000] [--shards 1] [--seed 1]

Without `--elastic` a node is started (2 GB of heap). The documents are those of bench.engine (made up; making them
is not counted). Elasticsearch's memory is that of the process that listens on the port, if it is on this machine; its
size on disk is what it tells of the index.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil
import requests

from bench.engine import BATCH, FACETS, LIBRARIES, QUERIES, Maker, every_word, isbn, timed
from bench.servers import elasticsearch
from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.protocol import All, Engine, Phrase, Plan, Put, Range, Term, Terms
from indexer.text.tokens import bigrams
from mappings.model import union_id

PREFIX, GENERATION = "bench-engines", "v0-bench-0001"
STEP = 104_729
"""Keys are a multiple of it, as bench.engine makes them."""

Figures = dict[str, float]


class Rival:
    """An engine with what is asked of the outside: its size and its memory."""

    def __init__(self, name: str, engine: Engine, size: Callable[[], int], pid: int | None) -> None:
        self.name = name
        self.engine = engine
        self.size = size  # bytes on disk
        self.pid = pid  # of a server; None = this process


def megabytes(pid: int | None) -> float:
    """Resident memory of the process and its children."""
    process = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 2**20


def listener(url: str) -> int | None:
    """The process of this machine that listens there, if there is one that we may see."""
    port = urlsplit(url).port
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port:
            return connection.pid
    return None


def build(rival: Rival, maker: Maker, count: int) -> Figures:
    rival.engine.create(GENERATION)
    documents = maker.documents(count)
    spent, peak = 0.0, megabytes(rival.pid)
    while batch := [Put(document) for document in islice(documents, BATCH)]:
        spent += timed(rival.engine.bulk, batch, GENERATION)
        peak = max(peak, megabytes(rival.pid))
    spent += timed(rival.engine.swap, GENERATION)
    return {
        "build, documents/s": count / spent * 1000,
        "size on disk, MB": rival.size() / 2**20,
        "peak memory of the build, MB": peak,
    }


def plans(maker: Maker, seed: int) -> dict[str, list[Plan]]:
    """By name; as the query planner asks: words over six fields, phrases, and half of them filtered."""
    narrow = (Terms("lib", (LIBRARIES[20],)), Range("year", 2000, 2020))
    two = [Plan(every_word([word])) for word in maker.pick(maker.chinese, QUERIES)]
    pairs = [Plan(every_word(maker.pick(maker.western, 2))) for _ in range(QUERIES)]
    phrases = [Plan(Phrase("title", tuple(bigrams("".join(maker.pick(maker.chinese, 2)))))) for _ in range(QUERIES)]
    mixed = random.Random(seed).sample([*two, *pairs, *phrases], QUERIES)
    return {
        "search": mixed,
        "search, one library and years": [msgspec.structs.replace(plan, filters=narrow) for plan in mixed],
        "search by year": [msgspec.structs.replace(plan, sort="year_desc") for plan in mixed],
        "the ten most frequent words": [Plan(every_word([word])) for word in maker.chinese[:10]] * 3,
        "everything": [Plan(All())] * 10,
    }


def percentiles(name: str, milliseconds: Iterable[float]) -> Figures:
    ordered = sorted(milliseconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {f"{name}, p50 ms": statistics.median(ordered), f"{name}, p95 ms": p95}


def reading(rival: Rival, asked: dict[str, list[Plan]], maker: Maker, count: int) -> Figures:
    engine, dice = rival.engine, random.Random(7)
    for plan in islice(asked["search"], 50):  # the server's code is compiled by use
        engine.search(msgspec.structs.replace(plan, facets=FACETS))
    figures: Figures = {}
    for name, some in asked.items():
        figures |= percentiles(name, [timed(engine.search, plan) for plan in some])
        faceted = [msgspec.structs.replace(plan, facets=FACETS) for plan in some]
        figures |= percentiles(f"{name} + 5 facets", [timed(engine.search, plan) for plan in faceted])
    keys = [dice.randrange(count) * STEP % 2**40 for _ in range(500)]
    figures |= percentiles("holder look-up by ISBN", [timed(engine.search, Plan(Term("isbn", isbn(k)))) for k in keys])
    figures |= percentiles("record by id", [timed(engine.get, [union_id(key)]) for key in keys])
    starts = [word[: dice.randint(1, 8)] for word in maker.pick(maker.western, 150)] + maker.pick(maker.chinese, 150)
    return figures | percentiles("suggest", [timed(engine.suggest, start) for start in starts])


def nightly(rival: Rival, maker: Maker, count: int) -> Figures:
    """A change of 1 % of the documents until a search finds it."""
    picked = random.Random(3).sample(range(count), count // 100)
    changed = [Put(maker.document(number * STEP % 2**40, 2)) for number in picked]
    spent = sum(timed(rival.engine.bulk, changed[start : start + BATCH]) for start in range(0, len(changed), BATCH))
    spent += timed(rival.engine.refresh)
    seen = rival.engine.search(Plan(Term("isbn", isbn(changed[-1].document.key))))
    assert changed[-1].document.source in {hit.source for hit in seen.hits}
    return {"1 % changed until visible, s": spent / 1000}


def measure(rival: Rival, count: int, seed: int) -> Figures:
    maker = Maker(seed)
    asked = plans(Maker(seed + 1), seed)
    began = time.monotonic()
    figures = build(rival, maker, count)
    figures |= reading(rival, asked, maker, count)
    figures["memory after searching, MB"] = megabytes(rival.pid)
    figures |= nightly(rival, maker, count)
    print(f"{rival.name}: {time.monotonic() - began:.0f} s in all", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("--elastic", default="")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(f"{given.documents:,} documents, {given.shards} shards, {os.cpu_count()} cores", flush=True)
    one = embedded(given.documents, given.seed)
    gc.collect()
    with elasticsearch(given.elastic) as url:
        other = server(url, given.documents, given.shards, given.seed)
    print(f"\n{'':<48}{'embedded':>12}{'elasticsearch':>16}{'ratio':>9}")
    for name, value in one.items():
        print(f"{name:<48}{value:>12,.2f}{other[name]:>16,.2f}{other[name] / value:>8.1f} ×")


def embedded(count: int, seed: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedEngine(Path(folder))

        def on_disk() -> int:
            return sum(entry.stat().st_size for entry in Path(folder).rglob("*") if entry.is_file())

        figures = measure(Rival("embedded", engine, on_disk, None), count, seed)
        engine.close()
    return figures


def server(url: str, count: int, shards: int, seed: int) -> Figures:
    engine = ElasticEngine(ElasticSettings((url,), prefix=PREFIX, shards=shards, replicas=0))

    def stored() -> int:
        told = requests.get(f"{url}/{PREFIX}-{GENERATION}/_stats/store", timeout=30).json()
        return int(told["_all"]["primaries"]["store"]["size_in_bytes"])

    try:
        return measure(Rival("elasticsearch", engine, stored, listener(url)), count, seed)
    finally:
        engine.remove_everything()
        engine.close()


if __name__ == "__main__":
    main()
