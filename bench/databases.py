"""How fast the state database takes rows, on SQLite and on PostgreSQL: each bulk path, then the stages over it.

    python -m bench.databases [records] [postgresql://user@host:port/empty_database]

Without an address only SQLite is measured. The database should be empty; it is left full.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.clustering import publications
from indexer.cluster.features import features_of, pack_features, signature
from indexer.cluster.stage import build_unions, cluster_changes
from mappings.model import Library, encode
from store import harvests, libraries, records, unions
from store.copying import copy_state
from store.database import Database, Unit
from store.packing import pack
from store.progress import Kind, take_numbers
from store.records import chunks

BATCH = 4000


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{Path(folder) / 'state.db'}", *sys.argv[2:3]]
        opened = [Database(url) for url in urls]
        for database in opened:
            database.migrate()
            measure(database, size)
            database.close()
        if len(opened) > 1:
            back = Database(f"sqlite:///{Path(folder) / 'back.db'}")
            _say("copy of the state to SQLite", size, lambda: copy_state(opened[1], back))
            back.close()


def measure(database: Database, size: int) -> None:
    print(f"{database.url.get_backend_name()}, {size:,} records, {BATCH:,} in a transaction")
    with database.write() as unit:
        libraries.put_library(unit, Library("RUC", "中国人民大学图书馆", "Renmin University"))
        for number in range(1, 5):
            config = libraries.SourceConfig(path=f"/{number}")
            libraries.put_source(unit, f"RUC/{number}", "RUC", "marc_files", config)
        run = harvests.begin_run(unit, 1, "", datetime.now(UTC))
    chance = random.Random(5)
    bibs = [bib for group in publications(size // 4) for bib in group]
    raw = [
        {
            "source_id": at % 4 + 1, "identifier": f"oai:opac.example.edu.cn:{at:09d}", "deleted": False,
            "format": "iso2709", "charset": "utf-8", "datestamp": "2024-02-29", "sets": (), "flags": (),
            "digest": chance.randbytes(16), "data": encode(bib), "changed_run": run.id, "changed_as": "added",
            "seen_run": run.id,
        }
        for at, bib in enumerate(bibs)
    ]  # fmt: skip
    _say("raw_record insert", size, lambda: each(database, raw, "raw", records.insert_raw))
    made = []
    for at, bib in enumerate(bibs):
        features = pack_features(features_of(bib))
        made.append(
            {
                "record_id": at + 1, "source_id": at % 4 + 1, "raw_seq": at + 1, "deleted": False,
                "signature": signature(features), "features": features, "data": pack(encode(bib)),
            }
        )  # fmt: skip
    _say("bib_record insert", size, lambda: each(database, made, "bib", records.insert_bibs))
    rejected = [
        {
            "run_id": run.id, "source_id": 1, "record_id": None, "code": "no_title", "identifier": row["identifier"],
            "position": "", "detail": "无题名", "data": b"",
        }
        for row in raw
    ]  # fmt: skip
    _say("rejection insert", size, lambda: each(database, rejected, None, harvests.add_rejections))
    _say("raw_record look-up by identifier", size, lambda: look_up(database, raw))
    _say("raw_record seen again", size, lambda: seen(database, size))
    _say("raw_record read in order", size, lambda: read(database))
    _say("cluster stage", size, lambda: cluster_changes(database))
    _say("union stage", size, lambda: build_unions(database))
    nightly(database, made[::100], size)
    again = [{key: row[key] for key in row if key not in ("source_id", "identifier")} for row in raw]
    for at, row in enumerate(again):
        row["record_id"] = at + 1
        row["refused"] = ""
    _say("raw_record update", size, lambda: each(database, again, "raw", records.update_raw))
    _say("bib_record update", size, lambda: each(database, made, "bib", records.update_bibs))
    _say("bib_record confirm", size, lambda: confirm(database, size))
    _say("hash of the state", size, lambda: scan(database))


Row = dict[str, Any]


def each(database: Database, rows: list[Row], kind: Kind | None, write: Callable[[Unit, list[Row]], None]) -> None:
    for some in chunks(rows, BATCH):
        with database.write() as unit:
            if kind is not None:
                numbers = take_numbers(unit, kind, len(some))
                some = [row | {"seq": seq} for row, seq in zip(some, numbers, strict=True)]
            write(unit, list(some))


def look_up(database: Database, rows: list[Row]) -> None:
    for some in chunks(rows, BATCH):
        with database.read() as unit:
            for source_id in range(1, 5):
                wanted = [str(row["identifier"]) for row in some if row["source_id"] == source_id]
                assert len(records.known_records(unit, source_id, wanted)) == len(wanted)


def seen(database: Database, size: int) -> None:
    for some in chunks(range(1, size + 1), BATCH):
        with database.write() as unit:
            records.mark_seen(unit, some, 2)


def confirm(database: Database, size: int) -> None:
    for some in chunks(range(1, size + 1), BATCH):
        with database.write() as unit:
            records.confirm_bibs(unit, dict.fromkeys(some, 7))


def read(database: Database) -> None:
    after = 0
    while True:
        with database.read() as unit:
            rows = records.changed_raw(unit, after, BATCH)
        if not rows:
            return
        after = rows[-1].seq


def nightly(database: Database, rows: list[Row], size: int) -> None:
    """One in a hundred comes again with other features."""
    with database.write() as unit:
        numbers = take_numbers(unit, "bib", len(rows))
        records.update_bibs(unit, [row | {"seq": seq, "deleted": True} for row, seq in zip(rows, numbers, strict=True)])
    _say("nightly change of 1 %: cluster", len(rows), lambda: cluster_changes(database))
    _say("nightly change of 1 %: unions", len(rows), lambda: build_unions(database))


def scan(database: Database) -> None:
    with database.read() as unit:
        for part in (unions.scan_state(unit), unions.scan_unions(unit)):
            for _ in part:
                pass


def _say(what: str, count: int, work: Callable[[], object]) -> None:
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    print(f"  {what:36} {count / seconds:>9,.0f} records/s {seconds:8.2f} s", flush=True)


if __name__ == "__main__":
    main()
