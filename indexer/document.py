"""From a union record to the document that an engine stores. Pure, and made for worker processes.

Every text that a record gives is folded and cut here, by indexer/text, so that both engines index the same tokens.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from indexer.engine.protocol import Document
from indexer.text.fold import fold
from indexer.text.pinyin import split_pinyin, syllables, token
from indexer.text.tables import BUILT, FOLDER
from indexer.text.tokens import (
    MARKS,
    MOST_INITIALS,
    NOTHING,
    RUN,
    is_cjk,
    join_values,
    prefix_key,
    prefixes,
    single_tokens,
    tokens,
)
from mappings.model import Agent, BibRecord, Holder, UnionRecord, decode, encode, union_key

CHAIN_VERSION = 1
"""To be raised when the code of indexer/text, or what goes into which field here, changes what is indexed."""

PRIOR_WEIGHT = 0.15  # how much wide holding counts; a starting value (field notes: identical order in both engines)
ABSTRACT_SHOWN = 300
COVERAGE_SHOWN = 120
ABSTRACT_INDEXED = 4000  # characters; tables of contents of collected works are longer than any abstract
SORT_KEY = 120


def _analysis_version() -> str:
    digest = blake2b(f"{CHAIN_VERSION} {unicodedata.unidata_version}".encode(), digest_size=4)
    for name in BUILT:
        digest.update((FOLDER / name).read_bytes())
    return digest.hexdigest()


ANALYSIS_VERSION = _analysis_version()
"""Equal where the same record gives the same tokens: part of the name of an index generation."""


class BriefHolder(Struct, frozen=True, omit_defaults=True):
    """One library in a hit list."""

    library: str  # Library.symbol
    available: bool = True
    call_number: str = ""
    location: str = ""
    coverage: str = ""


class Brief(Struct, frozen=True, omit_defaults=True):
    """What a hit list shows of a union record: the `source` of its document, as JSON."""

    id: str
    title: str
    title_alt: str = ""
    subtitle: str = ""
    part_number: str = ""
    part_name: str = ""
    responsibility: str = ""
    authors: tuple[str, ...] = ()
    year: int = 0
    year_end: int = 0
    place: str = ""
    publisher: str = ""
    edition: str = ""
    extent: str = ""
    material: str = "book"
    carrier: str = "print"
    languages: tuple[str, ...] = ()
    isbns: tuple[str, ...] = ()
    issns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    abstract: str = ""  # its beginning
    holders: tuple[BriefHolder, ...] = ()


def documents(packed: Iterable[tuple[bytes, int]]) -> list[Document]:
    """The documents of union records as JSON, each with the number of its last change."""
    return [document_of(decode(data, UnionRecord), version) for data, version in packed]


def document_of(union: UnionRecord, version: int) -> Document:
    """Raises ValueError where the union record's id is none."""
    key = union_key(union.id)
    if key is None:
        raise ValueError(f"{union.id!r} is no id of a union record")
    bib = union.bib
    weight = PRIOR_WEIGHT * math.log2(1 + len(union.holders))
    return Document(
        id=union.id,
        key=key,
        version=version,
        text=_texts(bib),
        keyword=_keywords(bib, union.holders),
        number={"year": bib.year, "holders": len(union.holders), "key": key},
        sort_title=_sort_title(bib),
        prior=2 ** (1 + weight) - 2,
        source=encode(brief_of(union)),
    )


# ---------------------------------------------------------------------------------------------- text


class _Text(Struct, frozen=True):
    """What the analysis makes of one string."""

    tokens: str
    singles: tuple[str, ...]  # of `uni`, without a mark


def _analyse(text: str) -> _Text:
    folded = fold(text)
    return _Text(" ".join(tokens(folded)), tuple(single_tokens("", folded)))


# Publishers, subjects, series and authors come again and again; titles hardly ever.
_again = lru_cache(maxsize=60_000)(_analyse)


def _texts(bib: BibRecord) -> dict[str, str]:
    """Every text field."""
    part = " ".join(filter(None, (bib.part_number, bib.part_name)))
    title = f"{bib.title} {part}" if part else bib.title
    alt = dict.fromkeys(other.value for other in bib.titles)
    texts = {
        "title": [_analyse(value) for value in dict.fromkeys((title, bib.subtitle, bib.title_alt)) if value],
        "alt": [_analyse(value) for value in alt if value],
        "author": [_again(value) for value in _author_values(bib) if value],
        "subject": [_again(subject.value) for subject in bib.subjects if subject.value],
        "publisher": [_again(value) for value in bib.publishers if value],
        "series": [_again(f"{series.title} {series.number}") for series in bib.series],
        "abstract": [_analyse(note) for note in _abstracts(bib)],
    }
    uni: dict[str, None] = {}
    for field, values in texts.items():
        mark = MARKS["title"] if field == "alt" else MARKS.get(field)
        if mark:
            uni |= {mark + single: None for value in values for single in value.singles}
    joined = {field: join_values(value.tokens for value in values) for field, values in texts.items()}
    return joined | {"uni": " ".join(uni) or NOTHING} | _sounds(bib)


def _author_values(bib: BibRecord) -> dict[str, None]:
    names = [name for agent in bib.agents for name in (agent.name, agent.alt)]
    return dict.fromkeys([*names, bib.responsibility])


def _abstracts(bib: BibRecord) -> list[str]:
    return [note.value[:ABSTRACT_INDEXED] for note in bib.notes if note.kind in ("abstract", "contents")]


# ---------------------------------------------------------------------------------------------- sound


class _Spoken(Struct, frozen=True):
    """How one string may be typed on a keyboard with Latin letters only."""

    syllables: tuple[tuple[str, ...], ...] = ()  # one reading, or two where the record's own pinyin is another
    initials: str = ""


def _speak(text: str, own: str, name: bool, chinese: bool) -> _Spoken:
    """`own` is the pinyin that the record gives; it counts where it has as many syllables. `chinese`: Latin letters may
    be a romanised title or name."""
    if text.isascii() or not any(map(is_cjk, RUN.findall(fold(text)))):
        ways = [way for way in split_pinyin(text) if len(way) > 1] if chinese else []
        return _Spoken((tuple(ways[0]),), _initials(ways[0])) if ways else _Spoken()
    computed = [token(syllable) for syllable in syllables(text, name=name)]
    given = split_pinyin(own) if own else []
    best = next((way for way in given if len(way) == len(computed)), computed)
    values = [best] if best in given or not given else [best, given[0]]
    return _Spoken(tuple(map(tuple, values)), _initials(best))


def _initials(spoken: list[str]) -> str:
    """hlm; of a single syllable the whole (家: jia), since nobody types one letter."""
    return "".join(syllable[0] for syllable in spoken) if len(spoken) > 1 else spoken[0]


_speak_again = lru_cache(maxsize=60_000)(_speak)


def _sounds(bib: BibRecord) -> dict[str, str]:
    """The fields `py`, `ini` and `sug`."""
    chinese = "chi" in bib.languages
    title = _speak(bib.title, bib.title_pinyin, False, chinese)
    others = [_speak(bib.title_alt, "", False, chinese)] if bib.title_alt else []
    others += [_speak(other.value, other.pinyin, False, chinese) for other in bib.titles]
    names = [
        _speak_again(name, pinyin, agent.kind == "person", chinese)
        for agent in bib.agents
        for name, pinyin in _names(agent)
    ]
    py: dict[str, None] = {}
    ini: dict[str, None] = {}
    for mark, spoken in (
        *((MARKS["title"], each) for each in (title, *others)),
        *((MARKS["author"], n) for n in names),
    ):
        py |= {" ".join(mark + syllable for syllable in value): None for value in spoken.syllables}
        if 2 <= len(spoken.initials) <= MOST_INITIALS:
            ini[mark + spoken.initials] = None
    suggested = [prefix_key(fold(bib.title)), title.initials]
    if bib.title_alt:
        suggested += [prefix_key(fold(bib.title_alt)), others[0].initials]
    sug = dict.fromkeys(prefix for key in suggested for prefix in prefixes(key))
    return {"py": join_values(py), "ini": " ".join(ini) or NOTHING, "sug": " ".join(sug) or NOTHING}


def _names(agent: Agent) -> list[tuple[str, str]]:
    return [(agent.name, agent.pinyin), (agent.alt, "")] if agent.alt else [(agent.name, agent.pinyin)]


_ARTICLE = re.compile(r"(?:the|an?) (?=\w)")


def _sort_title(bib: BibRecord) -> str:
    """Pinyin, then the title itself, so that homophones stand together; an English article is passed over."""
    title = bib.title_alt if bib.title_alt and bib.title.isascii() and "chi" in bib.languages else bib.title
    spoken = _speak(title, bib.title_pinyin, False, False).syllables
    folded = " ".join(tokens(fold(title))) if not spoken else prefix_key(fold(title))
    key = f"{' '.join(spoken[0])} {folded}" if spoken else _ARTICLE.sub("", folded, count=1)
    return f"{key} {bib.part_number}".strip()[:SORT_KEY]


# ---------------------------------------------------------------------------------------------- values and brief


def _keywords(bib: BibRecord, holders: tuple[Holder, ...]) -> dict[str, tuple[str, ...]]:
    numbers = [f"{i.type}:{i.value}" for i in bib.identifiers if i.type not in ("isbn", "issn")]
    clc = [each.value.strip().upper() for each in bib.classes if each.scheme == "clc"]
    values = {
        "lib": [holder.library for holder in holders],
        "avl": [holder.library for holder in holders if holder.available],
        "format": [bib.material],
        "language": bib.languages,
        "subject_kw": [subject.value for subject in bib.subjects],
        "class_kw": [level for value in clc for level in _class_levels(value)],
        "isbn": [i.value for i in bib.identifiers if i.type == "isbn"],
        "issn": [i.value for i in bib.identifiers if i.type == "issn"],
        "number": numbers + [f"clc:{prefix}" for value in clc for prefix in _class_prefixes(value)],
        "author_kw": [agent.name for agent in bib.agents],
        "carrier": [bib.carrier],
    }
    return {field: tuple(dict.fromkeys(filter(None, found))) for field, found in values.items() if any(found)}


@lru_cache(maxsize=20_000)
def _class_levels(value: str) -> tuple[str, ...]:
    """The classes of the facet: the main class, and of T, which is half the catalogue, the two letters (TP)."""
    if not value[:1].isascii() or not value[:1].isalpha():
        return ()
    return (value[0], value[:2]) if value[0] == "T" and value[1:2].isalpha() else (value[0],)


@lru_cache(maxsize=20_000)
def _class_prefixes(value: str) -> tuple[str, ...]:
    """I247.5 → I2, I24, I247, I247.5: whoever asks for a class means what lies under it too."""
    if not _class_levels(value):
        return ()
    return tuple(value[:length] for length in range(2, min(len(value), 16) + 1) if value[length - 1].isalnum())


def brief_of(union: UnionRecord) -> Brief:
    bib = union.bib
    abstract = next((note.value for note in bib.notes if note.kind == "abstract"), "")
    return Brief(
        id=union.id,
        title=bib.title,
        title_alt=bib.title_alt,
        subtitle=bib.subtitle,
        part_number=bib.part_number,
        part_name=bib.part_name,
        responsibility=bib.responsibility,
        authors=tuple(dict.fromkeys(agent.name for agent in bib.agents)),
        year=bib.year,
        year_end=bib.year_end,
        place=bib.places[0] if bib.places else "",
        publisher=bib.publishers[0] if bib.publishers else "",
        edition=bib.edition,
        extent=bib.extent,
        material=bib.material,
        carrier=bib.carrier,
        languages=bib.languages,
        isbns=tuple(dict.fromkeys(i.value for i in bib.identifiers if i.type == "isbn")),
        issns=tuple(dict.fromkeys(i.value for i in bib.identifiers if i.type == "issn")),
        classes=tuple(dict.fromkeys(each.value for each in bib.classes)),
        abstract=abstract[:ABSTRACT_SHOWN],
        holders=tuple(map(_brief_holder, union.holders)),
    )


def _brief_holder(holder: Holder) -> BriefHolder:
    """The first call number and location that the library tells, and all that it has of a serial or set."""
    call_number = location = ""
    coverage: list[str] = []
    for holding in holder.holdings:
        items = holding.items
        call_number = call_number or holding.call_number or next((i.call_number for i in items if i.call_number), "")
        location = location or holding.location or next((i.location for i in items if i.location), "") or holding.branch
        if holding.coverage and holding.coverage not in coverage:
            coverage.append(holding.coverage)
    return BriefHolder(holder.library, holder.available, call_number, location, "; ".join(coverage)[:COVERAGE_SHOWN])
