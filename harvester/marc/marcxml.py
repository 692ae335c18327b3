"""One MARCXML record: elements by their local names, in whatever namespace or none.

Parsed strictly; bytes that are no well-formed XML are mended once (harvester.sources.oai_pmh_mend) and flagged. There
is never a DTD, so no entity is expanded and nothing is fetched.
"""

from __future__ import annotations

import re

from lxml import etree

from harvester.sources.oai_pmh_mend import MARK, mend
from mappings.fields import Field, SourceRecord

MENDED = "xml_mended"
_PARTS = ("leader", "controlfield", "datafield")
_DOCTYPE = re.compile(rb"<!DOCTYPE", re.IGNORECASE)


def decode_marcxml(data: bytes) -> SourceRecord:
    """Decode one record, bare or inside an envelope. Raises ValueError where the data holds none."""
    element, flags = parse_record(data)
    leader = ""
    fields: list[Field] = []
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "datafield":
            get = child.get
            subfields = tuple(
                [
                    (part.get("code") or "", part.text or "")
                    for part in child
                    if part.tag.endswith("subfield") and (part.text or part.get("code"))
                ]
            )
            indicators = (get("ind1") or " ")[:1] + (get("ind2") or " ")[:1]
            fields.append((get("tag") or "", indicators, subfields))
        elif name == "controlfield":
            fields.append((child.get("tag") or "", "", (("", child.text or ""),)))
        elif name == "leader" and not leader:
            leader = _leader(child.text or "")
    return SourceRecord(leader, tuple(fields), flags)


def parse_record(data: bytes) -> tuple[etree._Element, tuple[str, ...]]:
    """The record element in the data, and the flag `xml_mended` where its bytes had to be. Raises ValueError."""
    if _DOCTYPE.search(data[:1024]):
        raise ValueError("a DOCTYPE is not accepted: MARCXML needs none")
    root, flags = parse(data)
    found = marc_record(root)
    if found is None:
        raise ValueError("there is no MARC record in this XML")
    return found, flags


def parse(data: bytes) -> tuple[etree._Element, tuple[str, ...]]:
    """Strict parse, once more after mending. Comments and processing instructions are left out. Raises ValueError."""
    try:
        return etree.fromstring(data, _parser()), ()
    except etree.XMLSyntaxError as error:
        first = error
    mended = mend(data).data.replace(MARK.encode(), b"")
    try:
        return etree.fromstring(mended, _parser()), (MENDED,)
    except etree.XMLSyntaxError:
        raise ValueError(f"no well-formed XML: {first.msg}") from None


def marc_record(root: etree._Element) -> etree._Element | None:
    """The element itself or the first inside it that is named record and has parts of MARC as children."""
    for element in root.iter("{*}record"):
        if any(child.tag.rpartition("}")[2] in _PARTS for child in element):
            return element
    return None


def control_number(record: etree._Element) -> str:
    """The text of the record's 001 without blanks around it; "" where it has none."""
    for child in record:
        if child.get("tag") == "001":
            return (child.text or "").strip()
    return ""


def is_deleted(record: etree._Element) -> bool:
    leader = record.findtext("{*}leader") or ""
    return leader[5:6] == "d"


def has_fields(record: etree._Element) -> bool:
    return any(child.tag.rpartition("}")[2] != "leader" for child in record)


def _leader(text: str) -> str:
    """24 characters: leaders in XML are often short of the trailing blanks."""
    return text[:24].ljust(24) if text.strip() else ""


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
