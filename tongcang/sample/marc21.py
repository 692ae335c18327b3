"""A publication as a MARC21 record: Chinese ones either in characters or romanised with 880 twins."""

from __future__ import annotations

from random import Random

from tongcang.sample.cataloguing import (
    Add,
    D,
    Marc,
    MarcField,
    Pick,
    Variation,
    is_traditional,
    script,
    title_as_written,
)
from tongcang.sample.cnmarc import part_designation, printed_isbn
from tongcang.sample.forms import Text
from tongcang.sample.habits import Habit
from tongcang.sample.publications import Person, Publication

_TYPES = {"book": "a", "thesis": "a", "serial": "a", "rare_book": "a", "score": "c"}
_AREAS = {"CN": "cc ", "xx": "xx "}


class _Pairs:
    """Adds fields; a romanised one gets its 880 twin, joined by $6 with a running number."""

    def __init__(self, add: Add, romanised: bool) -> None:
        self._add = add
        self._romanised = romanised
        self._twins: list[MarcField] = []

    def field(self, tag: str, indicators: str, native: str, roman: str) -> None:
        if not self._romanised or native == roman:
            self._add((tag, indicators + native))
            return
        number = len(self._twins) + 1
        self._add((tag, f"{indicators}{D}6880-{number:02d}{roman}"))
        self._twins.append(("880", f"{indicators}{D}6{tag}-{number:02d}/$1{native}"))

    def close(self) -> None:
        for twin in self._twins:
            self._add(twin)


def marc21(
    publication: Publication, habit: Habit, variation: Variation, rng: Random, identifier: str, stamp: str
) -> Marc:
    traditional = is_traditional(publication, habit, rng)
    serial = publication.kind == "serial"
    year = publication.year + variation.year_slip
    fields: list[MarcField] = [("001", identifier), ("003", habit.agency), ("005", stamp)]
    add = fields.append
    if publication.online:
        add(("006", "m     o  d        "))
        add(("007", "cr |||||||||||"))
    if not variation.no_coded_data:
        add(("008", _fixed(publication, variation, stamp, year)))
    _numbers(publication, habit, variation, add)
    chinese = publication.language == "chi"
    add(("040", f"  {D}a{habit.agency}{D}b{'chi' if chinese else 'eng'}{D}c{habit.agency}"))
    if chinese and publication.original_language:
        add(("041", f"1 {D}achi{D}h{publication.original_language}"))
    add(("090", f"  {D}a{publication.clc}"))
    add(("084", f"  {D}a{publication.clc}{D}2clc"))
    pairs = _Pairs(add, habit.romanised and chinese)
    pick = script(traditional)
    _main_entry(publication, variation, pick, pairs)
    _title(publication, variation, traditional, pairs)
    _imprint(publication, variation, pick, year, pairs)
    _notes(publication, variation, pick, year, add)
    _subjects(publication, variation, pick, add)
    _added_entries(publication, variation, pick, pairs)
    if publication.url:
        add(("856", f"40{D}u{publication.url}"))
    pairs.close()
    level = "s" if serial else "m"
    leader = f"00000n{_TYPES[publication.kind]}{level} a2200000{'3' if variation.brief else ' '}a 4500"
    return Marc(leader, fields, identifier)


def _fixed(publication: Publication, variation: Variation, stamp: str, year: int) -> str:
    """008: 40 characters."""
    serial = publication.kind == "serial"
    if serial:
        dates = f"c{year:04d}9999" if publication.year_end == 9999 else f"d{year:04d}{publication.year_end:04d}"
    else:
        dates = f"s{year:04d}    "
    area = _AREAS.get(publication.country) or f"{publication.country:<3}"
    form = "o" if publication.online else " "
    if serial:
        middle = f"{publication.frequency or ' '}r p  {form}   0   b0"[:17].ljust(17)
    else:
        middle = (
            f"{'a' if publication.illustrated else ' '}     {form}    001 {'1' if publication.clc[:1] == 'I' else '0'} "
        )
        middle = middle[:17].ljust(17)
    value = f"{stamp[2:8]}{dates}{area}{middle}{publication.language} d"
    return value if variation.fill not in "^#" else value.replace("    ", variation.fill * 4, 1)


def _numbers(publication: Publication, habit: Habit, variation: Variation, add: Add) -> None:
    if publication.isbn:
        isbn = printed_isbn(publication.isbn, publication.year, variation).replace("-", "")
        price = f"{'CNY' if publication.language == 'chi' else '$'}{publication.price}.00"
        qualifier = " (pbk.)" if variation.wide else " (hbk. : alk. paper)" if variation.first_edition else ""
        add(("020", f"  {D}a{isbn}{qualifier}" + (f"{D}c{price}" if publication.price and not variation.brief else "")))
    if publication.isbn_set:
        word = "全套" if publication.language == "chi" else "set"
        isbn = printed_isbn(publication.isbn_set, publication.year, variation).replace("-", "")
        add(("020", f"  {D}a{isbn}{D}q{word}") if variation.plain_isbn else ("020", f"  {D}a{isbn} ({word})"))
    if publication.issn:
        add(("022", f"  {D}a{publication.issn}"))
    if publication.cn:
        add(("024", f"8 {D}aCN {publication.cn}"))
    if publication.unified:
        add(("024", f"8 {D}a{publication.unified}"))
    if publication.language != "chi" and publication.number % 3:
        add(("035", f"  {D}a(OCoLC){10_000_000 + publication.number}"))


def _roman(value: Text) -> str:
    return value.pinyin[:1].upper() + value.pinyin[1:]


def _name_roman(person: Person) -> str:
    """Cao, Xueqin: the surname's syllable, then the rest as one word. A body keeps its syllables apart."""
    if person.body:
        return person.name.pinyin.title()
    surname, _, rest = person.name.pinyin.partition(" ")
    return f"{surname.title()}, {rest.replace(' ', '').title()}" if rest else surname.title()


def _entry(person: Person, publication: Publication, variation: Variation, pick: Pick) -> tuple[str, str]:
    """The content of a 1XX or 7XX in characters and romanised."""
    dates = f",{D}d{person.dates}" if person.dates and not variation.brief else ""
    role = f",{D}e{person.relator}" if not variation.plain_isbn else f"{D}4{person.relator}"
    role = role.replace(
        f"{D}e{person.relator}", D + "e" + (person.role if publication.language == "chi" else person.relator)
    )
    if publication.language != "chi" and person.relator == "aut":
        role = "."
    native, roman = pick(person.name), _name_roman(person)
    if not person.name.pinyin or publication.language != "chi":
        roman = native
    return f"{D}a{native}{dates}{role}", f"{D}a{roman}{dates}{role}"


def _main_entry(publication: Publication, variation: Variation, pick: Pick, pairs: _Pairs) -> None:
    first = publication.people[:1]
    if not first or variation.no_people or first[0].relator not in ("aut", "cmp"):
        return
    native, roman = _entry(first[0], publication, variation, pick)
    pairs.field("110" if first[0].body else "100", "2 " if first[0].body else "1 ", native, roman)


def _title(publication: Publication, variation: Variation, traditional: bool, pairs: _Pairs) -> None:
    pick = script(traditional)
    people = publication.people
    part = ""
    if publication.part_number:
        part = f".{D}n{part_designation(publication, variation)}"
    if publication.language == "chi":
        names = " ; ".join(pick(person.name) + " " + person.role for person in people[:4])
    else:
        names = ", ".join(_direct(person.name.simple) for person in people[:3])
        if people and people[0].relator == "edt":
            names = f"edited by {names}"
    carrier = f"{D}h[electronic resource]" if publication.online and variation.brief else ""
    native = [D, "a", title_as_written(publication.title, traditional, variation), part, carrier]
    roman = [D, "a", _roman(publication.title), part, carrier]
    if publication.subtitle and not variation.brief:
        native.append(f" :{D}b{pick(publication.subtitle)}")
        roman.append(f" :{D}b{publication.subtitle.pinyin}")
    if publication.parallel:
        native.append(f" ={D}b{publication.parallel}" if not publication.subtitle else "")
        roman.append(native[-1])
    if names:
        native.append(f" /{D}c{names}.")
        roman.append(f" /{D}c" + " ; ".join(map(_name_roman, people[:4])) + ".")
    article = (
        "4"
        if publication.title.simple.startswith("The ")
        else "2"
        if publication.title.simple.startswith("A ")
        else "0"
    )
    pairs.field("245", ("1" if people else "0") + article, "".join(native), "".join(roman))
    if publication.variant and not variation.brief:
        pairs.field("246", "3 ", f"{D}a{pick(publication.variant)}", f"{D}a{_roman(publication.variant)}")
    if publication.former:
        pairs.field("780", "00", f"{D}t{pick(publication.former)}", f"{D}t{_roman(publication.former)}")


def _direct(name: str) -> str:
    """Knuth, Donald Ervin → Donald Ervin Knuth."""
    surname, _, rest = name.partition(", ")
    return f"{rest} {surname}" if rest else surname


def _imprint(publication: Publication, variation: Variation, pick: Pick, year: int, pairs: _Pairs) -> None:
    chinese = publication.language == "chi"
    if publication.edition:
        edition = f"{D}a{publication.edition}{'.' if chinese else ''}"
        pairs.field("250", "  ", edition, edition)
    elif variation.first_edition and publication.kind == "book":
        first = f"{D}a第1版." if chinese else f"{D}a1st ed."
        pairs.field("250", "  ", first, first)
    date = publication.date_text + f" [{year}]" if publication.date_text else str(year)
    if publication.kind == "serial":
        date = f"{year}-"
    elif variation.month and chinese and not publication.date_text:
        date += f".{variation.month:02d}"
    elif variation.wide:
        date = f"c{date}"
    new_style = publication.number % 5 < 2
    tag, indicators = ("264", " 1") if new_style else ("260", "  ")
    place, publisher = publication.place, publication.publisher
    native = f"{D}a{pick(place) or '[S.l.]'} :{D}b{pick(publisher)},{D}c{date}."
    roman = f"{D}a{place.pinyin.replace(' ', '').title() or '[S.l.]'} :{D}b{publisher.pinyin.title()},{D}c{date}."
    pairs.field(tag, indicators, native, roman if chinese else native)
    pages = publication.pages + variation.pages_slip
    if publication.online:
        extent = f"1 online resource ({pages} pages)" if pages else "1 online resource"
    elif publication.kind == "serial":
        extent = "volumes"
    elif publication.set_of:
        extent = f"{publication.set_of}册" if chinese else f"{publication.set_of} v. ({pages} p.)"
    else:
        extent = f"{pages}页" if chinese else f"xii, {pages} p."
    illustrated = (f" :{D}b图" if chinese else f" :{D}bill.") if publication.illustrated else ""
    physical = f"{D}a{extent}{illustrated} ;{D}c{publication.size or 25} cm."
    pairs.field("300", "  ", physical, physical)
    if publication.series and not variation.brief:
        number = f" ;{D}v{publication.series_number}" if publication.series_number else ""
        pairs.field("490", "1 ", f"{D}a{pick(publication.series)}{number}", f"{D}a{_roman(publication.series)}{number}")


def _notes(publication: Publication, variation: Variation, pick: Pick, year: int, add: Add) -> None:
    if publication.kind == "serial":
        add(("362", f"0 {D}aVol. 1, no. 1 ({year})-"))
    if publication.kind == "thesis":
        add(("502", f"  {D}a博士论文--{pick(publication.publisher)},{year}."))
    if publication.abstract and not variation.brief:
        subject = pick(publication.subjects[0])
        if publication.language == "chi":
            add(("520", f"  {D}a本书围绕{subject}展开，介绍了{subject}的基本概念与主要方法。"))
        else:
            add(("520", f"  {D}aA survey of {subject.lower()}: its concepts, its methods and current debates."))
    if not variation.brief and publication.language != "chi" and publication.kind == "book":
        add(("504", f"  {D}aIncludes bibliographical references and index."))


def _subjects(publication: Publication, variation: Variation, pick: Pick, add: Add) -> None:
    if variation.no_subjects:
        return
    for subject in publication.subjects:
        if publication.language == "chi":
            add(("650", f" 7{D}a{pick(subject)}{D}2cct"))
        else:
            heading, *divisions = subject.simple.split("--")
            add(("650", f" 0{D}a{heading}" + "".join(f"{D}x{division}" for division in divisions) + "."))


def _added_entries(publication: Publication, variation: Variation, pick: Pick, pairs: _Pairs) -> None:
    if variation.no_people:
        return
    people = publication.people
    rest = people[1:] if people and people[0].relator in ("aut", "cmp") else people
    for person in rest:
        native, roman = _entry(person, publication, variation, pick)
        pairs.field("710" if person.body else "700", "2 " if person.body else "1 ", native, roman)
