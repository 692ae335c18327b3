"""Do two engines answer the same? Seeded questions of every kind, asked of both as the API asks, and compared whole.

What is compared: the order of the hits with all that is shown of them (highlights too), totals, facet counts, page
after page by each engine's own cursor, and suggestions.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from indexer.engine.protocol import Engine
from indexer.operations import operations_of
from indexer.text.fold import fold
from indexer.text.pinyin import initials, syllables
from indexer.text.tables import traditional
from mappings.model import BibRecord
from search_api.catalogue import Catalogue
from search_api.queries import SearchParameters, changed
from search_api.settings import ApiSettings
from store import unions
from store.database import Database

SORTS = ("year_desc", "year_asc", "title", "holders_desc")
MATERIAL = 4_000
PAGES = 10


class Question(Struct, frozen=True):
    kind: str
    parameters: SearchParameters
    pages: int


class Difference(Struct, frozen=True):
    kind: str
    what: str  # hits, order, total, facets, highlights, next, suggestions
    asked: str
    details: str


def fill(engine: Engine, database: Database, generation: str = "v0-parity-0001") -> int:
    """Index every union record of the store; the number of them."""
    engine.create(generation)
    after, count = 0, 0
    while True:
        with database.read() as unit:
            rows = unions.changed_unions(unit, after, 4_000)
        if not rows:
            break
        refused = engine.bulk(operations_of(rows), generation)
        assert not refused, refused[0]
        after = rows[-1].seq
        count += sum(not row.deleted for row in rows)
    engine.swap(generation)
    return count


class Asker:
    """Makes questions out of what the catalogue holds; the same for the same seed and catalogue."""

    def __init__(self, database: Database, seed: int) -> None:
        self._dice = Random(seed)
        with database.read() as unit:
            rows = unions.changed_unions(unit, 0, 10 * MATERIAL)
            keys = sorted(row.key for row in rows if not row.deleted)
            picked = self._dice.sample(keys, min(MATERIAL, len(keys)))
            found = unions.get_unions(unit, picked)
        self._unions = [found[key] for key in picked]
        self._chinese = [each.bib for each in self._unions if _is_han(each.bib.title[:1])]
        self._western = [each.bib for each in self._unions if each.bib.title[:1].isascii()]
        self._libraries = sorted({holder.library for each in self._unions for holder in each.holders})
        self._kinds: dict[str, Callable[[], dict[str, Any]]] = {
            **{f"{length} characters": _of_length(self._run, length) for length in range(1, 9)},
            "two runs": lambda: {"q": " ".join(self._two_runs())},
            "traditional": lambda: {"q": _traditionally(self._run(self._dice.randint(2, 5)))},
            "pinyin": lambda: {"q": self._pinyin(self._dice.randint(1, 5))},
            "initials": lambda: {"q": initials(self._chinese_bib().title)[: self._dice.randint(2, 8)]},
            "English": lambda: {"q": " ".join(self._words(self._dice.randint(1, 3)))},
            "beginning of a word": lambda: {"q": self._words(1)[0][: self._dice.randint(2, 6)]},
            "phrase": lambda: {"q": f'"{self._phrase()}"'},
            "without": lambda: {"q": f"{self._run(2)} -{self._run(2)}"},
            "both scripts": lambda: {"q": f"{self._run(2)} {self._words(1)[0]}"},
            "title": lambda: {"q": self._run(3), "field": "title"},
            "author": lambda: {"q": self._author(), "field": "author"},
            "subject": lambda: {"q": self._subject(), "field": "subject"},
            "publisher": lambda: {"q": self._publisher(), "field": "publisher"},
            "series": lambda: {"q": self._run(2), "field": "series"},
            "abstract": lambda: {"q": self._run(2), "field": "abstract"},
            "ISBN": lambda: {"q": self._number("isbn"), "field": self._dice.choice(("any", "isbn"))},
            "ISSN": lambda: {"q": self._number("issn"), "field": self._dice.choice(("any", "issn"))},
            "everything": dict,
            "nothing": lambda: {"q": self._dice.choice(("龘龖龗", "qqqqzz", "!!!", "鼀" * 6, "_", "_gap_"))},
            "words that don't stand together": lambda: {"q": "".join(reversed(self._two_runs()))},
            "whole title": lambda: {"q": self._bib().title[:120]},
        }

    def questions(self, count: int) -> Iterator[Question]:
        """So many, each kind equally often; a third filtered, half in another order, a fifth to the tenth page."""
        kinds = list(self._kinds)
        for number in range(count):
            kind = kinds[number % len(kinds)]
            asked = self._kinds[kind]()
            if self._dice.random() < 0.35:
                asked |= self._filters()
            if self._dice.random() < 0.5:
                asked["sort"] = self._dice.choice(SORTS)
            if self._dice.random() < 0.3:
                asked["facets"] = "none"
            elif self._dice.random() < 0.2:
                asked["facets"] = "library,format,language,year,subject,class,carrier"
            asked["size"] = self._dice.choice((5, 10, 20, 50))
            pages = PAGES if self._dice.random() < 0.2 else 1
            yield Question(kind, SearchParameters.model_validate(asked), pages)

    def prefixes(self, count: int) -> Iterator[str]:
        """What readers might have typed so far."""
        for number in range(count):
            bib = self._bib()
            text = (bib.title, initials(bib.title), _traditionally(bib.title), self._pinyin(2))[number % 4]
            yield text[: self._dice.randint(1, 10)]

    def _filters(self) -> dict[str, Any]:
        bib = self._bib()
        year = bib.year or 1998
        every: dict[str, Any] = {
            "lib": tuple(self._dice.sample(self._libraries, min(len(self._libraries), self._dice.randint(1, 2)))),
            "format": (bib.material,),
            "language": bib.languages[:1],
            "year_from": year - self._dice.randint(0, 10),
            "year_to": year + self._dice.randint(0, 10),
            "available": True,
            "subject": tuple(each.value for each in bib.subjects[:1]),
            "carrier": (bib.carrier,),
        }
        chosen = self._dice.sample(sorted(every), self._dice.randint(1, 3))
        return {name: every[name] for name in chosen if every[name]}

    def _bib(self) -> BibRecord:
        return self._dice.choice(self._unions).bib

    def _chinese_bib(self) -> BibRecord:
        return self._dice.choice(self._chinese)

    def _run(self, length: int) -> str:
        """So many characters out of a Chinese title that has them."""
        while length:
            title = "".join(filter(_is_han, self._chinese_bib().title))
            if len(title) >= length:
                start = self._dice.randint(0, len(title) - length)
                return title[start : start + length]
            length -= self._dice.random() < 0.02
        return "红"

    def _two_runs(self) -> list[str]:
        """The beginning and the end of a Chinese title."""
        title = "".join(filter(_is_han, self._chinese_bib().title))
        middle = max(1, len(title) // 2)
        return [title[: min(middle, 4)], title[middle:][-4:] or "集"]

    def _pinyin(self, count: int) -> str:
        found = syllables(self._chinese_bib().title)
        start = self._dice.randint(0, max(0, len(found) - count))
        return self._dice.choice((" ", "")).join(found[start : start + count])

    def _words(self, count: int) -> list[str]:
        words = self._dice.choice(self._western).title.split()
        return self._dice.sample(words, min(count, len(words)))

    def _phrase(self) -> str:
        if self._dice.random() < 0.5:
            return self._run(self._dice.randint(2, 6))
        words = self._dice.choice(self._western).title.replace('"', "").split()
        start = self._dice.randint(0, max(0, len(words) - 2))
        return " ".join(words[start : start + 2])

    def _author(self) -> str:
        agents = self._bib().agents
        return agents[0].name if agents else self._run(2)

    def _publisher(self) -> str:
        publishers = self._bib().publishers
        return publishers[0][:5] if publishers else "出版"

    def _subject(self) -> str:
        subjects = self._bib().subjects
        return subjects[0].value if subjects else self._run(2)

    def _number(self, kind: str) -> str:
        for _ in range(200):
            found = [each.value for each in self._bib().identifiers if each.type == kind]
            if found:
                return found[0]
        return "9787020002207"


def differences(database: Database, one: Engine, other: Engine, seed: int, count: int) -> tuple[list[Difference], int]:
    """(what differs, how many pages were compared) of so many questions and a fifth as many suggestions."""
    asker = Asker(database, seed)
    settings = ApiSettings()
    first, second = Catalogue(database, one, settings), Catalogue(database, other, settings)
    found: list[Difference] = []
    pages = 0
    for question in asker.questions(count):
        some, compared = _differing(first, second, question)
        found += some
        pages += compared
    for prefix in asker.prefixes(count // 5):
        left, right = first.suggest(prefix, 10), second.suggest(prefix, 10)
        if left != right:
            found.append(Difference("suggestions", "suggestions", prefix, f"{left} / {right}"[:600]))
    return found, pages


def _differing(first: Catalogue, second: Catalogue, question: Question) -> tuple[list[Difference], int]:
    left = right = question.parameters
    for page in range(1, question.pages + 1):
        a, b = first.search(left), second.search(right)
        asked = f"page {page} of {question.parameters!r}"
        what = _first_difference(a, b)
        if what:
            return [Difference(question.kind, what[0], asked, what[1])], page
        if a.next is None or b.next is None:
            return [], page
        left = changed(left).model_copy(update={"after": a.next.after})
        right = changed(right).model_copy(update={"after": b.next.after})
    return [], question.pages


def _first_difference(a: Any, b: Any) -> tuple[str, str] | None:
    ids = [[hit.id for hit in answer.hits] for answer in (a, b)]
    if a.total != b.total:
        return "total", f"{a.total} / {b.total}"
    if ids[0] != ids[1]:
        return ("order" if sorted(ids[0]) == sorted(ids[1]) else "hits"), f"{ids[0]} / {ids[1]}"[:600]
    if a.facets != b.facets:
        name = next(name for name in a.facets if a.facets[name] != b.facets.get(name))
        return "facets", f"{name}: {a.facets[name]} / {b.facets.get(name)}"[:600]
    if a.hits != b.hits:
        return "highlights", ""
    if (a.next is None) != (b.next is None):
        return "next", f"{a.next} / {b.next}"
    left, right = (msgspec.structs.replace(answer, next=None) for answer in (a, b))
    return None if left == right else ("the rest", f"{left} / {right}"[:600])


def told(found: Sequence[Difference]) -> str:
    """For a person: how many of each, and the first few."""
    counted = Counter((each.kind, each.what) for each in found)
    lines = [f"{kind}, {what}: {count}" for (kind, what), count in sorted(counted.items())]
    lines += [f"{each.kind}, {each.what}: {each.asked}: {each.details}" for each in found[:5]]
    return os.linesep.join(lines)


def _of_length(run: Callable[[int], str], length: int) -> Callable[[], dict[str, Any]]:
    return lambda: {"q": run(length)}


def _is_han(character: str) -> bool:
    return "一" <= character <= "鿿"


def _traditionally(text: str) -> str:
    forms = traditional()
    return "".join(forms.get(each, each) for each in fold(text))
