"""The gate before the switch: what is lost or damaged on the way is not served, and poison is counted one by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from union_shelf import Through, UnionShelf, at_once, expected_libraries, libraries_of, losing, poisonous, some_union

from indexer.build import build_beside, index_changes, roll_back
from indexer.engine.protocol import Document, Engine, EngineError, Operation, Put
from indexer.gate import GateError
from indexer.state import state_hash
from mappings.model import union_id
from store import generations
from store.database import Database

KEYS = range(1, 61)
POISON = 17


@pytest.fixture
def shelf(database: Database) -> UnionShelf:
    return UnionShelf(database)


def rebuild(database: Database, engine: object) -> object:
    return build_beside(database, engine, at_once)  # type: ignore[arg-type]


def refused_keys(database: Database, generation: str) -> list[int]:
    with database.read() as unit:
        return [each.key for each in generations.refused_unions(unit, generation)]


def test_documents_lost_on_the_way_are_told_by_library_and_the_live_index_stays(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    shelf.put(KEYS)
    index_changes(database, engine)
    live, before = engine.live(), state_hash(database, engine)
    with pytest.raises(GateError, match="58 union records and the store 60") as refused:
        rebuild(database, Through(engine, losing([7, 30])))
    lost, stored = expected_libraries([7, 30]), expected_libraries(KEYS)
    for symbol, count in lost.items():
        assert f"{symbol} {stored[symbol] - count}/{stored[symbol]}" in str(refused.value)
    for symbol in stored.keys() - lost.keys():
        assert f"{symbol} " not in str(refused.value)
    assert (engine.live(), engine.generations()) == (live, [live])
    assert state_hash(database, engine) == before
    assert index_changes(database, engine).written == 0
    assert rebuild(database, engine).written == 60  # type: ignore[attr-defined]


def test_a_deletion_lost_on_the_way_is_told(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    shelf.put(KEYS)

    def late(meanwhile: Callable[[], None]) -> object:
        shelf.bury([3])
        return at_once(meanwhile)

    def keep(some: list[Operation]) -> list[Operation]:
        return [each for each in some if isinstance(each, Put)]

    index_changes(database, engine)
    with pytest.raises(GateError, match="60 union records and the store 59"):
        build_beside(database, Through(engine, keep), late)  # type: ignore[arg-type]


def without_tokens(document: Document, field: str) -> Document:
    return replace(document, text=document.text | {field: "_"})


DAMAGE: dict[str, Callable[[Document], Document]] = {
    "what is shown": lambda each: replace(each, source=each.source.replace("图书馆".encode(), "博物馆".encode())),
    "tokens of the title": lambda each: without_tokens(each, "title"),
    "pinyin": lambda each: without_tokens(each, "py"),
    "an empty field without its sentinel": lambda each: replace(each, text=each.text | {"series": "丛书"}),
    "year": lambda each: replace(each, number=each.number | {"year": 1900}),
    "holders": lambda each: replace(each, number=each.number | {"holders": 1}),
    "ISBN": lambda each: replace(each, keyword={**each.keyword, "isbn": ("9787999999999",)}),
    "availability": lambda each: replace(each, keyword={name: v for name, v in each.keyword.items() if name != "avl"}),
}


def test_content_damaged_on_the_way_is_found_by_the_sample(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    """The counts agree: only looking at records tells. Each kind of damage befalls one record."""
    shelf.put(KEYS)
    damaged = dict(zip(range(41, 41 + len(DAMAGE)), DAMAGE.values(), strict=True))

    def spoil(some: list[Operation]) -> list[Operation]:
        return [
            Put(damaged[each.document.key](each.document))
            if isinstance(each, Put) and each.document.key in damaged
            else each
            for each in some
        ]

    message = f"60 union records that were compared.* {len(DAMAGE)} otherwise, first {union_id(41)} .*第41卷"
    with pytest.raises(GateError, match=message) as told:
        rebuild(database, Through(engine, spoil))
    assert "Their libraries: BFSU, BNU, CLCN, PKU, RUC, THU." in str(told.value)
    assert engine.live() is None


def test_damage_to_one_record_is_told_with_its_libraries(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    shelf.put(KEYS)

    def spoil(some: list[Operation]) -> list[Operation]:
        return [
            Put(DAMAGE["year"](each.document)) if isinstance(each, Put) and each.document.key == 42 else each
            for each in some
        ]

    libraries = ", ".join(holder.library for holder in some_union(42).holders)
    with pytest.raises(GateError, match=f"1 otherwise, first {union_id(42)} .*Their libraries: {libraries}\\."):
        rebuild(database, Through(engine, spoil))


def test_an_index_lost_in_another_library_is_refused_beside_poison(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    """One refusal and one loss are not one and the same thing."""
    shelf.put(KEYS)
    shelf.put_records([poisonous(POISON)])
    with pytest.raises(GateError, match="58 union records and the store 59"):
        rebuild(database, Through(engine, losing([18])))


def test_poison_is_one_counted_outcome(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    shelf.put(KEYS)
    index_changes(database, engine)
    shelf.put([5, 6, 7], edition=2)
    shelf.put_records([poisonous(POISON)])
    shelf.put([8], edition=2)
    counts = index_changes(database, engine)
    assert (counts.written, [each.id for each in counts.refused]) == (4, [union_id(POISON)])
    live = engine.live()
    assert live and refused_keys(database, live) == [POISON]
    # What stood there before is no longer true: it is not found, rather than found as it was.
    others = [key for key in KEYS if key != POISON]
    assert libraries_of(engine) == expected_libraries(others)
    assert index_changes(database, engine).refused == ()
    # An index built anew comes to the same.
    before = state_hash(database, engine)
    rebuilt = rebuild(database, engine)
    assert [each.id for each in rebuilt.refused] == [union_id(POISON)]  # type: ignore[attr-defined]
    assert engine.live() != live
    assert state_hash(database, engine) == before


def test_poison_is_forgotten_when_the_record_is_mended_or_deleted(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    shelf.put(KEYS)
    shelf.put_records([poisonous(POISON), poisonous(20)])
    index_changes(database, engine)
    live = engine.live() or ""
    assert refused_keys(database, live) == [POISON, 20]
    shelf.put([POISON], edition=3)
    shelf.bury([20])
    index_changes(database, engine)
    assert engine.live() == live
    assert refused_keys(database, live) == []
    assert libraries_of(engine) == expected_libraries(key for key in KEYS if key != 20)
    assert engine.get([union_id(POISON)])


def test_an_index_that_refuses_nearly_everything_is_at_fault_itself(
    database: Database, engine: Engine, shelf: UnionShelf
) -> None:
    shelf.put(KEYS)
    index_changes(database, engine)
    live, before = engine.live(), state_hash(database, engine)

    def spoil(some: list[Operation]) -> list[Operation]:
        return [Put(replace(each.document, sort_title="毒" * 3000)) if isinstance(each, Put) else each for each in some]

    with pytest.raises(EngineError, match=r"refuses 60 of 60.*doctor"):
        rebuild(database, Through(engine, spoil))
    assert (engine.live(), engine.generations()) == (live, [live])
    shelf.put(KEYS, edition=2)
    with pytest.raises(EngineError, match="refuses 60 of 60"):
        index_changes(database, Through(engine, spoil))  # type: ignore[arg-type]
    # Nothing was passed over: it is all done as soon as the fault is mended.
    assert index_changes(database, engine).written == 60
    shelf.put(KEYS)
    index_changes(database, engine)
    assert state_hash(database, engine) == before


def test_a_library_that_is_refused_as_a_whole_is_named(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    """One of many records is no more than poison; a good part of one library's is a fault."""
    keys = range(1, 301)
    shelf.put(keys)
    spoiled = [key for key in keys if "PKU" in {holder.library for holder in some_union(key).holders}][:25]
    shelf.put_records([poisonous(key) for key in spoiled])
    with pytest.raises(GateError, match=r"refused 25 of 300.*most concerned: .*PKU 25/.*doctor"):
        rebuild(database, engine)
    assert engine.generations() == []


def test_what_was_live_before_goes_through_the_gate_too(database: Database, engine: Engine, shelf: UnionShelf) -> None:
    shelf.put(KEYS)
    index_changes(database, engine)
    rebuild(database, engine)
    live = engine.live()
    shelf.put([61, 62])
    with pytest.raises(GateError, match="61 union records and the store 62"):
        roll_back(database, Through(engine, losing([61])))  # type: ignore[arg-type]
    assert engine.live() == live
    index_changes(database, engine)
    assert libraries_of(engine) == expected_libraries(range(1, 63))
