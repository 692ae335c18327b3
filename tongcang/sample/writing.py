"""Fast writers of MARC: ISO 2709 in any charset, and MARCXML.

They write what real systems write: the leader's charset mark (position 9) is left as the library has it, and a record
or field that is too long for its digits gets nines, not an error.
"""

from __future__ import annotations

import re

from tongcang.sample.cataloguing import Marc

_SPECIAL = re.compile('[&<>"]')
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}

MARCXML_OPEN = '<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="http://www.loc.gov/MARC21/slim">\n'
MARCXML_CLOSE = "</collection>\n"


def iso2709(record: Marc, charset: str = "utf-8", status: str = "") -> bytes:
    """The record as ISO 2709. `status` replaces leader/05 (d = deleted)."""
    directory = []
    data = []
    position = 0
    for tag, content in record.fields:
        encoded = content.encode(charset)
        length = len(encoded) + 1
        directory.append("%s%04d%05d" % (tag, length if length < 10_000 else 9999, position))  # noqa: UP031 (faster)
        data.append(encoded)
        position += length
    data.append(b"\x1d")
    base = 25 + 12 * len(directory)
    leader = record.leader
    total = min(base + position + 1, 99_999)
    head = f"{total:05d}{status or leader[5]}{leader[6:12]}{base:05d}{leader[17:]}{''.join(directory)}\x1e"
    return head.encode("ascii") + b"\x1e".join(data)


def marcxml(record: Marc, namespace: bool = False) -> str:
    """The record element; with its namespace declared where it stands alone."""
    parts = ['<record xmlns="http://www.loc.gov/MARC21/slim">' if namespace else "<record>"]
    add = parts.append
    leader = record.leader
    add(f"<leader>     {leader[5:12]}     {leader[17:]}</leader>")
    for tag, content in record.fields:
        if _SPECIAL.search(content) is not None:
            content = _SPECIAL.sub(lambda found: _ENTITIES[found[0]], content)
        if "\x1f" not in content:
            add(f'<controlfield tag="{tag}">{content}</controlfield>')
            continue
        indicators, *subfields = content.split("\x1f")
        add(f'<datafield tag="{tag}" ind1="{indicators[0]}" ind2="{indicators[1]}">')
        for subfield in subfields:
            add(f'<subfield code="{subfield[0]}">{subfield[1:]}</subfield>')
        add("</datafield>")
    add("</record>")
    return "".join(parts)
