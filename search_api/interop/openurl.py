"""OpenURL, both ways: a link resolver's link becomes a citation, and a citation a link. Pure.

Read are version 1.0 in KEV form (Z39.88-2004) and version 0.1, which resolvers still send. Whatever comes in gives a
citation, perhaps an empty one; what was odd in it is noted by code, never raised. Nothing is fetched: a ContextObject
by reference stays unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from msgspec import Struct

from mappings.requests import GENRES, Citation
from mappings.text import has_cjk
from routing.citation_parts import narrow
from routing.citations import clean, kind_of, valid_number
from search_api.interop.query_string import MOST_PAIRS
from search_api.interop.query_string import decode_query as decode_query

LONGEST_NAME = 64
LONGEST_VALUE = 1000

OURS = "info:sid/tongcang"

ODD_WORDS = {
    "no_version": ("未注明OpenURL版本", "The version of OpenURL isn't told"),
    "repeated": ("某项重复出现，取第一个", "Something is told twice; the first is taken"),
    "too_long": ("某项过长，已截短", "Something was too long and was cut"),
    "too_many": ("项目过多，其余未读", "There were too many parts; the rest was not read"),
    "bad_isbn": ("ISBN校验有误", "The ISBN is wrong"),
    "bad_issn": ("ISSN校验有误", "The ISSN is wrong"),
    "odd_genre": ("文献类型无法识别", "The genre is none that is known"),
    "misspelt_genre": ("文献类型拼写有误，已更正", "The genre was misspelt and was corrected"),
    "odd_format": ("元数据格式无法识别", "The format of the metadata is none that is known"),
    "odd_date": ("日期无法识别", "The date can't be read"),
    "page_count": ("页码项为总页数，未采用", "The pages were a count, not a range; they were left out"),
    "by_reference": ("引用外部数据，未读取", "It refers to data elsewhere, which were not fetched"),
    "personal": ("含个人信息，未采用", "It names a person, which was left out"),
    "empty": ("没有可用的书目信息", "It tells nothing about a publication"),
}
"""Notes: [中文, English]."""


class Parsed(Struct, frozen=True):
    """What an OpenURL tells."""

    citation: Citation  # cleaned
    version: str = ""  # 1.0, 0.1; "" = not told
    services: tuple[str, ...] = ()  # asked for, in its words: ill, fulltext, abstract …
    referrer: str = ""  # who sent the reader: info:sid/…, or the sid of version 0.1
    odd: tuple[str, ...] = ()  # codes of ODD_WORDS, each once


# ---- pairs to a citation


class _Told:
    """The pairs, sorted by what they are about; notes what is odd."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.odd: list[str] = []
        self.prefixed: dict[str, list[str]] = {}
        self.bare: dict[str, list[str]] = {}
        if len(pairs) > MOST_PAIRS:
            self.note("too_many")
        for name, value in pairs[:MOST_PAIRS]:
            self._take(name[:LONGEST_NAME].strip().lower(), narrow(value[: 4 * LONGEST_VALUE]))

    def _take(self, name: str, value: str) -> None:
        if not value:
            return
        if len(value) > LONGEST_VALUE:
            self.note("too_long")
            value = value[:LONGEST_VALUE]
        entity, dot, key = name.partition(".")
        if entity in ("req_id", "req_dat", "req_ref", "req") or (entity == "pid" and "@" in value):
            self.note("personal")
        elif entity in ("rft_ref", "url_ctx_ref") or name == "rft_ref_fmt":
            self.note("by_reference")
        elif entity == "rft" and dot:
            self.prefixed.setdefault(key, []).append(value)
        else:
            self.bare.setdefault(name, []).append(value)

    def note(self, code: str) -> None:
        if code not in self.odd:
            self.odd.append(code)

    def all(self, *names: str) -> list[str]:
        """Every value of the names, those with the prefix before those without, each once."""
        found = [value for name in names for value in (*self.prefixed.get(name, ()), *self.bare.get(name, ()))]
        return list(dict.fromkeys(found))

    def one(self, *names: str) -> str:
        """The first value; of one name, another value is noted."""
        for name in names:
            values = self.all(name)
            if len(values) > 1:
                self.note("repeated")
            if values:
                return values[0]
        return ""


def parse_openurl(pairs: Sequence[tuple[str, str]]) -> Parsed:
    """The citation in the pairs of a query string (see `decode_query`), with what is asked for and what was odd."""
    told = _Told(pairs)
    version = _version(told)
    numbers = _numbers(told)
    form = _form(told)
    pages = _pages(told)
    genre = _genre(told, form, pages)
    inside = told.one("atitle") if genre in _INSIDE else ""
    author = _authors(told)
    title = told.one(*_TITLES["journal" if form == "journal" else "book"])
    if genre in _INSIDE and genre != "article" and not inside and told.all("btitle"):
        title = told.one("btitle")
    citation = Citation(
        genre=genre,
        title=title if inside or genre in _INSIDE else title or told.one("atitle"),
        author="" if genre in _INSIDE else author,
        article_title=inside,
        article_author=author if genre in _INSIDE else "",
        isbn=numbers["isbn"],
        issn=numbers["issn"],
        doi=numbers["doi"],
        number=numbers["number"],
        date=told.one("date"),
        volume=told.one("volume"),
        issue=told.one("issue"),
        pages=pages,
        part=told.one("part"),
        edition=told.one("edition"),
        publisher=told.one("pub"),
        place=told.one("place"),
        series=told.one("series"),
        degree_body=told.one("inst"),
        degree=told.one("degree"),
        language=told.one("language"),
        record_id=numbers["record"],
    )
    cleaned = clean(citation)
    if cleaned.date and not cleaned.year:
        told.note("odd_date")
    if cleaned == clean(Citation(genre=genre)):
        told.note("empty")
    return Parsed(cleaned, version, _services(told), told.one("rfr_id", "sid"), tuple(told.odd))


_INSIDE = ("article", "chapter", "proceeding", "preprint")
_TITLES = {
    "journal": ("jtitle", "title", "stitle", "btitle"),
    "book": ("btitle", "title", "jtitle", "stitle"),
}


def _version(told: _Told) -> str:
    if told.all("ctx_ver", "url_ver"):
        return "1.0"
    if told.prefixed or told.all("rft_val_fmt", "rft_id"):
        told.note("no_version")
        return "1.0"
    if told.all("genre", "sid", "issn", "isbn", "title", "atitle", "id"):
        return "0.1"
    return ""


def _form(told: _Told) -> str:
    """journal, book, dissertation, patent, by the format of the metadata or by what is told."""
    named = told.one("rft_val_fmt")
    form = named.rpartition(":")[2].lower()
    if form in ("journal", "book", "dissertation", "patent"):
        return form
    if form:
        told.note("odd_format")
    if told.all("jtitle", "issn", "eissn", "coden") or told.one("genre").lower() in ("article", "journal", "issue"):
        return "journal"
    if told.all("inst", "degree", "advisor"):
        return "dissertation"
    return "book" if told.all("btitle", "isbn", "eisbn", "pub") else ""


_GENRES = {"bookitem": "chapter", "preceeding": "proceeding", "preceding": "proceeding", "thesis": "dissertation"}
_MISSPELT = ("preceeding", "preceding")
_GENRES_WITHIN = {"book": "chapter", "journal": "article", "issue": "article", "conference": "proceeding"}
"""Of what is named with a title of its own inside it."""


def _genre(told: _Told, form: str, pages: str) -> str:
    given = told.one("genre").lower().replace(" ", "")
    if given in _MISSPELT:
        told.note("misspelt_genre")
    genre = _GENRES.get(given, given)
    if form == "dissertation":
        return "dissertation"
    if form == "patent":
        return "document"
    if genre in GENRES and genre != "unknown":
        return _GENRES_WITHIN.get(genre, genre) if told.all("atitle") and told.all(*_TITLES["book"]) else genre
    if genre and genre != "unknown":
        told.note("odd_genre")
    if told.all("atitle"):
        return "chapter" if form == "book" else "article"
    if form == "journal":
        return "article" if pages else "issue" if told.all("issue") else "journal"
    return "book" if form == "book" and genre != "unknown" else "unknown"


_COUNT = re.compile(r"(?:[ivxlc\[\]]+\s*,\s*)?\[?\d+\]?\s*(?:p|pp|pages|页|頁)\.?", re.IGNORECASE)


def _pages(told: _Told) -> str:
    """A range. A count ("320 p.", tpages, a bare 20 where the first page is 301) is none; where no page is told, the
    number of the article."""
    pages, first, last = told.one("pages"), told.one("spage"), told.one("epage")
    if pages and (_COUNT.fullmatch(pages) or (pages.isdecimal() and first not in ("", pages))):
        told.note("page_count")
        pages = ""
    if not pages and first:
        pages = f"{first}-{last}" if last and last != first else first
    return pages or last or told.one("artnum")


def _authors(told: _Told) -> str:
    """Each once: the first by its parts, Chinese names without a comma, then those told whole, then bodies."""
    family = told.one("aulast")
    given = told.one("aufirst") or " ".join(filter(None, (told.one("auinit", "auinit1"), told.one("auinitm"))))
    if family and given:
        first = family + given if has_cjk(family + given) else f"{family}, {given}"
    else:
        first = family or given
    names = [*([first] if first else []), *told.all("au", "aucorp")]
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault("".join(c for c in name.casefold() if c.isalnum()), name)
    return "; ".join(name for key, name in seen.items() if key)[:LONGEST_VALUE]


# ---- numbers


_SCHEMES = (
    ("doi", re.compile(r"(?:info:doi/|doi:|https?://(?:dx\.)?doi\.org/)(10\..+)", re.IGNORECASE)),
    ("isbn", re.compile(r"urn:isbn:(.+)", re.IGNORECASE)),
    ("issn", re.compile(r"urn:issn:(.+)", re.IGNORECASE)),
    ("pmid", re.compile(r"(?:info:pmid/|pmid:)(\d+)", re.IGNORECASE)),
    ("oclc", re.compile(r"(?:info:oclcnum/|oclcnum:)(\d+)", re.IGNORECASE)),
    ("lccn", re.compile(r"(?:info:lccn/|lccn:)(.+)", re.IGNORECASE)),
)
_RECORD = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?/record/([0-9A-Za-z]{8})")


def _numbers(told: _Told) -> dict[str, str]:
    """isbn, issn, doi, number (any other, with its type), record (id in our own union catalogue)."""
    found: dict[str, list[str]] = {name: [] for name in ("isbn", "issn", "doi", "number", "record")}
    for text in told.all("rft_id", "id"):
        for scheme, form in _SCHEMES:
            if match := form.fullmatch(text):
                whole = match.group(1) if scheme in found else f"{scheme}:{match.group(1)}"
                found[scheme if scheme in found else "number"].append(whole)
        if (match := _RECORD.fullmatch(text)) and told.one("rfr_id") == OURS:
            found["record"].append(match.group(1))
    for text in told.all("rft_dat") if told.one("rfr_id") == OURS else ():
        name, colon, value = text.partition(":")
        if colon and name in ("record", "number"):
            found[name].append(value)
    if number := told.one("number") if told.all("rft_val_fmt") and _form(told) == "patent" else "":
        found["number"].append(f"patent:{number}")
    isbns = [*told.all("isbn", "eisbn"), *found["isbn"]]
    issns = [*told.all("issn", "eissn"), *found["issn"]]
    return {
        "isbn": _valid("isbn", [each for text in isbns for each in _split(text)], told),
        "issn": _valid("issn", [each for text in issns for each in _split(text)], told),
        "doi": next(iter([*found["doi"], *told.all("doi")]), ""),
        "number": next(iter(found["number"]), ""),
        "record": next(iter(found["record"]), ""),
    }


def _split(text: str) -> Iterator[str]:
    """Several numbers in one value: 9787020002207;9787101003048, or with qualifiers."""
    yield from (piece.strip() for piece in re.split(r"[;,|；，]|\s(?=\d{9})", text) if piece.strip())


def _valid(kind: str, texts: Sequence[str], told: _Told) -> str:
    """The first whose checksum is right; else the first as written, with a note."""
    good = next((text for text in texts if valid_number(kind, text)), "")
    if not good and texts:
        told.note(f"bad_{kind}")
    return good or next(iter(texts), "")


def _services(told: _Told) -> tuple[str, ...]:
    """svc.ill=yes → ill."""
    yes = ("yes", "true", "1", "y")
    asked = [name for name, values in told.bare.items() if name.startswith("svc.") and values[0].lower() in yes]
    return tuple(name.removeprefix("svc.") for name in asked)


# ---- a citation to a link


_FORMS = {
    "journal": "journal", "issue": "journal", "article": "journal", "preprint": "journal", "proceeding": "book",
    "conference": "book", "dissertation": "dissertation",
}  # fmt: skip


def to_openurl(citation: Citation, base: str) -> str:
    """A link to a resolver (or to our own form) that tells the citation, version 1.0 in UTF-8."""
    query = urlencode(to_pairs(citation), quote_via=quote)
    return f"{base}{'&' if '?' in base else '?'}{query}"


def to_pairs(citation: Citation) -> list[tuple[str, str]]:
    """The pairs of the link, without empty ones."""
    cited = clean(citation)
    guess = kind_of(cited)
    genre = cited.genre if cited.genre != "unknown" or guess not in GENRES else guess
    form = _FORMS.get(genre, "journal" if cited.issn and not cited.isbn else "book")
    pairs = [
        ("url_ver", "Z39.88-2004"),
        ("ctx_ver", "Z39.88-2004"),
        ("ctx_enc", "info:ofi/enc:UTF-8"),
        ("rfr_id", OURS),
        ("rft_val_fmt", f"info:ofi/fmt:kev:mtx:{form}"),
        ("rft_id", f"info:doi/{cited.doi}" if cited.doi else ""),
        ("rft_dat", f"record:{cited.record_id}" if cited.record_id else ""),
        ("rft_dat", f"number:{cited.number}" if cited.number else ""),
    ]
    if form != "dissertation":
        pairs.append(("rft.genre", "bookitem" if genre == "chapter" else genre))
    pairs += [("rft.au", name) for name in (cited.article_author or cited.author).split("; ")]
    pairs += [(f"rft.{name}", value) for name, value in _elements(cited, form).items()]
    return [(name, value) for name, value in pairs if value]


def _elements(cited: Citation, form: str) -> Mapping[str, str]:
    title = {"journal": "jtitle", "book": "btitle"}.get(form, "title")
    first, dash, last = cited.pages.partition("-")
    whole = bool(dash) and first.isalnum() and last.isalnum()
    return {
        title: cited.title,
        "atitle": cited.article_title,
        "isbn": cited.isbn,
        "issn": cited.issn,
        "date": cited.date,
        "volume": cited.volume,
        "issue": cited.issue,
        "part": cited.part,
        "spage": first if whole else "",
        "epage": last if whole else "",
        "pages": cited.pages,
        "edition": cited.edition,
        "pub": cited.publisher,
        "place": cited.place,
        "series": cited.series,
        "inst": cited.degree_body,
        "degree": cited.degree,
        "language": cited.language,
    }
