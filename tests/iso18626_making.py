"""Any message of ISO 18626, for property tests; and what each version carries of one, written out by hand."""

from __future__ import annotations

import typing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from search_api.interop.iso18626 import messages as m

XML = st.characters(exclude_categories=("Cs",), exclude_characters=[*map(chr, range(32)), "\ufffe", "\uffff"])
WORDS = st.sampled_from(
    ["红楼梦", "北京邮电大学学报", "陶淵明集", '<a> & "b"', "𠮷野家", "]]>", "Naïve\tNotes", "１２", "é"]
)
TEXT = st.one_of(WORDS, st.text(XML, min_size=1, max_size=12)).map(lambda text: text.strip(" \t\r\n")).filter(bool)
SCHEME = st.sampled_from(["", "", "urn:x-tongcang:iso18626:status", "http://illtransactions.org/list/1#a", "RESHARE"])
TIME = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda at: at.replace(tzinfo=UTC))
MONEY = st.integers(-(10**9), 10**9).map(lambda fen: Decimal(fen) / 100)

CLOSED = {
    "action": "StatusRequest Received Cancel Renew ShippedReturn ShippedForward Notification HoldReturn Lost",
    "status": "RequestReceived ExpectToSupply WillSupply Loaned Overdue Recalled RetryPossible Unfilled HoldReturn"
    " ReleaseHoldReturn CopyCompleted LoanCompleted CompletedWithoutReturn Cancelled",
    "reason_for_message": "RequestResponse StatusRequestResponse RenewResponse CancelResponse StatusChange"
    " Notification",
    "request_type": "New Retry Reminder",
    "request_sub_type": "BookingRequest MultipleItemRequest PatronRequest TransferRequest SupplyingLibrarysChoice",
    "service_type": "Copy Loan CopyOrLoan",
    "error_type": "UnsupportedActionType UnsupportedReasonForMessageType UnrecognisedDataElement UnrecognisedDataValue"
    " BadlyFormedMessage",
    "message_status": "OK ERROR",
    "preferred_edition": "MostRecentEdition ThisEdition AnyEdition",
}
NOW = datetime(2026, 11, 27, 2, 3, 4, tzinfo=UTC)
ONLY_2021 = {"HoldReturn", "Lost", "ReleaseHoldReturn"}
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A whole message takes its time to be made on a machine that has other work."""
KINDS: tuple[type, ...] = typing.get_args(m.Message)


def _value(kind: Any, field: str, required: bool) -> st.SearchStrategy[Any]:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return st.lists(_value(inner[0], field, True), max_size=3).map(tuple)
    if origin in (UnionType, typing.Union):
        return st.one_of([st.none() if each is type(None) else _value(each, field, True) for each in inner])
    if kind is str:
        values = st.sampled_from(CLOSED[field].split()) if field in CLOSED else TEXT
        return values if required else st.one_of(st.just(""), values)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        datetime: TIME,
        Decimal: MONEY,
        bool: st.booleans(),
        int: st.integers(0, 99),
        m.Code: st.builds(m.Code, TEXT, SCHEME),
    }
    return plain[kind] if kind in plain else any_struct(kind)


def any_struct(kind: type) -> st.SearchStrategy[Any]:
    """Any struct of that kind; texts that no field requires may be absent."""
    hints = typing.get_type_hints(kind)
    fields = {
        each.name: _value(hints[each.name], each.name, each.required or kind in (m.AgencyId, m.ItemId, m.RecordId))
        for each in msgspec.structs.fields(kind)
    }
    return st.builds(kind, **fields)


def any_message(*kinds: type) -> st.SearchStrategy[m.Message]:
    """Of one of the kinds, of all where none is named."""
    return st.one_of([any_struct(kind) for kind in kinds or KINDS])


def full(kind: Any, field: str = "") -> Any:
    """A struct of that kind with every field told, and two of what may be repeated."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return (full(inner[0], field),) * 2
    if origin in (UnionType, typing.Union):
        return full(next(each for each in inner if each is not type(None)), field)
    plain: dict[Any, Any] = {
        m.Code: m.Code("字", "urn:x"),
        str: "字",
        datetime: NOW,
        Decimal: Decimal("1.50"),
        bool: True,
        int: 1,
    }
    if kind is str and field in CLOSED:
        return CLOSED[field].split()[0]
    if kind in plain:
        return plain[kind]
    return kind(**{name: full(hint, name) for name, hint in typing.get_type_hints(kind).items()})


def carried(message: m.Message, version: str) -> m.Message:
    """What is left of a message that was sent in that version; every loss stands here by name."""
    return _carried_1_2(message) if version == "1.2" else _carried_2021_2(message)


def _once(texts: tuple[str, ...]) -> tuple[str, ...]:
    return ("; ".join(texts),) if texts else ()


def _carried_1_2(message: Any) -> Any:
    if isinstance(message, m.Request):
        bib, service, publication = message.bibliographic_info, message.service_info, message.publication_info
        return replace(
            message,
            header=replace(message.header, consortial_id=None),
            bibliographic_info=replace(bib, author_id="", volume=_once(bib.volume)),
            publication_info=replace(publication, publisher_id="") if publication else None,
            service_info=replace(
                service, preferred_edition="", loan_condition=(), request_sub_type=service.request_sub_type[:3]
            )
            if service
            else None,
            requested_delivery_info=tuple(
                replace(way, delivery_method=None, courier_name=None) for way in message.requested_delivery_info
            ),
        )
    if isinstance(message, m.SupplyingAgencyMessage):
        retry, delivery = message.retry_info, message.delivery_info
        left = m.RetryInfo()
        if retry:
            left = m.RetryInfo(
                offered_costs=retry.offered_costs[:1], retry_after=retry.retry_after, retry_before=retry.retry_before
            )
        return replace(
            message,
            header=replace(message.header, consortial_id=None),
            retry_info=left if left != m.RetryInfo() else None,
            delivery_info=replace(
                delivery,
                item_id=_once(delivery.item_id),
                url="",
                address=None,
                loan_condition=delivery.loan_condition[:1],
                service_type="",
                delivery_costs=delivery.delivery_costs[:1],
                payment_method=None,
            )
            if delivery
            else None,
            shipping_info=None,
        )
    if isinstance(message, m.RequestingAgencyMessage):
        return replace(message, header=replace(message.header, consortial_id=None))
    left = replace(message, error_data=message.error_data[:1])
    if isinstance(left, m.RequestingAgencyMessageConfirmation) and left.action in ONLY_2021:
        left = replace(left, action="")
    return left


def _carried_2021_2(message: Any) -> Any:
    if isinstance(message, m.Request):
        message = replace(
            message,
            header=replace(message.header, supplying_agency_request_id=""),
            service_info=message.service_info or m.ServiceInfo(service_type="CopyOrLoan"),
        )
    elif isinstance(message, m.SupplyingAgencyMessage):
        header = replace(
            message.header, consortial_id=None, multiple_item_request_id="", requesting_agency_authentication=None
        )
        message = replace(message, header=header)
    elif isinstance(message, m.RequestingAgencyMessage):
        message = replace(message, header=replace(message.header, multiple_item_request_id=""))
    else:
        head = replace(message.confirmation_header, multiple_item_request_id="")
        message = replace(message, confirmation_header=head)
    return _without_region_schemes(message)


def _without_region_schemes(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_without_region_schemes(each) for each in value)
    if isinstance(value, m.PhysicalAddress):
        return replace(value, region=m.Code(value.region.value) if value.region else None)
    if isinstance(value, msgspec.Struct):
        fields = {name: _without_region_schemes(getattr(value, name)) for name in value.__struct_fields__}
        return replace(value, **fields)
    return value


def header(**changes: Any) -> m.Header:
    """Of a request that the Capital Library has made at Renmin University."""
    told: dict[str, Any] = {
        "timestamp": NOW,
        "supplying_agency_id": m.AgencyId(m.Code("BALIS"), "RUC"),
        "requesting_agency_id": m.AgencyId(m.Code("CAPITAL"), "CLCN"),
        "requesting_agency_request_id": "R17-2",
    }
    return m.Header(**told | changes)


def from_supplier(
    status: str, reason: str = "StatusChange", *, info: Any = None, due: datetime | None = None, **parts: Any
) -> m.SupplyingAgencyMessage:
    return m.SupplyingAgencyMessage(
        header=header(),
        message_info=m.MessageInfo(reason_for_message=reason, **(info or {})),
        status_info=m.StatusInfo(status=status, last_change=NOW - timedelta(minutes=1), due_date=due),
        **parts,
    )


def versioned(xml: str) -> bytes:
    """The inside of a message as a whole one, in the namespace."""
    return f'<ISO18626Message xmlns="{m.NAMESPACE}" version="1.0">{xml}</ISO18626Message>'.encode()
