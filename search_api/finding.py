"""Which publication does a citation mean? Numbers are put into their canonical form, candidates are judged. Pure.

A candidate's confidence is a sum of plain parts, so that a person can see what it rests on: a number that fits is worth
everything, a title alone little more than half.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from indexer.text.fold import fold
from mappings.identifiers import parse
from mappings.model import BibRecord, Library, UnionRecord
from search_api import answers
from search_api.describing import present_holder
from search_api.presenting import record_url
from search_api.vocabulary import Words, words

NUMBER_TYPES = ("cn", "tyshuhao", "oclc", "lccn", "calis", "nlc", "doi", "ismn", "standard", "control", "other")
"""Where a number without a type is looked for."""

WORTH = {
    "identifier": 1.0,
    "identifier_cancelled": 0.8,
    "identifier_invalid": 0.8,
    "identifier_of_set": 0.7,
    "title_equal": 0.6,
    "title_similar": 0.3,
    "author_equal": 0.2,
    "author_differs": -0.15,
    "year_equal": 0.15,
    "year_near": 0.05,
    "year_differs": -0.2,
}


class Question(Struct, frozen=True):
    """What is known of the publication that is looked for; "" and 0 = not known."""

    isbn: str = ""
    issn: str = ""
    number: str = ""
    record_id: str = ""
    title: str = ""
    author: str = ""
    year: int = 0


class Number(Struct, frozen=True):
    """An identifier in its canonical form."""

    type: str
    value: str


def asked_numbers(question: Question) -> tuple[Number, ...]:
    """The numbers of the question as records have them. A bare number may be of any type, "cn:11-1277" is of one."""
    found: list[Number] = []
    if question.isbn:
        found.append(_canonical("isbn", question.isbn) or Number("isbn", question.isbn))
    if question.issn:
        found.append(_canonical("issn", question.issn) or Number("issn", question.issn))
    if question.number:
        kind, colon, value = question.number.partition(":")
        said = colon and kind.lower() in NUMBER_TYPES and value.strip()
        for type_, text in [(kind.lower(), value)] if said else [(each, question.number) for each in NUMBER_TYPES]:
            if number := _canonical(type_, text):
                found.append(number)
    return tuple(dict.fromkeys(found))


def _canonical(type_: str, text: str) -> Number | None:
    identifier = parse(type_, text)
    return Number(identifier.type, identifier.value) if identifier else None


def judge(question: Question, bib: BibRecord, asked: tuple[Number, ...] = ()) -> tuple[float, tuple[str, ...]]:
    """Confidence 0–1 that the record is what was asked for, and the codes of what that rests on."""
    basis = [found] if (found := _identifier_basis(bib, asked)) else []
    if question.title:
        basis.append("title_equal" if _same_title(question.title, bib) else "title_similar")
    if question.author:
        basis.append("author_equal" if _same_author(question.author, bib) else "author_differs")
    if question.year and bib.year:
        apart = 0 if bib.year <= question.year <= bib.year_end else abs(question.year - bib.year)
        basis.append({0: "year_equal", 1: "year_near"}.get(apart, "year_differs"))
    return max(0.05, min(1.0, round(sum(WORTH[code] for code in basis), 2))), tuple(basis)


def _identifier_basis(bib: BibRecord, asked: tuple[Number, ...]) -> str:
    found = [each for each in bib.identifiers if Number(each.type, each.value) in asked]
    if any(each.status == "valid" and not each.whole_set for each in found):
        return "identifier"
    if any(each.status == "valid" for each in found):
        return "identifier_of_set"
    if any(each.status == "cancelled" for each in found):
        return "identifier_cancelled"
    return "identifier_invalid" if found else ""


def _plain(text: str) -> str:
    """Folded, without anything but letters and digits."""
    return "".join(character for character in fold(text) if character.isalnum())


def _same_title(asked: str, bib: BibRecord) -> bool:
    part = f"{bib.part_number}{bib.part_name}"
    titles = [bib.title, bib.title_alt, bib.title + bib.subtitle, bib.title + part, bib.title + bib.subtitle + part]
    titles += [each.value for each in bib.titles]
    return _plain(asked) in {_plain(title) for title in titles if title}


def _same_author(asked: str, bib: BibRecord) -> bool:
    """The names have the same words in any order, since "Donald E. Knuth" is "Knuth, Donald E."."""
    wanted = sorted(re.findall(r"\w+", fold(asked)))
    for agent in bib.agents:
        for name in (agent.name, agent.alt):
            if name and sorted(re.findall(r"\w+", fold(name))) == wanted:
                return True
    return False


def present_candidate(
    union: UnionRecord, confidence: float, basis: tuple[str, ...], libraries: Mapping[str, Library], base_url: str
) -> answers.Candidate:
    why = [words("bases", code) for code in basis]
    told = Words("；".join(each.zh for each in why), "; ".join(each.en for each in why))
    bib = union.bib
    return answers.Candidate(
        id=union.id,
        url=record_url(base_url, union.id),
        confidence=confidence,
        basis=basis,
        basis_zh=told.zh,
        basis_en=told.en,
        title=" ".join(part for part in (bib.title, bib.part_number, bib.part_name) if part),
        responsibility=bib.responsibility,
        publisher=bib.publishers[0] if bib.publishers else "",
        year=bib.year,
        edition=bib.edition,
        material=bib.material,
        holders=tuple(present_holder(holder, libraries) for holder in union.holders),
    )
