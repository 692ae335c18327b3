"""Small documents and an oracle for the engines' contract: plain Python that says what every engine must answer."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from indexer.engine.protocol import (
    TEXT_FIELDS,
    All,
    Any_,
    Boost,
    DisMax,
    Document,
    Engine,
    Filter,
    Hit,
    Nothing,
    Phrase,
    Plan,
    Put,
    Query,
    Range,
    Should,
    Term,
    Without,
)
from mappings.model import union_id

LIBRARIES = ("RUC", "PKU", "BNU", "BUAA", "BFSU", "CLCN", "THU")
WORDS = ("红楼", "楼梦", "图书", "书馆", "史记", "中国", "国史", "教程", "程序", "c++", "python", "история", "3", "版")
SUBJECTS = tuple(f"主题--{word}" for word in WORDS) + tuple(f"关键词 {number} (专题)+*" for number in range(300))


def prior(holders: int) -> float:
    return 2 ** (1 + 0.15 * math.log2(1 + holders)) - 2


def document(
    key: int,
    *,
    version: int = 1,
    year: int = 0,
    holders: int = 0,
    title: str = "无题",
    sort_title: str | None = None,
    text: dict[str, str] | None = None,
    **keyword: Sequence[str],
) -> Document:
    """Of a key. `text`: tokens joined with blanks, by field; `keyword`: values, by field."""
    bare = "".join(title.lower().split())
    texts = {"sug": " ".join(bare[:length] for length in range(1, min(8, len(bare)) + 1))} | (text or {})
    return Document(
        id=union_id(key),
        key=key,
        version=version,
        text={name: texts.get(name) or "_" for name in TEXT_FIELDS},
        keyword={name: tuple(values) for name, values in keyword.items()},
        number={"year": year, "holders": holders, "key": key},
        sort_title=title if sort_title is None else sort_title,
        prior=prior(holders),
        source=msgspec.json.encode({"title": title, "year": year}),
    )


def some_documents(count: int, seed: int) -> list[Document]:
    """Documents with many ties: few words, years, holders and titles, but many subjects. Keys in no order."""
    dice = random.Random(seed)
    made = []
    for key in dice.sample(range(2**40), count):
        holders = dice.choice((0, 1, 1, 2, 3, 7))
        libraries = tuple(dice.sample(LIBRARIES, holders))
        made.append(
            document(
                key,
                year=dice.choice((0, 0, 960, 1949, 1999, 2020, 2021)),
                holders=holders,
                title=dice.choice(("红楼梦", "红楼梦研究资料汇编新编", "Python 教程", "史记", "中国史")),
                sort_title=dice.choice(("", "hong lou meng", "zhong guo tong shi jian bian", "史记", "a" * 15 + "b"))
                + dice.choice(("", "", " di 2 ban")),
                lib=libraries,
                avl=libraries[: holders // 2],
                format=("book",),
                subject_kw=tuple(dict.fromkeys(dice.choices(SUBJECTS, k=dice.randrange(4)))),
                text={"uni": " ".join(dice.sample("红楼梦史记中国", dice.randrange(5)))}
                | {
                    name: " _gap_ ".join(
                        " ".join(dice.choices(WORDS, k=dice.randint(1, 6))) for _ in range(dice.randint(0, 2))
                    )
                    for name in ("title", "author", "subject")
                },
            )
        )
    return made


def build(engine: Engine, documents: Iterable[Document], generation: str = "g1") -> None:
    """A new live generation with these documents."""
    engine.create(generation)
    assert engine.bulk((Put(document) for document in documents), generation) == []
    engine.swap(generation)


def walk(engine: Engine, plan: Plan) -> list[Hit]:
    """The hits of all pages, one after the other."""
    hits: list[Hit] = []
    while True:
        results = engine.search(plan)
        hits += results.hits
        assert len(results.hits) == plan.size or not results.next
        if not results.next:
            return hits
        plan = msgspec.structs.replace(plan, after=results.next)


class Oracle:
    """What a freshly built index with these documents must answer. BM25 with k1 = 1.2, b = 0.75."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = {document.id: document for document in documents}
        self._tokens = {
            (document.id, name): text.split()
            for document in self.documents.values()
            for name, text in document.text.items()
        }
        self._averages = {
            name: sum(len(self._tokens[known, name]) for known in self.documents) / max(1, len(self.documents))
            for name in TEXT_FIELDS
        }
        self._idf: dict[tuple[str, str], float] = {}

    def find(self, plan: Plan) -> list[str]:
        """The ids of all that the plan finds, in no order."""
        return [
            name
            for name, document in self.documents.items()
            if self.score(document, plan.query) is not None and all(passes(document, one) for one in plan.filters)
        ]

    def ordered(self, plan: Plan) -> list[str]:
        """The ids in the plan's order, but for relevance, which `score` is for."""

        def place(name: str) -> tuple[int | str, int]:
            found = self.documents[name]
            year = found.number["year"]
            by: int | str = {
                "year_desc": -year,
                "year_asc": year or 10_000,
                "title": found.sort_title,
                "holders_desc": -found.number["holders"],
            }[plan.sort]
            return by, found.key

        return sorted(self.find(plan), key=place)

    def counts(self, plan: Plan, field: str, size: int) -> tuple[tuple[str, int], ...]:
        counter: Counter[str | int] = Counter()
        for name in self.find(plan):
            found = self.documents[name]
            year = found.number["year"]
            counter.update(set(found.keyword.get(field, ())) if field != "year" else [year] if year else [])
        ranked = sorted(counter.items(), key=lambda entry: (-entry[1], entry[0]))
        return tuple((str(value), count) for value, count in ranked[:size])

    def relevance(self, document: Document, query: Query) -> float:
        score = self.score(document, query)
        assert score is not None
        return score * (1 + 0.15 * math.log2(1 + document.number["holders"]))

    def score(self, document: Document, query: Query) -> float | None:
        """Without the prior; None = not found."""
        match query:
            case Term():
                if query.field not in TEXT_FIELDS:
                    return 1.0 if query.token in document.keyword.get(query.field, ()) else None
                return self._bm25(document, query.field, (query.token,))
            case Phrase():
                return self._bm25(document, query.field, query.tokens)
            case All():
                scores = [self.score(document, part) for part in query.of]
                return None if None in scores else sum(score or 0 for score in scores) if scores else 1.0
            case Any_() | DisMax():
                found = [score for part in query.of if (score := self.score(document, part)) is not None]
                if not found:
                    return None
                if isinstance(query, Any_):
                    return sum(found)
                return max(found) + query.tie * (sum(found) - max(found))
            case Boost():
                inner = self.score(document, query.query)
                return None if inner is None else inner * query.factor
            case Should():
                must = self.score(document, query.must)
                return None if must is None else must + sum(self.score(document, part) or 0 for part in query.should)
            case Without():
                banned = any(self.score(document, part) is not None for part in query.unwanted)
                return None if banned else self.score(document, query.query)
            case Nothing():
                return None

    def _bm25(self, document: Document, field: str, tokens: tuple[str, ...]) -> float | None:
        held = self._tokens[document.id, field]
        frequency = _occurrences(held, tokens)
        if not tokens or not frequency:
            return None
        norm = 1.2 * (1 - 0.75 + 0.75 * len(held) / self._averages[field])
        return sum(self._weight(field, token) for token in tokens) * 2.2 * frequency / (frequency + norm)

    def _weight(self, field: str, token: str) -> float:
        """The idf. Of a phrase, the idf of its tokens add up."""
        if (field, token) not in self._idf:
            having = sum(token in self._tokens[name, field] for name in self.documents)
            total = len(self.documents)
            self._idf[field, token] = math.log(1 + (total - having + 0.5) / (having + 0.5))
        return self._idf[field, token]


def _occurrences(held: Sequence[str], tokens: tuple[str, ...]) -> int:
    length = len(tokens)
    return sum(tuple(held[start : start + length]) == tokens for start in range(len(held) - length + 1))


def passes(document: Document, condition: Filter) -> bool:
    if isinstance(condition, Range):
        value = document.number[condition.field]
        return (condition.low is None or condition.low <= value) and (condition.high is None or value <= condition.high)
    held = set(document.keyword.get(condition.field, ())) & set(condition.values)
    return bool(held) != condition.negated
