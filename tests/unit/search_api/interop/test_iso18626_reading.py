"""What others send: as the wild has it, hostile, and wrong. A message comes out of it, or BadMessage: nothing else."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from iso18626_making import KINDS, NOW, PATIENT, any_message, full, header, versioned
from lxml import etree

from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626.confirming import refuse
from search_api.interop.iso18626.messages import VERSIONS, BadMessage
from search_api.interop.iso18626.reading import MAX_BYTES, MAX_TEXT, detect_version, parse, read
from search_api.interop.iso18626.translating import heard
from search_api.interop.iso18626.writing import NotCarried, write

HEADER = """<header>
  <supplyingAgencyId><agencyIdType>ISIL</agencyIdType><agencyIdValue>XX-SUP1</agencyIdValue></supplyingAgencyId>
  <requestingAgencyId><agencyIdType>ISIL</agencyIdType><agencyIdValue>XX-REQ1</agencyIdValue></requestingAgencyId>
  <multipleItemRequestId></multipleItemRequestId><timestamp>2026-11-27T10:03:04+08:00</timestamp>
  <requestingAgencyRequestId>R17-2</requestingAgencyRequestId></header>"""
CANCEL = f"<requestingAgencyMessage>{HEADER}<action>Cancel</action><note>读者撤回</note></requestingAgencyMessage>"


def changed(old: str, new: str) -> bytes:
    assert old in CANCEL
    return versioned(CANCEL.replace(old, new))


def refused(data: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        read(data)
    return caught.value


def test_a_message_as_the_wild_has_it() -> None:
    """Pretty-printed, attribute unqualified, a version that does not exist, a time zone, comments, other attributes."""
    data = b"<?xml version='1.0'?><!-- x -->" + versioned(
        CANCEL.replace("<action>", "<!-- ！ --><?php 1 ?><action xml:lang='en'>\n   ").replace(
            "</action>", "  </action>"
        )
    )
    assert read(data) == m.RequestingAgencyMessage(
        header=header(
            supplying_agency_id=m.AgencyId(m.Code("ISIL"), "XX-SUP1"),
            requesting_agency_id=m.AgencyId(m.Code("ISIL"), "XX-REQ1"),
        ),
        action="Cancel",
        note="读者撤回",
    )


def test_empty_elements_say_nothing() -> None:
    """Some systems send every element that there is."""
    head = HEADER.replace("ISIL</agencyIdType><agencyIdValue>XX-SUP1", "</agencyIdType><agencyIdValue>")
    data = versioned(
        f"<supplyingAgencyMessage>{head}<messageInfo><reasonForMessage>Notification</reasonForMessage><answerYesNo/>"
        "<note></note><reasonUnfilled></reasonUnfilled><reasonRetry> </reasonRetry><offeredCosts><currencyCode/>"
        "<monetaryValue>0</monetaryValue></offeredCosts><retryAfter/></messageInfo><statusInfo><status>RequestReceived"
        "</status><dueDate/><lastChange>2026-11-27T02:03:04Z</lastChange></statusInfo><deliveryInfo>"
        "<dateSent>2026-11-27T02:03:04.170191066Z</dateSent><itemId/><sentToPatron>false</sentToPatron><loanCondition/>"
        "<deliveredFormat></deliveredFormat></deliveryInfo></supplyingAgencyMessage>"
    )
    message = read(data)
    assert isinstance(message, m.SupplyingAgencyMessage)
    assert message.header.supplying_agency_id is None
    assert message.message_info == m.MessageInfo(reason_for_message="Notification")
    assert message.status_info.due_date is None
    assert message.retry_info == m.RetryInfo(offered_costs=(m.Costs(),))
    assert message.delivery_info == m.DeliveryInfo(date_sent=NOW.replace(microsecond=170191), sent_to_patron=False)
    assert heard(message).event == "noted"


def test_a_message_without_its_envelope() -> None:
    bare = CANCEL.replace("<requestingAgencyMessage>", f'<requestingAgencyMessage xmlns="{m.NAMESPACE}">').encode()
    assert read(bare) == read(versioned(CANCEL))
    assert detect_version(parse(bare)) == "1.2"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk", "big5"])
def test_any_encoding_that_is_declared(encoding: str) -> None:
    text = versioned(CANCEL.replace("读者撤回", "本館已有")).decode()
    declared = encoding.replace("-sig", "")
    data = f"<?xml version='1.0' encoding='{declared}'?>{text}".encode(encoding)
    message = read(data)
    assert isinstance(message, m.RequestingAgencyMessage) and message.note == "本館已有"


def test_gb18030_with_four_bytes_in_every_text() -> None:
    text = versioned(CANCEL.replace("读者撤回", "𠮷野家㐂").replace("XX-SUP1", "人大")).decode()
    message = read(f"<?xml version='1.0' encoding='GB18030'?>{text}".encode("gb18030"))
    assert isinstance(message, m.RequestingAgencyMessage) and message.note == "𠮷野家㐂"
    assert message.header.supplying_agency_id == m.AgencyId(m.Code("ISIL"), "人大")


BOMB = "<!DOCTYPE a [<!ENTITY a '啊啊啊啊啊啊啊啊啊啊'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)
DOCTYPES = {
    "billion laughs": BOMB + "]>",
    "small entity": "<!DOCTYPE ISO18626Message [<!ENTITY j 'x'>]>",
    "external entity": "<!DOCTYPE a [<!ENTITY j SYSTEM 'file:///etc/passwd'>]>",
    "external subset": "<!DOCTYPE ISO18626Message SYSTEM 'http://127.0.0.1:9/x.dtd'>",
    "public id": "<!DOCTYPE ISO18626Message PUBLIC '-//x//y' 'http://127.0.0.1:9/x.dtd'>",
    "empty": "<!DOCTYPE ISO18626Message>",
    "default attribute": "<!DOCTYPE a [<!ATTLIST action scheme CDATA 'urn:x'>]>",
    "parameter entity": "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/p'> %p;]>",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("reference", ["", "&j;"])
@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
def test_no_doctype_of_any_kind(doctype: str, reference: str, encoding: str) -> None:
    data = (doctype + changed("读者撤回", f"读者{reference}").decode()).encode(encoding)
    before = time.monotonic()
    assert refused(data).error_type == "BadlyFormedMessage"
    assert time.monotonic() - before < 2


DEEP = 100_000
HOSTILE = {
    "nothing": b"",
    "blanks": b" \n ",
    "not xml": "通藏".encode(),
    "json": b'{"status": "OK"}',
    "html": b"<html><body><h1>502 Bad Gateway</h1><br></body></html>",
    "cut off": versioned(CANCEL)[:-30],
    "something behind": versioned(CANCEL) + b"<a/>",
    "unknown encoding": b"<?xml version='1.0' encoding='x-klingon'?><a/>",
    "wrong encoding": f"<?xml version='1.0' encoding='utf-8'?>{versioned(CANCEL).decode()}".encode("gb18030"),
    "nul": versioned(CANCEL).replace(b"Cancel", b"Can\0cel"),
    "undeclared entity": changed("读者撤回", "&xxe;"),
    "control character": changed("读者撤回", "&#8;"),
    "deep": b"<a>" * DEEP + b"</a>" * DEEP,
    "deep inside": versioned(f"<requestingAgencyMessage>{'<note>' * 200}{'</note>' * 200}</requestingAgencyMessage>"),
    "wide": versioned("<requestingAgencyMessage>" + "<action/>" * 100_000 + "</requestingAgencyMessage>"),
    "many attributes": b"<a " + b" ".join(b"a%d=''" % n for n in range(50_000)) + b"/>",
    "10 MB": changed("读者撤回", "读" * 3_500_000),
    "one byte too many": versioned(CANCEL).ljust(MAX_BYTES + 1),
    "no namespace": versioned(CANCEL).replace(f' xmlns="{m.NAMESPACE}"'.encode(), b""),
    "another namespace": versioned(CANCEL).replace(m.NAMESPACE.encode(), b"http://www.loc.gov/MARC21/slim"),
    "no message": versioned(""),
    "two messages": versioned(CANCEL * 2),
    "text": versioned("Cancel" + CANCEL),
    "text after": versioned(CANCEL + "。"),
    "text inside": changed("<action>", "撤回<action>"),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes(data: bytes) -> None:
    before = time.monotonic()
    assert refused(data).error_type in ("BadlyFormedMessage", "UnrecognisedDataElement")
    assert time.monotonic() - before < 2


def test_the_largest_message_is_read() -> None:
    assert read(versioned(CANCEL).ljust(MAX_BYTES)) == read(versioned(CANCEL))


WRONG = {
    "<action>Cancel</action>": [
        ("<action>Erase</action>", "UnsupportedActionType", "action: Erase"),
        ("<action>cancel</action>", "UnsupportedActionType", "action: cancel"),
        ("", "BadlyFormedMessage", "requestingAgencyMessage: action is missing"),
        ("<action/>", "UnrecognisedDataValue", "requestingAgencyMessage/action: empty"),
        ("<action>Cancel</action>" * 2, "BadlyFormedMessage", "requestingAgencyMessage/action: more than once"),
        ("<action><b>Cancel</b></action>", "UnrecognisedDataElement", "action/b"),
        ("<action>Cancel</action><动作/>", "UnrecognisedDataElement", "requestingAgencyMessage/动作"),
        ("<action>Cancel</action><status>Loaned</status>", "UnrecognisedDataElement", "requestingAgencyMessage/status"),
        ("<action xmlns=''>Cancel</action>", "UnrecognisedDataElement", "requestingAgencyMessage/{}action"),
        (
            "<a:action xmlns:a='urn:a'>Cancel</a:action>",
            "UnrecognisedDataElement",
            "requestingAgencyMessage/{urn:a}action",
        ),
    ],
    "<timestamp>2026-11-27T10:03:04+08:00</timestamp>": [
        ("<timestamp>27.11.2026</timestamp>", "UnrecognisedDataValue", "timestamp: 27.11.2026"),
        ("<timestamp>2026-02-30T00:00:00Z</timestamp>", "UnrecognisedDataValue", "timestamp: 2026-02-30T00:00:00Z"),
        ("<timestamp>0001-01-01T00:00:00+08:00</timestamp>", "UnrecognisedDataValue", "timestamp: 0001-01-01"),
        ("<timestamp>9999-12-31T23:59:59-14:00</timestamp>", "UnrecognisedDataValue", "timestamp: 9999-12-31"),
        ("<timestamp>9999-12-31T24:00:00Z</timestamp>", "UnrecognisedDataValue", "timestamp: 9999-12-31"),
        ("<timestamp>-2026-11-27T10:03:04Z</timestamp>", "UnrecognisedDataValue", "timestamp: -2026-11-27"),
        ("<timestamp>２０２６-11-27T10:03:04Z</timestamp>", "UnrecognisedDataValue", "timestamp: ２０２６"),
        ("", "BadlyFormedMessage", "header: timestamp is missing"),
        ("<timestamp> </timestamp>", "UnrecognisedDataValue", "header/timestamp: empty"),
    ],
    "<note>读者撤回</note>": [
        (f"<note>{'读' * (MAX_TEXT + 1)}</note>", "UnrecognisedDataValue", f"note: more than {MAX_TEXT} characters"),
        ("<note>读<b>者</b></note>", "UnrecognisedDataElement", "note/b"),
    ],
    "<agencyIdType>ISIL</agencyIdType>": [
        ("<agencyIdType scheme='a' i:scheme='b'>ISIL</agencyIdType>", "UnrecognisedDataValue", "agencyIdType: two"),
        ("", "BadlyFormedMessage", "supplyingAgencyId: agencyIdType is missing"),
    ],
}


@pytest.mark.parametrize(
    ("old", "new", "error_type", "value"), [(old, *each) for old, cases in WRONG.items() for each in cases]
)
def test_what_is_wrong_is_named_in_the_standards_terms(old: str, new: str, error_type: str, value: str) -> None:
    bad = refused(
        versioned(CANCEL.replace(old, new)).replace(b" version=", f" xmlns:i='{m.NAMESPACE}' version=".encode())
    )
    assert (bad.error_type, bad.value[: len(value)]) == (error_type, value)
    assert bad.kind == "requestingAgencyMessage"
    assert (bad.header is None) == ("timestamp" in value or "agencyIdType" in value)


def test_an_unknown_message() -> None:
    bad = refused(versioned("<cancelRequest/>"))
    assert (bad.error_type, bad.value) == ("UnrecognisedDataElement", "ISO18626Message/cancelRequest")


def test_an_unknown_reason_for_a_message() -> None:
    data = write(m.RequestingAgencyMessage(header=header(), action="Cancel"), "1.2").decode()
    head = data[data.index("<header>") : data.index("<action>")]
    info = "<messageInfo><reasonForMessage>Whim</reasonForMessage></messageInfo>"
    status = f"<statusInfo><status>Loaned</status><lastChange>{NOW:%Y-%m-%dT%H:%M:%SZ}</lastChange></statusInfo>"
    bad = refused(versioned(f"<supplyingAgencyMessage>{head}{info}{status}</supplyingAgencyMessage>"))
    assert (bad.error_type, bad.value) == ("UnsupportedReasonForMessageType", "reasonForMessage: Whim")
    assert bad.header == header()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-27T02:03:04Z", datetime(2026, 11, 27, 2, 3, 4, tzinfo=UTC)),
        ("2026-11-27T02:03:04.5Z", datetime(2026, 11, 27, 2, 3, 4, 500_000, tzinfo=UTC)),
        ("2026-11-27T02:03:04.123456789Z", datetime(2026, 11, 27, 2, 3, 4, 123_456, tzinfo=UTC)),
        ("2026-11-27T10:03:04+08:00", datetime(2026, 11, 27, 2, 3, 4, tzinfo=UTC)),
        ("2026-11-27T10:03:04+0800", datetime(2026, 11, 27, 2, 3, 4, tzinfo=UTC)),
        ("2026-11-27T10:03:04", datetime(2026, 11, 27, 2, 3, 4, tzinfo=UTC)),
        ("2026-11-26T24:00:00+08:00", datetime(2026, 11, 26, 16, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(text: str, at: datetime) -> None:
    message = read(changed("2026-11-27T10:03:04+08:00", text))
    assert isinstance(message, m.RequestingAgencyMessage) and message.header.timestamp == at


@pytest.mark.parametrize(
    ("decimal", "right"),
    [("12.50", True), (".5", True), ("-3", True), ("1e9", False), ("NaN", False), ("12,50", False), ("9" * 19, False)],
)
def test_amounts(decimal: str, right: bool) -> None:
    costs = f"<currencyCode>CNY</currencyCode><monetaryValue>{decimal}</monetaryValue>"
    data = versioned(
        f"<request>{HEADER}<bibliographicInfo/><billingInfo><maximumCosts>{costs}</maximumCosts></billingInfo></request>"
    )
    if right:
        assert isinstance(read(data), m.Request)
    else:
        assert refused(data).value == f"monetaryValue: {decimal}"


def _cut(data: bytes, at: int, length: int, put: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + put + data[at + length :]


@settings(PATIENT, max_examples=500)
@given(
    any_message(),
    st.sampled_from(VERSIONS),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 40), st.binary(max_size=6)), max_size=3),
    st.sampled_from(["", "<", ">", "&amp;", "2026", "Y", "<note/>", "\x00", "<!--", "]]>", "红"]),
)
@example(m.RequestingAgencyMessage(header=header(), action="Cancel"), "1.2", [(0, 0, b"<!DOCTYPE a>")], "")
def test_mutated_messages_are_read_or_refused_and_nothing_else(
    message: m.Message, version: m.Version, cuts: list[tuple[int, int, bytes]], put: str
) -> None:
    try:
        data = write(message, version)
    except NotCarried:
        return
    for at, length, junk in cuts:
        data = _cut(data, at, length, junk + put.encode())
    try:
        read(data)
    except BadMessage as bad:
        for each in VERSIONS:  # and the refusal can be sent
            read(write(refuse(bad, NOW), each))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_element_in_turn_empty_absent_twice_and_of_another_name(kind: type, version: m.Version) -> None:
    """In a message that has all there are: read, or refused by the name of the element or its parent."""
    data = write(full(kind), version)
    read(data)
    refused_ = 0
    for at in range(2, len(list(parse(data).iter()))):
        for change in ("empty", "absent", "twice", "renamed", "emptied of all"):
            root = parse(data)
            element = list(root.iter())[at]
            parent = element.getparent()
            assert parent is not None
            names = (etree.QName(element).localname, etree.QName(parent).localname)
            if change == "empty" and not len(element):
                element.text = None
            elif change == "emptied of all":
                for leaf in element.iter():
                    leaf.text = None
            elif change == "absent":
                parent.remove(element)
            elif change == "twice":
                parent.append(etree.fromstring(etree.tostring(element)))
            else:
                element.tag = f"{{{m.NAMESPACE}}}whim"
            try:
                message = read(etree.tostring(root))
            except BadMessage as bad:
                refused_ += 1
                assert any(name in bad.value for name in names) or change == "emptied of all", (bad, names)
            else:
                assert change != "renamed" and isinstance(write(message, "2021-2"), bytes)
    assert refused_ > 5


@settings(PATIENT, max_examples=300)
@given(any_message(), st.sampled_from(VERSIONS), st.data())
def test_elements_with_any_text_are_read_or_refused(
    message: m.Message, version: m.Version, data: st.DataObject
) -> None:
    """Well-formed, so that every kind of value is met: dates, amounts, codes, numbers."""
    try:
        root = parse(write(message, version))
    except NotCarried:
        return
    element = data.draw(st.sampled_from(list(root.iter())))
    texts = ["", "9" * 400, "-1", "1e999", "Infinity", "99999-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "Ｙ", "\u2028"]
    element.text = data.draw(st.sampled_from(texts))
    try:
        read(etree.tostring(root))
    except BadMessage as bad:
        assert bad.value
