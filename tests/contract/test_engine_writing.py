"""Versions, tombstones, visibility, generations: what is written, when it is seen, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from engine_documents import build, document
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.engine.documents import canonical, described
from indexer.engine.protocol import (
    All,
    Delete,
    Document,
    Engine,
    EngineError,
    Operation,
    Plan,
    Put,
    Suggestion,
    Term,
)
from mappings.model import union_id

OpenEngine = Callable[[], Engine]


def _total(engine: Engine, word: str = "") -> int:
    return engine.search(Plan(Term("title", word) if word else All(), size=0)).total


def _put(key: int, version: int, word: str = "史记") -> Put:
    return Put(document(key, version=version, title=word, text={"title": word}))


def _version(engine: Engine, key: int) -> int | None:
    return {name: version for name, version, _ in engine.scan()}.get(document(key).id)


@pytest.mark.parametrize("apart", [False, True], ids=["one batch", "a refresh between"])
@pytest.mark.parametrize(
    ("operations", "version"),
    [
        ([_put(1, 5), _put(1, 4)], 5),
        ([_put(1, 4), _put(1, 5)], 5),
        ([_put(1, 5), _put(1, 5, "红楼")], 5),
        ([_put(1, 5), Delete("00000001", 4)], 5),
        ([_put(1, 5), Delete("00000001", 5)], None),
        ([_put(1, 5), Delete("00000001", 6), _put(1, 5)], None),
        ([Delete("00000001", 6), _put(1, 5)], None),
        ([Delete("00000001", 6), _put(1, 7)], 7),
        ([Delete("00000001", 6), _put(1, 7), _put(1, 6), Delete("00000001", 5)], 7),
        ([Delete("00000001", 6), _put(1, 7), Delete("00000001", 8), _put(1, 7)], None),
    ],
    ids=str,
)
def test_an_older_version_is_never_applied_over_a_newer(
    engine: Engine, operations: list[Operation], version: int | None, apart: bool
) -> None:
    build(engine, [document(9)])
    for operation in operations:
        assert engine.bulk([operation]) == []
        if apart:
            engine.refresh()
    engine.refresh()
    assert _version(engine, 1) == version
    assert _total(engine) == (1 if version is None else 2) == engine.health().documents
    if operations[-1] == _put(1, 5, "红楼"):
        assert _total(engine, "红楼") == 1 and _total(engine, "史记") == 0


def test_a_tombstone_outlives_the_process(open_engine: OpenEngine) -> None:
    first = open_engine()
    build(first, [document(1, version=3), document(2)])
    first.bulk([Delete("00000001", 4)])
    first.refresh()
    first.close()
    second = open_engine()
    second.bulk([_put(1, 3)])
    second.refresh()
    assert _version(second, 1) is None and _total(second) == 1


def test_another_writer_goes_on_after_release(open_engine: OpenEngine) -> None:
    first, second = open_engine(), open_engine()
    build(first, [document(1, title="红楼梦")])
    for turn, engine in enumerate((first, second, first), start=2):
        engine.bulk([Put(document(turn, title="红楼梦"))])
        engine.refresh()
        engine.release()
        engine.release()
        assert {hit.id for hit in engine.search(Plan(All())).hits} == {union_id(key) for key in range(1, turn + 1)}


def test_nothing_is_seen_before_refresh_and_all_of_it_after(open_engine: OpenEngine) -> None:
    writer, reader = open_engine(), open_engine()
    build(writer, [document(1)])
    assert _total(reader) == 1
    writer.bulk([_put(key, 2) for key in range(2, 50)])
    assert _total(writer) == _total(reader) == 1
    writer.refresh()
    assert _total(writer) == _total(reader) == 49
    assert len(reader.get([document(key).id for key in range(60)])) == 49


def test_a_batch_that_breaks_off_shows_nothing_and_can_be_written_again(engine: Engine) -> None:
    build(engine, [document(1, version=1, title="旧")])

    def broken() -> Iterator[Operation]:
        yield from (_put(key, 2) for key in range(1, 2_600))
        raise RuntimeError("the store went away")

    with pytest.raises(RuntimeError, match="store went away"):
        engine.bulk(broken())
    assert _total(engine) == 1
    operations: list[Operation] = [*(_put(key, 2) for key in range(1, 40)), Delete("00000002", 3)]
    engine.bulk([*operations, *(Delete(document(key).id, 9) for key in range(40, 2_600))])
    engine.refresh()
    assert _total(engine) == _total(engine, "史记") == 38


def test_what_cannot_be_indexed_is_refused_alone(engine: Engine) -> None:
    build(engine, [])
    good = document(1)
    poisoned = [
        msgspec.structs.replace(good, id="00000002", text=good.text | {"title": "半\ud800"}),
        msgspec.structs.replace(good, id="00000003", text={"title": "史记"}),
        msgspec.structs.replace(good, id="00000004", number=good.number | {"year": -1}),
        msgspec.structs.replace(good, id="00000005", keyword={"colour": ("red",)}),
        msgspec.structs.replace(good, id="00000006", keyword={"subject_kw": ("题" * 9_000,)}),
        msgspec.structs.replace(good, id="00000007", prior=float("nan")),
        msgspec.structs.replace(good, id="00000008", key=2**40, number=good.number | {"key": 2**40}),
        msgspec.structs.replace(good, id="00000009", sort_title="\udcff"),
        msgspec.structs.replace(good, id="有 空格"),
    ]
    refusals = engine.bulk([*(Put(one) for one in poisoned), Put(good), Delete("", 1), _put(20, 1)])
    assert [refusal.id for refusal in refusals] == [*(one.id for one in poisoned), ""]
    assert all(refusal.reason for refusal in refusals)
    engine.refresh()
    assert [name for name, _, _ in engine.scan()] == [good.id, document(20).id]


def test_a_document_too_large_for_a_small_node_is_refused_by_every_engine(engine: Engine) -> None:
    """Elasticsearch would say that it is overloaded, now and for ever, and what follows would wait."""
    large = [
        Put(msgspec.structs.replace(document(2), source=b'"' + b"x" * 22_000_000 + b'"')),
        Put(document(3, text={"abstract": "史" * 1_400_000})),
        Put(document(4, subject_kw=tuple(f"{number:04}" + "x" * 4_000 for number in range(1_100)))),
    ]
    engine.create("g1")
    refusals = engine.bulk([Put(document(1)), *large, Put(document(5))], "g1")
    assert [each.id for each in refusals] == [each.document.id for each in large]
    assert all("too large" in each.reason for each in refusals)
    engine.swap("g1")
    assert _total(engine) == 2


def test_a_stream_is_taken_as_it_comes(engine: Engine) -> None:
    """The engine must not wait for the end of a stream before it writes, nor keep it."""
    engine.create("g1")
    drawn = 0

    def stream() -> Iterator[Operation]:
        nonlocal drawn
        for drawn in range(1, 5_001):
            yield _put(drawn % 4_000, drawn)

    assert engine.bulk(stream(), "g1") == []
    engine.swap("g1")
    assert drawn == 5_000 and _total(engine) == 4_000
    assert _version(engine, 999) == 4_999


documents_and_deletes = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["史记", "红楼", "Python 程序", ""])), min_size=1, max_size=14
)


@settings(max_examples=12, deadline=None)
@given(changes=documents_and_deletes, data=st.data())
def test_updates_in_any_order_end_where_a_rebuild_ends(
    shared_engine: Engine, changes: list[tuple[int, str]], data: st.DataObject
) -> None:
    """ "" deletes. The version is the place in the list; stale ones, repeats and refreshes come in between."""
    operations: list[Operation] = [
        _put(key, version, word) if word else Delete(document(key).id, version)
        for version, (key, word) in enumerate(changes, 1)
    ]
    survivors: dict[int, Put] = {}
    for (key, _), operation in zip(changes, operations, strict=True):
        survivors.pop(key, None)
        if isinstance(operation, Put):
            survivors[key] = operation
    order = data.draw(st.permutations(operations + operations[: len(operations) // 2]))
    cuts = data.draw(st.sets(st.integers(0, len(order)), max_size=3))
    shared_engine.create("updated")
    for place, operation in enumerate(order):
        shared_engine.bulk([operation], "updated")
        if place in cuts:
            shared_engine.refresh("updated")
    shared_engine.refresh("updated")
    shared_engine.create("rebuilt")
    shared_engine.bulk(survivors.values(), "rebuilt")
    shared_engine.refresh("rebuilt")
    scanned = list(shared_engine.scan("updated"))
    assert scanned == list(shared_engine.scan("rebuilt"))
    assert scanned == [_scanned(survivors[key].document) for key in sorted(survivors)]


def _scanned(one: Document) -> tuple[str, int, bytes]:
    return one.id, one.version, canonical(described(one), one.source)


def test_scan_streams_in_the_order_of_keys_from_one_state(engine: Engine) -> None:
    documents = [document(key * 7919 % 5003, title=f"第 {key} 种") for key in range(3_000)]
    build(engine, documents)
    stream = engine.scan()
    head = [next(stream) for _ in range(10)]
    engine.bulk([Delete(one.id, 9) for one in documents])
    engine.refresh()
    assert head + list(stream) == [_scanned(one) for one in sorted(documents, key=lambda one: one.key)]
    assert list(engine.scan()) == []


def test_generations_stand_side_by_side_until_one_is_made_live(open_engine: OpenEngine) -> None:
    engine, reader = open_engine(), open_engine()
    build(engine, [document(1)], "g1")
    engine.create("g2")
    engine.bulk([_put(key, 1) for key in range(5)], "g2")
    engine.bulk([_put(7, 2)], "g1")
    engine.refresh("g1")
    engine.refresh("g2")
    assert (engine.live(), reader.live(), engine.generations()) == ("g1", "g1", ["g1", "g2"])
    assert (_total(engine), _total(reader)) == (2, 2)
    assert engine.search(Plan(All(), size=0), "g2").total == 5 == len(list(reader.scan("g2")))
    engine.swap("g2")
    assert (reader.live(), _total(engine), _total(reader), reader.health().generation) == ("g2", 5, 5, "g2")
    engine.swap("g1")
    assert (reader.live(), _total(reader)) == ("g1", 2)
    engine.drop("g2")
    engine.drop("g2")
    assert (reader.generations(), _total(reader)) == (["g1"], 2)


def test_a_generation_left_unfinished_is_begun_anew(open_engine: OpenEngine) -> None:
    first = open_engine()
    first.create("g1")
    first.bulk([_put(1, 9), Delete("00000002", 9)], "g1")
    first.refresh("g1")
    first.close()
    second = open_engine()
    build(second, [document(2, version=1)], "g1")
    assert [name for name, _, _ in second.scan()] == ["00000002"]


def test_the_live_generation_is_neither_dropped_nor_overwritten(engine: Engine) -> None:
    build(engine, [document(1)], "g1")
    for attempt in (engine.drop, engine.create):
        with pytest.raises(EngineError, match="live"):
            attempt("g1")
    assert _total(engine) == 1


@pytest.mark.parametrize("name", ["../g1", "", ".", "a/b", "CURRENT", "live", "G1", "g 1", "代", "x" * 300])
def test_a_name_that_could_leave_the_folder_is_refused(engine: Engine, name: str) -> None:
    with pytest.raises(EngineError, match="generation"):
        engine.create(name)


def test_a_generation_that_is_not_there_is_told(engine: Engine) -> None:
    build(engine, [document(1)], "g1")
    for attempt in (lambda: engine.bulk([], "g9"), lambda: engine.swap("g9"), lambda: list(engine.scan("g9"))):
        with pytest.raises(EngineError, match="g9"):
            attempt()
    assert _total(engine) == 1


def test_readers_see_one_generation_or_the_other_while_they_are_switched(open_engine: OpenEngine) -> None:
    engine, reader = open_engine(), open_engine()
    build(engine, [document(key, title="史记") for key in range(30)], "g0")
    stopped = threading.Event()
    seen: list[tuple[int, int]] = []
    failures: list[Exception] = []

    def read() -> None:
        while not stopped.is_set():
            try:
                results = reader.search(Plan(All(), size=100))
                seen.append((results.total, len(results.hits)))
            except EngineError as error:
                failures.append(error)
                return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(1, 6):
            build(engine, [document(key, title="史记") for key in range(30 + number)], f"g{number}")
            engine.drop(f"g{number - 1}")
    finally:
        stopped.set()
        thread.join()
    assert not failures
    assert {total for total, _ in seen} <= set(range(30, 36)) and all(total == hits for total, hits in seen)
    assert _total(reader) == 35


def test_suggestions_are_the_most_widely_held_titles_once_each(engine: Engine) -> None:
    titles = [
        "红楼梦",
        "红楼梦",
        "红楼梦研究",
        "红与黑",
        "红楼梦研究资料汇编续编",
        "红楼梦研究资料汇编新编",
        "Harry Potter",
    ]
    holders = [3, 9, 5, 9, 1, 2, 4]
    build(
        engine,
        [
            document(20 - key, holders=held, title=title)
            for key, (title, held) in enumerate(zip(titles, holders, strict=True))
        ],
    )
    assert engine.suggest("红", 3) == [
        Suggestion("红与黑", document(17).id, 9),
        Suggestion("红楼梦", document(19).id, 9),
        Suggestion("红楼梦研究", document(18).id, 5),
    ]
    assert [one.title for one in engine.suggest("红楼梦研究资料汇")] == [
        "红楼梦研究资料汇编新编",
        "红楼梦研究资料汇编续编",
    ]
    assert [one.title for one in engine.suggest("紅樓夢研究資料匯編續")] == ["红楼梦研究资料汇编续编"]
    assert [one.title for one in engine.suggest("HARRY pot")] == ["Harry Potter"]
    assert [one.title for one in engine.suggest("harry potte")] == ["Harry Potter"]
    assert engine.suggest("harry potts") == engine.suggest("") == engine.suggest(" ,") == engine.suggest("红", 0) == []


def test_suggestions_look_past_many_copies_of_one_title(engine: Engine) -> None:
    documents = [document(key, holders=5, title="红楼梦") for key in range(100)]
    build(engine, [*documents, document(200, holders=1, title="红与黑")])
    assert [one.title for one in engine.suggest("红", 2)] == ["红楼梦", "红与黑"]
