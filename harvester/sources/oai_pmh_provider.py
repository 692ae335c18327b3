"""What a provider says of itself."""

from __future__ import annotations

from msgspec import Struct

from harvester.sources.oai_pmh_client import PageFailedError, RefusalError, StrictSickle
from harvester.sources.oai_pmh_list import DONE, Place, walk
from harvester.sources.oai_pmh_settings import DAY, SECONDS
from harvester.sources.oai_pmh_xml import OaiPage
from harvester.sources.protocol import SourceError


class Identity(Struct, frozen=True):
    """The answer to Identify; "" where it lacks something."""

    name: str
    base_url: str
    granularity: str  # day, seconds
    deleted_record: str  # no, transient, persistent
    earliest: str
    response_date: str


class ProviderInfo(Struct, frozen=True):
    """What a person wants to see before a source is added."""

    identity: Identity
    formats: tuple[str, ...]  # metadata prefixes
    sets: int


def identify(client: StrictSickle) -> Identity:
    """Raises SourceError where the URL is none of an OAI-PMH provider."""
    url = client.settings.url
    advice = "Check the base URL: it is what stands before ?verb=Identify."
    try:
        page = client.ask("Identify")
    except PageFailedError as error:
        raise SourceError(f"{url} can't be harvested as an OAI-PMH provider: {error}. {advice}") from error
    except RefusalError as error:
        raise SourceError(f"{url} speaks OAI-PMH, but refuses Identify ({error}). {advice}") from error
    granularity = page.text("granularity").lower()
    return Identity(
        name=page.text("repositoryName"),
        base_url=page.text("baseURL"),
        # Whatever is not clearly seconds is trimmed to days: a day is taken by nearly all.
        granularity=SECONDS if "ss" in granularity else DAY,
        deleted_record=page.text("deletedRecord").lower(),
        earliest=page.text("earliestDatestamp"),
        response_date=page.response_date,
    )


def formats(client: StrictSickle) -> tuple[str, ...]:
    """The metadata prefixes on offer; none where it won't say."""
    try:
        return _values(client.ask("ListMetadataFormats"), "metadataFormat", "metadataPrefix")
    except (RefusalError, PageFailedError):
        return ()


def count_sets(client: StrictSickle) -> int:
    """How many sets it has; 0 where it has none or the list can't be read to its end."""
    found = 0
    pages = walk(client, "ListSets", {}, Place())
    while True:
        try:
            found += len(_values(next(pages), "set", "setSpec"))
        except StopIteration as stop:
            return found if stop.value.kind == DONE else 0


def _values(page: OaiPage, element: str, name: str) -> tuple[str, ...]:
    if page.answer is None:
        return ()
    ns = page.namespace
    texts = ((child.findtext(f"{ns}{name}") or "").strip() for child in page.answer.findall(f"{ns}{element}"))
    return tuple(dict.fromkeys(text for text in texts if text))
