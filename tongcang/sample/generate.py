"""One big MARC file for benchmarks, streamed: `python -m tongcang.sample.generate --records 100000 OUT`.

About four records a publication, catalogued by the eight libraries in their dialects, mixed so that records of one
publication do not stand side by side. Nothing is damaged unless that is asked for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from random import Random

from msgspec import Struct

from tongcang.sample.cataloguing import Marc, catalogue, vary
from tongcang.sample.damage import Damage
from tongcang.sample.habits import HABITS, holders
from tongcang.sample.publications import publications
from tongcang.sample.writing import MARCXML_CLOSE, MARCXML_OPEN, iso2709, marcxml

SYMBOLS = tuple(habit.library.symbol for habit in HABITS)
_POOL = 10_000  # records that wait to be mixed; 10–15 MB


class Manifest(Struct, frozen=True):
    records: int
    publications: int  # that the records are of
    bytes: int
    damage: dict[str, list[str]]


def generate(
    count: int,
    path: Path,
    *,
    seed: int = 1,
    libraries: Collection[str] = SYMBOLS,
    charset: str = "utf-8",
    damage_every: int = 0,
) -> Manifest:
    """Writes `count` records of these libraries; ISO 2709, or MARCXML where the file's name ends in .xml."""
    xml = path.suffix == ".xml"
    damage = Damage(f"{seed}.generate", damage_every)
    size = made = 0
    with path.open("wb", buffering=1 << 20) as file:
        if xml:
            size += file.write(MARCXML_OPEN.encode())
        for number, record in _mixed(_records(count, seed, libraries), Random(seed)):
            made = max(made, number)
            if xml:
                data = marcxml(record).encode() + b"\n"
            else:
                data = damage.apply(iso2709(record, charset), record.local_id)
            size += file.write(data)
        if xml:
            size += file.write(MARCXML_CLOSE.encode())
    return Manifest(count, made, size, damage.account)


def _records(count: int, seed: int, libraries: Collection[str]) -> Iterator[tuple[int, Marc]]:
    """Exactly `count` records with the numbers of their publications. A record's 001 begins with the library."""
    rng = Random()
    left = count
    for publication in publications(seed):
        rng.seed(seed << 40 | publication.number)
        central = vary(rng)
        for habit in holders(publication, rng):
            if habit.library.symbol not in libraries:
                continue
            if not left:
                return
            left -= 1
            variation = central if rng.random() < 0.45 else vary(rng, habit)
            record = catalogue(publication, habit, variation, rng)
            record.local_id = f"{habit.library.symbol}{record.local_id}"
            record.fields[0] = ("001", record.local_id)
            yield publication.number, record


def _mixed(records: Iterator[tuple[int, Marc]], rng: Random) -> Iterator[tuple[int, Marc]]:
    pool: list[tuple[int, Marc]] = []
    for record in records:
        if len(pool) < _POOL:
            pool.append(record)
            continue
        place = int(_POOL * rng.random())
        yield pool[place]
        pool[place] = record
    rng.shuffle(pool)
    yield from pool


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tongcang.sample.generate", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--charset", default="utf-8")
    parser.add_argument("--damage-every", type=int, default=0, help="0 = no damage")
    given = parser.parse_args(arguments)
    manifest = generate(
        given.records, given.out, seed=given.seed, charset=given.charset, damage_every=given.damage_every
    )
    sys.stdout.write(
        f"{manifest.records} records of {manifest.publications} publications, {manifest.bytes} bytes, "
        f"{sum(map(len, manifest.damage.values()))} damaged: {given.out}\n"
    )


if __name__ == "__main__":
    main()
