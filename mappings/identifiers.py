"""Numbers of publications: recognised, checked, in their canonical form.

Checksums of ISBN by isbnlib, whose `get_canonical_isbn` found 3,679 of 3,692 real strings, more than its peers.
统一书号 and CN numbers follow the forms of GB/T 9999 and of Chinese books before 1987; no library knows them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from isbnlib import get_canonical_isbn

from mappings.model import Identifier
from mappings.text import trim

IDENTIFIER_TYPES = frozenset(
    ["isbn", "issn", "tyshuhao", "cn", "oclc", "lccn", "calis", "nlc", "control", "doi", "ismn", "standard", "other"]
)  # of the model
READINGS = IDENTIFIER_TYPES | {"any", "system", "unified", "ean"}
"""What a crosswalk may call a number whose type its text decides: `any` (Dublin Core), `system` (035), `unified` (091:
统一书号 or CN), `ean` (an ISBN where it begins with 978)."""

_ISBN_DIGITS = re.compile(r"[0-9Xx]")
_ISSN = re.compile(r"(?<![0-9])(\d{4})[- ‐–]?(\d{3}[\dXx])(?![0-9])")
_TYSHUHAO = re.compile(r"(?:书号|書號|统一书号|統一書號)?\s*[:：]?\s*(\d{4,5})\s*[·.．•・‧-]\s*(\d{1,5})")
_CN = re.compile(r"(?<![0-9A-Z])(?:CN)?\s*(\d{2})\s*[-－—]\s*(\d{4})(/[A-Z]+\d*)?(?![\d])", re.IGNORECASE)
_OCLC = re.compile(r"(?:\(OCoLC\)\s*(?:oc[mn]|on)?|ocm|ocn|on)\s*0*(\d+)\s*")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_CALIS = re.compile(r"CAL\s*(\d{6,15})")
_NLC = re.compile(r"UCS\d{6,14}")
_ISMN = re.compile(r"(?:979-?0|M)[-0-9]{8,12}")
_CURRENCY = r"(?:CNY|RMBY?|HKD|HK\$|NTD?\$?|USD|US\$|GBP|EUR|JPY|[$￥¥£€])"
_PRICE = re.compile(
    rf"{_CURRENCY}\s*赠?\s*\d+(?:\.\d+)?\s*(?:元|円|圆)?|\d+(?:\.\d+)?\s*(?:元|円|圆)|\d+\.\d\d\b|{_CURRENCY}(?![A-Za-z])|\b赠\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"[(（\[]([^()（）\[\]]*)[)）\]]")
_SET = re.compile(
    r"\bset\b|全套|套装|套裝|[整成本]套|^套$|\(套\)|（套）|セット|全集|全书|全書|[全共][^一1壹\W]{1,3}[册冊卷辑輯本部]"
    r"|\b(?:complete|whole) (?:set|work)\b|\bGesamtwerk\b|\boeuvre complète\b",
    re.IGNORECASE,
)


def says_whole_set(qualifier: str) -> bool:
    """Whether the words beside an ISBN say that it stands for the whole set: 全套, （全三册）, set, v. 1-3 : set."""
    return bool(qualifier) and _SET.search(qualifier) is not None


@lru_cache(maxsize=50_000)
def qualifier_of(text: str) -> str:
    """The words about binding and scope in a qualifier or a price: "￥66.00（全三册）" → "全三册"."""
    words = _PRICE.sub(" ", text)
    for bracket in "()（）[]［］":
        words = words.replace(bracket, " ")
    return trim(" ".join(words.split()))


@lru_cache(maxsize=100_000)
def parse(reading: str, raw: str, qualifier: str = "", status: str = "valid") -> Identifier | None:
    """The identifier in a string of that reading, or None where it holds none. A wrong checksum gives status
    "invalid" and the value as written; `status` "cancelled" stays whatever the checksum says."""
    text = raw.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).strip()
    if not text:
        return None
    found = _PARSERS[reading](text)
    if found is None:
        return None
    type_, value, valid, inside = found
    qualifier = qualifier or inside
    if status == "valid" and not valid:
        status = "invalid"
    return Identifier(type_, value, qualifier, status, type_ == "isbn" and says_whole_set(qualifier))


_Found = tuple[str, str, bool, str]  # type, value, whether the checksum is right, qualifier in the same string


def _isbn(text: str) -> _Found | None:
    inside = _INSIDE.search(text)
    qualifier = inside.group(1).strip() if inside else ""
    bare = _INSIDE.sub(" ", text) if inside else text
    canonical = get_canonical_isbn(bare)
    if canonical:
        if canonical.strip("0X"):
            if not qualifier:
                qualifier = _behind_number(bare)
            return "isbn", _thirteen(canonical), True, qualifier
        return None
    if "." in bare or "·" in bare:
        other = _tyshuhao(bare)
        if other:
            return other
    digits = len(_ISBN_DIGITS.findall(bare))
    if digits < 8 or not bare.replace("-", "").strip("0 "):
        return _issn(bare) if digits == 8 and _ISSN.search(bare) else None
    if digits == 8:
        return _issn(bare)
    return "isbn", trim(bare.upper().removeprefix("ISBN").strip(" :")), False, qualifier


def _thirteen(canonical: str) -> str:
    """The 13 digits of an ISBN that isbnlib has found; its own conversion would check and search all over again."""
    if len(canonical) == 13:
        return canonical
    digits = "978" + canonical[:9]
    weighed = sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))
    return f"{digits}{-weighed % 10}"


def _behind_number(text: str) -> str:
    """0791458334 pbk. → pbk.; 978-7-101-10528-5 精装 → 精装"""
    head, _, tail = text.lstrip().partition(" ")
    if not tail or not any(map(str.isalpha, tail)) or not any(map(str.isdigit, head)):
        return ""
    return qualifier_of(tail)


def _issn(text: str) -> _Found | None:
    found = _ISSN.search(text)
    if found:
        value = f"{found.group(1)}-{found.group(2).upper()}"
        return "issn", value, _issn_checks(value), ""
    if len(_ISBN_DIGITS.findall(text)) >= 10:  # ISBNs stray into 011
        return _isbn(text)
    return None


def _issn_checks(value: str) -> bool:
    digits = value.replace("-", "")
    total = sum(int(d) * weight for d, weight in zip(digits[:7], range(8, 1, -1), strict=True))
    last = 10 if digits[7] == "X" else int(digits[7])
    return (total + last) % 11 == 0 and digits != "00000000"


def _tyshuhao(text: str) -> _Found | None:
    found = _TYSHUHAO.fullmatch(trim(text))
    return ("tyshuhao", f"{found.group(1)}·{found.group(2)}", True, "") if found else None


def _cn(text: str) -> _Found | None:
    found = _CN.search(text)
    if not found:
        return None
    return "cn", f"{found.group(1)}-{found.group(2)}{(found.group(3) or '').upper()}", True, ""


def _unified(text: str) -> _Found | None:
    """091: a 统一书号 for a book, a CN number for a serial."""
    return _tyshuhao(text) or _cn(text) or _other(text)


def _oclc(text: str) -> _Found | None:
    found = _OCLC.fullmatch(text)
    digits = found.group(1) if found else text.lstrip("0")
    return ("oclc", digits, True, "") if digits.isdecimal() else None


def _system(text: str) -> _Found | None:
    """035: the number of another system; OCLC's by its prefix."""
    found = _OCLC.fullmatch(text)
    if found:
        return "oclc", found.group(1), True, ""
    calis = _CALIS.search(text)
    if calis:
        return "calis", f"CAL {calis.group(1)}", True, ""
    if text.isdecimal():  # without the name of its system a plain number tells nothing
        return None
    return "control", " ".join(text.split()), True, ""


def _lccn(text: str) -> _Found | None:
    """Normal form of the Library of Congress: no blanks, nothing behind "/", the serial part six digits long."""
    value = text.replace(" ", "").partition("/")[0]
    if "-" in value:
        prefix, _, serial = value.partition("-")
        value = prefix + serial.zfill(6)
    if not any(map(str.isdigit, value)):
        return None
    return "lccn", value, True, ""


def _calis(text: str) -> _Found | None:
    found = _CALIS.search(text)
    return ("calis", f"CAL {found.group(1)}", True, "") if found else None


def _nlc(text: str) -> _Found | None:
    found = _NLC.search(text)
    return ("nlc", found.group(), True, "") if found else None


def _doi(text: str) -> _Found | None:
    found = _DOI.search(text)
    return ("doi", found.group().rstrip(".,;)").lower(), True, "") if found else None


def _ismn(text: str) -> _Found | None:
    found = _ISMN.search(text)
    if not found:
        return None
    digits = found.group().replace("-", "").replace("M", "9790")
    weighed = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return "ismn", digits, len(digits) == 13 and weighed % 10 == 0, ""


def _ean(text: str) -> _Found | None:
    digits = text.replace("-", "").replace(" ", "")
    if digits.startswith(("978", "9791", "9798")):
        return _isbn(text)
    return _ismn(text) or _other(text)


def _standard(text: str) -> _Found | None:
    return "standard", " ".join(text.split()), True, ""


def _control(text: str) -> _Found | None:
    return "control", " ".join(text.split()), True, ""


def _other(text: str) -> _Found | None:
    return "other", " ".join(text.split()), True, ""


def _any(text: str) -> _Found | None:
    """An identifier of Dublin Core. An address is none, it is a link; but a DOI may stand in one."""
    lower = text.lower()
    if "10." in lower and _DOI.search(text):
        return _doi(text)
    if "://" in lower:
        return None
    if lower.startswith(("urn:isbn:", "isbn")):
        return _isbn(text[9:] if lower.startswith("urn") else text)
    if lower.startswith(("urn:issn:", "issn")):
        return _issn(text[4:])
    if len(text) <= 24 and get_canonical_isbn(text) and len(_ISBN_DIGITS.findall(text)) in (10, 13):
        return _isbn(text)
    if len(text) == 9 and _ISSN.fullmatch(text):
        return _issn(text)
    return _tyshuhao(text) or _oclc_prefixed(text) or _other(text)


def _oclc_prefixed(text: str) -> _Found | None:
    found = _OCLC.fullmatch(text)
    return ("oclc", found.group(1), True, "") if found else None


_PARSERS: dict[str, Callable[[str], _Found | None]] = {
    "isbn": _isbn,
    "issn": _issn,
    "tyshuhao": _tyshuhao,
    "cn": _cn,
    "unified": _unified,
    "oclc": _oclc,
    "system": _system,
    "lccn": _lccn,
    "calis": _calis,
    "nlc": _nlc,
    "control": _control,
    "doi": _doi,
    "ismn": _ismn,
    "ean": _ean,
    "standard": _standard,
    "other": _other,
    "any": _any,
}
