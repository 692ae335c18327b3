"""Years out of coded and printed dates. Plain Gregorian years first, then Chinese numerals, then years of a reign."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from mappings.translation_maps import load_map

OPEN_YEAR = 9999  # still published
_EARLIEST, _LATEST = 800, 2100

_GREGORIAN = re.compile(r"(?<!\d)(?:1\d{3}|20\d{2})(?!\d)")
_OLD_GREGORIAN = re.compile(r"(?<!\d)[89]\d{2}年")
_CHINESE_YEAR = re.compile(r"[一二][〇零○Ｏ一二三四五六七八九]{3}(?=年)?")
_DIGITS = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | {"零": "0", "○": "0", "Ｏ": "0", "元": "1"}
_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"


def _reigns() -> dict[str, tuple[int, int]]:
    """Name of a reign → its first year and its number of years, from translation_maps/reigns.yaml."""
    table = {}
    for name, values in load_map("reigns").items():
        start, length = str(values[0]).split("+")
        table[name] = int(start), int(length)
    return table


_REIGNS = _reigns()
_REIGN_YEAR = re.compile(
    "(" + "|".join(_REIGNS) + r")\s*[\])〕］]?\s*(?:(\d{1,2}|[元一二三四五六七八九十廿卅]{1,4})\s*年?"
    rf"|([{_STEMS}][{_BRANCHES}]))"
)


def coded_year(text: str) -> int:
    """Four coded characters (008/07-10, 100/9-12): a year, or 0 where a digit is unknown."""
    if len(text) == 4 and text.isdecimal() and text.isascii():
        year = int(text)
        return year if _EARLIEST <= year <= _LATEST or year == OPEN_YEAR else 0
    return 0


@lru_cache(maxsize=20_000)
def coded_span(text: str, ranges: str, open_: str) -> str:
    """A coded date in nine characters (type, date 1, date 2) as a span. The second date counts where the type is one of
    `ranges`, and an unknown one means still published where it is one of `open_`. "" where date 1 is not known."""
    kind, first, last = text[:1], coded_year(text[1:5]), coded_year(text[5:9])
    if not first or first == OPEN_YEAR:
        return ""
    if kind in open_ and kind.strip():
        return span(first, last or OPEN_YEAR)
    return span(first, last if kind in ranges else 0)


@lru_cache(maxsize=5_000)
def vague_span(text: str) -> str:
    """A coded date with unknown last digits: 198u → 1980/1989. "" where more is unknown or nothing."""
    date, unknown = text[1:5], text[3:5].replace("#", "u").replace("-", "u").replace("|", "u").replace(" ", "u")
    if not (date.isascii() and date[:2].isdecimal() and len(unknown) == 2 and unknown[-1] == "u"):
        return ""
    if unknown != "uu" and not unknown[0].isdecimal():
        return ""
    return span(coded_year(date[:2] + unknown.replace("u", "0")), coded_year(date[:2] + unknown.replace("u", "9")))


def span(first: int, last: int) -> str:
    """Years as one text: 1994, or 1991/1995, or 1991/9999; "" where the first is unknown."""
    if not first:
        return ""
    return f"{first}/{last}" if last > first else str(first)


@lru_cache(maxsize=50_000)
@lru_cache(maxsize=50_000)
def printed_span(text: str) -> str:
    """A printed date as a span: c2011, [1963], 1991-1995, 1991-, 民國二十五年."""
    return span(printed_year(text), printed_last(text))


@lru_cache(maxsize=50_000)
def printed_year(text: str) -> int:
    """The first year that a printed date says plainly, 0 where none: 2014.06, c2011, [1963], 民國二十五年, 光绪十年."""
    year = _gregorian(text)
    if year or text.isascii():
        return year
    text = unicodedata.normalize("NFKC", text)
    return _gregorian(text) or _chinese(text) or _of_reign(text)


@lru_cache(maxsize=50_000)
def printed_last(text: str) -> int:
    """The last year of a printed range (1991-1995), 9999 where it is open (1991-), 0 where it is no range."""
    years = [int(y) for y in _GREGORIAN.findall(text)]
    tail = text.rstrip(" ]>)")
    if years and tail.endswith(("-", "－", "—")):
        return OPEN_YEAR
    between = re.search(r"\d{4}\]?\s*[-－—~～/]\s*<?\[?(\d{4})", text)
    last = int(between.group(1)) if between else 0
    return last if years and years[0] < last <= _LATEST else 0


def _gregorian(text: str) -> int:
    bracket = text.find("[")
    # What the cataloguer adds in brackets is the year of our calendar: 1398 [2019], 1962 [i.e. 1963], 康熙5 [1666].
    found = (_GREGORIAN.search(text, bracket) if bracket >= 0 else None) or _GREGORIAN.search(text)
    if found:
        return int(found.group())
    old = _OLD_GREGORIAN.search(text)
    return int(old.group()[:-1]) if old else 0


def _chinese(text: str) -> int:
    found = _CHINESE_YEAR.search(text)
    if not found:
        return 0
    return coded_year("".join(_DIGITS[c] for c in found.group()))


def _of_reign(text: str) -> int:
    found = _REIGN_YEAR.search(text)
    if not found:
        return 0
    start, length = _REIGNS[found.group(1)]
    if found.group(3):  # 光绪甲申: the one such year of a cycle of sixty, if the reign saw it once only
        years = [y for y in range(start, start + length) if _cyclic(y) == found.group(3)]
        return years[0] if len(years) == 1 else 0
    number = _ordinal(found.group(2))
    return start + number - 1 if 1 <= number <= length else 0


def _cyclic(year: int) -> str:
    return _STEMS[(year - 4) % 10] + _BRANCHES[(year - 4) % 12]


def _ordinal(text: str) -> int:
    """元 1, 十 10, 二十五 25, 廿五 25, 二五 25."""
    if text.isdecimal():
        return int(text)
    text = text.replace("廿", "二十").replace("卅", "三十")
    if "十" in text:
        tens, _, ones = text.partition("十")
        if "十" in ones:
            return 0
        return int(_DIGITS.get(tens, "1" if not tens else "0")) * 10 + int(_DIGITS.get(ones, "0"))
    digits = "".join(_DIGITS.get(c, "") for c in text)
    return int(digits) if digits else 0
