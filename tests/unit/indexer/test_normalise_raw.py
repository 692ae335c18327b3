"""Raw bytes of each format to the normal form."""

from __future__ import annotations

import pytest
from marc_text import CNMARC_LEADER, record

from indexer.normalise import Crosswalks, Rejection, normalise_raw
from mappings.fields import SourceRecord
from mappings.model import BibRecord

OURS = Crosswalks()
TEXT = "001 012012000001\n101 0 $achi\n200 1 $a红楼梦$f曹雪芹著"


def iso2709(source: SourceRecord, charset: str) -> bytes:
    directory, body = "", b""
    for tag, indicators, subfields in source.fields:
        text = indicators + "".join(f"\x1f{code}{value}" if code else value for code, value in subfields)
        data = text.encode(charset) + b"\x1e"
        directory += f"{tag}{len(data):04d}{len(body):05d}"
        body += data
    base = 25 + len(directory)
    leader = f"{base + len(body) + 1:05d}{source.leader[5:12]}{base:05d}{source.leader[17:]}"
    return leader.encode() + directory.encode() + b"\x1e" + body + b"\x1d"


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_iso2709(charset: str) -> None:
    result = normalise_raw("iso2709", iso2709(record(TEXT, CNMARC_LEADER), charset), charset, OURS)
    assert isinstance(result, BibRecord)
    assert (result.local_id, result.title, result.agents[0].name) == ("012012000001", "红楼梦", "曹雪芹")


def test_marcxml() -> None:
    data = """<record xmlns="http://www.loc.gov/MARC21/slim"><leader>00000nam0 2200000   450 </leader>
      <controlfield tag="001">1</controlfield>
      <datafield tag="101" ind1="0" ind2=" "><subfield code="a">chi</subfield></datafield>
      <datafield tag="200" ind1="1" ind2=" "><subfield code="a">红楼梦</subfield></datafield></record>"""
    result = normalise_raw("marcxml", data.encode(), "", OURS)
    assert isinstance(result, BibRecord)
    assert (result.dialect, result.local_id, result.title) == ("cnmarc", "1", "红楼梦")


def test_oai_dc() -> None:
    data = """<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>敦煌写本研究</dc:title><dc:creator>王重民</dc:creator>
      <dc:type>学位论文</dc:type></oai_dc:dc>"""
    result = normalise_raw("oai_dc", data.encode(), "", OURS)
    assert isinstance(result, BibRecord)
    assert (result.dialect, result.title, result.material) == ("dublin_core", "敦煌写本研究", "thesis")


def test_a_record_without_title_is_rejected() -> None:
    source = record("001 1\n101 0 $achi\n102 ##$aCN", CNMARC_LEADER)
    result = normalise_raw("iso2709", iso2709(source, "utf-8"), "utf-8", OURS)
    assert isinstance(result, Rejection)
    assert result.code == "no_title"


def test_an_unknown_format_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="there are iso2709, marcxml and oai_dc"):
        normalise_raw("marc4j", b"", "", OURS)
