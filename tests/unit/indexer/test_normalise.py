"""Records become their normal form, or say why they can't."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marc_text import CNMARC_LEADER, MARC21_LEADER, record

from indexer.normalise import Crosswalks, Rejection, normalise, preview
from mappings.crosswalk import DIALECTS, CrosswalkError, builtin, dialect_of
from mappings.fields import SourceRecord
from mappings.members import VOCABULARIES
from mappings.model import BibRecord, Holding, decode, encode

OURS = Crosswalks()


@pytest.mark.parametrize(
    ("text", "leader", "dialect"),
    [
        ("101 0 $achi\n200 1 $a史记", CNMARC_LEADER, "cnmarc"),
        ("100 ##$a20150209d2015    em y0chiy50      ea", CNMARC_LEADER, "cnmarc"),
        ("200 1 $aL'altra faccia", CNMARC_LEADER, "unimarc"),
        ("200 1 $aL'altra faccia\n801 #0$aCN$bNLC", CNMARC_LEADER, "cnmarc"),
        ("008 960118s1994\n245 10$aX", MARC21_LEADER, "marc21"),
        ("200 1 $a本地\n245 10$aX", MARC21_LEADER, "marc21"),
        ("008 960118s1994\n100 1 $aSima, Qian", MARC21_LEADER, "marc21"),
        ("001 1", "00000nam  2200000   450 ", "cnmarc"),  # cut off: the leader alone tells it
        ("001 1", MARC21_LEADER, "marc21"),
        ("001 1", "", ""),
    ],
)
def test_the_dialect_of_a_record(text: str, leader: str, dialect: str) -> None:
    assert dialect_of(record(text, leader)) == dialect


@pytest.mark.parametrize(
    ("text", "leader", "code"),
    [
        ("008 960118s1994\n100 1 $aSima, Qian", MARC21_LEADER, "no_title"),
        ("200 1 $a  \n101 0 $achi", CNMARC_LEADER, "no_title"),
        ("245 10$a /", MARC21_LEADER, "no_title"),
        ("008 960118\n100 1 $aSima, Qian", "00000nz  a2200000n  4500", "not_bibliographic"),
        ("004 1\n852 ##$aRUC", "00000nx  a2200000   4500", "not_bibliographic"),
        ("200 #1$a司马迁\n100 ##$a20150209achiy50      ea0", "00000nx  a2200000   450 ", "not_bibliographic"),
        ("001 1", "", "unknown_dialect"),
        ("", "", "unknown_dialect"),
    ],
)
def test_what_cannot_be_used_is_rejected_with_its_code(text: str, leader: str, code: str) -> None:
    result = normalise(record(text, leader), OURS)
    assert isinstance(result, Rejection)
    assert result.code == code
    assert result.detail


def test_a_rubbing_of_cnmarc_is_no_record_of_holdings() -> None:
    result = normalise(record("101 0 $achi\n200 1 $a史晨碑", "00000num0 2200000   450 "), OURS)
    assert isinstance(result, BibRecord)
    assert result.material == "rubbing"


def test_flags_survive() -> None:
    source = record("010 ##$a978-7-101-10528-6\n101 0 $achi\n200 1 $a史记")
    flagged = SourceRecord(source.leader, source.fields, ("charset_suspect",))
    result = normalise(flagged, OURS)
    assert isinstance(result, BibRecord)
    assert result.flags == ("charset_suspect", "bad_isbn")


TEXT = "101 0 $achi\n200 1 $a史记\n905 ##$aRUC$sK204/1\n920 ##$a总馆$kK204/2"
OWN = [{"each": "920", "branch": "a", "call_number": "k"}]


@pytest.mark.parametrize(
    "rules",
    [
        {"holdings": OWN},
        {"fields": {"holdings": OWN}},
        {"cnmarc": {"holdings": OWN}},
        {"cnmarc": {"fields": {"holdings": OWN}}},
    ],
)
def test_a_source_replaces_a_rule(rules: dict[str, object]) -> None:
    crosswalks = Crosswalks(rules, "RUC")
    for one in (crosswalks, pickle.loads(pickle.dumps(crosswalks))):
        result = normalise(record(TEXT), one)
        assert isinstance(result, BibRecord)
        assert result.holdings == (Holding("总馆", call_number="K204/2"),)


def test_rules_for_one_dialect_leave_the_others_alone() -> None:
    result = normalise(record(TEXT), Crosswalks({"marc21": {"holdings": []}}, "RUC"))
    assert isinstance(result, BibRecord)
    assert result.holdings == (Holding("RUC", call_number="K204/1"),)


@pytest.mark.parametrize("head", ["", "extends: cnmarc\n", "fields:\n"])
def test_a_file_replaces_rules(tmp_path: Path, head: str) -> None:
    path = tmp_path / "ruc.yaml"
    rule = '  holdings: {each: "920", branch: "a", call_number: "k"}\n'
    body = {"": rule.strip() + "\n", "fields:\n": "fields:\n" + rule}.get(head, head + "fields:\n" + rule)
    path.write_text(body, encoding="utf-8")
    crosswalks = Crosswalks.with_file(path)
    for one in (crosswalks, pickle.loads(pickle.dumps(crosswalks))):
        result = normalise(record(TEXT), one)
        assert isinstance(result, BibRecord)
        assert result.holdings == (Holding("总馆", call_number="K204/2"),)


def test_a_wrong_file_names_line_and_rule(tmp_path: Path) -> None:
    path = tmp_path / "ruc.yaml"
    path.write_text('holdings:\n  - each: "920"\n    brunch: "a"\n', encoding="utf-8")
    with pytest.raises(CrosswalkError, match=r"^ruc\.yaml:3: holdings: Holding has no member 'brunch'"):
        Crosswalks.with_file(path)


def test_a_preview_shows_before_and_after_and_counts() -> None:
    records = [
        record(TEXT),
        record("008 960118\n100 1 $aSima, Qian", MARC21_LEADER),
        record("010 ##$a978-7-101-10528-6\n101 0 $achi\n200 1 $a汉书"),
    ]
    report = preview(iter(records), OURS, limit=2)
    assert [row.number for row in report.rows] == [1, 2]
    assert report.rows[0].before[:3] == (f"LDR    {CNMARC_LEADER}", "101 0# $achi", "200 1# $a史记")
    assert list(report.rows[0].after) == ["dialect", "title", "languages", "material", "carrier", "level", "holdings"]
    assert report.rows[0].after["holdings"] == [{"branch": "RUC", "call_number": "K204/1"}]
    rejection = report.rows[1].rejection
    assert rejection is not None
    assert rejection.code == "no_title"
    assert report.rows[1].after == {}
    assert (report.read, report.accepted) == (3, 2)
    assert report.rejected == {"no_title": 1}
    assert report.flagged == {"bad_isbn": 1}
    assert report.dialects == {"cnmarc": 2}
    assert report.filled["title"] == 2


# -------------------------------------------------------------------------------------------- any record at all

TAGS = sorted({tag for dialect in DIALECTS for tag in builtin(dialect).wanted_tags} | {"999", "", "LDR"})
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["红楼梦 /", "民國二十五年", "20150209d2015    em y0chiy50      ea", "7-5037-2790-X", "2001 ", "245-01/$1",
         "880-01", "(唐)", "著", "；；", "1683011-3", "9" * 60, "\x98\x9c¬", "－－", "图版[40]页",
         "http://a.cn", "光绪", "等", "·"]
    ),
)  # fmt: skip
SUBFIELDS = st.lists(st.tuples(st.sampled_from(["", *"0123456789abcdefhijknpqstuvxyzAF"]), TEXTS), max_size=6)
FIELDS = st.tuples(st.sampled_from(TAGS), st.text("01247 #", max_size=3), SUBFIELDS.map(tuple))
RECORDS = st.builds(
    SourceRecord,
    st.one_of(st.text(max_size=30), st.sampled_from([CNMARC_LEADER, MARC21_LEADER, ""])),
    st.lists(FIELDS, max_size=12).map(tuple),
)


@given(RECORDS, st.sampled_from(DIALECTS))
def test_no_record_breaks_a_crosswalk(source: SourceRecord, dialect: str) -> None:
    bib = builtin(dialect).apply(source)
    assert bib == builtin(dialect).apply(source)
    assert decode(encode(bib), BibRecord) == bib
    assert bib.year_end == 0 or bib.year_end > bib.year > 0
    assert bib.material in VOCABULARIES["BibRecord.material"]
    assert bib.carrier in VOCABULARIES["BibRecord.carrier"]
    assert bib.level in ("m", "s", "a", "c")
    for agent in bib.agents:
        assert agent.name == agent.name.strip() != ""
    for title in bib.titles:
        assert title.value == title.value.strip() != ""


@given(RECORDS)
def test_every_record_is_one_or_the_other(source: SourceRecord) -> None:
    result = normalise(source, OURS)
    assert isinstance(result, BibRecord) == (not isinstance(result, Rejection))
    if isinstance(result, BibRecord):
        assert result.title


@given(RECORDS)
def test_equal_records_have_equal_bytes(source: SourceRecord) -> None:
    """Defaults are left out by identity, so a default that a rule made anew would show."""
    for dialect in DIALECTS:
        data = encode(builtin(dialect).apply(source))
        assert encode(decode(data, BibRecord)) == data
