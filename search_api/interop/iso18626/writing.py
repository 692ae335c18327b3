"""From a message to XML that is valid in the version asked for, attributes qualified.

What a version can't carry is left out, or said as it can:
- 1.2: author_id, publisher_id, consortial_id, preferred_edition and loan conditions of a request, delivery method and
  courier of requested_delivery_info, all of retry_info but the first cost and the dates, url, address, service_type and
  payment_method of delivery_info, shipping_info. A supplier that is None, and a multiple_item_request_id, are empty
  elements. Texts that it has once are joined by "; "; of other things that it has once (errors, loan conditions, costs)
  the first stays, of request_sub_type three.
- 2021-2: multiple_item_request_id but in a request, supplying_agency_request_id of a request, the consortial_id and the
  authentication in a supplier's message, the scheme of a region, negative sort orders. A request without service_info
  asks for CopyOrLoan.
- both: characters that XML has not become U+FFFD, a scheme that is no URI is percent-encoded, an empty text among
  several is dropped.
A closed value that only the other version has is left out where that is allowed; where it is not, NotCarried is raised
rather than something else said: action HoldReturn and Lost, status HoldReturn and ReleaseHoldReturn in 1.2.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lxml import etree
from msgspec.structs import replace

from search_api.interop.iso18626.messages import (
    NAMESPACE,
    AgencyId,
    Code,
    ElectronicAddress,
    Message,
    Request,
    ServiceInfo,
    SupplyingAgencyMessage,
    Version,
)
from search_api.interop.iso18626.shapes import CLOSED, NAMES, SHAPES, MessageInfo12, Part

CONTENT_TYPE = "application/xml; charset=utf-8"

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_URI = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*:)(?://[A-Za-z0-9.-]+(?::\d{1,4})?(?=[/?#]|$))?(?!//)[A-Za-z0-9/._~?&=+,;@!$'()*:-]*"
    r"(?:#[A-Za-z0-9/._~?&=+,;@!$'()*:-]*)?",
    re.ASCII,
)
_PREFIXES: dict[Any, str] = {None: NAMESPACE, "ill": NAMESPACE}
"""Attributes need a prefix to be qualified; elements go without."""
_BLANK = " \t\r\n"


class NotCarried(ValueError):  # noqa: N818 — it says what could not be
    """The version has no word for what the message says above all."""


def write(message: Message, version: Version) -> bytes:
    """The message as XML in UTF-8. Raises NotCarried; ValueError where a time has no zone."""
    attributes = {f"{{{NAMESPACE}}}version": str(version)}
    root = etree.Element(f"{{{NAMESPACE}}}ISO18626Message", attributes, nsmap=_PREFIXES)
    name = NAMES[type(message)]
    _struct(_child(root, name), _lowered(message, version), name, version)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _lowered(message: Message, version: Version) -> Message:
    """With what stands elsewhere in that version, or has to stand in it."""
    if isinstance(message, Request) and version == "2021-2" and message.service_info is None:
        return replace(message, service_info=ServiceInfo(service_type="CopyOrLoan"))
    if isinstance(message, SupplyingAgencyMessage) and version == "1.2" and message.retry_info:
        info, retry = message.message_info, message.retry_info
        told = {name: getattr(info, name) for name in info.__struct_fields__}
        of_12 = MessageInfo12(
            **told,
            offered_costs=retry.offered_costs[0] if retry.offered_costs else None,
            retry_after=retry.retry_after,
            retry_before=retry.retry_before,
        )
        return replace(message, message_info=of_12)
    return message


def _child(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _struct(element: etree._Element, value: Any, kind: str, version: Version) -> None:
    for part in SHAPES[version][kind]:
        told = getattr(value, part.field, None)
        values = [each for each in (told if isinstance(told, tuple) else (told,)) if _told(each, part, version)]
        if part.most == 1 and len(values) > 1:
            values = ["; ".join(values)] if part.kind == "text" else values[:1]
        if not values and part.least:
            values = [_nothing(told, part, version)]
        for each in values[: part.most]:
            _part(_child(element, part.name), each, part, version)


def _told(value: Any, part: Part, version: Version) -> bool:
    if value is None or value == "":
        return False
    if part.kind == "closed":
        return value in CLOSED[part.name][version]
    if part.kind == "code":
        return bool(value != Code())
    if part.kind == "integer":
        return version == "1.2" or value >= 0
    return True


def _nothing(told: Any, part: Part, version: Version) -> Any:
    """What stands in an element that the version demands, where there is nothing to say."""
    if part.kind in ("text", "code"):
        return "" if part.kind == "text" else Code()
    if part.type == "agencyId":
        return AgencyId()
    raise NotCarried(f"version {version} has no {part.name} {told!r}")


def _part(element: etree._Element, value: Any, part: Part, version: Version) -> None:
    if part.kind == "struct":
        _struct(element, value, part.type, version)
    elif part.kind == "address":
        kind = "electronicAddress" if isinstance(value, ElectronicAddress) else "physicalAddress"
        _struct(_child(element, kind), value, kind, version)
    elif part.kind == "code":
        element.text = _clean(value.value)
        if value.scheme and not (part.name == "region" and version == "2021-2"):
            element.set(f"{{{NAMESPACE}}}scheme", _uri(value.scheme))
    else:
        element.text = _text(value, part.kind)


def _text(value: Any, kind: str) -> str:
    if kind == "time":
        return _time(value)
    if kind == "decimal":
        return f"{value:f}"
    if kind == "yes_no":
        return "Y" if value else "N"
    if kind == "truth":
        return "true" if value else "false"
    return _clean(str(value))


def _time(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at}")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text).strip(_BLANK)


def _uri(scheme: str) -> str:
    return scheme if _URI.fullmatch(scheme) else quote(scheme.encode("utf-8", "replace"), safe="-._~")
