"""Every real file goes through the whole system, as holdings of several libraries: no crash, and the sums add up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mappings.model import Library
from store import libraries
from store.libraries import SourceConfig
from tongcang.night import Receipt, active_sources, run_night
from tongcang.settings import Settings
from tongcang.system import System

GROUPS = ("cnmarc", "marc21", "unimarc", "broken", "oai")


@pytest.fixture(scope="module")
def night(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Receipt, System]:
    """One library for each group of samples and one source for each file, after one night."""
    folder = tmp_path_factory.mktemp("samples")
    system = System(Settings(data=str(folder / "data"), workers=1))
    with system.database.write() as unit:
        for group in GROUPS:
            symbol = group.upper()
            libraries.put_library(unit, Library(symbol, f"样本馆 {group}", group))
            for number, file in enumerate(sorted(path for path in (samples / group).rglob("*") if path.is_file())):
                drop = folder / group / str(number)
                drop.mkdir(parents=True)
                shutil.copy(file, drop / file.name)
                config = SourceConfig(path=str(drop))
                libraries.put_source(unit, f"{symbol}/{number}", symbol, "marc_files", config)
    return run_night(system, active_sources(system)), system


@pytest.mark.slow
def test_no_file_stops_the_night_and_every_sum_adds_up(night: tuple[Receipt, System]) -> None:
    receipt, system = night
    assert len(receipt.sources) > 900
    for source in receipt.sources:
        assert source.counts.balanced(), source
        assert source.state in ("complete", "partial", "failed"), source
        if source.state == "failed":
            assert source.message, source
    assert receipt.refused_by_index == ()
    assert system.engine.health().documents == receipt.union_records


@pytest.mark.slow
def test_most_of_the_real_records_are_in_the_catalogue(night: tuple[Receipt, System]) -> None:
    receipt, _ = night
    by_library: dict[str, list[int]] = {}
    for source in receipt.sources:
        totals = by_library.setdefault(source.library, [0, 0])
        totals[0] += source.counts.received
        totals[1] += source.counts.added + source.counts.changed + source.counts.unchanged
    for symbol, floor in {"CNMARC": 0.95, "MARC21": 0.9, "UNIMARC": 0.5}.items():
        received, kept = by_library[symbol]
        assert kept >= floor * received, (symbol, received, kept)
