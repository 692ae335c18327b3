"""A wish as an ISO 18626 request, and a request as a wish.

What a request has no element for (part, degree and the body that grants it) is told in its note, for people; subject
and language are not sent. `max_cost` 0 sends no maximumCosts: nothing but the tariff is agreed. A supplier is told the
requesting library and the branch, never the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mappings.requests import Citation, Wish
from search_api.finding import NUMBER_TYPES
from search_api.interop.iso18626 import terms
from search_api.interop.iso18626.messages import (
    Address,
    AgencyId,
    BadMessage,
    BibliographicInfo,
    BillingInfo,
    Code,
    Costs,
    ElectronicAddress,
    Header,
    ItemId,
    PublicationInfo,
    RecordId,
    Request,
    RequestedDeliveryInfo,
    RequestingAgencyInfo,
    ServiceInfo,
    SupplierInfo,
)
from search_api.interop.iso18626.naming import LOCAL, Party, RequestNumber, Thread, own_code, thread_of

_UNSUPPORTED = ("BookingRequest", "MultipleItemRequest")


class Ask(Struct, frozen=True, kw_only=True):
    """The `send` of an entry, with what a supplier is told."""

    number: RequestNumber
    wish: Wish
    requester: Party
    supplier: Party
    path: tuple[Party, ...] = ()  # hops before the supplier, in their order
    branch: Party | None = None  # the public branch that the requester asks for
    kind: str = "New"  # New; Retry: after a condition, a date or a bad copy, with the next attempt; Reminder: as it was
    from_reader: bool = False  # no officer has seen it
    forwarded: bool = False  # somebody that was asked before has passed it on (转发)
    accepted: Mapping[str, Any] = {}  # data of the `condition` that a Retry agrees to
    local_record: str = ""  # identifier of the record at the supplier
    call_number: str = ""
    coverage: str = ""
    email: str = ""  # where a copy is sent: the requesting library's address, not the reader's
    note: str = ""


def ask(asking: Ask, now: datetime) -> Request:
    """The message to the supplier."""
    wish = _agreed(asking.wish, asking.accepted)
    citation = wish.citation
    return Request(
        header=Header(
            timestamp=now,
            supplying_agency_id=asking.supplier.agency,
            requesting_agency_id=asking.requester.agency,
            requesting_agency_request_id=str(asking.number),
        ),
        bibliographic_info=_bibliographic(citation, asking.local_record),
        publication_info=_publication(citation, wish.material),
        service_info=_service(asking, wish),
        supplier_info=_suppliers(asking),
        requested_delivery_info=_delivery(asking.email),
        requesting_agency_info=RequestingAgencyInfo(
            name=_names(asking.requester), contact_name=_names(asking.branch) if asking.branch else ""
        ),
        billing_info=BillingInfo(maximum_costs=terms.yuan(wish.max_cost)) if wish.max_cost else None,
    )


def _agreed(wish: Wish, accepted: Mapping[str, Any]) -> Wish:
    """The wish with the terms of the condition that the requester has agreed to."""
    service = terms.SERVICES.get(accepted.get("service", ""), wish.service)
    return replace(wish, max_cost=max(wish.max_cost, accepted.get("cost", 0)), service=service)


def _names(party: Party) -> str:
    return f"{party.name_zh} / {party.name_en}"


def _bibliographic(citation: Citation, local_record: str) -> BibliographicInfo:
    number = _typed_number(citation.number)
    items = [
        ItemId(code, value)
        for code, value in (
            (Code("ISBN"), citation.isbn),
            (Code("ISSN"), citation.issn),
            (own_code("bibliographicItemIdentifierCode", "DOI"), citation.doi),
            (own_code("bibliographicItemIdentifierCode", number[0]), number[1]),
        )
        if value
    ]
    record = RecordId(own_code("bibliographicRecordIdentifierCode", LOCAL), citation.record_id)
    return BibliographicInfo(
        supplier_unique_record_id=local_record,
        title=citation.title,
        author=citation.author,
        series_title=citation.series,
        edition=citation.edition,
        title_of_component=citation.article_title,
        author_of_component=citation.article_author,
        volume=(citation.volume,) if citation.volume else (),
        issue=citation.issue,
        pages_requested=citation.pages,
        bibliographic_item_id=tuple(items),
        bibliographic_record_id=(record,) if citation.record_id else (),
    )


def _typed_number(number: str) -> tuple[str, str]:
    kind, colon, value = number.partition(":")
    typed = colon and kind.lower() in NUMBER_TYPES and value.strip()
    return (kind.lower(), value.strip()) if typed else ("", number)


def _publication(citation: Citation, material: str) -> PublicationInfo | None:
    info = PublicationInfo(
        publisher=citation.publisher,
        publication_type=terms.publication_type(citation.genre, material),
        publication_date=citation.date,
        place_of_publication=citation.place,
    )
    return info if info != PublicationInfo() else None


def _service(asking: Ask, wish: Wish) -> ServiceInfo:
    number = asking.number
    before = replace(number, attempt=number.attempt - 1) if number.attempt > 1 else None
    kinds = (("PatronRequest", asking.from_reader), ("TransferRequest", asking.forwarded))
    return ServiceInfo(
        request_type=asking.kind,
        request_sub_type=tuple(name for name, is_so in kinds if is_so),
        requesting_agency_previous_request_id=str(before) if before and asking.kind == "Retry" else "",
        service_type=terms.SERVICE_TYPES[wish.service],
        service_level=Code("Rush" if wish.level == "rush" else "Standard"),
        need_before_date=terms.end_of_day(wish.need_before),
        loan_condition=tuple(Code(each) for each in asking.accepted.get("conditions", ())),
        note=_note(asking, wish.citation),
    )


def _note(asking: Ask, citation: Citation) -> str:
    told = (
        ("分册 Part", citation.part),
        ("学位授予单位 Degree-granting body", citation.degree_body),
        ("学位 Degree", citation.degree),
        ("同意的条件 Conditions agreed to", ", ".join(asking.accepted.get("conditions", ()))),
    )
    return "\n".join([asking.note] * bool(asking.note) + [f"{what}: {value}" for what, value in told if value])


def _suppliers(asking: Ask) -> tuple[SupplierInfo, ...]:
    """The hops in their order, the supplier last."""
    stops = (*asking.path, asking.supplier)
    return tuple(
        SupplierInfo(
            sort_order=order,
            supplier_code=stop.agency,
            supplier_description=_names(stop),
            call_number=asking.call_number if stop is stops[-1] else "",
            summary_holdings=asking.coverage if stop is stops[-1] else "",
        )
        for order, stop in enumerate(stops, 1)
    )


def _delivery(email: str) -> tuple[RequestedDeliveryInfo, ...]:
    if not email:
        return ()
    return (RequestedDeliveryInfo(sort_order=1, address=ElectronicAddress(Code("Email"), email)),)


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody outside asks of us."""

    thread: Thread
    wish: Wish
    kind: str  # New, Retry, Reminder
    from_reader: bool
    forwarded: bool
    previous: str = ""  # number of the request that a Retry follows
    requester_name: str = ""
    branch_name: str = ""
    deliver_to: tuple[Address, ...] = ()  # in the order that the requester prefers
    conditions: tuple[str, ...] = ()  # loan conditions that it agrees to
    local_record: str = ""  # as the supplier numbers its records, if the requester knows
    note: str = ""

    @property
    def supplier(self) -> AgencyId | None:
        """None = whoever can."""
        return self.thread.supplier


def asked(request: Request) -> Asked:
    """What the request wants. Raises BadMessage for what we can't do at all."""
    service, info = request.service_info, request.requesting_agency_info
    if not request.header.requesting_agency_request_id:
        raise BadMessage("UnrecognisedDataValue", "requestingAgencyRequestId: empty")
    sub_types = service.request_sub_type if service else ()
    if unsupported := [each for each in sub_types if each in _UNSUPPORTED]:
        raise BadMessage("UnrecognisedDataValue", f"requestSubType: {unsupported[0]} is not supported")
    ways = sorted(request.requested_delivery_info, key=lambda way: (way.sort_order is None, way.sort_order or 0))
    maximum = request.billing_info.maximum_costs if request.billing_info else None
    return Asked(
        thread=thread_of(request),
        wish=_wish(request, maximum),
        kind=(service.request_type if service else "") or "New",
        from_reader="PatronRequest" in sub_types,
        forwarded="TransferRequest" in sub_types,
        previous=service.requesting_agency_previous_request_id if service else "",
        requester_name=info.name if info else "",
        branch_name=info.contact_name if info else "",
        deliver_to=tuple(way.address for way in ways if way.address),
        conditions=tuple(each.value for each in service.loan_condition) if service else (),
        local_record=request.bibliographic_info.supplier_unique_record_id,
        note=_told_note(request, maximum),
    )


def _told_note(request: Request, maximum: Costs | None) -> str:
    note = request.service_info.note if request.service_info else ""
    if maximum and terms.fen(maximum) is None:
        note = "\n".join(filter(None, (note, f"最高费用 Maximum costs: {terms.money(maximum)}")))
    return note


def _wish(request: Request, maximum: Costs | None) -> Wish:
    service, citation = request.service_info, _citation(request)
    type_ = request.publication_info.publication_type if request.publication_info else None
    genre, material = terms.genre_and_material(type_, citation)
    return Wish(
        citation=replace(citation, genre=genre),
        service=terms.SERVICES[service.service_type] if service else "copy_or_loan",
        level=terms.level_of(service.service_level) if service else "standard",
        need_before=terms.day_of(service.need_before_date) if service else "",
        max_cost=terms.fen(maximum) or 0,
        material=material,
    )


def _citation(request: Request) -> Citation:
    bib, publication = request.bibliographic_info, request.publication_info or PublicationInfo()
    numbers = _numbers(bib)
    return Citation(
        title=" : ".join(filter(None, (bib.title, bib.subtitle))),
        author=bib.author,
        article_title=bib.title_of_component,
        article_author=bib.author_of_component,
        isbn=numbers.get("isbn", ""),
        issn=numbers.get("issn", ""),
        doi=numbers.get("doi", ""),
        number=numbers.get("number", ""),
        date=publication.publication_date,
        volume="; ".join(bib.volume),
        issue=bib.issue,
        pages=bib.pages_requested,
        edition=bib.edition,
        publisher=publication.publisher,
        place=publication.place_of_publication,
        series=bib.series_title,
        record_id=numbers.get("record_id", ""),
    )


def _numbers(bib: BibliographicInfo) -> dict[str, str]:
    """The first of each kind; `number` is the first that is of no kind of its own, with its type where we know it."""
    found: dict[str, str] = {}
    told = [
        (each.bibliographic_item_identifier_code.value, each.bibliographic_item_identifier)
        for each in bib.bibliographic_item_id
    ] + [
        (each.bibliographic_record_identifier_code.value, each.bibliographic_record_identifier)
        for each in bib.bibliographic_record_id
    ]
    for code, value in told:
        kind = code.strip().lower()
        if not value:
            continue
        if kind in ("isbn", "issn", "doi"):
            found.setdefault(kind, value)
        elif kind == LOCAL.lower():
            found.setdefault("record_id", value)
        else:
            found.setdefault("number", f"{kind}:{value}" if kind in NUMBER_TYPES else value)
    return found
