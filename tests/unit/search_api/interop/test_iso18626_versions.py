"""Both versions, there and back: valid by the published schemas, and nothing lost but what a version can't carry."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iso18626_making import (
    CLOSED,
    KINDS,
    NOW,
    ONLY_2021,
    PATIENT,
    any_message,
    any_struct,
    carried,
    from_supplier,
    full,
    header,
)
from lxml import etree

from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626.messages import VERSIONS, Version
from search_api.interop.iso18626.reading import detect_version, fits, parse, read
from search_api.interop.iso18626.writing import NotCarried, write

Schemas = dict[str, etree.XMLSchema]
SAYABLE = any_message().filter(
    lambda each: (
        getattr(each, "action", "") not in ONLY_2021
        and (not isinstance(each, m.SupplyingAgencyMessage) or each.status_info.status not in ONLY_2021)
    )
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_says_everything_is_valid(iso_schemas: Schemas, kind: type, version: Version) -> None:
    root = parse(write(full(kind), version))
    assert iso_schemas[version].validate(root), iso_schemas[version].error_log
    assert read(etree.tostring(root)) == carried(full(kind), version)


@PATIENT
@given(SAYABLE, st.sampled_from(VERSIONS))
def test_what_is_written_is_valid(iso_schemas: Schemas, message: m.Message, version: Version) -> None:
    root = parse(write(message, version))
    assert iso_schemas[version].validate(root), iso_schemas[version].error_log


@PATIENT
@given(SAYABLE, st.sampled_from(VERSIONS))
def test_nothing_is_lost_but_what_the_version_cant_carry(message: m.Message, version: Version) -> None:
    assert read(write(message, version)) == carried(message, version)


@PATIENT
@given(SAYABLE, st.sampled_from(VERSIONS))
def test_what_a_version_carries_it_carries_again(message: m.Message, version: Version) -> None:
    once = read(write(message, version))
    assert read(write(once, version)) == once


@PATIENT
@given(any_message(*(kind for kind in KINDS if kind is not m.Request)))
def test_2021_carries_all_that_1_2_does(message: m.Message) -> None:
    """But the ids of multiple items, credentials of suppliers and schemes of regions: nothing that we act on."""
    try:
        of_12 = read(write(message, "1.2"))
    except NotCarried:
        return
    assert read(write(of_12, "2021-2")) == carried(of_12, "2021-2")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("status", CLOSED["status"].split())
def test_a_status_that_the_version_has_not_is_never_another(
    iso_schemas: Schemas, status: str, version: Version
) -> None:
    message = from_supplier(status)
    if version == "1.2" and status in ONLY_2021:
        with pytest.raises(NotCarried, match=status):
            write(message, version)
    else:
        assert read(write(message, version)) == message


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("action", CLOSED["action"].split())
def test_an_action_that_the_version_has_not_is_never_another(action: str, version: Version) -> None:
    message = m.RequestingAgencyMessage(header=header(), action=action)
    if version == "1.2" and action in ONLY_2021:
        with pytest.raises(NotCarried, match=action):
            write(message, version)
    else:
        assert read(write(message, version)) == message


@PATIENT
@given(any_struct(m.Code), st.text())
def test_any_text_and_any_scheme_can_be_sent(iso_schemas: Schemas, code: m.Code, text: str) -> None:
    """Control characters, lone surrogates, what is no URI."""
    info = {"note": text, "reason_unfilled": m.Code(text or "x", text)}
    for version in VERSIONS:
        root = parse(write(from_supplier("Unfilled", info=info), version))
        assert iso_schemas[version].validate(root), iso_schemas[version].error_log


def test_characters_that_xml_has_not_are_shown_as_such() -> None:
    message = from_supplier("Unfilled", info={"note": "第\x1f一\ud800卷\x00\uffff"})
    read_back = read(write(message, "1.2"))
    assert isinstance(read_back, m.SupplyingAgencyMessage)
    assert read_back.message_info.note == "第\ufffd一\ufffd卷\ufffd\ufffd"


def test_a_time_without_a_zone_is_not_sent() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        write(m.RequestingAgencyMessage(header=header(timestamp=NOW.replace(tzinfo=None)), action="Cancel"), "1.2")


def test_attributes_are_qualified_and_elements_are_in_the_namespace() -> None:
    message = from_supplier("Unfilled", info={"reason_unfilled": m.Code("Licence", "urn:x")})
    root = parse(write(message, "2021-2"))
    assert dict(root.attrib) == {f"{{{m.NAMESPACE}}}version": "2021-2"}
    reason = root.find(".//{*}reasonUnfilled")
    assert reason is not None and dict(reason.attrib) == {f"{{{m.NAMESPACE}}}scheme": "urn:x"}
    assert {etree.QName(each).namespace for each in root.iter()} == {m.NAMESPACE}


OTHER_NAMES = {
    "deliveryInfo": {"sentVia": "deliveryMethod", "deliveredFormat": "itemFormat"},
    "serviceInfo": {"preferredFormat": "itemFormat"},
}
for _pairs in OTHER_NAMES.values():
    _pairs |= {new: old for old, new in _pairs.items()}


def _spoilt(root: etree._Element, seed: int) -> None:
    """Up to three changes of its form: an element moved, taken out, doubled, or with the other version's name."""
    choice = random.Random(seed)
    for _ in range(choice.randint(0, 3)):
        inner = list(root[0].iter())[1:]
        if not inner:
            return
        element = choice.choice(inner)
        parent = element.getparent()
        assert parent is not None
        kind = choice.choice(["move", "take", "double", "rename", "value"])
        if kind == "move":
            parent.insert(choice.randrange(len(parent)), element)
        elif kind == "take":
            parent.remove(element)
        elif kind == "double":
            parent.insert(choice.randrange(len(parent) + 1), etree.fromstring(etree.tostring(element)))
        elif kind == "rename":
            name = etree.QName(element).localname
            pairs = OTHER_NAMES.get(etree.QName(parent).localname, {})
            element.tag = f"{{{m.NAMESPACE}}}{pairs.get(name, name)}"
        else:
            for found in root.iter("{*}status", "{*}action"):
                found.text = choice.choice(["HoldReturn", "Lost", "Loaned", "Cancel", "Nonsense"])


@settings(PATIENT, max_examples=300)
@given(SAYABLE, st.sampled_from(VERSIONS), st.integers())
def test_the_form_fits_a_version_exactly_where_its_schema_says_so(
    iso_schemas: Schemas, message: m.Message, version: Version, seed: int
) -> None:
    root = parse(write(message, version))
    for element in root.iter("{*}region"):
        element.attrib.clear()  # an attribute is no form
    _spoilt(root, seed)
    name = etree.QName(root[0]).localname
    valid = {each: iso_schemas[each].validate(root) for each in VERSIONS}
    assert {each: fits(root[0], name, each) for each in VERSIONS} == valid
    if sum(valid.values()) == 1:
        assert valid[detect_version(root)]
    if any(valid.values()):
        assert isinstance(read(etree.tostring(root)), KINDS)


@PATIENT
@given(SAYABLE, st.sampled_from(VERSIONS))
def test_the_version_is_seen_by_the_form_whatever_the_attribute_says(message: m.Message, version: Version) -> None:
    other: dict[str, Version] = {"1.2": "2021-2", "2021-2": "1.2"}
    root = parse(write(message, version))
    name = etree.QName(root[0]).localname
    root.set(f"{{{m.NAMESPACE}}}version", "1.0")
    if not fits(root[0], name, other[version]):
        assert detect_version(root) == version


@pytest.mark.parametrize(
    ("said", "version"), [("2021-2", "2021-2"), ("1.3", "2021-2"), ("1.2", "1.2"), ("", "1.2"), ("三", "1.2")]
)
def test_where_the_form_leaves_it_open_the_attribute_decides(said: str, version: str) -> None:
    confirmation = m.RequestConfirmation(
        confirmation_header=m.ConfirmationHeader(timestamp=NOW, timestamp_received=NOW, message_status="OK")
    )
    root = parse(write(confirmation, "1.2"))
    root.set(f"{{{m.NAMESPACE}}}version", said)
    assert detect_version(root) == version


def test_a_message_that_fits_neither_is_of_the_version_it_has_more_of() -> None:
    message = from_supplier("RetryPossible", retry_info=m.RetryInfo(retry_after=NOW))
    root = parse(write(message, "2021-2"))
    root[0].append(root[0][0])
    assert detect_version(root) == "2021-2"
    root = parse(write(message, "1.2"))
    root[0].append(root[0][0])
    assert detect_version(root) == "1.2"


@PATIENT
@given(SAYABLE, st.sampled_from(VERSIONS), st.integers())
def test_the_order_of_children_makes_no_difference(message: m.Message, version: Version, seed: int) -> None:
    """But among those of one name."""
    root = parse(write(message, version))
    choice = random.Random(seed)
    for element in list(root[0].iter()):
        names = [child.tag for child in element]
        if len(set(names)) == len(names):
            children = list(element)
            choice.shuffle(children)
            element[:] = children
    assert read(etree.tostring(root)) == read(write(message, version))


@PATIENT
@given(SAYABLE, st.sampled_from(VERSIONS))
def test_attributes_may_be_unqualified_and_elements_may_have_the_other_versions_names(
    message: m.Message, version: Version
) -> None:
    plain = write(message, version).replace(b"ill:", b"")
    assert read(plain) == read(write(message, version))
    root = parse(plain)
    for parent, pairs in OTHER_NAMES.items():
        for element in root.iterfind(f".//{{*}}{parent}/*"):
            name = etree.QName(element).localname
            element.tag = f"{{{m.NAMESPACE}}}{pairs.get(name, name)}"
    assert read(etree.tostring(root)) == read(write(message, version))


def test_costs_and_dates_of_a_retry_are_found_where_either_version_has_them() -> None:
    costs = m.Costs(m.Code("CNY"), Decimal("12.5"))
    message = from_supplier("RetryPossible", retry_info=m.RetryInfo(offered_costs=(costs,), retry_after=NOW))
    assert b"retryInfo" not in write(message, "1.2")
    assert b"retryInfo" in write(message, "2021-2")
    assert read(write(message, "1.2")) == read(write(message, "2021-2")) == message
