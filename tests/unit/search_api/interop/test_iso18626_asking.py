"""Wishes as requests and back; agencies and numbers; confirmations."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso18626_making import NOW, PATIENT, TEXT, any_message, from_supplier, header
from lxml import etree
from msgspec.structs import replace

from mappings.model import MATERIALS, Library
from mappings.requests import GENRES, SERVICES, Citation, LibraryPolicy, Wish
from search_api.interop.iso18626 import messages as m
from search_api.interop.iso18626.asking import Ask, Asked, ask, asked
from search_api.interop.iso18626.confirming import answer, confirm, refuse, verdict
from search_api.interop.iso18626.messages import VERSIONS, AgencyId, BadMessage, Code
from search_api.interop.iso18626.naming import (
    SCHEME,
    RequestNumber,
    Thread,
    agency_of,
    parse_number,
    party,
    recognise,
    thread_of,
)
from search_api.interop.iso18626.reading import parse, read
from search_api.interop.iso18626.writing import NotCarried, write

CL = Library("CLCN", "首都图书馆", "Capital Library", "CAPITAL", "capital", "CN-110105-1-CL")
BRANCH = Library("CLCN-XC", "西城区第一图书馆", "Xicheng District Library", "CAPITAL", "branch")
RUC = Library("RUC", "中国人民大学图书馆", "Renmin University Library", "BALIS", "node")
NLC = Library("NLC", "国家图书馆", "National Library of China", "EXTERNAL")
PARTIES = [party(library, LibraryPolicy()) for library in (CL, BRANCH, RUC, NLC)]
PARTY = {each.symbol: each for each in PARTIES}
Schemas = dict[str, etree.XMLSchema]


def told(wish: Wish, version: m.Version = "2021-2", **changes: Any) -> Asked:
    """What the supplier understands of what we ask."""
    facts: dict[str, Any] = {"number": RequestNumber(17, 2), "requester": PARTY["CLCN"], "supplier": PARTY["RUC"]}
    message = read(write(ask(Ask(wish=wish, **facts | changes), NOW), version))
    assert isinstance(message, m.Request)
    return asked(message)


ARTICLE = Citation(
    genre="article",
    title="北京邮电大学学报",
    author="",
    article_title="陶淵明與六朝文化",
    article_author="沈从文",
    issn="1007-5321",
    doi="10.1000/abc",
    number="cn:11-3570/TN",
    date="2015-03",
    volume="38",
    issue="2",
    pages="117-134",
    publisher="北京邮电大学",
    place="北京",
    record_id="00ABCDEF",
)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_article_is_asked_for_with_all_that_is_known(iso_schemas: Schemas, version: m.Version) -> None:
    wish = Wish(ARTICLE, level="rush", need_before="2026-12-05", max_cost=1550, material="article")
    understood = told(wish, version, branch=PARTY["CLCN-XC"], from_reader=True, email="dd@clcn.example", note="加急")
    assert understood.wish == wish
    assert understood.thread == Thread(PARTY["CLCN"].agency, PARTY["RUC"].agency, "R17-2")
    assert (understood.kind, understood.from_reader, understood.forwarded) == ("New", True, False)
    assert understood.requester_name == "首都图书馆 / Capital Library"
    assert understood.branch_name == "西城区第一图书馆 / Xicheng District Library"
    assert understood.deliver_to == (m.ElectronicAddress(Code("Email"), "dd@clcn.example"),)
    assert understood.note == "加急"


def _words() -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), TEXT)


WISHES = st.builds(
    Wish,
    st.builds(
        Citation,
        **{
            name: _words()
            for name in Citation.__struct_fields__
            if name not in ("genre", "date", "record_id", "number", "language", "isbn", "issn")
        },
        genre=st.sampled_from(GENRES),
        isbn=st.sampled_from(["", "9787020002207"]),
        issn=st.sampled_from(["", "1007-5321"]),
        number=st.sampled_from(["", "cn:11-3570/TN", "10019·1161", "oclc:123", "冒号:在内"]),
        date=st.sampled_from(["", "2015", "2015-03", "民国二十年"]),
        record_id=st.sampled_from(["", "00ABCDEF"]),
    ),
    service=st.sampled_from(SERVICES),
    level=st.sampled_from(["standard", "rush"]),
    need_before=st.dates().map(str) | st.just(""),
    max_cost=st.integers(0, 10**8),
    material=st.sampled_from(MATERIALS),
)


@PATIENT
@given(WISHES, st.sampled_from(VERSIONS))
def test_any_wish_is_valid_and_comes_back(iso_schemas: Schemas, wish: Wish, version: m.Version) -> None:
    """But for part and degree, which the note has, and for kinds of things that the standard does not tell apart."""
    facts = Ask(wish=wish, number=RequestNumber(1, 1), requester=PARTY["CLCN"], supplier=PARTY["NLC"])
    sent = write(ask(facts, NOW), version)
    assert iso_schemas[version].validate(parse(sent)), iso_schemas[version].error_log
    message = read(sent)
    assert isinstance(message, m.Request)
    understood = asked(message)
    noted = {"part": "", "degree": "", "degree_body": "", "genre": understood.wish.citation.genre}
    expected = replace(
        wish, citation=replace(wish.citation, **noted), material=understood.wish.material, subject="", language=""
    )
    assert understood.wish == expected
    for name in ("part", "degree", "degree_body"):
        assert getattr(wish.citation, name) in understood.note


@pytest.mark.parametrize(
    ("genre", "parts", "back"),
    [
        ("book", {}, ("book", "book")),
        ("chapter", {"article_title": "第三回"}, ("chapter", "book")),
        ("article", {"article_title": "论"}, ("article", "article")),
        ("journal", {}, ("journal", "serial")),
        ("issue", {"issue": "2"}, ("issue", "serial")),
        ("conference", {}, ("conference", "book")),
        ("proceeding", {"article_title": "论"}, ("proceeding", "book")),
        ("dissertation", {}, ("dissertation", "thesis")),
        ("report", {}, ("report", "book")),
        ("preprint", {}, ("preprint", "other")),
        ("document", {}, ("document", "other")),
        ("unknown", {}, ("unknown", "book")),
        ("unknown", {"isbn": "9787020002207"}, ("book", "book")),
        ("unknown", {"issn": "1007-5321"}, ("journal", "serial")),
        ("unknown", {"issn": "1007-5321", "article_title": "论"}, ("article", "article")),
    ],
)
def test_what_kind_of_thing(genre: str, parts: dict[str, str], back: tuple[str, str]) -> None:
    wish = told(Wish(Citation(genre=genre, title="题", **parts))).wish
    assert (wish.citation.genre, wish.material) == back


def test_pages_are_a_range_and_no_count() -> None:
    request = ask(
        Ask(wish=Wish(ARTICLE), number=RequestNumber(1, 1), requester=PARTY["CLCN"], supplier=PARTY["RUC"]), NOW
    )
    assert request.bibliographic_info.pages_requested == "117-134"
    assert request.bibliographic_info.estimated_no_pages == ""


def test_a_request_goes_by_its_path_and_says_that_it_was_passed_on() -> None:
    facts = Ask(
        wish=Wish(ARTICLE),
        number=RequestNumber(17, 3),
        requester=PARTY["CLCN"],
        supplier=PARTY["NLC"],
        path=(PARTY["RUC"],),
        forwarded=True,
        call_number="I207.411/42",
        coverage="1985-2015",
        local_record="001234567",
    )
    request = ask(facts, NOW)
    stops = [(each.sort_order, each.supplier_code, each.call_number) for each in request.supplier_info]
    assert stops == [(1, PARTY["RUC"].agency, ""), (2, PARTY["NLC"].agency, "I207.411/42")]
    assert request.service_info and request.service_info.request_sub_type == ("TransferRequest",)
    assert asked(request).forwarded and asked(request).local_record == "001234567"


def test_no_reader_is_named() -> None:
    facts = Ask(wish=Wish(ARTICLE), number=RequestNumber(1, 1), requester=PARTY["CLCN"], supplier=PARTY["RUC"])
    assert ask(facts, NOW).patron_info is None


def test_a_retry_agrees_and_names_the_request_before() -> None:
    accepted = {"code": "MustMeetLoanCondition", "by": "retry", "cost": 1550, "conditions": ["LibraryUseOnly"]}
    wish = Wish(ARTICLE, service="copy", max_cost=1000)
    for version in VERSIONS:
        again = told(
            wish, version, number=RequestNumber(17, 2, 3), kind="Retry", accepted=accepted | {"service": "Loan"}
        )
        assert (again.kind, again.thread.number, again.previous) == ("Retry", "R17-2.3", "R17-2.2")
        assert (again.wish.max_cost, again.wish.service) == (1550, "loan")
        assert again.conditions == (("LibraryUseOnly",) if version == "2021-2" else ())
        assert "LibraryUseOnly" in again.note
    assert told(wish, number=RequestNumber(17, 2, 2), kind="Retry").previous == "R17-2"


def test_a_reminder_has_the_number_of_what_it_reminds_of() -> None:
    reminder = told(Wish(ARTICLE), kind="Reminder")
    assert (reminder.kind, reminder.thread.number, reminder.previous) == ("Reminder", "R17-2", "")


def test_a_foreign_request_with_little_in_it() -> None:
    """No serviceInfo, as 1.2 allows."""
    wanted = asked(
        m.Request(header=header(), bibliographic_info=m.BibliographicInfo(title="红楼梦", subtitle="校注本"))
    )
    assert wanted.wish == Wish(Citation(title="红楼梦 : 校注本"), service="copy_or_loan")
    assert (wanted.kind, wanted.supplier) == ("New", AgencyId(Code("BALIS"), "RUC"))


def test_costs_in_other_money_are_for_people() -> None:
    costs = m.Costs(Code("EUR"), Decimal("8.25"))
    wanted = asked(m.Request(header=header(), billing_info=m.BillingInfo(maximum_costs=costs)))
    assert wanted.wish.max_cost == 0 and "8.25 EUR" in wanted.note


@pytest.mark.parametrize("sub_type", ["BookingRequest", "MultipleItemRequest"])
def test_what_we_cant_do_is_refused(sub_type: str) -> None:
    service = m.ServiceInfo(service_type="Loan", request_sub_type=("PatronRequest", sub_type))
    with pytest.raises(BadMessage, match=sub_type):
        asked(m.Request(header=header(), service_info=service))
    with pytest.raises(BadMessage, match="requestingAgencyRequestId"):
        asked(m.Request(header=header(requesting_agency_request_id="")))


@PATIENT
@given(any_message(m.Request))
def test_any_request_is_a_wish_or_refused(request: m.Request) -> None:
    try:
        wanted = asked(request)
    except BadMessage:
        return
    assert wanted.wish.citation.genre in GENRES and wanted.wish.material in MATERIALS
    assert wanted.wish.service in SERVICES and wanted.wish.max_cost >= 0


@pytest.mark.parametrize(
    ("library", "policy", "type_", "value"),
    [
        (CL, LibraryPolicy(), "ISIL", "CN-110105-1-CL"),
        (RUC, LibraryPolicy(), "BALIS", "RUC"),
        (replace(RUC, consortium=""), LibraryPolicy(), "TONGCANG", "RUC"),
        (RUC, LibraryPolicy(agency_type="ISIL"), "BALIS", "RUC"),
        (RUC, LibraryPolicy(agency_type="CALIS"), "CALIS", "RUC"),
        (RUC, LibraryPolicy(agency_type="CALIS", agency_id="211020"), "CALIS", "211020"),
        (RUC, LibraryPolicy(agency_id="211020"), "BALIS", "211020"),
        (RUC, LibraryPolicy(agency_type="ISIL", agency_id="CN-110108-3-RUC"), "ISIL", "CN-110108-3-RUC"),
        (CL, LibraryPolicy(agency_type="CAPITAL"), "CAPITAL", "CLCN"),
        (CL, LibraryPolicy(agency_id="CN-110105-1-CL"), "ISIL", "CN-110105-1-CL"),
    ],
)
def test_an_isil_is_never_invented(library: Library, policy: LibraryPolicy, type_: str, value: str) -> None:
    agency = agency_of(library, policy)
    assert agency == AgencyId(Code(type_, "" if type_ == "ISIL" else SCHEME + "agencyIdType"), value)


def test_agencies_are_recognised() -> None:
    assert recognise(AgencyId(Code("balis", "urn:theirs"), " ruc "), PARTIES) == PARTY["RUC"]
    assert recognise(AgencyId(Code("ISIL"), "cn-110105-1-cl"), PARTIES) == PARTY["CLCN"]
    assert recognise(AgencyId(Code("ISIL"), "RUC"), PARTIES) is None
    assert recognise(AgencyId(Code("BALIS"), ""), PARTIES) is None
    assert recognise(None, PARTIES) is None


@PATIENT
@given(st.integers(1, 2**31 - 1), st.integers(1, 10**8), st.integers(1, 10**8))
def test_numbers_come_back(request: int, entry: int, attempt: int) -> None:
    number = RequestNumber(request, entry, attempt)
    assert parse_number(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "R1",
        "R0-1",
        "R1-0",
        "R1-1.0",
        "R１-1",
        "R1-1 OR 1=1",
        "R" + "9" * 40 + "-1",
        "X1-1",
        "R9999999999-1",
        f"R{2**31}-1",
    ],
)
def test_other_numbers_are_not_ours(text: str) -> None:
    assert parse_number(text) is None


def test_the_second_attempt_is_another_request_of_the_same_entry() -> None:
    assert str(RequestNumber(17, 2)) == "R17-2" and str(RequestNumber(17, 2, 2)) == "R17-2.2"
    assert parse_number("r17-2.2") == RequestNumber(17, 2, 2)


@PATIENT
@given(any_message(), st.sampled_from(VERSIONS))
def test_what_is_confirmed_is_understood_as_confirmed(
    iso_schemas: Schemas, message: m.Message, version: m.Version
) -> None:
    if not hasattr(message, "header"):
        with pytest.raises(BadMessage):
            confirm(message, NOW)
        return
    body = write(confirm(message, NOW), version)
    assert iso_schemas[version].validate(parse(body))
    assert verdict(body, message).ok
    bad = BadMessage("UnrecognisedDataValue", "标题：空")
    body = write(refuse(bad, NOW, message), version)
    assert iso_schemas[version].validate(parse(body))
    told_ = verdict(body, message)
    assert (told_.ok, told_.understood, told_.why) == (False, True, "UnrecognisedDataValue: 标题：空")
    assert thread_of(read(body)).number == message.header.requesting_agency_request_id


def test_what_could_not_be_read_is_refused_under_its_own_name() -> None:
    data = write(from_supplier("Loaned"), "1.2").replace(b"Loaned", b"Perhaps")
    with pytest.raises(BadMessage) as caught:
        read(data)
    told_ = read(write(refuse(caught.value, NOW), "1.2"))
    assert isinstance(told_, m.SupplyingAgencyMessageConfirmation)
    assert told_.confirmation_header.requesting_agency_request_id == "R17-2"
    assert told_.error_data == (m.ErrorData(error_type="UnrecognisedDataValue", error_value="status: Perhaps"),)


def test_what_is_no_xml_is_refused_without_a_name() -> None:
    with pytest.raises(BadMessage) as caught:
        read(b"<")
    told_ = refuse(caught.value, NOW)
    assert isinstance(told_, m.RequestConfirmation)
    assert told_.confirmation_header == m.ConfirmationHeader(
        timestamp=NOW, timestamp_received=NOW, message_status="ERROR"
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_what_comes_is_kept_before_it_is_confirmed_in_its_own_version(version: m.Version) -> None:
    message = from_supplier("RetryPossible", retry_info=m.RetryInfo(retry_after=NOW))
    kept: list[m.Message] = []
    body = answer(write(message, version), NOW, kept.append)
    assert kept == [message] and verdict(body, message).ok
    assert f'version="{version}"'.encode() in body

    def unknown(_message: m.Message) -> None:
        raise BadMessage("UnrecognisedDataValue", "requestingAgencyRequestId: R17-2")

    refused = verdict(answer(write(message, version), NOW, unknown), message)
    assert (refused.ok, refused.understood) == (False, True) and "R17-2" in refused.why

    def broken(_message: m.Message) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        answer(write(message, version), NOW, broken)


@pytest.mark.parametrize("data", [b"", b"<a/>", write(confirm(from_supplier("Loaned"), NOW), "2021-2")])
def test_what_is_no_message_is_never_kept(data: bytes) -> None:
    kept: list[m.Message] = []
    confirmation = read(answer(data, NOW, kept.append))
    assert not kept and isinstance(confirmation, m.RequestConfirmation | m.SupplyingAgencyMessageConfirmation)
    assert confirmation.confirmation_header.message_status == "ERROR"


SENT = m.RequestingAgencyMessage(header=header(), action="Cancel")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "BadlyFormedMessage"),
        ("<html>网关错误</html>".encode(), "BadlyFormedMessage"),
        (write(from_supplier("Loaned"), "1.2"), "SupplyingAgencyMessage instead of"),
        (write(confirm(from_supplier("Loaned"), NOW), "1.2"), "SupplyingAgencyMessageConfirmation for a"),
        (
            write(confirm(replace(SENT, header=header(requesting_agency_request_id="R9-9")), NOW), "2021-2"),
            "confirms 'R9-9' instead of 'R17-2'",
        ),
    ],
)
def test_what_does_not_confirm_is_not_taken_for_it(body: bytes, why: str) -> None:
    told_ = verdict(body, SENT)
    assert (told_.ok, told_.understood) == (False, False) and why in told_.why


@PATIENT
@given(st.binary(max_size=200))
def test_no_answer_is_too_odd(body: bytes) -> None:
    assert not verdict(body, SENT).ok


def test_a_lost_item_of_a_newer_peer_is_confirmed_in_the_older_version() -> None:
    lost = m.RequestingAgencyMessage(header=header(), action="Lost")
    with pytest.raises(NotCarried):
        write(lost, "1.2")
    assert verdict(write(confirm(lost, NOW), "1.2"), lost).ok
