"""Which publication does a citation mean? Numbers are put into their canonical form, candidates are judged. Pure.

A candidate's confidence is a sum of plain parts, so that a person can see what it rests on: a number that fits is worth
everything, a title alone little more than half.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from indexer.text.fold import fold
from msgspec import Struct

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


def canonical_isbn(text: str) -> str | None:
    """Thirteen digits, from ISBN-10 or -13 with any hyphens; None where the check digit is wrong."""
    plain = re.sub(r"[\s\-‐-―]", "", unicodedata.normalize("NFKC", text)).upper()
    if re.fullmatch(r"\d{9}[\dX]", plain):
        if sum((10 - i) * (10 if c == "X" else int(c)) for i, c in enumerate(plain)) % 11:
            return None
        body = "978" + plain[:9]
        return body + str(-sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body)) % 10)
    if not re.fullmatch(r"97[89]\d{10}", plain):
        return None
    return None if sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(plain)) % 10 else plain


def canonical_issn(text: str) -> str | None:
    """NNNN-NNNC; None where the check digit is wrong."""
    plain = re.sub(r"[\s\-‐-―]", "", unicodedata.normalize("NFKC", text)).upper()
    if not re.fullmatch(r"\d{7}[\dX]", plain):
        return None
    if sum((8 - i) * (10 if c == "X" else int(c)) for i, c in enumerate(plain)) % 11:
        return None
    return f"{plain[:4]}-{plain[4:]}"


def numbers_of(text: str) -> list[Number]:
    """What a number may be: "oclc:1234" is said to be one, a bare one is looked for among all types."""
    kind, colon, value = text.partition(":")
    if colon and kind.lower() in NUMBER_TYPES and value.strip():
        return [Number(kind.lower(), value.strip())]
    return [Number(kind, text.strip()) for kind in NUMBER_TYPES]


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
    return "identifier_cancelled" if found else ""


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
