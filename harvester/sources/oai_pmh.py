"""A source that speaks OAI-PMH 2.0.

Complete means: every page was parsed strictly to its end, the list ended by itself, as many records came as were
promised, and nothing was left unfetched. Anything less ends incomplete, with the reason, and the checkpoint stays. A
record that came whole but can't be stored is refused, and does not make the run incomplete: it is counted, its bytes
are kept. No list is ever called `full`, since one list proves no absence: a provider that pages by offset skips
records while others change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from harvester.sources.oai_pmh_address import Resolve, resolve
from harvester.sources.oai_pmh_client import StrictSickle
from harvester.sources.oai_pmh_list import DONE, NOTHING, REFUSED, STUCK, UNFIT, ListEnd, walk
from harvester.sources.oai_pmh_progress import Checkpoint, Progress, begin
from harvester.sources.oai_pmh_provider import Identity, ProviderInfo, count_sets, formats, identify
from harvester.sources.oai_pmh_settings import DAY, SECONDS, OaiSettings, granule_text, parse_date, to_granule
from harvester.sources.oai_pmh_transport import SHARED_MANNERS, Manners, Transport
from harvester.sources.oai_pmh_windows import harvest_list, harvest_windows, list_arguments, open_windows
from harvester.sources.oai_pmh_xml import Header
from harvester.sources.protocol import Ending, Page, SourceError

__all__ = ["Header", "OaiPmh", "OaiSettings", "ProviderInfo"]


class OaiPmh:
    """Reads one source; see protocol.Reader. `clock` gives seconds since 1970."""

    def __init__(
        self,
        settings: OaiSettings,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        manners: Manners = SHARED_MANNERS,
        resolver: Resolve = resolve,
    ) -> None:
        self._settings = settings
        self._clock, self._sleep = clock, sleep
        self._manners, self._resolver = manners, resolver

    def pages(self, since: str, resume: str) -> Iterator[Page | Ending]:
        """See protocol.Reader. A page may come again with records that came before: after a restart, or in windows."""
        with self._client() as client:
            identity = identify(client)
            progress = begin(self._settings, identity, since, resume)
            if progress.windows is None:
                yield from self._whole(client, identity, progress)
            if progress.windows is not None:
                yield from harvest_windows(client, progress)
                # Windows that hold less than the list are no proof: some providers mistake their bounds.
                if progress.windowed < progress.known:
                    progress.trouble(f"the windows held {progress.windowed} of {progress.known} records")
            if progress.notes:
                yield progress.told([])
            yield self._ending(identity, progress)

    def probe(self) -> ProviderInfo:
        """What the provider says of itself. Raises SourceError where it is none."""
        with self._client() as client:
            return ProviderInfo(identify(client), formats(client), count_sets(client))

    def identifiers(self) -> Iterator[Header | Ending]:
        """Every header of the source's list, then one Ending: for a sweep that finds what vanished unannounced."""
        with self._client() as client:
            identity = identify(client)
            progress = begin(self._settings, identity, "", "")
            pages = walk(client, "ListIdentifiers", list_arguments(progress), progress.place)
            while True:
                try:
                    yield from next(pages).headers()
                except StopIteration as stop:
                    end: ListEnd = stop.value
                    break
            if end.kind != DONE and not progress.place.enough():
                progress.trouble(f"the list of identifiers broke off: {end.reason or 'it is empty'}")
            # A sweep takes no hint for good enough: what it lacks may be deleted.
            progress.judge(0.0, "the list of identifiers")
            reason = "; ".join(progress.troubles)
            yield Ending(complete=not reason, reason=reason and f"{self._settings.url}: {reason}", full=not reason)

    @contextmanager
    def _client(self) -> Iterator[StrictSickle]:
        transport = Transport(self._settings, self._manners, self._resolver)
        try:
            yield StrictSickle(self._settings, transport, self._clock, self._sleep)
        finally:
            transport.close()

    def _whole(self, client: StrictSickle, identity: Identity, progress: Progress) -> Iterator[Page]:
        """The list as one; where that can't be, `progress.windows` is set behind it."""
        while True:
            end = yield from harvest_list(client, list_arguments(progress), progress)
            progress.first_date = progress.first_date or end.response_date
            if end.kind == UNFIT:
                self._learn(client, end, progress)
                progress.start_list()
                continue
            if end.salvaged is not None:
                yield progress.page(end.salvaged)
            if end.kind == DONE or progress.place.enough():
                progress.judge(self._settings.tolerance, "the list")
            elif end.kind == NOTHING:
                # An empty answer to "what is new?" is good news. Otherwise it is taken for a repository out of order.
                if not progress.start or progress.number:
                    progress.trouble("the source says that it has no records")
            elif end.kind == STUCK:
                progress.trouble(end.reason)
            elif end.kind == REFUSED and not progress.restarted:
                # The token has expired. It may have been the one of a run that was interrupted long ago.
                progress.restarted = True
                progress.start_list()
                progress.notes.append(f"the token is refused ({end.reason}): the list starts again")
                continue
            else:
                if end.hopeless and not progress.place.count:
                    raise SourceError(f"{self._settings.url} can't be harvested: {end.reason}. Try it again later.")
                identity = identify(client)
                salvaged = len(end.salvaged.records) if end.salvaged else 0
                # At least one: an empty list would not have broken.
                progress.known = max(
                    1, progress.place.count + salvaged, int((progress.promised or 0) * (1 - self._settings.tolerance))
                )
                open_windows(progress, identity, self._clock())
                progress.start_list()
                progress.notes.append(
                    f"the list can't be read as one ({end.reason}): it is harvested in windows of time"
                )
            return

    def _learn(self, client: StrictSickle, end: ListEnd, progress: Progress) -> None:
        """The first request was refused. Raises SourceError where not the date, but what is asked for is the reason."""
        start = parse_date(progress.start)
        if "badArgument" in end.codes and start is not None:
            if progress.learned:
                progress.notes.append(f"dates are refused in either form ({end.reason}): everything is harvested")
                progress.start = ""
                return
            progress.learned = True
            progress.granularity = DAY if progress.granularity == SECONDS else SECONDS
            progress.start = granule_text(to_granule(start, progress.granularity), progress.granularity)
            progress.notes.append(
                f"its Identify is wrong about the granularity: dates are sent by {progress.granularity}"
            )
            return
        url, settings = self._settings.url, self._settings
        if "cannotDisseminateFormat" in end.codes:
            offered = ", ".join(formats(client)) or "none that it names"
            raise SourceError(
                f"{url} doesn't deliver the format {settings.metadata_prefix!r}: choose one of its own ({offered})."
            )
        what = f"format {settings.metadata_prefix!r}" + (f", set {settings.set_spec!r}" if settings.set_spec else "")
        raise SourceError(f"{url} refuses the list ({end.reason}): check the source's settings ({what}).")

    def _ending(self, identity: Identity, progress: Progress) -> Ending:
        if progress.lost:
            names = ", ".join(progress.lost[:3]) + (" …" if len(progress.lost) > 3 else "")
            progress.trouble(f"{len(progress.lost)} records can't be fetched ({names})")
        if progress.troubles:
            return Ending(complete=False, reason=f"{self._settings.url}: {'; '.join(progress.troubles)}.")
        first = progress.first_date if parse_date(progress.first_date) else identity.response_date
        if parse_date(first) is None:
            return Ending(complete=True)  # without a clock of the provider's, the next run takes everything again
        checkpoint = Checkpoint(
            scope=progress.scope,
            response_date=first,
            base_url=identity.base_url,
            granularity=progress.granularity,
            deleted_record=identity.deleted_record,
        )
        return Ending(complete=True, checkpoint=msgspec.json.encode(checkpoint).decode())
