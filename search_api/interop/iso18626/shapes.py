"""How each version puts the messages into elements: names, order, how often. Data, from the two published schemas.

A content model is a list of child elements in their order: `name` exactly once, `name?` at most once, `name*` any
number of times, `name<3` at most three times; `name:type` where the type's name is not the element's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from search_api.interop.iso18626 import messages
from search_api.interop.iso18626.messages import VERSIONS, Version

MANY = 1_000_000_000

_HEADER_1_2 = (
    "supplyingAgencyId requestingAgencyId multipleItemRequestId timestamp requestingAgencyRequestId"
    " supplyingAgencyRequestId? requestingAgencyAuthentication?"
)
_BOTH = {
    "agencyId": "agencyIdType agencyIdValue",
    "costs": "currencyCode monetaryValue",
    "requestingAgencyAuthentication": "accountId? securityCode?",
    "electronicAddress": "electronicAddressType electronicAddressData",
    "physicalAddress": "line1? line2? locality? postalCode? region? country?",
    "bibliographicRecordId": "bibliographicRecordIdentifierCode bibliographicRecordIdentifier",
    "supplierInfo": "sortOrder? supplierCode? supplierDescription? bibliographicRecordId? callNumber? summaryHoldings?"
    " availabilityNote?",
    "requestingAgencyInfo": "name? contactName? address*",
    "patronInfo": "patronId? surname? givenName? patronType? sendToPatron? address*",
    "billingInfo": "paymentMethod? maximumCosts? billingMethod? billingName? address?",
    "requestingAgencyMessage": "header:requestingAgencyMessageHeader action note?",
    "statusInfo": "status expectedDeliveryDate? dueDate? lastChange",
    "returnInfo": "returnAgencyId? name? physicalAddress?",
    "errorData": "errorType errorValue?",
}
_V1_2 = _BOTH | {
    "requestHeader": _HEADER_1_2,
    "supplyingAgencyMessageHeader": _HEADER_1_2,
    "requestingAgencyMessageHeader": _HEADER_1_2,
    "confirmationHeader": "supplyingAgencyId? requestingAgencyId? timestamp requestingAgencyRequestId?"
    " multipleItemRequestId? timestampReceived messageStatus",
    "bibliographicItemId": "bibliographicItemIdentifier bibliographicItemIdentifierCode",
    "bibliographicInfo": "supplierUniqueRecordId? title? author? subtitle? seriesTitle? edition? titleOfComponent?"
    " authorOfComponent? volume? issue? pagesRequested? estimatedNoPages? bibliographicItemId*"
    " sponsor? informationSource? bibliographicRecordId*",
    "publicationInfo": "publisher? publicationType? publicationDate? placeOfPublication?",
    "serviceInfo": "requestType? requestSubType<3 requestingAgencyPreviousRequestId? serviceType serviceLevel?"
    " preferredFormat? needBeforeDate? copyrightCompliance? anyEdition? startDate? endDate? note?",
    "requestedDeliveryInfo": "sortOrder? address?",
    "request": "header:requestHeader bibliographicInfo publicationInfo? serviceInfo? supplierInfo*"
    " requestedDeliveryInfo* requestingAgencyInfo? patronInfo? billingInfo?",
    "messageInfo": "reasonForMessage answerYesNo? note? reasonUnfilled? reasonRetry? offeredCosts? retryAfter?"
    " retryBefore?",
    "deliveryInfo": "dateSent itemId? sentVia? sentToPatron? loanCondition? deliveredFormat? deliveryCosts?",
    "supplyingAgencyMessage": "header:supplyingAgencyMessageHeader messageInfo statusInfo deliveryInfo? returnInfo?",
    "requestConfirmation": "confirmationHeader errorData?",
    "supplyingAgencyMessageConfirmation": "confirmationHeader reasonForMessage? errorData?",
    "requestingAgencyMessageConfirmation": "confirmationHeader action? errorData?",
}
_V2021_2 = _BOTH | {
    "requestHeader": "supplyingAgencyId? requestingAgencyId consortialId? multipleItemRequestId? timestamp"
    " requestingAgencyRequestId requestingAgencyAuthentication?",
    "supplyingAgencyMessageHeader": "supplyingAgencyId requestingAgencyId timestamp requestingAgencyRequestId"
    " supplyingAgencyRequestId?",
    "requestingAgencyMessageHeader": "supplyingAgencyId requestingAgencyId consortialId? timestamp"
    " requestingAgencyRequestId supplyingAgencyRequestId? requestingAgencyAuthentication?",
    "confirmationHeader": "supplyingAgencyId? requestingAgencyId? timestamp requestingAgencyRequestId?"
    " timestampReceived messageStatus",
    "bibliographicItemId": "bibliographicItemIdentifierCode bibliographicItemIdentifier",
    "bibliographicInfo": "supplierUniqueRecordId? title? author? authorId? subtitle? seriesTitle? edition?"
    " titleOfComponent? authorOfComponent? volume* issue? pagesRequested? estimatedNoPages? bibliographicItemId*"
    " sponsor? informationSource? bibliographicRecordId*",
    "publicationInfo": "publisher? publisherId? publicationType? publicationDate? placeOfPublication?",
    "serviceInfo": "requestType? requestSubType* requestingAgencyPreviousRequestId? serviceType serviceLevel?"
    " itemFormat? needBeforeDate? copyrightCompliance? anyEdition? preferredEdition? loanCondition* startDate? endDate?"
    " note?",
    "requestedDeliveryInfo": "sortOrder? address? deliveryMethod? courierName?",
    "request": "header:requestHeader bibliographicInfo publicationInfo? serviceInfo supplierInfo*"
    " requestedDeliveryInfo* requestingAgencyInfo? patronInfo? billingInfo?",
    "messageInfo": "reasonForMessage answerYesNo? note? reasonUnfilled? reasonRetry?",
    "retryInfo": "loanCondition* edition* itemFormat* volume* serviceType? serviceLevel* deliveryMethod*"
    " courierName* offeredCosts* paymentMethod* retryBefore? retryAfter?",
    "deliveryInfo": "dateSent itemId* URL? deliveryMethod? address? sentToPatron? loanCondition* itemFormat?"
    " serviceType? deliveryCosts* paymentMethod?",
    "shippingInfo": "courierName? trackingId* insurance? insuranceThirdParty? thirdPartyName? insuranceCosts*",
    "supplyingAgencyMessage": "header:supplyingAgencyMessageHeader messageInfo statusInfo retryInfo? deliveryInfo?"
    " shippingInfo? returnInfo?",
    "requestConfirmation": "confirmationHeader errorData*",
    "supplyingAgencyMessageConfirmation": "confirmationHeader reasonForMessage? errorData*",
    "requestingAgencyMessageConfirmation": "confirmationHeader action? errorData*",
}

_ACTIONS = "StatusRequest Received Cancel Renew ShippedReturn ShippedForward Notification"
_STATUSES = (
    "RequestReceived ExpectToSupply WillSupply Loaned Overdue Recalled RetryPossible Unfilled CopyCompleted"
    " LoanCompleted CompletedWithoutReturn Cancelled"
)
_CLOSED = {  # element: (values of both versions, those that 2021-2 adds)
    "action": (_ACTIONS, "HoldReturn Lost"),
    "status": (_STATUSES, "HoldReturn ReleaseHoldReturn"),
    "reasonForMessage": (
        "RequestResponse StatusRequestResponse RenewResponse CancelResponse StatusChange Notification",
        "",
    ),
    "requestType": ("New Retry Reminder", ""),
    "requestSubType": (
        "BookingRequest MultipleItemRequest PatronRequest TransferRequest SupplyingLibrarysChoice",
        "",
    ),
    "serviceType": ("Copy Loan CopyOrLoan", ""),
    "errorType": (
        "UnsupportedActionType UnsupportedReasonForMessageType UnrecognisedDataElement UnrecognisedDataValue"
        " BadlyFormedMessage",
        "",
    ),
    "messageStatus": ("OK ERROR", ""),
    "preferredEdition": ("MostRecentEdition ThisEdition AnyEdition", ""),
}
CLOSED: dict[str, dict[Version, frozenset[str]]] = {
    name: {"1.2": frozenset(both.split()), "2021-2": frozenset((both + " " + added).split())}
    for name, (both, added) in _CLOSED.items()
}

_KINDS = {
    "time": "timestamp timestampReceived expectedDeliveryDate dueDate lastChange dateSent retryAfter retryBefore"
    " needBeforeDate startDate endDate",
    "code": "agencyIdType bibliographicItemIdentifierCode bibliographicRecordIdentifierCode paymentMethod billingMethod"
    " currencyCode sentVia deliveryMethod courierName loanCondition deliveredFormat itemFormat preferredFormat"
    " electronicAddressType reasonUnfilled reasonRetry patronType region country publicationType serviceLevel"
    " copyrightCompliance",
    "yes_no": "answerYesNo sendToPatron anyEdition insurance insuranceThirdParty",
    "truth": "sentToPatron",
    "decimal": "monetaryValue",
    "integer": "sortOrder",
    "address": "address",
    "closed": " ".join(_CLOSED),
    "struct": " ".join({**_V1_2, **_V2021_2}),
}
_KIND = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_TYPES = {
    **dict.fromkeys(
        ["supplyingAgencyId", "requestingAgencyId", "consortialId", "supplierCode", "returnAgencyId"], "agencyId"
    ),
    **dict.fromkeys(["maximumCosts", "offeredCosts", "deliveryCosts", "insuranceCosts"], "costs"),
}
_RENAMED = {
    "sentVia": "delivery_method",
    "deliveredFormat": "item_format",
    "preferredFormat": "item_format",
    "URL": "url",
}


class MessageInfo12(messages.MessageInfo, frozen=True, kw_only=True):
    """As 1.2 has it: with what the model keeps in `retry_info`."""

    offered_costs: messages.Costs | None = None
    retry_after: datetime | None = None
    retry_before: datetime | None = None


CLASSES: dict[str, type[Struct]] = {
    "messageInfo": MessageInfo12,
    "agencyId": messages.AgencyId,
    "costs": messages.Costs,
    "requestingAgencyAuthentication": messages.Authentication,
    "electronicAddress": messages.ElectronicAddress,
    "physicalAddress": messages.PhysicalAddress,
    "bibliographicItemId": messages.ItemId,
    "bibliographicRecordId": messages.RecordId,
    "requestHeader": messages.Header,
    "supplyingAgencyMessageHeader": messages.Header,
    "requestingAgencyMessageHeader": messages.Header,
}
CLASSES |= {
    name: getattr(messages, name[0].upper() + name[1:]) for name in {**_V1_2, **_V2021_2} if name not in CLASSES
}

MESSAGES = (
    "request",
    "requestConfirmation",
    "supplyingAgencyMessage",
    "supplyingAgencyMessageConfirmation",
    "requestingAgencyMessage",
    "requestingAgencyMessageConfirmation",
)
NAMES = {CLASSES[name]: name for name in MESSAGES}
"""The element of a message, by its class."""


class Part(Struct, frozen=True):
    """A child element in a content model."""

    name: str
    field: str  # of the struct
    kind: str  # text, struct, or one of _KINDS
    type: str  # of a struct: key of CLASSES
    least: int
    most: int


_FORM = re.compile(r"(?P<name>\w+)(?::(?P<type>\w+))?(?P<often>\?|\*|<\d+)?")


def _part(text: str) -> Part:
    form = _FORM.fullmatch(text)
    assert form, text
    name, often = form["name"], form["often"] or ""
    type_ = form["type"] or _TYPES.get(name, name)
    kind = "struct" if type_ in CLASSES else _KIND.get(name, "text")
    field = _RENAMED.get(name) or re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), name)
    most = {"": 1, "?": 1, "*": MANY}.get(often) or int(often[1:])
    return Part(name, field, kind, type_ if kind == "struct" else "", 0 if often else 1, most)


def _shapes(models: Mapping[str, str]) -> dict[str, tuple[Part, ...]]:
    return {name: tuple(_part(each) for each in model.split()) for name, model in models.items()}


SHAPES: dict[Version, dict[str, tuple[Part, ...]]] = {"1.2": _shapes(_V1_2), "2021-2": _shapes(_V2021_2)}
"""The content models of each version, by type."""

READING: dict[str, dict[str, Part]] = {
    kind: {part.name: part for version in VERSIONS for part in SHAPES[version].get(kind, ())} for kind in CLASSES
}
"""What a reader of both knows, by type and element."""

REPEATED = {
    (kind, part.field)
    for version in VERSIONS
    for kind, parts in SHAPES[version].items()
    for part in parts
    if part.most > 1
}
"""Type and field of what either version may repeat: a tuple in the model."""

NEEDED: dict[str, tuple[Part, ...]] = {
    kind: tuple(
        part
        for part in known.values()
        if all(
            any(each.name == part.name and each.least for each in SHAPES[version][kind])
            for version in VERSIONS
            if kind in SHAPES[version]
        )
    )
    for kind, known in READING.items()
}
"""What is missing in a message of either version when it is not there."""
