"""The small parts of a citation in one form: volumes, issues, pages, dates, letters. Pure; never raises."""

from __future__ import annotations

import re
import unicodedata

from mappings.dates import printed_year
from mappings.text import clean, is_clean, trim
from routing.held_words import MONTHS, chinese_number

_NARROW = {wide: wide - 0xFEE0 for first, last in ("０９", "ＡＺ", "ａｚ") for wide in range(ord(first), ord(last) + 1)}
_NARROW[0x3000] = ord(" ")
_DASHES = re.compile(r"\s*[‐‑‒–—―−─－﹣~～至到-]+\s*")
_CHINESE_NUMBER = re.compile(r"[〇零一二三四五六七八九十百廿卅]{1,8}")
_ROMAN = re.compile(r"(?=[MDCLXVI]{2,})M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})|[IVX]")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

_VOLUME_WORDS = re.compile(
    r"(?:第|(?:volumes?|vols?|v|band|bd|tome|tom|t|jahrgang|jahrg|jg)(?![^\W\d])\.?|卷)\s*(?=[\dMDCLXVI〇零一二三四五六七八九十百廿卅])",
    re.IGNORECASE,
)
_ISSUE_WORDS = re.compile(
    r"(?:第|(?:issues?|iss|numbers?|nos?|nr|n°|heft|h)(?![^\W\d])\.?|[#期])\s*(?=[\d〇零一二三四五六七八九十百廿卅])",
    re.IGNORECASE,
)
_BOTH = (
    re.compile(r"第?\s*(\S{1,8}?)\s*卷[\s,，]*第?\s*([\d\-/〇零一二三四五六七八九十百廿卅]{1,9})\s*[期号號]"),
    re.compile(r"(?:v(?:ol(?:ume)?)?\.?\s*)?(\d{1,6})\s*[(（]\s*(\d{1,6}(?:\s*[-–/]\s*\d{1,6})?)\s*[)）]", re.I),
    re.compile(r"v(?:ol(?:ume)?)?\.?\s*(\d{1,6})[\s,:;]+(?:no|nr|iss(?:ue)?)\.?\s*(\d{1,6}(?:[-–/]\d{1,6})?)", re.I),
)
_YEAR_BEFORE = re.compile(r"((?:1[4-9]|20)\d\d)\s*(?:年|[,，:])\s*(?=\S)")
_PAGE_WORDS = re.compile(
    r"^(?:pages?|pp?|seiten?|s(?=\.)|页码?|頁碼?|第)(?![^\W\d])[.:：]?\s*|\s*(?:页|頁)$", re.IGNORECASE
)
_RANGE = re.compile(r"([A-Za-z]{0,3})(\d{1,9})-([A-Za-z]{0,3})(\d{1,9})")
_ISO_DATE = re.compile(
    r"(\d{4})(?:\s*[-./年]\s*(\d{1,2})(?!\d)(?:\s*[-./月]\s*(\d{1,2})(?!\d))?|(0[1-9]|1[0-2])(\d\d)(?!\d))?"
)
_WORD = re.compile(r"[^\W\d_]+")


def narrow(text: str) -> str:
    """NFC on one line, with digits and letters in ASCII: ２０１０年第３期 → 2010年第3期. Chinese punctuation stays."""
    if not text:
        return text
    return " ".join((text if is_clean(text) else clean(text)).translate(_NARROW).split())


def plain(text: str) -> str:
    """`narrow`, and without ISBD punctuation at the ends."""
    text = narrow(text)
    if not text:
        return text
    for _ in range(8):  # a mark may stand behind a mark
        shorter = trim(text)
        if shorter == text:
            break
        text = shorter
    return text


def folded(text: str) -> str:
    """Letters and digits only, in one case: for comparing, never for showing."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def number_of(text: str) -> str:
    """十二 → 12, XII → 12, 012 → 12; a range with one kind of dash; all else as it is."""
    text = _DASHES.sub("-", text.strip(" ,，.;；"))
    if _CHINESE_NUMBER.fullmatch(text):
        text = chinese_number(text)
    elif _ROMAN.fullmatch(text):
        values = [_ROMAN_DIGITS[letter] for letter in text]
        pairs = zip(values, [*values[1:], 0], strict=True)
        text = str(sum(-value if value < after else value for value, after in pairs))
    return re.sub(r"(?<!\d)0+(?=\d)", "", text) if re.fullmatch(r"[\d\-/]+", text) else text


def volume_of(text: str) -> str:
    """第12卷, v.12, Vol. XII → 12."""
    text = plain(text)
    if not text:
        return text
    bare = _VOLUME_WORDS.sub("", text, count=1) if _VOLUME_WORDS.match(text) else text
    return number_of(re.sub(r"(?<=[\d〇零一二三四五六七八九十百廿卅])\s*卷$", "", bare))


def issue_of(text: str) -> str:
    """第3期, no. 3 → 3; 3、4 and 3/4 → 3-4; 总第123期 → 总123."""
    text = plain(text)
    if not text:
        return text
    through = re.fullmatch(r"[总總]\s*第?\s*(\d+)\s*[期号號]?", text)
    if through:
        return f"总{int(through.group(1)[:9])}"
    bare = _ISSUE_WORDS.sub("", text, count=1) if _ISSUE_WORDS.match(text) else text
    bare = re.sub(r"(?<=[\d〇零一二三四五六七八九十百廿卅])\s*[期号號]$", "", bare)
    double = re.fullmatch(r"(\d{1,6})\s*[/、,，&+]\s*(\d{1,6})", bare)
    return number_of(f"{double.group(1)}-{double.group(2)}" if double else bare)


def volume_and_issue(volume: str, issue: str) -> tuple[str, str, str]:
    """Both in one form, and the year where it stood in the field of the issue: 12(3) → 12, 3; 2010年第3期 → 3, 2010."""
    volume, issue, year = plain(volume), plain(issue), ""
    dated = _YEAR_BEFORE.match(issue)
    if dated:
        year, issue = dated.group(1), issue[dated.end() :]
    for first, second in ((volume, issue), (issue, volume)):
        if second:
            continue
        both = next(filter(None, (form.fullmatch(first) for form in _BOTH)), None)
        if both:
            volume, issue = both.groups()
            break
    return volume_of(volume), issue_of(issue), year


def pages_of(text: str) -> str:
    """pp. 12–34 → 12-34, 第12-34页 → 12-34, 117-34 → 117-134; numbers of articles (e1234) and Roman ones stay."""
    text = plain(text)
    if not text:
        return text
    for _ in range(3):
        text = _PAGE_WORDS.sub("", text).strip()
    text = re.sub(r"\s*[,，、;；]\s*", ", ", _DASHES.sub("-", text))
    return plain(_RANGE.sub(lambda found: _whole_range(*found.groups()), text))


MOST_PAGES = 10_000
"""More than that no range of pages has: it is a slip of the pen."""


def count_pages(text: str) -> int:
    """Pages that are wanted: 12-34 are 23, 3-9, 12 are 8; 0 = that can't be told (e1234, xii-xx)."""
    pages = 0
    for part in pages_of(text).split(", "):
        found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if found is None:
            return 0
        first, last = int(found.group(1)), int(found.group(2) or found.group(1))
        if last < first:
            return 0
        pages += last - first + 1
    return pages if pages <= MOST_PAGES else 0


def _whole_range(letters: str, first: str, more_letters: str, last: str) -> str:
    if not more_letters and len(last) < len(first) and int(last) > int(first[-len(last) :]):
        last = first[: len(first) - len(last)] + last
    if (letters, first) == (more_letters, last):
        return letters + first
    return f"{letters}{first}-{more_letters}{last}"


def date_of(text: str) -> str:
    """2010, 2010-05 or 2010-05-12 where the date tells it in any of the usual ways, else as written."""
    text = plain(text)
    found = _ISO_DATE.match(text)
    if found and 1000 <= int(found.group(1)) <= 2100:
        year, *rest = (
            int(part)
            for part in (found.group(1), found.group(2) or found.group(4), found.group(3) or found.group(5))
            if part
        )
        return _iso(year, *rest)
    year = printed_year(text)
    if not year:
        return text
    month = next((MONTHS[word.lower()] for word in _WORD.findall(text) if word.lower() in MONTHS), 0)
    day = re.search(r"(?<!\d)(\d{1,2})(?!\d)", text) if month else None
    return _iso(year, month, int(day.group(1)) if day else 0)


def _iso(year: int, month: int = 0, day: int = 0) -> str:
    if not 1 <= month <= 12:
        return f"{year:04d}"
    return f"{year:04d}-{month:02d}-{day:02d}" if 1 <= day <= 31 else f"{year:04d}-{month:02d}"
