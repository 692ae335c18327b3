"""What only the embedded engine promises: its lock, its files, and what it says when they are damaged."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tantivy
from engine_documents import build, document

from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.embedded_errors import told
from indexer.engine.embedded_tombstones import Tombstones
from indexer.engine.protocol import All, Delete, EngineError, Operation, Plan, Put, Term


def _open(folder: Path) -> EmbeddedEngine:
    return EmbeddedEngine(folder / "index", heap_mb=30, update_heap_mb=15)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    """With a live generation g1 of three documents."""
    opened = _open(tmp_path)
    build(opened, [document(key, title="史记", text={"title": "史记"}) for key in range(3)])
    yield opened
    opened.close()


def test_a_second_writer_is_told_to_wait(engine: EmbeddedEngine, tmp_path: Path) -> None:
    engine.bulk([Put(document(5))])
    other = _open(tmp_path)
    with pytest.raises(EngineError, match="Another process is writing"):
        other.bulk([Put(document(6))])
    engine.refresh()
    engine.close()
    other.bulk([Put(document(6))])
    other.refresh()
    assert engine.health().documents == 5
    other.close()


def test_readers_hold_no_lock(engine: EmbeddedEngine, tmp_path: Path) -> None:
    reader = _open(tmp_path)
    stream = reader.scan()
    next(stream)
    engine.bulk([Put(document(5))])
    engine.refresh()
    assert len(list(stream)) == 2 and reader.search(Plan(All())).total == 4


def test_a_batch_that_breaks_off_is_rolled_back_and_unlocks(engine: EmbeddedEngine, tmp_path: Path) -> None:
    def broken() -> Iterator[Operation]:
        yield from (Put(document(key)) for key in range(10, 3_000))
        yield Delete(document(0).id, 9)
        raise RuntimeError("the store went away")

    with pytest.raises(RuntimeError) as failure:
        engine.bulk(broken())
    other = _open(tmp_path)
    other.bulk([Put(document(7)), Put(document(0, version=2))])  # while the trace back still holds what failed
    other.refresh()
    other.close()
    assert failure.value.__traceback__ is not None
    engine.refresh()
    assert sorted(name for name, _, _ in engine.scan()) == [document(key).id for key in (0, 1, 2, 7)]


def test_an_index_of_another_schema_is_not_opened(engine: EmbeddedEngine, tmp_path: Path) -> None:
    (tmp_path / "index" / "g1" / "schema.json").write_text('{"engine": "embedded", "version": 0}')
    fresh = _open(tmp_path)
    for attempt in (lambda: fresh.search(Plan(All())), lambda: fresh.bulk([]), lambda: fresh.swap("g1")):
        with pytest.raises(EngineError, match=r"another version of Tongcang.*tongcang index rebuild"):
            attempt()
    assert not fresh.health().ok


@pytest.mark.parametrize("damage", ["cut", "zeros", "gone", "noise"])
@pytest.mark.parametrize("ending", ["meta.json", ".term", ".idx", ".fast", ".store", ".fieldnorm", "schema.json"])
def test_a_damaged_file_is_told_with_the_way_out(tmp_path: Path, ending: str, damage: str) -> None:
    """Some damage shows at once, some when the file is used, and some (zeros in scores) perhaps never."""
    engine = _open(tmp_path)
    build(engine, [document(key, title="史记", text={"title": "史记 红楼"}, lib=("RUC",)) for key in range(200)])
    engine.close()
    for path in [path for path in (tmp_path / "index" / "g1").rglob("*") if path.name.endswith(ending)]:
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(
                {"cut": content[: len(content) // 2], "zeros": bytes(len(content)), "noise": content[::-1]}[damage]
            )
    fresh = _open(tmp_path)
    failures = []
    for attempt in (
        lambda: fresh.search(Plan(Term("title", "红楼"))),
        lambda: list(fresh.scan()),
        lambda: fresh.get([document(3).id]),
        lambda: fresh.suggest("史"),
        lambda: fresh.bulk([Put(document(3, version=2))]),
    ):
        try:
            attempt()
        except EngineError as error:
            failures.append(str(error))
    assert failures and all("tongcang index rebuild" in failure for failure in failures)
    build(fresh, [document(1)], "g2")
    assert fresh.health().documents == 1


def test_a_generation_torn_down_halfway_is_swept(tmp_path: Path) -> None:
    engine = _open(tmp_path)
    for name in (".making-g1", ".dropping-g0"):
        (tmp_path / "index" / name / "index").mkdir(parents=True)
    assert engine.generations() == []
    build(engine, [document(1)])
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == ["CURRENT", "g1"]


def test_a_switch_cut_short_by_a_kill_is_in_nobodys_way(engine: EmbeddedEngine, tmp_path: Path) -> None:
    (tmp_path / "index" / ".CURRENT-new").write_text("g2\n")
    build(engine, [document(4)], "g3")
    assert (engine.live(), engine.health().documents) == ("g3", 1)


def test_a_tombstone_cut_short_by_a_kill_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "tombstones"
    path.write_bytes(b"00000001 5\n00000002 7\n00000001 3\n000000")
    tombstones = Tombstones(path)
    assert [tombstones.version(f"0000000{number}") for number in range(4)] == [-1, 5, 7, -1]
    tombstones.add("00000003", 9)
    assert path.read_bytes().endswith(b"3\n")
    tombstones.make_durable()
    tombstones.make_durable()
    assert path.read_bytes() == b"00000001 5\n00000002 7\n00000001 3\n00000003 9\n"
    assert Tombstones(path).version("00000003") == 9


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (ValueError("An IO error occurred: 'No space left on device (os error 28)'"), "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "permissions"),
        (ValueError("Failed to acquire Lockfile: LockBusy."), "Another process"),
        (ValueError("Data corrupted: 'meta.json'"), "tongcang index rebuild"),
        (ValueError(""), "tongcang index rebuild"),
    ],
    ids=str,
)
def test_errors_say_what_to_do(error: Exception, advice: str) -> None:
    with pytest.raises(EngineError, match=advice), told(Path("索引"), "written"):
        raise error


def test_a_panic_of_the_library_is_told_like_any_damage() -> None:
    schema = tantivy.SchemaBuilder().build()
    with pytest.raises(EngineError, match=r"damaged.*tongcang index rebuild"), told(Path("索引"), "searched"):
        tantivy.Searcher.search(tantivy.Index(schema).searcher(), tantivy.Query.all_query(), limit=0)


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(KeyError), told(Path("索引"), "written"):
        raise KeyError("a defect of ours")


FILL = """
import resource, signal, sys
from pathlib import Path
from engine_documents import document
from indexer.engine.embedded import EmbeddedEngine
from indexer.engine.protocol import EngineError, Put
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
engine = EmbeddedEngine(Path(sys.argv[1]), heap_mb=30, update_heap_mb=15)
try:
    engine.bulk(Put(document(key, title=f"第 {key * 7919} 种")) for key in range(10, 6_000))
    engine.refresh()
except EngineError as error:
    print(error)
"""


def test_a_full_disk_loses_nothing_that_was_refreshed(engine: EmbeddedEngine, tmp_path: Path) -> None:
    """A limit on the size of a file stands in for the disk's end."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    repository = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "index"), "60000"],
        env={"PYTHONPATH": f"{repository}:{repository / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "disk is full" in done.stdout, done.stdout
    assert "Traceback" not in done.stderr
    fresh = _open(tmp_path)
    assert fresh.health().documents == 3
    fresh.bulk([Put(document(20))])
    fresh.refresh()
    assert [name for name, _, _ in fresh.scan()] == [document(key).id for key in (0, 1, 2, 20)]
    fresh.close()
