"""A list that can't be read to its end is read in windows of time, halved until they can be.

At the last granule the records are fetched one by one, and those that fail are refused by name. The first window is
open below, since earliestDatestamp is often false, and the last open above. Two neighbours share a granule: some
providers take an `until` of a day for its midnight, and what comes twice does no harm.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime

from harvester.sources.oai_pmh_client import PageFailedError, RefusalError, StrictSickle
from harvester.sources.oai_pmh_list import DONE, NOTHING, ListEnd, Place, walk
from harvester.sources.oai_pmh_progress import Progress
from harvester.sources.oai_pmh_provider import Identity, identify
from harvester.sources.oai_pmh_settings import granule_text, parse_date, to_granule
from harvester.sources.oai_pmh_xml import Header, events_of
from harvester.sources.protocol import Page, Received, Refused, SourceError

MOST_FAILURES = 40
"""In a row. Halving 60 years down to a second takes 31."""

BATCH = 100
"""Records fetched one by one that make a page."""


def open_windows(progress: Progress, identity: Identity, now: float) -> None:
    """From here on the harvest goes by windows: one, to be halved at once."""
    unit = progress.granularity
    first = parse_date(progress.start) or parse_date(identity.earliest)
    last = parse_date(progress.first_date) or parse_date(identity.response_date)
    progress.low = to_granule(first, unit) if first else 0
    progress.high = max(
        progress.low, to_granule(last, unit) if last else to_granule(datetime.fromtimestamp(now, UTC), unit)
    )
    progress.windows = [(progress.low, progress.high)]
    _halve(progress)


def harvest_windows(client: StrictSickle, progress: Progress) -> Iterator[Page]:
    """The pages of all windows that `progress` still has. Raises SourceError where nothing at all can be read."""
    failures = 0
    while progress.windows:
        arguments = _arguments(progress)
        end = yield from harvest_list(client, arguments, progress)
        if end.kind in (DONE, NOTHING):
            failures = 0
            progress.judge(client.settings.tolerance, f"the window {_name(arguments)}")
            progress.windowed += progress.place.count
            progress.windows.pop(0)
            progress.start_list()
            continue
        failures += 1
        _check(client, failures, end.reason, end.hopeless)
        if not _halve(progress) and not _deepen(progress):
            listed = yield from _singly(client, progress, arguments)
            failures = 0 if listed else failures
            progress.windows.pop(0)
        progress.start_list()


def harvest_list(client: StrictSickle, arguments: dict[str, str], progress: Progress) -> Generator[Page, None, ListEnd]:
    """The list at hand, from its place on, as pages for the run."""
    pages = walk(client, "ListRecords", arguments, progress.place)
    while True:
        try:
            page = next(pages)
        except StopIteration as stop:
            end: ListEnd = stop.value
            return end
        yield progress.page(page)


def list_arguments(progress: Progress) -> dict[str, str]:
    """What every list of the run is asked with."""
    prefix, set_spec = progress.scope
    arguments = {"metadataPrefix": prefix}
    if set_spec:
        arguments["set"] = set_spec
    if progress.start:
        arguments["from"] = progress.start
    return arguments


def _arguments(progress: Progress) -> dict[str, str]:
    assert progress.windows, "there is a window at hand"
    low, high = progress.windows[0]
    arguments = list_arguments(progress)
    if low > progress.low:
        arguments["from"] = granule_text(low, progress.granularity)
    if high < progress.high:
        arguments["until"] = granule_text(high, progress.granularity)
    return arguments


def _name(arguments: dict[str, str]) -> str:
    return f"{arguments.get('from', '…')} to {arguments.get('until', '…')}"


def _halve(progress: Progress) -> bool:
    """Two windows instead of the one at hand; False where it is too narrow."""
    assert progress.windows, "there is a window at hand"
    low, high = progress.windows[0]
    if high - low <= 1:
        return False
    middle = (low + high) // 2
    progress.windows[0:1] = [(low, middle), (middle, high)]
    return True


def _deepen(progress: Progress) -> bool:
    """Where the window open below is too narrow, yet too full: earliestDatestamp is false. It begins in 1970 then."""
    assert progress.windows, "there is a window at hand"
    low, high = progress.windows[0]
    if low != progress.low or low == 0 or progress.start:
        return False
    progress.low = 0
    progress.windows[0] = (0, high)
    return _halve(progress)


def _check(client: StrictSickle, failures: int, reason: str, hopeless: bool) -> None:
    """Is there any sense in going on?"""
    if hopeless:
        identify(client)
    if failures > MOST_FAILURES:
        raise SourceError(
            f"{client.settings.url} has failed {failures} times in a row ({reason}). "
            "Ask the library to look at its provider, and harvest it again."
        )


def _singly(client: StrictSickle, progress: Progress, arguments: dict[str, str]) -> Generator[Page, None, bool]:
    """The records of a window one by one, by its identifiers; returns whether these could be listed."""
    headers: list[Header] = []
    pages = walk(client, "ListIdentifiers", arguments, Place())
    while True:
        try:
            headers += next(pages).headers()
        except StopIteration as stop:
            listed = stop.value.kind in (DONE, NOTHING)
            if not listed:
                progress.trouble(f"what lies in {_name(arguments)} can't be listed: {stop.value.reason}")
            break
    known = set(progress.lost)
    failures = 0
    events: list[Received | Refused] = []
    for header in {header.identifier: header for header in headers}.values():
        if header.identifier in known:  # in the window before, which shares a granule with this one
            continue
        got = _one(client, progress, header)
        events += got
        failures += 1
        if isinstance(got[0], Refused) and got[0].code == "not_delivered":
            progress.lost.append(header.identifier)
            _check(client, failures, got[0].detail, hopeless=False)
        else:
            failures = 0
        if len(events) >= BATCH:
            yield progress.told(events)
            events = []
    if events:
        yield progress.told(events)
    progress.windowed += len(headers)  # last: a run that was killed above comes here again
    return listed


def _one(client: StrictSickle, progress: Progress, header: Header) -> list[Received | Refused]:
    """One record by its identifier: what it brought, or that it can't be had."""
    name = header.identifier
    if header.deleted:
        return [Received(name, "", b"", True, "", header.datestamp, header.sets)]
    where, raw = f"GetRecord {name}", b""
    try:
        page = client.ask("GetRecord", identifier=name, metadataPrefix=progress.scope[0])
        if page.records:
            return events_of(page.records[0], where)
        reason = "the answer holds no record"
    except RefusalError as error:
        reason = str(error)
    except PageFailedError as error:
        reason = str(error)
        raw = error.salvaged.raw if error.salvaged else b""
    return [Refused("not_delivered", raw, where, name, reason)]
