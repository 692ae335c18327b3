"""Charsets told by the bytes: on real records written anew in every charset that can hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marc_making import assembled, chinese, encoded, iso2709, western

from harvester.marc.charset import CHARSETS, Detector, canonical, detect
from harvester.marc.iso2709 import decode_iso2709
from harvester.marc.marcxml import decode_marcxml
from harvester.marc.marcxml_splitter import split_marcxml
from harvester.marc.splitter import split_iso2709
from mappings.fields import SourceRecord


def test_names_of_charsets() -> None:
    assert canonical("GBK") == canonical("gb2312") == canonical(" GB18030 ") == "gb18030"
    assert canonical("Big5") == "big5hkscs"
    with pytest.raises(ValueError, match="utf-8, gb18030"):
        canonical("klingon")


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_chinese_record(charset: str) -> None:
    assert detect(chinese(1, charset=charset)) == (charset, False)


@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "marc-8"])
def test_western_record(charset: str) -> None:
    assert detect(western(1, charset=charset)) == (charset, False)


def test_leader_09_is_not_believed() -> None:
    for charset in ("utf-8", "gb18030"):
        data = chinese(1, charset=charset)
        for mark in (b"a", b" ", b"2"):
            assert detect(data[:9] + mark + data[10:])[0] == charset


def test_ascii_and_escapes() -> None:
    assert detect(iso2709([("001", "1"), ("245", "10$aHong lou meng")])) == ("ascii", False)
    escaped = assembled(["001", "245"], [b"1", b"10\x1fa\x1b$1!0!\x1b(B"])
    assert detect(escaped) == ("marc-8", False)
    # An escape left behind in a UTF-8 record makes it no MARC-8.
    assert detect(iso2709([("001", "1"), ("200", "1 $a红楼梦\x1b(B")]))[0] == "utf-8"


def test_traditional_characters_in_both_charsets() -> None:
    fields = [("001", "1"), ("200", "1 $a紅樓夢研究$f曹雪芹撰"), ("210", "  $a臺北$c臺灣學生書局$d1985")]
    assert detect(iso2709(fields, "big5hkscs")) == ("big5hkscs", False)
    assert detect(iso2709(fields, "gb18030")) == ("gb18030", False)
    assert detect(iso2709(fields, "utf-8")) == ("utf-8", False)


def test_utf8_with_little_damage_stays_utf8_and_doubtful() -> None:
    data = chinese(1).replace("红".encode(), b"\xe7\xba\xff")
    assert detect(data) == ("utf-8", True)
    # With much damage it is anybody's guess, and said to be.
    assert detect(assembled(["001", "200"], [b"1", b"1 \x1fa\xe7\xba\xff\xe6\x8c\xff\xe6\xa2"]))[1]


def test_liantong_is_what_it_is() -> None:
    """What Notepad took for UTF-8: C1 begins no character there, so strict decoding is not deceived."""
    for title in ("联通", "联"):
        assert detect(iso2709([("001", "1"), ("200", f"1 $a{title}")], "gb18030"))[0] == "gb18030"
        assert detect(iso2709([("001", "1"), ("200", f"1 $a{title}")])) == ("utf-8", False)


def test_settings_prefer_or_force() -> None:
    short = iso2709([("001", "1"), ("200", "1 $aé")], "cp1252")
    assert Detector("gb18030").detect(chinese(1)) == ("utf-8", False)
    assert Detector("force:big5").detect(chinese(1, charset="gb18030"))[0] == "big5hkscs"
    assert Detector("force:utf-8").detect(short) == ("utf-8", True)
    for wrong in ("klingon", "prefer:gb18030"):
        with pytest.raises(ValueError, match="charset"):
            Detector(wrong)


def test_the_file_votes_on_what_one_record_cannot_tell() -> None:
    # Its Big5 bytes are common characters in GB18030 too.
    doubtful = iso2709([("001", "1"), ("200", "1 $a註釋")], "big5hkscs")
    assert detect(doubtful)[0] == "gb18030"
    others = [
        iso2709([("001", str(n)), ("200", f"1 $a{t}"), ("210", "  $a臺北$c聯經出版事業公司")], "big5hkscs")
        for n, t in enumerate(("紅樓夢", "水滸傳", "三國演義", "西遊記"))
    ]
    detector = Detector()
    detector.vote([chinese(1), *others])
    assert detector.bonus == {"big5hkscs": 0.25}
    assert detector.detect(doubtful)[0] == "big5hkscs"
    # The vote is no verdict: what is plainly something else stays it.
    assert detector.detect(chinese(1, charset="gb18030")) == ("gb18030", False)
    assert detector.detect(chinese(1)) == ("utf-8", False)


def test_western_records_in_a_gb18030_file_stay_western() -> None:
    detector = Detector("gb18030")
    detector.vote(chinese(n, f"红楼梦研究第{n}辑", "gb18030") for n in range(50))
    assert detector.detect(western(1, charset="marc-8")) == ("marc-8", False)
    assert detector.detect(western(1, charset="cp1252")) == ("cp1252", False)


@given(st.text(st.characters(codec="gb2312", min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=8, max_size=40))
def test_any_gb2312_text_decodes_to_itself_in_utf8_and_by_force(text: str) -> None:
    data = iso2709([("001", "1"), ("200", f"1 $a{text}")])
    assert decode_iso2709(data, detect(data)[0]).fields[1][2] == (("a", text),)
    data = iso2709([("001", "1"), ("200", f"1 $a{text}")], "gb18030")
    charset, _ = Detector("force:gbk").detect(data)
    assert decode_iso2709(data, charset).fields[1][2] == (("a", text),)


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_get_a_charset(noise: bytes) -> None:
    data = assembled(["001", "200"], [b"1", b"1 \x1fa" + noise.translate(None, b"\x1d\x1e\x1f")])
    charset, suspect = detect(data)
    assert charset in CHARSETS
    record = decode_iso2709(data, charset)
    assert suspect or "undecodable" not in record.flags or charset == "marc-8"


# ------------------------------------------------------------------------------------------------ accuracy


def _records(samples: Path) -> Iterator[tuple[str, SourceRecord]]:
    for folder in ("cnmarc", "marc21", "unimarc"):
        for path in sorted((samples / folder).rglob("*")):
            if not path.is_file():
                continue
            data = path.read_bytes()
            if data[:5].isdigit():
                for piece in split_iso2709(BytesIO(data)):
                    try:
                        piece.data.decode("utf-8")
                    except UnicodeDecodeError:
                        continue
                    if piece.kind == "record":
                        yield folder, decode_iso2709(piece.data, "utf-8")
            elif data[:200].lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
                for piece in split_marcxml(BytesIO(data)):
                    if piece.kind == "record":
                        yield folder, decode_marcxml(piece.data)


def _written(record: SourceRecord, charset: str) -> bytes:
    bodies = []
    for _, indicators, subfields in record.fields:
        text = "".join(f"\x1f{code}{value}" if code else value for code, value in subfields)
        bodies.append(encoded(indicators + text, charset))
    tags = [tag[:3].ljust(3).encode("ascii", "replace").decode() for tag, _, _ in record.fields]
    return assembled(tags, bodies, record.leader[5:10].ljust(5).replace("{", " ") + "22{base:05}   4500")


def test_accuracy_on_the_samples(samples: Path) -> None:
    """Every sample record that has more than ASCII, in every charset that can hold it."""
    right: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for folder, record in _records(samples):
        text = "".join(value for _, _, subfields in record.fields for _, value in subfields)
        han = any("一" <= character <= "鿿" for character in text)
        for charset in ("utf-8", "gb18030", "big5hkscs", "cp1252", "marc-8"):
            if charset in ("gb18030", "big5hkscs") and not han:
                continue
            try:
                data = _written(record, charset)
            except UnicodeEncodeError:
                continue
            if not data.isascii():
                total[folder, charset] += 1
                right[folder, charset] += detect(data)[0] == charset
    share = {key: right[key] / total[key] for key in total}
    assert share["cnmarc", "utf-8"] == share["cnmarc", "gb18030"] == share["marc21", "utf-8"] == 1
    assert total["cnmarc", "gb18030"] >= 24
    assert share["marc21", "gb18030"] >= 0.94  # what is missed is Korean or Hebrew, which nobody writes in GB18030
    assert share["marc21", "big5hkscs"] >= 0.84  # 13 records
    assert share["marc21", "cp1252"] >= 0.93
    assert share["marc21", "marc-8"] >= 0.98


def test_accuracy_on_single_titles(samples: Path) -> None:
    """The hardest case: one Chinese title and nothing else."""
    titles = set()
    for _, record in _records(samples):
        for tag, _, subfields in record.fields:
            if tag in ("200", "245", "880"):
                titles |= {value for code, value in subfields if code == "a" and "一" <= value[:1] <= "鿿"}
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for title in titles:
        for charset in ("utf-8", "gb18030", "big5hkscs"):
            try:
                data = iso2709([("001", "1"), ("200", f"1 $a{title}")], charset)
            except UnicodeEncodeError:
                continue
            total[charset] += 1
            right[charset] += detect(data)[0] == charset
    assert right["utf-8"] == total["utf-8"] > 100
    assert right["gb18030"] / total["gb18030"] >= 0.97
    assert right["big5hkscs"] / total["big5hkscs"] >= 0.92
