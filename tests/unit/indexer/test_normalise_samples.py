"""Every real sample record goes through: none breaks a crosswalk, and most become usable records."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from harvester.marc.iso2709 import decode_iso2709
from harvester.marc.splitter import split_iso2709
from indexer.normalise import Crosswalks, Rejection, normalise
from mappings.fields import Field, SourceRecord
from mappings.model import BibRecord, decode, encode

OURS = Crosswalks()
_DC = "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"


def records(path: Path) -> Iterator[SourceRecord]:
    """The records of a sample file, by a decoding of the test's own for XML, and none for JSON."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    head = data[:200].lstrip(b"\xef\xbb\xbf \r\n")
    if head.startswith(b"<"):
        yield from _xml(data)
    elif not head.startswith((b"{", b"[", b"#")):
        try:
            data.decode("utf-8")
            charset = "utf-8"
        except UnicodeDecodeError:
            charset = "gb18030"
        with path.open("rb") as stream:
            for piece in split_iso2709(stream):
                if piece.kind == "record":
                    yield decode_iso2709(piece.data, charset)


def _xml(data: bytes) -> Iterator[SourceRecord]:
    root = etree.fromstring(data, etree.XMLParser(recover=True, huge_tree=True))
    if root is None:
        return
    for element in root.iter("{*}record"):
        fields = [field for child in element if (field := _field(child)) is not None]
        leader = element.findtext("{*}leader") or ""
        if fields:
            yield SourceRecord(leader, tuple(fields))
    for element in root.iter(_DC):
        names = [(etree.QName(e).localname, "", (("", e.text or ""),)) for e in element if isinstance(e.tag, str)]
        yield SourceRecord("", tuple(names))


def _field(element: etree._Element) -> Field | None:
    if not isinstance(element.tag, str):
        return None
    name, tag = etree.QName(element).localname, element.get("tag", "")
    if name == "controlfield":
        return tag, "", (("", element.text or ""),)
    if name != "datafield":
        return None
    indicators = element.get("ind1", " ") + element.get("ind2", " ")
    return tag, indicators, tuple((s.get("code", ""), s.text or "") for s in element if isinstance(s.tag, str))


@pytest.mark.parametrize("folder", ["cnmarc", "marc21", "unimarc", "broken", "oai"])
def test_no_sample_breaks_it(samples: Path, folder: str) -> None:
    outcomes: Counter[str] = Counter()
    for path in sorted((samples / folder).rglob("*")):
        if not path.is_file():
            continue
        for record in records(path):
            result = normalise(record, OURS)
            if isinstance(result, Rejection):
                outcomes[result.code] += 1
                continue
            outcomes["accepted"] += 1
            assert decode(encode(result), BibRecord) == result, path
    assert outcomes["accepted"] >= 0.5 * outcomes.total(), outcomes


def test_every_chinese_record_has_what_clustering_lives_on(samples: Path) -> None:
    for name in ("bnu_alma_sru", "transcribed", "openilas"):
        by_charset: dict[str, list[BibRecord]] = {}
        for charset in ("utf8", "gb18030"):
            found = [normalise(record, OURS) for record in records(samples / "cnmarc" / f"{name}.{charset}.iso")]
            by_charset[charset] = [bib for bib in found if isinstance(bib, BibRecord)]
            assert len(by_charset[charset]) == len(found) > 0
        for bib in by_charset["utf8"]:
            assert bib.dialect == "cnmarc"
            assert any(identifier.type == "isbn" for identifier in bib.identifiers), bib.title
            assert bib.year >= 1993, bib.title
            assert bib.languages[0] == "chi"
            assert bib.agents or bib.responsibility or name == "transcribed", bib.title
        # A record says the same in both charsets.
        assert by_charset["gb18030"] == by_charset["utf8"]


def test_scripts_find_each_other_in_real_880s(samples: Path) -> None:
    path = samples / "marc21/traject+traject/test__test_support__hebrew880s.marc"
    (bib,) = [normalise(record, OURS) for record in records(path)]
    assert isinstance(bib, BibRecord)
    assert bib.title == 'Anarkhizm be-"Tsiyon"'
    assert bib.title_alt.startswith("אנרכיזם")
    assert bib.agents[0].alt == "רצבי, שלום"
    path = samples / "marc21/lcnetdev+marc2bibframe2/test__data__ConvSpec-880__100-600-700-700t.xml"
    (bib,) = [normalise(record, OURS) for record in records(path)]
    assert isinstance(bib, BibRecord)
    assert (bib.title, bib.title_alt) == ("Liu Hui ping zhuan", "刘徽评传")
    assert [agent.alt for agent in bib.agents] == ["周瀚光", "孔国平"]
