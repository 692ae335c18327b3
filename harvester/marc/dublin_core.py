"""Dublin Core as OAI-PMH has it: flat elements, known by their local names."""

from __future__ import annotations

from harvester.marc.marcxml import parse
from mappings.fields import Field, SourceRecord

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def decode_oai_dc(data: bytes) -> SourceRecord:
    """Decode one oai_dc (or qualified DC) element, bare or inside a metadata element.

    Every element without children is a field: its local name as tag, its xml:lang as indicators, its text under the
    code "". Empty ones are left out. Raises ValueError where the data is no XML.
    """
    root, flags = parse(data)
    fields: list[Field] = []
    for element in root.iter("*"):
        if len(element):
            continue
        text = (element.text or "").strip()
        if text and element is not root:
            fields.append((element.tag.rpartition("}")[2], element.get(_LANGUAGE) or "", (("", text),)))
    return SourceRecord("", tuple(fields), flags)
