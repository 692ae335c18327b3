"""What a library says it holds: 905 with or without 906 and 935, AVA, or 852 with 866 or 876."""

from __future__ import annotations

from random import Random

from tongcang.sample.cataloguing import D, MarcField
from tongcang.sample.habits import Habit
from tongcang.sample.publications import Publication

_STATUSES = ("available", "available", "available", "available", "unavailable", "check_holdings")
_NOTES = {"available": "Available", "unavailable": "On loan", "check_holdings": "In process"}


def holdings(
    publication: Publication, habit: Habit, rng: Random, identifier: str, revision: int, dialect: str
) -> list[MarcField]:
    """Holdings fields of the record; every revision of it brought one more copy."""
    random = rng.random
    if publication.online:
        return _online(publication, habit, identifier) if habit.holdings == "alma" else []
    copies = 1 + int(3 * random() ** 2 + 2 * publication.fame * random()) + revision
    first_barcode = publication.number * 20 + habit.place * 50_000_000
    call, number = publication.clc, _book_number(publication)
    place = int(random() * len(habit.branches))
    if habit.holdings == "alma":
        fields = _aleph(call, number, copies, first_barcode) if dialect == "cnmarc" else []
        return fields + _alma(publication, habit, identifier, (call, number), copies, first_barcode, random())
    if habit.holdings in ("852", "876") or dialect == "marc21":
        return _standard(publication, habit, (call, number), copies, first_barcode, place, random())
    return _dp2(publication, habit, (call, number), copies, first_barcode, place)


def _book_number(publication: Publication) -> str:
    """The second half of a call number: letters of the author's name and a number, or a running number of the class."""
    if publication.people and publication.number % 4:
        letter = publication.people[0].name.pinyin[:1].upper()
        number = f"{letter}{100 + publication.work * 37 % 900}"
    else:
        number = str(1 + publication.work % 400)
    if publication.edition_number > 1:
        number += f"-{publication.edition_number}"
    if publication.part_number:
        number += f":{publication.part_number}"
    return number


def _coverage(publication: Publication, habit: Habit) -> tuple[str, str]:
    """Years held of a serial, and the same as volumes; libraries begin late and have gaps."""
    first = min(publication.year + 3 * (habit.place % 4), 2020)
    last = 2024 if publication.year_end == 9999 else max(publication.year_end, first)
    if habit.place % 3 == 0 and last - first > 6:
        middle = (first + last) // 2
        return f"{first}-{middle},{middle + 2}-{last}", f"{first}(1-12)-{middle}(1-12);{middle + 2}(1-12)-{last}(1-6)"
    return f"{first}-{last}", f"{first}(1-12)-{last}(1-12)"


def _dp2(
    publication: Publication, habit: Habit, call: tuple[str, str], copies: int, barcode: int, place: int
) -> list[MarcField]:
    """905: in dp2's way ($s, repeated $b), or with the call number in $f."""
    library, shelf = habit.branches[place]
    whole = f"{call[0]}/{call[1]}"
    held = ""
    if publication.kind == "serial":
        years, volumes = _coverage(publication, habit)
        held = f"{D}v{volumes}{D}y{years}"
    barcodes = "".join(f"{D}b{barcode + copy:09d}" for copy in range(copies))
    if habit.holdings == "905f":
        return [("905", f"  {D}a{library}{barcodes}{D}c{shelf}{D}f{whole}{held}")]
    return [("905", f"  {D}a{library}{barcodes}{D}c{shelf}{D}d{call[0]}{D}e{call[1]}{D}f{copies}{D}s{whole}{held}")]


def _aleph(clc: str, number: str, copies: int, barcode: int) -> list[MarcField]:
    """What an Aleph left behind in CNMARC: 905, an item a 906, the range of barcodes in 935."""
    fields: list[MarcField] = [("905", f"  {D}aBNU{D}cbk{D}d{clc}{D}e{number}{D}s{clc}/{number}{D}zbcp")]
    fields += [("906", f"  {D}a211260{D}b{barcode + copy}{D}d{clc}{D}e{number}") for copy in range(min(copies, 4))]
    fields.append(("935", f"  {D}a211260{D}b{barcode}-{copies}{D}d{clc}{D}e{number}"))
    return fields


def _alma(
    publication: Publication,
    habit: Habit,
    identifier: str,
    call: tuple[str, str],
    copies: int,
    barcode: int,
    luck: float,
) -> list[MarcField]:
    """AVA for each branch."""
    clc, number = call
    fields: list[MarcField] = []
    held = ""
    if publication.kind == "serial":
        years = _coverage(publication, habit)[0]
        held = f"{D}vfrom:{years[:4]} until:{years[-4:]}"
    for place, (code, shelf) in enumerate(habit.branches[: min(copies, 3)]):
        status = _STATUSES[int(luck * 97 + place) % len(_STATUSES)]
        content = f"  {D}0{identifier}{D}8{822_000_000 + barcode + place}3961{D}a86BNU_INST{D}b{code}{D}c{shelf}"
        content += f"{D}d{clc} {number}{D}e{status}{D}f{max(1, copies - place)}{D}g{int(status != 'available')}"
        fields.append(("AVA", f"{content}{held}{D}jBCP{place}{D}k8{D}p{place + 1}"))
    return fields


def _online(publication: Publication, habit: Habit, identifier: str) -> list[MarcField]:
    return [("AVE", f"  {D}0{identifier}{D}8{53_000_000 + publication.number}3961{D}eAvailable{D}m电子图书")]


def _standard(
    publication: Publication, habit: Habit, call: tuple[str, str], copies: int, barcode: int, place: int, luck: float
) -> list[MarcField]:
    """852 for each copy (barcode in $p, its state as a note), or one 852 with an 876 for each; 866 for a serial."""
    code, shelf = habit.branches[place]
    symbol = habit.library.symbol
    content = f"  {D}a{symbol}{D}b{code}{D}c{shelf}{D}h{call[0]}{D}i{call[1]}"
    if publication.kind == "serial":
        years, _ = _coverage(publication, habit)
        return [("852", content), ("866", f" 0{D}a{years}")]
    fields: list[MarcField] = [("852", content)] if habit.holdings == "876" else []
    for copy in range(copies):
        status = _NOTES[_STATUSES[int(luck * 89 + copy) % len(_STATUSES)]]
        if habit.holdings == "876":
            fields.append(("876", f"  {D}p{barcode + copy:09d}{D}j{status}{D}t{copy + 1}"))
        else:
            fields.append(("852", f"{content}{D}p{barcode + copy:09d}{D}z{status}"))
    return fields
