"""Who and which: agencies and request numbers as ISO 18626 messages have them.

An agency is named by its ISIL where it has one, and never by an ISIL that nobody issued: else its type is its
consortium and its id the symbol that the union catalogue knows it by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from mappings.model import Library
from mappings.requests import LibraryPolicy
from search_api.interop.iso18626.messages import AgencyId, Code, Message

SCHEME = "urn:x-tongcang:iso18626:"
"""Begins the scheme of every open list of ours; what follows is the element's name."""
LOCAL = "TONGCANG"
"""Type of agencies that belong to no consortium; code of the union catalogue's record ids."""


class Party(Struct, frozen=True):
    """A library as correspondents know it."""

    symbol: str
    name_zh: str
    name_en: str
    agency: AgencyId


class RequestNumber(Struct, frozen=True):
    """Our requestingAgencyRequestId: R<request>-<entry>, and .<attempt> from the second on, since a Retry is a request
    of its own for the supplier."""

    request: int
    entry: int
    attempt: int = 1

    def __str__(self) -> str:
        return f"R{self.request}-{self.entry}" + (f".{self.attempt}" if self.attempt > 1 else "")


_NUMBER = re.compile(r"R([1-9]\d{0,17})-([1-9]\d{0,8})(?:\.([1-9]\d{0,8}))?", re.ASCII | re.IGNORECASE)


def parse_number(text: str) -> RequestNumber | None:
    """None where it is no number of ours."""
    form = _NUMBER.fullmatch(text.strip())
    if form is None or int(form[1]) >= 2**31:  # the store has no such request
        return None
    return RequestNumber(int(form[1]), int(form[2]), int(form[3] or 1))


def own_code(element: str, value: str) -> Code:
    """A value that the standard's open list for that element has not."""
    return Code(value, SCHEME + element)


def agency_of(library: Library, policy: LibraryPolicy) -> AgencyId:
    """What the library is called in messages: as its policy says, else by its ISIL, else locally."""
    local = library.consortium or LOCAL
    type_ = policy.agency_type
    if policy.agency_id:
        type_ = type_ or ("ISIL" if policy.agency_id == library.isil else local)
        return AgencyId(_agency_type(type_), policy.agency_id)
    if library.isil and type_ in ("", "ISIL"):
        return AgencyId(Code("ISIL"), library.isil)
    return AgencyId(_agency_type(local if type_ in ("", "ISIL") else type_), library.symbol)


def _agency_type(type_: str) -> Code:
    return Code("ISIL") if type_ == "ISIL" else own_code("agencyIdType", type_)


def party(library: Library, policy: LibraryPolicy) -> Party:
    return Party(library.symbol, library.name_zh, library.name_en, agency_of(library, policy))


def same_agency(one: AgencyId, other: AgencyId) -> bool:
    """Case and schemes don't matter: peers disagree on both."""

    def plain(agency: AgencyId) -> tuple[str, str]:
        return agency.agency_id_type.value.casefold(), agency.agency_id_value.strip().casefold()

    return plain(one) == plain(other)


def recognise(agency: AgencyId | None, parties: Iterable[Party]) -> Party | None:
    """Which of them is meant; None = none of them."""
    if agency is None or not agency.agency_id_value.strip():
        return None
    return next((each for each in parties if same_agency(agency, each.agency)), None)


class Thread(Struct, frozen=True):
    """What all messages about one request have in common."""

    requester: AgencyId
    supplier: AgencyId | None
    number: str  # requestingAgencyRequestId
    supplier_number: str = ""  # supplyingAgencyRequestId
    multiple: str = ""  # multipleItemRequestId


def thread_of(message: Message) -> Thread:
    """The thread that the message belongs to."""
    head = getattr(message, "header", None) or message.confirmation_header  # type: ignore[union-attr]
    return Thread(
        head.requesting_agency_id or AgencyId(),
        head.supplying_agency_id,
        head.requesting_agency_request_id,
        getattr(head, "supplying_agency_request_id", ""),
        head.multiple_item_request_id,
    )
