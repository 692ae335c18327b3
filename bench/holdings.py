"""How many real statements of holdings are understood whole, and how fast holdings are compared with a citation.

    python -m bench.holdings FOLDER [--unread]

Reads the MARC files under FOLDER as a source does, takes the distinct statements from the fields that tell volumes and
years held or published, and prints per field how many `routing.held` understood whole; --unread lists the others.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from harvester.marc.iso2709 import decode_iso2709
from harvester.marc.marcxml import decode_marcxml
from harvester.sources.marc_files import MarcFiles
from harvester.sources.protocol import Page, Received
from mappings.fields import SourceRecord
from mappings.model import Holding
from mappings.requests import Citation
from routing.coverage import covers
from routing.held import read

FIELDS = {
    "207": "a", "362": "a", "852": "3", "866": "a", "867": "a", "868": "a", "905": "vy", "945": "c", "985": "h",
    "995": "vl", "999": "v", "930": "z",
}  # fmt: skip
"""Tags, and the subfields that tell volumes: of the publication (207, 362), of holdings, of items (945, 985, 999)."""


def records(folder: Path) -> Iterator[SourceRecord]:
    for page in MarcFiles(folder).pages("", ""):
        for event in page.events if isinstance(page, Page) else ():
            if isinstance(event, Received) and event.data:
                iso = event.format == "iso2709"
                yield decode_iso2709(event.data, event.charset) if iso else decode_marcxml(event.data)


def statements(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for record in records(folder):
        for tag, _, subfields in record.fields:
            wanted = FIELDS.get(tag, "")
            values = [value.strip() for code, value in subfields if code in wanted] if wanted else []
            found[tag].update(value for value in values if any(map(str.isdigit, value)) and "OCoLC" not in value)
    return {tag: values for tag, values in sorted(found.items()) if values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unread", action="store_true", help="list what was not understood whole")
    options = parser.parse_args()
    found = statements(options.folder)
    whole_of_all = 0
    for tag, values in found.items():
        unread = sorted(value for value in values if not read(value).whole)
        whole_of_all += len(values) - len(unread)
        print(f"{tag}  {len(values):4} statements, {len(values) - len(unread):4} understood whole")
        if options.unread:
            print("".join(f"       {value}\n" for value in unread), end="")
    texts = [value for values in found.values() for value in values]
    print(
        f"all  {len(texts):4} statements, {whole_of_all:4} understood whole ({whole_of_all / max(1, len(texts)):.0%})"
    )
    read.cache_clear()
    citation = Citation("article", date="1995", volume="12", issue="3")
    begun = time.process_time()
    for text in texts:
        covers([Holding(coverage=text)], citation, "serial")
    print(f"{1e6 * (time.process_time() - begun) / max(1, len(texts)):.0f} µs to read one and compare it")


if __name__ == "__main__":
    main()
