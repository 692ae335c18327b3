"""One harvest run: from a source's pages to raw records, one commit a page.

Invariant: received = added + changed + unchanged + deleted + rejected, in every commit. The page's records, its counts
and the text to resume with are one transaction, so a run that was killed goes on behind its last page. The checkpoint
moves only when the whole list was read and the sums are right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any

import structlog
from msgspec import Struct, structs

from harvester.sources.protocol import Ending, Page, Reader, Received, Refused, SourceError
from store import harvests, records
from store.database import Database, Unit
from store.harvests import Counts, Run
from store.libraries import Source
from store.progress import take_numbers

log = structlog.get_logger("harvester.run")

BRAKE_FREE = 20
"""So many deletions never ask a person, however small the source."""


class Progress(Struct, frozen=True):
    """What a run tells while it goes on, after each commit."""

    slug: str
    received: int
    promised: int | None


class _BrakeError(Exception):
    """More deletions than the source's share: a person has to look."""


def harvest(
    database: Database,
    source: Source,
    reader: Reader,
    *,
    clock: Callable[[], datetime],
    accept_deletions: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    may_wait: Callable[[datetime], bool] = lambda _: False,
) -> Run:
    """Read what is new at the source into the store, and return the run as it ended.

    A run that was left open by a process that died is gone on with. `accept_deletions` lifts the brake once. A source
    that can't be read ends the run `failed`; the error's sentence is the run's message. Where it asks to be left alone
    until a time that `may_wait` agrees to, the run stays open and its SourceError is raised: call again then.
    """
    with database.read() as unit:  # a large source takes its time, and writers may have to wait for each other
        live = records.count_live(unit, source.id)
    with database.write() as unit:
        run = harvests.open_run(unit, source.id)
        if run is None:
            run = harvests.begin_run(unit, source.id, harvests.last_checkpoint(unit, source.id), clock())
    allowed = None if accept_deletions else max(BRAKE_FREE, int(live * source.config.brake_percent / 100))
    applied = _Applied(source, run, allowed)
    with structlog.contextvars.bound_contextvars(source=source.slug, run=run.id):
        log.info("run_begun", since=run.since, resumed=bool(run.resume))
        try:
            _read(database, reader, applied, clock, progress)
        except SourceError as error:
            if error.not_before is not None and may_wait(error.not_before):
                log.info("run_waits", reason=str(error))
                raise
            with database.write() as unit:
                harvests.end_run(unit, run.id, "failed", clock(), message=applied.told(str(error)))
        except _BrakeError as brake:
            with database.write() as unit:
                harvests.end_run(unit, run.id, "braked", clock(), message=applied.told(str(brake)))
        with database.read() as unit:
            ended = harvests.get_run(unit, run.id)
        log.info("run_ended", state=ended.state, **structs.asdict(ended.counts))
    return ended


def _read(
    database: Database,
    reader: Reader,
    applied: _Applied,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None],
) -> None:
    """All pages and the end of the list. Raises SourceError and _BrakeError; what is committed by then stays."""
    source, run = applied.source, applied.run
    for answer in reader.pages(run.since, run.resume):
        with database.write() as unit:
            if isinstance(answer, Ending):
                applied.end(unit, answer, clock())
                return
            applied.page(unit, answer)
        progress(Progress(source.slug, applied.counts.received, applied.promised))
    raise SourceError(f"{source.slug}: the list stopped without saying that it is complete. Run it again.")


class _Applied:
    """What a run has done so far. It changes only with what is committed."""

    def __init__(self, source: Source, run: Run, allowed_deletions: int | None) -> None:
        self.source = source
        self.run = run
        self.counts = run.counts
        self.promised = run.promised
        self.allowed = allowed_deletions
        self.notes: list[str] = [run.message] if run.message else []

    def told(self, *more: str) -> str:
        """The run's warnings as one text."""
        return "\n".join(dict.fromkeys([*self.notes, *(text for text in more if text)]))

    def page(self, unit: Unit, page: Page) -> None:
        counts = Counts()
        changes = _Changes(unit, self.source.id, self.run.id, page.events)
        for event in page.events:
            outcome = changes.outcome(event)
            counts.received += 1
            setattr(counts, outcome, getattr(counts, outcome) + 1)
        self._brake(self.counts.deleted + counts.deleted)
        changes.write()
        if page.raw:
            harvests.keep_mended_page(unit, self.run.id, page.raw)
        if page.note:
            self.notes.append(page.note)
        self.promised = page.promised if page.promised is not None else self.promised
        harvests.save_page(unit, self.run.id, page.resume, self.promised, counts, self.told())
        self.counts = self.counts.plus(counts)

    def end(self, unit: Unit, ending: Ending, now: datetime) -> None:
        if not ending.complete:
            harvests.end_run(unit, self.run.id, "partial", now, message=self.told(ending.reason))
            return
        gone = Counts()
        if ending.full:
            vanished = records.unseen(unit, self.source.id, self.run.id)
            self._brake(self.counts.deleted + len(vanished))
            numbers = take_numbers(unit, "raw", len(vanished))
            rows = [
                {"record_id": record_id, "datestamp": datestamp, "seq": seq, "changed_run": self.run.id}
                for (record_id, datestamp), seq in zip(vanished, numbers, strict=True)
            ]
            records.delete_raw(unit, rows)
            gone = Counts(vanished=len(vanished))
        harvests.save_page(unit, self.run.id, "", self.promised, gone, self.told())
        stored = harvests.get_run(unit, self.run.id).counts
        if not stored.balanced():
            raise SourceError(f"{self.source.slug}: the counts of the run don't add up: {stored}. Please report it.")
        harvests.end_run(
            unit, self.run.id, "complete", now, checkpoint=ending.checkpoint, message=self.told(), swept=ending.full
        )

    def _brake(self, deletions: int) -> None:
        if self.allowed is not None and deletions > self.allowed:
            raise _BrakeError(
                f"{self.source.slug}: {deletions} records or more are to be deleted, and {self.allowed} are allowed "
                f"({self.source.config.brake_percent:g} % of the source). Ask the library whether it is meant; if so: "
                f"tongcang harvest {self.source.slug} --accept-deletions"
            )


class _Latest(Struct, frozen=True):
    """How a record stands at the end of a page."""

    content: Received | None  # the bytes to write; None = only the deletion mark
    datestamp: str
    deleted: bool
    outcome: str


class _Changes:
    """The rows that a page changes. A record that comes twice in a page is written once, as it came last."""

    def __init__(self, unit: Unit, source_id: int, run_id: int, events: Iterable[Received | Refused]) -> None:
        self.unit = unit
        self.source_id = source_id
        self.run_id = run_id
        identifiers = [event.identifier for event in events if isinstance(event, Received)]
        self.known = records.known_records(unit, source_id, list(dict.fromkeys(identifiers)))
        self.before = dict(self.known)
        self.latest: dict[str, _Latest] = {}
        self.seen: set[int] = set()
        self.rejections: list[dict[str, Any]] = []

    def outcome(self, event: Received | Refused) -> str:
        if isinstance(event, Refused):
            self._reject(event.code, event.identifier, event.position, event.detail, event.data)
            return "rejected"
        known = self.known.get(event.identifier)
        if event.deleted:
            if known is None or known.deleted:
                return "unchanged"  # the deletion of a record that we never had, or had deleted
            known = records.KnownRecord(known.id, known.digest, True, "", self.run_id)
            outcome = "deleted"
        else:
            digest = _digest(event)
            if known is not None and not known.deleted and known.digest == digest:
                if known.id:
                    self.seen.add(known.id)
                if not known.refused:
                    return "unchanged"
                self._reject(known.refused, event.identifier, "", "unchanged since it was rejected", b"", known.id)
                return "rejected"
            outcome = "added" if known is None or known.deleted else "changed"
            known = records.KnownRecord(known.id if known else 0, digest, False, "", self.run_id)
        self.known[event.identifier] = known
        # A record that came and was deleted in one page leaves the bytes it came with, as it would in two.
        before = self.latest.get(event.identifier)
        content = event if not event.deleted else before.content if before else None
        self.latest[event.identifier] = _Latest(content, event.datestamp, event.deleted, outcome)
        return outcome

    def write(self) -> None:
        inserts, updates, deletions = [], [], []
        numbers = iter(take_numbers(self.unit, "raw", len(self.latest)))
        for identifier, latest in self.latest.items():
            seq = next(numbers)
            before = self.before.get(identifier)
            event = latest.content
            if event is None:
                if before is not None:
                    deletions.append(
                        {"record_id": before.id, "seq": seq, "datestamp": latest.datestamp, "changed_run": self.run_id}
                    )
                continue
            row: dict[str, Any] = {
                "seq": seq,
                "deleted": latest.deleted,
                "format": event.format,
                "charset": event.charset,
                "datestamp": latest.datestamp,
                "sets": event.sets,
                "flags": event.flags,
                "digest": self.known[identifier].digest,
                "data": event.data,
                "changed_run": self.run_id,
                "changed_as": latest.outcome,
                "seen_run": self.run_id,
            }
            if before is None:
                inserts.append(row | {"source_id": self.source_id, "identifier": identifier})
            else:
                updates.append(row | {"record_id": before.id, "refused": ""})
        records.insert_raw(self.unit, inserts)
        records.update_raw(self.unit, updates)
        records.delete_raw(self.unit, deletions)
        records.mark_seen(self.unit, sorted(self.seen), self.run_id)
        harvests.add_rejections(self.unit, self.rejections)

    def _reject(
        self, code: str, identifier: str, position: str, detail: str, data: bytes, record_id: int | None = None
    ) -> None:
        self.rejections.append(
            {
                "run_id": self.run_id,
                "source_id": self.source_id,
                "record_id": record_id,
                "code": code,
                "identifier": identifier,
                "position": position,
                "detail": detail,
                "data": data,
            }
        )


def _digest(event: Received) -> bytes:
    digest = blake2b(event.data, digest_size=16)
    digest.update(f"\x00{event.format}\x00{event.charset}".encode())
    return digest.digest()
