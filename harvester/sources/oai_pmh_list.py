"""The walk along one list, page by page, and how it ended.

Nothing is retried here but a refused token, once; what a broken list needs next is decided by the reader.
"""

from __future__ import annotations

from collections.abc import Generator

from msgspec import Struct

from harvester.sources.oai_pmh_client import PageFailedError, RefusalError, StrictSickle
from harvester.sources.oai_pmh_xml import OaiPage

DONE = "done"  # an explicit end
NOTHING = "nothing"  # noRecordsMatch as the first answer
REFUSED = "refused"  # the token is not taken
UNFIT = "unfit"  # the first request is refused: the arguments are wrong
FAILED = "failed"  # a page can't be had
STUCK = "stuck"  # the list does not end by itself


class Place(Struct):
    """How far a walk has come in its list."""

    token: str = ""  # of the next page; "" with `ended` unset = the first page is still to come
    count: int = 0  # records that came
    promised: int | None = None  # completeListSize, as last told
    ended: bool = False

    def enough(self) -> bool:
        """All that was promised has come."""
        return self.promised is not None and self.count >= self.promised

    def lacking(self, tolerance: float) -> int:
        """How many records too few have come; 0 within the tolerance: completeListSize is only a hint."""
        if self.promised is None or self.promised - self.count <= self.promised * tolerance:
            return 0
        return self.promised - self.count


class ListEnd(Struct, frozen=True):
    kind: str
    reason: str = ""
    hopeless: bool = False
    codes: frozenset[str] = frozenset()
    salvaged: OaiPage | None = None
    response_date: str = ""


def walk(client: StrictSickle, verb: str, arguments: dict[str, str], place: Place) -> Generator[OaiPage, None, ListEnd]:
    """The pages from `place` on, which is moved behind each page before it is yielded."""
    pages = None
    refused = False
    seen: set[tuple[str, int]] = set()
    empty = walked = 0
    while not place.ended:
        resumed = bool(place.token)
        try:
            pages = pages or client.open(verb, arguments, place.token)
            page = next(pages)
        except StopIteration:
            break
        except RefusalError as refusal:
            end = _refused(refusal, resumed, place)
            if end.kind == REFUSED and not refused and not place.enough():
                refused = True  # a busy server may lose a session for a moment
                continue
            return end
        except PageFailedError as failure:
            return ListEnd(FAILED, str(failure), failure.hopeless, salvaged=failure.salvaged)
        refused = False
        walked += 1
        held = [record.header.identifier for record in page.records] or [head.identifier for head in page.headers()]
        # The same token for every page is legal, the same page again is not: only both together are a loop.
        mark = (page.token, hash(tuple(held)))
        if held and page.token and mark in seen:
            return ListEnd(STUCK, f"the list repeats itself: a page with token {_short(page.token)} came twice")
        seen.add(mark)
        empty = 0 if held else empty + 1
        place.count += len(held)
        place.promised = page.promised if page.promised is not None else place.promised
        place.token = page.token
        place.ended = not page.token
        yield page
        if empty > client.settings.max_empty_pages:
            return ListEnd(STUCK, f"{empty} pages in a row were empty, and still a token comes with each")
        if walked >= client.settings.max_pages and page.token:
            return ListEnd(STUCK, f"the list has not ended after {walked} pages")
    place.ended = True
    return ListEnd(DONE)


def _refused(refusal: RefusalError, resumed: bool, place: Place) -> ListEnd:
    if "noRecordsMatch" not in refusal.codes:
        return ListEnd(REFUSED if resumed else UNFIT, str(refusal), codes=refusal.codes)
    if not resumed:
        return ListEnd(NOTHING, response_date=refusal.response_date)
    if place.enough():
        place.ended = True
        return ListEnd(DONE)
    return ListEnd(STUCK, f"after {place.count} records its token leads to nothing ({refusal})")


def _short(token: str) -> str:
    return repr(token if len(token) <= 40 else token[:40] + "…")
