"""A publication of a library's collection of electronic resources as simple Dublin Core."""

from __future__ import annotations

from xml.sax.saxutils import escape

from tongcang.sample.publications import Publication
from tongcang.sample.standard_numbers import hyphens

_OPEN = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/oai_dc/ http://www.openarchives.org/OAI/2.0/oai_dc.xsd">'
)
_TYPES = {"serial": "电子期刊", "rare_book": "数字化古籍", "thesis": "学位论文"}
SETS = {
    "ebook": "电子图书",
    "ejournal": "电子期刊",
    "guji": "数字化古籍",
    "ebook:chi": "中文电子图书",
    "ebook:wes": "外文电子图书",
}


def sets_of(publication: Publication) -> tuple[str, ...]:
    if publication.kind == "serial":
        return ("ejournal",)
    if publication.kind == "rare_book":
        return ("guji",)
    return ("ebook", "ebook:chi" if publication.language == "chi" else "ebook:wes")


def dublin_core(publication: Publication, revision: int) -> str:
    """The oai_dc element. A revision adds the subject in the other script."""
    title = publication.title.simple
    if publication.subtitle:
        title += ("：" if publication.language == "chi" else ": ") + publication.subtitle.simple
    if publication.part_number:
        title += f" {publication.part_number}"
    elements = [("title", title)]
    elements += [("creator", person.name.simple) for person in publication.people if not person.secondary]
    elements += [("contributor", person.name.simple) for person in publication.people if person.secondary]
    elements += [("subject", subject.simple) for subject in publication.subjects]
    elements.append(("subject", publication.clc))
    if revision:
        elements += [("subject", subject.traditional) for subject in publication.subjects]
    if publication.publisher:
        elements.append(("publisher", publication.publisher.simple))
    elements.append(("date", str(publication.year)))
    elements.append(("type", _TYPES.get(publication.kind, "电子图书")))
    elements.append(("format", "application/pdf"))
    if publication.isbn:
        elements.append(("identifier", f"ISBN {hyphens(publication.isbn)}"))
    if publication.issn:
        elements.append(("identifier", f"ISSN {publication.issn}"))
    elements.append(("identifier", publication.url or f"https://eresources.example.org/item/{publication.number}"))
    elements.append(("language", publication.language))
    return _OPEN + "".join(f"<dc:{name}>{escape(value)}</dc:{name}>" for name, value in elements) + "</oai_dc:dc>"
