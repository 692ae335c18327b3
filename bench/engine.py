"""The embedded engine alone: how fast it is built, how large it is, how fast it answers.

    python -m bench.engine [--documents 100000] [--seed 1] [--folder DIR]

The documents are made up: titles of two to five words out of 20,000 (some far more frequent than others), 60 % Chinese,
100 libraries, 1 to 20 holders, 20,000 subjects. Making them is not counted. `--folder` keeps the index.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import accumulate, islice
from pathlib import Path

import msgspec

from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.protocol import (
    TEXT_FIELDS,
    All,
    Boost,
    DisMax,
    Document,
    Engine,
    Facet,
    Phrase,
    Plan,
    Put,
    Query,
    Range,
    Term,
    Terms,
)
from indexer.text.tokens import bigrams, field_text, prefix_key, prefixes, tokens
from mappings.model import union_id

LIBRARIES = tuple(f"L{number:03}" for number in range(100))
FACETS = tuple(Facet(field) for field in ("lib", "format", "language", "year", "subject_kw"))
BOOSTS = (("title", 4.0), ("alt", 3.0), ("author", 3.0), ("subject", 2.0), ("publisher", 1.0), ("abstract", 0.5))
QUERIES = 200
BATCH = 4_000


class Maker:
    """Endless documents, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        characters = [chr(code) for code in range(0x4E00, 0x4E00 + 3_000)]
        letters = "abcdefghijklmnoprstuvwy"
        self.chinese = ["".join(self._dice.choices(characters, k=2)) for _ in range(12_000)]
        self.western = ["".join(self._dice.choices(letters, k=self._dice.randint(3, 9))) for _ in range(8_000)]
        self._weights = {
            count: list(accumulate(1 / (rank + 10) for rank in range(count))) for count in (12_000, 8_000, 20_000, 100)
        }

    def pick(self, values: list[str] | tuple[str, ...], count: int) -> list[str]:
        return self._dice.choices(values, cum_weights=self._weights[len(values)], k=count)

    def documents(self, count: int, version: int = 1) -> Iterator[Document]:
        for number in range(count):
            yield self.document(number * 104_729 % 2**40, version)

    def document(self, key: int, version: int) -> Document:
        dice = self._dice
        chinese = dice.random() < 0.6
        words = self.pick(self.chinese if chinese else self.western, dice.randint(2, 5))
        title = ("" if chinese else " ").join(words)
        author = "".join(dice.choices(self.chinese, k=1)) + "著"
        subjects = [f"主题{number}" for number in dice.choices(range(20_000), cum_weights=self._weights[20_000], k=2)]
        libraries = tuple(dict.fromkeys(self.pick(LIBRARIES, min(20, max(1, int(dice.expovariate(1 / 3.8)))))))
        year = dice.randint(1950, 2026) if dice.random() < 0.95 else 0
        texts = {
            "title": field_text([title]),
            "author": field_text([author]),
            "subject": field_text(subjects),
            "publisher": field_text([f"{dice.choice(self.chinese[:500])}出版社"]),
            "uni": " ".join(dict.fromkeys(title)) if chinese else "_",
            "sug": " ".join(prefixes(prefix_key(title))),
        }
        return Document(
            id=union_id(key),
            key=key,
            version=version,
            text={name: texts.get(name, "_") for name in TEXT_FIELDS},
            keyword={
                "lib": libraries,
                "avl": libraries[::2],
                "format": (dice.choice(("book", "book", "book", "serial", "thesis")),),
                "language": ("chi" if chinese else "eng",),
                "subject_kw": tuple(dict.fromkeys(subjects)),
                "isbn": (isbn(key),),
            },
            number={"year": year, "holders": len(libraries), "key": key},
            sort_title=title,
            prior=2 ** (1 + 0.15 * math.log2(1 + len(libraries))) - 2,
            source=msgspec.json.encode({"title": title, "author": author, "year": year, "pad": "馆藏" * 60}),
        )


def isbn(key: int) -> str:
    return f"{9787000000000 + key % 10**9}"


def every_word(words: list[str]) -> Query:
    """As the query planner asks: every word in the best of its fields."""
    return All(
        tuple(DisMax(tuple(weighted(field, boost, tuple(tokens(word))) for field, boost in BOOSTS)) for word in words)
    )


def weighted(field: str, boost: float, phrase: tuple[str, ...]) -> Query:
    return Boost(Phrase(field, phrase), boost)


def timed(ask: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    ask(*arguments)
    return (time.perf_counter() - began) * 1000


def told(name: str, milliseconds: list[float]) -> None:
    ordered = sorted(milliseconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    print(f"{name:<58} p50 {statistics.median(ordered):8.2f} ms   p95 {p95:8.2f} ms", flush=True)


def build(engine: Engine, maker: Maker, count: int, folder: Path) -> None:
    engine.create("bench")
    documents = maker.documents(count)
    spent = 0.0
    while batch := [Put(document) for document in islice(documents, BATCH)]:
        spent += timed(engine.bulk, batch, "bench")
    spent += timed(engine.swap, "bench")
    size = sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'build, with commit and merges':<58} {count / spent * 1000:,.0f} documents/s")
    print(f"{'size on disk':<58} {size / 2**20:,.0f} MB, {size / count:,.0f} bytes a document")
    print(f"{'peak memory':<58} {peak:,.0f} MB", flush=True)


def search(engine: Engine, maker: Maker, count: int) -> None:
    dice = random.Random(7)
    library = (Terms("lib", (LIBRARIES[20],)), Range("year", 2000, 2020))
    two = [Plan(every_word([word])) for word in maker.pick(maker.chinese, QUERIES)]
    pairs = [Plan(every_word(maker.pick(maker.western, 2))) for _ in range(QUERIES)]
    phrases = [Plan(Phrase("title", tuple(bigrams("".join(maker.pick(maker.chinese, 2)))))) for _ in range(QUERIES)]
    mixed = [*two, *pairs, *phrases]
    kinds = {
        "two Chinese characters over 6 fields": two,
        "two English words over 6 fields": pairs,
        "phrase of four characters": phrases,
        "all of these": mixed,
        "all of these + library and years": [msgspec.structs.replace(plan, filters=library) for plan in mixed],
        "all of these by year": [msgspec.structs.replace(plan, sort="year_desc") for plan in mixed],
        "all of these by title": [msgspec.structs.replace(plan, sort="title") for plan in mixed],
        "the ten most frequent words": [Plan(every_word([word])) for word in maker.chinese[:10]] * 5,
        "everything": [Plan(All())] * 20,
    }
    for name, plans in kinds.items():
        told(f"search: {name}", [timed(engine.search, plan) for plan in plans])
        with_facets = [msgspec.structs.replace(plan, facets=FACETS) for plan in plans]
        told(f"search + 5 facets: {name}", [timed(engine.search, plan) for plan in with_facets])
    keys = [dice.randrange(count) * 104_729 % 2**40 for _ in range(1_000)]
    told("ISBN → record", [timed(engine.search, Plan(Term("isbn", isbn(key)))) for key in keys])
    told("id → record", [timed(engine.get, [union_id(key)]) for key in keys])
    starts = [word[: dice.randint(1, 8)] for word in maker.pick(maker.western, 300)] + maker.pick(maker.chinese, 300)
    told("suggest", [timed(engine.suggest, start) for start in starts])


def deep(engine: Engine) -> None:
    """A page of 20 behind 10,000 hits."""
    for sort in ("relevance", "year_desc", "title", "holders_desc"):
        plan = Plan(Term("format", "book"), sort=sort, size=1_000)
        for _ in range(10):
            plan = msgspec.structs.replace(plan, after=engine.search(plan).next)
        page = msgspec.structs.replace(plan, size=20)
        if plan.after:
            told(f"page behind 10,000 hits, {sort}", [timed(engine.search, page) for _ in range(20)])


def update(engine: Engine, maker: Maker, count: int) -> None:
    written, seen = [], []
    for version in range(2, 7):
        keys = random.Random(version).sample(range(count), min(count, 1_000))
        batch = [Put(maker.document(key * 104_729 % 2**40, version)) for key in keys]
        written.append(timed(engine.bulk, batch))
        seen.append(timed(engine.refresh))
    told("1,000 updates written", written)
    told("1,000 updates committed and visible", seen)
    began = time.perf_counter()
    scanned = sum(1 for _ in engine.scan())
    print(f"{'scan of everything':<58} {scanned / (time.perf_counter() - began):,.0f} documents/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    print(f"{asked.documents:,} documents, seed {asked.seed}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        engine = EmbeddedEngine(folder)
        maker = Maker(asked.seed)
        build(engine, maker, asked.documents, folder)
        search(engine, maker, asked.documents)
        deep(engine)
        update(engine, maker, asked.documents)
        engine.close()


if __name__ == "__main__":
    main()
