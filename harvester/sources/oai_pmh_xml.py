"""A page of OAI-PMH, parsed once and strictly.

Invariant: a page whose `broken` is "" was well-formed to its end, in the form of the protocol, and every record in it
is in `records`. Nothing is ever parsed in recover mode, which ends at the first error without a word. Where only the
bytes are bad, they are mended and parsed strictly again, and each record that was touched carries a flag.
"""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import Any

from lxml import etree
from msgspec import Struct, field

from harvester.sources.oai_pmh_mend import MARK, REPLACED, decode, mend
from harvester.sources.protocol import Received, Refused
from store.records import LONGEST_IDENTIFIER

NAMESPACE = "{http://www.openarchives.org/OAI/2.0/}"
_PARSER = {"recover": False, "resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": True}
_EXCERPT = 80


class NotOaiError(Exception):
    """The bytes are no OAI-PMH at all: the message says what they are instead ("an HTML page")."""


class Header(Struct, frozen=True):
    """What a header says of its record."""

    identifier: str
    datestamp: str = ""
    deleted: bool = False
    sets: tuple[str, ...] = ()


class OaiRecord(Struct, frozen=True):
    header: Header
    metadata: tuple[tuple[str, bytes], ...]  # format ("" = unknown) and bytes of each record in the metadata element
    raw: bytes  # the whole record element, where it can't be stored; else b""
    flags: tuple[str, ...] = ()


class OaiPage(Struct):
    """An answer in the form of the protocol. `xml` is its root, emptied of the records that stand in `records`."""

    xml: Any
    namespace: str  # of the protocol's own elements, as "{…}" or ""
    records: list[OaiRecord]
    response_date: str = ""
    errors: tuple[tuple[str, str], ...] = ()  # code, text
    answer: Any = None  # the element named after the verb; None where there is none
    token: str = ""  # "" = the list ends here
    promised: int | None = None  # completeListSize
    note: str = ""  # a warning for a person
    broken: str = ""  # why the page can't be taken for whole; its records are those that came whole
    raw: bytes = field(default=b"")  # the bytes as they came, of a page that is broken or was mended

    def headers(self) -> list[Header]:
        """The headers of a ListIdentifiers answer."""
        if self.answer is None:
            return []
        return [_header(child, self.namespace) for child in self.answer if child.tag == f"{self.namespace}header"]

    def text(self, name: str) -> str:
        """The first text of that name under the verb's element."""
        return _first_text(self.answer, f"{self.namespace}{name}") if self.answer is not None else ""


def read_page(body: bytes, verb: str, *, charset: str = "", local_names: bool = False, cut: str = "") -> OaiPage:
    """The page in the bytes. `cut` says why the transport does not take them for whole. Raises NotOaiError."""
    text, whole = decode(body, charset) if charset else ("", True)
    if whole:
        page = _parse(text.encode() if charset else body, verb, local_names)
        if page is not None and not page.broken and not cut:
            return page
    mended = mend(body, charset)
    second = _parse(mended.data, verb, local_names, mended=True)
    if second is None:
        raise NotOaiError(_kind(body))
    second.raw = body
    if second.broken or cut:
        second.broken = cut or second.broken
    else:
        second.note = f"the page had to be mended: {', '.join(mended.done) or 'its bytes'}"
    return second


def _parse(data: bytes, verb: str, local_names: bool, mended: bool = False) -> OaiPage | None:
    """One strict parse; None where no OAI-PMH element begins. Raises NotOaiError for well-formed XML of another kind.

    Streaming, and dropping each record as soon as it is read, is faster than a whole tree and needs a quarter of its
    memory. Only direct children of the verb's element count: MARCXML without a namespace has inner `record`s.
    """
    page: OaiPage | None = None
    done: Any = None
    steps = etree.iterparse(BytesIO(data), events=("start", "end"), tag=("{*}OAI-PMH", "{*}record"), **_PARSER)
    try:
        for event, element in steps:
            parent = element.getparent()
            if page is None:
                if parent is None and event == "start":
                    page = _begin(element, local_names)
                continue
            if event == "start" or parent is None or parent.getparent() is not page.xml:
                continue
            if parent.tag == f"{page.namespace}{verb}" and element.tag == f"{page.namespace}record":
                page.records.append(_record(element, page.namespace, mended))
                element.clear()
                if done is not None:
                    parent.remove(done)
                done = element
    except etree.XMLSyntaxError as error:
        if page is not None:
            page.broken = f"it is not well-formed XML ({error.msg})"
        return page
    if page is None:
        root = steps.root
        _refuse_doctype(root)
        raise NotOaiError(f"XML whose root is <{etree.QName(root).localname}>, not <OAI-PMH>")
    _finish(page, verb)
    return page


def _begin(root: Any, local_names: bool) -> OaiPage:
    _refuse_doctype(root)
    namespace = root.tag[: root.tag.rfind("}") + 1]
    if namespace != NAMESPACE and not local_names:
        raise NotOaiError(
            f"OAI-PMH in the namespace {namespace.strip('{}') or '(none)'!r} "
            "(set local_names for this source, if it is meant to be OAI-PMH 2.0)"
        )
    return OaiPage(root, namespace, [])


def _refuse_doctype(root: Any) -> None:
    """The protocol needs none, and a DOCTYPE is how entities that read files or swell up come in."""
    info = root.getroottree().docinfo
    if info.internalDTD is not None:
        html = info.internalDTD.name == "html"
        raise NotOaiError("an HTML page" if html else "XML with a DOCTYPE, which is refused, since OAI-PMH needs none")


def _finish(page: OaiPage, verb: str) -> None:
    ns = page.namespace
    page.response_date = _first_text(page.xml, f"{ns}responseDate")
    page.errors = tuple(
        ((error.get("code") or "").strip() or "unknown", " ".join((error.text or "").split()))
        for error in page.xml.findall(f"{ns}error")
    )
    page.answer = page.xml.find(f"{ns}{verb}")
    if page.answer is None:
        if not page.errors:
            page.broken = f"it holds neither {verb} nor an error"
        return
    for token in page.answer.findall(f"{ns}resumptionToken"):
        page.token = page.token or (token.text or "").strip()
        size = (token.get("completeListSize") or "").strip()
        if page.promised is None and size.isdecimal() and int(size) > 0:
            page.promised = int(size)


def _record(element: Any, ns: str, mended: bool) -> OaiRecord:
    # Loops over the children, not find: this runs for every record (a page is read 1.1 times as fast).
    head, metadata = Header(""), None
    flags: tuple[str, ...] = ()
    header_tag, metadata_tag = f"{ns}header", f"{ns}metadata"
    for child in element:
        if child.tag == header_tag:
            found_head = _header(child, ns)
            if head.identifier and found_head.identifier:
                flags += ("extra_header",)
            elif not head.identifier:
                head = found_head
        elif child.tag == metadata_tag and metadata is None:
            metadata = child
    if mended:
        whole = etree.tostring(element, encoding="unicode", with_tail=False)
        flags += tuple(flag for sign, flag in ((REPLACED, "bytes_replaced"), (MARK, "xml_repaired")) if sign in whole)
    found: tuple[tuple[str, bytes], ...] = ()
    if not head.deleted and metadata is not None:
        found = tuple(
            (kind, _bytes(child)) for top in metadata if isinstance(top.tag, str) for kind, child in _of_format(top)
        )
    unfit = not head.identifier or not (found or head.deleted)
    return OaiRecord(head, found, _bytes(element) if unfit else b"", flags)


def _header(header: Any, ns: str) -> Header:
    """The first text that isn't blank counts: some write an empty or nested element before the right one."""
    identifier = datestamp = ""
    sets: list[str] = []
    identifier_tag, datestamp_tag, set_tag = f"{ns}identifier", f"{ns}datestamp", f"{ns}setSpec"
    for child in header:
        tag = child.tag
        if tag == identifier_tag:
            identifier = identifier or _clean(child.text)
        elif tag == datestamp_tag:
            datestamp = datestamp or _clean(child.text)
        elif tag == set_tag and (text := _clean(child.text)):
            sets.append(text)
    deleted = (header.get("status") or "").strip().lower() == "deleted"
    return Header(identifier, datestamp, deleted, tuple(dict.fromkeys(sets)))


def _of_format(top: Any) -> list[tuple[str, Any]]:
    """The records in one child of a metadata element with their formats: several where it is a MARCXML collection."""
    name = etree.QName(top).localname
    if name == "collection":
        inner = [child for child in top if isinstance(child.tag, str) and _is_marc(child)]
        if inner:
            return [("marcxml", child) for child in inner]
    if _is_marc(top):
        return [("marcxml", top)]
    return [("oai_dc" if name == "dc" else "", top)]


def _is_marc(element: Any) -> bool:
    """A MARCXML record, in whatever namespace. Other formats call their root `record` too: MARC's has MARC inside."""
    space, _, name = element.tag.rpartition("}")
    if name != "record":
        return False
    if "marc" in space.lower():
        return True
    parts = ("leader", "controlfield", "datafield")
    return any(isinstance(child.tag, str) and etree.QName(child).localname in parts for child in element)


def _bytes(element: Any) -> bytes:
    """The element on its own: lxml declares the namespaces that it had from its ancestors."""
    data: bytes = etree.tostring(element, encoding="UTF-8", with_tail=False)
    return data.replace(MARK.encode(), b"") if MARK.encode() in data else data


def _first_text(parent: Any, tag: str) -> str:
    """The first text of that name that isn't blank."""
    return next((text for child in parent.findall(tag) if (text := _clean(child.text))), "")


def _clean(text: str | None) -> str:
    return (text or "").replace(MARK, "").strip()


def _kind(body: bytes) -> str:
    """What the bytes are, for a person."""
    start = body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "nothing at all"
    if b"<html" in start or start.startswith(b"<!doctype html"):
        return "an HTML page"
    if start[:1] in b"{[":
        return "JSON"
    shown = "".join(c if c.isprintable() else " " for c in start[:_EXCERPT].decode("utf-8", "replace"))
    return f"something that is no XML ({shown!r})"


def events_of(record: OaiRecord, position: str) -> list[Received | Refused]:
    """What the run gets for a record: exactly one event for all that it brought.

    A metadata element with several MARC records (a bibliographic one and its holdings, say) describes one item: the
    first is the record, and each other one is refused beside it, so that its bytes are kept and a person is told.
    """
    head = record.header
    if not head.identifier:
        return [Refused("no_identifier", record.raw, position, detail="the header has no identifier")]
    kept = head.identifier
    if len(kept) > LONGEST_IDENTIFIER:
        kept = f"sha256:{sha256(kept.encode()).hexdigest()}"
    if head.deleted:
        return [Received(kept, "", b"", True, "", head.datestamp, head.sets, record.flags)]
    if not record.metadata:
        detail = "a record that is not deleted came without metadata; it is not taken for a deletion"
        return [Refused("no_metadata", record.raw, position, head.identifier, detail)]
    (kind, data), *others = record.metadata
    events: list[Received | Refused] = []
    if kind:
        flags = (*record.flags, "extra_metadata") if others else record.flags
        events.append(Received(kept, kind, data, False, "", head.datestamp, head.sets, flags))
    else:
        detail = "the metadata is neither MARCXML nor oai_dc: check the metadata prefix"
        events.append(Refused("unknown_format", data, position, head.identifier, detail))
    for _, extra in others:
        detail = "one OAI record holds several metadata records; the first was taken"
        events.append(Refused("extra_metadata", extra, position, head.identifier, detail))
    return events
