"""The normalise stage: what is refused moves in the receipt, and nothing is done again that came out as it was."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from harvester.run import harvest
from harvester.sources.marc_files import MarcFiles
from indexer.pipeline import STAGE, normalise_changes, normalise_spans
from mappings.model import BibRecord, Library, decode
from store import harvests, libraries, records
from store.database import Database
from store.harvests import Run
from store.libraries import Source, SourceConfig
from store.packing import unpack
from store.progress import get_watermark, set_watermark
from tongcang.sample.cataloguing import Marc
from tongcang.sample.generate import generate
from tongcang.sample.writing import iso2709


def source_in(database: Database, path: Path, mapping: dict[str, object] | None = None) -> Source:
    with database.write() as unit:
        libraries.put_library(unit, Library("BNU", "北京师范大学图书馆", "Beijing Normal University Library"))
        config = SourceConfig(path=str(path), mapping=mapping or {})
        return libraries.put_source(unit, "BNU/files", "BNU", "marc_files", config)


def delivered(database: Database, path: Path) -> Run:
    source = source_in(database, path)
    reader = MarcFiles(path, delivery="delta")
    return harvest(database, source, reader, clock=lambda: datetime(2026, 11, 23, tzinfo=UTC))


def stored(database: Database) -> dict[str, BibRecord]:
    with database.read() as unit:
        rows = records.changed_bibs(unit, 0, 10_000)
        data = records.bib_data(unit, [row.record_id for row in rows])
    return {row.identifier: decode(unpack(row.data), BibRecord) for row in data}


def cnmarc(number: str, title: str, call_number: str = "I242.4/1") -> bytes:
    fields = [("001", number)]
    if title:
        fields.append(("200", f"1 \x1fa{title}"))
    fields += [("801", " 0\x1faCN\x1fbBNU"), ("905", f"  \x1faBNU\x1fs{call_number}")]
    return iso2709(Marc("     nam0 22     3  450 ", fields))


def test_what_normalising_refuses_counts_as_rejected_in_its_run(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "a.mrc"
    file.write_bytes(cnmarc("1", "红楼梦") + cnmarc("2", "") + cnmarc("3", "呐喊"))
    run = delivered(database, file)
    assert run.counts.added == 3
    counts = normalise_changes(database)
    assert (counts.read, counts.accepted, counts.refused) == (3, 2, 1)
    with database.read() as unit:
        after = harvests.get_run(unit, run.id).counts
        [rejected] = harvests.rejections(unit, run.id)
    assert (after.added, after.rejected, after.balanced()) == (2, 1, True)
    assert (rejected.code, rejected.identifier) in {("no_title", "2"), ("unknown_dialect", "2")}
    assert {bib.title for bib in stored(database).values()} == {"红楼梦", "呐喊"}


def test_a_refused_record_that_comes_again_is_rejected_again_and_one_that_was_mended_is_not(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "a.mrc"
    file.write_bytes(cnmarc("1", ""))
    delivered(database, file)
    normalise_changes(database)
    file.write_bytes(cnmarc("1", "") + cnmarc("2", "彷徨"))
    again = delivered(database, file)
    assert (again.counts.rejected, again.counts.added) == (1, 1)
    file.write_bytes(cnmarc("1", "野草"))
    mended = delivered(database, file)
    assert mended.counts.changed == 1
    assert normalise_changes(database).refused == 0
    assert stored(database)["1"].title == "野草"


def test_other_mapping_rules_are_applied_to_what_is_there_and_only_what_differs_goes_on(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "a.mrc"
    file.write_bytes(cnmarc("1", "红楼梦") + cnmarc("2", "呐喊"))
    delivered(database, file)
    normalise_changes(database)
    assert normalise_changes(database).read == 0
    with database.read() as unit:
        before = {row.record_id: row.seq for row in records.changed_bibs(unit, 0, 10)}
    source_in(database, file, {"edition": "801b"})
    counts = normalise_changes(database)
    assert (counts.read, counts.unchanged) == (2, 0)
    assert {bib.edition for bib in stored(database).values()} == {"BNU"}
    source_in(database, file, {"edition": "801b", "extent": "215z"})
    assert normalise_changes(database).unchanged == 2
    with database.read() as unit:
        after = {row.record_id: row.seq for row in records.changed_bibs(unit, 0, 10)}
    assert all(after[record_id] > before[record_id] for record_id in before)


def test_spans_in_any_order_and_twice_give_what_one_pass_gives(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "a.mrc"
    file.write_bytes(b"".join(cnmarc(str(number), "" if number == 4 else f"第{number}册") for number in range(7)))
    run = delivered(database, file)
    with database.write() as unit:
        spans = normalise_spans(unit, size=3)
    assert len(spans) == 3
    for span in [*reversed(spans), spans[1]]:
        normalise_changes(database, span=span)
    with database.write() as unit:
        assert get_watermark(unit, STAGE) == 0
        set_watermark(unit, STAGE, spans[-1][1])
        assert normalise_spans(unit, size=3) == []
        counts = harvests.get_run(unit, run.id).counts
        assert harvests.rejection_codes(unit, run.id) == {"no_title": 1}
    assert (counts.added, counts.rejected, counts.balanced()) == (6, 1, True)
    assert {bib.title for bib in stored(database).values()} == {f"第{number}册" for number in range(7) if number != 4}
    assert normalise_changes(database).read == 0


@pytest.mark.slow
def test_workers_give_what_one_process_gives(tmp_path: Path) -> None:
    generate(1200, tmp_path / "a.mrc")
    results = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        for name, workers in (("one", None), ("two", executor)):
            database = Database(f"sqlite:///{tmp_path / name}.db")
            database.migrate()
            delivered(database, tmp_path / "a.mrc")
            normalise_changes(database, executor=workers)
            results.append(stored(database))
            database.close()
    assert results[0] == results[1]
    assert len(results[0]) == 1200
