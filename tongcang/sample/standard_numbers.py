"""Standard numbers: check digits, hyphens, and numbers of ranges that nobody uses.

Invented publications get ISBNs 978-7-9900… to 978-7-99… (Chinese), 978-0-99… (western), ISSNs from 9000-000X,
CN numbers of the region 99, which doesn't exist, and unified book numbers (统一书号) of publishers 901 and higher.
"""

from __future__ import annotations

_STEP = 618_033  # coprime to a million: walks through all numbers of a block without order

# Length of the publisher's part by the digits after the group, of the ranges that ISBN agencies publish (shortened).
_PUBLISHER_LENGTHS = {
    "7": (("10", 2), ("50", 3), ("80", 4), ("90", 5), ("~", 6)),
    "0": (("20", 2), ("70", 3), ("85", 4), ("90", 5), ("95", 6), ("~", 7)),
    "1": (("10", 2), ("40", 3), ("55", 4), ("87", 5), ("99", 6), ("~", 7)),
}


def isbn13_check(first_twelve: str) -> str:
    total = sum(map(int, first_twelve[::2])) + 3 * sum(map(int, first_twelve[1::2]))
    return str(-total % 10)


def isbn10_check(first_nine: str) -> str:
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), first_nine, strict=True))
    return "0123456789X"[-total % 11]


def sample_isbn(number: int, *, chinese: bool) -> str:
    """The number-th ISBN (13 digits) of the sample ranges; different for all numbers below a million."""
    serial = number * _STEP % 1_000_000
    first = f"978799{serial:06d}" if chinese else f"978099{serial:06d}"
    return first + isbn13_check(first)


def hyphens(isbn: str) -> str:
    """An ISBN of 13 digits with hyphens, as printed in books. Groups other than 0, 1 and 7 stay as they are."""
    lengths = _PUBLISHER_LENGTHS.get(isbn[3])
    if lengths is None or not isbn.startswith("978"):
        return isbn
    pair = isbn[4:6]
    end = 4 + next(length for limit, length in lengths if pair < limit)
    return f"978-{isbn[3]}-{isbn[4:end]}-{isbn[end:12]}-{isbn[12]}"


def ten(isbn: str, hyphen: str = "-") -> str:
    """The ISBN of 10 digits of a hyphenated one of 13 (978 only)."""
    head = isbn[4:-1] if "-" in isbn else isbn[3:-1]
    return (head + isbn10_check(head.replace("-", ""))).replace("-", hyphen)


def thirteen(isbn: str) -> str:
    """13 digits of an ISBN of 10 or 13, with or without hyphens."""
    digits = isbn.replace("-", "")
    if len(digits) == 13:
        return digits
    return "978" + digits[:9] + isbn13_check("978" + digits[:9])


def issn_check(first_seven: str) -> str:
    total = sum(weight * int(digit) for weight, digit in zip(range(8, 1, -1), first_seven, strict=True))
    return "0123456789X"[-total % 11]


def sample_issn(number: int) -> str:
    first = f"{9_000_000 + number % 1_000_000:07d}"
    return f"{first[:4]}-{first[4:]}{issn_check(first)}"


def sample_cn(number: int, clc: str) -> str:
    return f"99-{1000 + number % 9000}/{clc[:2]}"


# First digits of a unified book number: its class in the scheme of 1956.
_UNIFIED_CLASS = {"A": 1, "B": 2, "D": 3, "E": 5, "F": 4, "G": 7, "H": 9, "I": 10, "J": 8, "K": 11, "N": 13, "O": 13}
_UNIFIED_CLASS |= {"P": 12, "Q": 13, "R": 14, "S": 16, "T": 15, "U": 15, "V": 15, "X": 16, "Z": 17, "C": 6}


def sample_unified(number: int, clc: str, publisher: int) -> str:
    """A unified book number: class, publisher (3 digits), a point, serial number."""
    return f"{_UNIFIED_CLASS.get(clc[:1], 17)}{901 + publisher % 99}·{1 + number % 99_999}"


_DIGITS = "零一二三四五六七八九"


def chinese_number(value: int) -> str:
    """1–99 in Chinese figures (十, 二十五)."""
    tens, ones = divmod(value, 10)
    head = "" if tens == 0 else "十" if tens == 1 else _DIGITS[tens] + "十"
    return head + (_DIGITS[ones] if ones or not tens else "")
