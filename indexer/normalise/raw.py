"""Raw records, as they are kept, to the normal form."""

from __future__ import annotations

from harvester.marc.dublin_core import decode_oai_dc
from harvester.marc.iso2709 import decode_iso2709
from harvester.marc.marcxml import decode_marcxml
from indexer.normalise.crosswalks import Crosswalks
from indexer.normalise.record import Rejection, normalise
from mappings.fields import SourceRecord
from mappings.model import BibRecord


def decode_raw(format: str, data: bytes, charset: str) -> SourceRecord:
    """The source record in raw bytes of a format (iso2709, marcxml, oai_dc)."""
    if format == "iso2709":
        return decode_iso2709(data, charset)
    if format == "marcxml":
        return decode_marcxml(data)
    if format == "oai_dc":
        return decode_oai_dc(data)
    raise ValueError(f"no reader knows the format {format!r}; there are iso2709, marcxml and oai_dc")


def normalise_raw(format: str, data: bytes, charset: str, crosswalks: Crosswalks) -> BibRecord | Rejection:
    """The normal form of a raw record as the store keeps it. Pure; raises ValueError for an unknown format only."""
    return normalise(decode_raw(format, data, charset), crosswalks)
