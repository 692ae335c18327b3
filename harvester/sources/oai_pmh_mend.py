"""Mending the bytes of a page that is no well-formed XML, so that it can be parsed strictly.

Only what can't change the meaning of the markup is touched. Where a character was lost it becomes U+FFFD; where a
reference was rewritten, an invisible mark shows the reader which record it was in.
"""

from __future__ import annotations

import codecs
import re
from html.entities import html5
from xml.sax.saxutils import escape

from msgspec import Struct

REPLACED = "\ufffd"
MARK = "\ufdd0"
"""A code point that never is a character: it stands behind each mended reference until the record was read."""

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_ROOT = re.compile(r"<\?xml\b|<(?:[\w.-]+:)?OAI-PMH\b")
_END = re.compile(r"</(?:[\w.-]+:)?OAI-PMH\s*>")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
# CDATA and comments are taken whole: an ampersand is legal in them.
_AMPERSAND = re.compile(
    r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|&(?:#(?P<number>[0-9]{1,8}|x[0-9a-fA-F]{1,7});|(?P<name>[A-Za-z][A-Za-z0-9]{1,31});)?",
    re.DOTALL,
)
_HALVES = re.compile(r"&#(x?[0-9a-fA-F]{4,6});&#(x?[0-9a-fA-F]{4,6});")
_XML_NAMES = frozenset(("amp", "lt", "gt", "quot", "apos"))


class Mended(Struct, frozen=True):
    data: bytes  # UTF-8 without a declaration
    done: tuple[str, ...]  # what was done, for a person


def decode(body: bytes, charset: str = "") -> tuple[str, bool]:
    """The text in the bytes, by the charset given or declared, and whether every byte had a meaning."""
    name = charset
    if body[:3] == codecs.BOM_UTF8:
        body = body[3:]
        name = name or "utf-8"
    elif body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        name = name or "utf-16"
    declared = _DECLARED.match(body[:400])
    if not name and declared:
        name = declared[1].decode("ascii").lower()
    if name.lower() in ("gb2312", "gbk", "x-gbk"):
        name = "gb18030"  # pages that say so regularly hold characters of its later extensions
    try:
        codecs.lookup(name or "utf-8")
    except LookupError:
        name = "utf-8"
    try:
        text, whole = body.decode(name or "utf-8"), True
    except UnicodeDecodeError:
        text, whole = body.decode(name or "utf-8", "replace"), False
    return (_DECLARATION.sub("", text, count=1) if charset else text), whole


def mend(body: bytes, charset: str = "") -> Mended:
    """The page as UTF-8 that has a chance to be well-formed."""
    done: list[str] = []
    text, whole = decode(body, charset)
    if not whole:
        done.append("bytes outside its charset replaced")
    begin = _ROOT.search(text)
    if begin is not None and begin.start() > 0:
        text = text[begin.start() :]
        done.append("text before the page dropped")
    ends = list(_END.finditer(text))
    if ends and text[ends[-1].end() :].strip():
        text = text[: ends[-1].end()]
        done.append("text behind </OAI-PMH> cut off")
    text = _DECLARATION.sub("", text, count=1)
    text, illegal = _ILLEGAL.subn(REPLACED, text)
    if illegal:
        done.append(f"{illegal} illegal characters replaced")
    joined = _HALVES.sub(_join, text)
    mended = _AMPERSAND.sub(_reference, joined)
    if mended != text:
        done.append("bad references rewritten")
    return Mended(mended.encode("utf-8", "replace"), tuple(done))


def _number(reference: str) -> int:
    return int(reference[1:], 16) if reference[0] == "x" else int(reference) if reference.isdecimal() else 0


def _join(match: re.Match[str]) -> str:
    """A character outside the basic plane that was written as its two surrogates."""
    high, low = _number(match[1]), _number(match[2])
    if 0xD800 <= high < 0xDC00 and 0xDC00 <= low < 0xE000:
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)) + MARK
    return match[0]


def _reference(match: re.Match[str]) -> str:
    whole = match[0]
    if whole[0] == "<":
        return whole
    if match["number"]:
        number = _number(match["number"])
        legal = (
            number in (9, 10, 13)
            or 0x20 <= number < 0xD800
            or 0xE000 <= number < 0xFFFE
            or 0x10000 <= number < 0x110000
        )
        return whole if legal else REPLACED
    name = match["name"]
    if name in _XML_NAMES:
        return whole
    if name and f"{name};" in html5:  # &eacute; and its like: known in HTML, fatal in XML
        return escape(html5[f"{name};"]) + MARK
    return "&amp;" + MARK + whole[1:]
