"""A union record in full: as the API answers it, and as rows of a table for the page. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from indexer.text.fold import fold
from indexer.text.pinyin import syllables, token
from mappings.model import Agent, BibRecord, Holder, Library, UnionRecord
from search_api import answers
from search_api.citation import gbt7714
from search_api.presenting import library_names, record_url
from search_api.vocabulary import Words, availability, html_language, words

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_LATIN_LANGUAGES = {"zh", "ja", "ko", "ru", "ar", "he", "el", "th", "bo", "ug", "mn", "fa", "hi"}
"""Languages of which a text in Latin letters is a romanisation."""


class Value(Struct, frozen=True):
    """One value of an element of the description."""

    text: str
    lang: str = ""  # its HTML language; "" = that of the page
    label: Words | None = None  # said before it: the kind of title, of number …
    note: Words | None = None  # said after it: roles, qualifier
    twin: str = ""  # the same in the other script
    href: str = ""  # where a click on it leads: a search here, or a checked outside address


class Row(Struct, frozen=True):
    """One element of the description."""

    label: Words
    values: tuple[Value, ...]


def text_language(text: str, languages: tuple[str, ...]) -> str:
    """The HTML lang of a text of a record that is in those MARC languages, from the script it is written in."""
    known = [code for code in map(html_language, languages) if code]
    if _KANA.search(text):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    if _HAN.search(text):
        return "ja" if known[:1] == ["ja"] else "zh"
    if _LATIN.search(text) and known:
        return f"{known[0]}-Latn" if known[0] in _LATIN_LANGUAGES else known[0]
    return ""


def safe_url(url: str) -> str:
    """The address if it may be a link: http or https, with a host, without white space. Else ""."""
    if any(character.isspace() or not character.isprintable() for character in url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname else ""


def present_record(union: UnionRecord, libraries: Mapping[str, Library], base_url: str) -> answers.RecordAnswer:
    return answers.RecordAnswer(
        id=union.id,
        url=record_url(base_url, union.id),
        description=union.bib,
        holders=tuple(present_holder(holder, libraries) for holder in union.holders),
        sources=tuple(
            answers.SourceRecordRef(member.library, name.zh, name.en, member.source, member.identifier)
            for member in union.members
            for name in (library_names(libraries, member.library),)
        ),
        citation=gbt7714(union.bib),
    )


def present_holder(holder: Holder, libraries: Mapping[str, Library]) -> answers.RecordHolder:
    name = library_names(libraries, holder.library)
    can = availability(holder.available)
    return answers.RecordHolder(
        library=holder.library,
        name_zh=name.zh,
        name_en=name.en,
        available=holder.available,
        availability_zh=can.zh,
        availability_en=can.en,
        holdings=holder.holdings,
        records=holder.records,
    )


def describe(bib: BibRecord) -> tuple[Row, ...]:
    """The elements of the description that the record has, in the order of a catalogue card."""
    return tuple(Row(words("elements", element), values) for element, values in _elements(bib) if values)


def _elements(bib: BibRecord) -> Iterator[tuple[str, tuple[Value, ...]]]:
    yield "responsibility", _texts(bib, bib.responsibility)
    yield "agents", tuple(_agent(bib, agent) for agent in bib.agents)
    other = without_romanisations([each.value for each in bib.titles], (bib.title, bib.title_alt))
    titles = (each for each in bib.titles if each.value in other)
    yield "titles", tuple(_value(bib, each.value, label=words("titles", each.kind)) for each in titles)
    yield "edition", _texts(bib, bib.edition)
    yield "publication", _texts(bib, publication(bib))
    yield "coverage", _texts(bib, bib.coverage)
    yield "extent", _texts(bib, bib.extent)
    yield "material", (Value("", note=material_words(bib.material, bib.carrier)),)
    yield "series", tuple(_series(bib))
    yield "languages", tuple(Value("", note=words("languages", code)) for code in bib.languages)
    yield "original_languages", tuple(Value("", note=words("languages", code)) for code in bib.original_languages)
    yield "identifiers", tuple(_identifiers(bib))
    yield "classes", tuple(Value(each.value, label=words("schemes", each.scheme)) for each in bib.classes)
    yield "subjects", tuple(_value(bib, each.value, href=search_url(subject=each.value)) for each in bib.subjects)
    yield "abstract", tuple(_value(bib, each.value) for each in bib.notes if each.kind == "abstract")
    yield "contents", tuple(_value(bib, each.value) for each in bib.notes if each.kind == "contents")
    rest = (each for each in bib.notes if each.kind not in ("abstract", "contents"))
    yield "notes", tuple(_value(bib, each.value) for each in rest)
    yield "relations", tuple(_relations(bib))
    yield "links", tuple(Value(each.label or each.url, href=safe_url(each.url)) for each in bib.links)


def material_words(material: str, carrier: str) -> Words:
    """图书, or 图书 · 网络 where it is not on paper."""
    kind = words("materials", material)
    if carrier == "print":
        return kind
    on = words("carriers", carrier)
    return Words(f"{kind.zh} · {on.zh}", f"{kind.en} · {on.en}")


def publication(bib: BibRecord) -> str:
    """北京 : 人民文学出版社, 2008"""
    place = " ; ".join(without_romanisations(bib.places))
    maker = " ; ".join(without_romanisations(bib.publishers))
    date = bib.date_text or years(bib.year, bib.year_end)
    return ", ".join(part for part in (" : ".join(part for part in (place, maker) if part), date) if part)


def without_romanisations(values: Sequence[str], beside: Sequence[str] = ()) -> list[str]:
    """The values but for those that only spell another one, or one of `beside`, in pinyin: 北京 and Beijing."""
    sounding = {"".join(map(token, syllables(text))) for text in (*values, *beside) if _HAN.search(text)}
    return [text for text in values if _HAN.search(text) or "".join(re.findall(r"\w", fold(text))) not in sounding]


def years(first: int, last: int) -> str:
    """2008, 1990–2005, 1990– (still published); "" where the year is unknown."""
    if not first:
        return ""
    if last == 9999:
        return f"{first}–"
    return f"{first}–{last}" if last and last != first else str(first)


def search_url(**parameters: str) -> str:
    return "/search?" + urlencode(parameters)


def _value(
    bib: BibRecord, text: str, *, label: Words | None = None, note: Words | None = None, twin: str = "", href: str = ""
) -> Value:
    return Value(text, text_language(text, bib.languages), label, note, twin, href)


def _texts(bib: BibRecord, text: str) -> tuple[Value, ...]:
    return (_value(bib, text),) if text else ()


def _agent(bib: BibRecord, agent: Agent) -> Value:
    roles = [words("roles", role) for role in agent.roles]
    note = Words("、".join(role.zh for role in roles), ", ".join(role.en for role in roles)) if roles else None
    name = f"{agent.name}, {agent.dates}" if agent.dates else agent.name
    return _value(bib, name, note=note, twin=agent.alt, href=search_url(q=agent.name, field="author"))


def _series(bib: BibRecord) -> Iterator[Value]:
    for each in bib.series:
        text = f"{each.title} ; {each.number}" if each.number else each.title
        yield _value(bib, text, href=search_url(q=each.title, field="series"))


def _identifiers(bib: BibRecord) -> Iterator[Value]:
    for each in bib.identifiers:
        state = words("identifier_statuses", each.status)
        notes = [each.qualifier] if each.qualifier else []
        odd = each.status != "valid"
        note = Words(
            "；".join([*notes, state.zh] if odd else notes),
            "; ".join([*notes, state.en] if odd else notes),
        )
        href = safe_url(f"https://doi.org/{each.value}") if each.type == "doi" else ""
        yield Value(each.value, label=words("identifiers", each.type), note=note if note.zh else None, href=href)


def _relations(bib: BibRecord) -> Iterator[Value]:
    for each in bib.relations:
        text = " ".join(part for part in (each.title, each.number, each.identifier) if part)
        if text:
            href = search_url(q=each.title, field="title") if each.title else ""
            yield _value(bib, text, label=words("relations", each.kind), href=href)
