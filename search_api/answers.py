"""The answers of the API: one struct each. OpenAPI's schemas are made from these."""

from __future__ import annotations

from msgspec import Struct

from mappings.model import BibRecord, Holding


class Part(Struct, frozen=True):
    """A piece of a text; the pieces joined are the text."""

    text: str
    marked: bool  # it is what was searched for


class HolderBrief(Struct, frozen=True):
    """A library that holds the publication, as a hit tells it."""

    library: str  # symbol
    name_zh: str
    name_en: str
    available: bool
    availability_zh: str
    availability_en: str
    call_number: str
    location: str
    coverage: str  # volumes, issues or years held


class SearchHit(Struct, frozen=True):
    """A union record in brief."""

    id: str
    url: str
    title: str
    title_alt: str  # the title in the other script, as catalogued
    subtitle: str
    part_number: str
    part_name: str
    responsibility: str
    authors: tuple[str, ...]
    year: int  # 0 = unknown
    year_end: int  # 9999 = still published
    place: str
    publisher: str
    edition: str
    extent: str
    material: str
    carrier: str
    languages: tuple[str, ...]
    isbns: tuple[str, ...]
    issns: tuple[str, ...]
    classes: tuple[str, ...]
    abstract: str
    holders: tuple[HolderBrief, ...]
    highlights: dict[str, tuple[Part, ...]]  # by element, those in which something is marked


class FacetValue(Struct, frozen=True):
    value: str  # hand it back in the parameter of that name
    count: int  # union records
    label_zh: str
    label_en: str


class NextPage(Struct, frozen=True):
    after: str
    url: str


class SearchAnswer(Struct, frozen=True):
    query: str
    total: int
    hits: tuple[SearchHit, ...]
    facets: dict[str, tuple[FacetValue, ...]]
    next: NextPage | None  # null: this is the last page
    also_searched: tuple[str, ...]  # other scripts in which the words were looked for
    relaxed: bool  # nothing had all the words as they stand: they were looked for one by one


class RecordHolder(Struct, frozen=True):
    """A library that holds the publication, with everything that it says of it."""

    library: str
    name_zh: str
    name_en: str
    available: bool
    availability_zh: str
    availability_en: str
    holdings: tuple[Holding, ...]
    records: tuple[str, ...]  # identifiers of its source records


class SourceRecordRef(Struct, frozen=True):
    """A source record that the union record was made of."""

    library: str
    name_zh: str
    name_en: str
    source: int
    identifier: str


class RecordAnswer(Struct, frozen=True):
    id: str
    url: str
    description: BibRecord  # empty elements are left out
    holders: tuple[RecordHolder, ...]
    sources: tuple[SourceRecordRef, ...]
    citation: str  # GB/T 7714-2015


class Candidate(Struct, frozen=True):
    """A publication that may be the one asked for."""

    id: str
    url: str
    confidence: float  # 0–1, how exactly it fits what was asked
    basis: tuple[str, ...]  # what that rests on, by code
    basis_zh: str
    basis_en: str
    title: str
    responsibility: str
    publisher: str
    year: int
    edition: str
    material: str
    holders: tuple[RecordHolder, ...]


class HoldersAnswer(Struct, frozen=True):
    candidates: tuple[Candidate, ...]  # best first


class SuggestedTitle(Struct, frozen=True):
    title: str
    id: str
    url: str
    holders: int  # how many libraries hold it


class SuggestAnswer(Struct, frozen=True):
    suggestions: tuple[SuggestedTitle, ...]


class LibraryEntry(Struct, frozen=True):
    symbol: str
    name_zh: str
    name_en: str
    consortium: str
    role: str
    isil: str


class LibrariesAnswer(Struct, frozen=True):
    libraries: tuple[LibraryEntry, ...]


class AccountAnswer(Struct, frozen=True):
    """One's own account, with all its contact data."""

    id: str  # 63 bits, so a string: JavaScript's numbers have 53
    login: str
    roles: tuple[str, ...]
    library: str  # symbol; empty for system librarians and auditors
    name: str
    email: str
    phone: str
    card: str
    language: str
    sponsor: str
    registered_by_officer: bool
    created: str
    csrf: str  # to be sent as X-CSRF-Token with whatever changes something; empty in an export


class PersonEntry(Struct, frozen=True):
    """An account, as those see it who manage it."""

    id: str
    login: str
    name: str
    roles: tuple[str, ...]
    library: str
    active: bool
    can_sign_in: bool  # it has a password
    created: str
    erased: str  # empty: it is not


class PeopleAnswer(Struct, frozen=True):
    accounts: tuple[PersonEntry, ...]
    next: str  # `after` of the next page; empty: this is the last


class NewPersonAnswer(Struct, frozen=True):
    account: PersonEntry
    code: str  # with which its owner sets a password at /set-password: shown this once
    code_days: int


class OwnSession(Struct, frozen=True):
    begun: str
    seen: str
    expires: str


class OwnRequest(Struct, frozen=True):
    number: int
    title: str
    service: str
    state: str
    created: str
    closed: str  # empty while it is under way
    note: str
    delivery: str


class OwnPayment(Struct, frozen=True):
    kind: str
    state: str
    amount: int  # fen
    request: int  # 0: none, or forgotten
    created: str


class OwnMail(Struct, frozen=True):
    kind: str
    state: str
    request: int
    created: str
    content: str  # JSON of what it was made of


class OwnRemark(Struct, frozen=True):
    request: int
    event: str  # that it was said with
    created: str
    words: str


class KeyEntry(Struct, frozen=True):
    """An API key, without the key itself."""

    id: str
    prefix: str  # tck_ and this is how it begins
    label: str
    library: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    created: str
    expires: str
    used: str  # last use, to the hour; empty: never
    revoked: str  # empty: it is not
    good: bool


class ExportAnswer(Struct, frozen=True):
    """Everything that is kept of a person."""

    account: AccountAnswer
    sessions: tuple[OwnSession, ...]
    keys: tuple[KeyEntry, ...]
    requests: tuple[OwnRequest, ...]
    payments: tuple[OwnPayment, ...]
    mails: tuple[OwnMail, ...]  # that are still kept
    remarks: tuple[OwnRemark, ...]  # what he has said of requests himself


class ReaderAnswer(Struct, frozen=True):
    """A reader whom an officer has registered."""

    id: str
    login: str
    library: str
    code: str  # with which the reader sets a password: shown this once
    code_days: int  # so long it is good


class KeysAnswer(Struct, frozen=True):
    keys: tuple[KeyEntry, ...]


class NewKeyAnswer(Struct, frozen=True):
    key: str  # shown this once: keep it
    entry: KeyEntry


class StoreHealth(Struct, frozen=True):
    ok: bool
    message: str


class EngineHealth(Struct, frozen=True):
    ok: bool
    generation: str
    documents: int
    message: str


class HealthAnswer(Struct, frozen=True):
    ok: bool
    state: str  # ok; degraded: records and look-ups by number answer, searches don't; down: nothing does
    store: StoreHealth
    engine: EngineHealth


class BadParameter(Struct, frozen=True):
    parameter: str
    zh: str
    en: str


class ProblemAnswer(Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 has it (application/problem+json), told in both languages."""

    type: str
    title: str
    status: int
    detail: str
    title_zh: str = ""
    detail_zh: str = ""
    parameters: tuple[BadParameter, ...] = ()  # of 422: what is wrong with which
    url: str = ""  # of 308: where the record is now
    id: str = ""  # of 410: the record that was
    instance: str = ""  # urn:tongcang:request: and the request's id, which stands in the log
