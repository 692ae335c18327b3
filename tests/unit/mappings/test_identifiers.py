from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isbnlib import to_isbn13

from mappings.identifiers import READINGS, parse, qualifier_of, says_whole_set
from mappings.model import Identifier


@pytest.mark.parametrize(
    ("reading", "raw", "type_", "value", "status"),
    [
        ("isbn", "7-5037-2790-X", "isbn", "9787503727900", "valid"),
        ("isbn", "978-7-101-10528-5 精装", "isbn", "9787101105285", "valid"),
        ("isbn", "９７８７１０１１０５２８５", "isbn", "9787101105285", "valid"),
        ("isbn", "0791458334 (alk. paper)", "isbn", "9780791458334", "valid"),
        ("isbn", "978-7-101-10528-6", "isbn", "978-7-101-10528-6", "invalid"),
        ("isbn", "10019·1974", "tyshuhao", "10019·1974", "valid"),
        ("isbn", "统一书号：10019．1974", "tyshuhao", "10019·1974", "valid"),
        ("isbn", "0453-2899", "issn", "0453-2899", "valid"),
        ("issn", "0453-2899", "issn", "0453-2899", "valid"),
        ("issn", "ISSN 1000-131X", "issn", "1000-131X", "valid"),
        ("issn", "1000-1310", "issn", "1000-1310", "invalid"),
        ("issn", "978-7-115-33066-6", "isbn", "9787115330666", "valid"),  # an ISBN that strayed into 011
        ("unified", "10019·1974", "tyshuhao", "10019·1974", "valid"),
        ("unified", "CN11-1532/N", "cn", "11-1532/N", "valid"),
        ("cn", "CN 11-1532/n", "cn", "11-1532/N", "valid"),
        ("system", "(OCoLC)ocm07947282", "oclc", "7947282", "valid"),
        ("system", "ocn710973037", "oclc", "710973037", "valid"),
        ("system", "(aleph)000218074BNU03", "control", "(aleph)000218074BNU03", "valid"),
        ("calis", "CAL 012000594459", "calis", "CAL 012000594459", "valid"),
        ("calis", "CAL012000594459", "calis", "CAL 012000594459", "valid"),
        ("nlc", "UCS01007295699", "nlc", "UCS01007295699", "valid"),
        ("lccn", "  2002036483 ", "lccn", "2002036483", "valid"),
        ("lccn", "85-2 ", "lccn", "85000002", "valid"),
        ("lccn", "75-425165//r75", "lccn", "75425165", "valid"),
        ("doi", "https://doi.org/10.5281/Zenodo.17651900", "doi", "10.5281/zenodo.17651900", "valid"),
        ("ean", "9787101105285", "isbn", "9787101105285", "valid"),
        ("ismn", "979-0-2600-0043-8", "ismn", "9790260000438", "valid"),
        ("any", "urn:isbn:9787101105285", "isbn", "9787101105285", "valid"),
        ("any", "ISSN 0453-2899", "issn", "0453-2899", "valid"),
        ("any", "oai:lib.cn:12", "other", "oai:lib.cn:12", "valid"),
    ],
)
def test_a_number_is_recognised(reading: str, raw: str, type_: str, value: str, status: str) -> None:
    found = parse(reading, raw)
    assert found is not None
    assert (found.type, found.value, found.status) == (type_, value, status)


@pytest.mark.parametrize(
    ("reading", "raw"),
    [
        ("isbn", "0000000000"),
        ("isbn", "0-000-00000-0"),
        ("isbn", "CNY32.00"),
        ("isbn", "精装"),
        ("isbn", " "),
        ("issn", "暂无"),
        ("calis", "QA76.9 L48"),  # 099 of MARC21 is a local call number
        ("nlc", "JHEE"),
        ("system", "4083985"),  # a number without the name of its system
        ("any", "http://hdl.handle.net/123456789/8007"),
        ("cn", "人天639-3500"),
        ("cn", "WHSX961-0859"),
    ],
)
def test_what_is_no_number_is_none(reading: str, raw: str) -> None:
    assert parse(reading, raw) is None


@pytest.mark.parametrize(
    ("qualifier", "whole"),
    [
        ("全套", True),
        ("精装 全三册", True),
        ("全2册", True),
        ("共十二卷", True),
        ("套装", True),
        ("set", True),
        ("v. 1 : set", True),
        ("全一册", False),
        ("全1册", False),
        ("第2册", False),
        ("精装", False),
        ("函套", False),
        ("pbk. (v. 2)", False),
        ("settled", False),
        ("", False),
    ],
)
def test_words_that_mean_the_whole_set(qualifier: str, whole: bool) -> None:
    assert says_whole_set(qualifier) is whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("￥66.00（全三册）", "全三册"),
        ("精装 CNY156.00", "精装"),
        ("CNY赠92.00", ""),
        ("CNY", ""),
        ("pbk.", "pbk"),
        ("RMBY12.50", ""),
        ("第2册 25.00元", "第2册"),
        ("v. 3", "v. 3"),
    ],
)
def test_a_qualifier_is_what_is_left_without_the_price(text: str, words: str) -> None:
    assert qualifier_of(text) == words


def test_a_cancelled_number_stays_cancelled_whatever_its_checksum() -> None:
    assert parse("isbn", "7503727900", "", "cancelled") == Identifier("isbn", "7503727900", status="cancelled")
    assert parse("isbn", "978-7-101-10528-5", "", "cancelled") == Identifier(
        "isbn", "9787101105285", status="cancelled"
    )


@given(st.integers(0, 999_999_999))
def test_every_right_isbn_10_is_found_in_any_dress(number: int) -> None:
    body = f"{number:09d}"
    check = -sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
    isbn = body + ("X" if check == 10 else str(check))
    if not isbn.strip("0"):
        return
    expected = to_isbn13(isbn)
    for dress in (isbn, isbn.lower(), f"{isbn[0]}-{isbn[1:5]}-{isbn[5:9]}-{isbn[9]}", f"ISBN {isbn}", f"{isbn} (平装)"):
        found = parse("isbn", dress)
        assert found is not None, dress
        assert (found.value, found.status) == (expected, "valid"), dress


@given(st.sampled_from(sorted(READINGS)), st.text(max_size=40), st.text(max_size=10))
def test_no_text_breaks_a_reading(reading: str, raw: str, qualifier: str) -> None:
    found = parse(reading, raw, qualifier)
    assert found is None or found.value == found.value.strip() != ""
