"""The study's own figures as a sample: 403 requests between the Capital Library and BALIS, as histories of events.

The study (高校图书馆文献传递社会化服务探索——以BALIS与首都图书馆合作为例, 2017) counts from 2015-01-01 to 2017-06-30.

Taken from it: 239 requests from the Capital Library and 164 to it; of these 147 and 38 filled, 38 and 109 refused, 54
and 17 forwarded, of which nothing more is told; 12,771 and 6,648 hours in all to those filled (3.62 and 7.29 days on
average); 26 libraries asked, over 80 % at Renmin and NSTL; Tsinghua and NLC the fastest; requests from 26 libraries,
the most from People's Public Security, BUPT and Beihang; the leading subjects, type and language of each side; 94
users of the Capital Library; that its refusals were of items not held, which is the study's inference.

Assumed, since it does not tell: everything else, spread evenly. The number of requests at each library, subject, type
and language: as even as what leads can still lead. The days of each filled request: evenly from four hours to about
twice the mean; of the others: the same. The dates: evenly over the period. Reasons of the other 38 refusals: each of
ISO 18626's as often. Which library asked for what: no connection. Libraries that it does not name are members M01 to
M23. NSTL and NLC stand on the side of BALIS, where the study counts them.

So n, outcomes and mean days are findings; medians, percentiles, days14 and all that rests on single days are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count

import msgspec
from msgspec import Struct

from mappings.model import Library
from mappings.requests import REASONS, Citation, Event, Wish
from routing.statistics_table import Label, Table, words
from routing.statistics_view import Brought, Scope

FIRST, LAST = date(2015, 1, 1), date(2017, 6, 30)
SCOPE = Scope(first=FIRST, last=LAST)
AS_OF = datetime(2017, 7, 31, tzinfo=UTC)
"""A month behind the period, when everything that was filled was."""

USERS = {"CLCN": 94}

BROUGHT = (
    Brought("BALIS", Label("BALIS", "BALIS"), 160_072, 58_630, "2016-11-30"),
    Brought("BALIS-CALIS", Label("BALIS 与 CALIS 融合", "BALIS and CALIS fused"), 121_118, 20_825, "2016-11-30"),
    Brought("CASHL", Label("CASHL", "CASHL"), 14_928, None, "2016-11-30"),
    Brought("NLC", Label("国家图书馆", "National Library of China"), 6_183, None, "2016-11-30"),
    Brought("SHL", Label("上海图书馆", "Shanghai Library"), 1_107, None, "2016-11-30"),
)
"""§2.1. BALIS's own begin about ten years before, the others' with each cooperation."""

_HOME = "CLCN"
_UNTOLD = "UNTOLD"
"""Stands for whoever a request was forwarded to."""

_MEMBERS = tuple(f"M{number:02}" for number in range(1, 24))
_CLASSES = "ABCDEFGHIJKNOPQRSTUVXZ"
_SHORTEST = 4  # hours
_ISO_REASONS = REASONS[:6]


def study_libraries() -> list[Library]:
    """The libraries that the study names, and nameless ones up to the numbers that it tells."""
    named = [
        (_HOME, "首都图书馆", "Capital Library of China", "CAPITAL", "capital"),
        ("RUC", "中国人民大学图书馆", "Renmin University of China Library", "BALIS", "node"),
        ("PKUHSC", "北京大学医学部图书馆", "Peking University Health Science Library", "BALIS", "node"),
        ("BNU", "北京师范大学图书馆", "Beijing Normal University Library", "BALIS", "node"),
        ("BJTU", "北京交通大学图书馆", "Beijing Jiaotong University Library", "BALIS", "node"),
        ("USTB", "北京科技大学图书馆", "University of Science and Technology Beijing Library", "BALIS", "node"),
        ("BUPT", "北京邮电大学图书馆", "Beijing University of Posts and Telecommunications Library", "BALIS", "node"),
        ("THU", "清华大学图书馆", "Tsinghua University Library", "BALIS", "member"),
        ("PPSUC", "中国人民公安大学图书馆", "People's Public Security University of China Library", "BALIS", "member"),
        ("BUAA", "北京航空航天大学图书馆", "Beihang University Library", "BALIS", "member"),
        ("NSTL", "国家科技图书文献中心", "National Science and Technology Library", "BALIS", "member"),
        ("NLC", "国家图书馆", "National Library of China", "BALIS", "member"),
        ("SHL", "上海图书馆", "Shanghai Library", "EXTERNAL", "member"),
        (_UNTOLD, "论文未述之馆", "Library that the study does not name", "EXTERNAL", "member"),
    ]
    made = [Library(symbol, zh, en, side, role) for symbol, zh, en, side, role in named]
    for symbol in _MEMBERS:
        told = f"成员馆 {symbol}（论文未列名）", f"Member {symbol} (not named by the study)"
        made.append(Library(symbol, *told, "BALIS"))
    return made


class _Direction(Struct, frozen=True):
    """What is told, and assumed, of one direction. Every dict adds up to the number of its requests."""

    requesters: dict[str, int]
    suppliers: dict[str, int]
    outcomes: dict[str, int]
    hours: int  # of all that were filled
    subjects: dict[str, int]
    kinds: dict[str, int]  # material and language
    reasons: tuple[str, ...]  # of its refusals
    fastest: tuple[str, ...]  # suppliers with the shortest times
    sponsored: bool  # officers asked, having registered the readers

    @property
    def size(self) -> int:
        return sum(self.outcomes.values())


def _from_capital() -> _Direction:
    few = dict.fromkeys(("THU", "NLC", *_MEMBERS[:21]), 2) | {_MEMBERS[21]: 1}
    return _Direction(
        requesters={_HOME: 239},
        suppliers={"RUC": 96, "NSTL": 96} | few,
        outcomes={"filled": 147, "refused": 38, "forwarded": 54},
        hours=12_771,
        subjects=_even({"G": 20, "Z": 15}, _CLASSES, 239),
        kinds=_even({"serial eng": 60}, ("serial chi", "book chi", "book eng", "thesis chi"), 239),
        reasons=_ISO_REASONS,
        fastest=("THU", "NLC"),
        sponsored=True,
    )


def _to_capital() -> _Direction:
    return _Direction(
        requesters=_even({"PPSUC": 9, "BUPT": 8, "BUAA": 7}, _MEMBERS, 164),
        suppliers={_HOME: 164},
        outcomes={"filled": 38, "refused": 109, "forwarded": 17},
        hours=6_648,
        subjects=_even({"T": 12, "Z": 11}, _CLASSES, 164),
        kinds=_even({"serial chi": 50}, ("serial eng", "book chi", "book eng", "thesis chi"), 164),
        reasons=("NotHeld",),
        fastest=(),
        sponsored=False,
    )


def _even(leading: dict[str, int], others: Sequence[str], whole: int) -> dict[str, int]:
    """The leading ones as given; all others as equal as can be."""
    rest = [code for code in others if code not in leading]
    each, over = divmod(whole - sum(leading.values()), len(rest))
    return leading | {code: each + (place < over) for place, code in enumerate(rest)}


def study_events() -> list[Event]:
    """All 403 histories, those of a request together and in their order; always the same."""
    number = count(1)
    return [event for told in (_from_capital(), _to_capital()) for event in _histories(told, number)]


def study_notes(table: Table) -> Table:
    """The table with what has to be said of it when it shows the sample."""
    more = {"ranks": "sample_ranks", "refusals": "sample_refusals"}
    notes = ["sample", *([more[table.code]] if table.code in more else [])]
    return table.noted(*(words("notes", note) for note in notes))


def _histories(told: _Direction, number: Iterator[int]) -> Iterator[Event]:
    n = told.size
    # Different strides, so that no two columns go together more than by chance.
    requesters, suppliers = _dealt(told.requesters, n, 1), _dealt(told.suppliers, n, 31)
    outcomes, subjects, kinds = _dealt(told.outcomes, n, 1), _dealt(told.subjects, n, 57), _dealt(told.kinds, n, 13)
    hours = _all_hours(told, outcomes, suppliers)
    reasons = (told.reasons[place % len(told.reasons)] for place in count())
    days = (LAST - FIRST).days + 1
    for place in range(n):
        day = FIRST + timedelta(days=(2 * place + 1) * days // (2 * n))
        material, language = kinds[place].split()
        wish = Wish(
            Citation(genre="article" if material == "serial" else material.replace("thesis", "dissertation")),
            material=material,
            subject=subjects[place],
            language=language,
        )
        yield from _history(
            next(number), datetime(day.year, day.month, day.day, 2, tzinfo=UTC), hours[place], wish,
            (requesters[place], suppliers[place]), outcomes[place],
            next(reasons) if outcomes[place] == "refused" else "", told.sponsored,
        )  # fmt: skip


def _dealt(counts: dict[str, int], n: int, stride: int) -> list[str]:
    """Each code as often as its count, mixed evenly; the stride, which has no divisor in common with n, reorders."""
    placed = sorted(((2 * k + 1) / (2 * each), code) for code, each in counts.items() for k in range(each))
    return [placed[place * stride % n][1] for place in range(n)]


def _all_hours(told: _Direction, outcomes: list[str], suppliers: list[str]) -> list[int]:
    hours = [0] * told.size
    for outcome, n in told.outcomes.items():
        total = told.hours if outcome == "filled" else told.hours * n // told.outcomes["filled"]
        places = [place for place in range(told.size) if outcomes[place] == outcome]
        # Strides through the times, so that slow ones do not all come late; the fastest libraries take the shortest.
        places.sort(key=lambda place: (suppliers[place] not in told.fastest, place * 101 % told.size))
        for place, each in zip(places, _ramp(total, n), strict=True):
            hours[place] = each
    return hours


def _ramp(total: int, n: int) -> list[int]:
    """n whole hours from the shortest evenly upwards, which add up to the total."""
    rest = total - _SHORTEST * n
    return [_SHORTEST + rest * (i + 1) ** 2 // n**2 - rest * i**2 // n**2 for i in range(n)]


def _history(
    number: int, at: datetime, hours: int, wish: Wish, libraries: tuple[str, str], outcome: str, reason: str,
    sponsored: bool,
) -> Iterator[Event]:  # fmt: skip
    """One request's events, as the life cycle has them."""
    requester, supplier = libraries
    end, seq = at + timedelta(hours=hours), count(1)
    told = {"requester": requester, "wish": msgspec.to_builtins(wish), "source": "form", "sponsored": sponsored}
    asker = "officer" if sponsored else "reader"
    path = {"supplier": supplier, "path": [supplier]}
    choice = {"policy": "study", "seed": 0, "propensity": 1.0}
    yield Event(number, next(seq), at, "submit", asker, library=requester, data=told)
    yield Event(number, next(seq), at, "holders", "system", data={"record": ""})
    yield Event(number, next(seq), at, "rota", "system", data={"choice": choice, "entries": [{"entry": 1, **path}]})
    yield Event(number, next(seq), at, "send", "system", library=supplier, entry=1, data=path)
    match outcome:
        case "filled":
            yield Event(number, next(seq), end, "fill", "supplier", library=supplier, entry=1)
            yield Event(number, next(seq), end, "receive", asker, library=requester)
        case "refused":
            yield Event(number, next(seq), end, "refuse", "supplier", library=supplier, entry=1, data={"code": reason})
            yield Event(number, next(seq), end, "exhausted", "system")
            yield Event(number, next(seq), end, "close", "officer", library=requester, data={"reason": "refused"})
        case _:
            to = {"to": _UNTOLD, "child": 2}
            yield Event(number, next(seq), end, "forward", "supplier", library=supplier, entry=1, data=to)
