"""A publication as a CNMARC record, in the manners of NLC, CALIS and vendors."""

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
from tongcang.sample.forms import Text
from tongcang.sample.habits import Habit
from tongcang.sample.publications import Person, Publication
from tongcang.sample.standard_numbers import hyphens, ten

_TYPES = {"book": "a", "thesis": "a", "serial": "a", "rare_book": "a", "score": "c"}
_MATERIALS = {"book": "专著", "serial": "期刊", "thesis": "学位论文", "rare_book": "古籍", "score": "乐谱"}
_COUNTRIES = {"CN": "CN", "enk": "GB", "ne": "NL", "xx": ""}
_AREAS = {"北京": "110000", "上海": "310000"}
_EMBEDDED = {"上": "上册", "中": "中册", "下": "下册"}
_FREQUENCIES = {"w": "周刊", "s": "半月刊", "m": "月刊", "b": "双月刊", "q": "季刊", "a": "年刊"}


def cnmarc(
    publication: Publication, habit: Habit, variation: Variation, rng: Random, identifier: str, stamp: str
) -> Marc:
    traditional = is_traditional(publication, habit, rng)
    serial = publication.kind == "serial"
    fields: list[MarcField] = [("001", identifier), ("005", stamp)]
    add = fields.append
    _numbers(publication, habit, variation, add)
    year = publication.year + variation.year_slip
    if not variation.no_coded_data:
        add(("100", "  " + D + "a" + _coded_data(publication, habit, variation, stamp, year)))
    translated = publication.original_language and publication.language == "chi"
    original = f"{D}c{publication.original_language}" if translated else ""
    add(("101", f"{'1' if translated else '0'} {D}a{publication.language}{original}"))
    place = publication.place.simple
    country = _COUNTRIES.get(publication.country, "US")
    if country:
        add(("102", f"  {D}a{country}" + (f"{D}b{_AREAS.get(place, '110000')}" if country == "CN" else "")))
    if not variation.brief:
        add(
            ("110", f"  {D}aa{publication.frequency or 'z'}azz   0yy")
            if serial
            else ("105", f"  {D}a{_codes(publication)}")
        )
        add(("106", f"  {D}ar") if not publication.online else ("135", f"  {D}adrbn#---auaua"))
    _titles(publication, habit, variation, traditional, add)
    _description(publication, variation, traditional, year, add)
    _access(publication, habit, variation, traditional, add)
    add(("801", f" 0{D}aCN{D}b{habit.agency}{D}c{stamp[:8]}"))
    if publication.url:
        add(("856", f"40{D}u{publication.url}"))
    level = "s" if serial else "m"
    leader = f"00000n{_TYPES[publication.kind]}{level}0 2200000{'3' if variation.brief else ' '}  450 "
    return Marc(leader, fields, identifier)


def _pinyin(habit: Habit, value: Text, code: str = "A") -> str:
    """The pinyin subfield: $9 for the whole field, or $A, $E, $F beside $a, $e, $f."""
    if not habit.pinyin or not value.pinyin or value.pinyin == value.simple:
        return ""
    pinyin = value.pinyin.title() if habit.capitals else value.pinyin
    return f"{D}{code if habit.pinyin == 'A' else '9'}{pinyin}"


def _numbers(publication: Publication, habit: Habit, variation: Variation, add: Add) -> None:
    if publication.isbn:
        isbn = printed_isbn(publication.isbn, publication.year, variation)
        currency = "CNY" if publication.language == "chi" else "USD"
        price = f"{D}d{currency}{'赠' if variation.gift_price else ''}{publication.price}.00"
        binding = f"{D}b精装" if publication.price > 80 else ""
        tag = "011" if variation.isbn_in_011 else "010"
        add((tag, f"  {D}a{isbn}{binding}{price if publication.price else ''}"))
    if publication.isbn_set:
        add(("010", f"  {D}a{printed_isbn(publication.isbn_set, publication.year, variation)}{D}b全套"))
    if publication.issn:
        add(("011", f"  {D}a{publication.issn}"))
    if publication.unified:
        add(("091", f"  {D}a{publication.unified}{D}dCNY{publication.price / 10:.2f}"))
    if publication.cn:
        add(("092", f"  {D}aCN{D}b{publication.cn}"))
    if habit.agency == "NLC":
        add(("049", f"  {D}aA110000CLCN{D}bUCS01{publication.number:09d}{D}c{publication.number:09d}"))
    elif habit.pinyin == "A" and publication.number % 3:
        add(("099", f"  {D}aCAL 0120{publication.number:08d}"))


def printed_isbn(isbn: str, year: int, variation: Variation) -> str:
    value = hyphens(isbn)
    if (year < 2007 or variation.ten) and isbn.startswith("978"):
        value = ten(value)
    if variation.isbn_wrong:
        value = value[:-3] + ("1" if value[-3] != "1" else "2") + value[-2:]
    return value.replace("-", "") if variation.plain_isbn else value


def _coded_data(publication: Publication, habit: Habit, variation: Variation, stamp: str, year: int) -> str:
    """100$a: 36 characters."""
    if publication.kind == "serial":
        kind, end = ("a", "9999") if publication.year_end == 9999 else ("b", str(publication.year_end))
    else:
        kind, end = "d", "    "
    script = "ea" if publication.language == "chi" else "ba"
    value = f"{stamp[:8]}{kind}{year:04d}{end}em y0chiy{habit.charset_code}    {script}"
    return value.replace(" ", variation.fill) if variation.fill != " " else value


def _codes(publication: Publication) -> str:
    return ("a" if publication.illustrated else "y") + "   z   000" + ("f" if publication.clc[:1] == "I" else "y") + "y"


def _titles(publication: Publication, habit: Habit, variation: Variation, traditional: bool, add: Add) -> None:
    pick = script(traditional)
    content = [
        f"1 {D}a",
        title_as_written(publication.title, traditional, variation),
        _pinyin(habit, publication.title),
    ]
    if habit.agency == "NLC":
        content.append(f"{D}b{'电子资源' if publication.online else _MATERIALS[publication.kind]}")
    elif publication.online:
        content.append(f"{D}b电子资源")
    if publication.parallel:
        content.append(f"{D}d{'= ' if variation.equals else ''}{publication.parallel}")
    if publication.subtitle and not variation.brief:
        content.append(f"{D}e{pick(publication.subtitle)}")
        if habit.pinyin == "A":
            content.append(_pinyin(habit, publication.subtitle, "E"))
    if publication.part_number:
        content.append(f"{D}h{part_designation(publication, variation)}")
    content.extend(_responsibility(publication, variation, pick))
    add(("200", "".join(content)))
    if publication.variant and not variation.brief:
        add(("517", f"1 {D}a{pick(publication.variant)}{_pinyin(habit, publication.variant)}"))
    if publication.parallel and not variation.brief:
        add(("510", f"1 {D}a{publication.parallel}{D}z{publication.original_language}"))
    if publication.former:
        add(("520", f"1 {D}a{pick(publication.former)}{_pinyin(habit, publication.former)}"))


def part_designation(publication: Publication, variation: Variation) -> str:
    """上册, 上; 第1卷, 第一册, 1: cataloguers differ."""
    part = publication.part_number
    if publication.language != "chi":
        return f"Vol. {part}"
    if not part.isdigit():
        return part if variation.plain_isbn else _EMBEDDED.get(part, part)
    if variation.plain_isbn:
        return part
    return (
        f"第{part}册"
        if not variation.first_edition
        else f"第{'零一二三四五六七八九'[int(part) % 10] if len(part) == 1 else part}册"
    )


def _responsibility(publication: Publication, variation: Variation, pick: Pick) -> list[str]:
    """$f for the first role, $g for each further one: (清)曹雪芹, 高鹗著."""
    content: list[str] = []
    for code, people in enumerate(_by_role(publication.people)):
        names = ("， " if variation.wide else ", ").join(
            (f"({person.origin})" if person.origin else "") + pick(person.name) for person in people[:3]
        )
        role = people[0].role if publication.language == "chi" else ""
        content.append(f"{D}{'fg'[min(code, 1)]}{names}{'...[等]' if len(people) > 3 else ''}{role}")
    return content


def _by_role(people: tuple[Person, ...]) -> list[list[Person]]:
    groups: list[list[Person]] = []
    for person in people:
        if groups and groups[-1][0].role == person.role:
            groups[-1].append(person)
        else:
            groups.append([person])
    return groups


def _description(publication: Publication, variation: Variation, traditional: bool, year: int, add: Add) -> None:
    pick = script(traditional)
    if publication.edition:
        edition = publication.edition.replace("第", "", 1) if not variation.wide else publication.edition
        add(("205", f"  {D}a{edition}"))
    elif variation.first_edition and publication.kind == "book":
        add(("205", f"  {D}a1版"))
    publisher = pick(publication.publisher)
    if variation.short_publisher:
        publisher = publisher.removesuffix("出版社")
    date = publication.date_text or str(year)
    if publication.date_text:
        date += f"({year})"
    elif publication.kind == "serial":
        date = f"{year}-" + ("" if publication.year_end == 9999 else str(publication.year_end))
    elif variation.month:
        date += f".{variation.month:02d}"
    add(("210", f"  {D}a{pick(publication.place) or '[出版地不详]'}{D}c{publisher}{D}d{date}"))
    illustrated = f"{D}c图" if publication.illustrated else ""
    add(("215", f"  {D}a{_extent(publication, variation)}{illustrated}{D}d{publication.size or 25}cm"))
    if publication.kind == "serial":
        add(("207", f" 0{D}aVol.1,no.1({year})-"))
        add(("326", f"  {D}a{_FREQUENCIES.get(publication.frequency, '不定期')}"))
    if publication.series and not variation.brief:
        number = f"{D}v{publication.series_number}" if publication.series_number else ""
        add(("225", f"2 {D}a{pick(publication.series)}{number}"))
        add(("410", f" 0{D}12001 {D}a{pick(publication.series)}{number}"))
    if publication.kind == "thesis":
        add(("328", f"  {D}a学位论文(博士)--{publisher},{year}"))
    if publication.abstract and not variation.brief:
        subject = pick(publication.subjects[0])
        add(
            (
                "330",
                f"  {D}a本书围绕{subject}展开，介绍了{subject}的基本概念、主要方法与发展趋势，可供相关专业师生参考。",
            )
        )


def _extent(publication: Publication, variation: Variation) -> str:
    if publication.online:
        return f"在线资源({publication.pages}页)" if publication.pages else "在线资源"
    if publication.kind == "serial":
        return "册"
    if publication.kind == "rare_book":
        return f"{publication.set_of}册(4函)"
    pages = publication.pages + variation.pages_slip
    return f"{publication.set_of}册({pages}页)" if publication.set_of else f"{pages}页"


def _access(publication: Publication, habit: Habit, variation: Variation, traditional: bool, add: Add) -> None:
    pick = script(traditional)
    subjects = () if variation.no_subjects else publication.subjects
    if len(subjects) > 1 and variation.joined_subjects:
        add(("606", f"0 {D}a" + "；".join(pick(subject) for subject in subjects)))
    else:
        for subject in subjects:
            add(("606", f"0 {D}a{pick(subject)}{_pinyin(habit, subject) if habit.pinyin == 'A' else ''}"))
    add(("690", f"  {D}a{publication.clc}{D}v{'5' if publication.year > 2010 else '4'}"))
    if variation.no_people:
        return
    people = publication.people
    if variation.joined_people and len(people) > 1 and not people[0].body and people[0].role == people[1].role:
        add(("701", f" 0{D}a{pick(people[0].name)}，{pick(people[1].name)}{D}4{people[0].role}"))
        people = people[2:]
    for person in people:
        tag = ("712" if person.secondary else "711") if person.body else ("702" if person.secondary else "701")
        origin = f"{D}c({person.origin})" if person.origin else ""
        if origin and variation.repeated_qualifier and publication.parallel:
            origin += f"{D}c({publication.parallel.split()[-1]})"
        dates = f"{D}f({person.dates})" if person.dates and not variation.brief else ""
        role = person.role if publication.language == "chi" else "著" if person.relator == "aut" else "编"
        if variation.odd_role == " ":
            role = " " + role
        elif variation.odd_role and role.endswith("著"):
            role = role[:-1] + variation.odd_role
        pinyin = _pinyin(habit, person.name)
        add((tag, f"{'02' if person.body else ' 0'}{origin}{D}a{pick(person.name)}{pinyin}{dates}{D}4{role}"))
