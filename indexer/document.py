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
from indexer.text.pinyin import read, split_pinyin, token
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
from mappings.model import BibRecord, Holder, UnionRecord, decode, encode, union_key

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
    title = _analyse(bib.title)
    spoken = _speak(title.folded, bib.title_pinyin, False, "chi" in bib.languages)
    weight = PRIOR_WEIGHT * math.log2(1 + len(union.holders))
    return Document(
        id=union.id,
        key=key,
        version=version,
        text=_texts(bib, title, spoken),
        keyword=_keywords(bib, union.holders),
        number={"year": bib.year, "holders": len(union.holders), "key": key},
        sort_title=_sort_title(title, spoken, bib.part_number),
        prior=2 ** (1 + weight) - 2,
        source=encode(brief_of(union)),
    )


# ---------------------------------------------------------------------------------------------- text


class _Text(Struct, frozen=True):
    """What the analysis makes of one string."""

    folded: str
    tokens: str
    singles: list[str]  # of `uni`, without a mark


class _Spoken(Struct, frozen=True):
    """How one string may be typed on a keyboard with Latin letters only."""

    syllables: tuple[str, ...] = ()  # joined; one reading, or two where the record's own pinyin is another
    initials: str = ""


def _analyse(text: str) -> _Text:
    folded = fold(text)
    return _Text(folded, " ".join(tokens(folded)), single_tokens("", folded))


def _speak(folded: str, own: str, name: bool, chinese: bool) -> _Spoken:
    """`own` is the pinyin that the record gives; it counts where it has as many syllables. `chinese`: Latin letters may
    be a romanised title or name."""
    if folded.isascii() or not any(map(is_cjk, RUN.findall(folded))):
        ways = [way for way in split_pinyin(folded) if len(way) > 1] if chinese else []
        return _Spoken((" ".join(ways[0]),), _initials(ways[0])) if ways else _Spoken()
    computed = [token(syllable) for syllable in read(folded, name)]
    given = split_pinyin(own) if own else []
    best = next((way for way in given if len(way) == len(computed)), computed)
    values = [best] if best in given or not given else [best, given[0]]
    return _Spoken(tuple(map(" ".join, values)), _initials(best))


def _initials(spoken: list[str]) -> str:
    """hlm; of a single syllable the whole (家: jia), since nobody types one letter."""
    return "".join([syllable[0] for syllable in spoken]) if len(spoken) > 1 else spoken[0]


# Publishers, subjects, series and names come again and again; titles hardly ever.
_analyse_again = lru_cache(maxsize=60_000)(_analyse)
_speak_again = lru_cache(maxsize=60_000)(_speak)


def _texts(bib: BibRecord, title: _Text, spoken: _Spoken) -> dict[str, str]:
    """Every text field. `title` and `spoken` are of the title proper."""
    part = f"{bib.part_number} {bib.part_name}".strip()
    whole = _analyse(f"{bib.title} {part}") if part else title
    others = [_analyse(other.value) for other in bib.titles]
    twin = _analyse(bib.title_alt) if bib.title_alt else None
    names = [_analyse_again(name) for agent in bib.agents for name in (agent.name, agent.alt) if name]
    values = {
        "title": [whole, *([_analyse(bib.subtitle)] if bib.subtitle else ()), *([twin] if twin else ())],
        "alt": others,
        "author": [*names, *([_analyse(bib.responsibility)] if bib.responsibility else ())],
        "subject": [_analyse_again(subject.value) for subject in bib.subjects],
        "publisher": [_analyse_again(publisher) for publisher in bib.publishers],
        "series": [_analyse_again(f"{series.title} {series.number}") for series in bib.series],
        "abstract": [_analyse(n.value[:ABSTRACT_INDEXED]) for n in bib.notes if n.kind in ("abstract", "contents")],
    }
    texts = {
        field: join_values(dict.fromkeys([value.tokens for value in found])) if found else NOTHING
        for field, found in values.items()
    }
    return texts | {"uni": _uni(values)} | _sounds(bib, title, spoken, twin, others)


def _uni(values: dict[str, list[_Text]]) -> str:
    found: dict[str, None] = {}
    for field, texts in values.items():
        mark = MARKS.get("title" if field == "alt" else field)
        if mark is not None:
            for text in texts:
                for single in text.singles:
                    found[mark + single] = None
    return " ".join(found) or NOTHING


def _sounds(bib: BibRecord, title: _Text, spoken: _Spoken, twin: _Text | None, others: list[_Text]) -> dict[str, str]:
    """The fields `py`, `ini` and `sug`."""
    chinese = "chi" in bib.languages
    titles = [spoken]
    suggested = [prefix_key(title.folded), spoken.initials]
    if twin is not None:
        titles.append(_speak(twin.folded, "", False, chinese))
        suggested += [prefix_key(twin.folded), titles[-1].initials]
    titles += [
        _speak(text.folded, other.pinyin, False, chinese) for text, other in zip(others, bib.titles, strict=True)
    ]
    names = [
        _speak_again(_analyse_again(name).folded, pinyin, agent.kind == "person", chinese)
        for agent in bib.agents
        for name, pinyin in ((agent.name, agent.pinyin), (agent.alt, ""))
        if name
    ]
    py: dict[str, None] = {}
    ini: dict[str, None] = {}
    for mark, found in ((MARKS["title"], titles), (MARKS["author"], names)):
        for each in found:
            for syllables in each.syllables:
                py[mark + syllables.replace(" ", f" {mark}")] = None
            if 2 <= len(each.initials) <= MOST_INITIALS:
                ini[mark + each.initials] = None
    sug = dict.fromkeys(prefix for key in suggested for prefix in prefixes(key))
    return {"py": join_values(py), "ini": " ".join(ini) or NOTHING, "sug": " ".join(sug) or NOTHING}


_ARTICLE = re.compile(r"(?:the|an?) (?=\w)")


def _sort_title(title: _Text, spoken: _Spoken, part: str) -> str:
    """Pinyin, then the title itself, so that homophones stand together; an English article is passed over."""
    if spoken.syllables:
        key = f"{spoken.syllables[0]} {title.folded}"
    else:
        key = _ARTICLE.sub("", title.tokens, count=1)
    return f"{key} {fold(part)}".rstrip()[:SORT_KEY]


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
