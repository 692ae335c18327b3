"""Small cuts on the text of a field: ends, brackets, control characters. Nothing here folds case or script."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

ISBD_ENDS = " /:;,=،؛\t\r\n\u3000"
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\w+",
        "abt anon assoc bros ca cf co col comp corp dept dr ed eds enl esq etc fl gen geb govt hrsg inc ill jr jun "
        "ltd mme mr mrs ms no nos orig ph pseud pt pts publ rev sr sen ser st suppl transl univ verf vol vols p pp v",
    )
)
_BRACKETS = str.maketrans("", "", "[]［］〔〕")
_BLANKS = re.compile(r"\s+")

# Non-sorting marks (C1 0x88/0x89, 0x98/0x9C, "¬"), other controls, zero-width space, marks of direction, BOM.
_UNWANTED: dict[int, str | None] = dict.fromkeys((*range(32), *range(127, 160), 172))
_UNWANTED |= {9: " ", 10: " ", 13: " ", 0x85: " "}
_UNWANTED |= dict.fromkeys((8203, 8206, 8207, 8232, 8233, 65279, *range(55296, 57344)))


def is_clean(text: str) -> bool:
    """Whether `clean` would leave it alone; fast, and now and then wrong on the safe side."""
    if text.isascii():
        return text.isprintable()
    return text.isprintable() and "¬" not in text and unicodedata.is_normalized("NFC", text)


def clean(text: str) -> str:
    """NFC, without control characters, non-sorting marks and what XML indents with."""
    if not text.isprintable() or "¬" in text:
        text = _BLANKS.sub(" ", text.translate(_UNWANTED))
    return unicodedata.normalize("NFC", text)


def trim(text: str) -> str:
    """Without ISBD punctuation at the ends. A full stop stays behind an initial and behind an abbreviation."""
    text = text.strip(ISBD_ENDS)
    if "  " in text:
        text = " ".join(text.split())
    if not text or text[-1] != "." or text.endswith("..."):
        return text
    body = text[:-1]
    if body[-1:] in ")]":
        return body
    last = body.replace("(", " ").rsplit(" ", 1)[-1]
    if "." in last or (len(last) == 1 and last.isupper()):
        return text
    if last.lower() in _ABBREVIATIONS:
        return text
    return body.rstrip(ISBD_ENDS)


def unbracket(text: str) -> str:
    """Without square brackets, wherever they stand: [香港] → 香港. For places, publishers, editions."""
    if "[" in text or "]" in text or not text.isascii():
        text = text.translate(_BRACKETS)
    return trim(text)


_PARENTHESES = re.compile(r"[(（]([^()（）]*)[)）]")


def original_name(text: str) -> str:
    """A name in Latin letters that stands in parentheses behind a Chinese one: (Hughes, John M.). A dynasty or a
    nationality in Chinese, (唐), is none."""
    found = _PARENTHESES.search(text)
    name = (found.group(1) if found else text).strip(" ,")
    latin = sum(1 for character in name if character.isalpha() and character < "\u0250")
    return name if latin > 2 else ""


def unparenthesis(text: str) -> str:
    """(1638-1717) → 1638-1717"""
    return text.strip(" ()（）,.:;") + ("." if text.endswith("cent.") else "")


def split_joined(text: str) -> tuple[str, ...]:
    """Values that a cataloguer joined with semicolons: R473.59；R598.209."""
    if "；" in text:
        text = text.replace("；", ";")
    if ";" not in text:
        text = text.strip()
        return (text,) if text else ()
    return tuple(part.strip() for part in text.split(";") if part.strip())


def is_cjk(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"


def has_cjk(text: str) -> bool:
    return not text.isascii() and any(map(is_cjk, text))


def subject_headings(text: str) -> tuple[str, ...]:
    """Headings of one 606$a: several joined with "；", subdivisions joined with "－" or blanks (经济发展 概况 中国)."""
    if text.isascii():
        heading = trim(text)
        return (heading,) if heading else ()
    return tuple(filter(None, map(_subdivided, split_joined(text))))


def _subdivided(text: str) -> str:
    for dash in ("－－", "——", "－", "—"):
        if dash in text:
            text = text.replace(dash, "--")
    if " " in text and "--" not in text:
        words = text.split()
        if all(word[0].isdigit() or has_cjk(word) for word in words):
            return "--".join(words)
    return trim(text)


_PAGE_MARK = re.compile(r"页|頁|ページ|\bp\b|\bpp\b|\bpages?\b|\bleaves\b|\bS\b|\bSeiten\b|\bс\b", re.IGNORECASE)
_PLATES = re.compile(r"图版\s*\[?\d+\]?|圖版\s*\[?\d+\]?|\[\d+\]")
_NUMBER = re.compile(r"\d{1,5}")


@lru_cache(maxsize=20_000)
def pages(text: str) -> str:
    """The number of pages in a statement of extent: the largest before the last mark of pages, plates left out.

    422,图版[40]页 → 422; 3册(50,23,1942页) → 1942; xii, 276 pages → 276; 1 online resource (393 p.) → 393.
    """
    marks = list(_PAGE_MARK.finditer(text))
    if not marks:
        return ""
    before = text[: marks[-1].start()]
    numbers = _NUMBER.findall(_PLATES.sub(" ", before)) or _NUMBER.findall(before)
    return str(max(map(int, numbers))) if numbers else ""


_BARCODE_RANGE = re.compile(r"(.*?)(\d+)\s*[-－~～]\s*(\d+)", re.DOTALL)
_MOST_COPIES = 200


def barcodes(text: str) -> tuple[str, ...]:
    """Accession numbers, a range written out: 1683011-3 → 1683011, 1683012, 1683013 (DigitalPlatform/dp2#200)."""
    text = text.strip()
    found = _BARCODE_RANGE.fullmatch(text)
    if found is None:
        return (text,) if text else ()
    prefix, first, last = found.groups()
    if len(last) > len(first):
        return (text,)
    low, high = int(first), int(first[: len(first) - len(last)] + last)
    if not low <= high < low + _MOST_COPIES:
        return (text,)
    return tuple(f"{prefix}{number:0{len(first)}}" for number in range(low, high + 1))


_CLC = re.compile(r"[A-KN-VXZ][A-Z]{0,2}(?:[-0-9][-0-9.=+/:()\"“”<>\[\]A-Za-z]*)?")


@lru_cache(maxsize=50_000)
def clc(text: str) -> str:
    """A class of the 中图法, else "": F270-49, I222.742, TP311.56. A local subject in the same field is none."""
    code = unicodedata.normalize("NFKC", text).replace(" ", "").strip("*.,/")
    code = code[:1].upper() + code[1:]
    return code if _CLC.fullmatch(code) and (any(map(str.isdigit, code)) or len(code) <= 2) else ""
