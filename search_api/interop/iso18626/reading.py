"""From bytes to a message, of whichever version, or `BadMessage`: never another exception.

Accepted: elements of either version in any order, attributes qualified or not, any encoding that the XML declares, a
time zone without its colon (+0800), a message without ISO18626Message around it; all of them come from the wild. The
attribute `version` is not asked: senders get it wrong. An element that is empty counts as not there. Refused: what
neither version knows (silence on it could mean anything), what is missing in both, a DOCTYPE of any kind, more than
MAX_BYTES. Attributes other than `scheme` and `version` are passed over; neither version has any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from search_api.interop.iso18626.messages import (
    NAMESPACE,
    VERSIONS,
    AgencyId,
    BadMessage,
    Code,
    ErrorType,
    Header,
    Message,
    MessageInfo,
    RetryInfo,
    SupplyingAgencyMessage,
    Version,
)
from search_api.interop.iso18626.shapes import (
    CLASSES,
    CLOSED,
    MESSAGES,
    NEEDED,
    READING,
    REPEATED,
    SHAPES,
    MessageInfo12,
    Part,
)

MAX_BYTES = 1_048_576
"""The largest messages in public test sets have 10 kB."""
MAX_TEXT = 10_000
"""Characters of one element."""

BEIJING = timezone(timedelta(hours=8))
"""A time without a zone is a clock on the wall of a library here."""

_BLANK = " \t\r\n"
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d{0,40})?(Z|[+-](?:0\d|1[0-3]):?[0-5]\d|[+-]14:?00)?", re.ASCII
)
_DECIMAL = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_WRONG_VALUE: dict[str, ErrorType] = {
    "action": "UnsupportedActionType",
    "reasonForMessage": "UnsupportedReasonForMessageType",
}


def read(data: bytes) -> Message:
    """The message in the XML. Raises BadMessage, with what could be read of it."""
    return read_element(parse(data))


def parse(data: bytes) -> etree._Element:
    """The root element, parsed strictly: no entities, no network, no DOCTYPE. Raises BadMessage."""
    if len(data) > MAX_BYTES:
        raise BadMessage("BadlyFormedMessage", f"more than {MAX_BYTES} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:  # the last two: what an encoding may be called
        raise BadMessage("BadlyFormedMessage", f"no well-formed XML: {_shortened(str(error))}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadMessage("BadlyFormedMessage", "a DOCTYPE is not accepted")
    return root


def read_element(root: etree._Element) -> Message:
    """The message in the parsed XML. Raises BadMessage."""
    element = _message_element(root)
    kind = _name(element)
    try:
        return _lifted(cast(Message, _struct(element, kind)))
    except BadMessage as bad:
        bad.kind, bad.header = kind, _salvaged(element, kind)
        raise


def _message_element(root: etree._Element) -> etree._Element:
    if _name(root) in MESSAGES:
        return root
    if root.tag != f"{{{NAMESPACE}}}ISO18626Message":
        raise BadMessage("BadlyFormedMessage", f"the root is not ISO18626Message of {NAMESPACE}")
    _no_text(root)
    if len(root) != 1:
        raise BadMessage("BadlyFormedMessage", f"ISO18626Message: {len(root)} messages instead of one")
    if _name(root[0]) not in MESSAGES:
        raise BadMessage("UnrecognisedDataElement", f"ISO18626Message/{_shortened(_name(root[0]))}")
    return root[0]


def _salvaged(element: etree._Element, kind: str) -> Header | None:
    """The header of a message that is wrong somewhere else."""
    for child in element:
        if _name(child) == "header":
            try:
                return cast(Header, _struct(child, f"{kind}Header"))
            except BadMessage:
                return None
    return None


def _name(element: etree._Element) -> str:
    """Local name in the standard's namespace, else the tag as lxml has it: no known name has a brace."""
    tag = str(element.tag)
    prefix = f"{{{NAMESPACE}}}"
    return tag[len(prefix) :] if tag.startswith(prefix) else tag if tag.startswith("{") else "{}" + tag


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


def _struct(element: etree._Element, kind: str) -> Struct:
    """The element as a struct of that type."""
    known, name = READING[kind], _name(element)
    values: dict[str, Any] = {}
    seen: set[str] = set()
    _no_text(element)
    for child in element:
        part = known.get(_name(child))
        if part is None:
            raise BadMessage("UnrecognisedDataElement", f"{name}/{_shortened(_name(child))}")
        many = (kind, part.field) in REPEATED
        if part.field in seen and not many:
            raise BadMessage("BadlyFormedMessage", f"{name}/{part.name}: more than once")
        seen.add(part.field)
        value = _value(child, part)
        if value is None:
            continue
        values[part.field] = (*values.get(part.field, ()), value) if many else value
    for part in NEEDED[kind]:
        if part.field not in seen:
            raise BadMessage("BadlyFormedMessage", f"{name}: {part.name} is missing")
        if part.field not in values and part.kind not in ("text", "code", "struct"):
            raise BadMessage("UnrecognisedDataValue", f"{name}/{part.name}: empty")
    return CLASSES[kind](**values)


def _no_text(element: etree._Element) -> None:
    """Between elements there are blanks only."""
    if any((text or "").strip(_BLANK) for text in (element.text, *(child.tail for child in element))):
        raise BadMessage("BadlyFormedMessage", f"{_shortened(_name(element))}: text between elements")


def _value(element: etree._Element, part: Part) -> Any:
    """What the element says; None = nothing."""
    if part.kind == "struct":
        struct = _struct(element, part.type)
        return None if struct == AgencyId() else struct
    if part.kind == "address":
        return _address(element)
    if len(element):
        raise BadMessage("UnrecognisedDataElement", f"{part.name}/{_shortened(_name(element[0]))}")
    text = (element.text or "").strip(_BLANK)
    if len(text) > MAX_TEXT:
        raise BadMessage("UnrecognisedDataValue", f"{part.name}: more than {MAX_TEXT} characters")
    if part.kind == "code":
        code = Code(text, _attribute(element, "scheme"))
        return code if code != Code() else None
    if not text:
        return None
    value = _PLAIN[part.kind](text) if part.kind in _PLAIN else _closed(text, part.name)
    if value is None:
        error = _WRONG_VALUE.get(part.name, "UnrecognisedDataValue")
        raise BadMessage(error, f"{part.name}: {_shortened(text)}")
    return value


def _address(element: etree._Element) -> Struct:
    _no_text(element)
    if len(element) != 1:
        raise BadMessage("BadlyFormedMessage", "address: neither one electronicAddress nor one physicalAddress")
    kind = _name(element[0])
    if kind not in ("electronicAddress", "physicalAddress"):
        raise BadMessage("UnrecognisedDataElement", f"address/{_shortened(kind)}")
    return _struct(element[0], kind)


def _attribute(element: etree._Element, name: str) -> str:
    """Qualified or not; "" where it is not there."""
    found = {str(value).strip(_BLANK) for key, value in element.items() if key in (name, f"{{{NAMESPACE}}}{name}")}
    if len(found) > 1:
        raise BadMessage("UnrecognisedDataValue", f"{_name(element)}: two attributes {name} that differ")
    return found.pop() if found else ""


def _closed(text: str, name: str) -> str | None:
    return text if any(text in CLOSED[name][version] for version in VERSIONS) else None


def _time(text: str) -> datetime | None:
    """In UTC. None where it is no xs:dateTime, or none that a clock here can show."""
    form = _TIME.fullmatch(text)
    if form is None:
        return None
    date, clock, fraction, zone = form.groups()
    midnight = clock == "24:00:00" and not (fraction or "").strip("0")
    try:
        at = datetime.fromisoformat(f"{date}T{'00:00:00' if midnight else clock}.{(fraction or '0'):0<6}")
        at = at.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo if zone else BEIJING)
        return (at + timedelta(days=midnight)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_PLAIN: dict[str, Callable[[str], Any]] = {
    "text": str,
    "time": _time,
    "decimal": lambda text: Decimal(text) if _DECIMAL.fullmatch(text) else None,
    "integer": lambda text: int(text) if _INTEGER.fullmatch(text) else None,
    "yes_no": {"Y": True, "N": False}.get,
    "truth": {"true": True, "1": True, "false": False, "0": False}.get,
}


def _lifted(message: Message) -> Message:
    """With the costs and dates that 1.2 has in messageInfo where the model has them. Told twice, messageInfo's lose."""
    if not isinstance(message, SupplyingAgencyMessage) or not isinstance(message.message_info, MessageInfo12):
        return message
    of_12 = message.message_info
    info = MessageInfo(**{name: getattr(of_12, name) for name in MessageInfo.__struct_fields__})
    retry = message.retry_info
    if of_12.offered_costs or of_12.retry_after or of_12.retry_before:
        told = retry or RetryInfo()
        retry = replace(
            told,
            offered_costs=told.offered_costs or ((of_12.offered_costs,) if of_12.offered_costs else ()),
            retry_after=told.retry_after or of_12.retry_after,
            retry_before=told.retry_before or of_12.retry_before,
        )
    return replace(message, message_info=info, retry_info=retry)


def detect_version(root: etree._Element) -> Version:
    """The version that the parsed message is in, by its form; by its attribute only where the form leaves it open."""
    element = root if _name(root) in MESSAGES or not len(root) else root[0]
    if _name(element) in MESSAGES:
        fitting = [version for version in VERSIONS if fits(element, _name(element), version)]
        if len(fitting) == 1:
            return fitting[0]
        signs = {version: sum(_signs(element, _name(element), version)) for version in VERSIONS}
        if signs["1.2"] != signs["2021-2"]:
            return max(VERSIONS, key=signs.__getitem__)
    said = str(root.get(f"{{{NAMESPACE}}}version") or root.get("version") or "")
    return "2021-2" if said.strip(_BLANK).startswith(("2021", "1.3")) else "1.2"


def fits(element: etree._Element, kind: str, version: Version) -> bool:
    """Has it the elements and closed values that the version prescribes, in its order? What stands in open text is not
    asked."""
    at = 0
    for part in SHAPES[version][kind]:
        count = 0
        while at < len(element) and count < part.most and _name(element[at]) == part.name:
            if not _fits_part(element[at], part, version):
                return False
            at, count = at + 1, count + 1
        if count < part.least:
            return False
    return at == len(element)


def _fits_part(element: etree._Element, part: Part, version: Version) -> bool:
    if part.kind == "struct":
        return fits(element, part.type, version)
    if part.kind == "address":
        kinds = [_name(child) for child in element]
        return kinds in (["electronicAddress"], ["physicalAddress"]) and fits(element[0], kinds[0], version)
    if len(element):
        return False
    return part.kind != "closed" or (element.text or "") in CLOSED[part.name][version]


def _signs(element: etree._Element, kind: str, version: Version) -> Iterator[int]:
    """What stands in it that only this version has: elements, closed values."""
    mine = {part.name: part for part in SHAPES[version].get(kind, ())}
    others = {part.name for other in VERSIONS if other != version for part in SHAPES[other].get(kind, ())}
    for child in element:
        part = mine.get(_name(child))
        if part is None:
            continue
        if part.name not in others:
            yield 1
        elif part.kind == "closed":
            text = (child.text or "").strip(_BLANK)
            yield int(text in CLOSED[part.name][version] and not all(text in CLOSED[part.name][v] for v in VERSIONS))
        elif part.kind == "struct":
            yield from _signs(child, part.type, version)
