"""The consortium on disk: sources, counts, nights, determinism."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pymarc
import pytest

from tongcang.sample.archive import Archive
from tongcang.sample.consortium import Consortium, build, describe
from tongcang.sample.delivery import SOURCES, SourceDescription

T0 = datetime(2026, 11, 1, 20, 0, tzinfo=UTC)
T1 = datetime(2026, 11, 2, 20, 0, tzinfo=UTC)


def files(folder: Path) -> dict[str, str]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def sources(consortium: Consortium) -> dict[str, SourceDescription]:
    return {source.name: source for source in consortium.sources}


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("consortium")
    build(folder, publications=500, now=T0)
    return folder


def test_same_seed_same_bytes(first_day: Path, tmp_path: Path) -> None:
    build(tmp_path, publications=500, now=T0)
    assert files(tmp_path) == files(first_day)
    build(tmp_path, seed=2, publications=500, now=T0)
    assert files(tmp_path) != files(first_day)


def test_the_default_has_the_numbers_that_the_demo_promises(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    consortium = build(tmp_path, now=T0, progress=lambda done, total: seen.append((done, total)))
    assert sum(source.records for source in consortium.sources) >= 20_000
    assert consortium.publications >= 5_000
    assert seen[-1] == (6000, 6000)
    by_name = sources(consortium)
    for name in ("BJTU", "USTB", "BUPT"):
        assert {"bad_length", "no_terminator", "directory", "invalid_bytes"} <= set(by_name[name].damage)
    assert len(by_name["USTB"].damage["cut_last"]) == 1
    assert min(source.records for source in consortium.sources if source.name != "CLCN-E") > 1500


def test_what_is_described_is_there(first_day: Path) -> None:
    consortium = describe(first_day)
    assert consortium is not None
    assert [source.name for source in consortium.sources] == [source.name for source in SOURCES]
    assert {source.library for source in consortium.sources} == {library.symbol for library in consortium.libraries}
    for source in consortium.sources:
        if source.kind == "oai_pmh":
            archive = Archive(first_day / "oai" / f"{source.name}.records")
            deleted = sum(map(archive.deleted, range(len(archive))))
            assert (len(archive) - deleted, deleted) == (source.records, source.deleted)
            archive.close()
        else:
            assert [path.name for path in (first_day / source.place).iterdir()] == [source.file]
            raw = (first_day / source.place / source.file).read_bytes()
            if source.charset:
                assert abs(raw.count(b"\x1d") - source.records) <= len(source.damage.get("no_terminator", ())) + 1
            else:
                assert gzip.decompress(raw).count(b"<record>") == source.records


def test_gb18030_and_utf8_files_are_in_their_charsets(first_day: Path) -> None:
    by_name = sources(describe(first_day) or pytest.fail("nothing built"))
    for name, charset in (("USTB", "gb18030"), ("BJTU", "utf-8"), ("BUPT", "utf-8")):
        source = by_name[name]
        raw = (first_day / source.place / source.file).read_bytes()
        assert source.charset == charset
        assert "红楼梦".encode(charset) in raw


def test_day_zero_lies_in_the_past(first_day: Path) -> None:
    for name in ("RUC", "CLCN-E"):
        archive = Archive(first_day / "oai" / f"{name}.records")
        assert archive.datestamps == sorted(archive.datestamps)
        assert archive.datestamps[0] < "2016"
        assert "2025" < archive.datestamps[-1] < "2026-01-01"
        archive.close()


def test_a_night_changes_about_one_record_in_a_hundred(tmp_path: Path) -> None:
    build(tmp_path, publications=1500, now=T0)
    full = (tmp_path / "drop/BUPT/BUPT-full-000.mrc").read_bytes()
    night = build(tmp_path, publications=1500, day=1, now=T1)
    by_name = sources(night)
    assert night.nights == ("2026-11-01T20:00:00Z", "2026-11-02T20:00:00Z")
    for name in ("RUC", "THU"):
        archive = Archive(tmp_path / "oai" / f"{name}.records")
        fresh = archive.page(0, 1000, "2026-11-02T00:00:00Z", "", "")
        assert 0.003 * len(archive) < len(fresh) < 0.05 * len(archive)
        assert {archive.datestamps[place] for place in fresh} == {"2026-11-02T20:00:00Z"}
        archive.close()
    # Full deliveries replace the last one; changes stand beside what was there.
    assert [path.name for path in (tmp_path / "drop/USTB").iterdir()] == ["USTB-full-001.mrc"]
    assert (tmp_path / "drop/BUPT/BUPT-full-000.mrc").read_bytes() == full
    delta = (tmp_path / "drop/BUPT" / by_name["BUPT"].file).read_bytes()
    pieces = delta.split(b"\x1d")[:-1]
    assert by_name["BUPT"].file == "BUPT-delta-001.mrc"
    assert sum(piece[5:6] == b"d" for piece in pieces) == by_name["BUPT"].deleted
    assert 0 < len(pieces) < 60


def test_nights_that_were_left_out_are_made_up_for(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir(), other.mkdir()
    for day in (0, 1, 2):
        build(one, publications=300, day=day, now=T0)
    build(other, publications=300, day=2, now=T0)
    assert files(one) == files(other)
    build(other, publications=300, day=0, now=T0)
    assert not list(other.rglob("*delta*"))


def test_the_truth_names_every_live_record_once(first_day: Path) -> None:
    consortium = describe(first_day)
    assert consortium is not None
    lines = (first_day / "truth.tsv").read_text("utf-8").splitlines()[1:]
    assert len(lines) == len(set(lines)) == sum(source.records for source in consortium.sources)


def test_archived_records_are_marc_and_dublin_core(first_day: Path) -> None:
    archive = Archive(first_day / "oai/CLCN.records")
    places = [place for place in range(len(archive)) if not archive.deleted(place)]
    (first_day / "one.xml").write_bytes(archive.metadata(places[0]))
    (record,) = pymarc.parse_xml_to_array(str(first_day / "one.xml"))
    (first_day / "one.xml").unlink()
    assert archive.identifiers[places[0]].endswith(record["001"].value())
    archive.close()


def test_a_failed_build_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, publications=100, now=T0)
    before = files(tmp_path)

    def full(done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        build(tmp_path, publications=100, day=1, now=T1, progress=full)
    assert files(tmp_path) == before
