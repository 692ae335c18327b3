"""A page of OAI-PMH, parsed strictly or mended: nothing here talks to anyone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from harvester.sources.oai_pmh_mend import MARK, mend
from harvester.sources.oai_pmh_xml import NotOaiError, OaiPage, OaiRecord, events_of, read_page
from harvester.sources.protocol import Received, Refused
from store.records import LONGEST_IDENTIFIER

OAI = "http://www.openarchives.org/OAI/2.0/"
MARCXML = '<record xmlns="http://www.loc.gov/MARC21/slim"><leader>00000nam</leader></record>'


def page(inner: str, root: str = f'OAI-PMH xmlns="{OAI}"', head: str = "") -> bytes:
    end = root.split()[0]
    return f"{head}<{root}><responseDate>2026-11-20T03:00:00Z</responseDate>{inner}</{end}>".encode()


def records(metadata: str, identifier: str = "oai:史记:1") -> bytes:
    header = f"<header><identifier>{identifier}</identifier><datestamp>2026-11-01</datestamp></header>"
    return page(f"<ListRecords><record>{header}<metadata>{metadata}</metadata></record></ListRecords>")


def read(body: bytes, **options: bool | str) -> OaiPage:
    return read_page(body, "ListRecords", **options)  # type: ignore[arg-type]


def only(body: bytes) -> OaiRecord:
    (found,) = read(body).records
    return found


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        (MARCXML, "marcxml"),
        ('<marc:record xmlns:marc="http://www.loc.gov/MARC21/slim"><marc:leader/></marc:record>', "marcxml"),
        ('<record xmlns="info:lc/xmlns/marcxchange-v1"/>', "marcxml"),
        ("<record><leader>00000nam</leader></record>", "marcxml"),
        (f'<collection xmlns="http://www.loc.gov/MARC21/slim">{MARCXML}</collection>', "marcxml"),
        ('<dc xmlns="http://www.openarchives.org/OAI/2.0/oai_dc/"/>', "oai_dc"),
        ('<record xmlns="http://www.exlibrisgroup.com/xsd/primo/primo_nm_bib"><control/></record>', ""),
        ("<mods/>", ""),
    ],
)
def test_the_format_is_what_the_metadata_is(metadata: str, kind: str) -> None:
    assert only(records(metadata)).metadata[0][0] == kind


def test_marcxml_without_namespace_is_one_record() -> None:
    assert len(read(records("<record><leader/><datafield/></record>")).records) == 1


def test_metadata_stands_alone_with_the_namespaces_of_its_ancestors() -> None:
    body = records("<m:record><m:leader>史</m:leader></m:record>").replace(
        b"<OAI-PMH", b'<OAI-PMH xmlns:m="http://www.loc.gov/MARC21/slim"', 1
    )
    (_, data) = only(body).metadata[0]
    assert etree.fromstring(data).tag == "{http://www.loc.gov/MARC21/slim}record"
    assert "史" in data.decode()


def test_of_several_marc_records_the_first_is_taken_and_the_others_are_refused() -> None:
    second = MARCXML.replace("00000nam", "00000nx ")
    first, extra = events_of(only(records(f"<collection>{MARCXML}{second}</collection>")), "page 1, record 1")
    assert isinstance(first, Received) and first.flags == ("extra_metadata",) and b"nam" in first.data
    assert isinstance(extra, Refused) and extra.code == "extra_metadata" and b"00000nx" in extra.data
    assert extra.identifier == "oai:史记:1"


def test_an_identifier_beyond_every_index_is_kept_as_its_hash_also_in_a_deletion() -> None:
    longest = "史" * LONGEST_IDENTIFIER
    (event,) = events_of(only(records(MARCXML, identifier=longest)), "")
    assert event.identifier == longest
    (event,) = events_of(only(records(MARCXML, identifier=longest + "记")), "")
    assert event.identifier.startswith("sha256:")
    (other,) = events_of(only(records(MARCXML, identifier=longest + "汉")), "")
    assert other.identifier != event.identifier
    gone = records(MARCXML, identifier=longest + "记").replace(b"<header>", b'<header status="deleted">')
    (deletion,) = events_of(only(gone), "")
    assert isinstance(deletion, Received)
    assert deletion.deleted
    assert deletion.identifier == event.identifier


def test_a_record_without_identifier_is_refused_with_its_bytes() -> None:
    (event,) = events_of(only(records(MARCXML, identifier=" ")), "page 1, record 1")
    assert isinstance(event, Refused) and event.code == "no_identifier" and b"00000nam" in event.data


def test_a_deletion_with_metadata_is_a_deletion() -> None:
    body = records(MARCXML).replace(b"<header>", b'<header status=" Deleted">')
    (event,) = events_of(only(body), "")
    assert isinstance(event, Received) and event.deleted and event.data == b""


def test_a_page_of_another_namespace_is_refused_and_can_be_opted_in() -> None:
    body = records(MARCXML).replace(b"OAI/2.0", b"OAI/1.1")
    with pytest.raises(NotOaiError, match="local_names"):
        read(body)
    assert len(read(body, local_names=True).records) == 1


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE OAI-PMH [<!ENTITY a "史"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE OAI-PMH SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE OAI-PMH [<!ENTITY % x SYSTEM "http://127.0.0.1:1/"> %x;]>',
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_every_doctype_is_refused(doctype: str, charset: str) -> None:
    body = (doctype + records(MARCXML).decode()).encode(charset)
    with pytest.raises(NotOaiError, match="DOCTYPE"):
        read(body)


def test_a_cut_page_is_broken_and_keeps_what_came_whole() -> None:
    whole = records(MARCXML)
    two = whole.replace(b"</ListRecords>", whole[whole.index(b"<record>") : whole.index(b"</OAI")])
    for at in range(two.index(b"<ListRecords>"), len(two) - 1):
        found = read(two[:at])
        assert found.broken and found.raw == two[:at]
        assert len(found.records) == two[:at].count(b"</metadata></record>")


def test_a_page_that_the_transport_calls_cut_is_broken_even_if_well_formed() -> None:
    assert read(records(MARCXML), cut="the line dropped").broken == "the line dropped"


def test_neither_answer_nor_error_is_broken() -> None:
    assert "neither" in read(page("<Identify/>")).broken


def test_the_token_is_stripped_and_the_size_read() -> None:
    token = '<resumptionToken completeListSize=" 12 "/><resumptionToken>\n a b </resumptionToken>'
    found = read(page(f"<ListRecords>{token}</ListRecords>"))
    assert (found.token, found.promised) == ("a b", 12)


def test_gb2312_that_holds_more_than_gb2312_is_read_whole() -> None:
    text = records("<dc>朱镕基 镕 喆</dc>").decode()
    found = read(f'<?xml version="1.0" encoding="gb2312"?>{text}'.encode("gb18030"))
    assert not found.broken and "朱镕基 镕 喆" in found.records[0].metadata[0][1].decode()


def test_ampersands_in_cdata_stay() -> None:
    assert mend("<a><![CDATA[史 & 记 &amp; &nbsp;]]> & </a>".encode()).data.decode() == (
        f"<a><![CDATA[史 & 记 &amp; &nbsp;]]> &amp;{MARK} </a>"
    )


@pytest.mark.parametrize("entity", ["&LT;", "&AMP;", "&lt", "&#0;", "&#xFFFF;", "&#99999999;", "&#x;", "&;", "&&amp;"])
def test_mended_references_are_well_formed(entity: str) -> None:
    etree.fromstring(mend(f"<a>史{entity}记</a>".encode()).data)


@given(st.binary(max_size=300), st.sampled_from(["", "gb18030", "utf-16", "big5"]))
def test_whatever_bytes_come_are_no_oai_pmh(body: bytes, charset: str) -> None:
    with pytest.raises(NotOaiError):
        read_page(body, "ListRecords", charset=charset)


@given(st.data())
def test_damage_anywhere_never_hides_a_record_in_silence(data: st.DataObject) -> None:
    """Either the page is called broken, or both records are there."""
    whole = records(MARCXML)
    two = bytearray(whole.replace(b"</ListRecords>", whole[whole.index(b"<record>") : whole.index(b"</OAI")]))
    begin, end = two.index(b"<record"), two.rindex(b"</record>")
    for at in data.draw(st.lists(st.integers(begin, end), max_size=3)):
        two[at] = data.draw(st.sampled_from(list(b"\x00\xff<>&\"'/ \xe5")))
    try:
        found = read(bytes(two))
    except NotOaiError:
        return
    events = [event for each in found.records for event in events_of(each, "")]
    assert found.broken or len(events) >= 2 or _renamed(bytes(two))


def _renamed(body: bytes) -> bool:
    """Is a record element called something else by now, in well-formed XML?"""
    root = etree.fromstring(mend(body).data)
    return len(root.findall(f"{{{OAI}}}ListRecords/{{{OAI}}}record")) < 2
