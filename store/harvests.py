"""Harvest runs: their state, their counts, and the records that were rejected in them.

A run is `running`, and ends `complete`, `partial`, `braked` or `failed`. Of a run that is `running` while nobody holds
the work lock, the process has died: the next one goes on with it. Only a complete run moves the source's checkpoint.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    desc,
    func,
    select,
    update,
)

from store.bulk import insert_rows
from store.columns import Instant, Words
from store.database import metadata
from store.packing import pack, unpack

MOST = 2**63 - 1
"""What a column holds: a source may promise anything."""

OUTCOMES = ("added", "changed", "unchanged", "deleted", "rejected")

harvest_run = Table(
    "harvest_run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("started", Instant, nullable=False),
    Column("ended", Instant),
    Column("since", Words, nullable=False),  # the checkpoint it began with
    Column("resume", Words, nullable=False),  # behind the last page that was committed
    Column("checkpoint", Words, nullable=False),  # what the next run begins with; "" unless complete
    Column("message", Words, nullable=False),  # for a person: why it is not complete, warnings
    Column("promised", BigInteger),
    Column("received", Integer, nullable=False),
    *(Column(outcome, Integer, nullable=False) for outcome in OUTCOMES),
    Column("vanished", Integer, nullable=False),  # deleted since a full list lacked them: not among the received
    Column("swept", Boolean, nullable=False),  # the list was the whole of the source
    Index("ix_harvest_run_source_id", "source_id", "id"),
)

rejection = Table(
    "rejection",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("harvest_run.id"), nullable=False),
    Column("source_id", ForeignKey("source.id"), nullable=False),
    Column("record_id", Integer),  # the raw record, where one was stored: normalising refused it
    Column("code", String(40), nullable=False),
    Column("identifier", Words, nullable=False),
    Column("position", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("data", LargeBinary, nullable=False),  # zstd of the bytes; b"" where the raw record has them
    Index("ix_rejection_run_id", "run_id"),
    Index("ix_rejection_record_id", "record_id"),
)

mended_page = Table(
    "mended_page",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("harvest_run.id"), nullable=False, index=True),
    Column("data", LargeBinary, nullable=False),  # zstd of a page with broken bytes, as it came
)


class Counts(Struct):
    """What became of the records received: received = added + changed + unchanged + deleted + rejected."""

    received: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    vanished: int = 0

    def plus(self, more: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(more, name) for name in self.__struct_fields__})

    def balanced(self) -> bool:
        return self.received == self.added + self.changed + self.unchanged + self.deleted + self.rejected


class Run(Struct, frozen=True):
    """A harvest run (采集批次)."""

    id: int
    source_id: int
    state: str
    started: datetime
    ended: datetime | None
    since: str
    resume: str
    checkpoint: str
    message: str
    promised: int | None
    counts: Counts
    swept: bool


class Rejected(Struct, frozen=True):
    run_id: int
    source_id: int
    code: str
    identifier: str
    position: str
    detail: str
    data: bytes


def begin_run(unit: Connection, source_id: int, since: str, now: datetime) -> Run:
    zero = dict.fromkeys(("received", *OUTCOMES, "vanished"), 0)
    run_id = unit.execute(
        harvest_run.insert()
        .values(
            source_id=source_id,
            state="running",
            started=now,
            since=since,
            resume="",
            checkpoint="",
            message="",
            swept=False,
            **zero,
        )
        .returning(harvest_run.c.id)
    ).scalar_one()
    return Run(run_id, source_id, "running", now, None, since, "", "", "", None, Counts(), False)


def open_run(unit: Connection, source_id: int) -> Run | None:
    """The run of the source that was begun and not ended, if there is one."""
    row = unit.execute(
        select(harvest_run)
        .where(harvest_run.c.source_id == source_id, harvest_run.c.state == "running")
        .order_by(desc(harvest_run.c.id))
    ).first()
    return _run(row) if row else None


def last_checkpoint(unit: Connection, source_id: int) -> str:
    """Where the last complete run ended; "" where there is none yet."""
    return (
        unit.execute(
            select(harvest_run.c.checkpoint)
            .where(harvest_run.c.source_id == source_id, harvest_run.c.state == "complete")
            .order_by(desc(harvest_run.c.id))
            .limit(1)
        ).scalar()
        or ""
    )


def save_page(unit: Connection, run_id: int, resume: str, promised: int | None, more: Counts, message: str) -> None:
    """Add a page's counts to the run's, and note where it stands behind the page.

    The database adds, since normalising moves counts of the same row: neither may undo the other.
    """
    c = harvest_run.c
    added = {c[name]: c[name] + getattr(more, name) for name in ("received", *OUTCOMES, "vanished")}
    values = {
        c.resume: resume,
        c.promised: None if promised is None else min(promised, MOST),
        c.message: message,
    } | added
    unit.execute(update(harvest_run).where(c.id == run_id).values(values))


def keep_mended_page(unit: Connection, run_id: int, data: bytes) -> None:
    """Records of the page were read after its bytes had been mended: what it was before stays to be looked at."""
    unit.execute(mended_page.insert().values(run_id=run_id, data=pack(data)))


def end_run(
    unit: Connection,
    run_id: int,
    state: str,
    now: datetime,
    *,
    checkpoint: str = "",
    message: str = "",
    swept: bool = False,
) -> None:
    unit.execute(
        update(harvest_run)
        .where(harvest_run.c.id == run_id)
        .values(state=state, ended=now, checkpoint=checkpoint, message=message, swept=swept)
    )


def move_to_rejected(unit: Connection, run_id: int, outcome: str, count: int) -> None:
    """Records that the run counted as `outcome` were refused when they were normalised."""
    column = harvest_run.c[outcome]
    unit.execute(
        update(harvest_run)
        .where(harvest_run.c.id == run_id)
        .values({column: column - count, harvest_run.c.rejected: harvest_run.c.rejected + count})
    )


def get_run(unit: Connection, run_id: int) -> Run:
    return _run(unit.execute(select(harvest_run).where(harvest_run.c.id == run_id)).one())


def last_runs(unit: Connection, source_id: int, limit: int = 10) -> list[Run]:
    """Newest first."""
    query = (
        select(harvest_run).where(harvest_run.c.source_id == source_id).order_by(desc(harvest_run.c.id)).limit(limit)
    )
    return [_run(row) for row in unit.execute(query)]


def add_rejections(unit: Connection, rows: list[dict[str, Any]]) -> None:
    """Rows with run_id, source_id, record_id, code, identifier, position, detail and data (plain bytes)."""
    insert_rows(unit, rejection, [row | {"data": pack(row["data"])} for row in rows])


def forget_rejections(unit: Connection, run_id: int, record_ids: list[int]) -> None:
    """The run's records are being normalised again, and will be rejected anew if they still must be."""
    c = rejection.c
    for start in range(0, len(record_ids), 500):
        some = record_ids[start : start + 500]
        unit.execute(rejection.delete().where(c.run_id == run_id, c.record_id.in_(some)))


def rejections(unit: Connection, run_id: int, limit: int = 1000) -> list[Rejected]:
    c = rejection.c
    query = select(c.run_id, c.source_id, c.code, c.identifier, c.position, c.detail, c.data)
    rows = unit.execute(query.where(c.run_id == run_id).order_by(c.id).limit(limit))
    return [Rejected(*row[:6], data=unpack(row[6])) for row in rows]


def rejection_codes(unit: Connection, run_id: int) -> dict[str, int]:
    """How often each code stands in the run."""
    c = rejection.c
    rows = unit.execute(select(c.code, func.count()).where(c.run_id == run_id).group_by(c.code).order_by(c.code))
    return {row[0]: row[1] for row in rows}


def _run(row: Any) -> Run:
    counts = Counts(**{name: getattr(row, name) for name in ("received", *OUTCOMES, "vanished")})
    return Run(
        row.id,
        row.source_id,
        row.state,
        row.started,
        row.ended,
        row.since,
        row.resume,
        row.checkpoint,
        row.message,
        row.promised,
        counts,
        row.swept,
    )
