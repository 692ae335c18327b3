"""MARCXML and Dublin Core: any namespace, any envelope, broken in all the ways that files really are."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pymarc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marc_making import marcxml

from harvester.marc import marcxml_splitter
from harvester.marc.dublin_core import decode_oai_dc
from harvester.marc.marcxml import decode_marcxml
from harvester.marc.marcxml_splitter import split_marcxml
from harvester.marc.splitter import Piece

SLIM = "http://www.loc.gov/MARC21/slim"


def split(text: str | bytes) -> list[Piece]:
    return list(split_marcxml(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def collection(*records: str, declaration: str = "") -> str:
    return f'{declaration}<collection xmlns="{SLIM}">\n' + "\n".join(records) + "\n</collection>\n"


def number(piece: Piece) -> str:
    return decode_marcxml(piece.data).fields[0][2][0][1]


def numbers(pieces: list[Piece]) -> list[int]:
    return [int(number(piece)) for piece in pieces if piece.kind == "record"]


def test_a_record_comes_as_it_was_written() -> None:
    record = decode_marcxml(marcxml(7).encode())
    assert record.leader == "00000nam0 2200000   450 "
    assert record.flags == ()
    assert record.fields == (
        ("001", "", (("", "000000000007"),)),
        ("200", "1 ", (("a", "红楼梦"), ("f", "曹雪芹著"))),
    )


@pytest.mark.parametrize(
    "opening",
    [
        f'<marc:record xmlns:marc="{SLIM}">',
        '<marc:record xmlns:marc="http://www.nlc.cn/">',
        '<marc:record xmlns:marc="http://www.bnmm.cn/" type="Bibliographic">',
    ],
)
def test_namespace_does_not_matter(opening: str) -> None:
    text = marcxml(7, prefix="marc:").replace("<marc:record>", opening)
    assert decode_marcxml(text.encode()).fields == decode_marcxml(marcxml(7).encode()).fields


def test_odd_parts_are_kept() -> None:
    text = (
        '<record><controlfield tag="FMT">BK</controlfield><datafield tag="42" ind1="z"><subfield code="a">dc</subfield>'
        '<subfield code="b"/><subfield>无代码</subfield><!-- 注 --></datafield><datafield tag="AVA" ind1="" ind2=" "/>'
        "</record>"
    )
    record = decode_marcxml(text.encode())
    assert record.leader == ""
    assert record.fields == (
        ("FMT", "", (("", "BK"),)),
        ("42", "z ", (("a", "dc"), ("b", ""), ("", "无代码"))),
        ("AVA", "  ", ()),
    )


def test_broken_bytes_are_mended_and_flagged() -> None:
    sound = marcxml(1, "红楼梦与水浒传").encode()
    for old, new, seen in (
        ("与".encode(), b"\xe4\xb8", "红楼梦�水浒传"),
        ("与".encode(), b"\x0b", "红楼梦�水浒传"),
        ("与".encode(), b" & ", "红楼梦 & 水浒传"),
        ("与".encode(), b"&#55360;&#56320;", "红楼梦𠀀水浒传"),
    ):
        record = decode_marcxml(sound.replace(old, new))
        assert record.flags == ("xml_mended",)
        assert record.fields[1][2][0] == ("a", seen)


def test_what_is_no_record_is_refused() -> None:
    for text in ("<html/>", "<record><title>红楼梦</title></record>", marcxml(1)[:-4], "<record>"):
        with pytest.raises(ValueError, match="XML"):
            decode_marcxml(text.encode())


def test_nothing_is_expanded_or_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("秘密")
    for declared in (f'<!ENTITY e SYSTEM "{secret.as_uri()}">', '<!ENTITY a "哈哈"><!ENTITY e "&a;&a;">'):
        text = f"<!DOCTYPE record [{declared}]>" + marcxml(1, "红&e;楼")
        for prolog in ("", "<?xml version='1.0'?><!-- <a> -->\n"):
            with pytest.raises(ValueError, match="DOCTYPE"):
                decode_marcxml((prolog + text).encode())
            with pytest.raises(ValueError, match="DOCTYPE"):
                decode_oai_dc((prolog + text).encode())
        # In a file, a DTD is simply never read: each record is parsed alone.
        assert decode_marcxml(marcxml(1, "<![CDATA[<!DOCTYPE]]>").encode()).fields[1][2][0] == ("a", "<!DOCTYPE")
        (piece,) = split(text)
        assert decode_marcxml(piece.data).fields[1][2][0] == ("a", "红&e;楼")


# ------------------------------------------------------------------------------------------------ files


def test_file_is_cut_into_records() -> None:
    text = collection(*(marcxml(n) for n in range(5)), declaration='<?xml version="1.0" encoding="UTF-8"?>\n')
    pieces = split(text)
    assert numbers(pieces) == list(range(5))
    data = text.encode()
    assert all(data[piece.offset : piece.end].endswith(b"</record>") for piece in pieces)


def test_prefix_declared_above_is_given_to_each_record() -> None:
    text = f"<m:collection xmlns:m='{SLIM}'>" + "".join(marcxml(n, prefix="m:") for n in range(3)) + "</m:collection>"
    assert numbers(split(text)) == [0, 1, 2]


def test_records_nested_in_oai_and_sru_envelopes() -> None:
    oai = "".join(
        f"<record><header><identifier>oai:x:{n}</identifier></header>"
        f"<metadata>{marcxml(n, prefix='marc:')}</metadata></record>"
        for n in range(3)
    )
    pieces = split(f'<OAI-PMH xmlns:marc="{SLIM}"><ListRecords>{oai}</ListRecords></OAI-PMH>')
    assert numbers(pieces) == [0, 1, 2]
    assert len(pieces) == 3
    sru = "".join(f"<zs:record><zs:recordData>{marcxml(n)}</zs:recordData></zs:record>" for n in range(3))
    pieces = split(
        f'<zs:searchRetrieveResponse xmlns:zs="z"><zs:records>{sru}</zs:records></zs:searchRetrieveResponse>'
    )
    assert numbers(pieces) == [0, 1, 2]
    assert len(pieces) == 3


@pytest.mark.parametrize("encoding", ["gb18030", "GB2312", "utf-16", "big5", "iso-8859-1"])
def test_declared_encoding(encoding: str) -> None:
    title = {"iso-8859-1": "Les Misérables", "big5": "紅樓夢"}.get(encoding, "红楼梦")
    text = collection(marcxml(1, title), declaration=f'<?xml version="1.0" encoding="{encoding}"?>')
    if encoding == "iso-8859-1":
        text = text.replace("曹雪芹著", "Hugo")
    (piece,) = split(text.encode("gb18030" if encoding == "GB2312" else encoding))
    record = decode_marcxml(piece.data)
    assert record.flags == ()
    assert record.fields[1][2][0] == ("a", title)


def test_encoding_may_be_overridden() -> None:
    data = collection(marcxml(1), declaration='<?xml version="1.0" encoding="UTF-8"?>').encode("gb18030")
    (piece,) = split_marcxml(io.BytesIO(data), "gb18030")
    assert decode_marcxml(piece.data).fields[1][2][0] == ("a", "红楼梦")


def test_comments_and_cdata_hold_no_records() -> None:
    text = collection(
        f"<!-- {marcxml(99)} -->", marcxml(1), marcxml(2).replace("红楼梦", "<![CDATA[<record> 红 </record> & 楼]]>")
    )
    pieces = split(text)
    assert numbers(pieces) == [1, 2]
    assert decode_marcxml(pieces[1].data).fields[1][2][0] == ("a", "<record> 红 </record> & 楼")


def test_one_broken_record_costs_no_other() -> None:
    broken = (
        marcxml(2).replace("</record>", ""),
        marcxml(2).replace("<record>", ""),
        marcxml(2).replace("</datafield>", "</WRONG>"),
    )
    for record in broken:
        pieces = split(collection(marcxml(1), record, marcxml(3), marcxml(4)))
        good = [piece for piece in pieces if piece.kind == "record" and b"WRONG" not in piece.data]
        assert numbers(good) == [1, 3, 4]
        (bad,) = [piece for piece in pieces if piece not in good]
        assert "红楼梦".encode() in bad.data


def test_cut_file_gives_what_is_whole_and_says_so() -> None:
    text = collection(*(marcxml(n) for n in range(3)))
    for end in (text.index("</collection>"), text.rindex("</record>"), text.rindex("红楼梦")):
        pieces = split(text[:end])
        whole = 3 if text[:end].rstrip().endswith("</record>") else 2
        assert numbers(pieces) == list(range(whole))
        assert pieces[-1].issues == ("truncated",)
    assert not any(piece.issues for piece in split(text))
    assert not any(piece.issues for piece in split(marcxml(1) + "\n"))


def test_blocks_may_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    text = collection("<!-- 注 -->", *(marcxml(n) for n in range(4)), marcxml(5).replace("</record>", ""), marcxml(6))
    whole = split(text)
    assert numbers(whole) == [0, 1, 2, 3, 6]
    monkeypatch.setattr(marcxml_splitter, "_TAG_AT_MOST", 200)
    for block in (1, 13, 100, 1000):
        monkeypatch.setattr(marcxml_splitter, "BLOCK", block)
        assert split(text) == whole, block


def test_too_large_record_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marcxml_splitter, "CAP", 10_000)
    monkeypatch.setattr(marcxml_splitter, "BLOCK", 1000)
    pieces = split(collection(marcxml(1), marcxml(2, "长" * 20_000), marcxml(3)))
    assert numbers(pieces)[0] == 1
    assert numbers(pieces)[-1] == 3
    assert [piece.kind for piece in pieces][1] == "too_large"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3000), st.sampled_from(["cut", "delete", "insert"]), st.binary(min_size=1, max_size=4))
def test_neighbours_of_damage_are_kept(at: int, kind: str, junk: bytes) -> None:
    records = [marcxml(n) for n in range(6)]
    victim = records[3].encode()
    at %= len(victim)
    # Inserted by chance, < or a ! behind one may well open a comment, and what stands in a comment is no record.
    junk = junk.replace(b"<", b"?").replace(b"!", b"?")
    hurt = {"cut": victim[:at], "delete": victim[:at] + victim[at + 1 :], "insert": victim[:at] + junk + victim[at:]}[
        kind
    ]
    parts = [record.encode() for record in records]
    parts[3] = hurt
    data = f'<collection xmlns="{SLIM}">'.encode() + b"".join(parts) + b"</collection>"
    kept = {piece.data for piece in split(data) if piece.kind == "record"}
    for place in (0, 1, 2, 4, 5):
        assert parts[place] in kept or (kind != "cut" and place == 4), (at, kind)


# ------------------------------------------------------------------------------------------------ samples


def test_clean_samples_read_as_pymarc_reads_them(samples: Path) -> None:
    compared = 0
    for folder in ("cnmarc", "marc21"):
        for path in sorted((samples / folder).rglob("*.xml")):
            data = path.read_bytes()
            if SLIM.encode() not in data or "indexdata+yaz" in path.parts:
                continue  # danMARC has subfields in 001, which pymarc drops
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    theirs = pymarc.parse_xml_to_array(io.BytesIO(data))
                except Exception:  # pymarc raises what it likes
                    continue
            ours = [decode_marcxml(piece.data) for piece in split(data) if piece.kind == "record"]
            assert len(ours) == len(theirs), path
            for our, their in zip(ours, theirs, strict=True):
                values = [
                    field.data if field.control_field else "".join(s.code + s.value for s in field.subfields)
                    for field in their.fields
                ]
                got = ["".join(code + value for code, value in subfields) for _, _, subfields in our.fields]
                assert [" ".join(text.split()) for text in got] == [" ".join((v or "").split()) for v in values], path
                assert [tag for tag, _, _ in our.fields] == [field.tag for field in their.fields], path
                compared += 1
    assert compared > 1000


def test_second_of_three_records_is_mended(samples: Path) -> None:
    pieces = split((samples / "broken/ruby-marc+ruby-marc/test__three-records-second-bad.xml").read_bytes())
    assert [decode_marcxml(piece.data).flags for piece in pieces] == [(), ("xml_mended",), ()]


# ------------------------------------------------------------------------------------------------ Dublin Core


def test_dublin_core_by_local_names() -> None:
    text = (
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<dc:title xml:lang="zh"> 红楼梦研究 </dc:title><dc:title xml:lang="en">On the Dream</dc:title>'
        "<dc:creator>俞平伯</dc:creator><dc:date/></oai_dc:dc>"
    )
    expected = (
        ("title", "zh", (("", "红楼梦研究"),)),
        ("title", "en", (("", "On the Dream"),)),
        ("creator", "", (("", "俞平伯"),)),
    )
    for data in (text, f"<metadata>{text}</metadata>"):
        record = decode_oai_dc(data.encode())
        assert record.leader == ""
        assert record.fields == expected
    assert decode_oai_dc(text.replace("俞平伯", "俞 & 平伯").encode()).flags == ("xml_mended",)
