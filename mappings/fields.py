"""A source record as a reader hands it to a crosswalk: decoded, in order, nothing interpreted.

Plain tuples, since a hundred of them are made for every record. A control field has the indicators "" and one subfield
with the code "". A Dublin Core element has its local name as tag, its xml:lang as indicators, and one subfield "".
"""

from __future__ import annotations

from msgspec import Struct

Subfield = tuple[str, str]  # code, value
Field = tuple[str, str, tuple[Subfield, ...]]  # tag, indicators, subfields


class SourceRecord(Struct, frozen=True):
    leader: str  # 24 characters where the record had them; "" in Dublin Core
    fields: tuple[Field, ...]
    flags: tuple[str, ...] = ()  # damage that the reader survived
