"""Every real file goes through the whole system, as holdings of several libraries: no crash, and the sums add up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sample_nights import night_of_samples

from indexer.engine.elastic import ElasticEngine
from indexer.state import state_hash
from tongcang.night import Receipt, SourceReceipt
from tongcang.settings import Settings
from tongcang.system import System


@pytest.fixture(scope="module")
def night(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Receipt, System]]:
    """On the embedded default."""
    folder = tmp_path_factory.mktemp("samples")
    receipt, system = night_of_samples(samples, folder, Settings(data=str(folder / "data"), workers=1))
    yield receipt, system
    system.close()


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


@pytest.mark.slow
def test_a_cluster_gives_every_file_the_same_outcomes_and_the_same_union_records(
    night: tuple[Receipt, System], samples: Path, tmp_path: Path, postgres_url: str, elastic_url: str
) -> None:
    settings = Settings(
        data=str(tmp_path / "data"),
        workers=1,
        database=postgres_url,
        elastic_urls=elastic_url,
        elastic_prefix=f"samples-{uuid4().hex[:8]}",
        elastic_replicas=0,
    )
    expected, embedded = night
    receipt, system = night_of_samples(samples, tmp_path, settings)
    try:
        assert [outcome(each) for each in receipt.sources] == [outcome(each) for each in expected.sources]
        assert receipt.union_records == expected.union_records
        assert receipt.refused_by_index == ()
        assert system.engine.health().documents == receipt.union_records
        assert state_hash(system.database, system.engine) == state_hash(embedded.database, embedded.engine)
    finally:
        assert isinstance(system.engine, ElasticEngine)
        system.engine.remove_everything()
        system.close()


def outcome(source: SourceReceipt) -> tuple[object, ...]:
    """All that is told of a source's records. The message may name its folder."""
    return source.slug, source.state, source.promised, source.counts, source.rejected_by_code
