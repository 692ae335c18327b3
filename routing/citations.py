"""Citations made fit for sending: cleaned, asked for what they lack, compared, written for readers. Pure."""

from __future__ import annotations

from collections.abc import Callable

from mappings.identifiers import parse
from mappings.model import Agent, BibRecord, Identifier, UnionRecord
from mappings.requests import GENRES, Citation, Wish
from routing.citation_parts import date_of, folded, pages_of, plain, volume_and_issue
from routing.language_codes import language_code

FIELD_WORDS = {
    "journal_title": ("缺少期刊名或ISSN", "The title or ISSN of the journal is missing"),
    "article": ("缺少文章题名或页码", "The title of the article, or its pages, are missing"),
    "year_or_volume": ("缺少年份或卷号", "The year or volume is missing"),
    "book_title": ("缺少书名或ISBN", "The title or a number (ISBN) of the book is missing"),
    "chapter": ("缺少章节名或页码", "The title of the chapter, or its pages, are missing"),
    "pages_of_book": ("请注明需复制的章节或页码", "Which chapter or pages of the book are to be copied?"),
    "proceedings_title": ("缺少会议录名称或编号", "The title or a number of the proceedings is missing"),
    "thesis_title": ("缺少论文题名", "The title of the dissertation is missing"),
    "thesis_author": ("缺少论文作者", "The author of the dissertation is missing"),
    "patent_number": ("缺少专利号", "The number of the patent is missing"),
    "standard_number": ("缺少标准号", "The number of the standard is missing"),
    "title": ("缺少题名或编号", "A title or number is missing"),
}
"""Fields that must be asked for before a request is sent: [中文, English]."""

_PREFIXES = ("doi:", "https://doi.org/", "http://dx.doi.org/", "https://dx.doi.org/")
_MARKS = {
    "book": "M", "chapter": "M", "journal": "J", "issue": "J", "article": "J", "proceeding": "C", "conference": "C",
    "dissertation": "D", "report": "R", "preprint": "A", "patent": "P", "standard": "S",
}  # fmt: skip
"""Type letters of GB/T 7714-2015, table A.1; everything else is Z."""

_MOST_ROUNDS = 8
"""What one cut bares, the next may cut: "第第12卷". Real citations settle in the first."""

_GENRES = {"book": "book", "rare_book": "book", "serial": "journal", "article": "article", "thesis": "dissertation"}
_COPIED_WHOLE = ("rare_book", "manuscript", "rubbing", "map", "score", "image")


# ---- cleaning


def clean(citation: Citation) -> Citation:
    """Every field in one form; what can't be read stays as written. Cleaning twice changes nothing."""
    for _ in range(_MOST_ROUNDS):
        before, citation = citation, _cleaned(citation)
        if citation == before:
            break
    return citation


def _cleaned(citation: Citation) -> Citation:
    fields = {name: plain(getattr(citation, name)) for name in citation.__struct_fields__}
    fields["genre"] = fields["genre"].lower() if fields["genre"].lower() in GENRES else "unknown"
    fields["isbn"], fields["issn"] = _numbers(fields["isbn"], fields["issn"])
    fields["doi"] = _doi(fields["doi"])
    volume, issue, year = volume_and_issue(fields["volume"], fields["issue"])
    fields |= {"volume": volume, "issue": issue, "pages": pages_of(fields["pages"])}
    fields["date"] = date_of(fields["date"]) or year
    fields["record_id"] = fields["record_id"].upper()
    fields["language"] = language_code(fields["language"])
    return Citation(**fields)


def _numbers(isbn: str, issn: str) -> tuple[str, str]:
    """ISBN in 13 digits and ISSN as NNNN-NNNC, each in its own field; one whose checksum is wrong stays as written."""
    found = {"isbn": "", "issn": ""}
    for reading, text in (("isbn", isbn), ("issn", issn)):
        number = parse(reading, text) if text else None
        kind = number.type if number is not None and number.type in found else reading
        value = number.value if number is not None and number.type in found else text
        found[kind] = found[kind] or value
    return found["isbn"], found["issn"]


def _doi(text: str) -> str:
    number = parse("doi", text) if text else None
    if number is not None:
        return number.value
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return plain(text)


def valid_number(reading: str, text: str) -> bool:
    """Whether it is a number of that kind with a right checksum."""
    number = parse(reading, text) if text else None
    return number is not None and number.type == reading and number.status == "valid"


def kind_of(citation: Citation) -> str:
    """The genre that its fields tell where it is not told, or not finely; patent and standard by their number."""
    prefix = citation.number.partition(":")[0].lower()
    if prefix in ("patent", "standard"):
        return prefix
    inside = bool(citation.article_title)
    if citation.genre in ("unknown", "journal", "issue", "document"):
        serial = bool(citation.issn or citation.issue) or citation.genre in ("journal", "issue")
        if serial and (inside or (citation.pages and citation.genre != "document")):
            return "article"
        if inside and citation.genre == "unknown":
            return "chapter"
    return "chapter" if citation.genre == "book" and inside else citation.genre


# ---- what is missing


def missing(wish: Wish) -> tuple[str, ...]:
    """Codes of FIELD_WORDS: what must be asked for before it is sent, since nobody could find the item without it. A
    union record or a DOI tells the title."""
    cited = wish.citation
    kind = kind_of(cited)
    if cited.doi and kind not in ("book", "patent", "standard"):
        return ()
    needs = _NEEDS.get(kind, (("title", _titled),))
    lacking = [code for code, told in needs if not told(cited)]
    if kind == "book" and wish.service == "copy" and wish.material not in _COPIED_WHOLE and not _inside(cited):
        lacking.append("pages_of_book")
    return tuple(lacking)


def _titled(cited: Citation) -> bool:
    number = cited.number.partition(":")[2] if ":" in cited.number else cited.number
    return bool(cited.title or cited.article_title or cited.isbn or cited.issn or cited.doi or number) or _known(cited)


def _known(cited: Citation) -> bool:
    return bool(cited.record_id)


def _host(cited: Citation) -> bool:
    return bool(cited.title or cited.issn or cited.isbn or cited.number) or _known(cited)


def _inside(cited: Citation) -> bool:
    return bool(cited.article_title or cited.pages)


def _dated(cited: Citation) -> bool:
    return bool(cited.year or cited.volume or cited.issue.startswith("总"))


def _numbered(cited: Citation) -> bool:
    return bool(cited.number.partition(":")[2].strip())


_Need = tuple[str, Callable[[Citation], bool]]
_NEEDS: dict[str, tuple[_Need, ...]] = {
    "article": (("journal_title", _host), ("article", _inside), ("year_or_volume", _dated)),
    "journal": (("journal_title", _host), ("year_or_volume", _dated)),
    "issue": (("journal_title", _host), ("year_or_volume", _dated)),
    "book": (("book_title", _host),),
    "chapter": (("book_title", _host), ("chapter", _inside)),
    "proceeding": (("proceedings_title", _host), ("article", _inside)),
    "conference": (("proceedings_title", _host),),
    "dissertation": (
        ("thesis_title", lambda cited: bool(cited.title or cited.number) or _known(cited)),
        ("thesis_author", lambda cited: bool(cited.author or cited.number) or _known(cited)),
    ),
    "patent": (("patent_number", _numbered),),
    "standard": (("standard_number", _numbered),),
}


# ---- from the union catalogue


def citation_of(union: UnionRecord) -> Citation:
    """What a union record says of itself. Of a serial the date stays open: it would be that of its first issue."""
    bib = union.bib
    serial, article = bib.material == "serial", bib.material == "article"
    host = next((relation for relation in bib.relations if relation.kind == "host"), None) if article else None
    volume, issue, _ = volume_and_issue(host.number, "") if host is not None else ("", "", "")
    title, author = _title(bib), "; ".join(_makers(bib))
    isbn, issn = _value(bib, "isbn"), _value(bib, "issn")
    if host is not None:
        isbn, issn = _numbers(isbn, issn or host.identifier)
    return clean(
        Citation(
            genre=_GENRES.get(bib.material, "document"),
            title=(host.title if host is not None else "") if article else title,
            author="" if article else author,
            article_title=title if article else "",
            article_author=author if article else "",
            isbn="" if serial else isbn,
            issn=issn,
            doi=_value(bib, "doi"),
            number=next((f"{n.type}:{n.value}" for kind in _NUMBERS for n in _valid(bib, kind)), ""),
            date=str(bib.year) if bib.year and not serial else "",
            volume=volume,
            issue=issue,
            part="" if serial else bib.part_number,
            edition="" if serial else bib.edition,
            publisher=next(iter(bib.publishers), ""),
            place=next(iter(bib.places), ""),
            series=bib.series[0].title if bib.series and not serial else "",
            degree_body=_degree_body(bib) if bib.material == "thesis" else "",
            language=next(iter(bib.languages), ""),
            record_id=union.id,
        )
    )


_NUMBERS = ("standard", "cn", "tyshuhao", "oclc")


def _title(bib: BibRecord) -> str:
    return " ".join(part for part in (bib.title, bib.part_number, bib.part_name) if part)


def _makers(bib: BibRecord) -> list[str]:
    """Three at most of those who made it, not of those who translated or printed it."""
    primary = [agent for agent in bib.agents if agent.primary or not agent.roles or "aut" in agent.roles]
    return [agent.name for agent in (primary or list(bib.agents))[:3]]


def _degree_body(bib: BibRecord) -> str:
    def grants(agent: Agent) -> bool:
        return "dgg" in agent.roles or (agent.kind == "body" and not agent.primary)

    return next((agent.name for agent in bib.agents if grants(agent)), next(iter(bib.publishers), ""))


def _valid(bib: BibRecord, kind: str) -> list[Identifier]:
    return [each for each in bib.identifiers if each.type == kind and each.status == "valid"]


def _value(bib: BibRecord, kind: str) -> str:
    """A number of this volume before one of the whole set."""
    found = sorted(_valid(bib, kind), key=lambda each: each.whole_set)
    return found[0].value if found else ""


def wish_facts(union: UnionRecord) -> tuple[str, str, str]:
    """Material, main class of the 中图法, language ("" = not known) of what a union record describes."""
    bib = union.bib
    subject = next((each.value[:1].upper() for each in bib.classes if each.scheme == "clc" and each.value), "")
    return bib.material, subject, next(iter(bib.languages), "")


# ---- comparing


def item_key(citation: Citation) -> str:
    """A key of what is asked for: equal keys are requests for the same item. "" where too little is told."""
    cited = clean(citation)
    if cited.doi:
        return "|".join((f"doi:{cited.doi}", *_within(cited)))
    whose = next((f"{name}:{value}" for name, value in _identities(cited)), "")
    return "|".join((whose, *_place(cited))) if whose else ""


_NAMED_ITSELF = ("article", "preprint", "proceeding")
"""Genres that have a DOI of their own: pages say no more than it. Of all others a part is asked for under that of the
whole."""


def _within(cited: Citation) -> tuple[str, ...]:
    """Of what a DOI names, the part that is asked for; empty = all of it."""
    part = _place(cited)[:-1]  # the year is the whole's
    return part if kind_of(cited) not in _NAMED_ITSELF and any(part) else ()


def _identities(cited: Citation) -> list[tuple[str, str]]:
    titled = folded(cited.title)[:120]
    told = [
        ("record", cited.record_id),
        ("isbn", cited.isbn),
        ("issn", cited.issn),
        ("number", folded(cited.number)),
        ("title", f"{titled}/{folded(cited.author)[:60]}" if titled else ""),
    ]
    return [(name, value) for name, value in told if value]


def _place(cited: Citation) -> tuple[str, ...]:
    """Volume, issue, pages and part; the year where no volume tells it, the article where no page does."""
    inside = cited.pages or folded(cited.article_title)[:120]
    year = "" if cited.volume or kind_of(cited) == "book" or not cited.year else str(cited.year)
    return cited.volume, cited.issue, inside, folded(cited.part), year


def same_item(a: Citation, b: Citation) -> bool:
    """Whether two requests are for one item: the same record or number, and the same volume, issue and pages."""
    one, other = clean(a), clean(b)
    if one.doi and other.doi:
        return one.doi == other.doi and _within(one) == _within(other)
    if one.record_id and other.record_id and one.record_id != other.record_id:
        return False
    return bool(set(_identities(one)) & set(_identities(other))) and _place(one) == _place(other)


_TELLING = (
    "title", "article_title", "isbn", "issn", "doi", "number", "date", "volume", "issue", "pages", "part", "edition",
)  # fmt: skip


def fits(told: Citation, kept: Citation) -> bool:
    """Whether what is told may be said of an item of which more is known by now, and by which it may have got another
    record."""
    cited = clean(told)
    said = [name for name in _TELLING if getattr(cited, name)]
    if not said:
        return cited.record_id == kept.record_id
    return all(getattr(cited, name) == getattr(kept, name) for name in said) or same_item(cited, kept)


def wanted_part(citation: Citation) -> str:
    """What of the publication is asked for: 2010, 12(3): 117-134; the part of a set; "" = the whole."""
    cited = clean(citation)
    numbering = cited.volume + (f"({cited.issue})" if cited.issue else "")
    serial = bool(numbering) or kind_of(cited) in ("article", "journal", "issue")
    told = ", ".join(part for part in (str(cited.year) if serial and cited.year else "", numbering) if part)
    told = ", ".join(part for part in (told, cited.part) if part)
    return _with_pages(told, cited.pages)


# ---- for readers


def display(citation: Citation) -> str:
    """One line after GB/T 7714-2015; what is not known is left out, never invented."""
    cited = clean(citation)
    kind = kind_of(cited)
    mark = f"[{_MARKS.get(kind, 'Z')}]" if kind != "unknown" else ""
    if kind == "article" and cited.article_title:
        where = ", ".join(part for part in (cited.title, wanted_part(cited)) if part)
        pieces = [cited.article_author, cited.article_title + mark, where]
    elif cited.article_title:
        pieces = [cited.article_author, f"{cited.article_title}{mark}//{cited.author}".rstrip("/"), cited.title]
        pieces += [cited.edition, _imprint(cited)]
    else:
        title = cited.title + mark if cited.title else ""
        serial = kind in ("article", "journal", "issue")
        pieces = [cited.author, title, cited.edition, wanted_part(cited) if serial else _imprint(cited)]
    line = ". ".join(piece.rstrip(". ") for piece in pieces if piece.strip(". "))
    numbers = [text for text in (cited.isbn, cited.issn, cited.doi, cited.number) if text]
    return f"{line}." if line else " ".join(numbers[:1])


def _imprint(cited: Citation) -> str:
    """地: 社, 年: 页; of a dissertation its university; a part of a set by its name."""
    maker = ": ".join(part for part in (cited.place, cited.degree_body or cited.publisher) if part)
    told = ", ".join(part for part in (cited.part or cited.volume, maker, str(cited.year or "")) if part)
    if cited.number and kind_of(cited) in ("patent", "standard"):
        told = ", ".join(part for part in (cited.number.partition(":")[2], told) if part)
    return _with_pages(told, cited.pages)


def _with_pages(told: str, pages: str) -> str:
    return f"{told}: {pages}" if told and pages else told or pages
