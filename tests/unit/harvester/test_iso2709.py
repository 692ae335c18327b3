"""One record: fields of every shape, and directories that can't be believed."""

from __future__ import annotations

import gzip
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pymarc
import pytest
from marc_making import MARC21, assembled, chinese, iso2709, western
from pymarc.marc8 import marc8_to_unicode
from pymarc.record import normalize_subfield_code

from harvester.marc import marc8
from harvester.marc.iso2709 import control_number, decode_iso2709
from harvester.marc.splitter import split_iso2709
from mappings.fields import Field


def tags(data: bytes, charset: str = "utf-8") -> list[str]:
    return [tag for tag, _, _ in decode_iso2709(data, charset).fields]


def test_a_record_comes_as_it_was_written() -> None:
    record = decode_iso2709(chinese(7), "utf-8")
    assert len(record.leader) == 24
    assert record.leader.endswith("450 ")
    assert record.flags == ()
    assert record.fields[0] == ("001", "", (("", "000000000007"),))
    assert record.fields[5] == (
        "200", "1 ", (("a", "红楼梦"), ("9", "hong lou meng"), ("f", "曹雪芹著"), ("g", "高鹗续")),
    )  # fmt: skip
    assert record.fields[9] == ("701", " 0", (("a", "曹雪芹"), ("4", "著")))


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "big5hkscs"])
def test_charsets_only_change_the_bytes(charset: str) -> None:
    title = "紅樓夢" if charset == "big5hkscs" else "镕基时代䶮"
    data = iso2709([("001", "人天639-3500" if charset == "gb18030" else "1"), ("200", f"1 $a{title}")], charset)
    assert decode_iso2709(data, charset).fields[1] == ("200", "1 ", (("a", title),))
    assert control_number(data, charset) == ("人天639-3500" if charset == "gb18030" else "1")


def test_marc8_marks_move_behind_their_letter() -> None:
    record = decode_iso2709(western(1, charset="marc-8"), "marc-8")
    assert record.flags == ()
    assert record.fields[4] == (
        "245", "10", (("a", "Les Misérables /"), ("c", "Victor Hugo ; préface de Jérôme Bédier.")),
    )  # fmt: skip


def test_marc8_agrees_with_pymarc(samples: Path) -> None:
    checked = 0
    for name in ("marc7", "marc9", "marc12", "marc8"):
        data = (samples / f"marc21/indexdata+yaz/test__marc-files__{name}.marc").read_bytes()
        for part in data.replace(b"\x1e", b"\x1f").split(b"\x1f"):
            text, whole = marc8.decode(part[1:])
            if whole and b"\x1b" in part:
                assert text == marc8_to_unicode(part[1:], hide_utf8_warnings=True)
                checked += 1
    assert checked > 20


def test_marc8_tells_what_it_cannot_read() -> None:
    assert marc8.decode(b"\x1b$1\x21\x30\x21\x1b(B") == ("一", True)
    assert marc8.decode(b"\x1b$1\x21\x30\x21\x21") == ("一�", False)
    assert marc8.decode(b"linn\x1bbenne")[1] is False or marc8.decode(b"linn\x1b~nne") == ("linn�~nne", False)
    assert marc8.decode(b"caf\xff") == ("caf�", False)


def test_subfield_with_non_ascii_code_keeps_its_text() -> None:
    data = assembled(["001", "606"], [b"1", "0 \x1f主题\x1fx历史".encode()])
    assert decode_iso2709(data, "utf-8").fields[1] == ("606", "0 ", (("主", "题"), ("x", "历史")))


def test_empty_subfields_and_fields_do_no_harm() -> None:
    bodies = [b"1", b"", b"1 ", b"1 \x1f\x1fa\x1fb", "书".encode(), b"\x1fa\xe4\xb9\xa6", b"1\x1fax", b"10x\x1fay"]
    data = assembled(["001", "010", "101", "200", "300", "330", "410", "500"], bodies)
    assert decode_iso2709(data, "utf-8").fields == (
        ("001", "", (("", "1"),)),
        ("010", "  ", ()),
        ("101", "1 ", ()),
        ("200", "1 ", (("a", ""), ("b", ""))),
        ("300", "书 ", ()),  # one character where indicators belong
        ("330", "  ", (("a", "书"),)),
        ("410", "1 ", (("a", "x"),)),
        ("500", "10", (("", "x"), ("a", "y"))),
    )


def test_text_without_1f_is_kept_whole_under_any_tag() -> None:
    data = assembled(["FMT", "200"], [b"BK", "没有子字段的题名".encode()])
    assert decode_iso2709(data, "utf-8").fields == (
        ("FMT", "", (("", "BK"),)),
        ("200", "", (("", "没有子字段的题名"),)),
    )


def test_a_control_number_in_a_subfield_is_found() -> None:
    data = assembled(["001", "200"], [b"  \x1fa000123 ", b"1 \x1fax"])
    assert control_number(data, "utf-8") == "000123"
    assert control_number(assembled(["200"], [b"1 \x1fax"]), "utf-8") == ""


def test_undecodable_bytes_are_replaced_and_flagged() -> None:
    data = chinese(1).replace("红".encode(), b"\xe7\xba\xff")
    record = decode_iso2709(data, "utf-8")
    assert record.flags == ("undecodable",)
    assert "�" in dict(record.fields[5][2])["a"]
    assert dict(record.fields[9][2])["a"] == "曹雪芹"


def test_offsets_rule_where_all_of_them_fit() -> None:
    sound = iso2709([("001", "1"), ("200", "1 $a红楼梦"), ("690", "  $aI242")])
    end = sound.index(b"\x1e")
    entries = [sound[24 + 12 * i : 36 + 12 * i] for i in range(3)]
    shuffled = sound[:24] + entries[2] + entries[0] + entries[1] + sound[end:]
    assert decode_iso2709(shuffled, "utf-8").fields == (
        ("690", "  ", (("a", "I242"),)),
        ("001", "", (("", "1"),)),
        ("200", "1 ", (("a", "红楼梦"),)),
    )
    assert control_number(shuffled, "utf-8") == "1"


def test_offsets_that_do_not_all_fit_are_not_believed() -> None:
    data = bytearray(iso2709([("001", "1"), ("200", "1 $a红楼梦"), ("690", "  $aI242")]))
    data[24 + 12 + 7 : 24 + 24] = b"00099"
    record = decode_iso2709(bytes(data), "utf-8")
    assert [tag for tag, _, _ in record.fields] == ["001", "200", "690"]
    assert record.flags == ("dir_damaged",)


ALL = ["001", "005", "010", "100", "101", "200", "210", "606", "690", "701", "905"]


def test_byte_missing_in_directory() -> None:
    data = chinese(1)
    for at in range(24, 24 + 12 * 11):
        # Where a character of the tag itself is gone, it is no other tag of the record.
        differing = [tag for tag, right in zip(tags(data[:at] + data[at + 1 :]), ALL, strict=True) if tag != right]
        assert len(differing) <= 1, at
        assert not set(differing) & set(ALL), at


def test_byte_missing_in_leader() -> None:
    data = chinese(1)
    for at in (0, 4, 6, 11, 14, 18):
        damaged = data[:at] + data[at + 1 :]
        assert tags(damaged) == ALL, at
        assert control_number(damaged, "utf-8") == "000000000001"


def test_mark_behind_directory_overwritten_or_gone() -> None:
    data = chinese(1)
    at = data.index(b"\x1e")
    assert tags(data[:at] + b"x" + data[at + 1 :]) == ALL
    gone = data[:at] + data[at + 1 :]
    assert tags(gone) == ALL
    assert control_number(gone, "utf-8") == "000000000001"


def test_lost_field_mark_moves_no_other_tag() -> None:
    data = chinese(1)
    at = data.index(b"\x1e", data.index(b"\x1fdCNY59.70"))  # behind 010
    for damaged in (data[:at] + data[at + 1 :], data[:at] + b"x" + data[at + 1 :]):
        record = decode_iso2709(damaged, "utf-8")
        assert record.flags == ("field_count_mismatch",)
        assert [tag for tag, _, _ in record.fields] == [tag for tag in ALL if tag != "100"]
        assert record.fields[4][2][0] == ("a", "红楼梦")


def test_stray_field_mark_moves_no_other_tag() -> None:
    data = chinese(1)
    at = data.index("楼".encode())
    record = decode_iso2709(data[:at] + b"\x1e" + data[at:], "utf-8")
    assert [tag for tag, _, _ in record.fields] == ALL
    assert record.fields[5][2][0] == ("a", "红?楼梦")


def test_field_longer_than_9999_is_found_in_a_directory_that_overflows() -> None:
    data = iso2709([("001", "1"), ("200", "1 $a红楼梦"), ("330", "  $a" + "长" * 6000), ("801", " 0$aCN")])
    record = decode_iso2709(data, "utf-8")
    assert [tag for tag, _, _ in record.fields] == ["001", "200", "330", "801"]
    assert len(record.fields[2][2][0][1]) == 6000


def test_bytes_without_a_record_are_no_record() -> None:
    for junk in (b"", b"<html>502 Bad Gateway</html>", "这不是记录".encode(), b"9" * 500 + b"\x1e\x1d"):
        with pytest.raises(ValueError, match="no ISO 2709 record"):
            decode_iso2709(junk, "utf-8")


# ------------------------------------------------------------------------------------------------ against pymarc


def _clean_files(samples: Path) -> Iterator[tuple[Path, bytes]]:
    for folder in ("cnmarc", "marc21", "unimarc"):
        for path in sorted((samples / folder).rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
                # openilas_1rec: two of its directory lengths are wrong, which shifts pymarc's values, not ours.
                if data[:5].isdigit() and "cp866" not in path.name and "_1rec" not in path.name:
                    yield path, data


def _of_pymarc(record: pymarc.Record) -> list[Field]:
    fields: list[Field] = []
    for field in record.fields:
        if field.control_field and "\x1f" in str(field.data):  # danMARC has subfields in 001, which pymarc leaves in
            first, *parts = str(field.data).split("\x1f")
            fields.append((field.tag, first[:2], tuple((part[0], part[1:]) for part in parts)))
        elif field.control_field:
            fields.append((field.tag, "", (("", str(field.data)),)))
        else:
            assert field.indicators is not None
            subfields = tuple((s.code, s.value) for s in field.subfields)
            fields.append((field.tag, "".join(field.indicators), subfields))
    return fields


def test_clean_samples_read_as_pymarc_reads_them(samples: Path) -> None:
    """Field by field. What pymarc can't read itself (GB18030 unflagged, wrong lengths) it is told the charset of."""
    logging.getLogger("pymarc").setLevel(logging.CRITICAL)
    compared = 0
    for path, data in _clean_files(samples):
        try:
            data.decode("utf-8")
            charset, options = "utf-8", {"force_utf8": True}
        except UnicodeDecodeError:
            if ".gb" not in path.name:
                continue  # MARC-8 and others: their texts are compared above
            charset, options = "gb18030", {"file_encoding": "gb18030"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = list(pymarc.MARCReader(io.BytesIO(data), **options))
        ours = list(split_iso2709(io.BytesIO(data)))
        if len(theirs) > len(ours):
            theirs = [their for their in theirs if their is not None]  # None stands for a line feed at the end
        assert len(ours) == len(theirs), path
        for piece, their in zip(ours, theirs, strict=True):
            assert piece.kind == "record", path
            if their is None:
                continue
            decoded = decode_iso2709(piece.data, charset)
            assert decoded.leader == str(their.leader), path
            assert [_padded(f) for f in decoded.fields] == _of_pymarc(their), (path, piece.offset)
            compared += 1
    assert compared > 500


def _padded(field: Field) -> Field:
    """pymarc has no field without subfields but control fields 001–009: it takes two characters
    as indicators and drops the rest, as it does with a third indicator."""
    tag, indicators, subfields = field
    if not indicators and not (tag < "010" and tag.isdigit()):
        return tag, subfields[0][1][:2].ljust(2), ()
    subfields = tuple((c if c.isascii() else normalize_subfield_code((c + v).encode())[0], v) for c, v in subfields)
    return (tag, indicators, subfields[1:]) if indicators and subfields and not subfields[0][0] else (
        tag, indicators, subfields
    )  # fmt: skip


def test_marc21_leader_is_given_whole() -> None:
    assert decode_iso2709(western(1), "utf-8").leader[5:10] == MARC21[:5]
