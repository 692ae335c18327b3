"""The language of document delivery (文献传递): what is asked for, who may supply it, and what happened to a request.

A request's history is a list of `Event`s, which is only ever added to; everything else that is said of a request is
folded from them (routing/case.py). Events name staff by account and readers never: who a request is for stands in a
row of its own, which is erased after a set time while the events stay.

Money is in whole fen (分), times are aware datetimes in UTC, days that are counted are working days of the library that
they are said of, unless a name says otherwise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

GENRES = (
    "book", "chapter", "journal", "issue", "article", "proceeding", "conference", "dissertation", "report", "preprint",
    "document", "unknown",
)  # fmt: skip
"""Of OpenURL 1.0 (Z39.88-2004); `chapter` is its bookitem."""

SERVICES = ("copy", "loan", "copy_or_loan")
LEVELS = ("standard", "rush")
SIDES = ("BALIS", "CAPITAL")
"""The two consortia (Library.consortium) between which requests go; EXTERNAL is that of partners not harvested."""

ACTORS = ("reader", "officer", "supplier", "node", "system", "timer", "rule")
"""Who fires an event: a reader, an officer of the requesting library, an officer (or the system) of the library that an
entry asks, an officer of a node or desk, ourselves, a clock that ran out, a rule that a library has set."""

REASONS = (
    "NotHeld", "NotOnShelf", "NonCirculating", "NotAvailableForILL", "PolicyProblem", "PoorCondition",
    "Licence", "CopyLimit", "Incomplete", "Overload", "Cost", "Duplicate",
)  # fmt: skip
"""Why a library refuses. The first six are ISO 18626's; the others are ours, under our own scheme."""


class Citation(Struct, frozen=True, omit_defaults=True):
    """What is asked for, as far as it is known; "" = not known. Numbers are as given until `routing.citations` cleans
    them."""

    genre: str = "unknown"
    title: str = ""  # of the book, journal, dissertation
    author: str = ""
    article_title: str = ""  # of the article or chapter
    article_author: str = ""
    isbn: str = ""
    issn: str = ""
    doi: str = ""
    number: str = ""  # any other, bare or with its type (cn:11-1234)
    date: str = ""  # as written; begins with the year where it is known
    volume: str = ""
    issue: str = ""
    pages: str = ""  # a range as written (117-134), never a count
    part: str = ""
    edition: str = ""
    publisher: str = ""
    place: str = ""
    series: str = ""
    degree_body: str = ""  # university of a dissertation
    degree: str = ""
    language: str = ""  # MARC code
    record_id: str = ""  # id of the union record; "" = not matched

    @property
    def year(self) -> int:
        """0 = not known."""
        return int(self.date[:4]) if self.date[:4].isdigit() else 0


class Wish(Struct, frozen=True, omit_defaults=True):
    """What is asked for and how it is to be had."""

    citation: Citation
    service: str = "copy"  # one of SERVICES
    level: str = "standard"  # one of LEVELS
    need_before: str = ""  # ISO date; "" = whenever
    max_cost: int = 0  # fen that the requesting side pays at most without being asked; 0 = nothing but the tariff
    material: str = "book"  # one of mappings.model.MATERIALS, of the union record where there is one
    subject: str = ""  # main class of the CLC (中图法); "" = not known
    language: str = ""  # MARC code


class Event(Struct, frozen=True, omit_defaults=True):
    """Something that happened to a request. What `data` has is told by DATA in routing/states.py."""

    request_id: int
    seq: int  # 1, 2, 3 … within the request
    at: datetime
    name: str
    actor: str  # one of ACTORS
    who: int = 0  # id of a staff account; 0 = nobody of the staff
    library: str = ""  # symbol of the library that acts
    on_behalf_of: str = ""  # symbol of the library in whose place another acts: an override, a sponsor
    entry: int = 0  # number of the rota entry within the request; 0 = the request as a whole
    data: dict[str, Any] = {}


class Closure(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Days on which a library does not work, both ends included; its clocks stand still and it is not asked."""

    first: str  # ISO dates
    last: str
    reason: str = ""


class LibraryPolicy(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a library takes part in document delivery. It is configuration, changed by the library's own admin."""

    channel: str = "queue"  # queue (its officers work in Tongcang), email, iso18626
    address: str = ""  # e-mail address, or URL of its ISO 18626 service
    iso_version: str = "1.2"  # what it is sent: 1.2 or 2021-2
    agency_type: str = ""  # ISO 18626 agencyIdType; "" = ISIL where the library has one, else its consortium
    agency_id: str = ""  # "" = its ISIL or symbol
    lends: bool = True
    copies: bool = True
    only_for: tuple[str, ...] = ()  # consortia that it serves; () = all
    not_materials: tuple[str, ...] = ()  # of MATERIALS, that it does not send out
    paused: bool = False  # the holiday switch: not asked until it is switched off
    closures: tuple[Closure, ...] = ()
    make_up_days: tuple[str, ...] = ()  # ISO dates on which it works though others don't
    daily_cap: int = 0  # requests that it takes on a day; 0 = no limit
    capacity: float = 10.0  # requests that it deals with on a working day
    receipt_days: float = 1.0  # clocks: until it has said that it has seen a request, and until it has acted
    action_days: float = 3.0
    rush_days: float = 1.0  # both clocks of a rush request
    gateway: str = ""  # symbol of the library that it stands behind (branch → CLCN); "" = none
    gateway_automatic: bool = True  # that library passes requests on without anybody there touching them
    subjects: tuple[str, ...] = ()  # CLC classes whose searches (代查代检) a node takes
    max_pages: int = 0  # of a copy; 0 = no limit
    accept_cost: int = 0  # fen up to which conditions of a supplier are accepted by rule
    retention_days: int = 90  # after closing, until its readers' data in a request are erased
