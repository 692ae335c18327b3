"""A night over every real file of the samples: one library for each group of them, and one source for each file."""

from __future__ import annotations

import shutil
from pathlib import Path

from mappings.model import Library
from store import libraries
from store.libraries import SourceConfig
from tongcang.night import Receipt, active_sources, run_night
from tongcang.settings import Settings
from tongcang.system import System

GROUPS = ("cnmarc", "marc21", "unimarc", "broken", "oai")


def night_of_samples(samples: Path, folder: Path, settings: Settings) -> tuple[Receipt, System]:
    """What became of them, and the system that holds them. `folder` is for the sources' drop folders."""
    system = System(settings)
    with system.database.write() as unit:
        for group in GROUPS:
            symbol = group.upper()
            libraries.put_library(unit, Library(symbol, f"样本馆 {group}", group))
            for number, file in enumerate(sorted(path for path in (samples / group).rglob("*") if path.is_file())):
                drop = folder / group / str(number)
                if not drop.exists():
                    drop.mkdir(parents=True)
                    shutil.copy(file, drop / file.name)
                config = SourceConfig(path=str(drop))
                libraries.put_source(unit, f"{symbol}/{number}", symbol, "marc_files", config)
    return run_night(system, active_sources(system)), system
