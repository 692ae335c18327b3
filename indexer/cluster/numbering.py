"""Numbers of volumes and editions as one code, however they were written: 第三册 = 3 = III = vol. 3.

Input is folded text (indexer/text/fold.py). All functions are pure and cached: a catalogue writes the same few thousand
designations millions of times.
"""

from __future__ import annotations

import re
from functools import lru_cache

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "○": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000, "廿": 20, "卅": 30}
HAN_NUMERAL = "零一二三四五六七八九〇○两十百千廿卅"
_STEMS = {c: i for i, c in enumerate("甲乙丙丁戊己庚辛壬癸", 1)}
_POSITIONS = {"上": "<", "前": "<", "中": "=", "下": ">", "后": ">"}
_WORDS = {
    word: number
    for number, words in enumerate(
        (
            "first one", "second two", "third three", "fourth four", "fifth five", "sixth six", "seventh seven",
            "eighth eight", "ninth nine", "tenth ten", "eleventh eleven", "twelfth twelve",
        ),
        1,
    )
    for word in words.split()
}  # fmt: skip

_COUNTER = "册卷辑部编集篇分本回期号季函章"
_ROMAN = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})\Z")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_TOKEN = re.compile(
    rf"\d+|[{HAN_NUMERAL}]+|[上中下前后](?=[{_COUNTER}\W]|\Z)|[甲乙丙丁戊己庚辛壬癸](?=[{_COUNTER}\W]|\Z)|[a-z]+"
)
_V = re.compile(r"\bv(?=\.?\s*\d)")  # of "v. 12": no Roman five
_FILLER = re.compile(rf"[\W_第{_COUNTER}]|\b(?:vol|volume|vols|v|no|number|pt|part|book|bk|bd|band|tome|t|the)\b")

# A volume at the end of a title that has no part number of its own: 史记 第三册, 红楼梦（上）, Calculus, vol. 2.
_TAIL = re.compile(
    rf"(?:[\W_]*第\s*(?:\d+|[{HAN_NUMERAL}]+)\s*[{_COUNTER}]+"
    rf"|[\W_]*[上中下][册卷部编集篇]"
    rf"|\s*\((?:[上中下]|\d{{1,3}}|[{HAN_NUMERAL}]{{1,3}}|[ivx]+)[{_COUNTER}]?\)"
    rf"|[\W_]+[{HAN_NUMERAL}]{{1,3}}"
    rf"|[\W_]+(?:vol|volume|v|pt|part|bk|book|bd)\b\.?\s*(?:\d+|[ivxlc]+\b|[a-z]+))[\W_]*\Z"
)
# 第2版, 二版, 2nd ed., second edition, ed. 2.
_EDITION = re.compile(
    rf"(?:第?\s*(\d+|[{HAN_NUMERAL}]+)\s*[次年]?(?:修订|增订)?版)"
    r"|(?:(\d+)\s*(?:st|nd|rd|th|\.|e|er|re)?\s*\.?\s*(?:rev\S*\s*|enl\S*\s*|and\s*|ed\.?\s*(?=ed))*(?:ed|aufl|edn))"
    r"|(?:\b([a-z]+)\s+(?:rev\S*\s+)?ed)|(?:\bed\w*\.?\s*(\d+))"
)


def han_number(text: str) -> int:
    """The value of a Chinese numeral: 二十四 = 24, 一二〇 = 120, 一百二十 = 120."""
    if not any(c in _UNITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text) or 0)
    total = digit = 0
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif c in "廿卅":
            total, digit = total + _UNITS[c], 0
        else:
            total, digit = total + (digit or 1) * _UNITS[c], 0
    return total + digit


def roman_number(text: str) -> int:
    """The value of a Roman numeral in lower case; 0 = it is none."""
    if not text or not _ROMAN.match(text):
        return 0
    values = [_ROMAN_VALUES[c] for c in text]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


@lru_cache(maxsize=65536)
def volume_code(text: str) -> str:
    """Part number as a code: its numbers joined with dots; 上 中 下 are "<", "=", ">"; without a number, its words.

    "第三卷 第二册" = "3.2"; "vol. III" = "3"; "上册" = "<"; "" = no part number.
    """
    codes = []
    for token in _TOKEN.findall(_V.sub("", text)):
        first = token[0]
        if first.isdigit() and first.isascii():
            codes.append(str(int(token)))
        elif first in _POSITIONS:
            codes.append(_POSITIONS[first])
        elif first in _STEMS:
            codes.append(str(_STEMS[first]))
        elif first in HAN_NUMERAL:
            codes.append(str(han_number(token)))
        else:
            # A lone C is a letter far more often than a hundred.
            numeral = token in "ivx" or len(token) > 1
            number = _WORDS.get(token) or (roman_number(token) if numeral else 0)
            if number:
                codes.append(str(number))
    if codes:
        return ".".join(codes)
    return _FILLER.sub("", text)


def volumes_differ(a: str, b: str) -> bool:
    """Whether two codes (both given) are of different volumes. 上 may be counted as 1, 下 as any number from 2 on."""
    if a == b:
        return False
    for position, other in ((a, b), (b, a)):
        if other.isdigit():
            if position == "<":
                return other != "1"
            if position in ("=", ">"):
                return other == "1"
    return True


@lru_cache(maxsize=65536)
def split_volume(title: str) -> tuple[str, str]:
    """A folded title without the volume at its end, and the code of that volume ("" = it names none)."""
    found = _TAIL.search(title)
    if found is None or found.start() == 0:
        return title, ""
    return title[: found.start()], volume_code(found.group())


@lru_cache(maxsize=65536)
def edition_code(text: str) -> tuple[int, str]:
    """(number, kind) of a folded edition statement. 0 = not told; kind: "r" revised, "e" enlarged, "" neither."""
    number = 0
    found = _EDITION.search(text)
    if found:
        digits = next((group for group in found.groups() if group), "")
        if digits.isdigit() and digits.isascii():
            number = int(digits)
        elif digits[:1] in _DIGITS or digits[:1] in _UNITS:
            number = han_number(digits)
        else:
            number = _WORDS.get(digits, 0)
    elif text.startswith("初版"):
        number = 1
    elif text.startswith("再版"):
        number = 2
    kind = ""
    if "修订" in text or "修正" in text or "rev" in text or "校订" in text:
        kind = "r"
    elif "增订" in text or "增补" in text or "enl" in text or "expanded" in text:
        kind = "e"
    return number, kind
