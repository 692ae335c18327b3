"""The union record: one description of many, and every holding of all of them.

Pure, and the same whatever the order of the members: they are ranked first. Each element comes from the fullest record
that has it; elements that belong together (title and subtitle, year and date as printed) come from one record; lists
are united without what is double under the fold. Holdings are never united: what went in comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeVar

from msgspec.structs import replace

from indexer.text.fold import fold
from mappings.model import Agent, BibRecord, Holder, Holding, Identifier, Member, Title, UnionRecord, union_id

UNION_VERSION = 1
"""To be raised with every change of what is merged how: all union records are then made anew."""

T = TypeVar("T")
Source = tuple[Member, BibRecord]

_HAN = re.compile(r"[㐀-鿿𠀀-𳿿]")
_NOISE = re.compile(r"[\W_]+")
_FULLNESS = (
    "subtitle", "responsibility", "agents", "identifiers", "year", "publishers", "places", "pages", "edition", "extent",
    "subjects", "classes", "notes", "series", "languages", "title_pinyin", "links", "country",
)  # fmt: skip
_DIALECTS = {"cnmarc": 3, "unimarc": 2, "marc21": 2, "dublin_core": 0}
_PREFERRED = 3  # what being in simplified characters counts, in filled elements
_LENDABLE = ("available", "reference")


def merge(members: Sequence[Source], key: int) -> UnionRecord:
    """The union record of the members (at least one)."""
    ranked = sorted(members, key=_rank)
    bibs = [bib for _, bib in ranked]
    description = _single(bibs[0]) if len(bibs) == 1 else _describe(bibs)
    return UnionRecord(
        id=union_id(key),
        bib=description,
        members=tuple(sorted((member for member, _ in members), key=_member_order)),
        holders=_holders(members),
    )


def _rank(source: Source) -> tuple[int, str, str, int]:
    """The fullest first; a CNMARC record in simplified characters counts as fuller than its like."""
    member, bib = source
    fullness = sum(1 for name in _FULLNESS if getattr(bib, name))
    fullness += _DIALECTS.get(bib.dialect, 0)
    if _is_simplified(bib.title):
        fullness += _PREFERRED
    return (-fullness, *_member_order(member))


def _member_order(member: Member) -> tuple[str, str, int]:
    return member.library, member.identifier, member.source


@lru_cache(maxsize=65536)
def _is_simplified(title: str) -> bool:
    han = "".join(_HAN.findall(title))
    return bool(han) and fold(han) == han


@lru_cache(maxsize=262144)
def _key(text: str) -> str:
    """What makes two texts the same: letters and digits under the fold."""
    folded = fold(text)
    return _NOISE.sub("", folded) or folded


# ---------------------------------------------------------------------------------------------- description


def _single(bib: BibRecord) -> BibRecord:
    return replace(bib, local_id="", holdings=())


def _describe(bibs: list[BibRecord]) -> BibRecord:
    best = bibs[0]
    dated = _first(bibs, lambda b: bool(b.year))
    sized = _first(bibs, lambda b: bool(b.pages))
    pinyin = _first(bibs, lambda b: bool(b.title_pinyin) and _key(b.title) == _key(best.title))
    return replace(
        best,
        local_id="",
        title_alt=_other_script(bibs),
        title_pinyin=pinyin.title_pinyin,
        subtitle=_first(bibs, lambda b: bool(b.subtitle)).subtitle,
        part_number=_first(bibs, lambda b: bool(b.part_number)).part_number,
        part_name=_first(bibs, lambda b: bool(b.part_name)).part_name,
        responsibility=_first(bibs, lambda b: bool(b.responsibility)).responsibility,
        titles=_titles(bibs),
        series=_united((b.series for b in bibs), lambda s: (_key(s.title), _key(s.number))),
        agents=_agents(bibs),
        identifiers=_identifiers(bibs),
        year=dated.year,
        year_end=dated.year_end,
        date_text=dated.date_text or _first(bibs, lambda b: bool(b.date_text)).date_text,
        languages=_united((b.languages for b in bibs), str),
        original_languages=_united((b.original_languages for b in bibs), str),
        country=_first(bibs, lambda b: bool(b.country)).country,
        places=_united((b.places for b in bibs), _key),
        publishers=_united((b.publishers for b in bibs), _key),
        edition=_first(bibs, lambda b: bool(b.edition)).edition,
        extent=sized.extent or _first(bibs, lambda b: bool(b.extent)).extent,
        pages=sized.pages,
        subjects=_united((b.subjects for b in bibs), lambda s: _key(s.value)),
        classes=_united((b.classes for b in bibs), lambda c: (c.scheme, c.value)),
        notes=_united((b.notes for b in bibs), lambda n: _key(n.value)),
        coverage=_first(bibs, lambda b: bool(b.coverage)).coverage,
        links=_united((b.links for b in bibs), lambda link: link.url),
        relations=_united((b.relations for b in bibs), lambda r: (r.kind, _key(r.title), r.identifier, _key(r.number))),
        holdings=(),
        flags=tuple(sorted({flag for b in bibs for flag in b.flags})),
    )


def _first(bibs: list[BibRecord], has: Callable[[BibRecord], bool]) -> BibRecord:
    """The highest ranked record that has it; the very first where none has."""
    return next((bib for bib in bibs if has(bib)), bibs[0])


def _united(lists: Iterable[Sequence[T]], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    """All elements in order, of those with equal key the first."""
    exact: set[T] = set()
    found: dict[Hashable, T] = {}
    for element in chain.from_iterable(lists):
        if element not in exact:  # copies are mostly exact: no need to fold them
            exact.add(element)
            found.setdefault(key(element), element)
    return tuple(found.values())


def _other_script(bibs: list[BibRecord]) -> str:
    """The title proper in the other script: as the best record has it, else as another wrote it."""
    best = bibs[0]
    if best.title_alt:
        return best.title_alt
    same = _key(best.title)
    for bib in bibs[1:]:
        for title in (bib.title, bib.title_alt):
            if title and title != best.title and _HAN.search(title) and _key(title) == same and _traditional(title):
                return title
    for bib in bibs[1:]:
        if bib.title_alt and bib.title_alt != best.title:
            return bib.title_alt
    return ""


def _traditional(title: str) -> bool:
    return not _is_simplified(title)


def _titles(bibs: list[BibRecord]) -> tuple[Title, ...]:
    """Variant titles of all, and titles proper that are not the one that was chosen."""
    best = bibs[0]
    known = {_key(best.title), _key(best.title + best.subtitle), ""}
    united = _united((b.titles for b in bibs), lambda t: _key(t.value))
    others = (Title(b.title, "variant", b.title_pinyin) for b in bibs[1:] if b.title != best.title)
    found = {_key(title.value): title for title in chain(others)}
    found |= {_key(title.value): title for title in united}
    order = [_key(title.value) for title in united]
    order += [key for key in found if key not in set(order)]
    return tuple(found[key] for key in order if key not in known)


def _agents(bibs: list[BibRecord]) -> tuple[Agent, ...]:
    """Agents of all; of one that several name, roles, dates and the other script are put together."""
    found: list[Agent] = []
    place: dict[str, int] = {}
    exact: set[Agent] = set()
    for agent in chain.from_iterable(b.agents for b in bibs):
        if agent in exact:
            continue
        exact.add(agent)
        names = [key for key in (_key(agent.name), _key(agent.alt) if agent.alt else "") if key]
        at = next((place[name] for name in names if name in place), None)
        if at is None:
            at = len(found)
            found.append(agent)
        else:
            found[at] = _joined(found[at], agent)
        for name in names:
            place.setdefault(name, at)
    return tuple(found)


def _joined(agent: Agent, other: Agent) -> Agent:
    alt = agent.alt
    if not alt:
        alt = next((name for name in (other.alt, other.name) if name and _key(name) != _key(agent.name)), "")
    return replace(
        agent,
        roles=tuple(dict.fromkeys((*agent.roles, *other.roles))),
        primary=agent.primary or other.primary,
        alt=alt,
        dates=agent.dates or other.dates,
        pinyin=agent.pinyin or other.pinyin,
    )


def _identifiers(bibs: list[BibRecord]) -> tuple[Identifier, ...]:
    """Identifiers of all; one that is valid in one record and cancelled in another is valid."""
    found: dict[tuple[str, str], Identifier] = {}
    for identifier in chain.from_iterable(b.identifiers for b in bibs):
        name = (identifier.type, identifier.value)
        known = found.get(name)
        if known is None or (known.status != "valid" and identifier.status == "valid"):
            found[name] = identifier
    return tuple(found.values())


# ---------------------------------------------------------------------------------------------- holders


def _holders(members: Sequence[Source]) -> tuple[Holder, ...]:
    by_library: dict[str, list[Source]] = {}
    for source in sorted(members, key=lambda each: _member_order(each[0])):
        by_library.setdefault(source[0].library, []).append(source)
    return tuple(_holder(library, sources) for library, sources in sorted(by_library.items()))


def _holder(library: str, sources: list[Source]) -> Holder:
    holdings = tuple(holding for _, bib in sources for holding in bib.holdings)
    records = tuple(member.identifier for member, _ in sources)
    return Holder(library, holdings, _available(holdings), records)


def _available(holdings: tuple[Holding, ...]) -> bool:
    """False only where every copy tells its status and none can be had; a library that says nothing may have it."""
    statuses = [
        status
        for holding in holdings
        for status in ([item.status or holding.status for item in holding.items] or [holding.status])
    ]
    return not statuses or any(not status or status in _LENDABLE for status in statuses)
