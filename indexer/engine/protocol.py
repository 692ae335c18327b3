"""The port behind which a search engine lives, and the neutral query tree it is asked with.

Nothing here knows an engine's own language. Text reaches an engine folded and cut to tokens (indexer/text), joined with
single spaces; queries hold such tokens. Every engine must find the same records in the same order: by score, then by
`key` ascending; the score of a hit is BM25 times 1 + 0.15·log2(1 + holders) (the static prior, stored as `prior`).
What every engine checks before it looks or writes stands in `limits`, the canonical form in `documents`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

# ---------------------------------------------------------------------------------------------- what is indexed

TEXT_FIELDS = ("title", "alt", "author", "subject", "publisher", "series", "abstract", "py", "uni", "ini", "sug")
"""Token fields. `py` pinyin syllables, `ini` initials of a whole title or name (hlm), `uni` single characters
(these three marked with the field they come from, see indexer/text/tokens.py),
`sug` prefixes for suggestions. An empty one holds the sentinel `_` (docs/adr: both engines must count it)."""

PHRASE_FIELDS = ("title", "alt", "author", "subject", "publisher", "series", "abstract", "py")
"""The text fields that know where their tokens stand; of the others only single tokens can be asked."""

KEYWORD_FIELDS = (
    "lib",
    "avl",
    "format",
    "language",
    "subject_kw",
    "class_kw",
    "isbn",
    "issn",
    "number",
    "author_kw",
    "carrier",
)
"""Exact values, repeated. `lib` holders, `avl` holders with a copy available, `number` other numbers as type:value."""

NUMBER_FIELDS = ("year", "holders", "key")
"""Whole numbers, one each. `key` is the union key: unique, < 2**40, the last tie-breaker of every order."""

SORT_FIELD_TITLE = "sort_title"
"""One string a document: pinyin key of the title."""


class Document(Struct, frozen=True):
    """A union record as an engine stores it."""

    id: str
    key: int
    version: int  # grows with every change of the union record; an older one is never applied over a newer
    text: dict[str, str]  # every TEXT_FIELD: tokens joined with spaces
    keyword: dict[str, tuple[str, ...]]  # of KEYWORD_FIELDS, those that are not empty
    number: dict[str, int]  # every NUMBER_FIELD; year 0 = unknown
    sort_title: str
    prior: float  # 2**(1+p) − 2 with p = 0.15·log2(1 + holders)
    source: bytes  # JSON that comes back with a hit, see indexer/document.py


class Put(Struct, frozen=True):
    document: Document


class Delete(Struct, frozen=True):
    id: str
    version: int


Operation = Put | Delete

# ---------------------------------------------------------------------------------------------- the query tree


class Term(Struct, frozen=True, tag=True):
    """The token in a text field, scored by BM25; or the exact value in a keyword field, which scores 1."""

    field: str
    token: str


class Phrase(Struct, frozen=True, tag=True):
    """The tokens next to each other, in this order. Of one token it is a Term, of none it finds nothing."""

    field: str
    tokens: tuple[str, ...]


class All(Struct, frozen=True, tag=True):
    """Every one; an empty one finds everything (score 1)."""

    of: tuple[Query, ...] = ()


class Any_(Struct, frozen=True, tag=True):  # noqa: N801 — `any` is taken
    """At least one; scores add up."""

    of: tuple[Query, ...]


class DisMax(Struct, frozen=True, tag=True):
    """At least one; the best score, and `tie` times each of the others."""

    of: tuple[Query, ...]
    tie: float = 0.1


class Boost(Struct, frozen=True, tag=True):
    query: Query
    factor: float


class Should(Struct, frozen=True, tag=True):
    """`must` decides what is found; each of `should` that also holds adds to the score."""

    must: Query
    should: tuple[Query, ...]


class Without(Struct, frozen=True, tag=True):
    """What `query` finds and none of `unwanted` does, scored by `query` alone."""

    query: Query
    unwanted: tuple[Query, ...]


class Nothing(Struct, frozen=True, tag=True):
    """Finds nothing: input of which no token is left."""


Query = Term | Phrase | All | Any_ | DisMax | Boost | Should | Without | Nothing


class Terms(Struct, frozen=True, tag=True):
    """A filter: the keyword field holds one of the values (negated: none of them)."""

    field: str
    values: tuple[str, ...]
    negated: bool = False


class Range(Struct, frozen=True, tag=True):
    """A filter: low ≤ number ≤ high; None = open."""

    field: str
    low: int | None = None
    high: int | None = None


Filter = Terms | Range

SORTS = ("relevance", "year_desc", "year_asc", "title", "holders_desc")
"""Every order ends with `key` ascending. Year 0 (unknown) comes last in both year orders."""


class Facet(Struct, frozen=True):
    """Exact counts of the values of a keyword field (or of `year`): most frequent first, then by value.

    An unknown year (0) is not counted; years of one count are in the order of the numbers.
    """

    field: str
    size: int = 20


class Plan(Struct, frozen=True):
    query: Query
    filters: tuple[Filter, ...] = ()
    facets: tuple[Facet, ...] = ()
    sort: str = "relevance"
    size: int = 20  # 0 = totals and facets only
    after: str = ""  # cursor of the page before; "" = first page


class Hit(Struct, frozen=True):
    id: str
    score: float  # 0 where the sort is not relevance
    source: bytes


class Results(Struct, frozen=True):
    hits: tuple[Hit, ...]
    total: int
    facets: dict[str, tuple[tuple[str, int], ...]] = {}
    next: str = ""  # cursor of the next page; "" = this is the last


class Suggestion(Struct, frozen=True):
    title: str
    id: str
    holders: int


class Refusal(Struct, frozen=True):
    """One operation that the engine would not take; the others of its batch are in."""

    id: str
    reason: str


class Health(Struct, frozen=True):
    ok: bool
    generation: str
    documents: int
    message: str = ""


class Finding(Struct, frozen=True):
    """Something that was looked at, and in the message what to do about it."""

    what: str
    state: Literal["ok", "warning", "failed"]
    message: str


class EngineError(Exception):
    """The engine can't answer or write. The message tells a person what to do; nothing was half applied."""


class Unavailable(EngineError):  # noqa: N818 — it says what the engine is
    """The engine can't be reached or is overloaded: what was asked may well work later. The message says what to do."""

    def __init__(self, message: str, retry_after: int = 30) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds


class TooLong(EngineError):  # noqa: N818 — it says what the query is
    """The query has more parts than the engine takes (Elasticsearch's limit follows from heap and cores)."""


class BadCursor(EngineError):  # noqa: N818 — it says what is bad
    """The cursor is none of this engine's, or of another sort."""


class Engine(Protocol):
    @property
    def parallel_writers(self) -> bool:
        """Whether several processes may write to one generation at once."""
        ...

    def create(self, generation: str) -> None:
        """Begin an empty generation beside the live one; one of that name that was left unfinished is dropped."""
        ...

    def bulk(self, operations: Iterable[Operation], generation: str | None = None) -> list[Refusal]:
        """Write to a generation (default: the live one). Stale versions are passed over in silence.

        Readers see nothing of it before `refresh`. Where it raises, what was written since the last refresh may be
        lost: write that again (versions make it harmless).
        """
        ...

    def refresh(self, generation: str | None = None) -> None:
        """Make everything written durable and visible to every reader in every process."""
        ...

    def release(self) -> None:
        """End writing, so that another process may. What was written since the last refresh may be given up."""
        ...

    def search(self, plan: Plan, generation: str | None = None) -> Results:
        """One page (default: of the live generation). Raises BadCursor, and EngineError where there is nothing."""
        ...

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Sources of the documents that exist."""
        ...

    def suggest(self, prefix: str, size: int = 10) -> list[Suggestion]:
        """Titles that begin with the folded prefix or whose initials do; most widely held first, then by key."""
        ...

    def scan(self, generation: str | None = None) -> Iterator[tuple[str, int, bytes]]:
        """Every (id, version, canonical bytes of all the rest) in ascending order of key: for gates and hashes."""
        ...

    def swap(self, generation: str) -> None:
        """Refresh it and make it the live generation in one atomic step."""
        ...

    def live(self) -> str | None:
        """The name of the live generation, if there is one."""
        ...

    def drop(self, generation: str) -> None:
        """Remove it for good; what is not there is gone already. Raises EngineError for the live one."""
        ...

    def generations(self) -> list[str]:
        """The names of all, ascending."""
        ...

    def health(self) -> Health:
        """Not ok where there is nothing to search. Raises Unavailable where the engine does not answer at all."""
        ...

    def diagnose(self) -> list[Finding]:
        """What an operator should know of servers, versions, room and safety. Never raises an EngineError."""
        ...

    def close(self) -> None: ...
