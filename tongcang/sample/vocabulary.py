"""The words and known works that publications are made of, read once from the tables beside this file."""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate

from msgspec import Struct

from tongcang.sample.forms import HERE, Text, text, western


class Topic(Struct, frozen=True):
    name: Text
    clc: str
    english: str


class Publisher(Struct, frozen=True):
    name: Text
    place: Text
    number: int
    classes: str = ""
    since: int = 1950
    country: str = "CN"  # ISO 3166 for Chinese publishers, MARC code for western ones


class Pattern(Struct, frozen=True):
    parts: tuple[tuple[str, Text], ...]  # (slot or "", literal)


class Edition(Struct, frozen=True):
    publisher: str
    year: int
    statement: str
    isbns: tuple[str, ...]  # 13 digits; ("-",) = has none, () = to be made up
    volumes: tuple[str, ...]  # designations of volumes with a record each
    set_of: int  # volumes in one record, else 0


class Work(Struct, frozen=True):
    title: str
    other: str
    people: tuple[tuple[str, str, str, str], ...]  # role, dynasty or country, name ("@" before a body), dates
    clc: str
    subjects: tuple[str, ...]
    editions: tuple[Edition, ...] = ()
    extent: str = ""  # of old printings: 卷


class Vocabulary(Struct, frozen=True):
    topics: tuple[Topic, ...]
    words: dict[str, tuple[Text, ...]]
    surnames: tuple[Text, ...]
    western_surnames: tuple[str, ...]
    forenames: tuple[str, ...]
    publishers: tuple[Publisher, ...]
    publishers_by_class: dict[str, tuple[Publisher, ...]]
    western_publishers: tuple[Publisher, ...]
    patterns: dict[str, tuple[tuple[Pattern, ...], tuple[int, ...]]]  # patterns and their running weights
    works: tuple[Work, ...]
    western_works: tuple[Work, ...]
    rare_works: tuple[Work, ...]
    serials: tuple[tuple[str, ...], ...]
    western_serials: tuple[tuple[str, ...], ...]
    homophones: tuple[tuple[str, ...], ...]


def rows(name: str) -> list[tuple[str, ...]]:
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


@cache
def vocabulary() -> Vocabulary:
    words = {kind: tuple(map(text, line.split())) for kind, line in rows("words.tsv")}
    western_names = {kind: tuple(names.split()) for kind, names in rows("western_names.tsv")}
    publishers = tuple(
        Publisher(text(name), text(place), number, classes.replace(" ", ""), int(since))
        for number, (name, place, classes, since) in enumerate(rows("publishers.tsv"))
    )
    return Vocabulary(
        topics=tuple(Topic(text(name), clc, english) for name, clc, english in rows("topics.tsv")),
        words=words,
        surnames=tuple(_surname(*row) for row in rows("surnames.tsv")),
        western_surnames=western_names["surname"],
        forenames=western_names["forename"],
        publishers=publishers,
        publishers_by_class={
            letter: tuple(p for p in publishers if letter in p.classes) or publishers
            for letter in "ABCDEFGHIJKNOPQRSTUVXZ"
        },
        western_publishers=tuple(
            Publisher(western(name), western(place), number, country=country)
            for number, (name, place, country) in enumerate(rows("western_publishers.tsv"))
        ),
        patterns=_patterns(),
        works=tuple(map(_work, rows("works.tsv"))),
        western_works=tuple(map(_work, rows("western_works.tsv"))),
        rare_works=tuple(
            Work(title, "", _people(people), clc, (division,), extent=juan)
            for title, juan, people, clc, division in rows("rare_works.tsv")
        ),
        serials=tuple(rows("serials.tsv")),
        western_serials=tuple(rows("western_serials.tsv")),
        homophones=tuple(rows("homophones.tsv")),
    )


def _surname(name: str, pinyin: str) -> Text:
    """A surname has its own reading, which differs from the common one of its character (单 shan, 曾 zeng)."""
    return Text(name, text(name).traditional, pinyin)


def _patterns() -> dict[str, tuple[tuple[Pattern, ...], tuple[int, ...]]]:
    patterns: dict[str, list[Pattern]] = {}
    weights: dict[str, list[int]] = {}
    for kind, weight, pattern in rows("patterns.tsv"):
        parts = [
            (piece[1:-1], western("")) if piece.startswith("{") else ("", text(piece))
            for piece in re.findall(r"\{\w+\}|[^{]+", pattern)
        ]
        patterns.setdefault(kind, []).append(Pattern(tuple(parts)))
        weights.setdefault(kind, []).append(int(weight))
    return {kind: (tuple(found), tuple(accumulate(weights[kind]))) for kind, found in patterns.items()}


_PERSON = re.compile(r"(?P<role>[^:]+):(?:\((?P<origin>[^)]+)\))?(?P<name>[^\[]+)(?:\[(?P<dates>[^\]]+)\])?$")


def _people(column: str) -> tuple[tuple[str, str, str, str], ...]:
    found = []
    for piece in column.split(";"):
        person = _PERSON.match(piece)
        if person is None:
            raise ValueError(f"not a person: {piece!r} in {column!r}")
        found.append((person["role"], person["origin"] or "", person["name"], person["dates"] or ""))
    return tuple(found)


def _work(row: tuple[str, ...]) -> Work:
    title, other, people, clc, subjects, editions = row
    return Work(
        title, other, _people(people), clc, tuple(subjects.split(";")), tuple(map(_edition, editions.split(";")))
    )


def _edition(column: str) -> Edition:
    # A publisher's name may hold a comma: count from the right.
    rest, volumes = column.rsplit(",", 1) if column.count(",") >= 4 else (column, "")
    publisher, year, statement, isbns = rest.rsplit(",", 3)
    set_of = int(volumes[3:]) if volumes.startswith("set") else 0
    return Edition(
        publisher, int(year), statement, tuple(filter(None, isbns.split("+"))), _volumes(volumes, set_of), set_of
    )


def _volumes(column: str, set_of: int) -> tuple[str, ...]:
    """上/下 as they stand; 1-4 as 1, 2, 3, 4; nothing of a set, which has one record."""
    if not column or set_of:
        return ()
    if "/" in column:
        return tuple(column.split("/"))
    first, last = column.split("-")
    return tuple(str(number) for number in range(int(first), int(last) + 1))
