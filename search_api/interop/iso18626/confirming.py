"""Confirmations: what answers a message in the same HTTP exchange, and what an answer says.

A confirmation says that the message was understood and is kept, no more. It is given after the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from search_api.interop.iso18626.messages import (
    BadMessage,
    Confirmation,
    ConfirmationHeader,
    ErrorData,
    Header,
    Message,
    Request,
    RequestConfirmation,
    RequestingAgencyMessage,
    RequestingAgencyMessageConfirmation,
    SupplyingAgencyMessage,
    SupplyingAgencyMessageConfirmation,
    Version,
)
from search_api.interop.iso18626.reading import detect_version, parse, read, read_element
from search_api.interop.iso18626.writing import write

_CONFIRMED_BY = {
    Request: RequestConfirmation,
    SupplyingAgencyMessage: SupplyingAgencyMessageConfirmation,
    RequestingAgencyMessage: RequestingAgencyMessageConfirmation,
}


class Verdict(Struct, frozen=True):
    """What the other side's answer to a message of ours says."""

    ok: bool
    understood: bool  # False = the answer is no confirmation of this message: it may not have arrived, send it again
    errors: tuple[ErrorData, ...] = ()
    why: str = ""  # of what is not ok, for the log and the officer


def answer(data: bytes, received: datetime, keep: Callable[[Message], None]) -> bytes:
    """The body that answers what came, in the version that it came in.

    `keep` stores the message and acts on it, and may raise BadMessage; until it returns nothing is confirmed. Whatever
    else it raises goes on to the caller: the sender gets no confirmation then, and sends again.
    """
    version: Version = "1.2"
    message: Message | None = None
    try:
        root = parse(data)
        version = detect_version(root)
        message = read_element(root)
        confirmation = confirm(message, received)
        keep(message)
    except BadMessage as bad:
        confirmation = refuse(bad, received, message)
    return write(confirmation, version)


def confirm(message: Message, received: datetime) -> Confirmation:
    """OK. Raises BadMessage for what is a confirmation itself."""
    if isinstance(message, SupplyingAgencyMessage):
        head = _head(message.header, received, "OK")
        return SupplyingAgencyMessageConfirmation(
            confirmation_header=head, reason_for_message=message.message_info.reason_for_message
        )
    if isinstance(message, RequestingAgencyMessage):
        head = _head(message.header, received, "OK")
        return RequestingAgencyMessageConfirmation(confirmation_header=head, action=message.action)
    if isinstance(message, Request):
        return RequestConfirmation(confirmation_header=_head(message.header, received, "OK"))
    raise BadMessage("UnrecognisedDataElement", "a confirmation comes as an answer only")


def refuse(bad: BadMessage, received: datetime, message: Message | None = None) -> Confirmation:
    """ERROR, for what could not be read or, with the message, for what could be read and not be done. Of what nothing
    could be read, the confirmation is a requestConfirmation and has the two times only."""
    if isinstance(message, Request | SupplyingAgencyMessage | RequestingAgencyMessage):
        bad = BadMessage(bad.error_type, bad.value, type(message).__name__, message.header)
    head = _head(bad.header, received, "ERROR")
    errors = (ErrorData(error_type=bad.error_type, error_value=bad.value),)
    kind = bad.kind.lower()
    if kind == "supplyingagencymessage":
        return SupplyingAgencyMessageConfirmation(confirmation_header=head, error_data=errors)
    if kind == "requestingagencymessage":
        return RequestingAgencyMessageConfirmation(confirmation_header=head, error_data=errors)
    return RequestConfirmation(confirmation_header=head, error_data=errors)


def _head(header: Header | None, received: datetime, status: str) -> ConfirmationHeader:
    if header is None:
        return ConfirmationHeader(timestamp=received, timestamp_received=received, message_status=status)
    return ConfirmationHeader(
        timestamp=header.timestamp,
        timestamp_received=received,
        message_status=status,
        supplying_agency_id=header.supplying_agency_id,
        requesting_agency_id=header.requesting_agency_id,
        requesting_agency_request_id=header.requesting_agency_request_id,
        multiple_item_request_id=header.multiple_item_request_id,
    )


def verdict(body: bytes, sent: Message) -> Verdict:
    """What the body that answered `sent` says. Never raises."""
    try:
        confirmation = read(body)
    except BadMessage as bad:
        return Verdict(False, False, why=str(bad))
    if isinstance(confirmation, Request | SupplyingAgencyMessage | RequestingAgencyMessage):
        return Verdict(False, False, why=f"{type(confirmation).__name__} instead of a confirmation")
    head = confirmation.confirmation_header
    if head.message_status != "OK":
        # Whatever could not be read may be confirmed as anything, so it is not asked what this is a confirmation of.
        told = "; ".join(f"{each.error_type}: {each.error_value}" for each in confirmation.error_data)
        return Verdict(False, True, confirmation.error_data, told or "ERROR without a reason")
    if not isinstance(confirmation, _CONFIRMED_BY.get(type(sent), ())):
        return Verdict(False, False, why=f"{type(confirmation).__name__} for a {type(sent).__name__}")
    asked = getattr(sent, "header", None)
    number = head.requesting_agency_request_id
    if number and asked and number != asked.requesting_agency_request_id:
        return Verdict(False, False, why=f"confirms {number!r} instead of {asked.requesting_agency_request_id!r}")
    return Verdict(True, True)
