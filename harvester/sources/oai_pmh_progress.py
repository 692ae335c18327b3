"""How far a harvest has come: what goes into a page's `resume` text and into the checkpoint."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from msgspec import Struct, field

from harvester.sources.oai_pmh_list import Place
from harvester.sources.oai_pmh_provider import Identity
from harvester.sources.oai_pmh_settings import OVERLAP, OaiSettings, granule_text, parse_date, to_granule
from harvester.sources.oai_pmh_xml import OaiPage, events_of
from harvester.sources.protocol import Page, Received, Refused


class Checkpoint(Struct, frozen=True):
    """What a complete run leaves to the next one."""

    scope: tuple[str, str]  # metadata prefix, set
    response_date: str  # the first of the run, by the provider's clock: the only one that counts
    base_url: str
    granularity: str
    deleted_record: str


class Progress(Struct):
    """A run of pages, between two of them."""

    scope: tuple[str, str]
    start: str  # `from` of every list; "" = none
    granularity: str
    first_date: str = ""  # responseDate of the first page
    place: Place = field(default_factory=Place)  # in the list at hand
    number: int = 0  # pages so far
    promised: int | None = None  # completeListSize of the whole list
    learned: bool = False  # the granularity is what a badArgument has taught us
    restarted: bool = False
    windows: list[tuple[int, int]] | None = None  # granules from and until, both inclusive, still to come
    known: int = 0  # so many records there are at least: they came, or were promised, before the list broke
    windowed: int = 0  # records in the windows so far; some came twice
    low: int = 0  # of all windows
    high: int = 0
    lost: list[str] = field(default_factory=list)  # identifiers that can't be had
    troubles: list[str] = field(default_factory=list)  # why else the run can't be complete
    notes: list[str] = field(default_factory=list)  # for the note of the next page

    def trouble(self, text: str) -> None:
        if text not in self.troubles:
            self.troubles.append(text)

    def start_list(self) -> None:
        """Behind the list or window at hand, to the start of the next."""
        self.place = Place()

    def judge(self, tolerance: float, what: str) -> None:
        """At the end of a list: did what it promised come?"""
        lacking = self.place.lacking(tolerance)
        if lacking:
            self.trouble(f"{what} ended after {self.place.count} records, but promised {self.place.promised}")

    def page(self, page: OaiPage) -> Page:
        """The page for the run. The walk has moved `place` behind it already."""
        self.number += 1
        self.first_date = self.first_date or page.response_date
        if self.windows is None:
            self.promised = self.place.promised
        events: list[Received | Refused] = []
        for number, record in enumerate(page.records, 1):
            events += events_of(record, f"page {self.number}, record {number}")
        if page.note:
            self.notes.append(f"page {self.number}: {page.note}")
        if page.broken:
            events.append(Refused("page_broken", page.raw, f"page {self.number}", detail=page.broken))
        return self.told(events, b"" if page.broken else page.raw)

    def told(self, events: list[Received | Refused], raw: bytes = b"") -> Page:
        """A page with these events, the notes so far, and the text to go on with."""
        note = "; ".join(self.notes)
        self.notes = []
        return Page(tuple(events), msgspec.json.encode(self).decode(), self.promised, note, raw)


def begin(settings: OaiSettings, identity: Identity, since: str, resume: str) -> Progress:
    """Where to start: behind the page of `resume`, or with what changed since the checkpoint, or with everything."""
    scope = (settings.metadata_prefix, settings.set_spec)
    granularity = settings.granularity or identity.granularity
    if resume:
        try:
            progress = msgspec.json.decode(resume, type=Progress)
        except msgspec.MsgspecError:
            pass
        else:
            if progress.scope == scope:
                return progress
    progress = Progress(scope, "", granularity)
    if resume:
        progress.notes.append("the place of the interrupted run can't be used any more: it starts again")
    if not since:
        return progress
    try:
        last = msgspec.json.decode(since, type=Checkpoint)
    except msgspec.MsgspecError:
        progress.notes.append("the checkpoint of the last run can't be read: everything is harvested")
        return progress
    moment = parse_date(last.response_date)
    if last.scope != scope or moment is None:
        progress.notes.append("format or set is another than in the last run: everything is harvested")
        return progress
    for name, before, now in (
        ("baseURL", last.base_url, identity.base_url),
        ("deletedRecord", last.deleted_record, identity.deleted_record),
        ("granularity", last.granularity, granularity),
    ):
        if before != now:
            progress.notes.append(f"Identify has changed: {name} was {before!r} and is {now!r}")
    overlap = OVERLAP[granularity] if settings.overlap is None else settings.overlap
    progress.start = granule_text(to_granule(moment - timedelta(seconds=overlap), granularity), granularity)
    return progress
