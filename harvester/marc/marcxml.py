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
_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    huge_tree=True,
    load_dtd=False,
    remove_comments=True,
    remove_pis=True,
)
_BEFORE_ROOT = re.compile(rb"(?:[^<]++|(?><!--.*?-->)|(?><\?.*?\?>))*+<!DOCTYPE", re.DOTALL)


def decode_marcxml(data: bytes) -> SourceRecord:
    """Decode one record, bare or inside an envelope. Raises ValueError where the data holds none."""
    element, flags = parse_record(data)
    leader = ""
    fields: list[Field] = []
    for child in element:
        name, get = child.tag, child.get
        if name.endswith("datafield"):
            # Whatever stands in a data field is a subfield: to ask each for its name costs a tenth of the rate.
            subfields = tuple([(part.get("code", ""), part.text or "") for part in child])
            fields.append((get("tag", ""), (get("ind1") or " ")[:1] + (get("ind2") or " ")[:1], subfields))
        elif name.endswith("controlfield"):
            fields.append((get("tag", ""), "", (("", child.text or ""),)))
        elif name.endswith("leader") and not leader:
            leader = _leader(child.text or "")
    return SourceRecord(leader, tuple(fields), flags)


def parse_record(data: bytes) -> tuple[etree._Element, tuple[str, ...]]:
    """The record element in the data, and the flag `xml_mended` where its bytes had to be. Raises ValueError."""
    root, flags = parse(data)
    found = marc_record(root)
    if found is None:
        raise ValueError("there is no MARC record in this XML")
    return found, flags


def parse(data: bytes) -> tuple[etree._Element, tuple[str, ...]]:
    """Strict parse, once more after mending. Comments and processing instructions are left out. Raises ValueError."""
    if b"<!DOCTYPE" in data and _BEFORE_ROOT.match(data):
        raise ValueError("a DOCTYPE is not accepted: this XML needs none")
    try:
        return etree.fromstring(data, _PARSER), ()
    except etree.XMLSyntaxError as error:
        first = error
    mended = mend(data).data.replace(MARK.encode(), b"")
    try:
        return etree.fromstring(mended, _PARSER), (MENDED,)
    except etree.XMLSyntaxError:
        raise ValueError(f"no well-formed XML: {first.msg}") from None


def marc_record(root: etree._Element) -> etree._Element | None:
    """The element itself or the first inside it that is named record and has parts of MARC as children."""
    for element in root.iter("{*}record"):
        if len(element) and any(child.tag.endswith(_PARTS) for child in element):
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
    return any(not child.tag.endswith("leader") for child in record)


def _leader(text: str) -> str:
    """24 characters: leaders in XML are often short of the trailing blanks."""
    return text[:24].ljust(24) if text.strip() else ""
