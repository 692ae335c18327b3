from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.dates import coded_span, printed_last, printed_span, printed_year, vague_span


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2014.06", 2014),
        ("c2011.", 2011),
        ("[1963?]", 1963),
        ("1962 [i.e. 1963]", 1963),
        ("1398 [2019 or 2020]", 2019),
        ("2018年10月", 2018),
        ("一九八四年", 1984),
        ("二〇〇五", 2005),
        ("二○○五年", 2005),
        ("民國二十五年", 1936),
        ("民国25年[1936]", 1936),
        ("民國廿五年十月", 1936),
        ("民国元年", 1912),
        ("民国二五年", 1936),
        ("光绪十年", 1884),
        ("光緒甲申", 1884),
        ("清光绪三十四年(1908)", 1908),
        ("清乾隆五十六年", 1791),
        ("[清康熙]四十二年刻本", 1703),
        ("宣統三年", 1911),
        ("明万历四十八年", 1620),
        ("昭和12年", 1937),
        ("２００３", 2003),
        ("清光绪间", 0),
        ("康熙壬寅", 0),  # 1662 and 1722: not said plainly
        ("光绪五十年", 0),  # the reign had 34
        ("19--", 0),
        ("12345", 0),
        ("", 0),
    ],
)
def test_the_year_that_a_printed_date_says(text: str, year: int) -> None:
    assert printed_year(text) == year


@pytest.mark.parametrize(
    ("text", "last"),
    [("1991-1995", 1995), ("1991-", 9999), ("[1991]-1995", 1995), ("1991—1995", 1995), ("1994", 0), ("2013-02-27", 0)],
)
def test_the_last_year_of_a_printed_range(text: str, last: int) -> None:
    assert printed_last(text) == last


@pytest.mark.parametrize(
    ("coded", "span"),
    [
        ("s1994    ", "1994"),
        ("m19912000", "1991/2000"),
        ("c18699999", "1869/9999"),
        ("c1957    ", "1957/9999"),
        ("cuuuu9999", ""),
        ("r19941911", "1994"),  # a reprint: the second date is the original's
        ("t20112010", "2011"),
        ("muuuu1990", ""),
        ("", ""),
        ("s", ""),
    ],
)
def test_a_coded_date(coded: str, span: str) -> None:
    assert coded_span(coded, "dikmqu", "c") == span


@pytest.mark.parametrize(
    ("coded", "span"),
    [
        ("s198u", "1980/1989"),
        ("s19uu", "1900/1999"),
        ("s19##", "1900/1999"),
        ("suuuu", ""),
        ("s1984", ""),
        ("s19u4", ""),
    ],
)
def test_a_coded_date_with_unknown_digits(coded: str, span: str) -> None:
    assert vague_span(coded) == span


@given(st.text(max_size=30))
def test_no_text_breaks_a_date(text: str) -> None:
    for span in (printed_span(text), vague_span(text), coded_span(text, "m", "c")):
        first, _, last = span.partition("/")
        assert not span or 800 <= int(first) <= 2100
        assert not last or int(last) > int(first)
