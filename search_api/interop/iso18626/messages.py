"""The messages of ISO 18626, one model for both versions.

Every field is named as its element (`supplyingAgencyId` → `supplying_agency_id`); where the versions differ it is the
name and the place of 2021-2: `sentVia` is `delivery_method`, `deliveredFormat` and `preferredFormat` are `item_format`,
costs offered and dates of a retry stand in `retry_info`. A field that either version may repeat is a tuple.

"" and None = not told. Text has no blanks at its ends; times are aware, in UTC. Closed lists of the standard are plain
strings here, checked where they are read and written (`shapes.CLOSED`); open ones are a `Code` with its scheme.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

NAMESPACE = "http://illtransactions.org/2013/iso18626"

Version = Literal["1.2", "2021-2"]
VERSIONS: tuple[Version, ...] = ("1.2", "2021-2")

ErrorType = Literal[
    "UnsupportedActionType",
    "UnsupportedReasonForMessageType",
    "UnrecognisedDataElement",
    "UnrecognisedDataValue",
    "BadlyFormedMessage",
]


class BadMessage(Exception):  # noqa: N818 — it says what has come
    """What came can't be understood, in the standard's own terms, so that the sender can be told.

    `kind` (name of the message's element) and `header` are what could still be read of it, for the confirmation.
    """

    def __init__(self, error_type: ErrorType, value: str, kind: str = "", header: Header | None = None) -> None:
        super().__init__(f"{error_type}: {value}")
        self.error_type: ErrorType = error_type
        self.value = value
        self.kind = kind
        self.header = header


class Code(Struct, frozen=True):
    """A value of an open list."""

    value: str = ""
    scheme: str = ""  # URI of the list; "" = that of the standard


class AgencyId(Struct, frozen=True):
    agency_id_type: Code = Code()
    agency_id_value: str = ""


class Costs(Struct, frozen=True):
    currency_code: Code = Code()  # ISO 4217
    monetary_value: Decimal = Decimal(0)


class Authentication(Struct, frozen=True):
    account_id: str = ""
    security_code: str = ""


class Header(Struct, frozen=True, kw_only=True):
    timestamp: datetime
    supplying_agency_id: AgencyId | None = None  # None only in a request of 2021-2: whoever can
    requesting_agency_id: AgencyId = AgencyId()
    requesting_agency_request_id: str = ""
    supplying_agency_request_id: str = ""
    multiple_item_request_id: str = ""
    consortial_id: AgencyId | None = None
    requesting_agency_authentication: Authentication | None = None


class ElectronicAddress(Struct, frozen=True):
    electronic_address_type: Code = Code()
    electronic_address_data: str = ""


class PhysicalAddress(Struct, frozen=True):
    line1: str = ""
    line2: str = ""
    locality: str = ""
    postal_code: str = ""
    region: Code | None = None
    country: Code | None = None


Address = ElectronicAddress | PhysicalAddress


class ItemId(Struct, frozen=True):
    bibliographic_item_identifier_code: Code = Code()
    bibliographic_item_identifier: str = ""


class RecordId(Struct, frozen=True):
    bibliographic_record_identifier_code: Code = Code()
    bibliographic_record_identifier: str = ""


class BibliographicInfo(Struct, frozen=True, kw_only=True):
    supplier_unique_record_id: str = ""
    title: str = ""
    author: str = ""
    author_id: str = ""
    subtitle: str = ""
    series_title: str = ""
    edition: str = ""
    title_of_component: str = ""
    author_of_component: str = ""
    volume: tuple[str, ...] = ()
    issue: str = ""
    pages_requested: str = ""
    estimated_no_pages: str = ""
    bibliographic_item_id: tuple[ItemId, ...] = ()
    sponsor: str = ""
    information_source: str = ""
    bibliographic_record_id: tuple[RecordId, ...] = ()


class PublicationInfo(Struct, frozen=True, kw_only=True):
    publisher: str = ""
    publisher_id: str = ""
    publication_type: Code | None = None
    publication_date: str = ""
    place_of_publication: str = ""


class ServiceInfo(Struct, frozen=True, kw_only=True):
    service_type: str  # Copy, Loan, CopyOrLoan
    request_type: str = ""  # New, Retry, Reminder
    request_sub_type: tuple[str, ...] = ()
    requesting_agency_previous_request_id: str = ""
    service_level: Code | None = None
    item_format: Code | None = None
    need_before_date: datetime | None = None
    copyright_compliance: Code | None = None
    any_edition: bool | None = None
    preferred_edition: str = ""
    loan_condition: tuple[Code, ...] = ()
    start_date: datetime | None = None
    end_date: datetime | None = None
    note: str = ""


class SupplierInfo(Struct, frozen=True, kw_only=True):
    sort_order: int | None = None
    supplier_code: AgencyId | None = None
    supplier_description: str = ""
    bibliographic_record_id: RecordId | None = None
    call_number: str = ""
    summary_holdings: str = ""
    availability_note: str = ""


class RequestedDeliveryInfo(Struct, frozen=True, kw_only=True):
    sort_order: int | None = None
    address: Address | None = None
    delivery_method: Code | None = None
    courier_name: Code | None = None


class RequestingAgencyInfo(Struct, frozen=True, kw_only=True):
    name: str = ""
    contact_name: str = ""
    address: tuple[Address, ...] = ()


class PatronInfo(Struct, frozen=True, kw_only=True):
    patron_id: str = ""
    surname: str = ""
    given_name: str = ""
    patron_type: Code | None = None
    send_to_patron: bool | None = None
    address: tuple[Address, ...] = ()


class BillingInfo(Struct, frozen=True, kw_only=True):
    payment_method: Code | None = None
    maximum_costs: Costs | None = None
    billing_method: Code | None = None
    billing_name: str = ""
    address: Address | None = None


class Request(Struct, frozen=True, kw_only=True):
    header: Header
    bibliographic_info: BibliographicInfo = BibliographicInfo()
    publication_info: PublicationInfo | None = None
    service_info: ServiceInfo | None = None
    supplier_info: tuple[SupplierInfo, ...] = ()
    requested_delivery_info: tuple[RequestedDeliveryInfo, ...] = ()
    requesting_agency_info: RequestingAgencyInfo | None = None
    patron_info: PatronInfo | None = None
    billing_info: BillingInfo | None = None


class MessageInfo(Struct, frozen=True, kw_only=True):
    reason_for_message: str
    answer_yes_no: bool | None = None
    note: str = ""
    reason_unfilled: Code | None = None
    reason_retry: Code | None = None


class StatusInfo(Struct, frozen=True, kw_only=True):
    status: str
    last_change: datetime
    expected_delivery_date: datetime | None = None
    due_date: datetime | None = None


class RetryInfo(Struct, frozen=True, kw_only=True):
    loan_condition: tuple[Code, ...] = ()
    edition: tuple[str, ...] = ()
    item_format: tuple[Code, ...] = ()
    volume: tuple[str, ...] = ()
    service_type: str = ""
    service_level: tuple[Code, ...] = ()
    delivery_method: tuple[Code, ...] = ()
    courier_name: tuple[Code, ...] = ()
    offered_costs: tuple[Costs, ...] = ()
    payment_method: tuple[Code, ...] = ()
    retry_before: datetime | None = None
    retry_after: datetime | None = None


class DeliveryInfo(Struct, frozen=True, kw_only=True):
    date_sent: datetime
    item_id: tuple[str, ...] = ()
    url: str = ""
    delivery_method: Code | None = None
    address: Address | None = None
    sent_to_patron: bool | None = None
    loan_condition: tuple[Code, ...] = ()
    item_format: Code | None = None
    service_type: str = ""
    delivery_costs: tuple[Costs, ...] = ()
    payment_method: Code | None = None


class ShippingInfo(Struct, frozen=True, kw_only=True):
    courier_name: Code | None = None
    tracking_id: tuple[str, ...] = ()
    insurance: bool | None = None
    insurance_third_party: bool | None = None
    third_party_name: str = ""
    insurance_costs: tuple[Costs, ...] = ()


class ReturnInfo(Struct, frozen=True, kw_only=True):
    return_agency_id: AgencyId | None = None
    name: str = ""
    physical_address: PhysicalAddress | None = None


class SupplyingAgencyMessage(Struct, frozen=True, kw_only=True):
    header: Header
    message_info: MessageInfo
    status_info: StatusInfo
    retry_info: RetryInfo | None = None
    delivery_info: DeliveryInfo | None = None
    shipping_info: ShippingInfo | None = None
    return_info: ReturnInfo | None = None


class RequestingAgencyMessage(Struct, frozen=True, kw_only=True):
    header: Header
    action: str
    note: str = ""


class ConfirmationHeader(Struct, frozen=True, kw_only=True):
    timestamp: datetime  # of the message that is confirmed
    timestamp_received: datetime
    message_status: str  # OK, ERROR
    supplying_agency_id: AgencyId | None = None
    requesting_agency_id: AgencyId | None = None
    requesting_agency_request_id: str = ""
    multiple_item_request_id: str = ""


class ErrorData(Struct, frozen=True, kw_only=True):
    error_type: str
    error_value: str = ""


class RequestConfirmation(Struct, frozen=True, kw_only=True):
    confirmation_header: ConfirmationHeader
    error_data: tuple[ErrorData, ...] = ()


class SupplyingAgencyMessageConfirmation(Struct, frozen=True, kw_only=True):
    confirmation_header: ConfirmationHeader
    reason_for_message: str = ""
    error_data: tuple[ErrorData, ...] = ()


class RequestingAgencyMessageConfirmation(Struct, frozen=True, kw_only=True):
    confirmation_header: ConfirmationHeader
    action: str = ""
    error_data: tuple[ErrorData, ...] = ()


Confirmation = RequestConfirmation | SupplyingAgencyMessageConfirmation | RequestingAgencyMessageConfirmation
Message = Request | SupplyingAgencyMessage | RequestingAgencyMessage | Confirmation
