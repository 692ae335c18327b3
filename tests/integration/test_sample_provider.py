"""The sample provider in its own process, harvested by stock sickle over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import requests
import sickle
from sickle.oaiexceptions import BadArgument, CannotDisseminateFormat, IdDoesNotExist, NoRecordsMatch

from tongcang.sample.consortium import Consortium, build

T0 = datetime(2026, 11, 1, 20, 0, tzinfo=UTC)
T1 = datetime(2026, 11, 2, 20, 0, tzinfo=UTC)


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tongcang.sample.provider", str(folder), "--batch", "50", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["address"] == f"http://127.0.0.1:{ready['port']}"
    return str(ready["address"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Consortium]:
    folder = tmp_path_factory.mktemp("served")
    return folder, build(folder, publications=400, now=T0)


@pytest.fixture(scope="module")
def address(built: tuple[Path, Consortium]) -> Iterator[str]:
    process = start(built[0])
    yield address_of(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.communicate()


def client(address: str, name: str) -> sickle.Sickle:
    return sickle.Sickle(f"{address}/oai/{name}", timeout=20)


def test_every_source_is_served_whole(address: str, built: tuple[Path, Consortium]) -> None:
    for source in built[1].sources:
        if source.kind != "oai_pmh":
            continue
        headers = list(client(address, source.name).ListIdentifiers(metadataPrefix=source.metadata_prefix))
        deleted = sum(header.deleted for header in headers)
        assert (len(headers) - deleted, deleted) == (source.records, source.deleted)
        assert len({header.identifier for header in headers}) == len(headers)


def test_records_come_page_by_page_with_their_metadata(address: str, built: tuple[Path, Consortium]) -> None:
    source = next(source for source in built[1].sources if source.name == "RUC")
    found = list(client(address, "RUC").ListRecords(metadataPrefix="marcxml", ignore_deleted=True))
    assert len(found) == source.records > 150  # more than three pages of fifty
    assert any("红楼梦" in record.raw for record in found)
    assert all("http://www.loc.gov/MARC21/slim" in record.raw for record in found)


def test_identify_says_that_it_is_sample_data(address: str) -> None:
    identify = client(address, "CLCN").Identify()
    assert identify.repositoryName == "样例数据 / sample data — 首都图书馆 馆藏目录"
    assert identify.deletedRecord == "persistent"
    assert identify.granularity == "YYYY-MM-DDThh:mm:ssZ"
    assert identify.baseURL == f"{address}/oai/CLCN"


def test_sets_divide_the_records(address: str) -> None:
    names = {one.setSpec: one.setName for one in client(address, "THU").ListSets()}
    assert names == {"chi": "中文文献", "wes": "外文文献", "ser": "连续出版物"}
    harvest = client(address, "THU")
    by_set = {
        name: {header.identifier for header in harvest.ListIdentifiers(metadataPrefix="marcxml", set=name)}
        for name in names
    }
    live = {header.identifier for header in harvest.ListIdentifiers(metadataPrefix="marcxml", ignore_deleted=True)}
    assert by_set["chi"] | by_set["wes"] == live
    assert not by_set["chi"] & by_set["wes"]
    assert by_set["ser"] < live


def test_dublin_core_of_the_electronic_collection(address: str) -> None:
    records = list(client(address, "CLCN-E").ListRecords(metadataPrefix="oai_dc", set="guji"))
    assert records
    for record in records:
        if not record.deleted:
            assert record.metadata["type"] == ["数字化古籍"]
            assert record.metadata["title"][0]


def test_dates_bound_a_list_on_both_sides(address: str) -> None:
    harvest = client(address, "RUC")
    stamps = sorted(header.datestamp for header in harvest.ListIdentifiers(metadataPrefix="marcxml"))
    middle = stamps[len(stamps) // 2]
    early = list(harvest.ListIdentifiers(metadataPrefix="marcxml", until=middle))
    late = list(harvest.ListIdentifiers(**{"metadataPrefix": "marcxml", "from": middle}))
    assert {header.datestamp for header in early} & {header.datestamp for header in late} == {middle}
    assert len(early) + len(late) == len(stamps) + stamps.count(middle)
    chinese = list(harvest.ListIdentifiers(**{"metadataPrefix": "marcxml", "from": middle, "set": "chi"}))
    assert {header.identifier for header in chinese} < {header.identifier for header in late}


def test_errors_of_the_protocol(address: str) -> None:
    harvest = client(address, "BNU")
    with pytest.raises(NoRecordsMatch):
        harvest.ListRecords(**{"metadataPrefix": "marcxml", "from": "2026-06-01T00:00:00Z"})
    with pytest.raises(CannotDisseminateFormat):
        harvest.ListRecords(metadataPrefix="oai_dc")
    with pytest.raises(IdDoesNotExist):
        harvest.GetRecord(identifier="oai:bnu.example.org:没有", metadataPrefix="marcxml")
    with pytest.raises(BadArgument):
        harvest.ListRecords(**{"metadataPrefix": "marcxml", "from": "2020", "until": "2010"})
    assert requests.get(f"{address}/oai/NOBODY", params={"verb": "Identify"}, timeout=10).status_code == 404


def test_one_record_and_one_deletion_can_be_asked_for(address: str) -> None:
    harvest = client(address, "THU")
    headers = list(harvest.ListIdentifiers(metadataPrefix="marcxml"))
    live = next(header for header in headers if not header.deleted)
    gone = next(header for header in headers if header.deleted)
    assert live.identifier in harvest.GetRecord(identifier=live.identifier, metadataPrefix="marcxml").raw
    assert harvest.GetRecord(identifier=gone.identifier, metadataPrefix="marcxml").deleted


def test_a_night_is_served_without_a_new_start(tmp_path: Path) -> None:
    build(tmp_path, publications=400, now=T0)
    process = start(tmp_path)
    try:
        harvest = client(address_of(process), "THU")
        asked = {"metadataPrefix": "marcxml", "from": "2026-11-01T20:01:00Z"}
        with pytest.raises(NoRecordsMatch):
            harvest.ListRecords(**asked)
        build(tmp_path, publications=400, day=1, now=T1)
        changed = list(harvest.ListRecords(**asked))
        assert changed
        assert {record.header.datestamp for record in changed} == {"2026-11-02T20:00:00Z"}
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_the_provider_ends_with_its_parent(built: tuple[Path, Consortium]) -> None:
    script = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'tongcang.sample.provider', {str(built[0])!r}],"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.readline()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert parent.stdout is not None
    provider = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    _, alive = psutil.wait_procs([provider], timeout=10)
    assert not alive


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(("--host", "0.0.0.0"), "not a loopback address"), ((), "nothing to serve")],
)
def test_what_cannot_be_served_is_said_in_a_sentence(tmp_path: Path, options: tuple[str, ...], sentence: str) -> None:
    process = start(tmp_path, *options)
    output, errors = process.communicate(timeout=20)
    assert process.returncode != 0
    assert sentence in errors
    assert "Traceback" not in errors
    assert not output
