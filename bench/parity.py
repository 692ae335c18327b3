"""Do both engines answer the same questions equally? Asked on a real Elasticsearch, of a whole catalogue.

    python -m bench.parity [--elastic http://127.0.0.1:9200] [--data FOLDER | --records 100000] [--shards 1,3]
                           [--questions 2000] [--seed 1]

`--data` is the folder of a catalogue that stands (`make demo` leaves demo-data); without it, records are generated.
Ends with 1 where anything differs. What is asked and compared stands in tests/parity.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.servers import elasticsearch
from indexer.engine.elastic import ElasticEngine
from indexer.engine.elastic_settings import ElasticSettings
from indexer.engine.embedded import EmbeddedEngine
from mappings.model import Library
from store import libraries
from store.database import Database
from store.libraries import SourceConfig
from tests import parity
from tongcang.night import active_sources, run_night
from tongcang.sample.generate import generate
from tongcang.settings import Settings
from tongcang.system import System


def generated(records: int, folder: Path) -> Path:
    """A catalogue of so many generated records; its data folder."""
    file = folder / "drop" / "sample.mrc"
    file.parent.mkdir(parents=True)
    generate(records, file)
    system = System(Settings(data=str(folder / "data")))
    with system.database.write() as unit:
        libraries.put_library(unit, Library("BENCH", "测试馆", "Bench"))
        libraries.put_source(unit, "BENCH/files", "BENCH", "marc_files", SourceConfig(path=str(file.parent)))
    run_night(system, active_sources(system))
    system.close()
    return folder / "data"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parity", description=__doc__)
    parser.add_argument("--elastic", default="")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--shards", default="1,3")
    parser.add_argument("--questions", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    differing = 0
    with tempfile.TemporaryDirectory() as temporary, elasticsearch(given.elastic) as url:
        folder = given.data or generated(given.records, Path(temporary))
        database = Database(f"sqlite:///{folder.resolve() / 'state.db'}")
        embedded = EmbeddedEngine(Path(temporary) / "embedded")
        print(f"{parity.fill(embedded, database):,} union records")
        for shards in map(int, given.shards.split(",")):
            settings = ElasticSettings((url,), prefix=f"parity-{shards}", shards=shards, replicas=0)
            elastic = ElasticEngine(settings)
            try:
                parity.fill(elastic, database)
                began = time.monotonic()
                found, pages = parity.differences(database, embedded, elastic, given.seed, given.questions)
                took = time.monotonic() - began
                print(
                    f"{shards} shards: {given.questions:,} questions on {pages:,} pages and {given.questions // 5:,} "
                    f"suggestions in {took:.0f} s: {len(found)} differences",
                    flush=True,
                )
                print(parity.told(found))
                differing += len(found)
            finally:
                elastic.remove_everything()
                elastic.close()
        embedded.close()
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
