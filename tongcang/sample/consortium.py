"""The sample consortium on disk: what eight libraries hold, as OAI-PMH archives and as files in drop folders.

`build` writes the world of day 0; `build(day=1)` in the same folder lets one night pass: about 1 % of the records have
changed, a few are new, a few are gone. Same seed and times, same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from zlib import crc32

import msgspec
from msgspec import Struct, structs

from mappings.model import Library
from tongcang.sample.cataloguing import Variation, catalogue, vary
from tongcang.sample.delivery import SOURCES, SourceDescription, SourceRecord, open_delivery
from tongcang.sample.dublin_core import dublin_core, sets_of
from tongcang.sample.habits import HABITS, Habit, holders, local_id
from tongcang.sample.publications import Publication, publications

CHANGED, GONE = 0.010, 0.0015  # of the records, each night
_OLD_TOMBSTONES = 0.005
_OWN_SECOND_RECORD = 0.015  # a library's own duplicate
_FIRST, _LAST = datetime(2015, 1, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC)
_STATE = "consortium.json"
Progress = Callable[[int, int], None]  # publications done, publications in all


class Consortium(Struct, frozen=True):
    """What stands in a consortium's folder."""

    seed: int
    publications: int
    day: int
    nights: tuple[str, ...]  # the time of each day's making, ISO 8601
    libraries: tuple[Library, ...]
    sources: tuple[SourceDescription, ...]


class _Fate(Struct, frozen=True):
    revision: int
    changed_on: int  # day of the last change; 0 = before the first day
    deleted: bool


def describe(folder: Path) -> Consortium | None:
    """What was built in the folder, or None."""
    state = folder / _STATE
    return msgspec.json.decode(state.read_bytes(), type=Consortium) if state.is_file() else None


def build(
    folder: Path,
    *,
    seed: int = 1,
    publications: int = 6000,
    day: int = 0,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Consortium:
    """Writes the world of that day and says what is there. Days that are missing before it are made on the way.

    A folder that holds another consortium, or a later day of this one, is begun anew. Raises OSError where the folder
    cannot be written.
    """
    there = describe(folder)
    if there is None or (there.seed, there.publications) != (seed, publications) or there.day >= day:
        for part in ("drop", "oai"):
            shutil.rmtree(folder / part, ignore_errors=True)
        there = Consortium(seed, publications, -1, (), tuple(habit.library for habit in HABITS), ())
    made = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for today in range(there.day + 1, day + 1):
        nights = (*there.nights, made)
        sources = _build_day(folder, there, today, nights, progress)
        there = structs.replace(there, day=today, nights=nights, sources=sources)
    _write(folder / _STATE, msgspec.json.format(msgspec.json.encode(there), indent=1))
    return there


def _build_day(
    folder: Path, there: Consortium, day: int, nights: tuple[str, ...], progress: Progress | None
) -> tuple[SourceDescription, ...]:
    nightly = max(3, there.publications // 500)
    total = there.publications + nightly * day
    rng = Random()
    truth: list[str] = []
    with ExitStack() as stack:
        deliveries = {
            source.name: stack.enter_context(open_delivery(folder, source, there.seed, day)) for source in SOURCES
        }
        for number, publication in enumerate(islice(publications(there.seed), total), start=1):
            born = max(0, -(-(number - there.publications) // nightly))
            for name, record in _records(publication, there.seed, born, day, nights, rng):
                deliveries[name].add(record)
                if not record.deleted:
                    truth.append(f"{name}\t{record.identifier}\t{publication.number}\t{publication.work}\n")
            if progress is not None and number % 200 == 0:
                progress(number, total)
        if progress is not None:
            progress(total, total)
    _write(folder / "truth.tsv", "".join(["# source, identifier, publication, work\n", *truth]).encode())
    return tuple(delivery.described() for delivery in deliveries.values())


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(data)
    draft.replace(path)


def _records(
    publication: Publication, seed: int, born: int, day: int, nights: tuple[str, ...], rng: Random
) -> Iterator[tuple[str, SourceRecord]]:
    """All source records of one publication as (source, record), in the order of the libraries."""
    rng.seed(seed << 40 | publication.number)
    central = vary(rng)
    for habit in holders(publication, rng):
        if publication.online and not habit.online:
            continue
        rng.seed((seed << 8 | habit.place) << 40 | publication.number)
        copies = 2 if rng.random() < _OWN_SECOND_RECORD else 1
        for copy in range(copies):
            fate = _fate(seed, habit.place, publication.number * 2 + copy, born, day)
            yield habit.library.symbol, _marc_record(publication, habit, central, seed, copy, fate, nights, rng)
    if publication.online or (publication.kind == "rare_book" and publication.number % 3 == 0):
        fate = _fate(seed, 0, publication.number * 2, born, day)
        yield "CLCN-E", _dublin_core_record(publication, seed, fate, nights)


def _marc_record(
    publication: Publication, habit: Habit, central: Variation, seed: int, copy: int, fate: _Fate,
    nights: tuple[str, ...], rng: Random,
) -> SourceRecord:  # fmt: skip
    stamp = _stamp(seed, habit.place, publication.number, fate, nights)
    identifier = local_id(habit, publication, copy)
    if fate.deleted:
        return SourceRecord(identifier, stamp, fate.changed_on, deleted=True)
    rng.seed((seed << 8 | habit.place) << 44 | publication.number << 4 | 8 | copy)
    variation = central if rng.random() < 0.45 else vary(rng, habit)
    processed = "".join(filter(str.isdigit, stamp)) + ".0"
    marc = catalogue(publication, habit, variation, rng, copy=copy, revision=fate.revision, stamp=processed)
    language = "chi" if publication.language == "chi" else "wes"
    sets = (language, "ser") if publication.kind == "serial" else (language,)
    return SourceRecord(identifier, stamp, fate.changed_on, sets=sets, marc=marc)


def _dublin_core_record(publication: Publication, seed: int, fate: _Fate, nights: tuple[str, ...]) -> SourceRecord:
    stamp = _stamp(seed, 0, publication.number, fate, nights)
    identifier = f"{publication.number}"
    if fate.deleted:
        return SourceRecord(identifier, stamp, fate.changed_on, deleted=True)
    return SourceRecord(
        identifier, stamp, fate.changed_on, sets=sets_of(publication), xml=dublin_core(publication, fate.revision)
    )


def _fate(seed: int, place: int, record: int, born: int, day: int) -> _Fate:
    """What became of a record until that day. Publications born later are not asked for."""
    if born == 0 and _luck(f"{seed}.old.{place}.{record}") < _OLD_TOMBSTONES:
        return _Fate(0, 0, True)
    revision, changed_on = 0, born
    for night in range(born + 1, day + 1):
        luck = _luck(f"{seed}.{night}.{place}.{record}")
        if luck < GONE:
            return _Fate(revision, night, True)
        if luck < GONE + CHANGED:
            revision, changed_on = revision + 1, night
    return _Fate(revision, changed_on, False)


def _luck(key: str) -> float:
    return crc32(key.encode()) / 2**32


def _stamp(seed: int, place: int, number: int, fate: _Fate, nights: tuple[str, ...]) -> str:
    if fate.changed_on:
        return nights[fate.changed_on]
    span = (_LAST - _FIRST).total_seconds()
    moment = _FIRST + timedelta(seconds=int(span * _luck(f"{seed}.stamp.{place}.{number}")))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
