"""Generations of the search index (索引版本), as far as the engine can't know of them: their parts and what they lack.

The engine says which generation is live. Here stands which one is kept for going back, that one is being built, the
number that no generation has had yet, and the union records that a generation would not take.

Invariant: a generation that has a row here was built from this state, and holds nothing that is ahead of it. One that
has none is nobody's: whoever still writes to it must stop, and if it is live it is replaced. (A state that was restored
from a backup has no rows: the index may hold versions of records that this state has yet to give out.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct
from sqlalchemy import BigInteger, Column, ColumnElement, String, Table, and_, delete, func, select, update

from store.columns import Id, Words
from store.database import Unit, metadata
from store.leases import LeaseLost
from store.progress import get_watermark, sequence, set_watermark, watermark
from store.records import chunks
from store.unions import union_record

BUILDING, LIVE, PREVIOUS = "building", "live", "previous"

STAGE = "index:"
"""The stage whose watermark tells how far a generation has come is this, and its name."""

index_generation = Table(
    "index_generation",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("role", String(8), nullable=False),
)

index_refusal = Table(
    "index_refusal",
    metadata,
    Column("generation", String(100), primary_key=True),
    Column("key", Id, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),  # seq of the union record that was refused
    Column("reason", Words, nullable=False),
)

_SEQUENCE = "generation"


class RefusedUnion(Struct, frozen=True):
    """A union record that the engine would not take: it is counted, and not in that generation."""

    key: int
    version: int
    reason: str


# ---------------------------------------------------------------------------------------------- roles


def take_generation_number(unit: Unit, above: int) -> int:
    """A number that no generation has had, and greater than `above`: those of an index older than this database."""
    of = sequence.c.name == _SEQUENCE
    known = unit.execute(select(sequence.c.value).where(of).with_for_update()).scalar()
    number = max(known or 0, above) + 1
    if known is None:
        unit.execute(sequence.insert().values(name=_SEQUENCE, value=number))
    else:
        unit.execute(update(sequence).where(of).values(value=number))
    return number


def begin_generation(unit: Unit, name: str) -> None:
    unit.execute(index_generation.insert().values(name=name, role=BUILDING))


def generation_with(unit: Unit, role: str) -> str | None:
    """The generation that is live, or the one before it, as far as this database has been told."""
    return unit.execute(select(index_generation.c.name).where(index_generation.c.role == role)).scalar()


def note_live(unit: Unit, name: str) -> None:
    """`name` is live now: the one that was is kept as the one before it, and the one before that is nobody's."""
    if generation_with(unit, LIVE) == name or not is_known(unit, name):
        return
    c = index_generation.c
    unit.execute(delete(index_generation).where(c.role == PREVIOUS, c.name != name))
    unit.execute(update(index_generation).where(c.role == LIVE).values(role=PREVIOUS))
    unit.execute(update(index_generation).where(c.name == name).values(role=LIVE))


def is_known(unit: Unit, name: str) -> bool:
    """Whether it was built from this state."""
    return unit.execute(select(index_generation.c.name).where(index_generation.c.name == name)).first() is not None


def require_generation(unit: Unit, name: str) -> None:
    """Raises LeaseLost where the generation is nobody's any more."""
    if not is_known(unit, name):
        raise LeaseLost(f"The index generation {name} was given up while this process was held up. Start it again.")


def forget_generation(unit: Unit, name: str) -> None:
    """With its watermark and refusals."""
    unit.execute(delete(index_generation).where(index_generation.c.name == name))
    unit.execute(delete(index_refusal).where(index_refusal.c.generation == name))
    unit.execute(delete(watermark).where(watermark.c.stage == STAGE + name))


def watermark_of(unit: Unit, name: str) -> int:
    """The number of the last change of a union record that the generation holds; 0 = none."""
    return get_watermark(unit, STAGE + name)


def move_watermark(unit: Unit, name: str, seq: int) -> None:
    """Never back: what a generation holds it holds."""
    if watermark_of(unit, name) < seq:
        set_watermark(unit, STAGE + name, seq)


def known_generations(unit: Unit) -> set[str]:
    """Every name of which anything is noted."""
    stages = unit.execute(select(watermark.c.stage).where(watermark.c.stage.startswith(STAGE, autoescape=True)))
    names = {stage.removeprefix(STAGE) for stage in stages.scalars()}
    for column in (index_generation.c.name, index_refusal.c.generation):
        names |= set(unit.execute(select(column).distinct()).scalars())
    return names


# ---------------------------------------------------------------------------------------------- refusals


def note_refused(unit: Unit, generation: str, tried: Collection[int], refused: Sequence[RefusedUnion]) -> None:
    """Of the union records that were tried, these were refused; what is noted of the others is no longer true."""
    c = index_refusal.c
    known = set(unit.execute(select(c.key).where(c.generation == generation)).scalars())
    for some in chunks(sorted(known.intersection(tried))):
        unit.execute(delete(index_refusal).where(c.generation == generation, c.key.in_(some)))
    if refused:
        rows = {
            each.key: {"generation": generation, "key": each.key, "version": each.version, "reason": each.reason}
            for each in refused
        }
        unit.execute(index_refusal.insert(), [rows[key] for key in sorted(rows)])


def refused_unions(unit: Unit, generation: str, limit: int = 1_000_000) -> list[RefusedUnion]:
    """Those that the generation would not take as they are now, by key."""
    c = index_refusal.c
    query = select(c.key, c.version, c.reason).where(c.generation == generation, _as_now())
    return [RefusedUnion(*row) for row in unit.execute(query.order_by(c.key).limit(limit))]


def count_refused(unit: Unit, generation: str) -> int:
    query = select(func.count()).select_from(index_refusal).where(index_refusal.c.generation == generation, _as_now())
    return int(unit.execute(query).scalar_one())


def refused_by_library(unit: Unit, generation: str) -> dict[str, int]:
    """How many union records of each library the generation lacks since it would not take them, by symbol."""
    u, c = union_record.c, index_refusal.c
    query = select(u.libraries).join(index_refusal, c.key == u.key).where(c.generation == generation, _as_now())
    found: dict[str, int] = {}
    for libraries in unit.execute(query).scalars():
        for symbol in libraries.split():
            found[symbol] = found.get(symbol, 0) + 1
    return found


def _as_now() -> ColumnElement[bool]:
    """Of a union record that has changed since, the refusal says nothing: the generation hasn't been given it yet."""
    u, c = union_record.c, index_refusal.c
    same = select(u.key).where(and_(u.key == c.key, u.seq == c.version, u.deleted.is_(False)))
    return same.correlate(index_refusal).exists()
