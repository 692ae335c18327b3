"""Union records in brief, as hits of a search show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from indexer.document import Brief, BriefHolder
from indexer.engine.protocol import Suggestion
from mappings.model import Library
from search_api import answers
from search_api.vocabulary import Words, availability, words

EXCERPT = 160
"""Characters of an abstract that a hit shows."""

_MARKED = {
    "any": ("title", "title_alt", "subtitle", "part_name", "responsibility", "authors", "publisher", "abstract"),
    "title": ("title", "title_alt", "subtitle", "part_name"),
    "author": ("responsibility", "authors"),
    "publisher": ("publisher",),
}
"""Where the words of a search in that field may stand in a hit."""


class Marks(Protocol):
    """`indexer.text.highlight.Highlighter`."""

    def mark(self, original: str) -> list[tuple[str, bool]]: ...


def library_names(libraries: Mapping[str, Library], symbol: str) -> Words:
    """The name of a library; a symbol that nobody knows stands for itself."""
    known = libraries.get(symbol)
    return Words(known.name_zh or symbol, known.name_en or known.name_zh or symbol) if known else Words(symbol, symbol)


def present_hit(
    brief: Brief, marks: Marks | None, field: str, libraries: Mapping[str, Library], base_url: str
) -> answers.SearchHit:
    """The hit as the API and the pages show it; `marks` is None where nothing was searched for in words."""
    return answers.SearchHit(
        id=brief.id,
        url=record_url(base_url, brief.id),
        title=brief.title,
        title_alt=brief.title_alt,
        subtitle=brief.subtitle,
        part_number=brief.part_number,
        part_name=brief.part_name,
        responsibility=brief.responsibility,
        authors=brief.authors,
        year=brief.year,
        year_end=brief.year_end,
        place=brief.place,
        publisher=brief.publisher,
        edition=brief.edition,
        extent=brief.extent,
        material=brief.material,
        carrier=brief.carrier,
        languages=brief.languages,
        isbns=brief.isbns,
        issns=brief.issns,
        classes=brief.classes,
        abstract=brief.abstract,
        holders=tuple(_holder(each, libraries) for each in brief.holders),
        highlights=_highlights(brief, marks, field) if marks else {},
    )


def record_url(base_url: str, record_id: str) -> str:
    return f"{base_url}/record/{record_id}"


def _holder(holder: BriefHolder, libraries: Mapping[str, Library]) -> answers.HolderBrief:
    name = library_names(libraries, holder.library)
    can = availability(holder.available)
    return answers.HolderBrief(
        library=holder.library,
        name_zh=name.zh,
        name_en=name.en,
        available=holder.available,
        availability_zh=can.zh,
        availability_en=can.en,
        call_number=holder.call_number,
        location=holder.location,
        coverage=holder.coverage,
    )


def _highlights(brief: Brief, marks: Marks, field: str) -> dict[str, tuple[answers.Part, ...]]:
    found = {}
    for element in _MARKED.get(field, ()):
        value = getattr(brief, element)
        text = "; ".join(value) if isinstance(value, tuple) else value
        if not text:
            continue
        parts = tuple(answers.Part(piece, marked) for piece, marked in marks.mark(text))
        if any(part.marked for part in parts):
            found[element] = excerpt(parts, EXCERPT) if element == "abstract" else parts
    return found


def excerpt(parts: Sequence[answers.Part], limit: int) -> tuple[answers.Part, ...]:
    """About `limit` characters around the first mark; "…" stands where something was left out."""
    before = 0
    for part in parts:
        if part.marked:
            break
        before += len(part.text)
    start = max(0, before - limit // 3)
    kept: list[answers.Part] = []
    position = 0
    for part in parts:
        piece = part.text[max(0, start - position) : max(0, start + limit - position)]
        position += len(part.text)
        if piece:
            kept.append(answers.Part(piece, part.marked))
    if start:
        kept.insert(0, answers.Part("…", False))
    if position > start + limit:
        kept.append(answers.Part("…", False))
    return tuple(kept)


_LABELS = {"format": "materials", "language": "languages", "class": "classes", "carrier": "carriers"}


def present_facet(
    name: str, counts: Sequence[tuple[str, int]], libraries: Mapping[str, Library]
) -> tuple[answers.FacetValue, ...]:
    """The values of a facet with their words. Year 0 stands for "unknown" and is left out."""
    return tuple(
        answers.FacetValue(value, count, label.zh, label.en)
        for value, count in counts
        if (name, value) != ("year", "0")
        for label in (facet_label(name, value, libraries),)
    )


def facet_label(name: str, value: str, libraries: Mapping[str, Library]) -> Words:
    """The words for a value of a facet."""
    if name == "library":
        return library_names(libraries, value)
    if name in _LABELS:
        return words(_LABELS[name], value)
    return Words(value, value)


def present_suggestion(found: Suggestion, base_url: str) -> answers.SuggestedTitle:
    return answers.SuggestedTitle(found.title, found.id, record_url(base_url, found.id), found.holders)
