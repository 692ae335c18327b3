"""The language every room speaks: one bibliographic record, whatever it was catalogued in.

A crosswalk turns a source record (MARC21, CNMARC, UNIMARC, Dublin Core) into a `BibRecord`; clustering joins
BibRecords of one publication into a `UnionRecord` with all its holders. All values are text as the cataloguer wrote it,
in NFC, without ISBD punctuation at the ends; nothing here is folded. Absent text is "", an absent list is empty.

Structs are JSON-safe and leave defaults out, so that stored records stay small: use `encode` and `decode`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class Title(Struct, frozen=True, omit_defaults=True):
    """One title of the publication other than its title proper."""

    value: str
    kind: str = "variant"  # parallel, variant, cover, spine, uniform, former, later, key, abbreviated, contents
    pinyin: str = ""  # as the record gives it ($9, $A), else ""


class Series(Struct, frozen=True, omit_defaults=True):
    title: str
    number: str = ""
    issn: str = ""
    pinyin: str = ""


class Agent(Struct, frozen=True, omit_defaults=True):
    """A person or body with a part in the publication."""

    name: str
    kind: str = "person"  # person, body, meeting, family
    roles: tuple[str, ...] = ()  # MARC relator codes (aut, edt, trl …); an unknown role stays as written
    primary: bool = False
    alt: str = ""  # the same name in the other script (MARC21 880, CNMARC $g)
    dates: str = ""
    pinyin: str = ""


class Identifier(Struct, frozen=True, omit_defaults=True):
    """A number of the publication. `value` is canonical where the type has a canonical form.

    Types: isbn (13 digits), issn (NNNN-NNNC), tyshuhao (统一书号, as NNNNN·NNNN), cn (NN-NNNN, 国内统一刊号), oclc,
    lccn, calis (099), nlc (049), control (001 of another system, 035), doi, ismn, standard, other.
    """

    type: str
    value: str
    qualifier: str = ""  # 精装, pbk., 全套 …
    status: str = "valid"  # valid, cancelled, invalid (checksum wrong: value as written)
    whole_set: bool = False  # the qualifier says it stands for the set, not for this volume


class Subject(Struct, frozen=True, omit_defaults=True):
    value: str  # subdivisions joined with "--"
    kind: str = "topic"  # topic, person, body, place, title, form, keyword
    scheme: str = ""


class Classification(Struct, frozen=True, omit_defaults=True):
    scheme: str  # clc (中图法), las (科图法), lcc, ddc, udc, other
    value: str
    edition: str = ""


class Note(Struct, frozen=True, omit_defaults=True):
    value: str
    kind: str = "general"  # general, abstract, contents, thesis, bibliography, frequency, audience


class Link(Struct, frozen=True, omit_defaults=True):
    url: str
    label: str = ""


class Relation(Struct, frozen=True, omit_defaults=True):
    """Another publication that this one is linked to (MARC21 76X–78X, CNMARC 4XX)."""

    # host, set, series, supplement, parent, preceding, succeeding, other_edition, other_format, translation, other
    kind: str
    title: str = ""
    identifier: str = ""  # ISBN or ISSN as given
    number: str = ""


class Item(Struct, frozen=True, omit_defaults=True):
    """One copy (单册)."""

    barcode: str = ""
    call_number: str = ""
    location: str = ""
    volume: str = ""
    status: str = ""  # available, on_loan, reference, in_process, missing, withdrawn; "" = not told


class Holding(Struct, frozen=True, omit_defaults=True):
    """What one library (or one of its branches) says it holds (馆藏)."""

    branch: str = ""  # the code or name inside the library (852$a/$b, 905$a, AVA$b), as given
    location: str = ""
    call_number: str = ""
    coverage: str = ""  # volumes, issues or years held, as written
    copies: int = 0  # 0 = not told
    status: str = ""  # vocabulary of Item.status
    items: tuple[Item, ...] = ()


MATERIALS = (
    "book", "serial", "article", "thesis", "rare_book", "manuscript", "score", "map", "audio", "video", "image",
    "rubbing", "electronic", "kit", "object", "other",
)  # fmt: skip
CARRIERS = ("print", "online", "electronic", "microform")


class BibRecord(Struct, frozen=True, omit_defaults=True):
    """A source record in the one normal form (书目记录)."""

    dialect: str  # marc21, cnmarc, unimarc, dublin_core
    local_id: str = ""  # 001, or the identifier in Dublin Core
    title: str = ""  # title proper (正题名) without part number and name; "" only in a record that is rejected
    title_alt: str = ""  # the same in the other script (MARC21 880-245)
    title_pinyin: str = ""  # 200$9, 200$A
    subtitle: str = ""
    part_number: str = ""  # 245$n, 200$h
    part_name: str = ""  # 245$p, 200$i
    responsibility: str = ""  # 245$c, 200$f $g
    titles: tuple[Title, ...] = ()
    series: tuple[Series, ...] = ()
    agents: tuple[Agent, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    year: int = 0  # 0 = unknown; of a serial, the first
    year_end: int = 0  # last year of a range; 9999 = still published
    date_text: str = ""  # the date as printed (210$d, 264$c)
    languages: tuple[str, ...] = ()  # MARC codes (chi, eng)
    original_languages: tuple[str, ...] = ()
    country: str = ""  # two letters of ISO 3166 in capitals where the code is known, else as given
    places: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    edition: str = ""  # as written (第2版, 2nd ed.)
    extent: str = ""
    pages: int = 0
    subjects: tuple[Subject, ...] = ()
    classes: tuple[Classification, ...] = ()
    notes: tuple[Note, ...] = ()
    material: str = "book"  # one of MATERIALS
    carrier: str = "print"  # one of CARRIERS
    level: str = "m"  # bibliographic level of leader/07: m, s, a (component), c (collection)
    coverage: str = ""  # volumes and dates published (362, 207)
    links: tuple[Link, ...] = ()
    relations: tuple[Relation, ...] = ()
    holdings: tuple[Holding, ...] = ()
    flags: tuple[str, ...] = ()  # what was odd but survivable, by stable code (bad_isbn, charset_suspect …)


class Member(Struct, frozen=True, omit_defaults=True):
    """A source record inside a union record."""

    source: int  # Source.id
    library: str  # Library.symbol
    identifier: str  # the record's identifier in that source


class Holder(Struct, frozen=True, omit_defaults=True):
    """One library that holds the publication, with everything its records say of it."""

    library: str  # Library.symbol
    holdings: tuple[Holding, ...] = ()
    available: bool = True  # False only where every holding tells a status and none is available or reference
    records: tuple[str, ...] = ()  # identifiers of its source records


class UnionRecord(Struct, frozen=True, omit_defaults=True):
    """All source records of one publication as one (联合目录记录).

    `bib` is the merged description: each element from the fullest member, lists united without doubles; its
    `holdings` are empty, since they stand by library in `holders`.
    """

    id: str  # eight characters, see `union_key`
    bib: BibRecord
    members: tuple[Member, ...] = ()
    holders: tuple[Holder, ...] = ()


class Library(Struct, frozen=True, omit_defaults=True):
    """A member library (成员馆)."""

    symbol: str  # short code, A–Z 0–9 and -, unique (RUC, CLCN)
    name_zh: str
    name_en: str
    consortium: str = ""  # BALIS, CAPITAL
    role: str = "member"  # member, node (学科服务馆), capital, branch
    isil: str = ""


# Crockford's base 32: no I, L, O, U, so that an id can be read out over the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {c: i for i, c in enumerate(_ALPHABET)} | {"O": 0, "I": 1, "L": 1}


def union_id(key: int) -> str:
    """The public form of a union key (0 ≤ key < 2**40): eight characters."""
    return "".join(_ALPHABET[(key >> shift) & 31] for shift in range(35, -1, -5))


def union_key(text: str) -> int | None:
    """The key behind a union id, or None where the text is no such id. Case and look-alike letters don't matter."""
    if len(text) != 8:
        return None
    key = 0
    for character in text.upper():
        value = _VALUE.get(character)
        if value is None:
            return None
        key = key << 5 | value
    return key


_encoder = msgspec.json.Encoder()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(value: Struct) -> bytes:
    """Canonical JSON: same value, same bytes (fields in the order of declaration, defaults left out)."""
    return _encoder.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """The struct of that kind in the JSON bytes. Raises msgspec.ValidationError where they hold something else."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(data)  # type: ignore[no-any-return]
