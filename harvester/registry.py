"""From a source as it is stored to the reader that reads it."""

from __future__ import annotations

from pathlib import Path

from harvester.sources.marc_files import MarcFiles
from harvester.sources.oai_pmh import OaiPmh
from harvester.sources.oai_pmh_settings import OaiSettings
from harvester.sources.protocol import Reader, SourceError
from store.libraries import Source

KINDS = ("oai_pmh", "marc_files")


def reader_of(source: Source, *, contact: str = "") -> Reader:
    """The reader of the source. `contact` is told to providers. Raises SourceError where its settings can't work."""
    if source.kind == "oai_pmh":
        return _oai_pmh(source, contact)
    if source.kind == "marc_files":
        return MarcFiles(Path(source.config.path), delivery=source.config.delivery, charset=source.config.charset)
    raise SourceError(f"{source.slug}: there is no kind of source named {source.kind!r}; there are {', '.join(KINDS)}.")


def probe(source: Source, *, contact: str = "") -> str:
    """What an OAI-PMH provider says of itself, in a line for a person. Raises SourceError where it is none."""
    info = _oai_pmh(source, contact).probe()
    return f"{info.identity.name}: OAI-PMH, granularity {info.identity.granularity}, formats {', '.join(info.formats)}."


def _oai_pmh(source: Source, contact: str) -> OaiPmh:
    config = source.config
    return OaiPmh(
        OaiSettings(
            url=config.url,
            metadata_prefix=config.metadata_prefix,
            set_spec=config.set_spec,
            granularity=config.granularity,
            charset=config.charset,
            allow_private=config.allow_private,
            patience=config.patience,
            contact=contact,
        )
    )


def host_of(source: Source) -> str:
    """What must not be asked twice at once: members share vendors' hosts, and files share a disk."""
    if source.kind == "oai_pmh":
        return source.config.url.split("//", 1)[-1].split("/", 1)[0].lower()
    return "files"
